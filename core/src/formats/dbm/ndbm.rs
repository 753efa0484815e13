//! Berkeley DB hash files, as Debian's `dbm.ndbm` and Python 2's `bsddb` write them.
//!
//! Layout from Berkeley DB 5.3 `src/dbinc/db_page.h` (hash version 9; 7 and 8 store the same pages), both byte orders.
//! Checked with files by `dbm.ndbm` of Debian and `db5.3_verify`.

mod edit;

use std::collections::HashSet;
use std::io;
use std::ops::ControlFlow;

use super::window::Window;
use super::{Extent, Item, Room, Sink, Stop};
use crate::formats::{Problem, ProblemKind};
use crate::source::ReadAt;

pub use edit::{Insert, PageChange, Place, Removal, can_change, find, free, insert, remove};

/// Bytes of the first page that tell what it is.
pub const HEADER_BYTES: usize = 512;

const MAGIC: u32 = 0x0006_1561;
const MAGIC_AT: usize = 12;
const PAGE_HEADER: usize = 26;
/// Where a page says at which byte its items begin: they fill it from its end (`hf_offset`).
const LOWEST_AT: usize = 22;
/// Page sizes that Berkeley DB knows.
const PAGE_BYTES: std::ops::RangeInclusive<u32> = 512..=65536;
/// Entries of `spares`: one for each power of two of buckets.
const SPARES: usize = 32;

const TYPE_FREE: u8 = 0;
const TYPE_HASH_UNSORTED: u8 = 2;
const TYPE_OVERFLOW: u8 = 7;
const TYPE_HASH: u8 = 13;

const ITEM_INLINE: u8 = 1;
const ITEM_OFF_PAGE: u8 = 3;

/// What the first page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    is_big_endian: bool,
    page_bytes: u32,
    max_bucket: u32,
    spares: [u32; SPARES],
    /// True if pages carry checksums, which moves everything in them.
    has_checksums: bool,
    is_encrypted: bool,
    /// Version of the hash format.
    pub version: u32,
}

impl Header {
    /// Reads the first page; `None` if it is no hash file.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let raw = *bytes.get(MAGIC_AT..)?.first_chunk::<4>()?;
        let is_big_endian = match (u32::from_le_bytes(raw), u32::from_be_bytes(raw)) {
            (MAGIC, _) => false,
            (_, MAGIC) => true,
            _ => return None,
        };
        let word = |at: usize| {
            let four = *bytes.get(at..)?.first_chunk()?;
            Some(if is_big_endian {
                u32::from_be_bytes(four)
            } else {
                u32::from_le_bytes(four)
            })
        };
        let mut spares = [0; SPARES];
        for (n, spare) in spares.iter_mut().enumerate() {
            *spare = word(96 + 4 * n)?;
        }
        Some(Self {
            is_big_endian,
            page_bytes: word(20)?,
            max_bucket: word(72)?,
            spares,
            has_checksums: bytes.get(26)? & 1 != 0,
            is_encrypted: *bytes.get(24)? != 0,
            version: word(16)?,
        })
    }

    fn problem(&self, file_len: u64) -> Option<String> {
        if self.is_encrypted {
            return Some(
                "it is encrypted: only the program with its password can read it".to_owned(),
            );
        }
        if self.has_checksums {
            return Some(
                "its pages carry checksums, a layout that dbm modules never write".to_owned(),
            );
        }
        if !PAGE_BYTES.contains(&self.page_bytes) || !self.page_bytes.is_power_of_two() {
            return Some(format!("it announces pages of {} bytes", self.page_bytes));
        }
        let n_pages = file_len / u64::from(self.page_bytes);
        if u64::from(self.max_bucket) >= n_pages {
            return Some(format!(
                "it announces {} buckets, and the file has {n_pages} pages",
                u64::from(self.max_bucket) + 1
            ));
        }
        None
    }

    /// `BUCKET_TO_PAGE`: buckets of one doubling lie together.
    fn page_of_bucket(&self, bucket: u32) -> Option<u32> {
        let doubling = (u32::BITS - bucket.leading_zeros()) as usize;
        bucket.checked_add(*self.spares.get(doubling)?)
    }

    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let two = *bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian {
            u16::from_be_bytes(two)
        } else {
            u16::from_le_bytes(two)
        })
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let four = *bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian {
            u32::from_be_bytes(four)
        } else {
            u32::from_le_bytes(four)
        })
    }

    fn offset_of(&self, page: u32) -> u64 {
        u64::from(page) * u64::from(self.page_bytes)
    }
}

/// Lists every key; a page that makes no sense is a problem and hides only itself.
///
/// # Errors
/// If the file cannot be read, or its first page is damaged.
pub fn list(reader: &dyn ReadAt, sink: &mut dyn Sink) -> Result<(), Stop> {
    // Buckets lie in order; further pages of a bucket, and what is too long for a page, lie elsewhere.
    let mut buckets = Window::onward(reader);
    let mut elsewhere = Window::single(reader);
    let header = Header::parse(buckets.at(0, HEADER_BYTES)?)
        .ok_or_else(|| damaged(0, "its first page is no hash file's".to_owned()))?;
    if let Some(problem) = header.problem(buckets.file_len()) {
        return Err(damaged(0, problem));
    }
    let mut seen = HashSet::new();
    let mut room = Room::of(buckets.file_len());
    let mut page = Vec::new();
    for bucket in 0..=header.max_bucket {
        let first = header.page_of_bucket(bucket);
        let mut next = first;
        while let Some(number) = next.filter(|n| *n != 0) {
            let offset = header.offset_of(number);
            // A chain can be no longer than the file; a page seen twice is a loop.
            if !seen.insert(number) {
                sink.problem(Problem::new(
                    ProblemKind::Damaged,
                    offset,
                    format!("page {number} belongs to two chains"),
                ));
                break;
            }
            let window = if next == first {
                &mut buckets
            } else {
                &mut elsewhere
            };
            page.clear();
            page.extend_from_slice(window.at(offset, header.page_bytes as usize)?);
            if page.len() < header.page_bytes as usize {
                sink.problem(Problem::new(
                    ProblemKind::Damaged,
                    offset,
                    format!("page {number} lies behind the file's end"),
                ));
                break;
            }
            if list_page(&header, offset, &page, (&mut elsewhere, &mut room), sink)?.is_break() {
                return Ok(());
            }
            next = header.u32(&page, 16);
        }
    }
    Ok(())
}

fn list_page(
    header: &Header,
    offset: u64,
    page: &[u8],
    (window, room): (&mut Window<'_>, &mut Room),
    sink: &mut dyn Sink,
) -> Result<ControlFlow<()>, Stop> {
    match page.get(25).copied() {
        Some(TYPE_HASH | TYPE_HASH_UNSORTED) => {}
        // Buckets that were never written are pages of zeros.
        Some(TYPE_FREE) if header.u16(page, 20) == Some(0) => {
            return Ok(ControlFlow::Continue(()));
        }
        other => {
            let message = format!("expected a page of keys, found type {}", other.unwrap_or(0));
            sink.problem(Problem::new(ProblemKind::Damaged, offset, message));
            return Ok(ControlFlow::Continue(()));
        }
    }
    let n = usize::from(header.u16(page, 20).unwrap_or(0));
    let mut end = page.len();
    let mut key: Option<Vec<u8>> = None;
    for index in 0..n {
        let start = header
            .u16(page, PAGE_HEADER + 2 * index)
            .map_or(usize::MAX, usize::from);
        let Some(item) = page
            .get(start..end)
            .filter(|_| start >= PAGE_HEADER + 2 * n)
        else {
            let message = format!("item {index} of {n} lies outside of its page");
            sink.problem(Problem::new(ProblemKind::Damaged, offset, message));
            return Ok(ControlFlow::Continue(()));
        };
        end = start;
        let extent = extent_of(header, offset + start as u64, item);
        let Some(extent) = extent else {
            let message = format!(
                "item {index} is of type {}, which dbm modules never write",
                item.first().copied().unwrap_or(0)
            );
            sink.problem(Problem::new(ProblemKind::Damaged, offset, message));
            key = None;
            continue;
        };
        // No more is read of one than the file has.
        let len = extent.len().min(window.file_len());
        let taken = match index % 2 {
            0 => room.take_key(len, offset),
            _ => room.take_value(len, offset),
        };
        if let Err(problem) = taken {
            sink.problem(problem);
            return Ok(ControlFlow::Break(()));
        }
        match key.take() {
            None if index % 2 == 0 => {
                key = Some(match inline(item) {
                    Some(key) => key.to_vec(),
                    None => read(header, window, extent)?,
                });
            }
            Some(key)
                if index % 2 == 1
                    && sink
                        .item(Item {
                            key: &key,
                            value: extent,
                            inline: inline(item),
                        })
                        .is_break() =>
            {
                return Ok(ControlFlow::Break(()));
            }
            _ => {}
        }
    }
    let lowest = usize::from(header.u16(page, LOWEST_AT).unwrap_or(0));
    // Of an empty page the header may say nothing, and has no room to say 65,536.
    let is_told = lowest == end || n == 0 && lowest == 0;
    let message = if key.is_some() {
        "a key of the page has no value".to_owned()
    } else if !is_told {
        format!("the {n} items of the page end elsewhere than its header says: some may be missing")
    } else {
        return Ok(ControlFlow::Continue(()));
    };
    sink.problem(Problem::new(ProblemKind::Damaged, offset, message));
    Ok(ControlFlow::Continue(()))
}

/// The bytes of an item that lies on its page.
fn inline(item: &[u8]) -> Option<&[u8]> {
    let (kind, bytes) = item.split_first()?;
    (*kind == ITEM_INLINE).then_some(bytes)
}

fn extent_of(header: &Header, offset: u64, item: &[u8]) -> Option<Extent> {
    match *item.first()? {
        ITEM_INLINE => Some(Extent::Range {
            offset: offset + 1,
            len: item.len() as u64 - 1,
        }),
        ITEM_OFF_PAGE => Some(Extent::Pages {
            first: header.u32(item, 4)?,
            len: header.u32(item, 8)?.into(),
        }),
        _ => None,
    }
}

/// Reads a key or value, wherever it lies.
///
/// # Errors
/// What the system said; `InvalidData` where the file is damaged.
pub fn read_extent(reader: &dyn ReadAt, extent: Extent) -> io::Result<Vec<u8>> {
    let mut window = Window::single(reader);
    let header = Header::parse(window.at(0, HEADER_BYTES)?).ok_or(io::ErrorKind::InvalidData)?;
    if header.problem(window.file_len()).is_some() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    read(&header, &mut window, extent)
}

fn read(header: &Header, window: &mut Window<'_>, extent: Extent) -> io::Result<Vec<u8>> {
    let (first, len) = match extent {
        Extent::Range { offset, len } => {
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            return Ok(window.at(offset, len)?.to_vec());
        }
        Extent::Pages { first, len } => (first, len),
    };
    let mut bytes = Vec::new();
    let mut next = first;
    // Each page holds at least one byte, so a chain that is longer runs in a circle.
    let mut left = window.file_len() / u64::from(header.page_bytes);
    while next != 0 && (bytes.len() as u64) < len && left > 0 {
        left -= 1;
        let page = window.at(header.offset_of(next), header.page_bytes as usize)?;
        if page.get(25) != Some(&TYPE_OVERFLOW) {
            break;
        }
        let held = usize::from(header.u16(page, 22).unwrap_or(0));
        bytes.extend_from_slice(
            page.get(PAGE_HEADER..PAGE_HEADER + held)
                .unwrap_or_default(),
        );
        next = header.u32(page, 16).unwrap_or(0);
    }
    if bytes.len() as u64 == len {
        return Ok(bytes);
    }
    let message = format!(
        "{len} bytes are announced on overflow pages, and {} were found",
        bytes.len()
    );
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

fn damaged(offset: u64, message: String) -> Stop {
    Stop::Damaged(Problem::new(ProblemKind::Damaged, offset, message))
}
