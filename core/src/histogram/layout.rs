//! The layout of HdrHistogram: which bucket a value falls into, and which values a bucket holds.
//!
//! Lives here: pure arithmetic on `u64`. Not here: counts (`record`, `snapshot`), units, bounds of
//! classic buckets (`desc`).
//!
//! With `d` significant decimal digits, `k` is the half-count magnitude: the smallest `k` with
//! `2^(k+1) >= 2 * 10^d`. Values below `2^(k+1)` have a bucket each; above, every power of two is cut
//! into `2^k` buckets, so a bucket is never wider than `value / 2^k`:
//!
//! ```text
//! b     = 63 - leading_zeros(v | mask) - k        mask = 2^(k+1) - 1
//! index = (b << k) + (v >> b)
//! ```
//!
//! This is the layout of `hdrhistogram::Histogram` with lowest discernible value 1; a property test
//! holds the two against each other, so that counts carry over without loss.

use std::hint::unreachable_unchecked;
use std::num::NonZeroU64;

/// How a histogram maps values to buckets: precision and maximum.
///
/// - **Range**: values `0..=max_value`; larger ones count in the top bucket (and are counted apart).
/// - **Error**: a bucket spans at most `value / 10^digits`.
/// - **Memory**: `len()` cells of 8 bytes for each thread that records.
///
/// ```
/// use media_metrics_core::histogram::Layout;
/// let layout = Layout::new(2, 60_000_000_000); // two digits, up to a minute in nanoseconds
/// let i = layout.index(1_000_000);
/// assert!(layout.lowest(i) <= 1_000_000 && 1_000_000 <= layout.highest(i));
/// assert!(layout.highest(i) - layout.lowest(i) < 1_000_000 / 100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    max_value: u64,
    /// `2^(k+1) - 1`.
    mask: u64,
    /// `k`, and what `b << k` multiplies by: 64 bits each, so that the hot path need not widen them.
    k: u64,
    half_count: u64,
    len: u32,
    digits: u8,
}

impl Layout {
    /// A layout with `digits` significant decimal digits (0 to 5) for values up to `max_value`.
    ///
    /// Out-of-range arguments are brought into range (more than 5 digits count as 5, a maximum below
    /// 2 as 2): a static description can't fail at run time.
    #[must_use]
    pub const fn new(digits: u8, max_value: u64) -> Self {
        let digits = if digits > 5 { 5 } else { digits };
        let max_value = if max_value < 2 { 2 } else { max_value };
        let mut unit_resolution: u64 = 2;
        let mut i = 0;
        while i < digits {
            unit_resolution *= 10;
            i += 1;
        }
        // ceil(log2(2 * 10^d)) is the sub-bucket count's magnitude; its half is what index() shifts by.
        let magnitude = 64 - (unit_resolution - 1).leading_zeros();
        let k = magnitude.saturating_sub(1);
        let (mask, half_count) = ((2_u64 << k) - 1, 1_u64 << k);
        let mut layout = Self {
            max_value,
            mask,
            k: k as u64,
            half_count,
            len: 0,
            digits,
        };
        layout.len = layout.index(max_value) as u32 + 1;
        layout
    }

    /// Number of buckets: `index` is always below it.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a layout always has buckets")]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Largest value with a bucket of its own.
    #[must_use]
    pub const fn max_value(&self) -> u64 {
        self.max_value
    }

    /// Significant decimal digits.
    #[must_use]
    pub const fn digits(&self) -> u8 {
        self.digits
    }

    /// `k` of the module's formula: a bucket's width is at most `value >> k`.
    #[must_use]
    pub const fn half_count_magnitude(&self) -> u32 {
        self.k as u32
    }

    /// The bucket of `value`; values above the maximum get an index beyond [`len`](Self::len).
    #[must_use]
    #[inline]
    pub const fn index(&self, value: u64) -> usize {
        // Not 0, as the mask is not: said so, or the compiler provides for it. And `63 ^ lz` is `63 - lz`,
        // spelt so that it becomes one instruction (`bsr`).
        let leading_zeros = match NonZeroU64::new(value | self.mask) {
            Some(v) => v.leading_zeros() as u64,
            // SAFETY: the mask is `2^(k+1) - 1`, at least 1.
            None => unsafe { unreachable_unchecked() },
        };
        let b = (63 ^ leading_zeros) - self.k;
        (b * self.half_count + (value >> b)) as usize
    }

    /// Smallest value of bucket `index`.
    #[must_use]
    pub const fn lowest(&self, index: usize) -> u64 {
        let b = self.shift(index);
        (index as u64 - ((b as u64) << self.k)) << b
    }

    /// Largest value of bucket `index`.
    #[must_use]
    pub const fn highest(&self, index: usize) -> u64 {
        self.lowest(index) + ((1_u64 << self.shift(index)) - 1)
    }

    /// The `b` with which values of bucket `index` were shifted.
    const fn shift(&self, index: usize) -> u32 {
        let block = (index as u64 >> self.k) as u32;
        block.saturating_sub(1)
    }

    /// For each upper bound (inclusive, ascending, in recorded units): how many leading buckets count
    /// as "less than or equal".
    ///
    /// A bucket belongs below a bound if its *smallest* value does. So a value equal to the bound is
    /// never missed, and a value above it is taken in only within the bucket that the bound cuts:
    /// the error is at most one bucket, `bound / 2^k`.
    #[must_use]
    pub fn split(&self, bound: f64) -> usize {
        if bound.is_nan() || bound < 0.0 {
            return 0;
        }
        // `as` saturates: a bound above u64::MAX takes every bucket.
        (self.index((bound as u64).min(self.max_value)) + 1).min(self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    #[test]
    fn small_values_have_buckets_of_their_own() {
        let l = Layout::new(2, 1 << 40);
        for v in 0..256 {
            assert_eq!((l.lowest(l.index(v)), l.highest(l.index(v))), (v, v));
        }
        assert_eq!(
            (l.lowest(l.index(257)), l.highest(l.index(257))),
            (256, 257)
        );
    }

    #[test]
    fn both_ends_of_every_layout() {
        for digits in 0..=5 {
            for max in [2, 3, 1_000, 1 << 40, u64::MAX - 1, u64::MAX] {
                let l = Layout::new(digits, max);
                assert_eq!(l.index(0), 0);
                assert_eq!(l.index(max) + 1, l.len(), "digits {digits} max {max}");
                assert_eq!(l.split(f64::INFINITY), l.len());
                assert_eq!(l.split(-1.0), 0);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_hdrhistogram(digits in 0_u8..=if cfg!(miri) { 2 } else { 5 }, raw in any::<u64>(), shift in 0_u32..62) {
            let v = raw >> shift >> 2; // any scale, inside hdrhistogram's range
            let l = Layout::new(digits, u64::MAX >> 2);
            let h = Histogram::<u64>::new_with_bounds(1, u64::MAX >> 2, digits).unwrap();
            let i = l.index(v);
            prop_assert_eq!(l.lowest(i), h.lowest_equivalent(v));
            prop_assert_eq!(l.highest(i), h.highest_equivalent(v));
            prop_assert!(l.len() <= h.distinct_values());
        }

        #[test]
        fn buckets_are_contiguous_and_within_the_error(digits in 0_u8..=4, raw in any::<u64>(), shift in 0_u32..64) {
            let v = raw >> shift;
            let l = Layout::new(digits, u64::MAX);
            let i = l.index(v);
            prop_assert!(l.lowest(i) <= v && v <= l.highest(i));
            prop_assert!(l.highest(i) - l.lowest(i) <= v >> l.half_count_magnitude());
            if i + 1 < l.len() {
                prop_assert_eq!(l.lowest(i + 1), l.highest(i) + 1);
            }
        }

        #[test]
        fn a_bound_never_misses_a_value_equal_to_it(bound in 0_u64..1 << 50, above in 1_u64..1 << 40) {
            let l = Layout::new(2, 1 << 50);
            let n = l.split(bound as f64);
            prop_assert!(l.index(bound) < n);
            // and takes in at most the rest of the bucket that it cuts
            let v = bound + above;
            if l.index(v) < n {
                prop_assert!(above <= bound >> l.half_count_magnitude());
            }
        }
    }
}
