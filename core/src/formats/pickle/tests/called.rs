//! Streams mutated opcode by opcode: whichever made a Python run code is told as code.

use base64::Engine as _;

use super::super::check;
use crate::formats::Content;
use crate::model::Limits;
use crate::model::value::CallClass;

/// `tests/fixtures/generate_called.py` writes these: a pickle, and the Pythons that called `eval` or `os.system` in
/// loading it.
const CALLED: &str = include_str!("../../../../../tests/fixtures/called.txt");

/// A longer list of the same form, for a run by hand.
const KNOB: &str = "CACHESCOPE_CALLED";

#[test]
fn whatever_makes_a_python_run_code_is_told_as_code() {
    let longer = std::env::var(KNOB).map(|path| std::fs::read_to_string(path).unwrap());
    let list = longer.as_deref().unwrap_or(CALLED);
    let mut untold = Vec::new();
    for line in list.lines() {
        let (pickle, pythons) = line.split_once(' ').unwrap();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(pickle)
            .unwrap();
        let checked = check(&Content::of_bytes(bytes.as_slice()), &Limits::DEEP);
        let is_told = checked
            .calls
            .iter()
            .any(|call| call.class == CallClass::Code);
        if !is_told {
            let bytes = bytes.escape_ascii();
            untold.push(format!("{pythons}: {bytes}\n  {:?}", checked.problems));
        }
    }
    assert!(list.lines().count() > 500);
    let n = untold.len();
    untold.truncate(20);
    assert!(
        untold.is_empty(),
        "{n} are not told:\n{}",
        untold.join("\n")
    );
}
