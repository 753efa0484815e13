//! Keys and paths in JSON: as text where they are text, else as base64 that says so.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::EntryKey;
use crate::source::path_from_bytes;

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Wire {
    Text(String),
    Raw { base64: String },
}

impl Wire {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_not_text) => Self::Raw {
                base64: STANDARD.encode(bytes),
            },
        }
    }

    fn bytes<E: serde::de::Error>(self) -> Result<Vec<u8>, E> {
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Raw { base64 } => STANDARD.decode(base64).map_err(E::custom),
        }
    }
}

/// `#[serde(with = "wire::bytes")]` for stored bytes.
pub(super) mod bytes {
    use super::{Deserialize as _, Deserializer, Serialize as _, Serializer, Wire};

    pub(in super::super) fn serialize<S: Serializer>(
        bytes: &[u8],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        Wire::of(bytes).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Box<[u8]>, D::Error> {
        Ok(Wire::deserialize(from)?.bytes()?.into())
    }
}

/// `#[serde(with = "wire::path")]` for paths that need not be text.
pub(super) mod path {
    use super::{
        Deserialize as _, Deserializer, Path, PathBuf, Serialize as _, Serializer, Wire,
        path_from_bytes,
    };

    pub(in super::super) fn serialize<S: Serializer>(
        path: &Path,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        Wire::of(path.as_os_str().as_encoded_bytes()).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<PathBuf, D::Error> {
        Ok(path_from_bytes(&Wire::deserialize(from)?.bytes()?))
    }
}

/// `#[serde(with = "wire::paths")]` for lists of them.
pub(super) mod paths {
    use super::{Deserialize as _, Deserializer, PathBuf, Serializer, Wire, path_from_bytes};

    pub(in super::super) fn serialize<S: Serializer>(
        paths: &[PathBuf],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(
            paths
                .iter()
                .map(|p| Wire::of(p.as_os_str().as_encoded_bytes())),
        )
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        let wires = Vec::<Wire>::deserialize(from)?;
        wires
            .into_iter()
            .map(|w| Ok(path_from_bytes(&w.bytes()?)))
            .collect()
    }
}

/// `#[serde(with = "wire::key")]` for an entry's identity.
pub(super) mod key {
    use super::{Deserialize, Deserializer, EntryKey, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        #[serde(
            with = "super::bytes",
            default,
            skip_serializing_if = "<[u8]>::is_empty"
        )]
        group: Box<[u8]>,
        #[serde(with = "super::bytes")]
        key: Box<[u8]>,
        #[serde(default, skip_serializing_if = "is_first")]
        ordinal: u32,
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    fn is_first(ordinal: &u32) -> bool {
        *ordinal == 0
    }

    pub(in super::super) fn serialize<S: Serializer>(
        key: &EntryKey,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let EntryKey {
            group,
            key,
            ordinal,
        } = key.clone();
        Named {
            group,
            key,
            ordinal,
        }
        .serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<EntryKey, D::Error> {
        let Named {
            group,
            key,
            ordinal,
        } = Named::deserialize(from)?;
        Ok(EntryKey {
            group,
            key,
            ordinal,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct All {
        #[serde(with = "key")]
        key: EntryKey,
        #[serde(with = "path")]
        path: PathBuf,
        #[serde(with = "paths")]
        paths: Vec<PathBuf>,
    }

    #[test]
    fn text_stays_text_and_the_rest_is_base64() {
        let all = All {
            key: EntryKey {
                group: b"pkg/f"[..].into(),
                key: b"\xff\x00"[..].into(),
                ordinal: 3,
            },
            path: path_from_bytes(b"a/\xfe"),
            paths: vec![PathBuf::from("x"), path_from_bytes(b"\xfd")],
        };
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(
            json,
            r#"{"key":{"group":"pkg/f","key":{"base64":"/wA="},"ordinal":3},"path":{"base64":"YS/+"},"paths":["x",{"base64":"/Q=="}]}"#
        );
        assert_eq!(serde_json::from_str::<All>(&json).unwrap(), all);
    }
}
