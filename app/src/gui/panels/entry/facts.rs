//! Facts about an entry: arguments, sizes, times, hits, codecs, and what a check found.

use cachescope_core::model::{Record, Role, Time};
use cachescope_core::source::AccessTimes;
use egui::{Label, RichText, Ui, vec2};

use crate::gui::state::OpenStore;
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::{condition, controls};
use crate::text;

/// Width of the names, in points.
const NAMES: f32 = 118.0;
/// Characters of one argument; the whole can be copied.
const ARGUMENT_CHARS: usize = 400;

/// A name and what it is, which can be selected and copied.
pub(super) fn fact(ui: &mut Ui, name: &str, value: &str) {
    row(ui, name, |ui| {
        let theme = Theme::of(ui.ctx());
        controls::stranger(ui, value, theme::body(), theme.text);
    });
}

fn row(ui: &mut Ui, name: &str, value: impl FnOnce(&mut Ui)) {
    let theme = Theme::of(ui.ctx());
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.allocate_ui(vec2(NAMES, 0.0), |ui| {
            ui.set_min_width(NAMES);
            let name = RichText::new(name).color(theme.quiet);
            ui.set_max_width(NAMES - 6.0);
            ui.add(Label::new(name).truncate());
        });
        value(ui);
    });
}

pub(super) fn facts_ui(ui: &mut Ui, store: &OpenStore, record: &Record<'_>, now: Time) {
    condition_ui(ui, store, record);
    arguments_ui(ui, store, record);
    fact(ui, "Stored", &stored(record));
    if let Some(seconds) = record.duration_s {
        fact(ui, "Computed in", &text::duration(seconds));
    }
    if let Some(created) = record.created.or(record.modified) {
        fact(ui, "Created", &text::moment(created));
    }
    fact(ui, "Last used", &last_used(store, record, now));
    if let Some(expires) = record.expires {
        fact(ui, "Expires", &text::moment(expires));
    }
    fact(ui, "Hits", &hits(store, record));
    let details = store.preview.found.as_ref();
    if let Some(Ok(details)) = details.map(|found| &found.details) {
        for (name, value) in &details.facts {
            fact(ui, name, &cachescope_core::model::text::shown(value));
        }
    }
    codec_ui(ui, store, record);
}

/// Hits with who counted them, and what they saved.
fn hits(store: &OpenStore, record: &Record<'_>) -> String {
    if let Some(hits) = record.hits {
        let source = cachescope_core::stores::hits_source(store.info.kind);
        return format!("{} {source}", text::count(hits));
    }
    let Some(earned) = store.activity.earned.get(&record.id()) else {
        return "not recorded".to_owned();
    };
    let before = store.activity.remembered.as_ref();
    let before = before.and_then(|r| r.history.since);
    let since = before.or(store.coverage.as_ref().and_then(|c| c.lookups_since));
    let since = since.map_or_else(String::new, |since| {
        format!(" since {}", text::moment(since))
    });
    let saved = if earned.hits > earned.n_untimed {
        format!(" · saved {} at most", text::duration(earned.saved_s))
    } else {
        String::new()
    };
    format!("{} observed{since}{saved}", text::count(earned.hits))
}

fn condition_ui(ui: &mut Ui, store: &OpenStore, record: &Record<'_>) {
    let theme = Theme::of(ui.ctx());
    let verdict = store.verdicts.of(record);
    let found = match (verdict, record.role) {
        (Some(verdict), _) => verdict.condition,
        (None, Role::Orphan) => cachescope_core::model::Condition::Orphan,
        (None, Role::Entry) => return,
    };
    let evidence = verdict.map(|v| v.evidence.as_slice()).unwrap_or_default();
    ui.add_space(4.0);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.label(RichText::new(condition::glyph(found)).color(theme.condition(found)));
        let first = evidence.first().map_or_else(String::new, |e| {
            format!(" · {}", cachescope_core::model::text::shown(e))
        });
        let words = format!("{}{first}", condition::word(found));
        ui.add(egui::Label::new(words).wrap());
    });
    for more in evidence.iter().skip(1) {
        controls::quiet(ui, cachescope_core::model::text::shown(more).into_owned());
    }
    ui.add_space(4.0);
}

/// Every argument, whole where the entry was read, else as the listing keeps it.
fn arguments_ui(ui: &mut Ui, store: &OpenStore, record: &Record<'_>) {
    let theme = Theme::of(ui.ctx());
    ui.add_space(4.0);
    let mut argument = |name: &str, value: &str| {
        let value = text::shorten(&cachescope_core::model::text::shown(value), ARGUMENT_CHARS);
        row(ui, &cachescope_core::model::text::shown(name), |ui| {
            controls::stranger(ui, &value, theme::mono(), theme.text);
        });
    };
    let found = store.preview.found.as_ref();
    let found = found.filter(|f| f.entry == record.entry_key());
    match found.map(|f| &f.details) {
        Some(Ok(details)) if !details.args.is_empty() => {
            for (name, value) in &details.args {
                argument(name, value);
            }
        }
        _ => {
            for (name, value) in record.args.iter() {
                argument(name, value);
            }
        }
    }
}

fn stored(record: &Record<'_>) -> String {
    let bytes = text::bytes(record.bytes);
    if record.files == 0 {
        return bytes;
    }
    format!(
        "{bytes} in {} ({} on disk)",
        text::counted(record.files.into(), "file", "files"),
        text::bytes(record.disk_bytes)
    )
}

/// The last use, never more surely than the file system tells it.
fn last_used(store: &OpenStore, record: &Record<'_>, now: Time) -> String {
    let Some(used) = record.accessed else {
        return "not recorded".to_owned();
    };
    let ago = text::ago(used, now);
    match store.facts.as_ref().map(|f| f.access_times) {
        Some(AccessTimes::Relative) => format!("{ago} (to within a day: relatime)"),
        Some(AccessTimes::Never) => "unknown (mounted with noatime)".to_owned(),
        Some(AccessTimes::Exact | AccessTimes::Unknown) | None => ago,
    }
}

fn codec_ui(ui: &mut Ui, store: &OpenStore, record: &Record<'_>) {
    let found = store.preview.found.as_ref();
    let value = found.and_then(|f| f.value.as_ref().ok());
    let chain: Vec<&str> = match (value, record.codec) {
        (Some(preview), _) => preview.codec.iter().map(String::as_str).collect(),
        (None, Some(codec)) => codec.split(" > ").collect(),
        (None, None) => return,
    };
    row(ui, "Codec", |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for (n, codec) in chain.iter().enumerate() {
                if n > 0 {
                    controls::quiet(ui, "›");
                }
                controls::chip(ui, codec);
            }
        });
    });
}
