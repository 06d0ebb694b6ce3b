//! The SFU: connections, rooms, and the way of a packet from a publisher's track to those of his subscribers. Nothing here
//! knows Prometheus: what is recorded, the interceptor sees by itself, but for how long a packet took.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use rtc::interceptor::Registry;
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp::Packet;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::{Notify, broadcast};
use webrtc::error::Error;
use webrtc::media_stream::MediaStreamTrack;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription,
};
use webrtc::rtp_transceiver::RtpSender;

use crate::interceptor::{Meter, wire};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Role {
    Publisher,
    Subscriber,
}

/// Packets that a subscriber may be behind by; then he misses some.
const BACKLOG: usize = 1_024;

/// A packet on its way to all subscribers. The last of them to be done with it drops it: so it took that long.
struct InFlight {
    packet: Packet,
    arrival: Instant,
    was_sent: AtomicBool,
    meter: Meter,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if *self.was_sent.get_mut() {
            self.meter.forwarded(self.arrival);
        }
    }
}

/// What is published in a room, for whoever listens.
struct Room {
    audio: broadcast::Sender<Arc<InFlight>>,
    video: broadcast::Sender<Arc<InFlight>>,
    /// Somebody new needs a key frame.
    joined: Notify,
}

impl Room {
    fn media(&self, kind: RtpCodecKind) -> &broadcast::Sender<Arc<InFlight>> {
        if kind == RtpCodecKind::Audio {
            &self.audio
        } else {
            &self.video
        }
    }
}

type Connections = Arc<Mutex<HashMap<u64, Arc<dyn PeerConnection>>>>;

pub(crate) struct Forwarder {
    meter: Meter,
    address: IpAddr,
    rooms: Mutex<HashMap<String, Arc<Room>>>,
    connections: Connections,
    next_id: AtomicU64,
}

impl Forwarder {
    pub(crate) fn new(meter: Meter, address: IpAddr) -> Self {
        let next_id = AtomicU64::new(1);
        Self {
            meter,
            address,
            rooms: Mutex::default(),
            connections: Connections::default(),
            next_id,
        }
    }

    /// Answers an offer.
    pub(crate) async fn join(
        &self,
        name: String,
        role: Role,
        offer: String,
    ) -> Result<(u64, String), Failure> {
        let offer = RTCSessionDescription::offer(offer)?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let room = self.room(&name);
        let mut codecs = MediaEngine::default();
        codecs.register_default_codecs()?;
        let chain = register_default_interceptors(Registry::new(), &mut codecs)?;
        // All that there is to do for metrics.
        let chain = chain.with(wire(), self.meter.interceptor(&format!("{name}/{id}")));
        let gathered = Arc::new(Notify::new());
        let handler = Handler {
            id,
            role,
            room: Arc::clone(&room),
            meter: self.meter.clone(),
            gathered: Arc::clone(&gathered),
            connections: Arc::clone(&self.connections),
        };
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_media_engine(codecs)
                .with_interceptor_registry(chain)
                .with_handler(Arc::new(handler))
                .with_udp_addrs(vec![(self.address, 0)])
                .build()
                .await?,
        );
        let mut tracks = Vec::new();
        if role == Role::Subscriber {
            for (kind, codec) in codecs_sent() {
                let track = local_track(id, kind, codec);
                let sender = connection
                    .add_track(Arc::clone(&track) as Arc<dyn TrackLocal>)
                    .await?;
                tracks.push((kind, track, sender));
            }
        }
        connection.set_remote_description(offer).await?;
        let answer = connection.create_answer(None).await?;
        connection.set_local_description(answer).await?;
        gathered.notified().await;
        let answer = connection
            .local_description()
            .await
            .ok_or("no description")?;
        lock(&self.connections).insert(id, connection);
        for (kind, track, sender) in tracks {
            let packets = room.media(kind).subscribe();
            tokio::spawn(forward(packets, track, sender));
        }
        Ok((id, answer.sdp))
    }

    fn room(&self, name: &str) -> Arc<Room> {
        let mut rooms = lock(&self.rooms);
        rooms.retain(|_, room| Arc::strong_count(room) > 1);
        let room = rooms.entry(name.to_owned()).or_insert_with(|| {
            let (audio, video) = (
                broadcast::Sender::new(BACKLOG),
                broadcast::Sender::new(BACKLOG),
            );
            Arc::new(Room {
                audio,
                video,
                joined: Notify::new(),
            })
        });
        Arc::clone(room)
    }

    pub(crate) async fn leave(&self, id: u64) -> bool {
        let connection = lock(&self.connections).remove(&id);
        match connection {
            Some(connection) => connection.close().await.is_ok(),
            None => false,
        }
    }

    pub(crate) async fn close(&self) {
        let all = std::mem::take(&mut *lock(&self.connections));
        for connection in all.into_values() {
            let _ = connection.close().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This SFU sends Opus and VP8, no others.
fn codecs_sent() -> [(RtpCodecKind, RTCRtpCodec); 2] {
    let codec = |mime: &str, clock_rate, channels| RTCRtpCodec {
        mime_type: mime.to_owned(),
        clock_rate,
        channels,
        ..Default::default()
    };
    [
        (RtpCodecKind::Audio, codec(MIME_TYPE_OPUS, 48_000, 2)),
        (RtpCodecKind::Video, codec(MIME_TYPE_VP8, 90_000, 0)),
    ]
}

fn local_track(id: u64, kind: RtpCodecKind, codec: RTCRtpCodec) -> Arc<TrackLocalStaticRTP> {
    let ssrc = (id as u32) * 2 + u32::from(kind == RtpCodecKind::Video) + 1_000_000;
    let rtp_coding_parameters = RTCRtpCodingParameters {
        ssrc: Some(ssrc),
        ..Default::default()
    };
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters,
        codec,
        ..Default::default()
    };
    let (stream, track) = (format!("room-{id}"), format!("{kind}-{id}"));
    let track = MediaStreamTrack::new(stream, track.clone(), track, kind, vec![encoding]);
    Arc::new(TrackLocalStaticRTP::new(track))
}

/// From a room to one track of a subscriber, until either is gone.
async fn forward(
    mut packets: broadcast::Receiver<Arc<InFlight>>,
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
) -> Result<(), Error> {
    use webrtc::media_stream::Track;
    let ssrc = track.ssrcs().await.first().copied().unwrap_or_default();
    let mime = track
        .codec(ssrc)
        .await
        .map(|codec| codec.mime_type)
        .unwrap_or_default();
    let negotiated = sender.get_parameters().await?.rtp_parameters.codecs;
    let mut negotiated = negotiated.iter();
    let Some(codec) =
        negotiated.find(|codec| codec.rtp_codec.mime_type.eq_ignore_ascii_case(&mime))
    else {
        return Ok(());
    };
    loop {
        let in_flight = match packets.recv().await {
            Ok(packet) => packet,
            Err(broadcast::error::RecvError::Lagged(_)) => continue, // too slow: it will look like loss to him
            Err(broadcast::error::RecvError::Closed) => return Ok(()),
        };
        let mut packet = in_flight.packet.clone();
        packet.header.ssrc = ssrc;
        packet.header.payload_type = codec.payload_type;
        track.write_rtp(packet).await?;
        // Relaxed: it is read by who drops it last, and dropping an `Arc` orders that.
        in_flight.was_sent.store(true, Ordering::Relaxed);
    }
}

/// What a connection tells us.
struct Handler {
    id: u64,
    role: Role,
    room: Arc<Room>,
    meter: Meter,
    gathered: Arc<Notify>,
    connections: Connections,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if state == RTCPeerConnectionState::Connected && self.role == Role::Subscriber {
            self.room.joined.notify_one();
        }
        if matches!(
            state,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Disconnected
        ) {
            let gone = lock(&self.connections).remove(&self.id);
            if let Some(connection) = gone {
                tokio::spawn(async move { connection.close().await });
            }
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let (room, meter) = (Arc::clone(&self.room), self.meter.clone());
        tokio::spawn(async move {
            let kind = track.kind().await;
            let media = room.media(kind);
            loop {
                tokio::select! {
                    event = track.poll() => match event {
                        Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                            let (arrival, was_sent) = (Instant::now(), AtomicBool::new(false));
                            let in_flight = InFlight { packet, arrival, was_sent, meter: meter.clone() };
                            // Nobody listens: nobody minds.
                            let _ = media.send(Arc::new(in_flight));
                        }
                        Some(TrackRemoteEvent::OnEnded) | None => return,
                        Some(_) => {}
                    },
                    () = room.joined.notified(), if kind == RtpCodecKind::Video => {
                        for media_ssrc in track.ssrcs().await {
                            let request = PictureLossIndication { sender_ssrc: 0, media_ssrc };
                            let _ = track.write_rtcp(vec![Box::new(request)]).await;
                        }
                    }
                }
            }
        });
    }
}
