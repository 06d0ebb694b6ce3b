//! GStreamer as sender and as receiver, an implementation of RTP that shares no line with ours.
//!
//! `identity silent=false` with `-v` prints a line for every buffer that passes, with its size: these
//! are the books of the other side.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::process::Process;
use crate::{Traffic, ports, wait};

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Audio, 50 packets a second, 48 kHz clock, payload type 111.
    Opus,
    /// Video, 15 frames a second of several packets each, 90 kHz clock, payload type 96.
    Vp8,
}

impl Media {
    /// Raw media, encoder, payloader.
    fn source(self, buffers: u32) -> String {
        match self {
            Self::Opus => format!(
                "audiotestsrc is-live=true wave=ticks num-buffers={buffers} samplesperbuffer=960 \
                 ! audio/x-raw,rate=48000,channels=1 ! opusenc bitrate=32000 ! rtpopuspay pt=111"
            ),
            Self::Vp8 => format!(
                "videotestsrc is-live=true pattern=ball num-buffers={buffers} \
                 ! video/x-raw,width=320,height=180,framerate=15/1 \
                 ! vp8enc deadline=1 threads=1 target-bitrate=200000 keyframe-max-dist=30 \
                 ! rtpvp8pay pt=96 mtu=600"
            ),
        }
    }

    /// What SDP would have told the receiver, and how it decodes.
    fn sink(self) -> (&'static str, &'static str) {
        match self {
            Self::Opus => (
                "application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,payload=111",
                "rtpopusdepay ! opusdec",
            ),
            Self::Vp8 => (
                "application/x-rtp,media=video,clock-rate=90000,encoding-name=VP8,payload=96",
                "rtpvp8depay ! vp8dec",
            ),
        }
    }
}

/// A running sender of one stream, with its RTCP sender reports on the same port (RFC 5761).
#[derive(Debug)]
pub struct Sender(Process);

impl Sender {
    /// Sends `buffers` audio blocks of 20 ms or video frames in real time, and ends by itself.
    ///
    /// The sequence numbers begin shortly before their wrap, the timestamps as well.
    #[must_use]
    pub fn start(media: Media, ssrc: u32, buffers: u32, to: SocketAddr) -> Self {
        let (host, port) = (to.ip(), to.port());
        Self(launch(&format!(
            "rtpbin name=bin {} ssrc={ssrc} seqnum-offset=65450 timestamp-offset=4294960000 \
             ! identity name=sent silent=false ! bin.send_rtp_sink_0 \
             bin.send_rtp_src_0 ! udpsink host={host} port={port} \
             bin.send_rtcp_src_0 ! udpsink host={host} port={port} sync=false async=false",
            media.source(buffers)
        )))
    }

    /// Waits for the last packet and tells what was sent: RTP, without RTCP.
    ///
    /// The end of the stream passes `sent` after the socket has taken every packet, since one thread
    /// does both. The pipeline's own end is not awaited: its RTCP half sometimes never comes to one.
    #[track_caller]
    #[must_use]
    pub fn finish(mut self, limit: Duration) -> Traffic {
        self.0.find_line("the end of the stream", limit, |line| {
            is_end(line, "sent").then_some(())
        });
        self.0.terminate();
        let _by_signal = self.0.finish(limit);
        passed(&self.0, "sent")
    }
}

/// A running receiver of one stream.
#[derive(Debug)]
pub struct Receiver {
    process: Process,
    at: SocketAddr,
}

impl Receiver {
    /// Receives, orders, and decodes.
    #[must_use]
    pub fn start(media: Media, at: SocketAddr) -> Self {
        let (caps, decode) = media.sink();
        let mut process = launch(&format!(
            "udpsrc address={} port={} caps={caps} ! identity name=wire silent=false \
             ! rtpjitterbuffer latency=100 ! {decode} ! fakesink name=media silent=false sync=false",
            at.ip(),
            at.port()
        ));
        // The socket is bound on the way to PAUSED, which a live pipeline reports like this.
        process.find_line("a bound socket", wait::PATIENCE, |l| {
            l.contains("Setting pipeline to PLAYING").then_some(())
        });
        Self { process, at }
    }

    /// Datagrams that arrived on its socket so far, RTCP included.
    #[must_use]
    pub fn arrived(&self) -> Traffic {
        passed(&self.process, "wire")
    }

    /// Audio blocks or video frames that were decoded so far.
    #[must_use]
    pub fn decoded(&self) -> u64 {
        passed(&self.process, "media").packets
    }

    /// Waits until as much arrived as should, and fails with what it printed if it doesn't.
    #[track_caller]
    pub fn wait_for(&self, traffic: Traffic) {
        let what = "all packets at the GStreamer receiver";
        wait::until(what, wait::PATIENCE, || {
            let arrived = self.arrived();
            if arrived == traffic {
                return Ok(());
            }
            let dropped = ports::dropped(self.at).map_or("unknown".into(), |n| n.to_string());
            let printed = self.process.quoted();
            Err(format!(
                "{arrived:?} of {traffic:?}, dropped by the kernel: {dropped}; {printed}"
            ))
        });
    }
}

fn launch(pipeline: &str) -> Process {
    // The session's statistics would be most of what is printed.
    let words: Vec<&str> = "-v --exclude=stats"
        .split(' ')
        .chain(pipeline.split_whitespace())
        .collect();
    Process::start(Path::new("gst-launch-1.0"), &words)
}

/// Sums up what passed the element `name`.
fn passed(process: &Process, name: &str) -> Traffic {
    let mut traffic = Traffic::default();
    for line in process.lines() {
        if let Some(len) = buffer_len(&line, name) {
            traffic.add(len);
        }
    }
    traffic
}

/// The size from `…:NAME: last-message = chain … (98 bytes, dts: …`; None for events and others.
fn buffer_len(line: &str, name: &str) -> Option<usize> {
    let (element, message) = line.split_once(": last-message = chain")?;
    let is_it = element.ends_with(&format!(":{name}"));
    let (before, _) = message.split_once(" bytes, ")?;
    let (_, len) = before.rsplit_once('(')?;
    is_it.then(|| len.parse().ok()).flatten()
}

/// The end of the stream at the element `name`.
fn is_end(line: &str, name: &str) -> bool {
    line.split_once(": last-message = event")
        .is_some_and(|(element, message)| {
            element.ends_with(&format!(":{name}")) && message.contains("(type: eos ")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_buffers_of_the_element_and_from_nothing_else() {
        let line = "/GstPipeline:pipeline0/GstIdentity:sent: last-message = chain   ******* \
                    (sent:sink) (68 bytes, dts: 0:00:01.994554806, offset: -1, meta: none) 0x55";
        assert_eq!(buffer_len(line, "sent"), Some(68));
        assert_eq!(buffer_len(line, "wire"), None);
        let event = "/GstPipeline:pipeline0/GstIdentity:sent: last-message = event   ******* \
                     (sent:sink) E (type: eos (28174), ) 0x7f";
        assert_eq!(buffer_len(event, "sent"), None);
        assert!(is_end(event, "sent") && !is_end(event, "rtcp") && !is_end(line, "sent"));
    }
}
