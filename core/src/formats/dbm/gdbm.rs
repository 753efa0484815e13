//! GNU dbm files of every magic, byte order and offset size.
//!
//! Layout from gdbm 1.23 `gdbmdefs.h` and `bucket.c`; alignment as `_gdbm_validate_header` computes it.
//! Checked with files by gdbm 1.23 (Debian) of x86-64, i386 and s390x, and with gdbm-native for 32-bit offsets.

mod edit;

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::window::Window;
use super::{Extent, Item, Room, Sink, Stop};
use crate::formats::{Problem, ProblemKind};
use crate::source::ReadAt;

pub use edit::{
    Form, Insert, Place, count_change, find, form, insert, is_signed, remove, set_count,
};

/// How a file's numbers are laid out, which depends on the machine that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    is_big_endian: bool,
    /// Bytes of a file offset: 4 or 8.
    offset_bytes: usize,
    /// Alignment of an 8-byte offset: 4 on i386, else 8.
    align: usize,
    is_numsync: bool,
}

/// What the first block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    layout: Layout,
    dir_offset: u64,
    dir_bytes: u32,
    dir_bits: u32,
    bucket_bytes: u32,
    bucket_elems: u32,
}

/// Bytes that tell a gdbm file and its layout.
pub const HEADER_BYTES: usize = 80;

/// Elements of a bucket's own free list (`BUCKET_AVAIL`).
const BUCKET_AVAIL: usize = 6;
/// Bytes between the common header and the free list in files with a synchronisation counter.
const NUMSYNC_BYTES: usize = 32;
/// An element's hash where it holds no key.
const NO_HASH: u32 = u32::MAX;

impl Layout {
    fn of_magic(bytes: [u8; 4]) -> Option<Self> {
        let (is_big_endian, magic) = match bytes {
            [0x13, 0x57, 0x9a, low] => (true, low),
            [low, 0x9a, 0x57, 0x13] => (false, low),
            _ => return None,
        };
        let (offset_bytes, is_numsync) = match magic {
            // OMAGIC is of the time before large files; gdbm takes it as 32-bit.
            0xcd | 0xce => (4, false),
            0xcf => (8, false),
            0xd0 => (4, true),
            0xd1 => (8, true),
            _ => return None,
        };
        Some(Self {
            is_big_endian,
            offset_bytes,
            align: offset_bytes,
            is_numsync,
        })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let four = *bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian {
            u32::from_be_bytes(four)
        } else {
            u32::from_le_bytes(four)
        })
    }

    fn offset(self, bytes: &[u8], at: usize) -> Option<u64> {
        if self.offset_bytes == 4 {
            return self.u32(bytes, at).map(u64::from);
        }
        let eight = *bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian {
            u64::from_be_bytes(eight)
        } else {
            u64::from_le_bytes(eight)
        })
    }

    /// `{ int size; off_t offset; }`, padded.
    fn avail_elem_bytes(self) -> usize {
        self.align.max(4) + self.offset_bytes
    }

    /// Where `bucket_bits` stands: behind the count of the free list, its padding and its elements.
    fn bucket_bits_at(self) -> usize {
        self.align.max(4) + BUCKET_AVAIL * self.avail_elem_bytes()
    }

    /// Where the elements begin: behind `bucket_bits` and `count`.
    fn elements_at(self) -> usize {
        self.bucket_bits_at() + 8
    }

    /// `{ int hash; char key_start[4]; off_t data; int key_size; int data_size; }`
    fn element_bytes(self) -> usize {
        16 + self.offset_bytes
    }

    /// Where the free list of the header begins: its capacity is the first number.
    fn avail_at(self) -> usize {
        let fixed = if self.offset_bytes == 4 { 32 } else { 40 };
        fixed + if self.is_numsync { NUMSYNC_BYTES } else { 0 }
    }
}

impl Header {
    /// Reads the header at the front of a file; `None` if it is no gdbm file.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut layout = Layout::of_magic(*bytes.first_chunk()?)?;
        let block_bytes = layout.u32(bytes, 4)?;
        let dir_offset = layout.offset(bytes, 8)?;
        let after = 8 + layout.offset_bytes;
        let bucket_bytes = layout.u32(bytes, after + 8)?;
        let bucket_elems = layout.u32(bytes, after + 12)?;
        let avail_capacity = layout.u32(bytes, layout.avail_at())?;
        let fits = |layout: &Layout| {
            let room = |total: u32, fixed: usize, each: usize| {
                (total as usize).saturating_sub(fixed) / each
            };
            // `size`, `count` and `next_block` stand before the list's elements.
            let avail_fixed = layout.avail_at() + 8 + layout.offset_bytes;
            room(bucket_bytes, layout.elements_at(), layout.element_bytes())
                == bucket_elems as usize
                && room(block_bytes, avail_fixed, layout.avail_elem_bytes())
                    == avail_capacity as usize
        };
        if layout.offset_bytes == 8 && !fits(&layout) {
            let i386 = Layout { align: 4, ..layout };
            if fits(&i386) {
                layout = i386;
            }
        }
        Some(Self {
            layout,
            dir_offset,
            dir_bytes: layout.u32(bytes, after)?,
            dir_bits: layout.u32(bytes, after + 4)?,
            bucket_bytes,
            bucket_elems,
        })
    }

    /// What the file says of itself, for people: `64-bit, little-endian`.
    pub fn describe(&self) -> String {
        let order = if self.layout.is_big_endian {
            "big"
        } else {
            "little"
        };
        let numsync = if self.layout.is_numsync {
            ", numsync"
        } else {
            ""
        };
        format!(
            "{}-bit offsets, {order}-endian{numsync}",
            8 * self.layout.offset_bytes
        )
    }

    /// What is wrong with the header, if anything.
    fn problem(&self, file_len: u64) -> Option<String> {
        let Self {
            dir_offset,
            dir_bytes,
            dir_bits,
            bucket_bytes,
            bucket_elems,
            layout,
        } = self;
        let smallest = layout.elements_at() + layout.element_bytes();
        if dir_offset.saturating_add((*dir_bytes).into()) > file_len {
            return Some(format!(
                "its directory (offset {dir_offset}, {dir_bytes} bytes) lies behind the file's end ({file_len})"
            ));
        }
        if *dir_bits > 31 || u64::from(*dir_bytes) != (layout.offset_bytes as u64) << dir_bits {
            return Some(format!(
                "its directory of {dir_bytes} bytes does not fit {dir_bits} bits"
            ));
        }
        let room =
            (*bucket_bytes as usize).saturating_sub(layout.elements_at()) / layout.element_bytes();
        if (*bucket_bytes as usize) < smallest || *bucket_elems as usize > room {
            return Some(format!(
                "{bucket_elems} elements do not fit its buckets of {bucket_bytes} bytes"
            ));
        }
        None
    }
}

/// Lists every key; a bucket that makes no sense is a problem and hides only itself.
///
/// # Errors
/// If the file cannot be read, or its header or directory is damaged.
pub fn list(reader: &dyn ReadAt, sink: &mut dyn Sink) -> Result<(), Stop> {
    let mut window = Window::new(reader);
    let header = window.at(0, HEADER_BYTES)?;
    let header = Header::parse(header)
        .ok_or_else(|| damaged(0, "its first bytes are no gdbm header".to_owned()))?;
    if let Some(problem) = header.problem(window.file_len()) {
        return Err(damaged(0, problem));
    }
    let directory = window
        .at(header.dir_offset, header.dir_bytes as usize)?
        .to_vec();
    let mut seen = HashSet::new();
    let mut room = Room::of(window.file_len());
    for slot in directory.chunks_exact(header.layout.offset_bytes) {
        // Several slots share a bucket until it is split.
        let Some(offset) = header
            .layout
            .offset(slot, 0)
            .filter(|offset| seen.insert(*offset))
        else {
            continue;
        };
        if let Err(problem) = room.take_bucket(header.bucket_bytes.into(), offset) {
            sink.problem(problem);
            return Ok(());
        }
        let bucket = window.at(offset, header.bucket_bytes as usize)?;
        if bucket.len() < header.bucket_bytes as usize {
            let message = format!(
                "a bucket of {} bytes is announced, and {} are there",
                header.bucket_bytes,
                bucket.len()
            );
            sink.problem(Problem::new(ProblemKind::Damaged, offset, message));
            continue;
        }
        let bucket = bucket.to_vec();
        if list_bucket(&header, offset, &bucket, (&mut window, &mut room), sink)?.is_break() {
            return Ok(());
        }
    }
    Ok(())
}

fn list_bucket(
    header: &Header,
    offset: u64,
    bucket: &[u8],
    (window, room): (&mut Window<'_>, &mut Room),
    sink: &mut dyn Sink,
) -> Result<ControlFlow<()>, Stop> {
    let layout = header.layout;
    let announced = layout.u32(bucket, layout.bucket_bits_at() + 4).unwrap_or(0);
    let mut n = 0;
    let elements = bucket.get(layout.elements_at()..).unwrap_or_default();
    for element in elements
        .chunks_exact(layout.element_bytes())
        .take(header.bucket_elems as usize)
    {
        let fields = (
            layout.u32(element, 0),
            layout.offset(element, 8),
            layout.u32(element, 8 + layout.offset_bytes),
            layout.u32(element, 12 + layout.offset_bytes),
        );
        let (Some(hash), Some(at), Some(key_len), Some(len)) = fields else {
            continue;
        };
        if hash == NO_HASH {
            continue;
        }
        n += 1;
        let end = at.saturating_add(key_len.into()).saturating_add(len.into());
        if end > window.file_len() {
            let message = format!(
                "a key and value of {key_len} and {len} bytes are announced at {at}, behind the file's end"
            );
            sink.problem(Problem::new(ProblemKind::Damaged, offset, message));
            continue;
        }
        let taken = room.take_key(key_len.into(), offset);
        let taken = taken.and_then(|()| room.take_value(len.into(), offset));
        if let Err(problem) = taken {
            sink.problem(problem);
            return Ok(ControlFlow::Break(()));
        }
        let key = window.at(at, key_len as usize)?;
        let value = Extent::Range {
            offset: at.saturating_add(key_len.into()),
            len: len.into(),
        };
        let item = Item {
            key,
            value,
            inline: None,
        };
        if sink.item(item).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    if n != announced {
        let message =
            format!("a bucket announces {announced} keys and holds {n}: a program may be writing");
        sink.problem(Problem::new(ProblemKind::Damaged, offset, message));
    }
    Ok(ControlFlow::Continue(()))
}

fn damaged(offset: u64, message: String) -> Stop {
    Stop::Damaged(Problem::new(ProblemKind::Damaged, offset, message))
}
