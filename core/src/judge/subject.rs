//! One scored stream: its published numbers, its scorer, what was read last.
//!
//! Lives here: one stream's windows, one after the other. Not here: the list of all (`judges`).

use std::sync::Arc;
use std::time::Duration;

use super::control::{Event, QualityControl};
use super::metrics::QualityMetrics;
use super::participant::Participant;
use super::window::of_sender;
use crate::cell::Version;
use crate::quality::{Config, Outcome, Quality, Scorer, Skip, Window};
use crate::stream::block::{Block, READ_TRIES};
use crate::stream::sender::block::{SenderBlock, WORDS};
use crate::stream::{SenderStats, StreamStats};

/// Where the numbers of a scored stream come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A stream received here.
    Received(Arc<Block>),
    /// A stream sent from here.
    Sent(Arc<SenderBlock>),
}

/// The numbers of a scored stream at one moment.
#[derive(Debug)]
enum Reading {
    Received(StreamStats),
    Sent(SenderStats),
}

impl Source {
    fn version(&self) -> Version {
        match self {
            Self::Received(block) => block.sequence.version(),
            Self::Sent(block) => block.sequence.version(),
        }
    }

    /// `None` if the stream's writer is busy: the next tick will tell.
    fn read(&self) -> Option<Reading> {
        match self {
            Self::Received(block) => {
                let stats = StreamStats::read(block, READ_TRIES)?;
                Some(Reading::Received(stats))
            }
            Self::Sent(block) => {
                let (_, words) = block.read(READ_TRIES)?;
                let stats = SenderStats::new(&words, block.identity.clock_rate);
                Some(Reading::Sent(stats))
            }
        }
    }

    /// Before the first packet.
    fn nothing(&self) -> Reading {
        match self {
            Self::Received(_) => Reading::Received(StreamStats::default()),
            Self::Sent(block) => {
                Reading::Sent(SenderStats::new(&[0; WORDS], block.identity.clock_rate))
            }
        }
    }
}

impl Reading {
    /// How many reports the peer has sent: sender reports of what is received, receiver reports of what is
    /// sent.
    fn reports(&self) -> u64 {
        match self {
            Self::Received(stats) => stats.remote.map_or(0, |remote| remote.reports),
            Self::Sent(stats) => stats.feedback.reports,
        }
    }

    fn jitter(&self) -> Duration {
        let seconds = match self {
            Self::Received(stats) => stats.jitter_seconds,
            Self::Sent(_) => 0.0, // the peer's, which comes with the window
        };
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// Takes those for lost that were missing at the last tick and still are; `missing` is for the next one.
    fn settle(&mut self, missing: &mut u64) {
        if let Self::Received(stats) = self {
            stats.lost = stats.lost.min(std::mem::replace(missing, stats.lost));
        }
    }

    fn window_since(&self, before: &Self, duration: Duration) -> Window {
        match (before, self) {
            (Self::Received(before), Self::Received(now)) => {
                now.since(before).quality_window(duration)
            }
            (Self::Sent(before), Self::Sent(now)) => of_sender(before, now, duration),
            _ => Window::default(), // a source does not change its kind
        }
    }
}

/// One scored stream.
#[derive(Debug)]
pub(crate) struct Judged {
    source: Source,
    scorer: Scorer,
    control: QualityControl,
    metrics: Arc<QualityMetrics>,
    pub(super) participant: Option<Participant>,
    /// The numbers when the figures of the present window began, and when that was.
    before: Reading,
    since: Duration,
    window_began: Duration,
    /// Numbers missing at the last tick.
    missing: u64,
    jitter: Duration,
    reports: u64,
    last_rtcp: Option<Duration>,
}

impl Judged {
    pub(crate) fn new(
        source: Source,
        config: Config,
        control: QualityControl,
        metrics: Arc<QualityMetrics>,
        participant: Option<Participant>,
        at: Duration,
    ) -> Self {
        Self {
            before: source.nothing(),
            source,
            scorer: Scorer::new(config, at),
            control,
            metrics,
            participant,
            since: at,
            window_began: at,
            missing: 0,
            jitter: Duration::ZERO,
            reports: 0,
            last_rtcp: None,
        }
    }

    /// The stream's id.
    pub(super) fn id(&self) -> u64 {
        match &self.source {
            Source::Received(block) => block.identity.id,
            Source::Sent(block) => block.identity.id,
        }
    }

    pub(super) fn quality(&self) -> Quality {
        self.scorer.quality()
    }

    /// Whether the stream has ended.
    pub(super) fn is_over(&self) -> bool {
        self.source.version().is_closed()
    }

    /// A tick: takes what the host told, and judges the window if it is as long as `length`.
    pub(super) fn tick(&mut self, at: Duration, length: Duration) {
        let (events, rtt) = self.control.take();
        let mut changed = !events.is_empty();
        for (when, event) in events {
            match event {
                Event::Muted(on) => self.scorer.set_muted(when, on),
                Event::LayerMuted(on) => self.scorer.set_layer_muted(when, on),
                Event::Paused(on) => self.scorer.set_paused(when, on),
                Event::Bitrate(bps) => self.scorer.expect_bitrate(when, bps),
                Event::LayerDistance(layers) => self.scorer.expect_layer_distance(when, layers),
            }
        }
        if let Some(mut now) = self.source.read() {
            if now.reports() != self.reports {
                self.reports = now.reports();
                self.last_rtcp = Some(at);
            }
            now.settle(&mut self.missing);
            self.jitter = self.jitter.max(now.jitter());
            if at.saturating_sub(self.window_began) >= length {
                changed = true;
                self.judge(at, now, rtt);
            }
        }
        if changed {
            self.control.publish(self.scorer.quality());
        }
    }

    fn judge(&mut self, at: Duration, now: Reading, rtt: Duration) {
        let window = now.window_since(&self.before, at.saturating_sub(self.since));
        let window = Window {
            rtt: window.rtt.max(rtt),
            jitter: window.jitter.max(self.jitter),
            last_rtcp: self.last_rtcp,
            ..window
        };
        self.window_began = at;
        self.jitter = Duration::ZERO;
        match self.scorer.update(at, &window) {
            Outcome::Scored(quality) => self.metrics.record(&quality),
            // The next report will be about this time, too.
            Outcome::Skipped(Skip::AwaitingReport) => return,
            Outcome::Skipped(_) => {}
        }
        self.since = at;
        self.before = now;
    }
}
