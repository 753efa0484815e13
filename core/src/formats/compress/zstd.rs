//! Zstandard frames one after the other to their contents, checksums compared (RFC 8878).

use std::io::{self, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// What each frame begins with (RFC 8878, 3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Frames for other purposes: the last four bits are theirs (3.1.2).
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// Windows above this are refused, as everywhere here.
const MAX_WINDOW: u64 = (super::MAX_WINDOW_KIB as u64) << 10;

/// Reads frame by frame, as `zstd` and Python's `compression.zstd` do; what is no further frame is left alone.
pub(super) struct Frames<R> {
    packed: R,
    decoder: Box<FrameDecoder>,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing was read yet.
    Start,
    InFrame,
    Between,
    End,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self {
            packed,
            decoder: Box::new(decoder),
            place: Place::Start,
        }
    }

    /// Goes to the contents of the next frame, or to the end.
    fn next_frame(&mut self) -> io::Result<()> {
        let mut magic = [0; 4];
        let n = read_up_to(&mut self.packed, &mut magic)?;
        let [last, rest @ ..] = magic;
        if n < magic.len() || magic != MAGIC && (rest != SKIPPABLE || last >> 4 != 5) {
            if self.place == Place::Start {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.place = Place::End;
        } else if magic == MAGIC {
            let mut frame = magic.chain(&mut self.packed);
            self.decoder.reset(&mut frame).map_err(io::Error::other)?;
            self.place = Place::InFrame;
        } else {
            let mut len = [0; 4];
            self.packed.read_exact(&mut len)?;
            let len = u64::from(u32::from_le_bytes(len));
            let skipped = io::copy(&mut self.packed.by_ref().take(len), &mut io::sink())?;
            if skipped < len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// At the end of a frame: its checksum, where it has one.
    fn check(&self) -> io::Result<()> {
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the checksum of a zstd frame does not match its contents",
            ));
        }
        Ok(())
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            match self.place {
                Place::End => return Ok(0),
                Place::Start | Place::Between => self.next_frame()?,
                Place::InFrame => {
                    while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                        self.decoder
                            .decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1))
                            .map_err(io::Error::other)?;
                    }
                    let n = self.decoder.read(buf)?;
                    if n > 0 {
                        return Ok(n);
                    }
                    self.check()?;
                    self.place = Place::Between;
                }
            }
        }
    }
}

/// Fills `buf`, or as much of it as there is.
fn read_up_to(from: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while let Some(rest) = buf.get_mut(n..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
    Ok(n)
}
