//! Which snapshots are sent, behind a real reporter.

use std::time::Duration;

use media_metrics_core::desc::Desc;
use media_metrics_core::{Registry, Reporter};
use media_metrics_exporter::push::remote_write::RemoteWrite;

use crate::common::receiver::Receiver;
use crate::reading::Point;
use crate::{endpoint, everything, takes_all};

#[test]
fn the_first_and_the_last_are_sent_whatever_the_interval() {
    let receiver = Receiver::start(|_, _| takes_all());
    let registry = Registry::new().unwrap();
    let push = RemoteWrite::new(endpoint(&receiver).interval(Duration::from_secs(3_600)));
    let sink = push
        .families(|name| name == "a_total")
        .start(&registry)
        .unwrap();
    let reporter = Reporter::builder(&registry)
        .interval(Duration::from_secs(3_600))
        .sink("rw", 64, sink);
    let reporter = reporter.start().unwrap();
    let counter = registry
        .counter(&Desc::counter("a_total", "A."), &[])
        .unwrap();
    for _ in 0..50 {
        counter.inc();
        let _ = reporter.flush();
    }
    counter.inc();
    assert!(reporter.stop(Duration::from_secs(20)));
    let values: Vec<_> = everything(&receiver).into_iter().map(|s| s.value).collect();
    // With a period as long as the interval, half of which is slack, flushes in between are too soon.
    assert_eq!(
        values,
        [Point::Number(1.0), Point::Number(51.0), Point::Stale]
    );
}

#[test]
fn each_flush_is_sent_if_no_interval_is_asked_for() {
    let receiver = Receiver::start(|_, _| takes_all());
    let registry = Registry::new().unwrap();
    let push = RemoteWrite::new(endpoint(&receiver)).families(|name| name == "a_total");
    let sink = push.stale_on_stop(false).start(&registry).unwrap();
    let reporter = Reporter::builder(&registry)
        .sink("rw", 64, sink)
        .start()
        .unwrap();
    let counter = registry
        .counter(&Desc::counter("a_total", "A."), &[])
        .unwrap();
    for _ in 0..20 {
        counter.inc();
        let _ = reporter.flush();
    }
    assert!(reporter.stop(Duration::from_secs(20)));
    let all = everything(&receiver);
    assert!(all.is_sorted_by(|a, b| a.time_ms < b.time_ms), "{all:?}");
    assert!(all.len() >= 21 && all.last().unwrap().value == Point::Number(20.0));
}
