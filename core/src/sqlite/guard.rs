//! What else a change to a row would set off: triggers, and tables whose rows point to it.

use rusqlite::Connection;

use super::Failure;
use crate::model::text;

/// What a table has that its library made itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Own<'a> {
    /// Texts of its triggers, as SQLite keeps them.
    pub(crate) triggers: &'a [&'a str],
    /// Tables whose rows go with a row.
    pub(crate) dependents: &'a [&'a str],
}

/// Why rows of `table` cannot be taken out or put back singly; `None` if they can.
///
/// A trigger is code of whoever made the file. Foreign keys are never enforced on our connections, so that
/// a row that others point to would leave those pointing nowhere.
///
/// # Errors
/// If the schema cannot be read.
pub(crate) fn reaches_beyond(
    connection: &Connection,
    table: &str,
    own: Own<'_>,
) -> Result<Option<String>, Failure> {
    let mut triggers = connection.prepare_cached(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE",
    )?;
    let mut rows = triggers.query([table])?;
    while let Some(row) = rows.next()? {
        let sql = row.get_ref(1)?.as_str().unwrap_or_default();
        if !own.triggers.contains(&sql) {
            let name = text::from_bytes(row.get_ref(0)?.as_bytes().unwrap_or_default());
            return Ok(Some(format!(
                "the trigger {} of its table would run code that came with the file",
                text::quoted(&name)
            )));
        }
    }
    let mut keys = connection.prepare_cached(
        "SELECT DISTINCT s.name FROM sqlite_schema s, pragma_foreign_key_list(s.name) k \
         WHERE s.type = 'table' AND k.\"table\" = ?1 COLLATE NOCASE",
    )?;
    let mut rows = keys.query([table])?;
    while let Some(row) = rows.next()? {
        let name = text::from_bytes(row.get_ref(0)?.as_bytes().unwrap_or_default());
        if !own
            .dependents
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
        {
            return Ok(Some(format!(
                "rows of the table {} may point to it",
                text::quoted(&name)
            )));
        }
    }
    Ok(None)
}
