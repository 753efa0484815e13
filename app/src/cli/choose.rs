//! What is to go, as `clear` is told it: arguments to the entries of each store, and to plans.

use std::collections::HashSet;
use std::sync::Arc;

use cachescope_core::clear::{Fresh, Plan};
use cachescope_core::model::{Cancel, Condition, Record, Role, Row, StoreInfo, Time};
use cachescope_core::ops::policy::Policy;
use cachescope_core::ops::query::{Query, units};
use cachescope_core::ops::{Ceiling, least_recently_used};
use cachescope_core::stores::{self, PolicyLimits, Takes};

use super::check::Rules;
use super::listing::{Listing, Wish};
use super::out::Failure;
use super::pick::{self, Wanted};

/// Which entries are chosen; what is chosen in several ways must be chosen by all of them.
#[derive(Debug, clap::Args)]
pub(super) struct ChooseArgs {
    /// Entries by their key, as `ls` prints it, or GROUP/KEY, or the head of a hash
    #[arg(value_name = "KEY")]
    keys: Vec<String>,

    /// An entry by its key's bytes in base64, for keys that are not text
    #[arg(long, value_name = "B")]
    key_base64: Vec<String>,

    /// Entries that a check finds so: stale,expired,corrupt
    #[arg(long, value_name = "CONDITION", value_delimiter = ',', value_parser = condition)]
    condition: Vec<Condition>,

    /// Entries stored longer ago than this: 12h, 30d (with `joblib:reduce_size`: last used longer ago)
    #[arg(long, value_name = "AGE", value_parser = units::span_secs)]
    older_than: Option<f64>,

    /// Entries larger than this: 10k, 1GB
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    larger_than: Option<u64>,

    /// The longest unread, until what is left is not larger than this
    #[arg(long, value_name = "SIZE", value_parser = Size::parse)]
    to_size: Option<Size>,

    /// The longest unread, until no more than this many entries are left
    #[arg(long, value_name = "N")]
    to_count: Option<u64>,

    /// What a policy chooses: `joblib:reduce_size` (with --to-size, --to-count, --older-than), `diskcache:cull`,
    /// `diskcache:expire` and `requests-cache:expired` choose exactly what the library would delete; `newest:N`
    /// keeps the N newest of each function; `cheapest:SIZE` frees SIZE where computing again costs least
    #[arg(long, value_name = "POLICY", value_parser = Policy::parse)]
    policy: Option<Policy>,

    /// Entries of this tag, as `Cache.evict` of diskcache chooses them
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,

    /// Every entry
    #[arg(long)]
    all: bool,

    /// Also what is younger than 24 hours and may be somebody's work in progress: temporary files, bytes that no entry owns yet
    #[arg(long)]
    in_progress: bool,

    #[command(flatten)]
    rules: Rules,
}

fn condition(name: &str) -> Result<Condition, String> {
    Condition::from_name(name).ok_or_else(|| {
        format!(
            "there are {}",
            Condition::ALL.map(Condition::name).join(", ")
        )
    })
}

/// A size, which joblib would count by 1024 where it is written `1K`, `1M` or `1G`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    bytes: u64,
    binary: u64,
}

impl Size {
    /// # Errors
    /// What is wrong with it, for a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bytes = units::size(text)?;
        let is_joblibs = text.ends_with(['K', 'M', 'G', 'k']);
        let binary = if is_joblibs {
            units::size(&format!("{text}i"))?
        } else {
            bytes
        };
        Ok(Self { bytes, binary })
    }

    /// The bytes, by the reading that is asked for.
    pub(crate) fn counted(self, is_binary: bool) -> u64 {
        if is_binary { self.binary } else { self.bytes }
    }
}

/// How entries are chosen.
pub(super) struct Choice {
    keys: Vec<Wanted>,
    wish: Wish<'static>,
    conditions: Vec<Condition>,
    older_than: Option<f64>,
    larger_than: Option<u64>,
    ceiling: Ceiling,
    policy: Option<Policy>,
    tag: Option<String>,
    /// What the policy goes by.
    limits: PolicyLimits,
    fresh: Fresh,
    now: Time,
}

impl Choice {
    /// # Errors
    /// Usage, where nothing is chosen or what is chosen makes no sense.
    pub(super) fn of(args: &ChooseArgs, query: &Query) -> Result<Self, Failure> {
        let mut keys: Vec<Wanted> = args.keys.iter().map(|key| Wanted::of_text(key)).collect();
        for base64 in &args.key_base64 {
            keys.push(Wanted::of_base64(base64)?);
        }
        let has_conditions = !args.condition.is_empty() || query.needs().conditions;
        let is_chosen = args.all
            || has_conditions
            || !keys.is_empty()
            || !query.is_empty()
            || args.older_than.is_some()
            || args.larger_than.is_some()
            || args.to_size.is_some()
            || args.to_count.is_some()
            || args.policy.is_some()
            || args.tag.is_some();
        if args.rules.is_any() && !has_conditions {
            return Err(Failure::usage(
                "--expires-after, --source and --deep choose nothing by themselves. \
                 Say which conditions go, such as --condition expired,stale",
            ));
        }
        if !is_chosen {
            return Err(Failure::usage(
                "Nothing is chosen. Say what is to go: KEYs, --query, --condition, --older-than, --larger-than, \
                 --to-size, --to-count, --policy, --tag, or --all",
            ));
        }
        let wish = Wish {
            query: query.clone(),
            check: has_conditions.then(|| args.rules.options()).transpose()?,
            ..Wish::default()
        };
        // What the policy takes is its own; the rest narrows the choice as without it.
        let takes = |what| match args.policy {
            Some(Policy::Library(policy)) => policy.takes.contains(&what),
            _ => false,
        };
        let is_binary = matches!(args.policy, Some(Policy::Library(p)) if p.has_binary_sizes);
        let size = args.to_size.map(|size| size.counted(is_binary));
        let split = |what, value| {
            if takes(what) {
                (value, None)
            } else {
                (None, value)
            }
        };
        let (limit_bytes, bytes) = split(Takes::Bytes, size);
        let (limit_entries, entries) = split(Takes::Entries, args.to_count);
        let limit_age = args.older_than.filter(|_| takes(Takes::Age));
        Ok(Self {
            keys,
            wish,
            conditions: args.condition.clone(),
            older_than: args.older_than.filter(|_| limit_age.is_none()),
            larger_than: args.larger_than,
            ceiling: Ceiling { bytes, entries },
            policy: args.policy,
            tag: args.tag.clone(),
            limits: PolicyLimits {
                bytes: limit_bytes,
                entries: limit_entries,
                age_s: limit_age,
                tag: args.tag.clone(),
            },
            fresh: if args.in_progress {
                Fresh::Goes
            } else {
                Fresh::Stays
            },
            now: Time::now(),
        })
    }

    /// What has to be read of each store.
    pub(super) fn wish(&self) -> &Wish<'static> {
        &self.wish
    }

    /// The stores that the policy and the tag can choose in.
    ///
    /// # Errors
    /// Usage, if there is none.
    pub(super) fn stores(
        &self,
        found: Vec<Arc<StoreInfo>>,
    ) -> Result<Vec<Arc<StoreInfo>>, Failure> {
        let has_tag =
            |info: &StoreInfo| self.tag.is_none() || stores::tag_policy(info.kind).is_some();
        let is_for = |info: &StoreInfo| self.policy.is_none_or(|policy| policy.is_for(info.kind));
        let kinds: Vec<&str> = found.iter().map(|info| info.kind).collect();
        let (fit, others): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|i| has_tag(i) && is_for(i));
        if fit.is_empty() && !others.is_empty() {
            let word = if self.tag.is_some() {
                "--tag"
            } else {
                "The policy"
            };
            let kinds = kinds.join(", ");
            return Err(Failure::usage(format!(
                "{word} chooses nothing here: it is not for {kinds} stores"
            )));
        }
        Ok(fit)
    }

    /// A plan for each store.
    ///
    /// # Errors
    /// If a key is none or several, or a policy cannot choose.
    pub(super) fn plans(&self, listings: &[Listing]) -> Result<Vec<Plan>, Failure> {
        let picked = if self.keys.is_empty() {
            None
        } else {
            Some(pick::pick_rows(listings, &self.keys)?)
        };
        let mut plans = Vec::new();
        for (at, listing) in listings.iter().enumerate() {
            let rows = self.rows(at, listing, picked.as_ref());
            let records = rows.iter().filter_map(|row| listing.record(*row));
            let mut plan = if self.is_by_comparison() {
                let records = self.until_it_fits(listing, records.collect());
                let (records, notes) = self.by_policy(listing, records)?;
                let mut plan = Plan::with(&listing.store, records, self.fresh)?;
                plan.notes.extend(notes);
                plan
            } else {
                // One at a time: those of a million entries take more memory than their plan.
                Plan::with(&listing.store, records, self.fresh)?
            };
            plan.pin(&Cancel::default());
            plans.push(plan);
        }
        Ok(plans)
    }

    /// True if entries are chosen by comparing them with each other.
    fn is_by_comparison(&self) -> bool {
        !self.ceiling.is_none() || self.tag.is_some() || self.policy.is_some()
    }

    /// The rows of a store that everything asked for holds for.
    fn rows(
        &self,
        at: usize,
        listing: &Listing,
        picked: Option<&HashSet<(usize, Row)>>,
    ) -> Vec<Row> {
        let rows = listing.rows.iter().copied();
        rows.filter(|row| picked.is_none_or(|picked| picked.contains(&(at, *row))))
            .filter_map(|row| Some((row, listing.record(row)?)))
            .filter(|(row, record)| {
                self.is_chosen(record, listing.verdict(*row).map(|v| v.condition))
            })
            .map(|(row, _)| row)
            .collect()
    }

    fn is_chosen(&self, record: &Record<'_>, condition: Option<Condition>) -> bool {
        // Bytes that no entry owns go only where they are asked for by their condition or key.
        let is_asked_for = record.role == Role::Entry
            || !self.conditions.is_empty()
            || self.wish.query.needs().conditions
            || !self.keys.is_empty();
        let has_condition = self.conditions.is_empty()
            || condition.is_some_and(|found| self.conditions.contains(&found));
        // Unknown is never old.
        let age = record
            .created
            .or(record.modified)
            .map(|t| t.age_secs(self.now));
        let is_old = self
            .older_than
            .is_none_or(|limit| age.is_some_and(|age| age > limit));
        let is_large = self.larger_than.is_none_or(|limit| record.bytes > limit);
        is_asked_for && has_condition && is_old && is_large
    }

    /// Of the chosen ones, only those that have to go for the store to fit.
    fn until_it_fits<'l>(&self, listing: &Listing, records: Vec<Record<'l>>) -> Vec<Record<'l>> {
        if self.ceiling.is_none() {
            return records;
        }
        let totals = listing.snapshot.totals;
        let chosen = least_recently_used(&records, totals, self.ceiling);
        let chosen: HashSet<usize> = chosen.into_iter().collect();
        let numbered = records.into_iter().enumerate();
        numbered
            .filter(|(at, _)| chosen.contains(at))
            .map(|(_, record)| record)
            .collect()
    }

    /// Of the chosen ones, only those that the policy and the tag choose too, and what they say of it.
    fn by_policy<'l>(
        &self,
        listing: &Listing,
        mut records: Vec<Record<'l>>,
    ) -> Result<(Vec<Record<'l>>, Vec<String>), Failure> {
        let store = &listing.store;
        let tag = self
            .tag
            .as_ref()
            .and_then(|_| stores::tag_policy(store.info.kind));
        let mut notes = Vec::new();
        for policy in [tag.map(Policy::Library), self.policy]
            .into_iter()
            .flatten()
        {
            let cancel = Cancel::default();
            let choice = policy.choose(store, &records, &self.limits, self.now, &cancel)?;
            notes.extend(choice.notes);
            let chosen = choice.chosen.iter();
            records = chosen.filter_map(|at| records.get(*at).cloned()).collect();
        }
        Ok((records, notes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joblib_counts_its_own_units_by_1024() {
        for (text, bytes, binary) in [
            ("1K", 1_000, 1_024),
            ("1.5M", 1_500_000, 1_572_864),
            ("2G", 2_000_000_000, 2 << 30),
            ("1MB", 1_000_000, 1_000_000),
            ("1Mi", 1 << 20, 1 << 20),
            ("512", 512, 512),
        ] {
            let size = Size::parse(text).unwrap();
            assert_eq!((size.bytes, size.binary), (bytes, binary), "{text}");
        }
        assert!(Size::parse("1X").is_err());
    }
}
