//! Rules on which the vectors are silent: LOST, reports, silence, layers, times.

use std::time::Duration;

use media_metrics_core::quality::{
    Config, LayeredScorer, MAX_LAYER_DISTANCE, Outcome, Rating, Reason, Scorer, Skip, Window,
};

use crate::{LENGTH, clean, scored, secs};

fn lost_scorer() -> Scorer {
    let mut scorer = Scorer::new(Config::inbound(8.0), secs(0));
    let dead = Window {
        last_rtcp: Some(secs(0)),
        duration: LENGTH,
        ..Window::default()
    };
    let quality = scored(scorer.update(secs(6), &dead));
    assert_eq!((quality.rating, quality.score), (Rating::Lost, 20.0));
    scorer
}

#[test]
fn only_media_end_lost() {
    let mut scorer = lost_scorer();
    scorer.set_paused(secs(7), true);
    scorer.set_layer_muted(secs(7), true);
    scorer.set_muted(secs(7), true);
    assert_eq!(scorer.quality().rating, Rating::Lost);
    scorer.set_muted(secs(8), false);
    scorer.set_layer_muted(secs(8), false);
    scorer.set_paused(secs(8), false);
    let heard = Window {
        last_rtcp: Some(secs(20)),
        ..clean(0)
    };
    assert_eq!(scored(scorer.update(secs(20), &heard)).rating, Rating::Lost);
    let media = scored(scorer.update(secs(25), &clean(250)));
    assert_eq!((media.rating, media.score), (Rating::Good, 52.0));
    let dry = scored(scorer.update(secs(30), &clean(0)));
    assert_eq!(
        (dry.rating, dry.score),
        (Rating::Poor, 40.0),
        "LOST is over"
    );
}

#[test]
fn a_lost_stream_is_resumed_as_lost() {
    for (score, rating) in [(20.0, Rating::Lost), (20.001, Rating::Excellent)] {
        let mut scorer = Scorer::resume(Config::inbound(8.0), secs(0), score);
        scorer.set_muted(secs(1), true);
        assert_eq!(scorer.quality().rating, rating, "{score}");
    }
}

#[test]
fn mute_keeps_expectations_but_layer_mute_and_pause_do_not() {
    type Set = fn(&mut Scorer, Duration, bool);
    let events: [(Set, f64); 3] = [
        (Scorer::set_muted, 65.0),
        (Scorer::set_layer_muted, 100.0),
        (Scorer::set_paused, 100.0),
    ];
    for (set, layer) in events {
        let mut scorer = Scorer::new(Config::inbound(8.0), secs(0));
        scorer.expect_layer_distance(secs(0), 1.0);
        set(&mut scorer, secs(1), true);
        set(&mut scorer, secs(2), false);
        let quality = scored(scorer.update(secs(5), &clean(250)));
        assert_eq!(quality.parts.unwrap().layer, layer);
    }
}

/// A window in which 250 packets were sent, and reported at `last_rtcp` if that is in it.
fn sent(end: Duration, last_rtcp: Option<Duration>) -> Window {
    let reported = last_rtcp.is_some_and(|last| last > end - LENGTH);
    Window {
        sent: 250,
        last_rtcp,
        ..clean(if reported { 250 } else { 0 })
    }
}

#[test]
fn a_subscriber_that_never_reports_is_poor_then_lost() {
    let mut scorer = Scorer::new(Config::outbound(8.0), secs(0));
    for s in (5..=90).step_by(5) {
        let outcome = scorer.update(secs(s), &sent(secs(s), None));
        if s <= 30 {
            assert_eq!(outcome, Outcome::Skipped(Skip::AwaitingReport), "{s} s");
            assert_eq!(scorer.quality().score, 100.0);
            continue;
        }
        let expected = if s <= 60 { Rating::Poor } else { Rating::Lost };
        let quality = scored(outcome);
        assert_eq!((quality.rating, quality.parts), (expected, None), "{s} s");
        assert_eq!(quality.reason, Some(Reason::Rtcp));
    }
    let quality = scored(scorer.update(secs(95), &sent(secs(95), Some(secs(94)))));
    assert_eq!(
        (quality.score, quality.reason),
        (52.0, Some(Reason::Packet))
    );
}

#[test]
fn a_subscriber_that_stops_reporting_keeps_its_score_then_is_poor_then_lost() {
    let mut scorer = Scorer::new(Config::outbound(8.0), secs(0));
    for s in (5..=300).step_by(5) {
        let mut window = sent(secs(s), Some(secs(s.min(60))));
        if s == 60 {
            window.lost = 20; // 36 points
        }
        let outcome = scorer.update(secs(s), &window);
        let score = scorer.quality().score;
        match s {
            0..=55 => assert_eq!(scored(outcome).score, 100.0, "{s} s"),
            56..=60 => assert!((scored(outcome).score - 48.8).abs() < 1e-9, "{score}"),
            61..=90 => {
                assert_eq!(outcome, Outcome::Skipped(Skip::AwaitingReport), "{s} s");
                assert!(
                    (score - 48.8).abs() < 1e-9,
                    "unknown is not lossless: {score}"
                );
            }
            91..=120 => assert_eq!(scored(outcome).rating, Rating::Poor, "{s} s"),
            _ => assert_eq!(scored(outcome).rating, Rating::Lost, "{s} s"),
        }
    }
    // And once a report comes again, windows without one were no readings of the rate.
    let _ = scored(scorer.update(secs(305), &sent(secs(305), Some(secs(304)))));
    assert_eq!(scorer.usual_pps(0), Some(50.0));
}

#[test]
fn a_window_is_no_longer_than_the_time_since_the_last() {
    let mut scorer = Scorer::new(Config::outbound(8.0), secs(1_000));
    let boasting = Window {
        duration: secs(1_000),
        ..sent(secs(1_005), None)
    };
    let outcome = scorer.update(secs(1_005), &boasting);
    assert_eq!(outcome, Outcome::Skipped(Skip::AwaitingReport));
}

#[test]
fn a_subscriber_whom_nothing_reaches_is_dry() {
    let mut scorer = Scorer::new(Config::outbound(8.0), secs(0));
    let nothing = Window {
        packets: 0,
        ..sent(secs(5), Some(secs(4)))
    };
    let quality = scored(scorer.update(secs(5), &nothing));
    assert_eq!((quality.score, quality.reason), (40.0, Some(Reason::Dry)));
}

#[test]
fn reports_do_not_age_while_nothing_is_sent() {
    let mut scorer = Scorer::new(Config::outbound(8.0), secs(0));
    let _ = scored(scorer.update(secs(5), &sent(secs(5), Some(secs(4)))));
    for s in (10..=300).step_by(5) {
        let idle = Window {
            last_rtcp: Some(secs(4)),
            ..clean(0)
        };
        assert_eq!(scorer.update(secs(s), &idle), Outcome::Skipped(Skip::Idle));
    }
    let awaiting = Outcome::Skipped(Skip::AwaitingReport);
    let again = sent(secs(305), Some(secs(4)));
    assert_eq!(scorer.update(secs(305), &again), awaiting);
    scorer.set_paused(secs(306), true);
    let outcome = scorer.update(secs(400), &again);
    assert_eq!(outcome, Outcome::Skipped(Skip::Paused));
    scorer.set_paused(secs(401), false);
    assert_eq!(scorer.update(secs(405), &again), awaiting);
}

#[test]
fn windows_without_time_are_skipped_and_a_clock_may_jump_once() {
    let mut scorer = Scorer::new(Config::inbound(8.0), secs(10));
    let no_time = Outcome::Skipped(Skip::NoTime);
    assert_eq!(scorer.update(secs(10), &clean(0)), no_time);
    let _ = scored(scorer.update(Duration::MAX, &clean(250)));
    assert_eq!(scorer.update(secs(20), &clean(0)), no_time);
    assert_eq!(scored(scorer.update(secs(25), &clean(0))).score, 40.0);
    let empty = scorer.update(secs(30), &Window::default());
    assert_eq!(empty, Outcome::Skipped(Skip::Idle), "nothing, in no time");
}

#[test]
fn losses_in_silence_weigh_less_with_the_silence_rule() {
    let scores = [false, true].map(|ignore_silence| {
        let mut config = Config::inbound(8.0);
        config.ignore_silence = ignore_silence;
        let mut scorer = Scorer::new(config, secs(0));
        for i in 1..=40 {
            let packets = if i % 5 == 0 { 250 } else { 12 };
            let _ = scored(scorer.update(i * LENGTH, &clean(packets)));
        }
        let lossy = Window {
            lost: 1,
            ..clean(12)
        };
        scored(scorer.update(41 * LENGTH, &lossy))
            .parts
            .unwrap()
            .packet
    });
    let full = 100.0 - 100.0 / 12.0 * 8.0;
    let light = 100.0 - 100.0 / 12.0 * 8.0 * (2.4f64 / 50.0).sqrt();
    assert!((scores[0] - full).abs() < 1e-9, "off: {}", scores[0]);
    assert!((scores[1] - light).abs() < 1e-9, "on: {}", scores[1]);
}

#[test]
fn switching_a_layer_off_is_no_change_of_rate() {
    let mut layered: LayeredScorer<2> = LayeredScorer::new(Config::inbound(10.0), secs(0));
    let mut summed = Scorer::new(Config::inbound(10.0), secs(0));
    for i in 1..=20 {
        let _ = scored(layered.update_layers(i * LENGTH, &[clean(250), clean(750)]));
        let _ = scored(summed.update(i * LENGTH, &clean(1_000)));
    }
    assert_eq!(
        [layered.usual_pps(0), layered.usual_pps(1)],
        [Some(50.0), Some(150.0)]
    );
    assert_eq!(layered.usual_pps(2), None);
    let lossy = Window {
        lost: 10,
        ..clean(250)
    };
    let mut got = layered.quality();
    for i in 21..=70 {
        got = scored(layered.update_layers(i * LENGTH, &[lossy, clean(0)]));
    }
    assert_eq!(layered.usual_pps(1), Some(150.0), "off is not slow");
    assert_eq!(
        got.parts.unwrap().packet,
        60.0,
        "full weight: the rate is as usual"
    );
    let got = scored(summed.update(21 * LENGTH, &lossy));
    assert_eq!(
        got.parts.unwrap().packet,
        80.0,
        "half weight: a quarter of the rate"
    );
}

#[test]
fn expectations_that_cannot_be_used_are_counted() {
    let mut scorer = Scorer::new(Config::inbound(8.0), secs(0));
    scorer.expect_bitrate(secs(3), 1);
    scorer.expect_bitrate(secs(2), 1);
    scorer.expect_layer_distance(secs(3), f64::NAN);
    scorer.expect_layer_distance(secs(3), 1_000.0);
    assert_eq!(scorer.refused(), 2);
    // The huge one is as far as it gets, so that its millisecond does not outweigh the window.
    let at = Duration::from_millis(3_001);
    scorer.expect_layer_distance(at, 0.0);
    let layer = scored(scorer.update(secs(5), &clean(250)))
        .parts
        .unwrap()
        .layer;
    let expected = 100.0 - 35.0 * MAX_LAYER_DISTANCE / 2_000.0;
    assert!((layer - expected).abs() < 1e-9, "{layer}");
}

#[test]
fn a_scorer_owns_no_heap_and_stays_small() {
    assert!(!std::mem::needs_drop::<LayeredScorer<3>>());
    assert!(size_of::<Scorer>() <= 1_024, "{}", size_of::<Scorer>());
}
