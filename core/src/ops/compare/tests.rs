//! Values that look the same by the head of their text, or only by a text that leaves something out.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Sameness, same_value};
use crate::formats::Carrier;
use crate::source::MemoryReader;
use crate::stores::{KeyTypes, NativeKey, ValueReader};

fn compared(left: &[u8], right: &[u8]) -> Sameness {
    compared_as([Carrier::Pickle; 2], left, right)
}

fn compared_as(carriers: [Carrier; 2], left: &[u8], right: &[u8]) -> Sameness {
    let reader = |bytes: &[u8], carrier| {
        let bytes = Arc::new(MemoryReader::new(bytes));
        ValueReader::new(bytes, carrier, PathBuf::new())
    };
    let [ours, theirs] = carriers;
    same_value(&reader(left, ours), &reader(right, theirs)).unwrap()
}

/// The same pickle, but for one opcode that changes nothing: stored bytes do not decide.
fn rewritten(pickle: &[u8]) -> Vec<u8> {
    [pickle.strip_suffix(b".").unwrap(), b"N0."].concat()
}

/// BINUNICODE of this many letters and one more.
fn long_text(n: usize, last: u8) -> Vec<u8> {
    let len = u32::try_from(n + 1).unwrap().to_le_bytes();
    [&b"X"[..], &len, &vec![b'x'; n], &[last]].concat()
}

/// A tuple of this many numbers and one more.
fn long_tuple(n: usize, last: u8) -> Vec<u8> {
    [&b"("[..], &b"K\x01".repeat(n), &[b'K', last, b't']].concat()
}

/// `LONG4` with this many bytes of zero below the highest.
fn long_int(n: usize, highest: u8) -> Vec<u8> {
    let len = u32::try_from(n + 1).unwrap().to_le_bytes();
    [&b"\x8b"[..], &len, &vec![0; n], &[highest]].concat()
}

#[test]
fn members_and_keys_differ_wherever_they_differ() {
    let set = |member: &[u8]| [b"\x80\x04\x8f(", member, b"\x90."].concat();
    let old_set = |member: &[u8]| [b"\x80\x02c__builtin__\nset\n](", member, b"e\x85R."].concat();
    let dict = |key: &[u8]| [b"\x80\x04}", key, b"K\x05s."].concat();
    let two = |key: &[u8]| [b"\x80\x04}(", key, b"K\x05NK\x06u."].concat();
    let list = |item: &[u8]| [b"\x80\x04]", item, b"a."].concat();
    for (one, other) in [
        (long_text(100_000, b'1'), long_text(100_000, b'2')),
        (long_tuple(5000, 1), long_tuple(5000, 2)),
        (long_int(75_000, 1), long_int(75_000, 2)),
        (long_int(3000, 1), long_int(3000, 2)),
    ] {
        for holder in [&set as &dyn Fn(&[u8]) -> Vec<u8>, &old_set, &dict, &list] {
            let (left, right) = (holder(&one), holder(&other));
            assert_eq!(compared(&left, &right), Sameness::Different);
            assert_eq!(compared(&left, &rewritten(&left)), Sameness::Same);
        }
        // Among others a member is found by its text, which may leave something out.
        assert_ne!(compared(&two(&one), &two(&other)), Sameness::Same);
    }
}

#[test]
fn long_texts_of_json_are_compared_from_their_first_character() {
    let long = "y".repeat(300_000);
    let json = |first: char| format!("[\"{first}{long}\", \"zzzzzzzzzzzzzzzz\"]").into_bytes();
    let pickle = |first: u8| {
        let mut pickle = b"\x80\x04](".to_vec();
        pickle.extend([&b"X\xe1\x93\x04\x00"[..], &[first], long.as_bytes()].concat());
        pickle.extend(b"\x8c\x10zzzzzzzzzzzzzzzze.");
        pickle
    };
    let spaced = [json('X').as_slice(), b" "].concat();
    for (carriers, left, right, expected) in [
        (
            [Carrier::Json; 2],
            json('X'),
            json('Y'),
            Sameness::Different,
        ),
        ([Carrier::Json; 2], json('X'), spaced, Sameness::Same),
        (
            [Carrier::Json, Carrier::Pickle],
            json('X'),
            pickle(b'X'),
            Sameness::Same,
        ),
        (
            [Carrier::Pickle, Carrier::Json],
            pickle(b'X'),
            json('Y'),
            Sameness::Different,
        ),
    ] {
        assert_eq!(compared_as(carriers, &left, &right), expected);
    }
}

#[test]
fn the_order_of_keys_and_members_makes_no_difference() {
    let left = b"\x80\x04}(\x8c\x01aK\x01\x8c\x01bK\x02u.";
    let right = b"\x80\x04}(\x8c\x01bK\x02\x8c\x01aK\x01u.";
    let other = b"\x80\x04}(\x8c\x01bK\x01\x8c\x01aK\x02u.";
    assert_eq!(compared(left, right), Sameness::Same);
    assert_eq!(compared(left, other), Sameness::Different);
    let (left, right) = (
        b"\x80\x04\x8f(K\x01K\x02\x90.",
        b"\x80\x04\x8f(K\x02K\x01\x90.",
    );
    assert_eq!(compared(left, right), Sameness::Same);
}

#[test]
fn keys_that_begin_alike_are_two() {
    let id = |key: Vec<u8>| {
        let pickle = [b"\x80\x04", key.as_slice(), b"."].concat();
        NativeKey::Pickled(pickle).identity(KeyTypes::Apart)
    };
    assert_ne!(id(long_tuple(5000, 1)), id(long_tuple(5000, 2)));
    assert_ne!(id(long_int(75_000, 1)), id(long_int(75_000, 2)));
    // One object by two protocols is one key.
    assert_eq!(id(b"K\x01K\x02\x86".to_vec()), id(b"(K\x01K\x02t".to_vec()));
}
