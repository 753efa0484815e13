//! UI time of one frame with a million entries loaded, while the table scrolls, sorts and lies still.
//!
//! `cargo bench -p cachescope --bench frame` prints medians and 99th percentiles; the goal is 4 ms.
//! Time at work is counted apart from time that passed: on a busy machine others are let in between, for 10 ms at a time.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark says what it measured, fails by panicking, and makes its own store"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cachescope::gui::{App, Setup};
use cachescope_core::model::Time;
use egui::{Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, TouchPhase, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

const N_ENTRIES: usize = 1_000_000;
const N_FRAMES: usize = 300;
/// Longer than reading a million entries takes on a slow machine.
const DEADLINE: Duration = Duration::from_mins(5);

/// A shelf of `dbm.dumb` with a million keys: an index of text, and data that are a hole in the disk.
fn store(folder: &Path) -> PathBuf {
    let mut index = String::new();
    for n in 0..N_ENTRIES {
        writeln!(index, "'key-{n:07}', ({}, {})", n * 512, 100 + n % 400).expect("memory");
    }
    std::fs::write(folder.join("million.dir"), index).expect("the index");
    let data = std::fs::File::create(folder.join("million.dat")).expect("the data");
    data.set_len(N_ENTRIES as u64 * 512)
        .expect("the data's length");
    folder.join("million")
}

/// Time that this thread was at work; `None` where the system does not tell.
fn at_work() -> Option<Duration> {
    // Linux brings the figure up to date at every tick of some milliseconds, and when the thread gives way.
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = told.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

fn measure(
    name: &str,
    harness: &mut Harness<'_, App>,
    mut before: impl FnMut(&mut Harness<'_, App>, usize),
) {
    let (mut passed, mut worked) = (Vec::new(), Vec::new());
    for n in 0..N_FRAMES {
        before(harness, n);
        let worked_before = at_work();
        let start = Instant::now();
        harness.step();
        passed.push(start.elapsed());
        let spent = at_work().zip(worked_before);
        worked.extend(spent.map(|(after, before)| after.saturating_sub(before)));
    }
    for (what, mut times) in [("at work", worked), ("passed", passed)] {
        times.sort_unstable();
        let at = |part: usize| {
            let place = times.len() * part / 100;
            times.get(place).copied().unwrap_or_default()
        };
        let (median, p99) = (at(50), at(99));
        println!("{name:<24} {what:<8} median {median:>9.2?}   p99 {p99:>9.2?}");
    }
}

fn main() {
    let temp = tempfile::TempDir::new().expect("a temporary folder");
    let setup = Setup {
        paths: vec![store(temp.path())],
        own: None,
        clock: Time::now,
        pictures: None,
        wake: None,
    };
    let mut harness = Harness::builder()
        .with_size([1440.0, 900.0])
        .with_max_steps(16)
        .build_eframe(|cc| App::new(cc, setup));
    let start = Instant::now();
    while harness.query_by_label("1,000,000 entries").is_none() {
        harness.run_ok();
        assert!(start.elapsed() < DEADLINE, "the store was never read");
        std::thread::sleep(Duration::from_millis(20));
    }
    harness.run_ok();
    println!("1,000,000 entries on screen after {:.1?}", start.elapsed());
    measure("the table lies still", &mut harness, |_, _| {});
    harness.hover_at(egui::pos2(600.0, 400.0));
    measure("the table scrolls", &mut harness, |harness, n| {
        harness.event(Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(0.0, if n % 2 == 0 { -240.0 } else { -37.0 }),
            phase: TouchPhase::Move,
            source: MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        });
    });
    measure("the cursor moves", &mut harness, |harness, _| {
        harness.key_press(Key::ArrowDown);
    });
    harness.key_press(Key::End);
    harness.run_ok();
    measure("at the last row", &mut harness, |harness, n| {
        harness.key_press(if n % 2 == 0 {
            Key::ArrowUp
        } else {
            Key::ArrowDown
        });
    });
}
