//! Two texts to their lines side by side, changed words marked: what both faces show of code that changed.

use std::ops::Range;
use std::time::Duration;

use similar::{ChangeTag, DiffOp, TextDiff};

/// Lines of each text that are compared; no function is longer.
const MAX_LINES: usize = 5_000;
/// Longer lines are marked as a whole.
const MAX_MARKED: usize = 1_000;
/// Two lines are like one another if one part in so many of both together is the same.
const LIKE: usize = 3;
/// What takes longer gives a coarser difference.
const TIME: Duration = Duration::from_millis(500);

/// A line of each text, or of one alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) then: Option<Line>,
    pub(crate) today: Option<Line>,
    pub(crate) is_changed: bool,
}

/// A line and what of it is new or gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Number in its text, from 0.
    pub(crate) number: usize,
    pub(crate) text: String,
    /// Bytes that the other side does not have; empty where the line is alone or the same.
    pub(crate) marked: Vec<Range<usize>>,
}

/// The lines of both texts in their order.
pub(crate) fn rows(then: &str, today: &str) -> Vec<Row> {
    let (then, today) = (lines(then), lines(today));
    let difference = TextDiff::configure()
        .timeout(TIME)
        .diff_slices(&then, &today);
    let mut rows = Vec::new();
    for op in difference.ops() {
        let (old, new) = (op.old_range(), op.new_range());
        let is_changed = !matches!(op, DiffOp::Equal { .. });
        for n in 0..old.len().max(new.len()) {
            let line = |text: &[&str], range: &Range<usize>| {
                let number = range.clone().nth(n)?;
                Some(Line {
                    number,
                    text: (*text.get(number)?).to_owned(),
                    marked: Vec::new(),
                })
            };
            let mut row = Row {
                then: line(&then, &old),
                today: line(&today, &new),
                is_changed,
            };
            if let (true, Some(then), Some(today)) = (is_changed, &mut row.then, &mut row.today) {
                mark(then, today);
            }
            rows.push(row);
        }
    }
    rows
}

/// As `diff -u` writes it, with the names of both sides; empty where they do not differ.
pub(crate) fn unified(then: (&str, &str), today: (&str, &str)) -> String {
    let difference = TextDiff::configure()
        .timeout(TIME)
        .diff_lines(then.1, today.1);
    let mut unified = difference.unified_diff();
    unified.header(then.0, today.0).to_string()
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().take(MAX_LINES).collect()
}

/// Marks the words of two lines that differ.
fn mark(then: &mut Line, today: &mut Line) {
    if then.text.len().max(today.text.len()) > MAX_MARKED {
        return;
    }
    let words = TextDiff::configure().diff_words(&*then.text, &*today.text);
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    let (mut old_at, mut new_at) = (0, 0);
    let (mut same, mut all) = (0, 0);
    for change in words.iter_all_changes() {
        let len = change.value().len();
        let ink = change.value().trim().len();
        match change.tag() {
            ChangeTag::Delete => {
                push(&mut gone, old_at..old_at + len);
                old_at += len;
            }
            ChangeTag::Insert => {
                push(&mut new, new_at..new_at + len);
                new_at += len;
            }
            ChangeTag::Equal => {
                old_at += len;
                new_at += len;
                same += ink;
            }
        }
        all += ink;
    }
    // Lines that have little in common are another line each, and marks in them would only confuse.
    if same * LIKE >= all {
        then.marked = gone;
        today.marked = new;
    }
}

/// Neighbours become one.
fn push(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row as `then|today`, marked words in brackets, changed rows with a `!`.
    fn drawn(then: &str, today: &str) -> Vec<String> {
        let side = |line: &Option<Line>| {
            let Some(line) = line else {
                return "-".to_owned();
            };
            let mut text = line.text.clone();
            for range in line.marked.iter().rev() {
                text.insert(range.end, ']');
                text.insert(range.start, '[');
            }
            format!("{} {text}", line.number)
        };
        let drawn = rows(then, today);
        drawn
            .iter()
            .map(|row| {
                let sign = if row.is_changed { "!" } else { "" };
                format!("{sign}{}|{}", side(&row.then), side(&row.today))
            })
            .collect()
    }

    #[test]
    fn lines_stand_beside_the_ones_they_became() {
        assert_eq!(
            drawn(
                "def f(a):\n    x = a\n    return x + 1\n",
                "@cached\ndef f(a):\n    return x - 1"
            ),
            [
                "!-|0 @cached",
                "0 def f(a):|1 def f(a):",
                "!1     x = a|2     return x - 1",
                "!2     return x + 1|-",
            ]
        );
        assert_eq!(
            drawn("return a + b  # sum\n", "return a - b  # sum\n"),
            ["!0 return a [+] b  # sum|0 return a [-] b  # sum"]
        );
        assert_eq!(drawn("é = 1", "é = 1\n"), ["0 é = 1|0 é = 1"]);
        assert!(drawn("", "").is_empty());
    }

    #[test]
    fn texts_without_end_take_no_time_without_end() {
        let long = "x\n".repeat(100_000);
        let other: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
        let other = other.join("\n");
        assert!(rows(&long, &other).len() <= 2 * MAX_LINES);
        assert_eq!(rows(&"a".repeat(100_000), &"b".repeat(100_000)).len(), 1);
    }

    #[test]
    fn a_unified_difference_names_both_sides() {
        let text = unified(("func_code.py", "a\nb\n"), ("f.py", "a\nc\n"));
        assert_eq!(
            text,
            "--- func_code.py\n+++ f.py\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
        );
        assert_eq!(unified(("x", "a\n"), ("y", "a\n")), "");
    }
}
