//! Native buckets, which grow exponentially: what is the same of them in all formats and pushes.
//!
//! Lives here: how many there are at most, what counts as zero. Not here: which sample belongs into which bucket (core's
//! `histogram::native`), how they are written (the formats).

/// Most native buckets of a series that hold a sample: what Prometheus' client libraries advise, and the default size of
/// OpenTelemetry's own aggregation. A series that has more gets coarser ones.
pub const MAX_NATIVE_BUCKETS: usize = 160;

/// Up to it a value counts as zero: that of Prometheus' client libraries, 2^-128. No recorded value but 0 is below.
pub(crate) const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;
