//! Runs commands: the only place where intent becomes a change of state or a job.

use std::path::PathBuf;
use std::sync::Arc;

use cachescope_core::jobs::{Arranged, Job, Sight, Survey};
use cachescope_core::model::{Row, StoreId, Time};
use cachescope_core::ops::{Direction, Layout, Sort, SortBy};

use super::command::{Command, CopyOf, DialogKind, EntryCommand, Need, TableCommand};
use super::session::Session;
use super::state::{
    Asked, CompactStage, Dialog, Hex, Opening, Palette, Pick, Pinned, Stage, Tab, Toast,
};

impl Session {
    /// Carries out what a person asked for.
    pub(crate) fn handle(&mut self, command: Command) {
        match command {
            Command::Open(path) => self.open(path),
            Command::OpenDialog => self.dialogs.ask(),
            Command::FindCaches => {
                self.find_caches();
                // The start page lists what is found; where a store is on show the dialog does.
                let is_hidden = self.state.shown.is_some();
                if is_hidden && !matches!(self.state.dialog, Some(Dialog::Open(_))) {
                    self.state.dialog = self.dialog(DialogKind::Open);
                }
            }
            Command::OpenSamples => {
                self.dialogs.unpack_samples(self.own.clone());
            }
            Command::OpenPrograms => self.dialogs.find_programs(self.own.as_ref()),
            Command::Pin(path) => {
                let words = match self.state.saved.pin(&path) {
                    Pinned::Kept => "Pinned: it stands first under Recent",
                    Pinned::LetGo => "No longer pinned",
                };
                self.state.say(Toast::new(words.to_owned(), None));
            }
            Command::Export(export) => self.export(export),
            Command::Close(id) => self.close(id),
            Command::Refresh(id) => self.refresh(id),
            Command::AllowCopies(id) => self.allow_copies(id),
            Command::Show(id) => {
                if self.state.shown != Some(id) {
                    self.state.notices.clear();
                }
                self.state.shown = Some(id);
            }
            Command::Tab(tab) => self.state.saved.tab = tab,
            Command::Query(text) => {
                if self.state.query.set(text) {
                    self.arrange_all();
                    let now = (self.clock)();
                    for store in &mut self.state.stores {
                        store.activity.find(self.state.query.parsed(), now);
                    }
                }
            }
            Command::RememberQuery => {
                if self.state.query.error().is_none() {
                    self.state.saved.remember_query(self.state.query.text());
                }
            }
            Command::KeepQuery(query) => self.state.saved.keep_query(&query),
            Command::Revalidate(scope) => self.revalidate(scope),
            Command::Rules(rules) => self.state.set_rules(rules),
            Command::Clear(command) => self.clear(command),
            Command::Keep(command) => self.keep(command),
            Command::Compact(command) => self.compact(command),
            Command::Held(command) => self.held(command),
            Command::Compare(command) => self.compare(command),
            Command::Dialog(kind) => {
                self.drop_plan();
                self.state.dialog = kind.and_then(|kind| self.dialog(kind));
            }
            Command::Theme(theme) => self.state.saved.theme = theme,
            Command::Table(command) => self.table(command),
            Command::Entry(command) => self.entry(command),
            Command::Need(need) => self.need(need),
            Command::Zoom(zoom) => {
                if let Some(store) = self.state.shown_mut() {
                    store.overview.zoom = zoom;
                }
            }
            Command::ByAge(is_by_age) => self.state.saved.ways.is_by_age = is_by_age,
            Command::FunctionsBy(by) => self.state.saved.ways.functions_by = by,
            Command::Across(is_across) => self.state.is_across = is_across,
            Command::Picture(picture) => self.to_picture.push_back(picture),
            Command::SavePicture(path) => self.save_picture(path),
            Command::Colour(colour) => self.state.saved.colour = colour,
            Command::Pause(is_paused) => {
                if let Some(store) = self.state.shown_mut() {
                    store.activity.pause(is_paused);
                }
            }
            Command::Cancel(job) => {
                self.jobs.cancel(job);
                self.stop_comparing(job);
            }
            Command::Reveal(path) => self.dialogs.reveal(path),
            Command::Scale(scale) => self.to_scale = Some(scale),
            Command::Copy(text) => {
                self.to_copy.push_back(text);
                self.state.toast = Some(Toast::new("Copied".to_owned(), None));
            }
            Command::DismissToast => self.state.toast = None,
            Command::DismissNotice => {
                self.state.notices.pop();
            }
        }
    }

    /// A window over the window, as it is at first.
    fn dialog(&self, kind: DialogKind) -> Option<Dialog> {
        Some(match kind {
            DialogKind::Open => Dialog::Open(Opening::default()),
            DialogKind::Palette => Dialog::Palette(Palette::default()),
            DialogKind::Shortcuts => Dialog::Shortcuts,
            DialogKind::About => Dialog::About,
            DialogKind::Export => Dialog::Export(self.exporting()),
            DialogKind::Save => Dialog::Save(Box::new(self.saving()?)),
        })
    }

    fn open(&mut self, path: PathBuf) {
        // What failed before was about something else.
        self.state.notices.clear();
        // Remembered, it must name the same store wherever the next window is started.
        let path = std::path::absolute(&path).unwrap_or(path);
        if !self.state.asked.contains(&path) {
            self.state.asked.push(path.clone());
        }
        let job = self.jobs.start(Job::Open { path: path.clone() });
        self.state.opening.push((job, path));
    }

    fn close(&mut self, id: StoreId) {
        let of_store = self.jobs.running().filter(|(_, job)| job.store == Some(id));
        let ids: Vec<_> = of_store.map(|(job, _)| job).collect();
        for job in ids {
            self.jobs.cancel(job);
        }
        let stores = &mut self.state.stores;
        let Some(at) = stores.iter().position(|s| s.info.id == id) else {
            return;
        };
        let closed = stores.remove(at);
        // The next one takes its place, as a tab does; of the last one the one before.
        if self.state.shown == Some(id) {
            let neighbour = stores.get(at).or(stores.last());
            self.state.shown = neighbour.map(|s| s.info.id);
        }
        // Opened again, it stands last.
        let path = &closed.info.opened_as;
        if stores.iter().all(|s| s.info.opened_as != *path) {
            self.state.asked.retain(|asked| asked != path);
            self.lookouts.remove(path);
        }
        self.look_for_held();
    }

    /// Ends the work for a plan that nobody waits for any more.
    fn drop_plan(&mut self) {
        let job = match &self.state.dialog {
            Some(Dialog::Clear(clearing)) if matches!(clearing.stage, Stage::Planning) => {
                clearing.job
            }
            Some(Dialog::Compact(compacting))
                if matches!(compacting.stage, CompactStage::Predicting) =>
            {
                compacting.job
            }
            _ => None,
        };
        if let Some(job) = job {
            self.jobs.cancel(job);
        }
    }

    fn table(&mut self, command: TableCommand) {
        let saved = &mut self.state.saved;
        match command {
            TableCommand::SortBy(column) => {
                if let Some(store) = self.state.shown_mut() {
                    store.entries.column = None;
                }
                self.sort_by(column);
            }
            TableCommand::Group(is_grouped) => {
                saved.is_grouped = is_grouped;
                self.arrange_all();
            }
            TableCommand::Fold(group) => {
                if let Some(store) = self.state.shown_mut() {
                    store.entries.fold(&group);
                }
            }
            TableCommand::FoldAll(is_folded) => {
                if let Some(store) = self.state.shown_mut() {
                    store.entries.fold_all(is_folded);
                }
            }
            TableCommand::Select(pick) => self.select(&pick),
            TableCommand::Largest(n) => self.largest(n),
            TableCommand::Order(order) => saved.order = order,
            TableCommand::ArgumentColumns(has_columns) => saved.has_argument_columns = has_columns,
            TableCommand::ResetColumns => saved.reset_columns(),
            TableCommand::Column(column) => {
                let column = match column {
                    SortBy::Arg(_) => SortBy::Args,
                    column => column,
                };
                if let Some(at) = saved.hidden.iter().position(|c| *c == column) {
                    saved.hidden.remove(at);
                } else {
                    saved.hidden.push(column);
                }
            }
            TableCommand::Take(column) => {
                if let Some(store) = self.state.shown_mut() {
                    store.entries.column = Some(column);
                }
            }
            TableCommand::Width(column, width) => {
                saved.widths.retain(|(of, _)| *of != column);
                saved.widths.push((column, width));
            }
        }
    }

    fn sort_by(&mut self, column: SortBy) {
        use SortBy as By;
        let sort = &mut self.state.saved.sort;
        // Figures are looked at from their largest, texts from A, conditions from the worst.
        let is_ascending = if sort.by == column {
            sort.direction == Direction::Descending
        } else {
            matches!(
                column,
                By::Group | By::Key | By::Args | By::ValueType | By::Condition
            )
        };
        sort.by = column;
        sort.direction = if is_ascending {
            Direction::Ascending
        } else {
            Direction::Descending
        };
        self.arrange_all();
    }

    /// The selection follows when the rows have their new order.
    fn largest(&mut self, n: usize) {
        let saved = &mut self.state.saved;
        saved.tab = Tab::Entries;
        saved.is_grouped = false;
        saved.sort = Sort {
            by: SortBy::Bytes,
            direction: Direction::Descending,
        };
        if let Some(store) = self.state.shown_mut() {
            store.entries.pick_next = Some(Pick::These(0..n));
        }
        self.arrange_all();
    }

    pub(super) fn select(&mut self, pick: &Pick) {
        let Some(store) = self.state.shown_mut() else {
            return;
        };
        let entries = &mut store.entries;
        let Some(arranged) = &entries.arranged else {
            return;
        };
        let is_moved = entries.selection.pick(pick, arranged, &entries.lines);
        let cursor = entries.selection.cursor();
        if is_moved && let Some(line) = cursor.and_then(|at| entries.lines.line_near(at)) {
            entries.scroll.show_line(line);
        }
        let (id, is_adding) = (store.info.id, entries.selection.adding().is_some());
        if is_adding {
            self.arrange(id);
        }
        self.preview(id);
    }

    fn entry(&mut self, command: EntryCommand) {
        let Some(store) = self.state.shown_mut() else {
            return;
        };
        let preview = &mut store.preview;
        match command {
            EntryCommand::Tab(tab) => preview.tab = tab,
            EntryCommand::Branch(branch) => preview.tree.change(branch),
            EntryCommand::Body(node) => {
                let id = store.info.id;
                self.look_into(id, node);
            }
            EntryCommand::BodyBranch(branch) => preview.body.change(branch),
            EntryCommand::Inside(None) => preview.leave_inside(),
            EntryCommand::Inside(Some((node, path))) => {
                let id = store.info.id;
                self.look_inside(id, node, &path);
            }
            EntryCommand::InsideBranch(branch) => preview.inside.tree.change(branch),
            EntryCommand::BodyAsText(is_as_text) => preview.body.is_as_text = is_as_text,
            EntryCommand::Layer(layer) => {
                let content = preview.layer(layer);
                preview.hex = Hex::new(layer, content.as_ref());
            }
            EntryCommand::FindBytes => self.find_bytes(),
            EntryCommand::GoTo(offset) => preview.hex.mark(offset),
            EntryCommand::Array(command) => preview.array.change(command),
            EntryCommand::Save(path) => self.save(path),
            EntryCommand::Secrets(shows_secrets) => {
                let id = store.info.id;
                self.read_entry(id, shows_secrets);
            }
            EntryCommand::CompareCode => self.compare_code(),
            // It asks the store, which is no work for this thread.
            EntryCommand::Copy(CopyOf::Python) => self.copy_python(),
            EntryCommand::Copy(of) => {
                let text = store.copied(of);
                if let Some(text) = text {
                    self.handle(Command::Copy(text));
                }
            }
            EntryCommand::Focus => preview.is_wanted = true,
        }
    }

    fn need(&mut self, need: Need) {
        let Some(id) = self.state.shown else { return };
        match need {
            Need::Glances(rows) => self.glance(id, &rows),
            Need::Survey(layout, now) => self.survey(id, layout, now),
            Need::Look(sight) => self.look(id, sight),
            Need::Summary => self.sum_up(id),
            Need::Advice => self.advise(id),
            Need::Page(offset) => self.read_page(id, offset),
            Need::Code => self.compare_code(),
        }
    }

    fn glance(&mut self, id: StoreId, rows: &[Row]) {
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        let mut entries = Vec::with_capacity(rows.len());
        let Some(snapshot) = store.on_screen().cloned() else {
            return;
        };
        for record in rows.iter().filter_map(|row| snapshot.record(*row)) {
            let version = record.version();
            // Asked once: what cannot be read stays blank.
            store.glances.insert(record.id(), version, None);
            entries.push((record.entry_key(), version));
        }
        let store_info = Arc::clone(&store.info);
        store.glancing = Some(self.jobs.start(Job::Glance {
            store: store_info,
            entries,
        }));
    }

    fn survey(&mut self, id: StoreId, layout: Layout, now: Time) {
        let neighbours = self.state.neighbours();
        let beside: Vec<_> = neighbours.into_iter().map(|n| n.beside).collect();
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        let Some(Arranged { rows, snapshot, .. }) = store.entries.arranged.as_deref() else {
            return;
        };
        let overview = &mut store.overview;
        // The treemap of all stores goes into none of them.
        let zoom = overview.zoom.clone().filter(|_| beside.is_empty());
        overview.asked = Some(Asked {
            found: Arc::clone(rows),
            verdicts: Arc::clone(&store.verdicts),
            layout,
            zoom: zoom.clone(),
            beside: beside.clone(),
        });
        let job = Job::Survey(Box::new(Survey {
            snapshot: Arc::clone(snapshot),
            verdicts: Arc::clone(&store.verdicts),
            found: Arc::clone(rows),
            now,
            layout,
            zoom,
            beside,
        }));
        self.jobs.replace(&mut overview.job, job);
    }

    /// Looks for what was typed, behind the place where it was found last.
    fn find_bytes(&mut self) {
        let Some(store) = self.state.shown_mut() else {
            return;
        };
        let id = store.info.id;
        let content = store.preview.layer(store.preview.hex.layer);
        let search = &mut store.preview.hex.search;
        let (Some(content), Some(needle)) = (content, search.needle()) else {
            search.say("Type text, or bytes in hex as 0x80 04");
            return;
        };
        let from = search.found.map_or(0, |(offset, _)| offset + 1);
        search.say("Searching…");
        let job = Job::Find {
            store: id,
            content,
            needle,
            from,
        };
        self.jobs.replace(&mut search.job, job);
    }

    fn look(&mut self, id: StoreId, sight: Sight) {
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        let preview = &mut store.preview;
        let Some(target) = preview.array.target.clone() else {
            return;
        };
        preview.array.asked = Some(sight.clone());
        preview.array.failure = None;
        let job = Job::Look {
            store: id,
            target,
            sight,
        };
        self.jobs.replace(&mut preview.array.job, job);
    }

    fn sum_up(&mut self, id: StoreId) {
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        if let Some(target) = store.preview.array.target.clone() {
            store.preview.array.is_summed = true;
            let sight = Sight::Summary;
            let job = Job::Look {
                store: id,
                target,
                sight,
            };
            self.jobs.replace(&mut store.preview.array.summing, job);
        }
    }

    fn advise(&mut self, id: StoreId) {
        if let Some(store) = self.state.store_mut(id) {
            store.advice.asked = Some(store.snapshot.generation);
            let job = Job::Advise(Arc::clone(&store.snapshot));
            self.jobs.replace(&mut store.advice.job, job);
        }
    }

    fn read_page(&mut self, id: StoreId, offset: u64) {
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        let content = store.preview.layer(store.preview.hex.layer);
        if let Some(content) = content {
            let job = Job::Bytes {
                store: id,
                content,
                offset,
            };
            self.jobs.replace(&mut store.preview.hex.job, job);
        }
    }
}
