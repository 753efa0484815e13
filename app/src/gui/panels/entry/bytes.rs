//! The bytes of an entry in hex, read page by page.

use std::borrow::Cow;

use egui::{TextEdit, Ui};

use crate::gui::command::{Command, EntryCommand, Need};
use crate::gui::state::{Hex, Layer, Previewing};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;
use crate::gui::widgets::table::{self, Spec, Table};

/// Lines of so many bytes, the longest that fits.
const LINES: [u64; 3] = [16, 8, 4];
/// Digits of an offset.
const DIGITS: usize = 8;

/// Offset, hex and text for lines of so many bytes, as wide as their characters.
fn columns(per_line: u64, char_width: f32) -> [Spec; 3] {
    let n = usize::try_from(per_line).unwrap_or_default();
    let column = |title, n_chars: usize| {
        let width = table::width_of(n_chars, char_width);
        Spec {
            title: Cow::Borrowed(title),
            width,
            min_width: width,
            grows: 0.0,
            is_figure: false,
        }
    };
    // Two digits and a space for each byte, and a wider gap in the middle of sixteen.
    let n_hex = if n > 8 { 3 * n } else { 3 * n - 1 };
    [
        column("Offset", DIGITS),
        column("Hex", n_hex),
        column("Text", n),
    ]
}

pub(super) fn bytes_ui(ui: &mut Ui, preview: &mut Previewing, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    if preview.found.is_none() {
        return super::waiting_ui(ui, preview);
    }
    layers_ui(ui, preview, out);
    search_ui(ui, &mut preview.hex, out);
    if let Some(why) = &preview.hex.failure {
        controls::quiet(ui, why.clone());
        return;
    }
    let char_width = ui.fonts_mut(|fonts| fonts.glyph_width(&theme::mono(), '0'));
    let fits = |per_line: &u64| {
        let columns = columns(*per_line, char_width);
        table::width_with_bar(&columns) <= ui.available_width()
    };
    let per_line = LINES.into_iter().find(fits).unwrap_or(4);
    preview.hex.fit(per_line);
    let n_lines = preview.hex.n_lines();
    if n_lines == 0 {
        controls::quiet(ui, "There is not one byte");
        return;
    }
    let mut scroll = preview.hex.scroll;
    let found = preview.hex.search.found;
    let mut missing = None;
    let table = Table {
        name: "Bytes",
        columns: &columns(per_line, char_width),
        is_sortable: false,
        sorted: None,
        n_lines,
        scroll: &mut scroll,
    };
    table.show(ui, |line| {
        let per_line = preview.hex.per_line;
        let offset = line.index as u64 * per_line;
        if found.is_some_and(|(at, len)| at < offset + per_line && offset < at + len) {
            line.fill(theme.selection);
        }
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
        out.push(Command::Need(Need::Page(preview.hex.page_of_line(line))));
    }
}

/// The bytes as stored, and behind each of their compressions.
fn layers_ui(ui: &mut Ui, preview: &Previewing, out: &mut Vec<Command>) {
    let codecs = preview.codecs();
    if codecs.is_empty() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        for n in 0..=codecs.len() {
            let behind = n.checked_sub(1).and_then(|n| codecs.get(n));
            let name = behind.map_or("as stored".to_owned(), |c| format!("behind {}", c.name()));
            if controls::choice(ui, &name, preview.hex.layer == Layer(n)).clicked() {
                out.push(Command::Entry(EntryCommand::Layer(Layer(n))));
            }
        }
    });
}

/// What to look for, and where to go.
fn search_ui(ui: &mut Ui, hex: &mut Hex, out: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        // Each field has a margin of its own; wider than the panel they would push its edge out.
        let width = ((ui.available_width() - 64.0) / 2.0).max(40.0);
        let search = &mut hex.search;
        let is_entered = |ui: &Ui, field: &egui::Response| {
            field.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter))
        };
        let find = TextEdit::singleline(&mut search.text)
            .id(egui::Id::unique("find bytes"))
            .font(theme::mono())
            .hint_text("Find")
            .desired_width(width);
        let find = ui.add(find);
        name(ui, &find, "Find bytes");
        let find = find.on_hover_text("Text, or bytes in hex as 0x80 04; Enter finds the next");
        if find.changed() {
            search.found = None;
            search.words.clear();
        }
        if is_entered(ui, &find) {
            find.request_focus();
            out.push(Command::Entry(EntryCommand::FindBytes));
        }
        let go = TextEdit::singleline(&mut search.offset)
            .id(egui::Id::unique("go to offset"))
            .font(theme::mono())
            .hint_text("Go to offset")
            .desired_width(width);
        let go = ui.add(go);
        name(ui, &go, "Go to offset");
        if is_entered(ui, &go) {
            go.request_focus();
            match search.target() {
                Some(offset) => out.push(Command::Entry(EntryCommand::GoTo(offset))),
                None => search.say("An offset is a number, or 0x and hex digits"),
            }
        }
    });
    if !hex.search.words.is_empty() {
        controls::quiet(ui, hex.search.words.clone());
    }
}

/// A hint is no name: it goes away with the first letter typed.
fn name(ui: &Ui, field: &egui::Response, name: &str) {
    ui.ctx()
        .accesskit_node_builder(field.id, |node| node.set_label(name));
}

/// `80 04 95 …`, eight and eight; without a space at the end.
fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(3 * bytes.len() + 1);
    for (n, byte) in bytes.iter().enumerate() {
        match n {
            0 => {}
            8 => out.push_str("  "),
            _ => out.push(' '),
        }
        let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
        out.extend([digit(byte >> 4), digit(byte & 15)]);
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
        assert_eq!(hex(&bytes), "3e 3f 40 41 42 43 44 45  46 47");
        assert_eq!(printable(b"a\x00\xff~"), "a··~");
    }
}
