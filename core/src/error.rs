//! The one error type of the core: what could not be done, why, what to do next, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::text;

/// Result of anything in this crate that can fail as a whole.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Something that could not be done, told in one sentence a person can act on.
///
/// The text reads `what: why. hint. File: path`; every part but `what` may be missing.
/// Branch on the `is_…` tests, never on the text.
#[derive(Debug)]
pub struct Error(Box<Inner>);

/// What to do about a full disk.
pub(crate) const MAKE_ROOM: &str = "Make room on the disk, then try again";

#[derive(Debug)]
struct Inner {
    kind: Kind,
    what: String,
    why: String,
    hint: Option<&'static str>,
    path: Option<PathBuf>,
    /// What the system said, where it was the cause: kept where the error itself is not.
    io_kind: Option<io::ErrorKind>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Io,
    Locked,
    NotAStore,
    NotFound,
    Damaged,
    Limit,
    CopyWanted,
    Refused,
    Changed,
    Usage,
    Cancelled,
}

impl Error {
    fn new(kind: Kind, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            what: text::shown_owned(what.into()),
            why: text::shown_owned(why.into()),
            hint: None,
            path: None,
            io_kind: None,
            source: None,
        }))
    }

    /// The system said no while doing `what` (an infinitive-free phrase such as "Cannot read the folder").
    pub fn io(what: impl Into<String>, path: &Path, cause: io::Error) -> Self {
        let why = plain_io(&cause);
        let hint = match cause.kind() {
            io::ErrorKind::PermissionDenied => {
                Some("Check the permissions, or open it as its owner")
            }
            io::ErrorKind::NotFound => {
                Some("Check the path; a running program may have removed it")
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(MAKE_ROOM),
            _ => None,
        };
        let mut error = Self::new(Kind::Io, what, why);
        error.0.hint = hint;
        error.0.path = Some(path.to_owned());
        error.0.io_kind = Some(cause.kind());
        error.0.source = Some(Box::new(cause));
        error
    }

    /// The bytes of a value were not to be had: the system would not give them, or they break the rules of their format.
    pub(crate) fn of_bytes(what: impl Into<String>, cause: &io::Error) -> Self {
        if cause.raw_os_error().is_none() {
            return Self::damaged(what, plain_io(cause));
        }
        Self::system(what, cause)
    }

    /// As [`Error::io`], where only the caller knows the place: [`Error::at`] adds it.
    pub fn system(what: impl Into<String>, cause: &io::Error) -> Self {
        let mut error = Self::unavailable(what, plain_io(cause));
        error.0.io_kind = Some(cause.kind());
        error
    }

    /// Something else stands in the way for now: another program's lock, a missing permission.
    pub fn unavailable(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Kind::Io, what, why)
    }

    /// Another program holds a lock, and it can be tried again.
    pub(crate) fn locked(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Kind::Locked, what, why)
    }

    /// The path holds nothing that any backend knows.
    pub fn not_a_store(path: &Path, why: impl Into<String>) -> Self {
        let hint = "Open the folder or file that the Python program was given as its cache";
        Self::other_format(path, why, hint)
    }

    /// As [`Self::not_a_store`], for what is known to be something else; `hint` is what to do with it.
    pub(crate) fn other_format(path: &Path, why: impl Into<String>, hint: &'static str) -> Self {
        let what = "This is not a cache that Cachescope knows";
        Self::new(Kind::NotAStore, what, why).at(path).hint(hint)
    }

    /// An entry, a key or a plan that was named is not there.
    pub fn not_found(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, what, why)
    }

    /// Bytes are not what their format promises.
    pub fn damaged(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Kind::Damaged, what, why)
    }

    /// Going on would pass a limit on bytes, nodes, depth or time.
    pub fn limit(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Kind::Limit, what, why)
    }

    /// As [`Self::limit`], for a private copy of a database that is too large to be made unasked.
    pub(crate) fn copy_wanted(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Kind::CopyWanted, what, why)
    }

    /// It could be done and will not be, because it would not be safe.
    pub fn refused(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Kind::Refused, what, why)
    }

    /// The disk is no longer as it was listed.
    pub fn changed(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Kind::Changed, what, why)
    }

    /// The person's own words cannot be carried out as they stand.
    pub fn usage(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Kind::Usage, what, why)
    }

    /// The job was cancelled by its owner.
    pub fn cancelled() -> Self {
        Self::new(Kind::Cancelled, "Cancelled", "")
    }

    /// Names the file or folder, unless a deeper level did.
    #[must_use]
    pub fn at(mut self, path: &Path) -> Self {
        self.0.path.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Names `place` instead of what lies in `folder`, which nobody will find there.
    #[must_use]
    pub(crate) fn lifted(mut self, folder: &Path, place: &Path) -> Self {
        if self.path().is_some_and(|path| path.starts_with(folder)) {
            self.0.path = Some(place.to_owned());
        }
        self
    }

    /// Says what the reader can do next, unless a deeper level did.
    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.0.hint.get_or_insert(hint);
        self
    }

    /// Says what the reader has to know next, whatever a deeper level said.
    #[must_use]
    pub(crate) fn hint_instead(mut self, hint: &'static str) -> Self {
        self.0.hint = Some(hint);
        self
    }

    /// Replaces what was being done by what the caller was doing; the old text becomes part of the cause.
    #[must_use]
    pub fn while_doing(mut self, what: impl Into<String>) -> Self {
        let inner = &mut self.0;
        let old = std::mem::replace(&mut inner.what, text::shown_owned(what.into()));
        inner.why = if inner.why.is_empty() {
            lower_first(&old)
        } else {
            format!("{}: {}", lower_first(&old), inner.why)
        };
        self
    }

    /// The file or folder it happened at, if one is to blame.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The same error for one more entry that it keeps from being done; the system's own error is not copied.
    pub(crate) fn repeated(&self) -> Self {
        Self(Box::new(Inner {
            kind: self.0.kind,
            what: self.0.what.clone(),
            why: self.0.why.clone(),
            hint: self.0.hint,
            path: self.0.path.clone(),
            io_kind: self.0.io_kind,
            source: None,
        }))
    }

    /// What could not be done and why, without hint and path.
    pub fn message(&self) -> String {
        if self.0.why.is_empty() {
            self.0.what.clone()
        } else {
            format!("{}: {}", self.0.what, self.0.why)
        }
    }

    /// What the reader can do next, where that is known.
    pub(crate) fn next_step(&self) -> Option<&'static str> {
        self.0.hint
    }

    /// True if there was no room on the disk.
    pub(crate) fn is_full(&self) -> bool {
        matches!(
            self.io_kind(),
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        )
    }

    /// True if no backend knows the path.
    pub fn is_not_a_store(&self) -> bool {
        self.0.kind == Kind::NotAStore
    }

    /// True if a named thing does not exist.
    pub fn is_not_found(&self) -> bool {
        self.0.kind == Kind::NotFound || self.io_kind() == Some(io::ErrorKind::NotFound)
    }

    /// True if another program's lock was in the way.
    pub(crate) fn is_locked(&self) -> bool {
        self.0.kind == Kind::Locked
    }

    /// True if bytes break the rules of their format.
    pub fn is_damaged(&self) -> bool {
        self.0.kind == Kind::Damaged
    }

    /// True if a limit stopped it.
    pub fn is_limit(&self) -> bool {
        matches!(self.0.kind, Kind::Limit | Kind::CopyWanted)
    }

    /// True if a private copy of a database would help that is too large to be made unasked: see
    /// [`allow_copies_of`](crate::source::allow_copies_of).
    pub fn wants_copy(&self) -> bool {
        self.0.kind == Kind::CopyWanted
    }

    /// True if it was refused for safety.
    pub fn is_refused(&self) -> bool {
        self.0.kind == Kind::Refused
    }

    /// True if the disk changed since the listing.
    pub fn is_changed(&self) -> bool {
        self.0.kind == Kind::Changed
    }

    /// True if the request itself was wrong.
    pub fn is_usage(&self) -> bool {
        self.0.kind == Kind::Usage
    }

    /// True if its owner cancelled it.
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == Kind::Cancelled
    }

    /// The system's own error kind, where the system was the cause.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        self.0.io_kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        if let Some(hint) = self.0.hint {
            write!(f, ". {hint}")?;
        }
        if let Some(path) = &self.0.path {
            write!(f, ". File: {}", text::path(path))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

/// The system's message without the "(os error 13)" that tells a reader nothing.
pub(crate) fn plain_io(cause: &io::Error) -> String {
    lower_first(without_number(&cause.to_string()))
}

/// A message of the system, or one that ends with it, without its number.
pub(crate) fn without_number(text: &str) -> &str {
    text.split(" (os error").next().unwrap_or_default()
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_error_names_reason_remedy_and_path() {
        let denied = io::Error::from_raw_os_error(13);
        let text = Error::io("Cannot open the folder", Path::new("/x/y"), denied).to_string();
        assert_eq!(
            text,
            "Cannot open the folder: permission denied. Check the permissions, or open it as its owner. File: /x/y"
        );
    }

    #[test]
    fn words_of_others_stay_on_one_line_and_reach_no_terminal_as_commands() {
        let error = Error::damaged("Cannot read", "near \"\u{1b}[31m\nx\u{202e}\"");
        let text = error.while_doing("Cannot list \u{7}").to_string();
        assert_eq!(
            text,
            r#"Cannot list \x07: cannot read: near "\x1b[31m\nx\u202e""#
        );
    }

    #[test]
    fn an_error_that_is_repeated_tells_the_same() {
        let gone = io::Error::from(io::ErrorKind::NotFound);
        let gone = Error::io("Cannot open the folder", Path::new("/x"), gone);
        assert!(gone.repeated().is_not_found());
        assert_eq!(gone.repeated().to_string(), gone.to_string());
    }

    #[test]
    fn bytes_that_the_system_does_not_give_are_not_damaged() {
        let stale = io::Error::from_raw_os_error(116);
        let error = Error::of_bytes("Cannot read these bytes", &stale);
        assert!(!error.is_damaged());
        assert!(!error.to_string().contains("os error"), "{error}");
        let torn = io::Error::new(io::ErrorKind::InvalidData, "Bad checksum");
        let error = Error::of_bytes("Cannot read these bytes", &torn);
        assert!(error.is_damaged());
        assert_eq!(error.message(), "Cannot read these bytes: bad checksum");
    }

    #[test]
    fn outer_context_keeps_the_deeper_path() {
        let error = Error::damaged("The pickle ends early", "at byte 7")
            .at(Path::new("a"))
            .while_doing("Cannot read entry \"f\"")
            .at(Path::new("b"));
        assert_eq!(
            error.to_string(),
            "Cannot read entry \"f\": the pickle ends early: at byte 7. File: a"
        );
        assert!(error.is_damaged());
    }
}
