//! Clients' times on the server's clock.
//!
//! | room | lives there | may not |
//! |---|---|---|
//! | `estimator` | the one-way-delay estimator, pure | batches |
//! | `falls` | which reports it may see (C7) | the estimate |
//! | `mapping` | which fields of a batch are written, and rows without a legal time | the estimate |
//!
//! Lives here: when the estimator runs, and what a participant's timestamper tells about itself. Not here: who
//! sent the batch and whether it may; rows' meanings (`batch`).
//!
//! A client's times are of a clock of its own, with any beginning. Server time is sender time plus the estimate.
//! [`Rules::Corrected`] has the corrections C1 to C9 of the reference's faults; [`Rules::Reference`] gives the
//! reference's own numbers.

mod estimator;
mod falls;
mod mapping;

pub use estimator::{Estimate, Estimator};

use falls::{Falls, SUSPECT_FALL_NS, Verdict};
use mapping::{Mapping, OffRange};

use super::Rules;
use super::config::TimestamperConfig;
use super::messages::MetricsBatch;
use super::time::ServerTime;

const NS_PER_MS: i64 = 1_000_000;
/// A sender's clock that is further off than this, some 95 years, is none. Twice that on top of a server's time is
/// within the clock's range (until 2071): so whatever the estimate came to be, a time of a clock maps.
const MAX_DELAY_NS: i64 = 3_000_000_000_000_000_000;
const BEGINNING: ServerTime = ServerTime::from_ns(i64::MIN);

/// Maps the times of one participant's batches. All batches of a participant are taken to share a clock.
///
/// - **Cost**: one pass over a batch's times, no allocation; below 200 bytes.
/// - **Errors, panics**: none. What has no place on the clock is dropped and counted.
///
/// ```
/// # use media_metrics_core::livekit::{Rules, config::TimestamperConfig};
/// # use media_metrics_core::livekit::{messages::MetricsBatch, time::ServerTime, timestamper::Timestamper};
/// let mut timestamper = Timestamper::new(TimestamperConfig::default(), Rules::Corrected);
/// // 2 s after the client's page was loaded, which for us is some time in 2001.
/// let mut batch = MetricsBatch { timestamp_ms: 2_000, ..MetricsBatch::default() };
/// let now = ServerTime::from_ns(1_000_000_000_000_000_000);
/// timestamper.normalise(&mut batch, now);
/// assert_eq!(batch.normalized_timestamp, Some(now.timestamp()));
/// ```
#[derive(Clone, Debug)]
pub struct Timestamper {
    config: TimestamperConfig,
    estimator: Estimator,
    falls: Falls,
    /// Of the estimator; means nothing while that has no estimate.
    last_run: ServerTime,
    /// Batches since then, that one included.
    batches: i64,
    /// No batch is normalised to a time before this.
    latest: ServerTime,
    runs: u64,
    steps: u64,
    rejected_times: u64,
    unmapped_batches: u64,
}

// One for each participant.
const _: () = assert!(size_of::<Timestamper>() < 200);

/// What became of one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Normalised {
    /// What was added to every time of the batch, in ns; `None` if nothing is known yet and the normalised fields
    /// are unset.
    pub offset_ns: Option<i64>,
    /// Whether the estimator ran on this batch.
    pub ran: bool,
    /// Whether the batch's own time was refused: off the clock's range, more than 95 years from its arrival, or,
    /// mapped, more than a second ahead of it.
    pub rejected_time: bool,
    /// Samples dropped, for a time off the clock's range.
    pub dropped_samples: u64,
    /// Series dropped, since that left them empty.
    pub dropped_series: u64,
    /// Events dropped, for a beginning or an end off the clock's range.
    pub dropped_events: u64,
}

/// What a participant's timestamper tells about itself (C8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// Server time minus the client's time, delay included, in ns; `None` before the first run.
    pub estimate_ns: Option<i64>,
    /// How often the estimator ran.
    pub runs: u64,
    /// How often the estimate stepped, its beginning not counted.
    pub steps: u64,
    /// Batches whose own time was refused: [`Normalised::rejected_time`].
    pub rejected_times: u64,
    /// Batches before the first run, whose normalised fields stayed unset.
    pub unmapped_batches: u64,
}

/// A batch's own time in ns, for the estimator; `None` if it has none.
fn sender_ns(rules: Rules, timestamp_ms: i64, now: ServerTime) -> Result<Option<i64>, OffRange> {
    if timestamp_ms == 0 {
        return Ok(None);
    }
    if rules == Rules::Reference {
        return Ok(Some(timestamp_ms.wrapping_mul(NS_PER_MS)));
    }
    let sender_ns = timestamp_ms.checked_mul(NS_PER_MS).ok_or(OffRange)?;
    let delay_ns = now.ns().checked_sub(sender_ns).ok_or(OffRange)?;
    match (-MAX_DELAY_NS..=MAX_DELAY_NS).contains(&delay_ns) {
        true => Ok(Some(sender_ns)),
        false => Err(OffRange),
    }
}

impl Timestamper {
    /// Knows nothing yet.
    #[must_use]
    pub const fn new(config: TimestamperConfig, rules: Rules) -> Self {
        Self {
            config,
            estimator: Estimator::new(rules),
            falls: Falls::new(),
            last_run: BEGINNING,
            batches: 0,
            latest: BEGINNING,
            runs: 0,
            steps: 0,
            rejected_times: 0,
            unmapped_batches: 0,
        }
    }

    /// Runs the estimator if it is time to, and writes the normalised times of a batch that came at `now`.
    ///
    /// Sender times stay as they are. Under [`Rules::Corrected`], what a client claims as normalised never stays;
    /// rows with a time off the clock's range are dropped and the others kept; and the batch's own normalised
    /// time is never before an earlier batch's, nor more than a second after `now`.
    pub fn normalise(&mut self, batch: &mut MetricsBatch, now: ServerTime) -> Normalised {
        let rules = self.estimator.rules();
        let sender = sender_ns(rules, batch.timestamp_ms, now);
        let ran = self.run_if_due(sender.unwrap_or(None), now);
        let offset_ns = match rules {
            Rules::Corrected => self.estimator.delay_ns(),
            Rules::Reference => Some(self.estimator.delay_ns().unwrap_or(0)),
        };
        let mut done = Normalised {
            offset_ns,
            ran,
            ..Normalised::default()
        };
        let mapping = Mapping::new(rules, offset_ns);
        let mapped = mapping.at(batch.timestamp_ms);
        done.rejected_time = mapped.is_err() || sender.is_err();
        let mut at = mapped.unwrap_or(None);
        if rules == Rules::Corrected {
            at = at.map(|at| {
                let ahead = at.ns().saturating_sub(now.ns()) > SUSPECT_FALL_NS;
                done.rejected_time |= ahead && batch.timestamp_ms != 0;
                self.not_before_the_latest(if ahead { now } else { at })
            });
            self.unmapped_batches += u64::from(offset_ns.is_none());
        }
        batch.normalized_timestamp = at.map(ServerTime::timestamp);
        mapping.rows(batch, &mut done);
        self.rejected_times += u64::from(done.rejected_time);
        done
    }

    /// C9: what is ahead of its arrival never gets here, so that one wrong time can't hold up all later ones.
    fn not_before_the_latest(&mut self, at: ServerTime) -> ServerTime {
        self.latest = self.latest.max(at);
        self.latest
    }

    /// `sender_ns` is `None` if the batch has no time, or none that counts.
    fn run_if_due(&mut self, sender_ns: Option<i64>, now: ServerTime) -> bool {
        let early = self.estimator.delay_ns().is_some()
            && now.since(self.last_run) < self.config.min_interval
            && self.batches < self.config.max_batches;
        match sender_ns.filter(|_| !early) {
            None => {
                self.batches = self.batches.saturating_add(1);
                false
            }
            Some(sender_ns) => {
                (self.last_run, self.batches) = (now, 1);
                self.run(sender_ns, now.ns());
                true
            }
        }
    }

    fn run(&mut self, sender_ns: i64, now_ns: i64) {
        self.runs += 1;
        let delay_ns = now_ns.saturating_sub(sender_ns);
        let Some(estimate_ns) = self.estimator.delay_ns() else {
            self.estimator.update(sender_ns, now_ns);
            return;
        };
        let verdict = match self.estimator.rules() {
            Rules::Corrected => self.falls.judge(estimate_ns, delay_ns, now_ns),
            Rules::Reference => Verdict::Usual,
        };
        let step = match verdict {
            Verdict::Usual => self.estimator.update(sender_ns, now_ns).step,
            Verdict::FellTo(delay_ns) => self.estimator.restart(sender_ns, delay_ns).step,
            Verdict::Held => false,
        };
        self.steps += u64::from(step);
    }

    /// What there is to know about it.
    #[must_use]
    pub fn diagnostics(&self) -> Diagnostics {
        Diagnostics {
            estimate_ns: self.estimator.delay_ns(),
            runs: self.runs,
            steps: self.steps,
            rejected_times: self.rejected_times,
            unmapped_batches: self.unmapped_batches,
        }
    }
}
