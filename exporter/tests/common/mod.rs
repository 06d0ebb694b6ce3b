//! What several tests need: readers that share no code with the encoders, snapshots of any content, and a client
//! that speaks HTTP over a bare socket, so that it can also misbehave.

#[allow(dead_code, reason = "not every test speaks TLS")]
pub(crate) mod authority;
#[allow(dead_code, reason = "not every test speaks HTTP")]
pub(crate) mod client;
#[allow(dead_code, reason = "not every test reads messages")]
pub(crate) mod expected_messages;
#[allow(dead_code, reason = "not every test reads OpenMetrics 2.0")]
pub(crate) mod expected_openmetrics_2;
#[allow(dead_code, reason = "not every test reads pages")]
pub(crate) mod expected_text;
#[allow(dead_code, reason = "not every test reads messages")]
pub(crate) mod messages;
#[allow(dead_code, reason = "not every test reads OpenMetrics 2.0")]
pub(crate) mod openmetrics_2;
#[allow(dead_code, reason = "not every test reads pages")]
pub(crate) mod parser;
#[allow(dead_code, reason = "not every test makes snapshots up")]
pub(crate) mod random;
#[allow(dead_code, reason = "not every test receives pushes")]
pub(crate) mod receiver;
