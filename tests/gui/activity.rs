//! The Activity page while a real program works, and the window at rest.

use std::path::Path;
use std::time::Duration;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use tempfile::TempDir;

use super::JOBLIB;
use super::window::{Window, fixture};
use crate::support::python::{Python, Running};

/// A program that looks up what it is told to.
const PROGRAM: &str = r#"
import sys, joblib
memory = joblib.Memory(sys.argv[1], verbose=0)

@memory.cache
def load(path):
    return path * 2

for line in sys.stdin:
    load(line.strip())
    print("done", flush=True)
"#;

/// The same with the probe, as `cachescope run` starts it.
const PROBED: &str = r#"
import os, sys
sys.path.insert(0, sys.argv[2])
import cachescope_probe
cachescope_probe.start(sys.argv[3])
exec(sys.stdin.readline().strip())
cachescope_probe.snapshot()
print("done", flush=True)
for line in sys.stdin:
    load(line.strip())
    print("done", flush=True)
"#;

fn look_up(program: &mut Running, path: &str) {
    program.send(path);
    assert_eq!(program.line().as_deref(), Some("done"));
}

#[test]
fn hits_of_a_program_show_in_feed_rail_and_cards_and_can_be_filtered() {
    let Some(python) = Python::env("joblib-new") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let mut program = python.spawn(PROGRAM, [folder.path()]);
    look_up(&mut program, "a.csv");
    let mut window = Window::open(vec![folder.path().to_owned()]);
    window.wait_for_text_part("no look-ups seen yet");
    window.press_labelled(Role::Tab, "Activity");
    window.wait_for_text("Nothing has happened yet");
    for path in ["a.csv", "b.csv", "a.csv"] {
        look_up(&mut program, path);
    }
    window.wait_for(|h| super::window::rows(h, "hit path='a.csv'") == 2);
    window.wait_for(|h| super::window::rows(h, "stored path='b.csv'") == 1);
    window.wait_for_text_part("67 % observed hit rate");
    window.wait_for_text_part("2 hits and 1 miss in");

    window.type_into("Query", "arg.path:*b.csv*");
    window.wait_for(|h| super::window::rows(h, "hit path='a.csv'") == 0);
    window.type_into("Query", "");
    window.press("Pause");
    look_up(&mut program, "c.csv");
    window.wait_for_text_part("1 event since");
    window.wait_for(|h| super::window::rows(h, "path='c.csv'") == 0);
    window.press("Go on");
    window.wait_for(|h| super::window::rows(h, "stored path='c.csv'") == 1);

    // The same store in another window remembers.
    let own = window.close();
    let mut window = Window::with_own(vec![folder.path().to_owned()], own);
    window.wait_for_text_part("hit rate 50 %");
}

#[test]
fn what_running_programs_tell_is_opened_by_name_and_stays_live() {
    let Some(python) = Python::env("joblib-new") else {
        return;
    };
    let (own, cache) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let run = own.path().join("probe/20260101-000000-1");
    let probe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/probe");
    let mut window = Window::with_own(Vec::new(), own);
    let ask = |window: &mut Window| {
        window.key(Modifiers::COMMAND, Key::K);
        window.type_into("Command", "running programs");
        window.key(Modifiers::NONE, Key::Enter);
    };
    ask(&mut window);
    window.wait_for_text_part("No program runs with the probe now");

    let mut program = python.spawn(PROBED, [cache.path(), &probe, &run]);
    // One statement each: a script that is piped in has one line for all of it.
    look_up(
        &mut program,
        r"exec('import joblib\nmemory = joblib.Memory(sys.argv[1], verbose=0)\ndef load(path): return path * 2\nload = memory.cache(load)')",
    );
    look_up(&mut program, "a.csv");
    ask(&mut window);
    window.wait_for_text_part("live");
    window.type_into("Query", "arg.cache:joblib.Memory");
    window.wait_for(|h| super::window::rows(h, "misses=1,") == 1);
    look_up(&mut program, "b.csv");
    window.wait_for(|h| super::window::rows(h, "misses=2,") == 1);
}

#[test]
fn an_idle_window_that_watches_ten_thousand_entries_sleeps() {
    let (_temp, path) = fixture(JOBLIB);
    let function = path.join("joblib/features/tokenize");
    let one = function.join("4c2327d500c48d81fb04f896462d263e");
    for n in 0..10_000 {
        let new = function.join(format!("{n:032x}"));
        std::fs::create_dir(&new).unwrap();
        for name in ["output.pkl", "metadata.json"] {
            std::fs::hard_link(one.join(name), new.join(name)).unwrap();
        }
    }
    let mut window = Window::open(vec![path]);
    window.wait_for_text("10,057 entries");
    window.wait_for_text_part("live");
    window.press_labelled(Role::Tab, "Activity");
    window.wait_for_quiet();
    // What is still at work when the picture is quiet wakes it once more.
    for _ in 0..20 {
        if !window.is_woken_within(Duration::from_secs(1)) {
            break;
        }
        window.wait_for_quiet();
    }
    assert!(!window.is_woken_within(Duration::from_secs(3)));
    for _ in 0..3 {
        window.harness.step();
        assert_eq!(window.repaint_delay(), Duration::MAX);
    }
}
