//! Aligned columns on a terminal: measured from their cells, empty ones left out, the last one cut to the width.

use std::io::IsTerminal as _;

use unicode_width::UnicodeWidthStr as _;

use super::out::{self, Failure};

/// On which side a column's cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// Rows of cells below a line of headings.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    /// Of the widest cell of each column; 0 of a column without a filled cell.
    widths: Vec<usize>,
    /// All cells, each with a line end behind it: there may be a million rows.
    cells: String,
}

impl Table {
    /// A table of these columns.
    pub(super) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self {
            columns: columns.to_vec(),
            widths: vec![0; columns.len()],
            cells: String::new(),
        }
    }

    /// Adds a row with one cell of one line a column.
    pub(super) fn push(&mut self, cells: &[String]) {
        for (at, (name, _)) in self.columns.iter().enumerate() {
            let cell = cells.get(at).map_or("", String::as_str);
            let cell = cell.lines().next().unwrap_or_default();
            if let Some(width) = self.widths.get_mut(at).filter(|_| !cell.is_empty()) {
                *width = (*width).max(cell.width()).max(name.width());
            }
            self.cells.push_str(cell);
            self.cells.push('\n');
        }
    }

    /// True without a row.
    pub(super) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The table as text, each line cut to `max_width` where there is one.
    pub(super) fn render(&self, max_width: Option<usize>) -> String {
        self.lines(max_width).collect()
    }

    /// Writes the table to stdout.
    pub(super) fn print(&self) -> Result<(), Failure> {
        let mut page = Vec::new();
        for line in self.lines(terminal_width()) {
            page.extend(line.bytes());
            out::print_block(&mut page)?;
        }
        out::print(&page)
    }

    fn lines(&self, max_width: Option<usize>) -> impl Iterator<Item = String> {
        let headings = self.columns.iter().map(|(name, _)| *name).collect();
        let mut cells = self.cells.lines();
        let rows = std::iter::from_fn(move || {
            let row: Vec<&str> = cells.by_ref().take(self.columns.len()).collect();
            (!row.is_empty()).then_some(row)
        });
        let rows = std::iter::once(headings).chain(rows);
        rows.map(move |row| self.line(&row, max_width))
    }

    fn line(&self, cells: &[&str], max_width: Option<usize>) -> String {
        let mut line = String::new();
        let filled = self.columns.iter().zip(&self.widths).zip(cells);
        let filled = filled.filter(|((_, width), _)| **width > 0);
        for (n, (((_, align), width), cell)) in filled.enumerate() {
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            let gap = if n > 0 { "  " } else { "" };
            match align {
                Align::Right => line.extend([gap, &padding, cell]),
                Align::Left => line.extend([gap, cell, &padding]),
            }
        }
        let mut line = cut(line.trim_end(), max_width);
        line.push('\n');
        line
    }
}

/// Columns of the terminal that stdout is, where the shell exports them; `None` where nothing should be cut.
pub(super) fn terminal_width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let columns = std::env::var("COLUMNS").ok()?.parse().ok()?;
    Some(columns).filter(|width| *width >= 20)
}

/// A line cut at its end, with `…` for the rest.
fn cut(line: &str, max_width: Option<usize>) -> String {
    let Some(max_width) = max_width.filter(|max| line.width() > *max) else {
        return line.to_owned();
    };
    let mut width = 0;
    let kept = line.chars().take_while(|c| {
        width += unicode_width::UnicodeWidthChar::width(*c).unwrap_or(0);
        width < max_width
    });
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[
            ("SIZE", Align::Right),
            ("USED", Align::Right),
            ("KEY", Align::Left),
            ("ARGS", Align::Left),
        ]);
        table.push(&["1 B".into(), String::new(), "名".into(), "x=1".into()]);
        table.push(&["12 kB".into(), String::new(), "long".into(), "y".into()]);
        table
    }

    #[test]
    fn columns_align_and_an_empty_one_is_left_out() {
        let expected = " SIZE  KEY   ARGS\n  1 B  名    x=1\n12 kB  long  y\n";
        assert_eq!(table().render(None), expected);
    }

    #[test]
    fn lines_are_cut_to_the_terminal() {
        let expected = " SIZE  KEY …\n  1 B  名  …\n12 kB  long…\n";
        assert_eq!(table().render(Some(12)), expected);
    }
}
