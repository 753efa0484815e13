//! Windows over long lines, and bounds on what packed bytes unpack to.

use std::time::Duration;

use super::*;

/// Bytes without end.
struct Endless;

impl crate::source::ReadAt for Endless {
    fn len(&self) -> u64 {
        u64::MAX
    }

    fn read_at(&self, _offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        buf.fill(b'a');
        Ok(buf.len())
    }
}

#[test]
fn a_window_keeps_the_head_of_a_long_line() {
    let n = 3 << 20;
    let content = Content::of_bytes([vec![b'a'; n].as_slice(), b"\nbc\nN."].concat());
    let deadline = Instant::now() + Duration::from_mins(5);
    let mut input = Input::new(&content, Keeping::Window, u64::MAX, deadline);
    let line = input.arg(ArgShape::Line).unwrap();
    assert!(line.is_cut());
    assert_eq!((line.len, line.number), (KEPT_HEAD, n as u64));
    assert!(input.text.bytes.len() < 2 * LAST_CHUNK);
    assert_eq!(input.offset(), n as u64 + 1);
    let short = input.arg(ArgShape::Line).unwrap();
    assert_eq!((input.bytes(short), short.is_cut()), (&b"bc"[..], false));
    assert_eq!(input.window_at(n as u64 + 1, 2), b"bc");
    assert_eq!(input.next_byte(), Ok(b'N'));
    assert_eq!(input.offset(), n as u64 + 5);
}

#[test]
fn packed_lines_end_the_work_long_before_the_time() {
    use std::io::Read as _;
    let deadline = Instant::now() + Duration::from_mins(5);
    let lines = [vec![b'V'], vec![b'a'; 4 << 20], b"\n.".to_vec()].concat();
    let mut packed = Vec::new();
    flate2::read::ZlibEncoder::new(lines.as_slice(), flate2::Compression::fast())
        .read_to_end(&mut packed)
        .unwrap();
    let content = Content::of_bytes(packed).behind(&[crate::formats::compress::Codec::Zlib]);
    let mut input = Input::new(&content, Keeping::Window, u64::MAX, deadline);
    assert_eq!(input.max_offset, MAX_FREE);
    input.max_offset = 1 << 20;
    assert!(matches!(input.arg(ArgShape::Line), Err(Lack::Budget(_))));
    assert!(input.behind <= (1 << 20) + LAST_CHUNK as u64);
    // Plain bytes are no longer than they are.
    let plain = Content::of_bytes(lines);
    let mut input = Input::new(&plain, Keeping::Window, u64::MAX, deadline);
    assert!(input.arg(ArgShape::Line).is_ok());
}

#[test]
fn a_line_without_end_ends_with_the_time() {
    let content = Content::plain(std::sync::Arc::new(Endless));
    for keeping in [Keeping::Window, Keeping::All] {
        let mut input = Input::new(&content, keeping, u64::MAX, Instant::now());
        assert!(matches!(input.arg(ArgShape::Line), Err(Lack::Budget(_))));
        assert!(input.offset_at(input.text.bytes.len()) < 1 << 20);
    }
}
