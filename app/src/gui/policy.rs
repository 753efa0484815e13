//! A policy as typed into its dialog to what the core takes, and to the options of the command line.

use cachescope_core::jobs::ByPolicy;
use cachescope_core::ops::policy::{CHEAPEST, NEWEST, Policy};
use cachescope_core::ops::query::units;
use cachescope_core::stores::{LibraryPolicy, PolicyLimits, Takes, policy_of as library_policy};

use super::state::PolicyForm;
use crate::cli::Size;

/// # Errors
/// What is wrong with the form, for a sentence.
pub(crate) fn policy_of(form: &PolicyForm) -> Result<(ByPolicy, Vec<String>), String> {
    if let Some(policy) = library_policy(&form.name) {
        return of_library(policy, form);
    }
    let argument = match form.name.as_str() {
        NEWEST => &form.number,
        CHEAPEST => &form.size,
        _ => return Err("Choose a policy".to_owned()),
    };
    let name = format!("{}:{}", form.name, argument.trim());
    let by = ByPolicy {
        policy: Policy::parse(&name)?,
        limits: PolicyLimits::default(),
    };
    Ok((by, vec!["--policy".to_owned(), name]))
}

fn of_library(
    policy: &'static LibraryPolicy,
    form: &PolicyForm,
) -> Result<(ByPolicy, Vec<String>), String> {
    let mut limits = PolicyLimits::default();
    let mut options = Vec::new();
    for takes in policy.takes {
        let (typed, option) = match takes {
            Takes::Bytes => (form.size.trim(), "--to-size"),
            Takes::Entries => (form.number.trim(), "--to-count"),
            Takes::Age => (form.age.trim(), "--older-than"),
            Takes::Tag => (form.tag.trim(), "--tag"),
        };
        if typed.is_empty() {
            continue;
        }
        match takes {
            Takes::Bytes => {
                let size = Size::parse(typed)?;
                limits.bytes = Some(size.counted(policy.has_binary_sizes));
            }
            Takes::Entries => limits.entries = Some(units::count(typed)?),
            Takes::Age => limits.age_s = Some(units::span_secs(typed)?),
            Takes::Tag => limits.tag = Some(typed.to_owned()),
        }
        options.extend([option.to_owned(), typed.to_owned()]);
    }
    if limits.is_none() && !policy.takes.is_empty() {
        return Err(format!(
            "{} goes by what is typed above: nothing is",
            policy.name
        ));
    }
    // `--tag` names its policy by itself.
    if limits.tag.is_none() {
        options.splice(0..0, ["--policy".to_owned(), policy.name.to_owned()]);
    }
    let by = ByPolicy {
        policy: Policy::Library(policy),
        limits,
    };
    Ok((by, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: &PolicyForm, expected: Result<&str, &str>) {
        match (policy_of(form), expected) {
            (Ok((_, options)), Ok(words)) => assert_eq!(options.join(" "), words),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (found, _) => panic!("{form:?}: {found:?}"),
        }
    }

    #[test]
    fn the_dialog_says_what_the_command_line_says() {
        let form = |name: &str, size: &str, number: &str, tag: &str| PolicyForm {
            name: name.to_owned(),
            size: size.to_owned(),
            number: number.to_owned(),
            tag: tag.to_owned(),
            ..PolicyForm::default()
        };
        check(&form("newest", "", "3", ""), Ok("--policy newest:3"));
        check(
            &form("cheapest", "1GB", "3", ""),
            Ok("--policy cheapest:1GB"),
        );
        check(
            &form("joblib:reduce_size", "1G", "", "x"),
            Ok("--policy joblib:reduce_size --to-size 1G"),
        );
        check(
            &form("diskcache:cull", "1G", "9", ""),
            Ok("--policy diskcache:cull"),
        );
        check(&form("diskcache:evict", "", "", "a"), Ok("--tag a"));
        check(&form("joblib:reduce_size", "", "", ""), Err("goes by"));
        check(&form("newest", "", "x", ""), Err("no whole number"));
        check(&form("", "", "", ""), Err("Choose"));
        let (by, _) = policy_of(&form("joblib:reduce_size", "1K", "", "")).unwrap();
        assert_eq!(by.limits.bytes, Some(1024));
    }
}
