//! Sparse matrices that real scipy wrote: shape, type and stored elements are what scipy says.

use base64::Engine as _;
use serde_json::{Value as Json, json};

use super::{is_same, preview};
use crate::formats::numpy::Look;

/// `tests/fixtures/generate_sparse.py` writes these.
const MATRICES: &str = include_str!("../../../../../tests/fixtures/sparse.jsonl");

#[test]
fn sparse_matrices_are_described_as_scipy_describes_them() {
    let look = Look {
        max_bytes: 1 << 20,
        is_cancelled: &|| false,
        batch: None,
    };
    let mut failures = Vec::new();
    for line in MATRICES.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(case["bytes"].as_str().unwrap())
            .unwrap();
        let preview = preview(bytes);
        let ours = preview.sparse_handle.as_ref().map_or(Json::Null, |sparse| {
            let matrix = &sparse.matrix;
            let density = sparse.density((512, 512), &look).unwrap().unwrap();
            assert!(!density.is_sampled);
            json!({
                "type": preview.value_type, "format": matrix.format, "shape": matrix.shape,
                "stored": matrix.n_stored, "dtype": matrix.dtype, "counts": density.cells,
            })
        });
        let facts = case["facts"].as_object().unwrap();
        let mut facts = facts.clone();
        if case["facts"]["format"] == "bsr" {
            // A block counts at its corner.
            facts.remove("counts");
        }
        let wrong: Vec<&String> = facts
            .iter()
            .filter(|(key, theirs)| !is_same(&ours[key.as_str()], theirs))
            .map(|(key, _)| key)
            .collect();
        if !wrong.is_empty() || !preview.problems.is_empty() {
            let (writer, name, carrier) = (&case["writer"], &case["name"], &case["carrier"]);
            failures.push(format!(
                "{writer} {name} {carrier} {wrong:?}: {ours}\n  expected {facts:?}"
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_coarse_grid_holds_every_stored_element() {
    let mut n = 0;
    for line in MATRICES.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(case["bytes"].as_str().unwrap())
            .unwrap();
        let Some(sparse) = preview(bytes).sparse_handle else {
            continue;
        };
        let look = Look {
            max_bytes: 1 << 20,
            is_cancelled: &|| false,
            batch: None,
        };
        let density = sparse.density((2, 2), &look).unwrap().unwrap();
        let sum: f64 = density.cells.iter().sum();
        let stored = case["facts"]["stored"].as_f64().unwrap();
        assert!((sum - stored).abs() < 1e-9, "{case:?} {density:?}");
        n += 1;
    }
    assert!(n > 100);
}
