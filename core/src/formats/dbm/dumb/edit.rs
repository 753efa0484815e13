//! An index with some lines less, or one more.

use super::{Place, lines};

/// The index's text without the keys for which `is_gone` holds; every other byte stays as it is.
///
/// All lines of such a key go, or an older one would come to count again.
pub fn without(text: &[u8], is_gone: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let stays =
        lines(text).filter(|line| !line.slot.as_ref().is_some_and(|slot| is_gone(&slot.key)));
    stays
        .filter_map(|line| text.get(line.range))
        .flatten()
        .copied()
        .collect()
}

/// The line of a key, its end included, as every Python reads it.
///
/// What is not printable ASCII is escaped, as Python 2's `repr` does; Python 3 writes some of it bare.
pub fn line_of(key: &[u8], place: Place) -> Vec<u8> {
    let mut line = vec![b'\''];
    for byte in key {
        match byte {
            b'\\' | b'\'' => line.extend([b'\\', *byte]),
            b' '..=b'~' => line.push(*byte),
            _ => line.extend(format!("\\x{byte:02x}").into_bytes()),
        }
    }
    line.extend(format!("', ({}, {})\n", place.offset, place.len).into_bytes());
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::dbm::dumb;

    #[test]
    fn every_line_of_a_key_goes_and_the_rest_stays_as_it_is() {
        let text = b"'a', (0, 1)\r\n\"b's\", (512, 2)\nnonsense\n'a', (1024, 3)\n'c', (20";
        let left = without(text, |key| key == b"a");
        assert_eq!(left, b"\"b's\", (512, 2)\nnonsense\n'c', (20");
        assert_eq!(without(text, |_| false), text);
    }

    #[test]
    fn a_line_reads_back_as_the_key_that_it_was_made_of() {
        for key in [
            &b""[..],
            b"plain",
            b"it's \\ \"so\"",
            b"caf\xc3\xa9\0\x7f\x80\n\t",
        ] {
            let place = Place {
                offset: 512,
                len: 7,
            };
            let line = line_of(key, place);
            assert!(line.is_ascii() && line.ends_with(b"\n"));
            assert_eq!(dumb::read(&line).place(key), Some(place));
        }
    }
}
