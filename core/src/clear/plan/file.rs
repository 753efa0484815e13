//! Plans as files: JSON, written whole or not at all, read back by the version that wrote them.

use std::io::{Read as _, Write as _};
use std::path::Path;

use serde::Deserialize;

use super::{Plan, VERSION};
use crate::{Error, Result};

/// A saved plan takes about 400 bytes an entry: this is several million entries.
const MAX_SAVED_BYTES: u64 = 2 << 30;

impl Plan {
    /// Writes the plan as JSON, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let fail = |e| Error::io("Cannot save the plan", path, e);
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let mut file =
            tempfile::NamedTempFile::new_in(folder.unwrap_or(".".as_ref())).map_err(fail)?;
        let mut buffer = std::io::BufWriter::new(&mut file);
        serde_json::to_writer_pretty(&mut buffer, self).map_err(|e| fail(e.into()))?;
        buffer.flush().map_err(fail)?;
        drop(buffer);
        file.as_file().sync_all().map_err(fail)?;
        file.persist(path).map_err(|e| fail(e.error))?;
        Ok(())
    }

    /// Reads a plan that [`Plan::save`] wrote.
    ///
    /// # Errors
    /// If the file cannot be read, or is no plan of this version.
    pub fn load(path: &Path) -> Result<Self> {
        let fail = |e| Error::io("Cannot read the plan", path, e);
        let file = std::fs::File::open(path).map_err(fail)?;
        let mut text = String::new();
        file.take(MAX_SAVED_BYTES)
            .read_to_string(&mut text)
            .map_err(fail)?;
        let damaged = |e: serde_json::Error| {
            Error::damaged("This is no plan of Cachescope's", e.to_string()).at(path)
        };
        #[derive(Deserialize)]
        struct Any {
            version: u32,
        }
        let Any { version } = serde_json::from_str(&text).map_err(damaged)?;
        if version != VERSION {
            return Err(Error::usage(
                "Cannot use the plan",
                format!(
                    "it has version {version}, this Cachescope writes and reads version {VERSION}"
                ),
            )
            .at(path)
            .hint("Make the plan again"));
        }
        serde_json::from_str(&text).map_err(damaged)
    }
}
