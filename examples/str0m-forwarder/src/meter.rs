//! What an SFU on str0m records, and how str0m's types become ours. The rest of the program calls this, and nothing of it
//! knows the rest.
//!
//! Nothing here is asked for by name when a packet comes: handles are made once, streams once for each SSRC. A packet then
//! costs a few nanoseconds (`benches/RESULTS.md`), which is nothing beside its decryption.

use std::time::{Duration, Instant, SystemTime};

use media_metrics_core::judge::{Participant, QualityControl};
use media_metrics_core::quality::{Codec, Config};
use media_metrics_core::registry::{Group, SenderGroup};
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::{ReportBlock, SenderInfo};
use media_metrics_core::{
    Desc, Gauge, Histogram, RegisterError, Registry, SendStream, SenderConfig, Stream,
    StreamConfig, catalog,
};
use str0m::media::{KeyframeRequestKind, MediaKind, SenderFeedback};
use str0m::rtp::RtpPacket;
use str0m::stats::MediaEgressStats;

static PEERS: Desc = Desc::gauge("sfu_peers", "Connected peers.").labels(&["role"]);

/// By media kind, audio first: as `MediaKind` is used as an index here.
type ByKind<T> = [T; 2];

/// Everything that is made once.
pub(crate) struct Meter {
    registry: Registry,
    incoming: ByKind<Group>,
    outgoing: ByKind<SenderGroup>,
    latency: Histogram,
    publishers: Gauge,
    subscribers: Gauge,
    /// Streams want nanoseconds on one monotonic clock: these count from here.
    start: Instant,
}

impl Meter {
    pub(crate) fn new(registry: &Registry) -> Result<Self, RegisterError> {
        Ok(Self {
            registry: registry.clone(),
            incoming: [
                registry.group(&["incoming", "audio"])?,
                registry.group(&["incoming", "video"])?,
            ],
            outgoing: [
                registry.sender_group(&["outgoing", "audio"])?,
                registry.sender_group(&["outgoing", "video"])?,
            ],
            latency: registry.histogram(&catalog::FORWARD_LATENCY, &[])?,
            publishers: registry.gauge(&PEERS, &["publisher"])?,
            subscribers: registry.gauge(&PEERS, &["subscriber"])?,
            start: Instant::now(),
        })
    }

    pub(crate) fn set_peers(&self, publishers: usize, subscribers: usize) {
        self.publishers.set(publishers as f64);
        self.subscribers.set(subscribers as f64);
    }

    /// Somebody who publishes or watches; his streams' scores together are his quality.
    pub(crate) fn participant(&self, name: &str) -> Participant {
        self.registry.participant(name)
    }

    /// From a packet's arrival to now, the end of its last send: once for each packet that went to anybody.
    pub(crate) fn forwarded(&self, arrival: Instant) {
        self.latency.record(arrival.elapsed().as_nanos() as u64);
    }

    fn ns(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.start).as_nanos() as u64
    }

    /// For the first packet of an SSRC.
    pub(crate) fn receive(
        &self,
        ssrc: u32,
        kind: MediaKind,
        whose: &Participant,
    ) -> Result<Received, RegisterError> {
        let config = StreamConfig::new(ssrc, clock_rate(kind));
        let stream = self
            .registry
            .stream(&self.incoming[kind as usize], config)?;
        self.registry
            .judge(&stream, Config::inbound(loss_weight(kind)), Some(whose))?;
        Ok(Received { stream })
    }

    /// For each track of each subscriber.
    pub(crate) fn send(&self, ssrc: u32, kind: MediaKind) -> Result<Sent, RegisterError> {
        let config = SenderConfig::new(ssrc, clock_rate(kind));
        let stream = self
            .registry
            .sender(&self.outgoing[kind as usize], config)?;
        Ok(Sent {
            stream,
            quality: None,
            full_intra_requests: 0,
            reported: None,
        })
    }
}

/// A received stream.
pub(crate) struct Received {
    stream: Stream,
}

impl Received {
    pub(crate) fn on_packet(&mut self, meter: &Meter, packet: &RtpPacket) {
        self.stream
            .on_rtp(&header(packet), meter.ns(packet.timestamp));
    }

    pub(crate) fn on_sender_report(&mut self, meter: &Meter, report: &SenderFeedback) {
        let info = &report.sender_info;
        let info = SenderInfo {
            ssrc: *info.ssrc,
            ntp: ntp(info.ntp_time),
            rtp_timestamp: info.rtp_time.numer() as u32,
            packets: info.sender_packet_count,
            octets: info.sender_octet_count,
        };
        self.stream
            .on_sender_report(&info, meter.ns(report.received_at));
    }

    /// We ask for a key frame.
    pub(crate) fn on_key_frame_asked(&mut self) {
        self.stream.on_pli_sent();
    }
}

/// A sent stream, and what its receiver says.
pub(crate) struct Sent {
    stream: SendStream,
    quality: Option<QualityControl>,
    full_intra_requests: u8,
    /// The highest number and the lost packets of the last report. Before the first: the number before our first.
    reported: Option<(u64, i32)>,
}

impl Sent {
    /// `number` is the packet's with this subscriber. (What str0m sends again by itself is not seen here.)
    pub(crate) fn on_packet(&mut self, meter: &Meter, packet: &RtpPacket, number: u64) {
        let mut header = header(packet);
        (header.ssrc, header.sequence) = (self.stream.ssrc(), number as u16);
        self.reported.get_or_insert((number.saturating_sub(1), 0));
        self.stream.on_rtp(&header, meter.ns(Instant::now()));
    }

    pub(crate) fn on_key_frame_request(&mut self, meter: &Meter, kind: KeyframeRequestKind) {
        let now = meter.ns(Instant::now());
        match kind {
            KeyframeRequestKind::Pli => self.stream.on_pli(now),
            KeyframeRequestKind::Fir => {
                // str0m has told repetitions apart already.
                self.full_intra_requests = self.full_intra_requests.wrapping_add(1);
                self.stream.on_fir(self.full_intra_requests, now);
            }
        }
    }

    /// What str0m made of the receiver's reports of the last second.
    pub(crate) fn on_stats(
        &mut self,
        meter: &Meter,
        kind: MediaKind,
        whose: &Participant,
        stats: &MediaEgressStats,
    ) -> Result<(), RegisterError> {
        // Of a report that says what the last one said there is nothing to record. (`stats.loss` would not do: it is there
        // from the second report on only, and a short stream may never have two that differ.)
        let (Some(remote), Some((highest, lost))) = (&stats.remote, self.reported) else {
            return Ok(());
        };
        let cumulative_lost = (remote.packets_lost << 8) as i32 >> 8; // 24 bits, and below 0 where duplicates came
        let now = (*remote.maximum_sequence_number, cumulative_lost);
        if now == (highest, lost) {
            return Ok(());
        }
        self.reported = Some(now);
        // RFC 3550, A.3: of those expected since the last report.
        let expected = now.0.saturating_sub(highest);
        let missing = u64::try_from(now.1 - lost).unwrap_or(0).min(expected);
        let fraction_lost = (missing * 256).checked_div(expected).unwrap_or(0);
        // Judged from the first report on: of a receiver that sends none, nothing is known, which is not the same as bad.
        let quality = match &self.quality {
            Some(quality) => quality,
            None => {
                let config = Config::outbound(loss_weight(kind));
                let judged = meter
                    .registry
                    .judge_sender(&self.stream, config, Some(whose))?;
                self.quality.insert(judged)
            }
        };
        quality.set_rtt(stats.rtt.unwrap_or(Duration::ZERO));
        let block = ReportBlock {
            ssrc: self.stream.ssrc(),
            fraction_lost: u8::try_from(fraction_lost).unwrap_or(u8::MAX),
            cumulative_lost,
            highest_sequence: *remote.maximum_sequence_number as u32,
            jitter_ticks: remote.jitter,
            last_report: 0, // str0m has measured the round trip
            delay: 0,
        };
        self.stream.on_report(&block, meter.ns(stats.timestamp));
        Ok(())
    }
}

/// str0m hands over header and payload apart, padding taken off.
fn header(packet: &RtpPacket) -> RtpHeader {
    let header = &packet.header;
    RtpHeader {
        marker: header.marker,
        payload_type: *header.payload_type,
        sequence: header.sequence_number,
        timestamp: header.timestamp,
        ssrc: *header.ssrc,
        header_len: header.header_len as u32,
        padding_len: 0,
        packet_len: (header.header_len + packet.payload.len()) as u32,
    }
}

/// This SFU takes Opus and VP8, no others.
fn clock_rate(kind: MediaKind) -> u32 {
    if kind.is_audio() { 48_000 } else { 90_000 }
}

fn loss_weight(kind: MediaKind) -> f64 {
    let codec = if kind.is_audio() {
        Codec::Opus
    } else {
        Codec::Video
    };
    codec.loss_weight(true) // Opus with in-band FEC, as browsers negotiate it
}

/// Seconds since 1900, and 32 bits of their fraction.
fn ntp(time: SystemTime) -> u64 {
    const FROM_1900_TO_1970: u64 = 2_208_988_800;
    let since_1970 = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
    ((since_1970.as_secs() + FROM_1900_TO_1970) << 32) | fraction
}
