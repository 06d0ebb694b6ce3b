//! OpenTelemetry's protocol: snapshots to a collector, over HTTP.
//!
//! Lives here: the public [`Encoder`] of requests, and [`Otlp`], which has them posted. `moment` is what is told of a
//! snapshot, `resource` says who speaks, `points` what a series says, `buckets` and `times` how, `told` what is over,
//! `answer` what a receiver says, `remarks` what is kept of that. All of that is pure. Not here: queues, repetitions, connections (`crate::push`).
//!
//! Messages are those of the official crate `opentelemetry-proto`; what they must say stands in OpenTelemetry's
//! specification: "Metrics Data Model", "OTLP Specification" and "Prometheus and OpenMetrics Compatibility".

mod answer;
mod buckets;
mod encoder;
mod moment;
mod points;
mod push;
mod remarks;
mod resource;
mod times;
mod told;

pub use encoder::{Encoder, Request};
pub use push::Otlp;
pub use remarks::{Remark, Remarks};
pub use resource::Resource;
