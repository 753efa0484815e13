//! A stream that failed is over.

use std::io::{self, ErrorKind, Read};

/// Gives the first failure again however often one asks.
///
/// Asked again, decoders take what they failed in for their end, or never come back: `lzma_rust2` knows the length of a
/// block and has no decoder for it (0.25, `Lzma2Reader::read`).
pub(super) struct Fused<R> {
    stream: R,
    failure: Option<(ErrorKind, String)>,
}

impl<R> Fused<R> {
    pub(super) fn new(stream: R) -> Self {
        Self {
            stream,
            failure: None,
        }
    }
}

impl<R: Read> Read for Fused<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some((kind, why)) = &self.failure {
            return Err(io::Error::new(*kind, why.clone()));
        }
        let read = self.stream.read(buf);
        if let Err(error) = &read
            && error.kind() != ErrorKind::Interrupted
        {
            self.failure = Some((error.kind(), error.to_string()));
        }
        read
    }
}
