//! The overview's charts: stepped through, gone into, shown over all stores, brushed, copied as a picture.

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Color32, ColorImage, Key, Modifiers, OutputCommand, ViewportCommand, ViewportId};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::JOBLIB;
use super::window::{Window, fixture};

fn overview(window: &mut Window) {
    window.press_labelled(Role::Tab, "Overview");
    window.wait_for_text_part("Treemap: area is bytes");
    window.wait_for_quiet();
}

fn focus(window: &mut Window, name: &str) {
    window.wait_for_text_part(name);
    let mut nodes = window.harness.query_all_by_label_contains(name);
    nodes.next().expect("waited for").focus();
    drop(nodes);
    window.harness.run_ok();
}

#[test]
fn arrows_step_through_the_treemap_and_select_everywhere() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    overview(&mut window);
    focus(&mut window, "Treemap: area is bytes");
    window.key(Modifiers::NONE, Key::ArrowRight);
    window.wait_for_text_part("Selected 1 entry");
    let said = |window: &Window| {
        let mut nodes = window.harness.query_all_by_label_contains("Treemap: area");
        nodes
            .next()
            .and_then(|n| n.accesskit_node().label())
            .unwrap()
    };
    let first = said(&window);
    window.key(Modifiers::NONE, Key::ArrowRight);
    window.wait_for(|h| {
        let label = h.query_all_by_label_contains("Treemap: area").next();
        label.and_then(|n| n.accesskit_node().label()) != Some(first.clone())
    });
    // Into the function and out again.
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for_text("›");
    window.key(Modifiers::NONE, Key::Backspace);
    window.wait_for(|h| h.query_by_label("›").is_none());
}

#[test]
fn the_treemap_shows_all_stores_and_goes_into_one() {
    let (_temp, path) = fixture(JOBLIB);
    let (_other, second) = fixture("sqlite/plain/tables.db");
    let mut window = Window::open(vec![path, second]);
    window.wait_for_row("features.compressed");
    overview(&mut window);
    window.press("All stores");
    window.wait_for_quiet();
    window.run_command("Show one store in the treemap");
    window.wait_for_text("All stores");
    focus(&mut window, "Treemap: area is bytes");
    window.key(Modifiers::NONE, Key::Backspace);
    window.wait_for_quiet();
    // From tile to tile one comes into the other store, which then shows.
    for _ in 0..60 {
        window.key(Modifiers::NONE, Key::ArrowRight);
        window.key(Modifiers::NONE, Key::ArrowDown);
    }
    window.wait_for_quiet();
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for(|h| {
        h.query_all_by_label("All stores")
            .any(|n| n.accesskit_node().role() == Role::Link)
    });
}

#[test]
fn bars_are_marked_by_keys_and_become_a_query() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    overview(&mut window);
    focus(&mut window, "Entries by size: most in");
    window.key(Modifiers::NONE, Key::ArrowLeft);
    window.wait_for_text_part("Entries by size: at");
    window.key(Modifiers::SHIFT, Key::ArrowRight);
    window.wait_for_text_part(" up to ");
    window.key(Modifiers::NONE, Key::Enter);
    window.wait_for_text_part(" of 57 entries");
    let field = window
        .harness
        .get_by_role_and_label(Role::TextInput, "Query");
    let query = field.value().unwrap_or_default();
    assert!(
        query.contains("size>=") && query.contains("size<"),
        "{query}"
    );
}

/// Clicks without a frame: what that asks for is looked for in each of the next ones.
fn click(window: &Window, label: &str) {
    let mut named = window.harness.query_all_by_label(label);
    named.next().expect("on show").click();
}

/// Gives the window a picture of its screen, as the graphics card would.
fn develop(window: &mut Window) {
    for _ in 0..8 {
        let output = window.harness.output();
        let root = output.viewport_output.get(&ViewportId::ROOT);
        let asked = root
            .expect("a window")
            .commands
            .iter()
            .find_map(|command| match command {
                ViewportCommand::Screenshot(asked) => Some(asked.clone()),
                _ => None,
            });
        if let Some(asked) = asked {
            let screen = ColorImage::filled([1440, 900], Color32::RED);
            asked.complete(Arc::new(screen));
            window.harness.step();
            return;
        }
        window.harness.step();
    }
    panic!("no picture was asked for");
}

#[test]
fn a_chart_is_copied_and_saved_as_a_picture() {
    let (temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    overview(&mut window);
    window.press("Picture of the Entries by size");
    click(&window, "Copy as a picture");
    develop(&mut window);
    let commands = &window.harness.output().platform_output.commands;
    let image = commands.iter().find_map(|command| match command {
        OutputCommand::CopyImage(image) => Some(image.size),
        _ => None,
    });
    let [width, height] = image.expect("an image on the clipboard");
    assert!(
        width > 200 && width < 600 && height > 80 && height < 300,
        "{width} x {height}"
    );
    window.wait_for_text_part("Copied a picture");

    window.press("Picture of the treemap");
    click(&window, "Save as a picture…");
    develop(&mut window);
    let file = temp.path().join("treemap.png");
    window.type_into("File", file.to_str().unwrap());
    window.press("Save");
    window.wait_for_text_part("Saved as");
    let saved = image::open(&file).unwrap();
    assert!(saved.width() > 800, "{}", saved.width());
}

#[test]
fn changed_code_is_not_called_unchanged_where_it_was_never_compared() {
    let (_temp, path) = fixture(JOBLIB);
    let mut window = Window::open(vec![path]);
    window.wait_for_text("57 entries");
    window.press("Code has changed");
    window.wait_for_text("Code was not compared yet");
    window.wait_for_text_part("the function that made it has changed since");
    window.type_into("Folder of today's functions", "/nowhere/at/all");
    window.press("Revalidate this store");
    window.wait_for_text_part("/nowhere/at/all");
}
