//! Every window over the window, of stores in every state: each can be read, heard, and closed again.

use egui::accesskit::Role;
use egui::{Key, Modifiers, Theme};
use egui_kittest::kittest::Queryable as _;
use tempfile::TempDir;

use super::pages::{self, Made, cut, judge};
use super::window::{Window, fixture};
use super::{DISKCACHE, JOBLIB};

/// Asked of each store; those that make no sense of it are passed over, and one store or another knows each.
const COMMANDS: [&str; 6] = [
    "Clear selected…",
    "Keep selected for…",
    "Compact this store…",
    "Clear by a policy…",
    "Show what was moved aside…",
    "Export a report…",
];
const SMALL: [f32; 2] = [1100.0, 700.0];

/// A shelf of gdbm, the second half of which is gone.
fn torn_gnu() -> (TempDir, std::path::PathBuf) {
    let (temp, path) = fixture("shelve/gnu/shelf");
    cut(&path, 2);
    (temp, path)
}

/// A dumb shelf whose index ends in the middle of a line.
fn torn_dumb() -> (TempDir, std::path::PathBuf) {
    let (temp, path) = fixture("shelve/dumb-3.13/shelf");
    cut(&path.with_extension("dir"), 2);
    (temp, path)
}

/// A dumb shelf whose values are gone.
fn half_dumb() -> (TempDir, std::path::PathBuf) {
    let (temp, path) = fixture("shelve/dumb-3.13/shelf");
    std::fs::remove_file(path.with_extension("dat")).unwrap();
    (temp, path)
}

/// A database of diskcache that ends in the middle of its pages.
fn torn_diskcache() -> (TempDir, std::path::PathBuf) {
    let (temp, path) = fixture(DISKCACHE);
    cut(&path.join("cache.db"), 2);
    (temp, path)
}

const STATES: [(&str, Made, Theme); 12] = [
    ("empty", pages::empty, Theme::Dark),
    ("one", pages::one, Theme::Light),
    ("many", || fixture(JOBLIB), Theme::Dark),
    ("broken", pages::broken, Theme::Light),
    ("failed", pages::failed, Theme::Dark),
    ("read-only", pages::read_only, Theme::Light),
    ("rows", || fixture(DISKCACHE), Theme::Light),
    ("torn rows", torn_diskcache, Theme::Dark),
    ("shelf", || fixture("shelve/gnu/shelf"), Theme::Light),
    ("torn shelf", torn_gnu, Theme::Dark),
    ("torn index", torn_dumb, Theme::Light),
    ("half a shelf", half_dumb, Theme::Dark),
];

#[test]
fn every_dialog_in_every_state_can_be_read_and_heard() {
    let mut n_offered = [0; COMMANDS.len()];
    for (state, make, theme) in STATES {
        let (_temp, path) = make();
        let mut window = Window::with(vec![path], theme, SMALL);
        window.wait_for(|h| {
            let is_open = h.query_by_role_and_label(Role::Tab, "Entries").is_some();
            // What cannot be opened at all says so, and there is nothing to ask of it.
            is_open || h.query_by_label("Dismiss").is_some()
        });
        window.wait_for_quiet();
        judge(&window, &format!("{state}, {theme:?}"));
        window.key(Modifiers::COMMAND, Key::A);
        for (command, n) in COMMANDS.into_iter().zip(&mut n_offered) {
            if !window.try_command(command) {
                continue;
            }
            *n += 1;
            judge(&window, &format!("{command} of {state} at work, {theme:?}"));
            window.wait_for_quiet();
            judge(&window, &format!("{command} of {state}, {theme:?}"));
            window.key(Modifiers::NONE, Key::Escape);
        }
    }
    assert!(n_offered.iter().all(|n| *n > 0), "{n_offered:?}");
}

/// What shows after something was done: kept aside, asked about, brought back, converted.
#[test]
fn what_follows_a_dialog_can_be_read_and_heard() {
    for theme in [Theme::Dark, Theme::Light] {
        let (_temp, path) = fixture(JOBLIB);
        let mut window = Window::with(vec![path], theme, SMALL);
        let look = |window: &mut Window, what: &str| {
            window.harness.remove_cursor();
            window.wait_for_quiet();
            judge(window, &format!("{what}, {theme:?}"));
        };
        window.type_into("Query", "group:features.tokenize");
        window.press("Clear 2 found…");
        window.press("Clear 2 entries");
        window.wait_for_text_part("2 entries moved aside");
        look(&mut window, "the message about a clear");
        window.run_command("Show what was moved aside…");
        window.wait_for_text_part("Bring back");
        look(&mut window, "what is held");
        window.key(Modifiers::NONE, Key::Escape);
        window.run_command("Free what is held aside…");
        look(&mut window, "freeing for good");
        window.key(Modifiers::NONE, Key::Escape);

        // Measuring takes seconds: once is enough to look at.
        if theme == Theme::Light {
            continue;
        }
        window.type_into("Query", "");
        // What the field offers lies over the tabs.
        window.key(Modifiers::NONE, Key::Escape);
        window.press_labelled(Role::Tab, "Compare");
        window.press("What if");
        look(&mut window, "nothing measured yet");
        window.press("Measure every kind");
        judge(&window, &format!("measuring, {theme:?}"));
        window.wait_for(|h| h.query_by_label("Convert to pickle").is_some());
        look(&mut window, "what if");
        window.press("Convert to pickle");
        look(&mut window, "converting");
    }
}
