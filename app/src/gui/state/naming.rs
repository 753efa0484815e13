//! The name of a new file: how it is proposed, typed, and what stands in its way.

use std::path::{Path, PathBuf};

use cachescope_core::formats::Preview;

use crate::gui::body::{Body, Kind};

/// Characters of a proposed name; file systems take 255 bytes.
const MAX_CHARS: usize = 60;

/// The name of a file as it is typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Naming {
    pub(crate) path: String,
    /// The name under which there is a file already, once that was found out.
    pub(crate) taken: Option<PathBuf>,
    /// Why nothing was written.
    pub(crate) failure: Option<String>,
}

/// Why nothing was written.
pub(crate) enum Refusal {
    /// There is a file of that name, and nobody agreed to replace it.
    Taken,
    /// What the value or the system said.
    Failed(String),
}

impl Naming {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        Self {
            path: folder.join(name).to_string_lossy().into_owned(),
            ..Self::default()
        }
    }

    /// The path that is typed now; empty for none.
    pub(crate) fn path(&self) -> &Path {
        Path::new(self.path.trim())
    }

    /// True where a file stands under the name that is typed now, and the person was told so.
    pub(crate) fn is_taken(&self) -> bool {
        self.taken.as_deref() == Some(self.path())
    }

    /// Keeps why nothing was written under a name.
    pub(crate) fn refuse(&mut self, path: PathBuf, why: Refusal) {
        match why {
            Refusal::Taken => self.taken = Some(path),
            Refusal::Failed(why) => {
                self.taken = None;
                self.failure = Some(why);
            }
        }
    }

    /// Why nothing was written, in words for where the dialog does not show.
    pub(crate) fn why(&self) -> String {
        match (&self.taken, &self.failure) {
            (Some(path), _) => format!(
                "Nothing was written: there is a file of this name already. Save again under another name. File: {}",
                cachescope_core::model::text::path(path)
            ),
            (None, why) => why.clone().unwrap_or_default(),
        }
    }

    /// Another ending in the place of an old one, for another form.
    pub(crate) fn turn_to(&mut self, old: &str, new: &str) {
        let stem = self.path.strip_suffix(old);
        let stem = stem.and_then(|stem| stem.strip_suffix('.'));
        self.path = format!("{}.{new}", stem.unwrap_or(&self.path));
        self.failure = None;
    }
}

/// A key as the name of a file that every file system takes; `None` where nothing of it can be one.
pub(crate) fn of_key(key: &str) -> Option<String> {
    let mut name = String::new();
    for c in key.chars() {
        let is_plain = c.is_alphanumeric() || matches!(c, '-' | '.' | '=' | '+' | '@');
        // Runs of what no name should hold are one stroke.
        if is_plain {
            name.push(c);
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    // A dot in front hides a file, and one behind is lost on Windows.
    let name = name.trim_matches(['_', '.', ' ']);
    let name: String = name.chars().take(MAX_CHARS).collect();
    let stem = name.split('.').next().unwrap_or_default();
    // Names of devices on Windows, whatever their ending.
    let is_device = ["con", "prn", "aux", "nul"].contains(&stem.to_ascii_lowercase().as_str());
    match name.as_str() {
        "" => None,
        _ if is_device => Some(format!("{name}_")),
        _ => Some(name),
    }
}

/// How the name of a file with the stored bytes of a value ends; `body` is what they are where they are the value.
pub(crate) fn ending_of_stored(value: Option<&Preview>, body: Option<&Body>) -> String {
    let (carrier, codecs) = match value.and_then(|value| value.codec.split_last()) {
        // `pickle 4`: the version is no part of the name.
        Some((carrier, codecs)) => (carrier.split(' ').next().unwrap_or_default(), codecs),
        None => ("", &[][..]),
    };
    let mut ending = match (carrier, body) {
        ("pickle", _) => "pkl".to_owned(),
        ("marshal" | "json" | "npy", _) => carrier.to_owned(),
        ("bytes" | "text", Some(body)) => {
            let mut ending = of_body(body).to_owned();
            for codec in body.codecs.iter().rev() {
                ending = format!("{ending}.{}", of_codec(codec));
            }
            ending
        }
        ("text", None) => "txt".to_owned(),
        _ => "bin".to_owned(),
    };
    for codec in codecs.iter().rev() {
        ending = format!("{ending}.{}", of_codec(codec));
    }
    ending
}

fn of_body(body: &Body) -> &'static str {
    match &body.kind {
        Kind::Json(_) => "json",
        Kind::Picture(_, _, "PNG") => "png",
        Kind::Picture(_, _, "JPEG") => "jpg",
        Kind::Picture(_, _, "GIF") => "gif",
        Kind::Picture(_, _, "WebP") => "webp",
        Kind::Html => "html",
        Kind::Text => "txt",
        Kind::Picture(..) | Kind::Broken(_) | Kind::Bytes => "bin",
    }
}

/// How files of a compression are named.
fn of_codec(codec: &str) -> &str {
    match codec {
        "zlib" => "z",
        "gzip" => "gz",
        "zstd" => "zst",
        "base64" => "b64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_names_that_every_file_system_takes() {
        for (key, expected) in [
            ("a5188a6e36cf8fa9", Some("a5188a6e36cf8fa9")),
            ("'report 2024/05'", Some("report_2024_05")),
            ("https://x.org/a?b=1&c=2", Some("https_x.org_a_b=1_c=2")),
            ("../../etc/passwd", Some("etc_passwd")),
            ("CON.txt", Some("CON.txt_")),
            ("名前", Some("名前")),
            ("(1, 'a')", Some("1_a")),
            ("///", None),
            ("", None),
        ] {
            assert_eq!(of_key(key).as_deref(), expected, "{key}");
        }
        let long = of_key(&"k".repeat(5000)).unwrap();
        assert_eq!(long.len(), MAX_CHARS);
    }

    #[test]
    fn another_form_gets_another_ending_and_a_key_keeps_its_dots() {
        let mut naming = Naming::new(Path::new("/x"), "v1.2.pkl");
        naming.turn_to("pkl", "json");
        assert_eq!(naming.path, "/x/v1.2.json");
        naming.path = "/x/v1.2".to_owned();
        naming.turn_to("json", "csv");
        assert_eq!(naming.path, "/x/v1.2.csv");
    }

    #[test]
    fn only_the_name_that_was_told_to_be_taken_is() {
        let mut naming = Naming::new(Path::new("/x"), "a.csv");
        naming.taken = Some(PathBuf::from("/x/a.csv"));
        assert!(naming.is_taken());
        naming.path.push('2');
        assert!(!naming.is_taken());
    }
}
