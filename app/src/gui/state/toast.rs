//! What was just done, said over the window for a while.

use crate::gui::command::Command;

/// Seconds that it stays.
pub(crate) const STAYS_S: f64 = 12.0;

/// A message, perhaps with a button.
#[derive(Debug)]
pub(crate) struct Toast {
    pub(crate) words: String,
    /// A button's word and what it does.
    pub(crate) offer: Option<(&'static str, Command)>,
    /// When it was first drawn, in seconds of the window's own clock.
    pub(crate) since: Option<f64>,
}

impl Toast {
    pub(crate) fn new(words: String, offer: Option<(&'static str, Command)>) -> Self {
        Self {
            words,
            offer,
            since: None,
        }
    }
}
