//! The fields of a code object, which nearly every Python orders anew (`Python/marshal.c: w_object, TYPE_CODE`).

/// Field order of code objects in a range of Python versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeLayout {
    /// Python 2.7.
    V2,
    /// Python 3.0 to 3.7.
    V3,
    /// Python 3.8 to 3.10: positional-only parameters.
    V3_8,
    /// Python 3.11 and newer: local names in one list, exception table.
    V3_11,
}

/// One field of a code object.
#[derive(Debug)]
pub(super) struct Field {
    /// Python's attribute.
    pub(super) name: &'static str,
    /// True for a bare 32-bit number, false for an object.
    pub(super) is_number: bool,
}

const fn number(name: &'static str) -> Field {
    Field {
        name,
        is_number: true,
    }
}

const fn object(name: &'static str) -> Field {
    Field {
        name,
        is_number: false,
    }
}

impl CodeLayout {
    pub(super) const NEWEST_FIRST: [Self; 4] = [Self::V3_11, Self::V3_8, Self::V3, Self::V2];

    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            Self::V2 => &V2,
            Self::V3 => &V3,
            Self::V3_8 => &V3_8,
            Self::V3_11 => &V3_11,
        }
    }
}

static V2: [Field; 14] = [
    number("co_argcount"),
    number("co_nlocals"),
    number("co_stacksize"),
    number("co_flags"),
    object("co_code"),
    object("co_consts"),
    object("co_names"),
    object("co_varnames"),
    object("co_freevars"),
    object("co_cellvars"),
    object("co_filename"),
    object("co_name"),
    number("co_firstlineno"),
    object("co_lnotab"),
];

static V3: [Field; 15] = [
    number("co_argcount"),
    number("co_kwonlyargcount"),
    number("co_nlocals"),
    number("co_stacksize"),
    number("co_flags"),
    object("co_code"),
    object("co_consts"),
    object("co_names"),
    object("co_varnames"),
    object("co_freevars"),
    object("co_cellvars"),
    object("co_filename"),
    object("co_name"),
    number("co_firstlineno"),
    object("co_lnotab"),
];

static V3_8: [Field; 16] = [
    number("co_argcount"),
    number("co_posonlyargcount"),
    number("co_kwonlyargcount"),
    number("co_nlocals"),
    number("co_stacksize"),
    number("co_flags"),
    object("co_code"),
    object("co_consts"),
    object("co_names"),
    object("co_varnames"),
    object("co_freevars"),
    object("co_cellvars"),
    object("co_filename"),
    object("co_name"),
    number("co_firstlineno"),
    object("co_linetable"),
];

static V3_11: [Field; 16] = [
    number("co_argcount"),
    number("co_posonlyargcount"),
    number("co_kwonlyargcount"),
    number("co_stacksize"),
    number("co_flags"),
    object("co_code"),
    object("co_consts"),
    object("co_names"),
    object("co_localsplusnames"),
    object("co_localspluskinds"),
    object("co_filename"),
    object("co_name"),
    object("co_qualname"),
    number("co_firstlineno"),
    object("co_linetable"),
    object("co_exceptiontable"),
];
