//! The words of the query language, in one table: what parsing knows, what completion offers, what help lists.

/// What a term asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// Stored bytes of the value.
    Size,
    /// Time since it was stored.
    Age,
    /// Time since it was last read.
    Used,
    /// Time until it expires.
    Expires,
    /// Seconds that computing it took.
    Time,
    /// Recorded hits.
    Hits,
    /// Its group.
    Group,
    /// Its key.
    Key,
    /// An argument of the call.
    Arg,
    /// Python type of the value.
    Type,
    /// How the value is packed.
    Codec,
    /// What a check found.
    Condition,
}

/// What stands behind a field's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A comparison with a size: `>1MB`.
    Size,
    /// A comparison with a length of time: `>30d`.
    Span,
    /// A comparison with a number: `=0`.
    Count,
    /// `:` and a text with wildcards, or `/a regular expression/`.
    Text,
    /// `:` and names of conditions, with commas between.
    Conditions,
}

/// One word of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// The field it asks about.
    pub field: Field,
    /// As it is typed; `arg` goes on with `.NAME`.
    pub name: &'static str,
    /// What stands behind it.
    pub value: ValueKind,
    /// What it means, in a few words.
    pub meaning: &'static str,
    /// A term as one would type it.
    pub example: &'static str,
}

/// Every word, in the order in which help lists them.
pub const WORDS: [Word; 12] = [
    word(
        Field::Size,
        "size",
        ValueKind::Size,
        "stored bytes",
        "size>1MB",
    ),
    word(
        Field::Age,
        "age",
        ValueKind::Span,
        "time since it was stored",
        "age>30d",
    ),
    word(
        Field::Used,
        "used",
        ValueKind::Span,
        "time since it was last read",
        "used>7d",
    ),
    word(
        Field::Expires,
        "expires",
        ValueKind::Span,
        "time until it expires",
        "expires<1h",
    ),
    word(
        Field::Time,
        "time",
        ValueKind::Span,
        "what computing it took",
        "time>2s",
    ),
    word(
        Field::Hits,
        "hits",
        ValueKind::Count,
        "hits that the cache recorded",
        "hits=0",
    ),
    word(
        Field::Group,
        "group",
        ValueKind::Text,
        "function, table or tag",
        "group:load*",
    ),
    word(
        Field::Key,
        "key",
        ValueKind::Text,
        "the whole key",
        "key:/^user:/",
    ),
    word(
        Field::Arg,
        "arg",
        ValueKind::Text,
        "an argument of the call",
        "arg.path:*.csv",
    ),
    word(
        Field::Type,
        "type",
        ValueKind::Text,
        "Python type of the value",
        "type:ndarray",
    ),
    word(
        Field::Codec,
        "codec",
        ValueKind::Text,
        "how the value is packed",
        "codec:zlib",
    ),
    word(
        Field::Condition,
        "condition",
        ValueKind::Conditions,
        "what a check found",
        "condition:stale,expired",
    ),
];

const fn word(
    field: Field,
    name: &'static str,
    value: ValueKind,
    meaning: &'static str,
    example: &'static str,
) -> Word {
    Word {
        field,
        name,
        value,
        meaning,
        example,
    }
}

/// The word that was most likely meant by `typed`: one letter off, letters swapped, or two off in a long word.
pub(super) fn closest(typed: &str) -> Option<&'static str> {
    let sorted = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    let is_near = |name: &str| match distance(typed, name) {
        0 | 1 => name.len() > 3,
        2 => name.len() > 6 || sorted(typed) == sorted(name),
        _ => false,
    };
    WORDS
        .iter()
        .map(|word| word.name)
        .find(|name| is_near(name))
}

/// Levenshtein's distance of two short words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, from) in a.chars().enumerate() {
        let mut next = vec![at + 1];
        for ((to, above), left_above) in b.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or(0);
            let swap = left_above + usize::from(from != *to);
            next.push(swap.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_finds_its_word() {
        for (typed, expected) in [
            ("siez", Some("size")),
            ("grop", Some("group")),
            ("conditon", Some("condition")),
            ("expire", Some("expires")),
            ("user", Some("used")),
            ("http", None),
            ("x", None),
        ] {
            assert_eq!(closest(typed), expected, "{typed}");
        }
    }
}
