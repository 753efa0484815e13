//! What a call of a global would do, by its name: known data constructors, known ways to run code, all else unknown.
//!
//! Lists of dangerous names always lose against somebody (`safety.md` of the design says so), therefore the list that
//! counts is the first: only what stands there is called data, and nothing is ever called safe.

use crate::model::CallClass;

/// The class of calling `module.qualname`.
pub(super) fn classify(module: &str, qualname: &str) -> CallClass {
    if is_data(module, qualname) {
        CallClass::Data
    } else if is_code(module, qualname) {
        CallClass::Code
    } else {
        CallClass::Unknown
    }
}

/// True if merely importing the module does more than define things.
pub(super) fn import_acts(module: &str) -> bool {
    is_or_below(
        module,
        &["antigravity", "this", "test", "turtledemo", "idlelib"],
    ) || module.ends_with("__main__") && module != "__main__"
}

fn is_data(module: &str, qualname: &str) -> bool {
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
        WAYS.contains(&part) || part.starts_with("__") && part.ends_with("__") && part.len() > 4
    });
    is_way_through
        || module == "builtins" && BUILTIN_CODE.contains(&qualname)
        || ANYWHERE.contains(&last)
        || is_or_below(module, CODE_MODULES) && !HELD.contains(&(module, qualname))
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

/// Classes that open no connection by themselves; stored responses hold them (requests-cache 0.4 and 0.5).
const HELD: &[(&str, &str)] = &[
    ("http.client", "HTTPResponse"),
    ("http.client", "HTTPMessage"),
    ("httplib", "HTTPResponse"),
    ("httplib", "HTTPMessage"),
];

const BUILTIN_DATA: &[&str] = &[
    "object",
    "set",
    "frozenset",
    "list",
    "tuple",
    "dict",
    "bytearray",
    "bytes",
    "complex",
    "range",
    "slice",
    "int",
    "float",
    "bool",
    "str",
];

const BUILTIN_CODE: &[&str] = &[
    "eval",
    "exec",
    "compile",
    "open",
    "__import__",
    "input",
    "breakpoint",
    "setattr",
    "delattr",
    "execfile",
    "reload",
    "apply",
    "file",
    "raw_input",
    "globals",
    "locals",
    "vars",
    "help",
    "exit",
    "quit",
];

/// Constructors that only hold what they are given; an empty list means the whole module.
const DATA: &[(&str, &[&str])] = &[
    (
        "copyreg",
        &["_reconstructor", "__newobj__", "__newobj_ex__"],
    ),
    (
        "collections",
        &[
            "OrderedDict",
            "defaultdict",
            "Counter",
            "deque",
            "ChainMap",
            "UserDict",
            "UserList",
            "UserString",
        ],
    ),
    ("_collections", &["OrderedDict", "defaultdict", "deque"]),
    (
        "datetime",
        &["datetime", "date", "time", "timedelta", "timezone"],
    ),
    ("zoneinfo", &["ZoneInfo"]),
    ("decimal", &["Decimal"]),
    ("_decimal", &["Decimal"]),
    ("fractions", &["Fraction"]),
    ("uuid", &["UUID", "SafeUUID"]),
    (
        "ipaddress",
        &[
            "IPv4Address",
            "IPv6Address",
            "IPv4Network",
            "IPv6Network",
            "IPv4Interface",
            "IPv6Interface",
        ],
    ),
    ("pathlib", PATHS),
    ("pathlib._local", PATHS),
    ("array", &["array", "_array_reconstructor"]),
    ("re", &["_compile", "RegexFlag"]),
    ("http", &["HTTPStatus", "HTTPMethod"]),
    ("signal", &["Signals", "Handlers", "Sigmasks"]),
    (
        "socket",
        &["AddressFamily", "SocketKind", "MsgFlag", "AddressInfo"],
    ),
    (
        "ssl",
        &["TLSVersion", "VerifyMode", "VerifyFlags", "Options"],
    ),
    ("shutil", &["usage"]),
    ("platform", &["uname_result"]),
    ("zipfile", &["ZipInfo"]),
    ("tarfile", &["TarInfo"]),
    ("types", &["SimpleNamespace"]),
    ("io", &["BytesIO", "StringIO"]),
    ("_io", &["BytesIO", "StringIO"]),
    ("os", &["stat_result", "terminal_size"]),
    ("time", &["struct_time"]),
    ("numpy", NUMPY),
    ("numpy.core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy._core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy._core._internal", &["_convert_to_stringdtype_kwargs"]),
    ("numpy.core.numeric", &["_frombuffer"]),
    ("numpy._core.numeric", &["_frombuffer"]),
    (
        "numpy.ma.core",
        &["_mareconstruct", "MaskedArray", "MaskedConstant"],
    ),
    ("numpy.ma", &["MaskedArray"]),
    ("numpy.matrixlib.defmatrix", &["matrix"]),
    ("numpy.dtypes", &[]),
    (
        "numpy.random._pickle",
        &[
            "__randomstate_ctor",
            "__generator_ctor",
            "__bit_generator_ctor",
        ],
    ),
    ("joblib.numpy_pickle", JOBLIB),
    ("joblib.numpy_pickle_compat", JOBLIB),
    ("pandas", PANDAS),
    ("pandas.arrays", &[]),
    ("pandas.core.frame", &["DataFrame"]),
    ("pandas.core.series", &["Series"]),
    (
        "pandas.core.internals.managers",
        &["BlockManager", "SingleBlockManager"],
    ),
    (
        "pandas.core.internals",
        &["BlockManager", "SingleBlockManager"],
    ),
    (
        "pandas._libs.internals",
        &["_unpickle_block", "BlockManager"],
    ),
    ("pandas.core.internals.blocks", &["new_block"]),
    ("pandas.core.indexes.base", &["_new_Index", "Index"]),
    (
        "pandas.core.indexes.datetimes",
        &["_new_DatetimeIndex", "DatetimeIndex"],
    ),
    (
        "pandas.core.indexes.period",
        &["_new_PeriodIndex", "PeriodIndex"],
    ),
    ("pandas.core.indexes.range", &["RangeIndex"]),
    ("pandas.core.indexes.multi", &["MultiIndex"]),
    ("pandas.core.indexes.category", &["CategoricalIndex"]),
    (
        "pandas.core.indexes.interval",
        &["_new_IntervalIndex", "IntervalIndex"],
    ),
    ("pandas.core.indexes.timedeltas", &["TimedeltaIndex"]),
    (
        "pandas.core.indexes.numeric",
        &["Int64Index", "UInt64Index", "Float64Index"],
    ),
    ("pandas.core.arrays.categorical", &["Categorical"]),
    ("pandas.core.arrays.datetimes", &["DatetimeArray"]),
    ("pandas.core.arrays.timedeltas", &["TimedeltaArray"]),
    ("pandas.core.arrays.period", &["PeriodArray"]),
    (
        "pandas.core.arrays.integer",
        &[
            "IntegerArray",
            "Int8Dtype",
            "Int16Dtype",
            "Int32Dtype",
            "Int64Dtype",
            "UInt8Dtype",
            "UInt16Dtype",
            "UInt32Dtype",
            "UInt64Dtype",
        ],
    ),
    (
        "pandas.core.arrays.floating",
        &["FloatingArray", "Float32Dtype", "Float64Dtype"],
    ),
    (
        "pandas.core.arrays.boolean",
        &["BooleanArray", "BooleanDtype"],
    ),
    (
        "pandas.core.arrays.string_",
        &["StringArray", "StringDtype"],
    ),
    ("pandas.core.arrays.string_arrow", &["ArrowStringArray"]),
    (
        "pandas.core.arrays.numpy_",
        &["PandasArray", "NumpyExtensionArray"],
    ),
    (
        "pandas.core.dtypes.dtypes",
        &[
            "ArrowDtype",
            "SparseDtype",
            "CategoricalDtype",
            "DatetimeTZDtype",
            "PeriodDtype",
            "IntervalDtype",
        ],
    ),
    ("pandas._libs.arrays", &["__pyx_unpickle_NDArrayBacked"]),
    (
        "pandas._libs.tslibs.timestamps",
        &["_unpickle_timestamp", "Timestamp"],
    ),
    (
        "pandas._libs.tslibs.timedeltas",
        &["_timedelta_unpickle", "Timedelta"],
    ),
    (
        "pandas._libs.tslibs.nattype",
        &["_nat_unpickle", "__nat_unpickle"],
    ),
    ("pandas._libs.tslibs.period", &["Period"]),
    (
        "pandas._libs.interval",
        &["Interval", "__pyx_unpickle_IntervalMixin"],
    ),
    ("pandas._libs.sparse", &["IntIndex", "BlockIndex"]),
    ("pandas._libs.tslibs.offsets", OFFSETS),
    ("pandas.tseries.offsets", OFFSETS),
    ("pandas.core.arrays.sparse", &["SparseArray", "SparseDtype"]),
    ("pandas.core.arrays.sparse.array", &["SparseArray"]),
    ("pandas.core.arrays.sparse.dtype", &["SparseDtype"]),
    ("scipy.sparse", SPARSE),
    ("scipy.sparse._arrays", SPARSE),
    ("scipy.sparse._csr", SPARSE),
    ("scipy.sparse._csc", SPARSE),
    ("scipy.sparse._coo", SPARSE),
    ("scipy.sparse._bsr", SPARSE),
    ("scipy.sparse._dia", SPARSE),
    ("scipy.sparse._lil", SPARSE),
    ("scipy.sparse._dok", SPARSE),
    ("scipy.sparse.csr", SPARSE),
    ("scipy.sparse.csc", SPARSE),
    ("scipy.sparse.coo", SPARSE),
    ("scipy.sparse.bsr", SPARSE),
    ("scipy.sparse.dia", SPARSE),
    ("scipy.sparse.lil", SPARSE),
    ("scipy.sparse.dok", SPARSE),
    (
        "pyarrow.lib",
        &[
            "_restore_array",
            "py_buffer",
            "type_for_alias",
            "decimal128",
            "dictionary",
            "duration",
            "field",
            "list_",
            "struct",
            "time32",
            "time64",
            "timestamp",
        ],
    ),
];

const PATHS: &[&str] = &[
    "PurePath",
    "PurePosixPath",
    "PureWindowsPath",
    "Path",
    "PosixPath",
    "WindowsPath",
];
const JOBLIB: &[&str] = &["NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper"];
const NUMPY: &[&str] = &[
    "dtype",
    "ndarray",
    "matrix",
    "recarray",
    "record",
    "void",
    "bool",
    "bool_",
    "str_",
    "bytes_",
    "object_",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "longdouble",
    "float128",
    "complex64",
    "complex128",
    "clongdouble",
    "datetime64",
    "timedelta64",
];
const PANDAS: &[&str] = &[
    "DataFrame",
    "Series",
    "Index",
    "RangeIndex",
    "MultiIndex",
    "DatetimeIndex",
    "TimedeltaIndex",
    "PeriodIndex",
    "CategoricalIndex",
    "IntervalIndex",
    "Categorical",
    "CategoricalDtype",
    "DatetimeTZDtype",
    "StringDtype",
    "Timestamp",
    "Timedelta",
    "Period",
    "Interval",
    "ArrowDtype",
    "IntervalDtype",
    "PeriodDtype",
    "SparseDtype",
    "Int8Dtype",
    "Int16Dtype",
    "Int32Dtype",
    "Int64Dtype",
    "UInt8Dtype",
    "UInt16Dtype",
    "UInt32Dtype",
    "UInt64Dtype",
    "Float32Dtype",
    "Float64Dtype",
    "BooleanDtype",
];
/// Regular spans of time, made of numbers alone.
const OFFSETS: &[&str] = &[
    "Day",
    "Hour",
    "Minute",
    "Second",
    "Milli",
    "Micro",
    "Nano",
    "BusinessDay",
    "MonthBegin",
    "MonthEnd",
    "QuarterBegin",
    "QuarterEnd",
    "Week",
    "YearBegin",
    "YearEnd",
];
const SPARSE: &[&str] = &[
    "csr_matrix",
    "csc_matrix",
    "coo_matrix",
    "bsr_matrix",
    "dia_matrix",
    "lil_matrix",
    "dok_matrix",
    "csr_array",
    "csc_array",
    "coo_array",
    "bsr_array",
    "dia_array",
    "lil_array",
    "dok_array",
];

/// Names that lead on to everything else, in whatever module they are found.
const WAYS: &[&str] = &[
    "os",
    "sys",
    "subprocess",
    "posix",
    "nt",
    "builtins",
    "importlib",
    "socket",
    "shutil",
    "ctypes",
    "pickle",
    "cPickle",
    "_pickle",
    "marshal",
    "runpy",
    "pty",
    "func_globals",
    "f_globals",
    "gi_frame",
    "im_func",
    "func_code",
];

/// Names of functions that run code or commands, in whatever module they are found.
const ANYWHERE: &[&str] = &[
    "eval",
    "exec",
    "execfile",
    "system",
    "popen",
    "exec_command",
    "runstring",
    "import_module",
    "import_string",
    "load_module",
    "load_source",
    "load_dynamic",
    "run_path",
    "run_module",
    "check_output",
    "getoutput",
    "getstatusoutput",
    "run_command",
    "loads",
    "load_pickle",
    "load_model",
    "read_pickle",
    "read_csv",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "to_pickle",
    "to_csv",
    "to_json",
    "to_parquet",
    "to_feather",
    "to_hdf",
    "to_sql",
    "to_excel",
    "tofile",
    "fromfile",
    "savetxt",
    "unlink",
    "rmtree",
    "runcode",
    "runsource",
    "runctx",
    "run_string",
];

/// Modules whose functions run commands or code, or reach for files or the network.
const CODE_MODULES: &[&str] = &[
    "os",
    "posix",
    "nt",
    "sys",
    "subprocess",
    "_posixsubprocess",
    "_winapi",
    "commands",
    "popen2",
    "pty",
    "pexpect",
    "ptyprocess",
    "sh",
    "plumbum",
    "fabric",
    "invoke",
    "paramiko",
    "importlib",
    "_frozen_importlib",
    "_frozen_importlib_external",
    "imp",
    "_imp",
    "zipimport",
    "pkgutil",
    "runpy",
    "code",
    "codeop",
    "pdb",
    "bdb",
    "cProfile",
    "profile",
    "trace",
    "timeit",
    "doctest",
    "pydoc",
    "rlcompleter",
    "py_compile",
    "compileall",
    "modulefinder",
    "ctypes",
    "_ctypes",
    "cffi",
    "_cffi_backend",
    "mmap",
    "signal",
    "_thread",
    "atexit",
    "gc",
    "site",
    "pickle",
    "_pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dbm",
    "sqlite3",
    "_sqlite3",
    "socket",
    "_socket",
    "ssl",
    "_ssl",
    "socketserver",
    "ftplib",
    "smtplib",
    "smtpd",
    "telnetlib",
    "nntplib",
    "poplib",
    "imaplib",
    "xmlrpc",
    "xmlrpclib",
    "httplib",
    "urllib2",
    "urllib.request",
    "urllib.robotparser",
    "http.client",
    "http.server",
    "webbrowser",
    "asyncore",
    "shutil",
    "tempfile",
    "fileinput",
    "linecache",
    "glob",
    "filecmp",
    "zipfile",
    "zipapp",
    "tarfile",
    "platform",
    "winreg",
    "msvcrt",
    "cgi",
    "cgitb",
    "wsgiref",
    "pip",
    "setuptools",
    "distutils",
    "pkg_resources",
    "ensurepip",
    "venv",
    "antigravity",
    "idlelib",
    "turtledemo",
    "test",
    "lib2to3",
    "IPython",
    "numpy.distutils",
    "numpy.f2py",
    "numpy.testing",
    "numpy.ctypeslib",
    "numpy.lib.npyio",
    "numpy.lib._npyio_impl",
    "pandas.io",
    "pandas.core.computation",
    "scipy.io",
    "torch.hub",
    "torch.serialization",
    "torch.utils.cpp_extension",
    "logging.config",
    "requests.api",
    "requests.sessions",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "httpx",
    "aiohttp",
    "_posixshmem",
    "nturl2path",
    "_aix_support",
    "_osx_support",
    "_pyrepl",
    "_interpreters",
    "_xxsubinterpreters",
    "_testcapi",
    "_testinternalcapi",
    "readline",
    "pytest",
    "_pytest",
    "nose",
    "ipykernel",
    "jupyter",
    "notebook",
    "fsspec",
    "smart_open",
    "s3fs",
    "boto3",
    "huggingface_hub",
    "psycopg2",
    "pymysql",
];

/// Functions of modules that otherwise hold data too.
const CODE: &[(&str, &[&str])] = &[
    ("operator", &["attrgetter", "methodcaller", "call"]),
    ("_operator", &["attrgetter", "methodcaller", "call"]),
    (
        "types",
        &[
            "FunctionType",
            "LambdaType",
            "CodeType",
            "MethodType",
            "ModuleType",
        ],
    ),
    ("io", &["open", "open_code", "FileIO"]),
    ("_io", &["open", "open_code", "FileIO"]),
    ("_pyio", &["open", "open_code", "FileIO"]),
    ("codecs", &["open"]),
    ("gzip", &["open", "GzipFile"]),
    ("bz2", &["open", "BZ2File"]),
    ("lzma", &["open", "LZMAFile"]),
    (
        "logging",
        &[
            "FileHandler",
            "RotatingFileHandler",
            "TimedRotatingFileHandler",
            "WatchedFileHandler",
            "SocketHandler",
            "DatagramHandler",
            "SMTPHandler",
            "SysLogHandler",
            "HTTPHandler",
            "basicConfig",
        ],
    ),
    ("tokenize", &["open"]),
    ("uuid", &["_get_command_stdout", "_popen"]),
    ("unittest", &["_importer", "_dot_lookup", "main"]),
    ("sympy", &["sympify", "parse_expr", "eval_expr", "lambdify"]),
    ("numexpr", &["evaluate", "re_evaluate"]),
    ("threading", &["Thread", "Timer"]),
    ("weakref", &["finalize"]),
    (
        "multiprocessing",
        &["Process", "Pool", "Popen", "spawnv_passfds"],
    ),
    (
        "asyncio",
        &[
            "run",
            "create_subprocess_exec",
            "create_subprocess_shell",
            "open_connection",
        ],
    ),
    ("concurrent", &["ThreadPoolExecutor", "ProcessPoolExecutor"]),
    (
        "urllib",
        &["urlopen", "urlretrieve", "URLopener", "FancyURLopener"],
    ),
    (
        "requests",
        &[
            "get", "post", "put", "delete", "head", "patch", "options", "request", "Session",
        ],
    ),
    ("urllib3", &["request", "PoolManager", "ProxyManager"]),
    (
        "numpy",
        &[
            "load",
            "save",
            "savez",
            "savez_compressed",
            "loadtxt",
            "savetxt",
            "genfromtxt",
            "fromfile",
            "fromregex",
            "tofile",
            "DataSource",
            "memmap",
            "open_memmap",
            "read_array",
        ],
    ),
    (
        "pandas",
        &[
            "read_csv",
            "read_table",
            "read_json",
            "read_html",
            "read_xml",
            "read_excel",
            "read_hdf",
            "read_feather",
            "read_parquet",
            "read_orc",
            "read_sql",
            "read_sas",
            "read_spss",
            "read_stata",
            "read_fwf",
        ],
    ),
    ("joblib", &["load", "dump", "Parallel"]),
    (
        "torch",
        &[
            "load",
            "save",
            "compile",
            "compile_file",
            "execWrapper",
            "run_cprofile",
            "load_config",
            "run",
            "evaluate_guards_expression",
            "basichandlers",
        ],
    ),
    (
        "dill",
        &[
            "load",
            "load_module",
            "load_session",
            "_create_function",
            "_create_code",
            "_import_module",
            "_eval_repr",
            "_get_attr",
        ],
    ),
    ("cloudpickle", CLOUDPICKLE),
    ("joblib.externals.cloudpickle", CLOUDPICKLE),
    ("yaml", &["load", "unsafe_load", "full_load"]),
    ("inspect", &["getsource", "getmodule"]),
    ("ast", &["parse"]),
    ("sysconfig", &["_generate_posix_vars", "_init_posix"]),
];

const CLOUDPICKLE: &[&str] = &[
    "load",
    "subimport",
    "dynamic_subimport",
    "_make_function",
    "_fill_function",
    "_make_skel_func",
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
                ("zoneinfo", "ZoneInfo._unpickle"),
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
                ("numpy", "load"),
                ("torch.hub", "load"),
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
            ],
        );
    }
}
