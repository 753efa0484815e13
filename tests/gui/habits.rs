//! What people do all day: complete a query, keep it, arrange columns, take back a clear, write a report, search bytes.

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{AccessKitNode, NodeT as _, Queryable as _};

use super::JOBLIB;
use super::window::{Window, fixture};

fn query(window: &Window) -> String {
    let field = window
        .harness
        .get_by_role_and_label(Role::TextInput, "Query");
    field.value().unwrap_or_default()
}

#[test]
fn a_word_is_completed_and_so_is_its_value() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.type_into("Query", "gro");
    window.key(Modifiers::NONE, Key::Tab);
    assert_eq!(query(&window), "group:");
    window.type_into("Query", "group:token");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(query(&window), "group:features.tokenize");
    window.wait_for_text("2 of 57 entries");
}

#[test]
fn a_query_is_kept_on_the_rail_and_let_go_of() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.type_into("Query", "group:features.tokenize");
    window.press("Save this query");
    window.type_into("Query", "");
    window.wait_for_text("57 entries");
    window.press_labelled(Role::Button, "group:features.tokenize");
    window.wait_for_text("2 of 57 entries");
    // The menu on the rail lists what the palette has.
    window
        .harness
        .get_by_role_and_label(Role::Button, "group:features.tokenize")
        .click_secondary();
    window.wait_for_text("Copy this query");
    window.press("Take this query off the rail");
    window.wait_for(|h| {
        h.query_by_role_and_label(Role::Button, "group:features.tokenize")
            .is_none()
    });
}

#[test]
fn the_largest_are_listed_and_selected() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    let function = |window: &Window| {
        let header = window.harness.query_by_label("Sort by Function");
        header.is_some()
    };
    assert!(!function(&window));
    window.press("Largest 100");
    window.wait_for_text_part("Selected 57 entries");
    // Without headings each row says whose it is, and the hash gives its room to that.
    assert!(function(&window));
    assert!(window.harness.query_by_label("Sort by Key").is_none());
    let sizes: Vec<u64> = window
        .harness
        .query_all_by_role(Role::Row)
        .filter_map(|row| row.accesskit_node().label())
        .filter_map(|name| {
            let (_, size) = name.rsplit_once(", ")?;
            let (figure, unit) = size.split_once(' ')?;
            let factor = if unit == "B" { 1.0 } else { 1000.0 };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "small sizes"
            )]
            Some((figure.parse::<f64>().ok()? * factor) as u64)
        })
        .collect();
    assert!(sizes.len() > 20, "{sizes:?}");
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
}

#[test]
fn what_a_listing_alone_finds_is_told_from_what_a_check_finds() {
    let (_temp, path) = fixture(JOBLIB);
    // Bytes that no entry owns.
    std::fs::write(path.join("joblib/features/tokenize/left.over"), b"x").unwrap();
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "condition:orphan,corrupt");
    window.wait_for_text_part("Nothing was checked yet");
    window.press("Revalidate this store");
    window.wait_for_text_part("entries checked");
    let told = window
        .harness
        .query_by_label_contains("Nothing was checked yet");
    assert!(told.is_none());
}

#[test]
fn one_functions_arguments_have_columns_that_sort() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.tokenize");
    window.press_labelled(Role::ColumnHeader, "Sort by lower");
    window.type_into("Query", "");
    window.wait_for(|h| h.query_by_label("Sort by Arguments").is_some());
}

#[test]
fn a_column_moves_and_hides_from_its_own_menu() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_row("features.compressed");
    let left = |window: &Window, name: &str| {
        let header = window
            .harness
            .get_by_role_and_label(Role::ColumnHeader, name);
        header.rect().left()
    };
    assert!(left(&window, "Sort by Key") < left(&window, "Sort by Size"));
    window
        .harness
        .get_by_label("Sort by Size")
        .click_secondary();
    window.press("Move this column left");
    window.key(Modifiers::NONE, Key::Escape);
    let columns = ["Sort by Value", "Sort by Size"].map(|name| left(&window, name));
    assert!(columns[1] < columns[0], "{columns:?}");
    window
        .harness
        .get_by_label("Sort by Size")
        .click_secondary();
    window.press("Hide this column");
    window.wait_for(|h| {
        h.query_by_role_and_label(Role::ColumnHeader, "Sort by Size")
            .is_none()
    });
}

#[test]
fn a_header_is_ticked_off_in_the_menu_of_the_palettes_words() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_row("features.compressed");
    window.press_labelled(Role::ColumnHeader, "Sort by Size");
    window.run_command("Move this column left");
    window
        .harness
        .get_by_label("Sort by Compute")
        .click_secondary();
    window.press_labelled(Role::CheckBox, "Column of compute times");
    window.wait_for(|h| h.query_by_label("Sort by Compute").is_none());
    window.run_command("Columns as they were at first");
    window.wait_for(|h| h.query_by_label("Sort by Compute").is_some());
}

#[test]
fn a_plot_of_an_entry_offers_its_picture() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "arg.name:*fortran*");
    window.press_row("4ef91b2c0b316d73ba236c789e19b599");
    window.wait_for_text("Picture of the Heat map");
    // The button stands there while the numbers are still read.
    let map = |node: &AccessKitNode<'_>| {
        let label = node.label().unwrap_or_default();
        node.role() == Role::Image && label.starts_with("Heat map")
    };
    window.wait_for(|h| h.query_by(map).is_some());
    window.harness.get_by(map).click_secondary();
    window.wait_for_text("Copy as a picture");
    window.wait_for_text("Save as a picture…");
}

#[test]
fn a_clear_is_taken_back_from_the_message_about_it() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.tokenize");
    window.press("Clear 2 found…");
    window.press("Clear 2 entries");
    window.wait_for_text_part("2 entries cleared and kept aside for undo");
    window.press("Undo clear");
    window.wait_for_text("2 of 57 entries");
}

#[test]
fn a_report_is_written_as_on_the_command_line() {
    let (temp, path) = fixture(JOBLIB);
    let report = temp.path().join("report.csv");
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.key(Modifiers::COMMAND, Key::E);
    window.press("CSV: an entry a row, for a spreadsheet");
    window.type_into("File", report.to_str().unwrap());
    window.press("Write the report");
    window.wait_for_text_part("entries written to");
    let rows = csv::Reader::from_path(&report).unwrap().records().count();
    assert!(rows >= 57, "{rows}");
}

#[test]
fn bytes_are_searched_and_gone_to() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.tokenize arg.lower:False");
    window.press_row("608eedaf6bd6a95ac5d5c2567e886df7");
    // What the entry holds moves the tabs when it comes in.
    window.wait_for_quiet();
    window.press("Bytes");
    window.type_into("Find bytes", "upper");
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for_text_part("at ");
    window.type_into("Find bytes", "0xfe fe fe fe");
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for_text("Not found");
}

#[test]
fn the_menu_holds_every_command_of_the_palette() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.press("Menu");
    for topic in ["Store", "Entries", "Show", "View", "Help"] {
        assert!(
            window.harness.query_all_by_label(topic).next().is_some(),
            "{topic}"
        );
    }
}

/// `pickle.dumps({key: text}, 2)` as Python writes it.
pub(super) fn pickled(key: &str, text: &str) -> Vec<u8> {
    let mut bytes = b"\x80\x02}q\x00".to_vec();
    for (n, text) in [key, text].into_iter().enumerate() {
        bytes.push(b'X');
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend(text.bytes());
        bytes.extend([b'q', u8::try_from(n).unwrap() + 1]);
    }
    bytes.extend(b"s.");
    bytes
}

#[test]
fn a_document_inside_a_value_is_a_tree_with_its_members_in_their_order() {
    let temp = tempfile::TempDir::new().unwrap();
    let path = temp.path().join("documents.pkl");
    let document = r#"{"zebra": [1, 2, 3], "apple": {"deep": true}}"#;
    std::fs::write(&path, pickled("doc", document)).unwrap();
    let mut window = Window::open(vec![path]);
    window.press_row("doc,");
    window.press_labelled(Role::TreeItem, "zebra array, 3 items");
    window.wait_for(|h| h.query_by_role_and_label(Role::TreeItem, "1 2").is_some());
    let top = |window: &Window, name: &str| {
        let line = window.harness.get_by_role_and_label(Role::TreeItem, name);
        line.rect().top()
    };
    let (zebra, apple) = ("zebra array, 3 items", "apple object, 1 member");
    assert!(top(&window, zebra) < top(&window, apple));
    window.press("Text");
    window.wait_for_text(document);
    window.press("As Python");
    window.wait_for(|h| {
        h.query_all_by_role(Role::TreeItem).any(|line| {
            line.accesskit_node()
                .label()
                .is_some_and(|l| l.starts_with('\''))
        })
    });
}
