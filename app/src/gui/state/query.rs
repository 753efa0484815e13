//! The query field: its text, what it means, or where it is wrong.

use cachescope_core::ops::query::{Query, QueryError};

/// Text and meaning side by side. While a word of the text is wrong or half typed, the others are in force.
#[derive(Default)]
pub(crate) struct QueryField {
    text: String,
    /// What of the text has a meaning.
    in_force: String,
    parsed: Query,
    error: Option<QueryError>,
}

impl QueryField {
    /// As typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text that is in force: as typed, less what is wrong.
    pub(crate) fn in_force(&self) -> &str {
        &self.in_force
    }

    /// What it means.
    pub(crate) fn parsed(&self) -> &Query {
        &self.parsed
    }

    /// What is wrong with the text, and where.
    pub(crate) fn error(&self) -> Option<&QueryError> {
        self.error.as_ref()
    }

    /// Takes new text; true if what is in force changed.
    pub(crate) fn set(&mut self, text: String) -> bool {
        let mut sound = text.clone();
        self.text = text;
        self.error = None;
        let parsed = loop {
            match Query::parse(&sound) {
                Ok(query) => break query,
                Err(error) => {
                    sound = without_word_at(&sound, error.span.start);
                    self.error.get_or_insert(error);
                }
            }
        };
        let is_new = self.in_force != sound;
        self.parsed = parsed;
        self.in_force = sound;
        is_new
    }

    /// The text with all terms of one field replaced: what brushing a histogram types.
    pub(crate) fn with_field(&self, field: &str, terms: &str) -> String {
        let kept = words(&self.text).filter(|word| !is_of(word, field));
        let mut all: Vec<&str> = kept.collect();
        all.extend((!terms.is_empty()).then_some(terms));
        all.join(" ")
    }
}

/// Splits at spaces outside quotes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |c: char| {
        is_quoted ^= c == '"';
        c == ' ' && !is_quoted
    })
    .filter(|word| !word.is_empty())
}

/// The words but the one that stands at a place, or ends before it; always shorter than the text.
fn without_word_at(text: &str, at: usize) -> String {
    let mut behind = text;
    let starts: Vec<usize> = words(text)
        .map(|word| {
            let skipped = behind.find(word).unwrap_or(0);
            behind = behind.get(skipped + word.len()..).unwrap_or_default();
            text.len() - behind.len() - word.len()
        })
        .collect();
    let wrong = starts.iter().rposition(|start| *start <= at).unwrap_or(0);
    let kept = words(text).enumerate().filter(|(n, _)| *n != wrong);
    let kept: Vec<&str> = kept.map(|(_, word)| word).collect();
    kept.join(" ")
}

fn is_of(word: &str, field: &str) -> bool {
    let word = word.strip_prefix('-').unwrap_or(word);
    word.strip_prefix(field)
        .is_some_and(|rest| rest.starts_with(['<', '>', '=', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brushing_replaces_the_terms_of_its_own_field_only() {
        let check = |text: &str, expected: &str| {
            let mut field = QueryField::default();
            field.set(text.to_owned());
            assert_eq!(field.with_field("size", "size>=1k size<3k"), expected);
        };
        check("", "size>=1k size<3k");
        check("size>5 used>3d -size<9", "used>3d size>=1k size<3k");
        check("\"size>5 x\" sizes", "\"size>5 x\" sizes size>=1k size<3k");
    }

    #[test]
    fn of_text_with_wrong_words_the_others_are_in_force() {
        let check = |text: &str, in_force: &str, wrong_at: usize| {
            let mut field = QueryField::default();
            field.set(text.to_owned());
            assert_eq!(field.in_force(), in_force, "{text}");
            assert_eq!(field.error().unwrap().span.start, wrong_at, "{text}");
        };
        check("size>1k sise>2", "size>1k", 8);
        check("size>", "", 5);
        check("size> used>3d", "used>3d", 5);
        check("used>x size>1k used>", "size>1k", 5);
        check("size>1k \"half", "size>1k", 8);
        let mut field = QueryField::default();
        assert!(field.set("size>1k".to_owned()));
        assert!(!field.set("size>1k used>".to_owned()));
        assert!(field.set(String::new()));
        assert!(field.error().is_none());
    }
}
