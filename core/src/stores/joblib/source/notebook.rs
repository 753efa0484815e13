//! Jupyter notebooks (nbformat 3 and 4) to the texts of their code cells, as `IPython` compiles them.

use serde_json::Value;

/// The code cells of a notebook; none where it is no notebook.
pub(super) fn cells(bytes: &[u8]) -> Vec<String> {
    let Ok(notebook) = serde_json::from_slice::<Value>(bytes) else {
        return Vec::new();
    };
    let of_sheets = member(&notebook, "worksheets")
        .as_array()
        .into_iter()
        .flatten();
    let lists = of_sheets.chain(std::iter::once(&notebook));
    lists
        .filter_map(|list| member(list, "cells").as_array())
        .flatten()
        .filter(|cell| member(cell, "cell_type") == "code")
        .filter_map(|cell| text(member(cell, "source")).or_else(|| text(member(cell, "input"))))
        .map(|text| compiled(&text))
        .collect()
}

fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// A text, or a list of its lines.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => lines.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// What `IPython` makes of a cell, as far as functions go: magics and shell lines are other code then.
fn compiled(cell: &str) -> String {
    let mut out = String::with_capacity(cell.len() + 1);
    for line in cell.replace("\r\n", "\n").lines() {
        let is_magic = line.starts_with(['%', '!', '?']);
        out.push_str(if is_magic { "pass" } else { line });
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_cells_of_both_formats_are_found() {
        let new = br##"{"cells": [
            {"cell_type": "markdown", "source": "# no"},
            {"cell_type": "code", "source": ["%time\n", "def f():\n", "    return 1"]},
            {"cell_type": "code", "source": "x = 1\n"}], "nbformat": 4}"##;
        assert_eq!(cells(new), ["pass\ndef f():\n    return 1\n", "x = 1\n"]);
        let old = br#"{"worksheets": [{"cells": [{"cell_type": "code", "input": ["y\n"]}]}]}"#;
        assert_eq!(cells(old), ["y\n"]);
        assert!(cells(b"{").is_empty());
        assert!(cells(b"[]").is_empty());
    }
}
