//! Packets to make streams of, and the sums that groups should come to.
//!
//! Lives here: what a received and a sent stream do from beginning to end, by which clock, and what that amounts to.

use std::ops::AddAssign;

use media_metrics_core::registry::{Group, SenderGroup};
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::{Registry, SendStream, SenderConfig, Snapshot, Stream, StreamConfig};

const RECEIVED: [&str; 2] = ["incoming", "audio"];
const SENT: [&str; 2] = ["outgoing", "audio"];

/// Bytes of a packet, and of its header.
const PACKET: u64 = 124;
const HEADER: u64 = 20;

/// A packet of 20 ms.
pub(super) fn packet(sequence: u16) -> RtpHeader {
    RtpHeader {
        marker: false,
        payload_type: 111,
        sequence,
        timestamp: u32::from(sequence).wrapping_mul(960),
        ssrc: 1,
        header_len: HEADER as u32,
        padding_len: 0,
        packet_len: PACKET as u32,
    }
}

/// Where streams are made.
#[derive(Clone, Debug)]
pub(super) struct Studio {
    registry: Registry,
    received: Group,
    sent: SenderGroup,
}

/// What streams did, by their owner's account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) received: Side,
    pub(super) sent: Side,
    /// Streams for which there was no room.
    pub(super) refused: u64,
    /// Picture loss indications that came for sent streams.
    plis: u64,
}

/// Of all streams received, or sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) streams: u64,
    pub(super) packets: u64,
    pub(super) lost: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        let pairs = [
            (&mut self.received, other.received),
            (&mut self.sent, other.sent),
        ];
        for (side, more) in pairs {
            side.streams += more.streams;
            side.packets += more.packets;
            side.lost += more.lost;
        }
        self.refused += other.refused;
        self.plis += other.plis;
    }
}

impl Studio {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            registry: registry.clone(),
            received: registry.group(&RECEIVED).unwrap(),
            sent: registry.sender_group(&SENT).unwrap(),
        }
    }

    /// A new stream, if there is room.
    pub(super) fn receive(&self, traffic: &mut Traffic) -> Option<Stream> {
        let made = self
            .registry
            .stream(&self.received, StreamConfig::new(1, 48_000));
        traffic.received.streams += u64::from(made.is_ok());
        traffic.refused += u64::from(made.is_err());
        made.ok()
    }

    /// A new sent stream, if there is room.
    pub(super) fn send(&self, traffic: &mut Traffic) -> Option<SendStream> {
        let made = self
            .registry
            .sender(&self.sent, SenderConfig::new(1, 48_000));
        traffic.sent.streams += u64::from(made.is_ok());
        traffic.refused += u64::from(made.is_err());
        made.ok()
    }

    /// Whether the groups' totals are these, and no stream is there any more.
    #[track_caller]
    pub(super) fn check(&self, snapshot: &Snapshot, traffic: &Traffic) {
        let total = |group: &[&str], what: &str| {
            snapshot
                .counter(&format!("media_rtp_{what}_total"), group)
                .unwrap()
        };
        let Side {
            streams,
            packets,
            lost,
        } = traffic.received;
        for (what, expected) in [
            ("packets", packets),
            ("bytes", packets * PACKET),
            ("header_bytes", packets * HEADER),
            ("packets_expected", packets + lost),
            ("packets_lost", lost),
            ("packets_duplicate", 0),
            ("frames", packets),
            ("streams_started", streams),
            ("streams_ended", streams),
        ] {
            assert_eq!(total(&RECEIVED, what), expected, "{what}");
        }
        let Side {
            streams, packets, ..
        } = traffic.sent;
        for (what, expected) in [
            ("sent_packets", packets),
            ("sent_bytes", packets * PACKET),
            ("sent_header_bytes", packets * HEADER),
            ("sent_frames", packets),
            ("plis_received", traffic.plis),
            ("senders_started", streams),
            ("senders_ended", streams),
        ] {
            assert_eq!(total(&SENT, what), expected, "{what}");
        }
        let refused = snapshot.counter("media_metrics_streams_refused_total", &[]);
        assert_eq!(refused, Some(traffic.refused));
        for (gauge, group) in [("media_rtp_streams", RECEIVED), ("media_rtp_senders", SENT)] {
            assert_eq!(snapshot.gauge(gauge, &group), Some(0.0), "{gauge}");
        }
    }
}

/// By how much a clock may step, in nanoseconds.
const STEPS: [i64; 9] = [
    20_000_000, // on time
    0,
    1,
    -1,
    -5_000_000_000,
    3_600_000_000_000,
    -3_600_000_000_000,
    i64::MAX,
    i64::MIN,
];

/// A host's clock, which steps forwards and back, by hours and to both ends.
#[derive(Debug)]
pub(super) struct Stepping {
    random: fastrand::Rng,
    now: u64,
}

impl Stepping {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            now: 0,
        }
    }

    /// The time now, by this clock; the next one is a step away.
    pub(super) fn now(&mut self) -> u64 {
        let by = self.random.choice(STEPS).unwrap_or(0);
        let now = self.now;
        self.now = now.wrapping_add_signed(by);
        now
    }
}

/// The time of a packet by a clock that does not step.
fn on_time(number: u16) -> u64 {
    u64::from(number) * 20_000_000
}

/// Packets `from..to` come; one in a hundred numbers is never seen again.
pub(super) fn receive(stream: &mut Stream, numbers: std::ops::Range<u16>, traffic: &mut Traffic) {
    receive_at(stream, numbers, traffic, on_time);
}

/// The same, each packet at the time that `clock` says.
pub(super) fn receive_at(
    stream: &mut Stream,
    numbers: std::ops::Range<u16>,
    traffic: &mut Traffic,
    mut clock: impl FnMut(u16) -> u64,
) {
    for number in numbers {
        // Never the first or the last: only between two packets is it known that one is missing.
        match number % 100 {
            50 => traffic.received.lost += 1,
            _ => {
                stream.on_rtp(&packet(number), clock(number));
                traffic.received.packets += 1;
            }
        }
    }
}

/// Packets leave, and somebody asks for a key frame.
pub(super) fn send(stream: &mut SendStream, numbers: std::ops::Range<u16>, traffic: &mut Traffic) {
    send_at(stream, numbers, traffic, on_time);
}

/// The same, each packet at the time that `clock` says.
pub(super) fn send_at(
    stream: &mut SendStream,
    numbers: std::ops::Range<u16>,
    traffic: &mut Traffic,
    mut clock: impl FnMut(u16) -> u64,
) {
    let mut last = 0;
    for number in numbers {
        last = clock(number);
        stream.on_rtp(&packet(number), last);
        traffic.sent.packets += 1;
    }
    stream.on_pli(last);
    traffic.plis += 1;
}
