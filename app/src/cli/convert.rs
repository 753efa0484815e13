//! `cachescope convert`: the entries of one cache in a new store of another kind.

use std::path::{Path, PathBuf};

use cachescope_core::model::{Cancel, Progress, Snapshot, text};
use cachescope_core::ops::Control;
use cachescope_core::stores::Store;
use cachescope_core::write::{self, Options};
use clap::builder::PossibleValuesParser;

use super::interrupt::Writing;
use super::lines::{StoreLine, SummaryLine, path_text};
use super::listing::chosen;
use super::out::{self, Exit, Failure, tell};
use super::progress::Meter;
use super::{Global, open};
use crate::text as figures;

/// Write a cache's entries to a new store of another kind, each compared with its source.
///
/// B must not exist: nothing is ever written over. What the new kind cannot carry (an expiry, a key that is no text)
/// is refused with what would be lost. Values that are pickles stay pickles: nothing is run.
#[derive(Debug, clap::Args)]
pub(super) struct ConvertArgs {
    /// The cache to read
    #[arg(value_name = "A")]
    from: PathBuf,

    /// The path of the new store
    #[arg(value_name = "B")]
    to: PathBuf,

    /// Kind of the new store; a folder of calls (joblib) is made only from one
    #[arg(long = "to", value_name = "KIND", value_parser = PossibleValuesParser::new(write::kinds()))]
    kind: String,

    /// Compress the values of a joblib store: zlib, gzip or lz4
    #[arg(long, value_name = "CODEC")]
    codec: Option<String>,

    /// Go on where expiry, tags, further columns or unreadable entries are lost
    #[arg(long)]
    accept_loss: bool,
}

pub(super) fn run(args: &ConvertArgs, global: &Global) -> Result<Exit, Failure> {
    let target = write::target(&args.kind, args.codec.as_deref())?;
    let source = open::single(&args.from)?;
    let mut writing = Writing::begin(global)?;
    let (source, only) = chosen(source, global, &writing.cancel)?;
    let progress = Progress::default();
    let control = Control {
        cancel: &writing.cancel,
        progress: &progress,
    };
    let options = Options {
        accepts_loss: args.accept_loss,
        only,
    };
    let converted = Meter::new("converted", &progress).during(|| {
        write::convert(
            &source,
            target,
            &args.to,
            &options,
            &mut writing.leftovers,
            control,
        )
    });
    writing.tidy(&progress);
    let converted = converted?;
    for loss in &converted.losses {
        tell!("warning: the new store has lost {loss}");
    }
    print_store(&converted, &args.to, global)?;
    Ok(Exit::Done)
}

/// The new store as it stands, and how many of its entries were compared: all.
fn print_store(converted: &write::Converted, to: &Path, global: &Global) -> Result<(), Failure> {
    let store = Store::open(&converted.store)?;
    let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default())?;
    let path = path_text(&converted.store.path);
    if global.json {
        out::print_line(&StoreLine::of_snapshot(&snapshot, &path))?;
        return out::print_line(&SummaryLine {
            entries: converted.entries,
            bytes: snapshot.totals.bytes,
            issues: snapshot.issues.len() as u64,
            conditions: None,
        });
    }
    let sum = figures::counted(converted.entries, "entry", "entries");
    out::print(
        format!(
            "{sum} written as {} and compared with the source, {} on disk. Path: {}\n",
            converted.store.kind,
            figures::bytes(snapshot.disk_bytes()),
            text::path(to)
        )
        .as_bytes(),
    )
}
