//! Values that would fill memory many times over, in files, shelves and rows: a look stays within its budget of nodes,
//! bytes read and memory, and says what it left out.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope_core::formats::{Carrier, NoSideFiles, Options, open_value};
use cachescope_core::model::{Cancel, Progress, Snapshot};
use cachescope_core::source::ReadAt;
use cachescope_core::stores::{Store, open_all};

use flate2::{Compress, Compression, FlushCompress};
use serde_json::Value;

use crate::support::program::program;
use crate::support::python::Python;

/// What one preview may take (MiB), whatever it is of.
const PEAK_MIB: u64 = 512;

/// Runs `show --json` and hands back its line and the most memory that it held, in MiB.
fn show(path: &Path, args: &[&str]) -> (Value, u64) {
    let (said, peak) = run("show", path, &[&["--json"], args].concat());
    (serde_json::from_str(said.trim()).unwrap(), peak)
}

/// Runs a command and hands back what it printed and the most memory that it held, in MiB.
fn run(command: &str, path: &Path, args: &[&str]) -> (String, u64) {
    let output = File::create(path.with_extension("said")).unwrap();
    let mut child = program()
        .args([command, path.to_str().unwrap()])
        .args(args)
        .stdin(Stdio::null())
        .stdout(output)
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) / 1024);
        std::thread::sleep(Duration::from_millis(2));
    }
    let said = fs::read_to_string(path.with_extension("said")).unwrap();
    (said, peak)
}

/// A value to be written: pieces, and zeros behind them, which take no room on the disk.
type Pieces = Vec<(Vec<u8>, u64)>;

/// Writes a value where the file stands, and hands back how long it is.
fn write_sparse(file: &mut File, pieces: &Pieces) -> u64 {
    let start = file.stream_position().unwrap();
    for (piece, n_zeros) in pieces {
        file.write_all(piece).unwrap();
        file.seek(SeekFrom::Current(i64::try_from(*n_zeros).unwrap()))
            .unwrap();
    }
    file.stream_position().unwrap() - start
}

/// A zlib stream of a head and then one mebibyte again and again, up to four gibibytes.
fn bomb(head: &[u8], byte: u8) -> Vec<u8> {
    let packed = |packer: &mut Compress, bytes: &[u8]| {
        let mut out = Vec::with_capacity(64 << 10);
        packer
            .compress_vec(bytes, &mut out, FlushCompress::Full)
            .unwrap();
        out
    };
    let mut packer = Compress::new(Compression::fast(), true);
    let mut stream = packed(&mut packer, head);
    // Nothing refers back over a full flush: what follows may be repeated as it is.
    let block = packed(&mut packer, &vec![byte; 1 << 20]);
    for _ in 0..4096 {
        stream.extend(&block);
    }
    stream
}

/// Something that would fill memory, and what a look at it may cost.
struct Case {
    name: &'static str,
    pieces: Pieces,
    value_type: Option<&'static str>,
    is_truncated: bool,
    /// Nodes of the value's tree at most.
    n_nodes: usize,
    /// Bytes read at most; `None` for the file twice: decoded, and looked through for what else it names.
    n_read: Option<u64>,
}

/// `numpy.zeros(2**28)`, two gibibytes, up to its data.
const ARRAY: [&[u8]; 4] = [
    b"\x80\x04\x8c\x16numpy._core.multiarray\x8c\x0c_reconstruct\x93\x8c\x05numpy\x8c\x07ndarray\x93",
    b"K\x00\x85C\x01b\x87R(K\x01J\x00\x00\x00\x10\x85\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02f8\x89\x88\x87R",
    b"(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89\x8e",
    &(2_u64 << 30).to_le_bytes(),
];

fn cases() -> Vec<Case> {
    let gib = 1_u64 << 30;
    let length = (gib / 2).to_le_bytes();
    let case = |name, value_type, n_nodes, n_read, pieces| Case {
        name,
        pieces,
        value_type,
        is_truncated: name != "array",
        n_nodes,
        n_read,
    };
    let whole = |bytes: Vec<u8>| vec![(bytes, 0)];
    let text = [&b"\x80\x04\x8d"[..], &(4 * gib).to_le_bytes()].concat();
    vec![
        // {"a": bytes(2**29), "b": bytes(2**29)}
        case(
            "dict",
            Some("dict"),
            100,
            Some(2 << 20),
            vec![
                ([b"\x80\x04}(\x8c\x01a\x8e", &length[..]].concat(), gib / 2),
                ([b"\x8c\x01b\x8e", &length[..]].concat(), gib / 2),
                (b"u.".to_vec(), 0),
            ],
        ),
        case(
            "array",
            Some("numpy.ndarray"),
            100,
            Some(2 << 20),
            vec![(ARRAY.concat(), 2 * gib), (b"tb.".to_vec(), 0)],
        ),
        case(
            "nested",
            Some("list"),
            3_000_000,
            None,
            whole(
                [
                    &b"\x80\x04"[..],
                    &b"]".repeat(1_000_000),
                    &b"a".repeat(999_999),
                    b".",
                ]
                .concat(),
            ),
        ),
        case(
            "doubled",
            Some("tuple"),
            300,
            None,
            whole([&b"\x80\x02K\x01"[..], &b"2\x86".repeat(64), b"."].concat()),
        ),
        case(
            "bomb",
            Some("list"),
            6_000_000,
            None,
            whole(bomb(b"\x80\x04](", b'N')),
        ),
        // Four gibibytes are not unpacked within the time, so that it is not known that they are text.
        case("text", None, 100, None, whole(bomb(&text, b'x'))),
        case(
            "memo",
            Some("int"),
            100,
            None,
            whole([&b"\x80\x04K\x01"[..], &b"\x94".repeat(20_000_000), b"."].concat()),
        ),
    ]
}

impl Case {
    fn judge_shown(&self, shown: &(Value, u64), at: &str) {
        let (value, peak) = shown;
        if let Some(value_type) = self.value_type {
            assert_eq!(value["value_type"], value_type, "{at}: {value}");
        }
        assert_eq!(value["truncated"], self.is_truncated, "{at}: {value}");
        assert!(*peak < PEAK_MIB, "{at} took {peak} MiB");
    }

    /// Looks at it as the window does, and asserts the work that it took.
    fn judge_look(&self, bytes: Arc<dyn ReadAt>, carrier: Carrier, at: &str) {
        let len = bytes.len();
        let counted = Arc::new(Counted {
            bytes,
            n_read: AtomicU64::new(0),
        });
        let bytes: Arc<dyn ReadAt> = Arc::<Counted>::clone(&counted);
        let preview = open_value(bytes, carrier, &NoSideFiles, &Options::GLANCE).unwrap();
        if let Some(value_type) = self.value_type {
            assert_eq!(preview.value_type, value_type, "{at}");
        }
        let n_nodes = preview.value.n_nodes();
        assert!(n_nodes <= self.n_nodes, "{at}: {n_nodes} nodes");
        let held = preview.value.size_bytes();
        assert!(held < 200 << 20, "{at}: {held} bytes held");
        let n_read = counted.n_read.load(Ordering::Relaxed);
        // Beside that the front is read to see what it is.
        let most = self.n_read.unwrap_or(2 * len) + (64 << 10);
        assert!(n_read <= most, "{at}: {n_read} bytes of {len} were read");
    }
}

/// Counts what is read through it.
struct Counted {
    bytes: Arc<dyn ReadAt>,
    n_read: AtomicU64,
}

impl ReadAt for Counted {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.bytes.read_at(offset, buf)?;
        self.n_read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// A file as it lies on the disk.
struct Whole(File);

impl ReadAt for Whole {
    fn len(&self) -> u64 {
        self.0.metadata().unwrap().len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, buf, offset)
    }
}

/// `dbm.dumb` with each value behind the last one, in blocks of 512 bytes.
fn write_shelf(path: &Path, cases: &[Case]) {
    let mut data = File::create(path.with_extension("dat")).unwrap();
    let mut index = String::new();
    for case in cases {
        let at = data.stream_position().unwrap().next_multiple_of(512);
        data.seek(SeekFrom::Start(at)).unwrap();
        let len = write_sparse(&mut data, &case.pieces);
        writeln!(index, "'{}', ({at}, {len})", case.name).unwrap();
    }
    fs::write(path.with_extension("dir"), index).unwrap();
}

/// diskcache's own writer, given the pickled bytes: large ones as value files, the others as rows.
const CACHE: &str = r#"
import diskcache, os, sqlite3, sys
class Ready(diskcache.Disk):
    def store(self, value, read, key=None):
        size = os.path.getsize(value)
        if size < 1 << 28:
            with open(value, "rb") as file:
                return 0, 4, None, sqlite3.Binary(file.read())
        name = os.path.basename(value) + ".val"
        os.rename(value, os.path.join(self._directory, name))
        return size, 4, name, None
with diskcache.Cache(sys.argv[1], disk=Ready, size_limit=1 << 40) as cache:
    for path in sys.argv[2:]:
        cache[os.path.basename(path)] = path
"#;

/// Looks at each value of a store, and shows the bomb.
fn judge_store(path: &Path, cases: &[Case]) {
    let info = open_all(path).unwrap().pop().unwrap();
    let store = Store::open(&info).unwrap();
    let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
    for case in cases {
        let at = format!("{} in {}", case.name, info.kind);
        let is_it =
            |record: &cachescope_core::model::Record<'_>| record.key == case.name.as_bytes();
        let mut records = snapshot.records().map(|(_, record)| record);
        let record = records
            .find(is_it)
            .unwrap_or_else(|| panic!("{at} is not listed"));
        let value = store.open_value(&record.entry_key()).unwrap();
        case.judge_look(Arc::clone(&value.bytes), value.carrier, &at);
        if case.name == "bomb" {
            case.judge_shown(&show(path, &[case.name]), &at);
        }
    }
}

#[test]
fn hostile_and_huge_values_are_shown_within_512_mib() {
    let temp = tempfile::tempdir().unwrap();
    let path = |name: &str| temp.path().join(name);
    let mut cases = cases();
    for case in &cases {
        let path = path(case.name);
        write_sparse(&mut File::create(&path).unwrap(), &case.pieces);
        case.judge_shown(&show(&path, &[]), case.name);
    }
    // One key of a large dict is read alone.
    let (value, peak) = show(&path("dict"), &["b"]);
    assert_eq!(value["value_type"], "bytes");
    assert!(peak < PEAK_MIB, "the key b took {peak} MiB");

    // The five worst are looked at as the window does: as files, and as values of a shelf and of a cache.
    cases.truncate(5);
    for case in &cases {
        let file = Arc::new(Whole(File::open(path(case.name)).unwrap()));
        case.judge_look(file, Carrier::Unknown, case.name);
    }
    write_shelf(&path("shelf"), &cases);
    let python = Python::env("diskcache-5.6");
    if let Some(python) = &python {
        let files = cases.iter().map(|case| path(case.name));
        python.run(CACHE, std::iter::once(path("cache")).chain(files));
    }
    std::thread::scope(|scope| {
        for name in ["shelf", "cache"] {
            if name == "cache" && python.is_none() {
                continue;
            }
            let (path, cases) = (path(name), &cases);
            let thread = std::thread::Builder::new().name(name.to_owned());
            let judge = move || judge_store(&path, cases);
            thread.spawn_scoped(scope, judge).unwrap();
        }
    });
}

#[test]
fn a_million_keys_are_listed_within_512_mib() {
    const KEYS: usize = 1_000_000;
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("shelf");
    let lines: String = (0..KEYS).fold(String::new(), |mut lines, n| {
        writeln!(lines, "'user:{n:07}', ({}, 100)", n * 512).unwrap();
        lines
    });
    fs::write(path.with_extension("dir"), lines).unwrap();
    let values = File::create(path.with_extension("dat")).unwrap();
    values.set_len((KEYS * 512) as u64).unwrap();
    let last = format!("user:{:07}", KEYS - 1);
    // A heading, the names of the columns, and an empty line; with --json the store and the summary.
    for (args, n_other) in [(&[][..], 3), (&["--json"][..], 2)] {
        let (said, peak) = run("ls", &path, args);
        assert_eq!(said.lines().count(), KEYS + n_other, "{args:?}");
        assert!(said.contains(&last), "{args:?}");
        assert!(peak < PEAK_MIB, "{args:?}: {peak} MiB");
    }
}
