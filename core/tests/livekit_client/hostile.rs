//! Values, times and floods that nobody honest sends; and what memory they get.

use super::*;

#[test]
fn values_beyond_belief_are_dropped_and_change_nothing() {
    let bad = [
        f32::NAN,
        -f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::MIN,
        -1.0,
        -f32::MIN_POSITIVE,
    ];
    let mut bench = Bench::new();
    for label in 0..20 {
        bench.say(label, "TR_bad", &bad.map(|value| (1_000, value)));
    }
    assert_eq!(bench.dropped("out_of_range"), 20 * bad.len() as u64);
    assert_eq!(bench.sender.series(), 0);
    // Nor do they take the place of the last value or time.
    bench.say(
        FREEZES,
        "TR_1",
        &[(1_000, 5.0), (9_000, f32::NAN), (2_000, -0.0), (3_000, 6.0)],
    );
    assert_eq!(bench.counter("media_client_freezes_total", &[]), 11);
    assert_eq!(bench.resets(), 1);
}

/// The largest latencies go in exactly, and the next float does not.
#[test]
fn latencies_end_where_they_say() {
    let mut bench = Bench::new();
    for (label, family, value) in DISTRIBUTIONS {
        let largest = if label < 3 { 600.0f32 } else { 60.0 };
        let above = f32::from_bits(largest.to_bits() + 1);
        bench.say(label, "TR_1", &[(1, largest), (2, above)]);
        let snapshot = bench.registry.collect();
        let histogram = snapshot.histogram(family, &[value]).unwrap();
        let expected = f64::from(largest) * 1e6;
        assert_eq!(
            histogram.sum(),
            expected as u64,
            "{family} {value}: not cut off"
        );
    }
    assert_eq!(bench.dropped("out_of_range"), 6);
}

#[test]
fn times_at_both_ends_are_times() {
    let mut bench = Bench::new();
    let ends = [
        (i64::MIN + 1, 1.0),
        (0, 2.0),
        (i64::MAX, 3.0),
        (i64::MIN, 4.0),
        (i64::MAX, 5.0),
    ];
    bench.say(FREEZES, "TR_1", &ends);
    assert_eq!(bench.counter("media_client_freezes_total", &[]), 3);
    for now in [i64::MIN, i64::MAX] {
        bench.now = ServerTime::from_ns(now);
        bench.say(FREEZES, "TR_2", &[(now, 1.0)]);
    }
    assert_eq!(bench.sender.series(), 2);
}

#[test]
fn a_flood_of_tracks_is_bounded_and_silent_ones_give_way() {
    let mut bench = Bench::new();
    bench.say(FREEZES, "TR_mine", &[(1_000, 1.0)]);
    let flood = |bench: &mut Bench, name: &str, n: usize| {
        for i in 0..n {
            bench.say(FREEZES, &format!("TR_{name}{i}"), &[(1_000, 1.0)]);
        }
    };
    flood(&mut bench, "a", 100_000);
    let refused = 100_001 - MAX_SERIES as u64;
    assert_eq!(bench.sender.series(), MAX_SERIES);
    assert_eq!(bench.dropped("too_many_series"), refused);
    assert_eq!(
        bench.counter("media_client_freezes_total", &[]),
        MAX_SERIES as u64
    );

    // Those that are followed go on being followed.
    bench.pass(SILENT_S - 1);
    bench.say(FREEZES, "TR_mine", &[(2_000, 2.0)]);
    flood(&mut bench, "b", 1_000);
    assert_eq!(bench.dropped("too_many_series"), refused + 1_000);

    // A second later the others were silent for long enough.
    bench.pass(1);
    flood(&mut bench, "c", MAX_SERIES);
    assert_eq!(bench.sender.series(), MAX_SERIES);
    assert_eq!(bench.dropped("too_many_series"), refused + 1_001);
    bench.say(FREEZES, "TR_mine", &[(3_000, 3.0)]);
    let counted = bench.counter("media_client_freezes_total", &[]);
    assert_eq!(counted, 2 * MAX_SERIES as u64 - 1 + 2);
    assert_eq!(bench.resets(), 0);
}

#[test]
fn the_scrape_does_not_grow_with_what_clients_make_up() {
    let mut bench = Bench::new();
    let before = series(&bench.registry);
    for i in 0..2_000 {
        bench.say(i * 7, &format!("TR_{i}"), &[(i64::from(i), i as f32)]);
    }
    assert_eq!(series(&bench.registry), before);
}

/// What `ClientState` promises: 576 bytes for 15 series, 16 KiB for the most; all given back.
#[test]
fn ten_thousand_senders_are_small() {
    let bench = Bench::new();
    let tracks: Vec<String> = (0..MAX_SERIES).map(|i| format!("TR_{i}")).collect();
    let samples = [sample(1, 1.0)];
    let say = |sender: &mut ClientState, n: usize| {
        let rows = tracks[..n].iter().map(|track| ClientRow {
            track,
            samples: &samples,
            ..ROW
        });
        bench.metrics.observe(sender, bench.now, rows);
    };
    say(&mut ClientState::new(), 1); // this thread's cells
    let bytes = |senders: usize, series: usize| {
        let mut all = Vec::new();
        let used = allocation_counter::measure(|| {
            all = (0..senders).map(|_| ClientState::new()).collect();
            all.iter_mut().for_each(|sender| say(sender, series));
        });
        let freed = allocation_counter::measure(|| all.clear());
        let inline = (senders * size_of::<ClientState>()) as i64;
        assert_eq!(
            used.bytes_current + freed.bytes_current,
            inline,
            "all given back"
        );
        used.bytes_current
    };
    assert_eq!(bytes(10_000, 15), 10_000 * 576);
    assert_eq!(bytes(1, MAX_SERIES), 64 + 16 * 1_024);
}
