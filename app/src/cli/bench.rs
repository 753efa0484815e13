//! `cachescope bench`: what each kind of store would make of this cache's own entries.

use std::path::PathBuf;

use cachescope_core::formats::compress::Codec;
use cachescope_core::model::Progress;
use cachescope_core::ops::Control;
use cachescope_core::write;
use cachescope_core::write::bench::{self, Bench, Measured, Options, Spread};
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::interrupt::Writing;
use super::listing::chosen;
use super::out::{self, Exit, Failure};
use super::progress::Meter;
use super::table::{Align, Table, terminal_width};
use super::{Global, open};
use crate::text as figures;

/// Write this cache's entries to every kind of store in a temporary folder, and measure each as read by Cachescope.
///
/// The folder lies beside the cache, so that the disk is the same; nothing of it stays. Kinds are read in turns, and
/// times are medians of rounds.
#[derive(Debug, clap::Args)]
pub(super) struct BenchArgs {
    /// A cache
    path: PathBuf,

    /// Only so many entries, drawn at random
    #[arg(long, value_name = "N")]
    sample: Option<usize>,

    /// Entries at most, drawn from those, of kinds that make a folder for each (joblib)
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    in_folders: usize,

    /// What the random draws begin from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Times that each kind is listed and read
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,

    /// Reads of each kind and round
    #[arg(long, value_name = "N", default_value_t = 300)]
    reads: usize,

    /// Only these kinds
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = PossibleValuesParser::new(write::kinds()))]
    kinds: Vec<String>,

    /// Work in this folder instead of beside the cache
    #[arg(long = "in", value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(super) fn run(args: &BenchArgs, global: &Global) -> Result<Exit, Failure> {
    let given = [
        ("--sample", args.sample),
        ("--in-folders", Some(args.in_folders)),
        ("--rounds", Some(args.rounds)),
        ("--reads", Some(args.reads)),
    ];
    if let Some((option, _)) = given.iter().find(|(_, n)| *n == Some(0)) {
        let why = format!("Nothing can be measured with {option} 0");
        return Err(Failure::usage(why));
    }
    let source = open::single(&args.path)?;
    let mut writing = Writing::begin(global)?;
    let (source, only) = chosen(source, global, &writing.cancel)?;
    let progress = Progress::default();
    let control = Control {
        cancel: &writing.cancel,
        progress: &progress,
    };
    let options = Options {
        only,
        sample: args.sample,
        in_folders: args.in_folders,
        seed: args.seed,
        rounds: args.rounds,
        reads: args.reads,
        kinds: args.kinds.clone(),
        folder: args.folder.clone(),
    };
    let measured = Meter::new("steps", &progress)
        .during(|| bench::bench(&source, &options, &mut writing.leftovers, control));
    let printed = measured
        .map_err(Failure::from)
        .and_then(|measured| print(&measured, source.info.kind, args, global));
    writing.tidy(&progress);
    printed.map(|()| Exit::Done)
}

fn print(bench: &Bench, kind: &str, args: &BenchArgs, global: &Global) -> Result<(), Failure> {
    let advice = bench::advice(bench, kind);
    if !global.json {
        let mut page = page(bench);
        page.push_str(&advice);
        page.push('\n');
        return out::print(page.as_bytes());
    }
    for measured in &bench.measured {
        out::print_line(&MeasureLine::from(measured))?;
    }
    out::print_line(&BenchSummary {
        entries: bench.entries,
        of_entries: bench.of_entries,
        unreadable: bench.unreadable,
        seed: args.seed,
        rounds: args.rounds,
        advice: &advice,
    })
}

/// What was measured of one kind, as read by Cachescope; null where it could not be.
#[derive(Serialize)]
#[serde(tag = "type", rename = "measure")]
struct MeasureLine<'a> {
    kind: &'a str,
    codec: Option<&'static str>,
    entries: Option<u64>,
    /// How many those that it was given were drawn from; null where it was given all. No figure is scaled up.
    sampled_from: Option<u64>,
    bytes: Option<u64>,
    disk_bytes: Option<u64>,
    files: Option<u64>,
    write_s: Option<f64>,
    read_p50_us: Option<f64>,
    read_p99_us: Option<f64>,
    list_s: Option<f64>,
    cold_read_us: Option<f64>,
    /// Smallest and largest median of a round.
    write_s_spread: Option<[f64; 2]>,
    read_p50_us_spread: Option<[f64; 2]>,
    read_p99_us_spread: Option<[f64; 2]>,
    list_s_spread: Option<[f64; 2]>,
    /// Why this kind was left out: it cannot carry these entries.
    refused: Option<&'a str>,
    /// What Python's own library takes beyond these figures, where that is most of its time.
    in_python: Option<&'static str>,
}

impl<'a> From<&'a Measured> for MeasureLine<'a> {
    fn from(measured: &'a Measured) -> Self {
        let median = |spread: Option<Spread>| spread.map(|s| s.median);
        let range = |spread: Option<Spread>| spread.map(|s| [s.low, s.high]);
        // Of a kind that was left out nothing is known.
        let told = |figure: u64| measured.refused.is_none().then_some(figure);
        Self {
            kind: measured.target.kind,
            codec: measured.target.codec.map(Codec::name),
            entries: told(measured.entries),
            sampled_from: measured.sampled_from,
            bytes: told(measured.bytes),
            disk_bytes: told(measured.disk_bytes),
            files: told(measured.files),
            write_s: median(measured.write_s),
            read_p50_us: median(measured.read_p50_us),
            read_p99_us: median(measured.read_p99_us),
            list_s: median(measured.list_s),
            cold_read_us: median(measured.cold_read_us),
            write_s_spread: range(measured.write_s),
            read_p50_us_spread: range(measured.read_p50_us),
            read_p99_us_spread: range(measured.read_p99_us),
            list_s_spread: range(measured.list_s),
            refused: measured.refused.as_deref(),
            in_python: measured.target.in_python,
        }
    }
}

/// The last line: what was measured, and what it says.
#[derive(Serialize)]
#[serde(tag = "type", rename = "summary")]
struct BenchSummary<'a> {
    entries: usize,
    of_entries: usize,
    unreadable: usize,
    seed: u64,
    rounds: usize,
    advice: &'a str,
}

/// For people: a line for each kind.
fn page(bench: &Bench) -> String {
    let mut table = Table::new(&[
        ("KIND", Align::Left),
        ("ENTRIES", Align::Right),
        ("ON DISK", Align::Right),
        ("FILES", Align::Right),
        ("WRITE", Align::Right),
        ("LIST", Align::Right),
        ("READ P50", Align::Right),
        ("P99", Align::Right),
        ("COLD", Align::Right),
    ]);
    let seconds =
        |spread: Option<Spread>| spread.map_or_else(String::new, |s| figures::duration(s.median));
    let micros = |spread: Option<Spread>| {
        spread.map_or_else(String::new, |s| figures::duration(s.median / 1e6))
    };
    let mut notes = Vec::new();
    for measured in &bench.measured {
        if let Some(why) = &measured.refused {
            notes.push(format!("{} was left out: {why}\n", measured.target.title()));
            continue;
        }
        if let Some(told) = measured.target.in_python {
            notes.push(format!("{} in Python: {told}\n", measured.target.title()));
        }
        table.push(&[
            measured.target.title(),
            figures::count(measured.entries),
            figures::bytes(measured.disk_bytes),
            figures::count(measured.files),
            seconds(measured.write_s),
            seconds(measured.list_s),
            micros(measured.read_p50_us),
            micros(measured.read_p99_us),
            micros(measured.cold_read_us),
        ]);
    }
    let sampled = bench.measured.iter().find(|m| m.sampled_from.is_some());
    if let Some(sampled) = sampled {
        let n = figures::counted(sampled.entries, "entry", "entries");
        let kind = sampled.target.kind;
        notes.push(format!(
            "{kind} was given {n}, drawn at random: it makes a folder for each. Its figures are of these\n"
        ));
    }
    if bench.unreadable > 0 {
        let n = figures::counted(bench.unreadable as u64, "entry", "entries");
        notes.push(format!("{n} could not be read and were left out\n"));
    }
    let head = if bench.entries < bench.of_entries {
        format!(
            "{} of {}, as read by Cachescope\n\n",
            figures::count(bench.entries as u64),
            figures::counted(bench.of_entries as u64, "entry", "entries")
        )
    } else {
        let all = figures::counted(bench.entries as u64, "entry", "entries");
        format!("{all}, as read by Cachescope\n\n")
    };
    head + &table.render(terminal_width()) + &notes.concat()
}
