//! Keys as a person writes them to the entries that they mean.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cachescope_core::model::{EntryKey, Issue, Record, Role, Row, StoreInfo, text};
use cachescope_core::scan::{Cancel, Collector, Detail, Progress, Scan};
use cachescope_core::stores::Store;

use super::listing::Listing;
use super::open;
use super::out::Failure;

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

/// Finds the entry that `args` name in one of the stores.
///
/// # Errors
/// Usage where it means none or several; otherwise what the stores said.
pub(super) fn pick(stores: &[Arc<StoreInfo>], args: &KeyArgs) -> Result<Picked, Failure> {
    let wanted = Wanted::of(args)?;
    if let (Wanted::Only, [info]) = (&wanted, stores)
        && let Some(picked) = whole(info)?
    {
        return Ok(picked);
    }
    let mut exact = Vec::new();
    let mut by_prefix = Vec::new();
    for info in stores {
        let store = open::open(info)?;
        for candidate in candidates(&store, &wanted)? {
            let list = if candidate.is_exact {
                &mut exact
            } else {
                &mut by_prefix
            };
            list.push((Arc::clone(info), candidate));
        }
    }
    let mut found = if exact.is_empty() { by_prefix } else { exact };
    if found.len() > 1 {
        return Err(ambiguous(&wanted, &found));
    }
    let Some((info, candidate)) = found.pop() else {
        return Err(Failure::usage(wanted.not_found(stores)));
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
        let mut exact = Vec::new();
        let mut by_prefix = Vec::new();
        for (at, listing) in listings.iter().enumerate() {
            for (row, record) in listing.snapshot.records() {
                let place = (Arc::clone(&listing.store.info), (at, row));
                match wanted.matches(&record) {
                    Some(true) => exact.push((place, Candidate::of(&record, true))),
                    Some(false) => by_prefix.push((place, Candidate::of(&record, false))),
                    None => {}
                }
            }
        }
        let mut found = if exact.is_empty() { by_prefix } else { exact };
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

    /// `Some(true)` for this very entry, `Some(false)` for one whose hash begins like it.
    fn matches(&self, record: &Record<'_>) -> Option<bool> {
        match self {
            Self::Only => Some(true),
            // Keys with a NUL are text, and go by their bytes all the same.
            Self::Bytes(bytes) => {
                (record.key == bytes || record.key_text().as_bytes() == bytes).then_some(true)
            }
            Self::Text(text) => {
                let key = record.key_text();
                if key == text.as_str() || in_group(text, record) == Some(&*key) {
                    return Some(true);
                }
                let part = in_group(text, record).unwrap_or(text);
                let is_head = !part.is_empty() && is_hash(&key) && key.starts_with(part);
                is_head.then_some(false)
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
    let of = |group: &str| text.strip_prefix(group)?.strip_prefix('/');
    of(&record.group.label).or_else(|| of(&text::from_bytes(&record.group.locator)))
}

/// joblib names entries by an MD5; the head of one is enough for people.
fn is_hash(key: &str) -> bool {
    key.len() == 32 && key.bytes().all(|b| b.is_ascii_hexdigit())
}

struct Candidate {
    entry: EntryKey,
    key: String,
    group: Option<String>,
    is_exact: bool,
}

impl Candidate {
    fn of(record: &Record<'_>, is_exact: bool) -> Self {
        Self {
            entry: record.entry_key(),
            key: record.key_text().into_owned(),
            group: super::lines::group_of(record).map(str::to_owned),
            is_exact,
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
    for (at, (_, candidate)) in found.iter().take(MAX_CANDIDATES).enumerate() {
        let shown = candidate.shown();
        message.push_str("\n  ");
        message.push_str(&shown);
        // "a" and "b/c", "a/b" and "c": only the key itself tells them apart.
        let is_other =
            |(n, (_, other)): (usize, &(_, Candidate))| n != at && other.shown() == shown;
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
fn candidates(store: &Store, wanted: &Wanted) -> Result<Vec<Candidate>, Failure> {
    struct Finder<'a> {
        wanted: &'a Wanted,
        found: &'a Mutex<Vec<Candidate>>,
    }
    impl Collector for Finder<'_> {
        fn record(&mut self, record: &Record<'_>) {
            if record.role != Role::Entry {
                return;
            }
            let Some(is_exact) = self.wanted.matches(record) else {
                return;
            };
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            // Past the list that is shown, more candidates only cost memory.
            if found.len() <= MAX_CANDIDATES || is_exact {
                found.push(Candidate::of(record, is_exact));
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
            found: &found,
        })
    };
    store.scan(&Scan {
        detail: Detail::Sizes,
        cancel: &Cancel::default(),
        progress: &Progress::default(),
        threads: cachescope_core::scan::threads(),
        collector: &collector,
    })?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}
