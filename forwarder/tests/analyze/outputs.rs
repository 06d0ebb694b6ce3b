//! What the formats promise.

use media_metrics_forwarder::analyze::Format;
use serde_json::Value;

use crate::writer::*;

const A: &str = "10.0.0.1:4000";
const B: &str = "[2001:db8::2]:5000";

#[test]
fn json_keeps_its_contract() {
    let mut shots = speech(100, 0xdead_beef, A, "10.0.0.2:5000");
    shots.remove(50);
    shots.extend(speech(3, 5, "[2001:db8::1]:4000", B));
    let text = analyze_shots(&shots).to_text(Format::Json);
    let streams: Vec<serde_json::Map<String, Value>> = serde_json::from_str(&text).unwrap();
    let contract = [
        "ssrc",
        "src",
        "dst",
        "payload_type",
        "clock_rate",
        "packets",
        "bytes",
        "expected",
        "lost",
        "cumulative_lost",
        "duplicates",
        "out_of_order",
        "jitter_ms",
        "jitter_mean_ms",
        "jitter_max_ms",
        "max_delta_ms",
        "restarts",
        "first_seen",
        "last_seen",
        "mos",
    ];
    for s in &streams {
        assert!(contract.iter().all(|key| s.contains_key(*key)), "{s:?}");
    }
    let mut at = 0;
    for key in contract {
        let found = text[at..]
            .find(&format!("\"{key}\":"))
            .unwrap_or_else(|| panic!("{key} is not in its place"));
        at += found;
    }
    let first = streams
        .iter()
        .find(|s| s["ssrc"] == 0xdead_beef_u32)
        .unwrap();
    assert_eq!(first["src"], "10.0.0.1:4000");
    assert_eq!(
        (&first["lost"], &first["expected"]),
        (&1.into(), &100.into())
    );
    assert!(first["mos"].as_f64().unwrap() > 4.0);
    let second = streams.iter().find(|s| s["ssrc"] == 5).unwrap();
    assert_eq!(second["dst"], B);
}

#[test]
fn what_is_not_known_is_null() {
    let still: Vec<Shot> = (0..2)
        .map(|i| {
            shot(
                START,
                ethernet(&[], &datagram(A, "10.0.0.2:1", &rtp(0, i, 0, 9, 1))),
            )
        })
        .collect();
    let text = analyze_shots(&still).to_text(Format::Json);
    let streams: Vec<Value> = serde_json::from_str(&text).unwrap();
    for key in [
        "jitter_ms",
        "jitter_mean_ms",
        "jitter_max_ms",
        "mos",
        "bitrate_bps",
        "skew_ppm",
    ] {
        assert_eq!(streams[0][key], Value::Null, "{key}");
    }
    assert_eq!(analyze_shots(&[]).to_text(Format::Json), "[]");
}

#[test]
fn prometheus_text_has_each_series_once() {
    let mut shots = speech(50, 7, A, "10.0.0.2:5000");
    let bye = [0x81, 203, 0, 1, 0, 0, 0, 7];
    shots.push(shot(
        START + 1_000 * MS,
        ethernet(&[], &datagram(A, "10.0.0.2:5000", &bye)),
    ));
    let mut again = speech(50, 7, A, "10.0.0.2:5000");
    again.iter_mut().for_each(|s| s.time_ns += 9_000 * MS);
    shots.extend(again);
    let text = analyze_shots(&shots).to_text(Format::Prometheus);
    let of = |part: u8| {
        format!(
            "media_capture_packets_total{{ssrc=\"00000007\",src=\"{A}\",dst=\"10.0.0.2:5000\",payload_type=\"0\",part=\"{part}\"}} 50"
        )
    };
    assert!(text.contains(&of(1)) && text.contains(&of(2)), "{text}");
    let mut series: Vec<&str> = text
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| l.rsplit_once(' ').map(|(series, _)| series))
        .collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!((series.len(), all % 2), (all, 0));
    assert!(all >= 2 * 15, "{text}");
    assert!(series.iter().all(|s| s.starts_with("media_capture_")));
}

#[test]
fn the_table_fits_and_adds_up() {
    let long = (
        "[2001:db8:1111:2222:3333:4444:5555:6666]:40000",
        "[2001:db8:1111:2222:3333:4444:5555:7777]:50000",
    );
    let mut shots = speech(1_000, 7, A, "10.0.0.2:5000");
    shots.extend(speech(3_000, 8, long.0, long.1));
    shots.remove(10);
    let text = analyze_shots(&shots).to_text(Format::Table);
    let widest = text.lines().map(|l| l.chars().count()).max().unwrap();
    assert!(widest <= 120, "{widest}:\n{text}");
    assert!(
        text.contains("PCMU (0)") && text.contains("00000007") && text.contains(" 1:00 "),
        "{text}"
    );
    let totals = text.lines().last().unwrap();
    assert!(
        totals.starts_with("2 streams: 3999 of 3999 packets, 1 lost (0.03 %)"),
        "{totals}"
    );
    assert_eq!(
        analyze_shots(&[]).to_text(Format::Table),
        "No RTP streams in 0 packets."
    );
}
