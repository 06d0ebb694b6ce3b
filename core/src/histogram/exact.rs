//! Histograms of given bounds, for what is not hot: exact at the bounds, and small.
//!
//! Lives here: the handle and how it records. Not here: merging (`reporter`), bounds and their validation
//! (`desc`).
//!
//! An HDR histogram holds any quantile to two digits, in some thousand cells a thread. Where bounds are law
//! (names and buckets that existing dashboards expect) and series are many (one for each method of an API),
//! this one holds the buckets of the bounds and nothing else.

use std::sync::Arc;

use super::array::{CLAMPED, HEADER, SUM, array_len, own_array};
use super::snapshot::bucket_of;
use crate::cell::Cell;
use crate::desc::Desc;
use crate::registry::{Handle, Series};
use crate::shard::Address;

/// A distribution over given bounds, that any thread may record into. Made by
/// [`Registry::exact_histogram`](crate::Registry::exact_histogram).
///
/// - **Unit**: that of the bounds. A value equal to a bound is in that bound's bucket, to the bit.
/// - **Cost**: some ten nanoseconds: no lock, no locked instruction, no allocation but a thread's first
///   record, whatever other threads do.
/// - **Memory**: 8 bytes a bound and thread that records, and 24 more.
/// - **Error**: none in the counts; the sum is an `f64` for each thread.
/// - **Errors, panics**: none. A value that is not finite counts in the bucket that it belongs to (`+Inf`, and what is no
///   number, in the last, `-Inf` in the first), but not in the sum, which it would spoil for ever; and it is counted apart.
///
/// ```
/// use media_metrics_core::{Desc, Registry};
/// static LATENCY: Desc = Desc::exact_histogram("join_ms", "Time to join, in ms.", &[10.0, 100.0]);
/// let registry = Registry::new()?;
/// let latency = registry.exact_histogram(&LATENCY, &[])?;
/// latency.record(10.0);
/// latency.record(10.000_000_000_000_002);
/// let snapshot = registry.collect();
/// let buckets = snapshot.histogram("join_ms", &[]).map(|h| h.classic().collect::<Vec<_>>());
/// assert_eq!(buckets, Some(vec![1, 2, 2]));
/// # Ok::<(), media_metrics_core::RegisterError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExactHistogram {
    bounds: Arc<[f64]>,
    /// Cells of a thread's array.
    len: usize,
    /// Of this series' slot, which leads to the array.
    address: Address,
    handle: Handle,
}

impl ExactHistogram {
    pub(crate) fn new(handle: Handle, desc: &Desc) -> Self {
        Self {
            bounds: desc.bounds().into(),
            len: array_len(desc.layout()),
            address: handle.slot_address(),
            handle,
        }
    }

    /// Records one value.
    pub fn record(&self, value: f64) {
        self.record_n(value, 1);
    }

    /// Records a value `n` times, for the price of one.
    pub fn record_n(&self, value: f64, n: u64) {
        // SAFETY: the address is that of our handle's slot.
        let array = unsafe { own_array(self.address) };
        if array.is_null() {
            return self.record_slow(value, n);
        }
        // SAFETY: made by `make_buckets` with this length, and alive as long as our handle.
        let array = unsafe { std::slice::from_raw_parts(array, self.len) };
        self.add(array, value, n);
    }

    /// A thread's first record.
    #[cold]
    #[inline(never)]
    fn record_slow(&self, value: f64, n: u64) {
        let Series { index, .. } = **self.handle.series();
        self.handle.with_shard(|shard| {
            shard.make_buckets(index, 0, self.len);
            if let Some(array) = shard.buckets(index, self.len) {
                self.add(array, value, n);
            }
        });
    }

    /// Adds to this thread's array.
    fn add(&self, array: &[Cell], value: f64, n: u64) {
        // In bounds: there is a bucket for each bound, and one more.
        if let Some(cell) = array.get(HEADER + bucket_of(&self.bounds, value)) {
            cell.add(n);
            match value.is_finite() {
                true => array[SUM].add_f64(value * n as f64),
                false => array[CLAMPED].add(n),
            }
        }
    }

    /// Adds what was counted elsewhere: a count for each bucket, and the sum.
    #[cfg(feature = "livekit")]
    pub(crate) fn add_counts(&self, counts: impl Iterator<Item = u64>, sum: f64) {
        let Series { index, .. } = **self.handle.series();
        self.handle.with_shard(|shard| {
            shard.make_buckets(index, 0, self.len);
            if let Some(array) = shard.buckets(index, self.len) {
                let cells = array.iter().skip(HEADER);
                cells.zip(counts).for_each(|(cell, n)| cell.add(n));
                array[SUM].add_f64(sum);
            }
        });
    }

    /// Values that all threads recorded up to now; wraps. Reads every thread's array.
    #[cfg(feature = "facade")]
    pub(crate) fn count(&self) -> u64 {
        let Series { index, .. } = **self.handle.series();
        let shards = self.handle.home().shards().iter();
        let arrays = shards.filter_map(|shard| shard.buckets(index, self.len));
        let cells = arrays.flat_map(|array| array.iter().skip(HEADER));
        cells.fold(0, |sum, cell| sum.wrapping_add(cell.get()))
    }

    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }
}
