//! The open folders that a clear works in, found again by their real paths and known by device and inode.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::plan::{Base, Fresh, Plan};
use crate::error::plain_io;
use crate::model::StoreInfo;
use crate::source::{Dir, FileType};
use crate::stores::Store;
use crate::{Error, Result};

/// Where entries lie and where they may be moved to.
pub(in super::super) struct Site {
    /// Asked where its entries lie; never used to change anything.
    pub(in super::super) store: Store,
    /// The folder that the opened path lies in: the quarantine's place.
    pub(in super::super) parent: Dir,
    /// The folder that paths of entries are relative to.
    pub(in super::super) base: Dir,
    /// Its device: nothing on another one is touched.
    pub(in super::super) dev: u64,
    /// The store, below `parent`.
    pub(in super::super) store_path: PathBuf,
    /// The opened path, below `parent`.
    pub(in super::super) opened_path: PathBuf,
    /// `base`, below `parent`.
    pub(in super::super) base_path: PathBuf,
    /// What becomes of what may be somebody's work in progress.
    pub(in super::super) fresh: Fresh,
    /// The person's word that no program uses the store.
    pub(in super::super) is_unused: bool,
}

impl Site {
    /// Opens the folders of a plan; none of them may have become a link or another folder since it was made.
    pub(in super::super) fn open(plan: &Plan) -> Result<Self> {
        let site = Self::find(&plan.info()?)?;
        let meta = site
            .base
            .stat_self()
            .map_err(|e| Error::io("Cannot clear the store", &plan.store, e))?;
        let found = Base {
            dev: meta.dev,
            ino: meta.ino,
        };
        if found != plan.base {
            return Err(Error::changed(
                "Nothing was cleared",
                "another folder stands in the store's place now",
            )
            .at(&plan.store)
            .hint("List the store again and make a new plan"));
        }
        Ok(Self {
            fresh: plan.fresh,
            is_unused: plan.is_unused,
            ..site
        })
    }

    /// Opens the folders of a store; no part of their paths may be a link.
    pub(in super::super) fn find(info: &Arc<StoreInfo>) -> Result<Self> {
        let fail = |e| Error::io("Cannot change the store", &info.path, e);
        let outer = info.opened_as.parent().unwrap_or(Path::new("/"));
        let parent = Dir::open_exact(outer).map_err(fail)?;
        let store_path = below(&info.path, outer)?.to_owned();
        let inner = store_path.parent().unwrap_or(Path::new("")).to_owned();
        let holder = parent.open_below(&inner).map_err(fail)?;
        let is_dir = store_path.file_name().is_some_and(|name| {
            holder
                .stat(name)
                .is_ok_and(|m| m.file_type == FileType::Dir)
        });
        let (base, base_path) = if is_dir {
            (
                parent.open_below(&store_path).map_err(fail)?,
                store_path.clone(),
            )
        } else {
            (holder, inner)
        };
        Ok(Self {
            opened_path: below(&info.opened_as, outer)?.to_owned(),
            store: Store::open(info)?,
            dev: base.stat_self().map_err(fail)?.dev,
            parent,
            base,
            store_path,
            base_path,
            fresh: Fresh::Stays,
            is_unused: false,
        })
    }

    /// Refuses where nothing can be moved aside.
    pub(in super::super) fn can_keep(&self) -> Result<()> {
        let refuse = |why: &str| {
            Err(Error::refused(
                "Nothing is cleared, as entries cannot be moved aside for undo",
                why,
            )
            .at(self.parent.path())
            .hint("--permanent clears without undo"))
        };
        let dev = self
            .parent
            .stat_self()
            .map_err(|e| Error::io("Cannot clear the store", self.parent.path(), e))?
            .dev;
        if dev != self.dev {
            return refuse("the folder beside the store lies on another file system");
        }
        match super::super::disk::may_write(&self.parent) {
            Ok(()) => Ok(()),
            Err(e) => refuse(&format!(
                "the folder beside the store may not be changed: {}",
                plain_io(&e)
            )),
        }
    }
}

/// `path` below `parent`, in plain names.
fn below<'p>(path: &'p Path, parent: &Path) -> Result<&'p Path> {
    path.strip_prefix(parent).map_err(|_outside| {
        Error::refused(
            "Cannot clear the store",
            "it does not lie below the path that was opened",
        )
        .at(path)
    })
}
