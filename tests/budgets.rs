//! Files that would fill memory many times over: `show` stays within its budget and says what it left out.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};
use serde_json::Value;

/// What one preview may take (MiB), whatever it is of.
const PEAK_MIB: u64 = 512;

/// Runs `show --json` and hands back its line and the most memory that it held, in MiB.
fn show(path: &Path, args: &[&str]) -> (Value, u64) {
    let output = File::create(path.with_extension("said")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_cachescope"))
        .args(["show", path.to_str().unwrap(), "--json"])
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
    (serde_json::from_str(said.trim()).unwrap(), peak)
}

/// A file whose holes take no room: pieces, and zeros between them.
fn write_sparse(path: &Path, pieces: &[(&[u8], i64)]) {
    let mut file = File::create(path).unwrap();
    for (piece, n_zeros) in pieces {
        file.write_all(piece).unwrap();
        file.seek(SeekFrom::Current(*n_zeros)).unwrap();
    }
    file.write_all(b".").unwrap();
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

#[test]
fn hostile_and_huge_values_are_shown_within_512_mib() {
    let temp = tempfile::tempdir().unwrap();
    let path = |name: &str| temp.path().join(name);
    let gib = 1_i64 << 30;
    // {"a": bytes(2**29), "b": bytes(2**29)}
    let length = (1_u64 << 29).to_le_bytes();
    let (first, second) = (
        [b"\x80\x04}(\x8c\x01a\x8e", &length[..]].concat(),
        [b"\x8c\x01b\x8e", &length[..]].concat(),
    );
    write_sparse(
        &path("dict"),
        &[(&first, gib / 2), (&second, gib / 2), (b"u", 0)],
    );
    // numpy.zeros(2**28): two gibibytes.
    let mut array = b"\x80\x04\x8c\x16numpy._core.multiarray\x8c\x0c_reconstruct\x93\x8c\x05numpy\x8c\x07ndarray\x93".to_vec();
    array.extend(b"K\x00\x85C\x01b\x87R(K\x01J\x00\x00\x00\x10\x85\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02f8\x89\x88\x87R");
    array.extend(b"(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89\x8e");
    array.extend((2_u64 << 30).to_le_bytes());
    write_sparse(&path("array"), &[(&array, 2 * gib), (b"tb", 0)]);
    let nested = [
        &b"\x80\x04"[..],
        &b"]".repeat(1_000_000),
        &b"a".repeat(999_999),
        b".",
    ]
    .concat();
    fs::write(path("nested"), nested).unwrap();
    let doubled = [&b"\x80\x02K\x01"[..], &b"2\x86".repeat(64), b"."].concat();
    fs::write(path("doubled"), doubled).unwrap();
    fs::write(path("bomb"), bomb(b"\x80\x04](", b'N')).unwrap();
    let text = [&b"\x80\x04\x8d"[..], &(4_u64 << 30).to_le_bytes()].concat();
    fs::write(path("text"), bomb(&text, b'x')).unwrap();
    let memo = [&b"\x80\x04K\x01"[..], &b"\x94".repeat(20_000_000), b"."].concat();
    fs::write(path("memo"), memo).unwrap();
    for (name, value_type, is_truncated) in [
        ("dict", Some("dict"), true),
        ("array", Some("numpy.ndarray"), false),
        ("nested", Some("list"), true),
        ("doubled", Some("tuple"), true),
        ("bomb", Some("list"), true),
        // Four gibibytes are not unpacked within the time, so that it is not known that they are text.
        ("text", None, true),
        ("memo", Some("int"), true),
    ] {
        let (value, peak) = show(&path(name), &[]);
        if let Some(value_type) = value_type {
            assert_eq!(value["value_type"], value_type, "{name}: {value}");
        }
        assert_eq!(value["truncated"], is_truncated, "{name}: {value}");
        assert!(peak < PEAK_MIB, "{name} took {peak} MiB");
    }
    // One key of a large dict is read alone.
    let (value, peak) = show(&path("dict"), &["b"]);
    assert_eq!(value["value_type"], "bytes");
    assert!(peak < PEAK_MIB, "the key b took {peak} MiB");
}
