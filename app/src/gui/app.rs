//! The two hooks of eframe: `logic` takes in what jobs found and runs commands, `ui` draws and collects commands.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::jobs::Wake;
use cachescope_core::model::Time;
use cachescope_core::own::StateDir;

use super::command::{Command, Scale};
use super::picture::Pictures;
use super::session::Session;
use super::state::Saved;
use super::tour::Tour;
use super::{fonts, panels, theme};

/// Key of our part in eframe's storage.
const SAVED: &str = "cachescope";
/// Jobs get this long to stop when the window closes.
const CLOSE: Duration = Duration::from_millis(2500);
/// Watchers get this long to keep what they counted.
const KEEP: Duration = Duration::from_millis(500);
/// Progress is looked at five times a second.
const PROGRESS: Duration = Duration::from_millis(200);

/// What a window starts with.
pub struct Setup {
    /// Paths to open.
    pub paths: Vec<PathBuf>,
    /// Cachescope's own folder; `None` where there is none.
    pub own: Option<StateDir>,
    /// The clock that ages are counted to.
    pub clock: fn() -> Time,
    /// Folder for pictures of every page; the window takes them and closes.
    pub pictures: Option<PathBuf>,
    /// Called as well whenever a job has news; tests wait on it.
    pub wake: Option<Wake>,
}

impl Setup {
    /// These paths, the computer's clock.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self {
            paths,
            own: StateDir::default_place(),
            pictures: None,
            clock: Time::now,
            wake: None,
        }
    }
}

/// The window.
pub struct App {
    session: Session,
    commands: Vec<Command>,
    shown_title: String,
    pictures: Pictures,
    tour: Option<Tour>,
}

impl App {
    /// Restores what was saved and starts to open the paths.
    pub fn new(cc: &eframe::CreationContext<'_>, setup: Setup) -> Self {
        fonts::install(&cc.egui_ctx);
        theme::install(&cc.egui_ctx);
        let saved: Saved = cc
            .storage
            .and_then(|storage| eframe::get_value(storage, SAVED))
            .unwrap_or_default();
        // Paths that were named are what is wanted; without any the last session goes on.
        let (paths, shown) = if setup.paths.is_empty() {
            (saved.open.clone(), saved.shown.clone())
        } else {
            let whole = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
            (setup.paths.into_iter().map(whole).collect(), None)
        };
        let (first, first_store) = match shown {
            Some((path, store)) if paths.contains(&path) => (Some(path), Some(store)),
            _ => (paths.first().cloned(), None),
        };
        let first = first.filter(|_| paths.len() > 1);
        let ctx = cc.egui_ctx.clone();
        let also = setup.wake;
        let wake: Wake = Arc::new(move || {
            ctx.request_repaint();
            if let Some(also) = &also {
                also();
            }
        });
        let mut session = Session::new(saved, setup.own, setup.clock, wake);
        session.state.first = first;
        session.state.first_store = first_store;
        Self {
            session,
            commands: if setup.pictures.is_some() && paths.is_empty() {
                vec![Command::OpenSamples]
            } else {
                paths.into_iter().map(Command::Open).collect()
            },
            shown_title: String::new(),
            pictures: Pictures::new(),
            tour: setup.pictures.map(Tour::new),
        }
    }

    /// The window is called after the store on show.
    fn title(&mut self, ctx: &egui::Context) {
        let store = self.session.state.shown().map(|s| s.info.title());
        let title = store.map_or_else(
            || "Cachescope".to_owned(),
            |name| {
                format!(
                    "{} – Cachescope",
                    cachescope_core::model::text::shown(&name)
                )
            },
        );
        if self.shown_title != title {
            self.shown_title.clone_from(&title);
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title));
        }
    }

    fn run_commands(&mut self, ctx: &egui::Context) {
        for command in std::mem::take(&mut self.commands) {
            self.session.handle(command);
        }
        while let Some(text) = self.session.to_copy.pop_front() {
            ctx.copy_text(text);
        }
        match self.session.to_scale.take() {
            Some(Scale::Larger) => egui::gui_zoom::zoom_in(ctx),
            Some(Scale::Smaller) => egui::gui_zoom::zoom_out(ctx),
            Some(Scale::Usual) => ctx.set_zoom_factor(1.0),
            None => {}
        }
        for picture in std::mem::take(&mut self.session.to_picture) {
            self.pictures.take(ctx, picture);
        }
        for taken in self.pictures.poll() {
            if let Some(image) = self.session.pictured(taken) {
                ctx.copy_image(image);
            }
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.session.receive();
        self.session.see();
        self.session.answers();
        self.run_commands(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        ui.ctx().set_theme(self.session.state.saved.theme);
        let now = (self.session.clock)();
        let dropped = ui.input(|i| i.raw.dropped_files.clone());
        let opened = dropped.iter().map(|f| Command::Open(f.path().to_owned()));
        self.commands.extend(opened);
        self.title(ui.ctx());
        panels::window_ui(ui, &mut self.session, now, &mut self.commands);
        if let Some(tour) = &mut self.tour {
            tour.go_on(ui.ctx(), &self.session, &mut self.commands);
        }
        if !self.commands.is_empty() {
            ui.ctx().request_repaint();
        } else if self.session.jobs.running().next().is_some() {
            ui.ctx().request_repaint_after(PROGRESS);
        }
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        let state = &mut self.session.state;
        let mut open: Vec<PathBuf> = state
            .stores
            .iter()
            .map(|s| s.info.opened_as.clone())
            .collect();
        open.dedup();
        state.saved.open = open;
        let shown = state.shown().map(|s| &s.info);
        let shown = shown.map(|info| (info.opened_as.clone(), info.path.clone()));
        state.saved.shown = shown;
        eframe::set_value(storage, SAVED, &state.saved);
        // Made here and closed to others, before eframe makes it open to all. Where it cannot be made, eframe says so.
        if let Some(own) = &self.session.own {
            own.folder("").ok();
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.session.end_watches(KEEP);
        self.session.jobs.close(CLOSE);
    }
}
