//! The table while a program works on the store: what one looks at stays where it is.

use std::fs;
use std::path::Path;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::window::{Window, fixture};
use super::{JOBLIB, painted};
use crate::support::python::Python;

const BEFORE: usize = 400;
const ADDED: usize = 300;
const REMOVED: usize = 60;

/// The hash of the entry of a number: keys sort as their numbers do.
fn name(n: usize) -> String {
    format!("{n:032x}")
}

/// What joblib leaves on the disk of one more call.
fn store(function: &Path, n: usize, of: &Path) {
    let entry = function.join(name(n));
    fs::create_dir(&entry).unwrap();
    for file in ["metadata.json", "output.pkl"] {
        fs::copy(of.join(file), entry.join(file)).unwrap();
    }
}

/// Lines on screen: key and top.
fn lines(window: &Window) -> Vec<(String, f32)> {
    let rows = window.harness.query_all_by_role(Role::Row);
    let named = rows.filter_map(|row| {
        let label = row.accesskit_node().label()?;
        Some((label.split_once(',')?.0.to_owned(), row.rect().top()))
    });
    named.filter(|(key, _)| key.len() == 32).collect()
}

#[test]
fn selection_order_and_scroll_stay_within_a_burst_of_changes() {
    let (_temp, path) = fixture(JOBLIB);
    let function = path.join("joblib/features/tokenize");
    let of = function.join("4c2327d500c48d81fb04f896462d263e");
    // Even numbers first; the burst adds odd ones between them.
    for n in 0..BEFORE {
        store(&function, 2 * n, &of);
    }
    let mut window = Window::open(vec![path]);
    window.wait_for_text(&format!("{} entries", 57 + BEFORE));
    window.type_into("Query", "group:features.tokenize");
    window.wait_for_text_part(&format!("{} of", 2 + BEFORE));
    window.run_command("Show rows as one list");
    window.press_labelled(Role::ColumnHeader, "Sort by Key");
    window.wait_for_quiet();
    window.key(Modifiers::NONE, Key::Home);
    for _ in 0..6 {
        window.key(Modifiers::NONE, Key::PageDown);
    }
    window.wait_for_quiet();
    let before = lines(&window);
    let chosen = before[before.len() / 2].0.clone();
    window.press_row(&chosen);
    window.wait_for_text_part("Selected 1 entry");
    window.wait_for_text_part("live");
    let top = |window: &Window| {
        let lines = lines(window);
        let line = lines.iter().find(|(key, _)| *key == chosen);
        line.map(|(_, top)| *top)
    };
    let at = top(&window).expect("the chosen line is on screen");

    let number = usize::from_str_radix(&chosen, 16).unwrap();
    for n in 0..ADDED {
        store(&function, 2 * n + 1, &of);
        if n % 10 == 0 {
            // In the middle of the burst, too, nothing jumps.
            window.harness.run_ok();
            assert_eq!(top(&window), Some(at), "after {n} new entries");
        }
    }
    let gone = (0..BEFORE).map(|n| 2 * n).filter(|n| *n != number);
    for n in gone.take(REMOVED) {
        std::fs::remove_dir_all(function.join(name(n))).unwrap();
    }
    window.wait_for_text_part(&format!("{} of", 2 + BEFORE + ADDED - REMOVED));
    window.wait_for_quiet();
    assert_eq!(top(&window), Some(at));
    window.wait_for_text_part("Selected 1 entry");
    let keys: Vec<_> = lines(&window).into_iter().map(|(key, _)| key).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    assert!(
        keys.iter()
            .any(|key| usize::from_str_radix(key, 16).unwrap() % 2 == 1)
    );
}

/// Makes one response many, whose times a listing reads from each: seconds of work.
const MANY: &str = r#"
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
row = db.execute("SELECT value, expires FROM responses LIMIT 1").fetchone()
db.executemany("INSERT INTO responses VALUES (?, ?, ?)", (("%016x" % n, *row) for n in range(20000)))
db.commit()
"#;

#[test]
fn what_responses_are_shows_while_their_cache_is_still_read() {
    let Some(python) = Python::env("python-3.13") else {
        return;
    };
    let (_temp, path) = fixture("requests-cache-1.3/pickle.sqlite");
    python.run(MANY, [&path]);
    let mut window = Window::open(vec![path]);
    // Method and url are in the value, and no column of the database.
    window.wait_for(|h| painted::has_line(h, "GEThttp://"));
    // They were there before the last of the 20,000 was read.
    assert!(!window.text().contains("20,00"), "{}", window.text());
    window.close();
}

#[test]
fn a_store_that_is_made_in_an_open_folder_comes_onto_the_rail() {
    let (_first, pickle) = fixture("pickle/3.13/dict-protocol4.pickle");
    let folder = tempfile::tempdir().unwrap();
    fs::copy(&pickle, folder.path().join("first.pickle")).unwrap();
    let mut window = Window::open(vec![folder.path().to_owned()]);
    window.wait_for_text_part("first.pickle");
    fs::create_dir(folder.path().join("below")).unwrap();
    fs::copy(&pickle, folder.path().join("below/second.pickle")).unwrap();
    window.wait_for_text_part("second.pickle");
}
