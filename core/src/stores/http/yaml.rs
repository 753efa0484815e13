//! A stored response in YAML, of which only what people ask for is read: block style, one member a line, as `PyYAML`
//! writes it for both libraries.

use std::borrow::Cow;

use super::super::secrets::hidden_in_urls;
use super::body::Body;
use super::times::from_text;
use crate::model::Time;
use crate::model::value::Blob;

/// The facts that [`super::Response::facts`] gives, in their order.
pub(super) fn facts(text: &str) -> Vec<(Cow<'static, str>, String)> {
    let first = |places: &[(&str, &str)]| {
        let mut found = places
            .iter()
            .filter_map(|(section, name)| scalar(text, section, name));
        found.next()
    };
    let body = body(text);
    let body_bytes = body.as_ref().and_then(|body| body.len);
    let hidden = |text: String| hidden_in_urls(&text).into_owned();
    let wanted: [(&'static str, Option<String>); 8] = [
        ("url", first(&[("", "url"), ("request", "url")]).map(hidden)),
        ("method", first(&[("request", "method")])),
        (
            "status",
            first(&[("", "status_code"), ("response", "status")]),
        ),
        ("content type", first(&[("headers", "Content-Type")])),
        ("created", created(text).map(Time::rfc3339)),
        ("value expires", expires(text).map(Time::rfc3339)),
        ("body bytes", body_bytes.map(|n| n.to_string())),
        ("body", body.and_then(Body::text).map(hidden)),
    ];
    let found = wanted
        .into_iter()
        .filter_map(|(name, text)| Some((name.into(), text?)));
    found.collect()
}

/// When it was stored.
pub(super) fn created(text: &str) -> Option<Time> {
    let found = scalar(text, "", "created_at");
    let found = found.or_else(|| scalar(text, "metadata", "created_at"))?;
    from_text(&found)
}

/// When the library takes it for expired.
pub(super) fn expires(text: &str) -> Option<Time> {
    from_text(&scalar(text, "", "expires")?)
}

/// requests-cache: `_content: !!binary |` and lines of base64, or what JSON the body was below `_decoded_content:`;
/// hishel: base64 in a line of its own.
fn body(text: &str) -> Option<Body<'static>> {
    let whole = |written: String| {
        Body::written(&Blob {
            len: written.len() as u64,
            bytes: Cow::Owned(written.into_bytes()),
            offset: None,
        })
    };
    if let Some(block) = block(text, "_content: !!binary |") {
        return whole(block);
    }
    match block(text, "_decoded_content:") {
        Some(block) => Some(Body::parsed(block)),
        None => whole(scalar(text, "response", "content")?),
    }
}

/// The lines below a member at the top, without their indent.
fn block(text: &str, member: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| *line != member);
    lines.next()?;
    let below = lines.map_while(|line| {
        line.strip_prefix("  ")
            .or_else(|| line.starts_with("- ").then_some(line))
    });
    Some(below.collect::<Vec<_>>().join("\n"))
}

/// A plain or quoted scalar of block YAML: `name` at the top, or one level below `section`.
fn scalar(text: &str, section: &str, name: &str) -> Option<String> {
    let mut inside = "";
    for line in text.lines() {
        let (own, is_top) = match line.strip_prefix("  ") {
            Some(own) => (own, false),
            None => (line, true),
        };
        let Some((key, value)) = own.split_once(':') else {
            continue;
        };
        if is_top {
            inside = key;
        }
        let is_there = if is_top {
            section.is_empty()
        } else {
            section == inside
        };
        let value = value.trim().trim_matches('\'');
        if is_there && key == name && !value.is_empty() && value != "null" {
            return Some(value.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_block_yaml_are_found_at_their_level() {
        let text = "url: a\nrequest:\n  url: 'b: c'\n  body: null\nstatus_code: 200\n";
        assert_eq!(scalar(text, "", "url").as_deref(), Some("a"));
        assert_eq!(scalar(text, "request", "url").as_deref(), Some("b: c"));
        assert_eq!(scalar(text, "request", "body"), None);
        assert_eq!(scalar(text, "", "status_code").as_deref(), Some("200"));
    }
}
