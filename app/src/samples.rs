//! The sample stores that come with the program, unpacked into Cachescope's own folder with their times moved to now.
//!
//! Real ones: `assets/samples/pack.py` lets the real libraries write them. `assets/samples/README.md` explains the
//! archive.

use std::fs::{self, File, FileTimes};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use flate2::read::ZlibDecoder;
use serde::Deserialize;

const ARCHIVE: &[u8] = include_bytes!("../../assets/samples/samples.bin");

/// The folder of the sample stores, followed by a checksum of their archive.
const FOLDER: &str = "samples-";
/// Digits before the point of a Unix time, and the point itself (until the year 2286).
const WHOLE_SECONDS_LEN: usize = 11;

/// Makes the sample stores in a folder of their own below `folder`, unless they are there already, and names them.
///
/// Stores that a person has worked on since stay as they are. A crash in between leaves nothing half made behind
/// under the final name.
///
/// # Errors
/// If the folder cannot be written.
pub fn unpack_into(folder: &Path) -> Result<Vec<PathBuf>> {
    unpack_as_of(folder, SystemTime::now())
}

/// The sources of the project that a sample store belongs to; `None` for any other store.
pub fn project_of(store: &Path) -> Option<PathBuf> {
    let is_ours = |folder: &&Path| {
        let name = folder.file_name().and_then(|name| name.to_str());
        let digits = name.and_then(|name| name.strip_prefix(FOLDER));
        digits.is_some_and(|d| d.len() == 8 && d.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let folder = store.ancestors().find(is_ours)?;
    Some(folder.join("project"))
}

fn unpack_as_of(folder: &Path, now: SystemTime) -> Result<Vec<PathBuf>> {
    let mut unpacked = Vec::new();
    ZlibDecoder::new(ARCHIVE).read_to_end(&mut unpacked)?;
    let end = unpacked.iter().position(|byte| *byte == b'\n');
    let (index, bytes) = unpacked.split_at(end.context("the sample archive has no index")?);
    let index: Index = serde_json::from_slice(index)?;
    let target = folder.join(format!("{FOLDER}{:08x}", adler(ARCHIVE)));
    if !target.exists() {
        make(&target, &index, bytes.get(1..).unwrap_or_default(), now)
            .with_context(|| format!("Cannot unpack the sample stores: {}", folder.display()))?;
    }
    Ok(index
        .stores
        .iter()
        .map(|store| target.join(store))
        .collect())
}

/// Names and ages of all files; their bytes follow it in the same order.
#[derive(Deserialize)]
struct Index {
    stores: Vec<String>,
    files: Vec<PackedFile>,
}

#[derive(Deserialize)]
struct PackedFile {
    path: String,
    size: usize,
    modified_age_s: u64,
    used_age_s: u64,
    times: Vec<StoredTime>,
}

/// A Unix time within the file's own bytes, to be moved as well.
#[derive(Deserialize)]
struct StoredTime {
    at: usize,
    /// Length of a decimal text; without it, the time is the eight bytes of a SQLite REAL.
    len: Option<usize>,
    /// How long before now; negative in the future.
    age_s: f64,
}

/// Writes everything beside `target` and moves it there in one step.
#[expect(
    clippy::disallowed_methods,
    reason = "the samples are unpacked into our own folder"
)]
fn make(target: &Path, index: &Index, mut bytes: &[u8], now: SystemTime) -> Result<()> {
    let folder = target.parent().context("the samples need a folder")?;
    fs::create_dir_all(folder)?;
    let temporary = tempfile::Builder::new()
        .prefix(".samples-")
        .tempdir_in(folder)?;
    for file in &index.files {
        let (data, rest) = bytes
            .split_at_checked(file.size)
            .context("the sample archive ends early")?;
        bytes = rest;
        write(&temporary.path().join(&file.path), file, data, now)?;
    }
    match fs::rename(temporary.path(), target) {
        Ok(()) => {
            // It is no longer under that name; nothing is left to be removed.
            drop(temporary.keep());
            Ok(())
        }
        // Another Cachescope was faster.
        Err(_) if target.exists() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the samples are unpacked into our own folder"
)]
fn write(path: &Path, packed: &PackedFile, data: &[u8], now: SystemTime) -> Result<()> {
    let mut data = data.to_vec();
    let unix_now = now.duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
    for time in &packed.times {
        move_time(&mut data, time, unix_now)
            .with_context(|| format!("the sample {} has no time there", packed.path))?;
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = File::create(path)?;
    file.write_all(&data)?;
    file.set_times(
        FileTimes::new()
            .set_modified(now - Duration::from_secs(packed.modified_age_s))
            .set_accessed(now - Duration::from_secs(packed.used_age_s)),
    )?;
    Ok(())
}

/// Overwrites one stored time without changing the length of anything.
fn move_time(data: &mut [u8], time: &StoredTime, unix_now: f64) -> Option<()> {
    let moved = unix_now - time.age_s;
    let new = match time.len {
        Some(len) => format!("{moved:.*}", len.checked_sub(WHOLE_SECONDS_LEN)?).into_bytes(),
        None => moved.to_be_bytes().to_vec(),
    };
    let old = data.get_mut(time.at..)?.get_mut(..new.len())?;
    old.copy_from_slice(&new);
    (time.len.unwrap_or(new.len()) == new.len()).then_some(())
}

/// The checksum at the end of every zlib stream: names this version of the samples.
fn adler(archive: &[u8]) -> u32 {
    archive
        .last_chunk::<4>()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests change what they unpacked")]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const DAY: Duration = Duration::from_hours(24);

    fn files_below(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for item in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if item.file_type().unwrap().is_dir() {
                found.extend(files_below(&item.path()));
            } else {
                found.push(item.path());
            }
        }
        found
    }

    #[test]
    fn every_store_is_made_and_a_second_call_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let stores = unpack_into(folder.path()).unwrap();
        // A dumb shelf goes by the name that its files share.
        for store in &stores {
            assert!(
                store.exists() || store.with_extension("dir").exists(),
                "{store:?}"
            );
        }
        fs::remove_file(&stores[1]).unwrap();
        assert_eq!(unpack_into(folder.path()).unwrap(), stores);
        assert!(!stores[1].exists(), "what a person cleared stays cleared");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn times_of_files_and_in_metadata_end_today() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
        let stores = unpack_as_of(folder.path(), now).unwrap();
        let mut ages_days = BTreeMap::new();
        for path in files_below(&stores[0]) {
            let about = path.metadata().unwrap();
            let age = now.duration_since(about.modified().unwrap()).unwrap();
            assert!(about.accessed().unwrap() >= about.modified().unwrap());
            assert!(age < 100 * DAY, "{path:?}");
            *ages_days.entry(age.as_secs() / DAY.as_secs()).or_insert(0) += 1;
            if path.file_name().is_some_and(|name| name == "metadata.json") {
                let metadata: serde_json::Value =
                    serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                let time = metadata["time"].as_f64().unwrap();
                assert!((1.9e9 - time - age.as_secs_f64()).abs() < 1.0, "{path:?}");
            }
        }
        assert!(ages_days.len() > 30, "spread over weeks: {ages_days:?}");
    }

    #[test]
    fn a_time_is_moved_in_place_as_text_and_as_sqlite_real() {
        let mut text = *b"{\"time\": 1795460606.866}";
        let as_text = StoredTime {
            at: 9,
            len: Some(14),
            age_s: 0.5,
        };
        assert_eq!(move_time(&mut text, &as_text, 1.9e9), Some(()));
        assert_eq!(&text, b"{\"time\": 1899999999.500}");
        let mut real = [0; 10];
        let as_real = StoredTime {
            at: 1,
            len: None,
            age_s: -1.0,
        };
        assert_eq!(move_time(&mut real, &as_real, 2.0), Some(()));
        assert_eq!(real[1..9], 3.0_f64.to_be_bytes());
        let outside = StoredTime {
            at: 3,
            len: None,
            age_s: 0.0,
        };
        assert_eq!(move_time(&mut real, &outside, 2.0), None);
    }
}
