//! What decoding in Python would call, and what the bytes name. Nothing here was called, and nothing is called safe.

use cachescope_core::model::{CallClass, Condition};
use egui::{Label, RichText, ScrollArea, Ui};

use crate::gui::state::Previewing;
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::{condition, controls};
use crate::text;

pub(super) fn calls_ui(ui: &mut Ui, preview: &Previewing) {
    let theme = Theme::of(ui.ctx());
    let Some(found) = &preview.found else {
        return super::waiting_ui(ui, preview);
    };
    let Ok(value) = &found.value else {
        controls::quiet(ui, "The value could not be read");
        return;
    };
    ScrollArea::vertical()
        .id_salt("calls")
        .auto_shrink(false)
        .show(ui, |ui| {
            let n_calls = value.calls.len() as u64;
            controls::caption(ui, "PYTHON WOULD CALL");
            if n_calls == 0 {
                controls::quiet(ui, "Nothing in the bytes that were read");
            }
            for call in &value.calls {
                ui.horizontal_top(|ui| {
                    let color = match call.class {
                        CallClass::Data => theme.quiet,
                        CallClass::Unknown => theme.condition(Condition::Expired),
                        CallClass::Code => theme.condition(Condition::CallsCode),
                    };
                    let glyph = match call.class {
                        CallClass::Data => "●",
                        CallClass::Unknown => "◐",
                        CallClass::Code => condition::glyph(Condition::CallsCode),
                    };
                    ui.label(RichText::new(glyph).color(color));
                    // As high as its text, so that the glyph stands in the middle of the first line.
                    ui.spacing_mut().interact_size.y = 0.0;
                    ui.horizontal_wrapped(|ui| {
                        let name = cachescope_core::model::text::shown(&call.name).into_owned();
                        let name = text::shorten(&name, 120);
                        ui.add(
                            Label::new(RichText::new(name).font(theme::mono())).selectable(true),
                        );
                        let times = if call.count > 1 {
                            format!(" ×{}", text::count(call.count))
                        } else {
                            String::new()
                        };
                        controls::quiet(ui, format!("{}{times}", words(call.class)));
                    });
                });
            }
            ui.add_space(8.0);
            controls::caption(ui, "THE BYTES NAME");
            if value.globals.is_empty() {
                controls::quiet(ui, "No class and no function");
            }
            for name in &value.globals {
                let name = cachescope_core::model::text::shown(name).into_owned();
                let name = RichText::new(text::shorten(&name, 120)).font(theme::mono());
                ui.add(Label::new(name).selectable(true));
            }
        });
}

/// What a class of calls means, in words that promise nothing.
fn words(class: CallClass) -> &'static str {
    match class {
        CallClass::Data => "makes plain data",
        CallClass::Unknown => "not known to us",
        CallClass::Code => "would run code",
    }
}
