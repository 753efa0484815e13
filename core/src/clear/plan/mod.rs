//! What is to go, as data: made from a listing, shown, saved, and applied now or later.

mod file;
mod parts;
mod room;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

pub use parts::{Act, Base, Fresh, Planned, Refusal, Totals};
use room::Room;

use super::{How, Outcome, Why, wire};
use crate::model::{Cancel, EntryKey, Progress, Record, Role, StoreInfo, Time, text};
use crate::source::FileType;
use crate::stores::{Collector, Detail, Removal, Scan, Store};
use crate::{Error, Result};

/// Version of the saved form; a plan of another version is not applied.
const VERSION: u32 = 1;
/// Bytes without an owner that are younger than this may be somebody's work in progress.
const FRESH_SECS: f64 = 24.0 * 3600.0;
/// Why such bytes stay.
const WORK_IN_PROGRESS: &str =
    "it was written less than 24 hours ago and may be somebody's work in progress";

/// Entries chosen to be cleared, with what must still be true of each when it happens.
///
/// A plan names keys, never paths: where an entry lies is asked of its backend when the plan is applied,
/// so a saved plan cannot lead out of its store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this form.
    pub version: u32,
    /// Names the plan. What it moves aside is named by itself each time that it is applied.
    pub id: String,
    /// The store's own folder or file.
    #[serde(with = "wire::path")]
    pub store: PathBuf,
    /// The path that the person opened; its parent holds the quarantine.
    #[serde(with = "wire::path")]
    pub opened_as: PathBuf,
    /// Kind of store.
    pub kind: String,
    /// What is to become of the entries.
    #[serde(default, skip_serializing_if = "Act::is_clear")]
    pub act: Act,
    /// When it was made.
    pub made: Time,
    /// What becomes of what may be somebody's work in progress.
    #[serde(default)]
    pub fresh: Fresh,
    /// Device and inode of the store's folder (of the folder it lies in, for a file).
    pub base: Base,
    /// What is to go, in this order.
    pub removals: Vec<Planned>,
    /// What was chosen and will stay, with the reason.
    pub refusals: Vec<Refusal>,
    /// What else there is to know before saying yes.
    pub notes: Vec<String>,
    /// The person's word that no program uses the store: it is changed where one is seen to have it open all the same.
    #[serde(default)]
    pub is_unused: bool,
    /// Names what one command clears, where that are several stores; undo brings all of it back at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<String>,
}

impl Plan {
    /// A plan to clear `records` from `store`. The disk is read, nothing is changed.
    ///
    /// # Errors
    /// If the store is gone, or the store's job was cancelled.
    pub fn new<'a>(store: &Store, records: impl IntoIterator<Item = Record<'a>>) -> Result<Self> {
        Self::with(store, records, Fresh::Stays)
    }

    /// As [`Plan::new`], where a person may have said what becomes of work in progress.
    ///
    /// # Errors
    /// If the store is gone, or the store's job was cancelled.
    pub fn with<'a>(
        store: &Store,
        records: impl IntoIterator<Item = Record<'a>>,
        fresh: Fresh,
    ) -> Result<Self> {
        let mut plan = Self::empty(store, Act::Clear)?;
        plan.fresh = fresh;
        let made = plan.made;
        let mut shared = Vec::new();
        let mut room = Room::default();
        for record in records {
            store.cancel.check()?;
            let planned = Planned::of(&record);
            match store.removal(&planned.key) {
                Ok(Removal::Shared { .. }) => shared.push(planned),
                Ok(_) if fresh == Fresh::Stays && is_fresh_orphan(&record, made) => {
                    plan.refuse(planned, Why::InProgress(WORK_IN_PROGRESS.to_owned()));
                }
                Ok(removal) => {
                    room.add(&removal, &planned);
                    plan.removals.push(planned);
                }
                Err(error) => plan.refuse(planned, Why::Other(error.message())),
            }
        }
        plan.add_shared(store, shared)?;
        if !plan.removals.is_empty() {
            let keys: Vec<&EntryKey> = plan.removals.iter().map(|p| &p.key).collect();
            plan.notes = store.notes(&keys)?;
        }
        plan.notes.extend(room.notes(store));
        Ok(plan)
    }

    /// A plan to give `records` a new time at which they expire. The disk is read, nothing is changed.
    ///
    /// # Errors
    /// If the store is gone, or the store's job was cancelled.
    pub fn keep<'a>(
        store: &Store,
        records: impl IntoIterator<Item = Record<'a>>,
        expires: Time,
    ) -> Result<Self> {
        let mut plan = Self::empty(store, Act::Expire(expires))?;
        for record in records {
            store.cancel.check()?;
            let planned = Planned::of(&record);
            let note = match store.removal(&planned.key) {
                Ok(Removal::Row(removal)) => removal.rules.expires.map(|expiry| expiry.note),
                Ok(_) => None,
                Err(error) => {
                    plan.refuse(planned, Why::Other(error.message()));
                    continue;
                }
            };
            let Some(note) = note else {
                let why = "this kind of store keeps no expiry that can be set";
                plan.refuse(planned, Why::Other(why.to_owned()));
                continue;
            };
            if let Some(note) = note
                && !plan.notes.iter().any(|known| known == note)
            {
                plan.notes.push(note.to_owned());
            }
            plan.removals.push(planned);
        }
        Ok(plan)
    }

    /// A plan for nothing yet.
    fn empty(store: &Store, act: Act) -> Result<Self> {
        let info = &store.info;
        let made = Time::now();
        Ok(Self {
            version: VERSION,
            id: new_id(made),
            store: info.path.clone(),
            opened_as: info.opened_as.clone(),
            kind: info.kind.to_owned(),
            act,
            made,
            fresh: Fresh::default(),
            base: base_of(store)?,
            removals: Vec::new(),
            refusals: Vec::new(),
            notes: Vec::new(),
            is_unused: false,
            together: None,
        })
    }

    /// Reads the values of rows and keys that neither a time nor an inode tells apart from others of their size,
    /// so that one written anew after this moment stays; and notes what undo could not bring back.
    ///
    /// What cannot be read is not pinned: the check before its removal says why.
    pub fn pin(&mut self, cancel: &Cancel) {
        let foreseen = super::apply::foresee(self, cancel);
        self.notes.extend(foreseen.notes());
        for (planned, pin) in self.removals.iter_mut().zip(foreseen.pins) {
            planned.content = pin;
        }
    }

    /// Says that these plans are carried out by one command.
    pub fn join(plans: &mut [Self]) {
        if let [first, _, ..] = plans {
            let id = first.id.clone();
            for plan in plans {
                plan.together = Some(id.clone());
            }
        }
    }

    /// Checks each entry as a clear would, and counts those that would stay among the refused ones.
    ///
    /// Where nothing can be checked, applying the plan says why.
    pub fn spare_what_stays(&mut self, cancel: &Cancel, progress: &Progress) {
        let mut stays: HashMap<EntryKey, Why> = HashMap::new();
        let mut hear = |planned: &Planned, outcome: Outcome| match outcome {
            Outcome::Skipped(why) => drop(stays.insert(planned.key.clone(), why)),
            Outcome::Failed(error) => {
                stays.insert(planned.key.clone(), Why::Other(error.message()));
            }
            Outcome::Ready | Outcome::Done => {}
        };
        let checked = super::apply(self, How::Check, None, cancel, progress, &mut hear);
        if let Err(error) = checked {
            log::info!("{error}");
        }
        for planned in std::mem::take(&mut self.removals) {
            match stays.remove(&planned.key) {
                Some(why) => self.refuse(planned, why),
                None => self.removals.push(planned),
            }
        }
    }

    /// Sums over what is to go.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for planned in &self.removals {
            totals.entries += 1;
            totals.bytes = totals.bytes.saturating_add(planned.bytes);
            totals.disk_bytes = totals.disk_bytes.saturating_add(planned.disk_bytes);
            match planned.duration_s {
                Some(duration) => totals.rebuild_s += duration,
                None => totals.n_unknown_duration += 1,
            }
        }
        totals
    }

    /// The store as the plan describes it.
    pub(super) fn info(&self) -> Result<Arc<StoreInfo>> {
        let kind = crate::stores::kinds()
            .find(|kind| *kind == self.kind)
            .ok_or_else(|| {
                Error::usage(
                    "Cannot use the plan",
                    format!("no backend is called {}", text::quoted(&self.kind)),
                )
            })?;
        Ok(Arc::new(StoreInfo::new(
            &self.store,
            &self.opened_as,
            kind,
            None,
        )))
    }

    fn refuse(&mut self, planned: Planned, why: Why) {
        self.refusals.push(Refusal {
            key: planned.key,
            key_label: planned.key_label,
            group_label: planned.group_label,
            bytes: Some(planned.bytes),
            why,
        });
    }

    /// Entries that share files go together or not at all: whether these are all of them is asked of the store.
    fn add_shared(&mut self, store: &Store, shared: Vec<Planned>) -> Result<()> {
        if shared.is_empty() {
            return Ok(());
        }
        let mut left = n_in_files(store)?;
        let file_of =
            |planned: &Planned| Some(store.removal(&planned.key).ok()?.path()?.to_owned());
        for planned in &shared {
            if let Some(left) = left.get_mut(&file_of(planned)) {
                *left = left.saturating_sub(1);
            }
        }
        for planned in shared {
            match left.get(&file_of(&planned)) {
                Some(0) => self.removals.push(planned),
                Some(n) => {
                    let reason = match n {
                        1 => "it shares its file with an entry that was not chosen".to_owned(),
                        n => format!("it shares its file with {n} entries that were not chosen"),
                    };
                    self.refuse(planned, Why::Other(reason));
                }
                None => {
                    let why = "it is no longer in the store".to_owned();
                    self.refuse(planned, Why::Other(why));
                }
            }
        }
        Ok(())
    }
}

fn is_fresh_orphan(record: &Record<'_>, now: Time) -> bool {
    // A row has no time of change: its other times say how long it has been there at least.
    let since = record.modified.or(record.created.max(record.accessed));
    record.role == Role::Orphan && since.is_none_or(|t| t.age_secs(now) < FRESH_SECS)
}

/// Identity of the folder that removals are relative to.
fn base_of(store: &Store) -> Result<Base> {
    let fail = |e| Error::io("Cannot open the store", &store.info.path, e);
    // A store named by the stem of its files has nothing at its own path.
    let is_dir = store
        .parent
        .stat(&store.name)
        .is_ok_and(|m| m.file_type == FileType::Dir);
    let meta = if is_dir {
        store.parent.stat(&store.name)
    } else {
        store.parent.stat_self()
    }
    .map_err(fail)?;
    Ok(Base {
        dev: meta.dev,
        ino: meta.ino,
    })
}

/// How many entries share each file.
fn n_in_files(store: &Store) -> Result<HashMap<Option<PathBuf>, usize>> {
    struct Counts<'a> {
        store: &'a Store,
        found: &'a Mutex<HashMap<Option<PathBuf>, usize>>,
    }
    impl Collector for Counts<'_> {
        fn record(&mut self, record: &Record<'_>) {
            if let Ok(removal @ Removal::Shared { .. }) = self.store.removal(&record.entry_key()) {
                let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                *found.entry(removal.path().map(Path::to_owned)).or_default() += 1;
            }
        }
        fn issue(&mut self, _issue: crate::model::Issue) {}
    }
    let found = Mutex::default();
    store.scan(&Scan {
        detail: Detail::Sizes,
        cancel: &store.cancel,
        progress: &Progress::default(),
        threads: 1,
        collector: &|| {
            Box::new(Counts {
                store,
                found: &found,
            })
        },
    })?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// True for a text of the form of [`new_id`], with a number behind it where two were made at once.
pub(crate) fn is_id(text: &str) -> bool {
    let form = "00000000T000000-ffffff";
    let is_like = |(c, of): (char, char)| match of {
        '0' => c.is_ascii_digit(),
        'f' => c.is_ascii_digit() || ('a'..='f').contains(&c),
        of => c == of,
    };
    let (text, number) = text.split_at_checked(form.len()).unwrap_or((text, ""));
    let is_number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    text.len() == form.len()
        && text.chars().zip(form.chars()).all(is_like)
        && (number.is_empty() || number.strip_prefix('-').is_some_and(is_number))
}

/// `20261123T185312-4f3a9c`: sorts by time, and two made in one second differ.
pub(super) fn new_id(made: Time) -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let text = Time::from_unix(made.secs(), 0).rfc3339();
    let stamp: String = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .filter(|c| *c != 'Z')
        .collect();
    let random = RandomState::new().hash_one(made.nanos()) & 0xff_ffff;
    format!("{stamp}-{random:06x}")
}
