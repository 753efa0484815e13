//! UI time of one frame with a million entries loaded, while the table scrolls, sorts and lies still.
//!
//! `cargo bench -p cachescope --bench frame` prints medians and 99th percentiles; the goal is 4 ms.
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

fn measure(
    name: &str,
    harness: &mut Harness<'_, App>,
    mut before: impl FnMut(&mut Harness<'_, App>, usize),
) {
    let mut times: Vec<Duration> = (0..N_FRAMES)
        .map(|n| {
            before(harness, n);
            let start = Instant::now();
            harness.step();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |part: usize| {
        times
            .get(times.len() * part / 100)
            .copied()
            .unwrap_or_default()
    };
    println!("{name:<28} median {:>9.2?}   p99 {:>9.2?}", at(50), at(99));
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
