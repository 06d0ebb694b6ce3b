//! One client's batch: 20 series, 60 samples, as client SDKs send them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::options::Options;
use media_metrics_benches::results::Section;
use media_metrics_core::livekit::Rules;
use media_metrics_core::livekit::batch::{
    Builder, DecodeLimits, Label, Limits, Part, Restriction, Sample, Sender, SharedBatch, Subject,
    decode_batch,
};
use media_metrics_core::livekit::config::TimestamperConfig;
use media_metrics_core::livekit::messages::MetricsBatch;
use media_metrics_core::livekit::time::ServerTime;
use media_metrics_core::livekit::timestamper::Timestamper;
use prost::Message;

use crate::START;

const SERIES: usize = 20;
const SAMPLES: usize = 3;
const SENDER: &str = "identity-of-a-client";

/// What a client sends that receives two videos and an audio, and publishes a video: statistics of the range
/// that only it gets back, and some that everybody gets.
pub(crate) fn client_batch() -> MetricsBatch {
    let mut builder = Builder::new(Restriction::none());
    let at = |sample: usize| ServerTime::from_ns(5_000_000_000 + sample as i64 * 3_333_000_000);
    for series in 0..SERIES {
        let label = Label::Number(
            [
                3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 1, 2, 3, 4, 12,
            ][series],
        );
        let track = format!("TR_{}", series % 4);
        let subject = Subject {
            track_sid: &track,
            ..Subject::of(label, SENDER)
        };
        let samples: Vec<_> = (0..SAMPLES)
            .map(|n| Sample::server(at(n), (series * SAMPLES + n) as f32))
            .collect();
        builder.add_series(&subject, &samples).expect("a series");
    }
    builder.set_time(at(SAMPLES), at(SAMPLES));
    builder.to_batch()
}

pub(crate) fn run(options: &Options, section: &mut Section) {
    const TITLE: &str = "a client's batch: 20 series, 60 samples";
    if !options.wants(TITLE) {
        return;
    }
    let bytes = client_batch().encode_to_vec();
    let mut contest = Contest::new(TITLE, "ns a batch", 1.0);
    contest.enter(Role::Floor, "prost alone: decode", |_, n| {
        timed(n, || {
            MetricsBatch::decode(&*bytes)
                .expect("a batch")
                .time_series
                .len()
        })
    });
    let mut timestamper = new_timestamper();
    let limits = DecodeLimits::default();
    let mut normalised = |n| {
        let mut batch = decode_batch(&bytes, &limits).expect("a batch");
        timestamper.normalise(&mut batch, START.after(Duration::from_millis(n)));
        batch
    };
    contest.enter(Role::Part, "decode, normalise", |_, n| {
        timed(n, || normalised(n).time_series.len())
    });
    let mut timestamper = new_timestamper();
    let mut taken_in = |n| {
        let mut batch = decode_batch(&bytes, &limits).expect("a batch");
        timestamper.normalise(&mut batch, START.after(Duration::from_millis(n)));
        let sender = Sender {
            identity: SENDER,
            trusted: false,
        };
        let (shared, counts) = SharedBatch::new(batch, &sender, Limits::default());
        assert_eq!(counts.rows_dropped(), 0);
        shared
    };
    contest.enter(
        Role::Part,
        "decode, normalise, resolve and check",
        |_, n| timed(n, || taken_in(n).len()),
    );
    let mut timestamper = new_timestamper();
    contest.enter(
        Role::Ours,
        "decode, normalise, resolve, check and merge",
        |_, n| {
            timed(n, || {
                let mut batch = decode_batch(&bytes, &limits).expect("a batch");
                timestamper.normalise(&mut batch, START.after(Duration::from_millis(n)));
                let sender = Sender {
                    identity: SENDER,
                    trusted: false,
                };
                let (shared, _) = SharedBatch::new(batch, &sender, Limits::default());
                let mut report = Builder::new(Restriction::none());
                report.merge_shared(&shared, Part::All);
                report.len()
            })
        },
    );
    let outcome = contest.hold(options, &[1]);
    section.outcome(&outcome);
    section.ratio_goal(
        "a client's batch: decode, normalise, merge",
        &outcome,
        "decode, normalise, resolve, check and merge",
        0,
        3.0,
    );
}

fn new_timestamper() -> Timestamper {
    Timestamper::new(TimestamperConfig::default(), Rules::Corrected)
}

/// `n` times what yields a batch's rows.
fn timed(n: u64, mut rows: impl FnMut() -> usize) -> Duration {
    let start = Instant::now();
    for _ in 0..n {
        assert_eq!(black_box(rows()), SERIES);
    }
    start.elapsed()
}
