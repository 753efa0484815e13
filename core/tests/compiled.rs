//! Compiled modules and marshal files that real Pythons wrote decode to their last byte, and no prefix of them panics.

use std::path::{Path, PathBuf};

use cachescope_core::formats::marshal::{decode, decode_bare};
use cachescope_core::formats::pyc::Header;
use cachescope_core::model::Limits;

fn files_below(folder: &Path, suffix: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, suffix, found);
        } else if path.to_string_lossy().ends_with(suffix) {
            found.push(path);
        }
    }
}

fn fixtures(folder: &str, suffix: &str) -> Vec<(Vec<u8>, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(folder);
    let mut found = Vec::new();
    files_below(&root, suffix, &mut found);
    assert!(!found.is_empty(), "no {suffix} below {}", root.display());
    let read = |path: PathBuf| Some((std::fs::read(&path).ok()?, path));
    found.into_iter().filter_map(read).collect()
}

#[test]
fn every_compiled_module_decodes_to_its_end() {
    for (bytes, path) in fixtures("pyc", ".pyc") {
        let header = Header::parse(&bytes).unwrap_or_else(|| panic!("{}", path.display()));
        let decoded = decode(&bytes, header.len, header.layout(), &Limits::PREVIEW);
        assert_eq!(decoded.problem, None, "{}", path.display());
        assert_eq!(decoded.end, bytes.len(), "{}", path.display());
        assert!(decoded.n_code > 0, "{}", path.display());
        for n in 0..bytes.len() {
            let cut = &bytes[..n];
            if let Some(header) = Header::parse(cut) {
                assert!(
                    decode(cut, header.len, header.layout(), &Limits::PREVIEW)
                        .problem
                        .is_some(),
                    "{n}"
                );
            }
        }
    }
}

#[test]
fn every_marshal_file_decodes_to_its_end() {
    for (bytes, path) in fixtures("marshal", ".marshal") {
        let decoded = decode_bare(&bytes, &Limits::PREVIEW);
        assert_eq!(decoded.problem, None, "{}", path.display());
        assert_eq!(decoded.end, bytes.len(), "{}", path.display());
    }
}

#[test]
fn flipped_bytes_give_a_value_or_a_problem() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for (bytes, _) in fixtures("pyc", ".pyc") {
        let Some(header) = Header::parse(&bytes) else {
            continue;
        };
        for _ in 0..300 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let mut flipped = bytes.clone();
            let at = usize::try_from(state).unwrap() % flipped.len();
            flipped[at] ^= 1 << (state % 8);
            let decoded = decode(&flipped, header.len, header.layout(), &Limits::PREVIEW);
            assert!(decoded.end <= flipped.len());
        }
    }
}
