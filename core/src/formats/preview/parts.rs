//! Files of several values: a pickled dict by its keys, pickles one after the other; each shown and checked alone.

use std::sync::Arc;

use super::{Carrier, Options, Preview, SideFiles, ValueCheck, arrays, of_decoded, peel};
use crate::formats::pickle::{self, Decoded, Skim};
use crate::formats::{Content, Problem};
use crate::model::Limits;
use crate::source::ReadAt;

/// Unpacked bytes up to this are kept, so that a part in the middle is not unpacked to anew.
const KEPT_BYTES: u64 = 64 << 20;
/// Values of one part that a check builds at most.
const CHECKED_NODES: u32 = 4_000_000;

/// A file of pickles, skimmed.
#[derive(Debug)]
pub struct PickleFile {
    /// The bytes behind their compression.
    pub content: Content,
    /// Where its parts stand.
    pub skim: Arc<Skim>,
}

/// One value of a file of pickles.
#[derive(Debug, Clone)]
pub struct PicklePart {
    /// The file.
    pub file: Arc<PickleFile>,
    /// Number of the pickle in the file, from 0.
    pub pickle: usize,
    /// Number of the key in its dict, from 0; `None` for the whole pickle.
    pub item: Option<usize>,
}

impl PickleFile {
    /// Finds the parts of a file's bytes.
    pub fn open(bytes: Arc<dyn ReadAt>, limits: &Limits) -> Self {
        Self::of(
            peel(bytes, Carrier::Pickle).unpacked_up_to(KEPT_BYTES),
            limits,
        )
    }

    /// Finds the parts of what a file holds.
    pub(crate) fn of(content: Content, limits: &Limits) -> Self {
        let skim = Arc::new(pickle::skim(&content, limits));
        Self { content, skim }
    }

    /// The same parts, read from other bytes of the same contents.
    pub(crate) fn read_from(&self, content: Content) -> Self {
        let skim = Arc::clone(&self.skim);
        Self { content, skim }
    }
}

/// Time for finding out whether a file holds more than one pickle, in milliseconds.
const COUNT_MILLIS: u64 = 500;

/// True if these bytes are one pickle, or too long to tell at once.
pub(crate) fn is_one_pickle(bytes: Arc<dyn ReadAt>) -> bool {
    let limits = Limits {
        time: std::time::Duration::from_millis(COUNT_MILLIS),
        ..Limits::PREVIEW
    };
    pickle::is_one(&peel(bytes, Carrier::Pickle), &limits)
}

impl PicklePart {
    /// Decodes it for show.
    pub fn preview(&self, side_files: &dyn SideFiles, options: &Options) -> Preview {
        let started = std::time::Instant::now();
        let content = self.file.content.clone();
        of_decoded(
            self.decode(&options.limits),
            content,
            started,
            side_files,
            options,
        )
    }

    /// Reads it to its end.
    ///
    /// Damage anywhere in its pickle is damage to it: Python loads the whole pickle or none of it.
    pub fn check(&self, side_files: &dyn SideFiles, limits: &Limits) -> ValueCheck {
        let limits = Limits {
            nodes: limits.nodes.min(CHECKED_NODES),
            ..*limits
        };
        let decoded = self.decode(&limits);
        let mut problems = decoded.problems;
        problems.extend(arrays::missing_parts(&decoded.value, side_files));
        let elsewhere = self
            .problems()
            .filter(|problem| !problems.contains(problem));
        let elsewhere: Vec<_> = elsewhere.cloned().collect();
        problems.extend(elsewhere);
        ValueCheck {
            problems,
            globals: decoded.globals,
            calls: decoded.calls,
            is_read_to_end: decoded.is_complete,
        }
    }

    fn decode(&self, limits: &Limits) -> Decoded {
        let PickleFile { content, skim } = &*self.file;
        let decoded = match self.item {
            Some(item) => skim
                .decode_item(content, self.pickle, item, limits)
                .map(|(decoded, _)| decoded),
            None => skim.decode_pickle(content, self.pickle, limits),
        };
        decoded.unwrap_or_else(|| Decoded::nothing("expected this part of the file, found it gone"))
    }

    /// What is wrong with its pickle.
    fn problems(&self) -> impl Iterator<Item = &Problem> {
        let skim = &self.file.skim;
        let pickle = skim.pickles.get(self.pickle);
        let range = pickle.map(|pickle| pickle.start..=pickle.end);
        let damage = skim.problems.iter().filter(|problem| problem.is_damage());
        damage.filter(move |problem| range.as_ref().is_some_and(|r| r.contains(&problem.offset)))
    }
}
