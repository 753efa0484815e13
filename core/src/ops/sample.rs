//! Fair draws from a seed: every entry is as likely as any other, and the same seed draws the same ones.

/// A generator of 64-bit numbers: `SplitMix64` (Steele, Lea and Flood, 2014), small and even enough for draws.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    fn below(&mut self, n: usize) -> usize {
        let wide = u128::from(self.next()) * (n as u128);
        usize::try_from(wide >> 64).unwrap_or(0)
    }
}

/// Up to `n` of the items, drawn without putting back and kept in their order.
pub(crate) fn sample<T>(items: Vec<T>, n: Option<usize>, seed: u64) -> Vec<T> {
    let len = items.len();
    let n = n.unwrap_or(len);
    if n >= len {
        return items;
    }
    let mut random = SplitMix(seed);
    let mut left = n;
    // Each item is taken with the chance that fits what is still to be drawn (Knuth, algorithm S).
    items
        .into_iter()
        .enumerate()
        .filter_map(|(at, item)| {
            let is_taken = random.below(len - at) < left;
            left -= usize::from(is_taken);
            is_taken.then_some(item)
        })
        .collect()
}

/// `n` places below `len`, each as likely as any other and drawn anew.
pub(crate) fn draws(len: usize, n: usize, seed: u64) -> Vec<usize> {
    let mut random = SplitMix(seed ^ 0x5eed);
    (0..n).map(|_| random.below(len.max(1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_its_size_its_order_and_every_item_its_chance() {
        let mut taken = [0_u32; 20];
        for seed in 0..2000 {
            let drawn: Vec<usize> = sample((0..20).collect(), Some(5), seed);
            assert_eq!(drawn.len(), 5);
            assert!(drawn.is_sorted());
            assert_eq!(drawn, sample((0..20).collect(), Some(5), seed));
            for item in drawn {
                taken[item] += 1;
            }
        }
        // 500 expected; six standard deviations are 116.
        assert!(taken.iter().all(|n| (384..616).contains(n)), "{taken:?}");
        assert_eq!(sample(vec![1, 2], Some(5), 1), [1, 2]);
    }

    #[test]
    fn draws_stay_below_their_bound() {
        let drawn = draws(3, 1000, 9);
        assert!((0..3).all(|n| drawn.contains(&n)) && drawn.iter().all(|n| *n < 3));
    }
}
