//! Python that loads one entry, ready to be pasted, with a warning where loading it would call more than plain data.

use std::fmt::Write as _;
use std::path::Path;

use cachescope_core::formats::Preview;
use cachescope_core::model::{Call, CallClass};

/// Calls that are named in the warning.
const MAX_CALLS: usize = 8;

/// Loads the value of an entry from the file that it has for itself; `None` where no library function does that.
pub(crate) fn python(value: &Preview, file: &Path) -> Option<String> {
    let path = literal(file.to_str()?)?;
    let has = |word: &str| value.codec.iter().any(|codec| codec.starts_with(word));
    let code = if has("npy") {
        format!("import numpy\n\nvalue = numpy.load({path})\n")
    } else if has("pickle") {
        // It reads plain pickles as well, and whatever compression is around them.
        format!("import joblib\n\nvalue = joblib.load({path})\n")
    } else {
        return None;
    };
    Some(warning(&value.calls) + &code)
}

/// Names what loading would call beyond the makers of plain data.
fn warning(calls: &[Call]) -> String {
    let named = calls.iter().filter(|call| call.class != CallClass::Data);
    let mut out = String::new();
    for call in named.clone().take(MAX_CALLS) {
        let what = match call.class {
            CallClass::Code => "which would run code",
            CallClass::Unknown | CallClass::Data => "which Cachescope does not know",
        };
        let name = cachescope_core::model::text::shown(&call.name);
        // Writing to a String cannot fail.
        writeln!(out, "# Loading this makes Python call {name}, {what}.").ok();
    }
    let n_more = named.count().saturating_sub(MAX_CALLS);
    if n_more > 0 {
        writeln!(out, "# And {n_more} more.").ok();
    }
    out
}

/// A path as Python reads it; `None` with control characters in it.
fn literal(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
    Some(format!("'{escaped}'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachescope_core::formats::{Carrier, NoSideFiles, Options, open_value};
    use cachescope_core::source::MemoryReader;
    use std::sync::Arc;

    fn preview(bytes: &[u8]) -> Preview {
        let bytes = Arc::new(MemoryReader::new(bytes.to_vec()));
        open_value(bytes, Carrier::Pickle, &NoSideFiles, &Options::GLANCE).unwrap()
    }

    #[test]
    fn plain_data_is_loaded_without_a_word() {
        // pickle.dumps([], 2)
        let code = python(&preview(b"\x80\x02]q\x00."), Path::new("/it's/output.pkl"));
        let expected = "import joblib\n\nvalue = joblib.load('/it\\'s/output.pkl')\n";
        assert_eq!(code.as_deref(), Some(expected));
    }

    #[test]
    fn a_call_of_code_is_named_first() {
        let bytes = b"cos\nsystem\n(S'true'\ntR.";
        let code = python(&preview(bytes), Path::new("/x")).unwrap();
        let first = code.lines().next().unwrap();
        assert!(
            first.starts_with("# Loading this makes Python call"),
            "{code}"
        );
        assert!(
            first.contains("system") && first.contains("run code"),
            "{code}"
        );
    }

    #[test]
    fn what_no_library_loads_has_no_snippet() {
        let mut value = preview(b"\x80\x02]q\x00.");
        value.codec = vec!["text".to_owned()];
        assert_eq!(python(&value, Path::new("/x")), None);
        assert_eq!(literal("a\nb"), None);
    }
}
