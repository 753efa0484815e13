//! What `Memory.reduce_size` would delete: `joblib/_store_backends.py: get_items, _get_items_to_delete`,
//! checked with 1.2 and 1.6.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::names::{OUTPUT, is_entry_name};
use crate::model::{Cancel, EntryKey, Time};
use crate::source::{Dir, FileType};
use crate::stores::{LibraryPolicy, PolicyChoice, PolicyLimits, Store, Takes};
use crate::{Error, Result};

/// Folders nest no deeper than module and class names do.
const DEPTH: usize = 64;

pub(super) static POLICIES: [LibraryPolicy; 1] = [LibraryPolicy {
    name: "joblib:reduce_size",
    about: "what Memory.reduce_size would delete: the longest unread, until the rest fits",
    takes: &[Takes::Bytes, Takes::Entries, Takes::Age],
    has_binary_sizes: true,
}];

/// One entry as joblib measures it.
#[derive(Debug, Clone)]
struct Item {
    key: EntryKey,
    /// Sum of the files right in its folder.
    bytes: u64,
    /// Last access in microseconds, as Python's `datetime` keeps it.
    last_access_us: i64,
}

/// The rule of a range of joblib versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// 1.3 and newer.
    New,
    /// 1.2 and older, which know a limit of bytes alone and delete one entry more.
    Old,
}

pub(super) fn choose(
    store: &Store,
    limits: &PolicyLimits,
    is_old: bool,
    now: Time,
    cancel: &Cancel,
) -> Result<PolicyChoice> {
    if limits.bytes.is_none() && limits.entries.is_none() && limits.age_s.is_none() {
        let why = "it goes by a limit: of bytes, of entries or of age";
        return Err(Error::usage("Cannot choose by joblib:reduce_size", why)
            .hint("Give --to-size, --to-count or --older-than"));
    }
    let rule = match (is_old, limits.entries, limits.age_s) {
        (true, None, None) => Rule::Old,
        _ => Rule::New,
    };
    let mut items = Vec::new();
    let root = store.dir()?;
    walk(&root, (&mut Vec::new(), 0), &mut items, cancel)?;
    let version = match rule {
        Rule::New => "1.3 or newer",
        Rule::Old => "1.2 or older, which wrote this store",
    };
    let chosen = to_delete(items, limits, rule, now);
    Ok(PolicyChoice {
        keys: chosen.into_iter().map(|item| item.key).collect(),
        notes: vec![format!("chosen by the rule of joblib {version}")],
    })
}

/// `get_items`: each folder before those in it, in the order in which the system lists them.
fn walk(
    dir: &Dir,
    (group, depth): (&mut Vec<u8>, usize),
    items: &mut Vec<Item>,
    cancel: &Cancel,
) -> Result<()> {
    cancel.check()?;
    // In the system's own order: joblib keeps it among entries of one time.
    let mut names: Vec<OsString> = Vec::new();
    let listed = dir.list(|name, file_type| {
        if file_type == FileType::Dir {
            names.push(name.to_owned());
        }
    });
    // As `os.walk`, which passes over what it may not list.
    if listed.is_err() {
        return Ok(());
    }
    for name in &names {
        let Ok(below) = dir.open_dir(name) else {
            continue;
        };
        let bytes = name.as_encoded_bytes();
        if is_entry_name(bytes) {
            items.extend(item(&below, group, bytes));
        }
        let len = group.len();
        if len > 0 {
            group.push(b'/');
        }
        group.extend(bytes);
        if depth < DEPTH {
            walk(&below, (group, depth + 1), items, cancel)?;
        }
        group.truncate(len);
    }
    Ok(())
}

/// One entry; `None` where joblib takes it for one that is being deleted.
fn item(dir: &Dir, group: &[u8], key: &[u8]) -> Option<Item> {
    let mut bytes = 0_u64;
    for (name, file_type) in dir.names().ok()? {
        bytes = bytes.saturating_add(match file_type {
            FileType::Dir => 0,
            FileType::Link => followed(&dir.path().join(&name))?,
            _ => dir.stat(&name).ok()?.size,
        });
    }
    let output = dir.stat(OsStr::new(OUTPUT));
    let accessed = output.or_else(|_| dir.stat_self()).ok()?.accessed;
    Some(Item {
        key: EntryKey {
            group: group.into(),
            key: key.into(),
            ordinal: 0,
        },
        bytes,
        last_access_us: microseconds(accessed.unix_f64()),
    })
}

/// Size of what a link leads to, 0 if that is a folder; `None` if it leads nowhere.
fn followed(link: &Path) -> Option<u64> {
    let meta = std::fs::metadata(link).ok()?;
    Some(if meta.is_dir() { 0 } else { meta.len() })
}

/// `datetime.fromtimestamp`: the fraction is rounded half to even.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a time in microseconds takes 51 bits"
)]
fn microseconds(secs: f64) -> i64 {
    let whole = secs.floor();
    whole as i64 * 1_000_000 + ((secs - whole) * 1e6).round_ties_even() as i64
}

/// `_get_items_to_delete`.
fn to_delete(mut items: Vec<Item>, limits: &PolicyLimits, rule: Rule, now: Time) -> Vec<Item> {
    let total = items
        .iter()
        .fold(0_i128, |sum, item| sum + i128::from(item.bytes));
    let n_items = i128::try_from(items.len()).unwrap_or(i128::MAX);
    let over = |have: i128, limit: Option<u64>| limit.map_or(0, |limit| have - i128::from(limit));
    let (bytes_over, items_over) = (over(total, limits.bytes), over(n_items, limits.entries));
    let deadline = limits.age_s.map(|age| microseconds(now.unix_f64() - age));
    let is_overdue = |item: &Item| deadline.is_some_and(|deadline| deadline >= item.last_access_us);
    let fits = match rule {
        Rule::New => bytes_over <= 0 && items_over <= 0 && !items.iter().any(is_overdue),
        Rule::Old => bytes_over < 0,
    };
    if fits {
        return Vec::new();
    }
    // Stable, as Python's: entries of one time keep the order they were listed in.
    items.sort_by_key(|item| item.last_access_us);
    let (mut bytes, mut n) = (0_i128, 0_i128);
    items
        .into_iter()
        .take_while(|item| {
            let is_enough = match rule {
                Rule::New => bytes >= bytes_over && n >= items_over && !is_overdue(item),
                Rule::Old => bytes > bytes_over,
            };
            bytes += i128::from(item.bytes);
            n += 1;
            !is_enough
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(of: &[(u64, i64)]) -> Vec<Item> {
        let number = |n: usize| u8::try_from(n).unwrap();
        of.iter()
            .enumerate()
            .map(|(n, (bytes, last_access_us))| Item {
                key: EntryKey {
                    group: b"f".as_slice().into(),
                    key: [number(n)].as_slice().into(),
                    ordinal: 0,
                },
                bytes: *bytes,
                last_access_us: *last_access_us,
            })
            .collect()
    }

    /// Numbers of the items that go.
    fn check(rule: Rule, limits: &PolicyLimits, expected: &[u8]) {
        let three = items(&[(10, 3_000_000), (20, 1_000_000), (30, 2_000_000)]);
        let now = Time::from_unix(10, 0);
        let gone = to_delete(three, limits, rule, now);
        let gone: Vec<u8> = gone.iter().flat_map(|item| item.key.key.to_vec()).collect();
        assert_eq!(gone, expected, "{limits:?}");
    }

    #[test]
    fn the_longest_unread_go_by_the_rule_of_each_version() {
        let bytes = |bytes| PolicyLimits {
            bytes: Some(bytes),
            ..PolicyLimits::default()
        };
        for (limit, new, old) in [
            (61, &[][..], &[][..]),
            (60, &[], &[1]),
            (59, &[1], &[1]),
            (40, &[1], &[1, 2]),
            (39, &[1, 2], &[1, 2]),
            (10, &[1, 2], &[1, 2, 0]),
            (0, &[1, 2, 0], &[1, 2, 0]),
        ] {
            check(Rule::New, &bytes(limit), new);
            check(Rule::Old, &bytes(limit), old);
        }
        let entries = |n| PolicyLimits {
            entries: Some(n),
            ..PolicyLimits::default()
        };
        check(Rule::New, &entries(3), &[]);
        check(Rule::New, &entries(1), &[1, 2]);
        let age = |s| PolicyLimits {
            age_s: Some(s),
            ..PolicyLimits::default()
        };
        check(Rule::New, &age(9.5), &[]);
        check(Rule::New, &age(9.0), &[1]);
        check(Rule::New, &age(7.5), &[1, 2]);
        let both = PolicyLimits {
            entries: Some(2),
            age_s: Some(7.5),
            bytes: Some(100),
            tag: None,
        };
        check(Rule::New, &both, &[1, 2]);
    }

    #[test]
    fn times_are_rounded_as_python_does() {
        // datetime.fromtimestamp(t).microsecond of 3.13 for the two floats
        assert_eq!(microseconds(1_700_000_000.123_456_7), 1_700_000_000_123_457);
        assert_eq!(microseconds(-1.5), -1_500_000);
    }
}
