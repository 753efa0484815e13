//! Text and bytes inside a value to what they are: JSON, a picture, HTML, text. Runs as work of our own, off the UI thread.

use std::io::{Cursor, Read as _};
use std::sync::Arc;

use cachescope_core::formats::Content;
use cachescope_core::formats::compress::Codec;
use egui::ColorImage;

use super::state::Json;

/// Bytes of a body that are looked at.
const MAX_BYTES: u64 = 16 << 20;
/// Characters of text that are shown.
const MAX_CHARS: usize = 1_000_000;
/// Pixels along a side of a picture as it is shown; larger ones are shrunk.
const MAX_SIDE: u32 = 1024;
/// Pixels along a side of a picture that is decoded at all, and what decoding may take.
const MAX_PICTURE: u32 = 20_000;
const MAX_ALLOC: u64 = 256 << 20;

/// Where a body lies.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) content: Content,
    pub(crate) start: u64,
    pub(crate) len: u64,
}

/// What text or bytes turned out to be.
pub(crate) struct Body {
    /// Compressions around it, outermost first.
    pub(crate) codecs: Vec<&'static str>,
    /// True if it is longer than what was looked at.
    pub(crate) is_cut: bool,
    pub(crate) kind: Kind,
    /// The text, where it is text: also of JSON and HTML.
    pub(crate) text: Option<String>,
}

/// The kinds that are shown as more than bytes.
pub(crate) enum Kind {
    /// Parsed.
    Json(Arc<Json>),
    /// Decoded, perhaps shrunk; its own width and height, and the name of its format.
    Picture(ColorImage, [u32; 2], &'static str),
    /// A picture that could not be decoded, and why.
    Broken(String),
    /// Markup: shown as its source.
    Html,
    /// Text.
    Text,
    /// None of these.
    Bytes,
}

impl Body {
    /// Reads a body and finds out what it is.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub(crate) fn read(place: &Place) -> std::io::Result<Self> {
        let mut bytes = Vec::new();
        let wanted = place.len.min(MAX_BYTES);
        place
            .content
            .open(place.start)?
            .take(wanted)
            .read_to_end(&mut bytes)?;
        let content = Content::of_bytes(bytes).peel(Codec::detect_strictly);
        let limit = usize::try_from(MAX_BYTES).unwrap_or(usize::MAX);
        let bytes = content.head(limit);
        let is_cut = place.len > wanted || bytes.len() == limit;
        let codecs = content.codecs().into_iter().map(Codec::name).collect();
        Ok(Self {
            codecs,
            ..Self::of(&bytes, is_cut)
        })
    }

    fn of(bytes: &[u8], is_cut: bool) -> Self {
        let made = |kind, text| Self {
            codecs: Vec::new(),
            is_cut,
            kind,
            text,
        };
        if let Some(kind) = picture(bytes) {
            return made(kind, None);
        }
        let Some(text) = text(bytes, is_cut) else {
            return made(Kind::Bytes, None);
        };
        let head = text.trim_start();
        let kind = if head.starts_with(['{', '[']) {
            // Numbers alone and words in quotes are JSON too, and read as well as text.
            Json::parse(text).map_or(Kind::Text, |json| Kind::Json(Arc::new(json)))
        } else if is_html(head) {
            Kind::Html
        } else {
            Kind::Text
        };
        let end = text
            .char_indices()
            .nth(MAX_CHARS)
            .map_or(text.len(), |(at, _)| at);
        made(kind, Some(text.get(..end).unwrap_or_default().to_owned()))
    }
}

/// The text that bytes are; what a cut left of a last character is dropped.
fn text(bytes: &[u8], is_cut: bool) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if is_cut && error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}');
    text.chars().take(4096).all(is_text).then_some(text)
}

fn is_html(head: &str) -> bool {
    let start: String = head
        .chars()
        .take(64)
        .collect::<String>()
        .to_ascii_lowercase();
    ["<!doctype", "<html", "<head", "<body", "<?xml", "<svg"]
        .iter()
        .any(|tag| start.starts_with(tag))
}

/// A picture by its first bytes; `None` if it is none.
fn picture(bytes: &[u8]) -> Option<Kind> {
    let format = image::guess_format(bytes).ok()?;
    if !format.reading_enabled() {
        return None;
    }
    let name = match format {
        image::ImageFormat::Png => "PNG",
        image::ImageFormat::Jpeg => "JPEG",
        image::ImageFormat::Gif => "GIF",
        image::ImageFormat::WebP => "WebP",
        _ => return None,
    };
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_PICTURE);
    limits.max_image_height = Some(MAX_PICTURE);
    limits.max_alloc = Some(MAX_ALLOC);
    let mut reader = image::ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let picture = match reader.decode() {
        Ok(picture) => picture,
        Err(why) => {
            return Some(Kind::Broken(format!(
                "This {name} cannot be decoded: {why}"
            )));
        }
    };
    let size = [picture.width(), picture.height()];
    let shown = if size.iter().any(|side| *side > MAX_SIDE) {
        picture.thumbnail(MAX_SIDE, MAX_SIDE)
    } else {
        picture
    };
    let shown = shown.into_rgba8();
    let side = |n: u32| usize::try_from(n).unwrap_or(0);
    let pixels = ColorImage::from_rgba_unmultiplied(
        [side(shown.width()), side(shown.height())],
        shown.as_raw(),
    );
    Some(Kind::Picture(pixels, size, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: &[u8]) -> &'static str {
        match Body::of(bytes, false).kind {
            Kind::Json(_) => "json",
            Kind::Picture(..) => "picture",
            Kind::Broken(_) => "broken",
            Kind::Html => "html",
            Kind::Text => "text",
            Kind::Bytes => "bytes",
        }
    }

    #[test]
    fn bodies_are_known_by_what_they_begin_with() {
        for (bytes, expected) in [
            (&b" {\"a\": [1, 2]}"[..], "json"),
            (b"{not json}", "text"),
            (b"<!DOCTYPE html><p>", "html"),
            (b"plain words\n", "text"),
            (b"\x00\x01\x02", "bytes"),
            (b"\xff\xfe", "bytes"),
            (b"\x89PNG\r\n\x1a\nnothing more", "broken"),
            (
                include_bytes!("../../../assets/icon/cachescope-16.png"),
                "picture",
            ),
        ] {
            assert_eq!(
                kind(bytes),
                expected,
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn a_picture_that_claims_to_be_huge_is_not_decoded() {
        // The header of a PNG of 2^31 - 1 pixels a side, as the standard lets it claim.
        let mut bytes =
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\0\0\0"
                .to_vec();
        bytes.extend([0; 64]);
        assert_eq!(kind(&bytes), "broken");
    }

    #[test]
    fn a_character_that_a_cut_tore_does_not_make_bytes_of_text() {
        assert_eq!(text("Zürich".as_bytes().get(..2).unwrap(), true), Some("Z"));
        assert_eq!(text("Zürich".as_bytes().get(..2).unwrap(), false), None);
    }
}
