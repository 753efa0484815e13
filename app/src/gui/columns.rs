//! The table's columns: which there are, which of them show, how wide they are.

use std::borrow::Cow;

use cachescope_core::jobs::Arranged;
use cachescope_core::ops::SortBy;

use super::state::{Saved, State};
use super::widgets::table::Spec;

/// Every column in its order.
const COLUMNS: [(SortBy, Spec); 14] = [
    (SortBy::Group, words("Group", 150.0, 72.0, 0.4)),
    (SortBy::Key, words("Key", 92.0, 76.0, 0.2)),
    (SortBy::Args, words("Arguments", 196.0, 110.0, 1.0)),
    (SortBy::ValueType, words("Value", 164.0, 84.0, 0.6)),
    (SortBy::Bytes, figure("Size", 68.0)),
    (SortBy::DiskBytes, figure("On disk", 76.0)),
    (SortBy::Duration, figure("Compute", 74.0)),
    (SortBy::Created, words("Created", 92.0, 84.0, 0.0)),
    (SortBy::Accessed, words("Last used", 92.0, 84.0, 0.0)),
    (SortBy::Expires, words("Expires", 92.0, 84.0, 0.0)),
    (SortBy::Hits, figure("Hits", 62.0)),
    (SortBy::LastHit, words("Last hit", 92.0, 84.0, 0.0)),
    (SortBy::Saved, figure("Saved", 74.0)),
    (SortBy::Condition, words("Condition", 106.0, 106.0, 0.0)),
];

const fn words(title: &'static str, width: f32, min_width: f32, grows: f32) -> Spec {
    Spec {
        title: Cow::Borrowed(title),
        width,
        min_width,
        grows,
        is_figure: false,
    }
}

const fn figure(title: &'static str, width: f32) -> Spec {
    Spec {
        title: Cow::Borrowed(title),
        width,
        min_width: width,
        grows: 0.0,
        is_figure: true,
    }
}

/// A call with more arguments than this keeps them in one column.
const MAX_ARGUMENTS: usize = 8;

/// A column by what it shows, in the order that the person gave them.
fn in_order(saved: &Saved) -> Vec<(SortBy, Spec)> {
    let mut columns = COLUMNS.to_vec();
    // What is not in the saved order (a column of a newer version) comes last.
    columns.sort_by_key(|(by, _)| {
        let place = saved.order.iter().position(|of| of == by);
        place.unwrap_or(usize::MAX)
    });
    columns
}

/// The columns that show: those that nobody hid and that have something to show.
///
/// Where all rows are calls of one function, each of its arguments has a column of its own.
pub(crate) fn shown(
    arranged: &Arranged,
    saved: &Saved,
    is_observed: bool,
) -> (Vec<SortBy>, Vec<Spec>) {
    // Rows in groups stand under their names.
    let names_groups =
        !saved.is_grouped && arranged.has_groups && !saved.hidden.contains(&SortBy::Group);
    // A hash tells a person nothing where function and arguments stand beside it: they have its room.
    let is_told = names_groups && arranged.has_args && has_hashes(arranged);
    let has_any = |by: SortBy| match by {
        SortBy::Group => names_groups,
        SortBy::Key => !is_told,
        SortBy::Args => arranged.has_args,
        SortBy::Duration => arranged.found.duration_s.is_some(),
        SortBy::Accessed => arranged.found.last_used.is_some(),
        SortBy::Created => arranged.found.last_created.is_some(),
        SortBy::Expires => arranged.has_expiry,
        SortBy::Hits => is_observed || arranged.found.hits.is_some(),
        SortBy::LastHit | SortBy::Saved => is_observed,
        _ => true,
    };
    let names = &arranged.arg_names;
    let is_split = saved.has_argument_columns && (1..=MAX_ARGUMENTS).contains(&names.len());
    in_order(saved)
        .into_iter()
        .filter(|(by, _)| !saved.hidden.contains(by) && has_any(*by))
        .flat_map(|(by, spec)| match by {
            SortBy::Args if is_split => arguments(names),
            SortBy::Group => {
                let title = group_title(arranged.snapshot.store.kind).into();
                vec![(by, Spec { title, ..spec })]
            }
            // A hash tells a person nothing: what it stands for has the room.
            SortBy::Key if !arranged.has_args && has_hashes(arranged) => {
                let spec = Spec {
                    min_width: 56.0,
                    grows: 0.0,
                    ..spec
                };
                vec![(by, spec)]
            }
            SortBy::ValueType if !arranged.has_args && has_hashes(arranged) => {
                vec![(by, Spec { grows: 1.0, ..spec })]
            }
            // Without arguments the key is all that tells entries apart: it takes their room.
            SortBy::Key if !arranged.has_args => {
                let spec = Spec {
                    width: 196.0,
                    grows: 0.6,
                    ..spec
                };
                vec![(by, spec)]
            }
            // The head of a hash tells two calls apart; what a person knows them by are their arguments.
            SortBy::Key => {
                let spec = Spec {
                    min_width: 56.0,
                    ..spec
                };
                vec![(by, spec)]
            }
            _ => vec![(by, spec)],
        })
        .map(|(by, mut spec)| {
            if let Some((_, width)) = saved.widths.iter().find(|(of, _)| *of == by) {
                spec.width = width.max(spec.min_width);
            }
            (by, spec)
        })
        .unzip()
}

/// What this kind of store calls a group, as a title.
fn group_title(kind: &str) -> String {
    let word = cachescope_core::stores::group_word(kind).one;
    let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
    format!("{}{rest}", first.to_uppercase())
}

/// True if keys are hashes, by the first one: a store that hashes its keys hashes all of them.
fn has_hashes(arranged: &Arranged) -> bool {
    /// Digits of the shortest hash in use, that of 64 bits.
    const MIN_DIGITS: usize = 16;
    let first = arranged.rows.first();
    let first = first.and_then(|row| arranged.snapshot.record(*row));
    first.is_some_and(|record| {
        let key = record.key_text();
        key.len() >= MIN_DIGITS && key.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// A column for each argument; together they take the room that the one column had.
fn arguments(names: &[String]) -> Vec<(SortBy, Spec)> {
    #[expect(clippy::cast_precision_loss, reason = "eight at most")]
    let share = 1.0 / names.len() as f32;
    let each = |(place, name): (u8, &String)| {
        let title = cachescope_core::model::text::shown(name).into_owned();
        let spec = Spec {
            title: title.into(),
            ..words("", 196.0 * share.max(0.4), 60.0, share)
        };
        (SortBy::Arg(place), spec)
    };
    (0..).zip(names).map(each).collect()
}

/// The order of columns with one moved to the place of another.
pub(crate) fn moved(saved: &Saved, from: SortBy, to: SortBy) -> Vec<SortBy> {
    let mut order: Vec<SortBy> = in_order(saved).into_iter().map(|(by, _)| by).collect();
    let place = |by: SortBy| {
        let by = if matches!(by, SortBy::Arg(_)) {
            SortBy::Args
        } else {
            by
        };
        order.iter().position(|of| *of == by)
    };
    if let (Some(from), Some(to)) = (place(from), place(to)) {
        let column = order.remove(from);
        order.insert(to, column);
    }
    order
}

/// The column that its actions are about: the one whose header was pressed last, else the sorted one.
pub(crate) fn in_hand(state: &State) -> Option<SortBy> {
    let shown = on_show(state)?;
    let store = state.shown()?;
    let by = store.entries.column.unwrap_or(state.saved.sort.by);
    shown.contains(&by).then_some(by)
}

/// The order of columns with the one in hand so many places to the right; `None` past the ends.
pub(crate) fn moved_by(state: &State, step: isize) -> Option<Vec<SortBy>> {
    let (by, shown) = (in_hand(state)?, on_show(state)?);
    let at = shown.iter().position(|of| *of == by)?;
    let to = shown.get(at.checked_add_signed(step)?)?;
    Some(moved(&state.saved, by, *to))
}

fn on_show(state: &State) -> Option<Vec<SortBy>> {
    let store = state.shown()?;
    let arranged = store.entries.arranged.as_deref()?;
    Some(shown(arranged, &state.saved, store.is_observed()).0)
}
