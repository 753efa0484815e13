//! Frames and series that real pandas and polars wrote: columns, types, head and index are what they say.

use base64::Engine as _;
use serde_json::{Value as Json, json};

use super::{is_same, preview};
use crate::model::value::{Call, CallClass};

/// `tests/fixtures/generate_frames.py` writes these.
const FRAMES: &str = include_str!("../../../../../tests/fixtures/frames.jsonl");
/// `tests/fixtures/generate_polars.py` writes these.
const POLARS: &str = include_str!("../../../../../tests/fixtures/polars.jsonl");

#[test]
fn frames_are_described_as_pandas_describes_them() {
    check(FRAMES);
}

#[test]
fn frames_are_described_as_polars_describes_them() {
    check(POLARS);
}

fn check(cases: &str) {
    let mut failures = Vec::new();
    let mut n = 0;
    for line in cases.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(case["bytes"].as_str().unwrap())
            .unwrap();
        let preview = preview(bytes);
        let facts = &case["facts"];
        let ours = preview.table.as_ref().map_or(Json::Null, |table| {
            json!({
                "type": preview.value_type, "columns": table.columns, "dtypes": table.dtypes,
                "rows": table.rows, "head": table.head, "index": table.index,
            })
        });
        let keys = facts.as_object().unwrap().keys();
        let wrong: Vec<&String> = keys
            .filter(|key| !is_same(&ours[key.as_str()], &facts[key.as_str()]))
            .collect();
        let runs_code = |call: &&Call| call.class == CallClass::Code;
        let code: Vec<&Call> = preview.calls.iter().filter(runs_code).collect();
        assert!(code.is_empty(), "{} {code:?}", case["name"]);
        if !wrong.is_empty() || !preview.problems.is_empty() {
            let (writer, name, carrier) = (&case["writer"], &case["name"], &case["carrier"]);
            let problems = &preview.problems;
            let pairs: Vec<_> = wrong
                .iter()
                .map(|key| {
                    format!(
                        "{key}: {}\n    expected {}",
                        ours[key.as_str()],
                        facts[key.as_str()]
                    )
                })
                .collect();
            failures.push(format!(
                "{writer} {name} {carrier} {problems:?}\n  {}",
                pairs.join("\n  ")
            ));
        }
        n += 1;
    }
    let n_failed = failures.len();
    failures.truncate(25);
    assert!(
        n_failed == 0,
        "{n_failed} of {n} differ:\n{}",
        failures.join("\n")
    );
}
