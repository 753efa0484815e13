//! A report as JSON: one array of the objects that `ls`, `stats` and `check` print, one a line.

use std::io::{self, Write};

use cachescope_core::model::Issue;

use super::{Part, Report, Request, Written};
use crate::cli::lines::{IssueLine, StoreLine, path_text};
use crate::cli::ls::push_entry;
use crate::cli::out::push_line;
use crate::cli::stats::StatsLine;

/// Bytes that are gathered before they are written.
const BATCH: usize = 1 << 16;

#[derive(Default)]
pub(super) struct Document {
    /// Objects that wait to be written, each ended by a line break.
    lines: Vec<u8>,
    has_any: bool,
}

impl Document {
    /// Writes the objects that wait, with the commas between them.
    fn flush(&mut self, to: &mut dyn Write) -> io::Result<()> {
        for line in self.lines.split(|byte| *byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            to.write_all(if self.has_any { b",\n" } else { b"[\n" })?;
            to.write_all(line)?;
            self.has_any = true;
        }
        self.lines.clear();
        Ok(())
    }
}

impl Report for Document {
    fn begin(&mut self, _request: &Request, _to: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn part(&mut self, part: &Part, _request: &Request, to: &mut dyn Write) -> io::Result<()> {
        let listing = &part.listing;
        let path = path_text(&listing.store.info.path);
        let store = StoreLine::of_snapshot(&listing.snapshot, &path);
        push_line(&mut self.lines, &store);
        push_line(
            &mut self.lines,
            &StatsLine::new(&listing.store, &part.stats),
        );
        for (record, verdict) in listing.records() {
            push_entry(&mut self.lines, &path, listing, &record, verdict);
            if self.lines.len() > BATCH {
                self.flush(to)?;
            }
        }
        for issue in &part.stats.issues {
            push_line(&mut self.lines, &IssueLine::from(issue));
        }
        self.flush(to)
    }

    fn issue(&mut self, issue: &Issue, to: &mut dyn Write) -> io::Result<()> {
        push_line(&mut self.lines, &IssueLine::from(issue));
        self.flush(to)
    }

    fn end(&mut self, written: &Written, to: &mut dyn Write) -> io::Result<()> {
        push_line(&mut self.lines, &written.summary());
        self.flush(to)?;
        to.write_all(b"\n]\n")
    }
}
