//! A synthetic store for tests and benchmarks: entries of joblib's shape, and deltas that change them.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use cachescope_core::model::{
    Args, ChunkBuilder, Delta, Group, Live, Record, Snapshot, StoreInfo, Time,
};

/// A joblib store of that many entries, as a scan would have built it.
pub(crate) fn live(n_entries: u32) -> Live {
    let groups = groups();
    let mut builder = ChunkBuilder::default();
    let mut chunks = Vec::new();
    for n in 0..n_entries {
        if builder.is_full() {
            chunks.push(std::mem::take(&mut builder).finish());
        }
        with_record(&groups, n, 0, |record| builder.push(record));
    }
    chunks.push(builder.finish());
    let store = StoreInfo::new(Path::new("/s/joblib"), Path::new("/s"), "joblib", None);
    let snapshot = Snapshot::empty(Arc::new(store));
    Live::new(Arc::new(snapshot.extended(chunks, vec![], true)))
}

/// Fifty entries: twenty are new, twenty were computed again, ten are gone.
pub(crate) fn delta(round: u32, n_entries: u32) -> Delta {
    let groups = groups();
    let mut delta = Delta::default();
    let scattered = |n: u32| (round * 50 + n).wrapping_mul(48_271) % n_entries;
    for n in 0..20 {
        with_record(&groups, n_entries + round * 20 + n, round, |record| {
            delta.upsert(record);
        });
        with_record(&groups, scattered(n), round + 1, |record| {
            delta.upsert(record);
        });
    }
    for n in 20..30 {
        with_record(&groups, scattered(n), 0, |record| {
            delta.remove(record.entry_key());
        });
    }
    delta
}

fn groups() -> Vec<Arc<Group>> {
    (0..8)
        .map(|n| Group::named(&format!("pkg.features.step_{n}")))
        .collect()
}

/// Hash-like key, about 100 bytes of arguments, times and sizes that differ in each entry.
fn with_record(groups: &[Arc<Group>], n: u32, version: u32, mut f: impl FnMut(&Record<'_>)) {
    let Some(group) = groups.get(n as usize % groups.len()) else {
        return;
    };
    let hash = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let key = format!("{hash:032x}");
    let args = [
        (Cow::from("x"), Cow::from(format!("{:?}", [n; 6]))),
        (Cow::from("y"), Cow::from(n.to_string())),
        (Cow::from("verbose"), Cow::from("False")),
        (
            Cow::from("path"),
            Cow::from(format!("'/data/run-{}/part-{n:08}.csv'", n % 17)),
        ),
    ];
    let mut record = Record::new(group, key.as_bytes());
    let time = |offset: u32| {
        Some(Time::from_unix(
            1_700_000_000 + i64::from(n / 3 + offset),
            n,
        ))
    };
    record.bytes = u64::from(n % 5000 + version);
    record.disk_bytes = record.bytes.next_multiple_of(4096);
    record.files = 2;
    record.created = time(1);
    record.modified = time(2);
    record.accessed = time(n % 977 + version);
    record.duration_s = Some(f64::from(n % 1000) / 8.0);
    record.args = Args::Whole(&args);
    record.dev = 1;
    record.ident = u64::from(n) << 8;
    f(&record);
}
