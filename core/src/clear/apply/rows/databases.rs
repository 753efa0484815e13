//! The databases of a store: looked at without a change, and opened to be changed, one of each at a time.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::super::plan::Act;
use super::super::Site;
use crate::model::Cancel;
use crate::source::Dir;
use crate::sqlite::{Changing, Database, Failure};
use crate::{Error, Result};

pub(super) struct Databases<'a> {
    site: &'a Site,
    act: Act,
    open: Option<(PathBuf, Changing)>,
    /// The database looked at last, without changing it.
    viewed: Option<(PathBuf, Database)>,
}

impl<'a> Databases<'a> {
    pub(super) fn new(site: &'a Site, act: Act) -> Self {
        Self {
            site,
            act,
            open: None,
            viewed: None,
        }
    }

    /// The folder of a database below the store, and its name there.
    pub(super) fn place(&self, database: &Path) -> Result<(Dir, OsString)> {
        let folder = database.parent().unwrap_or(Path::new(""));
        let base = &self.site.base;
        let dir = base
            .open_below(folder)
            .map_err(|e| Error::io("Cannot open the database", &base.path().join(database), e))?;
        Ok((dir, database.file_name().unwrap_or_default().to_owned()))
    }

    /// Reads by the door that changes nothing.
    pub(super) fn view<T>(
        &mut self,
        database: &Path,
        mut read: impl FnMut(&Connection) -> Result<T, Failure>,
    ) -> Result<T> {
        let view = match &self.viewed {
            Some((path, view)) if path == database => view,
            _ => {
                let (dir, name) = self.place(database)?;
                let view = Database::new(dir, &name);
                &self.viewed.insert((database.to_owned(), view)).1
            }
        };
        view.read(&Cancel::default(), |view| read(view.connection))
    }

    /// Opens a database to change it; [`Databases::keep`] takes it back.
    pub(super) fn open(&mut self, database: &Path) -> Result<(Dir, Changing)> {
        let (dir, name) = self.place(database)?;
        match self.open.take() {
            Some((open, changing)) if open == database => Ok((dir, changing)),
            _ => {
                let changing = Changing::open(&dir, &name)?;
                if self.act.is_clear() {
                    // As undo does, whose means are asked for here.
                    changing.ignore_checks()?;
                }
                Ok((dir, changing))
            }
        }
    }

    /// Keeps a database open for the next batch.
    pub(super) fn keep(&mut self, database: &Path, changing: Changing) {
        self.open = Some((database.to_owned(), changing));
    }
}
