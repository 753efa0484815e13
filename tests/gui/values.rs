//! Values in the entry panel: parts that open by themselves, and cached code beside today's.

use std::fs;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use tempfile::TempDir;

use super::window::{Window, fixture};
use super::{JOBLIB, painted};

/// pickle.dumps({"n": 1, "weights": [numpy.arange(6.0).reshape(2, 3)]}, 4), numpy 2.
fn nested() -> Vec<u8> {
    let mut bytes = b"\x80\x04}(\x8c\x01nK\x01\x8c\x07weights](".to_vec();
    bytes.extend(
        b"\x8c\x16numpy._core.multiarray\x8c\x0c_reconstruct\x93\x8c\x05numpy\x8c\x07ndarray\x93",
    );
    bytes.extend(b"K\x00\x85C\x01b\x87R(K\x01K\x02K\x03\x86\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02f8\x89\x88\x87R");
    bytes.extend(b"(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89C0");
    for n in 0..6 {
        bytes.extend(f64::from(n).to_le_bytes());
    }
    bytes.extend(b"tbeu.");
    bytes
}

#[test]
fn an_array_in_a_list_in_a_dict_opens_by_itself() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("model.pickle");
    fs::write(&path, nested()).unwrap();
    let mut window = Window::open(vec![path]);
    window.press_row("weights");
    window.press("0 ndarray float64 (2, 3) C");
    window.wait_for_text("min 0 · max 5 · mean 2.5 · no NaN");
    window.wait_for_text("[0]");
    window.press("Table");
    window.wait_for(|h| h.query_by_role_and_label(Role::Table, "Cells").is_some());
    window.press("‹ Whole value");
    window.wait_for_text("0 ndarray float64 (2, 3) C");
}

#[test]
fn cached_code_stands_beside_todays() {
    let (_temp, path) = fixture(JOBLIB);
    let sources = TempDir::new().unwrap();
    let code = path.join("joblib/features/tokenize/func_code.py");
    let cached = fs::read_to_string(code).unwrap();
    let (_, cached) = cached.split_once('\n').unwrap();
    let module = sources.path().join("features.py");
    fs::write(&module, cached).unwrap();
    let mut window = Window::open(vec![path]);
    window.type_into("Query", "group:features.tokenize arg.lower:False");
    window.press_row("608eedaf6bd6a95ac5d5c2567e886df7");
    window.press("Code");
    window.wait_for_text_part("no folder of today's sources is chosen");
    window.type_into("Today's sources lie in", sources.path().to_str().unwrap());
    window.press("Compare code");
    window.wait_for_text("Unchanged");
    window.wait_for_text_part("def tokenize");

    fs::write(
        &module,
        cached.replace("def tokenize", "# splits\ndef tokenize"),
    )
    .unwrap();
    window.press("Compare code");
    window.wait_for_text("Unchanged");
    let changed = cached.replace(":\n", ":  # splits\n");
    assert_ne!(changed, cached);
    fs::write(&module, changed).unwrap();
    window.press("Compare code");
    window.wait_for_text("Only comments or layout changed");
    fs::write(&module, cached.replace("lower", "upper")).unwrap();
    window.press("Compare code");
    window.wait_for_text("The code changed");
    window.wait_for(|h| h.query_all_by_label_contains("was: ").next().is_some());
    window.wait_for_text("Copy today's code");
}

#[test]
fn values_that_a_row_holds_show_in_the_table_like_any_other() {
    let (_temp, path) = fixture("sqlite/diskcache-4.1");
    let window = &mut Window::open(vec![path]);
    // A text, a pickle and a number; white space is not painted.
    for value in ["'anint'", "{'rows':", "0.5"] {
        window.wait_for(|h| painted::has_line(h, value));
    }
}

#[test]
fn a_number_that_a_row_holds_is_saved_as_the_command_line_saves_it() {
    let (_temp, path) = fixture("sqlite/diskcache-4.1");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("answer.raw");
    let mut window = Window::open(vec![path]);
    window.press_row("answer");
    window.wait_for_text_part("42");
    window.key(Modifiers::COMMAND, Key::S);
    window.wait_for_text("Save the value of this entry");
    window.type_into("File", file.to_str().unwrap());
    window.press("Save");
    window.wait_for(|_| file.exists());
    assert_eq!(fs::read(&file).unwrap(), b"42");
}
