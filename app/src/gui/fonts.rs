//! The window's fonts, from `assets/fonts`; egui's own and the system's stand behind them for rare scripts.

use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily};

/// Name and bytes of each font.
const FONTS: [(&str, &[u8]); 4] = [
    (
        "Inter",
        include_bytes!("../../../assets/fonts/Inter-Regular.ttf"),
    ),
    (
        "Inter SemiBold",
        include_bytes!("../../../assets/fonts/Inter-SemiBold.ttf"),
    ),
    (
        "JetBrains Mono",
        include_bytes!("../../../assets/fonts/JetBrainsMono-Regular.ttf"),
    ),
    (
        "Symbols",
        include_bytes!("../../../assets/fonts/CachescopeSymbols.ttf"),
    ),
];

/// Gives egui the families that `theme.rs` names.
pub(crate) fn install(ctx: &egui::Context) {
    let mut fonts = FontDefinitions::default();
    for (name, bytes) in FONTS {
        let data = FontData::from_static(bytes);
        fonts.font_data.insert(name.to_owned(), Arc::new(data));
    }
    for (family, first) in [
        (FontFamily::Proportional, "Inter"),
        (super::theme::semibold(), "Inter SemiBold"),
        (FontFamily::Monospace, "JetBrains Mono"),
    ] {
        let behind = fonts
            .families
            .get(&FontFamily::Proportional)
            .cloned()
            .unwrap_or_default();
        let list = fonts.families.entry(family).or_insert(behind);
        list.splice(0..0, [first.to_owned(), "Symbols".to_owned()]);
    }
    ctx.set_fonts(fonts);
}
