//! The compare page: two stores side by side, key by key, and what if.

use egui::accesskit::Role;

use super::window::{Window, fixture};

#[test]
fn what_if_ends_with_figures_and_one_sentence() {
    let (_temp, path) = fixture("sqlite/sqlitedict-2.1/two-tables.sqlite");
    let mut window = Window::open(vec![path]);
    window.press_labelled(Role::Tab, "Compare");
    window.press_labelled(Role::RadioButton, "What if");
    window.press("Measure every kind");
    window.wait_for_text("Reading one value, median");
    let unnamed = window.harness.unnamed_widgets();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}
