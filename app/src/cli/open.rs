//! Paths to open stores: what could be opened, and what could not as issues.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachescope_core::model::{Cancel, Issue, Severity, StoreInfo, text};
use cachescope_core::stores::{self, Store};

use super::Global;
use super::lines::IssueLine;
use super::out::{self, Failure, tell};

/// Every store at or below the paths, in the order of the paths.
///
/// A path that cannot be opened is told as an issue, as is what was not looked into, and the others are opened.
///
/// # Errors
/// If none of the paths can be opened.
pub(super) fn find(paths: &[PathBuf], global: &Global) -> Result<Vec<Arc<StoreInfo>>, Failure> {
    find_telling(paths, &mut |issue| report(&issue, global))
}

/// As [`find`]; adds the issues that it told.
///
/// # Errors
/// If none of the paths can be opened.
pub(super) fn find_counting(
    paths: &[PathBuf],
    global: &Global,
    issues: &mut u64,
) -> Result<Vec<Arc<StoreInfo>>, Failure> {
    find_telling(paths, &mut |issue| {
        *issues += 1;
        report(&issue, global)
    })
}

/// As [`find`]; what could not be opened goes to `tell`.
///
/// # Errors
/// If none of the paths can be opened, or nobody hears what is told.
pub(super) fn find_telling(
    paths: &[PathBuf],
    tell: &mut dyn FnMut(Issue) -> Result<(), Failure>,
) -> Result<Vec<Arc<StoreInfo>>, Failure> {
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for path in paths {
        let mut passed_over = Vec::new();
        let opened = stores::open_all_telling(path, &Cancel::default(), &mut |issue| {
            passed_over.push(issue);
        });
        for issue in passed_over {
            tell(issue)?;
        }
        match opened {
            Ok(stores) => found.extend(stores),
            Err(error) => failed.push((path, error)),
        }
    }
    let last = if found.is_empty() { failed.pop() } else { None };
    for (path, error) in failed {
        tell(Issue::new(Severity::Error, path, error.to_string()))?;
    }
    match last {
        Some((_, error)) => Err(error.into()),
        None => Ok(found),
    }
}

/// The one store at or below a path.
///
/// # Errors
/// If there is none, or more than one.
pub(super) fn single(path: &Path) -> Result<Store, Failure> {
    let found = stores::open_all_telling(path, &Cancel::default(), &mut |issue| say_issue(&issue))?;
    let [info] = found.as_slice() else {
        let mut message = format!(
            "{} holds {} caches; name one of them:",
            text::path(path),
            found.len()
        );
        for info in found.iter().take(LISTED) {
            message.push_str("\n  ");
            message.push_str(&text::path(&info.path));
        }
        return Err(Failure::usage(message));
    };
    open(info)
}

/// Caches named where one had to be chosen.
const LISTED: usize = 20;

/// Opens a store for one command.
///
/// # Errors
/// If it is gone.
pub(super) fn open(info: &Arc<StoreInfo>) -> Result<Store, Failure> {
    Ok(Store::open(info)?)
}

/// Says an issue on stderr, for people.
pub(super) fn say_issue(issue: &Issue) {
    let word = match issue.severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let message = text::shown(&issue.message);
    let path = text::path(&issue.path);
    if message.contains(&path) {
        tell!("{word}: {message}");
    } else {
        tell!("{word}: {message}. File: {path}");
    }
}

/// Tells an issue: as a line on stdout for scripts, on stderr for people.
///
/// # Errors
/// If stdout takes no more.
pub(super) fn report(issue: &Issue, global: &Global) -> Result<(), Failure> {
    if global.json {
        return out::print_line(&IssueLine::from(issue));
    }
    say_issue(issue);
    Ok(())
}

/// Tells of a store that could not be read, so that the others still are.
///
/// # Errors
/// If stdout takes no more.
pub(super) fn report_failure(
    failure: Failure,
    info: &StoreInfo,
    global: &Global,
) -> Result<(), Failure> {
    match failure {
        Failure::Closed => Err(Failure::Closed),
        Failure::Said(_, message) => {
            report(&Issue::new(Severity::Error, &info.path, message), global)
        }
    }
}
