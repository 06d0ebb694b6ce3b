//! Clients' clocks: the estimator of one-way delay, and the times of whole batches mapped by it.
//!
//! Lives here: the estimator's rules in wide whole numbers, and what holds of any batch that was mapped. Not here:
//! batches as bytes (`batches`).

use std::time::Duration;

use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::config::TimestamperConfig;
use media_metrics_core::livekit::messages::{
    EventMetric, MetricSample, MetricsBatch, TimeSeriesMetric, Timestamp,
};
use media_metrics_core::livekit::time::ServerTime;
use media_metrics_core::livekit::timestamper::{Estimator, Timestamper};

use crate::input::Input;

const MS: i64 = 1_000_000;

/// Most reports or batches of an input.
const REPORTS: usize = 200;

/// Reports to an estimator, or batches to a timestamper.
pub fn target(data: &[u8]) {
    let mut input = Input::new(data);
    let choice: u8 = input.any();
    let rules = [Rules::Corrected, Rules::Reference][usize::from(choice & 1)];
    match choice & 2 {
        0 => estimated(&mut input, rules),
        _ => mapped(&mut input, rules, choice),
    }
}

/// When a report came, and what its sender's clock said: mostly a clock that runs, with noise; at times any.
struct Clock {
    receiver_ns: i64,
    delay_ns: i64,
}

impl Clock {
    fn new(input: &mut Input<'_>) -> Self {
        Self {
            receiver_ns: input.any::<i64>() >> (1 + input.below(24)),
            delay_ns: input.any::<i64>() >> (1 + input.below(40)),
        }
    }

    /// Sender's and receiver's times.
    fn report(&mut self, input: &mut Input<'_>) -> (i64, i64) {
        let noise = i64::from(input.any::<u8>()) * MS / 8;
        match input.below(12) {
            0 => {
                self.delay_ns = self
                    .delay_ns
                    .saturating_add(i64::from(input.any::<i16>()) * MS);
            }
            1 => self.delay_ns = input.any::<i64>() >> input.below(60),
            2 => self.receiver_ns = input.any::<i64>() >> input.below(40),
            _ => {}
        }
        self.receiver_ns = self
            .receiver_ns
            .saturating_add(input.of(&[5_000, 1_000, 20, 60_000, 0]) * MS);
        let delay = self.delay_ns.saturating_add(noise);
        (self.receiver_ns.saturating_sub(delay), self.receiver_ns)
    }
}

/// The rules as `timestamper::estimator` and `docs/livekit.md` tell them, by whole numbers that cannot overflow.
#[derive(Default)]
struct Model {
    estimate: Option<i128>,
    long_term: Option<i128>,
    sender: i128,
    high: Option<(u32, i128, i128)>,
}

/// A factor's share, cut toward zero. As the reference has it, in floating point: above 2^53 it is not exact.
fn share(factor: f64, ns: i128) -> i128 {
    ((factor * ns as f64) as i64).into()
}

fn narrow(ns: i128) -> i128 {
    ns.clamp(i64::MIN.into(), i64::MAX.into())
}

impl Model {
    /// The estimate, and whether it began anew.
    fn report(&mut self, corrected: bool, sender: i64, receiver: i64) -> (i128, bool) {
        let (sender, receiver) = (i128::from(sender), i128::from(receiver));
        let delay = narrow(receiver - sender);
        let Some(before) = self.estimate else {
            *self = Self {
                estimate: Some(delay),
                sender,
                ..Self::default()
            };
            return (delay, true);
        };
        let delta = narrow(delay - before);
        let known = self.long_term.filter(|&ns| corrected || ns != 0);
        let unusual = match (known, corrected) {
            (Some(usual), _) => delta > narrow(2 * usual),
            (None, true) => delta > 0,
            (None, false) => false,
        };
        let mut step = false;
        if delta > i128::from(10 * MS) && unusual {
            let (reports, since, level) = match self.high {
                None => (1, receiver, delay),
                Some((n, since, 0)) if !corrected => (n + 1, since, delay),
                Some((n, since, level)) => (
                    n + 1,
                    since,
                    narrow(level + share(0.5, narrow(delay - level))),
                ),
            };
            self.high = Some((reports, since, level));
            step = reports >= 2 && receiver - since >= i128::from(10_000 * MS);
            if step {
                self.estimate = Some(level);
                self.long_term = None;
                self.high = None;
            }
        } else {
            self.high = None;
            if corrected || delta <= i128::from(10 * MS) {
                let factor = if delta > 0 { 0.1 } else { 0.9 };
                self.estimate = Some(narrow(before + share(factor, delta)));
            }
        }
        if delta < i128::from(50 * MS) && !(step && corrected) {
            let known = self.long_term.filter(|&ns| corrected || ns != 0);
            let adapted = match known {
                None => delta,
                Some(usual) => {
                    let passed = narrow(sender - self.sender) as f64 / 1e10;
                    let part = if corrected {
                        passed.clamp(0.0, 1.0)
                    } else {
                        passed.min(1.0)
                    };
                    narrow(usual + share(part, narrow(delta - usual)))
                }
            };
            self.long_term = Some(adapted.max(0));
        }
        self.sender = sender;
        (self.estimate.unwrap(), step)
    }
}

fn estimated(input: &mut Input<'_>, rules: Rules) {
    let mut estimator = Estimator::new(rules);
    let mut model = Model::default();
    let mut clock = Clock::new(input);
    for _ in 0..REPORTS {
        if input.is_empty() {
            break;
        }
        let (sender, receiver) = clock.report(input);
        let before = estimator.delay_ns();
        let got = estimator.update(sender, receiver);
        let wanted = model.report(rules == Rules::Corrected, sender, receiver);
        assert_eq!(
            (i128::from(got.delay_ns), got.step),
            wanted,
            "{sender} at {receiver}"
        );
        assert_eq!(estimator.delay_ns(), Some(got.delay_ns));
        // An estimate goes towards what was reported, and not beyond it.
        let delay = receiver.saturating_sub(sender);
        if let Some(before) = before.filter(|_| !got.step) {
            let (low, high) = (before.min(delay), before.max(delay));
            assert!(
                (low..=high).contains(&got.delay_ns),
                "{before} to {delay}: {got:?}"
            );
        }
    }
}

fn timestamp(input: &mut Input<'_>) -> Option<Timestamp> {
    let (seconds, nanos) = (input.any(), input.any());
    input.one_in(2).then_some(Timestamp { seconds, nanos })
}

/// A batch with rows whose times are near its own, and claims of what they would be on the server's clock.
fn batch(input: &mut Input<'_>, timestamp_ms: i64) -> MetricsBatch {
    let near = |input: &mut Input<'_>| match input.below(8) {
        0 => input.any(),
        1 => 0,
        _ => timestamp_ms.saturating_sub(input.any::<u16>().into()),
    };
    let sample = |input: &mut Input<'_>, timestamp_ms| MetricSample {
        timestamp_ms,
        normalized_timestamp: timestamp(input),
        value: 1.0,
    };
    let mut batch = MetricsBatch {
        timestamp_ms,
        normalized_timestamp: timestamp(input),
        ..MetricsBatch::default()
    };
    for _ in 0..input.below(3) {
        let samples = (0..input.below(4)).map(|_| near(input)).collect::<Vec<_>>();
        let samples = samples.into_iter().map(|at| sample(input, at)).collect();
        batch.time_series.push(TimeSeriesMetric {
            samples,
            ..TimeSeriesMetric::default()
        });
    }
    for _ in 0..input.below(3) {
        let end = near(input);
        batch.events.push(EventMetric {
            start_timestamp_ms: near(input),
            end_timestamp_ms: input.one_in(2).then_some(end),
            normalized_start_timestamp: timestamp(input),
            normalized_end_timestamp: timestamp(input),
            ..EventMetric::default()
        });
    }
    batch
}

fn mapped(input: &mut Input<'_>, rules: Rules, choice: u8) {
    let mut config = TimestamperConfig::default();
    if choice & 4 == 4 {
        config.min_interval = Duration::from_millis(input.any::<u16>().into());
        config.max_batches = input.any::<i8>().into();
    }
    let mut timestamper = Timestamper::new(config, rules);
    let mut clock = Clock::new(input);
    let mut latest: Option<ServerTime> = None;
    for _ in 0..REPORTS {
        if input.is_empty() {
            break;
        }
        let (sender, receiver) = clock.report(input);
        let now = ServerTime::from_ns(receiver);
        let told_ms = if input.one_in(12) {
            input.any()
        } else {
            sender / MS
        };
        let given = batch(input, told_ms);
        let mut got = given.clone();
        let done = timestamper.normalise(&mut got, now);
        assert_eq!(
            timestamper.diagnostics().estimate_ns.is_some(),
            timestamper.diagnostics().runs > 0
        );
        if rules == Rules::Reference {
            continue;
        }
        assert_eq!(done.offset_ns, timestamper.diagnostics().estimate_ns);
        rows(&given, &got, done.offset_ns);
        let samples = |b: &MetricsBatch| {
            b.time_series
                .iter()
                .map(|s| s.samples.len() as u64)
                .sum::<u64>()
        };
        assert_eq!(samples(&given) - samples(&got), done.dropped_samples);
        assert_eq!(
            (given.time_series.len() - got.time_series.len()) as u64,
            done.dropped_series
        );
        assert_eq!(
            (given.events.len() - got.events.len()) as u64,
            done.dropped_events
        );
        assert_eq!(got.timestamp_ms, given.timestamp_ms);
        // Never back, and at most a second ahead of its arrival, unless an earlier one was.
        if let Some(at) = got.normalized_timestamp.and_then(ns) {
            assert!(
                latest.is_none_or(|latest| latest.ns() <= at),
                "{at} after {latest:?}"
            );
            let limit = now
                .ns()
                .saturating_add(1_000 * MS)
                .max(latest.map_or(i64::MIN, ServerTime::ns));
            assert!(at <= limit, "{at}, at {now:?}");
            latest = Some(ServerTime::from_ns(at));
        }
    }
}

fn ns(time: Timestamp) -> Option<i64> {
    let ns = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    i64::try_from(ns).ok()
}

/// What a time of the sender's is on the server's clock: `Err` if it has no place there, `None` if nothing is known yet.
fn place(sender_ms: i64, offset_ns: Option<i64>) -> Result<Option<i128>, ()> {
    let sender = i128::from(sender_ms) * i128::from(MS);
    let at = sender + i128::from(offset_ns.unwrap_or(0));
    let fits = |ns: i128| i64::try_from(ns).is_ok();
    match fits(sender) && fits(at) {
        true => Ok(offset_ns.map(|_| at)),
        false => Err(()),
    }
}

fn is_at(got: Option<Timestamp>, wanted: Option<i128>) {
    let told = got.map(|t| i128::from(t.seconds) * 1_000_000_000 + i128::from(t.nanos));
    assert_eq!(told, wanted);
    assert!(
        got.is_none_or(|t| (0..1_000_000_000).contains(&t.nanos)),
        "{got:?}"
    );
}

/// Every row that has a place is there, in order, and has the time that the offset gives it.
fn rows(given: &MetricsBatch, got: &MetricsBatch, offset_ns: Option<i64>) {
    let mut series = got.time_series.iter();
    for row in &given.time_series {
        let placed = |s: &&MetricSample| place(s.timestamp_ms, offset_ns).is_ok();
        let wanted: Vec<&MetricSample> = row.samples.iter().filter(placed).collect();
        if wanted.is_empty() && !row.samples.is_empty() {
            continue;
        }
        let told = &series.next().unwrap().samples;
        assert_eq!(told.len(), wanted.len());
        for (told, wanted) in told.iter().zip(wanted) {
            assert_eq!(told.timestamp_ms, wanted.timestamp_ms);
            is_at(
                told.normalized_timestamp,
                place(wanted.timestamp_ms, offset_ns).unwrap(),
            );
        }
    }
    assert_eq!(series.next(), None);
    let mut events = got.events.iter();
    for event in &given.events {
        let start = place(event.start_timestamp_ms, offset_ns);
        let end = event
            .end_timestamp_ms
            .map_or(Ok(None), |ms| place(ms, offset_ns));
        let (Ok(start), Ok(end)) = (start, end) else {
            continue;
        };
        let told = events.next().unwrap();
        assert_eq!(
            (told.start_timestamp_ms, told.end_timestamp_ms),
            (event.start_timestamp_ms, event.end_timestamp_ms)
        );
        is_at(told.normalized_start_timestamp, start);
        is_at(told.normalized_end_timestamp, end);
    }
    assert_eq!(events.next(), None);
}
