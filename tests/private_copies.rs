//! Private copies of databases: made in Cachescope's own folder, gone afterwards, large ones only on a person's word.

use std::fs::{self, OpenOptions};
use std::path::Path;

use cachescope_core::sqlite;
use tempfile::TempDir;

use crate::gui::window::Window;
use crate::sqlite_ladder::log_without_index;
use crate::support::program::run;
use crate::support::python::Python;

/// Larger than what is copied unasked.
const LARGE: u64 = 520 << 20;

/// 100 rows in the database, one more in its log; the database takes so many bytes and more, nearly all of them a hole.
fn large(python: &Python, folder: &TempDir) -> std::path::PathBuf {
    let path = folder.path().join("cache.db");
    log_without_index(python, &path);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(LARGE).unwrap();
    path
}

fn ls(path: &Path, own: &TempDir, more: &[&str]) -> crate::support::program::Ran {
    let mut args = vec![
        "ls".as_ref(),
        path.as_os_str(),
        "--state-dir".as_ref(),
        own.path().as_ref(),
    ];
    args.extend(more.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
    run(args)
}

/// Names in the folder of all copies.
fn copies(own: &TempDir) -> Vec<String> {
    let names = fs::read_dir(own.path().join("copies")).expect("copies were made here");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    names
        .map(|entry| name(entry).into_string().unwrap())
        .collect()
}

#[test]
fn a_copy_goes_with_its_program_and_one_of_a_killed_program_with_the_next() {
    let Some(python) = Python::env("python-3.8") else {
        return;
    };
    let (folder, own) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = folder.path().join("cache.db");
    log_without_index(&python, &path);
    let dead = own.path().join("copies/cachescope-view-dead");
    fs::create_dir_all(&dead).unwrap();
    for name in ["lock", "view.db"] {
        fs::write(dead.join(name), b"").unwrap();
    }
    let ran = ls(&path, &own, &[]);
    assert_eq!((ran.code, ran.of_type("entry").count()), (0, 101));
    assert_eq!(copies(&own), [""; 0]);
}

#[test]
fn a_large_copy_is_made_only_where_the_command_line_allows_it() {
    let Some(python) = Python::env("python-3.8") else {
        return;
    };
    let (folder, own) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = large(&python, &folder);
    let ran = ls(&path, &own, &[]);
    assert_eq!((ran.code, ran.of_type("entry").count()), (0, 100));
    let said: Vec<&str> = ran
        .of_type("issue")
        .filter_map(|i| i["message"].as_str())
        .collect();
    assert!(
        said.iter()
            .any(|m| m.contains("last checkpoint") && m.contains("(--private-copy)")),
        "{said:?}"
    );
    let ran = ls(&path, &own, &["--private-copy"]);
    assert_eq!((ran.code, ran.of_type("entry").count()), (0, 101));
    assert_eq!(ran.of_type("issue").count(), 0);
    assert_eq!(copies(&own), [""; 0]);
}

#[test]
fn the_window_offers_the_copy_that_it_does_not_make_unasked() {
    let Some(python) = Python::env("python-3.8") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let path = large(&python, &folder);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("100 entries");
    window.press("Health");
    // What is counted there moves the button when it comes in.
    window.wait_for_quiet();
    window.press("Read from a private copy");
    window.wait_for_text("101 entries");
    window.wait_for(|harness| {
        use egui_kittest::kittest::Queryable as _;
        harness.query_by_label("Read from a private copy").is_none()
    });
    window.close();
    sqlite::forget_copies();
}
