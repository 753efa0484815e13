//! What a kind of store means and can do, by its name as in queries and JSON.

use super::{BACKENDS, Backend, Counted, Follow, IsOwn};
use crate::model::{Group, GroupWord};
use crate::{Error, Result};

/// A group of a store of that kind as people know it: `train: fit` for `__main__--home-ana-train.fit`.
///
/// For headings; two groups may have one title, so that selections and queries go by the label.
pub fn group_title(kind: &str, group: &Group) -> String {
    backend_of(kind).map_or_else(|| group.label.to_string(), |b| b.group_title(group))
}

/// True if stores of this kind may have dead space that compacting gives back.
pub fn can_compact(kind: &str) -> bool {
    backend_of(kind).is_some_and(|backend| backend.can_compact(kind))
}

/// True if entries of this kind of store may be given a new expiry.
pub fn can_expire(kind: &str) -> bool {
    backend_of(kind).is_some_and(|backend| backend.can_expire(kind))
}

/// What stores of this kind call a group of entries: a function, a table, a tag.
pub fn group_word(kind: &str) -> GroupWord {
    backend_of(kind).map_or(GroupWord::GROUP, Backend::group_word)
}

pub(super) fn backends() -> impl Iterator<Item = &'static dyn Backend> {
    BACKENDS.iter().copied()
}

fn backend_of(kind: &str) -> Option<&'static dyn Backend> {
    BACKENDS.iter().copied().find(|b| b.kinds().contains(&kind))
}

/// The backend of a kind, where that is another one in folders than in files.
pub(super) fn backend_for(
    kind: &str,
    is_folder: impl Fn() -> bool,
) -> Option<&'static dyn Backend> {
    let mut able = backends().filter(|b| b.kinds().contains(&kind));
    let first = able.next()?;
    Some(
        able.find(|b| b.is_of_folders() && is_folder())
            .unwrap_or(first),
    )
}

/// See [`Backend::own_names`], for a store that is a folder.
pub(crate) fn own_names(kind: &str) -> Option<IsOwn> {
    backend_for(kind, || true)?.own_names(kind)
}

/// How stores of this kind are followed.
///
/// # Errors
/// If no backend answers for it.
pub(crate) fn follow_of(kind: &str) -> Result<&'static dyn Follow> {
    let backend = backend_of(kind).ok_or_else(|| no_backend(kind))?;
    Ok(backend.follow())
}

/// Who counts the hits that a record of this kind of store carries: `recorded` or `reported`.
pub fn hits_source(kind: &str) -> Counted {
    follow_of(kind).map_or(Counted::Recorded, Follow::hits_source)
}

pub(super) fn no_backend(kind: &str) -> Error {
    Error::usage(
        "Cannot open the store",
        format!("no backend is called {kind}"),
    )
}

/// Every kind that can be opened, in the registry's order.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    let backends = BACKENDS.iter().filter(|b| !b.is_of_folders());
    backends.flat_map(|b| b.kinds()).copied()
}
