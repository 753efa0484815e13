//! `show -o F`: a stored value into a file of its own, whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachescope_core::Error;
use cachescope_core::formats::repr::float_repr;
use cachescope_core::formats::{Carrier, Preview, SaveAs};
use cachescope_core::model::{Cancel, StoreInfo, text};
use cachescope_core::stores::ValueReader;

use super::interrupt;
use super::out::Failure;
use super::target::write_value;

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

/// A value on its way into a file.
pub(super) struct Saving<'a> {
    path: &'a Path,
    form: Form,
}

impl SaveArgs {
    /// True if the value is to be saved.
    pub(super) fn is_asked(&self) -> bool {
        self.output.is_some()
    }

    /// What is to be saved of a value, or of a part of one.
    ///
    /// # Errors
    /// Usage for the stored bytes of a part, which has none of its own.
    pub(super) fn of(&self, is_part: bool) -> Result<Option<Saving<'_>>, Failure> {
        let Some(path) = &self.output else {
            return Ok(None);
        };
        let form = self.form.unwrap_or_else(|| Form::of(path));
        if form == Form::Raw && is_part {
            return Err(Failure::usage(
                "Cannot save a part of a value as raw: it has no stored bytes of its own. \
                 Save it with --as json, csv or npy, or the whole value without --at",
            ));
        }
        Ok(Some(Saving { path, form }))
    }
}

impl Saving<'_> {
    /// Saves the value; returns what was written, in words.
    ///
    /// # Errors
    /// Usage where the format cannot carry the value; refused where the file would belong to a cache; what the system
    /// said.
    pub(super) fn save(
        &self,
        store: &Arc<StoreInfo>,
        reader: &ValueReader,
        preview: &Preview,
    ) -> Result<String, Failure> {
        let cancel = interrupt::cancel()?;
        let is_over = || cancel.is_cancelled();
        let write = |out: &mut dyn Write| {
            let is_done = match self.form {
                Form::Npy => preview.save(SaveAs::Npy, &is_over, out)?,
                Form::Csv => preview.save(SaveAs::Csv, &is_over, out)?,
                Form::Json => preview.save(SaveAs::Json, &is_over, out)?,
                Form::Raw => raw(reader, &cancel, out)?,
            };
            if is_done {
                Ok(())
            } else {
                Err(Error::cancelled())
            }
        };
        let write = |out: &mut dyn Write| write(out).map_err(|error| error.at(self.path));
        let saved = write_value(self.path, std::slice::from_ref(store), write);
        if cancel.is_cancelled() && saved.is_err() {
            return Err(Failure::unread("Interrupted: nothing was saved"));
        }
        Ok(format!(
            "Saved {} in {}",
            crate::text::bytes(saved?),
            text::path(self.path)
        ))
    }
}

/// Bytes copied at a time.
const CHUNK: usize = 256 << 10;

/// The stored bytes as they are; of several pickles in a file, this one's. False if it was cancelled.
///
/// # Errors
/// Usage where they do not stand alone; changed where fewer came than there were; what the system said.
pub(crate) fn raw(
    reader: &ValueReader,
    cancel: &Cancel,
    out: &mut dyn Write,
) -> Result<bool, Error> {
    if let Some(part) = &reader.part {
        let pickle = part.file.skim.pickles.get(part.pickle);
        let Some(pickle) = pickle.filter(|_| part.item.is_none()) else {
            let why = "its bytes are a part of a pickled dict and do not stand alone";
            return Err(Error::usage("Cannot save this value as raw", why)
                .at(&reader.path)
                .hint("Save it as json, or the whole file without a key"));
        };
        let stream = part.file.content.open(pickle.start);
        let mut stream = stream.map_err(|e| unread(reader, e))?;
        let len = pickle.end - pickle.start;
        return copy(reader, len, |_, chunk| stream.read(chunk), cancel, out);
    }
    // A row's number is stored without bytes of its own.
    match reader.carrier {
        Carrier::Int(int) => write!(out, "{int}").map_err(|e| unsaved(&e))?,
        Carrier::Float(float) => {
            let text = float_repr(float);
            out.write_all(text.as_bytes()).map_err(|e| unsaved(&e))?;
        }
        _ => {}
    }
    let bytes = &reader.bytes;
    let read = |at, chunk: &mut [u8]| bytes.read_at(at, chunk);
    copy(reader, bytes.len(), read, cancel, out)
}

/// Copies `len` bytes, each chunk of them from its place; false if it was cancelled.
fn copy(
    reader: &ValueReader,
    len: u64,
    mut read: impl FnMut(u64, &mut [u8]) -> io::Result<usize>,
    cancel: &Cancel,
    out: &mut dyn Write,
) -> Result<bool, Error> {
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    while at < len {
        if cancel.is_cancelled() {
            return Ok(false);
        }
        let room = usize::try_from(len - at).map_or(CHUNK, |left| left.min(CHUNK));
        let room = chunk.get_mut(..room).unwrap_or_default();
        let n = match read(at, room) {
            Ok(0) => {
                let why = "a program made it shorter meanwhile";
                return Err(Error::changed("Cannot save the value", why)
                    .at(&reader.path)
                    .hint("Save it again"));
            }
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(unread(reader, e)),
        };
        let copied = room.get(..n).unwrap_or_default();
        out.write_all(copied).map_err(|e| unsaved(&e))?;
        at += n as u64;
    }
    Ok(true)
}

fn unread(reader: &ValueReader, cause: io::Error) -> Error {
    Error::io("Cannot read the stored value", &reader.path, cause)
}

/// The disk did not take it. Where it was to go, only the caller knows.
fn unsaved(cause: &io::Error) -> Error {
    Error::system("Cannot save the value", cause)
}

#[cfg(test)]
mod tests {
    use cachescope_core::source::ReadAt;

    use super::*;

    /// Says that it is longer than it is.
    struct Shorter;

    impl ReadAt for Shorter {
        fn len(&self) -> u64 {
            1 << 20
        }

        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
            let left = (CHUNK as u64 + 5).saturating_sub(offset);
            let n = buf.len().min(usize::try_from(left).unwrap());
            buf[..n].fill(7);
            Ok(n)
        }
    }

    /// A disk that is full.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(28))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn reader(bytes: impl ReadAt + 'static) -> ValueReader {
        ValueReader::new(Arc::new(bytes), Carrier::Bytes, "/c/value".into())
    }

    #[test]
    fn a_value_that_became_shorter_is_not_called_saved() {
        let mut out = Vec::new();
        let error = raw(&reader(Shorter), &Cancel::default(), &mut out).unwrap_err();
        assert!(error.is_changed(), "{error}");
        assert_eq!(error.path(), Some(Path::new("/c/value")));
    }

    #[test]
    fn a_full_disk_is_not_the_values_fault() {
        let bytes = cachescope_core::source::MemoryReader::new(*b"abc");
        let error = raw(&reader(bytes), &Cancel::default(), &mut Full).unwrap_err();
        let words = "Cannot save the value: no space left on device";
        assert_eq!(error.to_string(), words);
    }

    #[test]
    fn a_value_is_copied_whole() {
        let long: Vec<u8> = (0..=u8::MAX).cycle().take(3 * CHUNK + 7).collect();
        let bytes = cachescope_core::source::MemoryReader::new(long.clone());
        let mut out = Vec::new();
        assert!(raw(&reader(bytes), &Cancel::default(), &mut out).unwrap());
        assert_eq!(out, long);
    }
}
