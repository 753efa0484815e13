//! What is documented is what there is: help for each sub-command, and its name in the README.

use std::fs;
use std::path::Path;

use crate::support::program;

/// Sub-commands as `--help` lists them.
fn sub_commands() -> Vec<String> {
    let help = program::say(["--help"]).stdout;
    let (_, list) = help.split_once("Sub-commands:").expect("help lists them");
    list.lines()
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect()
}

#[test]
fn each_sub_command_has_help_and_stands_in_the_readme() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("README.md");
    let commands = sub_commands();
    assert!(commands.len() >= 4, "{commands:?}");
    for name in commands {
        let said = program::say([name.as_str(), "--help"]);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{name}");
        let about = said.stdout.lines().next().unwrap_or_default();
        assert!(about.len() > 20, "{name} says what it does: {about}");
        assert!(said.stdout.contains("--json"), "{name}");
        assert!(
            readme.contains(&format!("`cachescope {name}")),
            "README.md has {name}"
        );
    }
}

#[test]
fn each_exit_code_stands_in_help_and_readme() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("README.md");
    let help = program::say(["--help"]).stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for (in_help, in_readme) in [
        ("0 done,", "0 done,"),
        (
            " 1 check found something or a change failed in part,",
            " 1 `check` found an entry that is not fresh or a change failed in part,",
        ),
        (" 2 usage,", " 2 usage,"),
        (" 3 nothing could be read,", " 3 nothing could be read,"),
        (" 4 refused", " 4 refused"),
    ] {
        assert!(help.contains(in_help), "help has {in_help}");
        assert!(readme.contains(in_readme), "README.md has {in_readme}");
    }
}

#[test]
fn packagers_get_completions_and_a_manual_page() {
    for shell in ["bash", "zsh", "fish"] {
        let said = program::say(["completions", shell]);
        assert_eq!(said.code, 0);
        assert!(said.stdout.contains("cachescope"), "{shell}");
    }
    assert!(program::say(["man"]).stdout.contains(".TH cachescope"));
}
