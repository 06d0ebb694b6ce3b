//! Quality scores: any history of windows and events stays in bounds, follows the published formulas, and is never
//! better for being worse.
//!
//! Lives here: the formulas as `quality` tells them, in plain floating point. Not here: where windows come from.

use std::time::Duration;

use media_metrics_core::quality::{Config, LayeredScorer, Outcome, Quality, Rating, Window};

use crate::input::Input;

/// Most events of an input.
const EVENTS: usize = 150;

/// A stream's life.
pub fn target(data: &[u8]) {
    let mut input = Input::new(data);
    let config = config(&mut input);
    let start = if input.one_in(4) {
        input.float()
    } else {
        100.0
    };
    let mut scorer: LayeredScorer<1> = LayeredScorer::resume(config, Duration::ZERO, start);
    let mut weight = sound(config.loss_weight);
    let mut life = Life {
        at: Duration::ZERO,
        distances: false,
        bitrates: false,
        lost: false,
    };
    bounds(&scorer.quality());
    for _ in 0..EVENTS {
        if input.is_empty() {
            break;
        }
        let before = scorer.quality();
        let event = input.below(12);
        match event {
            0 => scorer.set_muted(life.pass(&mut input), input.any()),
            1 => scorer.set_layer_muted(life.pass(&mut input), input.any()),
            2 => scorer.set_paused(life.pass(&mut input), input.any()),
            3 => {
                life.bitrates = true;
                scorer.expect_bitrate(life.pass(&mut input), input.scaled());
            }
            4 => {
                life.distances = true;
                scorer.expect_layer_distance(life.pass(&mut input), input.float());
            }
            5 => {
                let new = input.float();
                weight = sound(new);
                scorer.set_loss_weight(new);
            }
            _ => judge(&mut scorer, &config, weight, &mut life, &mut input),
        }
        // Who is lost is found by what he sends, not by what is said of him.
        assert!(
            event > 2 || !life.lost || scorer.quality() == before,
            "{before:?}"
        );
        bounds(&scorer.quality());
    }
}

struct Life {
    at: Duration,
    distances: bool,
    bitrates: bool,
    /// The last window that was judged found the stream lost.
    lost: bool,
}

impl Life {
    /// Time passes, or goes back.
    fn pass(&mut self, input: &mut Input<'_>) -> Duration {
        self.at = match input.below(10) {
            0 => Duration::from_nanos(input.scaled()),
            1 => self
                .at
                .saturating_sub(Duration::from_millis(input.any::<u16>().into())),
            2 => self
                .at
                .saturating_add(Duration::from_secs(input.any::<u16>().into())),
            3 => self.at,
            _ => self.at.saturating_add(Duration::from_secs(5)),
        };
        self.at
    }
}

fn config(input: &mut Input<'_>) -> Config {
    let weight = if input.one_in(3) { input.float() } else { 8.0 };
    let flags: u8 = input.any();
    let mut config = match flags & 1 {
        0 => Config::inbound(weight),
        _ => Config::outbound(weight),
    };
    config.include_rtt = flags & 2 == 0;
    config.include_jitter = flags & 4 == 0;
    config.bitrate_score = flags & 8 == 8;
    config.ignore_silence = flags & 16 == 16;
    if flags & 32 == 32 {
        config.rate_half_life =
            (flags & 64 == 64).then(|| Duration::from_millis(input.scaled() >> 20));
    }
    config
}

/// From 0 to 100; of what is no number the default.
fn sound(weight: f64) -> f64 {
    match weight.is_nan() {
        true => media_metrics_core::quality::DEFAULT_LOSS_WEIGHT,
        false => weight.clamp(0.0, 100.0),
    }
}

fn window(input: &mut Input<'_>, at: Duration) -> Window {
    let count = |input: &mut Input<'_>| match input.below(6) {
        0 => 0,
        1 => input.scaled(),
        _ => u64::from(input.any::<u8>()),
    };
    let time = |input: &mut Input<'_>| match input.below(5) {
        0 => Duration::from_nanos(input.scaled()),
        _ => Duration::from_millis(input.any::<u8>().into()),
    };
    Window {
        duration: if input.one_in(8) {
            time(input)
        } else {
            Duration::from_secs(5)
        },
        packets: count(input),
        padding_packets: if input.one_in(4) { count(input) } else { 0 },
        lost: if input.one_in(6) {
            input.any()
        } else {
            i64::from(input.any::<u8>() / 16)
        },
        missing: if input.one_in(6) { count(input) } else { 0 },
        recovered: if input.one_in(6) { count(input) } else { 0 },
        sent: count(input),
        bytes: count(input).saturating_mul(100),
        rtt: time(input),
        jitter: time(input),
        last_rtcp: input.one_in(2).then(|| at.saturating_sub(time(input))),
    }
}

fn judge(
    scorer: &mut LayeredScorer<1>,
    config: &Config,
    weight: f64,
    life: &mut Life,
    input: &mut Input<'_>,
) {
    let at = life.pass(input);
    let window = window(input, at);
    let worse = Window {
        lost: window.lost.saturating_add(i64::from(input.any::<u16>())),
        rtt: window
            .rtt
            .saturating_add(Duration::from_millis(input.any::<u16>().into())),
        jitter: window
            .jitter
            .saturating_add(Duration::from_millis(input.any::<u8>().into())),
        bytes: window.bytes.saturating_sub(input.any::<u16>().into()),
        ..window
    };
    let before = scorer.quality();
    let mut pessimist = scorer.clone();
    let outcome = scorer.update_layers(at, &[window]);
    let darker = pessimist.update_layers(at, &[worse]);
    let (got, other) = (scorer.quality(), pessimist.quality());
    assert!(
        other.score <= got.score && other.mos <= got.mos,
        "{worse:?} is better: {other:?}, not {got:?}"
    );
    match outcome {
        Outcome::Skipped(skip) => {
            assert_eq!((darker, got), (Outcome::Skipped(skip), before));
        }
        Outcome::Scored(quality) => {
            assert_eq!(quality, got);
            life.lost = got.rating == Rating::Lost;
            if got.parts.is_some() {
                formulas(
                    &window,
                    &before,
                    &got,
                    config,
                    weight,
                    scorer.usual_pps(0),
                    life,
                );
            }
        }
    }
}

fn near(what: &str, got: f64, wanted: f64) {
    assert!(
        (got - wanted).abs() <= 1e-6 * wanted.abs().max(1.0),
        "{what}: {got}, not {wanted}"
    );
}

/// The parts of a window, and the step of the score, as their documentation has them.
fn formulas(
    window: &Window,
    before: &Quality,
    got: &Quality,
    config: &Config,
    weight: f64,
    usual_pps: Option<f64>,
    life: &Life,
) {
    let parts = got.parts.unwrap();
    let ms = |counts: bool, time: Duration| {
        if counts {
            time.as_secs_f64() * 1e3
        } else {
            0.0
        }
    };
    let delay =
        ms(config.include_rtt, window.rtt) / 2.0 + ms(config.include_jitter, window.jitter) * 2.0;
    let delay_effect = if delay <= 160.0 {
        delay / 40.0
    } else {
        (delay - 120.0) / 10.0
    };
    let losses =
        i128::from(window.lost).max(0) - i128::from(window.missing) - i128::from(window.recovered);
    let share = losses.max(0) as f64 / (window.packets as f64 + window.padding_packets as f64);
    let mut weight = weight;
    if let (Some(usual), false) = (usual_pps, window.duration.is_zero())
        && (window.packets > 0 || config.reports.is_none())
    {
        let pps = window.packets as f64 / window.duration.as_secs_f64();
        if usual > 0.0 {
            weight *= (pps / usual).min(1.0).sqrt();
        }
    }
    // A window of padding alone has a rate of nothing: what it weighs then is no matter of this formula.
    if window.packets > 0 {
        near(
            "packet",
            parts.packet,
            (100.0 - delay_effect - share * 100.0 * weight).max(0.0),
        );
    }
    assert!(life.distances || parts.layer == 100.0, "{parts:?}");
    assert!(
        (life.bitrates && config.bitrate_score) || parts.bitrate == 100.0,
        "{parts:?}"
    );
    let raw = parts.packet.min(parts.bitrate).min(parts.layer);
    let factor = if raw < before.score { 0.8 } else { 0.4 };
    near(
        "score",
        got.score,
        (factor * raw + (1.0 - factor) * before.score).max(30.0),
    );
}

/// Score, opinion, rating and parts, and that they agree.
fn bounds(quality: &Quality) {
    let score = quality.score;
    assert!((20.0..=100.0).contains(&score), "{quality:?}");
    let rating = match score {
        s if s > 80.0 => Rating::Excellent,
        s if s > 40.0 => Rating::Good,
        s if s > 20.0 => Rating::Poor,
        _ => Rating::Lost,
    };
    assert_eq!(quality.rating, rating);
    let mos = match score >= 100.0 {
        true => 4.5,
        false => (1.0 + 0.035 * score + 7e-6 * score * (score - 60.0) * (100.0 - score)).max(1.0),
    };
    assert!(
        (f64::from(quality.mos) - mos).abs() < 1e-6,
        "{quality:?}: {mos}"
    );
    if let Some(parts) = quality.parts {
        let all = [parts.packet, parts.bitrate, parts.layer];
        assert!(
            all.iter().all(|part| (0.0..=100.0).contains(part)),
            "{quality:?}"
        );
    }
}
