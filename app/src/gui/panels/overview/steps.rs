//! Keys in the treemap: from a tile to the next one that way.

use cachescope_core::ops::Area;
use egui::Key;

/// How much worse a tile beside the way is than one as far along it.
const ASIDE: f32 = 2.0;
/// Tiles of two groups have a heading between them, and rounding may let neighbours overlap.
const OVERLAP: f32 = 1.0;

/// A way to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Left,
    Right,
    Up,
    Down,
}

impl Way {
    /// Every key with its way.
    pub(super) const KEYS: [(Key, Self); 4] = [
        (Key::ArrowLeft, Self::Left),
        (Key::ArrowRight, Self::Right),
        (Key::ArrowUp, Self::Up),
        (Key::ArrowDown, Self::Down),
    ];
}

/// The nearest tile that way; `None` at the edge.
pub(super) fn next<T>(from: Area, way: Way, tiles: impl Iterator<Item = (Area, T)>) -> Option<T> {
    let middle = (from.x + from.width / 2.0, from.y + from.height / 2.0);
    let costs = tiles.filter_map(|(to, tile)| {
        let (ahead, low, high, at) = match way {
            Way::Left => (from.x - (to.x + to.width), to.y, to.y + to.height, middle.1),
            Way::Right => (
                to.x - (from.x + from.width),
                to.y,
                to.y + to.height,
                middle.1,
            ),
            Way::Up => (from.y - (to.y + to.height), to.x, to.x + to.width, middle.0),
            Way::Down => (
                to.y - (from.y + from.height),
                to.x,
                to.x + to.width,
                middle.0,
            ),
        };
        let aside = (low - at).max(at - high).max(0.0);
        (ahead >= -OVERLAP).then_some((ahead.max(0.0) + ASIDE * aside, tile))
    });
    let nearest = costs.min_by(|a, b| a.0.total_cmp(&b.0));
    nearest.map(|(_, tile)| tile)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four tiles in a square, and one to the right of them, as tall as both rows.
    fn go(from: usize, way: Way) -> Option<usize> {
        let tile = |x: f32, y: f32, height: f32| Area {
            x,
            y,
            width: 10.0,
            height,
        };
        let tiles = [
            tile(0.0, 0.0, 10.0),
            tile(10.0, 0.0, 10.0),
            tile(0.0, 10.0, 10.0),
            tile(10.0, 10.0, 10.0),
            tile(20.0, 0.0, 20.0),
        ];
        let all = tiles.into_iter().enumerate().map(|(n, area)| (area, n));
        next(tiles[from], way, all)
    }

    #[test]
    fn the_neighbour_that_way_is_next() {
        for (from, way, expected) in [
            (0, Way::Right, Some(1)),
            (0, Way::Down, Some(2)),
            (3, Way::Up, Some(1)),
            (3, Way::Left, Some(2)),
            (1, Way::Right, Some(4)),
            (4, Way::Right, None),
            (0, Way::Up, None),
        ] {
            assert_eq!(go(from, way), expected, "{from} {way:?}");
        }
    }
}
