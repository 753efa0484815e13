//! What a revalidation has found so far, counted for the message that ends it.

use cachescope_core::model::Condition;

use crate::text::{self, condition};

/// Entries by condition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Vec<(Condition, u64)>);

impl Tally {
    /// Counts an entry.
    pub(crate) fn add(&mut self, found: Condition) {
        match self.0.iter_mut().find(|(of, _)| *of == found) {
            Some((_, n)) => *n += 1,
            None => self.0.push((found, 1)),
        }
    }

    /// `136 entries checked: 132 fresh, 1 corrupt, 3 incomplete`.
    pub(crate) fn words(&self) -> String {
        let n_of = |found: Condition| {
            self.0
                .iter()
                .find(|(of, _)| *of == found)
                .map_or(0, |(_, n)| *n)
        };
        let all: u64 = self.0.iter().map(|(_, n)| n).sum();
        let entries = text::counted(all, "entry", "entries");
        let fresh = n_of(Condition::Fresh);
        if all == fresh {
            return format!("{entries} checked, all fresh");
        }
        let others = Condition::ALL
            .into_iter()
            .filter(|found| *found != Condition::Fresh);
        let parts: Vec<String> = std::iter::once(Condition::Fresh)
            .chain(others)
            .map(|found| (found, n_of(found)))
            .filter(|(_, n)| *n > 0)
            .map(|(found, n)| format!("{} {}", text::count(n), condition::word(found)))
            .collect();
        format!("{entries} checked: {}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_ends_with_how_many_of_each() {
        let mut tally = Tally::default();
        for _ in 0..1200 {
            tally.add(Condition::Fresh);
        }
        assert_eq!(tally.words(), "1,200 entries checked, all fresh");
        tally.add(Condition::Incomplete);
        tally.add(Condition::Corrupt);
        tally.add(Condition::Incomplete);
        let words = "1,203 entries checked: 1,200 fresh, 1 corrupt, 2 incomplete";
        assert_eq!(tally.words(), words);
    }
}
