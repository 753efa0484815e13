//! Saved values are what the formats' own readers make of the value again.

use std::sync::Arc;

use super::*;
use crate::formats::{Carrier, NoSideFiles, Options, open_value};
use crate::source::MemoryReader;

fn saved(bytes: &[u8], form: SaveAs) -> Result<String> {
    let bytes = Arc::new(MemoryReader::new(bytes));
    let preview = open_value(bytes, Carrier::Pickle, &NoSideFiles, &Options::GLANCE).unwrap();
    let mut out = Vec::new();
    assert!(preview.save(form, &|| false, &mut out)?);
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn plain_values_become_json() {
    // {'a': [1, 2.5, None, True], 'b': ('x', b'\x00\xff'), 3: 2**70, 'n': float('nan')}
    let pickle = b"\x80\x04}(\x8c\x01a](K\x01G\x40\x04\x00\x00\x00\x00\x00\x00N\x88e\x8c\x01b\x8c\x01xC\x02\x00\xff\x86K\x03\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x40\x8c\x01nG\x7f\xf8\x00\x00\x00\x00\x00\x00u.";
    assert_eq!(
        saved(pickle, SaveAs::Json).unwrap(),
        "{\"a\":[1,2.5,null,true],\"b\":[\"x\",\"AP8=\"],\"3\":1180591620717411303424,\"n\":null}\n"
    );
    // l = []; l.append(l)
    let why = saved(b"\x80\x04]\x94h\x00a.", SaveAs::Json).unwrap_err();
    assert!(why.to_string().contains("holds itself"), "{why}");
}

#[test]
fn text_that_begins_like_a_formula_is_neutralised_in_csv_and_numbers_are_not() {
    // [['=1+1', -5], ['@x', 'plain, "quoted"'], '\t']
    let pickle = b"\x80\x04](](\x8c\x04=1+1J\xfb\xff\xff\xffe](\x8c\x02@x\x8c\x0fplain, \"quoted\"e\x8c\x01\te.";
    assert_eq!(
        saved(pickle, SaveAs::Csv).unwrap(),
        "'=1+1,-5\n'@x,\"plain, \"\"quoted\"\"\"\n'\t\n"
    );
    // ['a\0b']
    let nul = b"\x80\x04]\x8c\x03a\x00ba.";
    assert_eq!(saved(nul, SaveAs::Csv).unwrap(), "a\\x00b\n");
    let why = saved(b"\x80\x04K\x01.", SaveAs::Csv).unwrap_err();
    assert!(why.is_usage());
}

#[test]
fn what_is_incomplete_is_not_saved() {
    let why = saved(b"\x80\x04](K\x01K\x02", SaveAs::Json).unwrap_err();
    assert!(why.is_damaged(), "{why}");
}

#[test]
fn a_shared_bomb_ends_instead_of_filling_the_disk() {
    let mut pickle = b"\x80\x02]".to_vec();
    for _ in 0..64 {
        pickle.extend(b"2\x86");
    }
    pickle.push(b'.');
    let bytes = Arc::new(MemoryReader::new(pickle));
    let preview = open_value(bytes, Carrier::Pickle, &NoSideFiles, &Options::GLANCE).unwrap();
    let n_asked = std::cell::Cell::new(0_u32);
    let is_cancelled = || {
        n_asked.set(n_asked.get() + 1);
        n_asked.get() > 20
    };
    let mut out = Vec::new();
    assert!(!preview.save(SaveAs::Json, &is_cancelled, &mut out).unwrap());
    assert!(out.len() < 10 << 20);
}

#[test]
fn npy_headers_are_numpys_own() {
    use crate::formats::numpy::{Dtype, Field, npy};
    let open = |header: &str, data: &[u8]| {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        npy::open(&crate::formats::Content::of_bytes(bytes)).unwrap()
    };
    // What numpy 2.5 writes for each, by numpy.lib.format.header_data_from_array_1_0.
    for header in [
        "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 4), }",
        "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (), }",
        "{'descr': [('a', '<i4'), ('', '|V4'), ('b', '<f8', (2,)), ('c', [('k', '|u1')]), ('', '|V7')], 'fortran_order': False, 'shape': (2,), }",
    ] {
        let view = open(header, &[]);
        let written = npy::header_of(&view).unwrap();
        assert_eq!(written.len() % 64, 0);
        let text = std::str::from_utf8(&written[10..]).unwrap();
        assert_eq!(text.trim_end(), header);
    }
    let overlapping = Dtype {
        fields: vec![
            Field {
                name: "a".into(),
                dtype: Dtype::int64(),
                offset: 0,
            },
            Field {
                name: "b".into(),
                dtype: Dtype::int64(),
                offset: 4,
            },
        ],
        ..Dtype::from_code("V12").unwrap()
    };
    let mut view = open(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (), }",
        &[],
    );
    view.dtype = overlapping;
    assert_eq!(npy::header_of(&view), None);
}
