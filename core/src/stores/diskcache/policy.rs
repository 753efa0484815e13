//! What diskcache itself would delete: `core.py: Cache.cull, Cache.expire, Cache.evict`, checked with 5.6.3.
//!
//! How much a deletion frees depends on how SQLite fills its pages, so culling is tried on a private copy,
//! statement by statement as diskcache does it.

use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};

use super::listing::entry_key;
use super::{Opened, Shard, listing};
use crate::model::{Cancel, EntryKey, Time, text};
use crate::sqlite;
use crate::stores::{LibraryPolicy, PolicyChoice, PolicyLimits, Store, Takes, policy};
use crate::{Error, Result};

pub(super) static POLICIES: [LibraryPolicy; 3] = [
    LibraryPolicy {
        name: CULL,
        about: "what Cache.cull would delete: the expired, then by its eviction policy until the size limit is met",
        takes: &[],
        has_binary_sizes: false,
    },
    LibraryPolicy {
        name: EXPIRE,
        about: "what Cache.expire would delete: all that is past its time",
        takes: &[],
        has_binary_sizes: false,
    },
    LibraryPolicy {
        name: EVICT,
        about: "what Cache.evict would delete: every entry of a tag",
        takes: &[Takes::Tag],
        has_binary_sizes: false,
    },
];

const CULL: &str = "diskcache:cull";
const EXPIRE: &str = "diskcache:expire";
const EVICT: &str = "diskcache:evict";

/// Rows that `Cache.expire` deletes at once.
const EXPIRE_BATCH: i64 = 100;
/// Rows that `Cache.cull` deletes at once.
const CULL_BATCH: i64 = 10;
/// `core.py: DEFAULT_SETTINGS`.
const SIZE_LIMIT: f64 = 1_073_741_824.0;

pub(super) fn choose(
    store: &Store,
    policy: &LibraryPolicy,
    limits: &PolicyLimits,
    now: Time,
    cancel: &Cancel,
) -> Result<PolicyChoice> {
    let opened = Opened::of(store)?;
    if let Some(issue) = opened.issues.first() {
        // Nothing is chosen by half of what the policy goes by.
        return Err(Error::unavailable(
            format!("Cannot choose by {}", policy.name),
            issue.message.clone(),
        )
        .at(&issue.path));
    }
    let mut choice = PolicyChoice::default();
    for shard in &opened.shards {
        cancel.check()?;
        match policy.name {
            CULL => cull(shard, now, cancel, &mut choice)?,
            EXPIRE => choice.keys.extend(expired(shard, now, cancel)?),
            EVICT => choice.keys.extend(tagged(shard, limits, cancel)?),
            name => return Err(policy::unknown(store, name)),
        }
    }
    Ok(choice)
}

/// Keys of some rows, in the order of their numbers as given.
fn keys_of(
    shard: &Shard,
    connection: &Connection,
    rowids: &[i64],
) -> rusqlite::Result<Vec<EntryKey>> {
    let mut statement =
        connection.prepare_cached("SELECT key, raw, tag FROM Cache WHERE rowid = ?")?;
    let mut keys = Vec::with_capacity(rowids.len());
    for rowid in rowids {
        let key = statement.query_row([rowid], |row| {
            Ok(entry_key(
                shard,
                row.get_ref(0)?,
                row.get_ref(1)?,
                row.get_ref(2)?,
            ))
        });
        keys.extend(key.optional()?);
    }
    Ok(keys)
}

/// `Cache.expire`. It goes on behind the last time it met, so rows of that very time in the next batch stay.
fn expired_rows(connection: &Connection, now: Time) -> rusqlite::Result<Vec<Vec<i64>>> {
    let mut select = connection.prepare(
        "SELECT rowid, expire_time FROM Cache WHERE ? < expire_time AND expire_time < ? \
         ORDER BY expire_time LIMIT ?",
    )?;
    let mut batches = Vec::new();
    let mut after = 0.0;
    loop {
        let rows = select.query_map(params![after, now.unix_f64(), EXPIRE_BATCH], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, f64>(1)?))
        })?;
        let rows: Vec<(i64, f64)> = rows.collect::<rusqlite::Result<_>>()?;
        let Some((_, last)) = rows.last() else {
            return Ok(batches);
        };
        after = *last;
        batches.push(rows.iter().map(|(rowid, _)| *rowid).collect());
    }
}

fn expired(shard: &Shard, now: Time, cancel: &Cancel) -> Result<Vec<EntryKey>> {
    shard.database.read(cancel, |view| {
        let rowids = expired_rows(view.connection, now)?.concat();
        Ok(keys_of(shard, view.connection, &rowids)?)
    })
}

fn tagged(shard: &Shard, limits: &PolicyLimits, cancel: &Cancel) -> Result<Vec<EntryKey>> {
    let Some(tag) = &limits.tag else {
        let why = "it goes by a tag";
        return Err(Error::usage("Cannot choose by diskcache:evict", why).hint("Give --tag"));
    };
    shard.database.read(cancel, |view| {
        let sql = "SELECT key, raw, tag FROM Cache WHERE tag IS NOT NULL ORDER BY rowid";
        let mut select = view.connection.prepare_cached(sql)?;
        let mut rows = select.query([])?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next()? {
            if listing::label_of_tag(row.get_ref(2)?) == *tag {
                keys.push(entry_key(
                    shard,
                    row.get_ref(0)?,
                    row.get_ref(1)?,
                    row.get_ref(2)?,
                ));
            }
        }
        Ok(keys)
    })
}

/// `Cache.cull`, on a copy.
fn cull(shard: &Shard, now: Time, cancel: &Cancel, choice: &mut PolicyChoice) -> Result<()> {
    let scratch = shard.database.scratch(cancel)?;
    let connection = scratch.connection();
    let explain = |e: rusqlite::Error| sqlite::explain(&e, &shard.database.path());
    let setting = |name: &str| number(connection, name).map_err(explain);
    let policy = connection
        .query_row(
            "SELECT value FROM Settings WHERE key = 'eviction_policy'",
            [],
            |row| Ok(row.get_ref(0)?.as_str().unwrap_or_default().to_owned()),
        )
        .optional()
        .map_err(explain)?
        .unwrap_or_default();
    let mut delete = |rowids: &[i64]| -> rusqlite::Result<()> {
        choice.keys.extend(keys_of(shard, connection, rowids)?);
        let marks = vec!["?"; rowids.len()].join(",");
        let sql = format!("DELETE FROM Cache WHERE rowid IN ({marks})");
        connection.execute(&sql, params_from_iter(rowids))?;
        Ok(())
    };
    for batch in expired_rows(connection, now).map_err(explain)? {
        delete(&batch).map_err(explain)?;
    }
    let Some(column) = evicted_by(&policy) else {
        choice.notes.push(format!(
            "its eviction policy is {}: diskcache deletes nothing but what is expired",
            text::brief(&policy)
        ));
        return Ok(());
    };
    let limit = setting("size_limit")?.unwrap_or(SIZE_LIMIT);
    let next = format!("SELECT rowid FROM Cache ORDER BY {column} LIMIT ?");
    while volume(connection).map_err(explain)? > limit {
        cancel.check()?;
        let rows: rusqlite::Result<Vec<i64>> = connection
            .prepare_cached(&next)
            .and_then(|mut select| select.query_map([CULL_BATCH], |row| row.get(0))?.collect());
        let rows = rows.map_err(explain)?;
        if rows.is_empty() {
            break;
        }
        delete(&rows).map_err(explain)?;
    }
    Ok(())
}

/// True for a policy of the library's (`core.py: EVICTION_POLICY`).
pub(super) fn is_known(policy: &str) -> bool {
    policy == "none" || evicted_by(policy).is_some()
}

/// The column that an eviction policy goes by (`core.py: EVICTION_POLICY`); `None` for `none`.
fn evicted_by(policy: &str) -> Option<&'static str> {
    match policy {
        "least-recently-stored" => Some("store_time"),
        super::row::LEAST_RECENTLY_USED => Some("access_time"),
        super::row::LEAST_USED => Some("access_count"),
        _ => None,
    }
}

/// `Cache.volume`: the pages of the database, and the value files.
#[expect(
    clippy::cast_precision_loss,
    reason = "as Python compares an int with a float"
)]
fn volume(connection: &Connection) -> rusqlite::Result<f64> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")?.saturating_mul(pragma("page_size")?);
    Ok(pages as f64 + number(connection, "size")?.unwrap_or(0.0))
}

/// A number of the settings.
fn number(connection: &Connection, name: &str) -> rusqlite::Result<Option<f64>> {
    let mut select = connection.prepare_cached("SELECT value FROM Settings WHERE key = ?")?;
    let value = select.query_row([name], |row| {
        Ok(row.get_ref(0)?.as_f64().ok().or_else(|| {
            #[expect(
                clippy::cast_precision_loss,
                reason = "as Python compares an int with a float"
            )]
            row.get_ref(0).ok()?.as_i64().ok().map(|n| n as f64)
        }))
    });
    Ok(value.optional()?.flatten())
}
