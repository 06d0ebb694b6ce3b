//! The SFU: one UDP socket, one loop, all peers. Nothing here knows Prometheus; it calls `Meter` where something happens.
//!
//! Kept simple: each datagram is offered to one peer after another, one task does all of it. A large one has a table of
//! addresses, and a socket and a `Meter` for each thread: the registry is made for that.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media_metrics_core::judge::Participant;
use str0m::change::SdpOffer;
use str0m::format::Codec;
use str0m::media::{KeyframeRequest, KeyframeRequestKind, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite, Ssrc};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

use crate::meter::{Meter, Received, Sent};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Role {
    Publisher,
    Subscriber,
}

/// What signalling asks for.
pub(crate) enum Command {
    Join {
        room: String,
        role: Role,
        offer: String,
        reply: oneshot::Sender<Result<(u64, String), Failure>>,
    },
    Leave {
        id: u64,
    },
}

/// What one peer's doing means for others.
enum Effect {
    Packet {
        room: String,
        kind: MediaKind,
        codec: Codec,
        packet: Box<RtpPacket>,
    },
    KeyFrameRequest {
        room: String,
        kind: MediaKind,
    },
}

struct Peer {
    id: u64,
    room: String,
    role: Role,
    rtc: Rtc,
    participant: Participant,
    received: HashMap<Ssrc, (Mid, MediaKind, Received)>,
    sent: HashMap<Mid, Track>,
}

/// One medium of a subscriber.
struct Track {
    kind: MediaKind,
    sent: Sent,
    /// What is taken off the publisher's numbers, so that ours begin in the first cycle of 65,536.
    first_cycle: Option<u64>,
}

pub(crate) struct Sfu {
    socket: UdpSocket,
    address: SocketAddr,
    meter: Meter,
    peers: Vec<Peer>,
    next_id: u64,
}

impl Sfu {
    pub(crate) fn new(socket: UdpSocket, meter: Meter) -> io::Result<Self> {
        let address = socket.local_addr()?;
        Ok(Self {
            socket,
            address,
            meter,
            peers: Vec::new(),
            next_id: 1,
        })
    }

    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) -> io::Result<()> {
        let mut datagram = vec![0; 2_000];
        loop {
            let timeout = self.settle();
            tokio::select! {
                received = self.socket.recv_from(&mut datagram) => {
                    let arrival = Instant::now(); // as early as can be: jitter and latency are measured from here
                    let (len, source) = received?;
                    self.on_datagram(arrival, source, &datagram[..len]);
                }
                Some(command) = inbox.recv() => self.on_command(command),
                () = sleep_until(timeout.into()) => {
                    for peer in &mut self.peers {
                        peer.input(Input::Timeout(Instant::now()));
                    }
                }
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Leave { id } => {
                for peer in self.peers.iter_mut().filter(|peer| peer.id == id) {
                    peer.rtc.disconnect();
                }
            }
            Command::Join {
                room,
                role,
                offer,
                reply,
            } => {
                let joined = self.join(room, role, &offer);
                let _ = reply.send(joined); // who hung up is found by ICE's timeout
            }
        }
    }

    fn join(&mut self, room: String, role: Role, offer: &str) -> Result<(u64, String), Failure> {
        let mut rtc = Rtc::builder()
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_stats_interval(Some(Duration::from_secs(1)))
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(self.address, "udp")?);
        let answer = rtc
            .sdp_api()
            .accept_offer(SdpOffer::from_sdp_string(offer)?)?;
        let id = self.next_id;
        self.next_id += 1;
        let participant = self.meter.participant(&format!("{room}/{id}"));
        let (received, sent) = (HashMap::new(), HashMap::new());
        self.peers.push(Peer {
            id,
            room,
            role,
            rtc,
            participant,
            received,
            sent,
        });
        self.count_peers();
        Ok((id, answer.to_sdp_string()))
    }

    fn count_peers(&self) {
        let publishers = self
            .peers
            .iter()
            .filter(|peer| peer.role == Role::Publisher);
        let publishers = publishers.count();
        self.meter
            .set_peers(publishers, self.peers.len() - publishers);
    }

    fn on_datagram(&mut self, arrival: Instant, source: SocketAddr, datagram: &[u8]) {
        let Ok(contents) = datagram.try_into() else {
            return;
        };
        let (proto, destination) = (Protocol::Udp, self.address);
        let input = Input::Receive(
            arrival,
            Receive {
                proto,
                source,
                destination,
                contents,
            },
        );
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.rtc.accepts(&input)) {
            peer.input(input);
        }
    }

    /// Works off what input has led to, until all peers wait for more. Says until when, at most.
    fn settle(&mut self) -> Instant {
        let mut timeout = Instant::now() + Duration::from_secs(1);
        let mut effects = Vec::new();
        for peer in &mut self.peers {
            timeout = timeout.min(peer.drain(&self.socket, &self.meter, &mut effects));
        }
        while !effects.is_empty() {
            for effect in std::mem::take(&mut effects) {
                let mut was_sent = false;
                for peer in &mut self.peers {
                    let until = peer.on_effect(&effect, &self.socket, &self.meter, &mut effects);
                    was_sent |= until.is_some();
                    timeout = until.map_or(timeout, |until| timeout.min(until));
                }
                if let (Effect::Packet { packet, .. }, true) = (&effect, was_sent) {
                    self.meter.forwarded(packet.timestamp);
                }
            }
        }
        let before = self.peers.len();
        self.peers.retain(|peer| peer.rtc.is_alive()); // a stream that is dropped leaves its totals in its group
        if self.peers.len() != before {
            self.count_peers();
        }
        timeout
    }
}

impl Peer {
    fn input(&mut self, input: Input<'_>) {
        if self.rtc.handle_input(input).is_err() {
            self.rtc.disconnect();
        }
    }

    /// Until when there is nothing to do.
    fn drain(&mut self, socket: &UdpSocket, meter: &Meter, effects: &mut Vec<Effect>) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(until)) => return until,
                // A full buffer drops the datagram, as the network might.
                Ok(Output::Transmit(out)) => {
                    let _ = socket.try_send_to(&out.contents, out.destination);
                }
                Ok(Output::Event(event)) => {
                    if let Err(error) = self.on_event(event, meter, effects) {
                        eprintln!("{}/{}: {error}", self.room, self.id);
                    }
                }
                Err(_) => self.rtc.disconnect(),
            }
        }
    }

    fn on_event(
        &mut self,
        event: Event,
        meter: &Meter,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Failure> {
        match event {
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                self.rtc.disconnect();
            }
            Event::MediaAdded(media) if self.role == Role::Subscriber => {
                let mut api = self.rtc.direct_api();
                if let Some(stream) = api.stream_tx_by_mid(media.mid, None) {
                    let sent = meter.send(*stream.ssrc(), media.kind)?;
                    self.sent.insert(
                        media.mid,
                        Track {
                            kind: media.kind,
                            sent,
                            first_cycle: None,
                        },
                    );
                }
            }
            Event::RtpPacket(packet) => self.on_packet(packet, meter, effects)?,
            Event::SenderFeedback(report) => {
                if let Some((.., received)) = self.received.get_mut(&report.sender_info.ssrc) {
                    received.on_sender_report(meter, &report);
                }
            }
            Event::MediaEgressStats(stats) => {
                if let Some(track) = self.sent.get_mut(&stats.mid) {
                    track
                        .sent
                        .on_stats(meter, track.kind, &self.participant, &stats)?;
                }
            }
            Event::KeyframeRequest(KeyframeRequest {
                mid, kind: asked, ..
            }) => {
                if let Some(track) = self.sent.get_mut(&mid) {
                    track.sent.on_key_frame_request(meter, asked);
                    let (room, kind) = (self.room.clone(), track.kind);
                    effects.push(Effect::KeyFrameRequest { room, kind });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn on_packet(
        &mut self,
        packet: RtpPacket,
        meter: &Meter,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Failure> {
        let (ssrc, pt) = (packet.header.ssrc, packet.header.payload_type);
        let received = match self.received.get_mut(&ssrc) {
            Some(received) => received,
            None => {
                let Some(mid) = self
                    .rtc
                    .direct_api()
                    .stream_rx(&ssrc)
                    .map(|stream| stream.mid())
                else {
                    return Ok(());
                };
                let Some(kind) = self.rtc.media(mid).map(|media| media.kind()) else {
                    return Ok(());
                };
                let received = meter.receive(*ssrc, kind, &self.participant)?;
                self.received.entry(ssrc).or_insert((mid, kind, received))
            }
        };
        let (_, kind, stream) = received;
        stream.on_packet(meter, &packet);
        let of_type = self.rtc.codec_config().find(|params| params.pt() == pt);
        if let Some(codec) = of_type.map(|params| params.spec().codec) {
            let (room, kind, packet) = (self.room.clone(), *kind, Box::new(packet));
            effects.push(Effect::Packet {
                room,
                kind,
                codec,
                packet,
            });
        }
        Ok(())
    }

    /// Until when there is nothing more to do, if a packet was sent.
    fn on_effect(
        &mut self,
        effect: &Effect,
        socket: &UdpSocket,
        meter: &Meter,
        effects: &mut Vec<Effect>,
    ) -> Option<Instant> {
        match effect {
            Effect::Packet {
                room,
                kind,
                codec,
                packet,
            } => {
                if self.role != Role::Subscriber || self.room != *room || !self.rtc.is_connected() {
                    return None;
                }
                self.forward(*kind, *codec, packet, meter)?;
                // Now, not with the next round: what a packet waits here is what the histogram tells.
                self.input(Input::Timeout(Instant::now()));
                return Some(self.drain(socket, meter, effects));
            }
            Effect::KeyFrameRequest { room, kind } => {
                if self.role != Role::Publisher || self.room != *room {
                    return None;
                }
                let mut api = self.rtc.direct_api();
                for (ssrc, (_, of, received)) in &mut self.received {
                    if let Some(stream) = api.stream_rx(ssrc).filter(|_| of == kind) {
                        stream.request_keyframe(KeyframeRequestKind::Pli);
                        received.on_key_frame_asked();
                    }
                }
                self.input(Input::Timeout(Instant::now()));
            }
        }
        None
    }

    /// `None` if this subscriber has no use for the packet.
    fn forward(
        &mut self,
        kind: MediaKind,
        codec: Codec,
        packet: &RtpPacket,
        meter: &Meter,
    ) -> Option<()> {
        let (&mid, track) = self.sent.iter_mut().find(|(_, track)| track.kind == kind)?;
        let first_cycle = *track.first_cycle.get_or_insert(*packet.seq_no & !0xffff);
        let number = packet.seq_no.checked_sub(first_cycle)?; // before the first that he got
        let params = self.rtc.codec_config();
        let pt: Pt = params.find(|params| params.spec().codec == codec)?.pt();
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None)?;
        let time = packet.header.timestamp;
        let write = RtpWrite::new(
            pt,
            number.into(),
            time,
            packet.timestamp,
            Arc::clone(&packet.payload),
        );
        let write = write
            .marker(packet.header.marker)
            .ext_vals(packet.header.ext_vals.clone());
        stream.write_rtp(write.nackable(kind.is_video()));
        track.sent.on_packet(meter, packet, number);
        Some(())
    }
}
