//! Policies to the entries that they choose: those of the libraries, and two that any store can be cleared by.

use std::collections::{HashMap, HashSet};

use super::query::units;
use crate::Result;
use crate::model::{Cancel, EntryId, Record, Role, Time};
use crate::stores::{self, PolicyLimits, Store};

/// A rule that chooses what is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// What the store's own library would delete.
    Library(&'static stores::LibraryPolicy),
    /// All but this many of each group: the ones stored last stay.
    Newest(u64),
    /// The cheapest to compute again for the bytes that they free, until so many bytes are free.
    Cheapest(u64),
}

/// What a policy chose.
#[derive(Debug, Default)]
pub struct Choice {
    /// Places among the candidates, in the order in which the policy took them.
    pub chosen: Vec<usize>,
    /// What there is to know of it.
    pub notes: Vec<String>,
}

/// Word that begins the policy that keeps the newest.
pub const NEWEST: &str = "newest";
/// Word that begins the policy that frees what is cheap to compute again.
pub const CHEAPEST: &str = "cheapest";

impl Policy {
    /// Reads a policy as people write it: `joblib:reduce_size`, `newest:3`, `cheapest:1GB`.
    ///
    /// # Errors
    /// Which policies there are, for a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(policy) = stores::policy_of(text) {
            return Ok(Self::Library(policy));
        }
        match text.split_once(':') {
            Some((NEWEST, n)) => units::count(n).map(Self::Newest),
            Some((CHEAPEST, size)) => units::size(size).map(Self::Cheapest),
            _ => {
                let names = stores::policies().map(|(policy, _)| policy.name);
                let names: Vec<_> = names.chain([("newest:N"), ("cheapest:SIZE")]).collect();
                Err(format!("there are {}", names.join(", ")))
            }
        }
    }

    /// True if it can choose in stores of that kind.
    pub fn is_for(self, kind: &str) -> bool {
        match self {
            Self::Library(policy) => stores::policies()
                .any(|(known, kinds)| known.name == policy.name && kinds.contains(&kind)),
            Self::Newest(_) | Self::Cheapest(_) => true,
        }
    }

    /// Chooses among `candidates`, entries of `store` as they were listed.
    ///
    /// # Errors
    /// If the store cannot be read, or the policy lacks what it goes by.
    pub fn choose(
        self,
        store: &Store,
        candidates: &[Record<'_>],
        limits: &PolicyLimits,
        now: Time,
        cancel: &Cancel,
    ) -> Result<Choice> {
        match self {
            Self::Library(policy) => {
                let choice = store.choose(policy, limits, now, cancel)?;
                Ok(found_among(candidates, choice))
            }
            Self::Newest(n) => Ok(all_but_newest(candidates, n)),
            Self::Cheapest(bytes) => Ok(cheapest(candidates, bytes)),
        }
    }
}

/// The library's choice as places among the candidates.
fn found_among(candidates: &[Record<'_>], choice: stores::PolicyChoice) -> Choice {
    let ids = candidates.iter().enumerate();
    let places: HashMap<EntryId, usize> = ids.map(|(at, record)| (record.id(), at)).collect();
    let found = choice.keys.iter().map(|key| places.get(&key.id()).copied());
    let mut seen = HashSet::new();
    Choice {
        chosen: found.flatten().filter(|at| seen.insert(*at)).collect(),
        notes: choice.notes,
    }
}

/// What is stored last is newest; an entry without a time is never old.
fn all_but_newest(candidates: &[Record<'_>], n: u64) -> Choice {
    let mut groups: HashMap<&[u8], Vec<(Time, usize)>> = HashMap::new();
    let mut n_unknown = 0_usize;
    for (at, record) in candidates
        .iter()
        .enumerate()
        .filter(|(_, r)| r.role == Role::Entry)
    {
        match record.created.or(record.modified) {
            Some(time) => groups
                .entry(&record.group.locator)
                .or_default()
                .push((time, at)),
            None => n_unknown += 1,
        }
    }
    let n = usize::try_from(n).unwrap_or(usize::MAX);
    let mut chosen = Vec::new();
    for mut entries in groups.into_values() {
        entries.sort_unstable();
        entries.truncate(entries.len().saturating_sub(n));
        chosen.extend(entries);
    }
    // Oldest first, whatever the group.
    chosen.sort_unstable();
    Choice {
        chosen: chosen.into_iter().map(|(_, at)| at).collect(),
        notes: stays(n_unknown, "no recorded time"),
    }
}

/// By seconds of computing for each byte, least first; what costs an unknown time may be dear.
fn cheapest(candidates: &[Record<'_>], wanted: u64) -> Choice {
    #[expect(clippy::cast_precision_loss, reason = "a price for an order")]
    let price = |record: &Record<'_>| Some(record.duration_s? / record.bytes as f64);
    let entries = candidates.iter().enumerate();
    let entries = entries.filter(|(_, record)| record.role == Role::Entry && record.bytes > 0);
    let (mut priced, mut n_unknown) = (Vec::new(), 0_usize);
    for (at, record) in entries {
        match price(record) {
            Some(price) => priced.push((price, at, record.bytes)),
            None => n_unknown += 1,
        }
    }
    priced.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut freed = 0_u64;
    let mut choice = Choice::default();
    for (_, at, bytes) in priced {
        if freed >= wanted {
            return choice;
        }
        freed = freed.saturating_add(bytes);
        choice.chosen.push(at);
    }
    if freed < wanted {
        let bytes = crate::model::text::size(freed);
        choice.notes.push(format!(
            "all that is priced frees {bytes}, less than was asked for"
        ));
        choice
            .notes
            .extend(stays(n_unknown, "no recorded compute time"));
    }
    choice
}

fn stays(n: usize, why: &str) -> Vec<String> {
    let entries = if n == 1 { "entry has" } else { "entries have" };
    (n > 0)
        .then(|| format!("{n} {entries} {why} and stay"))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Group;

    /// Entries of (group, bytes, stored at, seconds of computing); the places that go.
    fn check(entries: &[(&str, u64, Option<i64>, Option<f64>)], policy: &str, expected: &[usize]) {
        let groups: Vec<_> = entries
            .iter()
            .map(|(group, ..)| Group::named(group))
            .collect();
        let records: Vec<Record<'_>> = entries
            .iter()
            .zip(&groups)
            .map(|((_, bytes, stored, duration), group)| {
                let mut record = Record::new(group, b"k");
                record.bytes = *bytes;
                record.created = stored.map(|secs| Time::from_unix(secs, 0));
                record.duration_s = *duration;
                record
            })
            .collect();
        let choice = match Policy::parse(policy).unwrap() {
            Policy::Newest(n) => all_but_newest(&records, n),
            Policy::Cheapest(bytes) => cheapest(&records, bytes),
            Policy::Library(_) => unreachable!("libraries are asked with real stores"),
        };
        assert_eq!(choice.chosen, expected, "{policy}");
    }

    #[test]
    fn the_newest_of_each_function_stay() {
        let entries = [
            ("f", 1, Some(3), None),
            ("f", 1, Some(1), None),
            ("g", 1, Some(2), None),
            ("f", 1, None, None),
            ("f", 1, Some(2), None),
        ];
        check(&entries, "newest:1", &[1, 4]);
        check(&entries, "newest:2", &[1]);
        check(&entries, "newest:0", &[1, 2, 4, 0]);
        check(&entries, "newest:9", &[]);
    }

    #[test]
    fn the_cheapest_bytes_go_first_until_enough_are_free() {
        let entries = [
            ("f", 100, None, Some(10.0)),
            ("f", 100, None, Some(1.0)),
            ("f", 10, None, Some(0.5)),
            ("f", 1000, None, None),
            ("f", 0, None, Some(0.0)),
        ];
        check(&entries, "cheapest:1", &[1]);
        check(&entries, "cheapest:100", &[1]);
        check(&entries, "cheapest:101B", &[1, 2]);
        check(&entries, "cheapest:1GB", &[1, 2, 0]);
        check(&entries, "cheapest:0", &[]);
    }

    #[test]
    fn policies_are_told_by_their_names() {
        assert!(matches!(
            Policy::parse("joblib:reduce_size"),
            Ok(Policy::Library(_))
        ));
        let policy = Policy::parse("diskcache:cull").unwrap();
        assert!(
            policy.is_for("diskcache")
                && policy.is_for("diskcache-fanout")
                && !policy.is_for("joblib")
        );
        let said = Policy::parse("lru").unwrap_err();
        assert!(
            said.contains("joblib:reduce_size") && said.contains("newest:N"),
            "{said}"
        );
        assert!(Policy::parse("newest:x").is_err());
    }
}
