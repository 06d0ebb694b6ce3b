//! What the live page is told of an interval, as JSON.
//!
//! Lives here: which families make up which figure, and the shape of the answer. Not here: how figures are computed
//! (`interval`, `spread`), who is told when (`http::events`).
//!
//! A figure is `null` where nobody knows it: its family is not there, or nothing was recorded in the interval. Names end
//! in their unit. All series of a family are taken together, and families are summed up whether `/metrics` shows them or
//! not: the page shows what happens under every profile.

use std::collections::BTreeMap;

use bytes::Bytes;
use media_metrics_core::catalog as c;
use media_metrics_core::snapshot::Snapshot;
use serde::Serialize;

use super::interval::Interval;
use super::spread::Figures;
use crate::api::{Worst, to_json, with_worst};
use crate::source::Source;
use crate::wall::since_1970;

/// Version of the shape: raised if a member goes or comes to mean something else.
const VERSION: u32 = 1;

const BITS: f64 = 8.0;

#[derive(Debug, Serialize)]
struct Moment<'a> {
    version: u32,
    sequence: u64,
    /// End of the interval, in milliseconds since 1970.
    time_ms: u64,
    /// Time that the rates are of; `null` for the first moment, which is compared with nothing.
    interval_seconds: Option<f64>,
    /// How often there is a new one; 0 if that is not known.
    period_seconds: f64,
    received: Option<Received>,
    sent: Option<Sent>,
    forwarding: Option<Forwarding>,
    quality: Option<Quality<'a>>,
    worst: Option<&'a Worst<'a>>,
    /// Whether `/api/v1/history` answers.
    history: bool,
    reporter: Option<Reporter>,
    exporter: Option<Exporter<'a>>,
    process: Option<Process>,
}

#[derive(Debug, Serialize)]
struct Received {
    streams: Option<f64>,
    packets_total: Option<f64>,
    packets_per_second: Option<f64>,
    bits_per_second: Option<f64>,
    lost_packets_per_second: Option<f64>,
    /// Packets given up as lost, of those that became due.
    loss_ratio: Option<f64>,
    duplicate_packets_per_second: Option<f64>,
    reordered_packets_per_second: Option<f64>,
    /// Over streams: one sample for each with traffic.
    stream_loss_ratio: Option<Figures>,
    stream_jitter_seconds: Option<Figures>,
}

#[derive(Debug, Serialize)]
struct Sent {
    streams: Option<f64>,
    packets_total: Option<f64>,
    packets_per_second: Option<f64>,
    bits_per_second: Option<f64>,
    retransmitted_packets_per_second: Option<f64>,
    nacked_packets_per_second: Option<f64>,
    key_frame_requests_per_second: Option<f64>,
    /// As receivers report: one sample for each report.
    remote_loss_ratio: Option<Figures>,
    remote_jitter_seconds: Option<Figures>,
    round_trip_seconds: Option<Figures>,
}

#[derive(Debug, Serialize)]
struct Forwarding {
    packets_per_second: Option<f64>,
    bits_per_second: Option<f64>,
    send_errors_per_second: Option<f64>,
    rejected_packets_per_second: Option<f64>,
    latency_seconds: Option<Figures>,
    /// Index and count: the bucket `i` has times above `2^((i-1)/4)` s, up to `2^(i/4)` s.
    latency_buckets: Option<Vec<(i32, u64)>>,
}

#[derive(Debug, Serialize)]
struct Quality<'a> {
    /// Of the windows that ended in the interval: one sample for each judged stream and window.
    score: Option<Figures>,
    mos: Option<Figures>,
    /// Participants by rating, now.
    participants: Option<BTreeMap<&'a str, f64>>,
    /// Windows by what their score is owed to, since the beginning.
    windows_total: Option<BTreeMap<&'a str, f64>>,
}

#[derive(Debug, Serialize)]
struct Reporter {
    merge_seconds: Option<Figures>,
    late_seconds: Option<Figures>,
    series: Option<f64>,
    shards: Option<f64>,
    memory_bytes: Option<f64>,
    /// Totals of what was not recorded, or not passed on.
    records_dropped_total: Option<f64>,
    series_overflow_total: Option<f64>,
    streams_refused_total: Option<f64>,
    sink_snapshots_dropped_total: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Exporter<'a> {
    scrapes_total: Option<f64>,
    scrapes_per_second: Option<f64>,
    scrape_bytes_per_second: Option<f64>,
    encode_seconds: Option<Figures>,
    responses_total: Option<BTreeMap<&'a str, f64>>,
    connections_rejected_total: Option<f64>,
    event_listeners: Option<f64>,
    push_snapshots_dropped_total: Option<f64>,
    push_retries_total: Option<f64>,
    history_span_seconds: Option<f64>,
    history_bytes: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Process {
    /// Processors in use.
    cpu_seconds_per_second: Option<f64>,
    resident_memory_bytes: Option<f64>,
    open_fds: Option<f64>,
    threads: Option<f64>,
    start_time_seconds: Option<f64>,
}

/// What happened between `before` and `now`.
pub(super) fn json(
    source: &dyn Source,
    now: &Snapshot,
    before: Option<(&Snapshot, f64)>,
    history: bool,
) -> Bytes {
    let at = Interval { now, before };
    match source.streams() {
        Some(registry) => with_worst(registry, |worst| {
            to_json(&moment(&at, Some(worst), history))
        }),
        None => to_json(&moment(&at, None, history)),
    }
}

fn moment<'a>(at: &Interval<'a>, worst: Option<&'a Worst<'a>>, history: bool) -> Moment<'a> {
    Moment {
        version: VERSION,
        sequence: at.now.sequence(),
        time_ms: since_1970(at.now.time()).as_millis() as u64,
        interval_seconds: at.before.map(|(_, seconds)| seconds),
        period_seconds: at.now.period().as_secs_f64(),
        received: there(at, &c::RTP_PACKETS, received),
        sent: there(at, &c::RTP_SENT_PACKETS, sent),
        forwarding: there(at, &c::FORWARD_LATENCY, forwarding),
        quality: there(at, &c::RTP_QUALITY_SCORE, quality),
        worst,
        history,
        reporter: there(at, &c::REPORTER_TICK, reporter),
        exporter: there(at, &c::SCRAPES, exporter),
        process: there(at, &c::PROCESS_CPU, process),
    }
}

/// What is made of families of which `key` is one, if that is there.
fn there<'a, T>(
    at: &Interval<'a>,
    key: &media_metrics_core::Desc,
    make: fn(&Interval<'a>) -> T,
) -> Option<T> {
    at.now.family(key.name()).map(|_| make(at))
}

fn figures(at: &Interval<'_>, desc: &media_metrics_core::Desc) -> Option<Figures> {
    at.spread(desc)?.figures()
}

fn bits(bytes: Option<f64>) -> Option<f64> {
    Some(bytes? * BITS)
}

fn received(at: &Interval<'_>) -> Received {
    let share = |lost: f64, due: f64| (due > 0.0).then(|| (lost / due).min(1.0));
    let (lost, due) = (at.increase(&c::RTP_LOST), at.increase(&c::RTP_EXPECTED));
    Received {
        streams: at.level(&c::RTP_STREAMS),
        packets_total: at.total(&c::RTP_PACKETS),
        packets_per_second: at.rate(&c::RTP_PACKETS),
        bits_per_second: bits(at.rate(&c::RTP_BYTES)),
        lost_packets_per_second: at.rate(&c::RTP_LOST),
        loss_ratio: lost.zip(due).and_then(|(lost, due)| share(lost, due)),
        duplicate_packets_per_second: at.rate(&c::RTP_DUPLICATES),
        reordered_packets_per_second: at.rate(&c::RTP_REORDERED),
        stream_loss_ratio: figures(at, &c::RTP_INTERVAL_LOSS),
        stream_jitter_seconds: figures(at, &c::RTP_INTERVAL_JITTER),
    }
}

fn sent(at: &Interval<'_>) -> Sent {
    let (plis, firs) = (
        at.rate(&c::RTP_PLIS_RECEIVED),
        at.rate(&c::RTP_FIRS_RECEIVED),
    );
    Sent {
        streams: at.level(&c::RTP_SENDERS),
        packets_total: at.total(&c::RTP_SENT_PACKETS),
        packets_per_second: at.rate(&c::RTP_SENT_PACKETS),
        bits_per_second: bits(at.rate(&c::RTP_SENT_BYTES)),
        retransmitted_packets_per_second: at.rate(&c::RTP_RETRANSMITTED_PACKETS),
        nacked_packets_per_second: at.rate(&c::RTP_NACKED_PACKETS),
        key_frame_requests_per_second: plis.zip(firs).map(|(plis, firs)| plis + firs),
        remote_loss_ratio: figures(at, &c::RTP_REMOTE_FRACTION_LOST),
        remote_jitter_seconds: figures(at, &c::RTP_REMOTE_JITTER),
        round_trip_seconds: figures(at, &c::RTP_REMOTE_RTT),
    }
}

fn forwarding(at: &Interval<'_>) -> Forwarding {
    let latency = at.spread(&c::FORWARD_LATENCY);
    Forwarding {
        packets_per_second: at.rate(&c::FORWARD_PACKETS),
        bits_per_second: bits(at.rate(&c::FORWARD_BYTES)),
        send_errors_per_second: at.rate(&c::FORWARD_SEND_ERRORS),
        rejected_packets_per_second: at.rate(&c::FORWARD_REJECTED),
        latency_seconds: latency.as_ref().and_then(|latency| latency.figures()),
        latency_buckets: latency.map(|latency| latency.column()),
    }
}

fn quality<'a>(at: &Interval<'a>) -> Quality<'a> {
    Quality {
        score: figures(at, &c::RTP_QUALITY_SCORE),
        mos: figures(at, &c::RTP_QUALITY_MOS),
        participants: at.by(&c::PARTICIPANTS_RATED, "rating"),
        windows_total: at.by(&c::RTP_QUALITY_REASONS, "reason"),
    }
}

fn reporter(at: &Interval<'_>) -> Reporter {
    Reporter {
        merge_seconds: figures(at, &c::REPORTER_TICK),
        late_seconds: figures(at, &c::REPORTER_LATE),
        series: at.level(&c::REPORTER_SERIES),
        shards: at.level(&c::REPORTER_SHARDS),
        memory_bytes: at.level(&c::REPORTER_MEMORY),
        records_dropped_total: at.total(&c::RECORDS_DROPPED),
        series_overflow_total: at.total(&c::SERIES_OVERFLOW),
        streams_refused_total: at.total(&c::STREAMS_REFUSED),
        sink_snapshots_dropped_total: at.total(&c::SINK_DROPPED),
    }
}

fn exporter<'a>(at: &Interval<'a>) -> Exporter<'a> {
    Exporter {
        scrapes_total: at.total(&c::SCRAPES),
        scrapes_per_second: at.rate(&c::SCRAPES),
        scrape_bytes_per_second: at.rate(&c::SCRAPE_BYTES),
        encode_seconds: figures(at, &c::ENCODE),
        responses_total: at.by(&c::HTTP_RESPONSES, "code"),
        connections_rejected_total: at.total(&c::HTTP_REJECTED),
        event_listeners: at.level(&c::EVENT_LISTENERS),
        push_snapshots_dropped_total: at.total(&c::PUSH_DROPPED),
        push_retries_total: at.total(&c::PUSH_RETRIES),
        history_span_seconds: at.level(&c::HISTORY_SPAN),
        history_bytes: at.level(&c::HISTORY_BYTES),
    }
}

fn process(at: &Interval<'_>) -> Process {
    Process {
        cpu_seconds_per_second: at.rate(&c::PROCESS_CPU),
        resident_memory_bytes: at.level(&c::PROCESS_RESIDENT),
        open_fds: at.level(&c::PROCESS_OPEN_FDS),
        threads: at.level(&c::PROCESS_THREADS),
        start_time_seconds: at.level(&c::PROCESS_START),
    }
}
