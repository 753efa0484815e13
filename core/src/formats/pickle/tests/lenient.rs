//! Arguments that some Python takes and that look broken: what stands behind them is read and named all the same.
//!
//! Each case was loaded by CPython 2.7, 3.6 and 3.13, in C (`cPickle`, `_pickle`) and in Python (`pickle.py`).

use super::super::*;
use super::calls::{both, is_code};
use crate::formats::Content;
use crate::model::value::CallClass;
use crate::model::{Kind, Limits, Value};

/// Calls `eval` and ends.
const EVIL: &[u8] = b"cbuiltins\neval\nS'7*6'\n\x85R.";

fn before_evil(front: &[u8]) -> Vec<u8> {
    [front, EVIL].concat()
}

fn text(value: &Value) -> String {
    value.repr(value.root(), 1000).text
}

#[test]
fn what_python_3_takes_is_no_damage() {
    for front in [
        &b"I0x10\n0"[..],
        b"I 5\n0",
        b"I+5\n0",
        b"I-0x5\n0",
        b"I1_0\n0",
        b"I010\n0",
        b"I0o7\n0",
        b"I\x0b5\n0",
        b"I5\0junk\n0",
        b"L0x10L\n0",
        b"L 5L\n0",
        b"L5\n0",
        b"F1_0.5\n0",
        b"F 1.5\n0",
        b"Fnan\n0",
        b"F5\0junk\n0",
        b"Np1_0\n0g10\n0",
        b"Nq\x0ag1_0\n00",
        b"Nq\x0ag 10\n00",
        b"(1",
        b"N(20(11",
    ] {
        let pickle = before_evil(front);
        is_code(&pickle, "builtins.eval");
        let decoded = decode_bytes(&pickle);
        let is_python_2 = front.starts_with(b"N(2");
        assert_eq!(
            decoded.problems.is_empty(),
            !is_python_2,
            "{front:?} {:?}",
            decoded.problems
        );
    }
}

#[test]
fn what_only_python_2_takes_hides_nothing() {
    for front in [
        // Any text is a memo slot.
        &b"Npfoo\n0gfoo\n0"[..],
        b"Np-1\n0g-1\n0",
        b"Np\n0g\n0",
        // The last of an odd number is left out.
        b"(S'a'\nI1\nI2\nd0",
        // Opcodes take what lies below a MARK, and the MARK itself.
        b"N(20",
        b"(20",
        b"N(p0\n00",
        b"(p0\n0",
        b"](I1\na0",
        b"}N(Ns0",
        // The MARK is an item of the tuple, a value of the dict, what is left when values are gone.
        b"N(N\x870",
        b"(N\x860",
        b"(\x850",
        b"((\x860",
        b"}N(s0",
        b"](a0",
        b"N(N\x87000",
    ] {
        is_code(&before_evil(front), "builtins.eval");
    }
    is_code(b"c__builtin__\neval\n(S'7*6'\n\x85R.", "builtins.eval");
    // Which of the stacked values is called depends on who counts the MARK: here pickle.py calls eval, and cPickle len.
    is_code(
        b"c__builtin__\nlen\nc__builtin__\neval\n(N\x860S'7*6'\n\x85R.",
        "builtins.eval",
    );
    // The slots of one text are one, whatever the text.
    is_code(
        b"c__builtin__\neval\npfoo\n0gfoo\nS'7*6'\n\x85R.",
        "builtins.eval",
    );
}

#[test]
fn what_no_python_takes_hides_nothing_either() {
    for front in [
        &b"Ijunk\n0"[..],
        b"I\n0",
        b"L1.5\n0",
        b"F0x1p3\n0",
        b"F\n0",
        b"Sfoo\n0",
        b"V\\u12\n0",
        b"\x970",
        b"\x80\x09",
    ] {
        is_code(&before_evil(front), "builtins.eval");
    }
    let decoded = decode_bytes(b"\x80\x02](K\x01Ijunk\nK\x02e.");
    assert!(decoded.is_damaged());
    assert_eq!(text(&decoded.value), "[1, …, 2]");
}

#[test]
fn numbers_of_text_lines_are_what_python_makes_of_them() {
    // pickle.loads of CPython 3.13.
    let check = |pickle: &[u8], expected: &str| {
        let decoded = decode_bytes(pickle);
        assert!(decoded.is_complete, "{:?}", decoded.problems);
        assert_eq!(text(&decoded.value), expected);
    };
    check(b"I0x10\n.", "16");
    check(b"I01\n.", "True");
    check(b"I+0\n.", "False");
    check(b"I1\n.", "1");
    check(b"I0b1111111111111111111111111111111111\n.", "17179869183");
    check(
        b"L-0x1000000000000000000000L\n.",
        "-19342813113834066795298816",
    );
    check(b"L1_0L\n.", "10");
    check(b"F1_0.25\n.", "10.25");
    check(b"Kap1_0\n0g10\n.", "97");
}

#[test]
fn a_name_that_the_end_cuts_off_is_called_before_the_end_is_noticed() {
    // `(S'id'` INST os systemX: Python takes the last byte for the line feed and calls os.system.
    is_code(b"(S'id'\nios\nsystemX", "os.system");
    let decoded = decode_bytes(b"(S'id'\nios\nsystemX");
    assert!(decoded.is_damaged());
    // Of one byte there is no name.
    assert!(both(b"(S'id'\nios\nX").0.is_empty());
}

#[test]
fn a_global_may_be_the_text_that_names_another() {
    // os.name is 'posix' where this is loaded.
    let pickle = b"\x80\x04cos\nname\n\x8c\x06getpid\x93)R.";
    let (calls, _) = both(pickle);
    assert!(
        calls.iter().any(|call| call.class == CallClass::Code),
        "{calls:?}"
    );
    assert!(!decode_bytes(pickle).is_damaged());
    // So may what a program makes of a persistent id.
    let (calls, _) = both(b"\x80\x04Pid\n\x8c\x06getpid\x93)R.");
    assert!(
        calls.iter().any(|call| call.class == CallClass::Code),
        "{calls:?}"
    );
}

#[test]
fn a_line_longer_than_is_kept_hides_nothing() {
    let limits = Limits {
        output_bytes: 1 << 20,
        time: Limits::DEEP.time,
        ..Limits::PREVIEW
    };
    for (opcode, end) in [
        (b'V', &b"\n0"[..]),
        (b'S', b"\n0"),
        (b'I', b"\n0"),
        (b'c', b"\nx\n0"),
    ] {
        let line = vec![b'7'; 2 << 20];
        let pickle = [&[opcode], line.as_slice(), end, EVIL].concat();
        let content = Content::of_bytes(pickle);
        let decoded = decode(&content, &limits);
        let checked = check(&content, &Limits::DEEP);
        for calls in [&decoded.calls, &checked.calls] {
            let eval = calls.iter().find(|call| call.name == "builtins.eval");
            assert!(
                eval.is_some_and(|call| call.class == CallClass::Code),
                "{calls:?}"
            );
        }
        assert!(checked.is_read_to_end, "{:?}", checked.problems);
        assert!(!decoded.is_complete);
        assert!(decoded.value.kind(decoded.value.root()) != Kind::Str);
    }
}

#[test]
fn code_in_the_place_of_an_array_is_what_plain_pickle_runs() {
    // joblib.load skips the array; pickle.load reads it as opcodes, with the memo of the whole.
    let wrapper = b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\0\0\0dtypecnumpy\ndtype\nX\x02\0\0\0u1\x89\x88\x87RX\x05\0\0\0shape";
    let pickle = |shape: &[u8], data: &[u8]| [&wrapper[..], shape, b"ub", data].concat();
    let raw = pickle(
        &[b'K', u8::try_from(EVIL.len()).unwrap(), 0x85],
        &[EVIL, b"."].concat(),
    );
    is_code(&raw, "builtins.eval");
    assert!(decode_bytes(&raw).is_complete);
    // A wrapper that says too little ends joblib's reading, and no other.
    is_code(&pickle(b"N", EVIL), "builtins.eval");
    let numbers = pickle(b"K\x04\x85", b"\x00\x01\x02\x03.");
    assert!(
        both(&numbers)
            .0
            .iter()
            .all(|call| call.class != CallClass::Code)
    );
}
