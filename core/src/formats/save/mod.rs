//! A decoded value to bytes of a common format: `.npy`, CSV, JSON. Writing them to the disk is the caller's.

mod batches;
mod csv;
mod json;
mod npy;
mod objects;
#[cfg(test)]
mod tests;

use std::io::Write;

use super::numpy::Look;
use super::preview::Preview;
use super::pyliteral;
use crate::error::{Error, Result};

/// A format that a value can be saved in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveAs {
    /// numpy's file of one array.
    Npy,
    /// Rows of text, for tables and arrays of up to two axes.
    Csv,
    /// JSON, for everything that it can carry.
    Json,
}

impl SaveAs {
    /// The format's usual extension.
    pub fn word(self) -> &'static str {
        match self {
            Self::Npy => "npy",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

impl Preview {
    /// The value as a Python literal; `None` if it holds anything else, or is longer than `max_chars`.
    pub fn literal(&self, max_chars: usize) -> Option<String> {
        let repr = self.value.repr(self.node, max_chars);
        let is_whole = !repr.is_cut && !self.is_truncated;
        let text = repr.text;
        (is_whole && pyliteral::is_literal(&text)).then_some(text)
    }

    /// True where a form can hold a value of this kind; that one claims too much shows when it is saved.
    pub fn fits(&self, form: SaveAs) -> bool {
        let fits_kind = match form {
            SaveAs::Npy => npy::fits(self),
            SaveAs::Csv => csv::fits(self),
            SaveAs::Json => true,
        };
        fits_kind && !self.is_truncated
    }

    /// Writes the whole value, reading what the preview left in place; false if it was cancelled.
    ///
    /// # Errors
    /// Usage where the format cannot carry the value; damage where the value is incomplete; what the system said.
    pub fn save(
        &self,
        form: SaveAs,
        is_cancelled: &dyn Fn() -> bool,
        out: &mut dyn Write,
    ) -> Result<bool> {
        if self.is_truncated {
            let why = self.problems.first();
            let why = why.map_or_else(|| "it was not read whole".to_owned(), ToString::to_string);
            return Err(Error::damaged("Cannot save the value whole", why)
                .hint("Its stored bytes can be saved as raw"));
        }
        let look = Look {
            is_cancelled,
            ..Look::GLANCE
        };
        let saved = match form {
            SaveAs::Npy => npy::save(self, &look, out)?,
            SaveAs::Csv => csv::save(self, &look, out)?,
            SaveAs::Json => json::save(self, &look, out),
        };
        match saved {
            Ok(()) => Ok(true),
            Err(_) if is_cancelled() => Ok(false),
            Err(cause) => Err(Error::system("Cannot save the value", &cause)
                .hint("Its stored bytes can be saved as raw")),
        }
    }
}

fn unfit(form: SaveAs, why: &str) -> Error {
    let what = format!("Cannot save this value as {}", form.word());
    Error::usage(what, why.to_owned()).hint("raw saves the stored bytes of any value")
}
