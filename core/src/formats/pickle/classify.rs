//! What a call of a global would do, by its name: known data constructors, known ways to run code, all else unknown.
//!
//! Lists of dangerous names always lose against somebody (`safety.md` of the design says so), therefore the list that
//! counts is the first: only what stands there is called data, and nothing is ever called safe.

mod code;
mod data;

use crate::model::CallClass;
use code::{ANYWHERE, BUILTIN_CODE, CODE, CODE_MODULES, WAYS};
use data::{BUILTIN_DATA, DATA};

/// The class of calling `module.qualname`.
pub(super) fn classify(module: &str, qualname: &str) -> CallClass {
    // What NEWOBJ calls unnamed: an instance of the class is made and nothing else.
    if let Some(class) = qualname.strip_suffix(".__new__")
        && is_plain_class(module, class)
    {
        return classify(module, class).max(CallClass::Unknown);
    }
    if is_data(module, qualname) {
        CallClass::Data
    } else if is_code(module, qualname) {
        CallClass::Code
    } else {
        CallClass::Unknown
    }
}

/// True unless instances of the class call others, or what it makes is looked at by its name.
fn is_plain_class(module: &str, class: &str) -> bool {
    let is_function_like = is_or_below(module, &["functools", "_functools", "copyreg", "types"]);
    !is_function_like && !class.contains("__") && (module != "builtins" || is_data(module, class))
}

/// True if merely importing the module does more than define things.
pub(super) fn import_acts(module: &str) -> bool {
    is_or_below(
        module,
        &["antigravity", "this", "test", "turtledemo", "idlelib"],
    ) || module.ends_with("__main__") && module != "__main__"
}

/// True for what makes plain data and does nothing else.
pub(crate) fn is_data(module: &str, qualname: &str) -> bool {
    if qualname.contains('.') {
        return module == "zoneinfo" && qualname == "ZoneInfo._unpickle";
    }
    if module == "builtins" {
        return BUILTIN_DATA.contains(&qualname) || is_exception(qualname);
    }
    DATA.iter()
        .any(|(m, names)| *m == module && (names.is_empty() || names.contains(&qualname)))
}

/// The exception classes of `builtins` share their endings.
pub(crate) fn is_exception(name: &str) -> bool {
    [
        "Error",
        "Exception",
        "Warning",
        "Interrupt",
        "Exit",
        "Iteration",
    ]
    .iter()
    .any(|ending| name.ends_with(ending))
}

fn is_code(module: &str, qualname: &str) -> bool {
    let parts = || qualname.split('.');
    let last = parts().next_back().unwrap_or_default();
    // `shutil` + `os.system`: a way through one module into another, or into an object's insides.
    let is_way_through = parts().any(|part| {
        // `random._os` is a way as well.
        WAYS.contains(&part.trim_start_matches('_'))
            || part.starts_with("__") && part.ends_with("__") && part.len() > 4
    });
    is_way_through
        || module == "builtins" && BUILTIN_CODE.contains(&qualname)
        || ANYWHERE.contains(&last)
        || is_or_below(module, CODE_MODULES) && !is_held(module, qualname)
        || CODE
            .iter()
            .any(|(m, names)| is_or_below(module, &[m]) && names.contains(&last))
        || is_or_below(module, &["pathlib"]) && qualname.contains('.')
}

fn is_or_below(module: &str, roots: &[&str]) -> bool {
    roots.iter().any(|root| {
        module
            .strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Classes that only hold what they are given, in modules that otherwise act. Caches keep failures as well.
fn is_held(module: &str, qualname: &str) -> bool {
    let is_failure = ["Error", "Exception", "Warning", "Expired"]
        .iter()
        .any(|ending| qualname.ends_with(ending));
    is_failure && !qualname.contains('.') || HELD.contains(&(module, qualname))
}

/// Classes whose instances open no connection and run nothing by being made and filled: stored responses, rows of
/// queries, what a command gave.
const HELD: &[(&str, &str)] = &[
    ("http.client", "HTTPResponse"),
    ("http.client", "HTTPMessage"),
    ("httplib", "HTTPResponse"),
    ("httplib", "HTTPMessage"),
    ("http.client", "BadStatusLine"),
    ("http.client", "IncompleteRead"),
    ("http.client", "RemoteDisconnected"),
    ("socket", "error"),
    ("socket", "gaierror"),
    ("socket", "herror"),
    ("socket", "timeout"),
    ("ftplib", "error_perm"),
    ("ftplib", "error_temp"),
    ("zipfile", "BadZipFile"),
    ("subprocess", "CompletedProcess"),
    ("os", "statvfs_result"),
    ("os", "times_result"),
    ("os", "uname_result"),
    ("posix", "times_result"),
    ("posix", "uname_result"),
    ("requests.sessions", "Session"),
    ("httpx", "Response"),
    ("httpx", "Request"),
    ("httpx", "Headers"),
    ("httpx", "URL"),
    ("httpx", "QueryParams"),
    ("httpx", "Cookies"),
    ("httpx", "Timeout"),
    ("httpx", "Limits"),
    ("httpx._urlparse", "ParseResult"),
    ("aiohttp.client", "ClientTimeout"),
    ("aiohttp.client_reqrep", "RequestInfo"),
    ("psycopg2._range", "NumericRange"),
    ("psycopg2._range", "DateRange"),
    ("psycopg2._range", "DateTimeRange"),
    ("psycopg2._range", "DateTimeTZRange"),
    ("psycopg2.extras", "DictRow"),
    ("psycopg2.extras", "RealDictRow"),
    ("psycopg2.errors", "UniqueViolation"),
    ("boto3.dynamodb.types", "Binary"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: CallClass, names: &[(&str, &str)]) {
        for (module, name) in names {
            assert_eq!(classify(module, name), expected, "{module}.{name}");
        }
    }

    #[test]
    fn plain_constructors_are_data() {
        check(
            CallClass::Data,
            &[
                ("builtins", "set"),
                ("builtins", "KeyError"),
                ("collections", "OrderedDict"),
                ("numpy.core.multiarray", "_reconstruct"),
                ("pathlib", "PosixPath"),
                ("signal", "Signals"),
                ("http", "HTTPStatus"),
                ("pandas.core.internals.blocks", "new_block"),
                ("pandas.core.arrays.arrow.array", "ArrowExtensionArray"),
                ("pandas.indexes.base", "_new_Index"),
                ("pytz", "_p"),
                ("zoneinfo", "ZoneInfo._unpickle"),
                ("aiohttp.http_writer", "HttpVersion"),
            ],
        );
    }

    #[test]
    fn ways_to_run_code_are_code() {
        check(
            CallClass::Code,
            &[
                ("os", "system"),
                ("posix", "system"),
                ("builtins", "eval"),
                ("builtins", "open"),
                ("builtins", "__import__"),
                ("importlib", "import_module"),
                ("operator", "attrgetter"),
                ("types", "CodeType"),
                ("runpy", "run_path"),
                ("pip", "main"),
                ("pip._internal.cli.main", "main"),
                ("ctypes", "CDLL"),
                ("pandas", "eval"),
                ("pandas.io.pickle", "read_pickle"),
                ("torch", "load"),
                ("torch.jit.unsupported_tensor_ops", "execWrapper"),
                ("joblib", "load"),
                ("pdb", "run"),
                ("code", "interact"),
                ("webbrowser", "open"),
                ("shutil", "rmtree"),
                ("numpy", "memmap"),
                ("numpy.testing._private.utils", "runstring"),
                ("pandas", "DataFrame.to_csv"),
                ("dill._dill", "_create_function"),
                ("cloudpickle.cloudpickle", "_make_function"),
                ("joblib.externals.cloudpickle.cloudpickle", "_make_function"),
                ("idlelib.pyshell", "ModifiedInterpreter.runcode"),
                ("lib2to3.pgen2.grammar", "Grammar.loads"),
                ("_osx_support", "_read_output"),
                ("uuid", "_popen"),
                ("logging.handlers", "SMTPHandler"),
                ("asyncio.unix_events", "_UnixSubprocessTransport.__init__"),
                ("multiprocessing.util", "spawnv_passfds"),
                ("subprocess", "Popen"),
                ("shutil", "os.system"),
                ("logging", "sys.modules"),
                ("collections", "OrderedDict.__init__.__globals__"),
                ("pathlib", "Path.unlink"),
                ("somewhere.deep", "import_module"),
                ("timeit", "timeit"),
                ("random", "_os.execv"),
                ("copyreg", "add_extension"),
                ("numpy", "load"),
                ("torch.hub", "load"),
                ("aiohttp", "request"),
                ("subprocess", "Popen.__new__"),
                ("functools", "partial.__new__"),
                ("builtins", "map.__new__"),
                ("__main__", "Named.__new__.__globals__"),
                ("__main__", "Named.__new__.__new__"),
            ],
        );
    }

    #[test]
    fn strangers_are_unknown() {
        check(
            CallClass::Unknown,
            &[
                ("__main__", "Point"),
                ("sklearn.linear_model._base", "LinearRegression"),
                ("functools", "partial"),
                ("osmosis", "Thing"),
                ("requests.models", "Response"),
                ("builtins", "getattr"),
                ("builtins", "map"),
                ("__main__", "Named.__new__"),
                ("builtins", "object.__new__"),
                ("subprocess", "CalledProcessError"),
                ("subprocess", "TimeoutExpired"),
                ("subprocess", "CompletedProcess"),
                ("httpx", "Response.__new__"),
                ("socket", "gaierror"),
                ("sqlite3", "OperationalError"),
            ],
        );
    }
}
