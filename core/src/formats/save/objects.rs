//! Python objects on their way to a file: whole, or not at all.

use std::io::{self, Read as _};
use std::sync::Arc;

use super::batches::go_on;
use super::json;
use crate::formats::numpy::{ArrayView, Look};
use crate::formats::preview::{ArrayHandle, NoSideFiles, Preview};
use crate::formats::{Content, Element};
use crate::model::value::{Blob, Leaf, NodeId, Value};

/// Characters of one object that are written.
const MAX_CHARS: usize = 16 << 20;

/// A value with the bytes that its long texts were left in.
#[derive(Clone, Copy)]
pub(super) struct Objects<'a> {
    pub(super) value: &'a Arc<Value>,
    pub(super) content: &'a Content,
    pub(super) look: &'a Look<'a>,
}

impl<'a> Objects<'a> {
    /// Those of a preview.
    pub(super) fn of(preview: &'a Preview, look: &'a Look<'a>) -> Self {
        let (value, content) = match (&preview.table_handle, &preview.array_handle) {
            (Some(table), _) => (table.value(), table.content()),
            (None, Some(array)) => (array.value(), array.content()),
            (None, None) => (&preview.value, &preview.content),
        };
        Self {
            value,
            content,
            look,
        }
    }

    /// The array at `node`, if there is one.
    ///
    /// # Errors
    /// That its data are elsewhere.
    pub(super) fn array(&self, node: NodeId) -> io::Result<Option<ArrayHandle>> {
        let Some(view) = ArrayView::of(self.value, node) else {
            return Ok(None);
        };
        let handle = ArrayHandle::of(self.value, node, self.content, &NoSideFiles);
        let lack = || {
            unsaved(&format!(
                "the data of <{}> are in another file",
                view.label()
            ))
        };
        handle.ok_or_else(lack).map(Some)
    }

    /// What Python prints of the object at `node`.
    ///
    /// # Errors
    /// That something in it cannot be printed whole.
    pub(super) fn repr(&self, node: NodeId) -> io::Result<String> {
        let repr = self.value.repr(node, MAX_CHARS);
        let name = || self.value.type_name(node);
        if repr.has_stand_ins {
            return Err(unsaved(&format!("a {} in it holds arrays", name())));
        }
        if repr.is_cut {
            return Err(unsaved(&format!(
                "a {} in it is longer than {MAX_CHARS} characters, or holds texts that are long",
                name()
            )));
        }
        Ok(repr.text)
    }

    /// The text of a cell: text as it is, arrays as JSON, all other objects as Python prints them.
    ///
    /// # Errors
    /// What the system or the compression said, and what cannot be had whole.
    pub(super) fn cell(&self, node: NodeId, texts: &mut Texts<'a>) -> io::Result<Element> {
        go_on(self.look)?;
        if let Some(Leaf::Str(blob) | Leaf::Python2Str(blob)) = self.value.leaf(node) {
            let bytes = texts.whole(&blob)?;
            return Ok(Element::Text(String::from_utf8_lossy(&bytes).into_owned()));
        }
        Ok(Element::Repr(match self.array(node)? {
            Some(array) => json::array_text(&array, self.look, MAX_CHARS)?,
            None => self.repr(node)?,
        }))
    }
}

pub(super) fn unsaved(why: &str) -> io::Error {
    io::Error::other(format!("{why}, which this format cannot hold whole"))
}

/// Texts and bytes of which a head was kept, read where they lie.
pub(super) struct Texts<'a> {
    content: &'a Content,
    /// Packed bytes can only be read forward; where the stream is.
    stream: Option<(u64, Box<dyn io::Read + Send + 'a>)>,
}

impl<'a> Texts<'a> {
    pub(super) fn new(content: &'a Content) -> Self {
        Self {
            content,
            stream: None,
        }
    }

    /// All bytes of a blob.
    ///
    /// # Errors
    /// What the system or the compression said, and that the bytes end early.
    pub(super) fn whole(&mut self, blob: &Blob<'_>) -> io::Result<Vec<u8>> {
        if !blob.is_cut() {
            return Ok(blob.bytes.to_vec());
        }
        let offset = blob
            .offset
            .ok_or_else(|| unsaved("of a long text the head was kept"))?;
        let (at, mut stream) = match self.stream.take() {
            Some((at, stream)) if at <= offset && !self.content.is_plain() => (at, stream),
            _ => (offset, self.content.open(offset)?),
        };
        io::copy(&mut stream.by_ref().take(offset - at), &mut io::sink())?;
        let mut bytes = Vec::new();
        stream.by_ref().take(blob.len).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < blob.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.stream = Some((offset.saturating_add(blob.len), stream));
        Ok(bytes)
    }
}
