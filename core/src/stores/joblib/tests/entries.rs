//! Single entries: what checks find of them, how they are removed, what they are told by.

use super::*;

#[test]
fn checks_find_missing_parts_and_left_over_files() {
    let left_over = format!("mod/f/{HASH}/output.pkl.thread-1-pid-2");
    let temp = with_entries(
        &["mod/f"],
        &[
            (&format!("mod/g/{HASH}/output.pkl"), "x"),
            (&format!("mod/h/{HASH}/metadata.json"), META),
            (&left_over, "x"),
            (&format!("mod/old/{HASH}/output.pkl"), "x"),
            (&format!("mod/old/{HASH}/input_args.json"), r#"{"x": "1"}"#),
        ],
    );
    let snapshot = read(temp.path());
    let store = Store::open(&snapshot.store).unwrap();
    let conditions = |now_after_s: f64| {
        let options = CheckOptions {
            now: Time::from_unix_f64(Time::now().unix_f64() + now_after_s),
            expires_after_s: Some(1e9),
            ..CheckOptions::default()
        };
        let check = |record: Record<'_>| {
            let findings = store.check(&record.entry_key(), &options).unwrap();
            (
                format!("{}/{}", record.group.label, record.key_text()),
                findings.first().map(|f| f.condition),
            )
        };
        snapshot
            .records()
            .map(|(_, r)| check(r))
            .collect::<BTreeMap<_, _>>()
    };
    let left_over = format!("mod.f/{left_over}");
    let found = conditions(60.0);
    assert_eq!(found[&format!("mod.f/{HASH}")], None);
    assert_eq!(found[&format!("mod.g/{HASH}")], Some(Condition::Incomplete));
    assert_eq!(found[&format!("mod.h/{HASH}")], Some(Condition::Incomplete));
    assert_eq!(found[&format!("mod.old/{HASH}")], None);
    assert_eq!(found[&left_over], Some(Condition::Orphan));
    let found = conditions(2.0 * check::FRESH_S);
    assert_eq!(found[&left_over], Some(Condition::Orphan));
    assert_eq!(
        conditions(1e9)[&format!("mod.f/{HASH}")],
        Some(Condition::Expired)
    );
}

/// Before Python 3.8 `inspect` left out comments behind the last statement; pickles were of protocol 2 or 3 then.
#[test]
fn a_comment_at_the_end_that_an_old_python_left_out_makes_nothing_stale() {
    let source = folder(&[("mod.py", "def f(x):\n    return x\n    # the end\n")]);
    for (protocol, expected) in [
        (2, Condition::Fresh),
        (3, Condition::Fresh),
        (4, Condition::Stale),
    ] {
        let temp = folder(&[
            (
                "mod/f/func_code.py",
                "# first line: 1\ndef f(x):\n    return x\n",
            ),
            (
                &format!("mod/f/{HASH}/metadata.json"),
                r#"{"duration": 0.5, "input_args": {"x": "1"}}"#,
            ),
        ]);
        let output = temp.path().join(format!("mod/f/{HASH}/output.pkl"));
        fs::write(output, [0x80, protocol, b'K', 1, b'.']).unwrap();
        let info = open_all(temp.path()).unwrap().remove(0);
        let store = Store::open(&info).unwrap();
        let snapshot = read(temp.path());
        let (_, record) = snapshot.records().next().unwrap();
        let options = CheckOptions {
            source: Some(source.path().to_owned()),
            ..CheckOptions::default()
        };
        let verdict = crate::ops::check::entry(&store, &record, &options).unwrap();
        assert_eq!(
            verdict.condition, expected,
            "{protocol}: {:?}",
            verdict.evidence
        );
    }
}

#[test]
fn removal_moves_whole_folders_and_spares_work_in_progress() {
    let left_over = format!("mod/f/{HASH}/output.pkl.thread-1-pid-2");
    let temp = with_entries(
        &["mod/f"],
        &[(&left_over, "x"), (&format!("mod/f/{OTHER}/"), "")],
    );
    let snapshot = read(temp.path());
    let store = Store::open(&snapshot.store).unwrap();
    let removal = |key: &str| {
        let row = snapshot
            .records()
            .find(|(_, r)| r.key == key.as_bytes())
            .unwrap()
            .1;
        let removal = store.removal(&row.entry_key());
        if let Ok(Removal::Folder { path, witness, .. }) = &removal {
            let dir = store.dir().unwrap().open_below(path).unwrap();
            let seen = dir
                .stat(witness)
                .or_else(|_| dir.stat_self())
                .unwrap()
                .fingerprint();
            let listed = row.fingerprint();
            assert_eq!(
                (seen.dev, seen.ident, seen.modified),
                (listed.dev, listed.ident, listed.modified)
            );
        }
        removal
    };
    for key in [HASH, OTHER] {
        let Removal::Folder { path, owned, .. } = removal(key).unwrap() else {
            panic!("{key}")
        };
        assert_eq!(path, Path::new("mod/f").join(key));
        assert!(owned("metadata.json".as_ref()) && !owned("notes.txt".as_ref()));
    }
    assert!(matches!(removal(&left_over), Ok(Removal::Files { .. })));
    let orphan = || {
        let records = snapshot.records().map(|(_, record)| record);
        records.filter(|record| record.role == Role::Orphan)
    };
    let plan = Plan::new(&store, orphan()).unwrap();
    assert_eq!((plan.removals.len(), plan.refusals.len()), (0, 1));
    let plan = Plan::with(&store, orphan(), Fresh::Goes).unwrap();
    assert_eq!((plan.removals.len(), plan.refusals.len()), (1, 0));
    let file = fs::File::open(temp.path().join(&left_over)).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_hours(48))
        .unwrap();
    let snapshot = read(temp.path());
    let row = snapshot
        .records()
        .find(|(_, r)| r.key == left_over.as_bytes())
        .unwrap()
        .1;
    assert!(
        matches!(store.removal(&row.entry_key()).unwrap(), Removal::Files { paths, .. } if paths == [Path::new(&left_over)])
    );
}

#[test]
fn details_name_what_is_kept_out_of_the_key() {
    let temp = with_entries(&["mod/f"], &[]);
    let snapshot = read(temp.path());
    let store = Store::open(&snapshot.store).unwrap();
    let key = snapshot.records().next().unwrap().1.entry_key();
    let details = store.details(&key).unwrap();
    assert_eq!(details.args, [("x".to_owned(), "1".to_owned())]);
    assert_eq!(
        details.facts,
        [
            ("compressor".into(), "none".to_owned()),
            (
                "memory-mapping".into(),
                "arrays can be read with mmap_mode".to_owned()
            ),
            ("not part of the key".into(), "verbose".to_owned())
        ]
    );
    assert_eq!(details.source.unwrap().first_line, Some(1));
    assert_eq!(details.paths.len(), 2);
}

#[test]
fn side_files_are_opened_by_bare_names_of_joblibs_only() {
    let temp = with_entries(
        &["mod/f"],
        &[
            (&format!("mod/f/{HASH}/output.pkl_01.npy"), "12345"),
            ("mod/f/secret.npy", ""),
        ],
    );
    let snapshot = read(temp.path());
    let store = Store::open(&snapshot.store).unwrap();
    let key = snapshot.records().next().unwrap().1.entry_key();
    let side_files = store.open_value(&key).unwrap().side_files;
    assert_eq!(
        side_files
            .open_side_file("output.pkl_01.npy")
            .unwrap()
            .len(),
        5
    );
    for name in [
        "output.pkl_02.npy",
        "../secret.npy",
        "metadata.json",
        "/etc/passwd",
        "",
    ] {
        assert!(side_files.open_side_file(name).is_err(), "{name}");
    }
}

/// A fault of ours in one thread ends the listing: the others do not wait for it for ever.
#[test]
fn a_panic_while_an_entry_is_handed_on_ends_every_thread() {
    struct Faulty;
    impl Collector for Faulty {
        fn record(&mut self, _record: &Record<'_>) {
            panic!("a fault of ours");
        }
        fn issue(&mut self, _issue: Issue) {}
    }
    let temp = with_entries(&["m/f", "m/g", "n/h"], &[]);
    let store = Store::open(&open_all(temp.path()).unwrap()[0]).unwrap();
    let scan = || {
        store.scan(&crate::stores::Scan {
            detail: Detail::Sizes,
            cancel: &Cancel::default(),
            progress: &Progress::default(),
            threads: 3,
            collector: &|| Box::new(Faulty),
        })
    };
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(scan)).is_err());
}
