//! Folders and files reached by handles: what is followed, what is told, what leaves a trace.

use super::super::ReadAt as _;
use super::*;
use std::os::unix::fs::symlink;

fn folder() -> (tempfile::TempDir, Dir) {
    let temp = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    std::fs::write(temp.path().join("a"), b"hello").unwrap();
    std::fs::create_dir(temp.path().join("d")).unwrap();
    symlink("a", temp.path().join("l")).unwrap();
    let dir = Dir::open(temp.path()).unwrap();
    (temp, dir)
}

#[test]
fn links_are_listed_and_never_followed() {
    let (_temp, dir) = folder();
    let names = dir.names().unwrap();
    let types: Vec<_> = names
        .iter()
        .map(|(n, t)| (n.to_str().unwrap(), *t))
        .collect();
    assert_eq!(
        types,
        [
            ("a", FileType::File),
            ("d", FileType::Dir),
            ("l", FileType::Link)
        ]
    );
    assert!(dir.open_file("l".as_ref()).is_err());
    assert!(dir.open_dir("l".as_ref()).is_err());
    assert!(dir.open_file("d".as_ref()).is_err());
    assert!(dir.open_below(Path::new("d/../..")).is_err());
}

#[test]
fn reading_leaves_the_access_time() {
    let (temp, dir) = folder();
    let past = std::fs::FileTimes::new()
        .set_accessed(std::time::UNIX_EPOCH + std::time::Duration::from_hours(271_752));
    let file = std::fs::File::open(temp.path().join("a")).unwrap();
    file.set_times(past).unwrap();
    let mut text = Vec::new();
    dir.read_small("a".as_ref(), 100, &mut text).unwrap();
    let mut buf = [0; 3];
    assert_eq!(
        dir.open_file("a".as_ref())
            .unwrap()
            .read_full_at(2, &mut buf)
            .unwrap(),
        3
    );
    assert_eq!((&text[..], &buf), (&b"hello"[..], b"llo"));
    assert_eq!(
        dir.stat("a".as_ref()).unwrap().accessed.rfc3339(),
        "2001-01-01T00:00:00Z"
    );
}

#[test]
fn a_fifo_does_not_hang() {
    let (temp, dir) = folder();
    rustix::fs::mknodat(&dir.fd, "p", rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert!(dir.open_file("p".as_ref()).is_err());
    drop(temp);
}

#[test]
fn a_folder_lists_the_same_twice() {
    let (temp, dir) = folder();
    assert_eq!(dir.names().unwrap(), dir.names().unwrap());
    let parent = Dir::open(temp.path().parent().unwrap()).unwrap();
    let name = temp.path().file_name().unwrap();
    assert_eq!(
        parent
            .open_below(name.as_ref())
            .unwrap()
            .names()
            .unwrap()
            .len(),
        3
    );
    let same = dir.open_below(Path::new("")).unwrap();
    assert_eq!(same.names().unwrap(), dir.names().unwrap());
    let mut n = 0;
    parent.open_leaf(name).unwrap().list(|_, _| n += 1).unwrap();
    assert_eq!(n, 3);
}

#[test]
fn small_reads_stop_at_their_limit() {
    let (_temp, dir) = folder();
    let mut text = b"> ".to_vec();
    dir.read_small("a".as_ref(), 3, &mut text).unwrap();
    assert_eq!(text, b"> hel");
}
