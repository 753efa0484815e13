//! A window with several stores: what is done, undone and offered concerns the one that is meant.

use std::fs;
use std::path::Path;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;

use super::JOBLIB;
use super::window::{Window, fixture};

/// A store of joblib, and beside it in the same folder a pickled dict.
fn two_stores() -> (tempfile::TempDir, std::path::PathBuf) {
    let (temp, path) = fixture(JOBLIB);
    let (_other, pickle) = fixture("pickle/3.13/dict-protocol4.pickle");
    fs::copy(pickle, path.join("values.pickle")).unwrap();
    (temp, path)
}

fn n_outputs(path: &Path) -> usize {
    let calls = fs::read_dir(path.join("joblib/features/tokenize")).unwrap();
    let outputs = calls.map(|call| call.unwrap().path().join("output.pkl"));
    outputs.filter(|output| output.exists()).count()
}

#[test]
fn the_command_line_of_a_clear_names_the_store_and_not_all_that_was_opened() {
    let (_temp, path) = two_stores();
    let store = path.join("joblib").canonicalize().unwrap();
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.type_into("Query", "group:features.tokenize");
    window.press("Clear 2 found…");
    window.wait_for_text_part(&format!("cachescope clear {} --yes", store.display()));
}

#[test]
fn the_message_about_a_clear_takes_back_that_clear_whatever_is_on_show() {
    let (_temp, path) = two_stores();
    let before = n_outputs(&path);
    let mut window = Window::open(vec![path.clone()]);
    window.wait_for_text("57 entries");
    window.type_into("Query", "group:features.tokenize");
    window.press("Clear 2 found…");
    window.press("Clear 2 entries");
    window.wait_for_text_part("2 entries cleared and kept aside for undo");
    assert_eq!(n_outputs(&path), before - 2);
    window.run_command("Show the next store");
    window.wait_for(|h| h.query_by_label_contains("moved aside").is_none());
    window.press("Undo clear");
    window.wait_for_text("2 entries brought back");
    assert_eq!(n_outputs(&path), before);
}

#[test]
fn another_question_of_the_rail_starts_without_the_choice_made_for_the_last() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.run_command("Select all");
    window.wait_for_text_part("Selected 57 entries");
    window.press("Broken");
    window.wait_for(|h| h.query_by_label_contains("Selected").is_none());
}

#[test]
fn a_cut_value_is_not_shown_as_a_whole_one() {
    let (_temp, path) = fixture(JOBLIB);
    let key = "0b693e516474b8043575734e2a885c4a";
    let output = path
        .join("joblib/analysis/report/array")
        .join(key)
        .join("output.pkl");
    fs::OpenOptions::new()
        .write(true)
        .open(output)
        .unwrap()
        .set_len(50)
        .unwrap();
    let mut window = Window::open(vec![path]);
    window.type_into("Query", &format!("key:{key}"));
    window.press_row(key);
    window.wait_for_text_part("found the end of the data");
}

/// A pickled dict of one text of two lines under the key `text`.
fn pickled(path: &Path, second_line: &str) {
    let text = format!("a line\n{second_line}");
    let len = u8::try_from(text.len()).unwrap();
    let bytes = [
        b"\x80\x04}\x8c\x04text\x8c",
        &[len][..],
        text.as_bytes(),
        b"s.",
    ]
    .concat();
    fs::write(path, bytes).unwrap();
}

#[test]
fn stores_with_the_same_keys_show_each_its_own_value() {
    let temp = tempfile::tempdir().unwrap();
    let paths = ["a.pickle", "b.pickle"].map(|name| temp.path().join(name));
    pickled(&paths[0], "of the first");
    pickled(&paths[1], "of the second");
    let mut window = Window::open(paths.to_vec());
    window.press_row("text");
    window.wait_for_text("of the first");
    window.run_command("Show the next store");
    window.press_row("text");
    window.wait_for_text("of the second");
    window.run_command("Show the next store");
    window.wait_for_text("of the first");
}

#[test]
fn a_value_that_a_program_replaces_by_one_as_long_is_read_again() {
    let temp = tempfile::tempdir().unwrap();
    let shelf = temp.path().join("shelf");
    fs::write(shelf.with_extension("dir"), "'key', (0, 9)\n").unwrap();
    fs::write(shelf.with_extension("dat"), "line\nold\n").unwrap();
    let mut window = Window::open(vec![shelf.with_extension("dir")]);
    window.press_row("key");
    window.wait_for_text("old");
    fs::write(shelf.with_extension("dat"), "line\nnew\n").unwrap();
    window.wait_for_text("new");
}

#[test]
fn tab_leaves_an_empty_query_empty() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.type_into("Query", "group:features.tokenize");
    window.wait_for_text("2 of 57 entries");
    window.key(Modifiers::NONE, Key::Enter);
    window.type_into("Query", "");
    window.wait_for_text("57 entries");
    window.key(Modifiers::COMMAND, Key::F);
    window.key(Modifiers::NONE, Key::Tab);
    window.key(Modifiers::NONE, Key::Tab);
    window.wait_for_quiet();
    window.wait_for_text("57 entries");
    window.wait_for(|h| h.query_by_label_contains("Clear 2 found").is_none());
}
