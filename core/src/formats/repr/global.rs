//! Classes, functions and constants that a pickle only names: what they most likely are, and how they print.

use super::libraries;
use crate::formats::made::dotted;
use crate::model::value::{Name, NodeId, Value};

/// The type of the global at a node.
pub(super) fn global_type(value: &Value, node: NodeId) -> &'static str {
    match value.name(node) {
        Some(name) if name.is("builtins", "Ellipsis") => "ellipsis",
        Some(name) if name.is("builtins", "NotImplemented") => "NotImplementedType",
        Some(Name {
            module, qualname, ..
        }) => Kind::of(module, qualname).type_name(),
        None => "function",
    }
}

/// How a global prints, without the address that a function has in memory.
pub(super) fn global_repr(module: &str, qualname: &str) -> String {
    let last = qualname.rsplit('.').next().unwrap_or_default();
    match (module, qualname) {
        ("builtins", "Ellipsis" | "NotImplemented") => qualname.to_owned(),
        _ if let Some(word) = libraries::constant(module, qualname) => word.to_owned(),
        _ => match Kind::of(module, qualname) {
            Kind::Class => format!("<class '{}'>", dotted(module, qualname)),
            Kind::Builtin => format!("<built-in function {qualname}>"),
            Kind::Ufunc => format!("<ufunc '{last}'>"),
            Kind::Method => {
                let class = qualname.split('.').next().unwrap_or_default();
                format!("<method '{last}' of '{class}' objects>")
            }
            Kind::Function => format!("<function {module}.{qualname}>"),
        },
    }
}

/// What a bare global most likely is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Class,
    /// A function written in C.
    Builtin,
    /// A function of numpy's that goes over whole arrays.
    Ufunc,
    /// A method of a built-in class, such as `str.upper`.
    Method,
    Function,
}

impl Kind {
    /// The type of such a global.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Class => "type",
            Self::Builtin => "builtin_function_or_method",
            Self::Ufunc => "numpy.ufunc",
            Self::Method => "method_descriptor",
            Self::Function => "function",
        }
    }

    pub(super) fn of(module: &str, qualname: &str) -> Self {
        let last = qualname.rsplit('.').next().unwrap_or_default();
        if is_class(module, qualname, last) {
            return Self::Class;
        }
        let in_class = qualname
            .split_once('.')
            .is_some_and(|(class, _)| has(BUILTIN_CLASSES, class));
        match module {
            "builtins" if in_class && !CLASS_METHODS.contains(&last) => Self::Method,
            "builtins" => Self::Builtin,
            _ if is_ufunc(module, last) => Self::Ufunc,
            "numpy" | "numpy.core.multiarray" if has(NUMPY_BUILTINS, last) => Self::Builtin,
            "functools" if matches!(last, "reduce" | "cmp_to_key") => Self::Builtin,
            _ if has(BUILTIN_MODULES, module) => Self::Builtin,
            _ => Self::Function,
        }
    }
}

/// True if the list has the word.
fn has(list: &str, word: &str) -> bool {
    list.split(' ').any(|known| known == word)
}

/// By convention only classes have a capital letter; these are the others that people name.
fn is_class(module: &str, qualname: &str, last: &str) -> bool {
    match module {
        "builtins" => {
            has(BUILTIN_CLASSES, qualname) || last.starts_with(|c: char| c.is_ascii_uppercase())
        }
        "numpy" => has(NUMPY_CLASSES, last),
        "itertools" => qualname == last && last != "tee",
        "ctypes" if last.starts_with("c_") => true,
        _ => {
            let is_listed = |(of, classes): &(&str, &str)| *of == module && has(classes, last);
            CLASSES.iter().any(is_listed)
                || last
                    .trim_start_matches('_')
                    .starts_with(|c: char| c.is_uppercase())
        }
    }
}

/// numpy pickles them as plain names since 1.20, in one module or the other; scipy has modules of nothing else.
fn is_ufunc(module: &str, name: &str) -> bool {
    match module {
        "numpy"
        | "numpy.core.umath"
        | "numpy.core._multiarray_umath"
        | "numpy._core.umath"
        | "numpy._core._multiarray_umath" => has(UFUNCS, name),
        "scipy.special._ufuncs" | "scipy.special._special_ufuncs" => {
            !matches!(name, "errstate" | "geterr" | "seterr")
        }
        _ => false,
    }
}

const BUILTIN_CLASSES: &str = "bool bytearray bytes classmethod complex dict enumerate filter float frozenset int list map \
    memoryview object property range reversed set slice staticmethod str super tuple type zip";

/// Methods of those that are bound to the class.
const CLASS_METHODS: &[&str] = &["fromhex", "fromkeys", "from_bytes", "maketrans", "__new__"];

/// Classes of the standard library without a capital letter.
const CLASSES: &[(&str, &str)] = &[
    (
        "collections",
        "deque defaultdict OrderedDict Counter ChainMap",
    ),
    ("datetime", "date datetime time timedelta timezone"),
    ("array", "array"),
    (
        "functools",
        "partial partialmethod cached_property singledispatchmethod",
    ),
    ("operator", "itemgetter attrgetter methodcaller"),
    ("_operator", "itemgetter attrgetter methodcaller"),
    (
        "contextlib",
        "suppress closing nullcontext redirect_stdout redirect_stderr chdir",
    ),
    ("_thread", "lock _local"),
    ("socket", "socket error gaierror herror timeout"),
    ("time", "struct_time"),
    ("os", "stat_result terminal_size times_result uname_result"),
    ("weakref", "ref finalize"),
    ("enum", "auto property nonmember member"),
    ("csv", "excel excel_tab unix_dialect"),
];

/// Modules written in C, whose functions all print as built-in ones.
const BUILTIN_MODULES: &str = "_bisect _codecs _csv _functools _hashlib _heapq _json _operator _pickle _random _signal _socket \
    _struct _thread binascii cmath fcntl gc grp marshal math nt posix pwd resource select sys time \
    unicodedata zlib";

/// Of numpy 1.13 to 2.5, under the names that pickles have.
const NUMPY_CLASSES: &str = "bool bool_ broadcast busdaycalendar bytes_ character chararray clongdouble complex128 complex256 \
    complex64 complexfloating datetime64 dtype errstate finfo flatiter flexible float128 float16 \
    float32 float64 floating generic iinfo inexact int16 int32 int64 int8 integer intc intp \
    longdouble longlong matrix memmap ndarray ndenumerate ndindex nditer number object_ poly1d \
    recarray record signedinteger str_ timedelta64 ufunc uint16 uint32 uint64 uint8 uintc uintp \
    ulonglong unsignedinteger vectorize void";

const NUMPY_BUILTINS: &str = "arange array asanyarray asarray ascontiguousarray asfortranarray datetime_data empty from_dlpack \
    frombuffer fromfile fromiter frompyfunc fromstring nested_iters promote_types zeros";

const UFUNCS: &str = "absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_count \
    bitwise_or bitwise_xor cbrt ceil conjugate copysign cos cosh deg2rad degrees divide divmod equal \
    exp exp2 expm1 fabs float_power floor floor_divide fmax fmin fmod frexp gcd greater \
    greater_equal heaviside hypot invert isfinite isinf isnan isnat lcm ldexp left_shift less \
    less_equal log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or \
    logical_xor matmul matvec maximum minimum modf multiply negative nextafter not_equal positive \
    power rad2deg radians reciprocal remainder right_shift rint sign signbit sin sinh spacing sqrt \
    square subtract tan tanh true_divide trunc vecdot vecmat";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_print_as_what_they_stand_for() {
        // repr() of CPython 3.13 and numpy 2.5, addresses left out.
        for (module, qualname, type_name, expected) in [
            ("numpy", "add", "numpy.ufunc", "<ufunc 'add'>"),
            (
                "numpy.core._multiarray_umath",
                "absolute",
                "numpy.ufunc",
                "<ufunc 'absolute'>",
            ),
            (
                "scipy.special._ufuncs",
                "expit",
                "numpy.ufunc",
                "<ufunc 'expit'>",
            ),
            ("numpy", "sum", "function", "<function numpy.sum>"),
            (
                "numpy",
                "zeros",
                "builtin_function_or_method",
                "<built-in function zeros>",
            ),
            ("numpy", "float32", "type", "<class 'numpy.float32'>"),
            (
                "_operator",
                "add",
                "builtin_function_or_method",
                "<built-in function add>",
            ),
            (
                "functools",
                "reduce",
                "builtin_function_or_method",
                "<built-in function reduce>",
            ),
            (
                "functools",
                "partial",
                "type",
                "<class 'functools.partial'>",
            ),
            ("itertools", "chain", "type", "<class 'itertools.chain'>"),
            ("array", "array", "type", "<class 'array.array'>"),
            (
                "builtins",
                "str.upper",
                "method_descriptor",
                "<method 'upper' of 'str' objects>",
            ),
            (
                "builtins",
                "len",
                "builtin_function_or_method",
                "<built-in function len>",
            ),
            ("builtins", "int", "type", "<class 'int'>"),
            (
                "math",
                "sin",
                "builtin_function_or_method",
                "<built-in function sin>",
            ),
            ("json", "dumps", "function", "<function json.dumps>"),
            (
                "mine",
                "Outer.method",
                "function",
                "<function mine.Outer.method>",
            ),
            ("mine", "_Private", "type", "<class 'mine._Private'>"),
        ] {
            assert_eq!(global_repr(module, qualname), expected);
            assert_eq!(
                Kind::of(module, qualname).type_name(),
                type_name,
                "{expected}"
            );
        }
    }
}
