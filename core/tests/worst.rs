//! The worst streams and groups of each interval, against sorting all of them.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use media_metrics_core::judge::QualityControl;
use media_metrics_core::quality::Config;
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::ReportBlock;
use media_metrics_core::snapshot::Values;
use media_metrics_core::worst::{Direction, Figures, Worst, WorstStream};
use media_metrics_core::{RegisterError, Registry, SenderConfig, Snapshot, Stream, StreamConfig};
use proptest::collection::vec;
use proptest::prelude::*;

const GROUPS: [[&str; 2]; 3] = [
    ["incoming", "audio"],
    ["incoming", "video"],
    ["elsewhere", "audio"],
];

fn header(ssrc: u32, sequence: u16) -> RtpHeader {
    RtpHeader {
        marker: false,
        payload_type: 111,
        sequence,
        timestamp: u32::from(sequence) * 960,
        ssrc,
        header_len: 12,
        padding_len: 0,
        packet_len: 172,
    }
}

/// Every merge ends a window.
fn registry(slots: usize) -> Registry {
    let builder = Registry::builder().quality_window(Duration::from_nanos(1));
    builder.worst(slots).build().unwrap()
}

fn merge(registry: &Registry) -> std::sync::Arc<Snapshot> {
    std::thread::sleep(Duration::from_millis(1)); // an interval of no time has no rates, and no window
    registry.collect()
}

/// A stream, and what a slow listener knows of it.
struct Heard {
    stream: Stream,
    control: Option<QualityControl>,
    group: usize,
    next: u16,
    arrival_ns: u64,
    /// Of this interval.
    packets: u64,
    lost: u64,
}

impl Heard {
    /// Some packets of which `lost` are left out, but for the last, and come `late_ns` later than they should, one
    /// more than the other.
    fn hear(&mut self, packets: u16, lost: u16, late_ns: u64) {
        for i in 0..packets {
            self.arrival_ns += 20_000_000;
            if i >= lost || self.next == 0 {
                let at = self.arrival_ns + u64::from(i % 2) * late_ns;
                let header = header(self.stream.stats().packets as u32, self.next);
                self.stream.on_rtp(&header, at);
                self.packets += 1;
            } else {
                self.lost += 1;
            }
            self.next += 1;
        }
    }

    fn figures(&self) -> Option<Figures> {
        let quality = self.control.as_ref().map(QualityControl::quality);
        if self.packets == 0 && quality.is_none() {
            return None;
        }
        let expected = self.packets + self.lost;
        let mut figures = Figures::default();
        figures.score = quality.flatten().map(|q| q.score);
        figures.loss_ratio = (expected > 0).then(|| self.lost as f64 / expected as f64);
        figures.jitter_seconds = (self.packets > 0).then(|| self.stream.stats().jitter_seconds);
        Some(figures)
    }
}

fn gauge(snapshot: &Snapshot, name: &str, slot: usize) -> Option<f64> {
    snapshot.gauge(name, &[&slot.to_string()])
}

fn info(snapshot: &Snapshot, family: &str) -> Vec<Vec<String>> {
    let Some(family) = snapshot.family(family) else {
        return Vec::new();
    };
    let Values::Gauge(values) = family.values() else {
        panic!("no gauge");
    };
    assert!(values.iter().all(|v| *v == Some(1.0)), "{values:?}");
    let labels = |i| family.schema().labels(i).map(|(_, v)| v.to_owned());
    let mut all: Vec<Vec<String>> = (0..values.len()).map(|i| labels(i).collect()).collect();
    all.sort_by_key(|labels| labels[0].parse::<usize>().unwrap());
    all
}

/// What the slots show is what `worst` tells.
fn check_slots(snapshot: &Snapshot, worst: &Worst, limit: usize) {
    let group = |values: &[String]| values.join("/");
    let expected: Vec<_> = (worst.streams.iter().enumerate())
        .map(|(slot, s)| {
            let (id, ssrc) = (s.id.to_string(), s.ssrc.to_string());
            let (way, whose) = (s.direction.as_str(), s.participant.clone());
            let whose = whose.unwrap_or_default();
            vec![
                slot.to_string(),
                way.to_owned(),
                id,
                ssrc,
                group(&s.group),
                whose,
            ]
        })
        .collect();
    assert_eq!(info(snapshot, "media_worst_stream_info"), expected);
    let expected: Vec<_> = (worst.groups.iter().enumerate())
        .map(|(slot, g)| {
            let way = g.direction.as_str().to_owned();
            vec![slot.to_string(), way, group(&g.group)]
        })
        .collect();
    assert_eq!(info(snapshot, "media_worst_group_info"), expected);
    for slot in 0..=limit {
        let stream = worst
            .streams
            .get(slot)
            .map(|s| s.figures)
            .unwrap_or_default();
        for (name, value) in [
            ("media_worst_stream_score", stream.score),
            ("media_worst_stream_loss_ratio", stream.loss_ratio),
            ("media_worst_stream_jitter_seconds", stream.jitter_seconds),
            ("media_worst_stream_rtt_seconds", stream.rtt_seconds),
            (
                "media_worst_stream_bytes_per_second",
                stream.bytes_per_second,
            ),
        ] {
            assert_eq!(gauge(snapshot, name, slot), value, "{name} {slot}");
        }
        let streams = worst.groups.get(slot).map(|g| g.streams as f64);
        assert_eq!(gauge(snapshot, "media_worst_group_streams", slot), streams);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_worst_are_the_first_of_all_sorted(
        judged in vec(any::<bool>(), 1..12),
        limit in 0_usize..6,
        // For each interval and stream: packets, losses among them, lateness.
        intervals in vec(vec((0_u16..12, 0_u16..4, 0_u64..3), 12), 1..6),
    ) {
        let registry = registry(limit);
        let groups: Vec<_> = GROUPS.iter().map(|g| registry.group(g).unwrap()).collect();
        let mut all: Vec<Heard> = Vec::new();
        for (i, judged) in judged.iter().enumerate() {
            let group = i % GROUPS.len();
            let stream = registry.stream(&groups[group], StreamConfig::new(i as u32, 48_000)).unwrap();
            let bob = registry.participant("bob");
            let control = judged.then(|| registry.judge(&stream, Config::inbound(8.0), Some(&bob)).unwrap());
            all.push(Heard { stream, control, group, next: 0, arrival_ns: 0, packets: 0, lost: 0 });
        }
        for interval in &intervals {
            for (heard, (packets, lost, late)) in all.iter_mut().zip(interval) {
                heard.packets = 0;
                heard.lost = 0;
                heard.hear(*packets, (*lost).min(packets.saturating_sub(1)), late * 5_000_000);
            }
            let snapshot = merge(&registry);
            let worst = registry.worst();
            prop_assert_eq!(worst.sequence, if limit > 0 { snapshot.sequence() } else { 0 });

            let mut sorted: Vec<(u32, usize, Figures)> = (all.iter().enumerate())
                .filter_map(|(i, heard)| Some((i as u32, heard.group, heard.figures()?)))
                .collect();
            sorted.sort_by(|a, b| a.2.by_badness(&b.2));
            let running = sorted.clone();
            sorted.truncate(limit);
            let got: Vec<_> = worst.streams.iter().map(|s| s.ssrc).collect();
            let expected: Vec<_> = sorted.iter().map(|s| s.0).collect();
            prop_assert_eq!(got, expected);
            for (got, (_, group, figures)) in worst.streams.iter().zip(&sorted) {
                prop_assert_eq!(&got.group, &GROUPS[*group]);
                prop_assert_eq!(got.figures.score, figures.score);
                prop_assert_eq!(got.figures.loss_ratio, figures.loss_ratio);
                prop_assert_eq!(got.figures.jitter_seconds, figures.jitter_seconds);
            }
            for group in &worst.groups {
                let at = GROUPS.iter().position(|g| group.group == *g).unwrap();
                let members = running.iter().filter(|(_, g, _)| *g == at);
                prop_assert_eq!(group.streams, members.count() as u64);
                let of = |f: fn(&Heard) -> u64| all.iter().filter(|h| h.group == at).map(f).sum::<u64>();
                let (lost, packets) = (of(|h| h.lost), of(|h| h.packets));
                let loss = (packets + lost > 0).then(|| lost as f64 / (packets + lost) as f64);
                prop_assert_eq!(group.figures.loss_ratio, loss);
            }
            prop_assert!(worst.groups.is_sorted_by(|a, b| a.figures.by_badness(&b.figures).is_le()));
            check_slots(&snapshot, &worst, limit);
        }
        // Who is gone is in no slot.
        drop(all);
        let snapshot = merge(&registry);
        prop_assert_eq!(registry.worst().streams, Vec::<WorstStream>::new());
        check_slots(&snapshot, &registry.worst(), limit);
    }
}

#[test]
fn sent_streams_are_ranked_by_what_their_receivers_report() {
    let registry = registry(10);
    let group = registry.sender_group(&["outgoing", "audio"]).unwrap();
    let mut streams: Vec<_> = [7, 8]
        .map(|ssrc| {
            registry
                .sender(&group, SenderConfig::new(ssrc, 48_000))
                .unwrap()
        })
        .into();
    for n in 0..100 {
        for (ssrc, stream) in [7, 8].into_iter().zip(&mut streams) {
            stream.on_rtp(&header(ssrc, n), u64::from(n) * 20_000_000);
        }
    }
    let report = |ssrc, fraction_lost| ReportBlock {
        ssrc,
        fraction_lost,
        cumulative_lost: 10,
        highest_sequence: 99,
        jitter_ticks: 480,
        last_report: 0,
        delay: 0,
    };
    streams[0].on_report(&report(7, 0), 2_000_000_000);
    streams[1].on_report(&report(8, 64), 2_000_000_000);
    merge(&registry);
    let ranked = |registry: &Registry| -> Vec<_> {
        let worst = registry.worst().streams;
        assert!(worst.iter().all(|s| s.direction == Direction::Outgoing));
        let of = |s: WorstStream| (s.ssrc, s.figures.loss_ratio, s.figures.jitter_seconds);
        worst.into_iter().map(of).collect()
    };
    let first = ranked(&registry);
    assert_eq!(
        first,
        [(8, Some(0.25), Some(0.01)), (7, Some(0.0), Some(0.01))]
    );
    // A report holds until the next, but not for ever.
    streams[1].on_rtp(&header(8, 100), 17_000_000_000);
    merge(&registry);
    assert_eq!(ranked(&registry), [(8, Some(0.25), Some(0.01))]);
    streams[1].on_rtp(&header(8, 101), 17_000_000_001);
    merge(&registry);
    assert_eq!(ranked(&registry), [(8, None, None)]);
    let worst = registry.worst();
    assert_eq!((worst.groups.len(), worst.groups[0].streams), (1, 1));
}

#[test]
fn a_stream_that_turns_out_to_be_somebodys_gets_another_info() {
    let registry = registry(1);
    let group = registry.group(&GROUPS[0]).unwrap();
    let config = StreamConfig::new(7, 48_000);
    let mut stream = registry.stream(&group, config).unwrap();
    stream.on_rtp(&header(7, 1), 0);
    let before = info(&merge(&registry), "media_worst_stream_info");
    let alice = registry.participant("alice");
    let judged = registry.judge(&stream, Config::inbound(8.0), Some(&alice));
    stream.on_rtp(&header(7, 2), 0);
    let after = info(&merge(&registry), "media_worst_stream_info");
    assert_eq!((before.len(), before[0][5].as_str()), (1, ""));
    assert_eq!((after.len(), after[0][5].as_str()), (1, "alice"));
    assert_eq!(registry.streams()[0].participant.as_deref(), Some("alice"));
    drop(judged);
}

#[test]
fn slots_have_a_limit_and_none_means_none() {
    let many = Registry::builder().worst(101).build().unwrap_err();
    assert_eq!(
        many,
        RegisterError::BadLimit {
            what: "worst",
            limit: 100
        }
    );
    let off = registry(0);
    let group = off.group(&GROUPS[0]).unwrap();
    let mut stream = off.stream(&group, StreamConfig::new(7, 48_000)).unwrap();
    stream.on_rtp(&header(7, 1), 0);
    let snapshot = merge(&off);
    let worst = |f: &&media_metrics_core::snapshot::FamilySnapshot| {
        f.schema().desc().name().starts_with("media_worst_")
    };
    assert_eq!(snapshot.families().iter().find(worst).map(|_| ()), None);
    assert_eq!(off.worst(), Worst::default());
}
