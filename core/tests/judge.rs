//! Quality of live streams: per stream, per participant, per label group; here of those received.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use media_metrics_core::quality::{Codec, Config, Rating, Reason};
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::SenderInfo;
use media_metrics_core::{RegisterError, Registry, Snapshot, Stream, StreamConfig};

#[path = "judge/control.rs"]
mod control;
#[path = "judge/senders.rs"]
mod senders;

const AUDIO: [&str; 2] = ["incoming", "audio"];

/// Every merge ends a window.
fn registry() -> Registry {
    let every = Registry::builder().quality_window(Duration::from_nanos(1));
    every.build().unwrap()
}

fn header(sequence: u16) -> RtpHeader {
    RtpHeader {
        marker: false,
        payload_type: 111,
        sequence,
        timestamp: u32::from(sequence) * 960,
        ssrc: 7,
        header_len: 12,
        padding_len: 0,
        packet_len: 172,
    }
}

fn receive(stream: &mut Stream, numbers: impl IntoIterator<Item = u16>) {
    for n in numbers {
        stream.on_rtp(&header(n), u64::from(n) * 20_000_000);
    }
}

fn stream(registry: &Registry) -> Stream {
    let group = registry.group(&AUDIO).unwrap();
    let config = StreamConfig::new(7, 48_000);
    registry.stream(&group, config).unwrap()
}

fn opus() -> Config {
    Config::inbound(Codec::Opus.loss_weight(false))
}

fn merge(registry: &Registry) -> std::sync::Arc<Snapshot> {
    std::thread::sleep(Duration::from_millis(1)); // a window of no time is none
    registry.collect()
}

#[test]
fn a_streams_losses_lower_its_score_and_its_groups() {
    let registry = registry();
    let mut stream = stream(&registry);
    let control = registry.judge(&stream, opus(), None).unwrap();
    assert_eq!(control.quality(), None);
    receive(&mut stream, 0..100);
    merge(&registry);
    assert_eq!(control.quality().unwrap().score, 100.0);
    // 90 of 100 come: by how many are missing at two ticks in a row it is seen
    receive(&mut stream, (100..200).filter(|n| n % 10 != 5));
    merge(&registry);
    assert_eq!(control.quality().unwrap().score, 100.0);
    receive(&mut stream, 200..300);
    let snapshot = merge(&registry);
    // 100 - 8 * 10 of 100, smoothed: 0.8 * 20 + 0.2 * 100
    let quality = control.quality().unwrap();
    assert_eq!((quality.score, quality.rating), (36.0, Rating::Poor));
    assert_eq!(quality.reason, Some(Reason::Packet));
    assert_eq!(registry.streams()[0].quality, Some(quality));
    let scores = snapshot
        .histogram("media_rtp_quality_score", &AUDIO)
        .unwrap();
    assert_eq!(scores.count(), 3);
    let mos = snapshot.histogram("media_rtp_quality_mos", &AUDIO).unwrap();
    assert_eq!(mos.count(), 3);
    let owed = |reason| {
        let values = [AUDIO[0], AUDIO[1], reason];
        snapshot.counter("media_rtp_quality_windows_total", &values)
    };
    assert_eq!((owed("packet"), owed("dry")), (Some(3), Some(0)));
}

#[test]
fn what_comes_late_is_no_loss() {
    let registry = registry();
    let mut stream = stream(&registry);
    let control = registry.judge(&stream, opus(), None).unwrap();
    receive(&mut stream, [0, 1, 2, 9]);
    merge(&registry);
    receive(&mut stream, [3, 4, 5, 6, 7, 8, 10]);
    merge(&registry);
    receive(&mut stream, 11..30);
    merge(&registry);
    assert_eq!(control.quality().unwrap().score, 100.0);
}

#[test]
fn silence_is_poor_and_lost_without_reports_and_mute_excuses_it() {
    let registry = registry();
    let mut stream = stream(&registry);
    let control = registry.judge(&stream, opus(), None).unwrap();
    receive(&mut stream, 0..10);
    merge(&registry);
    merge(&registry);
    let quality = control.quality().unwrap();
    assert_eq!((quality.score, quality.reason), (40.0, Some(Reason::Dry)));
    let info = SenderInfo {
        ssrc: 7,
        ntp: 1 << 32,
        rtp_timestamp: 0,
        packets: 10,
        octets: 1_600,
    };
    stream.on_sender_report(&info, 1);
    merge(&registry);
    assert_eq!(control.quality().unwrap().rating, Rating::Poor);
    merge(&registry); // the report is older than this window
    merge(&registry);
    assert_eq!(control.quality().unwrap().rating, Rating::Lost);
    receive(&mut stream, 10..20);
    merge(&registry);
    assert_eq!(control.quality().unwrap().rating, Rating::Good);
    control.set_muted(true);
    merge(&registry);
    assert_eq!(control.quality().unwrap().rating, Rating::Excellent);
    merge(&registry);
    assert_eq!(control.quality().unwrap().rating, Rating::Excellent);
    control.set_muted(false);
    control.set_paused(true);
    merge(&registry);
    let paused = control.quality().unwrap();
    assert_eq!((paused.score, paused.reason), (30.0, Some(Reason::Pause)));
}

/// How many windows of received audio have a score.
fn scored(registry: &Registry) -> u64 {
    let snapshot = registry.collect();
    let scores = snapshot.histogram("media_rtp_quality_score", &AUDIO);
    scores.map_or(0, |scores| scores.count())
}

#[test]
fn what_was_before_it_is_judged_is_not_judged() {
    let registry = registry();
    let mut stream = stream(&registry);
    receive(&mut stream, (0..1_000).step_by(2));
    let control = registry.judge(&stream, opus(), None).unwrap();
    // At the first tick the losses before are settled, or so it might seem.
    for numbers in [999..1_050, 1_050..1_100] {
        receive(&mut stream, numbers);
        merge(&registry);
        assert_eq!(control.quality().unwrap().score, 100.0);
    }
    // The losses after it are.
    receive(&mut stream, (1_100..1_200).step_by(2));
    merge(&registry);
    receive(&mut stream, 1_200..1_300);
    merge(&registry);
    assert!(control.quality().unwrap().score < 50.0);
}

#[test]
fn who_reported_before_it_is_judged_is_lost_when_silent() {
    let registry = registry();
    let mut stream = stream(&registry);
    receive(&mut stream, 0..10);
    let info = SenderInfo {
        ssrc: 7,
        ntp: 1 << 32,
        rtp_timestamp: 0,
        packets: 10,
        octets: 1_600,
    };
    stream.on_sender_report(&info, 1);
    let control = registry.judge(&stream, opus(), None).unwrap();
    merge(&registry);
    assert_eq!(control.quality().unwrap().rating, Rating::Poor);
    merge(&registry); // the report came before this window
    assert_eq!(control.quality().unwrap().rating, Rating::Lost);
}

#[test]
fn a_group_label_that_quality_needs_is_refused_when_the_registry_is_built() {
    let built = Registry::builder()
        .group_labels(&["kind", "reason"])
        .build();
    let name = "reason".to_owned();
    assert_eq!(built.err(), Some(RegisterError::DuplicateLabel { name }));
}

#[test]
fn a_round_trip_and_missing_layers_count() {
    let registry = registry();
    let mut stream = stream(&registry);
    let control = registry.judge(&stream, opus(), None).unwrap();
    control.set_rtt(Duration::from_millis(700));
    receive(&mut stream, 0..100);
    merge(&registry);
    assert_eq!(control.quality().unwrap().score, 81.6);
    control.expect_layer_distance(2.0);
    merge(&registry);
    receive(&mut stream, 100..200);
    merge(&registry);
    assert_eq!(control.quality().unwrap().reason, Some(Reason::Layer));
}

#[test]
fn a_participant_is_as_well_off_as_the_worst_stream() {
    let registry = registry();
    let (mut good, mut bad) = (stream(&registry), stream(&registry));
    let alice = registry.participant("alice");
    registry.judge(&good, opus(), Some(&alice)).unwrap();
    registry.judge(&bad, opus(), Some(&alice)).unwrap();
    receive(&mut good, 0..10);
    receive(&mut bad, 0..10);
    merge(&registry);
    receive(&mut good, 10..20);
    let snapshot = merge(&registry); // bad is silent
    assert_eq!(alice.quality().unwrap().rating, Rating::Poor);
    assert_eq!(snapshot.gauge("media_participants", &["poor"]), Some(1.0));
    assert_eq!(
        snapshot.gauge("media_participants", &["excellent"]),
        Some(0.0)
    );
    let all = registry.participants();
    assert_eq!((all.len(), all[0].name.as_str()), (1, "alice"));
    drop(bad);
    receive(&mut good, 20..30);
    let only_good = merge(&registry);
    assert_eq!(only_good.gauge("media_participants", &["poor"]), Some(0.0));
    assert!(alice.quality().is_some(), "there is another stream");
    drop(good);
    merge(&registry);
    assert_eq!(alice.quality(), None, "nothing is known of nobody's stream");
    let snapshot = merge(&registry);
    assert_eq!(snapshot.gauge("media_participants", &["poor"]), Some(0.0));
    assert_eq!(registry.participants(), []);
}

#[test]
fn streams_of_another_registry_are_refused() {
    let (here, there) = (registry(), registry());
    assert!(here.judge(&stream(&there), opus(), None).is_err());
    let sender = senders::sender(&there);
    assert!(here.judge_sender(&sender, opus(), None).is_err());
}

#[test]
fn ten_thousand_judged_streams_leave_nothing_behind() {
    let registry = registry();
    for _ in 0..3 {
        let streams: Vec<Stream> = (0..10_000).map(|_| stream(&registry)).collect();
        for stream in &streams {
            registry.judge(stream, opus(), None).unwrap();
        }
        merge(&registry);
        assert_eq!(registry.streams().len(), 10_000);
        assert!(registry.streams().iter().all(|s| s.quality.is_some()));
        drop(streams);
        merge(&registry);
        assert!(registry.streams().is_empty());
    }
}

#[test]
fn a_crowd_that_left_leaves_its_memory() {
    let registry = registry();
    let crowd = || {
        let streams: Vec<Stream> = (0..4_000).map(|_| stream(&registry)).collect();
        for stream in &streams {
            registry.judge(stream, opus(), None).unwrap();
        }
        merge(&registry);
        drop(streams);
        merge(&registry);
    };
    let used = allocation_counter::measure(crowd);
    assert!(used.bytes_current < 1 << 20, "{used:?}");
    assert_eq!(scored(&registry), 4_000);
}
