//! Clearing as the window goes through it: what is asked, what the plan says, what became of it.

use std::sync::Arc;

use cachescope_core::clear::undo::Held;
use cachescope_core::clear::{Fresh, How, Plan};
use cachescope_core::formats::{Preview, SaveAs};
use cachescope_core::jobs::{ByPolicy, Chosen, Cleared, JobId, Planned, Prediction};
use cachescope_core::model::{EntryKey, Snapshot, StoreInfo, Time};

use super::Naming;
use crate::cli::export::Form;
use crate::gui::widgets::table::Scroll;

/// Which entries an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The selected ones.
    Selected,
    /// Those that the query found.
    Found,
}

/// A window over the window; one at a time.
pub(crate) enum Dialog {
    /// Clearing, from plan to result.
    Clear(Box<Clearing>),
    /// Making a store of another kind.
    Convert(Box<super::Converting>),
    /// Freeing what is held aside, which cannot be undone.
    Purge(Vec<Held>),
    /// Clearing by a policy: which one.
    Policy(PolicyForm),
    /// Giving entries a new expiry: which one.
    Keep(KeepForm),
    /// Giving dead space back.
    Compact(Compacting),
    /// What is held aside, of every store.
    Held,
    /// Which store to open besides those that are.
    Open(Opening),
    /// The command palette.
    Palette(Palette),
    /// Keys and what they do.
    Shortcuts,
    /// Version and licences.
    About,
    /// What a report is to hold, and where it goes.
    Export(Exporting),
    /// Where the value of an entry goes.
    Save(Box<Saving>),
    /// Where a picture goes.
    Picture(Picturing),
}

/// A picture that is to become a file.
pub(crate) struct Picturing {
    pub(crate) name: Naming,
    pub(crate) image: egui::ColorImage,
}

/// The save dialog.
pub(crate) struct Saving {
    pub(crate) name: Naming,
    /// `None` for the stored bytes.
    pub(crate) form: Option<SaveAs>,
    /// How a file of the stored bytes ends.
    pub(crate) stored_ending: String,
    pub(crate) store: Arc<StoreInfo>,
    pub(crate) entry: EntryKey,
    /// What is on show of it; `None` where only the bytes are known.
    pub(crate) value: Option<Preview>,
}

impl Saving {
    /// How a file of a form ends.
    pub(crate) fn ending(&self, form: Option<SaveAs>) -> &str {
        match form {
            Some(form) => form.word(),
            None => &self.stored_ending,
        }
    }

    /// True where the value can be saved in this form.
    pub(crate) fn fits(&self, form: Option<SaveAs>) -> bool {
        let value = self.value.as_ref();
        form.is_none_or(|form| value.is_some_and(|value| value.fits(form)))
    }
}

/// The export dialog.
pub(crate) struct Exporting {
    pub(crate) name: Naming,
    pub(crate) form: Form,
}

/// The path of one more store, as it is typed.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    pub(crate) path: String,
    /// The keyboard was put into the field.
    pub(crate) is_begun: bool,
}

/// What was typed into the palette, and which line is chosen.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    pub(crate) text: String,
    pub(crate) chosen: usize,
}

/// The clear dialog.
pub(crate) struct Clearing {
    /// How the entries were chosen, other than by hand.
    pub(crate) asked: Asked,
    /// What was planned, to plan it again otherwise.
    pub(crate) request: Request,
    pub(crate) job: Option<JobId>,
    pub(crate) stage: Stage,
    pub(crate) how: How,
    pub(crate) scroll: Scroll,
}

/// How entries were chosen, as the command line says it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// The query.
    pub(crate) query: Option<String>,
    /// Options of the policy, and rules of the conditions that the query asks for.
    pub(crate) options: Vec<String>,
    /// The new expiry, where entries are kept and not cleared.
    pub(crate) expires: Option<String>,
}

/// What a plan is made of.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) chosen: Chosen,
    pub(crate) policy: Option<ByPolicy>,
    pub(crate) fresh: Fresh,
    /// When the entries are to expire, where they are kept and not cleared.
    pub(crate) expires: Option<Time>,
}

/// A policy as it is being typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicyForm {
    /// Its name, or the word that begins it; empty before one is chosen.
    pub(crate) name: String,
    pub(crate) size: String,
    pub(crate) number: String,
    pub(crate) age: String,
    pub(crate) tag: String,
    /// What is wrong with it.
    pub(crate) error: Option<String>,
}

/// A new expiry as it is being typed.
#[derive(Debug, Clone)]
pub(crate) struct KeepForm {
    /// Which entries get it.
    pub(crate) scope: Scope,
    /// How many those are.
    pub(crate) n_entries: u64,
    /// How long from now on.
    pub(crate) span: String,
    /// What is wrong with it.
    pub(crate) error: Option<String>,
}

/// The compact dialog.
pub(crate) struct Compacting {
    pub(crate) store: Arc<StoreInfo>,
    pub(crate) job: Option<JobId>,
    pub(crate) stage: CompactStage,
    /// The person's word that no program has the store open.
    pub(crate) is_unused: bool,
}

/// How far compacting is.
#[derive(Debug, Clone)]
pub(crate) enum CompactStage {
    /// What it would gain is being found out.
    Predicting,
    /// That is known.
    Ready(Prediction),
    /// It is being done.
    Working,
    /// Nothing was done.
    Failed(String),
}

/// What is held aside of all stores that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Everywhere {
    /// What our own folder remembers; what is held for open stores is kept with them.
    pub(crate) remembered: Vec<Held>,
    /// True once it was looked for.
    pub(crate) is_known: bool,
    /// The job that looks for it.
    pub(crate) job: Option<JobId>,
}

/// How far it is.
pub(crate) enum Stage {
    /// The plan is being made.
    Planning,
    /// The plan is there to be looked at.
    Ready(Box<Planned>),
    /// The plan is being carried out.
    Clearing(Arc<Plan>),
    /// Some entries stayed.
    Done(Box<Cleared>),
    /// Nothing was done.
    Failed(String),
}

/// What revalidating asks for beyond what needs no rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Rules {
    /// Entries stored longer ago are expired: `7d`; empty for no such rule.
    pub(crate) expires_after: String,
    /// Folder in which today's functions lie; empty to compare no code.
    pub(crate) source: String,
    /// Values are read to their end.
    pub(crate) is_deep: bool,
}
