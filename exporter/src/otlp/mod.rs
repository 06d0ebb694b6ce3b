//! OpenTelemetry's protocol: snapshots to a collector, over HTTP.
//!
//! Lives here: the public [`Encoder`]. `resource` says who speaks, `points` what a series says, `buckets` and `times`
//! how, `told` what is over. All of that is pure. Not here: queues, retries, connections (`push`).
//!
//! Messages are those of the official crate `opentelemetry-proto`; what they must say stands in OpenTelemetry's
//! specification: "Metrics Data Model", "OTLP Specification" and "Prometheus and OpenMetrics Compatibility".

mod buckets;
mod encoder;
mod moment;
mod points;
mod resource;
mod times;
mod told;

pub use encoder::{Encoder, Request};
pub use resource::Resource;
