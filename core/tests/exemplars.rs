//! Exemplars: what went in comes out, with the name of its stream, whoever recorded when.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::{
    Desc, Registry, SenderConfig, Snapshot, Stream, StreamConfig, catalog, quality,
};

/// Recorded in units of a hundredth.
static WAIT: Desc = Desc::histogram("test_wait_seconds", "Waiting.", &[0.1, 1.0, 10.0])
    .per_unit(100.0)
    .layout_of(2, 5_000)
    .exemplars();

fn stream(registry: &Registry, kind: &str, ssrc: u32) -> Stream {
    let group = registry.group(&["incoming", kind]).unwrap();
    let config = StreamConfig::new(ssrc, 8_000);
    registry.stream(&group, config).unwrap()
}

/// Value and SSRC of each exemplar.
fn shown(snapshot: &Snapshot, family: &str, values: &[&str]) -> Vec<(f64, u32)> {
    let histogram = snapshot.histogram(family, values).unwrap();
    histogram
        .exemplars()
        .iter()
        .map(|e| (e.value(), ssrc_of(e)))
        .collect()
}

fn ssrc_of(e: &Exemplar) -> u32 {
    let (_, hex) = e.labels().find(|l| l.0 == "ssrc").unwrap();
    assert_eq!(hex.len(), 8);
    u32::from_str_radix(hex, 16).unwrap()
}

/// Packet `n` of a stream whose frames are 20 ms long.
fn packet(ssrc: u32, n: u16) -> RtpHeader {
    let mut bytes = [0_u8; 172];
    bytes[0] = 0x80;
    bytes[2..4].copy_from_slice(&n.to_be_bytes());
    bytes[4..8].copy_from_slice(&(u32::from(n) * 160).to_be_bytes());
    bytes[8..12].copy_from_slice(&ssrc.to_be_bytes());
    RtpHeader::parse(&bytes).unwrap()
}

#[test]
fn each_bucket_shows_a_sample_with_the_labels_of_its_stream() {
    let registry = Registry::new().unwrap();
    let wait = registry.histogram(&WAIT, &[]).unwrap();
    let (a, b) = (
        stream(&registry, "audio", 0xA),
        stream(&registry, "video", 0xB),
    );
    wait.record_for(3, a.id());
    wait.record_for(5, b.id()); // the box is full
    wait.record_for(50, b.id());
    wait.record(500); // of nobody
    wait.record_for(4_000, a.id());
    let snapshot = registry.collect();
    let name = WAIT.name();
    assert_eq!(
        shown(&snapshot, name, &[]),
        [(0.03, 0xA), (0.5, 0xB), (40.0, 0xA)]
    );
    let histogram = snapshot.histogram(name, &[]).unwrap();
    let second = &histogram.exemplars()[1];
    assert_eq!(
        second.labels().collect::<Vec<_>>(),
        [
            ("ssrc", "0000000b"),
            ("direction", "incoming"),
            ("kind", "video")
        ]
    );
    assert_eq!(second.time(), snapshot.time());
    // Counts are what they are without names.
    assert_eq!(histogram.classic().collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!(histogram.sum(), 4_558);
    // The next merge: what came anew replaces, all else stays.
    wait.record_for(60, a.id());
    let next = registry.collect();
    assert_eq!(
        shown(&next, name, &[]),
        [(0.03, 0xA), (0.6, 0xA), (40.0, 0xA)]
    );
    let times: Vec<_> = next
        .histogram(name, &[])
        .unwrap()
        .exemplars()
        .iter()
        .map(Exemplar::time)
        .collect();
    assert_eq!(times, [snapshot.time(), next.time(), snapshot.time()]);
}

#[test]
fn a_sample_is_shown_in_the_bucket_that_counts_it() {
    let registry = Registry::new().unwrap();
    let a = stream(&registry, "audio", 1);
    let wait = registry.histogram(&WAIT, &[]).unwrap();
    // 10.01 s shares a bucket of the layout with the bound 10 s, and is counted there.
    for value in [1_001, 60_000] {
        wait.record_for(value, a.id());
    }
    let snapshot = registry.collect();
    assert_eq!(shown(&snapshot, WAIT.name(), &[]), [(10.0, 1), (600.0, 1)]);
    let histogram = snapshot.histogram(WAIT.name(), &[]).unwrap();
    assert_eq!(histogram.classic().collect::<Vec<_>>(), [0, 0, 1, 2]);
    assert_eq!(histogram.clamped(), 1);
}

#[test]
fn a_stream_that_ended_before_the_merge_is_named() {
    let registry = Registry::new().unwrap();
    let wait = registry.histogram(&WAIT, &[]).unwrap();
    let ends = stream(&registry, "audio", 0xE);
    let id = ends.id();
    wait.record_for(2, id);
    drop(ends);
    assert_eq!(shown(&registry.collect(), WAIT.name(), &[]), [(0.02, 0xE)]);
    // Ever after it is nobody's: its exemplar stays, and no new one comes.
    wait.record_for(40, id);
    wait.record_for(45, u64::MAX);
    wait.record_for(45, 0);
    let snapshot = registry.collect();
    assert_eq!(shown(&snapshot, WAIT.name(), &[]), [(0.02, 0xE)]);
    assert_eq!(snapshot.histogram(WAIT.name(), &[]).unwrap().count(), 4);
}

#[test]
fn a_family_without_exemplars_counts_and_shows_none() {
    static PLAIN: Desc = Desc::histogram("test_plain", "Plain.", &[1.0, 2.0]);
    static EXACT: Desc = Desc::exact_histogram("test_exact", "Exact.", &[1.0]).exemplars();
    let registry = Registry::new().unwrap();
    let a = stream(&registry, "audio", 1);
    registry.exact_histogram(&EXACT, &[]).unwrap().record(1.0);
    let plain = registry.histogram(&PLAIN, &[]).unwrap();
    plain.record_for(1, a.id());
    plain.local().record_for(2, a.id());
    let snapshot = registry.collect();
    for family in [PLAIN.name(), EXACT.name()] {
        let histogram = snapshot.histogram(family, &[]).unwrap();
        assert!(
            histogram.count() > 0 && histogram.exemplars().is_empty(),
            "{family}"
        );
    }
    // One family, with and without: a mistake that is told.
    assert!(registry.histogram(&PLAIN.clone().exemplars(), &[]).is_err());
}

#[test]
fn a_series_that_is_registered_anew_begins_without_exemplars_and_others_keep_theirs() {
    static BY: Desc = Desc::histogram("test_by", "By.", &[1.0])
        .labels(&["x"])
        .exemplars();
    let registry = Registry::new().unwrap();
    let a = stream(&registry, "audio", 1);
    let of = |x: &str| registry.histogram(&BY, &[x]).unwrap();
    let (first, second) = (of("first"), of("second"));
    first.record_for(1, a.id());
    second.record_for(7, a.id());
    registry.collect();
    assert!(registry.remove(&first));
    drop(first);
    registry.collect();
    let again = of("first");
    again.record(1);
    of("third").record_for(5, a.id());
    let snapshot = registry.collect();
    assert_eq!(shown(&snapshot, "test_by", &["first"]), []);
    assert_eq!(shown(&snapshot, "test_by", &["second"]), [(7.0, 1)]);
    assert_eq!(shown(&snapshot, "test_by", &["third"]), [(5.0, 1)]);
}

#[test]
fn streams_lose_and_waver_under_their_own_names() {
    let registry = Registry::new().unwrap();
    let mut streams: Vec<Stream> = (1..=30)
        .map(|ssrc| stream(&registry, "audio", ssrc))
        .collect();
    for n in 0..100_u16 {
        for s in &mut streams {
            let ssrc = s.ssrc();
            // Number 7 loses every other packet, number 9 every tenth; number 11 comes in fits.
            let lost = (ssrc == 7 && n % 2 == 1) || (ssrc == 9 && n % 10 == 1);
            let late = if ssrc == 11 && n % 3 == 0 {
                60_000_000
            } else {
                0
            };
            if !lost {
                s.on_rtp(&packet(ssrc, n), u64::from(n) * 20_000_000 + late);
            }
        }
    }
    let snapshot = registry.collect();
    let values = &["incoming", "audio"];
    let loss = shown(&snapshot, catalog::RTP_INTERVAL_LOSS.name(), values);
    let [(none, innocent), (few, nine), (half, seven)] = loss[..] else {
        panic!("{loss:?}");
    };
    assert_eq!((none, nine, seven), (0.0, 9, 7));
    assert!(innocent != 7 && innocent != 9);
    assert!(
        (0.1..0.102).contains(&few) && (0.49..0.5).contains(&half),
        "{loss:?}"
    );
    let jitter = shown(&snapshot, catalog::RTP_INTERVAL_JITTER.name(), values);
    assert_eq!(jitter.last().unwrap().1, 11, "{jitter:?}");
    assert!(jitter.last().unwrap().0 > 0.02);
}

#[test]
fn a_judged_stream_is_named_with_its_participant() {
    let registry = Registry::new().unwrap();
    let alice = registry.participant("alice");
    let long = registry.participant(&"x".repeat(200));
    let group = registry.sender_group(&["outgoing", "video"]).unwrap();
    let config = SenderConfig::new(0xFE, 90_000);
    let sent = registry.sender(&group, config).unwrap();
    let received = stream(&registry, "audio", 2);
    let opus = quality::Config::inbound(quality::Codec::Opus.loss_weight(true));
    registry.judge_sender(&sent, opus, Some(&alice)).unwrap();
    registry.judge(&received, opus, Some(&long)).unwrap();
    let wait = registry.histogram(&WAIT, &[]).unwrap();
    wait.record_for(1, sent.id());
    wait.record_for(50, received.id());
    let snapshot = registry.collect();
    let histogram = snapshot.histogram(WAIT.name(), &[]).unwrap();
    let labels = |i: usize| histogram.exemplars()[i].labels().collect::<Vec<_>>();
    assert_eq!(
        labels(0),
        [
            ("ssrc", "000000fe"),
            ("direction", "outgoing"),
            ("kind", "video"),
            ("participant", "alice")
        ]
    );
    // A name too long for an exemplar leaves the rest.
    assert_eq!(
        labels(1),
        [
            ("ssrc", "00000002"),
            ("direction", "incoming"),
            ("kind", "audio")
        ]
    );
}

#[test]
fn group_labels_of_our_names_win() {
    let registry = Registry::builder()
        .group_labels(&["ssrc", "participant"])
        .build()
        .unwrap();
    let group = registry.group(&["theirs", "nobody"]).unwrap();
    let a = registry
        .stream(&group, StreamConfig::new(1, 8_000))
        .unwrap();
    registry
        .histogram(&WAIT, &[])
        .unwrap()
        .record_for(1, a.id());
    let snapshot = registry.collect();
    let exemplar = &snapshot.histogram(WAIT.name(), &[]).unwrap().exemplars()[0];
    assert_eq!(
        exemplar.labels().collect::<Vec<_>>(),
        [("ssrc", "theirs"), ("participant", "nobody")]
    );
}

#[test]
fn more_buckets_than_boxes_share_the_lowest_box() {
    let bounds: Vec<f64> = (1..=100).map(f64::from).collect();
    let many = Desc::histogram("test_many", "Many.", &[])
        .dynamic_bounds(bounds)
        .exemplars();
    let registry = Registry::new().unwrap();
    let a = stream(&registry, "audio", 1);
    let histogram = registry.histogram(&many, &[]).unwrap();
    (1..=101).for_each(|value| histogram.record_for(value, a.id()));
    let snapshot = registry.collect();
    let values: Vec<u32> = shown(&snapshot, "test_many", &[])
        .iter()
        .map(|e| e.0 as u32)
        .collect();
    // The highest 63, and one of all below.
    let expected: Vec<u32> = [1].into_iter().chain(39..=101).collect();
    assert_eq!(values, expected);
}

/// Threads record at full speed while merges take. Each value tells its stream, so a torn box would show; after the
/// last merge every bucket that got a sample since the one before has one from there.
#[test]
fn under_load_nothing_is_torn_and_totals_are_exact() {
    const THREADS: u64 = 4;
    const EACH: u64 = 200_000;
    const STREAMS: u64 = 8;
    let registry = Registry::new().unwrap();
    let streams: Vec<Stream> = (0..STREAMS as u32)
        .map(|n| stream(&registry, "audio", n))
        .collect();
    let ids: Vec<u64> = streams.iter().map(Stream::id).collect();
    let wait = registry.histogram(&WAIT, &[]).unwrap();
    let done = AtomicBool::new(false);
    // All values of stream `n` leave the remainder `n`, and are in all buckets.
    let value = |i: u64| (i / STREAMS * 37 % 400) * STREAMS + i % STREAMS;
    let mut seen: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
    let mut check = |snapshot: &Snapshot| {
        for (bucket, (shown, ssrc)) in shown(snapshot, WAIT.name(), &[]).iter().enumerate() {
            let value = (shown * 100.0).round() as u64;
            let at_bound = [10, 100, 1_000].contains(&value); // shown as the bound that counts it
            assert!(
                at_bound || value % STREAMS == u64::from(*ssrc),
                "{value} of {ssrc}"
            );
            seen.entry(bucket).or_default().insert(*ssrc);
        }
    };
    std::thread::scope(|scope| {
        let recorders: Vec<_> = (0..THREADS)
            .map(|t| {
                let (wait, ids) = (&wait, &ids);
                scope.spawn(move || {
                    let local = wait.local();
                    for i in 0..EACH {
                        let stream = ids[(i % STREAMS) as usize];
                        match t % 2 {
                            0 => wait.record_for(value(i), stream),
                            _ => local.record_for(value(i), stream),
                        }
                    }
                })
            })
            .collect();
        let merger = scope.spawn(|| {
            while !done.load(Relaxed) {
                check(&registry.collect());
            }
        });
        recorders.into_iter().for_each(|t| t.join().unwrap());
        done.store(true, Relaxed);
        merger.join().unwrap();
    });
    (0..EACH).for_each(|i| wait.record_for(value(i), ids[(i % STREAMS) as usize]));
    let last = registry.collect();
    check(&last);
    let histogram = last.histogram(WAIT.name(), &[]).unwrap();
    assert_eq!(histogram.count(), (THREADS + 1) * EACH);
    assert_eq!(
        histogram.sum(),
        (THREADS + 1) * (0..EACH).map(value).sum::<u64>()
    );
    assert_eq!(histogram.exemplars().len(), 4);
    assert!(
        histogram
            .exemplars()
            .iter()
            .all(|e| e.time() == last.time())
    );
    assert_eq!(seen.len(), 4, "{seen:?}");
}

/// Streams made by many threads at once get ids and places in the list in different orders.
#[test]
fn streams_of_many_threads_are_all_found() {
    static BY: Desc = Desc::histogram("test_each", "Each.", &[])
        .labels(&["n"])
        .exemplars();
    let registry = Registry::new().unwrap();
    let streams: Vec<Stream> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u32)
            .map(|t| {
                let registry = registry.clone();
                scope.spawn(move || {
                    let make = |n| stream(&registry, "audio", t * 100 + n);
                    (0..50).map(make).collect::<Vec<_>>()
                })
            })
            .collect();
        while !threads.iter().all(|t| t.is_finished()) {
            registry.collect();
        }
        threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect()
    });
    let name = |s: &Stream| s.ssrc().to_string();
    for s in &streams {
        registry
            .histogram(&BY, &[&name(s)])
            .unwrap()
            .record_for(1, s.id());
    }
    let snapshot = registry.collect();
    for s in &streams {
        assert_eq!(
            shown(&snapshot, "test_each", &[&name(s)]),
            [(1.0, s.ssrc())]
        );
    }
}
