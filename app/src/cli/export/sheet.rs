//! A report as CSV: an entry a row, ready for a spreadsheet.

use std::borrow::Cow;
use std::io::{self, Write};

use cachescope_core::model::{Issue, Record, Time, Verdict};

use super::{Part, Report, Request, Written};
use crate::cli::lines::{group_of, key_base64, path_text};
use crate::cli::ls::with_whole_args;

/// The columns; the names are those of the JSON members.
const COLUMNS: [&str; 18] = [
    "store",
    "group",
    "key",
    "key_base64",
    "bytes",
    "disk_bytes",
    "files",
    "created",
    "modified",
    "accessed",
    "expires",
    "duration_s",
    "args",
    "hits",
    "value_type",
    "codec",
    "condition",
    "evidence",
];

pub(super) struct Sheet;

impl Report for Sheet {
    fn begin(&mut self, _request: &Request, to: &mut dyn Write) -> io::Result<()> {
        write_row(to, &COLUMNS.map(str::to_owned))
    }

    fn part(&mut self, part: &Part, _request: &Request, to: &mut dyn Write) -> io::Result<()> {
        let store = path_text(&part.listing.store.info.path);
        for (record, verdict) in part.listing.records() {
            let row = with_whole_args(&part.listing, &record, |record| {
                row(&store, record, verdict)
            });
            write_row(to, &row)?;
        }
        Ok(())
    }

    /// A row is an entry: what could not be read is said on the side.
    fn issue(&mut self, _issue: &Issue, _to: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _written: &Written, _to: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

fn row(store: &str, record: &Record<'_>, verdict: Option<&Verdict>) -> [String; COLUMNS.len()] {
    let time = |time: Option<Time>| time.map_or_else(String::new, Time::rfc3339);
    let args: serde_json::Map<_, _> = record
        .args
        .iter()
        .map(|(name, text)| (name.to_owned(), text.into()))
        .collect();
    let args = if args.is_empty() {
        String::new()
    } else {
        serde_json::Value::Object(args).to_string()
    };
    let evidence = verdict.map(|v| v.evidence.join("; ")).unwrap_or_default();
    [
        inert(store).into_owned(),
        inert(group_of(record).unwrap_or_default()).into_owned(),
        inert(&record.key_text()).into_owned(),
        key_base64(record).unwrap_or_default(),
        record.bytes.to_string(),
        record.disk_bytes.to_string(),
        record.files.to_string(),
        time(record.created),
        time(record.modified),
        time(record.accessed),
        time(record.expires),
        record
            .duration_s
            .map_or_else(String::new, |s| s.to_string()),
        args,
        record.hits.map_or_else(String::new, |n| n.to_string()),
        inert(record.value_type.unwrap_or_default()).into_owned(),
        inert(record.codec.unwrap_or_default()).into_owned(),
        verdict.map_or_else(String::new, |v| v.condition.name().to_owned()),
        inert(&evidence).into_owned(),
    ]
}

/// Text that no spreadsheet takes for a formula (OWASP, "CSV Injection"): an apostrophe goes before it.
///
/// A NUL is spelled out: Python's own `csv` reads no file with one before 3.11.
pub(super) fn inert(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        let text = text.replace('\0', r"\x00");
        return Cow::Owned(inert(&text).into_owned());
    }
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn write_row(to: &mut dyn Write, cells: &[String]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(cells)?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+a", "'+a"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("a=1", "a=1"),
            ("'=1", "'=1"),
            ("", ""),
            ("a\0b", r"a\x00b"),
            ("=\0", r"'=\x00"),
        ] {
            assert_eq!(inert(text), expected, "{text:?}");
        }
    }
}
