//! Plain data of other notations (JSON, `MessagePack`, rows) rewritten as a pickle, so that one decoder reads, shows and saves all.

use super::pickle::emit::Pickler;

pub(crate) use super::json::to_pickle as from_json;

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
