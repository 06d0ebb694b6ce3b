//! Windows over histograms, as a host sees them; and what a summary is worth against exact samples and
//! against `hdrhistogram`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use media_metrics_core::snapshot::Builder;
use media_metrics_core::{Desc, RegisterError, Registry, Reporter, Snapshot, catalog};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const NAME: &str = "media_forward_latency_window_seconds";
const WINDOWS: [&str; 3] = ["interval", "10s", "60s"];

fn watch(registry: &Registry) -> Result<(), RegisterError> {
    registry.windows(
        &catalog::FORWARD_LATENCY,
        &[],
        &catalog::FORWARD_LATENCY_WINDOW,
    )
}

/// p50, p95, p99, largest, mean, deviation of one window.
fn figures(snapshot: &Snapshot, window: &str) -> [Option<f64>; 6] {
    ["p50", "p95", "p99", "max", "mean", "stddev"]
        .map(|statistic| snapshot.gauge(NAME, &[window, statistic]))
}

#[test]
fn absent_without_traffic_and_forgotten_by_the_interval() {
    let registry = Registry::new().unwrap();
    watch(&registry).unwrap();
    let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[]).unwrap();
    let silent = registry.collect();
    for window in WINDOWS {
        assert_eq!(figures(&silent, window), [None; 6], "{window}");
    }
    assert_eq!(
        silent.family(NAME).unwrap().schema().len(),
        18,
        "series are there"
    );

    [10_u64, 20, 30, 40]
        .into_iter()
        .for_each(|ns| latency.record(ns));
    let busy = registry.collect();
    let exact = (500.0_f64 / 3.0).sqrt(); // of 10, 20, 30, 40, around 25
    for window in WINDOWS {
        let got = figures(&busy, window).map(Option::unwrap);
        let wanted = [20.0, 40.0, 40.0, 40.0, 25.0, exact].map(|ns| ns / 1e9);
        for (got, wanted) in got.iter().zip(wanted) {
            assert!(
                (got - wanted).abs() < 1e-18,
                "{window}: {got}, not {wanted}"
            );
        }
    }

    latency.record(70);
    let one = registry.collect();
    let only = Some(70.0 / 1e9);
    assert_eq!(
        figures(&one, "interval"),
        [only, only, only, only, only, None],
        "one sample deviates from nothing"
    );
    assert_eq!(figures(&one, "10s")[3], only);
    assert_eq!(figures(&one, "10s")[4], Some(34.0 / 1e9), "of all five");

    let idle = registry.collect();
    assert_eq!(figures(&idle, "interval"), [None; 6]);
    assert_eq!(figures(&idle, "60s")[4], Some(34.0 / 1e9));
}

/// A window begins when it is asked for, and asking again changes nothing.
#[test]
fn what_was_recorded_before_is_no_windows() {
    let registry = Registry::new().unwrap();
    let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[]).unwrap();
    latency.record_n(5_000_000_000, 1_000);
    watch(&registry).unwrap();
    latency.record(100);
    let first = registry.collect();
    assert_eq!(figures(&first, "interval")[3], Some(1e-7));
    assert_eq!(figures(&first, "60s")[3], Some(1e-7));

    watch(&registry).unwrap();
    assert_eq!(
        figures(&registry.collect(), "60s")[3],
        Some(1e-7),
        "not blanked"
    );
}

/// 64 bits of nanoseconds: a stall of many seconds is shown as such.
#[test]
fn long_times_are_not_cut() {
    let registry = Registry::new().unwrap();
    watch(&registry).unwrap();
    let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[]).unwrap();
    latency.record(30_000_000_000);
    let max = figures(&registry.collect(), "10s")[3].unwrap();
    assert!((30.0..30.3).contains(&max), "{max}");
}

/// All threads' samples, and windows of labelled series side by side.
#[test]
fn threads_and_labels_are_kept_apart() {
    let registry = Registry::new().unwrap();
    let wait = Desc::histogram("wait", "Wait.", &[]).labels(&["queue"]);
    let shown = Desc::gauge("wait_window", "Wait.").labels(&["queue", "window", "statistic"]);
    for queue in ["a", "b", "c"] {
        registry.windows(&wait, &[queue], &shown).unwrap();
    }
    std::thread::scope(|scope| {
        for (queue, base) in [("a", 0), ("b", 100)] {
            for thread in 1..=4 {
                let histogram = registry.histogram(&wait, &[queue]).unwrap();
                scope.spawn(move || histogram.record_n(base + thread, 5));
            }
        }
    });
    let snapshot = registry.collect();
    let mean = |queue| snapshot.gauge("wait_window", &[queue, "10s", "mean"]);
    assert_eq!(
        [mean("a"), mean("b"), mean("c")],
        [Some(2.5), Some(102.5), None]
    );
    let p95 = snapshot.gauge("wait_window", &["b", "interval", "p95"]);
    assert_eq!(p95, Some(104.0));
}

/// The gauges go with what they tell of, and their places are used again.
#[test]
fn a_removed_histogram_takes_its_windows_along() {
    let registry = Registry::builder().max_series(19).build().unwrap();
    for round in 0..5 {
        watch(&registry).unwrap_or_else(|e| panic!("round {round}: {e}"));
        let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[]).unwrap();
        latency.record(100 + round);
        let max = figures(&registry.collect(), "60s")[3];
        assert_eq!(
            max,
            Some((100 + round) as f64 / 1e9),
            "nothing of the last one"
        );
        assert!(registry.remove(&latency));
        drop(latency);
        for _ in 0..2 {
            let after = registry.collect();
            assert!(after.family(NAME).is_none());
        }
    }
}

/// Registered anew before a merge saw that it was gone: the windows are the new one's.
#[test]
fn a_histogram_registered_anew_at_once_keeps_its_windows() {
    let registry = Registry::new().unwrap();
    for round in 1..4 {
        watch(&registry).unwrap();
        let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[]).unwrap();
        for _ in 0..2 {
            latency.record(round);
            let max = figures(&registry.collect(), "60s")[3];
            assert_eq!(max, Some(round as f64 / 1e9), "round {round}");
        }
        assert!(registry.remove(&latency));
    }
}

/// A registry without room says so; what was made of the windows till then shows nothing.
#[test]
fn no_room_is_an_error_and_shows_nothing() {
    let registry = Registry::builder().max_series(7).build().unwrap();
    let error = watch(&registry).unwrap_err();
    assert!(matches!(error, RegisterError::Full { limit: 7 }), "{error}");
    let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[]).unwrap();
    latency.record(1);
    let snapshot = registry.collect();
    for window in WINDOWS {
        assert_eq!(figures(&snapshot, window), [None; 6], "{window}");
    }

    let wrong = Desc::gauge("wrong", "No labels.");
    let error = Registry::new()
        .unwrap()
        .windows(&catalog::FORWARD_LATENCY, &[], &wrong)
        .unwrap_err();
    assert!(
        matches!(
            error,
            RegisterError::LabelCount {
                expected: 0,
                got: 2,
                ..
            }
        ),
        "{error}"
    );
}

/// With a reporter that ticks by itself: what was flushed is in the windows once.
#[test]
fn flushes_between_ticks_lose_and_double_nothing() {
    let registry = Registry::new().unwrap();
    watch(&registry).unwrap();
    let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[]).unwrap();
    let reporter = Reporter::builder(&registry)
        .interval(Duration::from_millis(3))
        .start()
        .unwrap();
    let mut sum = 0;
    for ns in 0..200_u64 {
        latency.record(ns);
        sum += ns;
        let snapshot = reporter.flush();
        let mean = figures(&snapshot, "60s")[4].unwrap();
        let wanted = sum as f64 / (ns + 1) as f64 / 1e9;
        assert!(
            (mean - wanted).abs() < 1e-15,
            "after {ns}: {mean}, not {wanted}"
        );
    }
    assert!(reporter.stop(Duration::from_secs(10)));
}

/// Mean and sample deviation the way a textbook has them.
fn exact(samples: &[u64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().map(|&s| s as f64).sum::<f64>() / n;
    let squares: f64 = samples.iter().map(|&s| (s as f64 - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(7),
        cases: if cfg!(miri) { 4 } else { 512 },
        ..ProptestConfig::default()
    })]

    /// Samples of any spread, around any value.
    #[test]
    fn a_summary_keeps_within_its_bounds(
        digits in 1_u8..=3,
        base in prop_oneof![Just(0_u64), 1_000..1_u64 << 38],
        raw in vec((any::<u64>(), 24_u32..64), 2..200),
    ) {
        let desc = Desc::histogram("h", "H.", &[]).layout_of(digits, 1 << 41);
        let samples: Vec<u64> = raw.iter().map(|&(bits, shift)| base + (bits >> shift)).collect();
        let snapshot = Builder::new().histogram(&desc, &[(&[], &samples)]).build();
        let histogram = snapshot.histogram("h", &[]).unwrap();
        let summary = histogram.summary().unwrap();
        let layout = histogram.layout();
        let n = samples.len() as f64;

        // Against the samples themselves, by the bound of the module.
        let (mean, stddev) = exact(&samples);
        let half = |&s: &u64| {
            let at = layout.index(s);
            (layout.highest(at) - layout.lowest(at)) as f64 / 2.0
        };
        let widest = samples.iter().map(half).fold(0.0, f64::max);
        let rounding = 1e-9 * mean; // of sums in `f64`
        prop_assert!((summary.mean - mean).abs() <= widest + rounding);
        let got = summary.stddev.unwrap();
        let bound = widest * (n / (n - 1.0)).sqrt() + rounding;
        prop_assert!((got - stddev).abs() <= bound, "{got} for {stddev}, off by more than {bound}");
        let squares: f64 = samples.iter().map(half).map(|e| e * e).sum();
        let closer = (squares / (n - 1.0)).sqrt() + rounding;
        prop_assert!((got - stddev).abs() <= closer, "{got} for {stddev}, off by more than {closer}");

        // Against hdrhistogram, which divides by n and takes the upper of a bucket's two middle values.
        let hdr = histogram.to_hdr().unwrap();
        let theirs = hdr.stdev() * (n / (n - 1.0)).sqrt();
        prop_assert!((got - theirs).abs() <= 0.5 * (n / (n - 1.0)).sqrt() + rounding, "{got}, theirs {theirs}");
        prop_assert!((summary.mean - hdr.mean()).abs() <= 0.5 + rounding);
        prop_assert_eq!(summary.count, hdr.len());
        prop_assert_eq!(summary.max, hdr.max());
        for (q, ours) in [(0.5, summary.p50), (0.95, summary.p95), (0.99, summary.p99)] {
            prop_assert_eq!(ours, hdr.value_at_quantile(q));
            prop_assert_eq!(Some(ours), histogram.quantile(q));
        }
    }
}
