//! `cachescope show`: one stored value, decoded without running anything it says.

mod page;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cachescope_core::formats::numpy::ArraySummary;
use cachescope_core::formats::python::Difference;
use cachescope_core::formats::{Element, Options, Preview, Problem, SparseHandle, Table};
use cachescope_core::model::value::Call;
use cachescope_core::model::{Limits, text};
use cachescope_core::ops;
use cachescope_core::stores::ValueReader;
use serde::Serialize;

use super::out::{self, Exit, Failure, tell};
use super::pick::{self, KeyArgs, Picked};
use super::save::SaveArgs;
use super::{Global, open};
use crate::difference;

/// Show what an entry holds, without running it.
///
/// Classes are named and calls are listed, but none is made.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The cache
    #[arg(value_name = "PATH")]
    path: PathBuf,

    #[command(flatten)]
    key: KeyArgs,

    /// Show a part of the value, reached as in Python by steps such as `['weights'][0]` or `.coef_`
    #[arg(long, value_name = "STEPS")]
    at: Option<String>,

    /// Compare the cached function with its source below this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["at", "output", "literal", "snippet"])]
    source: Option<PathBuf>,

    #[command(flatten)]
    save: SaveArgs,

    /// Print Python that loads exactly this entry with the library that wrote it
    #[arg(long, conflicts_with_all = ["output", "literal"])]
    snippet: bool,

    /// Print the value as a Python literal
    #[arg(long, conflicts_with = "output")]
    literal: bool,

    /// Show credentials, cookies and tokens in stored responses of web servers, which are left out otherwise
    #[arg(long)]
    secrets: bool,
}

/// A value that is saved is read whole, so long as it fits in memory.
const WHOLE: Options = Options {
    limits: Limits {
        output_bytes: 512 << 20,
        ..Limits::DEEP
    },
    has_statistics: false,
};

/// Characters of `repr` that are printed; scripts rely on at least 1,000.
const REPR_CHARS: usize = 10_000;

pub(super) fn run(args: &ShowArgs, global: &Global) -> Result<Exit, Failure> {
    if global.json && (args.literal || args.snippet) {
        return Err(Failure::usage(
            "--literal and --snippet print Python and no JSON Lines: leave --json out",
        ));
    }
    let stores = open::find(std::slice::from_ref(&args.path), global)?;
    let picked = pick::pick(&stores, &args.key, global)?;
    let mut reader = picked.store.open_value(&picked.entry)?;
    reader.hides_secrets &= !args.secrets;
    let options = if args.save.is_asked() {
        WHOLE
    } else {
        Options::SHOW
    };
    let mut preview = reader.preview(&options)?;
    if let Some(steps) = &args.at {
        preview = part(&preview, &reader, steps, &options)?;
    }
    let saving = args.save.of(args.at.is_some())?;
    if let Some(saving) = saving {
        let saved = saving.save(&picked.store.info, &reader, &preview)?;
        tell!("{saved}");
        return Ok(Exit::Done);
    }
    if args.snippet || args.literal {
        let text = if args.snippet {
            ops::snippet(&picked.store, &picked.entry, &preview)?
        } else {
            preview.literal(LITERAL_CHARS)
        };
        let Some(text) = text else {
            let why = if args.snippet {
                "No library loads an entry of this kind by its key"
            } else {
                "The value is no literal: it holds objects, or is too long"
            };
            return Err(Failure::usage(why));
        };
        out::print(format!("{}\n", text.trim_end()).as_bytes())?;
        return Ok(Exit::Done);
    }
    let facts = facts(&picked);
    let source = match &args.source {
        Some(folder) => source(&picked, folder)?,
        None => None,
    };
    let line = ValueLine::new(&picked, &preview, &facts, source);
    if global.json {
        out::print_line(&line)?;
    } else {
        out::print(page::page(&line, &preview).as_bytes())?;
    }
    Ok(Exit::Done)
}

/// The function behind the entry as it stands today; `None` where the store keeps no source.
fn source(picked: &Picked, folder: &Path) -> Result<Option<SourceField>, Failure> {
    let today = picked.store.source_today(&picked.entry, Some(folder))?;
    let cached = picked.store.details(&picked.entry)?.source;
    let (Some(today), Some(cached)) = (today, cached) else {
        return Ok(None);
    };
    let file = |path: &Path| super::lines::path_text(path);
    let found = today.found.as_ref();
    let diff = found.map(|found| {
        let names = (file(&cached.path), file(&found.path));
        difference::unified((&names.0, &cached.text), (&names.1, &found.text))
    });
    Ok(Some(SourceField {
        difference: found.map(|found| match found.difference {
            Difference::None => "none",
            Difference::Layout => "layout",
            Difference::Code => "code",
        }),
        path: found.map(|found| file(&found.path)),
        line: found.map(|found| found.first_line),
        diff,
        evidence: today.says,
    }))
}

/// The part of a value that `--at` names.
fn part(
    whole: &Preview,
    reader: &ValueReader,
    steps: &str,
    options: &Options,
) -> Result<Preview, Failure> {
    let node = whole.value.find(whole.node, steps).map_err(|rest| {
        let way = steps.strip_suffix(&*rest).unwrap_or_default();
        let way = if way.is_empty() { "the value" } else { way };
        Failure::usage(format!(
            "--at leads nowhere: {} has no {}. Steps are written as Python prints them: ['key'], [0], .name",
            text::shown(way),
            text::shown(&rest)
        ))
    })?;
    Ok(whole.inside(node, &*reader.side_files, options))
}

/// Characters of a literal.
const LITERAL_CHARS: usize = 10_000_000;

#[derive(Serialize)]
#[serde(tag = "type", rename = "value")]
struct ValueLine<'a> {
    store: String,
    group: Option<&'a str>,
    key: Option<&'a str>,
    codec: &'a [String],
    value_type: &'a str,
    repr: String,
    truncated: bool,
    globals: &'a [String],
    calls: Vec<CallField<'a>>,
    array: Option<ArrayField<'a>>,
    table: Option<TableField<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sparse: Option<SparseField<'a>>,
    problems: Vec<String>,
    facts: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceField>,
}

/// What the store's own kind knows of an entry: a request's url and status, an argument that is no part of the key, ….
type Facts = Vec<(Cow<'static, str>, String)>;

/// A file's one value has no facts, and an entry whose facts cannot be read still shows its value.
fn facts(picked: &Picked) -> Facts {
    match (&picked.key, picked.store.details(&picked.entry)) {
        (Some(_), Ok(details)) => details.facts,
        _ => Vec::new(),
    }
}

#[derive(Serialize)]
struct CallField<'a> {
    name: &'a str,
    class: &'static str,
}

#[derive(Serialize)]
struct ArrayField<'a> {
    dtype: &'a str,
    shape: &'a [u64],
    order: &'static str,
    min: &'a Element,
    max: &'a Element,
    mean: Option<f64>,
    nan_count: Option<u64>,
    first: &'a [Element],
}

#[derive(Serialize)]
struct TableField<'a> {
    columns: &'a [String],
    dtypes: &'a [String],
    rows: u64,
    index: &'a [Element],
    head: &'a [Vec<Element>],
}

/// The function that computed the value, beside what it is today.
#[derive(Serialize)]
struct SourceField {
    /// `none`, `layout` or `code`; `None` where there is nothing to compare with.
    difference: Option<&'static str>,
    evidence: String,
    path: Option<String>,
    line: Option<u64>,
    /// As `diff -u` writes it.
    diff: Option<String>,
}

/// A matrix of scipy's.
#[derive(Serialize)]
struct SparseField<'a> {
    format: &'a str,
    shape: &'a [u64],
    dtype: Option<&'a str>,
    stored: Option<u64>,
}

impl<'a> ValueLine<'a> {
    fn new(
        picked: &'a Picked,
        preview: &'a Preview,
        facts: &'a Facts,
        source: Option<SourceField>,
    ) -> Self {
        let repr = preview.value.repr(preview.node, REPR_CHARS);
        Self {
            store: super::lines::path_text(&picked.store.info.path),
            group: picked.group.as_deref(),
            key: picked.key.as_deref(),
            codec: &preview.codec,
            value_type: &preview.value_type,
            truncated: repr.is_cut || preview.is_truncated,
            repr: repr.text,
            globals: &preview.globals,
            calls: preview.calls.iter().map(CallField::from).collect(),
            array: preview.array.as_ref().map(ArrayField::from),
            table: preview.table.as_ref().map(TableField::from),
            sparse: preview.sparse_handle.as_ref().map(SparseField::from),
            problems: preview.problems.iter().map(Problem::to_string).collect(),
            facts: facts
                .iter()
                .map(|(name, text)| (&**name, &**text))
                .collect(),
            source,
        }
    }
}

impl<'a> From<&'a Call> for CallField<'a> {
    fn from(call: &'a Call) -> Self {
        Self {
            name: &call.name,
            class: call.class.word(),
        }
    }
}

impl<'a> From<&'a ArraySummary> for ArrayField<'a> {
    fn from(array: &'a ArraySummary) -> Self {
        Self {
            dtype: &array.dtype,
            shape: &array.shape,
            order: array.order.letter(),
            min: &array.min,
            max: &array.max,
            mean: array.mean.filter(|mean| mean.is_finite()),
            nan_count: array.nan_count,
            first: &array.first,
        }
    }
}

impl<'a> From<&'a Table> for TableField<'a> {
    fn from(table: &'a Table) -> Self {
        Self {
            columns: &table.columns,
            dtypes: &table.dtypes,
            rows: table.rows,
            index: &table.index,
            head: &table.head,
        }
    }
}

impl<'a> From<&'a SparseHandle> for SparseField<'a> {
    fn from(sparse: &'a SparseHandle) -> Self {
        Self {
            format: sparse.matrix.format,
            shape: &sparse.matrix.shape,
            dtype: sparse.matrix.dtype.as_deref(),
            stored: sparse.matrix.n_stored,
        }
    }
}
