//! Pieces of Python that load one entry: modules, literals, and how stored bytes become the value.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::NativeKey;
use crate::formats::repr::{bytes_repr, float_repr, str_repr};
use crate::formats::{Problem, pickle, pyliteral};
use crate::model::CallClass;
use crate::sqlite::{Cell, Handle, RowAt, Table, quote};

/// Characters of a literal for each byte of its pickle, at most: `False, ` takes one byte.
const CHARS_A_BYTE: usize = 8;

/// A few lines that leave the value in `value`.
#[derive(Debug, Default)]
pub(super) struct Script {
    imports: BTreeSet<&'static str>,
    lines: String,
}

impl Script {
    /// Lines that need these modules.
    pub(super) fn new(modules: &[&'static str]) -> Self {
        Self {
            imports: modules.iter().copied().collect(),
            lines: String::new(),
        }
    }

    pub(super) fn import(&mut self, module: &'static str) {
        self.imports.insert(module);
    }

    pub(super) fn line(&mut self, line: &str) {
        self.lines.push_str(line);
        self.lines.push('\n');
    }

    /// Python, ready to be pasted.
    pub(super) fn finish(self) -> String {
        let mut text = String::new();
        for module in &self.imports {
            // Writing to a String cannot fail.
            writeln!(text, "import {module}").ok();
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text + &self.lines
    }

    /// A key as Python writes it. Objects that are no literals are unpickled, if that calls nothing but makers of
    /// plain data; `None` for others.
    pub(super) fn key(&mut self, key: &NativeKey) -> Option<String> {
        Some(match key {
            NativeKey::Text(bytes) => str_repr(std::str::from_utf8(bytes).ok()?),
            NativeKey::Bytes(bytes) | NativeKey::Untyped(bytes) => bytes_repr(bytes),
            NativeKey::Int(n) => n.to_string(),
            NativeKey::Float(x) => float_literal(*x),
            NativeKey::Pickled(bytes) => {
                let decoded = pickle::decode_bytes(bytes);
                // A key that is printed for longer than that holds the same parts many times over.
                let max_chars = bytes.len().saturating_mul(CHARS_A_BYTE);
                let repr = decoded.value.repr(decoded.value.root(), max_chars);
                let is_damaged = decoded.problems.iter().any(Problem::is_damage);
                if is_damaged || decoded.calls.iter().any(|c| c.class != CallClass::Data) {
                    return None;
                }
                if !repr.is_cut && pyliteral::is_literal(&repr.text) {
                    return Some(repr.text);
                }
                self.import("pickle");
                format!("pickle.loads({})", bytes_repr(bytes))
            }
        })
    }

    /// How stored bytes, the expression `bytes`, become the value by this chain of codecs; `None` if no library of
    /// Python's does that.
    pub(super) fn decoded(&mut self, codec: &[String], bytes: &str) -> Option<String> {
        let mut text = bytes.to_owned();
        for word in codec {
            let carrier = word.split(' ').next().unwrap_or_default();
            let (module, call) = match carrier {
                "zlib" => ("zlib", "zlib.decompress"),
                "gzip" => ("gzip", "gzip.decompress"),
                "bz2" => ("bz2", "bz2.decompress"),
                "xz" | "lzma" => ("lzma", "lzma.decompress"),
                "lz4" => ("lz4.frame", "lz4.frame.decompress"),
                "zstd" => ("zstandard", "zstandard.decompress"),
                "base64" => ("base64", "base64.b64decode"),
                "pickle" => ("pickle", "pickle.loads"),
                "json" => ("json", "json.loads"),
                "msgpack" => ("msgpack", "msgpack.unpackb"),
                "marshal" => ("marshal", "marshal.loads"),
                // Its own facts stand before a bar.
                "dogpile" => {
                    text = format!("{text}.split(b'|', 1)[1]");
                    continue;
                }
                "native" | "bytes" | "text" | "ndarray" => continue,
                _ => return None,
            };
            self.import(module);
            text = format!("{call}({text})");
        }
        Some(text)
    }

    /// The stored bytes of a dbm, or the value of a shelf on it, opened for reading only.
    pub(super) fn dbm(
        module: &'static str,
        base: &Path,
        key: &[u8],
        codec: &[String],
    ) -> Option<String> {
        let mut script = Self::new(&[module]);
        let base = path_literal(base);
        let is_bare_pickle = matches!(codec, [only] if only.starts_with("pickle"));
        let key = match std::str::from_utf8(key) {
            Ok(key) if is_bare_pickle => {
                script.import("shelve");
                let key = str_repr(key);
                script.line(&format!(
                    "with shelve.Shelf({module}.open({base}, 'r')) as shelf:\n    value = shelf[{key}]"
                ));
                return Some(script.finish());
            }
            Ok(key) => format!("{}.encode()", str_repr(key)),
            Err(_) => bytes_repr(key),
        };
        let value = script.decoded(codec, &format!("table[{key}]"))?;
        script.line(&format!(
            "with {module}.open({base}, 'r') as table:\n    value = {value}"
        ));
        Some(script.finish())
    }

    /// A row of a database that is opened for reading only: one column, or all of them as a dict.
    pub(super) fn row(
        database: &Path,
        table: &Table,
        at: &RowAt,
        column: Option<usize>,
        codec: &[String],
    ) -> Option<String> {
        let mut script = Self::new(&["sqlite3"]);
        let (condition, values) = place(table, at)?;
        let what = column.map_or_else(|| "*".to_owned(), |column| table.quoted(column));
        let sql = format!("SELECT {what} FROM {} {condition}", quote(&table.name));
        let uri = format!("file:{}?mode=ro", percent_encoded(database)?);
        script.line(&format!(
            "connection = sqlite3.connect({}, uri=True)",
            str_repr(&uri)
        ));
        let fetched = format!(
            "connection.execute({}, {values}).fetchone()",
            str_repr(&sql)
        );
        if column.is_some() {
            let value = script.decoded(codec, "value")?;
            script.line(&format!("[value] = {fetched}"));
            if value != "value" {
                script.line(&format!("value = {value}"));
            }
        } else {
            script.line("connection.row_factory = sqlite3.Row");
            script.line(&format!("value = dict({fetched})"));
        }
        script.line("connection.close()");
        Some(script.finish())
    }
}

/// What finds a row, and the values for it.
fn place(table: &Table, at: &RowAt) -> Option<(String, String)> {
    Some(match at {
        RowAt::Rowid(n) => {
            let Handle::Rowid(name) = &table.handle else {
                return None;
            };
            (format!("WHERE {name} = ?"), format!("({n},)"))
        }
        RowAt::Place(n) => ("LIMIT 1 OFFSET ?".to_owned(), format!("({n},)")),
        RowAt::Columns(columns) => {
            let conditions: Vec<String> = columns
                .iter()
                .map(|(column, _)| format!("{} IS ?", table.quoted(*column)))
                .collect();
            let mut values = String::new();
            for (_, cell) in columns {
                values.push_str(&cell_literal(cell)?);
                values.push_str(", ");
            }
            let conditions = conditions.join(" AND ");
            (
                format!("WHERE {conditions}"),
                format!("({})", values.trim_end()),
            )
        }
    })
}

fn cell_literal(cell: &Cell) -> Option<String> {
    Some(match cell {
        Cell::Null => "None".to_owned(),
        Cell::Integer(n) => n.to_string(),
        Cell::Real(x) => float_literal(*x),
        Cell::Text(bytes) => str_repr(std::str::from_utf8(bytes).ok()?),
        Cell::Blob(bytes) => bytes_repr(bytes),
    })
}

fn float_literal(x: f64) -> String {
    if x.is_finite() {
        float_repr(x)
    } else {
        format!("float('{}')", float_repr(x))
    }
}

/// A path as Python writes it.
pub(super) fn path_literal(path: &Path) -> String {
    match path.to_str() {
        Some(text) => str_repr(text),
        None => bytes_repr(path.as_os_str().as_encoded_bytes()),
    }
}

/// A path as URIs write it (RFC 3986); `None` if it is not absolute.
fn percent_encoded(path: &Path) -> Option<String> {
    let mut text = String::new();
    for byte in path
        .is_absolute()
        .then_some(path)?
        .as_os_str()
        .as_encoded_bytes()
    {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
            text.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            write!(text, "%{byte:02X}").ok();
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_python_reads_them() {
        let mut script = Script::default();
        let mut written = |key: NativeKey| script.key(&key);
        for (key, expected) in [
            (NativeKey::Text("it's\n".into()), "\"it's\\n\""),
            (NativeKey::Bytes(b"\xff".to_vec()), r"b'\xff'"),
            (NativeKey::Int(-3), "-3"),
            (NativeKey::Float(1e16), "1e+16"),
            (NativeKey::Float(f64::INFINITY), "float('inf')"),
            // pickle.dumps(('a', 1), 2)
            (
                NativeKey::Pickled(b"\x80\x02X\x01\x00\x00\x00aq\x00K\x01\x86q\x01.".to_vec()),
                "('a', 1)",
            ),
        ] {
            assert_eq!(written(key).as_deref(), Some(expected));
        }
        // pickle.dumps(datetime.date(2024, 1, 1), 0), which is no literal, and an os.system.
        let date = b"cdatetime\ndate\np0\n(V\\u07e8\\u0001\\u0001\np1\ntp2\nRp3\n.";
        let date = written(NativeKey::Pickled(date.to_vec())).unwrap();
        assert!(date.starts_with("pickle.loads(b'"), "{date}");
        let evil = NativeKey::Pickled(b"cos\nsystem\n(S'true'\ntR.".to_vec());
        assert_eq!(written(evil), None);
        // t = None, and sixty times t = (t, t), whose literal nobody could print.
        let doubled = [&b"\x80\x02N"[..], &b"2\x86".repeat(60), b"."].concat();
        let doubled = written(NativeKey::Pickled(doubled)).unwrap();
        assert!(doubled.starts_with("pickle.loads(b'"), "{doubled}");
        assert!(script.finish().starts_with("import pickle\n"));
    }

    #[test]
    fn chains_of_codecs_are_undone_from_the_outside_in() {
        let mut script = Script::default();
        let mut decoded = |chain: &[&str]| {
            let chain: Vec<String> = chain.iter().map(|word| (*word).to_owned()).collect();
            script.decoded(&chain, "x")
        };
        let found = decoded(&["base64", "zlib", "pickle 5", "ndarray"]);
        assert_eq!(
            found.as_deref(),
            Some("pickle.loads(zlib.decompress(base64.b64decode(x)))")
        );
        assert_eq!(decoded(&["native"]).as_deref(), Some("x"));
        assert_eq!(decoded(&["z-file", "pickle 2"]), None);
    }

    #[test]
    fn paths_are_encoded_for_uris() {
        let path = Path::new("/a b/it's/é?#%.db");
        assert_eq!(
            percent_encoded(path).as_deref(),
            Some("/a%20b/it%27s/%C3%A9%3F%23%25.db")
        );
        assert_eq!(percent_encoded(Path::new("relative")), None);
    }
}
