//! Every page of the window in every state a store can be in.

use egui::accesskit::Role;
use egui::{Key, Modifiers, Theme};
use egui_kittest::kittest::Queryable as _;
use tempfile::TempDir;

use super::window::{Window, fixture};
use super::{JOBLIB, painted};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A joblib store with nothing in it, as `Memory.clear` leaves it.
pub(super) fn empty() -> (TempDir, PathBuf) {
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
pub(super) fn one() -> (TempDir, PathBuf) {
    let (temp, path) = fixture(JOBLIB);
    for module in std::fs::read_dir(path.join("joblib")).unwrap() {
        let module = module.unwrap().path();
        if !module.ends_with("builtins") {
            std::fs::remove_dir_all(module).unwrap();
        }
    }
    (temp, path)
}

/// The committed store after a crash: values cut in half, descriptions gone or torn. No file mode stops an
/// administrator from reading, so that nothing here rests on one.
pub(super) fn broken() -> (TempDir, PathBuf) {
    let (temp, path) = fixture(JOBLIB);
    let function = path.join("joblib/features/tokenize");
    let folders = std::fs::read_dir(&function).unwrap();
    let entries = folders
        .map(|item| item.unwrap().path())
        .filter(|p| p.is_dir());
    for (n, entry) in entries.enumerate() {
        match n {
            0 => cut(&entry.join("output.pkl"), 2),
            _ => std::fs::remove_file(entry.join("metadata.json")).unwrap(),
        }
    }
    for entry in std::fs::read_dir(path.join("joblib/features/embed")).unwrap() {
        let described = entry.unwrap().path().join("metadata.json");
        if described.exists() {
            cut(&described, 3);
        }
    }
    (temp, path)
}

/// Leaves that part of a file.
pub(super) fn cut(path: &Path, part: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let len = file.metadata().unwrap().len();
    file.set_len(len / part).unwrap();
}

/// The committed store where nothing may be written.
pub(super) fn read_only() -> (TempDir, PathBuf) {
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

/// A database that was cut in half: what it is can be told, what is in it cannot all be read.
pub(super) fn failed() -> (TempDir, PathBuf) {
    let (temp, path) = fixture("sqlite/plain/tables.db");
    cut(&path, 2);
    (temp, path)
}

pub(super) type Made = fn() -> (TempDir, PathBuf);
const STATES: [(&str, Made); 6] = [
    ("empty", empty),
    ("one", one),
    ("many", || fixture(JOBLIB)),
    ("broken", broken),
    ("failed", failed),
    ("read-only", read_only),
];

/// What no window may show: a widget that a screen reader cannot name, text that cannot be read or lies over other text.
#[track_caller]
pub(super) fn judge(window: &Window, where_: &str) {
    let unnamed = window.harness.unnamed_widgets();
    assert!(unnamed.is_empty(), "{where_}: {unnamed:?}");
    let faults = painted::faults(&window.harness);
    assert!(faults.is_empty(), "{where_}:\n{}", faults.join("\n"));
}

/// Every page in every state, in both colours and two sizes. The harness itself fails on a missing glyph.
#[test]
fn every_page_in_every_state_can_be_read_and_heard() {
    for theme in [Theme::Dark, Theme::Light] {
        for size in [[1100.0, 700.0], [1920.0, 1080.0]] {
            for (state, make) in STATES {
                let (_temp, path) = make();
                let mut window = Window::with(vec![path], theme, size);
                // While the store is being read.
                for _ in 0..4 {
                    window.harness.step();
                    judge(&window, &format!("{state} loading, {theme:?} {size:?}"));
                }
                window.wait_for(|h| h.query_by_role_and_label(Role::Tab, "Entries").is_some());
                for page in ["Overview", "Activity", "Health", "Compare", "Entries"] {
                    window.press_labelled(Role::Tab, page);
                    window.wait_for_quiet();
                    judge(&window, &format!("{state} {page}, {theme:?} {size:?}"));
                }
            }
        }
    }
}

/// The same with an entry selected, checked, filtered, and every side of it on show.
#[test]
fn every_side_of_an_entry_can_be_read_and_heard() {
    for theme in [Theme::Dark, Theme::Light] {
        let (temp, path) = fixture(JOBLIB);
        let mut window = Window::with(vec![path], theme, [1100.0, 700.0]);
        window.wait_for_text("57 entries");
        window.press("Revalidate all");
        window.type_into("Query", "group:features.tokenize");
        window.press_row("608eedaf6bd6a95ac5d5c2567e886df7");
        window.harness.remove_cursor();
        for side in ["Code", "Calls", "Bytes", "Value"] {
            window.press_labelled(Role::Tab, side);
            window.wait_for_quiet();
            judge(&window, &format!("{side}, {theme:?}"));
        }
        // The code of today is another one: both stand side by side in a narrow panel of a low window.
        let today = temp.path().join("today");
        std::fs::create_dir(&today).unwrap();
        let code =
            "def tokenize(text, lower=True):\n    return [word.strip() for word in text.split()]\n";
        std::fs::write(today.join("features.py"), code).unwrap();
        window.press_labelled(Role::Tab, "Code");
        window.type_into("Today's sources lie in", today.to_str().unwrap());
        window.press("Compare code");
        window.wait_for_text("The code changed");
        window.harness.remove_cursor();
        window.wait_for_quiet();
        judge(&window, &format!("code beside today's, {theme:?}"));
        window.press_labelled(Role::Tab, "Value");
        for page in ["Overview", "Health", "Activity"] {
            window.press_labelled(Role::Tab, page);
            window.wait_for_quiet();
            judge(&window, &format!("checked {page}, {theme:?}"));
        }
        window.type_into("Query", "sise>3");
        window.wait_for_quiet();
        judge(&window, &format!("a mistake, {theme:?}"));
    }
}

#[test]
fn every_dialog_and_the_start_page_can_be_read_and_heard() {
    for theme in [Theme::Dark, Theme::Light] {
        let mut window = Window::with(Vec::new(), theme, [1100.0, 700.0]);
        window.wait_for_text("Open a cache");
        judge(&window, &format!("the start page, {theme:?}"));
        let (_temp, path) = fixture(JOBLIB);
        let mut window = Window::with(vec![path], theme, [1100.0, 700.0]);
        window.type_into("Query", "group:features.tokenize");
        window.press_row("608eedaf6bd6a95ac5d5c2567e886df7");
        window.wait_for_quiet();
        for command in [
            "Save the value of the entry…",
            "Export a report…",
            "Clear by a policy…",
            "Show what was moved aside…",
            "Clear selected…",
            "Keys",
            "About Cachescope",
        ] {
            window.run_command(command);
            window.wait_for_quiet();
            judge(&window, &format!("{command} {theme:?}"));
            window.key(Modifiers::NONE, Key::Escape);
        }
        window.key(Modifiers::COMMAND, Key::K);
        judge(&window, &format!("the palette, {theme:?}"));
    }
}

#[test]
fn an_idle_window_asks_for_no_repaint() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    for page in ["Overview", "Activity", "Health", "Compare", "Entries"] {
        window.press_labelled(Role::Tab, page);
        // What the watcher tells of late may call for one picture more, and then it is quiet for good.
        let is_still = (0..20).any(|_| {
            window.wait_for_quiet();
            (0..3).all(|_| {
                window.harness.step();
                window.repaint_delay() == Duration::MAX
            })
        });
        assert!(is_still, "{page}");
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
