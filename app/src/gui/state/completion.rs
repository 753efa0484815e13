//! What can go on from the word under the cursor of the query field: words of the language, and values of the store.

use cachescope_core::model::{Condition, Snapshot};
use cachescope_core::ops::query::{Field, ValueKind, WORDS, Word};

/// Offers at most; a longer list is no help.
const MAX_OFFERS: usize = 12;
/// Entries that are looked at for names of arguments, types and codecs.
const SEEN_ENTRIES: usize = 2000;

/// Something to go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// What takes the place of the word.
    pub(crate) insert: String,
    /// What it means, in a few words.
    pub(crate) meaning: String,
}

impl Offer {
    fn new(insert: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self {
            insert: insert.into(),
            meaning: meaning.into(),
        }
    }
}

/// What can take the place of `word`; nothing where it stands complete.
pub(crate) fn offers(word: &str, snapshot: Option<&Snapshot>, recent: &[String]) -> Vec<Offer> {
    let (sign, term) = match word.strip_prefix('-') {
        Some(term) => ("-", term),
        None => ("", word),
    };
    let mut found = match term.find([':', '<', '>', '=']) {
        Some(at) => values(term, at, snapshot),
        None if term.starts_with("arg.") => arguments(term, snapshot),
        None => fields(term),
    };
    found.retain(|offer| offer.insert != term);
    for offer in &mut found {
        offer.insert.insert_str(0, sign);
    }
    if word.is_empty() {
        let recent = recent.iter().take(4).map(|q| Offer::new(q, "recent"));
        found.splice(0..0, recent);
    }
    found.truncate(MAX_OFFERS + 4 * usize::from(word.is_empty()));
    found
}

/// Words of the language, with the sign that most often stands behind them.
fn fields(typed: &str) -> Vec<Offer> {
    let words = WORDS.iter().filter(|word| word.name.starts_with(typed));
    words
        .map(|word| {
            let sign = match word.value {
                _ if word.field == Field::Arg => ".",
                ValueKind::Size | ValueKind::Span => ">",
                ValueKind::Count => "=",
                ValueKind::Text | ValueKind::Conditions => ":",
            };
            let meaning = format!("{}: {}", word.meaning, word.example);
            Offer::new(format!("{}{sign}", word.name), meaning)
        })
        .collect()
}

/// Names of arguments behind `arg.`.
fn arguments(term: &str, snapshot: Option<&Snapshot>) -> Vec<Offer> {
    let typed = term.strip_prefix("arg.").unwrap_or_default();
    let names = distinct(snapshot, |record, add| {
        record.args.iter().for_each(|(name, _)| add(name));
    });
    let names = names.iter().filter(|name| name.starts_with(typed));
    names
        .map(|name| Offer::new(format!("arg.{name}:"), "an argument of the call"))
        .collect()
}

/// Values behind a field's sign, which stands at `at`.
fn values(term: &str, at: usize, snapshot: Option<&Snapshot>) -> Vec<Offer> {
    let (name, rest) = term.split_at(at);
    let Some(word) = WORDS.iter().find(|w| w.name == name) else {
        return Vec::new();
    };
    let sign_len = rest.find(|c| !matches!(c, ':' | '<' | '>' | '='));
    let (sign, typed) = rest.split_at(sign_len.unwrap_or(rest.len()));
    let known: Vec<String> = match word.field {
        Field::Condition => return conditions(name, sign, typed),
        Field::Group => distinct(snapshot, |record, add| add(&record.group.label)),
        Field::Type => distinct(snapshot, |record, add| {
            record.value_type.into_iter().for_each(add);
        }),
        Field::Codec => distinct(snapshot, |record, add| {
            let codecs = record.codec.into_iter().flat_map(|c| c.split(" > "));
            codecs.for_each(add);
        }),
        _ => steps(word),
    };
    let is_text = word.value == ValueKind::Text;
    let plain = typed.trim_start_matches('"');
    known
        .into_iter()
        .filter(|value| {
            // A group is remembered by any part of its name, a size by its first digit.
            !value.is_empty() && (value.starts_with(plain) || is_text && value.contains(plain))
        })
        .map(|value| {
            let value = if is_text { quoted(&value) } else { value };
            Offer::new(format!("{name}{sign}{value}"), "")
        })
        .collect()
}

/// Conditions, also behind a comma.
fn conditions(name: &str, sign: &str, typed: &str) -> Vec<Offer> {
    let (before, last) = match typed.rsplit_once(',') {
        Some((before, last)) => (format!("{before},"), last),
        None => (String::new(), typed),
    };
    let has = |c: &Condition| before.split(',').any(|b| b == c.name());
    Condition::ALL
        .into_iter()
        .filter(|c| c.name().starts_with(last) && !has(c))
        .map(|c| Offer::new(format!("{name}{sign}{before}{}", c.name()), ""))
        .collect()
}

/// Round figures to compare with.
fn steps(word: &Word) -> Vec<String> {
    let steps: &[&str] = match word.value {
        ValueKind::Size => &["10kB", "100kB", "1MB", "10MB", "100MB", "1GB"],
        ValueKind::Span if word.field == Field::Time => &["100ms", "1s", "10s", "1m", "10m"],
        ValueKind::Span => &["1h", "1d", "7d", "30d", "90d", "1y"],
        ValueKind::Count => &["0", "1", "10", "100"],
        ValueKind::Text | ValueKind::Conditions => &[],
    };
    steps.iter().map(|step| (*step).to_owned()).collect()
}

/// The term that finds one group; `None` for entries without one.
pub(crate) fn group_term(label: &str) -> Option<String> {
    (!label.is_empty()).then(|| format!("group:{}", quoted(label)))
}

/// A value as the language takes it: in quotes where a space or a sign in it would mean something.
fn quoted(value: &str) -> String {
    let is_plain = !value.contains([' ', '"', '*', '?', '\\', '\t']) && !value.starts_with('/');
    if is_plain {
        value.to_owned()
    } else {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Different texts of the first entries, in the order of their first appearance.
fn distinct(
    snapshot: Option<&Snapshot>,
    each: impl Fn(&cachescope_core::model::Record<'_>, &mut dyn FnMut(&str)),
) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let Some(snapshot) = snapshot else {
        return found;
    };
    for (_, record) in snapshot.records().take(SEEN_ENTRIES) {
        each(&record, &mut |text| {
            if found.len() < 200 && !found.iter().any(|f| f == text) {
                found.push(text.to_owned());
            }
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachescope_core::model::{ChunkBuilder, Group, Record, StoreInfo};
    use cachescope_core::ops::query::Query;
    use std::path::Path;
    use std::sync::Arc;

    fn snapshot() -> Snapshot {
        let path = Path::new("/s");
        let info = Arc::new(StoreInfo::new(path, path, "joblib", None));
        let mut builder = ChunkBuilder::default();
        for name in ["features.embed", "my table"] {
            builder.push(&Record::new(&Group::named(name), b"key"));
        }
        Snapshot::empty(info).extended(vec![builder.finish()], vec![], true)
    }

    fn check(word: &str, expected: &[&str]) {
        let snapshot = snapshot();
        let offered = offers(word, Some(&snapshot), &[]);
        let texts: Vec<_> = offered.iter().map(|o| o.insert.as_str()).collect();
        assert_eq!(texts, expected, "{word}");
    }

    #[test]
    fn words_and_values_go_on_from_what_is_typed() {
        check("si", &["size>"]);
        check("-gr", &["-group:"]);
        check(
            "size>10",
            &["size>10kB", "size>100kB", "size>10MB", "size>100MB"],
        );
        check("condition:st", &["condition:stale"]);
        check("condition:stale,exp", &["condition:stale,expired"]);
        check("group:emb", &["group:features.embed"]);
        check("group:my", &["group:\"my table\""]);
        check("condition:stale", &[]);
        check("nothing", &[]);
    }

    #[test]
    fn whatever_is_offered_can_be_gone_on_with() {
        let snapshot = snapshot();
        for word in WORDS {
            for sign in ["<", ">", ":"] {
                for offer in offers(&format!("{}{sign}", word.name), Some(&snapshot), &[]) {
                    let is_right = (sign == ":")
                        == matches!(word.value, ValueKind::Text | ValueKind::Conditions);
                    assert_eq!(
                        Query::parse(&offer.insert).is_ok(),
                        is_right,
                        "{}",
                        offer.insert
                    );
                }
            }
        }
    }
}
