//! Text with right-to-left runs in the order in which it is read.
//!
//! egui shapes each stretch of one font by itself, which turns Hebrew and Arabic letters the right way round, and
//! puts the stretches from left to right. Here they are put in their order (Unicode Standard Annex 9), each as a
//! section of its own. What is copied is always the text as it is stored.

use std::borrow::Cow;

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId, RichText, WidgetText};
use unicode_bidi::{BidiClass, BidiInfo, Level, bidi_class};

/// First and last character of a text that keeps its order to itself (UAX 9, FSI and PDI). Strangers' own are
/// escaped before they come here.
const ISOLATE: [char; 2] = ['\u{2068}', '\u{2069}'];

/// True if anything in it runs from right to left.
pub(crate) fn has_rtl(text: &str) -> bool {
    // No such letter lies below the Hebrew ones.
    let is_rtl = |c: char| c >= '\u{590}' && matches!(bidi_class(c), BidiClass::R | BidiClass::AL);
    text.chars().any(is_rtl)
}

/// A stranger's text that is to stand inside a line of ours without turning round what stands beside it.
pub(crate) fn isolated(text: &str) -> Cow<'_, str> {
    if has_rtl(text) {
        let [first, last] = ISOLATE;
        Cow::Owned(format!("{first}{text}{last}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The stretches of one line in the order in which they stand on it.
fn in_order(line: &str) -> Vec<String> {
    let info = BidiInfo::new(line, Some(Level::ltr()));
    let mut out = Vec::new();
    for paragraph in &info.paragraphs {
        let (levels, runs) = info.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let is_rtl = levels.get(run.start).is_some_and(Level::is_rtl);
            let text = line.get(run).unwrap_or_default();
            if is_rtl {
                out.extend(words(text).into_iter().rev());
            } else {
                out.push(text.replace(ISOLATE, ""));
            }
        }
    }
    out.retain(|piece| !piece.is_empty());
    out
}

/// Runs of letters, which egui turns round itself, and each sign between them, mirrored.
fn words(run: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut is_in_word = false;
    for c in run.chars().filter(|c| !ISOLATE.contains(c)) {
        let is_letter = matches!(bidi_class(c), BidiClass::R | BidiClass::AL | BidiClass::NSM);
        match out.last_mut().filter(|_| is_letter && is_in_word) {
            Some(word) => word.push(c),
            None => out.push(mirrored(c).to_string()),
        }
        is_in_word = is_letter;
    }
    out
}

/// The sign that opens where this one closes (UAX 9, L4): those that paths, calls and texts have.
fn mirrored(c: char) -> char {
    match c {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '{' => '}',
        '}' => '{',
        '<' => '>',
        '>' => '<',
        '«' => '»',
        '»' => '«',
        other => other,
    }
}

/// Adds text to what is laid out, in order.
pub(crate) fn append(job: &mut LayoutJob, text: &str, format: &TextFormat) {
    if !has_rtl(text) {
        job.append(text, 0.0, format.clone());
        return;
    }
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            job.append("\n", 0.0, format.clone());
        }
        for piece in in_order(line) {
            job.append(&piece, 0.0, format.clone());
        }
    }
}

/// Text for a label or a hint whose lines do not wrap.
pub(crate) fn text(text: &str, font: FontId, color: Color32) -> WidgetText {
    if !has_rtl(text) {
        return RichText::new(text).font(font).color(color).into();
    }
    let mut job = LayoutJob::default();
    append(&mut job, text, &TextFormat::simple(font, color));
    job.into()
}

/// Lines of at most so many points; `width` measures a line.
pub(crate) fn wrapped(text: &str, most: f32, width: impl Fn(&str) -> f32) -> String {
    let mut out = String::new();
    for (n, paragraph) in text.split('\n').enumerate() {
        if n > 0 {
            out.push('\n');
        }
        let mut line = String::new();
        for word in paragraph.split_inclusive(' ') {
            if !line.is_empty() && width(&format!("{line}{word}")) > most {
                out.push_str(&line);
                out.push('\n');
                line.clear();
            }
            line.push_str(word);
        }
        out.push_str(&line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(in_order(text), expected, "{text}");
    }

    #[test]
    fn words_of_a_right_to_left_run_change_places_and_their_letters_do_not() {
        check("a.csv", &["a.csv"]);
        check("שלום עולם", &["עולם", " ", "שלום"]);
        check(
            "load שלום עולם.csv",
            &["load ", "עולם", " ", "שלום", ".csv"],
        );
    }

    #[test]
    fn numbers_keep_their_direction_and_brackets_are_mirrored() {
        check("שנה 2024 (א)", &["(", "א", ")", " ", "2024", " ", "שנה"]);
    }

    #[test]
    fn an_isolated_text_does_not_change_places_with_its_neighbour() {
        let plain = "א, ב";
        check(plain, &["ב", " ", ",", "א"]);
        let apart = format!("{}, {}", isolated("א"), isolated("ב"));
        check(&apart, &["א", ", ", "ב"]);
        assert_eq!(isolated("a"), "a");
    }

    #[test]
    fn lines_are_broken_before_they_are_put_in_order() {
        let wide = |line: &str| line.chars().map(|_| 1.0).sum();
        assert_eq!(wrapped("ab cd ef", 6.0, wide), "ab cd \nef");
        assert_eq!(wrapped("abcdefgh", 4.0, wide), "abcdefgh");
    }
}
