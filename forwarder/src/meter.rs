//! What one worker measures: handles of the families, and its streams.
//!
//! Lives here: which family counts what. Not here: sockets, clocks. Without a meter a worker forwards
//! and measures nothing.

use std::net::SocketAddr;

use media_metrics_core::catalog;
use media_metrics_core::histogram::LocalHistogram;
use media_metrics_core::rtp::{RtpError, RtpHeader};
use media_metrics_core::{Counter, Histogram, LocalCounter, RegisterError, Registry};

use crate::flows::{FlowConfig, FlowSummary, Flows};
use crate::net::SendFailure;
use crate::payload::{MediaKind, PayloadTypes};

/// Why a datagram is dropped: the values of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Not a valid RTP packet.
    Rtp(RtpError),
    /// Not a whole compound of RTCP packets.
    Rtcp,
    /// Longer than [`MAX_DATAGRAM`](crate::net::MAX_DATAGRAM).
    TooLong,
    /// The room does not know this publisher.
    UnknownPublisher,
}

impl Rejection {
    /// The label's value.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Rtp(error) => error.reason(),
            Self::Rtcp => "rtcp",
            Self::TooLong => "too_long",
            Self::UnknownPublisher => "unknown_publisher",
        }
    }

    /// Every reason there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let rtp = RtpError::ALL.into_iter().map(Self::Rtp);
        rtp.chain([Self::Rtcp, Self::TooLong, Self::UnknownPublisher])
    }
}

/// The registered families, for all workers. Registration is the only thing that can fail.
#[derive(Clone, Debug)]
pub struct Instruments {
    flows: FlowConfig,
    latency: Histogram,
    packets: Counter,
    bytes: Counter,
    rtcp: Counter,
    untracked: Counter,
    rejected: Vec<(Rejection, Counter)>,
    send_errors: Vec<Counter>,
}

impl Instruments {
    /// Registers everything, so that each series is there, at zero, from the first scrape.
    ///
    /// # Errors
    /// What the registry says: it has no room.
    pub fn register(
        registry: &Registry,
        payloads: PayloadTypes,
        idle_ns: u64,
    ) -> Result<Self, RegisterError> {
        let [audio, video] = MediaKind::ALL.map(|k| registry.group(&["incoming", k.as_str()]));
        let counter = |desc| registry.counter(desc, &[]);
        let rejected = |r: Rejection| {
            let counter = registry.counter(&catalog::FORWARD_REJECTED, &[r.reason()])?;
            Ok((r, counter))
        };
        let send_error =
            |r: SendFailure| registry.counter(&catalog::FORWARD_SEND_ERRORS, &[r.as_str()]);
        Ok(Self {
            flows: FlowConfig {
                registry: registry.clone(),
                groups: [audio?, video?],
                payloads,
                idle_ns,
            },
            latency: registry.histogram(&catalog::FORWARD_LATENCY, &[])?,
            packets: counter(&catalog::FORWARD_PACKETS)?,
            bytes: counter(&catalog::FORWARD_BYTES)?,
            rtcp: counter(&catalog::FORWARD_RTCP)?,
            untracked: counter(&catalog::FORWARD_UNTRACKED)?,
            rejected: Rejection::all().map(rejected).collect::<Result<_, _>>()?,
            send_errors: SendFailure::ALL
                .into_iter()
                .map(send_error)
                .collect::<Result<_, _>>()?,
        })
    }

    /// One worker's meter. Not `Send`: made on the worker's own thread.
    #[must_use]
    pub fn meter(&self) -> Meter {
        Meter {
            flows: Flows::new(self.flows.clone()),
            latency: self.latency.local(),
            packets: self.packets.local(),
            bytes: self.bytes.local(),
            rtcp: self.rtcp.local(),
            untracked: self.untracked.local(),
            rejected: self.rejected.clone(),
            send_errors: self.send_errors.clone(),
        }
    }
}

/// One worker's handles and streams.
#[derive(Debug)]
pub struct Meter {
    flows: Flows,
    latency: LocalHistogram,
    packets: LocalCounter,
    bytes: LocalCounter,
    rtcp: LocalCounter,
    untracked: LocalCounter,
    rejected: Vec<(Rejection, Counter)>,
    send_errors: Vec<Counter>,
}

impl Meter {
    /// An RTP packet arrived.
    #[inline]
    pub fn on_rtp(&mut self, room: u16, source: SocketAddr, header: &RtpHeader, arrival: u64) {
        if !self.flows.on_rtp(room, source, header, arrival) {
            self.untracked.inc();
        }
    }

    /// An RTCP packet arrived.
    pub fn on_rtcp(&self) {
        self.rtcp.inc();
    }

    /// The source says goodbye for `ssrc`.
    pub fn on_bye(&mut self, room: u16, source: SocketAddr, ssrc: u32) {
        self.flows.on_bye(room, source, ssrc);
    }

    /// A datagram was dropped.
    #[cold]
    pub fn on_rejected(&self, rejection: Rejection) {
        // A handful of reasons: a scan is quicker than anything clever.
        if let Some((_, counter)) = self.rejected.iter().find(|(r, _)| *r == rejection) {
            counter.inc();
        }
    }

    /// RTP packets left, one for each subscriber that gets it.
    #[inline]
    pub fn on_sent(&self, packets: u64, bytes: u64) {
        self.packets.add(packets);
        self.bytes.add(bytes);
    }

    /// `n` datagrams did not leave.
    #[cold]
    pub fn on_send_failure(&self, failure: SendFailure, n: u64) {
        if let Some(counter) = self.send_errors.get(failure.index()) {
            counter.add(n);
        }
    }

    /// An RTP packet has left for the last of its subscribers, this many nanoseconds after it arrived.
    #[inline]
    pub fn on_forwarded(&self, latency_ns: u64) {
        self.latency.record(latency_ns);
    }

    /// Time goes on: ends idle streams now and then.
    #[inline]
    pub fn sweep(&mut self, now: u64) {
        self.flows.sweep(now);
    }

    /// Ends all streams, and gives the busiest.
    #[must_use]
    pub fn finish(self) -> Vec<FlowSummary> {
        self.flows.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_series_of_its_own_and_is_counted_there() {
        let registry = Registry::new().unwrap();
        let instruments = Instruments::register(&registry, PayloadTypes::standard(), 1).unwrap();
        let meter = instruments.meter();
        for (n, rejection) in Rejection::all().enumerate() {
            (0..=n).for_each(|_| meter.on_rejected(rejection));
        }
        for (n, failure) in (1..).zip(SendFailure::ALL) {
            meter.on_send_failure(failure, n);
        }
        let snapshot = registry.collect();
        for (n, rejection) in (1..).zip(Rejection::all()) {
            let got = snapshot.counter(catalog::FORWARD_REJECTED.name(), &[rejection.reason()]);
            assert_eq!(got, Some(n), "{rejection:?}");
        }
        for (n, failure) in (1..).zip(SendFailure::ALL) {
            let got = snapshot.counter(catalog::FORWARD_SEND_ERRORS.name(), &[failure.as_str()]);
            assert_eq!(got, Some(n), "{failure:?}");
        }
    }
}
