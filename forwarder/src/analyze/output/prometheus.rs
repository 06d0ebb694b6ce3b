//! An analysis as Prometheus text: for a textfile collector, or to be pushed.
//!
//! Lives here: the families `media_capture_*` and their values. Not here: how text exposition looks (the
//! exporter). They are a program's output, not a process' metrics: so they are no part of the core's
//! catalog, which names what is scraped.

use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::snapshot::Builder;
use media_metrics_exporter::text::Encoder;

use crate::analyze::Record;

/// `part` numbers the streams that are alike in all else: an SSRC may come back.
const LABELS: &[&str] = &["ssrc", "src", "dst", "payload_type", "part"];

type Total = (Desc, fn(&Record) -> u64);
type Level = (Desc, fn(&Record) -> Option<f64>);

const fn total(name: &'static str, help: &'static str, of: fn(&Record) -> u64) -> Total {
    (Desc::counter(name, help).labels(LABELS), of)
}

const fn level(
    name: &'static str,
    help: &'static str,
    unit: Unit,
    of: fn(&Record) -> Option<f64>,
) -> Level {
    (Desc::gauge(name, help).unit(unit).labels(LABELS), of)
}

static TOTALS: [Total; 10] = [
    total(
        "media_capture_packets_total",
        "RTP packets in the capture, duplicates included.",
        |s| s.packets,
    ),
    (
        Desc::counter(
            "media_capture_bytes_total",
            "Bytes of those: RTP header, payload and padding.",
        )
        .unit(Unit::Bytes)
        .labels(LABELS),
        |s| s.bytes,
    ),
    total(
        "media_capture_packets_expected_total",
        "RTP sequence numbers from the first to the highest (RFC 3550 A.3).",
        |s| s.expected,
    ),
    total(
        "media_capture_packets_lost_total",
        "RTP sequence numbers that never came.",
        |s| s.lost,
    ),
    total(
        "media_capture_packets_duplicate_total",
        "RTP packets whose sequence number had come before.",
        |s| s.duplicates,
    ),
    total(
        "media_capture_packets_reordered_total",
        "RTP packets that came after one with a higher sequence number.",
        |s| s.out_of_order,
    ),
    total(
        "media_capture_packets_stale_total",
        "RTP packets too far from the rest of their stream to be placed.",
        |s| s.stale,
    ),
    total(
        "media_capture_frames_total",
        "Media frames: RTP timestamps seen in order.",
        |s| s.frames,
    ),
    total(
        "media_capture_stream_restarts_total",
        "Times that the sequence numbers began anew (RFC 3550 A.1).",
        |s| s.restarts,
    ),
    total(
        "media_capture_loss_bursts_total",
        "Bursts of loss (RFC 3611 4.7.2).",
        |s| s.bursts,
    ),
];

static LEVELS: [Level; 9] = [
    level(
        "media_capture_jitter_seconds",
        "Interarrival jitter (RFC 3550 6.4.1) at the end.",
        Unit::Seconds,
        |s| s.jitter_ms.map(|ms| ms / 1e3),
    ),
    level(
        "media_capture_jitter_mean_seconds",
        "Mean of the interarrival jitter.",
        Unit::Seconds,
        |s| s.jitter_mean_ms.map(|ms| ms / 1e3),
    ),
    level(
        "media_capture_jitter_max_seconds",
        "The largest interarrival jitter.",
        Unit::Seconds,
        |s| s.jitter_max_ms.map(|ms| ms / 1e3),
    ),
    level(
        "media_capture_interarrival_max_seconds",
        "The longest time between two packets.",
        Unit::Seconds,
        |s| s.max_delta_ms.map(|ms| ms / 1e3),
    ),
    level(
        "media_capture_first_seen_timestamp_seconds",
        "Capture time of the first packet, since 1970.",
        Unit::Seconds,
        |s| Some(s.first_seen),
    ),
    level(
        "media_capture_last_seen_timestamp_seconds",
        "Capture time of the last packet, since 1970.",
        Unit::Seconds,
        |s| Some(s.last_seen),
    ),
    level(
        "media_capture_clock_rate_hertz",
        "RTP clock rate.",
        Unit::None,
        |s| Some(f64::from(s.clock_rate)),
    ),
    level(
        "media_capture_clock_skew_ratio",
        "How much faster the sender's clock ran than the capture's, as a share.",
        Unit::Ratio,
        |s| s.skew_ppm.map(|ppm| ppm / 1e6),
    ),
    level(
        "media_capture_mos",
        "Mean opinion score, 1 to 4.5: mean over windows of 5 seconds.",
        Unit::None,
        |s| s.mos,
    ),
];

/// The streams as text exposition.
pub(super) fn text(streams: &[Record]) -> String {
    let labels = labels(streams);
    let values: Vec<[&str; 5]> = labels
        .iter()
        .map(|l| l.each_ref().map(String::as_str))
        .collect();
    let rows = || streams.iter().zip(&values);
    let mut snapshot = Builder::new();
    for (desc, of) in &TOTALS {
        let series: Vec<(&[&str], u64)> = rows().map(|(s, l)| (l.as_slice(), of(s))).collect();
        snapshot = snapshot.counter(desc, &series);
    }
    for (desc, of) in &LEVELS {
        let series: Vec<(&[&str], f64)> = rows()
            .filter_map(|(s, l)| Some((l.as_slice(), of(s)?)))
            .collect();
        snapshot = snapshot.gauge(desc, &series);
    }
    let mut page = Vec::new();
    Encoder::default().encode(&snapshot.build(), &mut page);
    String::from_utf8_lossy(&page).into_owned()
}

/// Label values of each stream, no two of them the same.
fn labels(streams: &[Record]) -> Vec<[String; 5]> {
    let mut parts: hashbrown::HashMap<[String; 4], u64> = hashbrown::HashMap::new();
    let of_stream = |s: &Record| {
        let alike = [
            format!("{:08x}", s.ssrc),
            s.src.to_string(),
            s.dst.to_string(),
            s.payload_type.to_string(),
        ];
        let part = parts
            .entry(alike.clone())
            .and_modify(|n| *n += 1)
            .or_insert(1);
        let [ssrc, src, dst, payload_type] = alike;
        [ssrc, src, dst, payload_type, part.to_string()]
    };
    streams.iter().map(of_stream).collect()
}
