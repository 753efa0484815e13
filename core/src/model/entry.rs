//! One entry: its identity, and the record that a scan gives and a snapshot gives back.

use std::borrow::Cow;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, LazyLock};

use super::Time;

/// A group of entries: a function, a table, a tag, a shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    /// As shown and as queries match it: `pkg.mod.func`.
    pub label: Box<str>,
    /// As the backend finds it again (joblib: the folder below the store, `pkg/mod/func`); unique in a store.
    pub locator: Box<[u8]>,
}

impl Group {
    /// A group whose label is its locator.
    pub fn named(name: &str) -> Arc<Self> {
        Arc::new(Self {
            label: name.into(),
            locator: name.as_bytes().into(),
        })
    }
}

/// What a kind of store calls its groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupWord {
    /// One of them: `function`.
    pub one: &'static str,
    /// Several: `functions`.
    pub many: &'static str,
}

impl GroupWord {
    /// Where nothing says more.
    pub const GROUP: Self = Self::new("group", "groups");
    /// Calls of one function.
    pub const FUNCTION: Self = Self::new("function", "functions");
    /// Cached functions of one module.
    pub const MODULE: Self = Self::new("module", "modules");
    /// Modules of one package.
    pub const PACKAGE: Self = Self::new("package", "packages");
    /// Rows of one table.
    pub const TABLE: Self = Self::new("table", "tables");
    /// What was stored with one tag.
    pub const TAG: Self = Self::new("tag", "tags");

    const fn new(one: &'static str, many: &'static str) -> Self {
        Self { one, many }
    }
}

/// What names an entry in its store, stable over rescans.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct EntryKey {
    /// The group's locator; empty where a store has no groups.
    pub group: Box<[u8]>,
    /// The key as the backend encodes it.
    pub key: Box<[u8]>,
    /// Place among entries of one key, in files that hold several values; else 0.
    pub ordinal: u32,
}

/// A 128-bit name for an [`EntryKey`], good for maps and selections within this process.
///
/// The hash is seeded per process, so that no file can be made whose keys collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId([u64; 2]);

impl EntryId {
    /// The id of the entry that these three parts name.
    pub fn of(group: &[u8], key: &[u8], ordinal: u32) -> Self {
        static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0x00ca_c4e5_u32));
        let mut hash = xxhash_rust::xxh3::Xxh3::with_seed(*SEED);
        hash.update(&group.len().to_le_bytes());
        hash.update(group);
        hash.update(&ordinal.to_le_bytes());
        hash.update(key);
        let full = hash.digest128();
        let low = u64::try_from(full & u128::from(u64::MAX)).unwrap_or(0);
        let high = u64::try_from(full >> 64).unwrap_or(0);
        Self([low, high])
    }

    /// 64 of its bits, for hash tables that compare the key afterwards.
    pub fn short(self) -> u64 {
        let [low, _] = self.0;
        low
    }
}

impl EntryKey {
    /// Its id within this process.
    pub fn id(&self) -> EntryId {
        EntryId::of(&self.group, &self.key, self.ordinal)
    }
}

/// "Unchanged since": equal fingerprints mean that the stored value is the one that was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Fingerprint {
    /// Device of the file; 0 for rows.
    pub dev: u64,
    /// Inode of the file, or the row's rowid.
    pub ident: u64,
    /// Length in bytes of the file, or of the row's value; 0 for folders.
    pub size: u64,
    /// Packed time of the last change ([`Time::packed`]), or the store's own; 0 where there is none.
    pub modified: u64,
}

/// What was listed of an entry: as long as this stays, so does what was found out about it.
///
/// More than the stored value counts: a call is whole once its metadata came, a row expires later once it was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    fingerprint: Fingerprint,
    bytes: u64,
    files: u32,
    expires: Option<Time>,
}

impl Version {
    /// True if the store records when the value was written: another value has another version then. Where it does not,
    /// a value of the same length may have been put in its place.
    pub fn is_dated(&self) -> bool {
        self.fingerprint.modified != 0
    }
}

/// Which part an entry plays in its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// An entry that the program can look up.
    #[default]
    Entry,
    /// Bytes that no entry owns: shown by checks, never counted as an entry.
    Orphan,
}

/// Everything a listing knows about one entry, borrowed from a scan or from a snapshot.
///
/// `None` is "not recorded" or "not known", never 0.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// The group it belongs to.
    pub group: &'a Arc<Group>,
    /// The key as the backend encodes it; part of the entry's identity.
    pub key: &'a [u8],
    /// The key as people read it, where that differs from `key` as text.
    pub label: Option<&'a str>,
    /// Place among entries of one key; else 0.
    pub ordinal: u32,
    /// Entry or orphan.
    pub role: Role,
    /// Stored value bytes.
    pub bytes: u64,
    /// Of `bytes`, those in files beside the one that the fingerprint is of.
    pub side_bytes: u64,
    /// Bytes that its files take on the disk.
    pub disk_bytes: u64,
    /// Files that belong to it alone.
    pub files: u32,
    /// When it was first stored, as recorded or from the file.
    pub created: Option<Time>,
    /// When it was last written.
    pub modified: Option<Time>,
    /// When it was last read, as far as the file system or the store tell.
    pub accessed: Option<Time>,
    /// When it expires by the store's own rule; `None` for never or not recorded.
    pub expires: Option<Time>,
    /// Seconds that computing the value took.
    pub duration_s: Option<f64>,
    /// Hits as recorded by the store.
    pub hits: Option<u64>,
    /// Python's type name of the value, where the listing knows it.
    pub value_type: Option<&'a str>,
    /// Codec chain, outermost first, joined by " > ", where the listing knows it.
    pub codec: Option<&'a str>,
    /// The call's arguments as recorded.
    pub args: Args<'a>,
    /// Device of its files; 0 for rows.
    pub dev: u64,
    /// Inode or rowid, see [`Fingerprint`].
    pub ident: u64,
}

impl<'a> Record<'a> {
    /// A record that knows only what names it; the rest is "not known".
    pub fn new(group: &'a Arc<Group>, key: &'a [u8]) -> Self {
        Self {
            group,
            key,
            label: None,
            ordinal: 0,
            role: Role::Entry,
            bytes: 0,
            side_bytes: 0,
            disk_bytes: 0,
            files: 0,
            created: None,
            modified: None,
            accessed: None,
            expires: None,
            duration_s: None,
            hits: None,
            value_type: None,
            codec: None,
            args: Args::None,
            dev: 0,
            ident: 0,
        }
    }

    /// The key as people read it.
    pub fn key_text(&self) -> Cow<'a, str> {
        match self.label {
            Some(label) => Cow::Borrowed(label),
            None => super::text::from_bytes(self.key),
        }
    }

    /// Its id within this process.
    pub fn id(&self) -> EntryId {
        EntryId::of(&self.group.locator, self.key, self.ordinal)
    }

    /// Its identity, owned.
    pub fn entry_key(&self) -> EntryKey {
        EntryKey {
            group: self.group.locator.clone(),
            key: self.key.into(),
            ordinal: self.ordinal,
        }
    }

    /// What must still be true for what was found out about it to hold.
    pub fn version(&self) -> Version {
        Version {
            fingerprint: self.fingerprint(),
            bytes: self.bytes,
            files: self.files,
            expires: self.expires,
        }
    }

    /// What must still be true for it to be the same stored value.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            dev: self.dev,
            ident: self.ident,
            size: self.bytes.saturating_sub(self.side_bytes),
            modified: self.modified.map_or(0, Time::packed),
        }
    }
}

/// The arguments of a call: names and recorded `repr` texts.
#[derive(Debug, Clone, Copy, Default)]
pub enum Args<'a> {
    /// None recorded.
    #[default]
    None,
    /// As a scan read them, whole.
    Whole(&'a [(Cow<'a, str>, Cow<'a, str>)]),
    /// As a snapshot keeps them, possibly cut.
    Packed(super::chunk::PackedArgs<'a>),
}

impl<'a> Args<'a> {
    /// Name and text of each argument, in recorded order.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let (whole, packed) = match self {
            Self::None => (None, None),
            Self::Whole(list) => (Some(list), None),
            Self::Packed(packed) => (None, Some(packed)),
        };
        whole
            .into_iter()
            .flatten()
            .map(|(name, text)| (&**name, &**text))
            .chain(packed.into_iter().flat_map(super::chunk::PackedArgs::iter))
    }

    /// True if the snapshot dropped part of the text; the backend's details have the whole.
    pub fn is_cut(self) -> bool {
        matches!(self, Self::Packed(packed) if packed.is_cut())
    }
}
