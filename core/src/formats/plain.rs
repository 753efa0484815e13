//! Plain data of other notations (JSON, `MessagePack`, rows) rewritten as a pickle, so that one decoder reads, shows and saves all.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::pickle::emit::Pickler;

/// Rewrites one JSON text as `json.loads` reads it; the parser bounds the depth.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn from_json(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut pickler = Pickler::new();
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let read = Plain(&mut pickler).deserialize(&mut parser);
    read.and_then(|()| parser.end())
        .map_err(|e| e.to_string())?;
    Ok(pickler.finish())
}

/// Whatever comes next, onto the pickle.
struct Plain<'p>(&'p mut Pickler);

impl<'de> DeserializeSeed<'de> for Plain<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("plain data")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.none();
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.bool(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.int(value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.unsigned(value);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.0.float(value);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.str(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.begin_list();
        while items.next_element_seed(Plain(self.0))?.is_some() {}
        self.0.end_list();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.0.begin_dict();
        while members.next_key_seed(Plain(self.0))?.is_some() {
            members.next_value_seed(Plain(self.0))?;
        }
        self.0.end_dict();
        Ok(())
    }
}

/// Nested containers of `MessagePack` that are followed: its parser goes into each by a call.
const MAX_DEPTH: usize = 128;

/// Rewrites one `MessagePack` value as `msgpack.unpackb` reads it.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn from_message_pack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut pickler = Pickler::new();
    message_pack(&parsed(bytes)?, &mut pickler);
    Ok(pickler.finish())
}

/// The same for a map, with one member more, whose bytes are kept elsewhere.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn from_message_pack_with(
    bytes: &[u8],
    name: &str,
    member: &[u8],
) -> Result<Vec<u8>, String> {
    let rmpv::ValueRef::Map(members) = parsed(bytes)? else {
        return Err("found no map".to_owned());
    };
    let mut pickler = Pickler::new();
    pickler.begin_dict();
    for (key, item) in &members {
        message_pack(key, &mut pickler);
        message_pack(item, &mut pickler);
    }
    pickler.str(name);
    pickler.bytes(member);
    pickler.end_dict();
    Ok(pickler.finish())
}

fn parsed(bytes: &[u8]) -> Result<rmpv::ValueRef<'_>, String> {
    let mut rest = bytes;
    let value = rmpv::decode::read_value_ref_with_max_depth(&mut rest, MAX_DEPTH)
        .map_err(|e| e.to_string())?;
    if !rest.is_empty() {
        return Err(format!("{} bytes follow the value", rest.len()));
    }
    Ok(value)
}

/// One value; the parser has bounded the depth.
fn message_pack(value: &rmpv::ValueRef<'_>, pickler: &mut Pickler) {
    use rmpv::ValueRef;

    match value {
        ValueRef::Nil => pickler.none(),
        ValueRef::Boolean(value) => pickler.bool(*value),
        ValueRef::Integer(n) => match (n.as_i64(), n.as_u64()) {
            (Some(n), _) => pickler.int(n),
            (None, n) => pickler.unsigned(n.unwrap_or(0)),
        },
        ValueRef::F32(x) => pickler.float(f64::from(*x)),
        ValueRef::F64(x) => pickler.float(*x),
        ValueRef::String(text) => pickler.str_or_bytes(text.as_bytes()),
        ValueRef::Binary(bytes) | ValueRef::Ext(_, bytes) => pickler.bytes(bytes),
        ValueRef::Array(items) => {
            pickler.begin_list();
            for item in items {
                message_pack(item, pickler);
            }
            pickler.end_list();
        }
        ValueRef::Map(members) => {
            pickler.begin_dict();
            for (key, item) in members {
                message_pack(key, pickler);
                message_pack(item, pickler);
            }
            pickler.end_dict();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pickle;

    fn repr(pickle: &[u8]) -> String {
        let decoded = pickle::decode_bytes(pickle);
        assert!(decoded.is_complete);
        decoded.value.repr(decoded.value.root(), 1000).text
    }

    #[test]
    fn json_reads_as_python_loads_it() {
        // repr(json.loads(…)), CPython 3.13
        let text = r#"{"a": [1, -2.5, null, true, 18446744073709551615], "b": {"c\u2603": ""}}"#;
        let expected = "{'a': [1, -2.5, None, True, 18446744073709551615], 'b': {'c☃': ''}}";
        assert_eq!(repr(&from_json(text.as_bytes()).unwrap()), expected);
        for bad in ["", "{", "[1] 2", "\u{1}", "{1: 2}"] {
            assert!(from_json(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(from_json("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn message_pack_reads_as_python_unpacks_it() {
        // msgpack.packb({"a": [1, -2, 1.5, None, True], "b": b"\xff"}), msgpack 1.1
        let packed =
            b"\x82\xa1a\x95\x01\xfe\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xc0\xc3\xa1b\xc4\x01\xff";
        let expected = r"{'a': [1, -2, 1.5, None, True], 'b': b'\xff'}";
        assert_eq!(repr(&from_message_pack(packed).unwrap()), expected);
        for n in 0..packed.len() {
            assert!(from_message_pack(&packed[..n]).is_err(), "{n}");
        }
        assert!(from_message_pack(&[0xdd, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(from_message_pack(&vec![0x91; 100_000]).is_err());
    }
}
