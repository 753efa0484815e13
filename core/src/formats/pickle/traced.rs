//! A value of a pickle of which eight bytes are kept: its sort, and where its text stands or which name it is.

use super::findings::NameId;

/// A value of which only the sort and one number are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traced(u64);

/// Sorts of traced values; the number says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Sort {
    None,
    Bool,
    /// The number, biased.
    Int,
    /// Offset of its opcode in the stream.
    Text,
    Number,
    Bytes,
    List,
    /// Offset of the opcode that made it, as identity.
    Dict,
    Set,
    FrozenSet,
    /// Place in the pool of recent tuples, and length.
    Tuple,
    /// [`NameId`].
    Name,
    /// [`NameId`] of what made it.
    Object,
    /// Number of a numpy data type.
    Dtype,
    /// Number of a joblib array wrapper.
    Wrapper,
    /// Persistent ids, extension codes, buffers: 0, 1, 2.
    Foreign,
}

const SORTS: [Sort; 16] = [
    Sort::None,
    Sort::Bool,
    Sort::Int,
    Sort::Text,
    Sort::Number,
    Sort::Bytes,
    Sort::List,
    Sort::Dict,
    Sort::Set,
    Sort::FrozenSet,
    Sort::Tuple,
    Sort::Name,
    Sort::Object,
    Sort::Dtype,
    Sort::Wrapper,
    Sort::Foreign,
];

const SORT_BITS: u32 = 4;
pub(super) const INT_BIAS: i64 = 1 << 58;

impl Traced {
    /// No value at all.
    pub(super) const NOTHING: Self = Self::new(Sort::None, 0);

    pub(super) const fn new(sort: Sort, number: u64) -> Self {
        Self(number << SORT_BITS | sort as u64)
    }

    pub(super) fn sort(self) -> Sort {
        let index = usize::try_from(self.0 & ((1 << SORT_BITS) - 1)).unwrap_or(0);
        SORTS.get(index).copied().unwrap_or(Sort::Foreign)
    }

    pub(super) fn number(self) -> u64 {
        self.0 >> SORT_BITS
    }

    /// The number of this sort.
    pub(super) fn is(self, sort: Sort) -> Option<u64> {
        (self.sort() == sort).then(|| self.number())
    }

    pub(super) fn int(self) -> Option<i64> {
        let biased = self.is(Sort::Int)?;
        i64::try_from(biased).ok().map(|n| n - INT_BIAS)
    }

    /// The number that tells data types of one stream apart.
    pub(super) fn dtype(self) -> Option<u64> {
        self.is(Sort::Dtype)
    }

    pub(super) fn name(self, sort: Sort) -> Option<NameId> {
        let number = self.is(sort)?;
        u32::try_from(number).ok().map(NameId)
    }
}
