//! Text or bytes inside a value, shown as what they are: a JSON tree, a picture, text, the source of a page.

use egui::{Image, Label, RichText, ScrollArea, TextStyle, TextureOptions, Ui, vec2};

use super::value::Pressed;
use crate::gui::body::Kind;
use crate::gui::command::{Command, EntryCommand};
use crate::gui::state::{EntryTab, Previewing};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;

pub(super) fn body_ui(ui: &mut Ui, preview: &mut Previewing, out: &mut Vec<Command>) {
    let root = preview.tree.value().map(|value| value.root());
    let is_root = preview.body.of == root;
    heading_ui(ui, preview, is_root, out);
    // Of a cut value the part that was read may look like a whole one.
    if let Some(value) = preview.on_show() {
        super::value::problems_ui(ui, value);
    }
    if let Some(why) = &preview.body.failure {
        let color = Theme::of(ui.ctx()).danger;
        ui.add(Label::new(RichText::new(why).color(color)).wrap());
        return;
    }
    let Some(body) = preview.body.body.as_deref() else {
        controls::quiet(ui, "Reading…");
        return;
    };
    if body.is_cut {
        controls::quiet(ui, "Only the first 16 MiB are shown");
    }
    match &body.kind {
        Kind::Json(_) if !preview.body.is_as_text => {
            let lines = preview.body.tree.lines();
            super::value::tree_ui(ui, "document", lines, &mut |pressed| {
                if let Pressed::Branch(branch) = pressed {
                    out.push(Command::Entry(EntryCommand::BodyBranch(branch)));
                }
            });
        }
        Kind::Picture(pixels, size, name) => {
            controls::quiet(ui, format!("{name}, {} × {} pixels", size[0], size[1]));
            let texture = preview.body.texture.get_or_insert_with(|| {
                let options = TextureOptions::LINEAR;
                ui.ctx().load_texture("picture", pixels.clone(), options)
            });
            let room = vec2(
                ui.available_width(),
                (ui.available_height() - 8.0).max(60.0),
            );
            let picture = Image::new(&*texture).max_size(room).shrink_to_fit();
            ui.add(picture.alt_text(format!("The {name} picture that this entry holds")));
        }
        Kind::Broken(why) => {
            let color = Theme::of(ui.ctx()).danger;
            ui.add(Label::new(RichText::new(why).color(color)).wrap());
        }
        Kind::Json(_) | Kind::Html | Kind::Text => {
            let text = body.text.as_deref().unwrap_or_default();
            text_ui(ui, text, &preview.body.rows);
        }
        Kind::Bytes => {
            controls::quiet(ui, "Neither text nor a picture that can be shown");
            if is_root && ui.button("Show the bytes").clicked() {
                out.push(Command::Entry(EntryCommand::Tab(EntryTab::Bytes)));
            }
        }
    }
}

/// What it is, how it was packed, and the ways to look at it.
fn heading_ui(ui: &mut Ui, preview: &Previewing, is_root: bool, out: &mut Vec<Command>) {
    let body = preview.body.body.as_deref();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        if ui
            .link(if is_root {
                "As Python"
            } else {
                "‹ Whole value"
            })
            .clicked()
        {
            out.push(Command::Entry(EntryCommand::Body(None)));
        }
        let Some(body) = body else { return };
        for codec in &body.codecs {
            controls::chip(ui, codec);
            controls::quiet(ui, "›");
        }
        match &body.kind {
            Kind::Json(_) => {
                for (is_as_text, name) in [(false, "JSON"), (true, "Text")] {
                    let is_chosen = preview.body.is_as_text == is_as_text;
                    if controls::choice(ui, name, is_chosen).clicked() {
                        out.push(Command::Entry(EntryCommand::BodyAsText(is_as_text)));
                    }
                }
            }
            Kind::Picture(..) | Kind::Broken(_) => drop(controls::chip(ui, "Picture")),
            Kind::Html => drop(controls::chip(ui, "HTML source")),
            Kind::Text => drop(controls::chip(ui, "Text")),
            Kind::Bytes => drop(controls::chip(ui, "Bytes")),
        }
        if let Some(text) = &body.text
            && ui.small_button("Copy").clicked()
        {
            out.push(Command::Copy(text.clone()));
        }
    });
}

fn text_ui(ui: &mut Ui, text: &str, rows: &[std::ops::Range<usize>]) {
    let row_height = ui.text_style_height(&TextStyle::Monospace);
    ScrollArea::both()
        .id_salt("text")
        .auto_shrink(false)
        .show_rows(ui, row_height, rows.len(), |ui, range| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for row in rows.get(range).unwrap_or_default() {
                let row = text.get(row.clone()).unwrap_or_default();
                let shown = row.replace('\t', "    ");
                let shown = cachescope_core::model::text::shown(&shown).into_owned();
                let words = RichText::new(shown).font(theme::mono());
                ui.add(Label::new(words).extend().selectable(true));
            }
        });
}
