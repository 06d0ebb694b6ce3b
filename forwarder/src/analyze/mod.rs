//! `media-metrics analyze`: what captures say of the RTP streams in them.
//!
//! Lives here: the way from files to records. From the outside in:
//!
//! | module | what lives there |
//! |---|---|
//! | `capture` | files: pcap, pcapng, gzip, damage |
//! | `frame` | from a captured packet to a UDP datagram |
//! | `probation`, `tracks` | which packets are RTP, and of which stream |
//! | `codec`, `sdp` | what a stream carries, and its clock rate |
//! | `stream`, `meter`, `score` | the core's streams and scores, fed with capture time |
//! | [`record`](Record), `output` | what is told, and how it looks |
//! | `warnings` | what was not as it should be |
//!
//! Not here: statistics. They are the core's, the same code as on the live path, with capture time in place
//! of arrival time.
//!
//! Memory follows the number of streams, never the length of a capture: one window of the file is in memory
//! at a time, and everything that outlives a packet has a limit.

mod capture;
mod codec;
mod frame;
mod meter;
mod output;
mod probation;
mod record;
mod score;
mod sdp;
mod stream;
mod tracks;
mod warnings;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use media_metrics_core::RegisterError;
use media_metrics_core::rtp::{RtpError, RtpHeader, is_rtcp};

use crate::payload::ClockRate;
use capture::{NoCapture, Packet, Source};
use codec::Known;
use frame::{Datagram, Frame};
use meter::Meter;
pub use output::Format;
pub use record::Record;
use tracks::{Key, Tracks};
use warnings::Tally;

/// What to analyse.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// Captures in the order in which they were made: a stream goes on from one to the next. `-` is
    /// standard input.
    pub files: Vec<PathBuf>,
    /// Clock rates of payload types; they win over all that the captures say.
    pub clock_rates: Vec<(u8, ClockRate)>,
}

/// What an analysis found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Analysis {
    /// The streams, in the order in which they began.
    pub streams: Vec<Record>,
    /// What was not as it should be, a sentence each, with counts.
    pub warnings: Vec<String>,
    /// Packets in the captures, of any kind.
    pub packets: u64,
}

/// Why there is no analysis.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnalyzeError {
    /// A file cannot be read.
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is no capture.
    NoCapture {
        /// Which.
        path: PathBuf,
        /// What it is instead, as far as can be told.
        found: String,
    },
    /// The registry of streams could not be made.
    Registry(RegisterError),
}

impl fmt::Display for AnalyzeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { path, error } => write!(
                f,
                "{}: cannot be read: {error}; check the path and its permissions",
                path.display()
            ),
            Self::NoCapture { path, found } => write!(
                f,
                "{}: no capture: {found}; pcap and pcapng are read, plain or gzip (editcap converts other formats)",
                path.display()
            ),
            Self::Registry(error) => write!(f, "cannot measure streams: {error}"),
        }
    }
}

impl std::error::Error for AnalyzeError {}

impl Job {
    /// Reads all captures and tells what is in them. Shows a progress bar if standard error is a terminal.
    ///
    /// - **Cost**: one pass; a fraction of a microsecond a packet.
    /// - **Memory**: a few megabytes, and about 3 kB a stream.
    ///
    /// # Errors
    /// [`AnalyzeError`]: a file cannot be read, or is no capture at all. A damaged capture is no error: what
    /// can be read of it is in the analysis, and a warning with it.
    pub fn run(self) -> Result<Analysis, AnalyzeError> {
        let progress = bar(&self.files);
        let mut analyzer = Analyzer {
            known: Known::new(self.clock_rates),
            tracks: Tracks::new(Meter::new().map_err(AnalyzeError::Registry)?),
            tally: Tally::default(),
            now_ns: 0,
        };
        let done = self
            .files
            .iter()
            .try_for_each(|path| analyzer.read(path, &progress));
        progress.finish_and_clear();
        done?;
        let streams = analyzer.tracks.finish(&analyzer.known);
        Ok(Analysis {
            streams,
            warnings: analyzer
                .tally
                .lines(analyzer.tracks.strays(), analyzer.tracks.refused),
            packets: analyzer.tally.packets,
        })
    }
}

/// Shown on standard error, if that is a terminal; else it costs and shows nothing.
fn bar(files: &[PathBuf]) -> ProgressBar {
    let sizes: io::Result<Vec<u64>> = files
        .iter()
        .map(|path| std::fs::metadata(path).map(|m| m.len()))
        .collect();
    let (bar, template) = match sizes {
        Ok(sizes) => (
            ProgressBar::new(sizes.iter().sum()),
            "{bar:40} {percent}% of {total_bytes}, {bytes_per_sec}, {eta} left",
        ),
        // Standard input has no length that is known.
        Err(_) => (
            ProgressBar::no_length(),
            "{spinner} {bytes}, {bytes_per_sec}",
        ),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// One analysis under way.
struct Analyzer {
    known: Known,
    tracks: Tracks,
    tally: Tally,
    /// Capture time of the last packet.
    now_ns: u64,
}

impl Analyzer {
    fn read(&mut self, path: &Path, progress: &ProgressBar) -> Result<(), AnalyzeError> {
        let open = |error| AnalyzeError::Open {
            path: path.to_owned(),
            error,
        };
        let source = Source::open(path, progress).map_err(open)?;
        let before = self.tally.packets;
        let damage = capture::read(source, &mut |packet| self.on_packet(&packet));
        let damage = damage.map_err(|why| match why {
            NoCapture::Io(error) => open(error),
            NoCapture::Empty => no_capture(path, "it is empty".to_owned()),
            NoCapture::Magic(bytes) => no_capture(path, format!("it begins with {bytes:02x?}")),
        })?;
        self.tally
            .on_file(path, &damage, self.tally.packets - before);
        Ok(())
    }

    #[inline]
    fn on_packet(&mut self, packet: &Packet<'_>) {
        self.tally.packets += 1;
        match packet.time_ns {
            Some(time_ns) => {
                if time_ns < self.now_ns {
                    self.tally.backwards += 1;
                    let by = self.now_ns - time_ns;
                    self.tally.backwards_ns = self.tally.backwards_ns.max(by);
                }
                self.now_ns = time_ns;
            }
            None => self.tally.untimed += 1,
        }
        match frame::decode(packet.link, packet.data) {
            Frame::Udp(datagram) => self.on_datagram(&datagram),
            Frame::Other => {}
            Frame::Fragment => self.tally.fragments += 1,
            Frame::Lying => self.tally.lying += 1,
            Frame::Cut => self.tally.cut_headers += 1,
            Frame::UnknownLink(link) => self.tally.on_unknown_link(link),
        }
    }

    #[inline]
    fn on_datagram(&mut self, datagram: &Datagram<'_>) {
        let Datagram {
            src, dst, payload, ..
        } = *datagram;
        let cut = payload.len() < datagram.wire_len as usize;
        if is_rtcp(payload) && !self.is_rtp_after_all(datagram) {
            match self.tracks.on_rtcp(src, dst, payload) {
                Ok(()) => {}
                Err(_) if cut => self.tally.cut_headers += 1,
                Err(_) => self.tally.malformed_rtcp += 1,
            }
            return;
        }
        match header(datagram) {
            Ok(header) => {
                self.tally.cut_rtp += u64::from(cut);
                let ssrc = header.ssrc;
                self.tracks
                    .on_rtp(Key { src, dst, ssrc }, &header, self.now_ns, &self.known);
            }
            Err(RtpError::TooShort) if cut => self.tally.cut_headers += 1,
            Err(_) => self.known.descriptions.look(payload),
        }
    }

    /// Marked packets of payload types 64 to 95 look like RTCP. A stream that has other packets of that type
    /// tells.
    #[cold]
    fn is_rtp_after_all(&self, datagram: &Datagram<'_>) -> bool {
        let Datagram { src, dst, .. } = *datagram;
        header(datagram).is_ok_and(|h| {
            let ssrc = h.ssrc;
            self.tracks.carries(&Key { src, dst, ssrc }, h.payload_type)
        })
    }
}

/// The RTP header of a datagram. Of one that was cut, what is there of the header; the padding, which is
/// counted in the last byte, is then taken for payload.
#[inline]
fn header(datagram: &Datagram<'_>) -> Result<RtpHeader, RtpError> {
    let Datagram {
        payload, wire_len, ..
    } = *datagram;
    if payload.len() == wire_len as usize {
        RtpHeader::parse(payload)
    } else {
        cut_header(payload, wire_len)
    }
}

#[cold]
fn cut_header(payload: &[u8], wire_len: u32) -> Result<RtpHeader, RtpError> {
    let mut start = [0; 256];
    let len = payload.len().min(start.len());
    start[..len].copy_from_slice(&payload[..len]);
    start[0] &= !0x20; // no padding
    let parsed = RtpHeader::parse(&start[..len]).or_else(|_| {
        start[0] &= 0xc0; // neither CSRCs nor an extension: they may be what was cut
        RtpHeader::parse(&start[..len])
    });
    parsed.map(|header| RtpHeader {
        packet_len: wire_len,
        ..header
    })
}

fn no_capture(path: &Path, found: String) -> AnalyzeError {
    AnalyzeError::NoCapture {
        path: path.to_owned(),
        found,
    }
}
