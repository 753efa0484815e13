//! `cachescope export`: listing, statistics and conditions of caches into one file; the window writes its reports here too.

mod chart;
mod document;
mod markup;
mod page;
mod sheet;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachescope_core::model::{Cancel, Issue, Role, Severity, StoreInfo, Time, text};
use cachescope_core::ops::query::Query;
use cachescope_core::ops::stats::{self, Stats};
use cachescope_core::own::StateDir;
use cachescope_core::stores::{CheckOptions, Store};

use super::check::Rules;
use super::lines::SummaryLine;
use super::listing::{Listing, Types, Wish};
use super::out::{self, Exit, Failure};
use super::target::Target;
use super::{Global, interrupt, open};
use crate::text as figures;

/// Write a report: listing, statistics and conditions.
///
/// As CSV (an entry a row), as JSON (an array of the objects that ls, stats and check print), or as one HTML page with
/// pictures that needs nothing else. Every entry is checked first, which reads it. The file appears whole or not at all.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// Folders or files of caches, or a folder that holds some
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// The form of the report; by the ending of its name where it is not given
    #[arg(long = "as", value_name = "FORM")]
    form: Option<Form>,

    /// The file to write; `-` for stdout
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    rules: Rules,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// An entry a row; cells that a spreadsheet would take for formulas begin with an apostrophe
    Csv,
    /// One array of typed objects
    Json,
    /// A page with pictures
    Html,
}

impl Form {
    /// How a file's name ends.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Html => "html",
        }
    }

    /// The form that a file's name asks for.
    pub(crate) fn of_name(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "html" | "htm" => Some(Self::Html),
            _ => None,
        }
    }
}

/// What a report is to hold.
pub(crate) struct Request {
    /// The caches.
    pub(crate) stores: Vec<Arc<StoreInfo>>,
    /// What was asked for and could not be opened.
    pub(crate) unopened: Vec<Issue>,
    /// Cachescope's own folder, which knows of look-ups.
    pub(crate) own: Option<StateDir>,
    /// Which entries are listed.
    pub(crate) query: Query,
    /// The same as it was typed.
    pub(crate) typed: String,
    /// What counts as not fresh.
    pub(crate) options: CheckOptions,
    pub(crate) form: Form,
    /// The time that ages are counted to.
    pub(crate) now: Time,
}

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) issues: Vec<Issue>,
    n_read: usize,
    conditions: std::collections::BTreeMap<&'static str, u64>,
}

/// One store of a report.
struct Part {
    listing: Listing,
    stats: Stats,
}

pub(super) fn run(args: &ExportArgs, global: &Global) -> Result<Exit, Failure> {
    let is_stdout = args.output.as_os_str() == "-";
    let form = args.form.or_else(|| Form::of_name(&args.output));
    let form = form.ok_or_else(|| {
        Failure::usage("The form of the report is not known: give --as csv, --as json or --as html")
    })?;
    let mut unopened = Vec::new();
    let request = Request {
        query: global.query()?,
        typed: global.query.clone().unwrap_or_default(),
        options: args.rules.options()?,
        stores: open::find_telling(&args.paths, &mut |issue| {
            unopened.push(issue);
            Ok(())
        })?,
        unopened,
        own: global.state(),
        form,
        now: Time::now(),
    };
    if is_stdout {
        let mut stdout = std::io::stdout().lock();
        let written = write(&request, &mut stdout, &Cancel::default())?;
        stdout.flush()?;
        // The report has stdout to itself.
        written.issues.iter().for_each(open::say_issue);
        return Ok(written.exit());
    }
    let cancel = interrupt::cancel()?;
    let written = write_file(&request, &args.output, &cancel);
    if cancel.is_cancelled() && written.is_err() {
        return Err(Failure::unread("Interrupted: nothing was written"));
    }
    let written = written?;
    for issue in &written.issues {
        open::report(issue, global)?;
    }
    if global.json {
        out::print_line(&written.summary())?;
    } else {
        let entries = figures::counted(written.entries, "entry", "entries");
        out::print(format!("{entries} written to {}\n", text::path(&args.output)).as_bytes())?;
    }
    Ok(written.exit())
}

/// Writes a report beside its name and moves it there: a reader never sees half of one.
///
/// # Errors
/// Refused where the name belongs to a cache; otherwise what the system said.
pub(crate) fn write_file(
    request: &Request,
    path: &Path,
    cancel: &Cancel,
) -> Result<Written, Failure> {
    let mut target = Target::new(path, &request.stores)?;
    let written = write(request, &mut target, cancel)?;
    if written.n_read == 0 {
        return Err(Failure::unread(format!(
            "Nothing could be read, so nothing was written: {}",
            written.why()
        )));
    }
    cancel.check()?;
    target.keep()?;
    Ok(written)
}

fn write(request: &Request, to: &mut dyn Write, cancel: &Cancel) -> Result<Written, Failure> {
    let mut written = Written::default();
    let mut form: Box<dyn Report> = match request.form {
        Form::Csv => Box::new(sheet::Sheet),
        Form::Json => Box::new(document::Document::default()),
        Form::Html => Box::new(page::Page),
    };
    form.begin(request, to)?;
    for issue in &request.unopened {
        form.issue(issue, to)?;
        written.issues.push(issue.clone());
    }
    for info in &request.stores {
        match read(info, request, cancel) {
            Ok(part) => {
                written.add(&part);
                form.part(&part, request, to)?;
            }
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => {
                cancel.check()?;
                let why = failure.message().unwrap_or_default();
                let issue = Issue::new(Severity::Error, &info.path, why);
                form.issue(&issue, to)?;
                written.issues.push(issue);
            }
        }
    }
    form.end(&written, to)?;
    Ok(written)
}

fn read(info: &Arc<StoreInfo>, request: &Request, cancel: &Cancel) -> Result<Part, Failure> {
    let listing = Listing::read(
        Store::open(info)?,
        &Wish {
            query: request.query.clone(),
            check: Some(request.options.clone()),
            types: Types::Inside,
            cancel: cancel.clone(),
            ..Wish::default()
        },
    )?;
    let mut stats = stats::of_snapshot(&listing.snapshot, request.now);
    match listing.store.counters() {
        Ok(counters) => stats.counters = counters,
        Err(error) => stats.issues.push(Issue::from_error(&error, &info.path)),
    }
    if let Some(own) = &request.own {
        stats.counters.extend(own.counters(info));
    }
    Ok(Part { listing, stats })
}

/// How a form writes what it is given, store by store.
trait Report {
    fn begin(&mut self, request: &Request, to: &mut dyn Write) -> std::io::Result<()>;
    fn part(&mut self, part: &Part, request: &Request, to: &mut dyn Write) -> std::io::Result<()>;
    /// A store that could not be read.
    fn issue(&mut self, issue: &Issue, to: &mut dyn Write) -> std::io::Result<()>;
    fn end(&mut self, written: &Written, to: &mut dyn Write) -> std::io::Result<()>;
}

impl Written {
    fn add(&mut self, part: &Part) {
        self.n_read += 1;
        for (record, verdict) in part.listing.records() {
            if record.role == Role::Entry {
                self.entries += 1;
                self.bytes = self.bytes.saturating_add(record.bytes);
            }
            if let Some(verdict) = verdict {
                *self.conditions.entry(verdict.condition.name()).or_default() += 1;
            }
        }
        self.issues.extend(part.stats.issues.iter().cloned());
    }

    fn summary(&self) -> SummaryLine {
        SummaryLine {
            entries: self.entries,
            bytes: self.bytes,
            issues: self.issues.len() as u64,
            conditions: Some(self.conditions.clone()),
        }
    }

    fn exit(&self) -> Exit {
        if self.n_read == 0 {
            Exit::Unread
        } else {
            Exit::Done
        }
    }

    fn why(&self) -> String {
        let messages = self.issues.iter().map(|issue| text::shown(&issue.message));
        messages.collect::<Vec<_>>().join("; ")
    }
}
