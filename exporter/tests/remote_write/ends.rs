//! When series end, the receiver is told, once, after their last sample.

use media_metrics_core::desc::Desc;
use media_metrics_core::snapshot::Builder;
use media_metrics_exporter::push::remote_write::{Histograms, Version};

use crate::common::receiver::{Receiver, status};
use crate::reading::{Point, Series};
use crate::{Running, endpoint, everything, lines, push, takes_all};

fn gauges(series: &[(&[&str], Option<f64>)]) -> Builder {
    Builder::new().gauge(&Desc::gauge("g", "G.").labels(&["n"]), series)
}

/// Times of each series ascend, and after its end nothing comes but a new beginning.
fn check_times(all: &[Series]) {
    for (at, one) in all.iter().enumerate() {
        let before = all[..at].iter().rfind(|s| s.id == one.id);
        if let Some(before) = before {
            assert!(before.time_ms < one.time_ms, "{before:?} {one:?}");
            assert!(
                before.value != Point::Stale || one.value != Point::Stale,
                "{one:?} twice"
            );
        }
    }
}

#[test]
fn what_is_gone_is_told_once() {
    let lost = Desc::counter("lost_total", "Lost.");
    let wait = Desc::histogram("wait", "Wait.", &[1.0]).labels(&["q"]);
    for version in [Version::V1, Version::V2] {
        let receiver = Receiver::start(|_, _| takes_all());
        let push = push(&receiver)
            .version(version)
            .histograms(Histograms::Both);
        let mut push = Running::start(push);
        push.report(
            gauges(&[(&["1"], Some(1.0)), (&["2"], Some(2.0)), (&["3"], None)])
                .counter(&lost, &[(&[], 5)])
                .histogram(&wait, &[(&["x"], &[1]), (&["y"], &[1])]),
        );
        receiver.wait_for(1);
        // A gauge without a value, a series that is gone, a family that is gone.
        push.report(
            gauges(&[(&["1"], None), (&["3"], Some(3.0))]).histogram(&wait, &[(&["y"], &[1])]),
        );
        receiver.wait_for(2);
        push.report(gauges(&[(&["1"], Some(4.0))]));
        receiver.wait_for(3);
        let told = push.stop();
        let all = everything(&receiver);
        check_times(&all);
        let wanted = [
            ("g{n=\"1\"}", Some(1.0)),
            ("g{n=\"2\"}", Some(2.0)),
            ("lost_total", Some(5.0)),
            ("wait_bucket{le=\"1\",q=\"x\"}", Some(1.0)),
            ("wait_bucket{le=\"+Inf\",q=\"x\"}", Some(1.0)),
            ("wait_sum{q=\"x\"}", Some(1.0)),
            ("wait_count{q=\"x\"}", Some(1.0)),
            ("wait_bucket{le=\"1\",q=\"y\"}", Some(1.0)),
            ("wait_bucket{le=\"+Inf\",q=\"y\"}", Some(1.0)),
            ("wait_sum{q=\"y\"}", Some(1.0)),
            ("wait_count{q=\"y\"}", Some(1.0)),
            ("wait{q=\"x\"}", Some(1.0)),
            ("wait{q=\"y\"}", Some(1.0)),
            // The second snapshot.
            ("g{n=\"1\"}", None),
            ("g{n=\"2\"}", None),
            ("lost_total", None),
            ("wait_bucket{le=\"1\",q=\"x\"}", None),
            ("wait_bucket{le=\"+Inf\",q=\"x\"}", None),
            ("wait_sum{q=\"x\"}", None),
            ("wait_count{q=\"x\"}", None),
            ("wait{q=\"x\"}", None),
            ("g{n=\"3\"}", Some(3.0)),
            ("wait_bucket{le=\"1\",q=\"y\"}", Some(1.0)),
            ("wait_bucket{le=\"+Inf\",q=\"y\"}", Some(1.0)),
            ("wait_sum{q=\"y\"}", Some(1.0)),
            ("wait_count{q=\"y\"}", Some(1.0)),
            ("wait{q=\"y\"}", Some(1.0)),
            // The third.
            ("g{n=\"3\"}", None),
            ("wait_bucket{le=\"1\",q=\"y\"}", None),
            ("wait_bucket{le=\"+Inf\",q=\"y\"}", None),
            ("wait_sum{q=\"y\"}", None),
            ("wait_count{q=\"y\"}", None),
            ("wait{q=\"y\"}", None),
            ("g{n=\"1\"}", Some(4.0)),
            // The stop.
            ("g{n=\"1\"}", None),
        ];
        assert_eq!(lines(&all), wanted);
        assert_eq!(told.count("samples"), wanted.len() as u64);
    }
}

#[test]
fn a_stop_can_leave_series_as_they_are() {
    let receiver = Receiver::start(|_, _| takes_all());
    let mut push = Running::start(push(&receiver).stale_on_stop(false));
    push.report(gauges(&[(&["1"], Some(1.0))]));
    push.stop();
    assert_eq!(lines(&everything(&receiver)), [("g{n=\"1\"}", Some(1.0))]);
}

/// The snapshot in which a series was last seen is followed by many that find no room: its end is told all the same.
#[test]
fn no_end_is_lost_in_an_outage() {
    let (gate, closed) = std::sync::mpsc::channel::<()>();
    let closed = std::sync::Mutex::new(closed);
    let receiver = Receiver::start(move |n, _| match n {
        0 => takes_all(),
        1 => {
            let _open = closed.lock().unwrap().recv();
            status(503, "")
        }
        _ => takes_all(),
    });
    let small = endpoint(&receiver)
        .queue_bytes(4_000)
        .timeout(std::time::Duration::from_secs(20));
    let mut push =
        Running::start(media_metrics_exporter::push::remote_write::RemoteWrite::new(small));
    push.report(gauges(&[(&["old"], Some(1.0))]));
    receiver.wait_for(1);
    push.report(gauges(&[(&["old"], Some(2.0)), (&["stays"], Some(0.0))]));
    receiver.wait_for(2);
    for n in 1..200 {
        push.report(gauges(&[(&["stays"], Some(f64::from(n)))]));
    }
    assert!(push.told().by_reason("snapshots_dropped", "full") > 150);
    gate.send(()).unwrap();
    let told = push.stop();
    assert_eq!(told.by_reason("requests_failed", "superseded"), 1);
    let all = everything(&receiver);
    let of = |id: &str| {
        all.iter()
            .filter(|s| s.id == id)
            .map(|s| s.value.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("g{n=\"old\"}"),
        [Point::Number(1.0), Point::Number(2.0), Point::Stale]
    );
    // And the newest snapshot arrived, before the end.
    assert_eq!(
        of("g{n=\"stays\"}")[of("g{n=\"stays\"}").len() - 2..],
        [Point::Number(199.0), Point::Stale]
    );
    check_times(&all);
}

/// Its end was to be told in a request that was given up, and then it came back.
#[test]
fn what_came_back_has_not_ended() {
    let (gate, closed) = std::sync::mpsc::channel::<()>();
    let closed = std::sync::Mutex::new(closed);
    let receiver = Receiver::start(move |n, _| match n {
        1 => {
            let _open = closed.lock().unwrap().recv();
            status(500, "")
        }
        _ => takes_all(),
    });
    let small = endpoint(&receiver)
        .queue_bytes(1)
        .timeout(std::time::Duration::from_secs(20));
    let push = media_metrics_exporter::push::remote_write::RemoteWrite::new(small);
    let mut push = Running::start(push.stale_on_stop(false));
    push.report(gauges(&[(&["1"], Some(1.0)), (&["2"], Some(1.0))]));
    receiver.wait_for(1);
    push.report(gauges(&[(&["1"], None), (&["2"], None)]));
    receiver.wait_for(2);
    push.report(gauges(&[(&["1"], None), (&["2"], Some(2.0))]));
    push.report(gauges(&[(&["1"], None), (&["2"], Some(3.0))]));
    gate.send(()).unwrap();
    push.stop();
    let all = everything(&receiver);
    let last: Vec<_> = lines(&all).split_off(4);
    assert_eq!(last, [("g{n=\"1\"}", None), ("g{n=\"2\"}", Some(3.0))]);
}
