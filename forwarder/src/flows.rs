//! One worker's streams: which packet belongs to which, when one begins and when it ends.
//!
//! Lives here: the table from (room, source, SSRC) to a recorded [`Stream`], its limit, goodbyes and
//! idle time-outs. Not here: sockets; what a packet says (the core's `rtp`); totals of groups (core).
//!
//! Invariant: no lock and no atomic shared between workers on the way of a packet. The kernel keeps a
//! flow on one socket of its SO_REUSEPORT group, so each worker's table is its own.

use std::net::{IpAddr, SocketAddr};

use hashbrown::HashMap;
use media_metrics_core::registry::Group;
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::stream::StreamStats;
use media_metrics_core::{RegisterError, Registry, Stream, StreamConfig};

use crate::payload::{MediaKind, PayloadTypes};

/// While the registry is full, a worker asks again only this often: 100 ms. So a flood of new SSRCs
/// costs each packet one comparison.
const ASK_AGAIN: u64 = 100_000_000;
/// The longest time between two looks for idle streams.
const MAX_SWEEP: u64 = 1_000_000_000;
/// How many ended streams a worker remembers for the summary: the busiest.
const REMEMBER: usize = 64;

/// Whose packet it is. IPv4 addresses stand as mapped IPv6, so the key has no variants to branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct FlowKey {
    host: u128,
    /// Room (16 bits), port (16 bits), SSRC (32 bits).
    rest: u64,
}

impl FlowKey {
    const fn new(room: u16, source: SocketAddr, ssrc: u32) -> Self {
        let host = match source.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let rest = (room as u64) << 48 | (source.port() as u64) << 32 | ssrc as u64;
        Self { host, rest }
    }
}

#[derive(Debug)]
struct Flow {
    stream: Stream,
    about: About,
    last_ns: u64,
}

/// What stays the same as long as a stream lives.
#[derive(Clone, Copy, Debug)]
struct About {
    room: u16,
    source: SocketAddr,
    kind: MediaKind,
    first_ns: u64,
}

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
    /// Its numbers.
    pub stats: StreamStats,
}

impl Flow {
    fn summary(&self) -> FlowSummary {
        FlowSummary {
            room: self.about.room,
            source: self.about.source,
            ssrc: self.stream.ssrc(),
            kind: self.about.kind,
            clock_rate: self.stream.clock_rate(),
            lasted_ns: self.last_ns.saturating_sub(self.about.first_ns),
            stats: self.stream.stats(),
        }
    }
}

/// Where new streams come from, and what they are.
#[derive(Clone, Debug)]
pub struct FlowConfig {
    /// Makes streams, and limits their number.
    pub registry: Registry,
    /// The group of each kind, in the order of [`MediaKind::ALL`].
    pub groups: [Group; MediaKind::ALL.len()],
    /// Kind and clock rate by payload type.
    pub payloads: PayloadTypes,
    /// A stream silent for this many nanoseconds has ended.
    pub idle_ns: u64,
}

/// One worker's streams.
#[derive(Debug)]
pub struct Flows {
    config: FlowConfig,
    live: HashMap<FlowKey, Flow>,
    ended: Vec<FlowSummary>,
    /// The registry was full: until then nobody asks it.
    full_until: u64,
    next_sweep: u64,
}

impl Flows {
    /// No streams yet.
    #[must_use]
    pub fn new(config: FlowConfig) -> Self {
        Self {
            config,
            live: HashMap::new(),
            ended: Vec::new(),
            full_until: 0,
            next_sweep: 0,
        }
    }

    /// Records a packet with its stream, made by its first packet. False if the limit on streams leaves
    /// it without one.
    #[inline]
    pub fn on_rtp(
        &mut self,
        room: u16,
        source: SocketAddr,
        header: &RtpHeader,
        arrival: u64,
    ) -> bool {
        let key = FlowKey::new(room, source, header.ssrc);
        if let Some(flow) = self.live.get_mut(&key) {
            flow.stream.on_rtp(header, arrival);
            flow.last_ns = arrival;
            return true;
        }
        self.begin(key, room, source, header, arrival)
    }

    #[cold]
    fn begin(
        &mut self,
        key: FlowKey,
        room: u16,
        source: SocketAddr,
        header: &RtpHeader,
        now: u64,
    ) -> bool {
        if now < self.full_until {
            return false;
        }
        let payload = self.config.payloads.get(header.payload_type);
        let [audio, video] = &self.config.groups;
        let group = match payload.kind {
            MediaKind::Audio => audio,
            MediaKind::Video => video,
        };
        let config = StreamConfig::new(header.ssrc, payload.clock_rate.hz());
        let mut stream = match self.config.registry.stream(group, config) {
            Ok(stream) => stream,
            Err(RegisterError::TooManyStreams { .. }) => {
                self.full_until = now + ASK_AGAIN;
                return false;
            }
            Err(_) => return false,
        };
        stream.on_rtp(header, now);
        let about = About {
            room,
            source,
            kind: payload.kind,
            first_ns: now,
        };
        self.live.insert(
            key,
            Flow {
                stream,
                about,
                last_ns: now,
            },
        );
        true
    }

    /// The source says goodbye for one of its streams. A goodbye from anywhere else ends nothing.
    pub fn on_bye(&mut self, room: u16, source: SocketAddr, ssrc: u32) {
        if let Some(flow) = self.live.remove(&FlowKey::new(room, source, ssrc)) {
            remember(&mut self.ended, flow.summary());
        }
    }

    /// Ends idle streams, if it is time to look: at most once a second, at least four times in the
    /// idle time-out. Costs a comparison otherwise.
    pub fn sweep(&mut self, now: u64) {
        if now < self.next_sweep {
            return;
        }
        let idle = self.config.idle_ns;
        self.next_sweep = now + (idle / 4).min(MAX_SWEEP);
        let ended = &mut self.ended;
        self.live.retain(|_, flow| {
            let alive = now.saturating_sub(flow.last_ns) < idle;
            if !alive {
                remember(ended, flow.summary());
            }
            alive
        });
    }

    /// Live streams.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether there is no live stream.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Ends all streams, and gives the busiest of all that there were.
    #[must_use]
    pub fn finish(mut self) -> Vec<FlowSummary> {
        for (_, flow) in self.live.drain() {
            remember(&mut self.ended, flow.summary());
        }
        busiest(&mut self.ended);
        self.ended
    }
}

/// Keeps at most twice as many as are wanted, so that a flood of short streams costs little each.
fn remember(ended: &mut Vec<FlowSummary>, summary: FlowSummary) {
    ended.push(summary);
    if ended.len() >= 2 * REMEMBER {
        busiest(ended);
    }
}

fn busiest(ended: &mut Vec<FlowSummary>) {
    ended.sort_by_key(|s| std::cmp::Reverse(s.stats.packets));
    ended.truncate(REMEMBER);
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::catalog::{RTP_ENDED, RTP_PACKETS, RTP_STARTED};

    const SECOND: u64 = 1_000_000_000;

    fn flows(max_streams: usize) -> (Flows, Registry) {
        let registry = Registry::builder()
            .max_streams(max_streams)
            .build()
            .unwrap();
        let group = |kind: MediaKind| registry.group(&["incoming", kind.as_str()]).unwrap();
        let config = FlowConfig {
            registry: registry.clone(),
            groups: MediaKind::ALL.map(group),
            payloads: PayloadTypes::standard(),
            idle_ns: 10 * SECOND,
        };
        (Flows::new(config), registry)
    }

    fn header(ssrc: u32, sequence: u16) -> RtpHeader {
        let mut bytes = [0x80, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes[2..4].copy_from_slice(&sequence.to_be_bytes());
        bytes[8..12].copy_from_slice(&ssrc.to_be_bytes());
        RtpHeader::parse(&bytes).unwrap()
    }

    fn from(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn streams_are_told_apart_by_room_source_and_ssrc() {
        let (mut flows, _registry) = flows(100);
        let v6 = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 1));
        for (room, source, ssrc) in [
            (0, from(1), 7),
            (1, from(1), 7),
            (0, from(2), 7),
            (0, from(1), 8),
            (0, v6, 7),
        ] {
            assert!(flows.on_rtp(room, source, &header(ssrc, 1), 1));
            assert!(flows.on_rtp(room, source, &header(ssrc, 2), 2));
        }
        assert_eq!(flows.len(), 5);
        assert!(flows.finish().iter().all(|s| s.stats.packets == 2));
    }

    #[test]
    fn over_the_limit_packets_are_untracked_until_there_is_room() {
        let (mut flows, registry) = flows(2);
        assert!(flows.on_rtp(0, from(1), &header(1, 1), 1));
        assert!(flows.on_rtp(0, from(1), &header(2, 1), 1));
        for n in 0..1_000 {
            assert!(!flows.on_rtp(0, from(1), &header(3 + n, 1), 2));
        }
        assert!(
            flows.on_rtp(0, from(1), &header(1, 2), 3),
            "those that are there go on"
        );
        flows.on_bye(0, from(1), 1);
        registry.collect(); // the registry frees an ended stream's place at its next tick
        assert!(
            !flows.on_rtp(0, from(1), &header(9, 1), 4),
            "not asked again at once"
        );
        assert!(flows.on_rtp(0, from(1), &header(9, 1), 2 + ASK_AGAIN));
        assert_eq!(flows.len(), 2);
    }

    #[test]
    fn a_goodbye_ends_only_the_source_s_own_stream() {
        let (mut flows, registry) = flows(10);
        flows.on_rtp(0, from(1), &header(7, 1), 1);
        flows.on_bye(0, from(2), 7);
        flows.on_bye(1, from(1), 7);
        flows.on_bye(0, from(1), 8);
        assert_eq!(flows.len(), 1);
        flows.on_bye(0, from(1), 7);
        assert!(flows.is_empty());
        let snapshot = registry.collect();
        let count = |name| snapshot.counter(name, &["incoming", "audio"]);
        assert_eq!(count(RTP_STARTED.name()), Some(1));
        assert_eq!(count(RTP_ENDED.name()), Some(1));
        assert_eq!(count(RTP_PACKETS.name()), Some(1), "its totals stay");
    }

    #[test]
    fn idle_streams_end_and_busy_ones_do_not() {
        let (mut flows, _registry) = flows(10);
        flows.sweep(0);
        flows.on_rtp(0, from(1), &header(1, 1), SECOND);
        flows.on_rtp(0, from(1), &header(2, 1), SECOND);
        flows.on_rtp(0, from(1), &header(2, 2), 9 * SECOND);
        flows.sweep(11 * SECOND - 1);
        assert_eq!(flows.len(), 2, "a nanosecond before its time");
        flows.sweep(11 * SECOND);
        assert_eq!(flows.len(), 2, "it is not looked at for every packet");
        flows.sweep(12 * SECOND);
        assert_eq!(flows.len(), 1);
        flows.sweep(20 * SECOND);
        assert!(flows.is_empty());
        assert_eq!(flows.finish().len(), 2);
    }

    #[test]
    fn the_busiest_are_remembered_and_memory_is_bounded() {
        let (mut flows, registry) = flows(10);
        for ssrc in 0..1_000_u32 {
            for n in 0..=(ssrc % 500) as u16 {
                flows.on_rtp(0, from(1), &header(ssrc, n), 1);
            }
            flows.on_bye(0, from(1), ssrc);
            assert!(flows.ended.len() < 2 * REMEMBER);
            if ssrc % 5 == 0 {
                registry.collect();
            }
        }
        let summaries = flows.finish();
        assert_eq!(summaries.len(), REMEMBER);
        assert_eq!(summaries[0].stats.packets, 500);
        assert!(
            summaries
                .iter()
                .all(|s| s.stats.packets > 500 - REMEMBER as u64 / 2 - 1)
        );
    }
}
