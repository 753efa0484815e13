//! Keys as a person writes them to the entries that they mean.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cachescope_core::model::{
    Cancel, EntryKey, Issue, Progress, Record, Role, Row, StoreInfo, text,
};
use cachescope_core::ops::query::Query;
use cachescope_core::stores::{Collector, Detail, KeyScope, Scan, Store};

use super::listing::{Listing, Wish};
use super::out::Failure;
use super::{Global, open};

/// How an entry is named on the command line.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct KeyArgs {
    /// The entry's key as `ls` prints it, or GROUP/KEY, or the head of a hash; not needed where there is one entry
    #[arg(value_name = "KEY")]
    key: Option<String>,

    /// The key's bytes in base64, for keys that are not text
    #[arg(long, value_name = "B", conflicts_with = "key")]
    key_base64: Option<String>,
}

/// One entry of one store.
pub(super) struct Picked {
    pub(super) store: Store,
    pub(super) entry: EntryKey,
    /// `None` for a file's one value as a whole.
    pub(super) key: Option<String>,
    pub(super) group: Option<String>,
}

/// Candidates that are listed when a key means several entries.
const MAX_CANDIDATES: usize = 10;

/// Finds the entry that `args` and the query name in one of the stores; one that cannot be read is told, and hides no
/// other.
///
/// # Errors
/// Usage where it means none or several; what a store said where none can be read.
pub(super) fn pick(
    stores: &[Arc<StoreInfo>],
    args: &KeyArgs,
    global: &Global,
) -> Result<Picked, Failure> {
    let wanted = Wanted::of(args)?;
    let query = global.query()?;
    if let (Wanted::Only, [info], true) = (&wanted, stores, query.is_empty())
        && let Some(picked) = whole(info)?
    {
        return Ok(picked);
    }
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for info in stores {
        let here = open::open(info).and_then(|store| candidates(store, &wanted, &query));
        match here {
            Ok(here) => found.extend(here.into_iter().map(|here| (Arc::clone(info), here))),
            Err(failure) => failed.push((info, failure)),
        }
    }
    if failed.len() == stores.len()
        && let Some((_, failure)) = failed.pop()
    {
        return Err(failure);
    }
    for (info, failure) in failed {
        open::report_failure(failure, info, global)?;
    }
    let mut found = best(found);
    if found.len() > 1 {
        return Err(ambiguous(&wanted, &found));
    }
    let Some((info, candidate)) = found.pop() else {
        let mut message = wanted.not_found(stores);
        if !query.is_empty() {
            message.push_str(". Only entries that match --query were looked at");
        }
        return Err(Failure::usage(message));
    };
    Ok(Picked {
        store: open::open(&info)?,
        entry: candidate.entry,
        key: Some(candidate.key),
        group: candidate.group,
    })
}

/// The one value of a file, also where its parts are entries (a pickled dict).
fn whole(info: &Arc<StoreInfo>) -> Result<Option<Picked>, Failure> {
    let store = open::open(info)?;
    let entry = store.whole()?;
    Ok(entry.map(|entry| Picked {
        store,
        entry,
        key: None,
        group: None,
    }))
}

/// Finds the entry that each of `wanted` means in the listed stores: the store's number and the row.
///
/// # Errors
/// Usage where one means no entry or several.
pub(super) fn pick_rows(
    listings: &[Listing],
    wanted: &[Wanted],
) -> Result<HashSet<(usize, Row)>, Failure> {
    let infos: Vec<Arc<StoreInfo>> = listings
        .iter()
        .map(|listing| Arc::clone(&listing.store.info))
        .collect();
    let mut picked = HashSet::new();
    for wanted in wanted {
        let mut found = Vec::new();
        for (at, listing) in listings.iter().enumerate() {
            for (row, record) in listing.snapshot.records() {
                let place = (Arc::clone(&listing.store.info), (at, row));
                if let Some(fit) = wanted.matches(&record, listing.store.key_scope()) {
                    found.push((place, Candidate::of(&record, fit)));
                }
            }
        }
        let mut found = best(found);
        if found.len() > 1 {
            let found: Vec<_> = found.into_iter().map(|((info, _), c)| (info, c)).collect();
            return Err(ambiguous(wanted, &found));
        }
        let Some(((_, row), _)) = found.pop() else {
            return Err(Failure::usage(wanted.not_found(&infos)));
        };
        picked.insert(row);
    }
    Ok(picked)
}

/// What is looked for.
pub(super) enum Wanted {
    /// The store's only entry.
    Only,
    Text(String),
    Bytes(Vec<u8>),
}

/// How well a person's words fit an entry, the best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Its hash begins like them.
    Head,
    /// They are its key, in some group: `GROUP/KEY` would say it too.
    Key,
    /// They say all that names it.
    Whole,
}

/// Those that the words fit best.
fn best<P>(mut found: Vec<(P, Candidate)>) -> Vec<(P, Candidate)> {
    let best = found.iter().map(|(_, candidate)| candidate.fit).max();
    found.retain(|(_, candidate)| Some(candidate.fit) == best);
    found
}

impl Wanted {
    fn of(args: &KeyArgs) -> Result<Self, Failure> {
        match (&args.key, &args.key_base64) {
            (Some(key), _) => Ok(Self::Text(key.clone())),
            (None, Some(base64)) => Self::of_base64(base64),
            (None, None) => Ok(Self::Only),
        }
    }

    /// A key as text.
    pub(super) fn of_text(key: &str) -> Self {
        Self::Text(key.to_owned())
    }

    /// A key's bytes.
    ///
    /// # Errors
    /// Usage, if it is no base64.
    pub(super) fn of_base64(text: &str) -> Result<Self, Failure> {
        BASE64_STANDARD.decode(text).map(Self::Bytes).map_err(|e| {
            Failure::usage(format!(
                "--key-base64 is no base64 ({e}). Copy key_base64 from `ls --json`"
            ))
        })
    }

    fn matches(&self, record: &Record<'_>, scope: KeyScope) -> Option<Fit> {
        match self {
            Self::Only => Some(Fit::Whole),
            // Keys with a NUL are text, and go by their bytes all the same.
            Self::Bytes(bytes) => {
                (record.key == bytes || record.key_text().as_bytes() == bytes).then_some(Fit::Whole)
            }
            Self::Text(text) => {
                let key = record.key_text();
                let in_group = in_group(text, record);
                if in_group == Some(&*key) {
                    return Some(Fit::Whole);
                }
                if key == text.as_str() {
                    // "b/x" is the key x of the group b, too: the key "b/x" of the group a has another name still.
                    let has_group = super::lines::group_of(record).is_some();
                    return Some(if has_group { Fit::Key } else { Fit::Whole });
                }
                let part = in_group.unwrap_or(text);
                let has_hashes = scope == KeyScope::Function && is_hash(&key);
                let is_head = has_hashes && !part.is_empty() && key.starts_with(part);
                is_head.then_some(Fit::Head)
            }
        }
    }

    fn not_found(&self, stores: &[Arc<StoreInfo>]) -> String {
        let places = stores
            .first()
            .map(|s| text::path(&s.path))
            .unwrap_or_default();
        match self {
            Self::Only => format!("The cache holds no entry. File: {places}"),
            Self::Text(key) => format!(
                "No entry has the key \"{}\". `ls` prints the keys there are. File: {places}",
                text::shown(key)
            ),
            Self::Bytes(_) => format!(
                "No entry has the key of --key-base64. `ls --json` prints key_base64. File: {places}"
            ),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Only => "Several entries are here: name one".to_owned(),
            Self::Text(key) => format!(
                "The key \"{}\" means several entries: write one of these",
                text::shown(key)
            ),
            Self::Bytes(_) => "The key means several entries: write one of these".to_owned(),
        }
    }
}

/// The part of `GROUP/KEY` behind a record's own group, written with points or as the folder shows it.
fn in_group<'t>(text: &'t str, record: &Record<'_>) -> Option<&'t str> {
    let of = |group: &str| {
        let rest = text.strip_prefix(group)?.strip_prefix('/')?;
        (!group.is_empty()).then_some(rest)
    };
    of(&record.group.label).or_else(|| of(&text::from_bytes(&record.group.locator)))
}

/// Results of functions are named by an MD5 of their arguments; the head of one is enough for people.
fn is_hash(key: &str) -> bool {
    key.len() == 32 && key.bytes().all(|b| b.is_ascii_hexdigit())
}

struct Candidate {
    entry: EntryKey,
    key: String,
    group: Option<String>,
    fit: Fit,
}

impl Candidate {
    fn of(record: &Record<'_>, fit: Fit) -> Self {
        Self {
            entry: record.entry_key(),
            key: record.key_text().into_owned(),
            group: super::lines::group_of(record).map(str::to_owned),
            fit,
        }
    }

    fn shown(&self) -> String {
        let key = text::shown(&self.key);
        match &self.group {
            Some(group) => format!("{}/{key}", text::shown(group)),
            None => key.into_owned(),
        }
    }
}

fn ambiguous(wanted: &Wanted, found: &[(Arc<StoreInfo>, Candidate)]) -> Failure {
    let mut message = wanted.shown();
    let mut stores = found.iter().map(|(info, _)| &info.path);
    let first = stores.next();
    let has_several = stores.any(|path| Some(path) != first);
    if has_several {
        message.push_str(", and the cache that holds it as PATH");
    }
    for (at, (info, candidate)) in found.iter().take(MAX_CANDIDATES).enumerate() {
        let shown = candidate.shown();
        message.push_str("\n  ");
        message.push_str(&shown);
        if has_several {
            message.push_str("  in ");
            message.push_str(&text::path(&info.path));
        }
        // "a" and "b/c", "a/b" and "c": only the key itself tells them apart.
        let is_other = |(n, (place, other)): (usize, &(Arc<StoreInfo>, Candidate))| {
            n != at && place.path == info.path && other.shown() == shown
        };
        if found.iter().enumerate().any(is_other) {
            let key = BASE64_STANDARD.encode(&candidate.entry.key);
            for part in ["  (--key-base64 ", &key, ")"] {
                message.push_str(part);
            }
        }
    }
    if found.len() > MAX_CANDIDATES {
        message.push_str("\n  …");
    }
    Failure::usage(message)
}

/// The entries of a store that could be meant.
fn candidates(store: Store, wanted: &Wanted, query: &Query) -> Result<Vec<Candidate>, Failure> {
    if query.is_empty() {
        return scanned(&store, wanted);
    }
    let scope = store.key_scope();
    let wish = Wish {
        query: query.clone(),
        only: Some(&|record| record.role == Role::Entry && wanted.matches(record, scope).is_some()),
        ..Wish::default()
    };
    let listing = Listing::read(store, &wish)?;
    let matched = listing.records().filter_map(|(record, _)| {
        let fit = wanted.matches(&record, scope)?;
        Some(Candidate::of(&record, fit))
    });
    Ok(matched.collect())
}

/// The same where no query narrows it: straight from the scan.
fn scanned(store: &Store, wanted: &Wanted) -> Result<Vec<Candidate>, Failure> {
    struct Finder<'a> {
        wanted: &'a Wanted,
        scope: KeyScope,
        found: &'a Mutex<Vec<Candidate>>,
    }
    impl Collector for Finder<'_> {
        fn record(&mut self, record: &Record<'_>) {
            if record.role != Role::Entry {
                return;
            }
            let Some(fit) = self.wanted.matches(record, self.scope) else {
                return;
            };
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            // Past the list that is shown, more candidates only cost memory.
            if found.len() <= MAX_CANDIDATES || fit != Fit::Head {
                found.push(Candidate::of(record, fit));
            }
        }

        fn issue(&mut self, _issue: Issue) {
            // Issues concern other entries, or show when this one is read.
        }
    }
    let found = Mutex::new(Vec::new());
    let collector = || -> Box<dyn Collector> {
        Box::new(Finder {
            wanted,
            scope: store.key_scope(),
            found: &found,
        })
    };
    store.scan(&Scan {
        detail: Detail::Sizes,
        cancel: &Cancel::default(),
        progress: &Progress::default(),
        threads: cachescope_core::stores::threads(),
        collector: &collector,
    })?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use cachescope_core::model::Group;

    use super::*;

    /// Places of the entries (group and key) that the words mean.
    fn check(entries: &[(&str, &str)], words: &str, expected: &[usize]) {
        let groups: Vec<_> = entries
            .iter()
            .map(|(group, _)| Group::named(group))
            .collect();
        let mut found = Vec::new();
        for (at, (group, (_, key))) in groups.iter().zip(entries).enumerate() {
            let record = Record::new(group, key.as_bytes());
            if let Some(fit) = Wanted::of_text(words).matches(&record, KeyScope::Function) {
                found.push((at, Candidate::of(&record, fit)));
            }
        }
        let best: Vec<usize> = best(found).into_iter().map(|(at, _)| at).collect();
        assert_eq!(best, expected, "{words}");
    }

    #[test]
    fn every_key_can_be_said() {
        let no_groups = [("", "/x"), ("", "x"), ("", "//x"), ("", "")];
        check(&no_groups, "/x", &[0]);
        check(&no_groups, "x", &[1]);
        check(&no_groups, "//x", &[2]);
        check(&no_groups, "/", &[]);
        let groups = [("a", "x"), ("a", "b/x"), ("b", "x"), ("b", "y")];
        check(&groups, "b/x", &[2]);
        check(&groups, "a/b/x", &[1]);
        check(&groups, "x", &[0, 2]);
        check(&groups, "y", &[3]);
        // Of two that are written the same both are candidates, told apart by their bytes.
        check(&[("a", "b/c"), ("a/b", "c")], "a/b/c", &[0, 1]);
        check(&[("", "b/x"), ("b", "x")], "b/x", &[0, 1]);
    }

    #[test]
    fn the_head_of_a_hash_is_the_last_resort() {
        let hash = "00112233445566778899aabbccddeeff";
        let other = "00112233445566778899aabbccddee00";
        check(&[("f", hash), ("f", other)], "0011", &[0, 1]);
        check(
            &[("f", hash), ("f", other)],
            "f/00112233445566778899aabbccddeef",
            &[0],
        );
        check(&[("f", hash), ("f", "0011")], "0011", &[1]);
    }
}
