//! `cachescope compact`: dead space in a cache's files given back.

use std::path::PathBuf;

use cachescope_core::clear::compact::{self, Gain, Word};
use cachescope_core::model::{StoreInfo, text};

use super::lines::{CompactLine, path_text};
use super::out::{self, Exit, Failure};
use super::{Global, interrupt, open};
use crate::text as figures;

/// Make a cache's files as small as its entries need: shows the gain, and with --yes does it.
///
/// Every key and value is compared before the smaller file takes the old one's place; one that
/// cannot be compacted stays as it is. For dbm.dumb, gdbm and SQLite files.
#[derive(Debug, clap::Args)]
pub(super) struct CompactArgs {
    /// The cache
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Do it
    #[arg(long)]
    yes: bool,

    /// You know that no program has the dbm.dumb shelf open: it would hand out wrong values afterwards
    #[arg(long)]
    no_program_uses_it: bool,
}

pub(super) fn run(args: &CompactArgs, global: &Global) -> Result<Exit, Failure> {
    let stores = open::find(std::slice::from_ref(&args.path), global)?;
    let cancel = interrupt::cancel()?;
    let word = if args.no_program_uses_it {
        Word::NoProgramUsesIt
    } else {
        Word::NotGiven
    };
    let mut failure = None;
    let mut n_done = 0;
    // A reader that goes away stops what is only shown, and nothing that is to be done.
    let mut closed = None;
    let mut hear = |told: Result<(), Failure>| match told {
        Err(why) if args.yes => {
            closed.get_or_insert(why);
            Ok(())
        }
        told => told,
    };
    for info in &stores {
        let gain = compact::predict(info).map_err(Failure::from);
        let gain = match gain {
            Ok(_) if args.yes => compact::compact(info, word, &cancel).map_err(Failure::of_change),
            predicted => predicted,
        };
        match gain {
            Ok(gain) => {
                n_done += 1;
                hear(tell(info, gain, args.yes, global))?;
            }
            Err(why) if stores.len() == 1 => return Err(why),
            Err(why) => {
                let told = Failure::Said(why.exit(), said(&why));
                hear(open::report_failure(told, info, global))?;
                failure.get_or_insert(why);
            }
        }
    }
    match failure {
        Some(failure) if n_done == 0 => Err(failure),
        // A store without dead space is no failure; one that could not be compacted is.
        Some(failure) if failure.exit() != Exit::Refused => Ok(Exit::Found),
        _ => closed.map_or(Ok(Exit::Done), Err),
    }
}

fn said(failure: &Failure) -> String {
    failure.message().unwrap_or_default().to_owned()
}

fn tell(info: &StoreInfo, gain: Gain, is_done: bool, global: &Global) -> Result<(), Failure> {
    if global.json {
        return out::print_line(&CompactLine {
            store: path_text(&info.path),
            kind: info.kind,
            outcome: if is_done { "compacted" } else { "planned" },
            bytes_before: gain.bytes_before,
            bytes_after: gain.bytes_after,
            bytes_gained: gain.bytes(),
        });
    }
    let (before, after) = (
        figures::bytes(gain.bytes_before),
        figures::bytes(gain.bytes_after),
    );
    let gained = figures::bytes(gain.bytes());
    let path = text::path(&info.path);
    let sentence = match (is_done, gain.bytes()) {
        (_, 0) => format!("{path}: {before}, no dead space\n"),
        (true, _) => format!("{path}: {before}, now {after}; {gained} given back\n"),
        (false, _) => format!(
            "{path}: {before}, about {after} afterwards; about {gained} to be given back\nNothing was changed; --yes does it\n"
        ),
    };
    out::print(sentence.as_bytes())
}
