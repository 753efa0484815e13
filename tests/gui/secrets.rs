//! Credentials in stored responses: left out of the window until a person asks for them.

use egui_kittest::kittest::Queryable as _;

use super::window::{Window, fixture};

#[test]
fn credentials_show_only_when_asked_for() {
    let (_temp, path) = fixture("requests-cache-1.3-all/yaml-sqlite.sqlite");
    let mut window = Window::open(vec![path]);
    window.wait_for_text("5 entries");
    window.press_row("9ccf5ee08beac559");
    window.wait_for_text("Credentials are left out");
    window.wait_for_text_part("session: <hidden>");
    window.press("Bytes");
    window.wait_for_text("Credentials stand among the bytes");
    assert!(window.harness.query_by_label("Find").is_none());
    window.press("Show");
    window.wait_for_text("Credentials are shown");
    window.press("Value");
    window.wait_for_text_part("session: top-secret-cookie");
    window.press("Hide");
    window.wait_for_text_part("session: <hidden>");
}
