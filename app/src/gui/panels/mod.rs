//! The panels and where they stand. Each draws what it is given and pushes commands.

mod activity;
mod compare;
mod dialogs;
mod entries;
mod entry;
mod health;
mod jobs;
mod menus;
mod overview;
mod query;
mod start;
mod stores;
mod toast;
mod top_bar;

use std::sync::Arc;

use cachescope_core::model::Time;
use cachescope_core::ops::Layout;
use egui::{CentralPanel, Frame, Margin, Panel, Popup, RichText, Sense, Ui, UiBuilder};

use super::command::{Command, Need};
use super::session::Session;
use super::state::{Asked, Neighbour, OpenStore, Phase, State, Tab};
use super::theme::{self, Theme};
use super::widgets::controls;
use super::{actions, shortcuts};

/// The pages of a store, in the order of their tabs.
const TABS: [(Tab, &str); 5] = [
    (Tab::Overview, "Overview"),
    (Tab::Entries, "Entries"),
    (Tab::Activity, "Activity"),
    (Tab::Health, "Health"),
    (Tab::Compare, "Compare"),
];

/// The whole window.
pub(super) fn window_ui(ui: &mut Ui, session: &mut Session, now: Time, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let surface = |x, y| {
        Frame::new()
            .fill(theme.panel)
            .inner_margin(Margin::symmetric(x, y))
    };
    let width = ui.available_width();
    // Asked before anything is drawn: a menu that Escape closes is gone when the table is drawn.
    let is_covered = session.state.dialog.is_some() || Popup::is_any_open(ui.ctx());
    shortcuts::run(ui.ctx(), &session.state, out);
    dialogs::dialog_ui(ui.ctx(), &mut session.state, out);
    let state = &mut session.state;
    Panel::top("top bar")
        .frame(surface(12, 8))
        .resizable(false)
        .show(ui, |ui| top_bar::top_bar_ui(ui, state, out));
    if let Some(toast) = &mut state.toast {
        toast::keep_time(ui.ctx(), toast, out);
    }
    Panel::bottom("jobs")
        .frame(surface(12, 5))
        .resizable(false)
        .show(ui, |ui| jobs::jobs_ui(ui, state, &session.jobs, out));
    if state.shown().is_none() {
        CentralPanel::no_frame()
            .frame(Frame::new().fill(theme.ground))
            .show(ui, |ui| start::start_ui(ui, state, out));
        return;
    }
    let (stores, entry) = side_panels(width);
    Panel::left(stores)
        .frame(surface(8, 12))
        .default_size((width * 0.18).clamp(184.0, 212.0))
        .size_range(160.0..=360.0)
        .show(ui, |ui| stores::stores_ui(ui, state, now, out));
    if state.saved.tab == Tab::Entries {
        let panel = if width < NARROW {
            // Beside the table it would leave neither table nor tabs any room.
            Panel::bottom("entry, below")
                .default_size(ui.available_height() * 0.46)
                .size_range(150.0..=600.0)
        } else {
            Panel::right(entry)
                .default_size((width * 0.26).clamp(276.0, 440.0))
                .size_range(260.0..=720.0)
        };
        let panel = panel.resizable(true).frame(surface(14, 12));
        panel.show(ui, |ui| {
            // In a part of its own: what is wide in there may not push the panel's edge out.
            let rect = ui.max_rect();
            let mut inside = ui.new_child(UiBuilder::new().max_rect(rect));
            entry::entry_ui(&mut inside, state, now, out);
            ui.allocate_rect(rect, Sense::hover());
        });
    }
    CentralPanel::no_frame()
        .frame(Frame::new().fill(theme.ground))
        .show(ui, |ui| page_ui(ui, state, is_covered, now, out));
}

/// Windows below this width show the entry below the table, in points.
const NARROW: f32 = 900.0;

/// Names of the panels beside the page: small and large windows remember their widths apart.
fn side_panels(width: f32) -> (&'static str, &'static str) {
    match width {
        ..1200.0 => ("stores, small", "entry, small"),
        1200.0..1700.0 => ("stores", "entry"),
        _ => ("stores, large", "entry, large"),
    }
}

fn page_ui(ui: &mut Ui, state: &mut State, is_covered: bool, now: Time, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let bar = Frame::new().fill(theme.panel).inner_margin(Margin {
        left: 12,
        right: 0,
        top: 8,
        bottom: 0,
    });
    ui.spacing_mut().item_spacing.y = 0.0;
    bar.show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        if let Some(tab) = controls::tabs(ui, &TABS, state.saved.tab, false) {
            out.push(Command::Tab(tab));
        }
    });
    if state.saved.tab == Tab::Compare {
        return compare::compare_ui(ui, state, out);
    }
    let neighbours = state.neighbours();
    let menu = actions::offered(state, actions::OF_ENTRY);
    let header_menu = actions::offered(state, actions::OF_COLUMN);
    let State {
        stores,
        shown,
        saved,
        query,
        is_across,
        ..
    } = state;
    let n_stores = stores.len();
    let Some(store) = stores.iter_mut().find(|s| Some(s.info.id) == *shown) else {
        return;
    };
    if let Phase::Partial(why) = &store.phase
        && store.snapshot.totals.entries > 0
    {
        let words = format!("Not all of this store could be read: {why}");
        Frame::new()
            .fill(theme.raised)
            .inner_margin(Margin::symmetric(12, 6))
            .show(ui, |ui| {
                ui.label(RichText::new(words).color(theme.danger));
            });
    }
    match saved.tab {
        Tab::Overview => {
            let around = overview::Around {
                saved,
                query,
                neighbours: &neighbours,
                n_stores,
                is_across: *is_across && n_stores > 1,
                menu: &menu,
                now,
            };
            overview::overview_ui(ui, store, &around, out);
        }
        Tab::Entries => {
            let around = entries::Around {
                saved,
                query,
                menu: &menu,
                header_menu: &header_menu,
                is_covered,
                now,
            };
            entries::entries_ui(ui, store, &around, out);
        }
        Tab::Activity => activity::activity_ui(ui, store, now, out),
        Tab::Health => health::health_ui(ui, store, &neighbours, now, out),
        // Drawn above: it looks at every store.
        Tab::Compare => {}
    }
}

/// Asks for the overview's figures, unless those at hand are still right.
///
/// Without a layout the last one serves: only the figures are wanted.
fn need_survey(
    store: &OpenStore,
    layout: Option<Layout>,
    neighbours: &[Neighbour],
    now: Time,
) -> Option<Command> {
    /// Any size does where no treemap was drawn yet.
    const ANY: Layout = Layout {
        width: 800.0,
        height: 400.0,
        heading: 18.0,
        min_area: 9.0,
    };
    let arranged = store.entries.arranged.as_ref()?;
    let last = store.overview.asked.as_ref();
    let layout = layout.or(last.map(|a| a.layout)).unwrap_or(ANY);
    let zoom = store.overview.zoom.clone();
    let wanted = Asked {
        found: Arc::clone(&arranged.rows),
        verdicts: Arc::clone(&store.verdicts),
        layout,
        zoom: zoom.filter(|_| neighbours.is_empty()),
        beside: neighbours.iter().map(|n| n.beside.clone()).collect(),
    };
    let is_due = last.is_none_or(|asked| !asked.is_same(&wanted));
    is_due.then_some(Command::Need(Need::Survey(layout, now)))
}

/// The way on where more could be read from a private copy than is made unasked; the message says how large it is.
fn copy_ui(ui: &mut Ui, store: &OpenStore, out: &mut Vec<Command>) {
    let button = ui.button("Read from a private copy");
    let button = button.on_hover_text(
        "Copies the database into Cachescope's own folder; the copy goes when Cachescope ends",
    );
    if button.clicked() {
        out.push(Command::AllowCopies(store.info.id));
    }
}

/// A state in words, in the middle of where something else would be.
fn say_ui(ui: &mut Ui, what: &str, why: &str) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.35);
        ui.label(RichText::new(what).font(theme::title()));
        ui.add_space(4.0);
        if !why.is_empty() {
            controls::quiet(ui, why);
        }
    });
}
