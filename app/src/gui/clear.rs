//! Revalidating, clearing and bringing back, as the window drives them. Every change goes through a plan that was shown.

use std::sync::Arc;

use cachescope_core::Error;
use cachescope_core::clear::undo::Held;
use cachescope_core::clear::{Fresh, How};
use cachescope_core::jobs::{
    BroughtBack, Check, Checked, Chosen, Cleared, Freed, Job, JobId, Planned,
};
use cachescope_core::model::{Snapshot, StoreId};
use cachescope_core::ops::query::units;
use cachescope_core::stores::CheckOptions;

use super::command::{ClearCommand, HeldCommand};
use super::policy::policy_of;
use super::session::Session;
use super::state::{
    AskedFor, Clearing, Dialog, PolicyForm, Request, Rules, Scope, Stage, Tally, Toast,
};
use crate::text;

/// What was to be brought back went some other way meanwhile.
const NOT_HELD: &str = "Cannot bring the entries back: they are no longer held aside. \
    What is, stands in the list under Moved aside";

impl Session {
    /// Checks the entries in scope, or all of the store on show.
    pub(crate) fn revalidate(&mut self, scope: Option<Scope>) {
        let now = (self.clock)();
        let options = match options(&self.state.rules()) {
            Ok(options) => CheckOptions {
                now: Some(now),
                ..options
            },
            Err(why) => return self.state.notices.push(why),
        };
        let Some((snapshot, chosen)) = self.chosen(scope) else {
            return;
        };
        let id = snapshot.store.id;
        let job = Job::Check(Box::new(Check {
            snapshot,
            chosen,
            options,
        }));
        if let Some(store) = self.state.store_mut(id) {
            store.tally = Tally::default();
            self.jobs.replace(&mut store.check, job);
        }
    }

    pub(super) fn chosen(&self, scope: Option<Scope>) -> Option<(Arc<Snapshot>, Chosen)> {
        let store = self.state.shown()?;
        let snapshot = Arc::clone(&store.snapshot);
        Some(match scope {
            None => (snapshot, Chosen::All),
            Some(Scope::Selected) => {
                let ids = Arc::clone(store.entries.selection.ids());
                (snapshot, Chosen::Ids(ids))
            }
            Some(Scope::Found) => {
                let arranged = store.entries.arranged.as_ref()?;
                let rows = Arc::clone(&arranged.rows);
                (Arc::clone(&arranged.snapshot), Chosen::Rows(rows))
            }
        })
    }

    pub(crate) fn checked(&mut self, job: JobId, checked: Checked) {
        let Some(store) = self.state.store_mut(checked.store) else {
            return;
        };
        if store.check != Some(job) {
            return;
        }
        for (_, _, verdict) in &checked.verdicts {
            store.tally.add(verdict.condition);
        }
        Arc::make_mut(&mut store.verdicts).extend(checked.verdicts);
        // Sorted or filtered by condition, the table changes with every verdict.
        self.arrange_next(checked.store);
    }

    /// Says what a check found as a whole, if it was one that ended.
    pub(crate) fn check_ended(&mut self, job: JobId) {
        let store = self.state.stores.iter().find(|s| s.check == Some(job));
        if let Some(words) = store.map(|store| store.tally.words()) {
            self.state.say(Toast::new(words, None));
        }
    }

    pub(crate) fn clear(&mut self, command: ClearCommand) {
        match command {
            ClearCommand::Plan(scope) => self.plan(scope),
            ClearCommand::ChoosePolicy => {
                self.state.dialog = Some(Dialog::Policy(PolicyForm::default()));
            }
            ClearCommand::PlanByPolicy => self.plan_by_policy(),
            ClearCommand::InProgress(fresh) => self.plan_again(fresh),
            ClearCommand::How(how) => {
                if let Some(Dialog::Clear(clearing)) = &mut self.state.dialog {
                    clearing.how = how;
                }
            }
            ClearCommand::Confirm => self.confirm(),
            ClearCommand::Undo => {
                let last = self.state.held().next_back().cloned();
                if let Some(held) = last {
                    self.bring_back(held);
                }
            }
            ClearCommand::AskPurge => {
                let held: Vec<Held> = self.state.held().cloned().collect();
                self.state.dialog = Some(Dialog::Purge(held));
            }
            ClearCommand::Purge => {
                if let Some(Dialog::Purge(held)) = self.state.dialog.take() {
                    self.jobs.start(Job::Purge(held));
                }
            }
        }
    }

    fn plan(&mut self, scope: Scope) {
        let Some((snapshot, chosen)) = self.chosen(Some(scope)) else {
            return;
        };
        let asked = self.asked_for(scope);
        let request = Request {
            snapshot,
            chosen,
            policy: None,
            fresh: Fresh::Stays,
            expires: None,
        };
        self.show_plan(asked, request);
    }

    /// How the entries of a scope were chosen.
    pub(super) fn asked_for(&self, scope: Scope) -> AskedFor {
        match scope {
            Scope::Found => AskedFor {
                query: Some(self.state.query.in_force().to_owned()),
                options: self.check_options(),
                expires: None,
            },
            Scope::Selected => AskedFor::default(),
        }
    }

    /// The rules by which conditions were found, where the query asks for any: without them it finds others.
    fn check_options(&self) -> Vec<String> {
        if !self.state.query.parsed().needs().conditions {
            return Vec::new();
        }
        let rules = self.state.rules();
        let named = [
            ("--expires-after", rules.expires_after),
            ("--source", rules.source),
        ];
        let named = named
            .into_iter()
            .filter(|(_, text)| !text.trim().is_empty());
        let mut options: Vec<String> = named
            .flat_map(|(option, text)| [option.to_owned(), text])
            .collect();
        options.extend(rules.is_deep.then(|| "--deep".to_owned()));
        options
    }

    /// Plans what the policy in the dialog chooses, among what the query found.
    fn plan_by_policy(&mut self) {
        let query = self.state.query.in_force().trim().to_owned();
        let scope = (!query.is_empty()).then_some(Scope::Found);
        let Some((snapshot, chosen)) = self.chosen(scope) else {
            return;
        };
        let Some(Dialog::Policy(form)) = &mut self.state.dialog else {
            return;
        };
        let (policy, mut options) = match policy_of(form) {
            Ok(policy) => policy,
            Err(why) => {
                form.error = Some(why);
                return;
            }
        };
        options.extend(self.check_options());
        let asked = AskedFor {
            query: Some(query).filter(|query| !query.is_empty()),
            options,
            expires: None,
        };
        let request = Request {
            snapshot,
            chosen,
            policy: Some(policy),
            fresh: Fresh::Stays,
            expires: None,
        };
        self.show_plan(asked, request);
    }

    /// The same plan, with what may be somebody's work in progress or without it.
    fn plan_again(&mut self, fresh: Fresh) {
        if let Some(Dialog::Clear(clearing)) = &self.state.dialog {
            let asked = clearing.asked.clone();
            let request = Request {
                fresh,
                ..clearing.request.clone()
            };
            self.show_plan(asked, request);
        }
    }

    pub(super) fn show_plan(&mut self, asked: AskedFor, request: Request) {
        let how = match &self.state.dialog {
            Some(Dialog::Clear(clearing)) => clearing.how,
            _ => How::Keep,
        };
        let snapshot = Arc::clone(&request.snapshot);
        let chosen = request.chosen.clone();
        let job = self.jobs.start(match request.expires {
            Some(expires) => Job::PlanToKeep {
                snapshot,
                chosen,
                expires,
            },
            None => Job::Plan {
                snapshot,
                chosen,
                policy: request.policy.clone().map(Box::new),
                fresh: request.fresh,
            },
        });
        self.state.dialog = Some(Dialog::Clear(Box::new(Clearing {
            asked,
            request,
            job: Some(job),
            stage: Stage::Planning,
            how,
            scroll: crate::gui::widgets::table::Scroll::default(),
        })));
    }

    pub(crate) fn held(&mut self, command: HeldCommand) {
        let of_id = |id: String| {
            let all = self.state.held_everywhere();
            all.into_iter().find(|held| held.id == id)
        };
        match command {
            HeldCommand::Show => {
                self.state.dialog = Some(Dialog::Held);
                self.look_for_held();
            }
            HeldCommand::BringBack(id) => match of_id(id.clone()) {
                Some(held) => self.bring_back(held),
                // The message about a clear may be faster than the look for what it moved aside.
                None if self.is_looking_for_held() => self.state.bring_next = Some(id),
                None => self.state.notices.push(NOT_HELD.to_owned()),
            },
            HeldCommand::Free(id) if self.state.restoring.iter().any(|(_, of)| *of == id) => {}
            HeldCommand::Free(id) => {
                self.state.dialog = of_id(id).map(|held| Dialog::Purge(vec![held]));
            }
        }
    }

    pub(crate) fn is_looking_for_held(&self) -> bool {
        let job = self.state.holding;
        job.is_some_and(|job| !self.jobs.is_over(job))
    }

    fn bring_back(&mut self, held: Held) {
        let id = held.id.clone();
        let job = self.jobs.start(Job::Restore(held));
        self.state.restoring.push((job, id));
    }

    /// Looks for what is held aside of every store that is remembered or open.
    pub(crate) fn look_everywhere(&mut self) {
        let job = Job::Held {
            paths: Vec::new(),
            state: self.own.clone(),
        };
        self.jobs.replace(&mut self.state.everywhere.job, job);
    }

    /// What was found to be held aside, of the open stores or of all.
    pub(crate) fn found_held(&mut self, job: JobId, held: Vec<Held>) {
        // What an older look found is not what is held now.
        if self.state.holding == Some(job) {
            self.state.held = held;
            if let Some(id) = self.state.bring_next.take() {
                match self.state.held.iter().find(|held| held.id == id) {
                    Some(held) => self.bring_back(held.clone()),
                    None => self.state.notices.push(NOT_HELD.to_owned()),
                }
            }
            return;
        }
        if self.state.everywhere.job != Some(job) {
            return;
        }
        let everywhere = &mut self.state.everywhere;
        everywhere.remembered = held;
        everywhere.is_known = true;
    }

    fn confirm(&mut self) {
        let Some(Dialog::Clear(clearing)) = &mut self.state.dialog else {
            return;
        };
        let Stage::Ready(planned) = &clearing.stage else {
            return;
        };
        let plan = Arc::clone(&planned.plan);
        clearing.stage = Stage::Clearing(Arc::clone(&plan));
        clearing.job = Some(self.jobs.start(Job::Clear {
            plan,
            how: clearing.how,
            state: self.own.clone(),
        }));
    }

    pub(crate) fn planned(&mut self, job: JobId, planned: Box<Planned>) {
        if let Some(clearing) = self.clearing(job) {
            clearing.stage = Stage::Ready(planned);
        }
    }

    pub(crate) fn cleared(&mut self, job: JobId, cleared: Box<Cleared>) {
        let path = cleared.plan.store.clone();
        let has_more_to_say = !cleared.stayed.is_empty()
            || cleared.applied.not_tried > 0
            || cleared.applied.unfinished.is_some();
        match self.clearing(job) {
            Some(clearing) if has_more_to_say => clearing.stage = Stage::Done(cleared),
            Some(_) => self.state.dialog = None,
            // Its dialog was left meanwhile: what stayed is said all the same.
            None if has_more_to_say => self.state.notices.push(left_words(&cleared)),
            None => {}
        }
        self.look_for_held();
        let changed = self.state.stores.iter().find(|s| s.info.path == path);
        if let Some(id) = changed.map(|s| s.info.id) {
            self.refresh(id);
        }
    }

    pub(crate) fn brought_back(&mut self, back: &BroughtBack) {
        self.look_for_held();
        let changed = self.state.stores.iter();
        let changed: Vec<StoreId> = changed
            .filter(|s| s.info.path == back.held.store)
            .map(|s| s.info.id)
            .collect();
        for id in changed {
            self.refresh(id);
        }
        if back.restored.restored > 0 {
            let n = text::counted(back.restored.restored as u64, "entry", "entries");
            let verb = if back.held.is_expiry {
                "have their old expiry again"
            } else {
                "brought back"
            };
            self.state.toast = Some(Toast::new(format!("{n} {verb}"), None));
        }
        if let Some((key, reason)) = back.stayed.first() {
            let n = text::counted(back.stayed.len() as u64, "entry stays", "entries stay");
            let key = cachescope_core::model::text::shown(key);
            self.state
                .notices
                .push(format!("{n} aside. \"{key}\": {reason}"));
        }
        if back.restored.not_tried > 0 {
            let n = back.restored.not_tried as u64;
            let n = text::counted(n, "entry was", "entries were");
            self.state.notices.push(format!("Stopped: {n} not reached"));
        }
        let unfinished = back.restored.unfinished.as_ref();
        self.state.notices.extend(unfinished.map(Error::to_string));
    }

    pub(crate) fn purged(&mut self, freed: &Freed) {
        self.look_for_held();
        let Freed { purged, stayed } = freed;
        if purged.entries > 0 {
            let n = text::counted(purged.entries as u64, "entry", "entries");
            let bytes = text::bytes(purged.bytes);
            self.state.toast = Some(Toast::new(format!("{n} freed, {bytes}"), None));
        }
        let stayed = stayed.iter().map(Error::to_string);
        self.state.notices.extend(stayed);
    }

    /// Looks for what is held aside for the open stores, and for the view of all.
    pub(crate) fn look_for_held(&mut self) {
        if matches!(self.state.dialog, Some(Dialog::Held)) {
            self.look_everywhere();
        }
        let stores = self.state.stores.iter();
        let paths: Vec<_> = stores.map(|s| s.info.path.clone()).collect();
        // Without a path everything that was ever held would be listed.
        if paths.is_empty() {
            self.state.held.clear();
            return;
        }
        let job = Job::Held {
            paths,
            state: self.own.clone(),
        };
        self.jobs.replace(&mut self.state.holding, job);
    }

    /// A job of the clear dialog failed as a whole; true if the dialog says so.
    pub(crate) fn clearing_failed(&mut self, job: JobId, error: &Error) -> bool {
        let why = error.to_string();
        match self.clearing(job) {
            Some(_) if error.is_cancelled() => {
                self.state.dialog = None;
                true
            }
            Some(clearing) => {
                clearing.stage = Stage::Failed(why);
                true
            }
            None => false,
        }
    }

    fn clearing(&mut self, job: JobId) -> Option<&mut Clearing> {
        match &mut self.state.dialog {
            Some(Dialog::Clear(clearing)) if clearing.job == Some(job) => Some(clearing),
            _ => None,
        }
    }
}

/// What a clear left, and why, in one line.
fn left_words(cleared: &Cleared) -> String {
    let mut words = Vec::new();
    if let Some((key, reason)) = cleared.stayed.first() {
        let n = text::counted(cleared.stayed.len() as u64, "entry stays", "entries stay");
        let key = cachescope_core::model::text::shown(key);
        words.push(format!("{n} as before. \"{key}\": {reason}"));
    }
    if cleared.applied.not_tried > 0 {
        let n = text::counted(cleared.applied.not_tried as u64, "entry", "entries");
        words.push(format!("{n} not reached"));
    }
    words.extend(cleared.applied.unfinished.as_ref().map(Error::to_string));
    words.join(" · ")
}

/// What the rules ask for.
pub(crate) fn options(rules: &Rules) -> Result<CheckOptions, String> {
    let expires = rules.expires_after.trim();
    let expires_after_s = match expires {
        "" => None,
        text => Some(units::span_secs(text).map_err(|why| format!("Expires after: {why}"))?),
    };
    let source = rules.source.trim();
    Ok(CheckOptions {
        expires_after_s,
        source: (!source.is_empty()).then(|| source.into()),
        is_deep: rules.is_deep,
        ..CheckOptions::default()
    })
}
