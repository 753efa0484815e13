//! Every action by name: what the palette lists, what the keys do.

use cachescope_core::ops::SortBy;
use cachescope_core::stores::{can_compact, can_expire};
use egui::{Key, KeyboardShortcut, Modifiers, ThemePreference};

use super::command::{
    ClearCommand, Command, CompactCommand, DialogKind, HeldCommand, KeepCommand, TableCommand,
};
use super::state::{Pick, Scope, State, Tab};
use super::widgets::mosaic::Colour;

/// Something that can be asked for by name.
pub(crate) struct Action {
    /// In the words of the buttons.
    pub(crate) name: &'static str,
    /// The key that does the same.
    pub(crate) shortcut: Option<KeyboardShortcut>,
    /// The command; `None` where it makes no sense now.
    pub(crate) command: fn(&State) -> Option<Command>,
}

type Made = fn(&State) -> Option<Command>;

const fn action(name: &'static str, command: Made) -> Action {
    Action {
        name,
        shortcut: None,
        command,
    }
}

const fn keyed(name: &'static str, modifiers: Modifiers, key: Key, command: Made) -> Action {
    Action {
        name,
        shortcut: Some(KeyboardShortcut::new(modifiers, key)),
        command,
    }
}

/// All of them by topic, in the order of menus and palette.
pub(crate) const TOPICS: &[(&str, &[Action])] = &[
    ("Store", STORE),
    ("Entries", ENTRIES),
    ("Show", SHOW),
    ("View", VIEW),
    ("Table and colours", LAYOUT),
    ("Help", HELP),
];

/// All of them.
pub(crate) fn actions() -> impl Iterator<Item = &'static Action> {
    TOPICS.iter().flat_map(|(_, actions)| *actions)
}

const STORE: &[Action] = &[
    keyed("Open…", Modifiers::COMMAND, Key::O, |_| {
        Some(Command::OpenDialog)
    }),
    action("Find caches on this computer", |s| {
        // They are listed where nothing is open.
        s.shown.is_none().then_some(Command::FindCaches)
    }),
    action("Open the sample stores", |_| Some(Command::OpenSamples)),
    action("Open what running programs tell", |_| {
        Some(Command::OpenPrograms)
    }),
    keyed("Read again", Modifiers::NONE, Key::F5, |s| {
        Some(Command::Refresh(s.shown?))
    }),
    keyed(
        "Take the store off the list",
        Modifiers::COMMAND,
        Key::W,
        |s| Some(Command::Close(s.shown?)),
    ),
    action("Compact this store…", compact),
    action("Pin this store, or let go of it", |s| {
        Some(Command::Pin(s.shown()?.info.opened_as.clone()))
    }),
    keyed(
        "Save the value of the entry…",
        Modifiers::COMMAND,
        Key::S,
        |s| {
            let has_value = s.shown()?.preview.found.is_some();
            has_value.then_some(Command::Dialog(Some(DialogKind::Save)))
        },
    ),
    keyed("Export a report…", Modifiers::COMMAND, Key::E, |s| {
        s.shown().map(|_| Command::Dialog(Some(DialogKind::Export)))
    }),
];

const VIEW: &[Action] = &[
    keyed("Show the overview", Modifiers::COMMAND, Key::Num1, |s| {
        tab(s, Tab::Overview)
    }),
    keyed("Show the entries", Modifiers::COMMAND, Key::Num2, |s| {
        tab(s, Tab::Entries)
    }),
    keyed("Show health", Modifiers::COMMAND, Key::Num3, |s| {
        tab(s, Tab::Health)
    }),
    action("Compare with other kinds of store", |s| {
        tab(s, Tab::Compare)
    }),
];

const ENTRIES: &[Action] = &[
    keyed("Revalidate selected", Modifiers::COMMAND, Key::R, |s| {
        selected(s).map(|()| Command::Revalidate(Some(Scope::Selected)))
    }),
    action("Revalidate what the query found", |s| {
        found(s).map(|()| Command::Revalidate(Some(Scope::Found)))
    }),
    action("Revalidate the whole store", |s| {
        s.shown().map(|_| Command::Revalidate(None))
    }),
    keyed("Clear selected…", Modifiers::NONE, Key::Delete, |s| {
        selected(s).map(|()| Command::Clear(ClearCommand::Plan(Scope::Selected)))
    }),
    action("Clear what the query found…", |s| {
        found(s).map(|()| Command::Clear(ClearCommand::Plan(Scope::Found)))
    }),
    action("Clear by a policy…", |s| {
        s.shown()
            .map(|_| Command::Clear(ClearCommand::ChoosePolicy))
    }),
    action("Keep selected for…", |s| {
        selected(s)?;
        keep(s, Scope::Selected)
    }),
    action("Keep what the query found for…", |s| {
        found(s)?;
        keep(s, Scope::Found)
    }),
    keyed("Undo the last clear", Modifiers::COMMAND, Key::Z, |s| {
        held(s).map(|()| Command::Clear(ClearCommand::Undo))
    }),
    action("Show what was moved aside…", |_| {
        Some(Command::Held(HeldCommand::Show))
    }),
    action("Free what is held aside…", |s| {
        held(s).map(|()| Command::Clear(ClearCommand::AskPurge))
    }),
    keyed("Select all", Modifiers::COMMAND, Key::A, |s| {
        s.shown()
            .map(|_| Command::Table(TableCommand::Select(Pick::All)))
    }),
    keyed("Select nothing", Modifiers::NONE, Key::Escape, |s| {
        selected(s).map(|()| Command::Table(TableCommand::Select(Pick::None)))
    }),
];

const SHOW: &[Action] = &[
    action("Show all entries", |s| {
        let is_filtered = !s.query.text().is_empty();
        is_filtered.then(|| Command::Query(String::new()))
    }),
    action("Show what was not used for 30 days", |s| {
        query(s, "used>30d")
    }),
    action("Show what is stale", |s| {
        query(s, "condition:stale,source-gone")
    }),
    action("Show what is broken", |s| {
        query(s, "condition:corrupt,incomplete,orphan,calls-code,unread")
    }),
    action("Show the largest 100", |s| {
        s.shown()
            .map(|_| Command::Table(TableCommand::Largest(100)))
    }),
    action("Save this query, or let go of it", |s| {
        let is_query = s.shown.is_some() && !s.query.parsed().is_empty();
        is_query.then(|| Command::KeepQuery(s.query.text().to_owned()))
    }),
];

const LAYOUT: &[Action] = &[
    action("Group by function", |s| group(s, true)),
    action("Show as one list", |s| group(s, false)),
    action("Fold all groups", |s| fold(s, true)),
    action("Unfold all groups", |s| fold(s, false)),
    action("Sort by size", |s| sort(s, SortBy::Bytes)),
    action("Sort by compute time", |s| sort(s, SortBy::Duration)),
    action("Sort by last use", |s| sort(s, SortBy::Accessed)),
    action("Colour the treemap by last use", |s| {
        colour(s, Colour::LastUse)
    }),
    action("Colour the treemap by age", |s| colour(s, Colour::Age)),
    action("Colour the treemap by condition", |s| {
        colour(s, Colour::Condition)
    }),
    action("Colour the treemap by seconds per MB", |s| {
        colour(s, Colour::Cost)
    }),
    action("Light colours", |_| {
        Some(Command::Theme(ThemePreference::Light))
    }),
    action("Dark colours", |_| {
        Some(Command::Theme(ThemePreference::Dark))
    }),
    action("Colours as the system has them", |_| {
        Some(Command::Theme(ThemePreference::System))
    }),
];

const HELP: &[Action] = &[
    keyed("Keys", Modifiers::NONE, Key::F1, |_| {
        Some(Command::Dialog(Some(DialogKind::Shortcuts)))
    }),
    action("About Cachescope", |_| {
        Some(Command::Dialog(Some(DialogKind::About)))
    }),
];

/// Opens the palette.
pub(crate) const PALETTE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::K);

fn tab(state: &State, tab: Tab) -> Option<Command> {
    state.shown().map(|_| Command::Tab(tab))
}

fn query(state: &State, query: &str) -> Option<Command> {
    state.shown().map(|_| Command::Query(query.to_owned()))
}

fn group(state: &State, is_grouped: bool) -> Option<Command> {
    let is_other = state.shown.is_some() && state.saved.is_grouped != is_grouped;
    is_other.then_some(Command::Table(TableCommand::Group(is_grouped)))
}

fn fold(state: &State, is_folded: bool) -> Option<Command> {
    let is_grouped = state.shown.is_some() && state.saved.is_grouped;
    is_grouped.then_some(Command::Table(TableCommand::FoldAll(is_folded)))
}

fn sort(state: &State, by: SortBy) -> Option<Command> {
    state
        .shown()
        .map(|_| Command::Table(TableCommand::SortBy(by)))
}

fn colour(state: &State, colour: Colour) -> Option<Command> {
    state.shown().map(|_| Command::Colour(colour))
}

fn selected(state: &State) -> Option<()> {
    let selection = &state.shown()?.entries.selection;
    (!selection.is_empty()).then_some(())
}

fn found(state: &State) -> Option<()> {
    let arranged = state.shown()?.entries.arranged.as_ref()?;
    let has_any = !state.query.parsed().is_empty() && !arranged.rows.is_empty();
    has_any.then_some(())
}

/// Entries are given a new expiry where their kind of store has one.
pub(crate) fn keep(state: &State, scope: Scope) -> Option<Command> {
    let is_possible = can_expire(state.shown()?.info.kind);
    is_possible.then_some(Command::Keep(KeepCommand::Ask(scope)))
}

/// Stores are compacted where their kind may have dead space.
pub(crate) fn compact(state: &State) -> Option<Command> {
    let info = &state.shown()?.info;
    can_compact(info.kind).then_some(Command::Compact(CompactCommand::Ask(info.id)))
}

fn held(state: &State) -> Option<()> {
    state.held().next().map(|_| ())
}

/// Runs the actions whose keys were pressed. A key that text or the table takes is left to them.
pub(crate) fn run(ctx: &egui::Context, state: &State, out: &mut Vec<Command>) {
    if ctx.input_mut(|i| i.consume_shortcut(&PALETTE)) {
        out.push(Command::Dialog(Some(DialogKind::Palette)));
    }
    if state.dialog.is_some() {
        return;
    }
    let is_typing = ctx.text_edit_focused();
    for Action {
        shortcut, command, ..
    } in actions()
    {
        let Some(shortcut) = shortcut else { continue };
        // Ctrl+A, Ctrl+Z, Delete and Escape mean the text while one types; Ctrl+A and Escape the table otherwise.
        let is_texts = matches!(
            shortcut.logical_key,
            Key::A | Key::Z | Key::Delete | Key::Escape
        );
        let is_tables = matches!(shortcut.logical_key, Key::A | Key::Escape);
        if is_tables || is_typing && is_texts {
            continue;
        }
        if ctx.input_mut(|i| i.consume_shortcut(shortcut)) {
            out.extend(command(state));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_name_and_no_key_stands_for_two_actions() {
        let names: HashSet<_> = actions().map(|a| a.name).collect();
        assert_eq!(names.len(), actions().count());
        let keys: Vec<_> = actions().filter_map(|a| a.shortcut).collect();
        for (n, key) in keys.iter().enumerate() {
            assert!(!keys[n + 1..].contains(key), "{key:?}");
            assert_ne!(*key, PALETTE);
        }
    }

    #[test]
    fn with_nothing_open_nothing_can_be_cleared() {
        let state = State::default();
        let offered = |name: &str| {
            let action = actions().find(|a| a.name == name).unwrap();
            (action.command)(&state)
        };
        assert_eq!(offered("Clear selected…"), None);
        assert_eq!(offered("Undo the last clear"), None);
        assert!(offered("Open…").is_some());
    }
}
