//! The window: panels draw snapshots and push commands; nothing here reads a disk.

mod app;
mod clear;
mod command;
mod command_line;
mod dialogs;
mod export;
mod fonts;
mod handle;
mod panels;
mod receive;
mod session;
mod shortcuts;
mod state;
mod theme;
mod watch;
mod widgets;

pub use app::{App, Setup};

use std::path::PathBuf;

/// Opens the window on these paths; returns when it is closed.
///
/// # Errors
/// If there is no display, or no OpenGL on it.
pub fn run(paths: Vec<PathBuf>) -> anyhow::Result<()> {
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Cachescope")
            .with_app_id("cachescope")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([720.0, 480.0]),
        ..Default::default()
    };
    eframe::run_native(
        "cachescope",
        options,
        Box::new(move |cc| Ok(Box::new(App::new(cc, Setup::new(paths))))),
    )
    .map_err(|cause| anyhow::anyhow!("Cannot open the window: {cause}"))
}
