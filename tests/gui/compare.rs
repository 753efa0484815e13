//! The compare page: two stores side by side, key by key, and what if.

use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::JOBLIB;
use super::window::{Window, fixture};

#[test]
fn two_stores_are_measured_and_compared_key_by_key() {
    let (_temp, path) = fixture(JOBLIB);
    let (_other, copy) = fixture(JOBLIB);
    // One value of the copy differs and one entry is gone; three entries of both have no value that could be compared.
    let function = copy.join("joblib/features/tokenize");
    std::fs::remove_dir_all(function.join("608eedaf6bd6a95ac5d5c2567e886df7")).unwrap();
    let changed = function.join("4c2327d500c48d81fb04f896462d263e/output.pkl");
    std::fs::write(changed, b"\x80\x04K\x07.").unwrap();
    let mut window = Window::open(vec![path, copy]);
    window.wait_for_text_part("features.compressed");
    window.press_labelled(Role::Tab, "Compare");
    window.press("Measure 2 open stores");
    window.wait_for_text("Dead space and left-overs");
    window.press_labelled(Role::RadioButton, "Difference");
    window.press_part("Compare with");
    window.wait_for_text_part("different 4");
    window.wait_for_text_part("the same 52");
    window.press_row("4c2327d500c48d81fb04f896462d263e");
    window.wait_for_text_part("pickle 4");
}

#[test]
fn what_if_ends_with_figures_and_one_sentence() {
    let (_temp, path) = fixture("sqlite/sqlitedict-2.1/two-tables.sqlite");
    let mut window = Window::open(vec![path]);
    // While the store is being read what is pressed may move away from under the pointer.
    window.wait_for_quiet();
    window.press_labelled(Role::Tab, "Compare");
    window.press_labelled(Role::RadioButton, "What if");
    window.press("Measure every kind");
    window.wait_for_text("Reading one value, median");
    let unnamed = window.harness.unnamed_widgets();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}

#[test]
fn a_store_is_converted_from_the_dialog_and_opens() {
    let (temp, path) = fixture("sqlite/sqlitedict-2.1/two-tables.sqlite");
    let taken = temp.path().join("taken");
    std::fs::write(&taken, "here first").unwrap();
    let new = temp.path().join("new.pkl");
    let mut window = Window::open(vec![path.clone()]);
    let before = std::fs::read(&path).unwrap();
    // While the store is being read what is pressed may move away from under the pointer.
    window.wait_for_quiet();
    window.press_labelled(Role::Tab, "Compare");
    window.press_labelled(Role::RadioButton, "What if");
    window.press("Measure every kind");
    window.wait_for_text("Reading one value, median");
    window.press("Convert to pickle");
    window.wait_for_text_part("cachescope convert");
    let field = "New store, at a path that does not exist";
    window.type_into(field, taken.to_str().unwrap());
    window.press("Convert");
    window.wait_for_text_part("something has that name already");
    assert_eq!(std::fs::read(&taken).unwrap(), b"here first");

    window.type_into(field, new.to_str().unwrap());
    window.wait_for_text_part("--to pickle");
    window.press("Convert");
    window.wait_for_text_part("new.pkl");
    window.wait_for(|h| h.query_by_label(field).is_none());
    assert!(new.exists());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn what_if_leaves_out_what_cannot_be_read_and_says_so() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    // While the store is being read what is pressed may move away from under the pointer.
    window.wait_for_quiet();
    window.press_labelled(Role::Tab, "Compare");
    window.press_labelled(Role::RadioButton, "What if");
    window.press("Measure every kind");
    window.wait_for_text("Reading one value, median");
    window.wait_for_text_part("could not be read and were left out");
}

#[test]
fn in_the_smallest_window_the_sides_of_a_difference_go_on_in_a_second_line() {
    let (_temp, path) = fixture(JOBLIB);
    let (_other, copy) = fixture(JOBLIB);
    let mut window = Window::with(vec![path, copy], egui::Theme::Dark, [720.0, 480.0]);
    window.wait_for_text_part("features.compressed");
    window.press_labelled(Role::Tab, "Compare");
    window.press_labelled(Role::RadioButton, "Difference");
    window.press_part("Compare with");
    window.wait_for_text_part("the same");
    let nodes = window.harness.root().children_recursive();
    let sides: Vec<_> = nodes
        .filter(|node| node.accesskit_node().role() == Role::RadioButton)
        .map(|node| node.rect())
        .collect();
    assert!(sides.len() >= 8, "{sides:?}");
    for side in sides {
        assert!(side.right() <= 720.0 && side.height() < 24.0, "{side:?}");
    }
}
