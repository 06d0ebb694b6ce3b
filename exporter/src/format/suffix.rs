//! What types put behind a family's name to make names of samples.
//!
//! Lives here: the spelling, once for all formats and pushes. Not here: which type a family has where (the formats).

pub(crate) const BUCKET: &str = "_bucket";
pub(crate) const SUM: &str = "_sum";
pub(crate) const COUNT: &str = "_count";
/// OpenMetrics 1.0's, for when a counter or a histogram began.
pub(crate) const CREATED: &str = "_created";
/// A counter's, which is part of the names of our counters.
pub(crate) const TOTAL: &str = "_total";
/// That of a gauge which is an info.
pub(crate) const INFO: &str = "_info";

/// Those that a histogram's samples have in every format that knows classic buckets.
pub(crate) const HISTOGRAM: [&str; 3] = [BUCKET, SUM, COUNT];
