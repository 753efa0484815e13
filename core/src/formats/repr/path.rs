//! `pathlib`'s paths as they print themselves. Bytes are those of UTF-8 with surrogates passed.

use super::Piece;
use super::objects::text;
use super::text::{Out, str_repr};
use crate::formats::made::Made;
use crate::model::value::{Leaf, Value};

/// Up to Python 3.12 a path is pickled as its parts, from 3.13 as the strings that it was made of.
pub(super) fn path(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    let parts = made.args.iter().map(|arg| match value.leaf(*arg)? {
        Leaf::Str(blob) | Leaf::Python2Str(blob) if !blob.is_cut() => Some(blob.bytes.into_owned()),
        _ => None,
    });
    let parts: Vec<Vec<u8>> = parts.collect::<Option<_>>()?;
    let path = if made.qualname.contains("Windows") {
        windows_path(parts)
    } else {
        posix_path(&parts)
    };
    let mut shown = Out::new(usize::MAX);
    str_repr(if path.is_empty() { b"." } else { &path }, &mut shown);
    Some(vec![
        text(format!("{}(", made.qualname)),
        Piece::Text(shown.into_text()),
        text(")"),
    ])
}

/// Parts without the empty ones and those that mean "here".
fn tail_of(relative: &[u8]) -> Vec<&[u8]> {
    let parts = relative.split(|b| *b == b'/');
    parts
        .filter(|part| !part.is_empty() && *part != b".")
        .collect()
}

/// `posixpath.join`, then `PurePath._parse_path` (CPython 3.13 `pathlib/_local.py`).
fn posix_path(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut joined = Vec::new();
    for part in parts {
        if part.starts_with(b"/") {
            joined.clear();
        } else if !joined.is_empty() && !joined.ends_with(b"/") {
            joined.push(b'/');
        }
        joined.extend(part);
    }
    // Two slashes, and only two, are a root of their own.
    let n_slashes = joined.iter().take_while(|b| **b == b'/').count();
    let root: &[u8] = match n_slashes {
        0 => b"",
        2 => b"//",
        _ => b"/",
    };
    let relative = joined.get(n_slashes..).unwrap_or_default();
    [root, &tail_of(relative).join(&b'/')].concat()
}

/// Drive, root and the rest of a Windows path.
#[derive(Debug, Default, Clone, Copy)]
struct Split<'p> {
    drive: &'p [u8],
    root: &'p [u8],
    rest: &'p [u8],
}

impl<'p> Split<'p> {
    /// `ntpath.splitroot` of CPython 3.13, for paths whose separators are `/`.
    fn of(path: &'p [u8]) -> Self {
        let at = |drive: usize, root: usize| {
            let (drive, rest) = path.split_at_checked(drive).unwrap_or((path, &[]));
            let (root, rest) = rest.split_at_checked(root).unwrap_or((rest, &[]));
            Self { drive, root, rest }
        };
        let find = |from: usize| {
            let rest = path.get(from..)?;
            Some(from + rest.iter().position(|b| *b == b'/')?)
        };
        match path {
            [b'/', b'/', ..] => {
                let is_long = path
                    .get(..8)
                    .is_some_and(|head| head.eq_ignore_ascii_case(b"//?/UNC/"));
                let server_end = find(if is_long { 8 } else { 2 });
                match server_end.and_then(|end| find(end + 1)) {
                    Some(share_end) => at(share_end, 1),
                    None => at(path.len(), 0),
                }
            }
            [b'/', ..] => at(0, 1),
            [_, b':', b'/', ..] => at(2, 1),
            [_, b':', ..] => at(2, 0),
            _ => at(0, 0),
        }
    }
}

/// `ntpath.join`, then `PurePath._parse_path` and `_format_parsed_parts`, with `/` between the parts as in `as_posix`.
fn windows_path(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    for byte in parts.iter_mut().flatten().filter(|byte| **byte == b'\\') {
        *byte = b'/';
    }
    let joined = windows_joined(&parts);
    let mut split = Split::of(&joined);
    if split.root.is_empty() && split.drive.starts_with(b"/") && !split.drive.ends_with(b"/") {
        let parts: Vec<&[u8]> = split.drive.split(|b| *b == b'/').collect();
        let is_share = match parts.as_slice() {
            [_, _, server, _] => !matches!(*server, b"?" | b"." | b""),
            parts => parts.len() == 6,
        };
        if is_share {
            split.root = b"/";
        }
    }
    let mut tail = tail_of(split.rest);
    let looks_like_drive = |part: &[u8]| !Split::of(part).drive.is_empty();
    let is_bare = split.drive.is_empty() && split.root.is_empty();
    if is_bare && tail.first().is_some_and(|first| looks_like_drive(first)) {
        tail.insert(0, b".");
    }
    [split.drive, split.root, &tail.join(&b'/')].concat()
}

fn windows_joined(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut parts = parts.iter();
    let first = Split::of(parts.next().map_or(&[], Vec::as_slice));
    let (mut drive, mut root, mut rest) = (first.drive, first.root, first.rest.to_vec());
    for part in parts {
        let next = Split::of(part);
        if !next.root.is_empty() {
            if !next.drive.is_empty() || drive.is_empty() {
                drive = next.drive;
            }
            root = next.root;
            rest = next.rest.to_vec();
            continue;
        }
        if !next.drive.is_empty() && next.drive != drive {
            let is_other = !next.drive.eq_ignore_ascii_case(drive);
            drive = next.drive;
            if is_other {
                root = next.root;
                rest = next.rest.to_vec();
                continue;
            }
        }
        if !rest.is_empty() && !rest.ends_with(b"/") {
            rest.push(b'/');
        }
        rest.extend(next.rest);
    }
    let is_share = matches!(drive.last(), Some(last) if !matches!(last, b':' | b'/'));
    let separator: &[u8] = if is_share && root.is_empty() && !rest.is_empty() {
        b"/"
    } else {
        b""
    };
    [drive, root, separator, &rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(parts: &[&str]) -> Vec<Vec<u8>> {
        parts.iter().map(|part| part.as_bytes().to_vec()).collect()
    }

    #[test]
    fn paths_join_and_print_as_in_pathlib() {
        // str(PurePosixPath(*parts)) of CPython 3.13; the empty path prints as ".".
        for (parts, expected) in [
            (&["a", "/b", "c"][..], "/b/c"),
            (&["/", "a", "b"], "/a/b"),
            (&["//", "a"], "//a"),
            (&["///a"], "/a"),
            (&["a//b/./c", ""], "a/b/c"),
            (&["", "."], ""),
        ] {
            let shown = posix_path(&bytes(parts));
            assert_eq!(String::from_utf8(shown).unwrap(), expected);
        }
        // PureWindowsPath(*parts).as_posix() of CPython 3.13.
        for (parts, expected) in [
            (&["C:a", "D:b"][..], "D:b"),
            (&["C:a", "c:b"], "c:a/b"),
            (&["C:/a", "/b"], "C:/b"),
            (&["C:/", "x", "..", "y"], "C:/x/../y"),
            (&["./a:b"], "./a:b"),
            (&["a:b"], "a:b"),
            (&[r"\\srv\share", "x"], "//srv/share/x"),
            (&[r"\\srv\share"], "//srv/share/"),
            (&[r"\\srv"], "//srv"),
            (&["//?/C:/x"], "//?/C:/x"),
            (&[r"\\?\UNC\s\h\f"], "//?/UNC/s/h/f"),
            (&[r"\\?\UNC\s\h"], "//?/UNC/s/h/"),
            (&["C:"], "C:"),
            (&["C:", "a"], "C:a"),
            (&[""], ""),
        ] {
            let shown = windows_path(bytes(parts));
            assert_eq!(String::from_utf8(shown).unwrap(), expected);
        }
    }
}
