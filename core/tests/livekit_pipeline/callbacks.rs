//! Callbacks that panic, fail, or call back.

use std::sync::Arc;
use std::time::Duration;

use media_metrics_core::livekit::pipeline::{Samples, SendError};
use media_metrics_core::livekit::time::ServerTime;

use crate::host::{Bench, Calls, START, at, batch, member};

#[test]
fn a_panicking_host_harms_nobody_else() {
    let mut bench = Bench::new();
    let bad = Calls(
        |samples: &mut Samples<'_>| {
            samples.subscriber_rtt(0.01).unwrap();
            panic!("tried: collect");
        },
        |_: &[u8]| -> Result<(), SendError> { panic!("tried: send") },
    );
    let mallory = bench.room.join(member("mallory"), bad, START).unwrap();
    let (_alice, notes) = bench.join(member("alice"));
    bench.run_until(20.0);
    mallory.leave(at(20.0));
    assert_eq!(notes.packets().len(), 2);
    let panics = |callback| bench.count("media_metrics_pipeline_panics_total", &[callback]);
    assert_eq!((panics("collect"), panics("send")), (7, 3));
    let failed = |reason| bench.count("media_metrics_pipeline_packets_failed_total", &[reason]);
    assert_eq!(failed("panicked"), 3);
}

#[test]
fn what_was_not_sent_is_counted_by_reason() {
    let mut bench = Bench::new();
    let reasons = [
        SendError::Closed,
        SendError::Full,
        SendError::Unsupported,
        SendError::Failed,
    ];
    let mut next = reasons.into_iter().cycle();
    let failing = Calls(
        |samples: &mut Samples<'_>| samples.subscriber_rtt(0.01).unwrap(),
        move |_: &[u8]| Err(next.next().unwrap()),
    );
    let _alice = bench.room.join(member("alice"), failing, START).unwrap();
    bench.run_until(50.0);
    let failed = |reason| bench.count("media_metrics_pipeline_packets_failed_total", &[reason]);
    assert_eq!(reasons.map(|r| failed(r.reason())), [2, 1, 1, 1]);
    assert_eq!(bench.count("media_metrics_pipeline_packets_total", &[]), 0);
}

/// A callback may call anything of the pipeline: nothing is locked.
#[test]
fn callbacks_may_call_back() {
    let bench = Bench::new();
    let (alice, notes) = bench.join_with(member("alice"), None);
    let alice = Arc::new(alice);
    let (same, pipeline) = (Arc::clone(&alice), bench.pipeline.clone());
    let room = bench.room.clone();
    let collect = move |samples: &mut Samples<'_>| {
        let now: ServerTime = samples.now();
        let next = pipeline.run(now).unwrap();
        assert_eq!(next.since(now), Duration::from_millis(50), "does nothing");
        assert_eq!(room.participants(), 2);
        same.set_active(true);
        same.set_can_publish_data(true);
        same.on_metrics(batch(1, &[(0, "", 1.0)]), now).unwrap();
    };
    let bob = bench
        .room
        .join(member("bob"), Calls(collect, |_: &[u8]| Ok(())), START)
        .unwrap();
    bench.pipeline.run(at(9.0));
    bench.pipeline.run(at(10.0));
    bob.leave(at(10.0));
    assert_eq!(notes.rows().len(), 1);
    assert!(!notes.rows()[0].samples.is_empty());
}
