//! The stored bytes of one entry, on their way to the decoders.

use std::path::PathBuf;
use std::sync::Arc;

use super::secrets;
use crate::Result;
use crate::formats::{Carrier, Options, PicklePart, Preview, SideFiles, ValueCheck};
use crate::model::Limits;
use crate::source::ReadAt;

/// The stored bytes of one entry, and how they are packed.
#[derive(Clone)]
pub struct ValueReader {
    /// The bytes as they are stored.
    pub bytes: Arc<dyn ReadAt>,
    /// What they are.
    pub carrier: Carrier,
    /// Where it is one of several in those bytes.
    pub part: Option<PicklePart>,
    /// Opens the files that the value names beside itself (joblib before 0.10).
    pub side_files: Arc<dyn SideFiles>,
    /// The file they lie in, for messages and snippets.
    pub path: PathBuf,
    /// True where it may hold credentials, which a preview then leaves out; clear it to show them.
    pub hides_secrets: bool,
}

impl ValueReader {
    /// A value without files beside it.
    pub fn new(bytes: Arc<dyn ReadAt>, carrier: Carrier, path: PathBuf) -> Self {
        Self {
            bytes,
            carrier,
            part: None,
            side_files: Arc::new(crate::formats::NoSideFiles),
            path,
            hides_secrets: false,
        }
    }

    /// Decodes it for show, see [`crate::formats::open_value`].
    ///
    /// # Errors
    /// Only what the system said while reading.
    pub fn preview(&self, options: &Options) -> Result<Preview> {
        if let Some(part) = &self.part {
            return Ok(part.preview(&*self.side_files, options));
        }
        let mut preview = crate::formats::open_value(
            Arc::clone(&self.bytes),
            self.carrier,
            &*self.side_files,
            options,
        )
        .map_err(|e| e.at(&self.path))?;
        if self.hides_secrets {
            secrets::hide(Arc::make_mut(&mut preview.value));
            preview.node = preview.value.root();
            // The line about a text is its beginning.
            if preview.value.leaf(preview.node).is_some() {
                preview.summary = preview.value.label(preview.node);
            }
        }
        Ok(preview)
    }

    /// Reads it to its end, see [`crate::formats::check_value`].
    ///
    /// # Errors
    /// Only what the system said while reading.
    pub fn check(&self, limits: &Limits) -> Result<ValueCheck> {
        if let Some(part) = &self.part {
            return Ok(part.check(&*self.side_files, limits));
        }
        crate::formats::check_value(
            Arc::clone(&self.bytes),
            self.carrier,
            &*self.side_files,
            limits,
        )
        .map_err(|e| e.at(&self.path))
    }
}
