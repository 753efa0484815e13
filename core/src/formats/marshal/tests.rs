//! Streams written by real Pythons; the comments give the command.

use super::*;

fn decoded(bytes: &[u8]) -> Marshalled {
    decode_bare(bytes, &Limits::PREVIEW)
}

fn check(bytes: &[u8], expected: &[i64]) {
    let decoded = decoded(bytes);
    assert!(decoded.problem.is_none(), "{:?}", decoded.problem);
    assert_eq!(decoded.end, bytes.len());
    let value = &decoded.value;
    let ints: Vec<_> = value
        .items(value.root())
        .filter_map(|n| value.int(n))
        .collect();
    assert_eq!(ints, expected);
}

#[test]
fn long_integers_of_both_signs() {
    // marshal.dumps([2**40, -2**40, -1, 2**31, 0x7fff], 4) in CPython 3.13
    check(
        b"[\x05\0\0\0\xec\x03\0\0\0\0\0\0\0\0\x04\xec\xfd\xff\xff\xff\0\0\0\0\0\x04\xe9\xff\xff\xff\xff\xec\x03\0\0\0\0\0\0\0\x02\0\xe9\xff\x7f\0\0",
        &[1 << 40, -(1 << 40), -1, 1 << 31, 0x7fff],
    );
}

#[test]
fn a_string_written_once_is_one_node_everywhere() {
    // s = "shared" * 3; marshal.dumps([s, s, (s, s)], 4) in CPython 3.13
    let decoded = decoded(b"[\x03\0\0\0\xda\x12sharedsharedsharedr\0\0\0\0)\x02r\0\0\0\0r\0\0\0\0");
    assert!(decoded.problem.is_none());
    let value = &decoded.value;
    let items: Vec<_> = value.items(value.root()).collect();
    assert_eq!(items.len(), 3);
    assert_eq!(items[0], items[1]);
    assert_eq!(value.str(items[0]).unwrap(), "sharedsharedshared");
    assert_eq!(
        value.items(items[2]).collect::<Vec<_>>(),
        [items[0], items[0]]
    );
}

#[test]
fn strings_of_python_2_are_found_again_by_number() {
    // marshal.dumps(['a', 'b', 'a', 'b'], 2) in CPython 2.7; version 1 is the same
    let decoded = decoded(b"[\x04\0\0\0t\x01\0\0\0at\x01\0\0\0bR\0\0\0\0R\x01\0\0\0");
    assert!(decoded.problem.is_none(), "{:?}", decoded.problem);
    let value = &decoded.value;
    assert_eq!(value.repr(value.root(), 100).text, "['a', 'b', 'a', 'b']");
}

#[test]
fn dicts_end_with_null_and_nest() {
    // marshal.dumps({1: {2: 3}, 4: []}, 4) in CPython 3.13
    let decoded =
        decoded(b"{\xe9\x01\0\0\0{\xe9\x02\0\0\0\xe9\x03\0\0\x000\xe9\x04\0\0\0[\0\0\0\x000");
    assert!(decoded.problem.is_none(), "{:?}", decoded.problem);
    let value = &decoded.value;
    let pairs: Vec<_> = value.pairs(value.root()).collect();
    assert_eq!(pairs.len(), 2);
    assert_eq!(value.pairs(pairs[0].1).count(), 1);
}

#[test]
fn every_prefix_of_a_stream_is_a_problem_and_no_panic() {
    let whole = b"{\xe9\x01\0\0\0{\xe9\x02\0\0\0\xe9\x03\0\0\x000\xe9\x04\0\0\0[\0\0\0\x000";
    for n in 0..whole.len() {
        assert!(decoded(&whole[..n]).problem.is_some(), "{n}");
    }
}

#[test]
fn containers_lie_in_each_other_as_deep_as_in_python() {
    // marshal.loads(b'[\1\0\0\0' * n + b'N') is refused from n = 2000 on, by CPython 2.7 as by 3.13.
    let nested = |n| [b"[\x01\0\0\0".repeat(n).as_slice(), b"N"].concat();
    assert!(decoded(&nested(1999)).problem.is_none());
    for unit in [&b"[\x01\0\0\0"[..], b":", b"c", b"{"] {
        let decoded = decoded(&unit.repeat(1_000_000));
        let problem = decoded.problem.unwrap();
        assert_eq!(problem.kind, ProblemKind::Damaged, "{unit:?} {problem}");
        assert!(decoded.end < 50_000, "{unit:?} {problem}");
    }
}

#[test]
fn values_of_a_container_count_before_it_is_closed() {
    let bytes = [&b"[\0\0\x10\0"[..], &b"N".repeat(1 << 20)].concat();
    let limits = Limits {
        nodes: 1000,
        ..Limits::PREVIEW
    };
    let decoded = decode_bare(&bytes, &limits);
    assert!(
        decoded
            .problem
            .is_some_and(|p| p.kind == ProblemKind::Limit)
    );
    assert!(decoded.end < 2000, "{}", decoded.end);
}

#[test]
fn announced_items_beyond_the_end_are_refused_before_they_cost_anything() {
    let decoded = decoded(b"(\xff\xff\xff\xffN");
    assert!(
        decoded
            .problem
            .unwrap()
            .message
            .contains("4294967295 items are announced")
    );
}
