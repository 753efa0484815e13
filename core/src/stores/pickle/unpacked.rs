//! A large packed file of several values, unpacked once into a file of our own, so that a value in its middle is read
//! without all that stands before it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Result;
use crate::formats::{Content, PickleFile};
use crate::model::{Cancel, Fingerprint};
use crate::source::copies::{self, Nameless};

/// The file that was unpacked last, as it was then: a person who looks at one of its values looks at another next.
static AT_HAND: Mutex<Option<(Fingerprint, Content)>> = Mutex::new(None);
/// Held by whoever unpacks a file.
static MAKING: Mutex<()> = Mutex::new(());

/// What the file holds, if it is the one that was unpacked last.
pub(super) fn at_hand(file: Fingerprint) -> Option<Content> {
    let at_hand = AT_HAND.lock().unwrap_or_else(PoisonError::into_inner);
    let found = at_hand.as_ref().filter(|(of, _)| *of == file);
    found.map(|(_, content)| content.clone())
}

/// What the packed file at `path` holds, unpacked now or before; `None` where it is damaged or takes more room than is
/// taken unasked, so that it has to be read as it is.
///
/// # Errors
/// If it was cancelled.
pub(super) fn of(
    file: &PickleFile,
    fingerprint: Fingerprint,
    path: &Path,
    cancel: &Cancel,
) -> Result<Option<Content>> {
    let _turn = copies::turn(&MAKING, cancel)?;
    if let Some(content) = at_hand(fingerprint) {
        return Ok(Some(content));
    }
    let len = file.skim.pickles.last().map_or(0, |last| last.end);
    let what = "Cannot unpack the file for its single values";
    if copies::check_room(what, len, path).is_err() {
        return Ok(None);
    }
    let packed = &file.content;
    let unpacked = packed
        .open(0)
        .and_then(|bytes| Nameless::of(bytes, len.saturating_add(BEHIND), cancel));
    cancel.check()?;
    // Damage, and more behind the last pickle than there is any use for, show where the file is read as it is.
    let Ok(bytes) = unpacked else {
        return Ok(None);
    };
    let content = packed.unpacked_as(Arc::new(bytes));
    let mut at_hand = AT_HAND.lock().unwrap_or_else(PoisonError::into_inner);
    *at_hand = Some((fingerprint, content.clone()));
    Ok(Some(content))
}

/// Bytes behind the last pickle that are unpacked along.
const BEHIND: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::compress::Codec;
    use crate::model::Limits;

    /// `{("a", n): [n, …] for n in range(3)}`, protocol 0, as zlib packs it.
    fn packed() -> PickleFile {
        use std::io::Read as _;
        let items = [0, 1, 2].map(|n| format!("(S'a'\nI{n}\nt(lI{n}\nas"));
        let pickle = format!("(d{}.", items.concat());
        let mut bytes = Vec::new();
        flate2::read::ZlibEncoder::new(pickle.as_bytes(), flate2::Compression::fast())
            .read_to_end(&mut bytes)
            .unwrap();
        let content = Content::of_bytes(bytes).behind(&[Codec::Zlib]);
        PickleFile::of(content, &Limits::PREVIEW)
    }

    #[test]
    fn values_are_the_same_from_the_unpacked_file_which_is_made_once() {
        let file = packed();
        let fingerprint = Fingerprint {
            dev: 1,
            ident: 2,
            size: 3,
            modified: 4,
        };
        let path = Path::new("/nowhere/x.pkl");
        let cancel = Cancel::default();
        assert_eq!(file.skim.pickles[0].items.as_ref().unwrap().len(), 3);
        let content = of(&file, fingerprint, path, &cancel).unwrap().unwrap();
        assert!(content.is_plain() && !file.content.is_plain());
        assert_eq!(content.codecs(), [Codec::Zlib]);
        let unpacked = file.read_from(content);
        for n in 0..3 {
            let value = |file: &PickleFile| {
                let found = file.skim.decode_item(&file.content, 0, n, &Limits::PREVIEW);
                let (decoded, key) = found.unwrap();
                let root = decoded.value.root();
                [
                    decoded.value.key_label(key),
                    decoded.value.repr(root, 100).text,
                ]
            };
            assert_eq!(value(&file), value(&unpacked));
            assert_eq!(value(&unpacked), [format!("('a', {n})"), format!("[{n}]")]);
        }
        assert!(at_hand(fingerprint).is_some());
        cancel.cancel();
        let other = Fingerprint {
            size: 4,
            ..fingerprint
        };
        assert!(of(&file, other, path, &cancel).unwrap_err().is_cancelled());
    }
}
