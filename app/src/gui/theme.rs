//! All colours of the window, and how egui's own widgets wear them.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place where colours are named"
)]

use cachescope_core::model::Condition;
use egui::{Color32, CornerRadius, FontFamily, FontId, Stroke, TextStyle, Vec2};
use egui_extras::syntax_highlighting::{CodeTheme, TokenType};

/// One set of colours. Every text colour keeps a contrast of 4.5 on every surface.
#[derive(Debug)]
pub(crate) struct Theme {
    /// True for the dark set.
    pub(crate) is_dark: bool,
    /// Behind everything.
    pub(crate) ground: Color32,
    /// Rails, panels, cards.
    pub(crate) panel: Color32,
    /// Buttons, chips, group rows.
    pub(crate) raised: Color32,
    /// A raised surface under the pointer.
    pub(crate) hovered: Color32,
    /// Hairlines between surfaces.
    pub(crate) line: Color32,
    /// What is read.
    pub(crate) text: Color32,
    /// What explains it.
    pub(crate) quiet: Color32,
    /// The one accent: focus, links, progress.
    pub(crate) accent: Color32,
    /// Behind selected rows and the store on show.
    pub(crate) selection: Color32,
    /// Every other row.
    pub(crate) stripe: Color32,
    /// Words of actions that take something away, and of failures.
    pub(crate) danger: Color32,
    /// Text that was added.
    pub(crate) added: Color32,
    /// Behind text that is gone, and behind the words of it that are.
    pub(crate) gone_fill: [Color32; 2],
    /// Behind text that is new, and behind the words of it that are.
    pub(crate) new_fill: [Color32; 2],
    /// Bars that a query leaves out.
    pub(crate) dimmed: Color32,
    conditions: [Color32; 9],
    ages: [Color32; 7],
}

const fn hex(rgb: u32) -> Color32 {
    let [_, r, g, b] = rgb.to_be_bytes();
    Color32::from_rgb(r, g, b)
}

/// In the order of [`Condition::ALL`]: calls code, corrupt, incomplete, orphan, source gone, stale, expired,
/// unread, fresh. Okabe and Ito's set, which the colour-blind tell apart; glyphs tell them apart without colour.
const DARK_CONDITIONS: [Color32; 9] = [
    hex(0x00e0_573e),
    hex(0x00e0_573e),
    hex(0x0056_b4e9),
    hex(0x00b8_a93a),
    hex(0x00cc_79a7),
    hex(0x00cc_79a7),
    hex(0x00e6_9f00),
    hex(0x0093_9cab),
    hex(0x0035_b28a),
];

/// The same hues, darkened until they keep 4.5 on every light surface.
const LIGHT_CONDITIONS: [Color32; 9] = [
    hex(0x00b3_4632),
    hex(0x00b3_4632),
    hex(0x0035_6f8f),
    hex(0x0074_6a25),
    hex(0x0092_5777),
    hex(0x0092_5777),
    hex(0x008c_6100),
    hex(0x0060_697d),
    hex(0x0023_765c),
];

/// Recent to old, one hue scale of falling lightness.
const LIGHT_AGES: [Color32; 7] = [
    hex(0x00a7_d3a0),
    hex(0x0085_c29c),
    hex(0x0062_ad98),
    hex(0x003f_9491),
    hex(0x0038_7186),
    hex(0x0031_4f7a),
    hex(0x002a_2f66),
];

/// The scale with its lightness mirrored: on dark ground the old ones glow and the recent ones sink.
const DARK_AGES: [Color32; 7] = [
    hex(0x0024_423b),
    hex(0x002b_5952),
    hex(0x0033_736b),
    hex(0x003f_9491),
    hex(0x005f_a9b5),
    hex(0x008d_b8d8),
    hex(0x00c3_cbf2),
];

static DARK: Theme = Theme {
    is_dark: true,
    ground: hex(0x0014_171c),
    panel: hex(0x001a_1e25),
    raised: hex(0x0022_2833),
    hovered: hex(0x002b_3340),
    line: hex(0x002c_333f),
    text: hex(0x00df_e4ec),
    quiet: hex(0x0093_9cab),
    accent: hex(0x005a_a9ff),
    selection: hex(0x001f_3550),
    stripe: hex(0x0017_1b21),
    danger: hex(0x00f4_7f6b),
    added: hex(0x0035_b28a),
    gone_fill: [hex(0x0032_2023), hex(0x0062_2f30)],
    new_fill: [hex(0x0017_2d2a), hex(0x001d_5345)],
    dimmed: hex(0x002c_333f),
    conditions: DARK_CONDITIONS,
    ages: DARK_AGES,
};

static LIGHT: Theme = Theme {
    is_dark: false,
    ground: hex(0x00f4_f5f7),
    panel: hex(0x00ff_ffff),
    raised: hex(0x00ee_f0f4),
    hovered: hex(0x00e8_ebf0),
    line: hex(0x00d9_dde4),
    text: hex(0x001c_222b),
    quiet: hex(0x0060_697d),
    accent: hex(0x0016_68c7),
    selection: hex(0x00dc_ebfd),
    stripe: hex(0x00fa_fbfc),
    danger: hex(0x00b3_4632),
    added: hex(0x0023_765c),
    gone_fill: [hex(0x00fc_ecea), hex(0x00f4_c6bf)],
    new_fill: [hex(0x00e8_f5f0), hex(0x00b9_e0d1)],
    dimmed: hex(0x00dd_e1e9),
    conditions: LIGHT_CONDITIONS,
    ages: LIGHT_AGES,
};

/// Height of one row of a table, in points.
pub(crate) const ROW: f32 = 24.0;
/// Distance between things that belong together, in points; other distances are multiples.
pub(crate) const GAP: f32 = 4.0;

impl Theme {
    /// The set for egui's current theme.
    pub(crate) fn of(ctx: &egui::Context) -> &'static Self {
        Self::get(ctx.theme() == egui::Theme::Dark)
    }

    /// The dark or the light set.
    pub(crate) fn get(is_dark: bool) -> &'static Self {
        if is_dark { &DARK } else { &LIGHT }
    }

    /// Colour of a condition's glyph.
    pub(crate) fn condition(&self, condition: Condition) -> Color32 {
        let at = Condition::ALL.iter().position(|c| *c == condition);
        at.and_then(|at| self.conditions.get(at))
            .copied()
            .unwrap_or(self.quiet)
    }

    /// Recent (0) to old (1).
    pub(crate) fn age(&self, part: f32) -> Color32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the seven steps"
        )]
        let at = (part.clamp(0.0, 1.0) * 6.0).round() as usize;
        self.ages.get(at).copied().unwrap_or(self.accent)
    }

    /// The steps of [`Theme::age`], for a legend.
    pub(crate) fn ages(&self) -> &[Color32; 7] {
        &self.ages
    }

    /// One colour for each of a few things that are compared; the colour-blind tell them apart too.
    pub(crate) fn series(&self, at: usize) -> Color32 {
        const APART: [Condition; 7] = [
            Condition::Incomplete,
            Condition::Expired,
            Condition::Fresh,
            Condition::Stale,
            Condition::Corrupt,
            Condition::Orphan,
            Condition::Unread,
        ];
        let of = APART.get(at % APART.len());
        of.map_or(self.accent, |of| self.condition(*of))
    }

    /// A hairline.
    pub(crate) fn hairline(&self) -> Stroke {
        Stroke::new(1.0, self.line)
    }

    /// Colours of source code.
    pub(crate) fn code(&self, style: &egui::Style) -> CodeTheme {
        let mut code = CodeTheme::from_style(style);
        for (token, color) in [
            (TokenType::Comment, self.quiet),
            (TokenType::Keyword, self.accent),
            (TokenType::Literal, self.condition(Condition::Stale)),
            (TokenType::StringLiteral, self.added),
            (TokenType::Punctuation, self.text),
            (TokenType::Whitespace, self.text),
        ] {
            code.format_mut(token).color = color;
        }
        code
    }

    fn visuals(&self) -> egui::Visuals {
        let mut visuals = if self.is_dark {
            egui::Visuals::dark()
        } else {
            egui::Visuals::light()
        };
        visuals.panel_fill = self.panel;
        visuals.window_fill = self.panel;
        visuals.extreme_bg_color = self.ground;
        visuals.text_edit_bg_color = Some(self.ground);
        visuals.faint_bg_color = self.stripe;
        visuals.code_bg_color = self.raised;
        visuals.hyperlink_color = self.accent;
        visuals.error_fg_color = self.danger;
        visuals.warn_fg_color = self.condition(Condition::Expired);
        visuals.weak_text_color = Some(self.quiet);
        visuals.window_stroke = self.hairline();
        visuals.window_corner_radius = CornerRadius::same(8);
        visuals.menu_corner_radius = CornerRadius::same(6);
        visuals.selection.bg_fill = self.selection;
        visuals.selection.stroke = Stroke::new(1.0, self.accent);
        visuals.text_cursor.stroke = Stroke::new(2.0, self.accent);
        // A blinking cursor would repaint an idle window twice a second.
        visuals.text_cursor.blink = false;
        visuals.disabled_alpha = 0.5;
        let radius = CornerRadius::same(5);
        let widget = |fill, stroke, text| egui::style::WidgetVisuals {
            bg_fill: fill,
            weak_bg_fill: fill,
            bg_stroke: Stroke::new(1.0, stroke),
            corner_radius: radius,
            fg_stroke: Stroke::new(1.0, text),
            expansion: 0.0,
        };
        visuals.widgets.noninteractive = widget(self.panel, self.line, self.text);
        visuals.widgets.inactive = widget(self.raised, self.line, self.text);
        visuals.widgets.hovered = widget(self.hovered, self.line, self.text);
        visuals.widgets.active = widget(self.hovered, self.accent, self.text);
        visuals.widgets.open = widget(self.hovered, self.line, self.text);
        // Boxes, rings and rails stand alone on a panel, where a button's fill would hardly be seen.
        let alone = self.panel.lerp_to_gamma(self.quiet, 0.4);
        visuals.widgets.inactive.bg_fill = alone;
        visuals.widgets.hovered.bg_fill = alone;
        visuals
    }
}

/// Low (0) to high (1) in viridis, as a polynomial of the sixth degree (Matt Zucker's fit, public domain).
pub(crate) fn viridis(part: f32) -> Color32 {
    const C: [[f32; 3]; 7] = [
        [0.277_727_3, 0.005_407_3, 0.334_099_8],
        [0.105_093, 1.404_613_5, 1.384_590_2],
        [-0.330_861_8, 0.214_847_6, 0.095_095_2],
        [-4.634_230_5, -5.799_101, -19.332_441],
        [6.228_27, 14.179_933, 56.690_55],
        [4.776_385, -13.745_145, -65.353_03],
        [-5.435_456, 4.645_852_6, 26.312_435],
    ];
    let t = part.clamp(0.0, 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to a byte"
    )]
    let [r, g, b] = [0, 1, 2].map(|channel: usize| {
        let weights = C.iter().rev().filter_map(|weights| weights.get(channel));
        let value = weights.fold(0.0, |sum, weight| sum * t + weight);
        (value.clamp(0.0, 1.0) * 255.0).round() as u8
    });
    Color32::from_rgb(r, g, b)
}

/// Family of semibold text.
pub(crate) fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// Body text.
pub(crate) fn body() -> FontId {
    FontId::proportional(13.0)
}

/// The name of the program.
pub(crate) fn title() -> FontId {
    FontId::new(15.0, semibold())
}

/// Body text, semibold.
pub(crate) fn strong() -> FontId {
    FontId::new(13.0, semibold())
}

/// Text that explains.
pub(crate) fn small() -> FontId {
    FontId::proportional(11.5)
}

/// The same, semibold.
pub(crate) fn small_strong() -> FontId {
    FontId::new(11.5, semibold())
}

/// A word in a frame beside a name.
pub(crate) fn badge() -> FontId {
    FontId::proportional(10.5)
}

/// The largest figures.
pub(crate) fn large() -> FontId {
    FontId::new(21.0, semibold())
}

/// Keys, arguments, code.
pub(crate) fn mono() -> FontId {
    FontId::monospace(12.0)
}

/// Gives both of egui's styles our colours, sizes and spacing.
pub(crate) fn install(ctx: &egui::Context) {
    for (which, is_dark) in [(egui::Theme::Dark, true), (egui::Theme::Light, false)] {
        ctx.set_visuals_of(which, Theme::get(is_dark).visuals());
    }
    ctx.all_styles_mut(|style| {
        style.text_styles = [
            (TextStyle::Small, small()),
            (TextStyle::Body, body()),
            (TextStyle::Button, body()),
            (TextStyle::Monospace, mono()),
            (TextStyle::Heading, FontId::new(15.0, semibold())),
        ]
        .into();
        let spacing = &mut style.spacing;
        spacing.item_spacing = Vec2::new(2.0 * GAP, GAP);
        spacing.button_padding = Vec2::new(3.0 * GAP, GAP);
        spacing.interact_size = Vec2::new(40.0, 26.0);
        spacing.menu_margin = egui::Margin::same(4);
        spacing.scroll = egui::style::ScrollStyle::solid();
        spacing.scroll.bar_width = 8.0;
        style.interaction.selectable_labels = false;
        style.interaction.tooltip_delay = 0.4;
        style.animation_time = 0.0;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.1, "relative luminance" and "contrast ratio".
    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |color: Color32| {
            let [r, g, b, _] = egui::Rgba::from(color).to_array();
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn contrast_is_computed_as_the_standard_says() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 0.01);
        assert!((contrast(hex(0x0077_7777), Color32::WHITE) - 4.48).abs() < 0.01);
    }

    #[test]
    fn every_text_colour_can_be_read_on_every_surface() {
        for theme in [&DARK, &LIGHT] {
            let surfaces = [
                theme.ground,
                theme.panel,
                theme.raised,
                theme.hovered,
                theme.stripe,
                theme.selection,
            ];
            for surface in surfaces {
                for text in [theme.text, theme.quiet, theme.accent] {
                    let got = contrast(text, surface);
                    assert!(got >= 4.5, "{text:?} on {surface:?}: {got}");
                }
            }
        }
    }

    /// Actions stand on panels and buttons, their words nowhere else.
    #[test]
    fn warnings_can_be_read_where_they_stand() {
        for theme in [&DARK, &LIGHT] {
            for surface in [theme.ground, theme.panel, theme.raised, theme.hovered] {
                for text in [theme.danger, theme.added] {
                    let got = contrast(text, surface);
                    assert!(got >= 4.5, "{text:?} on {surface:?}: {got}");
                }
            }
        }
    }

    #[test]
    fn code_that_changed_can_be_read() {
        for theme in [&DARK, &LIGHT] {
            for fill in [theme.gone_fill, theme.new_fill] {
                for surface in fill {
                    let got = contrast(theme.text, surface);
                    assert!(got >= 4.5, "{surface:?}: {got}");
                }
                assert!(contrast(theme.quiet, fill[0]) >= 4.5, "{:?}", fill[0]);
            }
        }
    }

    /// Glyphs stand beside their word: for them 3 is enough (WCAG 1.4.11).
    #[test]
    fn condition_glyphs_can_be_seen_on_every_row() {
        for theme in [&DARK, &LIGHT] {
            for condition in Condition::ALL {
                for surface in [
                    theme.ground,
                    theme.panel,
                    theme.stripe,
                    theme.raised,
                    theme.selection,
                ] {
                    let got = contrast(theme.condition(condition), surface);
                    assert!(got >= 3.0, "{condition:?} on {surface:?}: {got}");
                }
            }
        }
    }

    #[test]
    fn viridis_runs_from_its_own_violet_to_its_own_yellow() {
        // matplotlib's viridis: (68, 1, 84) at 0, (33, 145, 140) in the middle, (253, 231, 37) at 1.
        for (part, expected) in [
            (0.0, [68, 1, 84]),
            (0.5, [33, 145, 140]),
            (1.0, [253, 231, 37]),
        ] {
            let [r, g, b, _] = viridis(part).to_array();
            for (got, expected) in [r, g, b].into_iter().zip(expected) {
                assert!(got.abs_diff(expected) <= 8, "{part}: {:?}", [r, g, b]);
            }
        }
    }

    #[test]
    fn ages_fall_or_rise_in_lightness_without_a_step_back() {
        for theme in [&DARK, &LIGHT] {
            let against = |c: &Color32| contrast(*c, theme.ground);
            let steps: Vec<f32> = theme.ages.iter().map(against).collect();
            assert!(steps.is_sorted(), "{steps:?}");
        }
    }
}
