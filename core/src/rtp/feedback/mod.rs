//! What RTCP amounts to over time: round trips, a receiver's losses, requests and their answers.
//!
//! Lives here: plain state, with time as an argument. In `round_trip`: RTT from reports sent. In
//! `remote`: what a receiver reports of one stream. In `requests`: NACKs and key frame requests, from
//! question to answer. In `own`: loss as reports of our own must put it. Not here: bytes (`rtp::rtcp`),
//! atomics, clocks, counters.
//!
//! Nothing here allocates after it was made, and nothing grows with what peers send.

mod own;
mod remote;
mod requests;
mod round_trip;

pub(crate) use own::{fraction_lost, lost_24};
pub(crate) use remote::{RemoteReports, ReportVerdict};
pub(crate) use requests::{Asked, KeyFrameRequests, NackRecovery};
pub(crate) use round_trip::{RoundTrip, SentReports};
