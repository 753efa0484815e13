//! Bytes written to hurt: an error or a partial result, within bounds, and never a panic.

use std::io::Read as _;
use std::time::{Duration, Instant};

use super::super::build::Build as _;
use super::super::input::{Input, Keeping};
use super::super::machine::{Budget, Machine, Stop};
use super::super::trace::Trace;
use super::super::*;
use super::Case;
use crate::formats::compress::Codec;
use crate::formats::damage::Random;
use crate::formats::{Content, ProblemKind};
use crate::model::value::CallClass;
use crate::model::{Kind, Limits, NodeId, Value};

/// Does with a pickle whatever the product does, and gives what it decoded to.
fn exercise(bytes: &[u8]) -> Decoded {
    let content = Content::of_bytes(bytes);
    let limits = Limits {
        nodes: 20_000,
        ..Limits::PREVIEW
    };
    let decoded = decode(&content, &limits);
    look_at(&decoded.value);
    check(&content, &limits);
    let skim = skim(&content, &limits);
    for (number, pickle) in skim.pickles.iter().enumerate().take(3) {
        let n_items = pickle.items.as_ref().map_or(0, Vec::len);
        for item in 0..n_items.min(5) {
            if let Some((part, key)) = skim.decode_item(&content, number, item, &limits) {
                look_at(&part.value);
                part.value.repr(key, 100);
            }
        }
    }
    decoded
}

fn look_at(value: &Value) {
    let root = value.root();
    assert!(value.repr(root, 1000).text.chars().count() <= 1000);
    value.label(root);
    value.type_name(root);
    for child in value.children(root, 0..20) {
        value.label(child.node);
        value.is_shared(child.node);
    }
}

#[test]
fn every_prefix_gives_what_there_is_and_says_where_it_ends() {
    // Protocols of one value stand side by side: every other case meets each of them.
    for case in Case::single().into_iter().step_by(3) {
        let bytes = case.bytes();
        if bytes.len() > 400 {
            continue;
        }
        for end in 0..bytes.len() {
            let decoded = exercise(&bytes[..end]);
            assert!(!decoded.is_complete, "{case:?} cut at {end}");
            let problem = &decoded.problems[0];
            assert_eq!(problem.kind, ProblemKind::Damaged);
            assert!(
                problem.offset <= end as u64,
                "{case:?} cut at {end}: {problem}"
            );
        }
    }
}

#[test]
fn damaged_bytes_never_panic() {
    let mut random = Random(7);
    for case in Case::single() {
        let bytes = case.bytes();
        if bytes.len() > 3000 {
            continue;
        }
        for _ in 0..12 {
            exercise(&random.damaged(&bytes));
        }
    }
}

#[test]
fn a_million_nested_lists_decode_print_and_drop() {
    let mut pickle = vec![b']'; 1_000_000];
    pickle.extend(vec![b'a'; 999_999]);
    pickle.push(b'.');
    let limits = Limits {
        nodes: 4_000_000,
        time: Duration::from_mins(1),
        ..Limits::PREVIEW
    };
    let decoded = decode(&Content::of_bytes(pickle), &limits);
    assert!(decoded.is_complete, "{:?}", decoded.problems);
    let value = &decoded.value;
    assert!(value.repr(value.root(), 1000).text.starts_with("[[[["));
    let mut depth = 0_u32;
    let mut at = value.root();
    while let Some(child) = value.children(at, 0..1).pop() {
        at = child.node;
        depth += 1;
    }
    assert_eq!(depth, 999_999);
}

#[test]
fn a_tuple_with_2_to_the_64_leaves_stays_small() {
    let mut pickle = b"\x80\x02K\x01".to_vec();
    for _ in 0..64 {
        pickle.extend(b"2\x86");
    }
    pickle.push(b'.');
    let decoded = decode_bytes(&pickle);
    assert!(decoded.is_complete);
    assert!(decoded.value.n_nodes() < 300);
    let repr = decoded.value.repr(decoded.value.root(), 1000);
    assert!(repr.is_cut && repr.text.chars().count() == 1000);
}

#[test]
fn claimed_lengths_are_not_believed() {
    for pickle in [
        &b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc"[..],
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc",
        b"\x80\x05\x96\x00\x00\x00\x00\x00\x00\x00\x40abc",
        b"B\xff\xff\xff\xffabc",
        b"T\xff\xff\xff\xffabc",
        b"\x8b\xff\xff\xff\xffabc",
        b"\x8b\xff\xff\xff\x7fabc",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.",
        b"r\xff\xff\xff\xff.",
        b"Nr\xff\xff\xff\xffj\xfe\xff\xff\xff.",
    ] {
        let decoded = exercise(pickle);
        assert!(decoded.is_damaged(), "{pickle:?}");
        assert!(decoded.value.size_bytes() < 1 << 20, "{pickle:?}");
    }
}

#[test]
fn the_last_memo_slot_costs_one_slot() {
    let decoded = exercise(b"]r\xff\xff\xff\xffj\xff\xff\xff\xffa.");
    assert!(decoded.is_complete);
    assert_eq!(
        decoded.value.repr(decoded.value.root(), 100).text,
        "[[...]]"
    );
}

/// Decodes under the limits of a preview and asserts that time and memory stay within them.
fn within_budget(bytes: Vec<u8>) -> Decoded {
    let content = Content::of_bytes(bytes).peel(Codec::detect);
    let started = Instant::now();
    let decoded = decode(&content, &Limits::PREVIEW);
    let size = decoded.value.size_bytes();
    assert!(size < 200 << 20, "{size} bytes");
    // What lay on the stack is shown too.
    assert!(decoded.value.n_nodes() < 6_000_000);
    // The limit is two seconds; a busy machine gets some more.
    assert!(started.elapsed() < Duration::from_secs(20));
    decoded
}

#[test]
fn floods_of_marks_memo_slots_and_copies_end_at_the_limit() {
    for (unit, first) in [
        (&b"("[..], &b""[..]),
        (b"\x94", b"N"),
        (b"2", b"N"),
        (b"]", b""),
        (b"N\x94", b""),
        (b")\x85", b""),
        (b"2\x86", b"N"),
    ] {
        let mut pickle = first.to_vec();
        pickle.extend(unit.repeat(12_000_000 / unit.len()));
        let decoded = within_budget(pickle);
        let kinds: Vec<ProblemKind> = decoded.problems.iter().map(|p| p.kind).collect();
        assert!(
            !decoded.is_complete && kinds.contains(&ProblemKind::Limit),
            "{unit:?} {kinds:?}"
        );
    }
}

#[test]
fn numbers_of_millions_of_digits_print_at_once() {
    let mut long4 = b"\x80\x02\x8b\x00\x00\x00\x01".to_vec();
    long4.extend(vec![0x7f; 16 << 20]);
    long4.push(b'.');
    let decoded = within_budget(long4);
    let repr = decoded.value.repr(decoded.value.root(), 1000);
    assert!(
        repr.text.starts_with("<int of 134217728 bits"),
        "{}",
        repr.text
    );

    let mut line = b"I".to_vec();
    line.extend(vec![b'7'; 2_000_000]);
    line.extend(b"\n.");
    let decoded = within_budget(line);
    let repr = decoded.value.repr(decoded.value.root(), 1000);
    assert_eq!((repr.text.len(), repr.is_cut), (1000, true));
}

#[test]
fn a_zlib_bomb_is_left_at_the_limit() {
    let mut bomb = Vec::new();
    let mut plain = b"\x80\x04\x8e\x00\x00\x00\x80\x00\x00\x00\x00".to_vec();
    plain.extend(b"\x00".repeat(64));
    flate2::read::ZlibEncoder::new(
        plain.as_slice().chain(std::io::repeat(b'N').take(1 << 28)),
        flate2::Compression::fast(),
    )
    .read_to_end(&mut bomb)
    .unwrap();
    assert!(bomb.len() < 4 << 20);
    let decoded = within_budget(bomb);
    assert!(!decoded.is_complete);
}

#[test]
fn old_and_odd_pickles_are_read() {
    let text = |pickle: &[u8]| {
        let value = exercise(pickle).value;
        value.repr(value.root(), 1000).text
    };
    assert_eq!(
        text(b"(lp0\nI1\naI01\naL5L\naF1.5\na."),
        "[1, True, 5, 1.5]"
    );
    assert_eq!(text(b"(S'a'\nI1\nS'b'\nI2\nd."), "{'a': 1, 'b': 2}");
    assert_eq!(text(b"S'caf\\xc3\\xa9'\n."), "'caf\\xc3\\xa9'");
    assert_eq!(
        text(b"(S'x'\ni__main__\nOld\np0\n(dS'n'\nI1\nsb."),
        "__main__.Old('x', n=1)"
    );
    assert_eq!(text(b"Pstorage-7\n."), "<persistent id 'storage-7'>");
    assert_eq!(text(b"\x80\x02\x82\x05."), "<extension 5>");
    assert_eq!(text(b"\x80\x05\x97\x98."), "<buffer 0>");
    assert_eq!(text(b"\x80\x04(K\x01K\x02\x90."), "(1, 2)");
}

#[test]
fn a_partial_list_keeps_what_was_read() {
    let decoded = exercise(b"\x80\x04](K\x01K\x02}(\x8c\x01aK\x03");
    assert_eq!(
        decoded.value.repr(decoded.value.root(), 100).text,
        "[1, 2, {'a': 3}]"
    );
    assert_eq!(decoded.problems[0].offset, 15);
}

#[test]
fn unhashable_keys_and_misfits_are_damage() {
    for pickle in [
        &b"}]K\x01s."[..],
        b"\x8f(}\x90.",
        b"K\x01K\x02a.",
        b")K\x02K\x03s.",
        b"]}b.",
    ] {
        let decoded = exercise(pickle);
        assert!(decoded.is_damaged(), "{pickle:?}");
    }
}

#[test]
fn joblib_wrappers_that_lie_are_refused() {
    let wrapper = |shape: &[u8], code: &[u8]| {
        let mut pickle = b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\x00\x00\x00dtypecnumpy\ndtype\n".to_vec();
        pickle.extend([b'X', u8::try_from(code.len()).unwrap(), 0, 0, 0]);
        pickle.extend(code);
        pickle.extend(b"\x89\x88\x87RX\x05\x00\x00\x00shape");
        pickle.extend(shape);
        pickle.extend(b"ubabcdefgh.");
        pickle
    };
    for (shape, code) in [
        (&b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40\x86"[..], &b"f8"[..]),
        (b"K\x05\x85", b"V2147483647"),
        (b"J\xff\xff\xff\xff\x85", b"f8"),
        (b"]", b"q7"),
        (b"N", b"f8"),
    ] {
        let decoded = exercise(&wrapper(shape, code));
        assert!(decoded.is_damaged(), "{shape:?} {code:?}");
        assert!(check(&Content::of_bytes(wrapper(shape, code)), &Limits::PREVIEW).problems[0].is_damage());
    }
    let sound = exercise(&wrapper(b"K\x01\x85", b"f8"));
    assert!(sound.is_complete, "{:?}", sound.problems);
    assert_eq!(sound.value.kind(sound.value.root()), Kind::Array);
    assert_ne!(sound.value.root(), NodeId::NONE);
}

/// Bytes of all names that a decoded pickle keeps and tells.
fn name_bytes(decoded: &Decoded) -> usize {
    let names = decoded
        .value
        .names
        .iter()
        .map(|name| name.module.len() + name.qualname.len());
    let calls = decoded.calls.iter().map(|call| call.name.len());
    names
        .chain(calls)
        .chain(decoded.globals.iter().map(String::len))
        .sum()
}

#[test]
fn chains_of_getattr_and_endless_names_cost_a_name() {
    let chain = |attribute: &[u8]| {
        let mut pickle = b"\x80\x02c__builtin__\ngetattr\nq\x00X".to_vec();
        pickle.extend(u32::try_from(attribute.len()).unwrap().to_le_bytes());
        pickle.extend(attribute);
        pickle.extend(b"q\x01ccollections\nOrderedDict\nq\x02000");
        pickle.extend(b"h\x00h\x02h\x01\x86Rq\x020".repeat(400));
        pickle.extend(b"h\x02)R.");
        pickle
    };
    for pickle in [
        chain(&[b'a'; 40]),
        chain(&[b'a'; 4000]),
        chain(&vec![b'a'; 60_000]),
        [b"c".as_slice(), &vec![b'a'; 3 << 20], b"\nx\n)R."].concat(),
        [b"cx\n".as_slice(), &vec![b'a'; 3 << 20], b"\n)R."].concat(),
        [
            b"\x80\x04V".as_slice(),
            &vec![b'a'; 3 << 20],
            b"\n\x8c\x01x\x93)R.",
        ]
        .concat(),
    ] {
        let decoded = exercise(&pickle);
        let n = name_bytes(&decoded);
        assert!(n < 1 << 20, "{n} bytes of names");
        assert!(
            decoded
                .calls
                .iter()
                .any(|call| call.class == CallClass::Code),
            "{:?}",
            decoded.calls
        );
    }
}

#[test]
fn a_flood_of_names_is_one_name() {
    let mut pickle = b"\x80\x02".to_vec();
    for n in 0..30_000 {
        pickle.extend(format!("cm{n:0>1000}\nx\n0").into_bytes());
    }
    pickle.extend(b"cos\nsystem\n)R.");
    let decoded = decode(
        &Content::of_bytes(pickle),
        &Limits {
            time: Limits::DEEP.time,
            ..Limits::PREVIEW
        },
    );
    assert!(decoded.is_complete, "{:?}", decoded.problems);
    let n = name_bytes(&decoded);
    assert!(n < 40 << 20, "{n} bytes of names");
    assert!(
        decoded
            .calls
            .iter()
            .any(|call| call.class == CallClass::Code),
        "{:?}",
        decoded.calls
    );
}

#[test]
fn wrappers_and_types_of_arrays_count() {
    let mut pickle = b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\nq\x000".to_vec();
    pickle.extend(b"h\x00)\x810".repeat(5000));
    let content = Content::of_bytes(pickle);
    let budget = Budget {
        nodes: 1000,
        slots: 1 << 20,
        deadline: Instant::now() + Duration::from_mins(5),
    };
    let input = Input::new(&content, Keeping::Window, u64::MAX, budget.deadline);
    let mut machine = Machine::new(input, Trace::default(), budget);
    assert!(matches!(machine.run(), Stop::Limit(_)));
    assert!(machine.build.n_nodes() < 20_000);
}
