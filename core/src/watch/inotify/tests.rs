#![expect(clippy::disallowed_methods, reason = "tests make their own files")]

use std::fs;

use super::*;
use crate::model::EntryKey;

/// Each folder is an entry, whose look-ups open `value`.
struct Rules;

impl Follow for Rules {
    fn part_at(&self, path: &Path, is_dir: bool) -> Option<Part> {
        is_dir.then(|| {
            Part::Entry(EntryKey {
                group: Box::default(),
                key: path.as_os_str().as_bytes().into(),
                ordinal: 0,
            })
        })
    }

    fn lookup_files(&self) -> &'static [&'static str] {
        &["value"]
    }
}

/// Makes an entry while nobody listens; true if loads of it may have gone unheard.
fn is_missed(is_loaded: bool) -> bool {
    let temp = tempfile::tempdir().unwrap();
    let ground = Ground {
        folder: fs::canonicalize(temp.path()).unwrap(),
        prefix: None,
        poll: None,
    };
    let inbox = Arc::default();
    let listening = Inotify::start(&ground, &Rules, &inbox).unwrap();
    listening.watch(Path::new(""), Depth::Folder);
    let busy = listening.shared.watches();
    let value = ground.folder.join("new/value");
    fs::create_dir(ground.folder.join("new")).unwrap();
    fs::write(&value, "1").unwrap();
    // Longer than the clock of access times stands still.
    std::thread::sleep(Duration::from_millis(50));
    if is_loaded {
        fs::read(&value).unwrap();
    }
    drop(busy);
    let deadline = Instant::now() + Duration::from_secs(30);
    while inbox.wait(Some(deadline)).notices.is_empty() {
        assert!(Instant::now() < deadline);
    }
    listening.reach().misses_opens
}

#[test]
fn a_load_before_the_folder_was_watched_is_known_of() {
    assert!(!is_missed(false));
    assert!(is_missed(true));
}
