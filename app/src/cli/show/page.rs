//! What `show` prints for people: facts, then the value as a table, a tree or as Python prints it.

use std::borrow::Cow;
use std::fmt::Write as _;

use cachescope_core::formats::{Element, Preview, Table};
use cachescope_core::model::{Child, Kind, NodeId, Value, text};

use super::ValueLine;
use crate::cli::table::{Align, Table as Sheet, terminal_width};

/// Longest name of a fact that the others are lined up with.
const MAX_NAME: usize = 16;

/// For people: what it is, then the value, then what decoding it in Python would call.
pub(super) fn page(line: &ValueLine<'_>, preview: &Preview) -> String {
    let mut facts: Vec<(Cow<'_, str>, String)> = Vec::new();
    let mut fact = |name, value: &str| facts.push((text::shown(name), value.to_owned()));
    if let Some(key) = line.key {
        fact("key", &text::shown(key));
    }
    if let Some(group) = line.group {
        fact("group", &text::shown(group));
    }
    fact("type", &text::shown(line.value_type));
    fact("value", &text::shown(&preview.summary));
    fact("codec", &line.codec.join(" > "));
    for (name, value) in &line.facts {
        fact(name, &text::shown(value));
    }
    if let Some(array) = &line.array {
        for (name, figure) in [("min", array.min), ("max", array.max)] {
            if *figure != Element::Null {
                fact(name, &figure.text());
            }
        }
        if let Some(mean) = array.mean {
            fact("mean", &mean.to_string());
        }
        if let Some(n) = array.nan_count.filter(|n| *n > 0) {
            fact("nan", &n.to_string());
        }
        let first: Vec<String> = array.first.iter().map(cell_text).collect();
        fact("first", &text::shown(&first.join(", ")));
    }
    for call in line.calls.iter().filter(|call| call.class != "data") {
        fact(
            "calls",
            &format!("{} ({}; not run)", text::shown(call.name), call.class),
        );
    }
    for problem in &line.problems {
        fact("problem", &text::shown(problem));
    }
    if let Some(source) = &line.source {
        fact("source", &text::shown(&source.evidence));
    }
    let width = facts.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0).min(MAX_NAME);
    let mut page = String::new();
    for (name, value) in &facts {
        // Writing to a String cannot fail.
        writeln!(page, "{name:<width$} {value}").ok();
    }
    page.push('\n');
    if let Some(diff) = line.source.as_ref().and_then(|source| source.diff.as_ref()) {
        for line in diff.lines() {
            page.push_str(&text::shown(line));
            page.push('\n');
        }
        page.push('\n');
    }
    if let Some(table) = &preview.table {
        page.push_str(&head(table));
        return page;
    }
    if let Some(tree) = tree(preview) {
        page.push_str(&tree);
        return page;
    }
    page.push_str(&text::shown(&line.repr));
    page.push_str(if line.truncated {
        "\n… cut here\n"
    } else {
        "\n"
    });
    page
}

/// Columns of a table that a page shows.
const PAGE_COLUMNS: usize = 12;

/// Characters of a cell that a page shows.
const CELL_CHARS: usize = 24;

/// The first rows of a frame under names and types of its columns.
fn head(table: &Table) -> String {
    let n = table.columns.len().min(PAGE_COLUMNS);
    let more = table.columns.len() - n;
    let mut sheet = Sheet::new(&vec![("", Align::Right); n + 1]);
    let short = |cell: &str| crate::text::shorten(&text::shown(cell), CELL_CHARS);
    let mut push = |label: String, cells: &mut dyn Iterator<Item = String>| {
        let cells = cells.take(n).map(|cell| short(&cell));
        let row: Vec<String> = std::iter::once(short(&label)).chain(cells).collect();
        sheet.push(&row);
    };
    push(String::new(), &mut table.columns.iter().cloned());
    push(String::new(), &mut table.dtypes.iter().cloned());
    for (label, row) in table.index.iter().zip(&table.head) {
        let mut cells = row.iter().map(cell_text);
        push(label.text(), &mut cells);
    }
    // The names stand in a row of their own, so the line of headings is empty.
    let page = sheet.render(terminal_width());
    let page = page.trim_start_matches('\n').to_owned();
    let rows = crate::text::counted(table.rows, "row", "rows");
    if more > 0 {
        let more = crate::text::counted(more as u64, "more column", "more columns");
        format!("{page}{rows} in all, and {more}\n")
    } else {
        format!("{page}{rows} in all\n")
    }
}

/// An element as Python's `str` prints it; a dash for what is masked or missing.
fn cell_text(cell: &Element) -> String {
    match cell {
        Element::Null => "–".to_owned(),
        cell => cell.text(),
    }
}

/// Characters of an object that is printed on one line.
const ONE_LINE: usize = 160;
/// Lines of a tree, and how deep it goes.
const TREE_LINES: usize = 60;
const TREE_DEPTH: usize = 5;
/// Children of one node that a tree shows.
const TREE_WIDTH: usize = 20;

/// An object with its attributes line by line, as for an estimator; `None` for all that reads well on one line.
fn tree(preview: &Preview) -> Option<String> {
    let value = &preview.value;
    let is_long = || value.repr(preview.node, ONE_LINE).is_cut;
    if value.kind(preview.node) != Kind::Object || !is_long() {
        return None;
    }
    let mut tree = format!("{}\n", text::shown(&preview.value_type));
    let below = |node, depth| {
        let children = value.children(node, 0..TREE_WIDTH).into_iter().rev();
        children.map(move |child| (depth, child))
    };
    let mut waiting: Vec<(usize, Child)> = below(preview.node, 1).collect();
    let mut n_lines = 0;
    while let Some((depth, child)) = waiting.pop() {
        if n_lines == TREE_LINES {
            tree.push_str("…\n");
            break;
        }
        n_lines += 1;
        let indent = 2 * depth;
        let step = value.step(&child);
        let label = crate::text::shorten(&text::shown(&value.label(child.node)), 120);
        // Writing to a String cannot fail.
        writeln!(tree, "{:indent$}{} {label}", "", text::shown(&step)).ok();
        let is_done = value.has_inside(child.node) || is_short(value, child.node);
        if depth < TREE_DEPTH && !is_done {
            waiting.extend(below(child.node, depth + 1));
        }
    }
    Some(tree)
}

/// True where the line of a node says all of it.
fn is_short(value: &Value, node: NodeId) -> bool {
    let repr = value.repr(node, 100);
    !repr.is_cut && repr.text == value.label(node)
}
