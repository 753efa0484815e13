//! The file that a report goes to: written beside its name, moved there when it is whole, never onto a cache.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachescope_core::model::{StoreInfo, text};
use cachescope_core::stores;
use tempfile::NamedTempFile;

use crate::cli::out::{Exit, Failure};

/// A report on its way.
pub(super) struct Target {
    path: PathBuf,
    temporary: BufWriter<NamedTempFile>,
}

impl Target {
    /// Begins a file of that name; nothing shows under it before [`Target::keep`].
    ///
    /// # Errors
    /// Refused inside a cache or over one; unread where the folder takes no file.
    pub(super) fn new(path: &Path, stores: &[Arc<StoreInfo>]) -> Result<Self, Failure> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let cannot = |why: io::Error| {
            Failure::unread(format!(
                "Cannot write the report: {why}. Nothing was written. File: {}",
                text::path(path)
            ))
        };
        if path.file_name().is_none() || path.is_dir() {
            return Err(cannot(io::ErrorKind::IsADirectory.into()));
        }
        let folder = folder.canonicalize().map_err(cannot)?;
        if stores.iter().any(|store| folder.starts_with(&store.path)) || is_cache(path) {
            return Err(Failure::Said(
                Exit::Refused,
                format!(
                    "A report is never written into a cache or over one: give another name. File: {}",
                    text::path(path)
                ),
            ));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".cachescope-");
        // As any program makes a file: the system's mask takes away what others may not do.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        Ok(Self {
            path: path.to_owned(),
            temporary: BufWriter::new(builder.tempfile_in(&folder).map_err(cannot)?),
        })
    }

    /// Puts the file under its name, in the place of an older one.
    ///
    /// # Errors
    /// If the disk did not take all of it; then nothing of it stays.
    pub(super) fn keep(self) -> Result<(), Failure> {
        let Self { path, temporary } = self;
        let kept = temporary
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| {
                file.as_file().sync_all()?;
                file.persist(&path).map_err(|error| error.error)
            });
        kept.map(drop).map_err(|why| {
            Failure::unread(format!(
                "Cannot finish the report: {why}. Nothing was written. File: {}",
                text::path(&path)
            ))
        })
    }
}

/// True for a file that a cache consists of. An older report is none.
fn is_cache(path: &Path) -> bool {
    path.exists() && stores::open_all(path).is_ok_and(|found| !found.is_empty())
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.flush()
    }
}
