//! The window without a mouse, and its context menus.

use egui::accesskit::{Role, Toggled};
use egui::{Key, Modifiers, OutputCommand};
use egui_kittest::kittest::{AccessKitNode, NodeT as _, Queryable as _};

use super::JOBLIB;
use super::window::{Window, fixture, rows};

/// The role and name of what has the keyboard.
fn focused(window: &Window) -> Option<(Role, String)> {
    let nodes = window.harness.root().children_recursive();
    let node = nodes
        .map(|n| n.accesskit_node())
        .find(AccessKitNode::is_focused)?;
    Some((node.role(), node.label().unwrap_or_default()))
}

/// What comes onto the clipboard within the next frames.
fn copied(window: &mut Window) -> Option<String> {
    (0..8).find_map(|_| {
        window.harness.step();
        let commands = &window.harness.output().platform_output.commands;
        commands.iter().find_map(|command| match command {
            OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        })
    })
}

#[test]
fn enter_goes_from_the_table_into_the_entry_and_tab_goes_on_to_its_value() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.tokenize arg.lower:False");
    window.wait_for_text("1 of 57 entries");
    window.key(Modifiers::NONE, Key::Escape);
    window.key(Modifiers::NONE, Key::Escape);
    window.type_into("Query", "group:features.tokenize");
    window.press_row("608eedaf6bd6a95ac5d5c2567e886df7");
    window.wait_for_text("'Lower, upper'");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(focused(&window), Some((Role::Tab, "Value".to_owned())));
    window.key(Modifiers::NONE, Key::ArrowRight);
    assert_eq!(focused(&window), Some((Role::Tab, "Code".to_owned())));
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for_text_part("def tokenize");
}

#[test]
fn every_part_of_a_page_is_reached_by_tab() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.press_labelled(Role::Tab, "Overview");
    window.wait_for_text("Where the bytes are");
    window.wait_for_quiet();
    let mut met = Vec::new();
    for _ in 0..60 {
        window.key(Modifiers::NONE, Key::Tab);
        met.extend(focused(&window));
    }
    for name in [
        "Open…",
        "Query",
        "Revalidate all",
        "Not used for 30 days",
        "Entries",
        "Entries: by last use",
        "Picture of the treemap",
        "Treemap: area is bytes, by function",
        "Entries by size",
        "Top functions: by bytes",
    ] {
        let is_met = met.iter().any(|(_, label)| label.starts_with(name));
        assert!(is_met, "{name} is not among {met:?}");
    }
    // As the eye goes.
    let bar = [
        "Open…",
        "Recent ▾",
        "Query",
        "Revalidate all",
        "Rules of revalidating",
        "More ways to clear",
        "Ctrl+K",
    ];
    let places = bar.map(|name| met.iter().position(|(_, label)| label == name));
    assert!(places.is_sorted(), "{places:?} in {met:?}");
}

#[test]
fn a_context_menu_offers_what_the_menu_bar_has() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.tokenize");
    let row = "608eedaf6bd6a95ac5d5c2567e886df7";
    window.wait_for_row(row);
    window.press_row_secondary(row);
    window.wait_for_text_part("Selected 1 entry");
    for name in [
        "Save the value of the entry…",
        "Clear selected…",
        "Revalidate selected",
    ] {
        let item = window.harness.query_all_by_label_contains(name).next();
        assert!(item.is_some(), "{name}");
    }
    let mut items = window.harness.query_all_by_label_contains("Copy the key");
    items.next().expect("in the menu").click();
    drop(items);
    assert_eq!(copied(&mut window).as_deref(), Some(row));
}

#[test]
fn control_c_copies_the_key_and_a_store_has_a_menu_too() {
    let (_temp, path) = fixture(JOBLIB);
    let (_other, second) = fixture("sqlite/plain/tables.db");
    let mut window = Window::open(vec![path, second]);
    window.wait_for_row("features.compressed");
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.harness.event(egui::Event::Copy);
    let key = copied(&mut window).expect("a key on the clipboard");
    assert_eq!(key.len(), 32, "{key}");

    window.key(Modifiers::COMMAND, Key::PageDown);
    window.wait_for_text_part("tables.db");
    window.key(Modifiers::COMMAND, Key::PageUp);
    window.wait_for_row("features.compressed");
}

#[test]
fn keys_written_from_right_to_left_are_found_and_copied_as_they_are_stored() {
    let key = "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{5e2}\u{5d5}\u{5dc}\u{5dd}";
    let temp = tempfile::TempDir::new().unwrap();
    let path = temp.path().join("names.pkl");
    std::fs::write(&path, super::habits::pickled(key, "first")).unwrap();
    let mut window = Window::with_boxes(vec![path]);
    window.press_row(key);
    window.harness.event(egui::Event::Copy);
    assert_eq!(copied(&mut window).as_deref(), Some(key));
}

/// So many are named on a worker; until they are, no command is about fewer than what was asked for.
#[test]
fn all_of_many_rows_are_selected_and_stay_selected() {
    let temp = tempfile::TempDir::new().unwrap();
    let shelf = temp.path().join("shelf");
    let lines: Vec<_> = (0..20_000)
        .map(|n| format!("'key {n}', (0, 5)\n"))
        .collect();
    std::fs::write(shelf.with_extension("dir"), lines.concat()).unwrap();
    std::fs::write(shelf.with_extension("dat"), b"value").unwrap();
    let mut window = Window::open(vec![shelf.with_extension("dir")]);
    window.wait_for_text("20,000 entries");
    window.type_into("Query", "key:*7*");
    // Without those that have no 7: 20,000 - 2 * 9^4.
    window.wait_for_text("6,878 of 20,000 entries");
    window.press_row("key 7");
    window.key(Modifiers::COMMAND, Key::A);
    window.wait_for_text_part("6,878 selected");
    // With the others in sight they are still the ones.
    window.type_into("Query", "");
    window.wait_for_quiet();
    window.wait_for_text_part("6,878 selected");
}

#[test]
fn a_group_folded_by_keys_is_unfolded_by_keys_from_elsewhere() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    let first = "a5188a6e36cf8fa9de3c1919edc79623";
    window.press_row(first);
    window.key(Modifiers::NONE, Key::ArrowLeft);
    let is_folded = |window: &Window| rows(&window.harness, first) == 0;
    assert!(is_folded(&window));
    // To another group, and back up: the keyboard stops at the line of the folded one.
    window.key(Modifiers::NONE, Key::End);
    window.key(Modifiers::NONE, Key::Home);
    let selected = window
        .harness
        .query_all_by_role(Role::Row)
        .filter(|row| row.accesskit_node().toggled() == Some(Toggled::True))
        .filter_map(|row| row.accesskit_node().label());
    let selected: Vec<_> = selected.collect();
    assert_eq!(selected, ["features.compressed, 7 entries"]);
    window.key(Modifiers::NONE, Key::ArrowRight);
    assert!(!is_folded(&window));
}

#[test]
fn the_list_of_keys_scrolls_by_keys() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::with(vec![path], egui::Theme::Light, [900.0, 500.0]);
    window.wait_for_row("features.compressed");
    window.key(Modifiers::NONE, Key::F1);
    window.wait_for_text("Every command");
    let top = |window: &Window| window.harness.get_by_label("Every command").rect().top();
    let before = top(&window);
    window.key(Modifiers::NONE, Key::PageDown);
    window.wait_for(|h| h.get_by_label("Every command").rect().top() < before - 40.0);
    window.press("Close");
    window.wait_for(|h| h.query_by_label("Every command").is_none());
}
