//! Pictures of the window made by the window itself: for the README, and to look at every page in both colours.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use egui::{ColorImage, Context, ThemePreference, ViewportCommand, vec2};

use super::command::{Command, DialogKind, EntryCommand, TableCommand};
use super::session::Session;
use super::state::{EntryTab, Pick, Tab};

/// Frames without work before a picture is taken: what came last is drawn by then.
const QUIET: u32 = 6;
/// The room of a small and of a large screen.
const SIZES: [(&str, [f32; 2]); 2] = [("", [1440.0, 900.0]), ("-small", [1100.0, 700.0])];

/// One picture: what to do before it, and its name.
struct Step {
    name: String,
    commands: Vec<Command>,
    size: [f32; 2],
}

/// The pictures still to be taken.
pub(crate) struct Tour {
    folder: PathBuf,
    steps: VecDeque<Step>,
    is_prepared: bool,
    n_quiet: u32,
    send: SyncSender<Arc<ColorImage>>,
    receive: Receiver<Arc<ColorImage>>,
    is_waiting: bool,
}

impl Tour {
    /// Every page in both colours and both sizes, into `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        let (send, receive) = sync_channel(1);
        Self {
            folder,
            steps: steps(),
            is_prepared: false,
            n_quiet: 0,
            send,
            receive,
            is_waiting: false,
        }
    }

    /// Goes one frame further; closes the window after the last picture.
    pub(crate) fn go_on(&mut self, ctx: &Context, session: &Session, out: &mut Vec<Command>) {
        ctx.request_repaint();
        if let Ok(image) = self.receive.try_recv() {
            self.is_waiting = false;
            self.is_prepared = false;
            if let Some(step) = self.steps.pop_front() {
                let path = self.folder.join(format!("{}.png", step.name));
                if let Err(why) = save(&path, &image) {
                    log::error!("{}: {why}", path.display());
                }
            }
        }
        let Some(step) = self.steps.front() else {
            ctx.send_viewport_cmd(ViewportCommand::Close);
            return;
        };
        let is_busy = session.jobs.running().next().is_some()
            || session
                .state
                .shown()
                .is_none_or(|s| !s.snapshot.is_complete);
        self.n_quiet = if is_busy { 0 } else { self.n_quiet + 1 };
        if self.is_waiting || self.n_quiet < QUIET {
            return;
        }
        self.n_quiet = 0;
        if self.is_prepared {
            let send = self.send.clone();
            // The window may be closed before the picture is there.
            ctx.request_screenshot(move |image| drop(send.try_send(image)));
            self.is_waiting = true;
        } else {
            let [width, height] = step.size;
            ctx.send_viewport_cmd(ViewportCommand::InnerSize(vec2(width, height)));
            let largest = session.state.stores.iter();
            let largest = largest.max_by_key(|s| s.snapshot.totals.bytes);
            out.extend(largest.map(|s| Command::Show(s.info.id)));
            out.extend(step.commands.iter().cloned());
            self.is_prepared = true;
        }
    }
}

fn steps() -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    for (suffix, size) in SIZES {
        for (theme, preference) in [
            ("dark", ThemePreference::Dark),
            ("light", ThemePreference::Light),
        ] {
            for (page, commands) in pages() {
                let mut all = vec![Command::Theme(preference)];
                all.extend(commands);
                steps.push_back(Step {
                    name: format!("{page}-{theme}{suffix}"),
                    commands: all,
                    size,
                });
            }
        }
    }
    steps
}

/// Each page with what leads to it.
fn pages() -> Vec<(&'static str, Vec<Command>)> {
    let select = |at| Command::Table(TableCommand::Select(Pick::Only(at)));
    let side = |tab| Command::Entry(EntryCommand::Tab(tab));
    vec![
        ("overview", vec![Command::Tab(Tab::Overview)]),
        (
            "health",
            vec![Command::Revalidate(None), Command::Tab(Tab::Health)],
        ),
        (
            "entries",
            vec![Command::Tab(Tab::Entries), select(0), side(EntryTab::Value)],
        ),
        ("code", vec![side(EntryTab::Code)]),
        ("calls", vec![side(EntryTab::Calls)]),
        ("bytes", vec![side(EntryTab::Bytes)]),
        ("palette", vec![Command::Dialog(Some(DialogKind::Palette))]),
        ("export", vec![Command::Dialog(Some(DialogKind::Export))]),
        ("about", vec![Command::Dialog(Some(DialogKind::About))]),
        (
            "found",
            vec![
                Command::Dialog(None),
                side(EntryTab::Value),
                Command::Query("size>100kB".to_owned()),
            ],
        ),
        ("done", vec![Command::Query(String::new())]),
    ]
}

fn save(path: &Path, image: &ColorImage) -> image::ImageResult<()> {
    let side = |n: usize| u32::try_from(n).unwrap_or(0);
    let [width, height] = image.size;
    let bytes: Vec<u8> = image
        .pixels
        .iter()
        .flat_map(egui::Color32::to_array)
        .collect();
    image::save_buffer(
        path,
        &bytes,
        side(width),
        side(height),
        image::ColorType::Rgba8,
    )
}
