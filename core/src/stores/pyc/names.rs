//! What the names of compiled modules say: which module, which Python, or that a write did not end.

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::source::path_from_bytes;

/// Of Python 3.4 and older, optimised modules have a suffix of their own (PEP 488).
const SUFFIXES: [&[u8]; 2] = [b".pyc", b".pyo"];

pub(super) fn is_compiled(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// `mod.cpython-311.pyc.140234567`: written, and never renamed into place (`_write_atomic`).
pub(super) fn is_left_over(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (place, _) = name.split_at(name.len() - digits);
    let place = place.strip_suffix(b".").filter(|_| digits > 0);
    place.is_some_and(|place| SUFFIXES.iter().any(|suffix| place.ends_with(suffix)))
}

/// What stands before the last suffix; the whole name where there is none.
pub(super) fn stem_of(name: &OsStr) -> &[u8] {
    let name = name.as_encoded_bytes();
    let is_suffix = |window: &[u8]| SUFFIXES.contains(&window);
    let end = name.windows(4).rposition(is_suffix).unwrap_or(name.len());
    name.get(..end).unwrap_or(name)
}

/// What stands before the tag of the Python that compiled it (PEP 3147), which may have dots too: pytest writes
/// `mod.cpython-311-pytest-8.3.pyc`.
pub(super) fn module_of(stem: &[u8]) -> Option<&[u8]> {
    let is_tag = |at: &usize| {
        let tag = stem.get(at + 1..).unwrap_or_default();
        let letters = tag.iter().take_while(|b| b.is_ascii_lowercase()).count();
        let (implementation, rest) = tag.split_at(letters);
        let rest = match (implementation, rest) {
            // An optimisation (PEP 488), which stands behind the tag.
            (b"" | b"opt", _) => return false,
            (_, [b'-', rest @ ..]) | (b"pypy" | b"graalpy", rest) => rest,
            _ => return false,
        };
        rest.first().is_some_and(u8::is_ascii_digit)
    };
    let dots = (1..stem.len()).filter(|at| stem.get(*at) == Some(&b'.'));
    let at = dots.rev().find(is_tag)?;
    stem.get(..at)
}

pub(super) fn python_file(module: &[u8]) -> PathBuf {
    path_from_bytes(&[module, b".py"].concat())
}
