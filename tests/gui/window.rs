//! A window without a screen: eframe's app in egui's test harness, with a clock and a theme that stand still.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use cachescope::gui::{App, Setup};
use cachescope_core::model::Time;
use cachescope_core::own::StateDir;
use egui::accesskit::Role;
use egui::{Key, Modifiers, Theme};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use egui_kittest::{Harness, HarnessBuilder};
use tempfile::TempDir;

use crate::support::fixtures;

/// Longer than any job here takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(3);

/// A copy of a committed store, and its path.
pub(crate) fn fixture(path: &str) -> (TempDir, PathBuf) {
    let all = fixtures::all();
    let found = all.iter().find(|f| f.opened().ends_with(path));
    found.expect("a fixture of that path").copy()
}

/// A day after the fixtures were written.
fn noon() -> Time {
    Time::from_unix(1_795_550_000, 0)
}

/// The window under test.
pub(crate) struct Window {
    pub(crate) harness: Harness<'static, App>,
    woken: Receiver<()>,
    /// Cachescope's own folder for this test.
    own: TempDir,
}

impl Window {
    /// Opens the window on these paths, dark, 1440 by 900.
    pub(crate) fn open(paths: Vec<PathBuf>) -> Self {
        Self::with(paths, Theme::Dark, [1440.0, 900.0])
    }

    pub(crate) fn with(paths: Vec<PathBuf>, theme: Theme, size: [f32; 2]) -> Self {
        let own = TempDir::new().expect("a temporary folder");
        Self::made(paths, own, |builder| {
            builder.with_size(size).with_theme(theme)
        })
    }

    /// For letters that the system has and the fonts of the tests have not: they show as boxes.
    pub(crate) fn with_boxes(paths: Vec<PathBuf>) -> Self {
        let own = TempDir::new().expect("a temporary folder");
        Self::made(paths, own, |builder| {
            builder.with_size([1440.0, 900.0]).allow_missing_glyphs()
        })
    }

    /// Opens it again with what an earlier window left in Cachescope's own folder.
    pub(crate) fn with_own(paths: Vec<PathBuf>, own: TempDir) -> Self {
        Self::made(paths, own, |builder| {
            builder.with_size([1440.0, 900.0]).with_theme(Theme::Dark)
        })
    }

    fn made(
        paths: Vec<PathBuf>,
        own: TempDir,
        dress: impl FnOnce(HarnessBuilder<App>) -> HarnessBuilder<App>,
    ) -> Self {
        let (send, woken) = sync_channel(1);
        let wake = Arc::new(move || {
            // One token is enough: the window looks at everything that came.
            send.try_send(()).ok();
        });
        let setup = Setup {
            paths,
            own: Some(StateDir::at(own.path())),
            clock: noon,
            pictures: None,
            wake: Some(wake),
        };
        let harness = dress(Harness::builder())
            .with_max_steps(16)
            .build_eframe(|cc| App::new(cc, setup));
        Self {
            harness,
            woken,
            own,
        }
    }

    /// Closes the window as a person does; what it keeps between runs is in the folder.
    pub(crate) fn close(mut self) -> TempDir {
        eframe::App::on_exit(self.harness.state_mut(), None);
        self.own
    }

    /// True if anything calls for a look within that time.
    pub(crate) fn is_woken_within(&self, time: Duration) -> bool {
        // What was called before is seen already.
        self.woken.try_recv().ok();
        self.woken.recv_timeout(time).is_ok()
    }

    /// Draws until the condition holds, waiting for jobs in between.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, holds: impl Fn(&Harness<'static, App>) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            self.harness.run_ok();
            if holds(&self.harness) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited in vain; the window shows:\n{}",
                self.text()
            );
            // A wake may come just before we listen: look again a few times a second.
            self.woken
                .recv_timeout(left.min(Duration::from_millis(200)))
                .ok();
        }
    }

    #[track_caller]
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        self.wait_for(|h| h.query_all_by_label(text).next().is_some());
    }

    #[track_caller]
    pub(crate) fn wait_for_text_part(&mut self, text: &str) {
        self.wait_for(|h| h.query_all_by_label_contains(text).next().is_some());
    }

    /// Waits for a line of the table whose name begins so.
    #[track_caller]
    pub(crate) fn wait_for_row(&mut self, name: &str) {
        self.wait_for(|h| row(h, name).is_some());
    }

    /// Clicks a line of the table.
    #[track_caller]
    pub(crate) fn press_row(&mut self, name: &str) {
        self.wait_for_row(name);
        row(&self.harness, name).expect("waited for").click();
        self.harness.run_ok();
    }

    /// Clicks a line of the table with the other button.
    #[track_caller]
    pub(crate) fn press_row_secondary(&mut self, name: &str) {
        self.wait_for_row(name);
        row(&self.harness, name)
            .expect("waited for")
            .click_secondary();
        self.harness.run_ok();
    }

    /// Clicks the widget of that name.
    #[track_caller]
    pub(crate) fn press(&mut self, label: &str) {
        self.wait_for_text(label);
        let named = self.harness.query_all_by_label(label).last();
        named.expect("waited for").click();
        self.harness.run_ok();
    }

    /// Clicks the widget whose name has this in it.
    #[track_caller]
    pub(crate) fn press_part(&mut self, label: &str) {
        self.wait_for_text_part(label);
        let named = self.harness.query_all_by_label_contains(label).last();
        named.expect("waited for").click();
        self.harness.run_ok();
    }

    /// Clicks the widget of that role and name.
    #[track_caller]
    pub(crate) fn press_labelled(&mut self, role: Role, label: &str) {
        self.wait_for(|h| h.query_by_role_and_label(role, label).is_some());
        self.harness.get_by_role_and_label(role, label).click();
        self.harness.run_ok();
    }

    /// Runs a command by its whole name, if the palette has it now; true if it has.
    pub(crate) fn try_command(&mut self, name: &str) -> bool {
        self.key(Modifiers::COMMAND, Key::K);
        self.type_into("Command", name);
        let option = self
            .harness
            .query_by_role_and_label(Role::ListBoxOption, name);
        let is_offered = option.map(|option| option.click()).is_some();
        if is_offered {
            self.harness.run_ok();
        } else {
            self.key(Modifiers::NONE, Key::Escape);
        }
        is_offered
    }

    /// Runs a command by its whole name, from the palette.
    #[track_caller]
    pub(crate) fn run_command(&mut self, name: &str) {
        self.key(Modifiers::COMMAND, Key::K);
        self.type_into("Command", name);
        self.press_labelled(Role::ListBoxOption, name);
    }

    /// Replaces the text of a field.
    #[track_caller]
    pub(crate) fn type_into(&mut self, field: &str, text: &str) {
        self.wait_for(|h| h.query_by_role_and_label(Role::TextInput, field).is_some());
        let node = self.harness.get_by_role_and_label(Role::TextInput, field);
        node.focus();
        self.harness.run_ok();
        self.key(Modifiers::COMMAND, Key::A);
        self.key(Modifiers::NONE, Key::Backspace);
        if !text.is_empty() {
            let node = self.harness.get_by_role_and_label(Role::TextInput, field);
            node.type_text(text);
        }
        self.harness.run_ok();
    }

    pub(crate) fn key(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_ok();
    }

    /// When egui wants to draw again; `MAX` for never.
    pub(crate) fn repaint_delay(&self) -> Duration {
        let output = self.harness.output();
        let root = output.viewport_output.get(&egui::ViewportId::ROOT);
        root.expect("the window").repaint_delay
    }

    /// Waits until nothing is at work and nothing wants to be drawn again.
    #[track_caller]
    pub(crate) fn wait_for_quiet(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            self.harness.run_ok();
            if self.repaint_delay() == Duration::MAX {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "never quiet; the window shows:\n{}",
                self.text()
            );
            self.woken.recv_timeout(Duration::from_millis(50)).ok();
        }
    }

    /// Everything that a screen reader could say, one widget a line.
    pub(crate) fn text(&self) -> String {
        let root = self.harness.root();
        let lines = root.children_recursive().filter_map(|node| {
            let node = node.accesskit_node();
            let said = node.label().or(node.value())?;
            Some(format!("{:?} {said}", node.role()))
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Lines of tables on screen that say so.
pub(crate) fn rows(harness: &Harness<'static, App>, words: &str) -> usize {
    let said = |label: String| words.split(' ').all(|word| label.contains(word));
    harness
        .query_all_by_role(Role::Row)
        .filter(|node| node.accesskit_node().label().is_some_and(said))
        .count()
}

fn row<'a>(harness: &'a Harness<'static, App>, name: &str) -> Option<egui_kittest::Node<'a>> {
    harness.query_all_by_role(Role::Row).find(|node| {
        node.accesskit_node()
            .label()
            .is_some_and(|l| l.starts_with(name))
    })
}
