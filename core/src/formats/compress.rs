//! Compressed bytes to a bounded forward stream; the codec is told by the first bytes, never by a file's name.
//!
//! Signatures as in joblib 1.6 `compressor.py` and `numpy_pickle_utils.py: _detect_compressor`; of zstd in RFC 8878.

mod fused;
mod streams;
mod zstd;

use std::fmt;
use std::io::{self, BufReader, Read, Write as _};

use base64::prelude::BASE64_STANDARD;
use base64::read::DecoderReader;
use bzip2::bufread::BzDecoder;
use flate2::bufread::ZlibDecoder;
use fused::Fused;
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use lzma_rust2::{LzmaReader, XzReader};
use streams::{Lz4Frame, Streams};

/// Windows and dictionaries above this are refused: the largest preset of xz asks for 64 MiB.
const MAX_WINDOW_KIB: u32 = 128 << 10;

/// Bytes that [`Codec::detect`] wants to see.
pub const SIGNATURE_LEN: usize = 24;

/// One way of compressing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Zlib (RFC 1950).
    Zlib,
    /// Gzip (RFC 1952); several members may follow one another.
    Gzip,
    /// Bzip2; several streams may follow one another.
    Bz2,
    /// The container of `lzma.FORMAT_ALONE`.
    Lzma,
    /// Xz.
    Xz,
    /// LZ4; several frames may follow one another.
    Lz4,
    /// Zstandard (RFC 8878); several frames may follow one another.
    Zstd,
    /// joblib before 0.10: a length in hexadecimal, then zlib from this offset on.
    ZFile {
        /// Where the zlib data begin: 21, or 22 as written by Python 2 with joblib up to 0.8.
        data_offset: u8,
    },
    /// Bytes written as ASCII text (RFC 4648), which no first bytes tell.
    Base64,
}

impl Codec {
    /// The codec of a stream that begins with `head`.
    ///
    /// ```
    /// use cachescope_core::formats::compress::Codec;
    ///
    /// assert_eq!(Codec::detect(b"\x78\x5e\x6b"), Some(Codec::Zlib));
    /// assert_eq!(Codec::detect(b"\x80\x04K\x01."), None);
    /// ```
    pub fn detect(head: &[u8]) -> Option<Self> {
        Some(match head {
            [b'Z', b'F', ..] => {
                let is_wide = head.get(21) == Some(&b' ');
                Self::ZFile {
                    data_offset: if is_wide { 22 } else { 21 },
                }
            }
            [0x78, ..] => Self::Zlib,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'B', b'Z', ..] => Self::Bz2,
            [0x5d, 0x00, ..] => Self::Lzma,
            [0xfd, b'7', b'z', b'X', b'Z', ..] => Self::Xz,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Lz4,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => return None,
        })
    }

    /// Like [`Self::detect`], but also asks for a sound header, for bytes that may as well be anything else.
    pub fn detect_strictly(head: &[u8]) -> Option<Self> {
        let codec = Self::detect(head)?;
        let is_sound = match (codec, head) {
            // RFC 1950: method 8, and the first two bytes are a multiple of 31.
            (Self::Zlib, [cmf, flg, ..]) => {
                (u16::from(*cmf) << 8 | u16::from(*flg)).is_multiple_of(31)
            }
            (Self::Gzip, [_, _, method, ..]) => *method == 8,
            (Self::Lzma, _) => head.len() >= 13,
            (Self::Xz | Self::Lz4 | Self::Zstd | Self::Base64, _)
            | (Self::Bz2, [_, _, b'h', b'1'..=b'9', ..])
            | (Self::ZFile { .. }, [_, _, b'0', b'x', ..]) => true,
            _ => false,
        };
        is_sound.then_some(codec)
    }

    /// The word for it in a codec chain.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zlib => "zlib",
            Self::Gzip => "gzip",
            Self::Bz2 => "bz2",
            Self::Lzma => "lzma",
            Self::Xz => "xz",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::ZFile { .. } => "z-file",
            Self::Base64 => "base64",
        }
    }

    /// Reads what `packed` holds; the stream's own end is the end, whatever follows it.
    ///
    /// The result gives damage and truncation as errors, checksums included.
    ///
    /// # Errors
    /// If a header cannot be read or asks for a window beyond 128 MiB.
    pub fn unpack<'a>(
        self,
        mut packed: Box<dyn Read + Send + 'a>,
    ) -> io::Result<Box<dyn Read + Send + 'a>> {
        let stream: Box<dyn Read + Send + 'a> = match self {
            Self::Zlib => Box::new(ZlibDecoder::new(BufReader::new(packed))),
            Self::Gzip => Box::new(Streams::<ZlibDecoder<_>>::new(packed)),
            Self::Bz2 => Box::new(Streams::<BzDecoder<_>>::new(packed)),
            Self::Lzma => Box::new(LzmaReader::new_mem_limit(packed, MAX_WINDOW_KIB, None)?),
            Self::Xz => Box::new(XzReader::new_mem_limit(packed, true, MAX_WINDOW_KIB)),
            Self::Lz4 => Box::new(Streams::<Lz4Frame<_>>::new(packed)),
            Self::Zstd => Box::new(zstd::Frames::new(packed)),
            Self::Base64 => Box::new(DecoderReader::new(Unwrapped(packed), &BASE64_STANDARD)),
            Self::ZFile { data_offset } => {
                io::copy(
                    &mut packed.by_ref().take(data_offset.into()),
                    &mut io::sink(),
                )?;
                Box::new(ZlibDecoder::new(BufReader::new(packed)))
            }
        };
        Ok(Box::new(Fused::new(stream)))
    }
}

/// Text without its line ends: Python's `base64.encodestring`, as Django used it up to 1.4, wraps at 76 characters.
struct Unwrapped<R>(R);

impl<R: Read> Read for Unwrapped<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let n_read = self.0.read(out)?;
            let mut n_kept = 0;
            for at in 0..n_read {
                if let Some(digit) = out.get(at).copied().filter(|b| !b.is_ascii_whitespace())
                    && let Some(place) = out.get_mut(n_kept)
                {
                    *place = digit;
                    n_kept += 1;
                }
            }
            if n_kept > 0 || n_read == 0 {
                return Ok(n_kept);
            }
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes of a value that tell whether it is text.
const TOLD_BY: usize = 64 << 10;

/// joblib's own level for zlib and gzip is 3 (`compressor.py: BinaryZlibFile`, 1.6), and zlib-rs' levels are not zlib's.
///
/// What zlib makes of arrays there, zlib-rs makes at 4, within a hundredth; at 3 it is an eighth larger. Of text 4 makes
/// a tenth less, in a fifth less of the disk's blocks, and 3 comes closest, with as many blocks.
fn zlib_level(bytes: &[u8]) -> flate2::Compression {
    let head = bytes.get(..TOLD_BY).unwrap_or(bytes);
    let is_text = |byte: &&u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let n_text = head.iter().filter(is_text).count();
    flate2::Compression::new(if n_text * 4 > head.len() * 3 { 3 } else { 4 })
}

/// As Python's `LZ4FrameFile` writes them (lz4 4.4): blocks that refer to the one before. Whoever reads makes room for a
/// whole block, so that blocks of 4 MiB, which the encoder would take for a large value, are read half as fast.
fn lz4_frame() -> FrameInfo {
    FrameInfo::new()
        .block_size(BlockSize::Max64KB)
        .block_mode(BlockMode::Linked)
}

/// Writes `bytes` to `out` in the form that [`Codec::unpack`] reads.
///
/// # Errors
/// What the system said, or that nothing is written in this form.
pub(crate) fn pack(codec: Codec, bytes: &[u8], out: &mut dyn io::Write) -> io::Result<()> {
    let level = zlib_level(bytes);
    match codec {
        Codec::Zlib => {
            let mut packer = flate2::write::ZlibEncoder::new(out, level);
            packer.write_all(bytes)?;
            packer.finish().map(drop)
        }
        Codec::Gzip => {
            let mut packer = flate2::write::GzEncoder::new(out, level);
            packer.write_all(bytes)?;
            packer.finish().map(drop)
        }
        Codec::Lz4 => {
            let mut packer = FrameEncoder::with_frame_info(lz4_frame(), out);
            packer.write_all(bytes)?;
            packer.finish().map(drop).map_err(io::Error::other)
        }
        Codec::Base64
        | Codec::Bz2
        | Codec::Lzma
        | Codec::Xz
        | Codec::Zstd
        | Codec::ZFile { .. } => Err(io::Error::other(format!(
            "nothing is written with {}",
            codec.name()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `compressor(b"cachescope " * 20)` by CPython 3.13's zlib, gzip, bz2, lzma, the lz4 package 4.4.5 and zstd 1.5.4.
    const SAMPLES: [(Codec, &str); 7] = [
        (Codec::Zlib, "789c4b4e4cce482d4ece2f4855481e6e4c002d045399"),
        (
            Codec::Gzip,
            "1f8b08000000000002ff4b4e4cce482d4ece2f4855481e6e4c00e26f0b59dc000000",
        ),
        (
            Codec::Bz2,
            "425a68393141592653596f4a2f2a00001d918040002a40c8002000508604052a8f44f530984f4984d2693e2744d2693f1772453850906f4a2f2a",
        ),
        (
            Codec::Lzma,
            "5d00008000ffffffffffffffff00319848998ab77ac9105438b7f91ef832fffffff3280000",
        ),
        (
            Codec::Xz,
            "fd377a585a000004e6d6b4460200210116000000742fe5a3e000db00125d00319848998ab77ac9105438b7f91edce1000000000073097ef52d6b7eff00012edc01000000a6454a0ab1c467fb020000000004595a",
        ),
        (
            Codec::Lz4,
            "04224d186840dc000000000000003e15000000bf636163686573636f7065200b00b950636f70652000000000",
        ),
        (
            Codec::Zstd,
            "28b52ffd24dc95000058636163686573636f70652001004e53c50b3c8c0fbc",
        ),
    ];

    fn bytes_of(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn unpack(codec: Codec, packed: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        codec
            .unpack(Box::new(io::Cursor::new(packed)))?
            .take(1 << 20)
            .read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn each_codec_is_recognised_and_read() {
        for (codec, hex) in SAMPLES {
            let packed = bytes_of(hex);
            assert_eq!(Codec::detect(&packed), Some(codec));
            assert_eq!(Codec::detect_strictly(&packed), Some(codec));
            assert_eq!(
                unpack(codec, packed).unwrap(),
                b"cachescope ".repeat(20),
                "{codec}"
            );
        }
    }

    #[test]
    fn bytes_behind_the_end_are_left_alone() {
        for (codec, hex) in SAMPLES {
            let mut packed = bytes_of(hex);
            // xz defines what may follow a stream; elsewhere anything may.
            if codec == Codec::Xz {
                continue;
            }
            packed.extend_from_slice(b"left over");
            assert_eq!(unpack(codec, packed).unwrap().len(), 220, "{codec}");
        }
    }

    #[test]
    fn a_cut_stream_is_an_error() {
        for (codec, hex) in SAMPLES {
            let packed = bytes_of(hex);
            for n_cut in 1..packed.len() {
                let cut = packed[..packed.len() - n_cut].to_vec();
                assert!(
                    unpack(codec, cut).is_err(),
                    "{codec} without its last {n_cut} bytes"
                );
            }
            // Told again to whoever asks again.
            let cut = packed[..packed.len() - 1].to_vec();
            let mut stream = codec.unpack(Box::new(io::Cursor::new(cut))).unwrap();
            for _ in 0..2 {
                assert!(io::copy(&mut stream, &mut io::sink()).is_err(), "{codec}");
            }
        }
    }

    #[test]
    fn concatenated_streams_are_one() {
        for (codec, hex) in SAMPLES {
            if matches!(codec, Codec::Zlib | Codec::Lzma) {
                continue;
            }
            // Many, so that they begin wherever a buffer ends.
            let many = bytes_of(hex).repeat(1000);
            assert_eq!(unpack(codec, many).unwrap().len(), 220_000, "{codec}");
        }
    }

    #[test]
    fn zeros_between_the_members_of_a_gzip_file_are_padding() {
        let once = bytes_of(SAMPLES[1].1);
        let padded = [&once, &[0; 9000][..], &once, &[0; 3]].concat();
        assert_eq!(unpack(Codec::Gzip, padded).unwrap().len(), 440);
    }

    #[test]
    fn zstd_frames_follow_one_another_and_their_checksums_hold() {
        let once = bytes_of(SAMPLES[6].1);
        // A skippable frame of three bytes between them (RFC 8878, 3.1.2).
        let skippable = b"\x5a\x2a\x4d\x18\x03\0\0\0abc";
        let twice = [&once, &skippable[..], &once].concat();
        assert_eq!(unpack(Codec::Zstd, twice).unwrap().len(), 440);
        // By `zstd --no-check`.
        let plain = bytes_of("28b52ffd20dc95000058636163686573636f70652001004e53c50b");
        assert_eq!(
            unpack(Codec::Zstd, plain).unwrap(),
            b"cachescope ".repeat(20)
        );
        let mut wrong = once.clone();
        *wrong.last_mut().unwrap() ^= 1;
        assert!(unpack(Codec::Zstd, wrong).is_err());
        // A window of 2^41 bytes is asked for.
        let mut wide = once;
        wide[4..6].copy_from_slice(&[0x04, 0xf8]);
        assert!(unpack(Codec::Zstd, wide).is_err());
    }

    #[test]
    fn z_files_of_both_python_versions_are_read() {
        let zlib = bytes_of(SAMPLES[0].1);
        for (header, data_offset) in [
            ("ZF0xdc               ", 21),
            ("ZF0xdc                ", 22),
        ] {
            let mut packed = header.as_bytes().to_vec();
            packed.extend_from_slice(&zlib);
            let codec = Codec::detect(&packed).unwrap();
            assert_eq!(codec, Codec::ZFile { data_offset });
            assert_eq!(unpack(codec, packed).unwrap().len(), 220);
        }
    }

    #[test]
    fn a_stream_that_is_cut_anywhere_stays_cut() {
        for (codec, hex) in SAMPLES {
            let whole = bytes_of(hex);
            for len in 0..whole.len() {
                let cut = io::Cursor::new(whole[..len].to_vec());
                let Ok(mut stream) = codec.unpack(Box::new(cut)) else {
                    continue;
                };
                let mut buf = [0; 64];
                let ended = (0..100).find_map(|_| match stream.read(&mut buf) {
                    Ok(0) => Some(Ok(())),
                    Ok(_) => None,
                    Err(error) => Some(Err(error.kind())),
                });
                let again = stream.read(&mut buf).map_err(|e| e.kind());
                assert_eq!(ended, Some(again.map(|_| ())), "{codec} cut at {len}");
            }
        }
    }

    #[test]
    fn a_window_of_terabytes_is_refused() {
        let mut lzma = bytes_of(SAMPLES[3].1);
        lzma[1..5].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(unpack(Codec::Lzma, lzma).is_err());
    }
}
