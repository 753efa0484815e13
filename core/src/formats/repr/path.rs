//! `pathlib`'s paths as they print themselves.

use super::Piece;
use super::objects::text;
use crate::formats::made::Made;
use crate::model::value::Value;

/// Up to Python 3.12 a path is pickled as its parts, from 3.13 as the strings that it was made of.
pub(super) fn path(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    let is_windows = made.qualname.contains("Windows");
    let mut joined = String::new();
    for arg in &made.args {
        let part = value.str(*arg)?;
        let is_drive = is_windows && joined.len() == 2 && joined.ends_with(':');
        if !joined.is_empty() && !joined.ends_with('/') && !is_drive && !part.is_empty() {
            joined.push('/');
        }
        joined.push_str(&if is_windows {
            part.replace('\\', "/")
        } else {
            part.into_owned()
        });
    }
    Some(vec![
        text(format!("{}(", made.qualname)),
        Piece::Str(normal_path(&joined, is_windows)),
        text(")"),
    ])
}

/// A path as `as_posix` gives it (CPython 3.13 `pathlib/_local.py: PurePath._parse_path`).
fn normal_path(path: &str, is_windows: bool) -> String {
    let (anchor, rest) = if is_windows {
        windows_anchor(path)
    } else {
        // Two slashes, and only two, are a root of their own.
        let rest = path.trim_start_matches('/');
        let anchor = match path.len() - rest.len() {
            0 => "",
            2 => "//",
            _ => "/",
        };
        (anchor.to_owned(), rest)
    };
    let parts: Vec<&str> = rest
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    match anchor + &parts.join("/") {
        path if path.is_empty() => ".".to_owned(),
        path => path,
    }
}

/// Drive and root of a path, and what follows: `C:/`, `c:`, `//server/share/`, `/`.
fn windows_anchor(path: &str) -> (String, &str) {
    if let Some(rest) = path.strip_prefix("//")
        && let Some((server, rest)) = rest.split_once('/')
    {
        let (share, rest) = rest.split_once('/').unwrap_or((rest, ""));
        return (format!("//{server}/{share}/"), rest);
    }
    let (drive, rest) = match path.split_at_checked(2) {
        Some((drive, rest)) if drive.ends_with(':') => (drive, rest),
        _ => ("", path),
    };
    let root = if rest.starts_with('/') { "/" } else { "" };
    (format!("{drive}{root}"), rest)
}
