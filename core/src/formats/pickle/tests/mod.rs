//! Pickles that real Pythons wrote: what we say of them is what Python says, whole, cut short and damaged.

mod called;
mod calls;
mod hostile;
mod lenient;

use base64::Engine as _;
use serde::Deserialize;

use super::*;
use crate::formats::Content;
use crate::model::value::{Call, CallClass};
use crate::model::{Kind, Limits};

/// `tests/fixtures/generate_pickles.py` writes these.
const CASES: &str = include_str!("../../../../../tests/fixtures/pickles.jsonl");

#[derive(Debug, Deserialize)]
struct Case {
    python: String,
    protocol: u8,
    name: String,
    pickle: String,
    #[serde(rename = "type", default)]
    type_name: String,
    #[serde(default)]
    repr: String,
    /// Of each of several pickles.
    #[serde(default)]
    reprs: Vec<String>,
}

impl Case {
    fn all() -> Vec<Self> {
        CASES
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// One value each.
    fn single() -> Vec<Self> {
        let mut cases = Self::all();
        cases.retain(|case| case.reprs.is_empty());
        cases
    }

    fn bytes(&self) -> Vec<u8> {
        base64::engine::general_purpose::STANDARD
            .decode(&self.pickle)
            .unwrap()
    }

    fn content(&self) -> Content {
        Content::of_bytes(self.bytes())
    }
}

#[test]
fn values_print_as_python_prints_them() {
    let mut failures = Vec::new();
    for case in Case::single() {
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

/// `tests/fixtures/generate_libraries.py` writes these.
const LIBRARIES: &str = include_str!("../../../../../tests/fixtures/libraries.jsonl");

#[test]
fn objects_of_other_libraries_print_as_they_print_themselves() {
    let mut failures = Vec::new();
    for line in LIBRARIES.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| case[name].as_str().unwrap();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text("pickle"))
            .unwrap();
        let value = decode_bytes(&bytes).value;
        let found = value.repr(value.root(), 2000).text;
        if found != text("repr") {
            failures.push(format!(
                "{} {} protocol {}: {found}\n  expected {}",
                text("writer"),
                text("name"),
                case["protocol"],
                text("repr")
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn reading_without_keeping_finds_the_same_names_and_calls() {
    for case in Case::single() {
        let decoded = decode(&case.content(), &Limits::PREVIEW);
        let checked = check(&case.content(), &Limits::DEEP);
        assert!(checked.is_read_to_end, "{case:?}");
        assert_eq!(checked.problems, decoded.problems, "{case:?}");
        assert_eq!(checked.globals, decoded.globals, "{case:?}");
        assert_eq!(checked.calls, decoded.calls, "{case:?}");
        // What is reached or called by a name that the pickle gives can be anything.
        let is_by_name = matches!(&*case.name, "bound method" | "method with named arguments");
        let runs_code = |call: &Call| call.class == CallClass::Code;
        assert!(
            is_by_name || !decoded.calls.iter().any(runs_code),
            "{case:?}: {:?}",
            decoded.calls
        );
    }
}

#[test]
fn parts_of_a_dict_decode_alone_as_in_the_whole() {
    let mut n_items = 0;
    for case in Case::single() {
        let content = case.content();
        let whole = decode(&content, &Limits::PREVIEW).value;
        let skim = skim(&content, &Limits::PREVIEW);
        assert!(skim.is_complete && skim.pickles.len() == 1, "{case:?}");
        let items = skim.pickles[0].items.as_deref();
        if whole.kind(whole.root()) == Kind::Dict {
            assert_eq!(items.unwrap().len(), whole.len(whole.root()), "{case:?}");
        }
        let pairs: Vec<_> = whole
            .children(whole.root(), 0..whole.len(whole.root()))
            .into_iter()
            .filter_map(|child| match child.key {
                crate::model::ChildKey::Key(key) => Some((key, child.node)),
                _ => None,
            })
            .collect();
        for (number, item) in items.unwrap_or_default().iter().enumerate() {
            let (key, node) = pairs[number];
            let (part, part_key) = skim
                .decode_item(&content, 0, number, &Limits::PREVIEW)
                .unwrap();
            let label = format!("{} {} {} {item:?}", case.python, case.name, case.protocol);
            assert!(part.is_complete, "{label} {:?}", part.problems);
            let text = |value: &crate::model::Value, node| value.repr(node, 1000).text;
            assert_eq!(text(&part.value, part_key), text(&whole, key), "{label}");
            // A value that holds the dict itself shows it empty: its other items are not decoded.
            if !matches!(case.name.as_str(), "loop" | "cycle") {
                assert_eq!(
                    text(&part.value, part.value.root()),
                    text(&whole, node),
                    "{label}"
                );
            }
            match &item.key {
                SkimmedKey::Text(text) => assert_eq!(whole.str(key).unwrap(), **text, "{label}"),
                SkimmedKey::Int(int) => assert_eq!(whole.int(key), Some(*int), "{label}"),
                SkimmedKey::Other => {
                    assert!(!matches!(whole.kind(key), Kind::Str | Kind::Int), "{label}");
                }
            }
            n_items += 1;
        }
    }
    assert!(n_items > 1000);
}

#[test]
fn several_pickles_of_one_file_are_told_apart() {
    let mut n = 0;
    for case in Case::all()
        .into_iter()
        .filter(|case| !case.reprs.is_empty())
    {
        let content = case.content();
        let skim = skim(&content, &Limits::PREVIEW);
        assert!(skim.is_complete, "{case:?} {:?}", skim.problems);
        let texts: Vec<String> = (0..skim.pickles.len())
            .map(|number| {
                let part = skim
                    .decode_pickle(&content, number, &Limits::PREVIEW)
                    .unwrap();
                part.value.repr(part.value.root(), 1000).text
            })
            .collect();
        assert_eq!(texts, case.reprs, "{case:?}");
        n += 1;
    }
    assert!(n >= 12);
}

#[test]
fn joblibs_wrapper_is_one_in_every_protocol() {
    // joblib 1.6: `joblib.dump([np.arange(3, dtype="u1")], file, protocol=0)`, and with 1.
    let oldest = b"(lp0\nccopy_reg\n_reconstructor\np1\n(cjoblib.numpy_pickle\nNumpyArrayWrapper\np2\nc__builtin__\nobject\np3\nNtp4\nRp5\n(dp6\nVsubclass\np7\ncnumpy\nndarray\np8\nsVshape\np9\n(I3\ntp10\nsVorder\np11\nVC\np12\nsVdtype\np13\ncnumpy\ndtype\np14\n(Vu1\np15\nI00\nI01\ntp16\nRp17\n(I3\nV|\np18\nNNNI-1\nI-1\nI0\ntp19\nbsVallow_mmap\np20\nI01\nsVnumpy_array_alignment_bytes\np21\nI16\nsb\x04\xff\xff\xff\xff\x00\x01\x02a.";
    let next = b"]q\x00ccopy_reg\n_reconstructor\nq\x01(cjoblib.numpy_pickle\nNumpyArrayWrapper\nq\x02c__builtin__\nobject\nq\x03Ntq\x04Rq\x05}q\x06(X\x08\x00\x00\x00subclassq\x07cnumpy\nndarray\nq\x08X\x05\x00\x00\x00shapeq\t(K\x03tq\nX\x05\x00\x00\x00orderq\x0bX\x01\x00\x00\x00Cq\x0cX\x05\x00\x00\x00dtypeq\rcnumpy\ndtype\nq\x0e(X\x02\x00\x00\x00u1q\x0fI00\nI01\ntq\x10Rq\x11(K\x03X\x01\x00\x00\x00|q\x12NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x13bX\n\x00\x00\x00allow_mmapq\x14I01\nX\x1b\x00\x00\x00numpy_array_alignment_bytesq\x15K\x10ub\x04\xff\xff\xff\xff\x00\x01\x02a.";
    for pickle in [&oldest[..], next] {
        let decoded = decode_bytes(pickle);
        assert!(decoded.is_complete, "{:?}", decoded.problems);
        let shown = decoded.value.repr(decoded.value.root(), 100).text;
        assert_eq!(shown, "[<ndarray uint8 (3,) C>]");
        let checked = check(&Content::of_bytes(pickle), &Limits::DEEP);
        assert_eq!(checked.problems, []);
        assert!(checked.is_read_to_end);
    }
}
