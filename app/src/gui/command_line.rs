//! The command line that does what the window is about to do, ready to be pasted into a shell.

use std::path::Path;

use cachescope_core::clear::{Fresh, How, Plan, Planned};

use super::state::AskedFor;

/// Keys that are named one by one; more are better said by a query.
const MAX_KEYS: usize = 50;

/// `cachescope clear …` (or `keep`) for a plan; `None` where only a long list of keys would say it.
pub(crate) fn of_plan(plan: &Plan, asked: &AskedFor, how: How) -> Option<String> {
    let verb = if asked.expires.is_some() {
        "keep"
    } else {
        "clear"
    };
    let mut words = vec!["cachescope".to_owned(), verb.to_owned()];
    // What was opened may hold other stores too.
    words.push(quote(plan.store.to_str()?));
    words.push("--yes".to_owned());
    words.extend((how == How::Free).then(|| "--permanent".to_owned()));
    words.extend((plan.fresh == Fresh::Goes).then(|| "--in-progress".to_owned()));
    words.extend(asked.options.iter().map(|word| quote(word)));
    if let Some(span) = &asked.expires {
        words.extend(["--expires".to_owned(), quote(span)]);
    }
    if let Some(query) = &asked.query {
        words.extend(["--query".to_owned(), quote(query)]);
    }
    if asked.query.is_some() || !asked.options.is_empty() {
        return Some(words.join(" "));
    }
    if plan.removals.len() > MAX_KEYS {
        return None;
    }
    let keys: Vec<String> = plan.removals.iter().map(named).collect();
    let looks_like_option = |key: &String| key.starts_with('-');
    words.extend(keys.iter().any(looks_like_option).then(|| "--".to_owned()));
    words.extend(keys.iter().map(|key| quote(key)));
    Some(words.join(" "))
}

/// `cachescope compact …` for a store; `None` where its path is not text.
pub(crate) fn compact(store: &Path, is_unused: bool) -> Option<String> {
    let path = quote(store.to_str()?);
    let word = if is_unused {
        " --no-program-uses-it"
    } else {
        ""
    };
    Some(format!("cachescope compact {path} --yes{word}"))
}

/// `GROUP/KEY`, as every sub-command takes it.
fn named(planned: &Planned) -> String {
    match &*planned.group_label {
        "" => planned.key_label.clone(),
        group => format!("{group}/{}", planned.key_label),
    }
}

/// A word as a POSIX shell takes it: as it is where nothing in it is special, else in single quotes.
fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,+@%=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_shell_as_they_are() {
        for (word, expected) in [
            ("features.embed/9bbc", "features.embed/9bbc"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(rm -rf)", "'$(rm -rf)'"),
        ] {
            assert_eq!(quote(word), expected);
        }
    }
}
