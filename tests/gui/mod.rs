//! The window, pressed by label and role as a person or a screen reader would: real stores, no display.

mod activity;
mod compare;
mod dialogs;
mod frame;
mod habits;
mod keyboard;
mod live;
mod look;
mod pages;
mod painted;
mod secrets;
mod several;
mod treemap;
mod values;
pub(crate) mod window;

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use window::{Window, fixture};

use crate::support::program;
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
    window.wait_for_text_part("Selected 2 entries");
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

#[test]
fn revalidating_a_selection_finds_the_torn_entry() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.embed");
    window.wait_for_text("3 of 57 entries");
    window.press("Revalidate 3 found");
    // joblib itself calls this entry's file torn: the manifest says corrupt.
    window.type_into("Query", "condition:corrupt");
    window.wait_for_row("ad212b27d254fce323a04ce7ea476c27");
    // The row may move from under the pointer while conditions come in.
    for _ in 0..20 {
        window.press_row("ad212b27d254fce323a04ce7ea476c27");
        if window.text().contains("corrupt · ") {
            break;
        }
    }
    window.wait_for_text_part("corrupt · ");
}

#[test]
fn entries_are_cleared_after_a_plan_was_shown_and_come_back() {
    let (_temp, path) = fixture(JOBLIB);
    let stored = path.join("joblib/features/tokenize/4c2327d500c48d81fb04f896462d263e/output.pkl");
    let before = std::fs::read(&stored).unwrap();
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.tokenize");
    window.press("Clear 2 found…");
    window.wait_for_text("Clear 2 entries?");
    assert!(stored.exists(), "a plan changes nothing");

    window.press("Clear 2 entries");
    window.wait_for_text_part("2 entries moved aside");
    assert!(!stored.exists());
    window.type_into("Query", "");
    window.wait_for_text("55 entries");

    window.press("Undo");
    window.wait_for_text("57 entries");
    window.wait_for(|h| h.query_by_label_contains("moved aside").is_none());
    assert_eq!(std::fs::read(&stored).unwrap(), before);
}

#[test]
fn nothing_is_cleared_without_a_choice_or_after_cancel() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    let clear = window.harness.get_by_label("Clear…");
    assert!(clear.accesskit_node().is_disabled());

    window.type_into("Query", "group:features.tokenize");
    window.press_row("4c2327d500c48d81fb04f896462d263e");
    window.press("Clear this entry…");
    window.wait_for_text("Clear 1 entry?");
    window.press("Cancel");
    window.type_into("Query", "");
    window.wait_for_text("57 entries");
}

#[test]
fn freeing_is_chosen_and_cannot_be_undone() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path.clone()]);
    window.type_into("Query", "group:features.tokenize");
    window.press("Clear 2 found…");
    window.press("Free now: cannot be brought back");
    window.press("Free 2 entries");
    window.wait_for_text("0 of 55 entries");
    assert!(window.harness.query_by_label("Undo").is_none());
    assert!(
        !path
            .parent()
            .unwrap()
            .join(".cachescope-quarantine")
            .exists()
    );
}

#[test]
fn what_is_held_aside_is_freed_only_after_asking() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.tokenize");
    window.press("Clear 2 found…");
    window.press("Clear 2 entries");
    window.press("Free…");
    window.wait_for_text_part("They cannot be brought back then");
    window.press("Free 2 entries");
    window.wait_for_text_part("2 entries freed, ");
    window.wait_for(|h| h.query_by_label_contains("moved aside").is_none());
}

#[test]
fn a_policy_leads_to_a_plan_that_says_its_command_line() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.press("More ways to clear");
    window.press("Clear by a policy…");
    window.press("joblib:reduce_size");
    window.press("Show the plan…");
    window.wait_for_text_part("goes by what is typed");
    window.type_into("Entries that may stay", "50");
    window.press("Show the plan…");
    window.wait_for_text_part("--policy joblib:reduce_size --to-count 50");
    window.wait_for_text("chosen by the rule of joblib 1.3 or newer");
    window.press("Cancel");

    window.type_into("Query", "group:features.tokenize");
    window.press("More ways to clear");
    window.press("Clear by a policy…");
    window.press("newest");
    window.type_into("Keep of each", "1");
    window.press("Show the plan…");
    window.wait_for_text("Clear 1 entry?");
    window.wait_for_text_part("--policy newest:1 --query group:features.tokenize");
    window.press("Clear 1 entry");
    window.wait_for_text_part("1 entry moved aside");
    window.type_into("Query", "");
    window.wait_for_text("56 entries");
}

#[test]
fn what_was_moved_aside_is_listed_and_brought_back() {
    let (_temp, path) = fixture(JOBLIB);
    let store = path.join("joblib").canonicalize().unwrap();
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.tokenize");
    window.press("Clear 2 found…");
    window.press("Clear 2 entries");
    window.wait_for_text_part("2 entries moved aside");
    window.type_into("Query", "");
    window.wait_for_text("55 entries");
    window.press("More ways to clear");
    window.press("Show what was moved aside…");
    window.press(&format!("Bring back 2 entries of {}", store.display()));
    window.wait_for_text("Nothing is held aside");
    window.press("Close");
    window.wait_for_text("57 entries");
}

#[test]
fn the_health_tab_says_what_is_odd_and_leads_to_the_entries() {
    let (_temp, path) = fixture(JOBLIB);
    let store = path.join("joblib");
    let mut open = std::fs::metadata(&store).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o777);
    std::fs::set_permissions(&store, open).unwrap();
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.press("Revalidate all");
    window.press("Health");
    window.wait_for_text_part("Anyone on this computer may write into this folder");
    window.wait_for_text_part("This store records no hits and misses");
    window.press_labelled(Role::Button, "1 corrupt");
    window.wait_for_row("ad212b27d254fce323a04ce7ea476c27");
}

#[test]
fn the_palette_runs_what_is_typed() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.key(Modifiers::COMMAND, Key::K);
    window.type_into("Command", "health");
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for_text("Problems met while reading");
    window.key(Modifiers::COMMAND, Key::Num2);
    window.wait_for_row("features.compressed");
}

#[test]
fn an_entry_that_a_program_stores_shows_by_itself() {
    let (_temp, path) = fixture(JOBLIB);
    let folder = path.join("joblib/features/tokenize");
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.wait_for_text_part("live");
    let new = folder.join("0123456789abcdef0123456789abcdef");
    std::fs::create_dir(&new).unwrap();
    std::fs::copy(
        folder.join("4c2327d500c48d81fb04f896462d263e/metadata.json"),
        new.join("metadata.json"),
    )
    .unwrap();
    std::fs::copy(
        folder.join("4c2327d500c48d81fb04f896462d263e/output.pkl"),
        new.join("output.pkl"),
    )
    .unwrap();
    window.wait_for_text("58 entries");
}

/// A store of diskcache 5.6.
const DISKCACHE: &str = "sqlite/diskcache-5.6";

#[test]
fn entries_get_a_new_expiry_after_a_plan_was_shown_and_the_old_one_back() {
    let (_temp, path) = fixture(DISKCACHE);
    let mut window = Window::open(vec![path.clone()]);
    window.type_into("Query", "large");
    window.wait_for_text_part("3 of ");
    let expiries = || expiries(&path);
    let before = expiries();
    window.press("More ways to clear");
    window.press("Keep 3 found for…");
    window.wait_for_text("Keep 3 entries for…");
    window.type_into("Expires in", "soon");
    window.press("Show the plan…");
    window.wait_for_text_part("soon");
    window.type_into("Expires in", "2d");
    window.press("Show the plan…");
    window.wait_for_text_part("Keep 3 entries until ");
    window.wait_for_text_part("--expires 2d --query large");
    assert_eq!(expiries(), before, "a plan changes nothing");

    window.press("Keep 3 entries");
    window.wait_for_text_part("3 entries kept until ");
    window.wait_for_text("3 old expiries kept");
    let after = expiries();
    let n_new = before.iter().zip(&after).filter(|(a, b)| a != b).count();
    assert_eq!(n_new, 3);
    window.key(Modifiers::COMMAND, Key::Z);
    // The line goes when the work begins.
    window.wait_for(|_| expiries() == before);
}

/// When each entry of a store expires, as the command line tells it.
fn expiries(path: &std::path::Path) -> Vec<String> {
    let listed = program::run(["ls", path.to_str().unwrap()]);
    let entries = listed.of_type("entry");
    let mut expiries: Vec<String> = entries
        .map(|entry| format!("{} {}", entry["key"], entry["expires"]))
        .collect();
    expiries.sort();
    expiries
}

#[test]
fn stores_without_an_expiry_or_dead_space_offer_neither_keeping_nor_compacting() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.tokenize");
    window.press("More ways to clear");
    for label in ["Keep 2 found for…", "Compact this store…"] {
        window.wait_for_text(label);
        let button = window.harness.get_by_label(label);
        assert!(button.accesskit_node().is_disabled(), "{label}");
    }
}

#[test]
fn a_store_is_compacted_after_its_gain_was_shown() {
    let (temp, path) = fixture("shelve/gnu/shelf");
    let mut window = Window::open(vec![path.clone()]);
    window.wait_for_text_part(" entries");
    window.key(Modifiers::COMMAND, Key::K);
    window.type_into("Command", "compact");
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for_text_part("--yes");
    let before = std::fs::metadata(&path).unwrap().len();
    window.press("Compact");
    window.wait_for_text_part("compacted: ");
    assert!(std::fs::metadata(&path).unwrap().len() < before);
    assert!(!temp.path().join(".cachescope-quarantine").exists());
}

/// Nobody can see who has a dumb shelf open, so a person's word is needed, as on the command line.
#[test]
fn a_dumb_shelf_is_compacted_only_on_a_persons_word() {
    let (_temp, path) = fixture("shelve/dumb-3.13/shelf");
    let mut window = Window::open(vec![path]);
    window.wait_for_text_part(" entries");
    window.key(Modifiers::COMMAND, Key::K);
    window.type_into("Command", "compact");
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for_text("Compact");
    let button = window.harness.get_by_label("Compact");
    assert!(button.accesskit_node().is_disabled());
    window.press("No program uses it");
    window.wait_for_text_part("--no-program-uses-it");
    window.press("Compact");
    window.wait_for_text_part("compacted: ");
}

/// The window and a command line at one store: each says what the other one did.
#[test]
fn what_a_command_line_clears_and_brings_back_meanwhile_is_told_in_the_window() {
    let (temp, path) = fixture(JOBLIB);
    let state = temp.path().join("state");
    let run = |words: &[&str]| {
        let all = [words, &["--state-dir", state.to_str().unwrap()]].concat();
        assert_eq!(program::run(all).code, 0, "{words:?}");
    };
    let store = path.to_str().unwrap();
    let mut window = Window::open(vec![path.clone()]);
    window.type_into("Query", "group:features.tokenize");
    window.press("Clear 2 found…");
    window.wait_for_text("Clear 2 entries?");
    let choice = ["--query", "group:features.tokenize", "--yes"];
    run(&[&["clear", store], &choice[..]].concat());
    window.press("Clear 2 entries");
    window.wait_for_text("2 entries stayed as they were");
    window.wait_for_text_part("it is gone already");
    window.press("Close");
    window.type_into("Query", "");
    window.wait_for_text("55 entries");
    run(&["undo", store, "--last"]);
    window.wait_for_text("57 entries");

    window.type_into("Query", "group:features.tokenize");
    window.press("Clear 2 found…");
    window.press("Clear 2 entries");
    window.wait_for_text_part("2 entries moved aside");
    window.wait_for_text("0 of 55 entries");
    run(&["undo", store, "--last"]);
    window.type_into("Query", "");
    window.wait_for_text("57 entries");
}
