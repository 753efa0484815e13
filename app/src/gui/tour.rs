//! Pictures of the window made by the window itself: for the README, and to look at every page in both colours.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use egui::{ColorImage, Context, ThemePreference, ViewportCommand, vec2};

use super::command::{Command, CompareCommand, DialogKind, EntryCommand, TableCommand};
use super::picture;
use super::session::Session;
use super::state::{ComparePage, EntryTab, Pick, Tab};

/// Frames without work before a picture is taken: what came last is drawn by then.
const QUIET: u32 = 6;
/// The room that the README's pictures show, that of a small screen, and that of a large one.
const SIZES: [(&str, [f32; 2]); 3] = [
    ("", [1440.0, 900.0]),
    ("-small", [1100.0, 700.0]),
    ("-large", [1920.0, 1080.0]),
];

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
    let n_pages = pages().len();
    for (suffix, size) in SIZES {
        for (theme, preference) in [
            ("dark", ThemePreference::Dark),
            ("light", ThemePreference::Light),
        ] {
            for (page, commands) in pages() {
                let mut all = vec![Command::Theme(preference)];
                all.extend(commands);
                // What was measured once is there for every other picture.
                all.retain(|command| steps.len() < n_pages || !is_measuring(command));
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

fn is_measuring(command: &Command) -> bool {
    use CompareCommand::{Measure, WhatIf};
    matches!(command, Command::Compare(Measure | WhatIf))
}

/// Each page with what leads to it.
fn pages() -> Vec<(&'static str, Vec<Command>)> {
    let select = |at| Command::Table(TableCommand::Select(Pick::Only(at)));
    let side = |tab| Command::Entry(EntryCommand::Tab(tab));
    vec![
        ("overview", vec![Command::Tab(Tab::Overview)]),
        ("stores", vec![Command::Across(true)]),
        (
            "health",
            vec![
                Command::Across(false),
                Command::Revalidate(None),
                Command::Tab(Tab::Health),
            ],
        ),
        ("activity", vec![Command::Tab(Tab::Activity)]),
        (
            "sides",
            vec![
                Command::Tab(Tab::Compare),
                Command::Compare(CompareCommand::Page(ComparePage::Sides)),
                Command::Compare(CompareCommand::Measure),
            ],
        ),
        (
            "what-if",
            vec![
                Command::Compare(CompareCommand::Page(ComparePage::WhatIf)),
                Command::Compare(CompareCommand::WhatIf),
            ],
        ),
        (
            "convert",
            vec![Command::Compare(CompareCommand::AskConvert(0))],
        ),
        (
            "entries",
            vec![
                Command::Dialog(None),
                Command::Tab(Tab::Entries),
                select(0),
                side(EntryTab::Value),
            ],
        ),
        ("code", vec![side(EntryTab::Code)]),
        ("calls", vec![side(EntryTab::Calls)]),
        ("bytes", vec![side(EntryTab::Bytes)]),
        ("palette", vec![Command::Dialog(Some(DialogKind::Palette))]),
        ("export", vec![Command::Dialog(Some(DialogKind::Export))]),
        ("keys", vec![Command::Dialog(Some(DialogKind::Shortcuts))]),
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

#[expect(
    clippy::disallowed_methods,
    reason = "into the folder that --pictures names"
)]
fn save(path: &Path, image: &ColorImage) -> Result<(), String> {
    let png = picture::png(image)?;
    std::fs::write(path, png).map_err(|why| why.to_string())
}
