//! `show -o F`: a stored value into a file of its own, whole or not at all.

use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use cachescope_core::formats::repr::float_repr;
use cachescope_core::formats::{Carrier, Preview, SaveAs};
use cachescope_core::scan::Cancel;
use cachescope_core::stores::ValueReader;
use cachescope_core::{Error, model::text};

use super::interrupt;
use super::out::Failure;

/// Where the value goes, and as what.
#[derive(Debug, clap::Args)]
pub(super) struct SaveArgs {
    /// Save the value in this file, which is replaced at once when the new one is whole
    #[arg(short, long, value_name = "F")]
    output: Option<PathBuf>,

    /// Save as this; without it, as the file's extension says, else raw
    #[arg(long = "as", value_name = "FORMAT", requires = "output")]
    form: Option<Form>,
}

/// What a value can be saved as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// numpy's file of one array
    Npy,
    /// Rows of a table, an array or a list
    Csv,
    /// Everything that JSON can carry
    Json,
    /// The stored bytes as they are, with the credentials in responses of web servers
    Raw,
}

impl Form {
    fn of(path: &Path) -> Self {
        let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        match extension.as_ref().and_then(|e| e.to_str()) {
            Some("npy") => Self::Npy,
            Some("csv") => Self::Csv,
            Some("json") => Self::Json,
            _ => Self::Raw,
        }
    }
}

impl SaveArgs {
    /// True if the value is to be saved.
    pub(super) fn is_asked(&self) -> bool {
        self.output.is_some()
    }

    /// Saves the value; returns what was written, or `None` if nothing was asked for.
    ///
    /// # Errors
    /// Usage where the format cannot carry the value; refused inside the store; what the system said.
    pub(super) fn save(
        &self,
        store: &Path,
        reader: &ValueReader,
        preview: &Preview,
    ) -> Result<Option<String>, Failure> {
        let Some(path) = &self.output else {
            return Ok(None);
        };
        let folder = outside(store, &reader.path, path)?;
        let fail = |cause| Error::io("Cannot save the value", path, cause);
        let cancel = Cancel::default();
        let handle = cancel.clone();
        interrupt::then(move || handle.cancel())?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".cachescope-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any program's new file: the umask takes away what the person does not want.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(folder).map_err(fail)?;
        let mut out = Counted::new(&mut file);
        let is_done = match self.form.unwrap_or_else(|| Form::of(path)) {
            Form::Npy => preview.save(SaveAs::Npy, &|| cancel.is_cancelled(), &mut out)?,
            Form::Csv => preview.save(SaveAs::Csv, &|| cancel.is_cancelled(), &mut out)?,
            Form::Json => preview.save(SaveAs::Json, &|| cancel.is_cancelled(), &mut out)?,
            Form::Raw => raw(reader, &cancel, &mut out)?,
        };
        if !is_done {
            return Err(Failure::unread("Interrupted: nothing was saved"));
        }
        let n = out.finish().map_err(fail)?;
        file.as_file().sync_all().map_err(fail)?;
        file.persist(path).map_err(|e| fail(e.error))?;
        let shown = path.display().to_string();
        Ok(Some(format!(
            "Saved {} in {}",
            crate::text::bytes(n),
            text::shown(&shown)
        )))
    }
}

/// The folder of `path`, which must not lie in the store: looking at one never writes there.
fn outside(store: &Path, value: &Path, path: &Path) -> Result<PathBuf, Failure> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let fail = |cause| Error::io("Cannot save the value", path, cause);
    let real = folder.canonicalize().map_err(fail)?;
    if let Ok(meta) = path.symlink_metadata()
        && !meta.is_file()
    {
        let why = "there is something of that name that is no plain file";
        return Err(Error::usage("Cannot save the value", why).at(path).into());
    }
    let target = path
        .file_name()
        .map_or_else(|| real.clone(), |name| real.join(name));
    let is_inside = |place: &Path| {
        let real = place.canonicalize();
        target.starts_with(real.as_deref().unwrap_or(place))
    };
    if is_inside(store) || is_inside(value) {
        let why = "that file would lie in the cache itself";
        return Err(Error::refused("Cannot save the value", why)
            .at(path)
            .hint("Choose a path outside of it")
            .into());
    }
    Ok(folder)
}

/// Bytes copied at a time.
const CHUNK: usize = 256 << 10;

/// The stored bytes as they are; of several pickles in a file, this one's. False if it was cancelled.
///
/// # Errors
/// Usage where they do not stand alone; what the system said.
pub(crate) fn raw(
    reader: &ValueReader,
    cancel: &Cancel,
    out: &mut dyn Write,
) -> Result<bool, Error> {
    let fail = |cause| Error::io("Cannot read the stored value", &reader.path, cause);
    let unsaved = |cause| Error::io("Cannot save the value", &reader.path, cause);
    if let Some(part) = &reader.part {
        let pickle = part.file.skim.pickles.get(part.pickle);
        let Some(pickle) = pickle.filter(|_| part.item.is_none()) else {
            let why = "its bytes are a part of a pickled dict and do not stand alone";
            return Err(Error::usage("Cannot save this value as raw", why)
                .at(&reader.path)
                .hint("Save it as json, or the whole file without a key"));
        };
        let mut stream = part.file.content.open(pickle.start).map_err(fail)?;
        let mut stream = stream.by_ref().take(pickle.end - pickle.start);
        io::copy(&mut stream, out).map_err(fail)?;
        return Ok(true);
    }
    // A row's number is stored without bytes of its own.
    match reader.carrier {
        Carrier::Int(int) => write!(out, "{int}").map_err(unsaved)?,
        Carrier::Float(float) => out
            .write_all(float_repr(float).as_bytes())
            .map_err(unsaved)?,
        _ => {}
    }
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    loop {
        if cancel.is_cancelled() {
            return Ok(false);
        }
        let n = reader.bytes.read_full_at(at, &mut chunk).map_err(fail)?;
        if n == 0 {
            return Ok(true);
        }
        out.write_all(chunk.get(..n).unwrap_or_default())
            .map_err(unsaved)?;
        at += n as u64;
    }
}

/// A writer that counts.
struct Counted<W: Write> {
    inner: BufWriter<W>,
    n: u64,
}

impl<W: Write> Counted<W> {
    fn new(inner: W) -> Self {
        Self {
            inner: BufWriter::new(inner),
            n: 0,
        }
    }

    fn finish(mut self) -> io::Result<u64> {
        self.inner.flush()?;
        Ok(self.n)
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buf)?;
        self.n += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
