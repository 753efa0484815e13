//! Plain data of other notations (JSON, `MessagePack`, rows) rewritten as a pickle, so that one decoder reads, shows and saves all.

pub(crate) use super::json::to_pickle as from_json;
pub(crate) use super::message_pack::{
    to_pickle as from_message_pack, to_pickle_with as from_message_pack_with,
};
