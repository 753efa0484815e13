//! `show -o`: values saved in common formats, whole or not at all, and never into a store.

use std::fs;
use std::path::Path;

use crate::support::program;

/// {'a': [1, 2.5, None], '=x': b'\x00\xff'}
const DICT: &[u8] =
    b"\x80\x04}(\x8c\x01a](K\x01G\x40\x04\x00\x00\x00\x00\x00\x00Ne\x8c\x02=xC\x02\x00\xffu.";

fn show(args: &[&str]) -> program::Said {
    program::say(std::iter::once("show").chain(args.iter().copied()))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_value_is_saved_as_its_extension_says_and_replaces_a_file_at_once() {
    let temp = tempfile::tempdir().unwrap();
    let (store, out) = (temp.path().join("d.pickle"), temp.path().join("d.json"));
    fs::write(&store, DICT).unwrap();
    fs::write(&out, "old").unwrap();
    let said = show(&[text(&store), "-o", text(&out)]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(
        fs::read_to_string(&out).unwrap(),
        "{\"a\":[1,2.5,null],\"=x\":\"AP8=\"}\n"
    );
    let raw = temp.path().join("copy");
    assert_eq!(show(&[text(&store), "-o", text(&raw)]).code, 0);
    assert_eq!(fs::read(&raw).unwrap(), DICT);
    let csv = temp.path().join("any");
    let said = show(&[text(&store), "-o", text(&csv), "--as", "csv"]);
    assert_eq!(said.code, 0, "{said:?}");
    let saved = fs::read_to_string(&csv).unwrap();
    assert!(
        saved.starts_with("key,value\na,") && saved.contains("'=x"),
        "{saved}"
    );
    // Nothing else was left in the folder.
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 4);
}

#[test]
fn what_a_format_cannot_carry_leaves_no_file() {
    let temp = tempfile::tempdir().unwrap();
    let (store, out) = (temp.path().join("d.pickle"), temp.path().join("d.npy"));
    fs::write(&store, DICT).unwrap();
    let said = show(&[text(&store), "-o", text(&out)]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("one array"), "{said:?}");
    fs::write(&store, &DICT[..20]).unwrap();
    let said = show(&[text(&store), "-o", text(&temp.path().join("d.json"))]);
    assert_eq!(said.code, 3, "{said:?}");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
}

#[test]
fn nothing_is_saved_over_the_store_or_into_it() {
    let temp = tempfile::tempdir().unwrap();
    let store = temp.path().join("d.pickle");
    fs::write(&store, DICT).unwrap();
    let said = show(&[text(&store), "-o", text(&store), "--as", "json"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert_eq!(fs::read(&store).unwrap(), DICT);
    let said = show(&[text(&store), "-o", text(temp.path())]);
    assert_eq!(said.code, 2, "{said:?}");
}

#[test]
fn literals_and_snippets_are_printed_for_copying() {
    let temp = tempfile::tempdir().unwrap();
    let store = temp.path().join("d.pickle");
    fs::write(&store, DICT).unwrap();
    let said = show(&[text(&store), "--literal"]);
    assert_eq!(said.stdout, "{'a': [1, 2.5, None], '=x': b'\\x00\\xff'}\n");
    let said = show(&[text(&store), "a", "--snippet"]);
    assert!(said.stdout.ends_with("value = value['a']\n"), "{said:?}");
    fs::write(&store, b"cos\nsystem\n(S'id'\ntR.").unwrap();
    let said = show(&[text(&store), "--snippet"]);
    assert!(
        said.stdout.starts_with("# Loading this value runs code"),
        "{said:?}"
    );
    assert_eq!(show(&[text(&store), "--literal"]).code, 2);
}

#[test]
fn a_part_of_a_value_is_reached_by_its_steps() {
    let temp = tempfile::tempdir().unwrap();
    let store = temp.path().join("d.pickle");
    fs::write(&store, DICT).unwrap();
    let ran = program::run(["show", text(&store), "--at", "['a'][1]"]);
    let value = ran.of_type("value").next().unwrap();
    assert_eq!(
        (&value["repr"], &value["value_type"]),
        (&"2.5".into(), &"float".into())
    );
    let part = temp.path().join("part");
    let words = [text(&store), "--at", "['a']", "-o", text(&part)];
    let said = show(&words);
    assert_eq!(said.code, 2, "a part has no bytes of its own: {said:?}");
    assert!(!part.exists());
    assert_eq!(show(&[&words[..], &["--as", "json"]].concat()).code, 0);
    assert_eq!(fs::read_to_string(&part).unwrap(), "[1,2.5,null]\n");
    let said = show(&[text(&store), "--at", "['a']", "--literal"]);
    assert_eq!(said.stdout, "[1, 2.5, None]\n");
    let said = show(&[text(&store), "--at", "['a'][7]"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("['a'] has no [7]"), "{said:?}");
}

#[test]
fn a_large_object_is_printed_as_a_tree() {
    let temp = tempfile::tempdir().unwrap();
    let store = temp.path().join("o.pickle");
    // An object of shop.Cart with a long attribute and a short one.
    let long = "x".repeat(200);
    let mut bytes = b"\x80\x02cshop\nCart\n)\x81}(X\x04\x00\x00\x00nameX\xc8\x00\x00\x00".to_vec();
    bytes.extend(long.bytes());
    bytes.extend(b"X\x01\x00\x00\x00nK\x03ub.");
    fs::write(&store, bytes).unwrap();
    let said = show(&[text(&store)]);
    assert!(said.stdout.contains("shop.Cart, 2 parts"), "{said:?}");
    assert!(
        said.stdout.contains("\nshop.Cart\n  .name 'xxx") && said.stdout.contains("\n  .n 3\n"),
        "{said:?}"
    );
}
