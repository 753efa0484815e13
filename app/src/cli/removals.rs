//! What becomes of entries, line by line, and its sums: for `clear` and `keep`.

use std::sync::Arc;

use cachescope_core::clear::{Act, Applied, Plan, Planned, Refusal};
use cachescope_core::model::{Issue, Severity, StoreInfo, text};

use super::lines::{Became, ClearSummary, RemovalLine, Rfc3339, path_text};
use super::listing::{Listing, Wish};
use super::out::{self, Exit, Failure};
use super::table::{Align, Table};
use super::{Global, open};
use crate::text as figures;

/// Sums over the lines so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    /// Entries that would go.
    pub(super) planned: u64,
    /// Entries that went, or came back.
    pub(super) done: u64,
    /// Chosen, and refused before anything was tried.
    refused: u64,
    skipped: u64,
    failed: u64,
    /// Of those that go or went.
    bytes: u64,
    duration_s: Option<f64>,
    n_unknown_duration: u64,
    /// Moved aside: still on the disk.
    pub(super) bytes_held: u64,
    bytes_freed: u64,
    /// Freed inside files that keep their size.
    pub(super) bytes_inside: u64,
}

/// Lines for scripts as they come; a table for people at the end.
///
/// A reader that went away is told nothing more, and nothing that was begun is cut short by that.
pub(super) struct Report<'a> {
    global: &'a Global,
    table: Table,
    sums: Sums,
    lines: Vec<u8>,
    /// Entries that were not reached.
    n_left: u64,
    undo_ids: Vec<String>,
    /// Something is not freed, or the disk did not confirm it.
    is_unfinished: bool,
    n_issues: u64,
    /// Stores of which nothing could be read.
    n_unread: u64,
    /// Why nothing more can be printed.
    unsaid: Option<Failure>,
}

impl<'a> Report<'a> {
    pub(super) fn new(global: &'a Global) -> Self {
        Self {
            global,
            table: Table::new(&[
                ("OUTCOME", Align::Left),
                ("SIZE", Align::Right),
                ("TOOK", Align::Right),
                ("GROUP", Align::Left),
                ("KEY", Align::Left),
                ("REASON", Align::Left),
            ]),
            sums: Sums::default(),
            lines: Vec::new(),
            n_left: 0,
            undo_ids: Vec::new(),
            is_unfinished: false,
            n_issues: 0,
            n_unread: 0,
            unsaid: None,
        }
    }

    /// Lists stores; one that cannot be read is an issue and hides no other.
    ///
    /// # Errors
    /// If none of them can be read.
    pub(super) fn list(
        &mut self,
        stores: &[Arc<StoreInfo>],
        wish: &Wish<'_>,
    ) -> Result<Vec<Listing>, Failure> {
        let (mut listings, mut failed) = (Vec::new(), Vec::new());
        for info in stores {
            match open::open(info).and_then(|store| Listing::read(store, wish)) {
                Ok(listing) => {
                    for issue in listing.snapshot.issues.iter() {
                        self.issue(issue);
                    }
                    listings.push(listing);
                }
                Err(failure) => failed.push((info, failure)),
            }
        }
        if listings.is_empty()
            && let Some((_, failure)) = failed.pop()
        {
            return Err(failure);
        }
        for (info, failure) in failed {
            self.n_unread += 1;
            let why = failure.message().unwrap_or_default();
            self.issue(&Issue::new(Severity::Error, &info.path, why));
        }
        Ok(listings)
    }

    /// True once nobody reads on.
    pub(super) fn is_closed(&self) -> bool {
        self.unsaid.is_some()
    }

    fn issue(&mut self, issue: &Issue) {
        self.n_issues += 1;
        self.try_to(|report| open::report(issue, report.global));
    }

    /// Prints, unless that failed before.
    fn try_to(&mut self, print: impl FnOnce(&mut Self) -> Result<(), Failure>) {
        if self.unsaid.is_none() {
            self.unsaid = print(self).err();
        }
    }

    pub(super) fn sums(&self) -> Sums {
        self.sums
    }

    /// True if undo can bring something back.
    pub(super) fn holds_something(&self) -> bool {
        !self.undo_ids.is_empty()
    }

    /// One entry of a plan.
    pub(super) fn removal(
        &mut self,
        plan: &Plan,
        planned: &Planned,
        outcome: Became,
        reason: Option<String>,
    ) {
        self.line(&line_of(plan, planned, outcome, reason));
    }

    /// An entry that would stay, in a plan that is only shown.
    pub(super) fn spared(&mut self, plan: &Plan, planned: &Planned, reason: String) {
        self.sums.refused += 1;
        self.print(&line_of(plan, planned, Became::Skipped, Some(reason)));
    }

    /// A chosen entry that cannot go.
    pub(super) fn refusal(&mut self, plan: &Plan, refusal: &Refusal) {
        self.sums.refused += 1;
        self.print(&RemovalLine {
            store: path_text(&plan.store),
            key: refusal.key_label.clone(),
            group: Some(refusal.group_label.clone()).filter(|label| !label.is_empty()),
            bytes: refusal.bytes,
            duration_s: None,
            outcome: Became::Skipped,
            reason: Some(refusal.why.to_string()),
            expires: None,
        });
    }

    /// One line, counted by its outcome.
    fn line(&mut self, line: &RemovalLine) {
        let sums = &mut self.sums;
        let count = match line.outcome {
            Became::Skipped => &mut sums.skipped,
            Became::Failed => &mut sums.failed,
            Became::Planned => &mut sums.planned,
            Became::Removed => &mut sums.done,
        };
        *count += 1;
        if matches!(line.outcome, Became::Planned | Became::Removed) {
            sums.bytes = sums.bytes.saturating_add(line.bytes.unwrap_or(0));
            match line.duration_s {
                Some(secs) => *sums.duration_s.get_or_insert(0.0) += secs,
                None => sums.n_unknown_duration += 1,
            }
        }
        self.print(line);
    }

    fn print(&mut self, line: &RemovalLine) {
        if !self.global.json {
            self.table.push(&cells(line));
            return;
        }
        self.try_to(|report| {
            out::push_line(&mut report.lines, line);
            out::print_block(&mut report.lines)
        });
    }

    /// What applying a plan held and freed.
    pub(super) fn applied(&mut self, applied: &Applied) {
        self.sums.bytes_held = self.sums.bytes_held.saturating_add(applied.bytes_held);
        self.sums.bytes_freed = self.sums.bytes_freed.saturating_add(applied.bytes_freed);
        self.sums.bytes_inside = self.sums.bytes_inside.saturating_add(applied.bytes_inside);
        self.n_left += applied.not_tried as u64;
        self.undo_ids.extend(applied.undo_id.clone());
        self.is_unfinished |= applied.unfinished.is_some();
    }

    /// The sums, and what to do next; `was_done` where plans were carried out. How the command ends is the same where
    /// nobody reads that.
    ///
    /// # Errors
    /// If stdout took not all of it for another reason than that its reader went away.
    pub(super) fn finish(mut self, was_done: bool, advice: &str) -> Result<Exit, Failure> {
        self.try_to(|report| report.print_end(advice));
        match self.unsaid.take() {
            // A cache that could not be read was to change as well.
            None | Some(Failure::Closed) if was_done && self.n_unread > 0 => {
                Ok(self.exit().max(Exit::Found))
            }
            None | Some(Failure::Closed) => Ok(self.exit()),
            Some(failure) => Err(failure),
        }
    }

    fn print_end(&mut self, advice: &str) -> Result<(), Failure> {
        let sums = self.sums;
        if self.global.json {
            out::push_line(
                &mut self.lines,
                &ClearSummary {
                    entries: sums.planned + sums.done,
                    bytes: sums.bytes,
                    duration_s: sums.duration_s,
                    unknown_durations: sums.n_unknown_duration,
                    skipped: sums.refused + sums.skipped,
                    failed: sums.failed,
                    bytes_held: sums.bytes_held,
                    bytes_freed: sums.bytes_freed,
                    bytes_inside: sums.bytes_inside,
                    undo_ids: &self.undo_ids,
                    issues: self.n_issues,
                },
            );
            out::print(&self.lines)
        } else {
            let mut page = String::new();
            if !self.table.is_empty() {
                self.table.print()?;
                page.push('\n');
            }
            page.push_str(&sums.words(self.holds_something()));
            page.push('\n');
            if !advice.is_empty() {
                page.push_str(advice);
                page.push('\n');
            }
            out::print(page.as_bytes())
        }
    }

    fn exit(&self) -> Exit {
        let sums = self.sums;
        let n_stay = sums.refused + sums.skipped + sums.failed + self.n_left;
        if sums.planned > 0 || (n_stay == 0 && !self.is_unfinished) {
            Exit::Done
        } else if n_stay > 0 && sums.refused == n_stay && sums.done == 0 {
            Exit::Refused
        } else {
            Exit::Found
        }
    }
}

impl Sums {
    /// `31 entries, 412 MB, 2 h 10 min to compute again; 1 skipped`.
    fn words(self, holds_something: bool) -> String {
        let entries = figures::counted(self.planned + self.done, "entry", "entries");
        let mut chosen = vec![entries, figures::bytes(self.bytes)];
        if let Some(secs) = self.duration_s {
            let bound = if self.n_unknown_duration > 0 {
                "at least "
            } else {
                ""
            };
            chosen.push(format!(
                "{bound}{} to compute again",
                figures::duration(secs)
            ));
        }
        let mut words = vec![chosen.join(", ")];
        if self.bytes_held > 0 {
            let held = figures::bytes(self.bytes_held);
            words.push(if holds_something {
                format!("{held} moved aside, still on the disk")
            } else {
                format!("{held} not freed yet")
            });
        }
        if self.bytes_freed > 0 {
            words.push(format!("{} freed", figures::bytes(self.bytes_freed)));
        }
        if self.bytes_inside > 0 {
            let inside = figures::bytes(self.bytes_inside);
            words.push(format!(
                "{inside} free inside the file, which keeps its size"
            ));
        }
        for (n, what) in [
            (self.refused + self.skipped, "skipped"),
            (self.failed, "failed"),
        ] {
            if n > 0 {
                words.push(format!("{} {what}", figures::count(n)));
            }
        }
        words.join("; ")
    }
}

fn line_of(plan: &Plan, planned: &Planned, outcome: Became, reason: Option<String>) -> RemovalLine {
    let expires = match plan.act {
        Act::Expire(expires) if reason.is_none() => Some(Rfc3339(expires)),
        _ => None,
    };
    RemovalLine {
        store: path_text(&plan.store),
        key: planned.key_label.clone(),
        group: Some(planned.group_label.clone()).filter(|label| !label.is_empty()),
        bytes: Some(planned.bytes),
        duration_s: planned.duration_s,
        outcome,
        reason,
        expires,
    }
}

fn cells(line: &RemovalLine) -> [String; 6] {
    let outcome = match (line.outcome, &line.expires) {
        (Became::Planned, _) => "planned",
        (Became::Removed, Some(_)) => "kept",
        (Became::Removed, None) => "removed",
        (Became::Skipped, _) => "skipped",
        (Became::Failed, _) => "failed",
    };
    [
        outcome.to_owned(),
        line.bytes.map_or_else(String::new, figures::bytes),
        line.duration_s.map_or_else(String::new, figures::duration),
        text::shown(line.group.as_deref().unwrap_or_default()).into_owned(),
        text::shown(&figures::shorten(&line.key, 80)).into_owned(),
        text::shown(line.reason.as_deref().unwrap_or_default()).into_owned(),
    ]
}
