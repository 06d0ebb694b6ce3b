//! What one worker counts: handles of the families.
//!
//! Lives here: which family counts what. Not here: streams (`flows`), sockets, clocks. Without a meter a
//! worker forwards and measures nothing.

use media_metrics_core::catalog;
use media_metrics_core::histogram::LocalHistogram;
use media_metrics_core::rtp::RtpError;
use media_metrics_core::rtp::rtcp::RtcpError;
use media_metrics_core::{Counter, Histogram, LocalCounter, RegisterError, Registry};

use crate::flows::Recorder;
use crate::livekit::Livekit;
use crate::net::SendFailure;
use crate::payload::MediaKind;

/// Why a datagram is dropped: the values of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Not a valid RTP packet.
    Rtp(RtpError),
    /// Not a valid datagram of RTCP packets.
    Rtcp(RtcpError),
    /// Longer than [`MAX_DATAGRAM`](crate::net::MAX_DATAGRAM).
    TooLong,
    /// The room does not know this publisher.
    UnknownPublisher,
}

impl Rejection {
    /// The label's value.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Rtp(error) => error.reason(),
            Self::Rtcp(_) => "rtcp",
            Self::TooLong => "too_long",
            Self::UnknownPublisher => "unknown_publisher",
        }
    }

    /// One of every reason there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let rtp = RtpError::ALL.into_iter().map(Self::Rtp);
        let rtcp = Self::Rtcp(RtcpError::TooShort);
        rtp.chain([rtcp, Self::TooLong, Self::UnknownPublisher])
    }
}

/// Why feedback does not get to a publisher: the values of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It is about no stream at all: an empty report, a name.
    AboutNobody,
    /// Nobody sends a stream that it is about.
    UnknownStream,
    /// The worker that may know the stream has too many to read.
    Busy,
}

impl Undelivered {
    /// Every reason, in the order of their values.
    pub const ALL: [Self; 3] = [Self::AboutNobody, Self::UnknownStream, Self::Busy];

    /// The label's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AboutNobody => "about_nobody",
            Self::UnknownStream => "unknown_stream",
            Self::Busy => "busy",
        }
    }
}

/// The registered families, for all workers. Registration is the only thing that can fail.
#[derive(Clone, Debug)]
pub struct Instruments {
    recorder: Recorder,
    latency: Histogram,
    packets: Counter,
    bytes: Counter,
    rtcp: Counter,
    feedback: Counter,
    overflowed: Counter,
    untracked: Counter,
    rejected: Vec<(&'static str, Counter)>,
    malformed: Vec<(RtcpError, Counter)>,
    undelivered: Vec<Counter>,
    send_errors: Vec<Counter>,
}

impl Instruments {
    /// Registers everything, so that each series is there, at zero, from the first scrape.
    ///
    /// # Errors
    /// What the registry says: it has no room.
    pub fn register(registry: &Registry) -> Result<Self, RegisterError> {
        let [audio, video] = MediaKind::ALL.map(|k| registry.group(&["incoming", k.as_str()]));
        let [audio_out, video_out] =
            MediaKind::ALL.map(|k| registry.sender_group(&["outgoing", k.as_str()]));
        registry.windows(
            &catalog::FORWARD_LATENCY,
            &[],
            &catalog::FORWARD_LATENCY_WINDOW,
        )?;
        let counter = |desc| registry.counter(desc, &[]);
        let by_reason = |desc, reason| registry.counter(desc, &[reason]);
        let rejected = |r: Rejection| {
            let counter = by_reason(&catalog::FORWARD_REJECTED, r.reason())?;
            Ok((r.reason(), counter))
        };
        let malformed = |e: RtcpError| {
            let counter = by_reason(&catalog::FORWARD_RTCP_REJECTED, e.reason())?;
            Ok((e, counter))
        };
        let undelivered =
            |u: Undelivered| by_reason(&catalog::FORWARD_FEEDBACK_DROPPED, u.as_str());
        let send_error = |r: SendFailure| by_reason(&catalog::FORWARD_SEND_ERRORS, r.as_str());
        Ok(Self {
            recorder: Recorder {
                registry: registry.clone(),
                incoming: [audio?, video?],
                outgoing: [audio_out?, video_out?],
                livekit: None,
            },
            latency: registry.histogram(&catalog::FORWARD_LATENCY, &[])?,
            packets: counter(&catalog::FORWARD_PACKETS)?,
            bytes: counter(&catalog::FORWARD_BYTES)?,
            rtcp: counter(&catalog::FORWARD_RTCP)?,
            feedback: counter(&catalog::FORWARD_FEEDBACK)?,
            overflowed: counter(&catalog::FORWARD_OVERFLOWED)?,
            untracked: counter(&catalog::FORWARD_UNTRACKED)?,
            rejected: Rejection::all().map(rejected).collect::<Result<_, _>>()?,
            malformed: RtcpError::ALL
                .into_iter()
                .map(malformed)
                .collect::<Result<_, _>>()?,
            undelivered: Undelivered::ALL
                .into_iter()
                .map(undelivered)
                .collect::<Result<_, _>>()?,
            send_errors: SendFailure::ALL
                .into_iter()
                .map(send_error)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The same, with LiveKit's families told of tracks and participants.
    #[must_use]
    pub fn with_livekit(mut self, livekit: Livekit) -> Self {
        self.recorder.livekit = Some(livekit);
        self
    }

    /// What makes the records of streams.
    #[must_use]
    pub fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// One worker's meter. Not `Send`: made on the worker's own thread.
    #[must_use]
    pub fn meter(&self) -> Meter {
        Meter {
            latency: self.latency.local(),
            packets: self.packets.local(),
            bytes: self.bytes.local(),
            rtcp: self.rtcp.local(),
            feedback: self.feedback.local(),
            overflowed: self.overflowed.local(),
            untracked: self.untracked.local(),
            rejected: self.rejected.clone(),
            malformed: self.malformed.clone(),
            undelivered: self.undelivered.clone(),
            send_errors: self.send_errors.clone(),
        }
    }
}

/// One worker's handles.
#[derive(Debug)]
pub struct Meter {
    latency: LocalHistogram,
    packets: LocalCounter,
    bytes: LocalCounter,
    rtcp: LocalCounter,
    feedback: LocalCounter,
    overflowed: LocalCounter,
    untracked: LocalCounter,
    rejected: Vec<(&'static str, Counter)>,
    malformed: Vec<(RtcpError, Counter)>,
    undelivered: Vec<Counter>,
    send_errors: Vec<Counter>,
}

impl Meter {
    /// An RTP packet has no stream, for a limit.
    pub fn on_untracked(&self) {
        self.untracked.inc();
    }

    /// Nobody had time for `n` datagrams: the kernel dropped them before they could be received, or a stop did.
    #[cold]
    pub fn on_overflow(&self, n: u64) {
        self.overflowed.add(n);
    }

    /// An RTCP datagram arrived.
    pub fn on_rtcp(&self) {
        self.rtcp.inc();
    }

    /// A datagram of feedback was sent to so many publishers.
    pub fn on_feedback(&self, publishers: u64) {
        self.feedback.add(publishers);
    }

    /// `n` datagrams of feedback don't get to a publisher.
    pub fn on_undelivered(&self, reason: Undelivered, n: u64) {
        if let Some(counter) = self.undelivered.get(reason as usize) {
            counter.add(n);
        }
    }

    /// A datagram was dropped.
    #[cold]
    pub fn on_rejected(&self, rejection: Rejection) {
        // A handful of reasons: a scan is quicker than anything clever.
        if let Some((_, counter)) = self.rejected.iter().find(|(r, _)| *r == rejection.reason()) {
            counter.inc();
        }
        if let Rejection::Rtcp(error) = rejection
            && let Some((_, counter)) = self.malformed.iter().find(|(e, _)| *e == error)
        {
            counter.inc();
        }
    }

    /// RTP packets left, one for each subscriber that gets it.
    #[inline]
    pub fn on_sent(&self, packets: u64, bytes: u64) {
        self.packets.add(packets);
        self.bytes.add(bytes);
    }

    /// `n` datagrams did not leave.
    #[cold]
    pub fn on_send_failure(&self, failure: SendFailure, n: u64) {
        if let Some(counter) = self.send_errors.get(failure.index()) {
            counter.add(n);
        }
    }

    /// An RTP packet has left for the last of its subscribers, this many nanoseconds after it arrived. `stream` is the
    /// id of its stream, if that is recorded: exemplars name it.
    #[inline]
    pub fn on_forwarded(&self, latency_ns: u64, stream: Option<u64>) {
        match stream {
            Some(stream) => self.latency.record_for(latency_ns, stream),
            None => self.latency.record(latency_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_series_of_its_own_and_is_counted_there() {
        let registry = Registry::new().unwrap();
        let instruments = Instruments::register(&registry).unwrap();
        let meter = instruments.meter();
        for (n, rejection) in Rejection::all().enumerate() {
            (0..=n).for_each(|_| meter.on_rejected(rejection));
        }
        for (n, reason) in (1..).zip(Undelivered::ALL) {
            meter.on_undelivered(reason, n);
        }
        for (n, failure) in (1..).zip(SendFailure::ALL) {
            meter.on_send_failure(failure, n);
        }
        let snapshot = registry.collect();
        for (n, rejection) in (1..).zip(Rejection::all()) {
            let got = snapshot.counter(catalog::FORWARD_REJECTED.name(), &[rejection.reason()]);
            assert_eq!(got, Some(n), "{rejection:?}");
        }
        for (n, reason) in (1..).zip(Undelivered::ALL) {
            let name = catalog::FORWARD_FEEDBACK_DROPPED.name();
            assert_eq!(
                snapshot.counter(name, &[reason.as_str()]),
                Some(n),
                "{reason:?}"
            );
        }
        for (n, failure) in (1..).zip(SendFailure::ALL) {
            let got = snapshot.counter(catalog::FORWARD_SEND_ERRORS.name(), &[failure.as_str()]);
            assert_eq!(got, Some(n), "{failure:?}");
        }
    }

    #[test]
    fn a_malformed_report_counts_once_among_all_and_once_by_what_is_wrong() {
        let registry = Registry::new().unwrap();
        let meter = Instruments::register(&registry).unwrap().meter();
        for (n, error) in (1..).zip(RtcpError::ALL) {
            (0..n).for_each(|_| meter.on_rejected(Rejection::Rtcp(error)));
        }
        let snapshot = registry.collect();
        for (n, error) in (1..).zip(RtcpError::ALL) {
            let name = catalog::FORWARD_RTCP_REJECTED.name();
            assert_eq!(
                snapshot.counter(name, &[error.reason()]),
                Some(n),
                "{error:?}"
            );
        }
        let all = (1..=RtcpError::ALL.len() as u64).sum();
        assert_eq!(
            snapshot.counter(catalog::FORWARD_REJECTED.name(), &["rtcp"]),
            Some(all)
        );
    }
}
