//! The memo: dense from 0 on, sparse beyond, because a three-byte opcode can name slot 4,294,967,295.

use std::collections::HashMap;

/// Values by slot number.
#[derive(Debug)]
pub(super) struct Memo<R> {
    dense: Vec<R>,
    /// Slots that were set before all below them were.
    sparse: HashMap<u64, R>,
    /// Number of slots that were set; also the slot that MEMOIZE takes next.
    count: u64,
    /// One past the highest slot that was set: Python 2 numbers from 1, so this is not the count.
    end: u64,
}

impl<R: Copy> Memo<R> {
    /// A memo that counts on from `count`; the slots below are not there.
    pub(super) fn starting_at(count: u64) -> Self {
        Self {
            dense: Vec::new(),
            sparse: HashMap::new(),
            count,
            end: count,
        }
    }

    /// Slots that hold something.
    pub(super) fn len(&self) -> usize {
        self.dense.len().saturating_add(self.sparse.len())
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
        usize::try_from(slot)
            .ok()
            .and_then(|i| self.dense.get(i))
            .or_else(|| self.sparse.get(&slot))
            .copied()
    }

    pub(super) fn put(&mut self, slot: u64, value: R) {
        self.end = self.end.max(slot.saturating_add(1));
        let next = self.dense.len() as u64;
        if slot == next {
            self.count += u64::from(self.sparse.remove(&slot).is_none());
            self.dense.push(value);
            self.adopt_sparse();
        } else if let Some(old) = usize::try_from(slot)
            .ok()
            .and_then(|i| self.dense.get_mut(i))
        {
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
            match self.sparse.remove(&(self.dense.len() as u64)) {
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
        assert_eq!(memo.len(), 2);
        assert_eq!(memo.get(u64::from(u32::MAX)), Some('z'));
        // MEMOIZE takes the number of slots set, as in `Modules/_pickle.c: load_memoize`.
        assert_eq!(memo.get(1), Some('a'));
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
            (memo.get(0), memo.get(2), memo.len()),
            (Some('b'), Some('e'), 3)
        );
    }
}
