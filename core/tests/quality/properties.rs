//! What holds for any input, however false: bounds, monotony, order, and no panic.

use std::time::Duration;

use media_metrics_core::quality::{
    Config, LayeredScorer, MAX_LAYER_DISTANCE, Quality, Rating, Reason, Scorer, Window,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::{LENGTH, clean, scored, secs};

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(20_261),
        cases,
        ..ProptestConfig::default()
    }
}

/// A number of any size: a uniform one is almost never small.
fn any_scale() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64u32).prop_map(|(x, shift)| x >> shift)
}

fn any_time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        8 => (0..600_000u64).prop_map(Duration::from_millis),
        1 => any_scale().prop_map(Duration::from_nanos),
        1 => Just(Duration::MAX),
    ]
}

fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        -5.0..20.0f64,
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
    ]
}

prop_compose! {
    fn any_window()(
        (duration, rtt, jitter) in (any_time(), any_time(), any_time()),
        (packets, padding_packets, bytes) in (any_scale(), any_scale(), any_scale()),
        lost in prop_oneof![any_scale().prop_map(|l| l as i64), any::<i64>()],
        (missing, recovered, sent) in (any_scale(), any_scale(), any_scale()),
        last_rtcp in prop::option::of(any_time()),
        empty in any::<bool>(),
    ) -> Window {
        let (packets, padding_packets) = if empty { (0, 0) } else { (packets, padding_packets) };
        Window { duration, packets, padding_packets, lost, missing, recovered, sent, bytes, rtt,
            jitter, last_rtcp }
    }
}

prop_compose! {
    fn any_config()(
        loss_weight in any_float(),
        (include_rtt, include_jitter, bitrate_score, ignore_silence) in any::<(bool, bool, bool, bool)>(),
        rate_half_life in prop::option::of(any_time()),
        outbound in any::<bool>(),
    ) -> Config {
        let mut config = if outbound { Config::outbound(loss_weight) } else { Config::inbound(loss_weight) };
        config.include_rtt = include_rtt;
        config.include_jitter = include_jitter;
        config.bitrate_score = bitrate_score;
        config.ignore_silence = ignore_silence;
        config.rate_half_life = rate_half_life;
        config
    }
}

#[derive(Clone, Debug)]
enum Event {
    Update(Box<[Window; 2]>),
    Mute(bool),
    LayerMute(bool),
    Pause(bool),
    Bitrate(u64),
    Distance(f64),
    Weight(f64),
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => [any_window(), any_window()].prop_map(|w| Event::Update(Box::new(w))),
        1 => any::<bool>().prop_map(Event::Mute),
        1 => any::<bool>().prop_map(Event::LayerMute),
        1 => any::<bool>().prop_map(Event::Pause),
        2 => any_scale().prop_map(Event::Bitrate),
        2 => any_float().prop_map(Event::Distance),
        1 => any_float().prop_map(Event::Weight),
    ]
}

fn apply<const N: usize>(scorer: &mut LayeredScorer<N>, at: Duration, event: &Event) {
    match event {
        Event::Update(w) => {
            let windows = std::array::from_fn(|i| w[i % 2]);
            let _ = scorer.update_layers(at, &windows);
        }
        &Event::Mute(on) => scorer.set_muted(at, on),
        &Event::LayerMute(on) => scorer.set_layer_muted(at, on),
        &Event::Pause(on) => scorer.set_paused(at, on),
        &Event::Bitrate(bps) => scorer.expect_bitrate(at, bps),
        &Event::Distance(layers) => scorer.expect_layer_distance(at, layers),
        &Event::Weight(weight) => scorer.set_loss_weight(weight),
    }
}

/// Bounds, and that score, MOS, rating and parts agree with one another.
fn check(q: Quality) -> Result<(), TestCaseError> {
    prop_assert!((20.0..=100.0).contains(&q.score), "{q:?}");
    prop_assert!((1.0..=4.5).contains(&q.mos), "{q:?}");
    prop_assert_eq!(q.rating, Rating::of(q.score));
    prop_assert!(q.rating == Rating::Lost || q.score >= 30.0, "{:?}", q);
    if let Some(parts) = q.parts {
        for part in [parts.packet, parts.bitrate, parts.layer] {
            prop_assert!((0.0..=100.0).contains(&part), "{q:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// No input, however false, leads out of bounds or to a panic.
    #[test]
    fn any_history_stays_in_bounds(
        config in any_config(),
        events in prop::collection::vec((any_time(), any_event()), 0..60),
        sorted in any::<bool>(),
    ) {
        let mut times: Vec<_> = events.iter().map(|(at, _)| *at).collect();
        if sorted {
            times.sort_unstable();
        }
        let mut plain = Scorer::new(config, secs(0));
        let mut layered: LayeredScorer<2> = LayeredScorer::new(config, secs(0));
        for (at, (_, event)) in times.iter().zip(&events) {
            apply(&mut plain, *at, event);
            apply(&mut layered, *at, event);
            check(plain.quality())?;
            check(layered.quality())?;
        }
    }

    /// Nor does any score to go on from.
    #[test]
    fn any_score_can_be_resumed(score in any_float(), window in any_window()) {
        let mut scorer = Scorer::resume(Config::inbound(8.0), secs(0), score);
        prop_assert!((20.0..=100.0).contains(&scorer.quality().score));
        let _ = scorer.update(secs(5), &window);
        prop_assert!((20.0..=100.0).contains(&scorer.quality().score));
    }

    /// After nonsense of any kind, four minutes of clean windows lead back to the best score.
    #[test]
    fn nonsense_is_outlived(
        config in any_config(),
        events in prop::collection::vec((any_time(), any_event()), 0..40),
    ) {
        let mut scorer = Scorer::new(config, secs(0));
        for (at, event) in &events {
            apply(&mut scorer, *at, event);
        }
        let at = |i: u32| secs(7_000) + i * LENGTH;
        // Ends what is left of mutes and expectations.
        for on in [false, true, false] {
            scorer.set_muted(at(0), on);
            scorer.set_layer_muted(at(0), on);
            scorer.set_paused(at(0), on);
        }
        for i in 0..48 {
            let window = Window { last_rtcp: Some(at(i)), sent: 250, bytes: 1 << 60, ..clean(250) };
            let _ = scorer.update(at(i), &window);
            scorer.expect_layer_distance(at(i), 0.0);
        }
        prop_assert!(scorer.quality().score > 99.0, "{:?}", scorer.quality());
        prop_assert_eq!(scorer.quality().reason, Some(Reason::Packet));
    }

    /// More loss, delay or distance, or less bitrate, never raises the score or a part of it.
    #[test]
    fn worse_is_never_better(
        config in any_config(),
        window in any_window(),
        score in 20.0..=100.0f64,
        distance in 0.0..5.0f64,
        worse in (any_scale(), any_time(), any_time(), 0.0..5.0f64, any_scale()),
    ) {
        let judge = |w: Window, distance: f64| {
            let mut scorer = Scorer::resume(config, secs(0), score);
            scorer.expect_layer_distance(secs(0), distance);
            scorer.expect_bitrate(secs(0), 1_000_000);
            let _ = scorer.update(secs(5), &w);
            scorer.quality()
        };
        let base = judge(window, distance);
        let (lost, rtt, jitter, further, fewer) = worse;
        let lost = window.lost.saturating_add(i64::try_from(lost).unwrap_or(i64::MAX));
        let rtt = window.rtt.saturating_add(rtt);
        let jitter = window.jitter.saturating_add(jitter);
        let bytes = window.bytes.saturating_sub(fewer);
        for (what, w, distance) in [
            ("loss", Window { lost, ..window }, distance),
            ("round trip", Window { rtt, ..window }, distance),
            ("jitter", Window { jitter, ..window }, distance),
            ("bitrate", Window { bytes, ..window }, distance),
            ("distance", window, distance + further),
            ("all", Window { lost, rtt, jitter, bytes, ..window }, distance + further),
        ] {
            let got = judge(w, distance);
            prop_assert!(got.score <= base.score, "{what}: {got:?}, was {base:?}");
            prop_assert!(got.mos <= base.mos);
            if let (Some(got), Some(base)) = (got.parts, base.parts) {
                prop_assert!(got.packet <= base.packet, "{what}");
                prop_assert!(got.bitrate <= base.bitrate, "{what}");
                prop_assert!(got.layer <= base.layer, "{what}");
            }
        }
    }

    /// Mute, layer mute and pause begin and end in any order; so do expectations of different kinds.
    #[test]
    fn the_order_of_events_at_one_time_does_not_matter(
        score in 20.0..=100.0f64,
        on in Just(vec![Event::Mute(true), Event::LayerMute(true), Event::Pause(true)])
            .prop_shuffle(),
        some in 0..=3usize,
        expectations in Just(vec![
            Event::Bitrate(900_000), Event::Distance(0.7), Event::Weight(4.0), Event::Mute(false),
        ]).prop_shuffle(),
        window in any_window(),
    ) {
        let mut config = Config::inbound(8.0);
        config.bitrate_score = true;
        let run = |on: &[Event], expectations: &[Event]| {
            let mut scorer = Scorer::resume(config, secs(0), score);
            expectations.iter().for_each(|e| apply(&mut scorer, secs(1), e));
            let first = scorer.update(secs(5), &window);
            on.iter().for_each(|e| apply(&mut scorer, secs(6), e));
            (first, scorer.quality(), scorer.update(secs(10), &window))
        };
        let on = &on[..some];
        let mut sorted_on = on.to_vec();
        sorted_on.sort_by_key(|e| format!("{e:?}"));
        let mut sorted_expectations = expectations.clone();
        sorted_expectations.sort_by_key(|e| format!("{e:?}"));
        prop_assert_eq!(run(on, &expectations), run(&sorted_on, &sorted_expectations));
    }

    /// Saying again what is so already changes nothing, now or later.
    #[test]
    fn repeated_events_are_none(
        events in prop::collection::vec((0..60u64, any_event()), 0..30),
        again in 1..4usize,
    ) {
        let mut events = events;
        events.sort_by_key(|(at, _)| *at);
        let (mut once, mut often) =
            (Scorer::new(Config::inbound(8.0), secs(0)), Scorer::new(Config::inbound(8.0), secs(0)));
        for (at, event) in &events {
            apply(&mut once, secs(*at), event);
            let times = if matches!(event, Event::Update(_)) { 1 } else { again };
            (0..times).for_each(|_| apply(&mut often, secs(*at), event));
            prop_assert_eq!(once.quality(), often.quality());
        }
    }

    /// A layer that is always off makes no difference to the others.
    #[test]
    fn a_layer_that_is_off_changes_nothing(
        config in any_config(),
        events in prop::collection::vec((0..600u64, any_event()), 0..60),
    ) {
        let mut events = events;
        events.sort_by_key(|(at, _)| *at);
        let mut plain = Scorer::new(config, secs(0));
        let mut layered: LayeredScorer<2> = LayeredScorer::new(config, secs(0));
        for (at, event) in &events {
            if let Event::Update(w) = event {
                let [one, _] = **w;
                let same = layered.update_layers(secs(*at), &[one, Window::default()]);
                prop_assert_eq!(plain.update(secs(*at), &one), same);
            } else {
                apply(&mut plain, secs(*at), event);
                apply(&mut layered, secs(*at), event);
            }
        }
    }

    /// Splitting what was expected into any steps of the same value changes nothing.
    #[test]
    fn steps_of_one_value_are_one_step(
        distance in 0.0..MAX_LAYER_DISTANCE,
        mut splits in prop::collection::vec(0..5_000u64, 0..20),
    ) {
        splits.sort_unstable();
        let judge = |splits: &[u64]| {
            let mut scorer = Scorer::new(Config::inbound(8.0), secs(0));
            scorer.expect_layer_distance(secs(0), distance);
            for ms in splits {
                scorer.expect_layer_distance(Duration::from_millis(*ms), distance);
            }
            scored(scorer.update(secs(5), &clean(250))).parts.unwrap().layer
        };
        prop_assert!((judge(&splits) - judge(&[])).abs() < 1e-9);
    }
}
