//! Clearing by a policy: which one, what it goes by, and the plan that it leads to.

use cachescope_core::ops::policy::{CHEAPEST, NEWEST};
use cachescope_core::stores::{Takes, policies};
use egui::{Button, Id, Key, Label, RichText, ScrollArea, TextEdit, Ui};

use super::{buttons_ui, close_ui};
use crate::gui::command::{ClearCommand, Command};
use crate::gui::state::{PolicyForm, State};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;

pub(super) fn policy_ui(ui: &mut Ui, form: &mut PolicyForm, state: &State, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    ui.label(RichText::new("Clear by a policy").font(theme::title()));
    let Some(store) = state.shown() else { return };
    let among = match state.query.in_force().trim() {
        "" => {
            "Among all entries of the store; what goes is shown before anything changes".to_owned()
        }
        query => format!(
            "Among what the query {query} finds; what goes is shown before anything changes"
        ),
    };
    controls::quiet(ui, cachescope_core::model::text::shown(&among));
    ui.add_space(4.0);
    let mut is_entered = false;
    ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
        for (policy, _) in policies().filter(|(_, kinds)| kinds.contains(&store.info.kind)) {
            let is_chosen = form.name == policy.name;
            offer_ui(ui, form, policy.name, policy.about);
            if is_chosen {
                ui.indent(policy.name, |ui| {
                    for takes in policy.takes {
                        is_entered |= takes_ui(ui, form, *takes, policy.has_binary_sizes);
                    }
                });
            }
        }
        offer_ui(
            ui,
            form,
            NEWEST,
            "all but the newest of each function, table or tag",
        );
        if form.name == NEWEST {
            ui.indent(NEWEST, |ui| {
                is_entered |= field_ui(ui, "Keep of each", &mut form.number, "3");
            });
        }
        let about = "what is cheapest to compute again for its size, until enough is free";
        offer_ui(ui, form, CHEAPEST, about);
        if form.name == CHEAPEST {
            ui.indent(CHEAPEST, |ui| {
                is_entered |= field_ui(ui, "Free", &mut form.size, "1GB");
            });
        }
    });
    if let Some(error) = &form.error {
        ui.add(Label::new(RichText::new(error).color(theme.danger)).wrap());
    }
    buttons_ui(ui, out, |ui, out| {
        close_ui(ui, "Cancel", out);
        let is_enabled = !form.name.is_empty();
        let button = ui.add_enabled(is_enabled, Button::new("Show the plan…"));
        if button.clicked() || is_enabled && is_entered {
            out.push(Command::Clear(ClearCommand::PlanByPolicy));
        }
    });
}

fn offer_ui(ui: &mut Ui, form: &mut PolicyForm, name: &str, about: &str) {
    ui.horizontal_wrapped(|ui| {
        if ui.radio(form.name == name, name).clicked() {
            name.clone_into(&mut form.name);
            form.error = None;
        }
        controls::quiet(ui, about);
    });
}

fn takes_ui(ui: &mut Ui, form: &mut PolicyForm, takes: Takes, is_binary: bool) -> bool {
    match takes {
        Takes::Bytes => {
            let hint = if is_binary {
                "1G, of 1024³ bytes"
            } else {
                "1GB"
            };
            field_ui(ui, "Bytes that may stay", &mut form.size, hint)
        }
        Takes::Entries => field_ui(ui, "Entries that may stay", &mut form.number, "1000"),
        Takes::Age => field_ui(ui, "Last used longer ago than", &mut form.age, "30d"),
        Takes::Tag => field_ui(ui, "Tag", &mut form.tag, "as the table shows it"),
    }
}

/// A figure of the policy; true where Enter ended the typing.
fn field_ui(ui: &mut Ui, name: &str, text: &mut String, hint: &str) -> bool {
    let row = ui.horizontal(|ui| {
        let label = ui.label(name);
        let edit = TextEdit::singleline(text)
            .id(Id::unique(("policy", name)))
            .hint_text(hint.to_owned())
            .desired_width(160.0);
        let field = ui.add(edit).labelled_by(label.id);
        field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter))
    });
    row.inner
}
