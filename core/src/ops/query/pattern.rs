//! How a query's text is compared with a record's: anywhere, whole, with wildcards, as a regular expression.

use regex::Regex;

/// Memory that one compiled expression may take, in bytes.
const REGEX_BYTES: usize = 1 << 20;

/// Text looked for anywhere, in any letter case.
#[derive(Debug, Clone)]
pub(super) struct Needle {
    lower: String,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        Self {
            lower: text.to_lowercase(),
        }
    }

    /// True if `text` contains it. Allocates nothing.
    pub(super) fn is_in(&self, text: &str) -> bool {
        if self.lower.is_ascii() {
            contains_ascii(text.as_bytes(), self.lower.as_bytes())
        } else {
            text.char_indices()
                .filter_map(|(at, _)| text.get(at..))
                .any(|tail| starts_with_lower(tail, &self.lower))
        }
    }
}

fn contains_ascii(text: &[u8], lower: &[u8]) -> bool {
    let Some((first, rest)) = lower.split_first() else {
        return true;
    };
    let upper = first.to_ascii_uppercase();
    let mut left = text;
    while let Some(at) = left.iter().position(|b| b == first || *b == upper) {
        left = left.get(at + 1..).unwrap_or_default();
        match left.get(..rest.len()) {
            Some(here) if here.eq_ignore_ascii_case(rest) => return true,
            Some(_) => {}
            None => return false,
        }
    }
    false
}

fn starts_with_lower(text: &str, lower: &str) -> bool {
    let mut folded = text.chars().flat_map(char::to_lowercase);
    lower.chars().all(|c| folded.next() == Some(c))
}

/// A text to be matched as a whole.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    /// Exactly this text.
    Exact(Box<str>),
    /// Compiled from wildcards (anchored) or from the person's own expression (not anchored).
    Regex(Regex),
}

/// What counts as a whole for a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// The text in full, letter for letter.
    Text,
    /// The text, or what follows one of its `.` or `/`: `load` for `pkg.mod.load`.
    Tail,
    /// As [`Whole::Tail`], in any letter case.
    TailAnyCase,
}

impl Pattern {
    /// `*` stands for any text and `?` for one character; a backslash takes that meaning from them.
    pub(super) fn of_words(text: &str, whole: Whole) -> Result<Self, String> {
        let mut plain = String::new();
        let mut source = String::new();
        let mut has_wildcard = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let literal = match c {
                '*' | '?' => {
                    has_wildcard = true;
                    source.push_str(if c == '*' { "(?s:.)*" } else { "(?s:.)" });
                    continue;
                }
                '\\' => chars
                    .next_if(|c| matches!(c, '*' | '?' | '\\'))
                    .unwrap_or('\\'),
                c => c,
            };
            plain.push(literal);
            source.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
        }
        if !has_wildcard && whole == Whole::Text {
            return Ok(Self::Exact(plain.into()));
        }
        let (case, head) = match whole {
            Whole::Text => ("", ""),
            Whole::Tail => ("", "(?s:.*[./])?"),
            Whole::TailAnyCase => ("(?i)", "(?s:.*[./])?"),
        };
        compile(&format!("{case}\\A{head}{source}\\z")).map(Self::Regex)
    }

    /// A regular expression that may match anywhere in the text.
    pub(super) fn of_regex(source: &str) -> Result<Self, String> {
        compile(source).map(Self::Regex)
    }

    /// True if it matches.
    pub(super) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => **exact == *text,
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Linear in the text whatever the expression; its compiled size is bounded.
fn compile(source: &str) -> Result<Regex, String> {
    regex::RegexBuilder::new(source)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the expression is too large".to_owned(),
            error => {
                // The last line says what is wrong; those before it draw the expression.
                let text = error.to_string();
                let last = text.lines().next_back().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_is_found_in_any_case_and_alphabet() {
        for (needle, text, expected) in [
            ("load", "features.LoadData", true),
            ("LOAD", "reload", true),
            ("load", "lo ad", false),
            ("a", "", false),
            ("", "x", true),
            ("aab", "aaab", true),
            ("ÄÖ", "fräöz", true),
            ("ß", "straße", true),
            ("名", "x名y", true),
            ("名", "x", false),
        ] {
            assert_eq!(Needle::new(needle).is_in(text), expected, "{needle} {text}");
        }
    }

    #[test]
    fn words_match_whole_texts_and_wildcards_the_rest() {
        for (pattern, whole, text, expected) in [
            ("a*", Whole::Text, "abc", true),
            ("a*", Whole::Text, "xabc", false),
            ("a?c", Whole::Text, "abc", true),
            ("a?c", Whole::Text, "ac", false),
            ("a.c", Whole::Text, "abc", false),
            ("a\\*", Whole::Text, "a*", true),
            ("a\\*", Whole::Text, "ab", false),
            ("C:\\x", Whole::Text, "C:\\x", true),
            ("a*c", Whole::Text, "a\nc", true),
            ("load*", Whole::Tail, "pkg.mod.load_data", true),
            ("load", Whole::Tail, "pkg/mod/load", true),
            ("load", Whole::Tail, "pkg.reload", false),
            ("mod.load", Whole::Tail, "pkg.mod.load", true),
            ("pkg.mod.load", Whole::Tail, "pkg.mod.load", true),
            ("Load", Whole::Tail, "pkg.load", false),
            ("dataframe", Whole::TailAnyCase, "pandas.DataFrame", true),
        ] {
            let compiled = Pattern::of_words(pattern, whole).unwrap();
            assert_eq!(compiled.is_match(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_bad_expression_says_what_is_wrong() {
        assert_eq!(Pattern::of_regex("a(").unwrap_err(), "unclosed group");
        let bomb = format!("{}{}", "(a{1000}){1000}", "");
        assert_eq!(
            Pattern::of_regex(&bomb).unwrap_err(),
            "the expression is too large"
        );
    }
}
