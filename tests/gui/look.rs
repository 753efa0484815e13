//! How the window looks where a machine can tell: sizes of rows, nothing cut that must not be.

use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::JOBLIB;
use super::window::{Window, fixture};

#[test]
fn rows_stand_24_points_apart() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_row("features.compressed");
    let tops: Vec<f32> = window
        .harness
        .query_all_by_role(Role::Row)
        .map(|row| row.rect().top())
        .collect();
    assert!(tops.len() > 20);
    // The last one may be cut by the edge of the table.
    for pair in tops[..tops.len() - 1].windows(2) {
        assert!((pair[1] - pair[0] - 24.0).abs() < 0.01, "{pair:?}");
    }
    let table = window.harness.get_by_role_and_label(Role::Table, "Entries");
    assert!(table.accesskit_node().label().is_some());
}

#[test]
fn the_entry_panel_keeps_its_width_whatever_it_shows() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.compressed");
    window.press_row("a5188a6e36cf8fa9de3c1919edc79623");
    window.wait_for_quiet();
    let left = |window: &Window| {
        let tab = window.harness.get_by_role_and_label(Role::Tab, "Value");
        tab.rect().left()
    };
    let before = left(&window);
    for side in ["Calls", "Bytes", "Code", "Value"] {
        window.press_labelled(Role::Tab, side);
        window.wait_for_quiet();
        assert!((left(&window) - before).abs() < 1.0, "{side}");
    }
}

#[test]
fn stores_stand_on_the_rail_as_they_were_named() {
    let (_a, joblib) = fixture(JOBLIB);
    let (_b, tables) = fixture("sqlite/plain/tables.db");
    for paths in [
        [joblib.clone(), tables.clone()],
        [tables.clone(), joblib.clone()],
    ] {
        let names: Vec<_> = paths
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        let mut window = Window::open(paths.to_vec());
        let top = |window: &Window, name: &str| {
            let mut stores = window.harness.query_all_by_role(Role::ListBoxOption);
            let store = stores.find(|s| {
                let label = s.accesskit_node().label();
                label.is_some_and(|label| label.starts_with(name))
            });
            store.map(|store| store.rect().top())
        };
        window.wait_for(|h| h.query_all_by_role(Role::ListBoxOption).count() == 2);
        window.wait_for_quiet();
        let tops: Vec<_> = names.iter().map(|name| top(&window, name)).collect();
        assert!(
            tops[0].is_some() && tops[0] < tops[1],
            "{names:?}: {tops:?}"
        );
    }
}

/// Where a part that can be pressed or read stands, with its name.
fn parts(window: &Window) -> Vec<(String, egui::Rect)> {
    let roles = [
        Role::Button,
        Role::Tab,
        Role::CheckBox,
        Role::RadioButton,
        Role::TextInput,
    ];
    let nodes = window.harness.root().children_recursive();
    let parts = nodes.filter(|node| roles.contains(&node.accesskit_node().role()));
    parts
        .map(|node| {
            let label = node.accesskit_node().label().unwrap_or_default();
            (label, node.rect())
        })
        .collect()
}

#[test]
fn in_the_smallest_window_every_button_is_within_reach_and_over_no_other() {
    let (_temp, path) = fixture(JOBLIB);
    let (_other, second) = fixture("sqlite/plain/tables.db");
    for size in [[720.0, 480.0], [720.0, 1000.0], [900.0, 600.0]] {
        let paths = vec![path.clone(), second.clone()];
        let mut window = Window::with(paths, egui::Theme::Dark, size);
        window.wait_for_text_part("entries");
        for tab in ["Overview", "Entries", "Activity", "Health", "Compare"] {
            window.press_labelled(Role::Tab, tab);
            if tab == "Entries" {
                window.type_into("Query", "group:features.compressed");
                window.press_row("a5188a6e36cf8fa9de3c1919edc79623");
            }
            window.wait_for_quiet();
            let parts = parts(&window);
            assert!(parts.len() > 15, "{tab}: {parts:?}");
            for (name, rect) in &parts {
                assert!(rect.right() <= size[0] + 0.5, "{tab}: {name} at {rect:?}");
            }
            for (n, (name, rect)) in parts.iter().enumerate() {
                for (other, over) in &parts[n + 1..] {
                    let both = rect.intersect(*over);
                    let is_over = both.width() > 1.0 && both.height() > 1.0;
                    assert!(
                        !is_over,
                        "{size:?}, {tab}: {name} {rect:?} over {other} {over:?}"
                    );
                }
            }
        }
    }
}
