//! What stands in one cell of an array or a table, in words.

use cachescope_core::formats::{Element, LongDouble};

use crate::text;

/// In figures, and short.
pub(super) fn element_text(element: &Element) -> String {
    match element {
        Element::Null => "–".to_owned(),
        Element::Bool(true) => "True".to_owned(),
        Element::Bool(false) => "False".to_owned(),
        Element::Int(value) => value.to_string(),
        Element::Float(value) => text::figure(*value),
        Element::LongDouble(value) => long_figure(*value),
        Element::Complex(re, im) => complex_figure(*re, *im),
        Element::None | Element::Object(_) => element.repr(),
        Element::Text(text) | Element::Repr(text) => short(text),
        Element::List(list) => {
            let parts: Vec<_> = list.iter().take(8).map(element_text).collect();
            format!("({})", parts.join(", "))
        }
    }
}

/// A Python object: as its `repr` prints it, so that `'1'` is no number and `'None'` is not nothing.
pub(super) fn object_text(element: &Element) -> String {
    match element {
        Element::Text(_) => short(&element.repr()),
        element => element_text(element),
    }
}

fn short(text: &str) -> String {
    text::shorten(&cachescope_core::model::text::shown(text), 60)
}

/// Both parts as figures: numbers of which several fit a line.
fn complex_figure(re: f64, im: f64) -> String {
    let im = text::figure(im);
    let sign = if im.starts_with('-') { "" } else { "+" };
    format!("{}{sign}{im}j", text::figure(re))
}

/// In five digits too, but for what no double is near to.
fn long_figure(value: LongDouble) -> String {
    let double = value.to_f64();
    if value.is_finite() && !value.is_zero() && !double.is_normal() {
        return value.to_string();
    }
    text::figure(double)
}
