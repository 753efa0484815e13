//! The bytes of an entry in hex, read page by page.

use std::borrow::Cow;

use egui::Ui;

use crate::gui::command::{Command, EntryCommand, Need};
use crate::gui::state::{Hex, LINE, Layer, Previewing};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;
use crate::gui::widgets::table::{Spec, Table};

/// Offset, hex, text: widths of 10, 47 and 16 characters of the monospace font.
const COLUMNS: [Spec; 3] = [
    column("Offset", 84.0),
    column("Hex", 352.0),
    column("Text", 130.0),
];

const fn column(title: &'static str, width: f32) -> Spec {
    Spec {
        title: Cow::Borrowed(title),
        width,
        min_width: width,
        grows: 0.0,
        is_figure: false,
    }
}

pub(super) fn bytes_ui(ui: &mut Ui, preview: &mut Previewing, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let Some(found) = &preview.found else {
        return super::waiting_ui(ui, preview);
    };
    let is_packed = found
        .value
        .as_ref()
        .is_ok_and(|p| !p.content.codecs().is_empty());
    if is_packed {
        ui.horizontal(|ui| {
            for (layer, name) in [(Layer::Stored, "as stored"), (Layer::Unpacked, "unpacked")] {
                if controls::choice(ui, name, preview.hex.layer == layer).clicked() {
                    out.push(Command::Entry(EntryCommand::Layer(layer)));
                }
            }
        });
    }
    if let Some(why) = &preview.hex.failure {
        controls::quiet(ui, why.clone());
        return;
    }
    let n_lines = preview.hex.n_lines();
    if n_lines == 0 {
        controls::quiet(ui, "There is not one byte");
        return;
    }
    let mut scroll = preview.hex.scroll;
    let mut missing = None;
    let table = Table {
        name: "Bytes",
        columns: &COLUMNS,
        sorted: None,
        n_lines,
        scroll: &mut scroll,
    };
    table.show(ui, |line| {
        let offset = line.index as u64 * LINE;
        line.text(0, &format!("{offset:08x}"), theme::mono(), theme.quiet);
        match preview.hex.line(line.index) {
            Some(bytes) => {
                line.text(1, &hex(bytes), theme::mono(), theme.text);
                line.text(2, &printable(bytes), theme::mono(), theme.quiet);
            }
            None => missing = missing.or(Some(line.index)),
        }
    });
    preview.hex.scroll = scroll;
    if let Some(line) = missing
        && preview.hex.job.is_none()
    {
        out.push(Command::Need(Need::Page(Hex::page_of_line(line))));
    }
}

/// `80 04 95 …`, eight and eight.
fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(3 * bytes.len() + 1);
    for (n, byte) in bytes.iter().enumerate() {
        if n == 8 {
            out.push(' ');
        }
        let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
        out.extend([digit(byte >> 4), digit(byte & 15), ' ']);
    }
    out
}

/// ASCII as it is, everything else as a dot.
fn printable(bytes: &[u8]) -> String {
    let shown = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '·',
    };
    bytes.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_in_two_halves_beside_their_text() {
        let bytes: Vec<u8> = (0x3e..0x48).collect();
        assert_eq!(hex(&bytes), "3e 3f 40 41 42 43 44 45  46 47 ");
        assert_eq!(printable(b"a\x00\xff~"), "a··~");
    }
}
