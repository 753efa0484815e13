//! Every action by name: what the menu bar, the context menus and the palette list, and what the keys do.

mod table;

use cachescope_core::stores::{can_compact, can_expire};
use egui::{Key, KeyboardShortcut, Modifiers, ThemePreference};

use super::command::{
    ClearCommand, Command, CompactCommand, CopyOf, DialogKind, EntryCommand, HeldCommand,
    KeepCommand, PictureOf, PictureTo, Scale, TableCommand,
};
use super::state::{OpenStore, Pick, Scope, State, Tab, group_term};
use table::{COLUMN, COLUMNS, TABLE, TREEMAP};

/// Something that can be asked for by name.
pub(crate) struct Action {
    /// In the words of the buttons.
    pub(crate) name: &'static str,
    /// The key that does the same.
    pub(crate) shortcut: Option<KeyboardShortcut>,
    /// The command; `None` where it makes no sense now.
    pub(crate) command: fn(&State) -> Option<Command>,
    /// For what is either on or off: whether it is on. `None` for what is done once.
    pub(crate) is_on: Option<fn(&State) -> bool>,
    /// What has to be so before it makes sense, beside a store on show.
    needs: &'static str,
}

impl Action {
    const fn needs(self, needs: &'static str) -> Self {
        Self { needs, ..self }
    }

    /// Why it makes no sense now, in words; of use only where it has no command.
    pub(crate) fn why_not(&self, state: &State) -> &'static str {
        if state.shown.is_none() {
            NEEDS_STORE
        } else {
            self.needs
        }
    }
}

/// What most actions need.
const NEEDS_STORE: &str = "Open a store first";
const NEEDS_SELECTION: &str = "Select entries first";
const NEEDS_ONE: &str = "Select one entry first";
const NEEDS_QUERY: &str = "Type a query that finds something first";
const NEEDS_EXPIRY: &str = "Choose entries of a kind of store that lets them expire";
const NEEDS_HELD: &str = "Nothing of this store is held aside";
const NEEDS_STORES: &str = "Open one more store first";
const NEEDS_VALUE: &str = "Select one entry whose value can be read";
const NEEDS_FILES: &str = "Select one entry that lies in files of its own";

type Made = fn(&State) -> Option<Command>;

const fn action(name: &'static str, command: Made) -> Action {
    Action {
        name,
        shortcut: None,
        command,
        is_on: None,
        needs: NEEDS_STORE,
    }
}

const fn ticked(name: &'static str, command: Made, is_on: fn(&State) -> bool) -> Action {
    Action {
        is_on: Some(is_on),
        ..action(name, command)
    }
}

const fn keyed(name: &'static str, modifiers: Modifiers, key: Key, command: Made) -> Action {
    Action {
        shortcut: Some(KeyboardShortcut::new(modifiers, key)),
        ..action(name, command)
    }
}

/// All of them by topic, in the order of menus and palette.
pub(crate) const TOPICS: &[(&str, &[Action])] = &[
    ("Open", OPEN),
    ("Store", STORE),
    ("Entries", ENTRIES),
    ("Entry", ENTRY),
    ("Show", SHOW),
    ("Query", QUERY),
    ("View", VIEW),
    ("Table", TABLE),
    ("This column", COLUMN),
    ("Columns", COLUMNS),
    ("Treemap", TREEMAP),
    ("Help", HELP),
];

/// What an entry's context menu offers: the menu bar's own actions.
pub(crate) const OF_ENTRY: &[&[Action]] = &[ENTRY, ENTRIES];
/// What a store's context menu offers.
pub(crate) const OF_STORE: &[&[Action]] = &[STORE];
/// What a column's header offers.
pub(crate) const OF_COLUMN: &[&[Action]] = &[COLUMN, COLUMNS];
/// What a query on the rail offers.
pub(crate) const OF_QUERY: &[&[Action]] = &[QUERY];

/// All of them.
pub(crate) fn actions() -> impl Iterator<Item = &'static Action> {
    TOPICS.iter().flat_map(|(_, actions)| *actions)
}

/// An action as it stands now, ready to be shown where the state is not at hand.
pub(crate) struct Offer {
    pub(crate) action: &'static Action,
    /// What it would do now; `None` where it makes no sense.
    pub(crate) command: Option<Command>,
    /// Whether it is on; `None` for what is done once.
    pub(crate) is_on: Option<bool>,
    /// Why there is no command.
    pub(crate) why_not: &'static str,
}

impl Offer {
    /// The action as it stands now.
    pub(crate) fn now(action: &'static Action, state: &State) -> Self {
        Self {
            action,
            command: (action.command)(state),
            is_on: action.is_on.map(|is_on| is_on(state)),
            why_not: action.why_not(state),
        }
    }
}

/// Actions as they stand now, by section.
pub(crate) type Offered = Vec<Vec<Offer>>;

/// What a context menu offers now.
pub(crate) fn offered(state: &State, sections: &'static [&'static [Action]]) -> Offered {
    let of = |action: &'static Action| Offer::now(action, state);
    sections
        .iter()
        .map(|section| section.iter().map(of).collect())
        .collect()
}

const OPEN: &[Action] = &[
    keyed("Open…", Modifiers::COMMAND, Key::O, |s| Some(open(s))),
    action("Find caches on this computer", |s| {
        s.finding.is_none().then_some(Command::FindCaches)
    })
    .needs("It is being looked for already"),
    action("Open the sample stores", |_| Some(Command::OpenSamples)),
    action("Open what running programs tell", |_| {
        Some(Command::OpenPrograms)
    }),
];

const STORE: &[Action] = &[
    keyed("Read again", Modifiers::NONE, Key::F5, |s| {
        Some(Command::Refresh(s.shown?))
    }),
    action("Revalidate the whole store", |s| {
        s.shown().map(|_| Command::Revalidate(None))
    }),
    action("Clear by a policy…", |s| {
        s.shown()
            .map(|_| Command::Clear(ClearCommand::ChoosePolicy))
    }),
    action("Compact this store…", compact).needs("Stores of this kind have no dead space"),
    keyed("Export a report…", Modifiers::COMMAND, Key::E, |s| {
        s.shown().map(|_| Command::Dialog(Some(DialogKind::Export)))
    }),
    action("Copy the path of the store", |s| {
        let path = &s.shown()?.info.path;
        Some(Command::Copy(path.to_string_lossy().into_owned()))
    }),
    action("Open the folder of the store", |s| {
        let path = &s.shown()?.info.path;
        Some(Command::Reveal(path.clone()))
    }),
    action("Pin this store, or let go of it", |s| {
        Some(Command::Pin(s.shown()?.info.opened_as.clone()))
    }),
    keyed(
        "Take the store off the list",
        Modifiers::COMMAND,
        Key::W,
        |s| Some(Command::Close(s.shown?)),
    ),
    keyed(
        "Show the next store",
        Modifiers::COMMAND,
        Key::PageDown,
        |s| beside(s, 1),
    )
    .needs(NEEDS_STORES),
    keyed(
        "Show the store before",
        Modifiers::COMMAND,
        Key::PageUp,
        |s| beside(s, -1),
    )
    .needs(NEEDS_STORES),
];

const ENTRIES: &[Action] = &[
    keyed("Revalidate selected", Modifiers::COMMAND, Key::R, |s| {
        selected(s).map(|()| Command::Revalidate(Some(Scope::Selected)))
    })
    .needs(NEEDS_SELECTION),
    action("Revalidate what the query found", |s| {
        found(s).map(|()| Command::Revalidate(Some(Scope::Found)))
    })
    .needs(NEEDS_QUERY),
    keyed("Clear selected…", Modifiers::NONE, Key::Delete, |s| {
        selected(s).map(|()| Command::Clear(ClearCommand::Plan(Scope::Selected)))
    })
    .needs(NEEDS_SELECTION),
    action("Clear what the query found…", |s| {
        found(s).map(|()| Command::Clear(ClearCommand::Plan(Scope::Found)))
    })
    .needs(NEEDS_QUERY),
    action("Keep selected for…", |s| {
        selected(s)?;
        keep(s, Scope::Selected)
    })
    .needs(NEEDS_EXPIRY),
    action("Keep what the query found for…", |s| {
        found(s)?;
        keep(s, Scope::Found)
    })
    .needs(NEEDS_EXPIRY),
    keyed("Undo the last clear", Modifiers::COMMAND, Key::Z, |s| {
        held(s).map(|()| Command::Clear(ClearCommand::Undo))
    })
    .needs(NEEDS_HELD),
    action("Show what was moved aside…", |_| {
        Some(Command::Held(HeldCommand::Show))
    }),
    action("Free what is held aside…", |s| {
        held(s).map(|()| Command::Clear(ClearCommand::AskPurge))
    })
    .needs(NEEDS_HELD),
    keyed("Select all", Modifiers::COMMAND, Key::A, |s| {
        s.shown()
            .map(|_| Command::Table(TableCommand::Select(Pick::All)))
    }),
    keyed("Select nothing", Modifiers::NONE, Key::Escape, |s| {
        selected(s).map(|()| Command::Table(TableCommand::Select(Pick::None)))
    })
    .needs(NEEDS_SELECTION),
];

const ENTRY: &[Action] = &[
    keyed("Copy the key", Modifiers::COMMAND, Key::C, |s| {
        one(s).map(|_| copy(CopyOf::Key))
    })
    .needs(NEEDS_ONE),
    action("Copy the value as Python writes it", |s| {
        one(s)?.preview.current()?;
        one(s)?.preview.tree.value()?;
        Some(copy(CopyOf::Literal))
    })
    .needs(NEEDS_VALUE),
    action("Copy Python that loads it", |s| {
        one(s)?.preview.current()?;
        one(s)?.preview.on_show().map(|_| copy(CopyOf::Python))
    })
    .needs(NEEDS_VALUE),
    action("Copy the paths of its files", |s| {
        one(s)?.files().first().map(|_| copy(CopyOf::Paths))
    })
    .needs(NEEDS_FILES),
    action("Open the folder of its files", |s| {
        let folder = one(s)?.files().first()?.parent()?;
        Some(Command::Reveal(folder.to_owned()))
    })
    .needs(NEEDS_FILES),
    keyed(
        "Save the value of the entry…",
        Modifiers::COMMAND,
        Key::S,
        |s| {
            let has_value = one(s)?.preview.current().is_some();
            has_value.then_some(Command::Dialog(Some(DialogKind::Save)))
        },
    )
    .needs(NEEDS_VALUE),
    action("Show only its group", |s| {
        let store = one(s)?;
        let record = store.selected()?;
        let term = group_term(&record.group.label)?;
        Some(Command::Query(s.query.with_field("group", &term)))
    })
    .needs(NEEDS_ONE),
    action("Select its group", |s| {
        let entries = &one(s)?.entries;
        let group = entries.lines.group_of(entries.selection.cursor()?)?;
        let rows = entries.lines.rows_of(group);
        Some(Command::Table(TableCommand::Select(Pick::These(rows))))
    })
    .needs(NEEDS_ONE),
];

const SHOW: &[Action] = &[
    action("Show all entries", |s| {
        let is_filtered = !s.query.text().is_empty();
        is_filtered.then(|| Command::Query(String::new()))
    })
    .needs("All entries are on show"),
    action("Show what was not used for 30 days", |s| {
        query(s, "used>30d")
    }),
    action("Show what is stale", |s| {
        query(s, "condition:stale,source-gone")
    }),
    action("Show what is broken", |s| {
        query(s, "condition:corrupt,incomplete,orphan,calls-code,unread")
    }),
    action("Show the largest 10", |s| largest(s, 10)),
    action("Show the largest 100", |s| largest(s, 100)),
];

const QUERY: &[Action] = &[
    action("Save this query", |s| keep_query(s, false)).needs("Type a query that is not saved yet"),
    action("Take this query off the rail", |s| keep_query(s, true))
        .needs("Choose a query that is saved first"),
    action("Copy this query", |s| {
        let text = s.query.text();
        (!text.is_empty()).then(|| Command::Copy(text.to_owned()))
    })
    .needs("Type a query first"),
];

const VIEW: &[Action] = &[
    keyed("Show the overview", Modifiers::COMMAND, Key::Num1, |s| {
        tab(s, Tab::Overview)
    }),
    keyed("Show the entries", Modifiers::COMMAND, Key::Num2, |s| {
        tab(s, Tab::Entries)
    }),
    keyed("Show activity", Modifiers::COMMAND, Key::Num3, |s| {
        tab(s, Tab::Activity)
    }),
    keyed("Show health", Modifiers::COMMAND, Key::Num4, |s| {
        tab(s, Tab::Health)
    }),
    keyed(
        "Compare with other kinds of store",
        Modifiers::COMMAND,
        Key::Num5,
        |s| tab(s, Tab::Compare),
    ),
    action("Let the live feed stand still, or run on", |s| {
        let is_paused = s.shown()?.activity.n_waiting().is_some();
        Some(Command::Pause(!is_paused))
    }),
    ticked(
        "Light colours",
        |_| Some(Command::Theme(ThemePreference::Light)),
        |s| s.saved.theme == ThemePreference::Light,
    ),
    ticked(
        "Dark colours",
        |_| Some(Command::Theme(ThemePreference::Dark)),
        |s| s.saved.theme == ThemePreference::Dark,
    ),
    ticked(
        "Colours as the system has them",
        |_| Some(Command::Theme(ThemePreference::System)),
        |s| s.saved.theme == ThemePreference::System,
    ),
    action("Larger letters", |_| Some(Command::Scale(Scale::Larger))),
    action("Smaller letters", |_| Some(Command::Scale(Scale::Smaller))),
    action("Letters as they were at first", |_| {
        Some(Command::Scale(Scale::Usual))
    }),
    action("Copy the window as a picture", |_| {
        Some(picture(PictureTo::Clipboard))
    }),
    action("Save the window as a picture…", |_| {
        Some(picture(PictureTo::File))
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

/// Asks for one more store: the start page has a field for its path, elsewhere a dialog has one.
pub(crate) fn open(state: &State) -> Command {
    if state.shown.is_none() {
        Command::OpenDialog
    } else {
        Command::Dialog(Some(DialogKind::Open))
    }
}

fn copy(of: CopyOf) -> Command {
    Command::Entry(EntryCommand::Copy(of))
}

fn picture(to: PictureTo) -> Command {
    Command::Picture(PictureOf {
        chart: "Window",
        rect: None,
        to,
    })
}

fn tab(state: &State, tab: Tab) -> Option<Command> {
    state.shown().map(|_| Command::Tab(tab))
}

fn query(state: &State, query: &str) -> Option<Command> {
    state.shown().map(|_| Command::Query(query.to_owned()))
}

/// Puts the query on show on the rail, or takes it off.
fn keep_query(state: &State, is_kept: bool) -> Option<Command> {
    let text = state.query.text();
    let is_query = state.shown.is_some() && !state.query.parsed().is_empty();
    let is_so = state.saved.queries.iter().any(|saved| saved.query == text) == is_kept;
    (is_query && is_so).then(|| Command::KeepQuery(text.to_owned()))
}

fn largest(state: &State, n: usize) -> Option<Command> {
    state
        .shown()
        .map(|_| Command::Table(TableCommand::Largest(n)))
}

/// The store so many places down the rail, round its end.
fn beside(state: &State, by: isize) -> Option<Command> {
    let n = state.stores.len();
    let at = state
        .stores
        .iter()
        .position(|s| Some(s.info.id) == state.shown)?;
    let next = state.stores.get((at + n).checked_add_signed(by)? % n)?;
    (n > 1).then_some(Command::Show(next.info.id))
}

/// The store on show, if one of its entries is selected and no other.
fn one(state: &State) -> Option<&OpenStore> {
    let store = state.shown()?;
    store.entries.selection.only().map(|_| store)
}

fn selected(state: &State) -> Option<()> {
    let selection = &state.shown()?.entries.selection;
    // What is being selected is not yet what a command would be about.
    (!selection.is_empty() && selection.adding().is_none()).then_some(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_name_stands_for_two_actions() {
        let names: HashSet<_> = actions().map(|a| a.name).collect();
        assert_eq!(names.len(), actions().count());
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
