//! Aligned columns on a terminal: measured from their cells, empty ones left out, the last one cut to the width.

use std::io::IsTerminal as _;

use unicode_width::UnicodeWidthStr as _;

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
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of these columns.
    pub(super) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with one cell a column.
    pub(super) fn push(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// True without a row.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as lines of text, each cut to `max_width` where there is one.
    pub(super) fn render(&self, max_width: Option<usize>) -> String {
        let widths: Vec<usize> = (0..self.columns.len()).map(|at| self.width(at)).collect();
        let headings: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let mut out = String::new();
        self.push_line(&mut out, &headings, &widths, max_width);
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            self.push_line(&mut out, &cells, &widths, max_width);
        }
        out
    }

    /// Width of a column; 0 for one without a single filled cell.
    fn width(&self, at: usize) -> usize {
        let cells = self
            .rows
            .iter()
            .filter_map(|row| Some(row.get(at)?.width()));
        match cells.max() {
            None | Some(0) => 0,
            Some(widest) => widest.max(self.columns.get(at).map_or(0, |(name, _)| name.width())),
        }
    }

    fn push_line(
        &self,
        out: &mut String,
        cells: &[&str],
        widths: &[usize],
        max_width: Option<usize>,
    ) {
        let mut line = String::new();
        let filled = || widths.iter().enumerate().filter(|(_, width)| **width > 0);
        let last = filled().next_back().map(|(at, _)| at);
        for (at, width) in filled() {
            let cell = cells.get(at).copied().unwrap_or_default();
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            if !line.is_empty() {
                line.push_str("  ");
            }
            match self.columns.get(at) {
                Some((_, Align::Right)) => {
                    line.push_str(&padding);
                    line.push_str(cell);
                }
                _ if Some(at) == last => line.push_str(cell),
                _ => {
                    line.push_str(cell);
                    line.push_str(&padding);
                }
            }
        }
        out.push_str(&cut(line.trim_end(), max_width));
        out.push('\n');
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
        table.push(vec!["1 B".into(), String::new(), "名".into(), "x=1".into()]);
        table.push(vec![
            "12 kB".into(),
            String::new(),
            "long".into(),
            "y".into(),
        ]);
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
