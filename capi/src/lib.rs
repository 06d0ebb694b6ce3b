//! media-metrics for C, and for whatever calls C.
//!
//! Lives here: the functions of `include/media_metrics.h`, which is made from this crate: what its users read stands
//! there, and in `cbindgen.toml`. In `service`: registries and their service. In `metrics`: counters, gauges,
//! histograms. In `streams`: RTP streams, received and sent. In `pointers`: what comes from C, checked. In `error`:
//! why a call failed. In `signals`: that the program's signals are none of the library's. Not here: recording,
//! merging, serving: core and exporter do that, and nothing is added to them.
//!
//! Each function checks for NULL and catches what unwinds. What can't be checked is the caller's duty, the same in all
//! functions: `pointers` says it for who reads this code, the header's beginning for who calls it.

#![allow(
    clippy::missing_safety_doc,
    reason = "what stands beside a function stands in the header: the duties, which are the same for all, stand there once"
)]

mod error;
mod metrics;
mod pointers;
mod service;
#[cfg(unix)]
mod signals;
mod streams;

pub use error::mm_last_error;
pub use metrics::{
    Counter, Gauge, Histogram, Label, mm_counter_add, mm_counter_free, mm_counter_new,
    mm_forward_latency_new, mm_gauge_add, mm_gauge_free, mm_gauge_new, mm_gauge_set,
    mm_histogram_free, mm_histogram_new, mm_histogram_record,
};
pub use service::{
    MM_ABI_VERSION, Registry, Service, mm_abi_version, mm_registry_free, mm_registry_new, mm_serve,
    mm_service_flush, mm_service_port, mm_service_stop, mm_version,
};
pub use streams::{
    Sender, Stream, mm_sender_free, mm_sender_new, mm_sender_on_rtcp, mm_sender_on_rtp,
    mm_stream_free, mm_stream_new, mm_stream_on_rtcp, mm_stream_on_rtp,
};
