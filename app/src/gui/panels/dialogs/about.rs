//! Version and licences.

use egui::{Label, RichText, Ui};

use crate::gui::theme;
use crate::gui::widgets::controls;

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
        "Fonts: Inter and JetBrains Mono (SIL Open Font License 1.1), symbols from DejaVu Sans (Bitstream Vera licence)",
        "Built with egui, SQLite and other free software; each crate's licence stands in its own package",
    ] {
        ui.add(Label::new(line).wrap());
    }
}
