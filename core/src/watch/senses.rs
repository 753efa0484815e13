//! How the system tells of changes: one door for its different ways.

use std::path::Path;
use std::sync::Arc;

use super::inbox::Inbox;
use crate::Result;
use crate::stores::{Follow, Ground};

/// Entry folders that one program watches at most, a stated budget: each pins an inode and about 1 KB of kernel memory.
pub(super) const BUDGET: usize = 50_000;

/// Opens of files are reported here.
pub(super) const SEES_OPENS: bool = cfg!(target_os = "linux");

/// What a folder is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// What comes and goes in it, and which of its files were written to their end.
    Around,
    /// What comes and goes in it, and each write.
    Folder,
    /// That too, and who opens the files of an entry.
    Entry,
}

/// What came of watching one more folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    Watched,
    /// It is not there any more.
    Gone,
    /// A limit or a permission is in the way.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "one watch sees all")
    )]
    Refused,
}

/// How much of a store is in sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    /// Every folder that was to be watched for entries coming and going is.
    pub(super) folders_are_whole: bool,
    /// Entries whose own folders are watched.
    pub(super) n_entries: u64,
    /// A limit was reached while watching entries.
    pub(super) is_full: bool,
    /// Of two opens at once only one may be reported, or a new entry was loaded before its folder was watched.
    pub(super) misses_opens: bool,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            folders_are_whole: true,
            n_entries: 0,
            is_full: false,
            misses_opens: false,
        }
    }
}

/// A way of the system; notices go into the inbox that it was started with, until it is dropped.
pub(super) trait Senses: Send {
    /// Watches one more folder, relative to the ground.
    fn watch(&self, path: &Path, depth: Depth) -> Placed;

    /// How much is in sight.
    fn reach(&self) -> Reach;
}

/// The way of this system.
#[cfg(target_os = "linux")]
pub(super) fn start(
    ground: &Ground,
    follow: &'static dyn Follow,
    inbox: &Arc<Inbox>,
) -> Result<Box<dyn Senses>> {
    let senses = super::inotify::Inotify::start(ground, follow, inbox)?;
    Ok(Box::new(senses))
}

/// The way of this system.
#[cfg(not(target_os = "linux"))]
pub(super) fn start(
    ground: &Ground,
    _follow: &'static dyn Follow,
    inbox: &Arc<Inbox>,
) -> Result<Box<dyn Senses>> {
    let senses = super::portable::Portable::start(ground, inbox)?;
    Ok(Box::new(senses))
}

/// True if one more store may be watched, as far as this program keeps count of them.
pub(super) fn have_room() -> bool {
    #[cfg(target_os = "linux")]
    return super::inotify::has_room();
    #[cfg(not(target_os = "linux"))]
    false
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::stores::Part;
    use crate::watch::inbox::Act;
    use crate::watch::portable::Portable;
    use crate::watch::sight::path_of;

    /// Entries are folders called `e…`, all else are groups.
    struct Rules;

    impl Follow for Rules {
        fn part_at(&self, path: &Path, is_dir: bool) -> Option<Part> {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            is_dir.then(|| match name.strip_prefix(b"e") {
                Some(key) => Part::Entry(crate::model::EntryKey {
                    group: b"".as_slice().into(),
                    key: key.into(),
                    ordinal: 0,
                }),
                None => Part::Groups(name.into()),
            })
        }
    }

    fn ground(folder: &tempfile::TempDir, prefix: Option<&str>) -> Ground {
        Ground {
            folder: fs::canonicalize(folder.path()).unwrap(),
            prefix: prefix.map(Into::into),
            poll: None,
        }
    }

    /// Waits until each of `expected` was reported; returns all that was.
    fn reports(inbox: &Inbox, expected: &[(&str, &str)]) -> BTreeSet<(String, String)> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut seen = BTreeSet::new();
        let is_missing = |seen: &BTreeSet<(String, String)>| {
            let mut expected = expected
                .iter()
                .map(|(p, a)| ((*p).to_owned(), (*a).to_owned()));
            expected.any(|one| !seen.contains(&one))
        };
        while is_missing(&seen) {
            assert!(Instant::now() < deadline, "{expected:?} in {seen:?}");
            for notice in inbox.wait(Some(deadline)).notices {
                let act = match notice.act {
                    Act::Came { .. } => "came",
                    Act::Gone { .. } => "gone",
                    Act::Written => "written",
                    Act::Opened => "opened",
                    Act::FolderGone => "folder gone",
                };
                let path = path_of(&notice.folder, &notice.name);
                seen.insert((path.to_str().unwrap().to_owned(), act.to_owned()));
            }
        }
        seen
    }

    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    fn play(folder: &Path, inbox: &Inbox) {
        fs::write(folder.join("value"), "1").unwrap();
        reports(inbox, &[("value", "written")]);
        fs::rename(folder.join("value"), folder.join("final")).unwrap();
        reports(inbox, &[("value", "gone"), ("final", "came")]);
        fs::create_dir(folder.join("g")).unwrap();
        reports(inbox, &[("g", "came")]);
        fs::remove_dir(folder.join("g")).unwrap();
        reports(inbox, &[("g", "gone")]);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    fn both_ways_tell_what_comes_and_goes() {
        let (temp, inbox) = (tempfile::tempdir().unwrap(), Arc::default());
        let ground = ground(&temp, None);
        let senses = start(&ground, &Rules, &inbox).unwrap();
        assert_eq!(senses.watch(Path::new(""), Depth::Folder), Placed::Watched);
        play(&ground.folder, &inbox);
        drop(senses);

        let inbox = Arc::default();
        let senses = Portable::start(&ground, &inbox).unwrap();
        fs::remove_file(ground.folder.join("final")).unwrap();
        play(&ground.folder, &inbox);
        drop(senses);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    fn new_folders_are_watched_before_their_makers_go_on() {
        let (temp, inbox) = (tempfile::tempdir().unwrap(), Arc::default());
        let ground = ground(&temp, None);
        let senses = start(&ground, &Rules, &inbox).unwrap();
        senses.watch(Path::new(""), Depth::Folder);
        fs::create_dir(ground.folder.join("g")).unwrap();
        reports(&inbox, &[("g", "came")]);
        fs::create_dir(ground.folder.join("g/e1")).unwrap();
        reports(&inbox, &[("g/e1", "came")]);
        assert_eq!(senses.reach().n_entries, 1);
        fs::remove_dir_all(ground.folder.join("g")).unwrap();
        reports(&inbox, &[("g/e1", "gone"), ("g", "gone")]);
        assert_eq!(senses.reach().n_entries, 0);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    fn opens_are_told_of_entries_and_only_of_strangers() {
        let (temp, inbox) = (tempfile::tempdir().unwrap(), Arc::default());
        let ground = ground(&temp, None);
        for entry in ["e1", "g"] {
            fs::create_dir(ground.folder.join(entry)).unwrap();
            fs::write(ground.folder.join(entry).join("a"), "1").unwrap();
        }
        let senses = start(&ground, &Rules, &inbox).unwrap();
        senses.watch(Path::new("e1"), Depth::Entry);
        senses.watch(Path::new("g"), Depth::Folder);
        assert_eq!(senses.reach().n_entries, 1);

        let own = crate::source::Dir::open(&ground.folder.join("e1")).unwrap();
        own.open_file("a".as_ref()).unwrap();
        fs::read(ground.folder.join("g/a")).unwrap();
        fs::write(ground.folder.join("g/b"), "1").unwrap();
        let seen = reports(&inbox, &[("g/b", "written")]);
        assert!(seen.iter().all(|(_, act)| act != "opened"), "{seen:?}");
        fs::read(ground.folder.join("e1/a")).unwrap();
        reports(&inbox, &[("e1/a", "opened")]);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    fn in_somebodys_folder_only_the_stores_own_names_are_told() {
        for is_portable in [false, true] {
            let (temp, inbox) = (tempfile::tempdir().unwrap(), Arc::default());
            let ground = ground(&temp, Some("shelf"));
            let senses: Box<dyn Senses> = if is_portable {
                Box::new(Portable::start(&ground, &inbox).unwrap())
            } else {
                start(&ground, &Rules, &inbox).unwrap()
            };
            senses.watch(Path::new(""), Depth::Folder);
            fs::write(ground.folder.join("other"), "1").unwrap();
            fs::write(ground.folder.join("shelf.dat"), "1").unwrap();
            let seen = reports(&inbox, &[("shelf.dat", "written")]);
            assert!(seen.iter().all(|(path, _)| path != "other"), "{seen:?}");
        }
    }

    #[test]
    fn a_ground_that_goes_is_told() {
        let (temp, inbox) = (tempfile::tempdir().unwrap(), Arc::default());
        let ground = ground(&temp, None);
        let senses = start(&ground, &Rules, &inbox).unwrap();
        senses.watch(Path::new(""), Depth::Folder);
        drop(temp);
        reports(&inbox, &[("", "folder gone")]);
        assert_eq!(senses.watch(Path::new(""), Depth::Folder), Placed::Gone);
    }
}
