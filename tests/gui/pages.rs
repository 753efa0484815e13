//! Every page of the window in every state a store can be in.

use egui::Theme;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use tempfile::TempDir;

use super::JOBLIB;
use super::window::{Window, fixture};
use std::path::PathBuf;
use std::time::Duration;

/// A joblib store with nothing in it, as `Memory.clear` leaves it.
fn empty() -> (TempDir, PathBuf) {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("cache");
    std::fs::create_dir_all(path.join("joblib/features/embed")).unwrap();
    std::fs::write(
        path.join("joblib/features/embed/func_code.py"),
        "# first line: 1\n",
    )
    .unwrap();
    (temp, path)
}

/// The committed store with one entry left, `max(3, 9)`.
fn one() -> (TempDir, PathBuf) {
    let (temp, path) = fixture(JOBLIB);
    for module in std::fs::read_dir(path.join("joblib")).unwrap() {
        let module = module.unwrap().path();
        if !module.ends_with("builtins") {
            std::fs::remove_dir_all(module).unwrap();
        }
    }
    (temp, path)
}

/// The committed store with a folder that nobody may read.
fn broken() -> (TempDir, PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    let (temp, path) = fixture(JOBLIB);
    let locked = path.join("joblib/features/tokenize");
    std::fs::set_permissions(locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    (temp, path)
}

/// The committed store where nothing may be written.
fn read_only() -> (TempDir, PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    let (temp, path) = fixture(JOBLIB);
    let mut waiting = vec![path.clone()];
    while let Some(folder) = waiting.pop() {
        for item in std::fs::read_dir(&folder).unwrap() {
            let item = item.unwrap().path();
            if item.is_dir() {
                waiting.push(item);
            } else {
                let mode = std::fs::Permissions::from_mode(0o444);
                std::fs::set_permissions(item, mode).unwrap();
            }
        }
    }
    (temp, path)
}

type Made = fn() -> (TempDir, PathBuf);
const STATES: [(&str, Made); 5] = [
    ("empty", empty),
    ("one", one),
    ("many", || fixture(JOBLIB)),
    ("broken", broken),
    ("read-only", read_only),
];

/// Draws every page; the harness itself fails on a missing glyph, `run` on a widget without a name.
#[test]
fn every_page_in_every_state_has_names_and_glyphs_for_all() {
    for theme in [Theme::Dark, Theme::Light] {
        for size in [[1100.0, 700.0], [1920.0, 1080.0]] {
            for (state, make) in STATES {
                let (_temp, path) = make();
                let mut window = Window::with(vec![path], theme, size);
                // While the store is being read.
                for _ in 0..4 {
                    window.harness.step();
                    let unnamed = window.harness.unnamed_widgets();
                    assert!(unnamed.is_empty(), "{state} loading: {unnamed:?}");
                }
                window.wait_for(|h| h.query_by_role_and_label(Role::Tab, "Entries").is_some());
                for page in ["Overview", "Activity", "Health", "Compare", "Entries"] {
                    window.press_labelled(Role::Tab, page);
                    window.wait_for_quiet();
                    let unnamed = window.harness.unnamed_widgets();
                    assert!(unnamed.is_empty(), "{state} {page}: {unnamed:?}");
                }
            }
        }
    }
}

#[test]
fn an_idle_window_asks_for_no_repaint() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    for page in ["Overview", "Activity", "Health", "Compare", "Entries"] {
        window.press_labelled(Role::Tab, page);
        window.wait_for_quiet();
        for _ in 0..3 {
            window.harness.step();
            assert_eq!(window.repaint_delay(), Duration::MAX, "{page}");
        }
    }
}

#[test]
fn a_store_that_is_empty_says_so() {
    let (_temp, path) = empty();
    let mut window = Window::open(vec![path]);
    window.wait_for_text("This store is empty");
}

#[test]
fn health_counts_problems_and_names_their_files() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.press_labelled(Role::Tab, "Health");
    window.wait_for_text_part("not checked yet");
    window.wait_for_text("Problems met while reading");
}
