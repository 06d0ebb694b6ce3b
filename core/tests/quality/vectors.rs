//! The published vectors, all of them.
//!
//! They were computed by another program. Where its names differ from ours: its `packets_out_of_order`
//! is subtracted from the losses, so it is our `recovered`.

use std::time::Duration;

use media_metrics_core::quality::{
    Codec, Config, Outcome, Parts, Quality, RateHistogram, Rating, Scorer, Window, mos,
};
use serde_json::Value;

use crate::{LENGTH, scored, secs};

const SCORE_TOLERANCE: f64 = 1e-9;
const MOS_TOLERANCE: f64 = 2e-6;
/// Where single windows start: late enough for an RTCP age of a minute.
const START: Duration = Duration::from_secs(1_000);

fn vectors() -> Value {
    let all: Value = serde_json::from_str(include_str!("../vectors/quality.json")).unwrap();
    assert_eq!(all["tolerance"]["score"].as_f64(), Some(SCORE_TOLERANCE));
    assert_eq!(all["tolerance"]["mos"].as_f64(), Some(MOS_TOLERANCE));
    all
}

fn list<'a>(of: &'a Value, key: &str, count: usize) -> &'a [Value] {
    let list = of[key].as_array().unwrap();
    assert_eq!(list.len(), count, "{key}");
    list
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key].as_str().unwrap_or_else(|| panic!("{key} in {of}"))
}

fn number(of: &Value, key: &str) -> f64 {
    of[key].as_f64().unwrap_or_else(|| panic!("{key} in {of}"))
}

fn count(of: &Value, key: &str) -> u64 {
    of[key].as_u64().unwrap_or_else(|| panic!("{key} in {of}"))
}

fn flag(of: &Value, key: &str) -> bool {
    of[key].as_bool().unwrap_or_else(|| panic!("{key} in {of}"))
}

fn millis(of: &Value, key: &str) -> Duration {
    Duration::from_millis(count(of, key))
}

fn config(of: &Value) -> Config {
    let mut config = Config::inbound(number(of, "packet_loss_weight"));
    config.include_rtt = flag(of, "include_rtt");
    config.include_jitter = flag(of, "include_jitter");
    config.bitrate_score = flag(of, "enable_bitrate_score");
    config
}

fn window(of: &Value, last_rtcp: Option<Duration>) -> Window {
    Window {
        duration: millis(of, "duration_ms"),
        packets: count(of, "packets"),
        padding_packets: count(of, "packets_padding"),
        lost: i64::try_from(count(of, "packets_lost")).unwrap(),
        missing: count(of, "packets_missing"),
        recovered: count(of, "packets_out_of_order"),
        sent: 0,
        bytes: count(of, "bytes"),
        rtt: millis(of, "rtt_ms"),
        jitter: Duration::from_secs_f64(number(of, "jitter_us") / 1e6),
        last_rtcp,
    }
}

fn assert_near(got: f64, expected: f64, tolerance: f64, at: &str) {
    assert!(
        (got - expected).abs() <= tolerance,
        "{at}: {got}, not {expected}"
    );
}

fn assert_quality(got: Quality, expected: &Value, at: &str) {
    assert_near(got.score, number(expected, "score"), SCORE_TOLERANCE, at);
    let expected_mos = number(expected, "mos");
    assert_near(f64::from(got.mos), expected_mos, MOS_TOLERANCE, at);
    assert_eq!(got.rating.as_str(), text(expected, "quality"), "{at}");
}

#[test]
fn scores_map_to_mos_and_rating() {
    let all = vectors();
    let mut mended = 0;
    for v in list(&all, "mapping", 21) {
        let score = number(v, "score");
        let at = format!("score {score}");
        assert_near(f64::from(mos(score)), number(v, "mos"), MOS_TOLERANCE, &at);
        assert_eq!(Rating::of(score).as_str(), text(v, "quality"), "{at}");
        mended += usize::from(v.get("reference_mos").is_some());
    }
    assert_eq!(mended, 1, "one score has an MOS below 1 without the clamp");
    for rating in Rating::ALL {
        let wire = all["quality_enum"][rating.as_str()].as_i64();
        assert_eq!(wire, Some(rating.wire_number().into()), "{rating}");
    }
}

/// A scorer whose usual rate is that of `bin`, by 11 lossless windows that end `at`.
fn with_usual_rate(config: Config, at: Duration, bin: u64) -> Scorer {
    let mut scorer = Scorer::new(config, at - 11 * LENGTH);
    for i in (0..11).rev() {
        let usual = Window {
            duration: LENGTH,
            packets: bin * 2 * LENGTH.as_secs(),
            padding_packets: 1,
            ..Window::default()
        };
        let _ = scored(scorer.update(at - i * LENGTH, &usual));
    }
    assert_eq!(scorer.usual_pps(0), usable_pps(bin));
    assert_eq!(scorer.quality().score, 100.0);
    scorer
}

/// The rate that a mode stands for, if it can be used.
fn usable_pps(bin: u64) -> Option<f64> {
    (bin != 0 && bin != 249).then_some(2.0 * bin as f64)
}

#[test]
fn single_windows_score_as_published() {
    let all = vectors();
    for v in list(&all, "single", 67) {
        let name = text(v, "name");
        let previous = number(v, "previous_score");
        let mut scorer = match v["pps_mode_bin"].as_u64() {
            Some(bin) => {
                assert_eq!(previous, 100.0, "{name}: what lossless windows lead to");
                with_usual_rate(config(v), START, bin)
            }
            None => Scorer::resume(config(v), START, previous),
        };
        if let Some(bits_per_second) = v["expected_bitrate_bps"].as_u64() {
            scorer.expect_bitrate(START, bits_per_second);
        }
        if let Some(distance) = v["expected_layer_distance"].as_f64() {
            scorer.expect_layer_distance(START, distance);
        }
        assert_eq!(scorer.refused(), 0, "{name}");

        let end = START + LENGTH;
        let rtcp = v["last_rtcp_age_ms"].as_u64().map(Duration::from_millis);
        let window = window(&v["window"], rtcp.map(|age| end - age));
        let got = scored(scorer.update(end, &window));

        let expected = &v["expected"];
        assert_quality(got, expected, name);
        let reason = got.reason.unwrap().as_str();
        assert_eq!(reason, text(expected, "reason"), "{name}");
        let part = |of: fn(&Parts) -> f64| got.parts.as_ref().map(of);
        for (key, got) in [
            ("packet_score", part(|p| p.packet)),
            ("bitrate_score", part(|p| p.bitrate)),
            ("layer_score", part(|p| p.layer)),
        ] {
            match (got, expected[key].as_f64()) {
                (Some(got), Some(wanted)) => assert_near(got, wanted, SCORE_TOLERANCE, name),
                (got, wanted) => assert_eq!(got, wanted, "{name}: {key}"),
            }
        }
    }
}

#[test]
fn the_mode_of_packet_rates_is_the_most_frequent() {
    let all = vectors();
    let mut mended = 0;
    for v in list(&all, "pps_mode", 10) {
        let name = text(v, "name");
        let readings: Vec<f64> = v["readings_pps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r.as_f64().unwrap())
            .collect();
        let bin = count(v, "expected_mode_bin");
        mended += usize::from(count(v, "reference_mode_bin") != bin);

        let mut histogram = RateHistogram::new();
        readings.iter().for_each(|&pps| histogram.count(pps));
        assert_eq!(u64::from(histogram.mode()), bin, "{name}");
        assert_eq!(2.0 * bin as f64, number(v, "expected_mode_pps"), "{name}");
        assert_eq!(usable_pps(bin).is_some(), flag(v, "usable"), "{name}");

        // And through the scorer, in windows so far apart that each refreshes the mode.
        let mut config = Config::inbound(8.0);
        config.rate_half_life = None;
        let (mut at, mut scorer) = (secs(0), Scorer::new(config, secs(0)));
        for pps in &readings {
            at += secs(121);
            let window = Window {
                duration: secs(100),
                packets: (pps * 100.0).round() as u64,
                ..Window::default()
            };
            let _ = scored(scorer.update(at, &window));
        }
        assert_eq!(scorer.usual_pps(0), usable_pps(bin), "{name}");
    }
    assert_eq!(
        mended, 5,
        "modes that a comparison of count and index gets wrong"
    );
}

#[test]
fn sessions_go_as_published() {
    let all = vectors();
    let mut events = 0;
    for session in list(&all, "sessions", 11) {
        let start = millis(session, "started_at_ms");
        let mut scorer = Scorer::new(config(session), start);
        for (i, e) in session["events"].as_array().unwrap().iter().enumerate() {
            let (op, at) = (text(e, "op"), millis(e, "at_ms"));
            let name = format!("{}, event {i}: {op}", text(session, "name"));
            let expect = &e["expect"];
            match op {
                "mute" => scorer.set_muted(at, flag(e, "on")),
                "layer_mute" => scorer.set_layer_muted(at, flag(e, "on")),
                "pause" => scorer.set_paused(at, flag(e, "on")),
                "bitrate" => scorer.expect_bitrate(at, count(e, "value")),
                "layer" => scorer.expect_layer_distance(at, number(e, "value")),
                "weight" => scorer.set_loss_weight(number(e, "value")),
                "update" => {
                    let rtcp = e["last_rtcp_at_ms"].as_u64().map(Duration::from_millis);
                    let got = match scorer.update(at, &window(e, rtcp)) {
                        Outcome::Scored(quality) => quality.reason.unwrap().as_str(),
                        Outcome::Skipped(_) => "skipped",
                    };
                    assert_eq!(got, text(expect, "reason"), "{name}");
                    let usual = usable_pps(count(expect, "pps_mode_bin"));
                    assert_eq!(scorer.usual_pps(0), usual, "{name}");
                }
                _ => panic!("{name} is unknown"),
            }
            assert_quality(scorer.quality(), expect, &name);
            events += 1;
        }
        assert_eq!(scorer.refused(), 0);
    }
    assert_eq!(events, 80);
}

#[test]
fn loss_weights_are_the_published_ones_but_for_unknown_codecs() {
    let all = vectors();
    for v in list(&all, "single", 67) {
        let (codec, fec) = match text(v, "codec") {
            "opus" => (Codec::Opus, false),
            "opus_fec" => (Codec::Opus, true),
            "red" => (Codec::Red, false),
            "red_fec" => (Codec::Red, true),
            "video" => (Codec::Video, false),
            "other" => {
                assert_eq!(number(v, "packet_loss_weight"), 0.0, "losses never show");
                assert_eq!(Codec::Other.loss_weight(false), 8.0);
                continue;
            }
            other => panic!("{other}"),
        };
        assert_near(
            codec.loss_weight(fec),
            number(v, "packet_loss_weight"),
            1e-12,
            text(v, "name"),
        );
    }
}
