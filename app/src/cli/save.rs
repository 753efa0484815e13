//! `show -o F`: a stored value into a file of its own, whole or not at all.

use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachescope_core::Error;
use cachescope_core::formats::repr::float_repr;
use cachescope_core::formats::{Carrier, Preview, SaveAs};
use cachescope_core::model::{StoreInfo, text};
use cachescope_core::scan::Cancel;
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
