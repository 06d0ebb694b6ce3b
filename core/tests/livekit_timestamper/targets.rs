//! What the corrections promise, with one report every 5 s: after any step of up to an hour, either way, the
//! estimate is within 10 ms after 90 s; after 15 s for rises of 50 ms and more; drift of 500 ppm leaves it at
//! most 25 ms behind. With the guard against false falls, and through batches, so times are whole milliseconds.

use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::messages::{MetricSample, TimeSeriesMetric};
use media_metrics_core::livekit::timestamper::Timestamper;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::{NOW_MS, NS_PER_MS, at_ms, batch, eager, timestamper};

const REPORT_MS: i64 = 5_000;
const HOUR_MS: i64 = 3_600_000;

proptest! {
    #![proptest_config(cases(256))]

    /// One time of any kind, first of all or in between, and every good sample after it is kept and has a time.
    #[test]
    fn one_wrong_time_costs_no_later_sample(
        wrong_ms in wrong_time(),
        good_before in 0..5_usize,
        clock_ms in prop_oneof![Just(0), Just(SINCE_1970_MS), Just(SINCE_1900_MS), 1..2 * SINCE_1970_MS],
    ) {
        let mut timestamper = eager(Rules::Corrected);
        let mut now_ms = SINCE_1970_MS;
        let wrong = std::iter::once(Some(wrong_ms));
        let good = |n| std::iter::repeat_n(None, n);
        for told in good(good_before).chain(wrong).chain(good(30)) {
            now_ms += REPORT_MS;
            let time_ms = clock_ms + now_ms - SINCE_1970_MS;
            let mut batch = batch(told.unwrap_or(time_ms));
            batch.time_series.push(one_sample(time_ms));
            let done = timestamper.normalise(&mut batch, at_ms(now_ms));
            prop_assert_eq!(done.dropped_samples, 0, "{:?}", told);
            let sample = &batch.time_series[0].samples[0];
            prop_assert!(sample.normalized_timestamp.is_some() || good_before == 0);
        }
        let told = timestamper.diagnostics();
        let off_ms = told.estimate_ns.unwrap() / NS_PER_MS - (SINCE_1970_MS - clock_ms);
        prop_assert!(off_ms.abs() <= 10, "{} ms off: {:?}", off_ms, told);
    }
}

/// Server time of these, and a client's clock that counts from 1970.
const SINCE_1970_MS: i64 = 1_760_000_000_000;
/// A clock that counts from 1900, as NTP's.
const SINCE_1900_MS: i64 = SINCE_1970_MS + 2_208_988_800_000;

/// Near both ends of the clock's range, in ms and in ns, and anything.
fn wrong_time() -> impl Strategy<Value = i64> {
    let (first_ms, last_ms) = (i64::MIN / NS_PER_MS, i64::MAX / NS_PER_MS);
    prop_oneof![
        any::<i64>(),
        first_ms..=last_ms,
        first_ms..first_ms + SINCE_1970_MS,
        last_ms - SINCE_1970_MS..=last_ms,
    ]
}

fn one_sample(timestamp_ms: i64) -> TimeSeriesMetric {
    TimeSeriesMetric {
        samples: vec![MetricSample {
            timestamp_ms,
            ..MetricSample::default()
        }],
        ..TimeSeriesMetric::default()
    }
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(4),
        ..ProptestConfig::default()
    }
}

/// A client whose reports arrive every 5 s.
struct Client {
    timestamper: Timestamper,
    now_ms: i64,
}

impl Client {
    fn new(rules: Rules) -> Self {
        Self {
            timestamper: timestamper(rules),
            now_ms: NOW_MS,
        }
    }

    /// How far the estimate is above this report's delay, in ms.
    fn report(&mut self, delay_ms: i64) -> f64 {
        self.now_ms += REPORT_MS;
        let mut batch = batch(self.now_ms - delay_ms);
        let done = self.timestamper.normalise(&mut batch, at_ms(self.now_ms));
        assert!(done.ran);
        (done.offset_ns.unwrap() - delay_ms * NS_PER_MS) as f64 / NS_PER_MS as f64
    }

    /// The errors of reports 0, 5, 10 … s after a step to this delay, with noise on top.
    fn after_step(&mut self, delay_ms: i64, noise_ms: &[i64]) -> Vec<f64> {
        let reports = noise_ms.iter().cycle().take(40);
        reports.map(|noise| self.report(delay_ms + noise)).collect()
    }
}

/// Steps of every size from 1 ms to an hour, small ones as likely as large ones.
fn any_step_ms() -> impl Strategy<Value = i64> {
    (0.0..(HOUR_MS as f64).ln(), any::<bool>()).prop_map(|(log, rises)| {
        let ms = log.exp().round() as i64;
        if rises { ms } else { -ms }
    })
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn steps_are_followed_in_time(
        step_ms in any_step_ms(),
        delay_ms in -HOUR_MS..NOW_MS,
        steady in 1..60_usize,
    ) {
        let mut client = Client::new(Rules::Corrected);
        for _ in 0..steady {
            client.report(delay_ms);
        }
        let errors = client.after_step(delay_ms + step_ms, &[0]);
        let from = if step_ms >= 50 { 15 / 5 } else { 90 / 5 };
        prop_assert!(errors[from..].iter().all(|e| e.abs() <= 10.0), "{errors:?}");
    }

    /// As above with noise of up to 3 ms, before and after. (A rise of 50 ms may look like one of 47 then.)
    #[test]
    fn steps_are_followed_in_noise(
        step_ms in any_step_ms(),
        noise_ms in proptest::collection::vec(0..=3_i64, 40),
    ) {
        let mut client = Client::new(Rules::Corrected);
        for noise in &noise_ms {
            client.report(NOW_MS / 2 + noise);
        }
        let errors = client.after_step(NOW_MS / 2 + step_ms, &noise_ms);
        let from = if step_ms >= 55 { 15 / 5 } else { 90 / 5 };
        prop_assert!(errors[from..].iter().all(|e| e.abs() <= 10.0), "{errors:?}");
    }

    /// One time that is far off, either way, moves nobody else's time by more than a tenth of the noise.
    #[test]
    fn a_single_wrong_time_changes_little(
        wrong_ms in 1_001..HOUR_MS,
        ahead in any::<bool>(),
        steady in 1..30_usize,
    ) {
        let mut client = Client::new(Rules::Corrected);
        for _ in 0..steady {
            client.report(NOW_MS / 2);
        }
        client.report(if ahead { NOW_MS / 2 - wrong_ms } else { NOW_MS / 2 + wrong_ms });
        for error in client.after_step(NOW_MS / 2, &[0]) {
            prop_assert!(error.abs() < 0.001, "{error}");
        }
    }

    /// Whatever a client says: its batches' times on our clock never go back, nor far into the future.
    #[test]
    fn batches_stay_in_order(reports in proptest::collection::vec((any_time_ms(), 0..7_000_i64), 1..80)) {
        for mut timestamper in [timestamper(Rules::Corrected), eager(Rules::Corrected)] {
            let (mut now_ms, mut latest) = (NOW_MS, None);
            for &(timestamp_ms, after_ms) in &reports {
                now_ms += after_ms;
                let mut batch = batch(timestamp_ms);
                let done = timestamper.normalise(&mut batch, at_ms(now_ms));
                let Some(at) = batch.normalized_timestamp else {
                    prop_assert!(done.rejected_time || done.offset_ns.is_none());
                    continue;
                };
                prop_assert!(Some(at) >= latest);
                prop_assert!(at <= at_ms(now_ms + 1_000).timestamp());
                latest = Some(at);
            }
        }
    }
}

/// Sensible times, times of other clocks, and nonsense.
fn any_time_ms() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0..500_000_i64,
        1 => any::<i64>(),
        1 => Just(0),
        1 => -HOUR_MS..HOUR_MS,
    ]
}

/// Both neighbours of each boundary: 10 ms (high), 50 ms (long-term bound), 1 s (suspect), and the hour.
#[test]
fn steps_at_the_boundaries() {
    let sizes = [
        9, 10, 11, 19, 20, 21, 49, 50, 51, 99, 100, 101, 999, 1_000, 1_001, HOUR_MS,
    ];
    for step_ms in sizes.into_iter().flat_map(|ms| [ms, -ms]) {
        let mut client = Client::new(Rules::Corrected);
        client.report(NOW_MS / 2);
        let errors = client.after_step(NOW_MS / 2 + step_ms, &[0]);
        let from = if step_ms >= 50 { 15 / 5 } else { 90 / 5 };
        let within = errors[from..].iter().all(|e| e.abs() <= 10.0);
        assert!(within, "{step_ms}: {errors:?}");
    }
}

/// A fall that is believed leaves no way to go.
#[test]
fn a_confirmed_fall_is_followed_at_once() {
    for step_ms in [-1_001, -HOUR_MS] {
        let mut client = Client::new(Rules::Corrected);
        client.report(NOW_MS / 2);
        let errors = client.after_step(NOW_MS / 2 + step_ms, &[0]);
        assert_eq!(errors[..3], [-step_ms as f64, 0.0, 0.0]);
    }
}

/// The reference fails where the corrected rules do not, so these tests can fail.
#[test]
fn the_reference_misses_the_targets() {
    for step_ms in [20, 100, HOUR_MS] {
        let mut client = Client::new(Rules::Reference);
        client.report(NOW_MS / 2);
        client.report(NOW_MS / 2);
        let errors = client.after_step(NOW_MS / 2 + step_ms, &[0]);
        assert_eq!(errors.last(), Some(&-(step_ms as f64)));
    }
}

/// How far the estimate is off at most while a client's clock drifts for two hours, in ms.
fn worst_in_drift(ppm: i64, noise_ms: i64) -> f64 {
    let mut client = Client::new(Rules::Corrected);
    let errors = (0..1_440).map(|i| {
        // Noise that repeats after 7 reports, and never twice in the same phase of the quantised drift.
        let noise = i * 3 % 7 * noise_ms / 6;
        client.report(NOW_MS / 2 + i * REPORT_MS * ppm / 1_000_000 + noise)
    });
    errors.fold(0.0, |worst, error| error.abs().max(worst))
}

#[test]
fn drift_is_followed() {
    for ppm in [-500, -100, -10, 10, 100, 250, 400, 500] {
        let quiet = worst_in_drift(ppm, 0);
        assert!(quiet <= 25.0, "{ppm} ppm: {quiet} ms");
        let noisy = worst_in_drift(ppm, 6);
        assert!(noisy <= 31.0, "{ppm} ppm, 6 ms of noise: {noisy} ms");
    }
    let fast = worst_in_drift(500, 0);
    assert!(
        fast > 20.0,
        "a drift that leaves no lag is no drift: {fast}"
    );
}
