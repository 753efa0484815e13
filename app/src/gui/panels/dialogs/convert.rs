//! The convert dialog: where the new store goes, what may be lost, how to do it by hand.

use cachescope_core::model::text;
use cachescope_core::write::TARGETS;
use egui::{Key, Label, RichText, TextEdit, Ui};

use super::{buttons_ui, close_ui};
use crate::gui::command::{Command, CompareCommand};
use crate::gui::state::Converting;
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;

pub(super) fn convert_ui(ui: &mut Ui, converting: &mut Converting, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let Some(target) = TARGETS.get(converting.target) else {
        return;
    };
    let title = format!(
        "Convert {} to {}",
        converting.source.title(),
        target.title()
    );
    ui.label(RichText::new(title).font(theme::title()));
    if !converting.losses.is_empty() {
        return done_ui(ui, converting, out);
    }
    controls::quiet(
        ui,
        "The store stays as it is. Each entry of the new one is compared with its source before the new one gets its name",
    );
    let label = ui.label("New store, at a path that does not exist");
    let is_idle = converting.job.is_none();
    let field = TextEdit::singleline(&mut converting.path).desired_width(f32::INFINITY);
    let field = ui.add_enabled(is_idle, field).labelled_by(label.id);
    let is_entered = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
    let words = "Go on where expiry, tags, further columns or unreadable entries are lost";
    ui.add_enabled(
        is_idle,
        egui::Checkbox::new(&mut converting.accepts_loss, words),
    );
    if let Some(why) = &converting.failure {
        let words = text::shown(why).into_owned();
        ui.add(Label::new(RichText::new(words).color(theme.danger)).wrap());
    }
    let command = command_line(converting, target.kind);
    ui.add(
        Label::new(
            RichText::new(command)
                .font(theme::mono())
                .color(theme.quiet),
        )
        .wrap()
        .selectable(true),
    );
    buttons_ui(ui, out, |ui, out| {
        go_on_ui(ui, converting, is_entered, out);
    });
}

/// The new store stands: what it has not taken over.
fn done_ui(ui: &mut Ui, converting: &Converting, out: &mut Vec<Command>) {
    controls::quiet(
        ui,
        "The new store stands and is open. Each of its entries is equal to its source. It has lost",
    );
    for loss in &converting.losses {
        ui.add(Label::new(text::shown(loss)).wrap().selectable(true));
    }
    buttons_ui(ui, out, |ui, out| close_ui(ui, "Close", out));
}

fn go_on_ui(ui: &mut Ui, converting: &Converting, is_entered: bool, out: &mut Vec<Command>) {
    if let Some(job) = converting.job {
        controls::quiet(ui, "Writing and comparing…");
        if ui.button("Stop").clicked() {
            out.push(Command::Cancel(job));
        }
        return;
    }
    close_ui(ui, "Cancel", out);
    let can = !converting.path.trim().is_empty();
    let button = ui.add_enabled(can, egui::Button::new("Convert"));
    if button.clicked() || can && is_entered {
        out.push(Command::Compare(CompareCommand::Convert));
    }
}

/// The same on the command line.
fn command_line(converting: &Converting, kind: &str) -> String {
    let codec = TARGETS
        .get(converting.target)
        .and_then(|target| target.codec);
    let codec = codec.map_or_else(String::new, |codec| format!(" --codec {}", codec.name()));
    let loss = if converting.accepts_loss {
        " --accept-loss"
    } else {
        ""
    };
    let quoted = |path: &str| format!("'{}'", path.replace('\'', "'\\''"));
    format!(
        "cachescope convert {} {} --to {kind}{codec}{loss}",
        quoted(&converting.source.path.to_string_lossy()),
        quoted(converting.path.trim())
    )
}
