//! What stands around the pages: opening one more store, the rail, the palette, messages, saving.

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tempfile::TempDir;

use super::habits::pickled;
use super::window::{Window, fixture};
use super::{DISKCACHE, JOBLIB};

#[test]
fn one_more_store_is_opened_by_its_typed_path() {
    let (_temp, path) = fixture(JOBLIB);
    let (_other, second) = fixture("sqlite/plain/tables.db");
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.press("Open…");
    window.wait_for_text("Browse…");
    window.wait_for_text("Find caches on this computer");
    window.type_into("Path", second.to_str().unwrap());
    window.press("Open");
    window.wait_for(|h| h.query_by_label("Browse…").is_none());
    window.wait_for(|h| {
        let mut options = h.query_all_by_role(Role::ListBoxOption);
        options.any(|o| {
            o.accesskit_node()
                .label()
                .is_some_and(|l| l.starts_with("tables.db"))
        })
    });
}

#[test]
fn the_rail_follows_the_store_on_show_and_keeps_the_queries_in_sight() {
    let temp = TempDir::new().unwrap();
    let mut paths = Vec::new();
    for n in 0..30 {
        let path = temp.path().join(format!("store-{n:02}.pkl"));
        std::fs::write(&path, pickled("key", &n.to_string())).unwrap();
        paths.push(path);
    }
    let mut window = Window::open(paths);
    let shown = |window: &Window, name: &str| {
        let mut nodes = window.harness.query_all_by_label_contains(name);
        let rect = nodes.next().map(|node| node.rect());
        let screen = window.harness.ctx.content_rect();
        rect.is_some_and(|rect| screen.contains_rect(rect))
    };
    window.wait_for(|h| {
        let options = h.query_all_by_role(Role::ListBoxOption);
        options.count() >= 10 && h.query_by_label_contains("store-00.pkl").is_some()
    });
    window.wait_for_quiet();
    assert!(shown(&window, "Not used for 30 days"));
    assert!(!shown(&window, "store-29.pkl"));
    // From the first one back round the end.
    window.key(Modifiers::COMMAND, Key::PageUp);
    window.wait_for_quiet();
    assert!(shown(&window, "store-29.pkl"), "{}", window.text());
    assert!(shown(&window, "Not used for 30 days"));
}

#[test]
fn escape_closes_the_menu_and_then_drops_the_selection() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.wait_for_text_part("Selected 1 entry");
    window.press("Menu");
    window.wait_for_text("Treemap");
    window.key(Modifiers::NONE, Key::Escape);
    window.wait_for(|h| h.query_by_label("Treemap").is_none());
    window.wait_for_text_part("Selected 1 entry");
}

#[test]
fn the_palette_says_that_nothing_matches_and_why_a_command_is_not_possible() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.key(Modifiers::COMMAND, Key::K);
    window.type_into("Command", "zzqqzz");
    window.wait_for_text("No command matches");
    window.type_into("Command", "Clear selected");
    window.wait_for_text_part("Clear selected…, not now: Select entries first");
}

#[test]
fn a_value_is_named_after_its_key_and_replaces_a_file_only_when_that_is_said() {
    let (temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.tokenize arg.lower:False");
    window.wait_for_text("1 of 57 entries");
    window.press_row("608eedaf6bd6a95ac5d5c2567e886df7");
    window.wait_for_text("'Lower, upper'");
    window.run_command("Save the value of the entry…");
    window.wait_for(|h| {
        let field = h.query_by_role_and_label(Role::TextInput, "File");
        let typed = field.and_then(|field| field.accesskit_node().value());
        typed.is_some_and(|t| t.ends_with("608eedaf6bd6a95ac5d5c2567e886df7.pkl"))
    });
    // A list is no array: that form is not offered.
    let npy = window.harness.get_by_label_contains("NPY");
    assert!(npy.accesskit_node().is_disabled());
    window.press_part("JSON: everything");
    let file = temp.path().join("kept.json");
    std::fs::write(&file, "mine").unwrap();
    window.type_into("File", file.to_str().unwrap());
    window.press("Save");
    window.wait_for_text_part("A file of this name is there already");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    window.press("Replace");
    window.wait_for_text_part("Saved as");
    let saved = std::fs::read_to_string(&file).unwrap();
    assert_eq!(saved.trim_end(), r#"["Lower,","upper"]"#);
}

#[test]
fn revalidating_ends_with_a_summary() {
    let (_temp, path) = fixture(DISKCACHE);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("16 entries");
    window.wait_for_quiet();
    window.press("Revalidate all");
    window.wait_for_text_part("16 entries checked");
}
