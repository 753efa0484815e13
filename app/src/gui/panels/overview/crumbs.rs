//! Where the treemap is: from every open store to a store, a module, a function; each step can be gone back to.

use std::sync::Arc;

use cachescope_core::jobs::{Surveyed, Zoom};
use cachescope_core::model::text::shown;
use cachescope_core::ops::GroupArea;
use egui::Ui;

use super::Around;
use crate::gui::command::Command;
use crate::gui::state::OpenStore;
use crate::gui::widgets::controls;
use crate::text;

/// Characters of one step.
const CHARS: usize = 28;

/// True where there is any way to go back or out.
pub(super) fn is_shown(store: &OpenStore, around: &Around<'_>) -> bool {
    around.n_stores > 1 || store.overview.zoom.is_some()
}

pub(super) fn crumbs_ui(
    ui: &mut Ui,
    store: &OpenStore,
    around: &Around<'_>,
    out: &mut Vec<Command>,
) {
    let mut steps: Vec<(String, Option<Vec<Command>>)> = Vec::new();
    let zoom = store.overview.zoom.as_ref();
    if around.n_stores > 1 {
        let back = (!around.is_across).then(|| vec![Command::Across(true)]);
        steps.push(("All stores".to_owned(), back));
    }
    if !around.is_across {
        let back = zoom.map(|_| vec![Command::Zoom(None)]);
        steps.push((store.info.title(), back));
    }
    match zoom.filter(|_| !around.is_across) {
        Some(Zoom::Module(module)) => steps.push((module.to_string(), None)),
        Some(Zoom::Group(group)) => {
            if let Some(module) = module_of(&group.label) {
                let back = Command::Zoom(Some(Zoom::Module(module.into())));
                steps.push((module.to_owned(), Some(vec![back])));
            }
            steps.push((group.label.to_string(), None));
        }
        None => {}
    }
    for (n, (name, back)) in steps.into_iter().enumerate() {
        if n > 0 {
            controls::quiet(ui, "›");
        }
        let name = text::shorten(&shown(&name), CHARS);
        match back {
            Some(back) if ui.link(name.clone()).clicked() => out.extend(back),
            Some(_) => {}
            None => {
                controls::quiet(ui, name);
            }
        }
    }
}

/// One step into the treemap: into a store, from there to a module of several groups, from there to one group.
pub(super) fn deeper(
    surveyed: &Surveyed,
    store: &OpenStore,
    spot: (cachescope_core::model::StoreId, Option<&GroupArea>),
    around: &Around<'_>,
) -> Vec<Command> {
    let (id, group) = spot;
    if around.is_across {
        return vec![Command::Show(id), Command::Across(false)];
    }
    let Some(group) = group else {
        return Vec::new();
    };
    let into = Zoom::Group(Arc::clone(&group.group));
    match &store.overview.zoom {
        Some(Zoom::Group(_)) => Vec::new(),
        Some(Zoom::Module(_)) => vec![Command::Zoom(Some(into))],
        None => {
            let groups = || surveyed.stores.iter().flat_map(|s| &s.groups);
            let module = module_of(&group.group.label).map(|name| Zoom::Module(name.into()));
            let is_worth_it = |zoom: &Zoom| {
                let n_held = groups().filter(|g| zoom.holds(&g.group)).count();
                n_held > 1 && n_held < groups().count()
            };
            let module = module.filter(is_worth_it);
            let is_alone = groups().count() == 1;
            let into = module.or(Some(into).filter(|_| !is_alone));
            into.map(|zoom| Command::Zoom(Some(zoom)))
                .into_iter()
                .collect()
        }
    }
}

/// One step out of it.
pub(super) fn out_of(store: &OpenStore, around: &Around<'_>) -> Option<Command> {
    match &store.overview.zoom {
        _ if around.is_across => None,
        Some(_) => Some(Command::Zoom(None)),
        None => (around.n_stores > 1).then_some(Command::Across(true)),
    }
}

/// `features.text` of `features.text.embed`.
fn module_of(label: &str) -> Option<&str> {
    label
        .rsplit_once('.')
        .map(|(module, _)| module)
        .filter(|module| !module.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_all_before_the_last_dot() {
        for (label, expected) in [
            ("features.text.embed", Some("features.text")),
            ("embed", None),
            (".hidden", None),
        ] {
            assert_eq!(module_of(label), expected, "{label}");
        }
    }
}
