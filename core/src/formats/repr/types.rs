//! The Python type of a value, as far as it is recorded.

use super::function::ByValue;
use super::global;
use crate::formats::made::{Made, attribute_name, callable_name, dotted};
use crate::formats::numpy::{Dtype, Scalar};
use crate::formats::{bytes, joblib};
use crate::model::Kind;
use crate::model::value::{NodeId, Tag, Value};

/// Qualified name of the type, `builtins` left out.
pub(super) fn type_name(value: &Value, node: NodeId) -> String {
    let word = match value.kind(node) {
        Kind::Missing => "?",
        Kind::None => "NoneType",
        Kind::Bool => "bool",
        Kind::Int => "int",
        Kind::Float => "float",
        Kind::Str => "str",
        Kind::Bytes => "bytes",
        Kind::ByteArray => "bytearray",
        Kind::List => "list",
        Kind::Tuple => "tuple",
        Kind::Set => "set",
        Kind::FrozenSet => "frozenset",
        Kind::Dict => "dict",
        Kind::PersistentId => "persistent id",
        Kind::Extension => "extension",
        Kind::Buffer => "buffer",
        Kind::Global => return global::global_type(value, node).to_owned(),
        Kind::Array => {
            let wrapper = value.block(node).map(|block| block.wrapper);
            return wrapper
                .and_then(|wrapper| joblib::wrapper_of(value, &wrapper).ok())
                .map_or_else(|| "numpy.ndarray".to_owned(), |w| w.subclass);
        }
        Kind::Object => return object_type(value, node),
    };
    word.to_owned()
}

fn object_type(value: &Value, node: NodeId) -> String {
    if bytes::bytes_of(value, node).is_some() {
        return "bytes".to_owned();
    }
    match ByValue::of(value, node) {
        Some(ByValue::Function(_)) => return "function".to_owned(),
        Some(ByValue::Class(_)) => return "type".to_owned(),
        None => {}
    }
    let Some(made) = Made::of(value, node) else {
        return match value
            .object(node)
            .map(|object| ByValue::of(value, object.callee))
        {
            Some(Some(ByValue::Class(class))) => class,
            _ => "object".to_owned(),
        };
    };
    let class_argument = |at: usize| {
        let (module, qualname) = callable_name(value, *made.args.get(at)?)?;
        Some(dotted(&module, &qualname))
    };
    let known = match (&*made.module, &*made.qualname) {
        ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => scalar_type(value, &made),
        ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct")
        | ("numpy.ma.core", "_mareconstruct")
        | ("array", "_array_reconstructor")
        | ("pandas.core.indexes.base", "_new_Index")
        | ("pandas.core.indexes.datetimes", "_new_DatetimeIndex")
        | ("pandas.core.indexes.period", "_new_PeriodIndex")
        | ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked")
        | ("dateutil.tz._tzfile", "_unpickle") => class_argument(0),
        ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => {
            Some("numpy.ndarray".to_owned())
        }
        ("numpy.core" | "numpy._core", "_ufunc_reconstruct") => Some("numpy.ufunc".to_owned()),
        ("re", "_compile") => Some("re.Pattern".to_owned()),
        ("zoneinfo", "ZoneInfo._unpickle") => Some("zoneinfo.ZoneInfo".to_owned()),
        ("builtins", "getattr") => attribute_name(value, &made).map(|(module, qualname)| {
            let kind = global::Kind::of(&module, &qualname);
            kind.type_name().to_owned()
        }),
        ("pandas._libs.tslibs.timestamps", "_unpickle_timestamp") => {
            Some("pandas._libs.tslibs.timestamps.Timestamp".to_owned())
        }
        ("pandas._libs.tslibs.timedeltas", "_timedelta_unpickle") => {
            Some("pandas._libs.tslibs.timedeltas.Timedelta".to_owned())
        }
        ("pandas._libs.tslibs.nattype", "_nat_unpickle" | "__nat_unpickle") => {
            Some("pandas._libs.tslibs.nattype.NaTType".to_owned())
        }
        (
            "joblib.numpy_pickle" | "joblib.numpy_pickle_compat",
            "NDArrayWrapper" | "ZNDArrayWrapper",
        ) => Some("numpy.ndarray".to_owned()),
        _ => None,
    };
    known.unwrap_or_else(|| made.type_name())
}

/// The class of a numpy scalar follows from its data type; a scalar of type object is the object itself.
fn scalar_type(value: &Value, made: &Made<'_>) -> Option<String> {
    let node = *made.args.first()?;
    let dtype = Dtype::from_value(value, node).ok()?;
    let class = match scalar_class(value, node, &dtype)? {
        // Renamed with numpy 2, as the module was.
        bool if bool == "bool" && made.module == "numpy.core.multiarray" => "bool_".to_owned(),
        // numpy 1 named the wide floats by their size.
        long if long.ends_with("longdouble") && made.module == "numpy.core.multiarray" => {
            dtype.name()
        }
        class => class,
    };
    Some(format!("numpy.{class}"))
}

/// True for the type of a record array's elements, which names their class instead of a code.
pub(super) fn is_record(value: &Value, dtype: NodeId) -> bool {
    let code = value
        .object(dtype)
        .and_then(|made| value.item(made.args, 0));
    let class = code.and_then(|code| value.name(code));
    class.is_some_and(|class| &*class.module == "numpy" && &*class.qualname == "record")
}

/// numpy's scalar class for the data type at a node, without its module.
pub(super) fn scalar_class(value: &Value, node: NodeId, dtype: &Dtype) -> Option<String> {
    Some(match dtype.scalar {
        Scalar::Void if is_record(value, node) => "record".to_owned(),
        Scalar::Bool => "bool".to_owned(),
        Scalar::Bytes => "bytes_".to_owned(),
        Scalar::Str => "str_".to_owned(),
        Scalar::Void => "void".to_owned(),
        Scalar::DateTime(_) => "datetime64".to_owned(),
        Scalar::TimeDelta(_) => "timedelta64".to_owned(),
        Scalar::Float if dtype.item_size > 8 => "longdouble".to_owned(),
        Scalar::Complex if dtype.item_size > 16 => "clongdouble".to_owned(),
        Scalar::Object | Scalar::VariableStr(_) => return None,
        Scalar::Int | Scalar::UInt | Scalar::Float | Scalar::Complex => dtype.name(),
    })
}

impl Value {
    /// The raw array block at `node`.
    pub(crate) fn block(&self, node: NodeId) -> Option<&crate::model::value::RawBlock> {
        let cell = self.cell(node)?;
        (cell.tag() == Tag::Block)
            .then(|| self.blocks.get(cell.payload as usize))
            .flatten()
    }
}
