//! For tests: bytes damaged at random, the same way on every machine.

/// xorshift64*.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let wide = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(wide).unwrap() % n
    }

    /// Bytes of which one to four were changed, dropped or added, or all behind one cut off.
    pub(super) fn damaged(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut damaged = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(damaged.len());
            match self.below(6) {
                0 => damaged[at] = u8::try_from(self.below(256)).unwrap(),
                1 => damaged[at] ^= 1 << self.below(8),
                2 => damaged[at] = 0xff,
                3 => drop(damaged.remove(at)),
                4 => damaged.insert(at, bytes[self.below(bytes.len())]),
                _ => damaged.truncate(at + 1),
            }
            if damaged.is_empty() {
                break;
            }
        }
        damaged
    }
}
