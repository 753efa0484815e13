//! Stored responses of web servers: what their libraries say of each, and that credentials stay out of sight.

use serde_json::Value;

use crate::support::fixtures::{self, Fixture, Reported};
use crate::support::program;
use crate::support::python::Python;

/// What the test server of the fixtures sent or was sent, and nobody should see.
const SECRETS: [&str; 3] = ["top-secret-cookie", "top-secret-token", "sesame-open"];

fn show(fixture: &Fixture, key: &str, more: &[&str]) -> Value {
    let path = fixture.opened();
    let path = path.to_str().expect("a fixture's path is text");
    let shown = program::run([&["show", path, key][..], more].concat());
    assert_eq!(shown.code, 0, "{path} {key}: {}", shown.said);
    shown.lines.first().expect("a value line").clone()
}

fn check(fixture: &Fixture, reported: &Reported) {
    let key = reported
        .entry
        .get("key")
        .and_then(Value::as_str)
        .expect("a key");
    let line = show(fixture, key, &[]);
    let place = format!("{} {key}: {line}", fixture.opened().display());
    let path = fixture.opened();
    let printed = program::say(["show".as_ref(), path.as_os_str(), key.as_ref()]);
    for secret in SECRETS {
        assert!(!line.to_string().contains(secret), "{place}");
        assert!(!printed.stdout.contains(secret), "{place}: {printed:?}");
    }
    let http = &reported.http;
    let facts = line.get("facts").expect("facts");
    let fact = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default();
    let said = |name: &str| http.get(name).expect("a member of the manifest");
    assert_eq!(fact("url"), *said("url"), "{place}");
    assert_eq!(fact("method"), *said("method"), "{place}");
    let status = fact("status").split(' ').next().unwrap_or_default();
    assert_eq!(status, said("status").to_string(), "{place}");
    // JSON that was parsed already has no bytes to count.
    if !fact("body bytes").is_empty() {
        assert_eq!(
            fact("body bytes"),
            said("body_bytes").to_string(),
            "{place}"
        );
    }
}

#[test]
fn responses_tell_what_their_libraries_say_and_hide_what_lets_others_in() {
    let all = fixtures::all();
    let mut n_checked = 0;
    for fixture in &all {
        for reported in fixture.entries.iter().filter(|r| r.http.is_object()) {
            check(fixture, reported);
            n_checked += 1;
        }
    }
    assert!(n_checked > 60, "{n_checked}");
}

#[test]
fn secrets_are_shown_to_whom_asks_for_them() {
    let all = fixtures::all();
    let is_one = |fixture: &&Fixture| fixture.entries.iter().any(|r| r.http.is_object());
    for kind in ["requests-cache", "hishel"] {
        let mut found = all.iter().filter(is_one).filter(|f| f.kind == kind);
        let fixture = found.next().expect("a fixture of that kind");
        let key = fixture.entries[0].entry["key"].as_str().expect("a key");
        let line = show(fixture, key, &["--secrets"]).to_string();
        assert!(line.contains(SECRETS[0]), "{line}");
    }
}

/// Bodies that a listing reads with their rows, and one that it looks up; prints when each was stored.
const LARGE: &str = r#"
import datetime, json, sys
import requests, requests_cache

session = requests_cache.CachedSession(sys.argv[1], serializer="json")
for n, size in enumerate([10, 200_000, 20, 70_000]):
    response = requests.Response()
    response.url = "http://example.org/%d" % n
    response.status_code, response._content = 200, bytes(size)
    response.request = requests.Request("GET", response.url).prepare()
    response.raw = requests.packages.urllib3.HTTPResponse(request_url=response.url)
    response.elapsed = datetime.timedelta(seconds=1)
    session.cache.save_response(response)
print(json.dumps({key: session.cache.responses[key].created_at.isoformat() for key in session.cache.responses}))
session.close()
"#;

#[test]
fn large_and_small_responses_tell_when_they_were_stored() {
    let Some(python) = Python::env("requests-cache-1.3") else {
        return;
    };
    let temp = tempfile::TempDir::new().expect("a temporary folder");
    let path = temp.path().join("cache.sqlite");
    let path = path.to_str().expect("a test's path is text");
    let told: Value = serde_json::from_str(&python.run(LARGE, [path])).expect("what it printed");
    let listed = program::run(["ls", path]);
    let mut n_entries = 0;
    for line in listed.of_type("entry") {
        let at = |value: &Value| value.as_str()?.parse::<jiff::Timestamp>().ok();
        let key = line["key"].as_str().expect("a key");
        let created = at(&line["created"]);
        assert!(
            created.is_some() && created == at(&told[key]),
            "{line} {told}"
        );
        n_entries += 1;
    }
    assert_eq!(n_entries, 4, "{}", listed.said);
}

/// Urls with secrets: of a request, of where it was sent on to, in a header, and of a person with a password.
const LINKS: &str = r#"
import http.server, sys, threading
import requests_cache

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        moved = self.path.startswith("/old")
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", "/new?page=2&sig=told-in-a-redirect")
        self.send_header("Link", "</next?page=3&token=told-in-a-link>; rel=next")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *words):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for serializer in ("pickle", "json"):
    path = "%s/%s.sqlite" % (sys.argv[1], serializer)
    session = requests_cache.CachedSession(path, serializer=serializer)
    port = server.server_port
    session.get("http://127.0.0.1:%d/old?page=1&token=told-in-a-request" % port)
    session.get("http://ana:told-to-a-person@127.0.0.1:%d/x?key=told-in-a-key" % port)
    session.close()
server.shutdown()
"#;

#[test]
fn secrets_in_urls_are_hidden_until_asked_for() {
    let Some(python) = Python::env("requests-cache-1.3") else {
        return;
    };
    let temp = tempfile::TempDir::new().expect("a temporary folder");
    let folder = temp.path().to_str().expect("a test's path is text");
    python.run(LINKS, [folder]);
    for serializer in ["pickle", "json"] {
        let path = format!("{folder}/{serializer}.sqlite");
        let listed = program::run(["ls", &path]);
        let keys: Vec<&str> = listed
            .of_type("entry")
            .filter_map(|line| line["key"].as_str())
            .collect();
        assert!(keys.len() >= 2, "{}", listed.said);
        let mut shown = [String::new(), String::new()];
        for key in keys {
            for (out, more) in shown.iter_mut().zip([&[][..], &["--secrets"]]) {
                let line = program::run([&["show", &path, key][..], more].concat());
                out.push_str(&line.lines.first().expect("a value line").to_string());
            }
        }
        let [hidden, told] = shown;
        assert!(!hidden.contains("told-"), "{hidden}");
        for word in ["page=1&token=<hidden>", "page=3&token=<hidden>"] {
            assert!(hidden.contains(word), "{word}: {hidden}");
        }
        for word in ["told-in-a-request", "told-in-a-link", "told-in-a-key"] {
            assert!(told.contains(word), "{word}: {told}");
        }
    }
}
