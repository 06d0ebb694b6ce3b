//! What several tests need: a parser that shares no code with the encoder, and a client that speaks
//! HTTP over a bare socket, so that it can also misbehave.

#[allow(dead_code, reason = "not every test speaks HTTP")]
pub(crate) mod client;
#[allow(dead_code, reason = "not every test reads pages")]
pub(crate) mod parser;
