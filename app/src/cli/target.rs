//! Files that people ask for: written beside their name, moved there when they are whole, never onto a cache.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachescope_core::model::{StoreInfo, text};
use cachescope_core::stores;
use tempfile::NamedTempFile;

use super::out::{Exit, Failure};

/// A file on its way.
pub(super) struct Target {
    path: PathBuf,
    temporary: BufWriter<NamedTempFile>,
    n_bytes: u64,
}

impl Target {
    /// Begins a file of that name; nothing shows under it before [`Target::keep`].
    ///
    /// # Errors
    /// As [`stay_outside`]; unread where the folder takes no file.
    pub(super) fn new(path: &Path, stores: &[Arc<StoreInfo>]) -> Result<Self, Failure> {
        stay_outside(path, stores)?;
        let folder = folder_of(path).map_err(|why| cannot(&why, path))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".cachescope-");
        // As any program makes a file: the system's mask takes away what others may not do.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary = builder.tempfile_in(&folder);
        Ok(Self {
            path: path.to_owned(),
            temporary: BufWriter::new(temporary.map_err(|why| cannot(&why, path))?),
            n_bytes: 0,
        })
    }

    /// Puts the file under its name, in the place of an older one; says how large it is.
    ///
    /// # Errors
    /// If the disk did not take all of it; then nothing of it stays.
    pub(super) fn keep(self) -> Result<u64, Failure> {
        let kept = self
            .temporary
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| {
                file.as_file().sync_all()?;
                file.persist(&self.path).map_err(|error| error.error)
            });
        kept.map_err(|why| cannot(&why, &self.path))?;
        Ok(self.n_bytes)
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.temporary.write(bytes)?;
        self.n_bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.flush()
    }
}

/// Writes a value or a picture beside its name first; says how large the file is.
///
/// # Errors
/// As [`stay_outside`]; otherwise what the value or the system said.
pub(crate) fn write_value(
    path: &Path,
    stores: &[Arc<StoreInfo>],
    write: impl FnOnce(&mut dyn Write) -> cachescope_core::Result<()>,
) -> Result<u64, Failure> {
    let mut target = Target::new(path, stores)?;
    write(&mut target)?;
    target.keep()
}

/// Looking at a cache never writes into one, over one, or under a name that a library keeps for its own files.
///
/// # Errors
/// Refused for such a name; usage where something else than a plain file is there.
pub(super) fn stay_outside(path: &Path, stores: &[Arc<StoreInfo>]) -> Result<(), Failure> {
    let is_plain = path.symlink_metadata().map(|meta| meta.is_file());
    if path.file_name().is_none() || matches!(is_plain, Ok(false)) {
        return Err(Failure::usage(format!(
            "There is something of that name that is no plain file: give another name. File: {}",
            text::path(path)
        )));
    }
    let folder = folder_of(path).map_err(|why| cannot(&why, path))?;
    let around = stores.iter().find(|store| folder.starts_with(&store.path));
    let cache = match around {
        Some(store) => Some(store.path.clone()),
        None => stores::cache_with(path)?,
    };
    cache.map_or(Ok(()), |cache| {
        Err(Failure::Said(
            Exit::Refused,
            format!(
                "Nothing is ever written into a cache or over one, and that name belongs to {}: give another name. File: {}",
                text::path(&cache),
                text::path(path)
            ),
        ))
    })
}

/// The real folder of a file.
fn folder_of(path: &Path) -> io::Result<PathBuf> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.canonicalize(),
        _ => Path::new(".").canonicalize(),
    }
}

fn cannot(why: &io::Error, path: &Path) -> Failure {
    Failure::unread(format!(
        "Cannot write the file: {why}. Nothing was written. File: {}",
        text::path(path)
    ))
}
