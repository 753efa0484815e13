//! Today's source against the one that a joblib folder was computed by, by joblib's own rules.
//!
//! `joblib/memory.py: _check_previous_func_code`: the stored text is the one that `inspect.getblock` gave;
//! any difference makes joblib wipe the folder. What the difference amounts to is told by its tokens.

mod notebook;
mod place;
mod tree;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use self::place::{Found, Place};
use self::tree::{Source, Tree};
use super::names;
use crate::Result;
use crate::formats::python::{self, BlockRule, Definition, DefinitionKind, Difference, Outline};
use crate::model::{Condition, Finding, text};
use crate::stores::{CachedSource, FoundSource, SourceToday};

/// Characters of a line that are shown where it changed.
const SHOWN: usize = 60;

/// What the writer of a function's folder means for its source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Age {
    /// True of joblib before 1.3: folders name the function alone, not the class or function around it.
    pub(super) names_alone: bool,
    /// How the Pythons that may have written it cut out the text of a function.
    pub(super) rules: &'static [BlockRule],
}

/// Findings of each function's folder.
type Known = HashMap<Box<[u8]>, Arc<[Finding]>>;

/// Sources of one job, with what was found out about each function so far.
pub(super) struct Sources {
    asked: PathBuf,
    tree: Tree,
    judged: Mutex<Known>,
}

impl Sources {
    /// The sources below a folder.
    ///
    /// # Errors
    /// If it is no folder or may not be listed.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        Ok(Self {
            asked: folder.to_owned(),
            tree: Tree::open(folder)?,
            judged: Mutex::default(),
        })
    }

    /// True if these are the sources below `folder`.
    pub(super) fn is_of(&self, folder: &Path) -> bool {
        self.asked == folder
    }

    /// The scripts whose paths the store itself recorded, and nothing else.
    pub(super) fn as_recorded() -> Self {
        Self {
            asked: PathBuf::new(),
            tree: Tree::empty(),
            judged: Mutex::default(),
        }
    }

    /// What its source says of a function's folder.
    pub(super) fn findings(
        &self,
        locator: &[u8],
        age: impl FnOnce() -> Age,
        cached: impl FnOnce() -> Result<Option<CachedSource>>,
    ) -> Arc<[Finding]> {
        let lock = || self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(locator) {
            return Arc::clone(known);
        }
        let finding = match cached() {
            Ok(Some(cached)) => self.judge(locator, age(), &cached).finding(),
            Err(error) => Some(note(error.to_string())),
            Ok(None) => Some(note(
                "func_code.py is missing: joblib computes the next call again and writes it anew",
            )),
        };
        let findings: Arc<[Finding]> = finding.into_iter().collect();
        lock().insert(locator.into(), Arc::clone(&findings));
        findings
    }

    /// The function of a folder as it stands today.
    pub(super) fn today(&self, locator: &[u8], age: Age, cached: &CachedSource) -> SourceToday {
        self.judge(locator, age, cached).today()
    }

    fn judge(&self, locator: &[u8], age: Age, cached: &CachedSource) -> Judged {
        let path = names::unquoted(&text::from_bytes(locator));
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let function = match Function::of(cached, &parts, age) {
            Ok(function) => function,
            Err(why) => return Judged::Unknown(why),
        };
        match place::find(&self.tree, &function.parts) {
            Found::Places(places) => function.compare(&places),
            Found::Unknown(why) => Judged::Unknown(why),
            Found::Nowhere(why, looked) => {
                let nested = if age.names_alone {
                    function.nested_in(&looked)
                } else {
                    Vec::new()
                };
                if nested.is_empty() {
                    return Judged::Gone(why);
                }
                function.compare(&nested)
            }
        }
    }
}

/// What became of a function, in words for a person.
enum Judged {
    /// It cannot be compared.
    Unknown(String),
    /// It is not where it was.
    Gone(String),
    /// It stands there.
    Found(String, FoundSource),
}

impl Judged {
    /// `None` where it is as it was.
    fn finding(self) -> Option<Finding> {
        match self {
            Self::Unknown(why) => Some(note(why)),
            Self::Gone(why) => Some(Finding::new(Condition::SourceGone, why)),
            Self::Found(_, found) if found.difference == Difference::None => None,
            Self::Found(says, _) => Some(Finding::new(Condition::Stale, says)),
        }
    }

    fn today(self) -> SourceToday {
        match self {
            Self::Unknown(why) | Self::Gone(why) => SourceToday::nothing(why),
            Self::Found(says, found) => SourceToday {
                says,
                found: Some(found),
            },
        }
    }
}

/// Evidence that is no reason for another condition.
fn note(evidence: impl Into<String>) -> Finding {
    Finding::new(Condition::Fresh, evidence)
}

/// The function as it was when its values were computed.
struct Function<'c> {
    cached: &'c str,
    parts: Vec<&'c str>,
    /// By which its text may have come about.
    rules: &'static [BlockRule],
}

impl<'c> Function<'c> {
    /// The reason where its text cannot be compared with any file.
    fn of(cached: &'c CachedSource, parts: &[&'c str], age: Age) -> Result<Self, String> {
        if cached.first_line.is_none() {
            let why = "its source was not known when it was cached (a builtin, or no file): nothing to compare";
            return Err(why.to_owned());
        }
        let mut parts = parts.to_vec();
        let folder = parts.pop().unwrap_or_default();
        // Python 2's joblib marked functions that another one's name hides so.
        let name = folder.strip_suffix("-alias").unwrap_or(folder);
        parts.push(name);
        let outline = Outline::of(&cached.text);
        let is_it = |d: &&Definition| (d.kind == DefinitionKind::Lambda) == (name == "<lambda>");
        let Some(first) = outline.definitions.iter().find(is_it) else {
            return Err("func_code.py holds no function: it was not written to its end".to_owned());
        };
        let own = first.name.rsplit('.').next().unwrap_or(&first.name);
        if own != name {
            let own = text::shown(own).into_owned();
            return Err(format!(
                "it was cached through a wrapper ({own}), whose source may lie anywhere: not compared"
            ));
        }
        Ok(Self {
            cached: &cached.text,
            parts,
            rules: age.rules,
        })
    }

    fn compare(&self, places: &[Place]) -> Judged {
        let mut changes = Vec::new();
        for place in places {
            let Some(source) = place.source() else {
                continue;
            };
            for definition in source.outline.live(&place.name) {
                let today = source.text.get(definition.start..).unwrap_or_default();
                let blocks = python::blocks(today, self.rules);
                let change = |today| Change {
                    place,
                    source,
                    definition,
                    today,
                };
                if blocks.contains(&self.cached) {
                    return change(self.cached).judged(Difference::None, self);
                }
                changes.extend(blocks.first().copied().map(change));
            }
        }
        let is_sure = |change: &Change<'_>| {
            let ascii = change.today.is_ascii() && self.cached.is_ascii();
            ascii || change.source.unknown_encoding.is_none()
        };
        if let Some(unsure) = changes.iter().find(|change| !is_sure(change)) {
            let encoding = unsure.source.unknown_encoding.as_deref();
            return Judged::Unknown(format!(
                "its source is not compared: {} is in the encoding {}",
                text::path(&unsure.source.path),
                text::brief(encoding.unwrap_or_default())
            ));
        }
        // Where several texts may be the one, the mildest difference is all that is proven.
        let rated = changes
            .iter()
            .map(|c| (python::compare(self.cached, c.today), c));
        match rated.min_by_key(|(d, _)| *d == Difference::Code) {
            Some((difference, change)) => change.judged(difference, self),
            None => Judged::Unknown("its source is not found in the file any more".to_owned()),
        }
    }

    fn say(&self, difference: Difference, change: &Change<'_>) -> String {
        let file = text::path(&change.source.path);
        let line = change.definition.row + 1;
        let name = text::shown(&change.place.name).into_owned();
        if difference == Difference::None {
            return format!("the code of {name} is what it was ({file}, line {line})");
        }
        if let Some(row) = self.collides(change) {
            return format!(
                "name collision: {file} defines {name} twice, and line {line} hides the one of line {} that computed this",
                row + 1
            );
        }
        match difference {
            Difference::None | Difference::Layout => format!(
                "only comments or layout of {name} changed ({file}, line {line}); joblib computes it again all the same"
            ),
            Difference::Code => {
                let changed = first_change(self.cached, change.today);
                format!("the code of {name} changed ({file}, line {line}): {changed}")
            }
        }
    }

    /// The row of an unchanged definition that a later one of its name hides.
    fn collides(&self, change: &Change<'_>) -> Option<usize> {
        let source = change.source;
        let same_name = source
            .outline
            .definitions
            .iter()
            .filter(|d| d.name == change.place.name);
        let is_it = |d: &&Definition| {
            let today = source.text.get(d.start..).unwrap_or_default();
            python::blocks(today, self.rules).contains(&self.cached)
        };
        same_name.into_iter().find(is_it).map(|d| d.row)
    }

    /// Where it may stand in a class or function: folders of joblib 1.2 and older name the function alone.
    fn nested_in(&self, looked: &[Arc<Vec<Source>>]) -> Vec<Place> {
        let name = self.parts.last().copied().unwrap_or_default();
        looked
            .iter()
            .flat_map(|sources| Place::nested(sources, name))
            .collect()
    }
}

/// A definition of today, beside the cached one.
struct Change<'p> {
    place: &'p Place,
    source: &'p Source,
    definition: &'p Definition,
    today: &'p str,
}

impl Change<'_> {
    fn judged(&self, difference: Difference, function: &Function<'_>) -> Judged {
        let found = FoundSource {
            path: self.source.path.clone(),
            first_line: self.definition.row as u64 + 1,
            text: self.today.to_owned(),
            difference,
        };
        Judged::Found(function.say(difference, self), found)
    }
}

/// The first line that differs, then and today.
fn first_change(then: &str, today: &str) -> String {
    let (mut then, mut today) = (then.lines(), today.lines());
    loop {
        match (then.next(), today.next()) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) if a.trim() == b.trim() => {
                return format!("the spaces around {} changed", quoted(a));
            }
            (Some(a), Some(b)) => return format!("{} is now {}", quoted(a), quoted(b)),
            (Some(a), None) => return format!("{} is gone", quoted(a)),
            (None, Some(b)) => return format!("{} is new", quoted(b)),
            (None, None) => return "the end of its last line".to_owned(),
        }
    }
}

fn quoted(line: &str) -> String {
    let line = line.trim();
    let head: String = line.chars().take(SHOWN).collect();
    let more = if head.len() < line.len() { "…" } else { "" };
    format!("“{}{more}”", text::shown(&head))
}
