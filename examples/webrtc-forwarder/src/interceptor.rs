//! An interceptor that records: put it at the wire's end of a connection's chain, and each packet in either direction is
//! counted, retransmissions and RTCP included. The rest of the program does not know of it.
//!
//! It needs no table of which SSRC is what: webrtc-rs tells when streams are bound, with clock rates, codecs and formats of
//! retransmissions.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use media_metrics_core::judge::Participant;
use media_metrics_core::quality::{Codec, Config};
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::{self, Event};
use media_metrics_core::{
    Histogram, RegisterError, Registry, SendStream, SenderConfig, Stream, StreamConfig, catalog,
};
use rtc::interceptor::{Interceptor, Packet, Slot, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;

/// Before all slots that the chain knows: it sees what comes from the wire first, and what goes there last.
pub(crate) fn wire() -> Slot {
    Slot::from(500)
}

/// What all connections share.
#[derive(Clone)]
pub(crate) struct Meter {
    registry: Registry,
    latency: Histogram,
    /// Streams want nanoseconds on one monotonic clock: these count from here.
    start: Instant,
}

impl Meter {
    pub(crate) fn new(registry: &Registry) -> Result<Self, RegisterError> {
        Ok(Self {
            registry: registry.clone(),
            latency: registry.histogram(&catalog::FORWARD_LATENCY, &[])?,
            start: Instant::now(),
        })
    }

    /// For one connection.
    pub(crate) fn interceptor(&self, participant: &str) -> Metrics {
        Metrics {
            meter: self.clone(),
            participant: self.registry.participant(participant),
            streams: Mutex::default(),
            read: VecDeque::new(),
            written: VecDeque::new(),
        }
    }

    /// From a packet's arrival to now, the end of its last send: once for each packet that went to anybody.
    pub(crate) fn forwarded(&self, arrival: Instant) {
        self.latency.record(arrival.elapsed().as_nanos() as u64);
    }

    fn ns(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.start).as_nanos() as u64
    }
}

/// One connection's streams, and what passes through.
pub(crate) struct Metrics {
    meter: Meter,
    participant: Participant,
    /// An interceptor must be `Sync`, and a stream is not: it has one owner. Who has `&mut` needs no lock: `get_mut` is free.
    streams: Mutex<Streams>,
    read: VecDeque<TaggedPacket>,
    written: VecDeque<TaggedPacket>,
}

/// By SSRC.
#[derive(Default)]
struct Streams {
    received: HashMap<u32, Stream>,
    /// What repairs others' losses: whose retransmissions an SSRC carries, and of which payload type; `None` for FEC.
    repairs: HashMap<u32, Option<(u32, u8)>>,
    sent: HashMap<u32, Sent>,
    /// Whose retransmissions an SSRC carries (RFC 4588).
    sent_again: HashMap<u32, u32>,
}

struct Sent {
    stream: SendStream,
    loss_weight: f64,
    is_judged: bool,
}

impl Metrics {
    fn streams(&mut self) -> &mut Streams {
        self.streams
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn receive(&mut self, info: &StreamInfo) -> Result<(), RegisterError> {
        // What repairs a stream is bound after it, as a stream of its own: it is none.
        let again = info
            .ssrc_rtx
            .map(|ssrc| (ssrc, Some((info.ssrc, info.payload_type))));
        let repairs = again
            .into_iter()
            .chain(info.ssrc_fec.map(|ssrc| (ssrc, None)));
        let known = &mut self.streams().repairs;
        known.extend(repairs);
        if known.contains_key(&info.ssrc) {
            return Ok(());
        }
        let registry = self.meter.registry.clone();
        let group = registry.group(&["incoming", kind(info)])?;
        let stream = registry.stream(&group, StreamConfig::new(info.ssrc, info.clock_rate))?;
        registry.judge(
            &stream,
            Config::inbound(loss_weight(info)),
            Some(&self.participant),
        )?;
        self.streams().received.insert(info.ssrc, stream);
        Ok(())
    }

    fn send(&mut self, info: &StreamInfo) -> Result<(), RegisterError> {
        let registry = &self.meter.registry;
        let group = registry.sender_group(&["outgoing", kind(info)])?;
        let mut config = SenderConfig::new(info.ssrc, info.clock_rate);
        if let (Some(ssrc), Some(payload_type)) = (info.ssrc_rtx, info.payload_type_rtx) {
            config = config.rtx(ssrc, payload_type);
        }
        let stream = registry.sender(&group, config)?;
        let sent = Sent {
            stream,
            loss_weight: loss_weight(info),
            is_judged: false,
        };
        let streams = self.streams();
        streams.sent.insert(info.ssrc, sent);
        streams
            .sent_again
            .extend(info.ssrc_rtx.map(|rtx| (rtx, info.ssrc)));
        Ok(())
    }

    fn on_arrival(&mut self, message: &TaggedPacket) {
        let now = self.meter.ns(message.now);
        match &message.message.packet {
            Packet::Rtp(packet) => {
                let (streams, mut header) = (self.streams(), header(packet));
                if let Some(Some(of)) = streams.repairs.get(&header.ssrc) {
                    let Some(original) = original(&header, &packet.payload, *of) else {
                        return;
                    };
                    header = original;
                }
                if let Some(stream) = streams.received.get_mut(&header.ssrc) {
                    stream.on_rtp(&header, now);
                }
            }
            Packet::Rtcp(packets) => each(packets, |event| self.on_heard(&event, now)),
            _ => {}
        }
    }

    fn on_departure(&mut self, message: &TaggedPacket) {
        let now = self.meter.ns(message.now);
        match &message.message.packet {
            Packet::Rtp(packet) => {
                let (header, streams) = (header(packet), self.streams());
                let of = streams.sent_again.get(&header.ssrc).unwrap_or(&header.ssrc);
                if let Some(sent) = streams.sent.get_mut(of) {
                    sent.stream.on_payload(&header, &packet.payload, now);
                }
            }
            Packet::Rtcp(packets) => each(packets, |event| self.on_said(&event, now)),
            _ => {}
        }
    }

    /// What the peer says about streams: his own, and those that he gets.
    fn on_heard(&mut self, event: &Event<'_>, now: u64) {
        let (registry, participant) = (self.meter.registry.clone(), self.participant.clone());
        let streams = self.streams();
        if let Event::SenderReport(info) = event {
            if let Some(stream) = streams.received.get_mut(&info.ssrc) {
                stream.on_sender_report(info, now);
            }
            return;
        }
        // Judged from the first report on: of a receiver that sends none, nothing is known.
        if let Event::Report { block, .. } = event
            && let Some(sent) = streams.sent.get_mut(&block.ssrc)
            && !sent.is_judged
        {
            let config = Config::outbound(sent.loss_weight);
            let judged = registry.judge_sender(&sent.stream, config, Some(&participant));
            sent.is_judged = judged.is_ok();
        }
        // Each stream sees for itself whether it is meant.
        for sent in streams.sent.values_mut() {
            sent.stream.on_event(event, now);
        }
    }

    /// What this side says: webrtc-rs writes reports and requests by itself.
    fn on_said(&mut self, event: &Event<'_>, now: u64) {
        let streams = self.streams();
        match event {
            Event::SenderReport(info) => {
                // With this, a receiver's report tells the round trip.
                if let Some(sent) = streams.sent.get_mut(&info.ssrc) {
                    sent.stream.on_sender_report(info, now);
                }
            }
            Event::Nack(nack) => {
                if let Some(stream) = streams.received.get_mut(&nack.media_ssrc) {
                    stream.on_nack_sent(nack.numbers().count() as u64);
                }
            }
            Event::PictureLoss(loss) => {
                if let Some(stream) = streams.received.get_mut(&loss.media_ssrc) {
                    stream.on_pli_sent();
                }
            }
            Event::FullIntraRequest(request) => {
                if let Some(stream) = streams.received.get_mut(&request.media_ssrc) {
                    stream.on_fir_sent();
                }
            }
            _ => {}
        }
    }
}

/// What takes packets in must give them out again.
impl Protocol<TaggedPacket, TaggedPacket, ()> for Metrics {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.on_arrival(&message);
        self.read.push_back(message);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.on_departure(&message);
        self.written.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.written.pop_front()
    }
}

impl Interceptor for Metrics {
    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        warn(self.receive(info));
    }

    fn bind_local_stream(&mut self, info: &StreamInfo) {
        warn(self.send(info));
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        let streams = self.streams();
        streams.received.remove(&info.ssrc); // its totals stay in its group
        streams.repairs.remove(&info.ssrc);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        let streams = self.streams();
        streams.sent.remove(&info.ssrc);
        streams.sent_again.retain(|_, of| *of != info.ssrc);
    }
}

/// A stream beyond the limit is not measured; media flows all the same.
fn warn(made: Result<(), RegisterError>) {
    if let Err(error) = made {
        eprintln!("a stream is not measured: {error}");
    }
}

/// RTCP is rare: writing it down again, to read it by our own rules, costs less than it saves.
fn each(packets: &[Box<dyn rtc::rtcp::Packet>], on_event: impl FnMut(Event<'_>)) {
    if let Ok(datagram) = rtc::rtcp::packet::marshal(packets) {
        let _ = rtcp::parse(&datagram, on_event); // webrtc-rs has read or written it: it is well-formed
    }
}

/// webrtc-rs hands over header and payload apart, padding taken off.
fn header(packet: &rtc::rtp::Packet) -> RtpHeader {
    let header = &packet.header;
    let header_len = header.marshal_size() as u32;
    RtpHeader {
        marker: header.marker,
        payload_type: header.payload_type,
        sequence: header.sequence_number,
        timestamp: header.timestamp,
        ssrc: header.ssrc,
        header_len,
        padding_len: 0,
        packet_len: header_len + packet.payload.len() as u32,
    }
}

/// The packet that a retransmission carries (RFC 4588 §4); `None` if it is padding alone.
fn original(
    header: &RtpHeader,
    payload: &[u8],
    (ssrc, payload_type): (u32, u8),
) -> Option<RtpHeader> {
    let number = payload.first_chunk::<2>()?;
    Some(RtpHeader {
        ssrc,
        payload_type,
        sequence: u16::from_be_bytes(*number),
        packet_len: header.packet_len - 2,
        ..*header
    })
}

fn kind(info: &StreamInfo) -> &'static str {
    if info.mime_type.starts_with("audio/") {
        "audio"
    } else {
        "video"
    }
}

fn loss_weight(info: &StreamInfo) -> f64 {
    let codec = Codec::from_mime(&info.mime_type);
    codec.loss_weight(codec.has_fec(&info.sdp_fmtp_line))
}
