//! How a store's rows are laid out: the arrangement from the worker, folded groups, the lines of the table.

use std::collections::HashSet;
use std::sync::Arc;

use cachescope_core::jobs::{Arranged, GroupSums, JobId};
use cachescope_core::model::{EntryId, Group};
use cachescope_core::ops::SortBy;

use super::{Pick, Selection};
use crate::gui::widgets::table::Scroll;

/// The table's state.
#[derive(Default)]
pub(crate) struct Entries {
    /// The newest arrangement.
    pub(crate) arranged: Option<Box<Arranged>>,
    /// The job that makes the next one.
    pub(crate) job: Option<JobId>,
    /// The query that it answers.
    pub(crate) asked: String,
    /// The query that the arrangement on screen answers.
    pub(crate) answered: String,
    /// True if another one has to follow it.
    pub(crate) is_outdated: bool,
    /// Locators of folded groups.
    pub(crate) folded: HashSet<Box<[u8]>>,
    pub(crate) lines: Lines,
    /// What is selected as soon as the next arrangement is there.
    pub(crate) pick_next: Option<Pick>,
    pub(crate) selection: Selection,
    pub(crate) scroll: Scroll,
    /// The column whose header was pressed last; `None` for the sorted one.
    pub(crate) column: Option<SortBy>,
}

impl Entries {
    /// Takes a new arrangement over; selection and scroll keep their entries.
    pub(crate) fn arrange(&mut self, mut arranged: Box<Arranged>) {
        self.answered.clone_from(&self.asked);
        let top_before = self.scroll.first_line();
        let top = arranged.marks.get(2).and_then(|mark| mark.at);
        // What a person looks at stands still: the line of the cursor while it is on screen, else the first line.
        let cursor = self.selection.cursor();
        let cursor_before = cursor.and_then(|at| self.lines.line_of(at));
        let cursor_before = cursor_before.filter(|line| self.scroll.is_on_screen(*line));
        self.selection.rebase(&mut arranged);
        self.lines = Lines::new(&arranged.groups, &self.folded);
        let cursor = self.selection.cursor();
        let cursor = cursor.and_then(|at| self.lines.line_of(at));
        let is_at_top = top_before == 0;
        if let Some((after, before)) = cursor.zip(cursor_before).filter(|_| !is_at_top) {
            self.scroll.shift_lines(after, before);
        } else if let Some(line) = top.and_then(|at| self.lines.line_of(at)) {
            self.scroll.shift_lines(line, top_before);
        }
        if let Some(pick) = self.pick_next.take() {
            self.selection.pick(&pick, &arranged, &self.lines);
            self.scroll.show_line(0);
        }
        self.arranged = Some(arranged);
    }

    /// The first entry on screen.
    pub(crate) fn top(&self) -> Option<EntryId> {
        let first = self.scroll.first_line();
        // A table at its top stays there, whatever comes in above.
        if first == 0 {
            return None;
        }
        let at = |line| match self.lines.at(line) {
            Some(Line::Entry(at)) => Some(at),
            _ => None,
        };
        let at = at(first).or_else(|| at(first + 1))?;
        let arranged = self.arranged.as_ref()?;
        let row = arranged.rows.get(at)?;
        Some(arranged.snapshot.record(*row)?.id())
    }

    /// Folds a group, or unfolds it.
    pub(crate) fn fold(&mut self, group: &Group) {
        if !self.folded.remove(&group.locator) {
            self.folded.insert(group.locator.clone());
        }
        self.relay();
    }

    /// Folds every group, or unfolds them.
    pub(crate) fn fold_all(&mut self, is_folded: bool) {
        self.folded.clear();
        if is_folded && let Some(arranged) = &self.arranged {
            let groups = arranged.groups.iter().filter_map(|g| g.group.as_ref());
            self.folded.extend(groups.map(|g| g.locator.clone()));
        }
        self.relay();
    }

    fn relay(&mut self) {
        if let Some(arranged) = &self.arranged {
            self.lines = Lines::new(&arranged.groups, &self.folded);
        }
    }
}

/// What one line of the table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// The group at this place of the arrangement.
    Group(usize),
    /// The row at this place of the arrangement.
    Entry(usize),
}

/// Lines of a table with groups, some of them folded; found by bisection, so that a million rows cost nothing.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// For each group: its first line, its first row, and the rows that show.
    spans: Vec<Span>,
    n_lines: usize,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    first_line: usize,
    first_row: usize,
    n_rows: usize,
    n_shown: usize,
    /// 1 where the group has a line of its own.
    n_header: usize,
}

impl Lines {
    pub(crate) fn new(groups: &[GroupSums], folded: &HashSet<Box<[u8]>>) -> Self {
        let (mut first_line, mut first_row) = (0, 0);
        let mut spans = Vec::with_capacity(groups.len());
        for sums in groups {
            let is_folded = |g: &Arc<Group>| folded.contains(&g.locator);
            let is_folded = sums.group.as_ref().is_some_and(is_folded);
            let span = Span {
                first_line,
                first_row,
                n_rows: sums.n_rows,
                n_shown: if is_folded { 0 } else { sums.n_rows },
                n_header: usize::from(sums.group.is_some()),
            };
            first_line += span.n_header + span.n_shown;
            first_row += span.n_rows;
            spans.push(span);
        }
        Self {
            spans,
            n_lines: first_line,
        }
    }

    /// Number of lines.
    pub(crate) fn len(&self) -> usize {
        self.n_lines
    }

    /// What the line shows; `None` past the end.
    pub(crate) fn at(&self, line: usize) -> Option<Line> {
        if line >= self.n_lines {
            return None;
        }
        let group = self.spans.partition_point(|s| s.first_line <= line) - 1;
        let span = self.spans.get(group)?;
        match (line - span.first_line).checked_sub(span.n_header) {
            None => Some(Line::Group(group)),
            Some(n) => Some(Line::Entry(span.first_row + n)),
        }
    }

    /// The line that shows the row at a place of the arrangement; `None` if its group is folded.
    pub(crate) fn line_of(&self, at: usize) -> Option<usize> {
        let group = self
            .spans
            .partition_point(|s| s.first_row <= at)
            .checked_sub(1)?;
        let span = self.spans.get(group)?;
        let within = at - span.first_row;
        (within < span.n_shown).then_some(span.first_line + span.n_header + within)
    }

    /// The line where a row is looked for: its own, or that of its group where that is folded.
    pub(crate) fn line_near(&self, at: usize) -> Option<usize> {
        let header = || Some(self.spans.get(self.group_of(at)?)?.first_line);
        self.line_of(at).or_else(header)
    }

    /// Places of the rows of a group.
    pub(crate) fn rows_of(&self, group: usize) -> std::ops::Range<usize> {
        self.spans
            .get(group)
            .map_or(0..0, |s| s.first_row..s.first_row + s.n_rows)
    }

    /// The group that a row's place belongs to.
    pub(crate) fn group_of(&self, at: usize) -> Option<usize> {
        self.spans
            .partition_point(|s| s.first_row <= at)
            .checked_sub(1)
    }

    /// Where the keyboard is `by` lines away: on an entry, or on a folded group, which is then its first row.
    /// Lines of groups that are open are skipped.
    pub(crate) fn step(&self, from: Option<usize>, by: isize) -> Option<usize> {
        let last = self.n_lines.checked_sub(1)?;
        let line = match from.and_then(|at| self.line_near(at)) {
            Some(line) => line.saturating_add_signed(by),
            // Without a place all the way down is the end; else the first line is where one begins.
            None if by > 0 && by.unsigned_abs() > self.n_lines => last,
            None => 0,
        };
        let line = line.min(last);
        let stop = |line: usize| match self.at(line)? {
            Line::Entry(at) => Some(at),
            Line::Group(group) => {
                let span = self.spans.get(group)?;
                (span.n_shown == 0).then_some(span.first_row)
            }
        };
        // No two lines of open groups stand next to each other, so this walk is short.
        let down = (line..self.n_lines).find_map(stop);
        let up = (0..line).rev().find_map(stop);
        if by < 0 && line > 0 {
            stop(line).or(up).or(down)
        } else {
            down.or(up)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachescope_core::jobs::Sums;

    fn lines(sizes: &[usize], folded: &[usize]) -> Lines {
        let groups: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(n, n_rows)| GroupSums {
                group: Some(Group::named(&n.to_string())),
                n_rows: *n_rows,
                sums: Sums::default(),
            })
            .collect();
        let folded = folded.iter().map(|n| n.to_string().into_bytes().into());
        Lines::new(&groups, &folded.collect())
    }

    #[test]
    fn lines_and_rows_find_each_other() {
        let lines = lines(&[2, 3, 1], &[1]);
        let all: Vec<_> = (0..lines.len()).filter_map(|n| lines.at(n)).collect();
        use Line::{Entry, Group};
        assert_eq!(
            all,
            [Group(0), Entry(0), Entry(1), Group(1), Group(2), Entry(5)]
        );
        assert_eq!(lines.at(6), None);
        assert_eq!(lines.line_of(1), Some(2));
        assert_eq!(lines.line_of(3), None);
        assert_eq!(lines.line_of(5), Some(5));
        assert_eq!(lines.rows_of(1), 2..5);
    }

    #[test]
    fn steps_skip_open_groups_and_stop_at_folded_ones_and_at_the_ends() {
        let lines = lines(&[2, 3, 1], &[1]);
        assert_eq!(lines.step(None, 1), Some(0));
        assert_eq!(lines.step(Some(0), 1), Some(1));
        // The folded group, whose rows are 2 to 4.
        assert_eq!(lines.step(Some(1), 1), Some(2));
        assert_eq!(lines.step(Some(2), 1), Some(5));
        assert_eq!(lines.step(Some(5), 1), Some(5));
        assert_eq!(lines.step(Some(5), -1), Some(2));
        assert_eq!(lines.step(Some(2), -1), Some(1));
        assert_eq!(lines.step(Some(0), -1), Some(0));
        assert_eq!(lines.step(Some(0), 1000), Some(5));
        assert_eq!(lines.step(Some(3), 1), Some(5));
        assert_eq!(lines.step(Some(3), -1), Some(1));
        assert_eq!(lines.step(Some(3), 1000), Some(5));
        assert_eq!(lines.step(None, 1000), Some(5));
        assert_eq!(lines.step(None, -1000), Some(0));
    }

    #[test]
    fn where_every_group_is_folded_steps_go_from_group_to_group() {
        let lines = lines(&[2, 3, 1], &[0, 1, 2]);
        assert_eq!(lines.step(None, 1), Some(0));
        assert_eq!(lines.step(Some(0), 1), Some(2));
        assert_eq!(lines.step(Some(2), 1), Some(5));
        assert_eq!(lines.step(Some(5), -1), Some(2));
        assert_eq!(lines.step(Some(0), 1000), Some(5));
        assert_eq!(lines.line_near(4), Some(1));
    }
}
