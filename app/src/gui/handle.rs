//! Runs commands: the only place where intent becomes a change of state or a job.

use std::path::PathBuf;

use cachescope_core::jobs::Job;
use cachescope_core::model::StoreId;
use cachescope_core::ops::{Direction, SortBy};

use super::command::Command;
use super::session::Session;
use super::state::Pick;

impl Session {
    /// Carries out what a person asked for.
    pub(crate) fn handle(&mut self, command: Command) {
        match command {
            Command::Open(path) => self.open(path),
            Command::OpenDialog => {}
            Command::Close(id) => self.close(id),
            Command::Refresh(id) => self.scan(id),
            Command::Show(id) => self.state.shown = Some(id),
            Command::Query(text) => {
                self.state.query = text;
                self.arrange_all();
            }
            Command::SortBy(column) => self.sort_by(column),
            Command::Group(is_grouped) => {
                self.state.saved.is_grouped = is_grouped;
                self.arrange_all();
            }
            Command::Fold(group) => {
                if let Some(store) = self.state.shown_mut() {
                    store.entries.fold(&group);
                }
            }
            Command::Select(pick) => self.select(&pick),
            Command::Cancel(job) => self.jobs.cancel(job),
            Command::Copy(text) => self.to_copy.push_back(text),
            Command::DismissNotice => {
                self.state.notices.pop();
            }
        }
    }

    fn open(&mut self, path: PathBuf) {
        let job = self.jobs.start(Job::Open { path: path.clone() });
        self.state.opening.push((job, path));
    }

    fn close(&mut self, id: StoreId) {
        let ids: Vec<_> = self
            .jobs
            .running()
            .filter(|(_, job)| job.store == Some(id))
            .map(|(job, _)| job)
            .collect();
        for job in ids {
            self.jobs.cancel(job);
        }
        self.state.stores.retain(|s| s.info.id != id);
        if self.state.shown == Some(id) {
            self.state.shown = self.state.stores.first().map(|s| s.info.id);
        }
    }

    fn sort_by(&mut self, column: SortBy) {
        use SortBy as By;
        let sort = &mut self.state.saved.sort;
        // Figures are looked at from their largest, texts from A, conditions from the worst.
        let is_ascending = if sort.by == column {
            sort.direction == Direction::Descending
        } else {
            matches!(column, By::Key | By::Args | By::ValueType | By::Condition)
        };
        sort.by = column;
        sort.direction = if is_ascending {
            Direction::Ascending
        } else {
            Direction::Descending
        };
        self.arrange_all();
    }

    fn select(&mut self, pick: &Pick) {
        let Some(store) = self.state.shown_mut() else {
            return;
        };
        let entries = &mut store.entries;
        let Some(arranged) = &entries.arranged else {
            return;
        };
        let is_moved = entries.selection.pick(pick, arranged, &entries.lines);
        if is_moved
            && let Some(line) = entries
                .selection
                .cursor()
                .and_then(|at| entries.lines.line_of(at))
        {
            entries.scroll.show_line(line);
        }
        let id = store.info.id;
        self.preview(id);
    }
}
