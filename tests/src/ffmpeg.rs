//! ffmpeg as sender: a second implementation of RTP, with habits of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::process::Process;

/// A running sender of H.264 (payload type 96, 90 kHz), RTCP on the same port.
#[derive(Debug)]
pub struct Sender(Process);

impl Sender {
    /// Sends `frames` frames, 15 a second in real time, and ends by itself.
    #[must_use]
    pub fn start(ssrc: u32, frames: u32, to: SocketAddr) -> Self {
        let url = format!("rtp://{to}?rtcpport={}&pkt_size=700", to.port());
        let line = format!(
            "-hide_banner -nostdin -loglevel warning -re -f lavfi -i testsrc2=size=320x180:rate=15 \
             -frames:v {frames} -c:v libx264 -preset ultrafast -tune zerolatency -g 30 -b:v 200k \
             -threads 1 -ssrc {ssrc} -seq 65450 -f rtp {url}"
        );
        let words: Vec<&str> = line.split_whitespace().collect();
        Self(Process::start(Path::new("ffmpeg"), &words))
    }

    /// Waits for the last packet. ffmpeg keeps no books of packets: the relay behind it does.
    #[track_caller]
    pub fn finish(mut self, limit: Duration) {
        let status = self.0.finish(limit);
        assert!(
            status.success(),
            "ffmpeg ended with {status}; {}",
            self.0.quoted()
        );
    }
}
