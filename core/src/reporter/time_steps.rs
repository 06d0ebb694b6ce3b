//! Merges whose times step, forwards and back: everything recorded is published once all the same.
//!
//! Lives here: tests alone. A host can't do this to a merge, whose clock the operating system promises never to go back;
//! a machine that sleeps, is moved or has its clock set can.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::quality::{Codec, Config};
use crate::rtp::RtpHeader;
use crate::{Desc, Registry, Snapshot, Stream, StreamConfig, catalog};

static HITS: Desc = Desc::counter("t_hits_total", "Hits.");
static WAIT: Desc = Desc::histogram("t_wait", "Waits.", &[100.0]).exemplars();

const HOUR: Duration = Duration::from_secs(3_600);
const GROUP: [&str; 2] = ["incoming", "audio"];

fn merge(registry: &Registry, now: Instant, wall: SystemTime) -> Arc<Snapshot> {
    let mut collector = registry.shared.collector();
    collector.tick(&registry.shared, now, wall)
}

/// Ten packets more, the first of which has this number.
fn send(stream: &mut Stream, first: u16) {
    for sequence in first..first + 10 {
        let header = RtpHeader {
            marker: false,
            payload_type: 111,
            sequence,
            timestamp: u32::from(sequence) * 960,
            ssrc: 1,
            header_len: 12,
            padding_len: 0,
            packet_len: 100,
        };
        stream.on_rtp(&header, u64::from(sequence) * 20_000_000);
    }
}

#[test]
fn when_merges_step_in_time_nothing_is_lost_or_told_twice() {
    let registry = Registry::builder()
        .max_series(64)
        .quality_window(Duration::from_nanos(1)) // each merge ends one
        .build()
        .unwrap();
    let hits = registry.counter(&HITS, &[]).unwrap();
    let wait = registry.histogram(&WAIT, &[]).unwrap();
    registry
        .windows(
            &catalog::FORWARD_LATENCY,
            &[],
            &catalog::FORWARD_LATENCY_WINDOW,
        )
        .unwrap();
    let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[]).unwrap();
    let group = registry.group(&GROUP).unwrap();
    let config = Config::inbound(Codec::Opus.loss_weight(true));
    let mut stream = registry
        .stream(&group, StreamConfig::new(1, 48_000))
        .unwrap();
    registry.judge(&stream, config, None).unwrap();

    let (now, wall) = (Instant::now() + HOUR, SystemTime::now());
    let second = Duration::from_secs(1);
    let before_1970 = SystemTime::UNIX_EPOCH - second;
    let far = SystemTime::UNIX_EPOCH + HOUR * 24 * 365 * 200;
    let steps = [
        (now, wall),
        (now + second, wall + second),
        (now + second, wall + second), // not at all
        (now, wall - HOUR),            // back
        (now + HOUR * 10_000, wall),   // asleep for a year
        (now + second, far),           // and back
        (now + second * 2, before_1970),
        (now - HOUR / 2, SystemTime::UNIX_EPOCH),
        (now + second * 3, wall),
    ];
    // Miri takes seconds for each: not all of the ways to step back.
    let few = if cfg!(miri) { 5 } else { steps.len() };
    let mut last = now;
    for (at, (now, wall)) in (1..).zip(steps).take(few) {
        let number = u64::from(at);
        hits.add(number);
        wait.record_for(number, stream.id());
        latency.record_n(1_000, number);
        send(&mut stream, at * 10);
        let snapshot = merge(&registry, now, wall);
        let case = format!("step {at}");
        assert_eq!(
            (snapshot.sequence(), snapshot.time()),
            (number, wall),
            "{case}"
        );
        if at > 1 {
            let interval = now.saturating_duration_since(last);
            assert_eq!(snapshot.interval(), interval, "{case}");
        }
        last = now;
        let sum = number * (number + 1) / 2;
        assert_eq!(snapshot.counter(HITS.name(), &[]), Some(sum), "{case}");
        let waits = snapshot.histogram(WAIT.name(), &[]).unwrap();
        assert_eq!((waits.count(), waits.sum()), (number, sum), "{case}");
        // Each sample is the first of its bucket since a merge, and so is shown: with the time of this merge.
        let times: Vec<_> = waits.exemplars().iter().map(|e| e.time()).collect();
        assert_eq!(times, [wall], "{case}");
        let latencies = snapshot.histogram(catalog::FORWARD_LATENCY.name(), &[]);
        assert_eq!(latencies.map(|h| h.count()), Some(sum), "{case}");
        let packets = snapshot.counter("media_rtp_packets_total", &GROUP);
        assert_eq!(packets, Some(number * 10), "{case}");
        let lost = snapshot.counter("media_rtp_packets_lost_total", &GROUP);
        assert_eq!(lost, Some(0), "{case}");
        // What the last interval held is this step's, however long or short it says that it was.
        let mean = ["interval", "mean"];
        let shown = snapshot.gauge(catalog::FORWARD_LATENCY_WINDOW.name(), &mean);
        assert!(
            shown.is_some_and(|s| s > 0.9e-6 && s < 1.1e-6) || cfg!(miri),
            "{case}: {shown:?}"
        );
    }
    drop(stream);
    let ended = merge(&registry, now, wall);
    let total = |what: &str| ended.counter(&format!("media_rtp_{what}_total"), &GROUP);
    assert_eq!(
        (total("streams_started"), total("streams_ended")),
        (Some(1), Some(1))
    );
    assert_eq!(total("packets"), Some(few as u64 * 10));
}
