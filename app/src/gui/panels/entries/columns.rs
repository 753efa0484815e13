//! The table's columns: which there are, which of them show, how wide they are.

use cachescope_core::jobs::Arranged;
use cachescope_core::ops::SortBy;
use egui::Ui;

use crate::gui::command::{Command, TableCommand};
use crate::gui::state::Saved;
use crate::gui::widgets::table::Spec;

/// Every column in its order.
const COLUMNS: [(SortBy, Spec); 11] = [
    (SortBy::Key, words("Key", 92.0, 76.0, 0.2)),
    (SortBy::Args, words("Arguments", 196.0, 90.0, 1.0)),
    (SortBy::ValueType, words("Value", 164.0, 84.0, 0.6)),
    (SortBy::Bytes, figure("Size", 76.0)),
    (SortBy::DiskBytes, figure("On disk", 76.0)),
    (SortBy::Duration, figure("Compute", 74.0)),
    (SortBy::Created, words("Created", 92.0, 88.0, 0.0)),
    (SortBy::Accessed, words("Last used", 92.0, 88.0, 0.0)),
    (SortBy::Expires, words("Expires", 92.0, 88.0, 0.0)),
    (SortBy::Hits, figure("Hits", 62.0)),
    (SortBy::Condition, words("Condition", 106.0, 106.0, 0.0)),
];

const fn words(title: &'static str, width: f32, min_width: f32, grows: f32) -> Spec {
    Spec {
        title,
        width,
        min_width,
        grows,
        is_figure: false,
    }
}

const fn figure(title: &'static str, width: f32) -> Spec {
    Spec {
        title,
        width,
        min_width: width,
        grows: 0.0,
        is_figure: true,
    }
}

/// The columns that show: those that nobody hid and that have something to show.
pub(super) fn shown(arranged: &Arranged, saved: &Saved) -> (Vec<SortBy>, Vec<Spec>) {
    let has_any = |by: SortBy| match by {
        SortBy::Args => arranged.has_args,
        SortBy::Duration => arranged.found.duration_s.is_some(),
        SortBy::Accessed => arranged.found.last_used.is_some(),
        SortBy::Created => arranged.found.last_created.is_some(),
        SortBy::Expires => arranged.has_expiry,
        SortBy::Hits => arranged.found.hits.is_some(),
        _ => true,
    };
    COLUMNS
        .iter()
        .filter(|(by, _)| !saved.hidden.contains(by) && has_any(*by))
        .map(|(by, spec)| {
            let width = saved.widths.iter().find(|(of, _)| of == by);
            let width = width.map_or(spec.width, |(_, width)| *width);
            (
                *by,
                Spec {
                    width: width.max(spec.min_width),
                    ..spec.clone()
                },
            )
        })
        .unzip()
}

/// Columns to tick, and how rows are put together.
pub(super) fn menu_ui(ui: &mut Ui, saved: &Saved, out: &mut Vec<Command>) {
    for (by, spec) in &COLUMNS {
        let mut is_shown = !saved.hidden.contains(by);
        if ui.checkbox(&mut is_shown, spec.title).changed() {
            out.push(Command::Table(TableCommand::Column(*by)));
        }
    }
    ui.separator();
    let mut is_grouped = saved.is_grouped;
    if ui.checkbox(&mut is_grouped, "Group by function").changed() {
        out.push(Command::Table(TableCommand::Group(is_grouped)));
    }
}
