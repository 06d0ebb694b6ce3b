//! Models and readers that belong to the tests of the crates: taken from there, so that each stands once.
//!
//! Lives here: where they are. May not: hold a model of its own; that stands beside its target.

#[path = "../../../core/tests/livekit_batch/model.rs"]
#[allow(dead_code, reason = "tests need more of it")]
pub(crate) mod batch;
#[path = "../../../forwarder/tests/analyze/writer.rs"]
#[allow(dead_code, reason = "tests need more of it")]
pub(crate) mod captures;
#[path = "../../../core/tests/models/native.rs"]
pub(crate) mod native;
#[path = "../../../core/tests/models/sequence.rs"]
pub(crate) mod sequence;

/// Readers of pages, and what these must say.
#[path = "../../../exporter/tests/common"]
pub(crate) mod exporter {
    pub(crate) mod expected_messages;
    pub(crate) mod expected_openmetrics_2;
    pub(crate) mod expected_text;
    #[allow(dead_code, reason = "the whole of the schema")]
    pub(crate) mod messages;
    pub(crate) mod openmetrics_2;
    #[path = "../otlp/read.rs"]
    #[allow(dead_code, reason = "tests need more of it")]
    pub(crate) mod otlp;
    #[allow(dead_code, reason = "tests need more of it")]
    pub(crate) mod parser;
}
