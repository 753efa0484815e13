//! Saved values are what the formats' own readers make of the value again.

use std::sync::Arc;

use super::*;
use crate::formats::{Carrier, NoSideFiles, Options, open_value};
use crate::source::MemoryReader;

fn opened(bytes: &[u8], carrier: Carrier) -> Preview {
    let bytes = Arc::new(MemoryReader::new(bytes));
    open_value(bytes, carrier, &NoSideFiles, &Options::GLANCE).unwrap()
}

fn saved(bytes: &[u8], form: SaveAs) -> Result<String> {
    written(&opened(bytes, Carrier::Pickle), form)
}

fn written(preview: &Preview, form: SaveAs) -> Result<String> {
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
    let preview = opened(&pickle, Carrier::Pickle);
    let n_asked = std::cell::Cell::new(0_u32);
    let is_cancelled = || {
        n_asked.set(n_asked.get() + 1);
        n_asked.get() > 20
    };
    let mut out = Vec::new();
    assert!(!preview.save(SaveAs::Json, &is_cancelled, &mut out).unwrap());
    assert!(out.len() < 10 << 20);
}

/// `numpy.array` of objects as numpy pickles it, with the shape `(n,)` and a list of what `items` push.
fn object_array(n: u64, items: &[u8]) -> Vec<u8> {
    let mut pickle =
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85U\x01btR(K\x01\x8a\x08"
            .to_vec();
    pickle.extend(n.to_le_bytes());
    pickle.extend(b"\x85cnumpy\ndtype\nU\x02O8K\0K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb\x89](");
    pickle.extend(items);
    pickle.extend(b"etb");
    pickle
}

fn pickled(body: &[u8]) -> Vec<u8> {
    [b"\x80\x02", body, b"."].concat()
}

fn text_of(len: usize) -> Vec<u8> {
    let mut pushed = b"X".to_vec();
    pushed.extend(u32::try_from(len).unwrap().to_le_bytes());
    pushed.extend(vec![b'y'; len]);
    pushed
}

/// `[0, 1, …, 99]`, and what pushes it.
fn long_list() -> (String, Vec<u8>) {
    let numbers: Vec<String> = (0..100).map(|n: u8| n.to_string()).collect();
    let pushed = (0..100).flat_map(|n| [b'K', n]);
    let pushed: Vec<u8> = b"](".iter().copied().chain(pushed).chain(*b"e").collect();
    (numbers.join(", "), pushed)
}

#[test]
fn objects_in_cells_are_saved_whole() {
    let (numbers, list) = long_list();
    // [[numbers]]
    let rows = pickled(&[b"](](", &list[..], b"ee"].concat());
    assert_eq!(
        saved(&rows, SaveAs::Csv).unwrap(),
        format!("\"[{numbers}]\"\n")
    );
    // {1: numbers}
    let dict = pickled(&[b"}(K\x01", &list[..], b"u"].concat());
    assert_eq!(
        saved(&dict, SaveAs::Csv).unwrap(),
        format!("key,value\n1,\"[{numbers}]\"\n")
    );
    let array = pickled(&object_array(2, &[&list[..], b"K\x07"].concat()));
    assert_eq!(
        saved(&array, SaveAs::Csv).unwrap(),
        format!("\"[{numbers}]\"\n7\n")
    );
    assert_eq!(
        saved(&array, SaveAs::Json).unwrap(),
        format!("[[{}],7]\n", numbers.replace(' ', ""))
    );
}

#[test]
fn long_texts_are_saved_whole_or_not_at_all() {
    // Longer than what is kept of a text where it lies.
    let (len, text) = (300_000, text_of(300_000));
    let list = pickled(&[b"](", &text[..], b"e"].concat());
    assert_eq!(
        saved(&list, SaveAs::Csv).unwrap(),
        format!("{}\n", "y".repeat(len))
    );
    let array = pickled(&object_array(2, &[&text[..], &text].concat()));
    let each = "y".repeat(len);
    assert_eq!(
        saved(&array, SaveAs::Csv).unwrap(),
        format!("{each}\n{each}\n")
    );
    assert_eq!(
        saved(&array, SaveAs::Json).unwrap(),
        format!("[\"{each}\",\"{each}\"]\n")
    );
    // Inside of a list there is only its head to print.
    let nested = pickled(&[b"](](](", &text[..], b"eee"].concat());
    let why = saved(&nested, SaveAs::Csv).unwrap_err();
    assert!(why.to_string().contains("whole"), "{why}");
    assert_eq!(
        saved(&nested, SaveAs::Json).unwrap(),
        format!("[[[\"{each}\"]]]\n")
    );
}

#[test]
fn arrays_inside_of_values_are_saved_as_lists_or_not_at_all() {
    let array = object_array(2, b"K\x05K\x06");
    let dict = pickled(&[b"}(K\x01", &array[..], b"u"].concat());
    assert_eq!(saved(&dict, SaveAs::Json).unwrap(), "{\"1\":[5,6]}\n");
    assert_eq!(
        saved(&dict, SaveAs::Csv).unwrap(),
        "key,value\n1,\"[5,6]\"\n"
    );
    // [[[array]]]: in a row, a list that can only be printed.
    let rows = pickled(&[b"](](](", &array[..], b"eee"].concat());
    let why = saved(&rows, SaveAs::Csv).unwrap_err();
    assert!(why.to_string().contains("holds arrays"), "{why}");
}

#[test]
fn an_array_that_claims_more_than_it_holds_is_not_saved() {
    let array = pickled(&object_array(1 << 40, b"K\x01K\x02"));
    for form in [SaveAs::Csv, SaveAs::Json] {
        let why = saved(&array, form).unwrap_err();
        assert!(why.to_string().contains("holds 2 objects"), "{why}");
    }
    let nothing = npy("|V0", "(1000000000000,)", &[]);
    for form in [SaveAs::Csv, SaveAs::Json] {
        let why = written(&opened(&nothing, Carrier::Unknown), form).unwrap_err();
        assert!(why.to_string().contains("without bytes"), "{why}");
    }
}

#[test]
fn a_save_of_many_rows_can_be_cancelled() {
    let preview = opened(
        &npy("|u1", "(1000000,)", &vec![0; 1_000_000]),
        Carrier::Unknown,
    );
    for form in [SaveAs::Csv, SaveAs::Json, SaveAs::Npy] {
        let n_asked = std::cell::Cell::new(0_u32);
        let is_cancelled = || {
            n_asked.set(n_asked.get() + 1);
            n_asked.get() > 2
        };
        let mut out = Vec::new();
        assert!(!preview.save(form, &is_cancelled, &mut out).unwrap());
        assert!(out.len() < 1_000_000, "{form:?}");
    }
}

#[test]
fn elements_larger_than_a_read_are_shown_and_saved() {
    let text: Vec<u8> = std::iter::repeat_n([b'u', 0, 0, 0], 70_000)
        .flatten()
        .collect();
    let texts = opened(&npy("<U70000", "(2,)", &text.repeat(2)), Carrier::Unknown);
    assert_eq!(texts.array.as_ref().unwrap().first.len(), 2);
    let each = "u".repeat(70_000);
    assert_eq!(
        written(&texts, SaveAs::Csv).unwrap(),
        format!("{each}\n{each}\n")
    );
    let records = npy(
        "[('a', '<f8', (40000,)), ('b', '|u1')]",
        "(2,)",
        &vec![0; 640_002],
    );
    let records = opened(&records, Carrier::Unknown);
    assert_eq!(records.array.as_ref().unwrap().first.len(), 2);
    let zeros = vec!["0.0"; 40_000];
    assert_eq!(
        written(&records, SaveAs::Json).unwrap(),
        format!("[[[{0}],0],[[{0}],0]]\n", zeros.join(","))
    );
    let saved = written(&records, SaveAs::Csv).unwrap();
    assert_eq!(saved.matches("0.0").count(), 80_000);
}

/// A `.npy` file.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let descr = if descr.starts_with('[') {
        descr.to_owned()
    } else {
        format!("'{descr}'")
    };
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
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
