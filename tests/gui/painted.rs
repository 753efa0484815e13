//! What a frame painted, judged as an eye would: can each text be told from what lies under it, does any text lie over
//! another, is any cut off.

use cachescope::gui::App;
use egui::epaint::{ClippedShape, RectShape, Shape, TextShape};
use egui::{Color32, FontFamily, Mesh, Pos2, Rect};
use egui_kittest::Harness;

/// WCAG 2.1, 1.4.3: text.
const TEXT: f32 = 4.5;
/// WCAG 2.1, 1.4.11: signs that stand beside their word.
const SIGN: f32 = 3.0;
/// Letters of neighbours may touch by as much, in points.
const TOUCH: f32 = 2.0;

/// A line of text as it was painted.
struct Line {
    text: String,
    rect: Rect,
    color: Color32,
    clip: Rect,
    surface: Color32,
    is_code: bool,
    /// How many surfaces were painted before it.
    n_under: usize,
}

/// What is painted so far: surfaces from below, and the lines that no later surface covers.
#[derive(Default)]
struct Painting {
    surfaces: Vec<(Rect, Color32)>,
    lines: Vec<Line>,
}

/// Everything wrong with the newest frame, in words.
pub(crate) fn faults(harness: &Harness<'static, App>) -> Vec<String> {
    let painting = Painting::of(harness);
    let mut faults = painting.contrasts();
    faults.extend(painting.overlaps());
    faults.extend(painting.cuts());
    faults
}

/// True if a line of the newest frame begins so; white space is not painted.
pub(crate) fn has_line(harness: &Harness<'static, App>, text: &str) -> bool {
    let mut lines = Painting::of(harness).lines.into_iter();
    lines.any(|line| line.text.starts_with(text))
}

impl Painting {
    fn of(harness: &Harness<'static, App>) -> Self {
        let mut painting = Self::default();
        for ClippedShape {
            clip_rect, shape, ..
        } in &harness.output().shapes
        {
            painting.add(shape, *clip_rect);
        }
        painting
    }

    fn add(&mut self, shape: &Shape, clip: Rect) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|s| self.add(s, clip)),
            Shape::Rect(rect) => self.rect(rect, clip),
            Shape::Mesh(mesh) => self.mesh(mesh, clip),
            Shape::Text(text) => self.text(text, clip),
            _ => {}
        }
    }

    fn rect(&mut self, shape: &RectShape, clip: Rect) {
        let is_textured = shape.brush.is_some();
        if shape.fill.a() > 0 && !is_textured {
            self.cover(shape.rect.intersect(clip), shape.fill);
        }
    }

    /// Tiles of a treemap: four corners of one colour each.
    fn mesh(&mut self, mesh: &Mesh, clip: Rect) {
        if mesh.texture_id != egui::TextureId::default() {
            return;
        }
        for corners in mesh.vertices.chunks_exact(4) {
            if let [first, _, _, last] = corners {
                let rect = Rect::from_two_pos(first.pos, last.pos);
                self.cover(rect.intersect(clip), first.color);
            }
        }
    }

    fn cover(&mut self, rect: Rect, fill: Color32) {
        if !rect.is_positive() {
            return;
        }
        let under = self.under(rect.center());
        self.surfaces.push((rect, under.blend(fill)));
        if fill.a() == 255 {
            self.lines.retain(|line| !rect.contains_rect(line.rect));
        }
    }

    fn under(&self, at: Pos2) -> Color32 {
        let top = self
            .surfaces
            .iter()
            .rev()
            .find(|(rect, _)| rect.contains(at));
        top.map_or(Color32::BLACK, |(_, color)| *color)
    }

    fn text(&mut self, shape: &TextShape, clip: Rect) {
        // What is disabled is faded: the standard leaves it out.
        if shape.opacity_factor < 1.0 || shape.angle != 0.0 {
            return;
        }
        let mut sections = shape.galley.job.sections.iter();
        let is_code = sections.all(|s| s.format.font_id.family == FontFamily::Monospace);
        for row in &shape.galley.rows {
            let offset = shape.pos.to_vec2() + row.pos.to_vec2();
            let mut line: Option<Line> = None;
            for glyph in &row.row.glyphs {
                let rect = Rect::from_min_size(
                    Pos2::new(glyph.pos.x, glyph.pos.y - glyph.font_ascent),
                    glyph.size(),
                )
                .translate(offset);
                let vertices = &row.row.visuals.mesh.vertices;
                let own = vertices.get(glyph.first_vertex as usize).map(|v| v.color);
                let color = match shape.override_text_color.or(own) {
                    Some(Color32::PLACEHOLDER) | None => shape.fallback_color,
                    Some(color) => color,
                };
                if glyph.chr.is_whitespace() || color.a() < 255 {
                    continue;
                }
                match &mut line {
                    Some(line) if line.color == color => {
                        line.text.push(glyph.chr);
                        line.rect |= rect;
                    }
                    _ => {
                        self.lines.extend(line.take());
                        line = Some(Line {
                            text: glyph.chr.to_string(),
                            rect,
                            color,
                            clip,
                            surface: self.under(rect.center()),
                            is_code,
                            n_under: self.surfaces.len(),
                        });
                    }
                }
            }
            self.lines.extend(line);
        }
        self.lines.retain(|line| line.rect.intersects(line.clip));
    }

    fn contrasts(&self) -> Vec<String> {
        let lines = self
            .lines
            .iter()
            .filter(|l| l.clip.contains(l.rect.center()));
        lines
            .filter_map(|line| {
                let is_sign = !line.text.chars().any(char::is_alphanumeric);
                let least = if is_sign { SIGN } else { TEXT };
                let got = contrast(line.color, line.surface);
                (got < least).then(|| {
                    format!(
                        "{:?} has a contrast of {got:.2}: {:?} on {:?}",
                        line.text, line.color, line.surface
                    )
                })
            })
            .collect()
    }

    fn overlaps(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (n, a) in self.lines.iter().enumerate() {
            for b in self.lines.iter().skip(n + 1) {
                let both = a.rect.intersect(a.clip).intersect(b.rect.intersect(b.clip));
                // Lines stand closer than their height; letters do not reach into each other's middle.
                // What floats over the page covers what lies under it.
                let between = self.surfaces.get(a.n_under..b.n_under).unwrap_or_default();
                let is_covered = between.iter().any(|(rect, _)| rect.contains_rect(both));
                if !is_covered
                    && both.width() > TOUCH
                    && both.height() > a.rect.height().min(b.rect.height()) / 2.0
                {
                    faults.push(format!("{:?} lies over {:?} at {both:?}", b.text, a.text));
                }
            }
        }
        faults
    }

    /// Text that goes on beyond where it can be seen, without a sign that it does. Code scrolls sidewards: it may.
    fn cuts(&self) -> Vec<String> {
        let is_cut = |line: &&Line| {
            if line.is_code {
                return false;
            }
            let is_seen = line.clip.y_range().contains(line.rect.center().y);
            let over = line.rect.right() - line.clip.right();
            is_seen && over > TOUCH
        };
        let cut = self.lines.iter().filter(is_cut);
        cut.map(|line| format!("{:?} is cut off on the right", line.text))
            .collect()
    }
}

/// "Relative luminance" and "contrast ratio" of WCAG 2.1.
fn contrast(a: Color32, b: Color32) -> f32 {
    let luminance = |color: Color32| {
        let [r, g, b, _] = egui::Rgba::from(color).to_array();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
