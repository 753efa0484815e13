//! Look-up, removal and insertion of one key, as writes that leave the file whole after each of them.
//!
//! `gdbmdelete.c`, `findkey.c`, `hash.c` and `falloc.c: get_block` of gdbm 1.23. A removal is one write into one bucket;
//! the value's space is leaked, which gdbm allows and its own reorganisation gets back.

use super::super::Patch;
use super::super::patch::{bytes_at, put};
use super::{HEADER_BYTES, Header, Layout, NO_HASH, damaged};
use crate::formats::dbm::{Extent, Stop};
use crate::source::ReadAt;

/// Where a key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where its value lies.
    pub value: Extent,
    /// What its library hashed it to: [`insert`] takes it back under that.
    pub hash: u32,
    slot: usize,
}

/// What an insertion takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Insert {
    /// These writes, in this order.
    Patches(Vec<Patch>),
    /// The key is there already.
    IsThere,
    /// Its bucket is full: only gdbm itself can split it.
    IsFull,
}

/// The bucket that a key belongs to, as it is now.
struct Bucket {
    header: Header,
    offset: u64,
    bytes: Vec<u8>,
}

/// Looks a key up the way gdbm does; `None` where gdbm does not find it.
///
/// # Errors
/// If the file cannot be read, or what leads to the key is damaged.
pub fn find(reader: &dyn ReadAt, key: &[u8]) -> Result<Option<Place>, Stop> {
    Ok(look_up(reader, key)?.map(|(_, place)| place))
}

/// The one write that removes a key; `None` where it is not there.
///
/// # Errors
/// As [`find`].
pub fn remove(reader: &dyn ReadAt, key: &[u8]) -> Result<Option<Patch>, Stop> {
    let Some((bucket, place)) = look_up(reader, key)? else {
        return Ok(None);
    };
    let changed = bucket.without(place.slot)?;
    Ok(Patch::between(bucket.offset, &bucket.bytes, &changed))
}

/// The writes that store a new key: its space is claimed first, filled next, and named in its bucket last.
///
/// # Errors
/// As [`find`]; also if the file needs gdbm's own recovery first.
pub fn insert(reader: &dyn ReadAt, key: &[u8], hash: u32, value: &[u8]) -> Result<Insert, Stop> {
    if look_up(reader, key)?.is_some() {
        return Ok(Insert::IsThere);
    }
    let bucket = Bucket::of(reader, hash)?;
    let header = &bucket.header;
    let layout = header.layout;
    let bytes = [key, value].concat();
    let (key_len, len) = (u32::try_from(key.len()), u32::try_from(value.len()));
    let (Ok(key_len), Ok(len)) = (key_len, len) else {
        return Err(damaged(0, "gdbm keeps no value of over 4 GiB".to_owned()));
    };
    let next_at = 24 + layout.offset_bytes;
    let first = bytes_at(reader, 0, HEADER_BYTES)?;
    let block = u64::from(layout.u32(&first, 4).unwrap_or(0)).max(1);
    let at = layout.offset(&first, next_at).unwrap_or(0);
    if at < reader.len() {
        let message =
            format!("its next free block ({at}) lies inside of it: gdbm must recover it first");
        return Err(damaged(next_at as u64, message));
    }
    let end = at + (bytes.len() as u64).div_ceil(block).max(1) * block;
    let Some(changed) = bucket.with((key, hash), key_len, len, at)? else {
        return Ok(Insert::IsFull);
    };
    let claim = Patch {
        offset: next_at as u64,
        bytes: layout.offset_to_bytes(end)?,
    };
    let fill = Patch { offset: at, bytes };
    let name = Patch::between(bucket.offset, &bucket.bytes, &changed);
    Ok(Insert::Patches(
        [Some(claim), Some(fill), name]
            .into_iter()
            .flatten()
            .collect(),
    ))
}

/// The write that counts one more change, in files that keep such a count (`numsync`); `None` in all others.
///
/// # Errors
/// If the file cannot be read.
pub fn count_change(reader: &dyn ReadAt) -> Result<Option<Patch>, Stop> {
    let old = form(reader)?.n_changes;
    old.map(|old| set_count(reader, old.wrapping_add(1)))
        .transpose()
}

/// The write that sets the count of changes.
///
/// # Errors
/// If the file cannot be read.
pub fn set_count(reader: &dyn ReadAt, n_changes: u32) -> Result<Patch, Stop> {
    let layout = Header::read(reader)?.layout;
    Ok(Patch {
        offset: layout.count_at() as u64,
        bytes: layout.u32_to_bytes(n_changes).to_vec(),
    })
}

/// What another file must have in common with this one for the same programs to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Byte order.
    pub is_big_endian: bool,
    /// Bytes of a file offset: 4 or 8.
    pub offset_bytes: usize,
    /// Alignment of a file offset: 4 or 8.
    pub align: usize,
    /// Bytes of a block.
    pub block_bytes: u32,
    /// Keys that a bucket has room for.
    pub bucket_slots: u32,
    /// How often it was changed; `None` in files that do not count that.
    pub n_changes: Option<u32>,
}

/// The form of a file.
///
/// # Errors
/// If it cannot be read, or its header is damaged.
pub fn form(reader: &dyn ReadAt) -> Result<Form, Stop> {
    let header = Header::read(reader)?;
    let layout = header.layout;
    let first = bytes_at(reader, 0, HEADER_BYTES)?;
    Ok(Form {
        bucket_slots: header.bucket_elems.max(1),
        is_big_endian: layout.is_big_endian,
        offset_bytes: layout.offset_bytes,
        align: layout.align,
        block_bytes: layout.u32(&first, 4).unwrap_or(0),
        n_changes: layout
            .is_numsync
            .then(|| layout.u32(&first, layout.count_at()))
            .flatten(),
    })
}

/// Whether a key's hash counts bytes above 127 as negative numbers; `None` where the key does not tell.
pub fn is_signed(key: &[u8], hash: u32) -> Option<bool> {
    let mut hashes = hashes(key);
    let (signed, unsigned) = (hashes.next()?, hashes.next()?);
    (signed != unsigned).then_some(hash == signed)
}

/// `hash.c: _gdbm_hash`, which takes bytes as `char`: what those above 127 count depends on the machine.
fn hashes(key: &[u8]) -> impl Iterator<Item = u32> {
    let hash = |number: fn(u8) -> u32| {
        let len = u32::try_from(key.len()).unwrap_or(u32::MAX);
        let mut value = 0x238f_13af_u32.wrapping_mul(len);
        for (n, byte) in key.iter().enumerate() {
            value = value.wrapping_add(number(*byte) << (n * 5 % 24)) & 0x7fff_ffff;
        }
        value.wrapping_mul(1_103_515_243).wrapping_add(12345) & 0x7fff_ffff
    };
    let signed = hash(|byte| i32::from(byte.cast_signed()).cast_unsigned());
    let other = (!key.is_ascii()).then(|| hash(u32::from));
    std::iter::once(signed).chain(other)
}

fn look_up(reader: &dyn ReadAt, key: &[u8]) -> Result<Option<(Bucket, Place)>, Stop> {
    for hash in hashes(key) {
        let bucket = Bucket::of(reader, hash)?;
        if let Some(place) = bucket.find(reader, key, hash)? {
            return Ok(Some((bucket, place)));
        }
    }
    Ok(None)
}

impl Header {
    fn read(reader: &dyn ReadAt) -> Result<Self, Stop> {
        let header = Self::parse(&bytes_at(reader, 0, HEADER_BYTES)?)
            .ok_or_else(|| damaged(0, "its first bytes are no gdbm header".to_owned()))?;
        match header.problem(reader.len()) {
            Some(problem) => Err(damaged(0, problem)),
            None => Ok(header),
        }
    }
}

impl Layout {
    /// Where files with a synchronisation counter keep it: behind a version number (`gdbmdefs.h: gdbm_ext_header`).
    fn count_at(self) -> usize {
        self.avail_at() - super::NUMSYNC_BYTES + 4
    }

    fn u32_to_bytes(self, number: u32) -> [u8; 4] {
        if self.is_big_endian {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    }

    fn offset_to_bytes(self, offset: u64) -> Result<Vec<u8>, Stop> {
        if self.offset_bytes == 4 {
            let offset = u32::try_from(offset).map_err(|_large| {
                damaged(0, "it can grow no further with 32-bit offsets".to_owned())
            })?;
            return Ok(self.u32_to_bytes(offset).to_vec());
        }
        let bytes = if self.is_big_endian {
            offset.to_be_bytes()
        } else {
            offset.to_le_bytes()
        };
        Ok(bytes.to_vec())
    }
}

impl Bucket {
    fn of(reader: &dyn ReadAt, hash: u32) -> Result<Self, Stop> {
        let header = Header::read(reader)?;
        let layout = header.layout;
        // Hashes have 31 bits.
        let slot = u64::from((hash & 0x7fff_ffff) >> (31 - header.dir_bits));
        let slot_at = header.dir_offset + slot * layout.offset_bytes as u64;
        let entry = bytes_at(reader, slot_at, layout.offset_bytes)?;
        let offset = layout.offset(&entry, 0).unwrap_or(u64::MAX);
        let bytes = bytes_at(reader, offset, header.bucket_bytes as usize)?;
        if offset < HEADER_BYTES as u64 {
            return Err(damaged(slot_at, "a bucket lies in the header".to_owned()));
        }
        Ok(Self {
            header,
            offset,
            bytes,
        })
    }

    fn n_slots(&self) -> usize {
        (self.header.bucket_elems as usize).max(1)
    }

    fn home(&self, hash: u32) -> usize {
        hash as usize % self.n_slots()
    }

    fn slot_at(&self, slot: usize) -> std::ops::Range<usize> {
        let layout = self.header.layout;
        let start = layout.elements_at() + slot * layout.element_bytes();
        start..start + layout.element_bytes()
    }

    fn hash_in(&self, bytes: &[u8], slot: usize) -> u32 {
        self.header
            .layout
            .u32(bytes, self.slot_at(slot).start)
            .unwrap_or(NO_HASH)
    }

    fn find(&self, reader: &dyn ReadAt, key: &[u8], wanted: u32) -> Result<Option<Place>, Stop> {
        let layout = self.header.layout;
        let mut slot = self.home(wanted);
        for _ in 0..self.n_slots() {
            let found = self.hash_in(&self.bytes, slot);
            if found == NO_HASH {
                return Ok(None);
            }
            let at = self.slot_at(slot).start + 8;
            let number = |at: usize| layout.u32(&self.bytes, at).unwrap_or(0);
            let key_len = number(at + layout.offset_bytes) as usize;
            if found == wanted && key_len == key.len() {
                let data = layout.offset(&self.bytes, at).unwrap_or(u64::MAX);
                if bytes_at(reader, data, key_len)? == key {
                    let value = Extent::Range {
                        offset: data + key_len as u64,
                        len: number(at + layout.offset_bytes + 4).into(),
                    };
                    return Ok(Some(Place {
                        value,
                        hash: wanted,
                        slot,
                    }));
                }
            }
            slot = (slot + 1) % self.n_slots();
        }
        Ok(None)
    }

    /// The bucket without the key in a slot, every other one still found from its home (`gdbmdelete.c: gdbm_delete`).
    fn without(&self, slot: usize) -> Result<Vec<u8>, Stop> {
        let mut bytes = self.bytes.clone();
        self.clear_slot(&mut bytes, slot);
        self.add_to_count(&mut bytes, -1)?;
        let mut last = slot;
        for step in 1..self.n_slots() {
            let here = (slot + step) % self.n_slots();
            let hash = self.hash_in(&bytes, here);
            if hash == NO_HASH {
                break;
            }
            let home = self.home(hash);
            let is_behind = (last < here && (home <= last || home > here))
                || (last > here && home <= last && home > here);
            if is_behind {
                bytes.copy_within(self.slot_at(here), self.slot_at(last).start);
                self.clear_slot(&mut bytes, here);
                last = here;
            }
        }
        Ok(bytes)
    }

    /// The bucket with one key more; `None` if it is full.
    fn with(
        &self,
        (key, hash): (&[u8], u32),
        key_len: u32,
        len: u32,
        at: u64,
    ) -> Result<Option<Vec<u8>>, Stop> {
        let layout = self.header.layout;
        let slots = (0..self.n_slots()).map(|step| (self.home(hash) + step) % self.n_slots());
        let mut free = slots.filter(|slot| self.hash_in(&self.bytes, *slot) == NO_HASH);
        let Some(slot) = free.next() else {
            return Ok(None);
        };
        let mut start = [0; 4];
        for (to, from) in start.iter_mut().zip(key) {
            *to = *from;
        }
        let mut element = layout.u32_to_bytes(hash).to_vec();
        element.extend(start);
        element.extend(layout.offset_to_bytes(at)?);
        element.extend(layout.u32_to_bytes(key_len));
        element.extend(layout.u32_to_bytes(len));
        let mut bytes = self.bytes.clone();
        put(&mut bytes, self.slot_at(slot).start, &element);
        self.add_to_count(&mut bytes, 1)?;
        Ok(Some(bytes))
    }

    fn clear_slot(&self, bytes: &mut [u8], slot: usize) {
        put(
            bytes,
            self.slot_at(slot).start,
            &self.header.layout.u32_to_bytes(NO_HASH),
        );
    }

    fn add_to_count(&self, bytes: &mut [u8], difference: i32) -> Result<(), Stop> {
        let layout = self.header.layout;
        let at = layout.bucket_bits_at() + 4;
        let count = layout
            .u32(bytes, at)
            .and_then(|count| count.checked_add_signed(difference));
        let count = count
            .filter(|count| *count <= self.header.bucket_elems)
            .ok_or_else(|| {
                damaged(
                    self.offset,
                    "a bucket's count does not fit its keys".to_owned(),
                )
            })?;
        put(bytes, at, &layout.u32_to_bytes(count));
        Ok(())
    }
}
