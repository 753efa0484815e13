//! `cachescope find`: the caches below some folders, or in the usual places of this computer.

use std::path::PathBuf;
use std::sync::Arc;

use cachescope_core::model::{Issue, Snapshot, StoreInfo, text};
use cachescope_core::scan::{Cancel, Finds, Progress, find_below, find_on_this_computer};
use cachescope_core::stores::Store;

use super::lines::{IssueLine, StoreLine, path_text};
use super::out::{self, Exit, Failure, tell};
use super::{Global, open};
use crate::text as figures;

/// Find the caches on this computer.
///
/// By their bytes; without DIR in the places where Python programs usually keep them.
#[derive(Debug, clap::Args)]
pub(super) struct FindArgs {
    /// Folders to look through
    #[arg(value_name = "DIR")]
    folders: Vec<PathBuf>,

    /// Count entries and bytes of each cache, which reads it whole
    #[arg(long)]
    sizes: bool,
}

pub(super) fn run(args: &FindArgs, global: &Global) -> Result<Exit, Failure> {
    let (cancel, progress) = (Cancel::default(), Progress::default());
    let mut printer = Printer {
        cancel: &cancel,
        is_json: global.json,
        has_sizes: args.sizes,
        n_found: 0,
        failure: None,
        issues: Vec::new(),
    };
    let searched = if args.folders.is_empty() {
        find_on_this_computer(&cancel, &progress, &mut printer)
    } else {
        find_below(&args.folders, &cancel, &progress, &mut printer)
    };
    if let Some(failure) = printer.failure {
        return Err(failure);
    }
    // Where no folder could be searched, the first of these is what the program ends with.
    let n_told = usize::from(searched.is_err());
    for issue in printer.issues.iter().skip(n_told) {
        open::say_issue(issue);
    }
    searched?;
    if printer.n_found == 0 && !global.json {
        tell!(
            "No cache was found. Name the folder that a program was given as its cache: cachescope find DIR"
        );
    }
    Ok(Exit::Done)
}

struct Printer<'a> {
    cancel: &'a Cancel,
    is_json: bool,
    has_sizes: bool,
    n_found: u64,
    failure: Option<Failure>,
    /// Said when the search is over, unless they are lines.
    issues: Vec<Issue>,
}

impl Printer<'_> {
    fn print(&mut self, line: Result<(), Failure>) {
        if let Err(failure) = line {
            // Nobody reads on.
            self.cancel.cancel();
            self.failure.get_or_insert(failure);
        }
    }

    fn store_line(&self, info: &Arc<StoreInfo>) -> Result<(), Failure> {
        let sums = if self.has_sizes {
            let store = Store::open(info)?;
            Some(Snapshot::read(&store, self.cancel, &Progress::default())?)
        } else {
            None
        };
        let totals = sums.as_ref().map(|s| s.totals);
        let disk_bytes = sums.as_ref().map(|s| s.disk_bytes());
        if !self.is_json {
            let size = totals.map_or_else(String::new, |t| {
                format!(
                    " · {} · {}",
                    figures::counted(t.entries, "entry", "entries"),
                    figures::bytes(t.bytes)
                )
            });
            return out::print(
                format!("{} · {}{size}\n", text::path(&info.path), info.kind).as_bytes(),
            );
        }
        out::print_line(&StoreLine {
            path: &path_text(&info.path),
            kind: info.kind,
            writer: info.writer.as_deref(),
            entries: totals.map(|t| t.entries),
            bytes: totals.map(|t| t.bytes),
            disk_bytes,
            groups: None,
            problems: sums.map(|s| s.issues.len() as u64),
        })
    }
}

impl Finds for Printer<'_> {
    fn store(&mut self, store: Arc<StoreInfo>) {
        self.n_found += 1;
        match self.store_line(&store) {
            // One store that cannot be counted hides no other.
            Err(Failure::Said(_, message)) => tell!("warning: {message}"),
            line => self.print(line),
        }
    }

    fn issue(&mut self, issue: Issue) {
        if self.is_json {
            let line = out::print_line(&IssueLine::from(&issue));
            self.print(line);
        } else {
            self.issues.push(issue);
        }
    }
}
