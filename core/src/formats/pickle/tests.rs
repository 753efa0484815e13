//! Pickles that real Pythons wrote: what we say of them is what Python says, whole, cut short and damaged.

use base64::Engine as _;
use serde::Deserialize;

use super::*;
use crate::formats::Content;
use crate::model::Limits;

/// `tests/fixtures/generate_pickles.py` writes these.
const CASES: &str = include_str!("../../../../tests/fixtures/pickles.jsonl");

#[derive(Debug, Deserialize)]
struct Case {
    python: String,
    protocol: u8,
    name: String,
    pickle: String,
    #[serde(rename = "type")]
    type_name: String,
    repr: String,
}

impl Case {
    fn all() -> Vec<Self> {
        CASES
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn bytes(&self) -> Vec<u8> {
        base64::engine::general_purpose::STANDARD
            .decode(&self.pickle)
            .unwrap()
    }
}

#[test]
fn values_print_as_python_prints_them() {
    let mut failures = Vec::new();
    for case in Case::all() {
        let decoded = decode_bytes(&case.bytes());
        let value = &decoded.value;
        let text = value.repr(value.root(), 1000).text;
        let type_name = value.type_name(value.root());
        if !decoded.is_complete || text != case.repr || type_name != case.type_name {
            failures.push(format!(
                "{} {} protocol {}: {type_name} {text}\n  expected {} {}\n  {:?}",
                case.python, case.name, case.protocol, case.type_name, case.repr, decoded.problems
            ));
        }
    }
    let n = failures.len();
    failures.truncate(20);
    assert!(n == 0, "{n} differ:\n{}", failures.join("\n"));
}
