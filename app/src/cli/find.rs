//! `cachescope find`: the caches below some folders, or in the usual places of this computer.

use std::path::PathBuf;
use std::sync::Arc;

use cachescope_core::model::{Cancel, Issue, Progress, Severity, Snapshot, StoreInfo, text};
use cachescope_core::scan::{Finds, find_below, find_on_this_computer};
use cachescope_core::stores::Store;

use super::lines::{IssueLine, StoreLine, path_text};
use super::out::{self, Exit, Failure, tell};
use super::{Global, open};
use crate::text as figures;

/// Find the caches on this computer.
///
/// By their bytes; without DIR in the places where Python programs usually keep them.
/// What by its name is history, a browser's profile or downloaded data is passed over, and said; "ls" looks inside.
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

    /// A store's line, with what could be counted of it.
    fn store_line(&self, info: &StoreInfo, sums: Option<&Snapshot>) -> Result<(), Failure> {
        if !self.is_json {
            let size = sums.map_or_else(String::new, |sums| {
                let totals = sums.totals;
                format!(
                    " · {} · {}",
                    figures::counted(totals.entries, "entry", "entries"),
                    figures::bytes(totals.bytes)
                )
            });
            return out::print(
                format!("{} · {}{size}\n", text::path(&info.path), info.kind).as_bytes(),
            );
        }
        let path = path_text(&info.path);
        out::print_line(&match sums {
            Some(sums) => StoreLine::of_snapshot(sums, &path),
            None => StoreLine::of_info(info, &path),
        })
    }

    fn sums(&self, info: &Arc<StoreInfo>) -> cachescope_core::Result<Arc<Snapshot>> {
        Snapshot::read(&Store::open(info)?, self.cancel, &Progress::default())
    }
}

impl Finds for Printer<'_> {
    fn store(&mut self, store: Arc<StoreInfo>) {
        self.n_found += 1;
        let sums = self.has_sizes.then(|| self.sums(&store)).transpose();
        let line = self.store_line(&store, sums.as_ref().ok().and_then(Option::as_deref));
        self.print(line);
        // A store that cannot be counted is found all the same, and hides no other.
        if let Err(error) = sums
            && !error.is_cancelled()
        {
            self.issue(Issue::new(
                Severity::Warning,
                &store.path,
                error.to_string(),
            ));
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
