//! `ls --json` of a diskcache of 1,000,000 rows beside a bare rusqlite loop over the same columns, in one interleaved run.
//!
//! Needs the release build of the program: `cargo build --release && cargo bench -p cachescope-core --bench rows`.
//! Goals: at most 1.4 of the loop's wall time, under 512 MiB of memory.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints its figures and stops at what it cannot do"
)]

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

const ROWS: i64 = 1_000_000;
const VALUE_BYTES: usize = 1_000;
const ROUNDS: usize = 5;
const GOAL: f64 = 1.4;
const GOAL_MIB: u64 = 512;

/// `diskcache/core.py: Cache.__init__`, 5.6.3, as far as listing sees it.
const SCHEMA: &str = "
    PRAGMA page_size = 4096; PRAGMA auto_vacuum = FULL; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
    CREATE TABLE Settings (key TEXT NOT NULL UNIQUE, value);
    INSERT INTO Settings VALUES ('count', 0), ('size', 0), ('hits', 0), ('misses', 0), ('statistics', 0),
        ('eviction_policy', 'least-recently-stored'), ('size_limit', 1073741824), ('cull_limit', 10);
    CREATE TABLE Cache (rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL,
        access_time REAL, access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0,
        filename TEXT, value BLOB);
    CREATE UNIQUE INDEX Cache_key_raw ON Cache(key, raw);
    CREATE INDEX Cache_expire_time ON Cache (expire_time);";

/// Names this program where it is started again as the loop.
const LOOP: &str = "--loop";

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == LOOP) {
        let path = args.get(at + 1).expect("a database");
        return bare_loop(Path::new(path));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("cache.db");
    fill(&database);
    let program = program();
    let mut ours = Command::new(&program);
    ours.arg("ls").arg(folder.path()).arg("--json");
    let mut theirs = Command::new(std::env::current_exe().expect("this program"));
    theirs.arg(LOOP).arg(&database);
    timed(&mut ours);
    timed(&mut theirs);
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (a, b) = (timed(&mut ours), timed(&mut theirs));
            println!("ls --json {a:.2?}, bare loop {b:.2?}");
            a.as_secs_f64() / b.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ROUNDS / 2).copied().unwrap_or(f64::NAN);
    println!(
        "ls --json of {ROWS} rows / bare rusqlite loop: {median:.2} of its wall time (goal {GOAL})"
    );
    match peak_mib(&mut ours) {
        Some(mib) => println!("peak memory of ls --json: {mib} MiB (goal: under {GOAL_MIB})"),
        None => println!("peak memory of ls --json: this system does not tell it"),
    }
}

/// The program's highest resident memory, as Linux tells it; looked up again at each piece of what it prints.
fn peak_mib(command: &mut Command) -> Option<u64> {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut printed = child.stdout.take().expect("piped");
    let mut peak = None;
    let mut piece = vec![0; 1 << 16];
    while printed.read(&mut piece).expect("it is read") > 0 {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(kib.map(|kib| kib >> 10));
    }
    assert!(child.wait().expect("it ends").success());
    peak
}

/// The release build of the program, beside the folder that this one was built into.
fn program() -> PathBuf {
    let here = std::env::current_exe().expect("this program");
    let folder = here.ancestors().nth(2).expect("the build's folder");
    let path = folder.join("cachescope");
    assert!(path.exists(), "build it first: cargo build --release");
    path
}

fn timed(command: &mut Command) -> Duration {
    let start = Instant::now();
    let status = command.stdout(Stdio::null()).status().expect("it starts");
    assert!(status.success(), "{command:?} ended with {status}");
    start.elapsed()
}

/// Every column that a listing needs, written out as text: the least that anybody must do.
fn bare_loop(path: &Path) {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("it opens");
    let sql = "SELECT rowid, key, raw, store_time, expire_time, access_time, access_count, tag, size, mode, \
               filename, octet_length(value) FROM Cache";
    let mut statement = connection.prepare(sql).expect("a statement");
    let n_columns = statement.column_count();
    let mut rows = statement.query([]).expect("rows");
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    while let Some(row) = rows.next().expect("a row") {
        for column in 0..n_columns {
            match row.get_ref(column).expect("a cell") {
                ValueRef::Null => out.write_all(b"null"),
                ValueRef::Integer(n) => write!(out, "{n}"),
                ValueRef::Real(x) => write!(out, "{x}"),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => out.write_all(bytes),
            }
            .and_then(|()| out.write_all(b"\t"))
            .expect("written");
        }
        out.write_all(b"\n").expect("written");
    }
}

fn fill(path: &Path) {
    let mut connection = Connection::open(path).expect("a new database");
    connection.execute_batch(SCHEMA).expect("the schema");
    let transaction = connection.transaction().expect("a transaction");
    let value = vec![0x5a_u8; VALUE_BYTES];
    {
        let mut insert = transaction
            .prepare("INSERT INTO Cache VALUES (?1, ?2, 1, ?3, ?4, ?3, 0, ?5, 0, 1, NULL, ?6)")
            .expect("a statement");
        for n in 0..ROWS {
            let stored = 1.7e9 + f64::from(i32::try_from(n).unwrap_or(0)) * 0.01;
            let expires = (n % 3 > 0).then_some(stored + 86_400.0);
            let tag = (n % 2 > 0).then(|| format!("t{}", n % 5));
            let key = format!("user:{n:08}/profile");
            insert
                .execute(rusqlite::params![n + 1, key, stored, expires, tag, value])
                .expect("a row");
        }
    }
    transaction.commit().expect("committed");
    connection
        .execute_batch("UPDATE Settings SET value = 1000000 WHERE key = 'count'; PRAGMA wal_checkpoint(TRUNCATE);")
        .expect("checkpointed");
}
