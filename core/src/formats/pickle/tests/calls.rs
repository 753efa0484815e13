//! What a pickle would run is named, whatever way it takes to hide it.

use super::super::*;
use crate::formats::Content;
use crate::model::Limits;
use crate::model::value::{Call, CallClass};

pub(super) fn both(pickle: &[u8]) -> (Vec<Call>, Vec<String>) {
    let content = Content::of_bytes(pickle);
    let limits = Limits {
        time: Limits::DEEP.time,
        ..Limits::PREVIEW
    };
    let decoded = decode(&content, &limits);
    let checked = check(&content, &Limits::DEEP);
    assert_eq!(decoded.calls, checked.calls, "{pickle:?}");
    assert_eq!(decoded.globals, checked.globals, "{pickle:?}");
    (decoded.calls, decoded.globals)
}

/// Asserts that a call of this name is listed with this class.
fn check_call(pickle: &[u8], name: &str, class: CallClass) {
    let (calls, _) = both(pickle);
    let found = calls.iter().find(|call| call.name == name);
    assert_eq!(
        found.map(|call| call.class),
        Some(class),
        "{name}: {calls:?}"
    );
}

pub(super) fn is_code(pickle: &[u8], name: &str) {
    check_call(pickle, name, CallClass::Code);
}

#[test]
fn plain_calls_are_named() {
    is_code(b"cos\nsystem\n(S'id'\ntR.", "os.system");
    is_code(
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.",
        "posix.system",
    );
    is_code(b"c__builtin__\neval\n(S'1'\ntR.", "builtins.eval");
    check_call(
        b"c__main__\nPoint\n(K\x01K\x02tR.",
        "__main__.Point",
        CallClass::Unknown,
    );
    check_call(
        b"ccollections\nOrderedDict\n)R.",
        "collections.OrderedDict",
        CallClass::Data,
    );
}

#[test]
fn every_opcode_that_calls_is_seen() {
    is_code(b"(S'id'\nios\nsystem\n.", "os.system");
    is_code(b"(cos\nsystem\nS'id'\no.", "os.system");
    is_code(b"csubprocess\nPopen\n)\x81.", "subprocess.Popen");
    is_code(b"csubprocess\nPopen\n)}\x92.", "subprocess.Popen");
}

#[test]
fn names_from_the_memo_and_from_escapes_are_seen() {
    is_code(
        b"\x80\x04\x8c\x02os\x940\x8c\x06system\x940h\x00h\x01\x93)R.",
        "os.system",
    );
    is_code(b"V\\u006fs\nVsyst\\u0065m\n\x93)R.", "os.system");
    is_code(b"S'o\\x73'\nS'system'\n\x93)R.", "os.system");
    // A slot written twice holds what was written last.
    is_code(
        b"\x80\x04\x8c\x06string\x94\x8c\x02osq\x00\x8c\x05print\x94\x8c\x06systemq\x020000h\x00h\x02\x93)R.",
        "os.system",
    );
}

#[test]
fn what_is_popped_was_called_all_the_same() {
    is_code(b"cos\nsystem\n(S'id'\ntR0N.", "os.system");
    is_code(b"(cos\nsystem\n(S'id'\ntR1N.", "os.system");
}

#[test]
fn a_second_pickle_and_a_broken_tail_hide_nothing() {
    is_code(b"N.cos\nsystem\n(S'id'\ntR.", "os.system");
    is_code(
        b"\x80\x04N.\x80\x04\x8c\x02os\x8c\x06system\x93)R.",
        "os.system",
    );
    is_code(b"cos\nsystem\n(S'id'\ntR\xff\xff", "os.system");
    is_code(b"cos\nsystem\n(S'id'\ntRh\x63", "os.system");
}

#[test]
fn ways_round_through_getattr_are_followed() {
    is_code(
        b"c__builtin__\ngetattr\n(cshutil\nos\nS'system'\ntR(S'id'\ntR.",
        "shutil.os.system",
    );
    is_code(
        b"c__builtin__\ngetattr\n(c__builtin__\ngetattr\n(clogging\nos\nS'path'\ntRS'__globals__'\ntR)R.",
        "logging.os.path.__globals__",
    );
    // The attribute's name is the result of a call: nobody can tell which it is.
    is_code(
        b"cbuiltins\ngetattr\n(cmath\nsin\nccodecs\ndecode\n(S'flfgrz'\nS'rot13'\ntRtR)R.",
        "result of getattr",
    );
    check_call(
        b"\x80\x02c__builtin__\ngetattr\nczoneinfo\nZoneInfo\nX\x09\x00\x00\x00_unpickle\x86RX\x03\x00\x00\x00UTCK\x01\x86R.",
        "zoneinfo.ZoneInfo._unpickle",
        CallClass::Data,
    );
}

#[test]
fn functions_passed_on_count_as_called() {
    is_code(
        b"c__builtin__\nmap\n(cos\nsystem\n(S'id'\nltR.",
        "os.system",
    );
    is_code(
        b"cfunctools\npartial\n(cos\nsystem\nS'id'\ntR.",
        "functools.partial",
    );
    is_code(
        b"cfunctools\npartial\n(cmath\nsin\ntR)R.",
        "result of functools.partial",
    );
    is_code(b"ccollections\ndefaultdict\n(cos\nsystem\ntR.", "os.system");
}

#[test]
fn functions_in_keywords_and_states_count_as_called() {
    is_code(
        b"\x80\x04\x8c\x01m\x8c\x01C\x93)}\x8c\x02cbcos\nsystem\ns\x92.",
        "os.system",
    );
    // partial(int), which its state turns into partial(os.system).
    is_code(
        b"cfunctools\npartial\n(cbuiltins\nint\ntR(cos\nsystem\n)}Ntb.",
        "os.system",
    );
    is_code(
        b"cfunctools\npartial\n(cbuiltins\nint\ntR(cmath\nsin\n)}Ntb)R.",
        "result of functools.partial",
    );
    // How pandas 1.3 makes its blocks.
    check_call(
        b"cfunctools\npartial\n(cpandas.core.internals.blocks\nnew_block\ntR(cpandas.core.internals.blocks\nnew_block\n)}Ntb)R.",
        "result of functools.partial",
        CallClass::Unknown,
    );
}

#[test]
fn methods_of_made_objects_that_reach_for_files_are_code() {
    is_code(
        b"cbuiltins\ngetattr\n(cpathlib\nPosixPath\n(S'x'\ntRS'unlink'\ntR)R.",
        "pathlib.PosixPath.unlink",
    );
    is_code(
        b"cbuiltins\ngetattr\n(cpandas\nDataFrame\n)RS'to_pickle'\ntR(S'x'\ntR.",
        "pandas.DataFrame.to_pickle",
    );
    is_code(
        b"cnumpy\nmemmap\n(S'/tmp/x'\nS'u1'\nS'w+'\ntR.",
        "numpy.memmap",
    );
}

#[test]
fn computed_names_are_code() {
    let (calls, globals) =
        both(b"\x80\x04\x8c\x02osccodecs\ndecode\n(\x8c\x06flfgrz\x8c\x05rot13tR\x93)R.");
    assert!(
        calls
            .iter()
            .any(|call| call.name.starts_with("os.…") && call.class == CallClass::Code),
        "{calls:?}"
    );
    assert_eq!(globals, ["codecs.decode"]);
}

#[test]
fn changing_what_the_pickle_did_not_make_is_code() {
    is_code(b"csys\npath\n(S'/tmp/evil'\ne.", "sys.path.extend");
    is_code(b"cos\nenviron\nS'PATH'\nS'.'\ns.", "os.environ.__setitem__");
    is_code(
        b"c__main__\nHelper\n(N(dtb.",
        "__main__.Helper.__setstate__",
    );
    is_code(b"cantigravity\ngeohash\n.", "import antigravity");
}

#[test]
fn instances_made_through_copyreg_name_their_class() {
    check_call(
        b"ccopy_reg\n_reconstructor\n(c__main__\nPoint\nc__builtin__\nobject\nNtR.",
        "__main__.Point",
        CallClass::Unknown,
    );
    is_code(
        b"ccopy_reg\n_reconstructor\n(csubprocess\nPopen\nc__builtin__\nobject\nNtR.",
        "subprocess.Popen",
    );
}

#[test]
fn names_and_calls_behind_the_limit_on_values_are_found() {
    let mut pickle = b"\x80\x04](".to_vec();
    for _ in 0..30_000 {
        pickle.extend(b"]K\x01a\x94");
    }
    pickle.extend(b"ecos\nsystem\n(S'id'\ntR0.");
    let limits = Limits {
        nodes: 1000,
        ..Limits::PREVIEW
    };
    let decoded = decode(&Content::of_bytes(pickle), &limits);
    assert!(!decoded.is_complete);
    assert!(decoded.value.n_nodes() < 10_000);
    assert_eq!(decoded.globals, ["os.system"]);
    assert_eq!(decoded.calls[0].name, "os.system");
}

#[test]
fn a_name_far_back_in_the_memo_is_found_again() {
    let mut pickle = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x9400".to_vec();
    // More than the window keeps lies between.
    for _ in 0..2_000_000 {
        pickle.extend(b"N0");
    }
    pickle.extend(b"h\x00h\x01\x93)R.");
    is_code(&pickle, "os.system");
}

#[test]
fn globals_are_listed_in_python_3_names_once_each() {
    let (_, globals) =
        both(b"(c__builtin__\nset\nccopy_reg\n_reconstructor\nc__builtin__\nset\ncos\npath\nt.");
    assert_eq!(
        globals,
        ["builtins.set", "copyreg._reconstructor", "os.path"]
    );
    // From protocol 3 on names are not mapped.
    let (_, globals) = both(b"\x80\x03c__builtin__\nset\n.");
    assert_eq!(globals, ["__builtin__.set"]);
}

/// An object of this class with `state` set, and then `more`.
fn object(class: &str, state: &[u8], more: &[u8]) -> Vec<u8> {
    let class = format!("\x02c{class}\n)");
    [&[0x80], class.as_bytes(), &[0x81], state, b"b", more, b"."].concat()
}

const NAMESPACE: &str = "types\nSimpleNamespace";

/// The state `{name: os.system}`.
fn system_as(name: &str) -> Vec<u8> {
    let len = u8::try_from(name.len()).unwrap();
    [
        b"}X".as_slice(),
        &[len, 0, 0, 0],
        name.as_bytes(),
        b"cos\nsystem\ns",
    ]
    .concat()
}

// Each of the pickles below ran its command in CPython 3.13, or in 2.7 where it says so.

#[test]
fn a_function_in_the_place_of_a_method_is_called_by_the_opcode_that_asks_for_it() {
    for (name, more) in [
        ("__setstate__", b"U\x02idb".as_slice()),
        ("append", b"(U\x02ide"),
        ("append", b"U\x02ida"),
        ("extend", b"(U\x02ide"),
        ("add", b"(U\x02id\x90"),
    ] {
        is_code(&object(NAMESPACE, &system_as(name), more), "os.system");
    }
    // Nobody asks, or an opcode that asks for another.
    for more in [b"".as_slice(), b"(U\x02ide", b"U\x01xb"] {
        let (calls, _) = both(&object(NAMESPACE, &system_as("add"), more));
        assert_eq!(calls.len(), 1, "{calls:?}");
    }
    // Old-style instances of Python 2.
    is_code(
        &[
            b"(iUserDict\nUserDict\n",
            &*system_as("__setitem__"),
            b"bU\x02id}s.",
        ]
        .concat(),
        "os.system",
    );
    is_code(
        &[
            b"(iUserDict\nUserDict\n",
            &*system_as("__call__"),
            b"b(U\x02idtR.",
        ]
        .concat(),
        "os.system",
    );
}

#[test]
fn ways_to_put_it_there_are_followed() {
    let state = system_as("__setstate__");
    let more = b"U\x02idb";
    // (None, {…}) sets attributes; so do exceptions.
    is_code(
        &object(NAMESPACE, &[b"N", &*state, b"\x86"].concat(), more),
        "os.system",
    );
    is_code(&object("builtins\nKeyError", &state, more), "os.system");
    // The object comes back from the memo.
    let by_memo = [b"q\x010h\x01", &*state].concat();
    is_code(
        &object(NAMESPACE, b"}", &[&*by_memo, b"b0h\x01", more].concat()),
        "os.system",
    );
    // The state is made by a call, or its key is.
    let pairs = b"c__builtin__\ndict\n]U\x0c__setstate__cos\nsystem\n\x86a\x85R";
    is_code(&object(NAMESPACE, pairs, more), "os.system");
    let lists = b"c__builtin__\ndict\n]]U\x0c__setstate__acos\nsystem\naa\x85R";
    is_code(&object(NAMESPACE, lists, more), "os.system");
    let spelled = b"}cbuiltins\nstr\nB\x0c\0\0\0__setstate__U\x05ascii\x86Rcos\nsystem\ns";
    is_code(&object(NAMESPACE, spelled, more), "os.system");
    // SimpleNamespace({…}) of CPython 3.13.
    is_code(
        &[b"ctypes\nSimpleNamespace\n", &*state, b"\x85RU\x02idb."].concat(),
        "os.system",
    );
    is_code(
        b"(itypes\nSimpleNamespace\n(dV\\u005f_setstate__\ncos\nsystem\nsbVid\nb.",
        "os.system",
    );
}

#[test]
fn what_an_object_passes_on_to_counts_as_changed() {
    is_code(
        &object(
            "collections\nUserList",
            b"}U\x04datacsys\npath\ns",
            b"(U\x01xe",
        ),
        "sys.path.__setitem__",
    );
    is_code(
        &object(
            "collections\nUserDict",
            b"}U\x04datacm\nregistry\ns",
            b"U\x01xK\x01s",
        ),
        "m.registry.__setitem__",
    );
    is_code(
        &object(
            "builtins\nKeyError",
            b"}U\x08__dict__cm\nregistry\ns",
            b"}U\x01xK\x01sb",
        ),
        "m.registry.__setitem__",
    );
    check_call(
        &object(
            "collections\nUserDict",
            b"N}U\x09__class__cm\nRunner\ns\x86",
            b"Nb",
        ),
        "m.Runner",
        CallClass::Unknown,
    );
    is_code(
        b"\x80\x02ccopyreg\nadd_extension\n(U\x02osU\x06systemK\x07tR0\x82\x07U\x02id\x85R.",
        "copyreg.add_extension",
    );
}

#[test]
fn data_under_the_names_of_methods_stay_data() {
    for pickle in [
        // SimpleNamespace(append=1, add=[], data={}), then a deque, an OrderedDict and a set that are filled
        &object(NAMESPACE, b"}(U\x06appendK\x01U\x03add]U\x04data}u", b"0ccollections\ndeque\n)R(K\x01e0ccollections\nOrderedDict\n)R(U\x06extendK\x01u0\x8f(K\x01\x90")[..],
        // {'add': list, 'extend': SimpleNamespace()} beside a deque
        b"\x80\x04}(U\x03addcbuiltins\nlist\nU\x06extendctypes\nSimpleNamespace\n)\x81u0ccollections\ndeque\n)R(K\x01e.",
        // defaultdict(list) with an item
        b"ccollections\ndefaultdict\n(c__builtin__\nlist\ntRU\x03addK\x01s.",
        // A function of the system named beside a word, and no object that would call it
        b"(U\x06appendcos\nsystem\n](K\x01et.",
        // The same beside objects that get their state, and no word
        b"(U\x04funccos\nsystem\ndctypes\nSimpleNamespace\n)\x81}U\x01xK\x01sb.",
    ] {
        let (calls, _) = both(pickle);
        let is_data = |call: &Call| call.class == CallClass::Data;
        assert!(calls.iter().all(is_data), "{pickle:?}: {calls:?}");
    }
}

#[test]
fn types_that_dill_names_are_what_they_are() {
    // What joblib writes of a frame's block once dill was imported: _load_type('slice')(0, 1, 1)
    let slice = b"\x80\x02cdill._dill\n_load_type\nU\x05slice\x85RK\x00K\x01K\x01\x87R.";
    check_call(slice, "builtins.slice", CallClass::Data);
    check_call(slice, "dill._dill._load_type", CallClass::Data);
    let value = decode_bytes(slice).value;
    assert_eq!(value.repr(value.root(), 100).text, "slice(0, 1, 1)");
    is_code(
        b"\x80\x02cdill._dill\n_load_type\nU\x08CodeType\x85R)R.",
        "types.CodeType",
    );
}
