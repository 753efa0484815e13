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
