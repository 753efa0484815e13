//! The values of a file of pickles, each an entry: found in one pass, read alone afterwards.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::super::{NativeKey, Store};
use super::{open, unpacked};
use crate::formats::pickle::plain::{Place, plain};
use crate::formats::pickle::{self, SkimmedItem, SkimmedKey};
use crate::formats::repr::str_key_label;
use crate::formats::{PickleFile, PicklePart};
use crate::model::{
    Call, CallClass, Cancel, Condition, EntryId, EntryKey, Finding, Fingerprint, Limits, text,
};
use crate::source::{Meta, UntilCancelled};
use crate::{Error, Result};

/// Stands for a key that was not read; its ordinal tells it from others.
pub(super) const UNREAD: &str = "…";

/// Bytes that are unpacked, again and again from the front, for keys that have to be decoded to be named, where there is
/// no room for the unpacked file.
const MAX_UNPACKED: u64 = 2 << 30;

/// The entries of a file, found once for all that a job asks of it.
pub(super) struct Parts {
    /// The file as it is stored.
    pub(super) file: Arc<PickleFile>,
    pub(super) meta: Meta,
    path: PathBuf,
    pub(super) list: Vec<Part>,
    /// Place in `list` by key and ordinal.
    index: HashMap<EntryId, usize>,
    /// Keys that lie too deep in packed bytes to be named.
    pub(super) n_unread_keys: u64,
    /// The file as its parts are read, once one was asked for.
    readable: OnceLock<Arc<PickleFile>>,
    /// What Python would run for any of a dict's keys, as it loads the file whole.
    code_beside: OnceLock<Vec<Finding>>,
}

pub(super) struct Part {
    pub(super) label: Box<str>,
    /// Place among parts of one label: a dict's items can name a key twice.
    pub(super) ordinal: u32,
    pickle: usize,
    item: Option<usize>,
    /// Bytes of the part, behind any compression.
    pub(super) len: u64,
}

impl Parts {
    /// What the job that works on the store found of it, or finds now.
    ///
    /// # Errors
    /// If the file cannot be read, or the job was cancelled.
    pub(super) fn of(store: &Store, cancel: &Cancel) -> Result<Arc<Self>> {
        store.kept(|| {
            let file = open(store)?;
            let meta = *file.meta();
            let file = if let Some(content) = unpacked::at_hand(meta.fingerprint()) {
                PickleFile::of(content, &Limits::DEEP)
            } else {
                let bytes = Arc::new(UntilCancelled {
                    bytes: Arc::new(file),
                    cancel: cancel.clone(),
                });
                PickleFile::open(bytes, &Limits::DEEP)
            };
            cancel.check()?;
            let mut parts = Self {
                file: Arc::new(file),
                meta,
                path: store.info.path.clone(),
                list: Vec::new(),
                index: HashMap::new(),
                n_unread_keys: 0,
                readable: OnceLock::new(),
                code_beside: OnceLock::new(),
            };
            parts.find_all(cancel)?;
            Ok(parts)
        })
    }

    /// The file with its bytes where each part can be read alone, if there is room for that.
    fn readable(&self, cancel: &Cancel) -> Result<&Arc<PickleFile>> {
        if self.file.content.is_plain() {
            return Ok(&self.file);
        }
        if let Some(file) = self.readable.get() {
            return Ok(file);
        }
        let content = unpacked::of(&self.file, self.fingerprint(), &self.path, cancel)?;
        Ok(self.readable.get_or_init(|| match content {
            Some(content) => Arc::new(self.file.read_from(content)),
            None => Arc::clone(&self.file),
        }))
    }

    fn fingerprint(&self) -> Fingerprint {
        self.meta.fingerprint()
    }

    /// Code that stands before, behind or around the items of a dict, which each key's own bytes do not show.
    pub(super) fn code_beside(&self, limits: &Limits) -> &[Finding] {
        self.code_beside.get_or_init(|| {
            let [only] = self.file.skim.pickles.as_slice() else {
                return Vec::new();
            };
            let Some(items) = only.items.as_ref().filter(|items| !items.is_empty()) else {
                return Vec::new();
            };
            let checked = pickle::check(&self.file.content, limits);
            let is_in_item = |offset: u64| {
                let next = items.partition_point(|item| item.start <= offset);
                let item = next.checked_sub(1).and_then(|at| items.get(at));
                item.is_some_and(|item| offset < item.end)
            };
            let code = |call: &&Call| call.class == CallClass::Code && !is_in_item(call.offset);
            let mut findings: Vec<Finding> =
                checked.calls.iter().filter(code).map(beside).collect();
            if !checked.is_read_to_end && findings.is_empty() {
                findings.push(Finding::new(
                    Condition::Fresh,
                    "the file was not read to the end",
                ));
            }
            findings
        })
    }

    fn find_all(&mut self, cancel: &Cancel) -> Result<()> {
        let file = Arc::clone(&self.file);
        let mut seen: HashMap<EntryId, u32> = HashMap::new();
        if let [only] = file.skim.pickles.as_slice()
            && let Some(items) = only.items.as_ref().filter(|items| !items.is_empty())
        {
            let mut n_left = MAX_UNPACKED;
            for (n, item) in items.iter().enumerate() {
                cancel.check()?;
                let label = match &item.key {
                    SkimmedKey::Text(text) => str_key_label(text).into_owned(),
                    SkimmedKey::Int(n) => n.to_string(),
                    SkimmedKey::Other => {
                        let label = self.decoded_label(n, item, &mut n_left, cancel)?;
                        self.n_unread_keys += u64::from(label.is_none());
                        label.unwrap_or_else(|| UNREAD.to_owned())
                    }
                };
                let first = EntryId::of(&[], label.as_bytes(), 0);
                let ordinal = seen.entry(first).or_default();
                self.add(Part {
                    label: label.into(),
                    ordinal: *ordinal,
                    pickle: 0,
                    item: Some(n),
                    len: item.end.saturating_sub(item.start),
                });
                *ordinal += 1;
            }
            return Ok(());
        }
        for (n, pickle) in file.skim.pickles.iter().enumerate() {
            self.add(Part {
                label: n.to_string().into(),
                ordinal: 0,
                pickle: n,
                item: None,
                len: pickle.end.saturating_sub(pickle.start),
            });
        }
        Ok(())
    }

    /// The label of a key that has to be decoded; `None` where it lies too deep in packed bytes.
    fn decoded_label(
        &self,
        n: usize,
        item: &SkimmedItem,
        n_left: &mut u64,
        cancel: &Cancel,
    ) -> Result<Option<String>> {
        let PickleFile { content, skim } = &**self.readable(cancel)?;
        if !content.is_plain() {
            let Some(rest) = n_left.checked_sub(item.value_start) else {
                return Ok(None);
            };
            *n_left = rest;
        }
        let decoded = skim.decode_key(content, 0, n, &Limits::PREVIEW);
        Ok(decoded.map(|key| key.value.key_label(key.value.root())))
    }

    fn add(&mut self, part: Part) {
        let id = EntryId::of(&[], part.label.as_bytes(), part.ordinal);
        self.index.insert(id, self.list.len());
        self.list.push(part);
    }

    /// The key of a dict's item with its type; a pickle that is no dict's has its number as text.
    pub(super) fn native_key(
        &self,
        key: &[u8],
        ordinal: u32,
        cancel: &Cancel,
    ) -> Option<NativeKey> {
        let at = self.index.get(&EntryId::of(&[], key, ordinal))?;
        let part = self.list.get(*at)?;
        let Some(item) = part.item else {
            return Some(NativeKey::Text(key.to_vec()));
        };
        let items = self.file.skim.pickles.get(part.pickle)?.items.as_ref()?;
        match &items.get(item)?.key {
            SkimmedKey::Text(text) => Some(NativeKey::Text(text.as_bytes().to_vec())),
            SkimmedKey::Int(n) => Some(NativeKey::Int(*n)),
            SkimmedKey::Other => {
                let file = Arc::clone(self.readable(cancel).ok()?);
                let place = Place::Key(file, part.pickle, item);
                let pickle = plain(&place).ok()?;
                Some(NativeKey::of_pickle(pickle))
            }
        }
    }

    /// The part that an entry is; `None` where it is the file's one value, read from its first byte.
    pub(super) fn find(&self, entry: &EntryKey, cancel: &Cancel) -> Result<Option<PicklePart>> {
        let id = EntryId::of(&[], &entry.key, entry.ordinal);
        let part = self.index.get(&id).and_then(|at| self.list.get(*at));
        let part = part.ok_or_else(|| {
            let key = text::from_bytes(&entry.key);
            let what = format!("Cannot find the key {}", text::quoted(&key));
            Error::not_found(what, "the file does not hold it any more").at(&self.path)
        })?;
        if self.list.len() == 1 && part.item.is_none() {
            return Ok(None);
        }
        Ok(Some(PicklePart {
            file: Arc::clone(self.readable(cancel)?),
            pickle: part.pickle,
            item: part.item,
        }))
    }
}

fn beside(call: &Call) -> Finding {
    let name = text::brief(&call.name);
    let evidence = format!(
        "loading the file in Python would call {name} (at byte {}), whichever key is wanted",
        call.offset
    );
    Finding::new(Condition::CallsCode, evidence)
}
