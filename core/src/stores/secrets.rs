//! Headers, cookies and parameters of urls that let others in are hidden in what is shown of a response, until a
//! person asks for them.

mod urls;

pub(super) use urls::hidden as hidden_in_urls;

use std::borrow::Cow;

use crate::model::Value;
use crate::model::value::{Kind, Leaf, NodeId};

/// What stands in the place of a secret.
pub(super) const HIDDEN: &str = "<hidden>";

/// Headers whose whole value is a secret (RFC 9110, RFC 6265, and what services call theirs).
const HEADERS: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "set-cookie",
    "set-cookie2",
];
/// Parts of names that services give to keys.
const PARTS: [&str; 7] = [
    "token",
    "api-key",
    "apikey",
    "api_key",
    "secret",
    "password",
    "session-id",
];
/// Members under which libraries keep cookies by their name.
const COOKIES: [&str; 2] = ["cookies", "_cookies"];

/// True for a header or cookie attribute that only its owner should read.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HEADERS.contains(&&*name) || PARTS.iter().any(|part| name.contains(part))
}

/// Replaces the secrets of a decoded response.
pub(super) fn hide(value: &mut Value) {
    if let Some(text) = head_of(value) {
        // JSON that did not parse cannot be told apart into what is secret and what is not.
        let is_broken = text.trim_start().starts_with(['{', '[']);
        let shown = if is_broken {
            HIDDEN.to_owned()
        } else {
            hidden_in_yaml(&text)
        };
        *value = Value::of_str(&shown);
        return;
    }
    if matches!(value.leaf(value.root()), Some(Leaf::Bytes(_))) {
        *value = Value::of_str(HIDDEN);
        return;
    }
    let Some(hidden) = value.push_str(HIDDEN) else {
        return;
    };
    let mut cookies = Vec::new();
    for node in value.containers() {
        if is_cookie(value, node) {
            hide_cookie(value, node, hidden);
            continue;
        }
        let pairs: Vec<(usize, NodeId, NodeId)> = match value.kind(node) {
            Kind::Dict => value
                .pairs(node)
                .enumerate()
                .map(|(n, (key, item))| (2 * n + 1, key, item))
                .collect(),
            // A header as a pair of its name and its text.
            Kind::Tuple | Kind::List if value.n_items(node) == 2 => {
                match (value.item(node, 0), value.item(node, 1)) {
                    (Some(key), Some(item)) => vec![(1, key, item)],
                    _ => continue,
                }
            }
            _ => continue,
        };
        for (at, key, item) in pairs {
            let Some(name) = text_of(value, key) else {
                continue;
            };
            if is_secret(&name) && !is_number(value, item) {
                value.replace_item(node, at, hidden);
            } else if COOKIES.contains(&&*name) {
                cookies.push(item);
            }
        }
    }
    for jar in cookies {
        hide_jar(value, jar, hidden);
    }
    hide_in_urls(value);
}

/// Longer texts are bodies, and no urls.
const URL_BYTES: usize = 16 << 10;

/// Parameters and passwords in urls, wherever they stand: of the request, of a redirect, in a link or a form.
fn hide_in_urls(value: &mut Value) {
    for node in value.containers() {
        for at in 0..value.n_items(node) {
            let Some(item) = value.item(node, at) else {
                continue;
            };
            let is_bytes = value.kind(item) == Kind::Bytes;
            let text = match value.leaf(item) {
                Some(Leaf::Str(blob) | Leaf::Python2Str(blob) | Leaf::Bytes(blob))
                    if blob.len <= URL_BYTES as u64 =>
                {
                    blob.bytes
                }
                _ => continue,
            };
            // Compressed bodies are no text.
            let Ok(text) = std::str::from_utf8(&text) else {
                continue;
            };
            let Cow::Owned(hidden) = urls::hidden(text) else {
                continue;
            };
            let pushed = if is_bytes {
                value.push_bytes(hidden.as_bytes())
            } else {
                value.push_str(&hidden)
            };
            if let Some(pushed) = pushed {
                value.replace_item(node, at, pushed);
            }
        }
    }
}

/// The same in YAML of block style: members by their name, headers as `- - NAME` above `  - TEXT`, cookies below their member.
fn hidden_in_yaml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let indent = |line: &str| line.len() - line.trim_start().len();
    // What is deeper than the member that was hidden goes on with it.
    let mut hidden_below: Option<usize> = None;
    let mut cookies_below: Option<usize> = None;
    let mut is_next = false;
    for line in text.split_inclusive('\n') {
        let depth = indent(line);
        if hidden_below.is_some_and(|at| depth > at) {
            continue;
        }
        hidden_below = None;
        cookies_below = cookies_below.filter(|at| depth > *at);
        let own = line.trim();
        let (start, rest) = line.split_at(depth);
        let is_item = own.starts_with("- ") && !own.starts_with("- - ");
        if is_next && is_item {
            out.extend([start, "- ", HIDDEN, "\n"]);
            hidden_below = Some(depth);
            is_next = false;
            continue;
        }
        is_next = own.strip_prefix("- - ").is_some_and(is_secret);
        match rest.split_once(':') {
            Some((name, value)) if is_secret(name) || cookies_below.is_some() => {
                let is_block = value.trim().is_empty() && cookies_below.is_some();
                if is_block {
                    out.push_str(&urls::hidden(line));
                } else {
                    out.extend([start, name, ": ", HIDDEN, "\n"]);
                    hidden_below = Some(depth);
                }
            }
            Some((name, value)) => {
                if COOKIES.contains(&name) && value.trim().is_empty() {
                    cookies_below = Some(depth);
                }
                out.push_str(&urls::hidden(line));
            }
            None => out.push_str(&urls::hidden(line)),
        }
    }
    out
}

/// Cookies by name (requests-cache from 1.0), at any depth of a jar.
fn hide_jar(value: &mut Value, jar: NodeId, hidden: NodeId) {
    let mut waiting = vec![(jar, 0)];
    while let Some((node, depth)) = waiting.pop() {
        if depth > MAX_DEPTH {
            continue;
        }
        match value.kind(node) {
            Kind::Dict => {
                for n in 0..value.n_items(node) / 2 {
                    match value.item(node, 2 * n + 1) {
                        Some(item) if matches!(value.kind(item), Kind::Dict | Kind::Object) => {
                            waiting.push((item, depth + 1));
                        }
                        _ => {
                            value.replace_item(node, 2 * n + 1, hidden);
                        }
                    }
                }
            }
            Kind::Object => {
                // Of whatever class a cookie is.
                hide_cookie(value, node, hidden);
                let state = value.object(node).map(|object| object.state);
                let inner = state.and_then(|state| value.attribute(state, "_cookies"));
                waiting.extend(inner.map(|jar| (jar, depth + 1)));
            }
            _ => {}
        }
    }
}

/// A cookie of a jar, or of aiohttp's `SimpleCookie`, wherever it stands: attributes may have no names.
fn is_cookie(value: &Value, node: NodeId) -> bool {
    let class = value
        .object(node)
        .and_then(|object| value.name(object.callee));
    class.is_some_and(|class| {
        matches!(
            (&*class.module, &*class.qualname),
            ("http.cookiejar", "Cookie") | ("http.cookies", "Morsel")
        )
    })
}

fn hide_cookie(value: &mut Value, cookie: NodeId, hidden: NodeId) {
    let Some(state) = value.object(cookie).map(|object| object.state) else {
        return;
    };
    for n in 0..value.n_items(state) / 2 {
        let name = value.item(state, 2 * n).and_then(|k| text_of(value, k));
        if matches!(name.as_deref(), Some("value" | "coded_value")) {
            value.replace_item(state, 2 * n + 1, hidden);
        }
    }
}

/// A cookie jar keeps cookies by domain, path and name.
const MAX_DEPTH: usize = 6;

/// The value as text, or as much of it as is at hand.
fn head_of(value: &Value) -> Option<String> {
    match value.leaf(value.root())? {
        Leaf::Str(blob) | Leaf::Python2Str(blob) => {
            Some(String::from_utf8_lossy(&blob.bytes).into_owned())
        }
        _ => None,
    }
}

/// A text, or that of a class of texts, as `multidict.istr` is.
fn text_of(value: &Value, node: NodeId) -> Option<String> {
    let inside = value.object(node).map(|object| object.args);
    let node = inside.map_or(Some(node), |args| value.item(args, 0))?;
    match value.leaf(node)? {
        Leaf::Str(blob) | Leaf::Python2Str(blob) | Leaf::Bytes(blob) if !blob.is_cut() => {
            Some(String::from_utf8_lossy(&blob.bytes).into_owned())
        }
        _ => None,
    }
}

fn is_number(value: &Value, node: NodeId) -> bool {
    matches!(
        value.kind(node),
        Kind::None | Kind::Bool | Kind::Int | Kind::Float
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{pickle, plain};

    fn hidden(json: &str) -> String {
        let pickle = plain::from_json(json.as_bytes()).unwrap();
        let mut value = pickle::decode_bytes(&pickle).value;
        hide(&mut value);
        value.repr(value.root(), 1000).text
    }

    #[test]
    fn names_of_a_class_of_texts_are_names() {
        // As aiohttp-client-cache 0.2 keeps headers; `pickle.dumps` writes such an `istr` as a call.
        let pickle = b"(dcmultidict._multidict\nistr\n(VSet-Cookie\ntRVa=b\ns.";
        let mut value = pickle::decode_bytes(pickle).value;
        hide(&mut value);
        let shown = value.repr(value.root(), 1000).text;
        assert!(
            shown.contains("Set-Cookie") && shown.contains("<hidden>"),
            "{shown}"
        );
        assert!(!shown.contains("a=b"), "{shown}");
    }

    #[test]
    fn secrets_are_hidden_and_their_names_are_not() {
        let check = |json: &str, expected: &str| assert_eq!(hidden(json), expected, "{json}");
        check(
            r#"{"headers": {"Set-Cookie": "a=b", "Age": "3", "X-Api-Key": "k"}}"#,
            "{'headers': {'Set-Cookie': '<hidden>', 'Age': '3', 'X-Api-Key': '<hidden>'}}",
        );
        check(
            r#"{"_store": {"authorization": ["Authorization", "Bearer x"]}}"#,
            "{'_store': {'authorization': '<hidden>'}}",
        );
        check(
            r#"[["Authorization", "Bearer x"], ["Accept", "y"]]"#,
            "[['Authorization', '<hidden>'], ['Accept', 'y']]",
        );
        check(
            r#"{"cookies": {"session": "s"}, "max_tokens": 3}"#,
            "{'cookies': {'session': '<hidden>'}, 'max_tokens': 3}",
        );
        check(
            r#"{"url": "https://x/?q=1&api_key=k", "headers": [["Location", "/y?token=t"]], "n": 3}"#,
            "{'url': 'https://x/?q=1&api_key=<hidden>', 'headers': [['Location', '/y?token=<hidden>']], 'n': 3}",
        );
    }

    #[test]
    fn what_cannot_be_told_apart_is_hidden_whole() {
        let shown = |mut value: Value| {
            hide(&mut value);
            value.repr(value.root(), 1000).text
        };
        for cut in ["{\"headers\": [[\"Set-Cookie\", \"a=b", "  [\"Cookie\", "] {
            assert_eq!(shown(Value::of_str(cut)), "'<hidden>'", "{cut}");
        }
        assert_eq!(shown(Value::of_bytes(b"\xffSet-Cookie: a=b")), "'<hidden>'");
    }

    #[test]
    fn yaml_hides_the_same() {
        let text = "cookies:\n  session: s\nheaders:\n  Set-Cookie: a=b\n    folded\n  Age: '3'\nlist:\n- - Set-Cookie\n  - a=b\n- - Age\n  - '3'\nurl: http://x/?token=t&a=1\n";
        let expected = "cookies:\n  session: <hidden>\nheaders:\n  Set-Cookie: <hidden>\n  Age: '3'\nlist:\n- - Set-Cookie\n  - <hidden>\n- - Age\n  - '3'\nurl: http://x/?token=<hidden>&a=1\n";
        assert_eq!(hidden_in_yaml(text), expected);
    }
}
