//! Which version is spoken with whom.

use std::sync::atomic::{AtomicBool, Ordering};

use media_metrics_core::desc::Desc;
use media_metrics_core::snapshot::Builder;
use media_metrics_exporter::push::remote_write::Version;

use crate::common::receiver::{Received, Receiver, Reply, status};
use crate::reading::version;
use crate::{Running, push, takes_all};

fn one(value: u64) -> Builder {
    Builder::new().counter(&Desc::counter("a_total", "A."), &[(&[], value)])
}

/// The versions of all requests of three snapshots, and what the push says.
fn spoken(
    script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
) -> (Vec<u8>, [u64; 4]) {
    let receiver = Receiver::start(script);
    let mut push = Running::start(push(&receiver).stale_on_stop(false));
    (1..=3).for_each(|n| push.report(one(n)));
    let told = push.stop();
    let figures = [
        told.count("fallbacks"),
        told.count("samples"),
        told.count("samples_failed"),
        told.by_reason("requests_failed", "refused"),
    ];
    (receiver.requests().iter().map(version).collect(), figures)
}

#[test]
fn a_receiver_of_2_0_gets_2_0() {
    assert_eq!(spoken(|_, _| takes_all()), (vec![2, 2, 2], [0, 3, 0, 0]));
}

#[test]
fn one_that_refuses_2_0_gets_the_same_snapshot_as_1_0() {
    for refusal in [415, 400] {
        let only_1 = move |_: usize, request: &Received| match version(request) {
            1 => status(204, ""),
            _ => status(refusal, ""),
        };
        assert_eq!(spoken(only_1), (vec![2, 1, 1, 1], [1, 3, 0, 0]));
    }
}

#[test]
fn one_that_takes_2_0_without_saying_what_it_wrote_read_nothing() {
    assert_eq!(
        spoken(|_, _| status(204, "")),
        (vec![2, 1, 1, 1], [1, 3, 0, 0])
    );
}

#[test]
fn a_bad_sample_does_not_change_the_version() {
    // It takes 2.0, then finds fault with one snapshot: nothing to do with versions.
    let later = |n: usize, _: &Received| if n == 1 { status(400, "") } else { takes_all() };
    assert_eq!(spoken(later), (vec![2, 2, 2], [0, 2, 1, 1]));
    // Or with the very first, and it does not take 1.0 either.
    let at_first = |n: usize, request: &Received| match (n, version(request)) {
        (0, _) | (_, 1) => status(400, ""),
        _ => takes_all(),
    };
    assert_eq!(spoken(at_first), (vec![2, 1, 2, 2], [1, 2, 1, 1]));
    // One that knows 2.0 alone says so.
    let only_2 = |n: usize, request: &Received| match (n, version(request)) {
        (_, 1) => status(415, ""),
        (2.., _) => takes_all(),
        _ => status(400, ""),
    };
    assert_eq!(spoken(only_2), (vec![2, 1, 2, 2], [1, 2, 1, 1]));
    // With the headers of 2.0, a 400 is of one that knows it.
    let written = "X-Prometheus-Remote-Write-Samples-Written: 0\r\n";
    assert_eq!(
        spoken(move |_, _| status(400, written)),
        (vec![2, 2, 2], [0, 0, 3, 3])
    );
}

#[test]
fn what_was_not_written_is_counted() {
    for (headers, unwritten) in [
        ("X-Prometheus-Remote-Write-Samples-Written: 0\r\n", 1),
        ("x-prometheus-remote-write-samples-written: 1\r\n", 0),
        // More than was sent, no number, of something else.
        (
            "X-Prometheus-Remote-Write-Samples-Written: 18446744073709551615\r\n",
            0,
        ),
        ("X-Prometheus-Remote-Write-Samples-Written: -1\r\n", 1),
        ("X-Prometheus-Remote-Write-Samples-Written: many\r\n", 1),
        ("X-Prometheus-Remote-Write-Exemplars-Written: 1\r\n", 1),
    ] {
        let (versions, [_, taken, failed, _]) = spoken(move |_, _| status(200, headers));
        assert_eq!(
            (versions, taken, failed),
            (vec![2, 2, 2], 3 - 3 * unwritten, 3 * unwritten),
            "{headers}"
        );
    }
}

#[test]
fn who_asks_for_1_0_gets_1_0() {
    static SEEN: AtomicBool = AtomicBool::new(false);
    let receiver = Receiver::start(|_, request| {
        SEEN.fetch_or(version(request) == 1, Ordering::Relaxed);
        status(415, "")
    });
    let mut push = Running::start(push(&receiver).version(Version::V1).stale_on_stop(false));
    push.report(one(1));
    push.report(one(2));
    let told = push.stop();
    assert!(SEEN.load(Ordering::Relaxed));
    assert_eq!(receiver.requests().len(), 2);
    assert_eq!(
        (
            told.by_reason("requests_failed", "refused"),
            told.count("fallbacks")
        ),
        (2, 0)
    );
}
