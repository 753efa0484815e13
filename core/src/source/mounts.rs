//! How much a file's last access says: told by the options of the mount it lies on.

use std::path::{Path, PathBuf};

/// What access times on a mount mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccessTimes {
    /// Every read is recorded.
    Exact,
    /// Linux's default: a read is recorded only if the last one was over a day ago, or before the last write.
    Relative,
    /// Reads are not recorded: the time is that of writing, or of a copy.
    Never,
    /// The system does not say.
    #[default]
    Unknown,
}

/// What access times below `path` mean; `path` is absolute, with links resolved.
pub fn access_times(path: &Path) -> AccessTimes {
    std::fs::read("/proc/self/mountinfo").map_or(AccessTimes::Unknown, |table| of(&table, path))
}

/// Reads `mountinfo` (`proc_pid_mountinfo(5)`): the fifth field is the mount point, the sixth its options.
fn of(table: &[u8], path: &Path) -> AccessTimes {
    let mounts = table.split(|b| *b == b'\n').filter_map(|line| {
        let mut fields = line.split(|b| *b == b' ');
        let point = unescape(fields.nth(4)?);
        let options = fields.next()?;
        path.starts_with(&point).then_some((point, options))
    });
    // Later lines are mounted over earlier ones of the same point: `max_by_key` takes the last.
    let Some((_, options)) = mounts.max_by_key(|(point, _)| point.components().count()) else {
        return AccessTimes::Unknown;
    };
    let has = |name: &[u8]| options.split(|b| *b == b',').any(|option| option == name);
    if has(b"noatime") {
        AccessTimes::Never
    } else if has(b"relatime") {
        AccessTimes::Relative
    } else {
        AccessTimes::Exact
    }
}

/// Spaces, tabs, newlines and backslashes stand as three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.first_chunk::<3>().filter(|_| *first == b'\\');
        let code = digits.and_then(|d| u8::from_str_radix(std::str::from_utf8(d).ok()?, 8).ok());
        if let Some(code) = code {
            out.push(code);
            rest = after.get(3..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = after;
        }
    }
    path_of(out)
}

#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(not(unix))]
#[expect(clippy::needless_pass_by_value, reason = "as on Unix")]
fn path_of(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        30 22 0:5 / /mnt/my\\040data rw,noatime - xfs /dev/vdb rw\n\
        31 22 0:6 / /mnt ro - tmpfs tmpfs rw\n";

    #[test]
    fn the_deepest_mount_above_the_path_counts() {
        for (path, expected) in [
            ("/home/x/cache", AccessTimes::Relative),
            ("/mnt/my data/cache", AccessTimes::Never),
            ("/mnt/my", AccessTimes::Exact),
            ("/mnt", AccessTimes::Exact),
            ("/mntx", AccessTimes::Relative),
        ] {
            assert_eq!(of(TABLE, Path::new(path)), expected, "{path}");
        }
        assert_eq!(of(b"", Path::new("/x")), AccessTimes::Unknown);
        assert_eq!(of(b"1 2 3\n\n\\", Path::new("/x")), AccessTimes::Unknown);
    }
}
