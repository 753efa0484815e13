//! The sample stores, judged by the libraries that wrote them: moving their times must have broken nothing.

use crate::support::python::Python;

const DISKCACHE: &str = r#"
import sys, time, warnings
import diskcache
warnings.simplefilter("error")
cache = diskcache.Cache(sys.argv[1])
cache.check()
hits, misses = cache.stats()
rows = cache._sql("SELECT store_time, expire_time FROM Cache").fetchall()
now = time.time()
stored_days = [(now - stored) / 86400 for stored, _ in rows]
expired = sum(expires is not None and expires < now for _, expires in rows)
print(len(cache), hits > misses > 0, 0 < min(stored_days) < max(stored_days) < 25, 0 < expired < len(rows) // 2)
"#;

const JOBLIB: &str = r#"
import sys, joblib
backend = joblib.Memory(sys.argv[1], verbose=0).store_backend
items = backend.get_items()
whole = 0
for item in items:
    if "fit_fold" in item.path or "profile" in item.path:
        continue  # classes and pandas that are not here
    try:
        joblib.load(item.path + "/output.pkl")
        whole += 1
    except (FileNotFoundError, ValueError, EOFError):
        pass
months = {item.last_access.strftime("%Y-%m") for item in items}
print(len(items), whole, len(months) > 1)
"#;

#[test]
fn diskcache_finds_the_sample_cache_whole_and_of_today() {
    let Some(python) = Python::env("diskcache-5.6") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stores = cachescope::samples::unpack_into(folder.path()).expect("samples unpack");
    let cache = stores.iter().find(|s| s.ends_with("llm_cache"));
    let said = python.run(DISKCACHE, cache);
    assert_eq!(said, "65 True True True\n");
}

#[test]
fn joblib_lists_the_sample_cache_and_loads_what_is_whole() {
    let Some(python) = Python::env("joblib-new") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stores = cachescope::samples::unpack_into(folder.path()).expect("samples unpack");
    let said = python.run(JOBLIB, stores.first());
    assert_eq!(said, "136 112 True\n");
}
