//! The bytes that a value keeps: decoded input with the middle of very long blobs left out.

/// Kept bytes and where they stood in the decoded stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeptText {
    pub(crate) bytes: Vec<u8>,
    /// Rising in `position`; from there on, stream offset = position + `delta`, which wraps where the reader went back.
    pub(crate) gaps: Vec<Gap>,
}

/// Where kept bytes go on after something that was skipped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap {
    pub(crate) position: u32,
    pub(crate) delta: u64,
}

impl KeptText {
    /// Offset in the decoded stream of a kept byte.
    pub(crate) fn offset_of(&self, position: u32) -> u64 {
        let n = self.gaps.partition_point(|gap| gap.position <= position);
        let delta = n.checked_sub(1).and_then(|i| self.gaps.get(i));
        u64::from(position).wrapping_add(delta.map_or(0, |gap| gap.delta))
    }

    /// Up to `len` kept bytes from `position`, fewer where a gap or the end comes first.
    pub(crate) fn run(&self, position: usize, len: u64) -> &[u8] {
        let next_gap = self
            .gaps
            .partition_point(|gap| (gap.position as usize) <= position);
        let end = self
            .gaps
            .get(next_gap)
            .map_or(self.bytes.len(), |gap| gap.position as usize);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let end = end.min(position.saturating_add(len));
        self.bytes.get(position..end).unwrap_or_default()
    }

    /// The bytes of a line that starts at `position`, without its line feed.
    pub(crate) fn line(&self, position: usize) -> &[u8] {
        let rest = self.bytes.get(position..).unwrap_or_default();
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_behind_a_gap_are_shifted() {
        let text = KeptText {
            bytes: b"abcdef".to_vec(),
            gaps: vec![
                Gap {
                    position: 0,
                    delta: 100,
                },
                Gap {
                    position: 4,
                    delta: 5000,
                },
            ],
        };
        assert_eq!((text.offset_of(3), text.offset_of(4)), (103, 5004));
        assert_eq!(text.run(2, 99), b"cd");
        assert_eq!(text.run(4, 1), b"e");
    }

    #[test]
    fn offsets_go_back_where_the_reader_did() {
        let text = KeptText {
            bytes: vec![0; 1000],
            gaps: vec![Gap {
                position: 500,
                delta: 100_u64.wrapping_sub(500),
            }],
        };
        assert_eq!((text.offset_of(499), text.offset_of(510)), (499, 110));
    }
}
