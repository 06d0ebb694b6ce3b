//! Every family that the project exports, in one table.
//!
//! Lives here: names, help, units, labels, buckets. Not here: values. Dashboards, rules and the metric
//! reference are made from [`ALL`]; what is not here does not exist.
//!
//! Families of streams carry the registry's group labels; the ones written here are the default.

use crate::desc::{Desc, Unit};

/// Default label names of a stream's group: `direction` (`incoming`, `outgoing`) and `kind` (`audio`,
/// `video`).
pub const GROUP_LABELS: &[&str] = &["direction", "kind"];

/// Bounds for latencies of microseconds to seconds.
pub const LATENCY_BOUNDS: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 1.0,
];

/// Bounds for jitter.
pub const JITTER_BOUNDS: &[f64] = &[
    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.3, 0.5, 1.0,
];

/// Bounds for the share of packets lost: 0 has a bucket of its own.
pub const LOSS_BOUNDS: &[f64] = &[
    0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0,
];

macro_rules! catalog {
    ($($(#[doc = $help:literal])+ $id:ident = $make:expr;)+) => {
        $($(#[doc = $help])+ pub static $id: Desc = $make;)+

        /// All of them.
        pub static ALL: &[&Desc] = &[$(&$id),+];
    };
}

const fn rtp(name: &'static str, help: &'static str) -> Desc {
    Desc::counter(name, help).labels(GROUP_LABELS)
}

catalog! {
    /// RTP packets received, duplicates included.
    RTP_PACKETS = rtp("media_rtp_packets_total", "RTP packets received, duplicates included.");
    /// Bytes of those packets.
    RTP_BYTES = rtp("media_rtp_bytes_total", "Bytes of RTP packets received: header, payload and padding.").unit(Unit::Bytes);
    /// Bytes of their headers.
    RTP_HEADER_BYTES = rtp("media_rtp_header_bytes_total", "Bytes of RTP headers received, CSRCs and extensions included.").unit(Unit::Bytes);
    /// Bytes of their padding.
    RTP_PADDING_BYTES = rtp("media_rtp_padding_bytes_total", "Bytes of RTP padding received.").unit(Unit::Bytes);
    /// Sequence numbers expected.
    RTP_EXPECTED = rtp("media_rtp_packets_expected_total", "RTP sequence numbers from each stream's first to its highest (RFC 3550 A.3).");
    /// Sequence numbers lost for good.
    RTP_LOST = rtp("media_rtp_packets_lost_total", "RTP sequence numbers that never came. Counted when a stream ends, and for a live stream when they were missing at two merges in a row, so that reordering is no loss; one that comes even later is taken off the next losses.");
    /// Packets whose number had come before.
    RTP_DUPLICATES = rtp("media_rtp_packets_duplicate_total", "RTP packets whose sequence number had come before.");
    /// Packets that came late.
    RTP_REORDERED = rtp("media_rtp_packets_reordered_total", "RTP packets that came after one with a higher sequence number.");
    /// Packets that could not be placed.
    RTP_STALE = rtp("media_rtp_packets_stale_total", "RTP packets too far from the rest of their stream to be placed.");
    /// Frames.
    RTP_FRAMES = rtp("media_rtp_frames_total", "Media frames received: RTP timestamps seen in order.");
    /// Restarts of a sequence.
    RTP_RESTARTS = rtp("media_rtp_stream_restarts_total", "Times that a stream's sequence numbers began anew (RFC 3550 A.1).");
    /// Live streams.
    RTP_STREAMS = Desc::gauge("media_rtp_streams", "RTP streams alive now.").labels(GROUP_LABELS);
    /// Streams started.
    RTP_STARTED = rtp("media_rtp_streams_started_total", "RTP streams started.");
    /// Streams ended.
    RTP_ENDED = rtp("media_rtp_streams_ended_total", "RTP streams ended.");
    /// Loss of each stream in each interval.
    RTP_INTERVAL_LOSS = Desc::histogram("media_rtp_interval_loss_ratio", "Share of the packets expected in one interval that were missing at its end: one sample for each stream with traffic and interval. A packet that comes later counts as missing here.", LOSS_BOUNDS)
        .unit(Unit::Ratio).per_unit(1e6).layout_of(2, 1_000_000).labels(GROUP_LABELS);
    /// Jitter of each stream in each interval.
    RTP_INTERVAL_JITTER = Desc::histogram("media_rtp_interval_jitter_seconds", "Interarrival jitter of a stream (RFC 3550 6.4.1) at the end of one interval: one sample for each stream with traffic and interval.", JITTER_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000).labels(GROUP_LABELS);

    /// Arrival to departure of every forwarded packet.
    FORWARD_LATENCY = Desc::histogram("media_forward_latency_seconds", "Time from a packet's arrival to the end of its last send: one sample for each packet forwarded to anybody.", LATENCY_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000);
    /// Packets sent on.
    FORWARD_PACKETS = Desc::counter("media_forward_packets_total", "RTP packets sent to subscribers, one for each subscriber.");
    /// Bytes sent on.
    FORWARD_BYTES = Desc::counter("media_forward_bytes_total", "Bytes of RTP packets sent to subscribers.").unit(Unit::Bytes);
    /// Packets that could not be sent.
    FORWARD_SEND_ERRORS = Desc::counter("media_forward_send_errors_total", "Packets that could not be sent to a subscriber.").labels(&["reason"]);
    /// Datagrams that are neither RTP nor RTCP.
    FORWARD_REJECTED = Desc::counter("media_forward_packets_rejected_total", "Datagrams dropped, by reason: no valid RTP (too_short, version, csrc, extension, padding) or RTCP (rtcp), longer than can be received (too_long), or not from one of the room's publishers (unknown_publisher).").labels(&["reason"]);
    /// Packets forwarded but not accounted to a stream.
    FORWARD_UNTRACKED = Desc::counter("media_forward_packets_untracked_total", "RTP packets forwarded without a stream of their own, because the limit on streams was met.");
    /// RTCP packets.
    FORWARD_RTCP = Desc::counter("media_forward_rtcp_packets_total", "RTCP datagrams received.");

    /// Duration of a tick.
    REPORTER_TICK = Desc::histogram("media_metrics_reporter_tick_seconds", "Time that a merge took.", LATENCY_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000);
    /// How late a tick began.
    REPORTER_LATE = Desc::histogram("media_metrics_reporter_late_seconds", "Time by which a merge began after it was due.", LATENCY_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000);
    /// Shards.
    REPORTER_SHARDS = Desc::gauge("media_metrics_shards", "Thread shards: the largest number of recording threads alive at once.");
    /// Series.
    REPORTER_SERIES = Desc::gauge("media_metrics_series", "Series registered.");
    /// Memory.
    REPORTER_MEMORY = Desc::gauge("media_metrics_memory_bytes", "Memory of cells, buckets, streams and series, estimated from their numbers.").unit(Unit::Bytes);
    /// Series that found no place.
    SERIES_OVERFLOW = Desc::counter("media_metrics_series_overflow_total", "Registrations that were folded into a family's series `other`, because a limit on series was met.").labels(&["family"]);
    /// Streams that found no place.
    STREAMS_REFUSED = Desc::counter("media_metrics_streams_refused_total", "Streams that were refused, because the limit on streams was met.");
    /// Streams left for the next tick.
    STREAMS_BUSY = Desc::counter("media_metrics_streams_busy_total", "Times that a stream's writer was busy for so long that a merge left it for the next.");
    /// Records that were dropped.
    RECORDS_DROPPED = Desc::counter("media_metrics_records_dropped_total", "Records that were dropped, because there was no memory for a thread's cells.");
    /// Snapshots that a sink got.
    SINK_TURNS = Desc::counter("media_metrics_sink_turns_total", "Snapshots that a sink took.").labels(&["sink"]);
    /// Snapshots that a sink missed.
    SINK_DROPPED = Desc::counter("media_metrics_sink_dropped_total", "Snapshots that a sink missed, because it was slow or gone.").labels(&["sink"]);
    /// Panics of a sink.
    SINK_PANICS = Desc::counter("media_metrics_sink_panics_total", "Panics of a sink, caught.").labels(&["sink"]);

    /// Pages served.
    SCRAPES = Desc::counter("media_metrics_scrapes_total", "Requests for /metrics that got a page.");
    /// Bytes of those pages.
    SCRAPE_BYTES = Desc::counter("media_metrics_scrape_bytes_total", "Bytes of the pages that requests for /metrics got, headers not included.").unit(Unit::Bytes);
    /// Encodings made: fewer than scrapes if scrapers share them.
    ENCODE = Desc::histogram("media_metrics_encode_seconds", "Time that the encoding of a snapshot took: one sample for each snapshot that was asked for.", LATENCY_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000);
    /// Answers by status.
    HTTP_RESPONSES = Desc::counter("media_metrics_http_responses_total", "Requests that the metrics server answered, by status code.").labels(&["code"]);
    /// Connections that ended before they were served.
    HTTP_REJECTED = Desc::counter("media_metrics_http_connections_rejected_total", "Connections that the metrics server refused or cut off: full (all were busy), gave_way (idle, for another), slow_request, slow_reader, accept_failed (no file descriptor, most often).").labels(&["reason"]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desc::Kind;
    use std::collections::HashSet;

    #[test]
    fn names_follow_prometheus_advice() {
        let mut seen = HashSet::new();
        for desc in ALL {
            let name = desc.name();
            desc.validate().unwrap();
            assert!(seen.insert(name), "{name} twice");
            assert!(name.starts_with("media_"), "{name}");
            assert_eq!(
                name.ends_with("_total"),
                desc.kind() == Kind::Counter,
                "{name}"
            );
            let base = name.strip_suffix("_total").unwrap_or(name);
            let unit = desc.exposed_unit().suffix();
            assert!(
                unit.is_empty() || base.ends_with(&format!("_{unit}")),
                "{name} lacks {unit}"
            );
            assert!(desc.help().ends_with('.'), "{name}");
        }
    }
}
