//! Saved keys: taken back by their file, unless the program has stored newer ones.

use std::io;
use std::path::Path;

use super::super::apply::Stays;
use super::super::journal::Entry;
use super::super::keys::{self, Coming, For, Insert};
use super::held_rows::HeldRows;
use super::{Mechanism, Way};
use crate::Error;
use crate::sqlite::Cell;
use crate::stores::{KeyForm, KeyRemoval, Removal};

type Result<T = (), E = Stays> = std::result::Result<T, E>;

/// The mechanism for [`Removal::Key`].
pub(super) struct Keys<'a> {
    held: HeldRows<'a>,
    /// The form of the file that keys were put back into last.
    form: Option<KeyForm>,
    /// Why it is not known whether what is back is so on the disk.
    unconfirmed: Option<Error>,
}

impl Mechanism for Keys<'_> {
    fn batch(&self, n_held: usize) -> usize {
        keys::batch(self.form, n_held)
    }

    fn put(&mut self, entries: &[&Entry]) -> Vec<Result> {
        match self.put_all(entries) {
            Ok(outcomes) => outcomes,
            Err(error) => entries
                .iter()
                .map(|_| Err(stays(error.repeated())))
                .collect(),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let why = self.unconfirmed.take();
        why.map_or(Ok(()), |error| Err(io::Error::other(error.message())))
    }
}

/// A key as it was saved.
struct Kept {
    n: usize,
    key: Vec<u8>,
    value: Vec<u8>,
    mark: i64,
}

impl<'a> Keys<'a> {
    pub(super) fn new(way: Way<'a>) -> Self {
        Self {
            held: HeldRows::new(way),
            form: None,
            unconfirmed: None,
        }
    }

    fn put_all(&mut self, entries: &[&Entry]) -> crate::Result<Vec<Result>> {
        let Some(first) = entries.first() else {
            return Ok(Vec::new());
        };
        let removal = self.removal(first)?;
        self.form = Some(removal.form);
        // One that cannot be read keeps no other from coming back.
        let loaded: Vec<_> = entries.iter().map(|entry| self.load(entry)).collect();
        let base = self.held.folder(Path::new(""))?;
        let mut file = keys::open(
            &base,
            &removal,
            For::Changing {
                shelf: Some(self.held.way.shelf),
                is_unused: false,
            },
        )?;
        let keys = loaded.iter().filter_map(|key| key.as_ref().ok());
        let coming: Vec<Coming<'_>> = keys.map(Kept::coming).collect();
        let mut inserted = file.insert(&coming).into_iter();
        let mut unsure = file.sync().err();
        let mut outcomes = Vec::new();
        let mut back = Vec::new();
        for key in &loaded {
            let outcome = match key {
                Ok(key) => match inserted.next() {
                    Some(Err(error)) if key.is_there(&mut *file).is_ok() => {
                        unsure.get_or_insert(error);
                        Ok(())
                    }
                    Some(inserted) => key.outcome(inserted, &mut *file),
                    None => Err(Stays::because("it was not reached")),
                },
                Err(error) => Err(stays(error.repeated())),
            };
            if let (Ok(key), Ok(())) = (key, &outcome) {
                back.push(key.n);
            }
            outcomes.push(outcome);
        }
        // Keys that are back as far as programs see are held until the disk has them.
        let settled = unsure.map_or_else(|| self.held.forget(&back), Err);
        if let Err(error) = settled {
            self.unconfirmed.get_or_insert(error);
        }
        Ok(outcomes)
    }

    fn removal(&mut self, entry: &Entry) -> crate::Result<KeyRemoval> {
        match self.held.removal(entry)? {
            Removal::Key(removal) => Ok(removal),
            _ => Err(Error::damaged(
                "Cannot bring the entry back",
                "it is no key",
            )),
        }
    }

    fn load(&mut self, entry: &Entry) -> crate::Result<Kept> {
        let rows = self.held.rows(entry)?;
        Kept::of(entry.n, rows.into_iter().next().map(|row| row.cells)).ok_or_else(|| {
            Error::damaged(
                "Cannot bring the entry back",
                "what was saved of it is no key and value",
            )
        })
    }
}

impl Kept {
    fn of(n: usize, cells: Option<Vec<Cell>>) -> Option<Self> {
        let [Cell::Blob(key), Cell::Blob(value), Cell::Integer(mark)] =
            <[Cell; 3]>::try_from(cells?).ok()?
        else {
            return None;
        };
        Some(Self {
            n,
            key,
            value,
            mark,
        })
    }

    fn coming(&self) -> Coming<'_> {
        Coming {
            key: &self.key,
            value: &self.value,
            mark: self.mark,
        }
    }

    /// What came of putting it back.
    fn outcome(&self, inserted: crate::Result<Insert>, file: &mut dyn keys::Keys) -> Result {
        match inserted {
            Ok(Insert::Done) => Ok(()),
            Ok(Insert::IsThere) => self.is_there(file),
            Ok(Insert::NoRoom) => Err(Stays::because(
                "there is no room beside its neighbours, and only the program's own library makes some: it stays held. Let \
                 the program add or delete a few keys, then undo again",
            )),
            Err(error) => Err(stays(error)),
        }
    }

    /// The same value was put back by an undo that was cut short; another one is the program's.
    fn is_there(&self, file: &mut dyn keys::Keys) -> Result {
        let found = file.find(&self.key).map_err(stays)?;
        let now = found
            .map(|found| file.value(&self.key, &found))
            .transpose()
            .map_err(stays)?;
        if now.as_ref() == Some(&self.value) {
            return Ok(());
        }
        Err(Stays::because("the program has stored a newer one since"))
    }
}

fn stays(error: Error) -> Stays {
    if error.is_refused() {
        return Stays::because(error.message());
    }
    Stays::Failed(error.hint("It is still held aside"))
}
