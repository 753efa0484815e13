//! What the entry panel knows of text or bytes inside the value.

use std::ops::Range;
use std::sync::Arc;

use cachescope_core::jobs::JobId;
use cachescope_core::model::NodeId;
use egui::TextureHandle;

use super::tree::{Branch, Tree};
use crate::gui::body::{Body, Kind};

/// Characters of one row of text; longer lines are broken.
const ROW_CHARS: usize = 160;

/// A body, from being asked for to being shown.
#[derive(Default)]
pub(crate) struct Bodying {
    /// The node that is looked into; `None` for none.
    pub(crate) of: Option<NodeId>,
    pub(crate) job: Option<JobId>,
    pub(crate) body: Option<Box<Body>>,
    pub(crate) failure: Option<String>,
    /// True to show a document's text instead of its tree.
    pub(crate) is_as_text: bool,
    /// The tree of a JSON document.
    pub(crate) tree: Tree,
    /// Rows of the text.
    pub(crate) rows: Vec<Range<usize>>,
    /// The picture, once it was drawn.
    pub(crate) texture: Option<TextureHandle>,
}

impl Bodying {
    /// Begins to look into a node.
    pub(crate) fn new(of: NodeId) -> Self {
        Self {
            of: Some(of),
            ..Self::default()
        }
    }

    /// Takes over what it turned out to be.
    pub(crate) fn show(&mut self, found: Result<Body, String>) {
        match found {
            Ok(body) => {
                if let Kind::Json(json) = &body.kind {
                    self.tree = Tree::of_json(Arc::clone(json));
                }
                self.rows = body.text.as_deref().map(rows).unwrap_or_default();
                self.body = Some(Box::new(body));
            }
            Err(why) => self.failure = Some(why),
        }
    }

    /// Opens or closes a branch of a JSON document.
    pub(crate) fn change(&mut self, branch: Branch) {
        self.tree.change(branch);
    }
}

/// Lines of a text, long ones in pieces.
fn rows(text: &str) -> Vec<Range<usize>> {
    let mut rows = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end_matches(['\n', '\r']).len();
        let mut from = start;
        let shown = text.get(start..end).unwrap_or_default();
        for (n, (at, _)) in shown.char_indices().enumerate() {
            if n > 0 && n % ROW_CHARS == 0 {
                rows.push(from..start + at);
                from = start + at;
            }
        }
        rows.push(from..end);
        start += line.len();
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_rows_and_long_ones_are_broken() {
        let long = "é".repeat(200);
        let text = format!("one\r\n\n{long}\nend");
        let found = rows(&text);
        let shown: Vec<_> = found
            .iter()
            .map(|r| text.get(r.clone()).unwrap().chars().count())
            .collect();
        assert_eq!(shown, [3, 0, 160, 40, 3]);
    }
}
