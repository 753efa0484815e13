//! What a stored HTTP response tells of itself, whichever library and version wrote it down.
//!
//! requests-cache 0.3 to 0.9 pickles objects, 1.0 and later dicts; hishel keeps JSON, pickles or `MessagePack`.

use std::borrow::Cow;

use super::ValueTimes;
use super::secrets::hidden_in_urls;
use crate::formats::Preview;
use crate::model::value::{Leaf, NodeId};
use crate::model::{Time, Value};

/// Bytes of a response in YAML that are searched; the body stands first.
const YAML_BYTES: usize = 4 << 20;
/// Characters of a body that are shown among the facts.
const BODY_CHARS: usize = 2000;

/// The parts of a decoded response.
pub(super) struct Response<'v> {
    value: &'v Value,
    /// Where it is text.
    yaml: Option<String>,
    answer: NodeId,
    request: Option<NodeId>,
}

impl<'v> Response<'v> {
    /// Looks at a decoded value; everything else is `None` where it is no response.
    pub(super) fn of(preview: &'v Preview) -> Self {
        let text = preview.value.str(preview.value.root());
        // What is shown of a text is its head, and times stand behind the body.
        let whole = || preview.content.head(YAML_BYTES);
        Self {
            yaml: text.map(|_| String::from_utf8_lossy(&whole()).into_owned()),
            ..Self::of_value(&preview.value)
        }
    }

    fn of_value(value: &'v Value) -> Self {
        let root = value.root();
        // requests-cache before 0.6: (response, time); hishel 0.x as a pickle: (response, request, metadata).
        let parts = value.sequence(root).unwrap_or_default();
        let response = match parts.first() {
            Some(first) => *first,
            None => field(value, root, &["response"]).unwrap_or(root),
        };
        let request = field(value, root, &["request"])
            .or_else(|| field(value, response, &["request", "_request"]))
            .or_else(|| parts.get(1).copied().filter(|_| parts.len() > 2));
        Self {
            value,
            yaml: None,
            answer: response,
            request,
        }
    }

    /// Facts by name, in the order in which people ask for them.
    pub(super) fn facts(&self) -> Vec<(Cow<'static, str>, String)> {
        if let Some(text) = &self.yaml {
            return yaml_facts(text);
        }
        let mut facts = Vec::new();
        let mut fact = |name: &'static str, text: Option<String>| {
            facts.extend(text.map(|text| (Cow::Borrowed(name), text)));
        };
        fact("url", self.url());
        fact("method", self.of_request("method"));
        fact("status", self.status());
        fact("content type", self.header("content-type"));
        fact("created", self.created().map(Time::rfc3339));
        fact("value expires", self.expires().map(Time::rfc3339));
        let body = self.body();
        let len = body.as_ref().and_then(|body| body.len);
        fact("body bytes", len.map(|len| len.to_string()));
        // Services tell keys again in the links of their answers.
        let body = body.and_then(Body::text);
        fact("body", body.map(|text| hidden_in_urls(&text).into_owned()));
        facts
    }

    /// Method, url and status in a line; `None` where it is no response.
    pub(super) fn line(&self) -> Option<String> {
        let facts = self.facts();
        let fact = |name: &str| facts.iter().find(|(n, _)| n == name).map(|(_, text)| text);
        let words = ["method", "url", "status"].into_iter().filter_map(fact);
        let words: Vec<&str> = words.map(String::as_str).collect();
        fact("url").map(|_| words.join(" "))
    }

    /// When it was stored and when it expires; before requests-cache 1.0 and in its files only the value says so.
    pub(super) fn times(&self) -> ValueTimes {
        ValueTimes {
            created: self.created(),
            expires: self.expires(),
        }
    }

    /// When the library takes it for expired.
    fn expires(&self) -> Option<Time> {
        if let Some(text) = &self.yaml {
            return scalar(text, "", "expires").and_then(|text| from_text(&text));
        }
        self.time(&["expires", "_expires"])
    }

    /// When it was stored.
    fn created(&self) -> Option<Time> {
        if let Some(text) = &self.yaml {
            let found = scalar(text, "", "created_at");
            let found = found.or_else(|| scalar(text, "metadata", "created_at"));
            return found.and_then(|text| from_text(&text));
        }
        let root = self.value.root();
        let parts = self.value.sequence(root).unwrap_or_default();
        self.time(&["created_at", "_created_at"]).or_else(|| {
            let time = match *parts.as_slice() {
                // requests-cache before 0.6
                [_, time] => self.value.object(time).map(|_| time)?,
                // hishel 0.x: a pickle of three parts, or members by their names.
                [_, _, metadata] => field(self.value, metadata, &["created_at"])?,
                _ => {
                    let metadata = field(self.value, root, &["metadata"])?;
                    field(self.value, metadata, &["created_at"])?
                }
            };
            time_of(self.value, time)
        })
    }

    fn url(&self) -> Option<String> {
        let own = field(self.value, self.answer, &["url"]);
        if let Some(url) = own.and_then(|node| text(self.value, node)) {
            return Some(url);
        }
        let node = field(self.value, self.request?, &["url"])?;
        if let Some(url) = text(self.value, node) {
            return Some(url);
        }
        // httpcore.URL
        let part = |name| text(self.value, field(self.value, node, &[name])?);
        let port = field(self.value, node, &["port"])
            .and_then(|p| self.value.int(p))
            .map_or_else(String::new, |port| format!(":{port}"));
        Some(format!(
            "{}://{}{port}{}",
            part("scheme")?,
            part("host")?,
            part("target")?
        ))
    }

    fn of_request(&self, name: &str) -> Option<String> {
        text(self.value, field(self.value, self.request?, &[name])?)
    }

    fn status(&self) -> Option<String> {
        let code = field(self.value, self.answer, &["status_code", "status"])?;
        let code = self.value.int(code)?;
        let reason = field(self.value, self.answer, &["reason"]);
        let reason = reason.and_then(|node| text(self.value, node));
        Some(match reason.filter(|reason| !reason.is_empty()) {
            Some(reason) => format!("{code} {reason}"),
            None => code.to_string(),
        })
    }

    /// A header's text, wherever headers are a dict, pairs, or one of the libraries' own classes.
    fn header(&self, name: &str) -> Option<String> {
        let headers = field(self.value, self.answer, &["headers", "_headers"])?;
        let value = self.value;
        let inner = ["_store", "_headers", "_container", "_list"];
        let mut at = headers;
        for _ in 0..inner.len() {
            let is_it =
                |key: NodeId| text(value, key).is_some_and(|k| k.eq_ignore_ascii_case(name));
            let pairs = pairs_of(value, at);
            if let Some((_, found)) = pairs.into_iter().find(|(key, _)| is_it(*key)) {
                // CaseInsensitiveDict and HTTPHeaderDict keep (name as written, text).
                let parts = value.sequence(found).unwrap_or_default();
                let found = parts.last().copied().unwrap_or(found);
                return text(value, found);
            }
            at = field(value, at, &inner)?;
        }
        None
    }

    fn body(&self) -> Option<Body<'v>> {
        let value = self.value;
        let plain = field(value, value.root(), &["body"])
            .or_else(|| field(value, self.answer, &["_decoded_content"]));
        if let Some(body) = plain {
            return Body::of(value, body, false);
        }
        let node = field(value, self.answer, &["_content", "content", "stream"])?;
        // httpcore.ByteStream
        let node = field(value, node, &["_content"]).unwrap_or(node);
        // JSON has no bytes: the libraries write them as text there.
        let is_written = matches!(value.leaf(node), Some(Leaf::Str(_)));
        Body::of(value, node, is_written)
    }

    fn time(&self, names: &[&str]) -> Option<Time> {
        time_of(self.value, field(self.value, self.answer, names)?)
    }
}

/// A response's body, of which a head is at hand.
struct Body<'v> {
    head: Cow<'v, [u8]>,
    /// Bytes of the whole; `None` where it is kept as JSON that was parsed already.
    len: Option<u64>,
}

impl<'v> Body<'v> {
    fn of(value: &'v Value, node: NodeId, is_written: bool) -> Option<Self> {
        let Some(leaf) = value.leaf(node) else {
            // requests-cache keeps a JSON body as what it says, so that people can read the file.
            let repr = value.repr(node, BODY_CHARS).text;
            return Some(Self {
                head: Cow::Owned(repr.into_bytes()),
                len: None,
            });
        };
        let (Leaf::Bytes(blob) | Leaf::Str(blob) | Leaf::Python2Str(blob) | Leaf::ByteArray(blob)) =
            leaf
        else {
            return None;
        };
        let bytes = (is_written && !blob.is_cut()).then(|| unwritten(&blob.bytes));
        Some(match bytes.flatten() {
            Some(bytes) => Self {
                len: Some(bytes.len() as u64),
                head: Cow::Owned(bytes),
            },
            None => Self {
                len: Some(blob.len),
                head: blob.bytes,
            },
        })
    }

    /// Its first characters, where it is text.
    fn text(self) -> Option<String> {
        let text = match std::str::from_utf8(&self.head) {
            Ok(text) => text,
            // The head may end in the middle of a character.
            Err(e) if e.error_len().is_none() && e.valid_up_to() > 0 => {
                std::str::from_utf8(self.head.get(..e.valid_up_to())?).ok()?
            }
            Err(_) => return None,
        };
        Some(text.chars().take(BODY_CHARS).collect())
    }
}

/// Bytes written as base64 (hishel, requests-cache from 1.0), or as base85 (requests-cache 0.7 to 0.9 by way of cattrs).
fn unwritten(text: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine as _;

    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    let base64 = base64::prelude::BASE64_STANDARD.decode(&text).ok();
    base64.or_else(|| from_base85(&text))
}

/// Python's `base64.b85decode`: five digits for four bytes, a short last group for as many bytes less.
fn from_base85(text: &[u8]) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 85] =
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
    let mut bytes = Vec::with_capacity(text.len());
    for group in text.chunks(5) {
        let mut number: u32 = 0;
        for at in 0..5 {
            let digit = group.get(at).copied().unwrap_or(b'~');
            let digit = DIGITS.iter().position(|d| *d == digit)?;
            number = number
                .checked_mul(85)?
                .checked_add(u32::try_from(digit).ok()?)?;
        }
        let kept = group.len().checked_sub(1)?;
        bytes.extend(number.to_be_bytes().get(..kept)?);
    }
    Some(bytes)
}

/// The first of these members of a dict, or attributes of an object.
fn field(value: &Value, node: NodeId, names: &[&str]) -> Option<NodeId> {
    let state = value.object(node).map_or(node, |object| object.state);
    let own = names.iter().find_map(|name| value.attribute(state, name));
    own.or_else(|| {
        let parts = value.state_parts(state);
        let mut all = names
            .iter()
            .flat_map(|name| parts.iter().map(move |p| (p, *name)));
        all.find_map(|(part, name)| value.attribute(*part, name))
    })
}

/// Keys and values of a dict, of an object that was given pairs, or of a list of pairs.
fn pairs_of(value: &Value, node: NodeId) -> Vec<(NodeId, NodeId)> {
    let dict = match value.object(node) {
        Some(object) if !object.pairs.is_missing() => object.pairs,
        _ => node,
    };
    let items = value.sequence(dict).unwrap_or_default();
    let listed = items.into_iter().filter_map(|item| {
        let pair = value.sequence(item)?;
        Some((*pair.first()?, *pair.get(1)?))
    });
    value.pairs(dict).chain(listed).collect()
}

fn text(value: &Value, node: NodeId) -> Option<String> {
    match value.leaf(node)? {
        Leaf::Str(blob) | Leaf::Python2Str(blob) | Leaf::Bytes(blob) => {
            Some(String::from_utf8_lossy(&blob.bytes).into_owned())
        }
        _ => None,
    }
}

/// A time as text, as a number, or as a `datetime`; without a zone it is UTC.
fn time_of(value: &Value, node: NodeId) -> Option<Time> {
    match value.leaf(node) {
        Some(Leaf::Float(secs)) => return Time::from_unix_f64(secs),
        Some(Leaf::Int(_)) => return Some(Time::from_unix(value.int(node)?, 0)),
        Some(_) => return from_text(&text(value, node)?),
        None => {}
    }
    let repr = value.repr(node, 200).text;
    let numbers = repr.strip_prefix("datetime.datetime(")?;
    let mut numbers = numbers
        .split([')', 't'])
        .next()?
        .split(',')
        .map_while(|n| n.trim().parse::<i64>().ok());
    let (year, month, day) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let mut part = || numbers.next().unwrap_or(0);
    let (hour, minute, second, micros) = (part(), part(), part(), part());
    Time::from_rfc3339(&format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
    ))
}

/// The same facts from YAML, as both libraries have `PyYAML` write it: block style, one member a line.
fn yaml_facts(text: &str) -> Vec<(Cow<'static, str>, String)> {
    let first = |places: &[(&str, &str)]| {
        let mut found = places
            .iter()
            .filter_map(|(section, name)| scalar(text, section, name));
        found.next()
    };
    let wanted: [(&'static str, Option<String>); 6] = [
        (
            "url",
            first(&[("", "url"), ("request", "url")]).map(|url| hidden_in_urls(&url).into_owned()),
        ),
        ("method", first(&[("request", "method")])),
        (
            "status",
            first(&[("", "status_code"), ("response", "status")]),
        ),
        ("content type", first(&[("headers", "Content-Type")])),
        (
            "created",
            first(&[("", "created_at"), ("metadata", "created_at")]),
        ),
        ("value expires", first(&[("", "expires")])),
    ];
    let found = wanted
        .into_iter()
        .filter_map(|(name, text)| Some((name.into(), text?)));
    found.collect()
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

/// ISO 8601, or the form of HTTP's headers, which hishel 0.x writes: `Thu, 26 Nov 2026 04:28:36 GMT`.
fn from_text(text: &str) -> Option<Time> {
    from_iso(text).or_else(|| {
        let at = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(Time::from_unix(at.timestamp().as_second(), 0))
    })
}

/// ISO 8601 as Python's `isoformat` writes it.
pub(super) fn from_iso(text: &str) -> Option<Time> {
    let text = text.replacen(' ', "T", 1);
    Time::from_rfc3339(&text).or_else(|| Time::from_rfc3339(&format!("{text}Z")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{pickle, plain};

    fn facts(json: &str) -> Vec<(String, String)> {
        let pickle = plain::from_json(json.as_bytes()).unwrap();
        let value = pickle::decode_bytes(&pickle).value;
        let facts = Response::of_value(&value).facts();
        facts
            .into_iter()
            .map(|(n, t)| (n.into_owned(), t))
            .collect()
    }

    #[test]
    fn a_response_in_json_tells_what_people_ask_for() {
        let found = facts(
            r#"{"_content": "eyJhIjogMX0=", "url": "http://x/", "status_code": 200, "reason": "OK",
                "headers": {"content-type": "application/json"}, "created_at": "2026-11-26T01:18:33.759424+00:00",
                "expires": "2051-07-18T01:21:03", "request": {"method": "GET", "url": "http://x/"}}"#,
        );
        let expected = [
            ("url", "http://x/"),
            ("method", "GET"),
            ("status", "200 OK"),
            ("content type", "application/json"),
            ("created", "2026-11-26T01:18:33.759424Z"),
            ("value expires", "2051-07-18T01:21:03Z"),
            ("body bytes", "8"),
            ("body", r#"{"a": 1}"#),
        ];
        let expected: Vec<_> = expected.map(|(n, t)| (n.to_owned(), t.to_owned())).into();
        assert_eq!(found, expected);
        assert_eq!(facts("[1, 2]"), []);
    }

    #[test]
    fn a_line_tells_method_url_and_status() {
        let json = r#"{"url": "http://x/", "status_code": 404, "request": {"method": "GET"}}"#;
        let pickle = plain::from_json(json.as_bytes()).unwrap();
        let value = pickle::decode_bytes(&pickle).value;
        let line = Response::of_value(&value).line();
        assert_eq!(line.as_deref(), Some("GET http://x/ 404"));
        assert_eq!(Response::of_value(&Value::of_int(5)).line(), None);
    }

    #[test]
    fn times_of_headers_and_of_python_are_read() {
        let at = Time::from_rfc3339("2026-11-26T04:28:36Z");
        for text in [
            "Thu, 26 Nov 2026 04:28:36 GMT",
            "2026-11-26T04:28:36",
            "2026-11-26 04:28:36+00:00",
        ] {
            assert_eq!(from_text(text), at, "{text}");
        }
        assert_eq!(from_text("yesterday"), None);
    }

    #[test]
    fn base85_reads_as_python_decodes_it() {
        // base64.b85encode(…), CPython 3.13
        for (text, bytes) in [
            ("dm?ggcXJ{-AX_mkATlf<GhKZ", &br#"{"rows": [1, 2, 3]}"#[..]),
            ("", b""),
            ("00", b"\0"),
            ("|NsC0|Nj", b"\xff\xff\xff\xff\xff\xff"),
        ] {
            assert_eq!(
                from_base85(text.as_bytes()).as_deref(),
                Some(bytes),
                "{text}"
            );
        }
        assert_eq!(from_base85(b"~~~~~"), None);
        assert_eq!(from_base85(b"a\"b"), None);
    }

    #[test]
    fn members_of_block_yaml_are_found_at_their_level() {
        let text = "url: a\nrequest:\n  url: 'b: c'\n  body: null\nstatus_code: 200\n";
        assert_eq!(scalar(text, "", "url").as_deref(), Some("a"));
        assert_eq!(scalar(text, "request", "url").as_deref(), Some("b: c"));
        assert_eq!(scalar(text, "request", "body"), None);
        assert_eq!(scalar(text, "", "status_code").as_deref(), Some("200"));
    }
}
