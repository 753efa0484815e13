//! Reports as people and spreadsheets read them: whole or not there, inert, and never onto a cache.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{fixtures, program};

fn joblib() -> (TempDir, PathBuf) {
    let made = fixtures::all()
        .into_iter()
        .find(|fixture| fixture.opened().ends_with("joblib/1.6.0"));
    made.expect("a store of joblib 1.6").copy()
}

/// A shelf of plain pickles whose keys are what a spreadsheet would compute.
fn formulas(folder: &Path) -> PathBuf {
    let path = folder.join("formulas.pkl");
    // pickle.dumps({'=1+1': 1, '@x': 2, '<b>"&': 3}, 0), written out by hand.
    let pickle = b"(dp0\nV=1+1\np1\nI1\nsV@x\np2\nI2\nsV<b>\"&\np3\nI3\ns.";
    fs::write(&path, pickle).unwrap();
    path
}

fn export(path: &Path, output: &Path, more: &[&str]) -> program::Said {
    let mut args = vec![
        "export".as_ref(),
        path.as_os_str(),
        "-o".as_ref(),
        output.as_os_str(),
    ];
    args.extend(more.iter().map(std::ffi::OsStr::new));
    program::say(args)
}

#[test]
fn json_holds_what_ls_stats_and_check_print() {
    let (temp, path) = joblib();
    let output = temp.path().join("report.json");
    let said = export(&path, &output, &[]);
    assert_eq!(
        (said.code, said.stderr.contains("error")),
        (0, false),
        "{}",
        said.stderr
    );
    let report: Vec<Value> = serde_json::from_slice(&fs::read(&output).unwrap()).unwrap();
    let of = |name: &str| {
        report
            .iter()
            .filter(|o| o["type"] == name)
            .collect::<Vec<_>>()
    };
    let checked = program::run(["check".as_ref(), path.as_os_str(), "--all".as_ref()]);
    let printed: Vec<&Value> = checked.of_type("entry").collect();
    assert_eq!(of("entry").len(), printed.len());
    for entry in of("entry") {
        let same = printed
            .iter()
            .find(|p| p["key"] == entry["key"] && p["group"] == entry["group"]);
        assert_eq!(
            same.unwrap()["condition"],
            entry["condition"],
            "{}",
            entry["key"]
        );
    }
    let stats = program::run(["stats".as_ref(), path.as_os_str()]);
    let printed = stats.of_type("stats").next().unwrap();
    for name in ["entries", "bytes", "size_histogram"] {
        assert_eq!(of("stats")[0][name], printed[name], "{name}");
    }
    let summary = report.last().unwrap();
    assert_eq!(summary["type"], "summary");
    let check_summary = checked.of_type("summary").next().unwrap();
    assert!(!summary["conditions"]["orphan"].is_null(), "{summary}");
    for name in ["entries", "bytes", "conditions"] {
        assert_eq!(summary[name], check_summary[name], "{name}");
    }
}

#[test]
fn csv_has_a_row_an_entry_and_no_formula() {
    let temp = TempDir::new().unwrap();
    let output = temp.path().join("report.csv");
    let said = export(&formulas(temp.path()), &output, &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let mut reader = csv::Reader::from_path(&output).unwrap();
    let at = reader
        .headers()
        .unwrap()
        .iter()
        .position(|h| h == "key")
        .unwrap();
    let mut keys: Vec<String> = reader
        .records()
        .map(|row| row.unwrap()[at].to_owned())
        .collect();
    keys.sort();
    assert_eq!(keys, ["'=1+1", "'@x", "<b>\"&"]);
}

#[test]
fn html_shows_every_entry_escaped_and_loads_nothing() {
    let temp = TempDir::new().unwrap();
    let output = temp.path().join("report.html");
    let said = export(&formulas(temp.path()), &output, &["--query", "size>0"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let page = fs::read_to_string(&output).unwrap();
    assert!(page.contains("&lt;b&gt;&quot;&amp;"));
    assert!(!page.contains("<b>\"&"));
    for picture in ["Treemap: area is bytes", "Entries by size"] {
        assert!(page.contains(picture), "{picture}");
    }
    for loads in ["http://", "https://", "<script", "<link", "<img", "url("] {
        assert!(!page.contains(loads), "{loads}");
    }
}

#[test]
fn a_report_is_never_written_onto_a_cache_or_into_one() {
    let (temp, path) = joblib();
    let inside = path.join("joblib/report.csv");
    let said = export(&path, &inside, &[]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(!inside.exists());

    let pickle = formulas(temp.path());
    let before = fs::read(&pickle).unwrap();
    let said = export(&path, &pickle, &["--as", "csv"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert_eq!(fs::read(&pickle).unwrap(), before);
}

#[test]
fn an_older_report_is_replaced_whole_and_a_wrong_name_leaves_nothing() {
    let (temp, path) = joblib();
    let output = temp.path().join("report.json");
    assert_eq!(export(&path, &output, &[]).code, 0);
    let first = fs::read(&output).unwrap();
    assert_eq!(export(&path, &output, &["--query", "size<0"]).code, 0);
    assert!(fs::read(&output).unwrap().len() < first.len());

    let before: Vec<_> = fs::read_dir(temp.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert_eq!(export(&path, &temp.path().join("report.txt"), &[]).code, 2);
    assert_eq!(
        export(&path, &temp.path().join("no/such/report.csv"), &[]).code,
        3
    );
    assert_eq!(export(&temp.path().join("nothing"), &output, &[]).code, 3);
    let after: Vec<_> = fs::read_dir(temp.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert_eq!(before.len(), after.len(), "{after:?}");
}

#[test]
fn a_report_can_go_down_a_pipe() {
    let (_temp, path) = joblib();
    let said = export(&path, Path::new("-"), &["--as", "csv"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.starts_with("store,group,key,"));
    let closed = [
        "export".as_ref(),
        path.as_os_str(),
        "-o".as_ref(),
        "-".as_ref(),
        "--as".as_ref(),
        "html".as_ref(),
    ];
    let said = program::say_into_closed_pipe(closed);
    assert_eq!(said.code, 0, "{}", said.stderr);
}
