//! What looking into an array may cost, and how much of its elements is wanted.

use std::cell::Cell;
use std::fmt;
use std::io;

use crate::formats::Element;
use crate::model::value::{NodeId, Value};

/// What looking into an array may cost.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Bytes that may be read of plain data. Packed data are unpacked as far as the last byte that is needed.
    pub max_bytes: u64,
    /// Asked between two reads.
    pub is_cancelled: &'a dyn Fn() -> bool,
    /// Set where elements are written elsewhere: they are whole or an error, Python objects stay where they are
    /// ([`Element::Object`]), and no more is read at once than this allows. `None` for a glance.
    pub(crate) batch: Option<&'a Batch>,
}

/// What one batch of elements may still take in memory.
pub(crate) struct Batch {
    left: Cell<u64>,
}

/// Bytes of a batch.
const BATCH: u64 = 64 << 20;

impl Batch {
    pub(crate) fn new() -> Self {
        Self {
            left: Cell::new(BATCH),
        }
    }

    /// True if several times as much would have fitted.
    pub(crate) fn is_light(&self) -> bool {
        self.left.get() > BATCH / 4 * 3
    }
}

/// A batch of rows takes too much; one of fewer may not.
#[derive(Debug)]
struct TooMuch;

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a single row takes more than {} MiB", BATCH >> 20)
    }
}

impl std::error::Error for TooMuch {}

/// True if fewer rows may do what failed.
pub(crate) fn is_too_much(error: &io::Error) -> bool {
    let inner = error.get_ref();
    inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<TooMuch>)
}

impl Look<'_> {
    /// Heads of elements, however long it takes.
    pub(crate) const GLANCE: Look<'static> = Look {
        max_bytes: u64::MAX,
        is_cancelled: &|| false,
        batch: None,
    };

    /// True if elements are wanted whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.batch.is_some()
    }

    /// Takes `bytes` from what the batch may take; a glance is free.
    ///
    /// # Errors
    /// That they are too many ([`is_too_much`]).
    pub(crate) fn take(&self, bytes: u64) -> io::Result<()> {
        let Some(batch) = self.batch else {
            return Ok(());
        };
        let left = batch.left.get().checked_sub(bytes);
        batch
            .left
            .set(left.ok_or_else(|| io::Error::other(TooMuch))?);
        Ok(())
    }

    /// An element for each code: that of this number among `names`, null where there is none.
    ///
    /// # Errors
    /// As [`Self::take`]: names are copied, and a long one may be meant by every code.
    pub(crate) fn named(
        &self,
        codes: impl Iterator<Item = Option<u64>>,
        first: u64,
        names: &[Element],
    ) -> io::Result<Vec<Element>> {
        let name = |code: Option<u64>| {
            let at = code.and_then(|code| usize::try_from(code.checked_sub(first)?).ok());
            let name = at.and_then(|at| names.get(at)).unwrap_or(&Element::Null);
            self.take(name.size_bytes())?;
            Ok(name.clone())
        };
        codes.map(name).collect()
    }

    /// The Python object at `node` as an element.
    pub(crate) fn object(&self, value: &Value, node: NodeId) -> Element {
        if self.is_whole() {
            super::object::left_element(value, node)
        } else {
            super::object::element_of(value, node)
        }
    }
}
