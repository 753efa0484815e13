//! What kind of cache: one file per backend, and the one list of them.

mod advice;
mod backend;
mod belongs;
mod cachelib;
mod compaction;
mod dbm_dumb;
mod dbm_hash;
mod dbm_sqlite;
mod diskcache;
mod django_db;
mod django_file;
mod facts;
mod files;
mod follow;
mod function_source;
mod hishel;
mod hishel_files;
mod http;
mod joblib;
mod kinds;
mod langchain;
mod marshal;
mod native_key;
mod payload;
mod pickle;
mod policy;
mod probe;
mod pyc;
mod python;
mod recognise;
mod removal;
mod requests_cache;
mod requests_files;
mod rows;
mod scan;
mod search;
mod secrets;
mod sqlite;
mod sqlitedict;
mod store;
mod strangers;
mod value_reader;

pub use advice::{Advice, Topic};
pub use backend::{Backend, IsOwn};
pub use belongs::cache_with;
pub use compaction::Compaction;
pub(crate) use facts::ValueTimes;
pub use facts::{CheckOptions, Counted, Counters, Details};
pub use follow::{EntryFile, Follow, Ground, Part};
pub use function_source::{CachedSource, FoundSource, SourceToday};
use kinds::backends;
pub(crate) use kinds::follow_of;
pub(crate) use kinds::own_names;
pub use kinds::{can_compact, can_expire, group_title, group_word, hits_source, kinds};
pub use native_key::{KeyScope, KeyTypes, NativeKey};
pub use payload::Payload;
pub(crate) use payload::is_whole_pickle;
pub use policy::{
    LibraryPolicy, PolicyChoice, PolicyLimits, Takes, policies, policy_of, tag_policy,
};
pub(crate) use probe::reported;
pub use probe::running_programs;
pub use recognise::{Candidate, Confidence, Recognised, open_all, open_all_telling};
pub(crate) use recognise::{SEARCH, recognise};
pub(crate) use removal::{Dependent, Expiry, RowRules, ValueFiles};
pub use removal::{Guard, KeyForm, KeyRemoval, Removal, RowRemoval};
pub use scan::{Collector, Detail, Scan, threads};
pub(crate) use search::{Search, Skip};
pub use store::Store;
pub use value_reader::ValueReader;

/// Every backend; recognition asks them in this order and takes the surest.
static BACKENDS: &[&dyn Backend] = &[
    &joblib::Joblib,
    &probe::Probe,
    &pyc::Pyc,
    &marshal::Marshal,
    &pickle::Pickle,
    &dbm_dumb::DbmDumb,
    &dbm_hash::DbmHash,
    &diskcache::DiskCache,
    &django_file::DJANGO_FILE,
    &cachelib::CACHELIB,
    &dbm_sqlite::DBM_SQLITE,
    &requests_cache::REQUESTS_CACHE,
    &requests_files::REQUESTS_FILES,
    &sqlitedict::SQLITEDICT,
    &django_db::DJANGO_DB,
    &hishel::HISHEL,
    &hishel_files::HISHEL_FILES,
    &langchain::LANGCHAIN,
    &sqlite::SQLITE,
];
