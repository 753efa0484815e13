//! Caches on this computer: the places where Python programs keep them, walked and recognised by bytes.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Result;
use crate::model::{Cancel, Issue, Progress, StoreInfo};
use crate::own::StateDir;
use crate::source::{Dir, open_parent};
use crate::stores::{Confidence, Recognised, Search, Skip};

/// The tag that marks a folder as a cache (<https://bford.info/cachedir/>).
const CACHE_TAG: &str = "CACHEDIR.TAG";
const CACHE_TAG_HEAD: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// What a search tells its caller.
pub trait Finds {
    /// A store.
    fn store(&mut self, store: Arc<StoreInfo>);

    /// A place that could not be looked at.
    fn issue(&mut self, issue: Issue);
}

/// Finds every store below folders that a person named.
///
/// # Errors
/// If none of the folders can be listed, or the search was cancelled.
pub fn find_below(
    folders: &[PathBuf],
    cancel: &Cancel,
    progress: &Progress,
    finds: &mut dyn Finds,
) -> Result<()> {
    let mut first_error = None;
    let mut n_searched = 0;
    let mut only_new = OnlyNew::over(finds);
    for folder in folders {
        let (place, root) = match open_parent(folder).and_then(|p| Ok((p, Dir::open(folder)?))) {
            Ok(opened) => opened,
            Err(error) => {
                only_new.issue(Issue::from_error(&error, folder));
                first_error.get_or_insert(error);
                continue;
            }
        };
        n_searched += 1;
        let root_path = root.path().to_owned();
        // As when the folder is opened: what could be many things is a cache where somebody names it.
        let is_cache =
            |found: &Recognised| found.confidence > Confidence::Possible || found.path == root_path;
        let walk = Walk {
            max_depth: usize::MAX,
            skips: is_never_a_cache,
            is_wanted: &is_cache,
            cancel,
            progress,
        };
        walk.run(&root, Some(&place), &mut only_new)?;
    }
    match first_error {
        Some(error) if n_searched == 0 => Err(error),
        _ => Ok(()),
    }
}

/// Finds the caches in the usual places of this computer: what surely is one, and what lies in a folder that says so.
///
/// # Errors
/// If the search was cancelled.
pub fn find_on_this_computer(
    cancel: &Cancel,
    progress: &Progress,
    finds: &mut dyn Finds,
) -> Result<()> {
    find_in_places(&usual_places(), cancel, progress, finds)
}

fn find_in_places(
    places: &[Place],
    cancel: &Cancel,
    progress: &Progress,
    finds: &mut dyn Finds,
) -> Result<()> {
    let mut only_new = OnlyNew::over(finds);
    for place in places {
        // A place that is not there is nothing to report.
        let Ok(dir) = Dir::open(&place.folder) else {
            continue;
        };
        let is_cache = |found: &Recognised| {
            found.confidence == Confidence::Certain || is_kept_as_cache(&found.path)
        };
        let walk = Walk {
            max_depth: place.max_depth,
            skips: is_no_place_for_caches,
            is_wanted: &is_cache,
            cancel,
            progress,
        };
        let itself = place.may_be_cache.then(|| open_parent(&place.folder).ok());
        walk.run(&dir, itself.flatten().as_ref(), &mut only_new)?;
    }
    Ok(())
}

/// How a folder is walked.
struct Walk<'a> {
    max_depth: usize,
    skips: fn(&OsStr) -> Option<Skip>,
    is_wanted: &'a dyn Fn(&Recognised) -> bool,
    cancel: &'a Cancel,
    progress: &'a Progress,
}

impl Walk<'_> {
    /// Walks what lies below `dir`; `itself` is where that folder lies and its name, if it may be a store itself.
    fn run(
        &self,
        dir: &Dir,
        itself: Option<&(Dir, OsString)>,
        finds: &mut dyn Finds,
    ) -> Result<()> {
        let search = Search {
            max_depth: self.max_depth,
            max_folders: usize::MAX,
            skips: self.skips,
            stays_on_disk: true,
            tells_root: true,
            is_cancelled: &|| {
                self.progress.add(1);
                self.cancel.is_cancelled()
            },
            enters: &|_| {},
            only: &|_| None,
        };
        let mut told = Vec::new();
        let mut found = |found: Recognised| {
            if (self.is_wanted)(&found) {
                let Recognised {
                    path, kind, writer, ..
                } = found;
                finds.store(Arc::new(StoreInfo::new(&path, &path, kind, writer)));
            }
        };
        let mut tell = |issue| told.push(issue);
        match itself {
            Some((parent, name)) => {
                search.run_from((parent, name), dir, &mut found, &mut tell);
            }
            None => {
                search.run(dir, None, &mut found, &mut tell);
            }
        }
        for issue in told {
            finds.issue(issue);
        }
        self.cancel.check()
    }
}

/// Places overlap (the working folder lies in the home folder): each store is told once, and each issue.
struct OnlyNew<'a> {
    stores: HashSet<(PathBuf, &'static str)>,
    issues: HashSet<(PathBuf, String)>,
    finds: &'a mut dyn Finds,
}

impl<'a> OnlyNew<'a> {
    fn over(finds: &'a mut dyn Finds) -> Self {
        Self {
            stores: HashSet::new(),
            issues: HashSet::new(),
            finds,
        }
    }
}

impl Finds for OnlyNew<'_> {
    fn store(&mut self, store: Arc<StoreInfo>) {
        if self.stores.insert((store.path.clone(), store.kind)) {
            self.finds.store(store);
        }
    }

    fn issue(&mut self, issue: Issue) {
        if self
            .issues
            .insert((issue.path.clone(), issue.message.clone()))
        {
            self.finds.issue(issue);
        }
    }
}

/// A folder that caches may lie in.
struct Place {
    folder: PathBuf,
    /// How deep to look.
    max_depth: usize,
    /// True where a person may stand in a cache.
    may_be_cache: bool,
}

impl Place {
    fn new(folder: PathBuf, max_depth: usize) -> Self {
        Self {
            folder,
            max_depth,
            may_be_cache: false,
        }
    }
}

/// Where caches lie: the system's cache folder, the working folder, the home folder.
fn usual_places() -> Vec<Place> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let home = std::env::home_dir();
    let mut places = Vec::new();
    places.extend(variable("XDG_CACHE_HOME").map(|p| Place::new(p, 8)));
    places.extend(variable("LOCALAPPDATA").map(|p| Place::new(p, 6)));
    if let Some(home) = home {
        places.push(Place::new(home.join(".cache"), 8));
        places.push(Place::new(home.join("Library/Caches"), 8));
        places.push(Place::new(home, 6));
    }
    places.extend(StateDir::default_place().map(|own| Place::new(own.runs(), 2)));
    places.extend(std::env::current_dir().ok().map(|folder| Place {
        may_be_cache: true,
        ..Place::new(folder, 8)
    }));
    places
}

/// History, notebooks and downloaded data look like caches and are what a person wants to keep.
fn is_never_a_cache(name: &OsStr) -> Option<Skip> {
    const HISTORY: &[&str] = &[
        "history.sqlite",
        "places.sqlite",
        "cookies.sqlite",
        "favicons.sqlite",
        "formhistory.sqlite",
        "nbsignatures.db",
        "file_id_manager.db",
        ".jupyter_ystore.db",
        ".ipynb_checkpoints",
    ];
    const PROFILES: &[&str] = &[
        ".mozilla",
        "mozilla",
        "firefox",
        ".thunderbird",
        "thunderbird",
        "google-chrome",
        "chromium",
        "BraveSoftware",
        "microsoft-edge",
    ];
    const DATA: &[&str] = &[
        "scikit_learn_data",
        "nltk_data",
        "seaborn-data",
        "tensorflow_datasets",
        "huggingface",
        "torch",
        ".keras",
        "openml",
        "gensim-data",
        "kagglehub",
        "scikit-image",
        "stanza_resources",
        "whisper",
        ".fastai",
        ".flair",
    ];
    // The hub of Hugging Face names its folders so, wherever its home was put.
    const HUB: [&str; 3] = ["models--", "datasets--", "spaces--"];
    const VERSION_CONTROL: &[&str] = &[".git", ".hg", ".svn"];
    let name = name.to_str()?;
    if HISTORY.contains(&name) {
        Some(Skip::AsIfItWere("history of a program"))
    } else if PROFILES.contains(&name) {
        Some(Skip::AsIfItWere("the profile of a browser or mail program"))
    } else if DATA.contains(&name) || HUB.iter().any(|prefix| name.starts_with(prefix)) {
        Some(Skip::AsIfItWere("downloaded data"))
    } else {
        VERSION_CONTROL.contains(&name).then_some(Skip::Silently)
    }
}

/// On a whole computer, also what belongs to installed programs.
fn is_no_place_for_caches(name: &OsStr) -> Option<Skip> {
    const NAMES: &[&str] = &[
        "__pycache__",
        "site-packages",
        "dist-packages",
        "node_modules",
        "target",
        ".cargo",
        ".rustup",
        ".pyenv",
        ".conda",
        "miniconda3",
        "anaconda3",
        ".venv",
        "venv",
        ".tox",
        ".nox",
        ".local",
        ".npm",
        ".ssh",
        ".gnupg",
        "Trash",
    ];
    let is_a_programs = |name: &str| NAMES.contains(&name).then_some(Skip::Silently);
    is_never_a_cache(name).or_else(|| is_a_programs(name.to_str()?))
}

/// True if a folder on the way says that what it holds is a cache: by its name or by its tag.
fn is_kept_as_cache(path: &Path) -> bool {
    path.ancestors().skip(1).any(|folder| {
        let name = folder
            .file_name()
            .map(|n| n.to_string_lossy().to_lowercase());
        name.is_some_and(|n| n.contains("cache")) || has_tag(folder)
    })
}

fn has_tag(folder: &Path) -> bool {
    let mut head = Vec::new();
    let read = Dir::open(folder)
        .map(|dir| dir.read_small(CACHE_TAG.as_ref(), CACHE_TAG_HEAD.len(), &mut head));
    matches!(read, Ok(Ok(()))) && head == CACHE_TAG_HEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Paths(Vec<String>, Vec<Issue>);

    impl Finds for Paths {
        fn store(&mut self, store: Arc<StoreInfo>) {
            self.0.push(
                store
                    .path
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned(),
            );
        }

        fn issue(&mut self, issue: Issue) {
            self.1.push(issue);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    fn joblib(folder: &Path) {
        let entry = folder.join("joblib/mod/f/0123456789abcdef0123456789abcdef");
        std::fs::create_dir_all(&entry).unwrap();
        std::fs::write(entry.join("output.pkl"), b"\x80\x04K\x01.").unwrap();
    }

    #[test]
    fn stores_are_found_below_and_history_and_quarantine_are_not() {
        let temp = tempfile::tempdir().unwrap();
        joblib(&temp.path().join("project"));
        joblib(&temp.path().join(crate::clear::QUARANTINE).join("x"));
        for kept in ["scikit_learn_data", "google-chrome", "datasets--org--name"] {
            joblib(&temp.path().join(kept));
        }
        let mut paths = Paths::default();
        let progress = Progress::default();
        find_below(
            &[temp.path().to_owned()],
            &Cancel::default(),
            &progress,
            &mut paths,
        )
        .unwrap();
        assert_eq!(paths.0, ["joblib"]);
        assert!(progress.done() > 0);
        // What may be a cache all the same is told.
        let mut told: Vec<_> = paths.1.iter().map(|issue| issue.path.file_name()).collect();
        told.sort();
        let kept = ["datasets--org--name", "google-chrome", "scikit_learn_data"];
        assert_eq!(told, kept.map(|name| Some(OsStr::new(name))));
    }

    #[test]
    fn on_this_computer_each_store_and_each_issue_is_told_once() {
        let temp = tempfile::tempdir().unwrap();
        let cache = temp.path().join(".cache");
        joblib(&cache.join("project"));
        joblib(&cache.join("torch"));
        let mut paths = Paths::default();
        find_in_places(
            &[Place::new(cache, 8), Place::new(temp.path().to_owned(), 6)],
            &Cancel::default(),
            &Progress::default(),
            &mut paths,
        )
        .unwrap();
        assert_eq!(paths.0, ["joblib"]);
        let told: Vec<_> = paths.1.iter().map(|issue| issue.path.file_name()).collect();
        assert_eq!(told, [Some(OsStr::new("torch"))]);
    }

    #[test]
    fn what_could_be_many_things_is_not_told_and_folders_in_each_other_are_told_once() {
        let temp = tempfile::tempdir().unwrap();
        joblib(&temp.path().join("project"));
        // A pickle's first bytes, and no opcode behind them.
        #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
        std::fs::write(temp.path().join("font"), b"\x80\x04\xff\xff").unwrap();
        let mut paths = Paths::default();
        let folders = [temp.path().to_owned(), temp.path().join("project")];
        find_below(
            &folders,
            &Cancel::default(),
            &Progress::default(),
            &mut paths,
        )
        .unwrap();
        assert_eq!(paths.0, ["joblib"]);
    }

    #[test]
    fn a_folder_that_is_a_cache_itself_is_found_as_one() {
        let temp = tempfile::tempdir().unwrap();
        joblib(temp.path());
        let store = temp.path().join("joblib");
        let progress = Progress::default();
        let mut paths = Paths::default();
        find_below(
            std::slice::from_ref(&store),
            &Cancel::default(),
            &progress,
            &mut paths,
        )
        .unwrap();
        assert_eq!(paths.0, ["joblib"]);
        // As when a person stands in it and names no folder.
        let place = Place {
            may_be_cache: true,
            ..Place::new(store, 8)
        };
        let mut paths = Paths::default();
        find_in_places(&[place], &Cancel::default(), &progress, &mut paths).unwrap();
        assert_eq!(paths.0, ["joblib"]);
    }

    #[test]
    fn a_cancelled_search_says_so() {
        let temp = tempfile::tempdir().unwrap();
        let cancel = Cancel::default();
        cancel.cancel();
        let found = find_below(
            &[temp.path().to_owned()],
            &cancel,
            &Progress::default(),
            &mut Paths::default(),
        );
        assert!(found.unwrap_err().is_cancelled());
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_it() {
        let missing = PathBuf::from("/nowhere/at/all");
        let mut paths = Paths::default();
        let error = find_below(
            &[missing],
            &Cancel::default(),
            &Progress::default(),
            &mut paths,
        )
        .unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
        assert_eq!(paths.1.len(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn other_file_systems_and_links_are_left_alone() {
        let mut paths = Paths::default();
        let root = Dir::open(Path::new("/")).unwrap();
        let is_other = |name: &OsStr| (name != "proc" && name != "sys").then_some(Skip::Silently);
        let all = |_: &Recognised| true;
        let (cancel, progress) = (Cancel::default(), Progress::default());
        let walk = Walk {
            max_depth: 3,
            skips: is_other,
            is_wanted: &all,
            cancel: &cancel,
            progress: &progress,
        };
        walk.run(&root, None, &mut paths).unwrap();
        let told: Vec<_> = paths.1.iter().map(|issue| issue.path.clone()).collect();
        assert_eq!(told, [Path::new("/proc"), Path::new("/sys")]);
        assert!(progress.done() <= 3, "{}", progress.done());

        let temp = tempfile::tempdir().unwrap();
        let project = temp.path().join("project");
        joblib(&project);
        std::os::unix::fs::symlink(temp.path(), project.join("loop")).unwrap();
        std::os::unix::fs::symlink(&project, temp.path().join("again")).unwrap();
        let mut paths = Paths::default();
        let folders = [temp.path().to_owned()];
        find_below(&folders, &cancel, &progress, &mut paths).unwrap();
        assert_eq!(paths.0, ["joblib"]);
    }

    #[test]
    fn a_tag_or_a_name_makes_a_folder_a_cache() {
        let temp = tempfile::tempdir().unwrap();
        let plain = temp.path().join("plain");
        std::fs::create_dir(&plain).unwrap();
        assert!(!is_kept_as_cache(&plain.join("x.pkl")));
        #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
        std::fs::write(plain.join(CACHE_TAG), CACHE_TAG_HEAD).unwrap();
        assert!(is_kept_as_cache(&plain.join("x.pkl")));
        assert!(is_kept_as_cache(Path::new("/home/x/.cache/y.pkl")));
    }
}
