//! One stream: what came in, what went out to each subscriber, and what they say of it.
//!
//! Lives here: the core's records of both directions, and the addresses that reports go to. Not here:
//! finding a flow (`table`).

use std::net::SocketAddr;

use media_metrics_core::judge::{Participant, QualityControl};
use media_metrics_core::quality;
use media_metrics_core::registry::{Group, SenderGroup};
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::{Event, SenderInfo};
use media_metrics_core::stream::{SendStream, SenderConfig};
use media_metrics_core::{RegisterError, Registry, Stream, StreamConfig};

use super::summary::{FlowSummary, Reported};
use crate::livekit::{Livekit, Tracks};
use crate::payload::{MediaKind, Payload};

/// Makes the records of streams.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// Makes streams, and limits their number.
    pub registry: Registry,
    /// The group of what comes in, of each kind, in the order of [`MediaKind::ALL`].
    pub incoming: [Group; MediaKind::ALL.len()],
    /// The group of what goes out.
    pub outgoing: [SenderGroup; MediaKind::ALL.len()],
    /// Who is told of tracks and participants, if LiveKit's families are served.
    pub livekit: Option<Livekit>,
}

/// What its first packet says of a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Birth {
    pub(super) room: u16,
    pub(super) source: SocketAddr,
    pub(super) ssrc: u32,
    pub(super) payload_type: u8,
    pub(super) payload: Payload,
    /// It only repeats packets of another stream (RFC 4588).
    pub(super) repeats: bool,
    /// Payload type of the packets that repeat its own, on an SSRC that is not known yet.
    pub(super) repeated_by: Option<u8>,
    pub(super) now: u64,
}

/// One stream.
#[derive(Debug)]
pub struct Flow {
    birth: Birth,
    /// Where its publisher gets reports.
    control: SocketAddr,
    last_ns: u64,
    record: Option<Record>,
}

/// What is measured of a stream.
#[derive(Debug)]
struct Record {
    registry: Registry,
    stream: Stream,
    /// By subscriber. `None` for the one that publishes it, and where the limit on senders was met.
    ways: Box<[Option<Way>]>,
    /// If LiveKit's families are served, and it is no repetition.
    tracks: Option<Tracks>,
}

/// The way of a stream to one subscriber.
#[derive(Debug)]
struct Way {
    sender: SendStream,
    /// The subscriber has said something of it by RTCP. Who speaks RTCP owes reports (RFC 3550 §6.4), so
    /// from then on its silence means something, and the way is scored. Of one that never does, a plain
    /// sink of UDP, nothing is known.
    heard: bool,
    /// `None` before that, and where a limit was met: then the way is measured and not scored.
    quality: Option<QualityControl>,
}

impl Flow {
    /// A stream that begins with this packet; `subscribers` get it, but not its own source. Its quality is
    /// that of `participant`.
    pub(super) fn begin(
        birth: Birth,
        recorder: Option<&Recorder>,
        subscribers: &[SocketAddr],
        participant: Option<&Participant>,
    ) -> Result<Self, RegisterError> {
        let record =
            recorder.map(|recorder| Record::begin(&birth, recorder, subscribers, participant));
        Ok(Self {
            control: birth.source,
            last_ns: birth.now,
            record: record.transpose()?,
            birth,
        })
    }

    /// A packet arrived; true if a key frame began with it.
    #[inline]
    pub(super) fn on_rtp(&mut self, header: &RtpHeader, packet: &[u8], arrival: u64) -> bool {
        self.last_ns = arrival;
        match &mut self.record {
            Some(record) => record.stream.on_packet(header, packet, arrival).1,
            None => false,
        }
    }

    /// The id of its record, if it is recorded.
    #[inline]
    pub(super) fn stream(&self) -> Option<u64> {
        Some(self.record.as_ref()?.stream.id())
    }

    /// The way to one subscriber, if it is recorded.
    #[inline]
    pub fn sender(&mut self, subscriber: usize) -> Option<&mut SendStream> {
        let way = self.record.as_mut()?.ways.get_mut(subscriber)?;
        way.as_mut().map(|way| &mut way.sender)
    }

    /// The publisher reported on this stream from `source`, and the report went to the subscribers at
    /// `departure` (0: to none). False if it can't be the publisher's: it came from another host.
    pub fn on_sender_report(
        &mut self,
        source: SocketAddr,
        info: &SenderInfo,
        arrival: u64,
        departure: u64,
    ) -> bool {
        if source.ip() != self.birth.source.ip() {
            return false;
        }
        self.control = source;
        if let Some(record) = &mut self.record {
            record.stream.on_sender_report(info, arrival);
            if departure != 0 {
                for way in record.ways.iter_mut().flatten() {
                    way.sender.on_sender_report(info, departure);
                }
            }
        }
        true
    }

    /// A subscriber says something about this stream, which goes on to its publisher.
    pub fn on_feedback(&mut self, subscriber: usize, event: &Event<'_>, arrival: u64) {
        let Some(Record {
            registry,
            stream,
            ways,
            tracks,
        }) = &mut self.record
        else {
            return;
        };
        match event {
            Event::Nack(nack) => stream.on_nack_sent(nack.numbers().count() as u64),
            Event::PictureLoss(_) => stream.on_pli_sent(),
            Event::FullIntraRequest(_) => stream.on_fir_sent(),
            _ => {}
        }
        let Some(Some(way)) = ways.get_mut(subscriber) else {
            return;
        };
        let Way {
            sender,
            heard,
            quality,
        } = way;
        if !std::mem::replace(heard, true) {
            let config = quality::Config::outbound(self.birth.payload.loss_weight());
            let tracks = tracks.as_ref();
            let participant = tracks.and_then(|t| t.subscriber(self.birth.room, subscriber));
            *quality = registry.judge_sender(sender, config, participant).ok();
        }
        sender.on_event(event, arrival);
        if let (Event::Report { .. }, Some(quality)) = (event, quality) {
            quality.set_feed_jitter(stream.feed_jitter());
        }
    }

    /// Where its publisher gets reports: the port that its own last came from, or else where its media
    /// comes from.
    #[must_use]
    pub const fn control(&self) -> SocketAddr {
        self.control
    }

    /// What its first packet said.
    #[inline]
    pub(super) const fn birth(&self) -> &Birth {
        &self.birth
    }

    /// Arrival of its last packet.
    pub(super) const fn last_ns(&self) -> u64 {
        self.last_ns
    }

    /// What is told of it; `None` if nothing was recorded.
    pub(super) fn summary(&self) -> Option<FlowSummary> {
        let Record { stream, ways, .. } = self.record.as_ref()?;
        let ways = ways.iter().flatten();
        let remotes = ways.filter_map(|way| way.sender.stats().remote);
        let said = remotes.map(|remote| Reported {
            lost: remote.lost,
            rtt_seconds: remote.rtt.map(|rtt| rtt.seconds),
        });
        Some(FlowSummary {
            room: self.birth.room,
            source: self.birth.source,
            ssrc: self.birth.ssrc,
            kind: self.birth.payload.kind,
            clock_rate: stream.clock_rate(),
            lasted_ns: self.last_ns.saturating_sub(self.birth.now),
            stats: stream.stats(),
            reported: said.reduce(Reported::and),
        })
    }
}

impl Record {
    fn begin(
        birth: &Birth,
        recorder: &Recorder,
        subscribers: &[SocketAddr],
        participant: Option<&Participant>,
    ) -> Result<Self, RegisterError> {
        let Payload {
            kind,
            clock_rate,
            codec,
        } = birth.payload;
        let ([audio, video], [audio_out, video_out]) = (&recorder.incoming, &recorder.outgoing);
        let (incoming, outgoing) = match kind {
            MediaKind::Audio => (audio, audio_out),
            MediaKind::Video => (video, video_out),
        };
        let hz = clock_rate.hz();
        let mut config = StreamConfig::new(birth.ssrc, hz);
        config.video_codec = codec.and_then(|codec| codec.video());
        let registry = &recorder.registry;
        let stream = registry.stream(incoming, config)?;
        if !birth.repeats {
            let config = quality::Config::inbound(birth.payload.loss_weight());
            // Where a limit is met, the stream is measured and not scored.
            let _ = registry.judge(&stream, config, participant);
        }
        let mut config = SenderConfig::new(birth.ssrc, hz);
        if let Some(pt) = birth.repeated_by {
            // The payload type tells them; an SSRC has to be named, and this one is not the media's.
            config = config.rtx(!birth.ssrc, pt);
        }
        // Repeated packets count with the stream that they repeat.
        let livekit = recorder.livekit.as_ref().filter(|_| !birth.repeats);
        let mut tracks = livekit.map(|livekit| livekit.published(kind));
        let way = |subscriber: &SocketAddr| {
            let gets = *subscriber != birth.source && !birth.repeats;
            let made = gets.then(|| registry.sender(outgoing, config));
            if let (Some(tracks), Some(made)) = (&mut tracks, &made) {
                tracks.on_subscribe(made.is_ok());
            }
            made.and_then(Result::ok).map(|sender| Way {
                sender,
                heard: false,
                quality: None,
            })
        };
        Ok(Self {
            registry: registry.clone(),
            stream,
            ways: subscribers.iter().map(way).collect(),
            tracks,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Instruments;
    use crate::payload::PayloadTypes;
    use media_metrics_core::rtp::rtcp::parse;
    use std::time::Duration;

    const PUBLISHER: &str = "127.0.0.1:5000";

    /// A flow of SSRC 7 to the publisher itself and to two others.
    fn flow(registry: &Registry) -> Flow {
        let recorder = Instruments::register(registry).unwrap().recorder();
        let birth = Birth {
            room: 0,
            source: PUBLISHER.parse().unwrap(),
            ssrc: 7,
            payload_type: 111,
            payload: PayloadTypes::standard().get(111),
            repeats: false,
            repeated_by: None,
            now: 0,
        };
        let to = [PUBLISHER, "127.0.0.1:6000", "127.0.0.1:7000"];
        Flow::begin(
            birth,
            Some(&recorder),
            &to.map(|to| to.parse().unwrap()),
            None,
        )
        .unwrap()
    }

    fn told(flow: &mut Flow, subscriber: usize, packet: &[u8]) {
        parse(packet, |event| {
            flow.on_feedback(subscriber, &event, 5_000_000);
        })
        .unwrap();
    }

    /// A packet of these words, written as in the RFCs.
    fn packet(first: u8, kind: u8, words: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0x80 | first, kind, 0, words.len() as u8];
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        bytes
    }

    #[test]
    fn each_kind_of_feedback_is_told_to_the_way_that_it_came_from() {
        let registry = Registry::new().unwrap();
        let mut flow = flow(&registry);
        let rtp = [0x80, 111, 0, 9, 0, 0, 0, 0, 0, 0, 0, 7, 1];
        let header = RtpHeader::parse(&rtp).unwrap();
        flow.on_rtp(&header, &rtp, 1);
        flow.sender(1).unwrap().on_rtp(&header, 2);
        let remb = u32::from_be_bytes(*b"REMB");
        for packet in [
            packet(1, 201, &[1, 7, 0, 9, 48, 0, 0]), // 48 ticks are 1 ms
            packet(1, 205, &[1, 7, 9 << 16 | 1]),    // 9 and 10
            packet(1, 206, &[1, 7]),
            packet(4, 206, &[1, 0, 7, 5 << 24]),
            packet(15, 206, &[1, 0, remb, 1 << 24 | 1_000, 7]),
            packet(15, 205, &[1, 7, 4, 0, 0x0004 << 16]), // 4 packets, none came
            packet(
                0,
                207,
                &[1, 6 << 24 | 0xe0 << 16 | 9, 7, 1, 2, 3, 4, 5, 6, 7, 0],
            ),
            packet(0, 207, &[1, 7 << 24 | 8, 7, 0x0102_0304, 0, 0, 0, 0, 0, 0]),
        ] {
            told(&mut flow, 1, &packet);
        }
        let stats = flow.sender(1).unwrap().stats();
        let (feedback, estimate) = (stats.feedback, stats.remote_estimate);
        assert_eq!(stats.remote.unwrap().jitter_seconds, 0.001);
        assert_eq!((feedback.nacks, feedback.nacked_packets), (1, 2));
        assert_eq!((feedback.plis, feedback.firs), (1, 1));
        assert_eq!(estimate.bitrate_bps, Some(1_000));
        assert_eq!(
            (estimate.transport_packets, estimate.transport_missing),
            (4, 4)
        );
        assert!(stats.remote_summary.is_some() && stats.remote_voip.is_some());
        assert!(
            flow.sender(2).unwrap().stats().remote.is_none(),
            "the other said nothing"
        );
        assert!(flow.sender(0).is_none() && flow.sender(3).is_none());
        told(&mut flow, 0, &packet(1, 206, &[1, 7]));
        let requests = flow.record.unwrap().stream.stats().requests;
        assert_eq!(
            (requests.nacked_packets, requests.plis),
            (2, 2),
            "all that went up"
        );
    }

    #[test]
    fn only_subscribers_that_got_the_report_measure_round_trips_with_it() {
        let registry = Registry::new().unwrap();
        let mut flow = flow(&registry);
        let rtp = [0x80, 111, 0, 9, 0, 0, 0, 0, 0, 0, 0, 7, 1];
        let header = RtpHeader::parse(&rtp).unwrap();
        let info = |second: u64| SenderInfo {
            ssrc: 7,
            ntp: second << 32,
            rtp_timestamp: 0,
            packets: 1,
            octets: 1,
        };
        flow.sender(1).unwrap().on_rtp(&header, 2);
        let source = PUBLISHER.parse().unwrap();
        assert!(flow.on_sender_report(source, &info(1), 1_000_000, 2_000_000));
        assert!(
            flow.on_sender_report(source, &info(2), 3_000_000, 0),
            "it went to nobody"
        );
        for (second, rtt) in [(2, None), (1, Some(0.003))] {
            told(
                &mut flow,
                1,
                &packet(1, 201, &[1, 7, 0, 9, 0, second << 16, 0]),
            );
            let remote = flow.sender(1).unwrap().stats().remote.unwrap();
            assert_eq!(remote.rtt.map(|rtt| rtt.seconds), rtt, "report {second}");
        }
        let summary = flow.summary().unwrap();
        let said = Reported {
            lost: 0,
            rtt_seconds: Some(0.003),
        };
        assert_eq!(summary.reported, Some(said));
    }

    #[test]
    fn a_stream_is_scored_from_its_first_packet_a_way_from_the_first_rtcp_about_it() {
        for rtcp in [
            packet(1, 201, &[1, 7, 0, 9, 0, 0, 0]),
            packet(1, 205, &[1, 7, 9 << 16]),
            packet(1, 206, &[1, 7]),
        ] {
            let registry = Registry::new().unwrap();
            let scored = |direction| {
                let name = media_metrics_core::catalog::RTP_QUALITY_SCORE.name();
                let snapshot = registry.collect();
                snapshot.histogram(name, &[direction, "audio"]).is_some()
            };
            assert!(!scored("incoming"));
            let mut flow = flow(&registry);
            assert_eq!((scored("incoming"), scored("outgoing")), (true, false));
            told(&mut flow, 1, &rtcp);
            assert!(scored("outgoing"));
            let qualities = registry.senders().into_iter().map(|s| s.quality.is_some());
            assert_eq!(qualities.filter(|judged| *judged).count(), 1, "that way");
        }
    }

    #[test]
    fn a_way_is_judged_by_what_it_adds_to_the_jitter_that_came_in() {
        let every = Registry::builder().quality_window(Duration::from_nanos(1));
        let registry = every.build().unwrap();
        let mut flow = flow(&registry);
        let mut number = 0_u8;
        let mut hundred = |flow: &mut Flow| {
            for n in number..number + 100 {
                let [_, _, high, low] = (u32::from(n) * 960).to_be_bytes();
                let rtp = [0x80, 111, 0, n, 0, 0, high, low, 0, 0, 0, 7, 1];
                let header = RtpHeader::parse(&rtp).unwrap();
                let wait = u64::from(n % 2) * 800_000_000;
                flow.on_rtp(&header, &rtp, u64::from(n) * 20_000_000 + wait);
                flow.sender(1).unwrap().on_rtp(&header, 0);
            }
            number += 100;
            let jitter = flow.record.as_ref().unwrap().stream.stats().jitter_ticks as u32;
            assert!(jitter > 48 * 700, "{jitter} ticks, of 48 a millisecond");
            let highest = u32::from(number) - 1;
            let report = packet(1, 201, &[1, 7, 0, highest, jitter, 0, 0]);
            told(flow, 1, &report);
            std::thread::sleep(Duration::from_millis(1)); // a window of no time is none
            registry.collect();
        };
        hundred(&mut flow); // compared with
        hundred(&mut flow);
        let quality = registry.senders().iter().find_map(|s| s.quality).unwrap();
        assert_eq!((quality.score, quality.parts.is_some()), (100.0, true));
    }
}
