//! Converted stores, judged by the libraries that own their kinds: every key, every value, and writing goes on.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::program;
use crate::support::python::Python;

#[test]
fn the_command_line_says_what_it_wrote_and_what_it_refused() {
    let Some(python) = Python::env("python-3.13") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let script = "import dbm.dumb, shelve, sys\nwith shelve.Shelf(dbm.dumb.open(sys.argv[1], 'n')) as s: s.update(a=1, b=[2])";
    let (from, to) = (temp.path().join("shelf"), temp.path().join("new"));
    python.run(script, [&from]);
    let run = |to: &PathBuf, kind: &str| {
        program::run([
            "convert".as_ref(),
            from.as_os_str(),
            to.as_os_str(),
            "--to".as_ref(),
            kind.as_ref(),
        ])
    };
    let ran = run(&to, "diskcache");
    assert_eq!(ran.code, 0, "{}", ran.said);
    let store = ran.of_type("store").next().expect("a store line");
    assert_eq!(
        (store["kind"].as_str(), store["entries"].as_u64()),
        (Some("diskcache"), Some(2))
    );
    let summary = ran.of_type("summary").next().expect("a summary line");
    assert_eq!(summary["entries"], 2);
    assert_eq!(run(&to, "pickle").code, 4);
    assert_eq!(run(&temp.path().join("other"), "nonsense").code, 2);
    assert_eq!(run(&temp.path().join("none/other"), "pickle").code, 3);
}
