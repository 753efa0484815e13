//! The treemap on screen: one mesh for all tiles, made anew only when what it shows changes.

use std::collections::HashSet;
use std::sync::Arc;

use cachescope_core::jobs::Surveyed;
use cachescope_core::model::{Overlay, Record, Row, Verdict};
use cachescope_core::ops::{Area, GroupArea, Tile};
use egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, pos2, vec2};

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
    pub(crate) verdicts: &'a Arc<Overlay<Verdict>>,
    pub(crate) found: &'a Arc<[Row]>,
    /// False if every row was found.
    pub(crate) is_filtered: bool,
}

/// The mesh and what it was made from.
#[derive(Default)]
pub(crate) struct Painted {
    mesh: Arc<Mesh>,
    made_from: Option<(bool, Colour, usize, usize, usize, Pos2)>,
}

impl Painted {
    /// The tiles of a survey as one mesh, moved to `origin`.
    pub(crate) fn mesh(&mut self, surveyed: &Surveyed, key: &Key<'_>, origin: Pos2) -> Arc<Mesh> {
        let made_from = (
            key.theme.is_dark,
            key.colour,
            Arc::as_ptr(key.verdicts).addr(),
            Arc::as_ptr(key.found).addr(),
            std::ptr::from_ref(surveyed).addr(),
            origin,
        );
        if self.made_from != Some(made_from) {
            self.mesh = Arc::new(mesh(surveyed, key, origin));
            self.made_from = Some(made_from);
        }
        Arc::clone(&self.mesh)
    }
}

fn mesh(surveyed: &Surveyed, key: &Key<'_>, origin: Pos2) -> Mesh {
    let found: HashSet<Row> = if key.is_filtered {
        key.found.iter().copied().collect()
    } else {
        HashSet::new()
    };
    let mut mesh = Mesh::default();
    for (area, tile) in surveyed.groups.iter().flat_map(|group| &group.tiles) {
        let rect = rect_of(*area, origin).shrink(0.5);
        let (color, is_found) = match tile {
            Tile::Entry(row) => (
                surveyed
                    .snapshot
                    .record(*row)
                    .map_or(key.theme.dimmed, |r| color(&r, key, surveyed)),
                !key.is_filtered || found.contains(row),
            ),
            Tile::Rest(_) => (key.theme.dimmed, !key.is_filtered),
        };
        let color = if is_found {
            color
        } else {
            key.theme.panel.lerp_to_gamma(color, 0.2)
        };
        mesh.add_colored_rect(rect, color);
    }
    mesh
}

fn color(record: &Record<'_>, key: &Key<'_>, surveyed: &Surveyed) -> Color32 {
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
            .verdicts
            .of(record)
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

/// The group and the tile under the pointer.
pub(crate) fn tile_at(
    surveyed: &Surveyed,
    origin: Pos2,
    pos: Pos2,
) -> Option<(&GroupArea, Option<(Area, Tile)>)> {
    let holds = |area: &Area| rect_of(*area, origin).contains(pos);
    let group = surveyed.groups.iter().find(|g| holds(&g.area))?;
    let tile = group.tiles.iter().find(|(area, _)| holds(area)).copied();
    Some((group, tile))
}

/// Group names over their tiles, where there is room.
pub(crate) fn headings(ui: &egui::Ui, surveyed: &Surveyed, origin: Pos2) {
    let theme = Theme::of(ui.ctx());
    for group in &surveyed.groups {
        let rect = rect_of(group.area, origin);
        if rect.width() < 40.0 || rect.height() <= 2.0 * surveyed.layout.heading {
            continue;
        }
        let heading = Rect::from_min_size(
            rect.min + vec2(5.0, 0.0),
            vec2(rect.width() - 8.0, surveyed.layout.heading),
        );
        let label = cachescope_core::model::text::shown(&group.group.label);
        let title = format!("{label} · {}", text::bytes(group.bytes));
        cell::text(ui, heading, &title, theme::small_strong(), theme.text);
    }
}

/// Adds the mesh to what is painted.
pub(crate) fn paint(painter: &Painter, mesh: Arc<Mesh>) {
    painter.add(Shape::Mesh(mesh));
}
