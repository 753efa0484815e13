//! The memo: dense from its first slot on, sparse beyond, because a three-byte opcode can name slot 4,294,967,295.

use std::collections::HashMap;

/// Values by slot number.
#[derive(Debug)]
pub(super) struct Memo<R> {
    dense: Vec<R>,
    /// The first dense slot: Python 2 numbers from 1.
    base: u64,
    /// Slots that were set before all below them were.
    sparse: HashMap<u64, R>,
    /// Number of slots that were set; also the slot that MEMOIZE takes next.
    count: u64,
    /// One past the highest slot that was set, which is not the count where numbering began at 1.
    end: u64,
}

impl<R: Copy> Memo<R> {
    /// A memo that counts on from `count`; the slots below are not there.
    pub(super) fn starting_at(count: u64) -> Self {
        Self {
            dense: Vec::new(),
            base: 0,
            sparse: HashMap::new(),
            count,
            end: count,
        }
    }

    /// Slots' worth of room that it takes: one in the table costs about four in the row.
    pub(super) fn weight(&self) -> usize {
        let sparse = self.sparse.len().saturating_mul(4);
        self.dense.len().saturating_add(sparse)
    }

    fn place(&self, slot: u64) -> Option<usize> {
        usize::try_from(slot.checked_sub(self.base)?).ok()
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// One past the highest slot that was set.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn set_count(&mut self, count: u64) {
        self.count = count;
    }

    pub(super) fn get(&self, slot: u64) -> Option<R> {
        self.place(slot)
            .and_then(|i| self.dense.get(i))
            .or_else(|| self.sparse.get(&slot))
            .copied()
    }

    pub(super) fn put(&mut self, slot: u64, value: R) {
        self.end = self.end.max(slot.saturating_add(1));
        if slot == 1 && self.count == 0 {
            self.base = 1;
        }
        let next = self.base + self.dense.len() as u64;
        if slot == next {
            self.count += u64::from(self.sparse.remove(&slot).is_none());
            self.dense.push(value);
            self.adopt_sparse();
        } else if let Some(old) = self.place(slot).and_then(|i| self.dense.get_mut(i)) {
            *old = value;
        } else {
            self.count += u64::from(self.sparse.insert(slot, value).is_none());
        }
    }

    /// Sets the next free slot (MEMOIZE).
    pub(super) fn push(&mut self, value: R) {
        self.put(self.count, value);
    }

    fn adopt_sparse(&mut self) {
        while !self.sparse.is_empty() {
            let next = self.base + self.dense.len() as u64;
            match self.sparse.remove(&next) {
                Some(value) => self.dense.push(value),
                None => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_slot_costs_one_entry() {
        let mut memo = Memo::starting_at(0);
        memo.put(u64::from(u32::MAX), 'z');
        memo.push('a');
        // Neither slot is the first: both are in the table.
        assert_eq!(memo.weight(), 8);
        assert_eq!(memo.get(u64::from(u32::MAX)), Some('z'));
        // MEMOIZE takes the number of slots set, as in `Modules/_pickle.c: load_memoize`.
        assert_eq!(memo.get(1), Some('a'));
    }

    #[test]
    fn a_memo_that_numbers_from_one_is_as_dense_as_any() {
        let mut memo = Memo::starting_at(0);
        for slot in 1..=100 {
            memo.put(slot, slot);
        }
        assert_eq!((memo.weight(), memo.end()), (100, 101));
        assert_eq!(
            (memo.get(0), memo.get(1), memo.get(100)),
            (None, Some(1), Some(100))
        );
        memo.put(0, 7);
        assert_eq!((memo.get(0), memo.weight()), (Some(7), 104));
    }

    #[test]
    fn a_slot_written_twice_holds_the_second() {
        let mut memo = Memo::starting_at(0);
        memo.push('a');
        memo.put(0, 'b');
        memo.put(2, 'c');
        memo.put(1, 'd');
        memo.put(2, 'e');
        assert_eq!(
            (memo.get(0), memo.get(2), memo.weight()),
            (Some('b'), Some('e'), 3)
        );
    }
}
