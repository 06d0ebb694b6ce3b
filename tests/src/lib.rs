//! What the end-to-end tests are made of: a sender that an operator would meet, a network that harms
//! packets and keeps exact books, the program as it ships, receivers that count, and the Prometheus
//! through whose eyes it is judged.
//!
//! ```text
//! gst / ffmpeg --> relay (plan) --> program --> gst receiver, counting subscriber
//!                                      ^ scraped by prometheus <-- queries of the test
//! ```
//!
//! Captures go another way: made here (`traffic`, `pcap`) or recorded (`record`), and read by `analyze`,
//! by `tshark`, by RFC 3550's own code (`appendix_a`) and plainly (`reading`), which must agree or differ
//! by a rule of `disagreement`.
//!
//! And messages: LiveKit's own packages (`livekit`) write and read what our core reads and writes; a collector and
//! OpenTelemetry's own messages (`otlp`) take what our exporter pushes. And pages: the parsers of Prometheus' Python
//! client (`prometheus_client`) read them. And interval logs: HdrHistogram's packages (`hlog`) read them. And the
//! live page: a browser (`browser`) shows it. And what GitHub reads: published schemas (`schema`) and a linter
//! (`actionlint`) judge it. And dashboards: Grafana's own types and components (`grafana`) judge and draw them.
//!
//! Lives here: helpers, each with its own tests; the end-to-end tests are in `tests/`. May not: know
//! the project's own crates. The tests see what a user sees: command line, packets, pages.
//! Everything listens on loopback, has a deadline, and ends with the test that started it. Waiting
//! that fails says what was awaited, what was seen last, and what the process in question printed.

#![expect(
    clippy::panic,
    reason = "a test helper stops the test at the first surprise, with all it knows"
)]

pub mod actionlint;
pub mod analyze;
pub mod appendix_a;
pub mod browser;
pub mod census;
pub mod disagreement;
pub mod ffmpeg;
pub mod figures;
pub mod grafana;
pub mod gst;
pub mod hlog;
pub mod ledger;
pub mod livekit;
pub mod load;
pub mod otlp;
mod packages;
pub mod page;
pub mod pcap;
pub mod plan;
pub mod ports;
pub mod process;
pub mod program;
pub mod prometheus;
pub mod prometheus_client;
pub mod reading;
pub mod record;
pub mod relay;
pub mod rtp;
pub mod rules;
pub mod schema;
pub mod soak;
pub mod subscriber;
pub mod summary;
pub mod traffic;
pub mod trend;
pub mod tshark;
pub mod victoria_metrics;
pub mod wait;
pub mod workspace;

use std::path::PathBuf;

/// The folder of this package, in the checkout that runs the tests.
///
/// Asked when they run: two checkouts that share a target folder share the built tests, too.
#[must_use]
pub fn package() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// Packets and the bytes of their UDP payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams.
    pub packets: u64,
    /// Bytes of these datagrams, without UDP and IP headers.
    pub bytes: u64,
}

impl Traffic {
    /// Counts one datagram of `len` bytes.
    pub fn add(&mut self, len: usize) {
        self.packets += 1;
        self.bytes += len as u64;
    }
}

impl std::ops::Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            bytes: self.bytes + other.bytes,
        }
    }
}
