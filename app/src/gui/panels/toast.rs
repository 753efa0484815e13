//! What was just done, over the foot of the page for a while, with a button to take it back.

use std::time::Duration;

use egui::{Align2, Area, Context, Frame, Id, Margin, Order, Rect, vec2};

use crate::gui::command::Command;
use crate::gui::state::{STAYS_S, Toast};
use crate::gui::theme::Theme;

/// Distance from the edges of the page, in points.
const MARGIN: f32 = 12.0;

/// `page` is where it may lie: what stands around the page are buttons, and it must cover none.
pub(super) fn toast_ui(
    ctx: &Context,
    page: Rect,
    toast: Option<&mut Toast>,
    out: &mut Vec<Command>,
) {
    let Some(toast) = toast else { return };
    let now = ctx.input(|i| i.time);
    let since = *toast.since.get_or_insert(now);
    let left = since + STAYS_S - now;
    if left <= 0.0 {
        out.push(Command::DismissToast);
        return;
    }
    ctx.request_repaint_after(Duration::from_secs_f64(left));
    let theme = Theme::of(ctx);
    let frame = Frame::new()
        .fill(theme.raised)
        .stroke(theme.hairline())
        .corner_radius(8)
        .inner_margin(Margin::symmetric(14, 8))
        .shadow(ctx.global_style().visuals.popup_shadow);
    Area::new(Id::unique("toast"))
        .order(Order::Foreground)
        .pivot(Align2::CENTER_BOTTOM)
        .fixed_pos(page.center_bottom() - vec2(0.0, MARGIN))
        .constrain_to(page)
        .show(ctx, |ui| {
            ui.set_max_width(page.width() - 2.0 * MARGIN);
            frame.show(ui, |ui| {
                ui.horizontal_wrapped(|ui| {
                    ui.label(&toast.words);
                    if let Some((word, command)) = &toast.offer
                        && ui.button(*word).clicked()
                    {
                        out.extend([command.clone(), Command::DismissToast]);
                    }
                    let close = ui.small_button("✕");
                    let name = "Dismiss this message";
                    ui.ctx()
                        .accesskit_node_builder(close.id, |node| node.set_label(name));
                    if close.clicked() {
                        out.push(Command::DismissToast);
                    }
                });
            });
        });
}
