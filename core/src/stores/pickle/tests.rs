//! Files of pickles as stores.

use super::*;
use crate::model::{Cancel, Condition, Progress, Snapshot};
use crate::stores::open_all;

fn store(bytes: &[u8]) -> (tempfile::TempDir, Result<Store>) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("value");
    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    std::fs::write(&path, bytes).unwrap();
    let store = open_all(&path).and_then(|found| Store::open(&found[0]));
    (temp, store)
}

fn keys(store: &Store) -> Vec<String> {
    let snapshot = Snapshot::read(store, &Cancel::default(), &Progress::default()).unwrap();
    let keys = snapshot
        .records()
        .map(|(_, record)| record.key_text().into_owned());
    keys.collect()
}

/// `{0: b"..", 1: b"..", …}` at protocol 3, each value of `len` bytes.
fn dict(n_keys: u16, len: u8) -> Vec<u8> {
    let mut bytes = b"\x80\x03}(".to_vec();
    for key in 0..n_keys {
        bytes.push(b'M');
        bytes.extend(key.to_le_bytes());
        bytes.extend([b'C', len]);
        bytes.extend(vec![7; len.into()]);
    }
    bytes.extend(b"u.");
    bytes
}

#[test]
fn text_is_no_pickle_however_it_begins() {
    for text in [
        "N.B. this is text",
        "K. went home.",
        "I.\n",
        "].\nmore",
        "Vanilla\n.\n",
        "(setq x 1)",
        "{\"a\": 1}",
        "\u{80}",
    ] {
        assert!(store(text.as_bytes()).1.is_err(), "{text}");
    }
    // A PostScript font, whose length stands behind these two bytes; the last one could be read as far as it is here.
    for font in [
        &b"\x80\x01b\x03\0\0%!PS-AdobeFont-1.0: C059-Bold 1.00\n"[..],
        b"\x80\x01\x5d\x03",
    ] {
        assert!(store(font).1.is_err(), "{font:?}");
    }
    // pickle.dumps(("I", 1), 0), and two of them.
    for pickle in [
        "(VI\np0\nI1\ntp1\n.",
        "(VI\np0\nI1\ntp1\n.(VI\np0\nI1\ntp1\n.",
    ] {
        let store = store(pickle.as_bytes()).1.unwrap();
        assert_eq!(store.info.kind, PICKLE, "{pickle}");
    }
}

#[test]
fn pickles_of_the_old_protocols_are_known_wherever_the_head_of_the_file_ends() {
    // `N.` and one text, of 4096 bytes in all, one more and many more.
    for n in [4085, 4086, 4087, 100_000] {
        let text = [b"N.V".as_slice(), &vec![b'x'; n], b"\np0\n."].concat();
        let (_temp, store) = store(&text);
        assert_eq!(keys(&store.unwrap()), ["0", "1"], "{n}");
    }
    // pickle.dump({1: 2}, file, 1) and pickle.dump(ValueError(1), file, 0), many times
    let dict = b"}q\0K\x01K\x02s.".repeat(600);
    let (_temp, dicts) = store(&dict);
    assert_eq!(keys(&dicts.unwrap()).len(), 600);
    let error = b"cexceptions\nValueError\np0\n(I1\ntp1\nRp2\n.".repeat(200);
    let (_temp, errors) = store(&error);
    assert_eq!(keys(&errors.unwrap()).len(), 200);
    // What follows the first is none.
    let text = [b"N.V".as_slice(), &[b'x'; 5000], b"\nno pickle"].concat();
    assert!(store(&text).1.is_err());
}

#[test]
fn large_pickles_of_the_old_protocols_are_known() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("value");
    // pickle.dump('\0' * 70_000_000, file, 1), of which the file system keeps two pages.
    {
        use std::io::{Seek as _, SeekFrom, Write as _};
        #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(b"X").unwrap();
        file.write_all(&70_000_000_u32.to_le_bytes()).unwrap();
        file.seek(SeekFrom::Start(70_000_005)).unwrap();
        file.write_all(b"q\0.").unwrap();
    }
    assert_eq!(open_all(&path).unwrap()[0].kind, PICKLE);
    // pickle.dump([1] * 1_000_000, gzip file, 0)
    let list = [
        b"(lp0\n".to_vec(),
        b"I1\na".repeat(1_000_000),
        b".".to_vec(),
    ]
    .concat();
    let gzip = |bytes: &[u8]| {
        let mut packed = Vec::new();
        crate::formats::compress::pack(Codec::Gzip, bytes, &mut packed).unwrap();
        store(&packed).1
    };
    assert_eq!(gzip(&list).unwrap().info.kind, JOBLIB_DUMP);
    // `T` and the length of a text to come.
    assert!(gzip(&b"This is a text. ".repeat(500_000)).is_err());
}

#[test]
fn a_text_that_names_joblib_makes_no_joblib_dump() {
    let name = b"joblib.numpy_pickle";
    let mut bytes = vec![0x80, 4, 0x8c, u8::try_from(name.len()).unwrap()];
    bytes.extend(name);
    bytes.push(b'.');
    assert_eq!(store(&bytes).1.unwrap().info.kind, PICKLE);
}

#[test]
fn checking_each_key_reads_the_file_a_few_times_and_not_once_a_key() {
    let bytes = dict(1000, 100);
    let (_temp, store) = store(&bytes);
    let store = store.unwrap();
    let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
    let before = store.parent.tally().work().bytes;
    for (_, record) in snapshot.records() {
        let value = store.open_value(&record.entry_key()).unwrap();
        let checked = value.check(&Limits::DEEP).unwrap();
        assert!(checked.is_read_to_end && checked.problems.is_empty());
    }
    let read = store.parent.tally().work().bytes - before;
    // Input comes in windows, so that a small value costs more than its own bytes.
    assert!(read < 1000 * (64 << 10), "{read} bytes read");
}

#[test]
fn a_torn_dict_lists_what_it_holds_and_every_key_is_damaged() {
    let whole = dict(10, 20);
    let (_temp, store) = store(&whole[..whole.len() / 2]);
    let store = store.unwrap();
    let keys = keys(&store);
    assert!(keys.is_empty() || keys.len() < 10, "{keys:?}");
    for key in keys {
        let key = EntryKey {
            group: [].into(),
            key: key.into_bytes().into(),
            ordinal: 0,
        };
        let checked = store
            .open_value(&key)
            .unwrap()
            .check(&Limits::DEEP)
            .unwrap();
        assert!(checked.problems.iter().any(Problem::is_damage));
    }
}

#[test]
fn arrays_beside_an_old_dump_go_with_it() {
    let (temp, store) = store(b"\x80\x02cjoblib.numpy_pickle\nNDArrayWrapper\nq\x01.");
    let store = store.unwrap();
    assert_eq!(store.info.kind, JOBLIB_DUMP);
    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    for name in [
        "value_01.npy",
        "value_02.npy.z",
        "value_x.npy",
        "value2_01.npy",
    ] {
        std::fs::write(temp.path().join(name), "").unwrap();
    }
    let key = store.whole().unwrap().unwrap();
    let Removal::Shared { mut paths } = store.removal(&key).unwrap() else {
        panic!("the parts of a file go together")
    };
    paths.sort();
    assert_eq!(
        paths,
        ["value", "value_01.npy", "value_02.npy.z"].map(Path::new)
    );
}

#[test]
fn a_plan_for_all_keys_lists_the_folder_a_few_times_and_not_once_a_key() {
    let mut bytes = dict(500, 4);
    // An array of joblib's as the last value makes it a dump.
    bytes.truncate(bytes.len() - 2);
    bytes.extend(b"X\x01\0\0\0acjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81u.");
    let (_temp, store) = store(&bytes);
    let store = store.unwrap();
    assert_eq!(store.info.kind, JOBLIB_DUMP);
    let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
    let before = store.parent.tally().work().lists;
    let records = snapshot.records().map(|(_, record)| record);
    let plan = crate::clear::Plan::new(&store, records).unwrap();
    assert_eq!(plan.removals.len(), snapshot.records().count());
    assert!(plan.removals.len() > 500);
    let listed = store.parent.tally().work().lists - before;
    assert!(listed < 10, "{listed} times");
}

/// As `pickle.load` does, whichever item is wanted: what stands around the items runs too.
#[test]
fn code_around_the_items_of_a_dict_is_told_of_each_key() {
    let options = CheckOptions {
        is_deep: true,
        ..CheckOptions::default()
    };
    let call = b"cos\nsystem\nU\x02id\x85R";
    let plain: &[u8] = b"}(U\x01aK\x01U\x01bK\x02u";
    let before = [b"\x80\x02", &call[..], b"0", plain, b"."].concat();
    let behind = [b"\x80\x02", plain, &call[..], b"0."].concat();
    let within = [b"\x80\x02}(U\x01a", &call[..], b"U\x01bK\x02u."].concat();
    let harmless = [b"\x80\x02", plain, b"."].concat();
    for (bytes, n_expected) in [(before, 1), (behind, 1), (within, 0), (harmless, 0)] {
        let (_temp, store) = store(&bytes);
        let store = store.unwrap();
        assert_eq!(keys(&store), ["a", "b"]);
        for key in keys(&store) {
            let key = EntryKey {
                group: [].into(),
                key: key.into_bytes().into(),
                ordinal: 0,
            };
            let findings = store.check(&key, &options).unwrap();
            let told = findings
                .iter()
                .filter(|f| f.condition == Condition::CallsCode);
            assert_eq!(told.count(), n_expected, "{bytes:?}");
        }
    }
}

#[test]
fn a_snippet_of_a_later_pickle_loads_those_before_it() {
    use crate::formats::compress::pack;
    let script = |bytes: &[u8], n: usize| {
        let (_temp, store) = store(bytes);
        let store = store.unwrap();
        let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
        let (_, record) = snapshot.records().nth(n).unwrap();
        let codec: Vec<String> = match bytes {
            [0x1f, ..] => vec!["gzip".to_owned(), "pickle".to_owned()],
            [0x78, ..] => vec!["zlib".to_owned(), "pickle".to_owned()],
            _ => vec!["pickle".to_owned()],
        };
        let script = store.python(&record.entry_key(), &codec).unwrap().unwrap();
        script.replace(&store.info.path.display().to_string(), "F")
    };
    let twice = b"\x80\x04K\x01.\x80\x04K\x02.";
    assert_eq!(
        script(twice, 1),
        "import pickle\n\nwith open('F', 'rb') as file:\n    for _ in range(2):\n        value = pickle.load(file)\n"
    );
    let packed = |codec| {
        let mut packed = Vec::new();
        pack(codec, twice, &mut packed).unwrap();
        packed
    };
    assert_eq!(
        script(&packed(Codec::Gzip), 0),
        "import joblib\n\nvalue = joblib.load('F')\n"
    );
    assert_eq!(
        script(&packed(Codec::Gzip), 1),
        "import gzip\nimport joblib\n\nwith gzip.open('F', 'rb') as file:\n    for _ in range(2):\n        value = joblib.load(file)\n"
    );
    let zlib = script(&packed(Codec::Zlib), 1);
    assert!(
        zlib.contains("io.BytesIO(zlib.decompress(packed.read()))"),
        "{zlib}"
    );
}
