//! What a stored HTTP response tells of itself, whichever library and version wrote it down.
//!
//! requests-cache 0.3 to 0.9 pickles objects, 1.0 and later dicts; hishel keeps JSON, pickles or `MessagePack`;
//! aiohttp-client-cache, whose tables are those of requests-cache, pickles objects.

mod body;
mod times;
mod yaml;

pub(super) use times::from_iso;

use std::borrow::Cow;

use super::ValueTimes;
use super::secrets::hidden_in_urls;
use crate::formats::Preview;
use crate::model::value::{Leaf, NodeId};
use crate::model::{Time, Value};
use body::Body;
use times::time_of;

/// Bytes of a response in YAML that are searched; the body stands first.
const YAML_BYTES: usize = 4 << 20;

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
            return yaml::facts(text);
        }
        let mut facts = Vec::new();
        let mut fact = |name: &'static str, text: Option<String>| {
            facts.extend(text.map(|text| (Cow::Borrowed(name), text)));
        };
        fact("url", self.url());
        fact("method", self.method());
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
            return yaml::expires(text);
        }
        self.time(&["expires", "_expires"])
    }

    /// When it was stored.
    fn created(&self) -> Option<Time> {
        if let Some(text) = &self.yaml {
            return yaml::created(text);
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
        if let Some(own) = field(self.value, self.answer, &["url"])
            && let Some(url) = text(self.value, own).or_else(|| yarl(self.value, own))
        {
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

    /// Of the request; aiohttp-client-cache keeps it with the response.
    fn method(&self) -> Option<String> {
        let of = |node| text(self.value, field(self.value, node, &["method"])?);
        self.request.and_then(of).or_else(|| of(self.answer))
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
        // aiohttp-client-cache: `_body`; its `_content` is a stream that is never stored.
        let plain = field(value, value.root(), &["body"])
            .or_else(|| field(value, self.answer, &["_decoded_content", "_body"]));
        if let Some(body) = plain {
            return Body::of(value, body, false);
        }
        let node = field(value, self.answer, &["_content", "content", "stream"])?;
        // httpcore.ByteStream
        let node = field(value, node, &["_content"]).unwrap_or(node);
        // MongoDB's JSON (requests-cache 0.7 and 0.8, BSON): bytes as base64 under a name of their own.
        let node = field(value, node, &["$binary"]).unwrap_or(node);
        let node = field(value, node, &["base64"]).unwrap_or(node);
        // JSON has no bytes: the libraries write them as text there.
        let is_written = matches!(value.leaf(node), Some(Leaf::Str(_)));
        Body::of(value, node, is_written)
    }

    fn time(&self, names: &[&str]) -> Option<Time> {
        time_of(self.value, field(self.value, self.answer, names)?)
    }
}

/// Attributes of requests-cache 0.7.0 and 0.7.1, in the order in which its objects are pickled as tuples without names
/// where the package cattrs is missing (`models/response.py: CachedResponse`).
const RESPONSE_SLOTS: [&str; 13] = [
    "_content",
    "url",
    "status_code",
    "cookies",
    "created_at",
    "elapsed",
    "expires",
    "encoding",
    "headers",
    "history",
    "reason",
    "request",
    "raw",
];
/// The same of its requests, 0.7.0 to 0.8.1 (`models/request.py: CachedRequest`).
const REQUEST_SLOTS: [&str; 5] = ["body", "cookies", "headers", "method", "url"];

/// The same of aiohttp-client-cache from 0.5 on, which names them only with attrs 22.2 and later (`response.py:
/// CachedResponse`).
const AIOHTTP_SLOTS: [&str; 16] = [
    "method",
    "reason",
    "status",
    "url",
    "version",
    "_body",
    "_content",
    "_links",
    "cookies",
    "created_at",
    "encoding",
    "expires",
    "raw_headers",
    "real_url",
    "history",
    "last_used",
];

/// The same of 0.3 and 0.4.
const AIOHTTP_0_3_SLOTS: [&str; 15] = [
    "method",
    "reason",
    "status",
    "url",
    "version",
    "_body",
    "_links",
    "cookies",
    "created_at",
    "encoding",
    "expires",
    "raw_headers",
    "real_url",
    "history",
    "last_used",
];
/// The same of 0.2. Those of 0.1 are as many: it keeps headers in the place of the expiry, which it does not keep.
const AIOHTTP_0_2_SLOTS: [&str; 14] = [
    "method",
    "reason",
    "status",
    "url",
    "version",
    "_body",
    "content_disposition",
    "cookies",
    "created_at",
    "encoding",
    "expires",
    "headers",
    "history",
    "request_info",
];

/// A url of the package yarl, whose state is its five parts.
fn yarl(value: &Value, node: NodeId) -> Option<String> {
    let state = value.sequence(value.object(node)?.state)?;
    let parts = *state.first()?;
    let parts = value.object(parts).map_or(parts, |split| split.args);
    let parts = value.sequence(parts)?;
    let part = |at: usize| text(value, *parts.get(at)?);
    let tail = |at: usize, mark: &str| match part(at)?.as_str() {
        "" => Some(String::new()),
        text => Some(format!("{mark}{text}")),
    };
    Some(format!(
        "{}://{}{}{}{}",
        part(0)?,
        part(1)?,
        part(2)?,
        tail(3, "?")?,
        tail(4, "#")?
    ))
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
    .or_else(|| slot(value, node, names))
}

/// The first of these attributes of an object that was pickled without their names.
fn slot(value: &Value, node: NodeId, names: &[&str]) -> Option<NodeId> {
    let object = value.object(node)?;
    let class = value.name(object.callee)?;
    let known: &[&[&str]] = match &*class.qualname {
        "CachedResponse" if class.module.starts_with("aiohttp_client_cache") => {
            &[&AIOHTTP_SLOTS, &AIOHTTP_0_3_SLOTS, &AIOHTTP_0_2_SLOTS]
        }
        "CachedResponse" => &[&RESPONSE_SLOTS],
        "CachedRequest" => &[&REQUEST_SLOTS],
        _ => return None,
    };
    let state = value.sequence(object.state)?;
    let slots = known.iter().find(|slots| slots.len() == state.len())?;
    let at = |name: &&str| slots.iter().position(|slot| slot == name);
    state.get(names.iter().find_map(at)?).copied()
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
}
