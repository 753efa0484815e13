//! Version and licences.

use egui::{Label, RichText, ScrollArea, TextStyle, Ui};

use crate::gui::theme;
use crate::gui::widgets::controls;

/// Every crate in the program, with version and licence; `assets/crates.py` writes it.
const CRATES: &str = include_str!("../../../../../assets/crates.txt");

pub(super) fn about_ui(ui: &mut Ui) {
    let title = concat!("Cachescope ", env!("CARGO_PKG_VERSION"));
    ui.label(RichText::new(title).font(theme::title()));
    controls::quiet(
        ui,
        "Shows what a Python program's caches hold, and clears exactly what is stale",
    );
    ui.add_space(4.0);
    for line in [
        concat!("Licence: ", env!("CARGO_PKG_LICENSE")),
        concat!("Source: ", env!("CARGO_PKG_REPOSITORY")),
        "Fonts: Inter and JetBrains Mono (SIL Open Font License 1.1), symbols from DejaVu Sans (Bitstream Vera licence)",
    ] {
        ui.add(Label::new(line).wrap().selectable(true));
    }
    let line_height = ui.text_style_height(&TextStyle::Small);
    let crates: Vec<&str> = CRATES.lines().collect();
    ui.add_space(8.0);
    controls::caption(ui, "BUILT WITH");
    ScrollArea::vertical()
        .max_height(220.0)
        .auto_shrink([false, true])
        .show_rows(ui, line_height, crates.len(), |ui, range| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for line in crates.get(range).unwrap_or_default() {
                ui.add(Label::new(RichText::new(*line).font(theme::small())).truncate());
            }
        });
}
