//! A store as a whole, looked at as a doctor would: what is odd, why it matters, what can be done.

use crate::model::{Role, Snapshot, Time, text};
use crate::source::{AccessTimes, FileType, Meta};
use crate::stores::{Advice, Store, Topic};

/// What there is to say of `store`, whose listing is `snapshot`; what cannot be read is not said.
pub fn advice(store: &Store, snapshot: &Snapshot, now: Time) -> Vec<Advice> {
    let mut all = standing(store);
    all.extend(expired(store, snapshot, now));
    all.extend(left_over(store, snapshot));
    all.sort_by_key(|advice| advice.topic);
    all
}

/// What there is to say without a listing, by topic.
pub fn standing(store: &Store) -> Vec<Advice> {
    let mut all: Vec<Advice> = trust(store).into_iter().collect();
    let own = store.advice();
    // What the kind of store says of its figures is nearer to the point.
    let is_said = own.iter().any(|advice| advice.topic == Topic::Figures);
    all.extend(own);
    if !is_said {
        all.extend(figures(store));
    }
    all.sort_by_key(|advice| advice.topic);
    all
}

/// What anybody may write, anybody may make a program load.
fn trust(store: &Store) -> Option<Advice> {
    /// Write permission of others, and the bit that lets them remove only what is theirs.
    const OTHERS_WRITE: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    let has = |meta: &Meta, bits: u32| meta.mode.is_some_and(|mode| mode & bits != 0);
    let own = store.parent.stat(&store.name).ok();
    let is_open = own.as_ref().is_some_and(|meta| has(meta, OTHERS_WRITE));
    // A file in a folder that others may write into can be exchanged, whatever its own permissions are.
    let is_file = own
        .as_ref()
        .is_none_or(|meta| meta.file_type != FileType::Dir);
    let around = store.parent.stat_self().ok().filter(|_| is_file);
    let is_around_open = around.is_some_and(|m| has(&m, OTHERS_WRITE) && !has(&m, STICKY));
    let message = if is_open && !is_file {
        "Anyone on this computer may write into this folder, and so decide what a program that uses the cache \
         loads and runs. Take the permission away with chmod -R o-w"
    } else if is_open || is_around_open {
        "Anyone on this computer may change this file, and so decide what a program that uses the cache loads \
         and runs. Take the permission away with chmod o-w"
    } else {
        return None;
    };
    Some(Advice::new(Topic::Trust, &store.info.path, message))
}

fn expired(store: &Store, snapshot: &Snapshot, now: Time) -> Option<Advice> {
    let (mut n, mut bytes) = (0_usize, 0_u64);
    for (_, record) in snapshot.records() {
        if record.expires.is_some_and(|expires| expires <= now) {
            n += 1;
            bytes = bytes.saturating_add(record.bytes);
        }
    }
    let entries = if n == 1 { "entry is" } else { "entries are" };
    let size = text::size(bytes);
    let message = format!(
        "{n} {entries} past their time and still take {size}: condition:expired finds them"
    );
    (n > 0).then(|| Advice::new(Topic::Room, &store.info.path, message))
}

fn left_over(store: &Store, snapshot: &Snapshot) -> Option<Advice> {
    let orphans = snapshot
        .records()
        .filter(|(_, r)| r.role == Role::Orphan && r.files > 0);
    let (mut n, mut bytes) = (0_usize, 0_u64);
    for (_, record) in orphans {
        n += 1;
        bytes = bytes.saturating_add(record.disk_bytes);
    }
    let files = if n == 1 {
        "file belongs"
    } else {
        "files belong"
    };
    let size = text::size(bytes);
    let message = format!(
        "{n} {files} to no entry and take {size}: condition:orphan finds them after revalidating"
    );
    (n > 0).then(|| Advice::new(Topic::Room, &store.info.path, message))
}

fn figures(store: &Store) -> Vec<Advice> {
    let path = &store.info.path;
    let about_use = match store.access_times() {
        AccessTimes::Never => Some(
            "The disk is mounted with noatime: when an entry was last used is unknown, and the time shown is that of writing",
        ),
        AccessTimes::Relative => {
            Some("The disk is mounted with relatime: last use is known to within a day")
        }
        AccessTimes::Exact | AccessTimes::Unknown => None,
    };
    let is_uncounted = store.counters().is_ok_and(|counters| counters.is_empty());
    let about_hits = is_uncounted
        .then_some("This store records no hits and misses: what it earns can only be observed");
    let said = [about_use, about_hits].into_iter().flatten();
    said.map(|message| Advice::new(Topic::Figures, path, message))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::source::access_times;
    use crate::stores::open_all;

    /// How a disk is mounted says nothing of the times in a database.
    #[test]
    fn only_times_of_files_depend_on_the_mount() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
        for (path, is_of_files) in [("joblib/1.6.0", true), ("sqlite/diskcache-5.6", false)] {
            let info = open_all(&fixtures.join(path)).unwrap().remove(0);
            let expected = if is_of_files {
                access_times(&info.path)
            } else {
                AccessTimes::Exact
            };
            assert_eq!(
                Store::open(&info).unwrap().access_times(),
                expected,
                "{path}"
            );
        }
    }
}
