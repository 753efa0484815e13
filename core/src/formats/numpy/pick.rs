//! Which elements of an array are looked at, along each axis, and what reading them will cost.

use std::ops::Range;

/// Elements along one axis: groups of `width`, one every `step`, `n` of them from `start` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) start: u64,
    /// No element from here on is picked: the last group may be short.
    pub(super) end: u64,
    pub(super) step: u64,
    pub(super) width: u64,
}

/// Bytes between two picked ones that are read through rather than jumped over: a page of the system's cache.
pub(super) const GAP: u64 = 4096;

/// What visiting one element costs, in bytes of reading.
const VISIT: u64 = 4;

impl Pick {
    /// Every element of `range` as a group of its own.
    pub(super) fn each(range: &Range<u64>) -> Self {
        Self::groups(range, 1)
    }

    /// The elements of `range` in at most `n` groups that leave none out.
    pub(super) fn buckets(range: &Range<u64>, n: usize) -> Self {
        let len = range.end.saturating_sub(range.start);
        Self::groups(range, len.div_ceil((n as u64).max(1)).max(1))
    }

    /// Groups of `width` elements that leave none out.
    pub(super) fn groups(range: &Range<u64>, width: u64) -> Self {
        Self {
            start: range.start,
            end: range.end.max(range.start),
            step: width.max(1),
            width: width.max(1),
        }
    }

    /// Number of groups.
    pub(super) fn n(&self) -> u64 {
        (self.end - self.start).div_ceil(self.step)
    }

    /// True if every element between start and end is picked.
    pub(super) fn is_whole(&self) -> bool {
        self.width >= self.step
    }

    /// Elements of one group, the last one being short.
    pub(super) fn group(&self, number: u64) -> Range<u64> {
        let start = self.start.saturating_add(self.step.saturating_mul(number));
        start.min(self.end)..start.saturating_add(self.width).min(self.end)
    }
}

/// Bytes that are read for a pick, and how far they reach.
#[derive(Clone, Copy)]
struct Cost {
    read: u64,
    extent: u64,
    n_elements: u64,
}

impl Cost {
    /// `n` such stretches, one every `stride` bytes.
    fn times(self, n: u64, stride: u64) -> Self {
        if n <= 1 {
            return self;
        }
        let gap = stride.saturating_sub(self.extent);
        let read = if gap <= GAP {
            n.saturating_mul(self.read)
                .saturating_add((n - 1).saturating_mul(gap))
        } else {
            n.saturating_mul(self.read.max(GAP))
        };
        Self {
            read,
            extent: (n - 1).saturating_mul(stride).saturating_add(self.extent),
            n_elements: n.saturating_mul(self.n_elements),
        }
    }
}

/// What reading these picks costs, in bytes; `strides` are in bytes, `fast_first` names the axes from the one whose
/// elements lie side by side.
pub(super) fn cost(picks: &[Pick], strides: &[u64], item_size: u64, fast_first: &[usize]) -> u64 {
    let mut cost = Cost {
        read: item_size,
        extent: item_size,
        n_elements: 1,
    };
    for axis in fast_first {
        let (Some(pick), Some(stride)) = (picks.get(*axis), strides.get(*axis)) else {
            continue;
        };
        let width = pick.width.min(pick.end - pick.start);
        cost = cost.times(width, *stride);
        cost = cost.times(pick.n(), stride.saturating_mul(pick.step));
    }
    cost.read.max(cost.n_elements.saturating_mul(VISIT))
}

/// Leaves elements out, evenly, until the picks cost no more than `max_bytes`: first inside groups, then whole groups.
pub(super) fn thin(
    picks: &mut [Pick],
    strides: &[u64],
    item_size: u64,
    fast_first: &[usize],
    max_bytes: u64,
) {
    let page = (GAP / item_size.max(1)).max(1);
    while cost(picks, strides, item_size, fast_first) > max_bytes {
        let fastest = fast_first.first().copied();
        // Inside a page nothing is gained by leaving elements out.
        let least = |axis: usize| if Some(axis) == fastest { page } else { 1 };
        let widest = (0..picks.len())
            .filter(|axis| picks.get(*axis).is_some_and(|p| p.width > least(*axis)))
            .max_by_key(|axis| picks.get(*axis).map_or(0, |p| p.width / least(*axis)));
        if let Some(pick) = widest.and_then(|axis| picks.get_mut(axis)) {
            pick.width = (pick.width / 2).max(1);
            continue;
        }
        let Some(pick) = picks.iter_mut().max_by_key(|pick| pick.n()) else {
            return;
        };
        if pick.n() <= 1 {
            return;
        }
        pick.step = pick.step.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_leave_nothing_out() {
        let pick = Pick::buckets(&(10..1010), 300);
        assert_eq!((pick.n(), pick.step, pick.is_whole()), (250, 4, true));
        assert_eq!(pick.group(249), 1006..1010);
        assert_eq!(Pick::buckets(&(0..5), 300).n(), 5);
        assert_eq!(Pick::buckets(&(3..3), 300).n(), 0);
        assert_eq!(Pick::groups(&(0..10), 4).group(2), 8..10);
    }

    #[test]
    fn contiguous_reading_costs_its_bytes_and_scattered_reading_pages() {
        let whole = Pick::each(&(0..1000));
        assert_eq!(cost(&[whole, whole], &[8000, 8], 8, &[1, 0]), 8_000_000);
        let one = Pick::each(&(5..6));
        assert_eq!(cost(&[whole, one], &[8000, 8], 8, &[1, 0]), 1000 * GAP);
    }

    #[test]
    fn thinning_ends_at_the_budget_or_at_one_element() {
        let mut picks = [Pick::buckets(&(0..1 << 20), 512); 2];
        thin(&mut picks, &[8 << 20, 8], 8, &[1, 0], 64 << 20);
        assert!(cost(&picks, &[8 << 20, 8], 8, &[1, 0]) <= 64 << 20);
        let mut huge = [Pick::each(&(0..u64::MAX))];
        thin(&mut huge, &[1], 1, &[0], 1);
        assert_eq!(huge[0].n(), 1);
    }
}
