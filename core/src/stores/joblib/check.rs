//! What only joblib's layout can show to be wrong with an entry: missing parts, age, left-over files.

use std::io;

use super::metadata::{self, Metadata};
use super::names::{ARGS, METADATA, OUTPUT};
use super::walk::METADATA_BYTES;
use crate::model::{Condition, Finding, Time};
use crate::source::{Dir, FileType, Meta};
use crate::stores::CheckOptions;

/// Temporary files younger than this may be somebody's work in progress, in seconds.
pub(super) const FRESH_S: f64 = 24.0 * 3600.0;

/// What is wrong with an entry's folder.
pub(super) fn entry(dir: &Dir, options: &CheckOptions) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(output(dir));
    let mut text = Vec::new();
    match read_metadata(dir, &mut text) {
        Ok(Ok(metadata)) => findings.extend(expired(&metadata, options)),
        Ok(Err(why)) => findings.push(Finding::new(Condition::Incomplete, why)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => findings.push(Finding::new(
            Condition::Incomplete,
            "metadata.json is missing: arguments and time are not recorded",
        )),
        Err(e) => findings.push(Finding::new(
            Condition::Unread,
            format!("metadata.json cannot be read: {e}"),
        )),
    }
    findings
}

fn output(dir: &Dir) -> Option<Finding> {
    let unread = |why: String| Some(Finding::new(Condition::Unread, why));
    match dir.stat(OUTPUT.as_ref()) {
        Ok(meta) if meta.file_type == FileType::File => None,
        Ok(meta) if meta.file_type == FileType::Link => {
            unread("output.pkl is a link: it is not followed".to_owned())
        }
        Ok(_) => unread("output.pkl is no regular file".to_owned()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Some(Finding::new(
            Condition::Incomplete,
            "output.pkl is missing: joblib would compute it again",
        )),
        Err(e) => unread(format!("output.pkl cannot be read: {e}")),
    }
}

/// The entry's metadata, whichever file it is in; the inner error says why it is torn.
pub(super) fn read_metadata<'a>(
    dir: &Dir,
    text: &'a mut Vec<u8>,
) -> io::Result<Result<Metadata<'a>, String>> {
    let read = |file: &str, text: &mut Vec<u8>| dir.read_small(file.as_ref(), METADATA_BYTES, text);
    let file = match read(METADATA, text) {
        // joblib 0.7 wrote the arguments alone.
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            read(ARGS, text)?;
            ARGS
        }
        other => other.map(|()| METADATA)?,
    };
    if text.len() >= METADATA_BYTES {
        return Ok(Err(format!("{file} is longer than 16 MiB")));
    }
    Ok(metadata::parse(file, text).map_err(|torn| format!("{file} is torn: {torn}")))
}

/// Past `expires_after(…)`: joblib keeps what has `time.time() - metadata["time"] < delta`
/// (`memory.py: expires_after`); without a recorded time it could not say either.
fn expired(metadata: &Metadata<'_>, options: &CheckOptions) -> Option<Finding> {
    let (limit, now) = (options.expires_after_s?, options.now?);
    let time = metadata.time?;
    let is_valid = now.unix_f64() - time < limit;
    let computed = Time::from_unix_f64(time).map_or_else(|| time.to_string(), Time::rfc3339);
    (!is_valid).then(|| Finding::new(Condition::Expired, format!("computed {computed}")))
}

/// A temporary file: left behind by a crash, or being written right now.
pub(super) fn orphan(meta: &Meta, options: &CheckOptions) -> Finding {
    let written = meta.modified.rfc3339();
    let evidence = if is_fresh(meta, options.now.unwrap_or_else(Time::now)) {
        format!(
            "a temporary file written {written}: a computation in progress, or one that crashed"
        )
    } else {
        format!("left behind by a computation that crashed; written {written}")
    };
    Finding::new(Condition::Orphan, evidence)
}

/// Too young to be called left over; a time to come is no proof of age.
pub(super) fn is_fresh(meta: &Meta, now: Time) -> bool {
    meta.modified.age_secs(now) < FRESH_S
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_that_of_joblibs_expires_after() {
        let now = Time::from_unix(1000, 0);
        for (time, limit, is_expired) in [
            (Some(900.0), 100.0, true),
            (Some(900.5), 100.0, false),
            (Some(2000.0), 0.0, false),
            (Some(f64::NAN), 100.0, true),
            (None, 0.0, false),
        ] {
            let metadata = Metadata {
                time,
                ..Metadata::default()
            };
            let options = CheckOptions {
                expires_after_s: Some(limit),
                now: Some(now),
                ..CheckOptions::default()
            };
            assert_eq!(
                expired(&metadata, &options).is_some(),
                is_expired,
                "{time:?}"
            );
        }
    }
}
