//! A WebRTC peer that publishes over WHIP or watches over WHEP: the other side of the forwarders' tests.
//!
//! Lives here: one peer, on a thread of its own, over loopback. Not here: what a test expects.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use str0m::change::SdpAnswer;
use str0m::crypto::from_feature_flags;
use str0m::format::Codec;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, SeqNo};
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::{PATIENCE, Program, eventually};

/// Time between two packets of a medium.
const PACE: Duration = Duration::from_millis(4);

/// What happened so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub connected: bool,
    /// By kind: packets written, without those that were left out.
    pub sent: HashMap<MediaKind, u64>,
    pub received: HashMap<MediaKind, u64>,
    pub key_frame_requests: u64,
}

pub struct Peer {
    /// Where its session is, to be deleted.
    pub session: String,
    seen: Arc<Mutex<Seen>>,
    end: Arc<AtomicBool>,
    go: Arc<AtomicBool>,
    ask: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// Publishes audio and video: from [`go`](Self::go) on `packets` of each, of which every `skip`th is left out.
    #[must_use]
    pub fn publish(program: &Program, path: &str, packets: u64, skip: u64) -> Self {
        Self::start(program, path, Direction::SendOnly, packets, skip)
    }

    /// Receives audio and video.
    #[must_use]
    pub fn watch(program: &Program, path: &str) -> Self {
        Self::start(program, path, Direction::RecvOnly, 0, 1)
    }

    /// Lets packets flow.
    pub fn go(&self) {
        self.go.store(true, Ordering::Relaxed);
    }

    /// Asks for a key frame.
    pub fn ask_for_key_frame(&self) {
        self.ask.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    fn start(program: &Program, path: &str, direction: Direction, packets: u64, skip: u64) -> Self {
        from_feature_flags().install_process_default();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(Instant::now());
        let candidate = Candidate::host(socket.local_addr().unwrap(), "udp").unwrap();
        rtc.add_local_candidate(candidate);
        let mut changes = rtc.sdp_api();
        let media = [MediaKind::Audio, MediaKind::Video]
            .map(|kind| (changes.add_media(kind, direction, None, None, None), kind));
        let (offer, pending) = changes.apply().unwrap();
        let answer = program.post(path, &offer.to_sdp_string());
        assert_eq!(answer.status, 201, "{}", answer.body);
        let sdp = SdpAnswer::from_sdp_string(&answer.body).unwrap();
        rtc.sdp_api().accept_answer(pending, sdp).unwrap();

        let flag = || Arc::new(AtomicBool::new(false));
        let (seen, end, go, ask) = (Arc::default(), flag(), flag(), flag());
        let running = Running {
            rtc,
            socket,
            media,
            seen: Arc::clone(&seen),
            end: Arc::clone(&end),
            go: Arc::clone(&go),
            ask: Arc::clone(&ask),
        };
        let sending = (direction == Direction::SendOnly).then_some((packets, skip));
        let thread = Some(thread::spawn(move || running.run(sending)));
        let peer = Self {
            session: answer.location.unwrap(),
            seen,
            end,
            go,
            ask,
            thread,
        };
        eventually("the peer is connected", || {
            peer.seen().connected.then_some(())
        });
        peer
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Running {
    rtc: Rtc,
    socket: UdpSocket,
    media: [(Mid, MediaKind); 2],
    seen: Arc<Mutex<Seen>>,
    end: Arc<AtomicBool>,
    go: Arc<AtomicBool>,
    ask: Arc<AtomicBool>,
}

impl Running {
    fn run(mut self, sending: Option<(u64, u64)>) {
        let (start, local) = (Instant::now(), self.socket.local_addr().unwrap());
        let (mut sent, mut next) = (0, Instant::now());
        let mut datagram = vec![0; 2_000];
        while !self.end.load(Ordering::Relaxed) && self.rtc.is_alive() {
            assert!(start.elapsed() < 4 * PATIENCE, "nobody ends the peer");
            let until = self.drain();
            let now = Instant::now();
            if let Some((packets, skip)) = sending
                && sent < packets
                && now >= next
                && self.go.load(Ordering::Relaxed)
            {
                (sent, next) = (sent + 1, now + PACE);
                if sent % skip != 0 {
                    self.send(sent);
                }
                self.rtc.handle_input(Input::Timeout(now)).unwrap();
                continue;
            }
            if self.ask.swap(false, Ordering::Relaxed) {
                let mut api = self.rtc.direct_api();
                let stream = api.stream_rx_by_mid(self.media[1].0, None).unwrap();
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
            let wait = until
                .saturating_duration_since(now)
                .clamp(Duration::from_micros(100), PACE / 2);
            self.socket.set_read_timeout(Some(wait)).unwrap();
            match self.socket.recv_from(&mut datagram) {
                Ok((len, source)) => {
                    let Ok(contents) = datagram[..len].try_into() else {
                        continue;
                    };
                    let receive = Receive {
                        proto: Protocol::Udp,
                        source,
                        destination: local,
                        contents,
                    };
                    self.rtc
                        .handle_input(Input::Receive(Instant::now(), receive))
                        .unwrap();
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    self.rtc
                        .handle_input(Input::Timeout(Instant::now()))
                        .unwrap();
                }
                Err(e) => panic!("the peer's socket: {e}"),
            }
        }
    }

    /// The packet with this number, from 1, of each medium.
    fn send(&mut self, number: u64) {
        for (mid, kind) in self.media {
            let codec = if kind.is_audio() {
                Codec::Opus
            } else {
                Codec::Vp8
            };
            let ticks = if kind.is_audio() { 960 } else { 3_000 };
            let config = self.rtc.codec_config();
            let pt = config
                .find(|params| params.spec().codec == codec)
                .unwrap()
                .pt();
            let mut api = self.rtc.direct_api();
            let stream = api.stream_tx_by_mid(mid, None).unwrap();
            // Begins near the end of a cycle of numbers, so that it wraps on the way.
            let (seq_no, payload) = (SeqNo::from(65_500 + number), vec![0x10; 100]);
            let write = RtpWrite::new(pt, seq_no, number as u32 * ticks, Instant::now(), payload);
            stream.write_rtp(write.marker(true));
            *self.seen.lock().unwrap().sent.entry(kind).or_default() += 1;
        }
    }

    fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(until) => return until,
                Output::Transmit(out) => drop(self.socket.send_to(&out.contents, out.destination)),
                Output::Event(event) => self.on_event(event),
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        let mut seen = self.seen.lock().unwrap();
        match event {
            Event::Connected => seen.connected = true,
            Event::KeyframeRequest(_) => seen.key_frame_requests += 1,
            Event::RtpPacket(packet) => {
                let mut api = self.rtc.direct_api();
                let mid = api.stream_rx(&packet.header.ssrc).unwrap().mid();
                let (_, kind) = self.media.iter().find(|(of, _)| *of == mid).unwrap();
                *seen.received.entry(*kind).or_default() += 1;
            }
            _ => {}
        }
    }
}
