//! How fast totals may grow: to the last millisecond, and for a sender that does whatever it can.

use super::*;

const FREEZE_FAMILY: &str = "media_client_freeze_seconds_total";

/// From the table of the module `client`: the largest that is believed, and the largest rate.
fn range(label: u32) -> (f32, f64) {
    match label {
        3 | 5 | 9 | 10 => (2f32.powi(30), 1_000.0),
        7 | 8 | 13 => (2f32.powi(42), 384_000.0),
        12 => (2f32.powi(40), 1_920_000.0),
        _ => (2f32.powi(27), 1.0),
    }
}

/// The next float.
fn above(value: f32) -> f32 {
    f32::from_bits(value.to_bits() + 1)
}

#[test]
fn a_first_total_counts_up_to_a_day_and_goes_on_from_there_if_larger() {
    let mut bench = Bench::new();
    for (label, family, values, per_unit) in COUNTERS {
        let (_, per_second) = range(label);
        let day = (86_400.0 * per_second) as f32;
        bench.say(label, "TR_day", &[(1, day)]);
        let counted = bench.counter(family, values);
        assert_eq!(counted, (f64::from(day) * per_unit) as u64, "{family}");
        let larger = day * 1.5;
        let step = (30.0 * per_second) as f32;
        bench.say(label, "TR_older", &[(1, larger), (2, larger + step)]);
        let growth = f64::from(larger + step) - f64::from(larger);
        assert_eq!(
            bench.counter(family, values) - counted,
            (growth * per_unit) as u64,
            "{family}"
        );
    }
    assert_eq!(bench.dropped("out_of_range"), 14);
    assert_eq!(bench.resets(), 0);
}

#[test]
fn what_is_never_believed_begins_nothing() {
    let mut bench = Bench::new();
    for (label, ..) in COUNTERS {
        let (max, _) = range(label);
        bench.say(label, "TR_1", &[(1, above(max))]);
    }
    assert_eq!(
        (bench.sender.series(), bench.dropped("out_of_range")),
        (0, 14)
    );
    for (label, ..) in COUNTERS {
        let (max, _) = range(label);
        bench.say(label, "TR_1", &[(1, max)]);
    }
    assert_eq!(
        (bench.sender.series(), bench.dropped("out_of_range")),
        (14, 28)
    );
}

/// 60 s at once, and a tenth more than what passed.
#[test]
fn growth_ends_where_it_says() {
    for (label, ..) in COUNTERS {
        let (_, per_second) = range(label);
        let seconds = |s: f64| (s * per_second) as f32;
        let mut bench = Bench::new();
        let mut at = 0;
        let mut is_taken = |bench: &mut Bench, total: f32| {
            at += 1;
            let before = bench.dropped("out_of_range");
            bench.say(label, "TR_1", &[(at, total)]);
            bench.dropped("out_of_range") == before
        };
        assert!(is_taken(&mut bench, 0.0));
        assert!(!is_taken(&mut bench, seconds(60.125)), "{label}");
        assert!(is_taken(&mut bench, seconds(60.0)), "{label}");
        assert!(!is_taken(&mut bench, seconds(60.125)), "{label}");
        bench.pass(10);
        assert!(!is_taken(&mut bench, seconds(71.125)), "{label}");
        assert!(is_taken(&mut bench, seconds(71.0)), "{label}");
        // A freeze of two hours shows at its end.
        bench.pass(7_200);
        assert!(is_taken(&mut bench, seconds(71.0 + 7_200.0)), "{label}");
        assert_eq!(bench.resets(), 0);
    }
}

/// A total that always grows, by a clock that is a thousandth too fast, is counted for a month.
#[test]
fn real_time_is_never_too_fast() {
    let mut bench = Bench::new();
    let report_s = 60;
    for report in 0..30 * 1_440 {
        let total = f64::from(report * report_s) * 1.001;
        bench.say(
            LIMITED_BY_CPU,
            "TR_1",
            &[((total * 1e3) as i64, total as f32)],
        );
        bench.pass(report_s);
    }
    assert_eq!(bench.dropped("out_of_range"), 0);
}

#[test]
fn a_series_begins_anew_six_times_and_then_each_ten_seconds() {
    let mut bench = Bench::new();
    let mut at = 0;
    let mut fall = |bench: &mut Bench, times: u32| {
        for _ in 0..times {
            at += 2;
            bench.say(FREEZES, "TR_1", &[(at, 2.0), (at + 1, 1.0)]);
        }
    };
    fall(&mut bench, 100);
    assert_eq!(bench.resets(), 6);
    bench.pass(9);
    fall(&mut bench, 100);
    assert_eq!(bench.resets(), 6);
    bench.pass(1);
    fall(&mut bench, 100);
    assert_eq!(bench.resets(), 7);
    bench.pass(3_600);
    fall(&mut bench, 100);
    assert_eq!(bench.resets(), 13);
    // The first, what each fall left, and the rises between.
    assert_eq!(bench.dropped("out_of_range"), 400 - 13);
}

/// New tracks, totals that leap and fall, each second for two hours: never more than the documentation says.
#[test]
fn a_sender_that_does_what_it_can_adds_what_it_may() {
    let mut bench = Bench::new();
    let (mut at, mut last, mut new) = (0, 0, 0);
    let start = bench.now;
    for second in 0..7_200u64 {
        for i in 0..MAX_SERIES {
            // Old series leap and fall; each minute all are silent, and new ones take their place.
            let generation = second / 90;
            if second % 90 < 20 || i % 64 == 0 {
                at += 2;
                let leap = [40.0, 86_400.0, 3_000.0, 1e8][(second as usize + i) % 4];
                let track = format!("TR_{generation}_{i}");
                bench.say(FREEZE_SECONDS, &track, &[(at, leap), (at + 1, 0.0)]);
                new += 1;
            }
        }
        let counted = bench.counter(FREEZE_FAMILY, &[]);
        assert!(counted >= last);
        last = counted;
        let passed = bench.now.since(start).as_secs_f64();
        let may = 128.0 * (3.0 * 3_600.0 + 1.1 * passed) * 1e6;
        assert!(counted as f64 <= may, "{second}: {counted} {may}");
        bench.pass(1);
    }
    assert!(new > 100_000);
    // And it may do nearly all of that.
    assert!(last as f64 > 128.0 * 3.0 * 3_600.0 * 1e6, "{last}");
}
