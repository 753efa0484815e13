//! Parameters and passwords in urls that let others in: `?api_key=…`, `#access_token=…`, `https://user:password@host`.

use std::borrow::Cow;

use super::{HIDDEN, PARTS};

/// Names that are a secret's own, whole.
const NAMES: [&str; 12] = [
    "key",
    "auth",
    "authorization",
    "sig",
    "pwd",
    "pass",
    "passwd",
    "passphrase",
    "jwt",
    "sid",
    "sessionid",
    "appid",
];
/// Parts of names of parameters, beside those of headers: keys in pairs, and urls that clouds sign.
const MORE_PARTS: [&str; 6] = [
    "signature",
    "credential",
    "access_key",
    "accesskey",
    "private_key",
    "auth_key",
];
/// What ends a parameter; behind the first four another one begins.
const ENDS: [char; 12] = [
    '?', '&', ';', '#', '"', '\'', '<', '>', '\\', ' ', '\n', '\t',
];
const BEGINS: usize = 4;

/// The text without the secrets of the urls in it; as it is where it has none.
///
/// A text that is nothing but parameters, such as the body of a form, loses them too.
pub(in crate::stores) fn hidden(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut is_parameter = true;
    let mut is_changed = false;
    for piece in text.split_inclusive(ENDS) {
        let own = piece.strip_suffix(ENDS).unwrap_or(piece);
        let end = piece.strip_prefix(own).unwrap_or_default();
        let new = if is_parameter {
            without_value(own)
        } else {
            None
        };
        let new = new.or_else(|| without_password(own));
        is_changed |= new.is_some();
        out.push_str(new.as_deref().unwrap_or(own));
        out.push_str(end);
        is_parameter = end.starts_with(ENDS.get(..BEGINS).unwrap_or_default());
    }
    if is_changed {
        Cow::Owned(out)
    } else {
        Cow::Borrowed(text)
    }
}

/// `name=<hidden>` for a parameter whose value is a secret.
fn without_value(parameter: &str) -> Option<String> {
    let (name, value) = parameter.split_once('=')?;
    (is_secret(name) && !value.is_empty()).then(|| format!("{name}={HIDDEN}"))
}

/// Numbers of pages are called tokens too, and tell pages apart.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    NAMES.contains(&&*name) || (has(&PARTS) || has(&MORE_PARTS)) && !name.contains("page")
}

/// A url whose password is hidden; `None` where it has none.
fn without_password(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let (person, _) = authority.rsplit_once('@')?;
    let (name, password) = person.split_once(':').filter(|(_, p)| !p.is_empty())?;
    let behind = rest.strip_prefix(name)?.strip_prefix(':')?;
    let behind = behind.strip_prefix(password)?;
    Some(format!("{scheme}://{name}:{HIDDEN}{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_urls_and_nothing_else_does() {
        for (text, expected) in [
            ("https://x/a?b=1&c=2#d", "https://x/a?b=1&c=2#d"),
            (
                "https://x/a?api_key=k&page=2",
                "https://x/a?api_key=<hidden>&page=2",
            ),
            ("/a?q=1&Access_Token=a.b==", "/a?q=1&Access_Token=<hidden>"),
            (
                "https://x/#access_token=t&state=1",
                "https://x/#access_token=<hidden>&state=1",
            ),
            (
                "https://s3/x?X-Amz-Credential=c&X-Amz-Expires=9&X-Amz-Signature=s",
                "https://s3/x?X-Amz-Credential=<hidden>&X-Amz-Expires=9&X-Amz-Signature=<hidden>",
            ),
            ("https://m/geo?key=AIza", "https://m/geo?key=<hidden>"),
            (
                "grant_type=x&client_secret=s",
                "grant_type=x&client_secret=<hidden>",
            ),
            (
                "<https://x/?page=2&token=t>; rel=\"next\"",
                "<https://x/?page=2&token=<hidden>>; rel=\"next\"",
            ),
            (
                "https://ana:pass:word@x:80/a@b",
                "https://ana:<hidden>@x:80/a@b",
            ),
            ("https://ana@x/", "https://ana@x/"),
            ("?pageToken=7&token=", "?pageToken=7&token="),
            ("var monkey=3; the key=4", "var monkey=3; the key=4"),
            ("text/html; charset=utf-8", "text/html; charset=utf-8"),
            ("", ""),
        ] {
            assert_eq!(hidden(text), expected, "{text}");
        }
    }
}
