//! Where folders are watched with all that lies below them: other systems than Linux, by way of notify.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use notify::event::{AccessKind, CreateKind, ModifyKind, RemoveKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::inbox::{Act, Inbox, Notice};
use super::senses::{Depth, Placed, Reach, Senses};
use crate::stores::Ground;
use crate::{Error, Result};

/// One watch on the whole store.
pub(super) struct Portable {
    _watcher: RecommendedWatcher,
}

impl Portable {
    /// Watches the ground and what lies below it.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn start(ground: &Ground, inbox: &Arc<Inbox>) -> Result<Self> {
        let fail = |e: notify::Error| {
            Error::io(
                "Cannot watch the store",
                &ground.folder,
                std::io::Error::other(e),
            )
        };
        let (inbox, own) = (Arc::clone(inbox), ground.clone());
        let hear = move |event: notify::Result<Event>| match event {
            Ok(event) if !event.need_rescan() => inbox.push(&mut notices_of(&event, &own)),
            _ => inbox.lose(),
        };
        let mut watcher = notify::recommended_watcher(hear).map_err(fail)?;
        let mode = if ground.prefix.is_some() {
            RecursiveMode::NonRecursive
        } else {
            RecursiveMode::Recursive
        };
        watcher.watch(&ground.folder, mode).map_err(fail)?;
        Ok(Self { _watcher: watcher })
    }
}

impl Senses for Portable {
    fn watch(&self, _path: &Path, _depth: Depth) -> Placed {
        Placed::Watched
    }

    fn reach(&self) -> Reach {
        Reach::default()
    }
}

fn notices_of(event: &Event, ground: &Ground) -> Vec<Notice> {
    let at = Instant::now();
    let notice = |path: &std::path::PathBuf| {
        let path = path.strip_prefix(&ground.folder).ok()?;
        let name = path.file_name().unwrap_or_default();
        let prefix = ground.prefix.as_deref().unwrap_or_default();
        let is_own = name
            .as_encoded_bytes()
            .starts_with(prefix.as_encoded_bytes());
        if !is_own && !name.is_empty() {
            return None;
        }
        Some(Notice {
            folder: path.parent().unwrap_or(path).into(),
            name: name.to_owned(),
            act: act_of(event.kind, name.is_empty())?,
            at,
        })
    };
    event.paths.iter().filter_map(notice).collect()
}

/// Where the system does not say what it was, a folder is assumed: that reads more than need be, never less.
fn act_of(kind: EventKind, is_ground: bool) -> Option<Act> {
    let act = match kind {
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From))
            if is_ground =>
        {
            Act::FolderGone
        }
        EventKind::Create(kind) => Act::Came {
            is_dir: kind != CreateKind::File,
            is_moved: false,
        },
        EventKind::Remove(kind) => Act::Gone {
            is_dir: kind != RemoveKind::File,
        },
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Act::Gone { is_dir: true },
        // Both ends come as reports of their own as well.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return None,
        EventKind::Modify(ModifyKind::Name(_)) => Act::Came {
            is_dir: true,
            is_moved: true,
        },
        EventKind::Access(AccessKind::Open(_)) => Act::Opened,
        EventKind::Access(AccessKind::Close(notify::event::AccessMode::Write))
        | EventKind::Modify(_)
        | EventKind::Any
        | EventKind::Other => Act::Written,
        EventKind::Access(_) => return None,
    };
    Some(act)
}
