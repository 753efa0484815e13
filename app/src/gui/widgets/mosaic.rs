//! The treemap on screen: one mesh for all tiles, made anew only when what it shows changes.

use std::sync::Arc;

use cachescope_core::jobs::Surveyed;
use cachescope_core::model::{GroupWord, Overlay, Record, StoreId, Verdict};
use cachescope_core::ops::{Area, GroupArea, StoreArea, Tile, TileArea};
use egui::{Color32, FontId, Mesh, Pos2, Rect, pos2, vec2};

use super::cell;
use crate::gui::theme::{self, Theme};
use crate::text;

/// What a tile's colour tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) enum Colour {
    /// How long ago it was last read.
    #[default]
    LastUse,
    /// How long ago it was stored.
    Age,
    /// What a check found.
    Condition,
    /// How long each megabyte took to compute.
    Cost,
}

impl Colour {
    /// Every choice with its name.
    pub(crate) const ALL: [(Self, &'static str); 4] = [
        (Self::LastUse, "last use"),
        (Self::Age, "age"),
        (Self::Condition, "condition"),
        (Self::Cost, "seconds per MB"),
    ];

    /// Words at both ends of the legend; `None` where colours are no scale.
    pub(crate) fn ends(self) -> Option<[&'static str; 2]> {
        match self {
            Self::LastUse | Self::Age => Some(["today", "90 days"]),
            Self::Cost => Some(["under 0.1 s", "over 100 s"]),
            Self::Condition => None,
        }
    }
}

/// What the colours of a mesh were made from; compared by identity.
pub(crate) struct Key<'a> {
    pub(crate) theme: &'static Theme,
    pub(crate) colour: Colour,
    /// What checks found in each store that shows.
    pub(crate) verdicts: &'a [(StoreId, &'a Arc<Overlay<Verdict>>)],
}

impl Key<'_> {
    fn verdict(&self, store: StoreId, record: &Record<'_>) -> Option<&Verdict> {
        let of = self.verdicts.iter().find(|(id, _)| *id == store);
        of.and_then(|(_, verdicts)| verdicts.of(record))
    }
}

/// The mesh and what it was made from.
#[derive(Default)]
pub(crate) struct Painted {
    mesh: Arc<Mesh>,
    made_from: Option<(bool, Colour, Vec<usize>, usize, Pos2)>,
}

impl Painted {
    /// The tiles of a survey as one mesh, moved to `origin`.
    pub(crate) fn mesh(&mut self, surveyed: &Surveyed, key: &Key<'_>, origin: Pos2) -> Arc<Mesh> {
        let verdicts = key.verdicts.iter();
        let made_from = (
            key.theme.is_dark,
            key.colour,
            verdicts.map(|(_, of)| Arc::as_ptr(of).addr()).collect(),
            std::ptr::from_ref(surveyed).addr(),
            origin,
        );
        if self.made_from.as_ref() != Some(&made_from) {
            self.mesh = Arc::new(mesh(surveyed, key, origin));
            self.made_from = Some(made_from);
        }
        Arc::clone(&self.mesh)
    }
}

fn mesh(surveyed: &Surveyed, key: &Key<'_>, origin: Pos2) -> Mesh {
    let mut mesh = Mesh::default();
    for store in &surveyed.stores {
        for TileArea { area, tile, found } in store.groups.iter().flat_map(|group| &group.tiles) {
            let color = match tile {
                Tile::Entry(row) => {
                    let record = store.snapshot.record(*row);
                    record.map_or(key.theme.dimmed, |r| {
                        color(&r, key, store.snapshot.store.id, surveyed)
                    })
                }
                Tile::Rest(_) => key.theme.dimmed,
            };
            // A fifth of the colour stays where nothing was found.
            let color = key.theme.panel.lerp_to_gamma(color, 0.2 + 0.8 * found);
            mesh.add_colored_rect(rect_of(*area, origin).shrink(0.5), color);
        }
    }
    mesh
}

fn color(record: &Record<'_>, key: &Key<'_>, store: StoreId, surveyed: &Surveyed) -> Color32 {
    let theme = key.theme;
    let by_age = |time: Option<cachescope_core::model::Time>| {
        time.map_or(theme.dimmed, |t| {
            theme.age(age_part(t.age_secs(surveyed.now)))
        })
    };
    match key.colour {
        Colour::LastUse => by_age(record.accessed),
        Colour::Age => by_age(record.created.or(record.modified)),
        Colour::Condition => key
            .verdict(store, record)
            .map_or(theme.dimmed, |v| theme.condition(v.condition)),
        Colour::Cost => record
            .duration_s
            .map_or(theme.dimmed, |s| theme.age(cost_part(s, record.bytes))),
    }
}

/// A day and less is 0, ninety days and more are 1, in steps of equal ratio.
#[expect(clippy::cast_possible_truncation, reason = "a part of one")]
fn age_part(secs: f64) -> f32 {
    let days = (secs / 86_400.0).max(1.0);
    (days.ln() / 90.0_f64.ln()).clamp(0.0, 1.0) as f32
}

/// A tenth of a second for each megabyte is 0, a hundred seconds are 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a part of one"
)]
fn cost_part(secs: f64, bytes: u64) -> f32 {
    let each = secs / (bytes.max(1) as f64 / 1e6);
    ((each.max(1e-9).log10() + 1.0) / 3.0).clamp(0.0, 1.0) as f32
}

/// An area on screen.
pub(crate) fn rect_of(area: Area, origin: Pos2) -> Rect {
    Rect::from_min_size(
        pos2(origin.x + area.x, origin.y + area.y),
        vec2(area.width, area.height),
    )
}

/// What lies at a place: a store, perhaps a group of it, perhaps a tile.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub(crate) store: &'a StoreArea,
    pub(crate) group: Option<&'a GroupArea>,
    pub(crate) tile: Option<TileArea>,
}

/// What is under the pointer.
pub(crate) fn spot_at(surveyed: &Surveyed, origin: Pos2, pos: Pos2) -> Option<Spot<'_>> {
    let holds = |area: &Area| rect_of(*area, origin).contains(pos);
    let store = surveyed.stores.iter().find(|s| holds(&s.area))?;
    let group = store.groups.iter().find(|g| holds(&g.area));
    let tile = group.and_then(|g| g.tiles.iter().find(|t| holds(&t.area)).copied());
    Some(Spot { store, group, tile })
}

/// Names of stores and groups over their tiles, where there is room.
pub(crate) fn headings(ui: &egui::Ui, surveyed: &Surveyed, origin: Pos2) {
    let theme = Theme::of(ui.ctx());
    let heading = |area: Area, label: &str, bytes: u64, font: FontId, is_dotted: bool| {
        let rect = rect_of(area, origin);
        let is_low = rect.height() <= 2.0 * surveyed.layout.heading;
        if label.is_empty() || is_low || rect.width() < 40.0 {
            return;
        }
        let room = Rect::from_min_size(
            rect.min + vec2(5.0, 0.0),
            vec2(rect.width() - 8.0, surveyed.layout.heading),
        );
        let label = cachescope_core::model::text::shown(label);
        let title = format!("{label} · {}", text::bytes(bytes));
        // What tells a function from its neighbours stands behind the dots.
        let last = label.rsplit('.').next().filter(|_| is_dotted);
        let is_cut =
            |title: &str| cell::elided(ui, title, font.clone(), theme.text, room.width()).elided;
        let title = match last {
            Some(last) if is_cut(&title) => last,
            _ => &title,
        };
        cell::text(ui, room, title, font, theme.text);
    };
    for store in &surveyed.stores {
        if surveyed.stores.len() > 1 {
            let title = store.snapshot.store.title();
            heading(store.area, &title, store.bytes, theme::strong(), false);
        }
        for group in &store.groups {
            let kind = store.snapshot.store.kind;
            let label = cachescope_core::stores::group_title(kind, &group.group);
            let is_dotted = cachescope_core::stores::group_word(kind) == GroupWord::FUNCTION;
            let font = theme::small_strong();
            heading(group.area, &label, group.bytes, font, is_dotted);
        }
    }
}
