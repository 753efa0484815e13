//! One million entries as joblib's would be, two generations, a thousand deltas: memory and work stay bounded.
//!
//! A test binary of its own, so that the process's peak memory is that of this test alone.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod million;

use std::sync::Arc;

use cachescope_core::model::Overlay;
use cachescope_core::ops::{Direction, Sort, SortBy};

const ENTRIES: u32 = 1_000_000;
const DELTAS: u32 = 1_000;

#[test]
fn a_million_entries_with_a_thousand_deltas_stay_within_350_mib() {
    let mut live = million::live(ENTRIES);
    let sort = Sort {
        by: SortBy::Accessed,
        direction: Direction::Descending,
    };
    let unchecked = Overlay::default();
    let mut order = sort.order(live.snapshot(), &unchecked, live.snapshot().rows());

    let bytes_an_entry = live.snapshot().heap_bytes() / ENTRIES as usize;
    assert!(bytes_an_entry <= 300, "{bytes_an_entry} bytes an entry");

    for round in 0..DELTAS {
        let before = Arc::clone(live.snapshot());
        let merged = live.apply(million::delta(round, ENTRIES));
        let now = live.snapshot();
        // The tail chunk, the next one when it is full, and at times a few that were mostly tombstones.
        let n_new = now.n_chunks() - now.n_chunks_shared_with(&before);
        assert!(n_new <= 6, "delta {round} made {n_new} chunks");
        order = sort.merge(&order, now, &unchecked, &merged.gone, merged.came);
    }

    let now = live.snapshot();
    assert_eq!(order.len() as u64, now.totals.entries);
    assert_eq!(order, sort.order(now, &unchecked, now.rows()));
    if let Some(peak) = peak_bytes() {
        assert!(peak < 350 << 20, "peak of {} MiB", peak >> 20);
    }
}

/// The most memory that this process ever had resident; `None` where the system does not say.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().unwrap();
    Some(kib << 10)
}
