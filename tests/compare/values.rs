//! Values that look alike and differ, and such as look different and are the same.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::python::Python;
use crate::support::{fixtures, program};

/// Two dicts, by protocol 2 and by protocol 5; each key begins with what Python says of its two values.
const VALUES: &str = r#"
import array, pathlib, pickle, sys
import numpy as np
root, nan, f = pathlib.Path(sys.argv[1]), float("nan"), frozenset
wide = np.arange(60_000.0).reshape(3, 20_000)
changed = wide.copy()
changed[2, 19_999] = -1
def raw(*fields): return np.zeros(2, list(fields))
pairs = {
    "same: orders with NaN": (np.array([[1, nan], [3, 4]]), np.asfortranarray([[1, nan], [3, 4]])),
    "same: wide orders": (wide, np.asfortranarray(wide)),
    "different: wide orders": (wide, np.asfortranarray(changed)),
    "different: zeros": (np.array([[0.0, 1], [2, 3]]), np.asfortranarray([[-0.0, 1], [2, 3]])),
    "different: names of fields": (raw(("a", "i4"), ("b", "i4")), raw(("x", "i4"), ("y", "i4"))),
    "different: types of fields": (raw(("a", "i4"), ("b", "i4")), raw(("a", "f4"), ("b", "f4"))),
    "different: byte orders of fields": (raw(("a", "<i4")), raw(("a", ">i4"))),
    "different: shapes of fields": (raw(("a", "i4", 2)), raw(("a", "i4", (2, 1)))),
    "different: no fields": (np.zeros(2, "V8"), raw(("a", "i8"))),
    "different: fields of nothing": (raw(("a", "i4"))[:0], raw(("b", "i4"))[:0]),
    "same: fields": (raw(("a", "i4"), ("b", "S3")), raw(("a", "i4"), ("b", "S3"))),
    "same: sets of sets": ({f([0, 8]), f([1, 9]), f([2])}, {f([2]), f([9, 1]), f([8, 0])}),
    "different: sets of sets": ({f([0, 8]), f([1, 9])}, {f([8, 0]), f([9, 2])}),
    "same: keys with sets": ({(1, f([0, 8])): 1, (2, f([0])): 2}, {(2, f([0])): 2, (1, f([8, 0])): 1}),
    "same: machine values": (array.array("d", [1, 2.5]), array.array("d", [1, 2.5])),
    "different: machine values": (array.array("d", [1, 2.5]), array.array("d", [1, 2.25])),
    "different: types of machine values": (array.array("i", [1]), array.array("l", [1])),
}
left = {key: pair[0] for key, pair in pairs.items()} | {f(["same", "a"]): 1, f([0, 8]): 2}
right = {f([8, 0]): 2, f(["a", "same"]): 1} | {key: pair[1] for key, pair in pairs.items()}
(root / "left").write_bytes(pickle.dumps(left, 2))
(root / "right").write_bytes(pickle.dumps(right, 5))
"#;

#[test]
fn values_are_the_same_where_they_are_so_in_python() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    python.run(VALUES, [temp.path()]);
    let ran = program::run([
        "compare".as_ref(),
        temp.path().join("left").as_os_str(),
        temp.path().join("right").as_os_str(),
    ]);
    let wrong: Vec<&Value> = ran
        .of_type("diff")
        .filter(|line| {
            let (key, side) = (line["key"].as_str(), line["side"].as_str());
            let expected = key
                .and_then(|key| key.split_once(": "))
                .map(|(side, _)| side);
            side != expected.or(Some("same"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(ran.of_type("diff").count(), 19, "{}", ran.said);
}

/// joblib before 0.10 keeps arrays in files of their own, and the pickle holds their names.
#[test]
fn arrays_beside_equal_pickles_are_compared() {
    let all = fixtures::all();
    let fixture = all.iter().find(|f| f.opened().ends_with("joblib/0.9.4"));
    let fixture = fixture.expect("the fixture");
    let ((left, ours), (_right, theirs)) = (fixture.copy(), fixture.copy());
    let sides = || {
        let ran = program::run(["compare".as_ref(), ours.as_os_str(), theirs.as_os_str()]);
        let mut sides: Vec<(Value, Value)> = ran
            .of_type("diff")
            .map(|line| (line["key"].clone(), line["side"].clone()))
            .collect();
        sides.sort_by_key(|(key, _)| key.to_string());
        sides
    };
    assert!(
        sides().iter().all(|(_, side)| side == "same"),
        "{:?}",
        sides()
    );
    let key = "9bbc6b16296bf3b7049be8ef0fde021d";
    let array = ours.join(format!("joblib/features/embed/{key}/output.pkl_01.npy"));
    let array = [
        array.clone(),
        ours.join(format!("features/embed/{key}/output.pkl_01.npy")),
    ]
    .into_iter()
    .find(|path| path.exists())
    .expect("an array");
    let mut bytes = fs::read(&array).expect("it is read");
    *bytes.last_mut().expect("a byte") ^= 1;
    fs::write(&array, bytes).expect("it is written");
    let different: Vec<_> = sides()
        .into_iter()
        .filter(|(_, side)| side != "same")
        .collect();
    assert_eq!(different, [(key.into(), "different".into())], "{left:?}");
}
