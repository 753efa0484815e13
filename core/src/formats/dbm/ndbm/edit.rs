//! Removal and insertion of one key, as writes in an order that a crash can cut anywhere: at worst pages are leaked.
//!
//! `hash_page.c: __ham_dpair, __ham_getindex_sorted, __ham_insertpair`, `db_meta.c: __db_free` and
//! `hash_func.c: __ham_func5` of Berkeley DB 5.3; the order of keys checked with files by `dbm.ndbm` of Debian.

use std::cmp::Ordering;
use std::ops::Range;

use super::super::Patch;
use super::super::patch::{bytes_at, put};
use super::super::window::Window;
use super::{
    HEADER_BYTES, Header, ITEM_INLINE, ITEM_OFF_PAGE, LOWEST_AT, PAGE_HEADER, TYPE_FREE, TYPE_HASH,
    TYPE_HASH_UNSORTED, TYPE_OVERFLOW, damaged, extent_of, inline, read,
};
use crate::formats::dbm::{Extent, Item, Stop};
use crate::source::ReadAt;

/// Where the first page keeps what a change touches.
const FREE_HEAD_AT: usize = 28;
const LAST_PAGE_AT: usize = 32;
const HIGH_MASK_AT: usize = 76;
const LOW_MASK_AT: usize = 80;
const CHARKEY_AT: usize = 92;
/// What is hashed to tell which function a file's keys are hashed with (`hash.h: CHARKEY`).
const CHARKEY: &[u8] = b"%$sniglet^&\0";

/// Offsets within a page are of 16 bits, and pages of 64 KiB bend the rules for them.
const MAX_PAGE_BYTES: u32 = 32768;

/// A place written anew, a page as a whole. Nothing locks these files: half a page over one that a program has changed
/// meanwhile would be the page of neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageChange {
    /// What stood there when the change was worked out.
    pub was: Vec<u8>,
    /// The write.
    pub patch: Patch,
}

/// What an insertion takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Insert {
    /// The writes of the value's own pages, in this order, then the page that names it.
    Change(Vec<Patch>, PageChange),
    /// The key is there already.
    IsThere,
    /// Its page has no room, or has keys whose order only Berkeley DB can tell.
    NoRoom,
}

/// What a removal takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The one write that removes the key.
    pub change: PageChange,
    /// Pages that only the key led to: leaked, until [`free`] gives them back.
    pub pages: Vec<u32>,
}

/// How a key is removed; `None` where Berkeley DB does not find it.
///
/// # Errors
/// If the file cannot be read, what leads to the key is damaged, or the file is of a sort that is not written here.
pub fn remove(reader: &dyn ReadAt, key: &[u8]) -> Result<Option<Removal>, Stop> {
    let file = File::open(reader)?;
    let mut found = None;
    file.chain(key, |page| {
        found = file.find(&page, key)?.map(|index| (page, index));
        Ok(found.is_none())
    })?;
    let Some((page, index)) = found else {
        return Ok(None);
    };
    let changed = file.without(&page, index)?;
    let mut pages = Vec::new();
    for index in [index, index + 1] {
        if let Some(Extent::Pages { first, .. }) = file.extent(&page, index) {
            pages.extend(file.overflow_pages(first)?);
        }
    }
    Ok(Some(Removal {
        change: page.becomes(changed),
        pages,
    }))
}

/// The writes that put pages before the free ones, and then the one that makes the first of them known. Nothing may
/// lead to them any more.
///
/// # Errors
/// If the file cannot be read.
pub fn free(reader: &dyn ReadAt, pages: &[u32]) -> Result<(Vec<Patch>, PageChange), Stop> {
    File::open(reader)?.free(pages)
}

/// Says whether the file is of a sort that is written here at all.
///
/// # Errors
/// As [`remove`].
pub fn can_change(reader: &dyn ReadAt) -> Result<(), Stop> {
    File::open(reader).map(drop)
}

/// A key as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where its value lies.
    pub value: Extent,
    /// [`Item::ident`] of it.
    pub ident: u64,
}

/// Looks a key up; `None` where Berkeley DB does not find it.
///
/// # Errors
/// As [`remove`].
pub fn find(reader: &dyn ReadAt, key: &[u8]) -> Result<Option<Place>, Stop> {
    let file = File::open(reader)?;
    let mut place = None;
    file.chain(key, |page| {
        let index = file.find(&page, key)?.map(|index| index + 1);
        place = index.and_then(|index| {
            let value = file.extent(&page, index)?;
            let range = page.items.get(index)?.clone();
            let inline = inline(page.bytes.get(range)?);
            let item = Item { key, value, inline };
            let ident = item.ident();
            Some(Place { value, ident })
        });
        Ok(place.is_none())
    })?;
    Ok(place)
}

/// The writes that store a new key, in this order: the page that names it comes last.
///
/// # Errors
/// As [`remove`].
pub fn insert(reader: &dyn ReadAt, key: &[u8], value: &[u8]) -> Result<Insert, Stop> {
    let file = File::open(reader)?;
    let mut is_there = false;
    let mut pages = Vec::new();
    file.chain(key, |page| {
        is_there |= file.find(&page, key)?.is_some();
        pages.push(page);
        Ok(!is_there)
    })?;
    if is_there {
        return Ok(Insert::IsThere);
    }
    if file.is_big(key) {
        return Ok(Insert::NoRoom);
    }
    let (item, patches) = file.value_item(value)?;
    let key_item = [&[ITEM_INLINE], key].concat();
    for page in pages {
        if let Some(changed) = file.with(&page, key, &key_item, &item)? {
            return Ok(Insert::Change(patches, page.becomes(changed)));
        }
    }
    Ok(Insert::NoRoom)
}

/// `__ham_func5`: Fowler, Noll and Vo.
fn hash(key: &[u8]) -> u32 {
    key.iter().fold(0, |hash: u32, byte| {
        hash.wrapping_mul(16_777_619) ^ u32::from(*byte)
    })
}

struct File<'r> {
    reader: &'r dyn ReadAt,
    header: Header,
    first_page: Vec<u8>,
}

/// A page of keys and values, as it is now.
struct Page {
    offset: u64,
    bytes: Vec<u8>,
    items: Vec<Range<usize>>,
}

impl Page {
    fn becomes(self, bytes: Vec<u8>) -> PageChange {
        PageChange {
            was: self.bytes,
            patch: Patch {
                offset: self.offset,
                bytes,
            },
        }
    }
}

impl<'r> File<'r> {
    fn open(reader: &'r dyn ReadAt) -> Result<Self, Stop> {
        let first_page = bytes_at(reader, 0, HEADER_BYTES)?;
        let header = Header::parse(&first_page)
            .ok_or_else(|| damaged(0, "its first page is no hash file's".to_owned()))?;
        if let Some(problem) = header.problem(reader.len()) {
            return Err(damaged(0, problem));
        }
        let file = Self {
            reader,
            header,
            first_page,
        };
        let refuse = |why: &str| Err(damaged(0, why.to_owned()));
        if file.meta(0) != 0 {
            return refuse("it belongs to a database environment that logs each change");
        }
        if file.meta(CHARKEY_AT) != hash(CHARKEY) {
            return refuse("its keys are hashed with another function than dbm modules use");
        }
        if file.header.page_bytes > MAX_PAGE_BYTES {
            return refuse("its pages are larger than dbm modules make them");
        }
        Ok(file)
    }

    fn meta(&self, at: usize) -> u32 {
        self.header.u32(&self.first_page, at).unwrap_or(0)
    }

    fn n_pages(&self) -> u64 {
        self.reader.len() / u64::from(self.header.page_bytes)
    }

    fn number(&self, number: u32) -> [u8; 4] {
        if self.header.is_big_endian {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    }

    fn small(&self, number: usize) -> [u8; 2] {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        if self.header.is_big_endian {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    }

    fn page_at(&self, number: u32) -> Result<Vec<u8>, Stop> {
        bytes_at(
            self.reader,
            self.header.offset_of(number),
            self.header.page_bytes as usize,
        )
    }

    /// Hands over the pages of a key's bucket until one is the last or `each` says that it is enough.
    fn chain(
        &self,
        key: &[u8],
        mut each: impl FnMut(Page) -> Result<bool, Stop>,
    ) -> Result<(), Stop> {
        let hash = hash(key);
        let mut bucket = hash & self.meta(HIGH_MASK_AT);
        if bucket > self.header.max_bucket {
            bucket &= self.meta(LOW_MASK_AT);
        }
        let mut next = self.header.page_of_bucket(bucket).unwrap_or(0);
        // A chain can be no longer than the file.
        for _ in 0..self.n_pages() {
            if next == 0 {
                return Ok(());
            }
            let bytes = self.page_at(next)?;
            let after = self.header.u32(&bytes, 16).unwrap_or(0);
            if !each(self.page(next, bytes)?)? {
                return Ok(());
            }
            next = after;
        }
        Err(damaged(
            0,
            format!("the pages of bucket {bucket} run in a circle"),
        ))
    }

    fn page(&self, number: u32, bytes: Vec<u8>) -> Result<Page, Stop> {
        let offset = self.header.offset_of(number);
        let fail = |what: &str| Err(damaged(offset, format!("page {number} {what}")));
        let n = match bytes.get(25) {
            Some(&(TYPE_HASH | TYPE_HASH_UNSORTED)) => {
                usize::from(self.header.u16(&bytes, 20).unwrap_or(0))
            }
            Some(&TYPE_FREE) => 0,
            _ => return fail("is no page of keys"),
        };
        if n % 2 != 0 {
            return fail("has a key without a value");
        }
        let mut items = Vec::new();
        let mut end = bytes.len();
        for index in 0..n {
            let start = self
                .header
                .u16(&bytes, PAGE_HEADER + 2 * index)
                .map_or(usize::MAX, usize::from);
            if start < PAGE_HEADER + 2 * n || start >= end {
                return fail("has an item that lies outside of it");
            }
            if !matches!(bytes.get(start), Some(&(ITEM_INLINE | ITEM_OFF_PAGE))) {
                return fail("has an item of a type that dbm modules never write");
            }
            items.push(start..end);
            end = start;
        }
        if n > 0 && self.header.u16(&bytes, LOWEST_AT).map(usize::from) != Some(end) {
            return fail("does not say where its items begin");
        }
        Ok(Page {
            offset,
            bytes,
            items,
        })
    }

    fn extent(&self, page: &Page, index: usize) -> Option<Extent> {
        let range = page.items.get(index)?.clone();
        let offset = page.offset + range.start as u64;
        extent_of(&self.header, offset, page.bytes.get(range)?)
    }

    /// The bytes of a key or value.
    fn item(&self, page: &Page, index: usize) -> Result<Vec<u8>, Stop> {
        match self.extent(page, index) {
            Some(Extent::Range { .. }) => {
                let range = page.items.get(index).cloned().unwrap_or_default();
                Ok(page
                    .bytes
                    .get(range.start + 1..range.end)
                    .unwrap_or_default()
                    .to_vec())
            }
            Some(extent) => Ok(read(
                &self.header,
                &mut Window::single(self.reader),
                extent,
            )?),
            None => Ok(Vec::new()),
        }
    }

    /// The index of a key's item on a page.
    fn find(&self, page: &Page, key: &[u8]) -> Result<Option<usize>, Stop> {
        for index in (0..page.items.len()).step_by(2) {
            let is_long_enough = self
                .extent(page, index)
                .is_some_and(|e| e.len() == key.len() as u64);
            if is_long_enough && self.item(page, index)? == key {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// The page without the pair at `index`, its other items moved together.
    fn without(&self, page: &Page, index: usize) -> Result<Vec<u8>, Stop> {
        let (Some(key), Some(value), Some(last)) = (
            page.items.get(index),
            page.items.get(index + 1),
            page.items.last(),
        ) else {
            return Err(damaged(
                page.offset,
                "the key is not on its page".to_owned(),
            ));
        };
        let mut bytes = page.bytes.clone();
        let gap = key.end - value.start;
        bytes.copy_within(last.start..value.start, last.start + gap);
        let mut starts: Vec<usize> = page.items.iter().map(|item| item.start).collect();
        starts.drain(index..index + 2);
        for start in starts.iter_mut().skip(index) {
            *start += gap;
        }
        self.set_items(&mut bytes, &starts, last.start + gap);
        Ok(bytes)
    }

    /// The page with one pair more; `None` if it does not fit, or its place cannot be told.
    fn with(
        &self,
        page: &Page,
        key: &[u8],
        key_item: &[u8],
        value_item: &[u8],
    ) -> Result<Option<Vec<u8>>, Stop> {
        let n = page.items.len();
        let low = page
            .items
            .last()
            .map_or(page.bytes.len(), |item| item.start);
        let needed = key_item.len() + value_item.len();
        if low < PAGE_HEADER + 2 * (n + 2) + needed {
            return Ok(None);
        }
        let index = match page.bytes.get(25) {
            Some(&TYPE_HASH_UNSORTED) => n,
            Some(&TYPE_HASH) => match self.place_of(page, key)? {
                Some(index) => index,
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        let mut bytes = page.bytes.clone();
        let before = index.checked_sub(1).and_then(|index| page.items.get(index));
        let end = before.map_or(bytes.len(), |item| item.start);
        bytes.copy_within(low..end, low - needed);
        put(&mut bytes, end - key_item.len(), key_item);
        put(&mut bytes, end - needed, value_item);
        let mut starts: Vec<usize> = page.items.iter().map(|item| item.start).collect();
        for start in starts.iter_mut().skip(index) {
            *start -= needed;
        }
        starts.splice(index..index, [end - key_item.len(), end - needed]);
        self.set_items(&mut bytes, &starts, low - needed);
        Ok(Some(bytes))
    }

    /// Where a new key belongs on a page in order; `None` where one of the others is not on it.
    fn place_of(&self, page: &Page, key: &[u8]) -> Result<Option<usize>, Stop> {
        for index in (0..page.items.len()).step_by(2) {
            if matches!(self.extent(page, index), Some(Extent::Pages { .. })) {
                return Ok(None);
            }
        }
        for index in (0..page.items.len()).step_by(2) {
            if order(key, &self.item(page, index)?) == Ordering::Less {
                return Ok(Some(index));
            }
        }
        Ok(Some(page.items.len()))
    }

    fn set_items(&self, bytes: &mut [u8], starts: &[usize], low: usize) {
        put(bytes, 20, &self.small(starts.len()));
        put(bytes, 22, &self.small(low));
        for (index, start) in starts.iter().enumerate() {
            put(bytes, PAGE_HEADER + 2 * index, &self.small(*start));
        }
    }

    /// Numbers of the pages of a chain.
    fn overflow_pages(&self, first: u32) -> Result<Vec<u32>, Stop> {
        let mut pages = Vec::new();
        let mut next = first;
        while next != 0 && (pages.len() as u64) < self.n_pages() {
            let page = self.page_at(next)?;
            // The count of references stands where other pages count their items.
            if page.get(25) != Some(&TYPE_OVERFLOW) || self.header.u16(&page, 20) != Some(1) {
                break;
            }
            pages.push(next);
            next = self.header.u32(&page, 16).unwrap_or(0);
        }
        Ok(pages)
    }

    /// Puts pages before the free ones: each is written before anything leads to it.
    fn free(&self, pages: &[u32]) -> Result<(Vec<Patch>, PageChange), Stop> {
        let mut patches = Vec::new();
        let mut head = self.meta(FREE_HEAD_AT);
        for number in pages {
            let old = self.page_at(*number)?;
            let mut bytes = vec![0; old.len()];
            put(&mut bytes, 0, old.get(..8).unwrap_or_default());
            put(&mut bytes, 8, &self.number(*number));
            put(&mut bytes, 16, &self.number(head));
            put(&mut bytes, 22, &self.small(old.len()));
            patches.push(Patch {
                offset: self.header.offset_of(*number),
                bytes,
            });
            head = *number;
        }
        let head = PageChange {
            was: self.number(self.meta(FREE_HEAD_AT)).to_vec(),
            patch: Patch {
                offset: FREE_HEAD_AT as u64,
                bytes: self.number(head).to_vec(),
            },
        };
        Ok((patches, head))
    }

    /// `ISBIG`: kept on pages of its own.
    fn is_big(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 > u64::from(self.header.page_bytes / 4)
    }

    /// The item that stands for a value, and the writes of its pages: behind the last one, and only then counted.
    fn value_item(&self, value: &[u8]) -> Result<(Vec<u8>, Vec<Patch>), Stop> {
        if !self.is_big(value) {
            return Ok(([&[ITEM_INLINE], value].concat(), Vec::new()));
        }
        let too_large = |_| damaged(0, "it can grow no further".to_owned());
        let len = u32::try_from(value.len()).map_err(too_large)?;
        let page_bytes = self.header.page_bytes as usize;
        let behind = u32::try_from(self.n_pages()).map_err(too_large)?;
        let first = behind.max(self.meta(LAST_PAGE_AT).saturating_add(1));
        let mut patches = Vec::new();
        let mut number = first;
        let mut pieces = value.chunks(page_bytes - PAGE_HEADER).peekable();
        while let Some(piece) = pieces.next() {
            let mut bytes = vec![0; page_bytes];
            put(&mut bytes, 0, self.first_page.get(..8).unwrap_or_default());
            put(&mut bytes, 8, &self.number(number));
            put(
                &mut bytes,
                12,
                &self.number(if number == first { 0 } else { number - 1 }),
            );
            put(
                &mut bytes,
                16,
                &self.number(if pieces.peek().is_some() {
                    number + 1
                } else {
                    0
                }),
            );
            put(&mut bytes, 20, &self.small(1));
            put(&mut bytes, 22, &self.small(piece.len()));
            put(&mut bytes, 25, &[TYPE_OVERFLOW]);
            put(&mut bytes, PAGE_HEADER, piece);
            patches.push(Patch {
                offset: self.header.offset_of(number),
                bytes,
            });
            number = number
                .checked_add(1)
                .ok_or(())
                .map_err(|()| damaged(0, "it can grow no further".to_owned()))?;
        }
        patches.push(Patch {
            offset: LAST_PAGE_AT as u64,
            bytes: self.number(number - 1).to_vec(),
        });
        let mut item = vec![ITEM_OFF_PAGE, 0, 0, 0];
        item.extend(self.number(first));
        item.extend(self.number(len));
        Ok((item, patches))
    }
}

/// The order of keys on a page: by their bytes, and of two with one beginning the longer first.
fn order(a: &[u8], b: &[u8]) -> Ordering {
    let shared = a.len().min(b.len());
    a.get(..shared)
        .cmp(&b.get(..shared))
        .then(b.len().cmp(&a.len()))
}
