//! Where the function of a joblib folder may stand today.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tree::{Source, Tree, mangled, recorded_file};
use crate::model::text;

/// One source text in which the function's name is defined.
pub(super) struct Place {
    sources: Arc<Vec<Source>>,
    at: usize,
    /// The qualified name.
    pub(super) name: String,
}

impl Place {
    /// Every definition that is called `name` inside a class or function.
    pub(super) fn nested(sources: &Arc<Vec<Source>>, name: &str) -> Vec<Self> {
        let mut places: Vec<Self> = Vec::new();
        for (at, source) in sources.iter().enumerate() {
            for definition in &source.outline.definitions {
                let is_known = |place: &Self| place.at == at && place.name == definition.name;
                if definition.name.rsplit('.').next() == Some(name) && !places.iter().any(is_known)
                {
                    places.push(Self {
                        sources: Arc::clone(sources),
                        at,
                        name: definition.name.clone(),
                    });
                }
            }
        }
        places
    }

    pub(super) fn source(&self) -> Option<&Source> {
        self.sources.get(self.at)
    }
}

/// What the search found.
pub(super) enum Found {
    /// Texts that define it.
    Places(Vec<Place>),
    /// None does; the sentence says where it was looked for. The sources are where it would be.
    Nowhere(String, Vec<Arc<Vec<Source>>>),
    /// It cannot be said, and why.
    Unknown(String),
}

/// Looks for the function of the folder `locator`, its parts as joblib made them.
pub(super) fn find(tree: &Tree, parts: &[&str]) -> Found {
    let is_cell = |part: &&str| part.contains("ipython-input") || part.contains("-ipykernel");
    let cell = parts.iter().position(is_cell);
    let script = parts.first().map(|part| part.strip_prefix("__main__-"));
    match (cell, script.flatten()) {
        (None, Some(head)) => in_scripts(tree, head, parts),
        _ if tree.is_empty() => Found::Unknown(
            "no folder of today's sources is chosen, and its name records no file".to_owned(),
        ),
        (Some(n), _) => in_notebooks(tree, parts, n + 1),
        (None, None) => in_modules(tree, parts),
    }
}

/// Sources looked into so far.
#[derive(Default)]
struct Search {
    places: Vec<Place>,
    looked: Vec<Arc<Vec<Source>>>,
    problem: Option<String>,
}

impl Search {
    /// Looks into one file; true if it defines the name, or one that would hold it.
    fn look(&mut self, tree: &Tree, path: &Path, name: &str) -> bool {
        let sources = match tree.read(path) {
            Ok(sources) => sources,
            Err(error) => {
                self.problem.get_or_insert(error.to_string());
                return false;
            }
        };
        let mut holds = false;
        let head = name.split('.').next().unwrap_or(name);
        for (at, source) in sources.iter().enumerate() {
            holds |= source.outline.definitions.iter().any(|d| d.name == head);
            if !source.outline.live(name).is_empty() {
                self.places.push(Place {
                    sources: Arc::clone(&sources),
                    at,
                    name: name.to_owned(),
                });
            } else if let Some(problem) = source.outline.problem {
                let file = text::path(path);
                let line = problem.row() + 1;
                self.problem.get_or_insert(format!(
                    "{file} is no whole Python text: see its line {line}"
                ));
            }
        }
        self.looked.push(sources);
        holds
    }

    fn finish(self, tree: &Tree, nowhere: impl FnOnce() -> String) -> Found {
        match (self.problem, tree.unseen()) {
            _ if !self.places.is_empty() => Found::Places(self.places),
            (Some(problem), _) => {
                Found::Unknown(format!("its source cannot be compared: {problem}"))
            }
            // What is not found may stand where nobody could look.
            (None, Some(why)) => {
                let root = text::path(tree.root());
                Found::Unknown(format!("not all of {root} could be looked into: {why}"))
            }
            (None, None) => Found::Nowhere(nowhere(), self.looked),
        }
    }
}

/// Any split of the parts into a module and a qualified name, the longest module first.
fn in_modules(tree: &Tree, parts: &[&str]) -> Found {
    let n_of_module = parts
        .iter()
        .take_while(|part| !part.starts_with('<'))
        .count();
    let longest = n_of_module.min(parts.len().saturating_sub(1));
    let mut holder: Option<(PathBuf, String)> = None;
    let mut search = Search::default();
    for n in (1..=longest).rev() {
        let (module, name) = parts.split_at(n);
        let name = name.join(".");
        for path in tree.modules(module) {
            let holds = search.look(tree, &path, &name);
            if n == longest || holds {
                holder.get_or_insert((path, name.clone()));
            }
        }
        if !search.places.is_empty() {
            break;
        }
    }
    search.finish(tree, || {
        if let Some((path, name)) = holder {
            return format!(
                "{} defines no {} today",
                text::path(&path),
                text::shown(&name)
            );
        }
        let module = parts.get(..longest).unwrap_or_default().join(".");
        let root = text::path(tree.root());
        format!("there is no module {} below {root}", text::shown(&module))
    })
}

/// `__main__-` and the script's absolute path; dots in it began new folders.
fn in_scripts(tree: &Tree, head: &str, parts: &[&str]) -> Found {
    let mut search = Search::default();
    let mut holder = None;
    let splits = (1..parts.len()).rev().map(|n| {
        let (script, name) = parts.split_at(n);
        let rest = script.get(1..).unwrap_or_default();
        let script = std::iter::once(head).chain(rest.iter().copied());
        (script.collect::<Vec<_>>().join("."), name.join("."))
    });
    let splits: Vec<_> = splits
        .filter(|(_, name)| !name.starts_with('<') || name.ends_with("<lambda>"))
        .collect();
    for (script, name) in &splits {
        for path in scripts(tree, script) {
            search.look(tree, &path, name);
            holder.get_or_insert((path, name.clone()));
        }
    }
    // The script may lie where it lay, outside of the folder that was named.
    if search.places.is_empty() {
        for (script, name) in &splits {
            match recorded_file(script) {
                Ok(Some(path)) => {
                    search.look(tree, &path, name);
                    holder.get_or_insert((path, name.clone()));
                }
                Ok(None) => {}
                Err(why) => drop(search.problem.get_or_insert(why)),
            }
        }
    }
    search.finish(tree, || {
        if let Some((path, name)) = holder {
            return format!(
                "{} defines no {} today",
                text::path(&path),
                text::shown(&name)
            );
        }
        let script = splits.last().map_or("", |(script, _)| script);
        let script = text::shown(script);
        if tree.is_empty() {
            return format!("no script has the recorded path {script} any more");
        }
        let root = text::path(tree.root());
        format!("no script below {root} has the recorded path {script}")
    })
}

/// Files whose mangled path is `script`, or else those that agree with its end in most parts: a project may have moved.
fn scripts(tree: &Tree, script: &str) -> Vec<PathBuf> {
    let files = tree.all_modules();
    let exact: Vec<PathBuf> = files
        .iter()
        .filter(|path| mangled(path) == script)
        .cloned()
        .collect();
    if !exact.is_empty() {
        return exact;
    }
    let agreeing = |path: &PathBuf| -> usize {
        let below: Vec<_> = path.components().collect();
        let tails =
            (1..=below.len()).map(|n| below.iter().rev().take(n).rev().collect::<PathBuf>());
        tails
            .take_while(|tail| {
                let rest = script.strip_suffix(&mangled(tail));
                rest.is_some_and(|rest| rest.ends_with('-'))
            })
            .count()
    };
    let rated: Vec<(usize, &PathBuf)> = files.iter().map(|path| (agreeing(path), path)).collect();
    let best = rated.iter().map(|(n, _)| *n).max().unwrap_or(0);
    let is_best = |(n, _): &&(usize, &PathBuf)| *n == best && best > 0;
    rated
        .iter()
        .filter(is_best)
        .map(|(_, path)| (*path).clone())
        .collect()
}

/// A cell's own file is gone with its kernel: its text stands in a notebook.
fn in_notebooks(tree: &Tree, parts: &[&str], n_of_cell: usize) -> Found {
    let name = parts.get(n_of_cell..).unwrap_or_default().join(".");
    let notebooks = tree.notebooks();
    if notebooks.is_empty() {
        let root = text::path(tree.root());
        return Found::Unknown(format!(
            "its source was a notebook's cell, and there is no notebook below {root}"
        ));
    }
    let mut search = Search::default();
    for path in notebooks {
        search.look(tree, path, &name);
    }
    // A cell of magics that reads as no Python hides no function of another cell.
    search.problem = None;
    let n = notebooks.len();
    search.finish(tree, || {
        format!("none of {n} notebooks defines {} today", text::shown(&name))
    })
}
