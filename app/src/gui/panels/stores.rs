//! The rail on the left: open stores with what they hold.

use egui::accesskit::Role;
use egui::{Align2, RichText, Sense, Ui, WidgetInfo, vec2};

use crate::gui::command::Command;
use crate::gui::state::{OpenStore, Phase, State};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::cell;
use crate::text;

/// Height of one store, in points.
const HEIGHT: f32 = 64.0;

pub(super) fn stores_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    ui.label(
        RichText::new("STORES")
            .font(theme::small())
            .color(theme.quiet),
    );
    for store in &state.stores {
        store_ui(ui, store, state.shown == Some(store.info.id), out);
    }
}

fn store_ui(ui: &mut Ui, store: &OpenStore, is_shown: bool, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let title = store.info.title();
    let totals = store.snapshot.totals;
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_shown, &title));
    if response.clicked() {
        out.push(Command::Show(store.info.id));
    }
    response.context_menu(|ui| {
        if ui.button("Read again").clicked() {
            out.push(Command::Refresh(store.info.id));
        }
        if ui.button("Copy path").clicked() {
            let path = cachescope_core::model::text::path(&store.info.path);
            out.push(Command::Copy(path));
        }
        if ui.button("Take off the list").clicked() {
            out.push(Command::Close(store.info.id));
        }
    });
    if is_shown || response.hovered() {
        let color = if is_shown {
            theme.selection
        } else {
            theme.raised
        };
        ui.painter().rect_filled(rect, 6.0, color);
    }
    let inner = rect.shrink2(vec2(8.0, 8.0));
    let lines = inner.split_top_bottom_at_y(inner.top() + 18.0);
    let bytes = text::bytes(totals.bytes);
    ui.painter().text(
        lines.0.right_center(),
        Align2::RIGHT_CENTER,
        &bytes,
        theme::body(),
        theme.text,
    );
    let mut name = lines.0;
    name.max.x -= 64.0;
    cell::text(ui, name, &title, theme::strong(), theme.text);
    let state = match &store.phase {
        Phase::Loading => "reading…".to_owned(),
        Phase::Whole => text::counted(totals.entries, "entry", "entries"),
        Phase::Partial(why) => why.clone(),
    };
    let (upper, lower) = lines.1.split_top_bottom_at_y(lines.1.top() + 15.0);
    let facts = format!("{} · {state}", store.info.kind);
    cell::text(ui, upper, &facts, theme::small(), theme.quiet);
    cell::text(ui, lower, "hits not recorded", theme::small(), theme.quiet);
}
