//! The floors: what the silicon allows for the same work, with nothing shared and nobody reading.
//!
//! Lives here: plain memory and plain arithmetic. Not here: atomics, names.

use std::hint::black_box;

use media_metrics_core::histogram::Layout;

use crate::race::touch;

/// A packet counted in plain memory: `packets += 1; bytes += len`.
#[derive(Debug, Default)]
pub struct Packets {
    /// Packets so far.
    pub packets: u64,
    /// Bytes so far.
    pub bytes: u64,
}

impl Packets {
    /// Counts one packet, in two scalar additions (see [`touch`]).
    #[inline(always)]
    pub fn add(&mut self, len: u64) {
        self.packets += 1;
        touch(&mut self.packets);
        self.bytes += len;
    }
}

/// An HDR histogram in plain memory: one bucket and the sum.
///
/// It holds its layout, as every histogram does that is not written for one precision alone.
#[derive(Debug)]
pub struct PlainHdr {
    layout: Layout,
    counts: Box<[u64]>,
    /// Sum of all samples.
    pub sum: u64,
}

impl PlainHdr {
    /// Records one sample.
    #[inline(always)]
    pub fn record(&mut self, value: u64) {
        if let Some(count) = self.counts.get_mut(self.layout.index(value)) {
            *count += 1;
        }
        self.sum += value;
    }

    /// Samples so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Default for PlainHdr {
    /// As precise as a histogram of ours is by default.
    fn default() -> Self {
        let layout = black_box(Layout::new(2, 1 << 40));
        Self {
            layout,
            counts: vec![0; layout.len()].into_boxed_slice(),
            sum: 0,
        }
    }
}

/// Samples of a latency in nanoseconds, from 4 µs to 4 ms, uneven as real ones are, always the same.
///
/// Few enough to stay in the first-level cache beside the buckets.
#[must_use]
pub fn latencies() -> [u64; 512] {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::array::from_fn(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let octave = 12 + (state >> 60).min(10); // one in sixteen per power of two, from 2^12
        (1 << octave) + (state & ((1 << octave) - 1))
    })
}

/// The length of packet `i`: 100 to 1,123 bytes, cheap to compute and never the same as the last.
#[must_use]
#[inline(always)]
pub const fn length(i: u64) -> u64 {
    100 + (i & 1023)
}

/// The sum of `length(0..n)`.
#[must_use]
pub const fn total_length(n: u64) -> u64 {
    let (rounds, rest) = (n / 1024, n % 1024);
    100 * n + rounds * (1023 * 1024 / 2) + rest * rest.saturating_sub(1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_lengths_is_the_sum() {
        for n in [0, 1, 2, 1023, 1024, 1025, 5000] {
            assert_eq!(total_length(n), (0..n).map(length).sum());
        }
    }

    #[test]
    fn the_floor_counts_right() {
        let mut hdr = PlainHdr::default();
        latencies().iter().for_each(|&v| hdr.record(v));
        assert_eq!((hdr.count(), hdr.sum), (512, latencies().iter().sum()));
        assert!(latencies().iter().all(|v| (4_096..8_400_000).contains(v)));
    }
}
