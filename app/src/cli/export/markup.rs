//! Text made fit for a page.

use cachescope_core::model::text;

/// Text in a page: nothing in it is markup, and no direction mark leaks out of it.
pub(super) fn escaped(text: &str) -> String {
    let shown = text::shown(text);
    let mut out = String::with_capacity(shown.len());
    for c in shown.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
