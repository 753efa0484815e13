//! The only door to SQLite: a database is read without changing a byte, a name or a time of its folder.
//!
//! Opening climbs a ladder and takes the first rung that fits what stands on the disk:
//!
//! 1. no log with frames, and no rollback mode: `immutable=1`, looked at again after each page;
//! 2. a log and its index: `mode=ro&readonly_shm=1`, closed after each page, because an open
//!    connection keeps a writer that exits from tidying up;
//! 3. rollback mode: `mode=ro`;
//! 4. a log without index, or a hot journal: a private copy in our own folder, else what the file
//!    alone says, with a note of what that leaves out.
//!
//! `tests/sqlite_ladder.rs` shows that each rung holds while real writers work.

mod blob;
mod cell;
mod change;
mod compact;
mod connect;
mod copy;
mod database;
mod explain;
mod failure;
mod guard;
mod journal;
mod pages;
mod scratch;
mod shape;
mod state;
mod table;
mod viewers;

pub(crate) use blob::{Held, RowAt, gone, held, look_at_cell, open_cell, row_of};
pub(crate) use cell::{Cell, plain, repr, write_key, write_key_of};
pub(crate) use change::{Changing, Locked};
pub(crate) use compact::compact;
pub(crate) use connect::to_own;
pub use copy::forget_copies;
pub(crate) use database::{Database, Slack, View};
pub(crate) use explain::{explain, explain_as};
pub(crate) use failure::Failure;
pub(crate) use guard::{Own, reaches_beyond};
pub(crate) use pages::{PageBuffer, Pages};
pub use shape::Shape;
pub(crate) use state::MAGIC;
pub(crate) use table::{Column, Handle, Table, describe, made_by_code, quote, table_names};
