//! Sizes to rectangles: stores, groups and entries laid out so that area is bytes and no tile is a sliver.
//!
//! Squarified layout after Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000). Coordinates are points
//! with the origin at the top left. What would be too small to see is merged into one tile for each group.

use std::sync::Arc;

use crate::model::{Group, Row, Snapshot};

/// A rectangle, in points.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Area {
    /// Left side.
    pub x: f32,
    /// Top side.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// What a tile stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    /// One entry.
    Entry(Row),
    /// So many entries that would be too small to see.
    Rest(u64),
}

/// A tile where it is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TileArea {
    /// Where.
    pub area: Area,
    /// What.
    pub tile: Tile,
    /// Which part of its entries a query found, from 0 to 1.
    pub found: f32,
}

/// A group's rectangle and the tiles in it.
#[derive(Debug, Clone)]
pub struct GroupArea {
    /// The group.
    pub group: Arc<Group>,
    /// Stored bytes of all its entries.
    pub bytes: u64,
    /// The whole of it, heading included.
    pub area: Area,
    /// Largest first.
    pub tiles: Vec<TileArea>,
}

/// A store's rectangle and the groups in it.
#[derive(Debug, Clone)]
pub struct StoreArea {
    /// The rows that the tiles name.
    pub snapshot: Arc<Snapshot>,
    /// Stored bytes of all entries that are laid out.
    pub bytes: u64,
    /// The whole of it; a heading is on top where several stores share the room.
    pub area: Area,
    /// Largest first.
    pub groups: Vec<GroupArea>,
}

/// A store to be laid out: its rows, and which of them a query found.
pub struct Part<'a> {
    /// The store.
    pub snapshot: Arc<Snapshot>,
    /// The rows that are laid out.
    pub rows: Vec<Row>,
    /// True for rows that were found.
    pub is_found: &'a dyn Fn(Row) -> bool,
}

/// How to lay out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    /// Width of the whole, in points.
    pub width: f32,
    /// Height of the whole, in points.
    pub height: f32,
    /// Height kept free for a heading on top of each group, in points; groups too low have none.
    pub heading: f32,
    /// Tiles with less than this area are merged, in square points.
    pub min_area: f32,
}

/// Space between groups, in points.
const GUTTER: f32 = 2.0;

/// Lays out several stores beside each other, the largest first, each with its groups; one store has all the room.
pub fn atlas(mut parts: Vec<Part<'_>>, layout: &Layout) -> Vec<StoreArea> {
    let bytes_of = |part: &Part<'_>| {
        let records = part.rows.iter().filter_map(|r| part.snapshot.record(*r));
        records.fold(0_u64, |sum, record| sum.saturating_add(record.bytes))
    };
    parts.sort_by_cached_key(|part| std::cmp::Reverse(bytes_of(part)));
    let sizes: Vec<u64> = parts.iter().map(bytes_of).collect();
    let whole = Area {
        width: layout.width,
        height: layout.height,
        ..Area::default()
    };
    let is_alone = parts.len() == 1;
    let areas = squarify(&sizes, whole);
    let sized = parts.into_iter().zip(sizes).zip(areas);
    sized
        .map(|((part, bytes), area)| {
            let room = if is_alone { area } else { inner(area, layout) };
            let within = Layout {
                width: room.width,
                height: room.height,
                ..*layout
            };
            let mut groups = treemap(&part.snapshot, part.rows, &within, part.is_found);
            for group in &mut groups {
                group.move_by(room.x, room.y);
            }
            StoreArea {
                snapshot: part.snapshot,
                bytes,
                area,
                groups,
            }
        })
        .collect()
}

/// Lays out rows of a snapshot by group, largest first.
pub fn treemap(
    snapshot: &Snapshot,
    rows: impl IntoIterator<Item = Row>,
    layout: &Layout,
    is_found: &dyn Fn(Row) -> bool,
) -> Vec<GroupArea> {
    let mut groups = by_group(snapshot, rows);
    groups.retain(|(_, bytes, _)| *bytes > 0);
    groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.label.cmp(&b.0.label)));
    let whole = Area {
        width: layout.width,
        height: layout.height,
        ..Area::default()
    };
    let sizes: Vec<u64> = groups.iter().map(|(_, bytes, _)| *bytes).collect();
    let areas = squarify(&sizes, whole);
    groups
        .into_iter()
        .zip(areas)
        .map(|((group, bytes, rows), area)| GroupArea {
            tiles: {
                // What has no name needs no room for it.
                let heading = if group.label.is_empty() {
                    0.0
                } else {
                    layout.heading
                };
                let within = Layout { heading, ..*layout };
                tiles(rows, bytes, inner(area, &within), layout, is_found)
            },
            group,
            bytes,
            area,
        })
        .collect()
}

impl Area {
    fn moved_by(self, x: f32, y: f32) -> Self {
        Self {
            x: self.x + x,
            y: self.y + y,
            ..self
        }
    }
}

impl GroupArea {
    fn move_by(&mut self, x: f32, y: f32) {
        self.area = self.area.moved_by(x, y);
        for tile in &mut self.tiles {
            tile.area = tile.area.moved_by(x, y);
        }
    }
}

type Grouped = (Arc<Group>, u64, Vec<(u64, Row)>);

fn by_group(snapshot: &Snapshot, rows: impl IntoIterator<Item = Row>) -> Vec<Grouped> {
    let mut at_of = std::collections::HashMap::new();
    let mut groups: Vec<Grouped> = Vec::new();
    for row in rows {
        let Some(record) = snapshot.record(row) else {
            continue;
        };
        let at = *at_of
            .entry(Arc::clone(record.group))
            .or_insert(groups.len());
        if at == groups.len() {
            groups.push((Arc::clone(record.group), 0, Vec::new()));
        }
        if let Some((_, bytes, rows)) = groups.get_mut(at) {
            *bytes = bytes.saturating_add(record.bytes);
            rows.push((record.bytes, row));
        }
    }
    groups
}

fn inner(area: Area, layout: &Layout) -> Area {
    let heading = if layout.heading > 0.0 && area.height > 2.0 * layout.heading {
        layout.heading
    } else {
        GUTTER
    };
    Area {
        x: area.x + GUTTER,
        y: area.y + heading,
        width: (area.width - 2.0 * GUTTER).max(0.0),
        height: (area.height - heading - GUTTER).max(0.0),
    }
}

fn tiles(
    mut rows: Vec<(u64, Row)>,
    bytes: u64,
    area: Area,
    layout: &Layout,
    is_found: &dyn Fn(Row) -> bool,
) -> Vec<TileArea> {
    rows.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let points_per_byte = f64::from(area.width * area.height) / to_f64(bytes.max(1));
    let n_seen = rows.partition_point(|(bytes, _)| {
        to_f64(*bytes) * points_per_byte >= f64::from(layout.min_area)
    });
    let (seen, rest) = rows.split_at(n_seen);
    let rest_bytes = rest
        .iter()
        .fold(0_u64, |sum, (b, _)| sum.saturating_add(*b));
    let mut sizes: Vec<u64> = seen.iter().map(|(bytes, _)| *bytes).collect();
    if rest_bytes > 0 {
        sizes.push(rest_bytes);
    }
    let named = seen
        .iter()
        .map(|(_, row)| (Tile::Entry(*row), f32::from(u8::from(is_found(*row)))));
    let n_found = rest.iter().filter(|(_, row)| is_found(*row)).count();
    let merged = std::iter::once((
        Tile::Rest(rest.len() as u64),
        part(n_found as u64, rest.len() as u64),
    ));
    squarify(&sizes, area)
        .into_iter()
        .zip(named.chain(merged))
        .map(|(area, (tile, found))| TileArea { area, tile, found })
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "a part of one")]
fn part(n: u64, of: u64) -> f32 {
    (to_f64(n) / to_f64(of.max(1))) as f32
}

/// What is left to be filled. In f64, or a thousand strips would add up to more than the whole.
#[derive(Clone, Copy)]
struct Room {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// Rectangles with areas in proportion to `sizes`, which come largest first.
fn squarify(sizes: &[u64], whole: Area) -> Vec<Area> {
    let total: f64 = sizes.iter().map(|s| to_f64(*s)).sum();
    if total <= 0.0 {
        return vec![Area::default(); sizes.len()];
    }
    let mut left = Room {
        x: whole.x.into(),
        y: whole.y.into(),
        width: whole.width.into(),
        height: whole.height.into(),
    };
    let scale = left.width * left.height / total;
    let areas: Vec<f64> = sizes.iter().map(|s| to_f64(*s) * scale).collect();
    let mut out = Vec::with_capacity(sizes.len());
    let mut rest = areas.as_slice();
    while !rest.is_empty() {
        let n = strip_len(rest, left.width.min(left.height));
        let (strip, after) = rest.split_at(n);
        left = lay_strip(strip, left, &mut out);
        rest = after;
    }
    out
}

/// How many of the next areas make the best strip along a side of this length.
fn strip_len(areas: &[f64], side: f64) -> usize {
    let (mut sum, mut best, mut n) = (0.0, f64::INFINITY, 0);
    let largest = areas.first().copied().unwrap_or(0.0);
    for area in areas {
        sum += area;
        // Worst aspect ratio in the strip: that of its largest or of its smallest tile.
        let (side2, sum2) = (side * side, sum * sum);
        let worst = (side2 * largest / sum2).max(sum2 / (side2 * area.max(f64::MIN_POSITIVE)));
        if worst > best {
            break;
        }
        best = worst;
        n += 1;
    }
    n.max(1)
}

/// Puts a strip along the shorter side; returns what is left.
fn lay_strip(strip: &[f64], left: Room, out: &mut Vec<Area>) -> Room {
    let sum: f64 = strip.iter().sum();
    let is_wide = left.width >= left.height;
    let (side, depth) = if is_wide {
        (left.height, left.width)
    } else {
        (left.width, left.height)
    };
    let thickness = (sum / side.max(f64::MIN_POSITIVE)).min(depth);
    let mut along = 0.0;
    for area in strip {
        let length = area / sum.max(f64::MIN_POSITIVE) * side;
        out.push(if is_wide {
            to_area(left.x, left.y + along, thickness, length)
        } else {
            to_area(left.x + along, left.y, length, thickness)
        });
        along += length;
    }
    if is_wide {
        Room {
            x: left.x + thickness,
            width: left.width - thickness,
            ..left
        }
    } else {
        Room {
            y: left.y + thickness,
            height: left.height - thickness,
            ..left
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "points on a screen")]
fn to_area(x: f64, y: f64, width: f64, height: f64) -> Area {
    Area {
        x: x as f32,
        y: y as f32,
        width: width as f32,
        height: height as f32,
    }
}

#[expect(clippy::cast_precision_loss, reason = "only proportions matter")]
fn to_f64(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChunkBuilder, Record, StoreInfo};
    use std::path::Path;

    fn area(x: f32, y: f32, width: f32, height: f32) -> Area {
        Area {
            x,
            y,
            width,
            height,
        }
    }

    #[test]
    fn the_papers_example_is_laid_out_as_in_the_paper() {
        // Figure 4 of the paper: areas 6, 6, 4, 3, 2, 2, 1 in a rectangle of 6 by 4.
        let areas = squarify(&[6, 6, 4, 3, 2, 2, 1], area(0.0, 0.0, 6.0, 4.0));
        assert_eq!(areas[0], area(0.0, 0.0, 3.0, 2.0));
        assert_eq!(areas[1], area(0.0, 2.0, 3.0, 2.0));
        let near = |a: f32, b: f32| (a - b).abs() < 1e-4;
        assert!(near(areas[2].width, 12.0 / 7.0) && near(areas[2].height, 7.0 / 3.0));
        assert!(near(areas[3].width, 9.0 / 7.0) && near(areas[3].x, 3.0 + 12.0 / 7.0));
    }

    #[test]
    fn areas_add_up_to_the_whole_and_stay_inside() {
        let sizes: Vec<u64> = (1..200).rev().map(|n| n * n).collect();
        let areas = squarify(&sizes, area(10.0, 20.0, 300.0, 200.0));
        let sum: f32 = areas.iter().map(|a| a.width * a.height).sum();
        assert!((sum - 60_000.0).abs() < 10.0, "{sum}");
        for a in areas {
            assert!(a.x >= 9.99 && a.x + a.width <= 310.01);
            assert!(a.y >= 19.99 && a.y + a.height <= 220.01);
        }
    }

    #[test]
    fn what_is_too_small_to_see_is_merged_by_group() {
        let info = Arc::new(StoreInfo::new(
            Path::new("/s"),
            Path::new("/s"),
            "joblib",
            None,
        ));
        let (big, small) = (Group::named("big"), Group::named("small"));
        let mut builder = ChunkBuilder::default();
        for n in 0..1000_u32 {
            let key = n.to_le_bytes();
            let mut record = Record::new(if n < 10 { &big } else { &small }, &key);
            record.bytes = if n < 10 { 1_000_000 } else { 10 };
            builder.push(&record);
        }
        let snapshot = Snapshot::empty(info).extended(vec![builder.finish()], vec![], true);
        let layout = Layout {
            width: 400.0,
            height: 300.0,
            heading: 18.0,
            min_area: 9.0,
        };
        let last = snapshot.rows().last();
        let groups = treemap(&snapshot, snapshot.rows(), &layout, &|row| {
            Some(row) == last
        });
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].tiles.len(), 10);
        assert!(groups[0].tiles.iter().all(|tile| tile.found == 0.0));
        let [TileArea { tile, found, .. }] = groups[1].tiles[..] else {
            panic!("{:?}", groups[1].tiles);
        };
        assert_eq!(tile, Tile::Rest(990));
        assert!((found - 1.0 / 990.0).abs() < 1e-6, "{found}");
    }

    fn store(name: &str, sizes: &[u64]) -> Arc<Snapshot> {
        let path = Path::new(name);
        let info = Arc::new(StoreInfo::new(path, path, "joblib", None));
        let group = Group::named("all");
        let mut builder = ChunkBuilder::default();
        for (n, bytes) in sizes.iter().enumerate() {
            let key = n.to_le_bytes();
            let mut record = Record::new(&group, &key);
            record.bytes = *bytes;
            builder.push(&record);
        }
        Arc::new(Snapshot::empty(info).extended(vec![builder.finish()], vec![], true))
    }

    #[test]
    fn several_stores_share_the_room_by_their_bytes_and_keep_their_tiles_inside() {
        let layout = Layout {
            width: 400.0,
            height: 300.0,
            heading: 18.0,
            min_area: 9.0,
        };
        let part = |snapshot: &Arc<Snapshot>| Part {
            rows: snapshot.rows().collect(),
            snapshot: Arc::clone(snapshot),
            is_found: &|_| true,
        };
        let (small, large) = (store("/a", &[1000]), store("/b", &[2000, 1000]));
        let stores = atlas(vec![part(&small), part(&large)], &layout);
        assert_eq!((stores[0].bytes, stores[1].bytes), (3000, 1000));
        let size = |a: Area| a.width * a.height;
        assert!((size(stores[0].area) - 90_000.0).abs() < 1.0);
        for store in &stores {
            for TileArea { area, .. } in store.groups.iter().flat_map(|g| &g.tiles) {
                assert!(area.x >= store.area.x && area.y >= store.area.y + 18.0);
                assert!(area.x + area.width <= store.area.x + store.area.width);
                assert!(area.y + area.height <= store.area.y + store.area.height);
            }
        }
        // A store alone needs no heading of its own.
        let alone = atlas(vec![part(&small)], &layout);
        assert_eq!(alone[0].groups[0].area, alone[0].area);
    }

    #[test]
    fn nothing_to_show_is_no_tile() {
        assert!(squarify(&[], area(0.0, 0.0, 10.0, 10.0)).is_empty());
        assert_eq!(
            squarify(&[0, 0], area(0.0, 0.0, 10.0, 10.0)),
            [Area::default(); 2]
        );
    }
}
