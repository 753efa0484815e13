//! What undo finds, what it leaves alone, and whose quarantine is believed.

use super::*;

#[test]
fn undo_keeps_what_the_program_stored_anew() {
    let bench = Bench::new();
    let plan = bench.plan();
    Bench::apply(&plan, How::Keep).0.unwrap();
    let again = bench
        .opened()
        .join("joblib/features/embed")
        .join(plan_key(&plan, "embed"));
    fs::create_dir(&again).unwrap();
    fs::write(again.join("output.pkl"), "newer").unwrap();
    let held = undo::list(&[bench.opened()], None).remove(0);
    let restored = undo::restore(
        &held,
        &Cancel::default(),
        &Progress::default(),
        &mut |_, _| {},
    )
    .unwrap();
    assert_eq!((restored.restored, restored.skipped), (4, 1));
    assert_eq!(fs::read(again.join("output.pkl")).unwrap(), b"newer");
    let held = undo::list(&[bench.opened()], None).remove(0);
    assert_eq!((held.entries, &held.state), (1, &HeldState::Whole));
    fs::remove_dir_all(&again).unwrap();
    bench.undo_all();
    assert_eq!(bench.tree(), bench.before);
}

/// joblib trusts every entry beside a `func_code.py` that matches, so old values must not come back beside new code.
#[test]
fn undo_never_puts_values_beside_other_code() {
    let bench = Bench::new();
    Bench::apply(&bench.plan(), How::Keep).0.unwrap();
    let code = bench.opened().join("joblib/features/embed/func_code.py");
    let old = fs::read_to_string(&code).unwrap();
    fs::write(&code, old.replace("return", "return 1 +")).unwrap();
    let mut reasons = Vec::new();
    let held = undo::list(&[bench.opened()], None).remove(0);
    let restored = undo::restore(
        &held,
        &Cancel::default(),
        &Progress::default(),
        &mut |entry, outcome| {
            if let Outcome::Skipped(reason) = outcome {
                reasons.push((entry.group_label.clone(), reason.to_string()));
            }
        },
    )
    .unwrap();
    assert_eq!((restored.restored, restored.skipped), (2, 3));
    assert!(
        reasons
            .iter()
            .all(|(group, r)| group.ends_with("embed") && r.contains("func_code.py")),
        "{reasons:?}"
    );
    // Moved to another line, the code is the same.
    let (_, text) = old.split_once('\n').unwrap();
    fs::write(&code, format!("# first line: 999\n{text}")).unwrap();
    bench.undo_all();
    fs::write(&code, old).unwrap();
    assert_eq!(bench.tree(), bench.before);
}

#[test]
fn undo_finds_a_quarantine_from_every_side() {
    let bench = Bench::new();
    let state = StateDir::at(bench.temp.path().join("own"));
    let plan = bench.plan();
    apply(
        &plan,
        How::Keep,
        Some(&state),
        &Cancel::default(),
        &Progress::default(),
        &mut |_, _| {},
    )
    .unwrap();
    let root = bench.temp.path();
    for path in [
        root.to_owned(),
        bench.opened(),
        root.join("x/joblib"),
        root.join("x/joblib/features/embed"),
    ] {
        assert_eq!(
            undo::list(std::slice::from_ref(&path), None).len(),
            1,
            "{}",
            path.display()
        );
    }
    assert_eq!(undo::list(&[root.join("y")], Some(&state)), []);
    assert_eq!(undo::list(&[], Some(&state)).len(), 1);
    // The whole project moved elsewhere: the quarantine moved with it and still knows its places.
    let moved = root.join("moved");
    fs::create_dir(&moved).unwrap();
    for name in ["x", QUARANTINE] {
        fs::rename(root.join(name), moved.join(name)).unwrap();
    }
    let held = undo::list(&[moved.join("x")], None).remove(0);
    undo::restore(
        &held,
        &Cancel::default(),
        &Progress::default(),
        &mut |_, _| {},
    )
    .unwrap();
    undo::tidy(&[], Some(&state), &Cancel::default()).unwrap();
    assert_eq!(state.quarantines(), Vec::<PathBuf>::new());
    let in_x: Tree = bench
        .before
        .iter()
        .map(|(p, b)| (p.clone(), b.clone()))
        .collect();
    assert_eq!(tree(&moved), in_x);
}

#[test]
fn a_manifest_that_names_a_place_outside_is_not_followed() {
    let bench = Bench::new();
    Bench::apply(&bench.plan(), How::Keep).0.unwrap();
    let held = undo::list(&[bench.opened()], None).remove(0);
    let manifest = held.quarantine.join(&held.id).join("manifest.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    for lie in ["../../up", "/tmp"] {
        fs::write(
            &manifest,
            text.replace("\"base\":\"x/joblib\"", &format!("\"base\":{lie:?}")),
        )
        .unwrap();
        let held = undo::list(&[bench.temp.path().to_owned()], None).remove(0);
        assert!(matches!(held.state, HeldState::Unreadable(_)), "{held:?}");
        undo::restore(
            &held,
            &Cancel::default(),
            &Progress::default(),
            &mut |_, _| {},
        )
        .unwrap_err();
    }
}

#[cfg(unix)]
#[test]
fn a_quarantine_that_others_may_write_into_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    let place = bench.temp.path().join(QUARANTINE);
    fs::create_dir(&place).unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).unwrap();
    let error = Bench::apply(&bench.plan(), How::Keep).0.unwrap_err();
    assert!(
        error.is_refused() && error.to_string().contains("--permanent"),
        "{error}"
    );
    assert_eq!(bench.entries(), 5);
    // Without undo it goes on in place.
    assert_eq!(Bench::apply(&bench.plan(), How::Free).0.unwrap().removed, 5);
    assert_eq!(bench.entries(), 0);
}

/// What is there and cannot be brought back as it is must not read as "nothing is held".
#[cfg(unix)]
#[test]
fn what_is_held_where_it_cannot_be_read_is_listed_as_unreadable() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    let applied = Bench::apply(&bench.plan(), How::Keep).0.unwrap();
    let place = bench.temp.path().join(QUARANTINE);
    let mode = |mode| fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
    let is_unreadable = |word: &str| {
        let held = undo::list(&[bench.opened()], None);
        let why = held.first().map(|held| held.state.clone());
        matches!(why, Some(HeldState::Unreadable(why)) if why.contains(word))
    };
    mode(0o770);
    assert!(is_unreadable("others may write"));
    mode(0o700);
    let manifest = place.join(applied.undo_id.unwrap()).join("manifest.jsonl");
    fs::rename(&manifest, bench.temp.path().join("away")).unwrap();
    assert!(is_unreadable("manifest"));
    undo::tidy(&[bench.opened()], None, &Cancel::default()).unwrap();
    fs::rename(bench.temp.path().join("away"), &manifest).unwrap();
    bench.undo_all();
    assert_eq!(bench.tree(), bench.before);
}

/// One damaged line keeps no other entry back, and what it named is not taken for nothing.
#[test]
fn what_a_damaged_manifest_does_not_name_is_listed_as_unreadable() {
    let bench = Bench::new();
    let applied = Bench::apply(&bench.plan(), How::Keep).0.unwrap();
    let shelf = bench
        .temp
        .path()
        .join(QUARANTINE)
        .join(applied.undo_id.unwrap());
    let manifest = shelf.join("manifest.jsonl");
    let whole = fs::read_to_string(&manifest).unwrap();
    let held = || undo::list(&[bench.opened()], None).remove(0);
    let is_told =
        || matches!(held().state, HeldState::Unreadable(why) if why.contains("does not name"));
    // Nothing but its head.
    fs::write(&manifest, whole.split_inclusive('\n').next().unwrap()).unwrap();
    assert!(is_told(), "{:?}", held());
    undo::tidy(&[bench.opened()], None, &Cancel::default()).unwrap();
    fs::write(&manifest, whole.replacen("\"n\":2,", "\"n\"2,", 1)).unwrap();
    assert_eq!(held().entries, 4);
    let (cancel, progress) = (Cancel::default(), Progress::default());
    let restored = undo::restore(&held(), &cancel, &progress, &mut |_, _| {}).unwrap();
    assert_eq!(restored.restored, 4);
    assert!(is_told(), "{:?}", held());
    fs::write(&manifest, whole).unwrap();
    bench.undo_all();
    assert_eq!(bench.tree(), bench.before);
}

/// Undo compares it before it puts values back.
#[test]
fn entries_whose_source_cannot_be_read_are_not_held() {
    let bench = Bench::new();
    let plan = bench.plan();
    let code = bench.opened().join("joblib/features/embed/func_code.py");
    fs::remove_file(&code).unwrap();
    fs::create_dir(&code).unwrap();
    let n_embed = plan
        .removals
        .iter()
        .filter(|p| p.group_label.ends_with("embed"))
        .count();
    let (applied, heard) = Bench::apply(&plan, How::Keep);
    assert_eq!(applied.unwrap().failed, n_embed);
    let is_told = |(_, outcome): &&(Planned, Outcome)| matches!(outcome, Outcome::Failed(error) if error.to_string().contains("--permanent"));
    assert_eq!(heard.iter().filter(is_told).count(), n_embed);
    assert_eq!(Bench::apply(&plan, How::Free).0.unwrap().removed, n_embed);
}

/// Others wait for the lock that is held while shelves are tidied.
#[test]
fn shelves_that_others_work_on_are_passed_over_without_waiting() {
    const DEADLINE: std::time::Duration = std::time::Duration::from_secs(30);
    let bench = Bench::new();
    Bench::apply(&bench.plan(), How::Keep).0.unwrap();
    let busy: Vec<fs::File> = (0..30)
        .map(|n| {
            let shelf = bench.temp.path().join(QUARANTINE).join(format!("busy-{n}"));
            fs::create_dir(&shelf).unwrap();
            let manifest = fs::File::create(shelf.join("manifest.jsonl")).unwrap();
            manifest.lock().unwrap();
            manifest
        })
        .collect();
    let (done, is_done) = std::sync::mpsc::sync_channel(1);
    let paths = [bench.opened()];
    std::thread::Builder::new()
        .name("tidy".to_owned())
        .spawn(move || done.send(undo::tidy(&paths, None, &Cancel::default()).is_ok()))
        .unwrap();
    // Waited for, each of them would cost two seconds.
    assert_eq!(is_done.recv_timeout(DEADLINE), Ok(true));
    drop(busy);
    bench.undo_all();
    assert_eq!(bench.tree(), bench.before);
}

/// The link leads nowhere once the file is moved aside.
#[test]
fn a_file_that_was_opened_by_a_link_is_brought_back_by_that_link() {
    let temp = tempfile::tempdir().unwrap();
    for folder in ["real", "links"] {
        fs::create_dir(temp.path().join(folder)).unwrap();
    }
    let (file, link) = (
        temp.path().join("real/p.pkl"),
        temp.path().join("links/l.pkl"),
    );
    fs::write(&file, b"\x80\x04N.").unwrap();
    std::os::unix::fs::symlink("m.pkl", &link).unwrap();
    std::os::unix::fs::symlink("../real/p.pkl", temp.path().join("links/m.pkl")).unwrap();
    let store = Store::open(&open_all(&link).unwrap().remove(0)).unwrap();
    let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
    let plan = Plan::new(&store, snapshot.records().map(|(_, record)| record)).unwrap();
    assert_eq!(Bench::apply(&plan, How::Keep).0.unwrap().removed, 1);
    assert!(!file.exists());
    let held = undo::list(&[link], None).remove(0);
    let restored = undo::restore(
        &held,
        &Cancel::default(),
        &Progress::default(),
        &mut |_, _| {},
    );
    assert_eq!(restored.unwrap().restored, 1);
    assert!(file.exists());
}
