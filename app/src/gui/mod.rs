//! The window: panels draw snapshots and push commands; nothing here reads a disk.

mod actions;
mod app;
mod bidi;
mod body;
mod clear;
mod code;
mod columns;
mod command;
mod command_line;
mod compact;
mod compare;
mod dialogs;
mod files;
mod fonts;
mod handle;
mod keep;
mod outside;
mod panels;
mod picture;
mod policy;
mod receive;
mod session;
mod shortcuts;
mod state;
mod theme;
mod tour;
mod watch;
mod widgets;

pub use app::{App, Setup};

/// Opens the window; returns when it is closed.
///
/// # Errors
/// If there is no display, or no OpenGL on it.
pub fn run(setup: Setup) -> anyhow::Result<()> {
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Cachescope")
            .with_app_id("cachescope")
            .with_icon(icon())
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([720.0, 480.0]),
        // Beside everything else that is kept between runs.
        persistence_path: setup.own.as_ref().map(|own| own.path().join("app.ron")),
        ..Default::default()
    };
    eframe::run_native(
        "cachescope",
        options,
        Box::new(move |cc| Ok(Box::new(App::new(cc, setup)))),
    )
    .map_err(|cause| anyhow::anyhow!("Cannot open the window: {}", why(&cause)))
}

/// The reason as people know it: the window library names lines of its own source.
fn why(cause: &eframe::Error) -> String {
    let is_unreachable = matches!(
        cause,
        eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_)
    );
    if !is_unreachable {
        return cause.to_string();
    }
    log::debug!("{cause}");
    let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let displays: Vec<String> = ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"]
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", named(name)?)))
        .collect();
    if displays.is_empty() {
        "there is no display (WAYLAND_DISPLAY, WAYLAND_SOCKET and DISPLAY are not set)".to_owned()
    } else {
        format!("the display cannot be reached ({})", displays.join(", "))
    }
}

/// The icon of the window, for systems that do not take it from the desktop file.
fn icon() -> egui::IconData {
    const PNG: &[u8] = include_bytes!("../../../assets/icon/cachescope-128.png");
    // Our own file: should it ever not decode, the system's default icon shows.
    eframe::icon_data::from_png_bytes(PNG).unwrap_or_default()
}
