//! An entry to a few lines of Python that load exactly it, with a warning where loading runs more than plain constructors.

use std::borrow::Cow;

use crate::Result;
use crate::formats::Preview;
use crate::model::value::Call;
use crate::model::{CallClass, EntryKey, text};
use crate::stores::Store;

/// Names that a warning lists.
const MAX_NAMES: usize = 20;

/// Python that leaves the entry's value in `value`; `None` for kinds that no library loads entry by entry.
///
/// Loading a pickle runs what it names, so a snippet for one that calls more than plain constructors says so first.
///
/// # Errors
/// If the store cannot be read.
pub fn snippet(store: &Store, entry: &EntryKey, value: &Preview) -> Result<Option<String>> {
    let lines = store.python(entry, &value.codec)?;
    Ok(lines.map(|lines| warning(&value.calls) + &lines))
}

fn warning(calls: &[Call]) -> String {
    let mut lines = String::new();
    for class in [CallClass::Code, CallClass::Unknown] {
        let calls = calls.iter().filter(|call| call.class == class);
        let names: Vec<Cow<'_, str>> = calls.map(|call| text::shown(&call.name)).collect();
        let does = match class {
            CallClass::Code => "runs code or reaches for files or the network",
            _ => "calls what Cachescope does not know",
        };
        if names.is_empty() {
            continue;
        }
        let shown = names.get(..MAX_NAMES).unwrap_or(&names);
        let more = match names.len() - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let shown = shown.join(", ");
        lines.extend(["# Loading this value ", does, ": ", &shown, &more, "\n"]);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loading_would_run_is_said_first_and_on_one_line() {
        let call = |name: &str, class| Call {
            name: name.to_owned(),
            class,
            count: 1,
            offset: 0,
        };
        let calls = [
            call("builtins.set", CallClass::Data),
            call("shop.Cart", CallClass::Unknown),
            call("os.system\nimport evil", CallClass::Code),
        ];
        let said = warning(&calls);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("# Loading this value runs code"));
        assert!(lines[0].contains("os.system"));
        assert!(lines[1].starts_with("# Loading this value calls what"));
        assert!(lines[1].contains("shop.Cart"));
        assert_eq!(warning(&calls[..1]), "");
    }
}
