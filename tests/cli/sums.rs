//! `stats`: the sums agree with the lines of `ls`, for a whole cache and for what a query chooses.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{fresh_joblib, json};
use crate::support::program::Ran;

type Groups = BTreeMap<String, (u64, u64)>;

/// Entries and bytes of each group, added up from entry lines.
fn added_up(listed: &Ran) -> Groups {
    let mut groups = Groups::new();
    for entry in listed.of_type("entry") {
        let group = groups
            .entry(entry["group"].as_str().unwrap().to_owned())
            .or_default();
        *group = (group.0 + 1, group.1 + entry["bytes"].as_u64().unwrap());
    }
    groups
}

/// The same from a `stats` line without durations.
fn told(stats: &Value) -> Groups {
    let groups = stats["groups"].as_array().unwrap().iter();
    let sums = groups.map(|group| {
        assert!(group["duration_s"].is_null(), "metadata was not read");
        let sums = ["entries", "bytes"].map(|member| group[member].as_u64().unwrap());
        (group["group"].as_str().unwrap().to_owned(), sums.into())
    });
    sums.collect()
}

#[test]
fn stats_agree_with_the_listing() {
    let (_temp, path) = fresh_joblib();
    let (listed, summed) = (json(&["ls"], &path), json(&["stats"], &path));
    let (store, stats) = (&listed.lines[0], &summed.lines[0]);
    for member in ["path", "kind", "entries", "bytes", "disk_bytes"] {
        assert_eq!(store[member], stats[member], "{member}");
    }
    assert_eq!(
        stats["counters"],
        Value::Array(Vec::new()),
        "nothing was counted"
    );
    assert_eq!(told(stats), added_up(&listed));
    let timed = json(&["stats", "--durations"], &path);
    let durations = timed.lines[0]["groups"].as_array().unwrap().iter();
    assert!(durations.map(|g| &g["duration_s"]).all(Value::is_f64));
    for histogram in ["size_histogram", "age_histogram"] {
        let bins = stats[histogram].as_array().unwrap();
        let n: u64 = bins
            .iter()
            .map(|bin| bin["entries"].as_u64().unwrap())
            .sum();
        assert_eq!(stats["entries"], n, "{histogram}");
    }
}

#[test]
fn stats_of_a_query_sum_up_what_ls_lists_with_it() {
    let (_temp, path) = fresh_joblib();
    let all = json(&["stats"], &path);
    for query in [
        "size>1k",
        "type:ndarray",
        "condition:fresh -size>1k",
        "size>1T",
    ] {
        let listed = json(&["ls", "--query", query], &path);
        let summed = json(&["stats", "--query", query], &path);
        let stats = &summed.lines[0];
        assert_eq!(
            (listed.code, summed.code),
            (0, 0),
            "{query}: {}",
            summed.said
        );
        let entries: Vec<_> = listed.of_type("entry").collect();
        for member in ["bytes", "disk_bytes"] {
            let sum: u64 = entries.iter().map(|e| e[member].as_u64().unwrap()).sum();
            assert_eq!(stats[member], sum, "{query}: {member}");
        }
        assert_eq!(stats["entries"], entries.len(), "{query}");
        assert!(
            stats["entries"].as_u64() < all.lines[0]["entries"].as_u64()
                || query.starts_with("condition")
        );
        assert_eq!(told(stats), added_up(&listed), "{query}");
        let timed = json(&["stats", "--durations", "--query", query], &path);
        let secs = |lines: &mut dyn Iterator<Item = &Value>| -> f64 {
            lines.map(|line| line["duration_s"].as_f64().unwrap()).sum()
        };
        let groups = timed.lines[0]["groups"].as_array().unwrap();
        let difference = secs(&mut groups.iter()) - secs(&mut entries.iter().copied());
        assert!(difference.abs() < 1e-9, "{query}");
    }
}
