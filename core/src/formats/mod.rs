//! Bytes to values: pure decoders over slices and readers, without any knowledge of caches.
