//! Any stored value to what is shown of it: codecs peeled, carrier recognised, decoded within limits.

mod arrays;
mod envelope;
mod inside;
mod parts;
mod sparse;
mod tables;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

pub use arrays::ArrayHandle;
use envelope::opened;
pub(crate) use parts::is_one_pickle;
pub use parts::{PickleFile, PicklePart};
pub use sparse::SparseHandle;
pub use tables::{Table, TableHandle};

use super::compress::Codec;
use super::numpy::{ArraySummary, npy};
use super::pickle::Decoded;
use super::pyc::Header;
use super::{Content, Problem, ProblemKind, bson, marshal, pickle, plain};
use crate::error::Result;
use crate::model::value::{Call, NodeId};
use crate::model::{Limits, Value};
use crate::source::ReadAt;

/// What is known beforehand about the bytes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Carrier {
    /// Nothing: whatever the bytes say.
    #[default]
    Unknown,
    /// A pickle, compressed or not (joblib entries, shelves, diskcache mode 4).
    Pickle,
    /// A pickle written as base64 text (Django's database cache).
    Base64Pickle,
    /// JSON, compressed or not, by libraries that write other things as well: what is none is a pickle or text.
    Json,
    /// A stored response of a web server by a library with several serializers: a pickle, JSON, BSON or YAML.
    Response,
    /// `MessagePack` (hishel).
    MessagePack,
    /// Plain data that was rewritten as a pickle, with the word for what it was.
    Rewritten(&'static str),
    /// UTF-8 text.
    Text,
    /// UTF-8 text of a file that Python opens as text: each `\r\n` and `\r` is read as `\n` (diskcache's value files).
    TextFile,
    /// Bytes that the program stored as bytes; what they look like is said beside them.
    Bytes,
    /// A stream of Python's `marshal`.
    Marshal,
    /// A `.pyc` file: a header, then marshalled code.
    Pyc,
    /// A row's NULL: the bytes are not looked at.
    Null,
    /// A row's integer.
    Int(i64),
    /// A row's float.
    Float(f64),
}

impl Carrier {
    /// True for UTF-8 text.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::TextFile)
    }

    /// Text as Python reads it.
    pub(crate) fn lines(self, text: &str) -> Cow<'_, str> {
        if self == Self::TextFile && text.contains('\r') {
            Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
        } else {
            Cow::Borrowed(text)
        }
    }
}

/// What to look for, and what it may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Bounds on the decoding.
    pub limits: Limits,
    /// Read arrays whole for minimum, maximum, mean and the count of not-a-number.
    pub has_statistics: bool,
}

impl Options {
    /// For a glance: heads only.
    pub const GLANCE: Self = Self {
        limits: Limits::PREVIEW,
        has_statistics: false,
    };

    /// For `show`: arrays are streamed for their statistics.
    pub const SHOW: Self = Self {
        limits: Limits::PREVIEW,
        has_statistics: true,
    };
}

/// Opens the files that a value keeps beside itself (joblib before 0.10: `output.pkl_01.npy`).
pub trait SideFiles: Send + Sync {
    /// The file of that bare name in the value's own folder.
    ///
    /// # Errors
    /// If there is no such file, or the name is no bare name.
    fn open_side_file(&self, name: &str) -> Result<Arc<dyn ReadAt>>;

    /// False where there can be none.
    fn may_be_any(&self) -> bool {
        true
    }
}

/// For values that have no folder.
#[derive(Debug, Clone, Copy)]
pub struct NoSideFiles;

impl SideFiles for NoSideFiles {
    fn open_side_file(&self, name: &str) -> Result<Arc<dyn ReadAt>> {
        Err(crate::Error::not_found(
            format!(
                "Cannot open the side file {}",
                crate::model::text::quoted(name)
            ),
            "this value has no folder",
        ))
    }

    fn may_be_any(&self) -> bool {
        false
    }
}

/// Everything that `show` prints and the entry panel draws.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Codec chain, outermost first: `["zlib", "pickle 4", "ndarray"]`.
    pub codec: Vec<String>,
    /// Qualified Python type, `builtins` left out: `int`, `collections.OrderedDict`.
    pub value_type: String,
    /// One line: `ndarray float64 (1000, 12) C`, `dict, 41 keys`.
    pub summary: String,
    /// The decoded value.
    pub value: Arc<Value>,
    /// What of it is shown: its root, or a part of it.
    pub node: NodeId,
    /// True if a limit or damage left something out of `value`.
    pub is_truncated: bool,
    /// Every global that the bytes name, `module.name`, in order of appearance.
    pub globals: Vec<String>,
    /// Every call that decoding in Python would make.
    pub calls: Vec<Call>,
    /// Where the value is an array.
    pub array: Option<ArraySummary>,
    /// The same array, to look into.
    pub array_handle: Option<ArrayHandle>,
    /// Where the value is a data frame or series.
    pub table: Option<Table>,
    /// The same table, to look into.
    pub table_handle: Option<TableHandle>,
    /// Where the value is a sparse matrix of scipy's, to look into.
    pub sparse_handle: Option<SparseHandle>,
    /// What is wrong with the bytes, and limits reached.
    pub problems: Vec<Problem>,
    /// The bytes behind their compression, for hex and for saving.
    pub content: Content,
}

/// What a deep check of one value found.
#[derive(Debug, Clone, Default)]
pub struct ValueCheck {
    /// What is wrong with the bytes, and limits reached.
    pub problems: Vec<Problem>,
    /// Every global that the bytes name.
    pub globals: Vec<String>,
    /// Every call that decoding in Python would make.
    pub calls: Vec<Call>,
    /// False if a limit ended the reading before the value's end.
    pub is_read_to_end: bool,
}

/// Decodes a stored value as far as the limits and its bytes allow; damage is told in the preview.
///
/// # Errors
/// Only what the system said while reading.
pub fn open_value(
    bytes: Arc<dyn ReadAt>,
    carrier: Carrier,
    side_files: &dyn SideFiles,
    options: &Options,
) -> Result<Preview> {
    let (content, envelope) = opened(peel(bytes, carrier), carrier);
    let scalar = match carrier {
        Carrier::Null => Some(Value::none()),
        Carrier::Int(value) => Some(Value::of_int(value)),
        Carrier::Float(value) => Some(Value::of_float(value)),
        _ => None,
    };
    if let Some(value) = scalar {
        return Ok(Preview::of_value(value, content, "native"));
    }
    let head = content.head(HEAD_LEN);
    let mut preview = match carrier {
        Carrier::Pickle | Carrier::Base64Pickle => of_pickle(content, side_files, options),
        Carrier::Rewritten(word) => Preview {
            codec: vec![word.to_owned()],
            ..of_pickle(content, side_files, options)
        },
        Carrier::Json | Carrier::Response if is_pickle(&content, carrier, &head) => {
            of_pickle(content, side_files, options)
        }
        Carrier::Json | Carrier::Response | Carrier::MessagePack => {
            of_plain(content, carrier, &head, options)
        }
        Carrier::Unknown if head.starts_with(npy::MAGIC) => of_npy(content, options),
        Carrier::Unknown if pickle::is_likely(&head) => of_pickle(content, side_files, options),
        Carrier::Marshal | Carrier::Pyc => of_marshal(content, carrier, options),
        _ => of_raw(content, carrier, &head),
    };
    if let Some(envelope) = envelope {
        preview.codec.insert(0, envelope.to_owned());
    }
    Ok(preview)
}

fn of_pickle(content: Content, side_files: &dyn SideFiles, options: &Options) -> Preview {
    let started = Instant::now();
    let decoded = pickle::decode(&content, &options.limits);
    of_decoded(decoded, content, started, side_files, options)
}

fn of_decoded(
    decoded: Decoded,
    content: Content,
    started: Instant,
    side_files: &dyn SideFiles,
    options: &Options,
) -> Preview {
    let carrier = format!("pickle {}", decoded.protocol);
    let mut problems = decoded.problems;
    problems.extend(arrays::missing_parts(&decoded.value, side_files));
    let mut preview = Preview {
        is_truncated: !decoded.is_complete,
        globals: decoded.globals,
        calls: decoded.calls,
        problems,
        ..Preview::of_value(decoded.value, content, &carrier)
    };
    preview.look_at(started, side_files, options);
    preview
}

fn of_npy(content: Content, options: &Options) -> Preview {
    let started = Instant::now();
    let view = npy::open(&content);
    let mut preview = Preview::of_value(Value::missing(), content, "npy");
    match view {
        Ok(view) => {
            let n_missing = view.missing_bytes(preview.content.len());
            if n_missing > 0 {
                let message =
                    format!("expected {n_missing} more bytes of array data, found the end");
                let end = preview.content.len().unwrap_or(0);
                let problem = Problem::new(ProblemKind::Damaged, end, message);
                preview.problems.push(problem);
                preview.is_truncated = true;
            }
            let handle = ArrayHandle::of_npy(view, preview.content.clone());
            preview.show_array(handle, started, options);
        }
        Err(why) => {
            preview
                .problems
                .push(Problem::new(ProblemKind::Damaged, 0, why));
            preview.is_truncated = true;
        }
    }
    preview
}

fn of_plain(content: Content, carrier: Carrier, head: &[u8], options: &Options) -> Preview {
    let (bytes, cut) = held(&content, options);
    let (word, rewritten) = match carrier {
        Carrier::MessagePack => ("msgpack", plain::from_message_pack(&bytes)),
        Carrier::Response if bson::is_one(&bytes) => ("bson", bson::to_pickle(&bytes)),
        _ => ("json", plain::from_json(&bytes)),
    };
    let pickle = match rewritten {
        Ok(pickle) => pickle,
        Err(why) => {
            let is_text = carrier != Carrier::MessagePack && is_utf8(head);
            let raw = if is_text {
                Carrier::Text
            } else {
                Carrier::Bytes
            };
            let mut preview = of_raw(content, raw, head);
            if cut.is_some() {
                preview.problems.extend(cut);
            } else if carrier == Carrier::Response && !(is_text && is_block_yaml(head)) {
                let message = format!("expected a pickle, JSON, BSON or YAML: {why}");
                let problem = Problem::new(ProblemKind::Damaged, 0, message);
                preview.problems.push(problem);
            }
            return preview;
        }
    };
    // Its long texts cannot be read again: what they stand in is not `content`.
    let decoded = pickle::decode_whole(pickle, &options.limits);
    Preview {
        is_truncated: !decoded.is_complete,
        ..Preview::of_value(decoded.value, content, word)
    }
}

/// Bytes of a value in a notation that is decoded in memory, whatever the limits allow besides.
const MAX_HELD: u64 = 64 << 20;

/// The bytes of such a value, and what is to be said if they are not all.
fn held(content: &Content, options: &Options) -> (Vec<u8>, Option<Problem>) {
    let limit = options.limits.output_bytes.min(MAX_HELD);
    let mut bytes = content.head(
        usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .saturating_add(1),
    );
    if bytes.len() as u64 <= limit {
        return (bytes, None);
    }
    bytes.pop();
    let message = format!("it has more than the {limit} bytes that are decoded of such a value");
    (
        bytes,
        Some(Problem::new(ProblemKind::Limit, limit, message)),
    )
}

/// True for a pickle, and not for BSON, whose length can look like a pickle's first byte.
fn is_pickle(content: &Content, carrier: Carrier, head: &[u8]) -> bool {
    pickle::is_likely(head)
        && !(carrier == Carrier::Response
            && content.len().is_some_and(|len| bson::is_of(head, len)))
}

/// True for text whose end may stand in the middle of a character.
fn is_utf8(head: &[u8]) -> bool {
    match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(e) => e.error_len().is_none() && head.len() == HEAD_LEN,
    }
}

/// True for YAML in the form that libraries write: a member at the beginning of its first line, and no zero byte.
fn is_block_yaml(head: &[u8]) -> bool {
    let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
    let is_member = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    line.first().is_some_and(is_member) && line.contains(&b':') && !head.contains(&0)
}

fn of_marshal(content: Content, carrier: Carrier, options: &Options) -> Preview {
    let (bytes, cut) = held(&content, options);
    let (word, decoded) = match Header::parse(&bytes).filter(|_| carrier == Carrier::Pyc) {
        Some(header) => (
            "pyc",
            marshal::decode(&bytes, header.len, header.layout(), &options.limits),
        ),
        None => ("marshal", marshal::decode_bare(&bytes, &options.limits)),
    };
    Preview {
        is_truncated: decoded.problem.is_some(),
        calls: decoded.calls,
        problems: decoded
            .problem
            .map(|problem| cut.unwrap_or(problem))
            .into_iter()
            .collect(),
        ..Preview::of_value(decoded.value, content, word)
    }
}

fn of_raw(content: Content, carrier: Carrier, head: &[u8]) -> Preview {
    let is_text = carrier.is_text();
    let value = match std::str::from_utf8(head) {
        Ok(text) if is_text => Value::of_str(&carrier.lines(text)),
        Err(e) if is_text && is_utf8(head) => {
            let sound = head.get(..e.valid_up_to()).unwrap_or_default();
            Value::of_str(&carrier.lines(&String::from_utf8_lossy(sound)))
        }
        _ => Value::of_bytes(head),
    };
    let is_truncated = content.len() != Some(head.len() as u64);
    Preview {
        is_truncated,
        ..Preview::of_value(value, content, if is_text { "text" } else { "bytes" })
    }
}

impl Preview {
    /// The array at `node`; `None` if there is none.
    pub fn array_at(&self, node: NodeId, side_files: &dyn SideFiles) -> Option<ArrayHandle> {
        ArrayHandle::of(&self.value, node, &self.content, side_files)
    }

    /// The data frame or series at `node`; `None` if there is none.
    pub fn table_at(&self, node: NodeId) -> Option<TableHandle> {
        TableHandle::of(&self.value, node, &self.content)
    }

    /// The sparse matrix at `node`; `None` if there is none.
    pub fn sparse_at(&self, node: NodeId) -> Option<SparseHandle> {
        SparseHandle::of(&self.value, node, &self.content)
    }

    fn show_table(&mut self, handle: TableHandle) {
        match handle.head() {
            Ok(table) => self.table = Some(table),
            Err(error) => self.problems.push(Problem::new(
                ProblemKind::Damaged,
                0,
                format!("expected the data of a table: {error}"),
            )),
        }
        self.summary = handle.label(&self.value_type);
        self.table_handle = Some(handle);
    }

    fn show_array(&mut self, handle: ArrayHandle, started: Instant, options: &Options) {
        let time = options.limits.time.saturating_sub(started.elapsed());
        let time = options.has_statistics.then_some(time);
        match handle.summary(time, &|| false) {
            Ok(summary) => self.array = Some(summary),
            Err(error) => self.problems.push(Problem::new(
                ProblemKind::Damaged,
                0,
                format!("expected the data of an array: {error}"),
            )),
        }
        self.codec.push("ndarray".to_owned());
        self.value_type.clone_from(&handle.view.class);
        self.summary = handle.view.label();
        self.array_handle = Some(handle);
    }

    fn of_value(value: Value, content: Content, carrier: &str) -> Self {
        let mut codec: Vec<String> = content.codecs().iter().map(ToString::to_string).collect();
        codec.push(carrier.to_owned());
        Self {
            codec,
            value_type: value.type_name(value.root()),
            summary: value.label(value.root()),
            node: value.root(),
            value: Arc::new(value),
            is_truncated: false,
            globals: Vec::new(),
            calls: Vec::new(),
            array: None,
            array_handle: None,
            table: None,
            table_handle: None,
            sparse_handle: None,
            problems: Vec::new(),
            content,
        }
    }
}

/// Bytes of a value's head that are looked at to tell what it is, and kept of plain text and bytes.
const HEAD_LEN: usize = 64 << 10;

/// Bytes behind a known wrapping that are kept unpacked.
const UNPACKED_BYTES: u64 = 4 << 20;

fn peel(bytes: Arc<dyn ReadAt>, carrier: Carrier) -> Content {
    let content = Content::plain(bytes);
    match carrier {
        // joblib goes by one or two bytes, and so does what it wrote.
        Carrier::Pickle => content.peel(Codec::detect),
        Carrier::Base64Pickle => {
            let unpacked = content.behind(&[Codec::Base64]);
            unpacked.unpacked_up_to(UNPACKED_BYTES).peel(Codec::detect)
        }
        Carrier::Unknown | Carrier::Json | Carrier::Response => {
            content.peel(Codec::detect_strictly)
        }
        _ => content,
    }
}

/// Reads a stored value to its end, keeping nothing but what is wrong with it and what it would call.
///
/// # Errors
/// Only what the system said while reading.
pub fn check_value(
    bytes: Arc<dyn ReadAt>,
    carrier: Carrier,
    side_files: &dyn SideFiles,
    limits: &Limits,
) -> Result<ValueCheck> {
    let (content, _) = opened(peel(Arc::clone(&bytes), carrier), carrier);
    let head = content.head(HEAD_LEN);
    let is_pickle = match carrier {
        Carrier::Pickle | Carrier::Base64Pickle | Carrier::Rewritten(_) => true,
        Carrier::Json | Carrier::Response => is_pickle(&content, carrier, &head),
        Carrier::Unknown => !head.starts_with(npy::MAGIC) && pickle::is_likely(&head),
        _ => false,
    };
    if is_pickle {
        let mut checked = pickle::check(&content, limits);
        if checked
            .globals
            .iter()
            .any(|name| name.ends_with("NDArrayWrapper"))
        {
            let decoded = pickle::decode(&content, limits);
            let missing = arrays::missing_parts(&decoded.value, side_files);
            checked.problems.extend(missing);
        }
        return Ok(ValueCheck {
            problems: checked.problems,
            globals: checked.globals,
            calls: checked.calls,
            is_read_to_end: checked.is_read_to_end,
        });
    }
    let options = Options {
        limits: *limits,
        has_statistics: false,
    };
    let preview = open_value(bytes, carrier, side_files, &options)?;
    Ok(ValueCheck {
        is_read_to_end: !preview.is_truncated,
        problems: preview.problems,
        globals: preview.globals,
        calls: preview.calls,
    })
}
