//! The window, pressed by label and role as a person or a screen reader would: real stores, no display.

mod look;
mod pages;
mod window;

use egui_kittest::kittest::Queryable as _;
use window::{Window, fixture};

use egui::accesskit::Role;
use egui::{Key, Modifiers};

/// A committed store of joblib 1.6, with torn and incomplete entries among its 57.
const JOBLIB: &str = "joblib/1.6.0";

#[test]
fn a_folder_given_as_argument_lists_its_entries() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.wait_for_row("features.compressed, 7 entries");
    window.wait_for_row("a5188a6e36cf8fa9de3c1919edc79623, codec='gzip', 677 B");
}

#[test]
fn a_typed_path_opens_and_a_wrong_one_says_what_to_do() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(Vec::new());
    window.type_into("Path", "/nowhere/at/all");
    window.press("Open");
    window.wait_for_text_part("/nowhere/at/all");
    window.press("Dismiss");

    window.type_into("Path", path.to_str().unwrap());
    window.press("Open");
    window.wait_for_text("57 entries");
}

#[test]
fn the_query_filters_as_one_types_and_marks_what_it_does_not_know() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.type_into("Query", "arg.codec:* size<400");
    window.wait_for_text("3 of 57 entries");
    window.wait_for_row("049f84d496b5ce3e1e776c74dde84bcd");
    window.type_into("Query", "sise>3");
    window.wait_for_text_part("sise");
    window.type_into("Query", "no such thing");
    window.wait_for_text("Nothing matches the query");
    window.press("Show all entries");
    window.wait_for_text("57 entries");
}

#[test]
fn selecting_an_entry_shows_its_arguments_and_its_value() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.tokenize arg.lower:False");
    window.wait_for_text("1 of 57 entries");
    window.press_row("608eedaf6bd6a95ac5d5c2567e886df7");
    window.wait_for_text("608eedaf6bd6a95ac5d5c2567e886df7");
    window.wait_for_text("'Lower, upper'");
    // The value as joblib would load it: ['Lower,', 'upper'].
    window.wait_for(|h| {
        h.query_by_role_and_label(Role::TreeItem, "0 'Lower,'")
            .is_some()
    });
    window.press("Code");
    window.wait_for_text_part("def tokenize");
    window.press("Calls");
    window.wait_for_text("No class and no function");
    window.press("Bytes");
    window.wait_for(|h| h.query_by_role_and_label(Role::Table, "Bytes").is_some());
}

#[test]
fn keys_move_select_and_fold() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.wait_for_text_part("Selected 1 entry");
    window.key(Modifiers::SHIFT, Key::ArrowDown);
    window.key(Modifiers::SHIFT, Key::ArrowDown);
    window.wait_for_text_part("Selected 3 entries");
    window.key(Modifiers::COMMAND, Key::A);
    window.wait_for_text_part("Selected 57 entries");
    window.key(Modifiers::NONE, Key::Escape);
    window.wait_for(|h| h.query_by_label_contains("Selected").is_none());
}

#[test]
fn a_selection_survives_sorting_filtering_and_reading_again() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.type_into("Query", "group:features.tokenize");
    window.press_row("4c2327d500c48d81fb04f896462d263e");
    window.press_labelled(Role::ColumnHeader, "Sort by Key");
    window.press_labelled(Role::ColumnHeader, "Sort by Size");
    window.wait_for_text_part("Selected 1 entry");
    window.type_into("Query", "group:features.embed");
    window.wait_for_text_part("1 outside the query");
    window.type_into("Query", "");
    window.wait_for(|h| {
        h.query_by_label_contains("outside the query").is_none()
            && h.query_by_label_contains("Selected 1 entry").is_some()
    });
}
