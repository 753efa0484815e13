//! What a delta costs at one million entries: applying it, and merging it into a sorted order.

#[path = "../tests/million/mod.rs"]
mod million;

use std::hint::black_box;

use cachescope_core::model::Overlay;
use cachescope_core::ops::{Direction, Sort, SortBy};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const ENTRIES: u32 = 1_000_000;

fn deltas(criterion: &mut Criterion) {
    let mut live = million::live(ENTRIES);
    let mut round = 0;
    criterion.bench_function("apply a delta of 50 to 1,000,000 rows", |bench| {
        bench.iter_batched(
            || {
                round += 1;
                million::delta(round, ENTRIES)
            },
            |delta| black_box(live.apply(delta)),
            BatchSize::PerIteration,
        );
    });
}

fn orders(criterion: &mut Criterion) {
    let mut live = million::live(ENTRIES);
    let unchecked = Overlay::default();
    for by in [SortBy::Bytes, SortBy::Key, SortBy::Group, SortBy::Args] {
        let sort = Sort {
            by,
            direction: Direction::Descending,
        };
        let order = sort.order(live.snapshot(), &unchecked, live.snapshot().rows());
        let merged = live.apply(million::delta(1, ENTRIES));
        let now = live.snapshot();
        criterion.bench_function(&format!("sort 1,000,000 rows by {by:?}"), |bench| {
            bench.iter(|| sort.order(now, &unchecked, now.rows()));
        });
        criterion.bench_function(&format!("merge 50 rows into order by {by:?}"), |bench| {
            bench.iter(|| {
                let came = merged.came.iter().copied();
                sort.merge(&order, now, &unchecked, &merged.gone, came)
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = deltas, orders
}
criterion_main!(benches);
