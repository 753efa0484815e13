//! The query field: its text, what it means, or where it is wrong.

use cachescope_core::ops::query::{Query, QueryError};

/// Text and meaning side by side. While the text is wrong, the last meaning stays in force.
#[derive(Default)]
pub(crate) struct QueryField {
    text: String,
    /// The last text that had a meaning.
    in_force: String,
    parsed: Query,
    error: Option<QueryError>,
}

impl QueryField {
    /// As typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text that is in force: as typed, or as it was before that became wrong.
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

    /// Takes new text; true if it has a meaning.
    pub(crate) fn set(&mut self, text: String) -> bool {
        let parsed = Query::parse(&text);
        self.text = text;
        match parsed {
            Ok(query) => {
                self.parsed = query;
                self.in_force.clone_from(&self.text);
                self.error = None;
                true
            }
            Err(error) => {
                self.error = Some(error);
                false
            }
        }
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
    fn wrong_text_keeps_the_last_meaning_and_says_where() {
        let mut field = QueryField::default();
        assert!(field.set("size>1k".to_owned()));
        assert!(!field.set("size>1k sise>2".to_owned()));
        assert_eq!(field.error().unwrap().span.start, 8);
        assert!(!field.parsed().is_empty());
        assert!(field.set(String::new()));
        assert!(field.error().is_none());
    }
}
