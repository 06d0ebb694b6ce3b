//! What is told about streams after their end.
//!
//! Lives here: the figures, and the bounded memory of the busiest streams. Not here: tables for people.

use std::net::SocketAddr;

use media_metrics_core::stream::StreamStats;

use crate::payload::MediaKind;

/// How many ended streams a worker remembers: the busiest.
const REMEMBER: usize = 64;

/// What is told about a stream after its end.
#[derive(Clone, Copy, Debug)]
pub struct FlowSummary {
    /// Index of its room.
    pub room: u16,
    /// Where it came from.
    pub source: SocketAddr,
    /// Its SSRC.
    pub ssrc: u32,
    /// What it carried.
    pub kind: MediaKind,
    /// Ticks in a second.
    pub clock_rate: u32,
    /// Nanoseconds from its first packet to its last.
    pub lasted_ns: u64,
    /// Its numbers, as measured here.
    pub stats: StreamStats,
    /// What subscribers said of it; `None` if none said anything.
    pub reported: Option<Reported>,
}

/// What the subscribers of a stream said of it in their reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reported {
    /// Packets lost on the way to them, all subscribers together; negative if they got duplicates.
    pub lost: i64,
    /// The longest of their latest round-trip times, in seconds; `None` if none could be measured.
    pub rtt_seconds: Option<f64>,
}

impl Reported {
    /// What two subscribers said.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let rtts = [self.rtt_seconds, other.rtt_seconds];
        Self {
            lost: self.lost.saturating_add(other.lost),
            rtt_seconds: rtts.into_iter().flatten().reduce(f64::max),
        }
    }
}

/// The busiest streams that have ended.
#[derive(Debug, Default)]
pub(super) struct Ended(Vec<FlowSummary>);

impl Ended {
    /// Keeps at most twice as many as are wanted, so that a flood of short streams costs little each.
    pub(super) fn remember(&mut self, summary: FlowSummary) {
        self.0.push(summary);
        if self.0.len() >= 2 * REMEMBER {
            self.forget();
        }
    }

    pub(super) fn busiest(mut self) -> Vec<FlowSummary> {
        self.forget();
        self.0
    }

    fn forget(&mut self) {
        self.0.sort_by_key(|s| std::cmp::Reverse(s.stats.packets));
        self.0.truncate(REMEMBER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::rtp::RtpHeader;
    use media_metrics_core::{Registry, StreamConfig};

    #[test]
    fn the_busiest_are_remembered_and_memory_is_bounded() {
        let registry = Registry::new().unwrap();
        let group = registry.group(&["incoming", "audio"]).unwrap();
        let mut stream = registry
            .stream(&group, StreamConfig::new(1, 8_000))
            .unwrap();
        let mut ended = Ended::default();
        // Busier and busier, then ever less so.
        let mut all = Vec::new();
        for n in 0..500_u16 {
            let mut packet = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
            packet[2..4].copy_from_slice(&n.to_be_bytes());
            stream.on_rtp(&RtpHeader::parse(&packet).unwrap(), u64::from(n));
            all.push(stream.stats());
        }
        for stats in all.iter().chain(all.iter().rev()) {
            ended.remember(FlowSummary {
                room: 0,
                source: SocketAddr::from(([127, 0, 0, 1], 1)),
                ssrc: 1,
                kind: MediaKind::Audio,
                clock_rate: 8_000,
                lasted_ns: 0,
                stats: *stats,
                reported: None,
            });
            assert!(ended.0.len() < 2 * REMEMBER);
        }
        let kept: Vec<u64> = ended.busiest().iter().map(|s| s.stats.packets).collect();
        let twice = |n| [n, n];
        let wanted: Vec<u64> = (0..REMEMBER as u64 / 2)
            .flat_map(|i| twice(500 - i))
            .collect();
        assert_eq!(kept, wanted);
    }

    #[test]
    fn subscribers_add_up_and_the_slowest_counts() {
        let said = |lost, rtt_seconds| Reported { lost, rtt_seconds };
        let both = said(-3, Some(0.1)).and(said(10, None));
        assert_eq!(both, said(7, Some(0.1)));
        assert_eq!(both.and(said(0, Some(0.25))), said(7, Some(0.25)));
        assert_eq!(said(0, None).and(said(1, None)), said(1, None));
    }
}
