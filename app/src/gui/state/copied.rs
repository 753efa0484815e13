//! What can be copied of the one selected entry.

use std::path::PathBuf;

use super::OpenStore;
use crate::gui::command::CopyOf;

/// Characters of a value that are copied: more than any notebook cell takes.
const LITERAL_CHARS: usize = 1_000_000;

impl OpenStore {
    /// The text; `None` where one entry is not selected, or it has nothing of the sort.
    pub(crate) fn copied(&self, of: CopyOf) -> Option<String> {
        let record = self.selected()?;
        match of {
            CopyOf::Key => Some(record.key_text().into_owned()),
            CopyOf::Literal => {
                self.preview.current()?;
                let shown = self.preview.on_show()?;
                Some(shown.value.repr(shown.node, LITERAL_CHARS).text)
            }
            CopyOf::Paths => {
                let paths = self.files();
                let lines: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
                (!lines.is_empty()).then(|| lines.join("\n"))
            }
            // Only the store can say it, and it is read elsewhere.
            CopyOf::Python => None,
        }
    }

    /// The files of the one selected entry, once it was read.
    pub(crate) fn files(&self) -> &[PathBuf] {
        let found = self.preview.current();
        let details = found.and_then(|f| f.details.as_ref().ok());
        details.map(|d| d.paths.as_slice()).unwrap_or_default()
    }
}
