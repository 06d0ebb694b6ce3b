//! Counters that come to their ends: they wrap where it is said that they wrap, and nothing else goes wrong.

use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::{Desc, Registry, catalog};

use super::books::small;
use super::packets::{Studio, Traffic, packet};

static HITS: Desc = Desc::counter("t_hits_total", "Hits.");
static TIMES: Desc = Desc::histogram("t_times", "Times.", &[10.0]).layout_of(2, u64::MAX);
static JOINS: Desc = Desc::exact_histogram("t_joins", "Joins.", &[10.0]);
static LEVEL: Desc = Desc::gauge("t_level", "A level.");

/// Does it on three threads, each of which lives until all have done it: so each has cells of its own.
fn on_three_threads(work: impl Fn(u64) + Sync) {
    let all = std::sync::Barrier::new(3);
    std::thread::scope(|scope| {
        for n in 0..3 {
            let (work, all) = (&work, &all);
            scope.spawn(move || {
                work(n);
                all.wait();
            });
        }
    });
}

#[test]
fn a_counter_wraps_at_2_to_the_64_in_one_thread_and_over_all() {
    let registry = small();
    let hits = registry.counter(&HITS, &[]).unwrap();
    let published = |r: &Registry| r.collect().counter(HITS.name(), &[]);
    hits.add(u64::MAX - 1);
    assert_eq!(published(&registry), Some(u64::MAX - 1));
    hits.inc();
    assert_eq!(
        (published(&registry), hits.total()),
        (Some(u64::MAX), u64::MAX)
    );
    hits.add(5); // this thread's cell wraps
    assert_eq!((published(&registry), hits.total()), (Some(4), 4));
    on_three_threads(|n| hits.add(u64::MAX - n)); // their sum wraps: less 1, 2 and 3
    let expected = 4_u64.wrapping_sub(6);
    assert_eq!(
        (published(&registry), hits.total()),
        (Some(expected), expected)
    );
    // Whoever takes differences in wrapping arithmetic, as for any counter of 64 bits, has lost nothing.
    hits.local().add(6);
    assert_eq!(published(&registry), Some(4));
}

#[test]
fn a_histograms_counts_stop_at_their_largest_over_all_threads_and_its_sum_wraps() {
    let registry = small();
    let times = registry.histogram(&TIMES, &[]).unwrap();
    times.record_n(3, u64::MAX);
    let snapshot = registry.collect();
    let first = snapshot.histogram(TIMES.name(), &[]).unwrap();
    assert_eq!(
        (first.count(), first.sum()),
        (u64::MAX, 3_u64.wrapping_mul(u64::MAX))
    );
    on_three_threads(|n| {
        times.record_n(3, u64::MAX - n);
        times.record(u64::MAX);
    });
    let snapshot = registry.collect();
    let all = snapshot.histogram(TIMES.name(), &[]).unwrap();
    // It can't be told any more how many there were; but not fewer than before.
    assert_eq!(all.count(), u64::MAX);
    assert_eq!(all.classic().collect::<Vec<_>>(), [u64::MAX; 2]);
    assert_eq!(all.counts().iter().filter(|&&n| n > 0).count(), 2);
    let wrapped = [u64::MAX, u64::MAX, u64::MAX - 1, u64::MAX - 2];
    let threes = wrapped
        .iter()
        .fold(0_u64, |sum, n| sum.wrapping_add(n.wrapping_mul(3)));
    assert_eq!(all.sum(), threes.wrapping_add(u64::MAX.wrapping_mul(3)));
    assert_eq!((all.quantile(0.5), all.max()), (Some(3), Some(u64::MAX)));
    assert!(all.summary().is_some() && all.clamped() == 0);
    // What is at its largest can't be seen to grow.
    assert_eq!(all.increases(Some(first)).count(), 0);
}

#[test]
fn an_exact_sum_stays_a_number() {
    let registry = small();
    let joins = registry.exact_histogram(&JOINS, &[]).unwrap();
    joins.record(f64::MAX);
    joins.record(f64::MAX); // would be infinite: counts, and is not in the sum
    on_three_threads(|_| joins.record(f64::MAX)); // nor over all threads
    joins.record_n(-1e300, u64::MAX - 1); // times so many, infinite
    joins.record(f64::NEG_INFINITY);
    joins.record(f64::NAN);
    let snapshot = registry.collect();
    let all = snapshot.histogram(JOINS.name(), &[]).unwrap();
    assert_eq!(all.exact_sum(), Some(f64::MAX));
    assert_eq!(all.clamped(), 2);
    assert_eq!(all.count(), u64::MAX); // at its largest: those in the first bucket, and six more
}

#[test]
fn a_gauge_is_exact_to_the_last_whole_number() {
    const LAST: f64 = 9_007_199_254_740_992.0; // 2^53
    let registry = small();
    let level = registry.gauge(&LEVEL, &[]).unwrap();
    let published = |r: &Registry| r.collect().gauge(LEVEL.name(), &[]);
    level.add(LAST - 1.0);
    level.inc();
    assert_eq!(published(&registry), Some(LAST));
    on_three_threads(|_| level.dec());
    assert_eq!(published(&registry), Some(LAST - 3.0));
    level.set(-LAST);
    level.inc();
    assert_eq!(published(&registry), Some(1.0 - LAST));
    level.add(f64::MAX);
    level.add(f64::MAX); // would be infinite: not made, since it could not be taken back
    level.add(-f64::MAX);
    level.set(7.0);
    assert_eq!(published(&registry), Some(7.0));
}

/// Numbers, times and lengths at the ends of their types: packets and bytes are exact all the same.
#[test]
fn streams_count_packets_of_any_number_time_and_length() {
    let registry = small();
    let studio = Studio::new(&registry);
    let mut traffic = Traffic::default();
    let mut received = studio.receive(&mut traffic).unwrap();
    let mut sent = studio.send(&mut traffic).unwrap();
    let ends = [0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX];
    let mut bytes = 0;
    for (i, at) in ends.into_iter().cycle().take(500).enumerate() {
        let header = RtpHeader {
            sequence: 65_400_u64.wrapping_add(i as u64) as u16, // over the wrap
            timestamp: (u32::MAX - 1_000).wrapping_add(i as u32 * 160),
            packet_len: if i % 2 == 0 { u32::MAX } else { 12 },
            header_len: 12,
            ..packet(0)
        };
        bytes += u64::from(header.packet_len);
        received.on_rtp(&header, at);
        sent.on_rtp(&header, at);
    }
    drop((received, sent));
    let snapshot = registry.collect();
    let total =
        |what: &str, group: [&str; 2]| snapshot.counter(&format!("media_rtp_{what}_total"), &group);
    let incoming = ["incoming", "audio"];
    assert_eq!(total("packets", incoming), Some(500));
    assert_eq!(total("packets_expected", incoming), Some(500));
    assert_eq!(total("bytes", incoming), Some(bytes));
    let outgoing = ["outgoing", "audio"];
    assert_eq!(total("sent_packets", outgoing), Some(500));
    assert_eq!(total("sent_bytes", outgoing), Some(bytes));
}

/// What a group's totals come to is added to its series: those wrap as any counter does, and lose nothing.
#[test]
fn a_groups_totals_wrap_at_2_to_the_64() {
    const AUDIO: [&str; 2] = ["incoming", "audio"];
    let registry = small();
    let studio = Studio::new(&registry);
    for (desc, before) in [
        (&catalog::RTP_PACKETS, u64::MAX - 10),
        (&catalog::RTP_EXPECTED, u64::MAX - 10),
        (&catalog::RTP_BYTES, u64::MAX - 1_000),
    ] {
        let desc = desc.clone().labels(&["direction", "kind"]);
        registry.counter(&desc, &AUDIO).unwrap().add(before);
    }
    let total = |what: &str| {
        let name = format!("media_rtp_{what}_total");
        registry.collect().counter(&name, &AUDIO).unwrap()
    };
    assert_eq!(total("packets"), u64::MAX - 10);
    let mut stream = studio.receive(&mut Traffic::default()).unwrap();
    for n in 0..500_u16 {
        stream.on_rtp(&packet(n), u64::from(n) * 20_000_000);
        if n == 9 || n == 10 {
            // The last that there is, and the first after it: folded one by one.
            let expected = (u64::MAX - 10).wrapping_add(u64::from(n) + 1);
            assert_eq!(
                (total("packets"), total("packets_expected")),
                (expected, expected)
            );
        }
    }
    assert_eq!(total("packets"), 489);
    drop(stream);
    let bytes = 500 * u64::from(packet(0).packet_len);
    assert_eq!((total("packets"), total("packets_expected")), (489, 489));
    assert_eq!(total("bytes"), (u64::MAX - 1_000).wrapping_add(bytes));
}
