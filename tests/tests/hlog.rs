//! Interval logs of the flight recorder, read by HdrHistogram's own packages: the same times, counts and quantiles.
//!
//! Random samples with a fixed seed, of all scales, and labels that a log's lines can't hold as they are.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use fastrand::Rng;
use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::{Registry, snapshot};
use media_metrics_exporter::history::{History, HistoryOptions, Query};
use media_metrics_tests::hlog::{self, Interval};

static LATENCY: Desc = Desc::histogram("latency_seconds", "Times.", &[0.001, 0.1])
    .unit(Unit::Seconds)
    .per_unit(1e9)
    .labels(&["path"]);
static DEPTH: Desc =
    Desc::histogram("depth_packets", "Depths.", &[1.0, 10.0]).layout_of(3, 1_000_000);

const START_MS: u64 = 1_700_000_000_000;
const INTERVALS: u64 = 30;
/// As many that each percentile is a whole number of samples: packages differ in how they round.
const SAMPLES: u64 = 1_000;
const PERCENTILES: [f64; 7] = [0.1, 25.0, 50.0, 90.0, 99.0, 99.9, 100.0];

/// What our own histogram of these samples says.
fn ours(desc: &Desc, labels: &[&str], samples: &[u64]) -> (u64, Vec<u64>) {
    let snapshot = snapshot::Builder::new()
        .histogram(desc, &[(labels, samples)])
        .build();
    let histogram = snapshot.histogram(desc.name(), labels).unwrap();
    // 99.9 / 100 is a little more than 0.999 in binary, and so would be one sample more.
    let quantile = |p: &f64| histogram.quantile((p * 10.0).round() / 1e3).unwrap();
    (
        histogram.count(),
        PERCENTILES.iter().map(quantile).collect(),
    )
}

#[test]
fn hdrhistograms_own_packages_read_the_same_figures() {
    let mut rng = Rng::with_seed(13);
    let registry = Registry::new().unwrap();
    let history = History::new(&registry, HistoryOptions::default()).unwrap();
    let paths = ["a, b=c;\n", "żółć", ""];
    let series: Vec<_> = paths
        .iter()
        .map(|p| registry.histogram(&LATENCY, &[p]).unwrap())
        .collect();
    let depth = registry.histogram(&DEPTH, &[]).unwrap();
    let tags = [
        "latency_seconds;path=a%2C%20b%3Dc%3B%0A",
        "latency_seconds;path=%C5%BC%C3%B3%C5%82%C4%87",
        "latency_seconds;path=",
    ];
    let begun = Instant::now();
    let mut wanted = BTreeMap::new();
    for second in 0..=INTERVALS {
        let start_ms = START_MS + second.saturating_sub(1) * 1_000;
        if second > 0 {
            let mut samples = |max: u64| -> Vec<u64> {
                (0..SAMPLES)
                    .map(|_| (rng.u64(..) >> rng.u32(24..64)).min(max))
                    .collect()
            };
            let mut expect = |tag: &str, (count, values): (u64, Vec<u64>)| {
                let interval = Interval {
                    tag: tag.to_owned(),
                    start_ms,
                    end_ms: start_ms + 1_000,
                    count,
                    values,
                };
                wanted.insert((tag.to_owned(), start_ms), interval);
            };
            for ((handle, path), tag) in series.iter().zip(paths).zip(tags) {
                let samples = samples(LATENCY.layout().max_value());
                samples.iter().for_each(|v| handle.record(*v));
                expect(tag, ours(&LATENCY, &[path], &samples));
            }
            // Below the top bucket: ours ends at the family's largest value, which other packages do not know.
            let samples = samples(900_000);
            samples.iter().for_each(|v| depth.record(*v));
            expect("depth_packets", ours(&DEPTH, &[], &samples));
        }
        let wall = SystemTime::UNIX_EPOCH + Duration::from_millis(START_MS + second * 1_000);
        history.record_at(
            &registry.collect(),
            begun + Duration::from_secs(second),
            wall,
        );
    }
    let mut log = Vec::new();
    let query = Query::parse("format=hlog&family=latency_seconds&family=depth_packets").unwrap();
    let summary = history.log(&query, &mut log).unwrap();
    assert_eq!((summary.lines, summary.left_out), (wanted.len(), 0));
    for (judge, read) in [
        ("python", hlog::python as fn(&[u8], &[f64]) -> _),
        ("node", hlog::node),
    ] {
        let read: Vec<Interval> = read(&log, &PERCENTILES);
        assert_eq!(read.len(), wanted.len(), "{judge}");
        for interval in read {
            let ours = &wanted[&(interval.tag.clone(), interval.start_ms)];
            assert_eq!(&interval, ours, "{judge}");
        }
    }
}
