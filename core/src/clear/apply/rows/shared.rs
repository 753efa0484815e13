//! Value files that several rows name: with one row out, the others would be without their value.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::Connection;
use xxhash_rust::xxh3::xxh3_64;

use super::super::super::rows::alias;
use super::super::super::value_file::ValueFile;
use super::super::Stays;
use crate::sqlite::{Cell, Failure, quote};
use crate::stores::RowRules;

/// Rows looked at in one go: a database without a write-ahead log takes no writes meanwhile.
const PAGE_ROWS: usize = 8192;

/// Hashes of some rows' file names, and the number from which on the rest stand.
pub(super) type Page = (Vec<u64>, Option<i64>);

/// The names of more than one row, by their hashes.
#[derive(Debug)]
pub(super) struct SharedFiles(HashSet<u64>);

impl SharedFiles {
    /// Goes through all rows; `read` calls [`page`] with the number it is given.
    pub(super) fn find(
        mut read: impl FnMut(i64) -> crate::Result<Page>,
    ) -> crate::Result<SharedFiles> {
        let (mut seen, mut shared) = (HashSet::new(), HashSet::new());
        let mut from = Some(i64::MIN);
        while let Some(at) = from {
            let (names, next) = read(at)?;
            shared.extend(names.into_iter().filter(|name| !seen.insert(*name)));
            from = next;
        }
        Ok(Self(shared))
    }

    /// Says why a row stays, where another one names its file too.
    pub(super) fn allow(&self, file: &ValueFile) -> Result<(), Stays> {
        if self.0.contains(&hash(file.path())) {
            return Err(Stays::because(
                "another row names its value file too, and would lose its value",
            ));
        }
        Ok(())
    }
}

/// Reads the names in rows from the number `from` on.
pub(super) fn page(connection: &Connection, rules: &RowRules, from: i64) -> Result<Page, Failure> {
    let Some(files) = &rules.file else {
        return Ok((Vec::new(), None));
    };
    let (table, column) = (&rules.table, rules.table.quoted(files.column));
    let name = quote(&table.name);
    // A table without numbers is read at once.
    let sql = match alias(table) {
        Some(number) => format!(
            "SELECT {column}, {number} FROM {name} WHERE {number} >= ?1 ORDER BY {number} LIMIT {PAGE_ROWS}"
        ),
        None => format!("SELECT {column}, NULL FROM {name} WHERE ?1 IS NOT NULL"),
    };
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([from])?;
    let (mut names, mut n, mut last) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        if let Cell::Text(name) | Cell::Blob(name) = Cell::from(row.get_ref(0)?) {
            names.push(xxh3_64(&name));
        }
        last = row.get::<_, Option<i64>>(1)?;
        n += 1;
    }
    let next = last.filter(|_| n == PAGE_ROWS);
    Ok((names, next.and_then(|last| last.checked_add(1))))
}

fn hash(path: &Path) -> u64 {
    xxh3_64(path.as_os_str().as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_two_pages_is_found() {
        let mut asked = Vec::new();
        let found = SharedFiles::find(|from| {
            asked.push(from);
            Ok(match from {
                i64::MIN => (vec![1, 2, 2], Some(7)),
                7 => (vec![3], Some(9)),
                _ => (vec![1], None),
            })
        });
        assert_eq!(found.unwrap().0, HashSet::from([1, 2]));
        assert_eq!(asked, [i64::MIN, 7, 9]);
    }
}
