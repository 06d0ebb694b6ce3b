//! One scored stream: its published numbers, its scorer, what was read last.
//!
//! Lives here: one stream's windows, one after the other. Not here: the list of all (`judges`).

use std::sync::Arc;
use std::time::Duration;

use super::control::{Event, QualityControl, Told};
use super::metrics::QualityMetrics;
use super::participant::Participant;
use super::standing::Standing;
use super::window::{between, of_received, of_sent, seconds};
use crate::cell::Version;
use crate::quality::{Config, Outcome, Quality, Scorer, Skip, Window};
use crate::rhythm::Rhythm;
use crate::stream::block::{Block, READ_TRIES};
use crate::stream::sender::block::SenderBlock;
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// All of it as one window.
    totals: Window,
    /// How many reports the peer has sent: sender reports of what is received, receiver reports of what is
    /// sent.
    reports: u64,
    /// Of what is received: the jitter as of now. (What is sent has its peer's, with the totals.)
    jitter: Duration,
}

impl Source {
    fn version(&self) -> Version {
        match self {
            Self::Received(block) => block.sequence.version(),
            Self::Sent(block) => block.sequence.version(),
        }
    }

    /// Where the reporter's walk looks; `None` before [`begin`](Self::begin).
    fn standing(&self) -> Option<&Standing> {
        let standing = match self {
            Self::Received(block) => &block.standing,
            Self::Sent(block) => &block.standing,
        };
        standing.get().map(|s| &**s)
    }

    /// From now on the stream is scored, as somebody's.
    fn begin(&self, participant: Option<&Participant>) {
        let standing = match self {
            Self::Received(block) => &block.standing,
            Self::Sent(block) => &block.standing,
        };
        standing.get_or_init(|| Box::new(Standing::new(participant.cloned())));
    }

    /// `None` if the stream's writer is busy: the next tick will tell.
    fn read(&self) -> Option<Reading> {
        match self {
            Self::Received(block) => {
                let stats = StreamStats::read(block, READ_TRIES)?;
                Some(Reading::of_received(&stats))
            }
            Self::Sent(block) => {
                let (_, words) = block.read(READ_TRIES)?;
                let stats = SenderStats::new(&words, block.identity.clock_rate);
                Some(Reading::of_sent(&stats))
            }
        }
    }
}

impl Reading {
    pub(super) fn of_received(stats: &StreamStats) -> Self {
        Self {
            totals: of_received(stats),
            reports: stats.remote.map_or(0, |remote| remote.reports),
            jitter: seconds(stats.jitter_seconds),
        }
    }

    pub(super) fn of_sent(stats: &SenderStats) -> Self {
        Self {
            totals: of_sent(stats),
            reports: stats.feedback.reports,
            jitter: Duration::ZERO,
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
    /// The totals when the figures of the present window began, and when that was.
    before: Window,
    since: Duration,
    windows: Rhythm,
    /// Numbers missing at the last tick, of a received stream.
    missing: i64,
    jitter: Duration,
    reports: u64,
    last_rtcp: Option<Duration>,
}

impl Judged {
    /// From now (`at`) on: what `so_far` tells is not judged.
    pub(crate) fn new(
        source: Source,
        so_far: &Reading,
        config: Config,
        control: QualityControl,
        metrics: Arc<QualityMetrics>,
        participant: Option<Participant>,
        at: Duration,
    ) -> Self {
        source.begin(participant.as_ref());
        Self {
            source,
            scorer: Scorer::new(config, at),
            control,
            metrics,
            participant,
            before: so_far.totals,
            since: at,
            windows: Rhythm::new(at),
            missing: so_far.totals.lost,
            jitter: Duration::ZERO,
            reports: so_far.reports,
            // The last one came now or before.
            last_rtcp: (so_far.reports > 0).then_some(at),
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

    /// Ends the first window early, by up to fifteen sixteenths of its `length`: so that streams which began
    /// together are not all judged in one tick.
    pub(super) fn stagger(&mut self, length: Duration) {
        let early = length / 16 * (self.id() % 16) as u32;
        self.windows.advance(early);
    }

    /// A tick: takes what the host told, and judges the window, of this `length`, if it ends.
    pub(super) fn tick(&mut self, at: Duration, length: Duration, period: Duration) {
        let told = self.control.take();
        let mut changed = !told.events.is_empty();
        for (when, event) in &told.events {
            self.apply(*when, *event);
        }
        if let Some(mut now) = self.source.read() {
            self.settle(&mut now.totals);
            self.jitter = self.jitter.max(now.jitter);
            if now.reports != self.reports {
                self.on_reports(at, &now);
            }
            if self.windows.ends(at, length, period) {
                changed = true;
                self.judge(at, &now.totals, &told);
            }
        }
        if changed {
            let quality = self.scorer.quality();
            self.control.publish(quality);
            if let Some(standing) = self.source.standing() {
                standing.publish(quality.score);
            }
        }
    }

    fn apply(&mut self, when: Duration, event: Event) {
        match event {
            Event::Muted(on) => self.scorer.set_muted(when, on),
            Event::LayerMuted(on) => self.scorer.set_layer_muted(when, on),
            Event::Paused(on) => self.scorer.set_paused(when, on),
            Event::Bitrate(bps) => self.scorer.expect_bitrate(when, bps),
            Event::LayerDistance(layers) => self.scorer.expect_layer_distance(when, layers),
        }
    }

    /// Takes those for lost that were missing at the last tick and still are.
    fn settle(&mut self, now: &mut Window) {
        if matches!(self.source, Source::Received(_)) {
            now.lost = now.lost.min(std::mem::replace(&mut self.missing, now.lost));
        }
    }

    /// The peer has reported since the last tick.
    fn on_reports(&mut self, at: Duration, now: &Reading) {
        let first = std::mem::replace(&mut self.reports, now.reports) == 0;
        if first && self.before.sent > 0 {
            // It is also about what was sent before this window, and does not tell that apart: the next one
            // is compared with it, and until then nothing is known.
            (self.before, self.since) = (now.totals, at);
            self.last_rtcp = Some(self.windows.began());
        } else {
            self.last_rtcp = Some(at);
        }
    }

    fn judge(&mut self, at: Duration, now: &Window, told: &Told) {
        let window = between(&self.before, now, at.saturating_sub(self.since));
        let window = Window {
            rtt: window.rtt.max(told.rtt),
            // One of the two is 0: see `Reading`.
            jitter: window
                .jitter
                .saturating_sub(told.feed_jitter)
                .max(self.jitter),
            last_rtcp: self.last_rtcp,
            ..window
        };
        self.jitter = Duration::ZERO;
        match self.scorer.update(at, &window) {
            Outcome::Scored(quality) => self.metrics.record(&quality, self.id()),
            // The next report will be about this time, too.
            Outcome::Skipped(Skip::AwaitingReport) => return,
            Outcome::Skipped(_) => {}
        }
        self.since = at;
        self.before = *now;
    }
}
