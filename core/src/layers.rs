//! The order of the modules in `lib.rs`, held against what each of them uses.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file of code below a folder, tests left out.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut waiting) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            match path.extension() {
                _ if name.contains("test") => {}
                None => waiting.push(path),
                Some(_) => found.push(path),
            }
        }
    }
    found
}

/// The text of a file without its comments, and without the tests at its end.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines();
    lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect()
}

#[test]
fn each_module_uses_those_above_it_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(root.join("lib.rs")).unwrap();
    let modules: Vec<_> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    // `error` and `model`, the first two, stand side by side: each speaks of the other.
    let place = |name: &str| Some(modules.iter().position(|m| *m == name)?.max(1));
    let mut n_uses = 0;
    for path in sources(&root) {
        let file = path.strip_prefix(&root).unwrap().to_str().unwrap();
        let module = file.split(['/', '\\', '.']).next().unwrap();
        let Some(own) = place(module) else { continue };
        for used in code_of(&path).split("crate::").skip(1) {
            let is_end = |c: char| !c.is_alphanumeric() && c != '_';
            let used = used.split(is_end).next().unwrap();
            if let Some(place) = place(used) {
                assert!(place <= own, "{file} uses {used}, which stands below it");
                n_uses += 1;
            }
        }
    }
    assert!(n_uses > modules.len());
}
