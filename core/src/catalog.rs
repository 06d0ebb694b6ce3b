//! Every family that the project exports, in one table; LiveKit's 52 have their own (`livekit::families`).
//!
//! Lives here: names, help, units, labels, buckets. Not here: values. Dashboards, rules and the metric
//! reference are made from [`ALL`]; what is not here does not exist.
//!
//! Families of streams carry the registry's group labels; the ones written here are the default.

use crate::desc::{Desc, Unit};

/// Default label names of a stream's group: `direction` (`incoming`, `outgoing`) and `kind` (`audio`,
/// `video`).
pub(crate) const GROUP_LABELS: &[&str] = &["direction", "kind"];

/// Last label names of what shows a histogram's windows: `window` (`interval`, `10s`, `60s`) and `statistic`
/// (`p50`, `p95`, `p99`, `max`, `mean`, `stddev`). Before them stand the histogram's own.
pub const WINDOW_LABELS: &[&str] = &["window", "statistic"];

/// Bounds for latencies of microseconds to seconds.
pub const LATENCY_BOUNDS: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 1.0,
];

/// Bounds for jitter.
pub(crate) const JITTER_BOUNDS: &[f64] = &[
    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.3, 0.5, 1.0,
];

/// Bounds for the share of packets lost: 0 has a bucket of its own.
pub(crate) const LOSS_BOUNDS: &[f64] = &[
    0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0,
];

/// Bounds for round trips, and for times from a request to its answer.
pub(crate) const ROUND_TRIP_BOUNDS: &[f64] = &[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0, 2.5,
];

/// Bounds for how fast agents answer.
pub(crate) const AGENT_LATENCY_BOUNDS: &[f64] = &[
    0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0,
];

/// Bounds for numbers of packets.
pub(crate) const COUNT_BOUNDS: &[f64] = &[
    1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 500.0,
];

/// Bounds for quality scores: those between ratings, and some within.
pub(crate) const SCORE_BOUNDS: &[f64] =
    &[20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 100.0];

/// Bounds for mean opinion scores.
pub(crate) const MOS_BOUNDS: &[f64] = &[1.5, 2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.4, 4.5];

/// Labels of the slots of the worst streams and groups.
pub(crate) const WORST_LABELS: &[&str] = &["slot"];

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

/// In microseconds: finer than what binary32 says of more than 16 s, and far from 2^64 for any crowd.
const fn client_seconds(name: &'static str, help: &'static str) -> Desc {
    Desc::counter(name, help).unit(Unit::Seconds).per_unit(1e6)
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
    /// Bytes of those.
    RTP_DUPLICATE_BYTES = rtp("media_rtp_duplicate_bytes_total", "Bytes of RTP packets whose sequence number had come before.").unit(Unit::Bytes);
    /// Packets that came late.
    RTP_REORDERED = rtp("media_rtp_packets_reordered_total", "RTP packets that came after one with a higher sequence number.");
    /// Packets that could not be placed.
    RTP_STALE = rtp("media_rtp_packets_stale_total", "RTP packets too far from the rest of their stream to be placed.");
    /// Frames.
    RTP_FRAMES = rtp("media_rtp_frames_total", "Media frames received: RTP timestamps seen in order.");
    /// Restarts of a sequence.
    RTP_RESTARTS = rtp("media_rtp_stream_restarts_total", "Times that a stream's sequence numbers began anew (RFC 3550 A.1).");
    /// Numbers that came late.
    RTP_RECOVERED = rtp("media_rtp_packets_recovered_total", "RTP sequence numbers that were missing when they were due, and came later.");
    /// Packets without media.
    RTP_PADDING_PACKETS = rtp("media_rtp_padding_packets_total", "RTP packets received that hold nothing but padding.");
    /// Requests to publishers for packets.
    RTP_NACKS_SENT = rtp("media_rtp_nacks_sent_total", "Generic NACKs (RFC 4585 6.2.1) sent to the senders of RTP streams received.");
    /// Numbers in them.
    RTP_NACKED_SENT = rtp("media_rtp_nacked_packets_sent_total", "Sequence numbers that were asked of the senders of RTP streams received in generic NACKs.");
    /// Requests for key frames.
    RTP_PLIS_SENT = rtp("media_rtp_plis_sent_total", "Picture loss indications (RFC 4585 6.3.1) sent to the senders of RTP streams received.");
    /// The stricter ones.
    RTP_FIRS_SENT = rtp("media_rtp_firs_sent_total", "Full intra requests (RFC 5104 4.3.1) sent to the senders of RTP streams received.");
    /// Key frames.
    RTP_KEY_FRAMES = rtp("media_rtp_key_frames_total", "Key frames received, of streams whose video codec is known.");
    /// Bursts of loss.
    RTP_LOSS_BURSTS = rtp("media_rtp_loss_bursts_total", "Bursts of loss (RFC 3611 4.7.2, Gmin 16): two or more losses with fewer than 16 packets received in a row between them.");
    /// Packets in bursts.
    RTP_BURST_PACKETS = rtp("media_rtp_burst_packets_total", "RTP packets expected within bursts of loss. Divided by the bursts, their mean length.");
    /// Losses in bursts.
    RTP_BURST_LOST = rtp("media_rtp_burst_packets_lost_total", "RTP packets lost within bursts of loss. Divided by the packets of bursts, the burst density of RFC 3611.");
    /// How far packets came late.
    RTP_REORDERING_DEPTH = Desc::histogram("media_rtp_reordering_depth_packets", "How many numbers behind the highest a reordered packet came.", COUNT_BOUNDS)
        .layout_of(2, 1_024).labels(GROUP_LABELS);
    /// Runs of losses.
    RTP_LOSS_RUNS = Desc::histogram("media_rtp_loss_run_packets", "How many packets in a row were lost: one sample for each run.", COUNT_BOUNDS)
        .layout_of(2, 65_536).labels(GROUP_LABELS);
    /// Scores of streams.
    RTP_QUALITY_SCORE = Desc::histogram("media_rtp_quality_score", "Quality score of a stream, 20 (lost) to 100: one sample for each window (5 s) of each stream that is judged. Above 80 is EXCELLENT, above 40 GOOD, above 20 POOR.", SCORE_BOUNDS)
        .per_unit(100.0).layout_of(3, 10_000).labels(GROUP_LABELS).exemplars();
    /// Mean opinion scores of streams.
    RTP_QUALITY_MOS = Desc::histogram("media_rtp_quality_mos", "Mean opinion score of a stream (ITU-T G.107 Annex B of its quality score), 1 to 4.5: one sample for each window of each stream that is judged.", MOS_BOUNDS)
        .per_unit(1e3).layout_of(3, 4_500).labels(GROUP_LABELS).exemplars();
    /// What scores are owed to.
    RTP_QUALITY_REASONS = Desc::counter("media_rtp_quality_windows_total", "Windows of streams that were judged, by what the score is owed to: packet (loss and delay), bitrate, layer, dry (nothing came), rtcp (no reports), pause.").labels(&["direction", "kind", "reason"]);
    /// Scores of participants.
    PARTICIPANT_QUALITY_SCORE = Desc::histogram("media_participant_quality_score", "Quality score of a participant, which is that of the worst of their streams: one sample for each participant and window.", SCORE_BOUNDS)
        .per_unit(100.0).layout_of(3, 10_000);
    /// Mean opinion scores of participants.
    PARTICIPANT_QUALITY_MOS = Desc::histogram("media_participant_quality_mos", "Mean opinion score of a participant, 1 to 4.5: one sample for each participant and window.", MOS_BOUNDS)
        .per_unit(1e3).layout_of(3, 4_500);
    /// Participants by rating.
    PARTICIPANTS_RATED = Desc::gauge("media_participants", "Participants with a judged stream, by rating (lost, poor, good, excellent).").labels(&["rating"]);
    /// Ratings given.
    PARTICIPANT_RATINGS = Desc::counter("media_participant_ratings_total", "Ratings of participants: one for each participant and quality window, by rating (excellent, good, poor, lost).").labels(&["rating"]);
    /// Live streams.
    RTP_STREAMS = Desc::gauge("media_rtp_streams", "RTP streams alive now.").labels(GROUP_LABELS);
    /// Streams started.
    RTP_STARTED = rtp("media_rtp_streams_started_total", "RTP streams started.");
    /// Streams ended.
    RTP_ENDED = rtp("media_rtp_streams_ended_total", "RTP streams ended.");
    /// Loss of each stream in each interval.
    RTP_INTERVAL_LOSS = Desc::histogram("media_rtp_interval_loss_ratio", "Share of the packets expected in one interval that were missing at its end: one sample for each stream with traffic and interval. A packet that comes later counts as missing here.", LOSS_BOUNDS)
        .unit(Unit::Ratio).per_unit(1e6).layout_of(2, 1_000_000).labels(GROUP_LABELS).exemplars();
    /// Jitter of each stream in each interval.
    RTP_INTERVAL_JITTER = Desc::histogram("media_rtp_interval_jitter_seconds", "Interarrival jitter of a stream (RFC 3550 6.4.1) at the end of one interval: one sample for each stream with traffic and interval.", JITTER_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000).labels(GROUP_LABELS).exemplars();

    /// RTP packets sent.
    RTP_SENT_PACKETS = rtp("media_rtp_sent_packets_total", "RTP packets sent, retransmissions and padding included.");
    /// Bytes of those packets.
    RTP_SENT_BYTES = rtp("media_rtp_sent_bytes_total", "Bytes of RTP packets sent: header, payload and padding.").unit(Unit::Bytes);
    /// Bytes of their headers.
    RTP_SENT_HEADER_BYTES = rtp("media_rtp_sent_header_bytes_total", "Bytes of RTP headers sent, CSRCs and extensions included.").unit(Unit::Bytes);
    /// Bytes of their padding.
    RTP_SENT_PADDING_BYTES = rtp("media_rtp_sent_padding_bytes_total", "Bytes of RTP padding sent.").unit(Unit::Bytes);
    /// Frames sent.
    RTP_SENT_FRAMES = rtp("media_rtp_sent_frames_total", "Media frames sent: RTP timestamps sent in order.");
    /// Key frames sent.
    RTP_SENT_KEY_FRAMES = rtp("media_rtp_sent_key_frames_total", "Key frames sent, of streams whose video codec is known.");
    /// Retransmissions.
    RTP_RETRANSMITTED_PACKETS = rtp("media_rtp_retransmitted_packets_total", "RTP packets sent again: those of an RTX stream (RFC 4588), and those whose sequence number was sent before. Part of the packets sent.");
    /// Bytes of those packets.
    RTP_RETRANSMITTED_BYTES = rtp("media_rtp_retransmitted_bytes_total", "Bytes of RTP packets sent again: header, payload and padding. Part of the bytes sent.").unit(Unit::Bytes);
    /// Requests for packets.
    RTP_NACKS_RECEIVED = rtp("media_rtp_nacks_received_total", "Generic NACK packets received (RFC 4585 6.2.1).");
    /// Packets that they ask for.
    RTP_NACKED_PACKETS = rtp("media_rtp_nacked_packets_total", "RTP sequence numbers that the NACK packets received ask for, each as often as it was asked for.");
    /// Time from such a request to its answer.
    RTP_NACK_RECOVERY = Desc::histogram("media_rtp_nack_recovery_seconds", "Time from the first open request for an RTP packet (NACK) to its retransmission: one sample for each request answered.", ROUND_TRIP_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000).labels(GROUP_LABELS).exemplars();
    /// Pictures lost.
    RTP_PLIS_RECEIVED = rtp("media_rtp_plis_received_total", "Picture loss indications received (RFC 4585 6.3.1).");
    /// Key frames asked for.
    RTP_FIRS_RECEIVED = rtp("media_rtp_firs_received_total", "Full intra requests received (RFC 5104 4.3.1), repetitions not counted.");
    /// Time from such a request to its answer.
    RTP_KEY_FRAME_REQUEST = Desc::histogram("media_rtp_key_frame_request_seconds", "Time from the first open request for a key frame (PLI or FIR) to the first packet of one: one sample for each key frame that was asked for.", ROUND_TRIP_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000).labels(GROUP_LABELS).exemplars();
    /// Live sent streams.
    RTP_SENDERS = Desc::gauge("media_rtp_senders", "RTP streams sent now.").labels(GROUP_LABELS);
    /// Sent streams started.
    RTP_SENDERS_STARTED = rtp("media_rtp_senders_started_total", "RTP streams that began to be sent.");
    /// Sent streams ended.
    RTP_SENDERS_ENDED = rtp("media_rtp_senders_ended_total", "RTP streams that are sent no more.");
    /// Windows without a figure.
    STREAM_WINDOWS_UNMEASURED = Desc::counter("media_rtp_windows_unmeasured_total", "Windows of single RTP streams with traffic, but without a figure of that kind (jitter, rtt): counted where LiveKit's distributions of them are derived.").labels(&["direction", "figure"]);
    /// Reports about what was sent.
    RTP_REMOTE_REPORTS = rtp("media_rtp_remote_reports_total", "Report blocks of receivers about RTP streams sent (RFC 3550 6.4.1), those that are old or about packets never sent not counted.");
    /// Losses that they tell of.
    RTP_REMOTE_LOST = rtp("media_rtp_remote_packets_lost_total", "RTP packets lost on the way to their receivers, as those report it: the most that each receiver reported. What it took back is taken off the group's next losses when the stream ends.");
    /// The share of packets lost that they tell of.
    RTP_REMOTE_FRACTION_LOST = Desc::histogram("media_rtp_remote_fraction_lost_ratio", "Share of packets lost since the report before, as receivers report it: one sample for each report block.", LOSS_BOUNDS)
        .unit(Unit::Ratio).per_unit(1e6).layout_of(2, 1_000_000).labels(GROUP_LABELS).exemplars();
    /// The jitter that they tell of.
    RTP_REMOTE_JITTER = Desc::histogram("media_rtp_remote_jitter_seconds", "Interarrival jitter at receivers, as those report it: one sample for each report block.", JITTER_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000).labels(GROUP_LABELS).exemplars();
    /// Round trips measured with them.
    RTP_REMOTE_RTT = Desc::histogram("media_rtp_remote_rtt_seconds", "Round-trip time to receivers (RFC 3550 6.4.1): one sample for each report block that answers one of the last 16 sender reports.", ROUND_TRIP_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000).labels(GROUP_LABELS).exemplars();

    /// Arrival to departure of every forwarded packet.
    FORWARD_LATENCY = Desc::histogram("media_forward_latency_seconds", "Time from a packet's arrival to the end of its last send: one sample for each packet forwarded to anybody.", LATENCY_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000).exemplars();
    /// The same, of late.
    FORWARD_LATENCY_WINDOW = Desc::gauge("media_forward_latency_window_seconds", "Quantiles, maximum, mean and sample standard deviation (forwarding jitter) of media_forward_latency_seconds over the last interval between merges, 10 s and 60 s. Absent without traffic; stddev for fewer than two packets.")
        .unit(Unit::Seconds).labels(WINDOW_LABELS);
    /// Packets sent on.
    FORWARD_PACKETS = Desc::counter("media_forward_packets_total", "RTP packets sent to subscribers, one for each subscriber.");
    /// Bytes sent on.
    FORWARD_BYTES = Desc::counter("media_forward_bytes_total", "Bytes of RTP packets sent to subscribers.").unit(Unit::Bytes);
    /// Packets that could not be sent.
    FORWARD_SEND_ERRORS = Desc::counter("media_forward_send_errors_total", "Packets that could not be sent to a subscriber.").labels(&["reason"]);
    /// Datagrams that are neither RTP nor RTCP.
    FORWARD_REJECTED = Desc::counter("media_forward_packets_rejected_total", "Datagrams dropped, by reason: no valid RTP (too_short, version, csrc, extension, padding) or RTCP (rtcp), longer than can be received (too_long), or not from one of the room's publishers (unknown_publisher).").labels(&["reason"]);
    /// Datagrams lost between the network and us.
    FORWARD_OVERFLOWED = Desc::counter("media_forward_receive_overflow_total", "Datagrams that were not received in time: dropped by the kernel because the receive queue of a worker's socket was full, or left there by the end of the program.");
    /// Packets forwarded but not accounted to a stream.
    FORWARD_UNTRACKED = Desc::counter("media_forward_packets_untracked_total", "RTP packets forwarded without a stream of their own, because the limit on streams was met.");
    /// RTCP packets.
    FORWARD_RTCP = Desc::counter("media_forward_rtcp_packets_total", "RTCP datagrams received.");
    /// RTCP datagrams that are none.
    FORWARD_RTCP_REJECTED = Desc::counter("media_forward_rtcp_rejected_total", "RTCP datagrams dropped because they are malformed, by what is wrong: an RTCP header (too_short, version, length, padding) or the contents of a packet (sr, rr, sdes, bye, feedback, nack, fir, remb, transport_cc, xr). The same are counted with reason rtcp in media_forward_packets_rejected_total.").labels(&["reason"]);
    /// Feedback passed on.
    FORWARD_FEEDBACK = Desc::counter("media_forward_feedback_packets_total", "RTCP datagrams of subscribers sent to publishers, one for each publisher.");
    /// Feedback that got nowhere.
    FORWARD_FEEDBACK_DROPPED = Desc::counter("media_forward_feedback_dropped_total", "RTCP datagrams that did not get where they belong, by reason: a subscriber's about no stream at all (about_nobody) or about one that nobody sends (unknown_stream); any that another worker should have read and had too many of (busy).").labels(&["reason"]);

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
    SERIES_OVERFLOW = Desc::counter("media_metrics_series_overflow_total", "Registrations and records that were folded into a family's series `other`, because a limit on series was met or a value may not stand in a label.").labels(&["family"]);
    /// Streams that found no place.
    STREAMS_REFUSED = Desc::counter("media_metrics_streams_refused_total", "Streams that were refused, because the limit on streams was met.");
    /// Streams left for the next tick.
    STREAMS_BUSY = Desc::counter("media_metrics_streams_busy_total", "Times that a stream's writer was busy for so long that a merge left it for the next.");
    /// Records that were dropped.
    RECORDS_DROPPED = Desc::counter("media_metrics_records_dropped_total", "Records that were dropped, because there was no memory for a thread's cells.");
    /// How long tasks hold up the reporter.
    TASK_SECONDS = Desc::histogram("media_metrics_task_seconds", "Time that one run of a task on the reporter's thread took.", LATENCY_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000).labels(&["task"]);
    /// Panics of a task.
    TASK_PANICS = Desc::counter("media_metrics_task_panics_total", "Panics of a task on the reporter's thread, caught.").labels(&["task"]);
    /// Snapshots that a sink got.
    SINK_TURNS = Desc::counter("media_metrics_sink_turns_total", "Snapshots that a sink took.").labels(&["sink"]);
    /// Snapshots that a sink missed.
    SINK_DROPPED = Desc::counter("media_metrics_sink_dropped_total", "Snapshots that a sink missed, because it was slow or gone.").labels(&["sink"]);
    /// Panics of a sink.
    SINK_PANICS = Desc::counter("media_metrics_sink_panics_total", "Panics of a sink, caught.").labels(&["sink"]);

    /// Messages that are no RTP.
    LIVEKIT_MESSAGES = Desc::counter("media_livekit_messages_total", "Messages in livekit_packet_total that are no RTP, by what carries them (data_channel, signal, turn) and direction.").labels(&["layer", "direction"]);
    /// Bytes of those messages.
    LIVEKIT_MESSAGE_BYTES = Desc::counter("media_livekit_message_bytes_total", "Bytes in livekit_packet_bytes that are no RTP, by what carries them (data_channel, signal, turn) and direction.").unit(Unit::Bytes).labels(&["layer", "direction"]);
    /// Events that were not recorded.
    LIVEKIT_EVENTS_DROPPED = Desc::counter("media_livekit_events_dropped_total", "Events told for LiveKit's families that were not recorded, by reason: the end of something that had not begun (unmatched), no series to record it in (no_room), or a figure that is no number (invalid).").labels(&["reason"]);

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
    HTTP_REJECTED = Desc::counter("media_metrics_http_connections_rejected_total", "Connections that the metrics server refused or cut off: full (all were busy), gave_way (idle, for another), slow_request, slow_reader, accept_failed (no file descriptor, most often), handshake (no TLS, or a certificate that one side does not take).").labels(&["reason"]);
    /// Who listens.
    EVENT_LISTENERS = Desc::gauge("media_metrics_event_listeners", "Listeners to /api/v1/events, which the live page is drawn from: streams of events that are open now.");
    /// What they were told.
    EVENTS = Desc::counter("media_metrics_events_total", "Events that listeners to /api/v1/events were told: one for each listener and snapshot.");
    /// What they were not told.
    EVENTS_SKIPPED = Desc::counter("media_metrics_events_skipped_total", "Events that listeners to /api/v1/events were not told, because they had not taken the last ones yet: they go on with the newest.");
    /// Certificates that changed under the server.
    TLS_RELOADS = Desc::counter("media_metrics_tls_reloads_total", "Times that the certificate's files had changed and were read again, by outcome: ok, or refused (they can't be used, and the old ones go on).").labels(&["outcome"]);

    /// What the facade did not take.
    FACADE_REFUSED = Desc::counter("media_metrics_facade_refused_total", "Times that a metric of the metrics facade was asked for or described and refused, by reason: its name is that of a metric of another kind (kind) or of a family recorded elsewhere or a part of a histogram (taken), it has no name, one of over 512 bytes, or over 64 labels (bad_key), there are too many names already, or no series to record it in (full).").labels(&["reason"]);
    /// Values that no sum can hold.
    FACADE_NOT_FINITE = Desc::counter("media_metrics_facade_values_not_finite_total", "Values recorded into histograms of the metrics facade that are infinite or not a number: they count in buckets, and not in sums.");
    /// Series that were idle.
    FACADE_EXPIRED = Desc::counter("media_metrics_facade_series_expired_total", "Series of the metrics facade that were taken out because nothing was recorded for the idle time-out.");
    /// What a foreign page had that was not shown.
    FOREIGN_DROPPED = Desc::counter("media_metrics_foreign_dropped_total", "What was left out of pages of other libraries that are served along with ours, each time, by reason: a family whose name is one that ours have or reserve (taken), a family or series that can't be shown (unfit), a line that is none (malformed), the end of a page that is too long (too_long), a page that was not made in time (late) or could not be made (panicked).").labels(&["reason"]);

    /// CPUs.
    NODE_CPUS = Desc::gauge("media_node_cpus", "CPUs that the node may use, control groups' quotas considered.");
    /// CPU load.
    NODE_CPU_LOAD = Desc::gauge("media_node_cpu_load_ratio", "Share of the node's CPUs in use.").unit(Unit::Ratio);
    /// Memory in use.
    NODE_MEMORY_USED = Desc::gauge("media_node_memory_used_bytes", "Memory in use, of the control group if that is limited, else of the machine.").unit(Unit::Bytes);
    /// Memory there is.
    NODE_MEMORY_TOTAL = Desc::gauge("media_node_memory_total_bytes", "Memory that the node may use: a control group's limit, else what the machine has.").unit(Unit::Bytes);
    /// Load average of a minute.
    NODE_LOAD1 = Desc::gauge("media_node_load1", "Load average of the machine over 1 minute.");
    /// Load average of 5 minutes.
    NODE_LOAD5 = Desc::gauge("media_node_load5", "Load average of the machine over 5 minutes.");
    /// Load average of 15 minutes.
    NODE_LOAD15 = Desc::gauge("media_node_load15", "Load average of the machine over 15 minutes.");
    /// Readings of the operating system that failed.
    NODE_READ_FAILURES = Desc::counter("media_node_read_failures_total", "Times that the operating system could not be read, by what: cpu, load, memory, packets (of queue disciplines).").labels(&["what"]);
    // What clients say: LiveKit's metric batches, one sum over all senders, tracks and layers.
    /// Freezes.
    CLIENT_FREEZES = Desc::counter("media_client_freezes_total", "Freezes of received video, as clients report them.");
    /// Time in freezes.
    CLIENT_FREEZE_SECONDS = client_seconds("media_client_freeze_seconds_total", "Time that received video was frozen, as clients report it: summed over their tracks, a freeze counted when it ends.");
    /// Pauses.
    CLIENT_PAUSES = Desc::counter("media_client_pauses_total", "Pauses of received video, as clients report them.");
    /// Time in pauses.
    CLIENT_PAUSE_SECONDS = client_seconds("media_client_pause_seconds_total", "Time that received video was paused, as clients report it: summed over their tracks.");
    /// Samples made up.
    CLIENT_CONCEALED_SAMPLES = Desc::counter("media_client_concealed_samples_total", "Audio samples that clients made up for lost or late ones, the silent ones included. Above 2^24 a client's own total is rounded (binary32).");
    /// Those of them that are silence.
    CLIENT_SILENT_CONCEALED_SAMPLES = Desc::counter("media_client_silent_concealed_samples_total", "Audio samples that clients made up as silence. Part of the concealed samples.");
    /// Times that samples were made up.
    CLIENT_CONCEALMENT_EVENTS = Desc::counter("media_client_concealment_events_total", "Times that clients began to make up audio samples.");
    /// Interruptions.
    CLIENT_INTERRUPTIONS = Desc::counter("media_client_interruptions_total", "Interruptions of received audio, as clients report them.");
    /// Time in interruptions.
    CLIENT_INTERRUPTION_SECONDS = client_seconds("media_client_interruption_seconds_total", "Time that received audio was interrupted, as clients report it: summed over their tracks.");
    /// Time in jitter buffers. In milliseconds: audio adds it up for each sample, 48,000 times a second.
    CLIENT_JITTER_BUFFER_DELAY = Desc::counter("media_client_jitter_buffer_delay_seconds_total", "Time that audio samples and video frames spent in clients' jitter buffers, summed over all of them. Divided by media_client_jitter_buffer_emitted_total, the mean delay.")
        .unit(Unit::Seconds).per_unit(1e3);
    /// What came out of jitter buffers.
    CLIENT_JITTER_BUFFER_EMITTED = Desc::counter("media_client_jitter_buffer_emitted_total", "Audio samples and video frames that came out of clients' jitter buffers. Above 2^24 a client's own total is rounded (binary32).");
    /// Time in which encoders were held back.
    CLIENT_QUALITY_LIMITATION_SECONDS = client_seconds("media_client_quality_limitation_seconds_total", "Time that clients' video encoders were held back, by reason (bandwidth, cpu, other): summed over the layers that they report.").labels(&["reason"]);
    /// How fast agents are.
    CLIENT_AGENT_LATENCY = Desc::histogram("media_client_agent_latency_seconds", "Latency of agents, as they report it, by stage: first token of the language model (llm_ttft), final transcript (stt_ttft), first byte of speech (tts_ttfb).", AGENT_LATENCY_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e6).layout_of(2, 600_000_000).labels(&["stage"]);
    /// Round trips.
    CLIENT_RTT = Desc::histogram("media_client_rtt_seconds", "Round-trip time of a participant, by path: publisher (client to server), subscriber (server to client), mesh (between servers). Measured by the server if it does, else as the client reports it, never both.", ROUND_TRIP_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e6).layout_of(2, 60_000_000).labels(&["path"]);
    /// Samples counted.
    CLIENT_SAMPLES = Desc::counter("media_client_samples_total", "Samples of clients' series that were counted, by label: a name of LiveKit's enum MetricLabel in lower case, unassigned (a number that it does not name) or custom (a label of the client's own).").labels(&["label"]);
    /// Samples not counted.
    CLIENT_SAMPLES_DROPPED = Desc::counter("media_client_samples_dropped_total", "Samples of clients' series that were not counted, by reason: no such value (out_of_range: negative, not a number, beyond belief, or a total that grew or began anew faster than can be), older than what its series had (out_of_order), of the same time (duplicate), of one series too many of a sender (too_many_series), of a round trip that the server measures itself (measured_here).").labels(&["reason"]);
    /// Totals that began anew.
    CLIENT_RESETS = Desc::counter("media_client_resets_total", "Times that a client's total fell, and so was taken to have begun anew at 0.");
    // LiveKit's pipeline: what clients send, and our own machinery.

    /// Batches of clients.
    CLIENT_BATCHES = Desc::counter("media_client_batches_total", "Metric batches of clients that were accepted.");
    /// Bytes of those.
    CLIENT_BATCH_BYTES = Desc::counter("media_client_batch_bytes_total", "Bytes of the packets of clients whose metric batches were accepted.").unit(Unit::Bytes);
    /// Batches that were not accepted.
    CLIENT_BATCHES_REJECTED = Desc::counter("media_client_batches_rejected_total", "Metric batches of clients that were rejected whole, by reason: the participant has left (left) or may not publish data (not_allowed), is over its rate of batches or bytes (rate_limited), or the packet is too long (too_long), would take up too much memory (too_large), is no such message (malformed) or has no metrics (no_metrics).").labels(&["reason"]);
    /// Rows of accepted batches.
    CLIENT_BATCH_ROWS = Desc::counter("media_client_batch_rows_total", "Rows (series and events) of clients' batches that were kept.");
    /// Rows that were not kept.
    CLIENT_BATCH_ROWS_DROPPED = Desc::counter("media_client_batch_rows_dropped_total", "Rows (series and events) of accepted batches of clients that were dropped, by reason: a label (unknown_label) or an identity (unknown_identity) that the batch does not hold, another participant's identity (foreign_identity), no sample that could be kept (no_samples), a time that is none (bad_time), a string that is too long (string_too_long), one too many (over_limit), one that only another participant may see (restricted).").labels(&["reason"]);
    /// Rows that were kept with less.
    CLIENT_BATCH_ROWS_MENDED = Desc::counter("media_client_batch_rows_mended_total", "Rows of clients' batches that were kept without a part: a track or layer that the batch does not hold (unknown_track_or_rid), the end of a long text (metadata_cut).").labels(&["reason"]);
    /// Samples of accepted batches.
    CLIENT_BATCH_SAMPLES = Desc::counter("media_client_batch_samples_total", "Samples of clients' batches that were kept.");
    /// Samples that were not kept.
    CLIENT_BATCH_SAMPLES_DROPPED = Desc::counter("media_client_batch_samples_dropped_total", "Samples of clients' batches that were dropped, by reason: infinite or not a number (non_finite), a time that is none (bad_time), one too many (over_limit).").labels(&["reason"]);
    /// Steps of clients' clocks.
    CLIENT_CLOCK_STEPS = Desc::counter("media_client_clock_steps_total", "Times that the estimate of a client's clock and delay stepped.");
    /// Times that clients' batches claimed in vain.
    CLIENT_CLOCK_TIMES_REJECTED = Desc::counter("media_client_clock_times_rejected_total", "Metric batches of clients whose own time was not believed.");
    /// Batches without server time.
    CLIENT_BATCHES_UNMAPPED = Desc::counter("media_client_batches_unmapped_total", "Metric batches of clients that came before anything was known of the client's clock, and so have no server times.");

    /// Participants.
    PIPELINE_PARTICIPANTS = Desc::gauge("media_metrics_pipeline_participants", "Participants whose metrics are collected and reported.");
    /// Rooms.
    PIPELINE_ROOMS = Desc::gauge("media_metrics_pipeline_rooms", "Rooms that metrics are shared in.");
    /// Samples taken from hosts.
    PIPELINE_SAMPLES = Desc::counter("media_metrics_pipeline_samples_total", "Round trips that the host was asked for and gave.");
    /// Samples that were not taken.
    PIPELINE_SAMPLES_REFUSED = Desc::counter("media_metrics_pipeline_samples_refused_total", "Round trips that the host gave and that were refused, by reason: non_finite, negative, not_measured (0 s), no_identity, identity_too_long, over_limit.").labels(&["reason"]);
    /// Batches made of them.
    PIPELINE_BATCHES = Desc::counter("media_metrics_pipeline_batches_total", "Batches made of the round trips that the host gave.");
    /// Receivers of batches.
    PIPELINE_DELIVERIES = Desc::counter("media_metrics_pipeline_deliveries_total", "Batches put into receivers' next reports, one for each receiver.");
    /// Batches that reached nobody.
    PIPELINE_BATCHES_DROPPED = Desc::counter("media_metrics_pipeline_batches_dropped_total", "Batches that no receiver gets, because the room (room_full) or the sender (sender_full) has too many bytes until the next report, or the sender has left meanwhile (left).").labels(&["reason"]);
    /// Rows that a report had no room for.
    PIPELINE_REPORT_ROWS_DROPPED = Desc::counter("media_metrics_pipeline_report_rows_dropped_total", "Rows that reports had no room for, one for each merge that left one out.");
    /// Samples that a report had no room for.
    PIPELINE_REPORT_SAMPLES_DROPPED = Desc::counter("media_metrics_pipeline_report_samples_dropped_total", "Samples that reports had no room for, those of dropped rows included, for each merge that left some out.");
    /// Packets sent.
    PIPELINE_PACKETS = Desc::counter("media_metrics_pipeline_packets_total", "Metric packets that the host sent to clients.");
    /// Bytes of those.
    PIPELINE_PACKET_BYTES = Desc::counter("media_metrics_pipeline_packet_bytes_total", "Bytes of the metric packets that the host sent to clients.").unit(Unit::Bytes);
    /// Packets that were not sent.
    PIPELINE_PACKETS_FAILED = Desc::counter("media_metrics_pipeline_packets_failed_total", "Metric packets that the host did not send, by reason: closed, full, unsupported, failed, panicked, or too many while the participant was leaving (leaving).").labels(&["reason"]);
    /// Messages that reports needed beyond the first.
    PIPELINE_MESSAGES_SPLIT = Desc::counter("media_metrics_pipeline_messages_split_total", "Packets beyond the first that reports were split into.");
    /// How long the host takes.
    PIPELINE_CALLBACK = Desc::histogram("media_metrics_pipeline_callback_seconds", "Time that the host's callbacks took, by name: collect, send. While one runs, all others wait.", LATENCY_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000).labels(&["callback"]);
    /// Panics of the host.
    PIPELINE_PANICS = Desc::counter("media_metrics_pipeline_panics_total", "Panics of the host's callbacks, caught, by name: collect, send, audience, wake, and drop for the end of a provider or an audience.").labels(&["callback"]);
    /// Ticks that did not come.
    PIPELINE_TICKS_MISSED = Desc::counter("media_metrics_pipeline_ticks_missed_total", "Ticks that collapsed into a later one, because the pipeline ran too late, by what was due: sample, batch, report.").labels(&["tick"]);
    /// How late the pipeline ran.
    PIPELINE_LATE = Desc::histogram("media_metrics_pipeline_late_seconds", "Time by which the pipeline ran after something was due.", LATENCY_BOUNDS)
        .unit(Unit::Seconds).per_unit(1e9).layout_of(2, 60_000_000_000);

    /// Requests that a receiver took.
    PUSH_REQUESTS = Desc::counter("media_metrics_push_requests_total", "Requests of a push that its receiver took.").labels(&["push"]);
    /// Bytes of those requests.
    PUSH_BYTES = Desc::counter("media_metrics_push_bytes_total", "Bytes of the requests of a push that its receiver took, as sent, headers not included.").unit(Unit::Bytes).labels(&["push"]);
    /// Samples that a receiver took.
    PUSH_SAMPLES = Desc::counter("media_metrics_push_samples_total", "Samples of a push that its receiver took.").labels(&["push"]);
    /// Samples that no receiver took.
    PUSH_SAMPLES_FAILED = Desc::counter("media_metrics_push_samples_failed_total", "Samples of a push that were sent and given up: of requests that failed, and those that the receiver says it did not write.").labels(&["push"]);
    /// Requests given up.
    PUSH_FAILED = Desc::counter("media_metrics_push_requests_failed_total", "Requests of a push that were given up, by reason: refused (the receiver said so for good), redirect (not followed), superseded (newer snapshots needed the room), stopped, panic.").labels(&["push", "reason"]);
    /// Attempts that failed and are repeated.
    PUSH_RETRIES = Desc::counter("media_metrics_push_retries_total", "Attempts of a push that failed and are worth another one, by reason: connect (no connection), timeout, tls (its certificate is not trusted, or it speaks no TLS), transport (the connection broke, or what came was no HTTP), status (429 or 5xx).").labels(&["push", "reason"]);
    /// Changes of protocol.
    PUSH_FALLBACKS = Desc::counter("media_metrics_push_fallbacks_total", "Times that a push went on in an older form, because its receiver did not know the newer one.").labels(&["push"]);
    /// Snapshots never sent.
    PUSH_DROPPED = Desc::counter("media_metrics_push_snapshots_dropped_total", "Snapshots that a push did not send, by reason: full (the queue had no room: resolution is lost), clock (the wall clock was set back), stopped.").labels(&["push", "reason"]);
    /// Series that ended and whose receiver was not told.
    PUSH_MARKERS_DROPPED = Desc::counter("media_metrics_push_stale_markers_dropped_total", "Series that ended without the receiver of a push being told, because too many did while it could not be reached.").labels(&["push"]);
    /// Snapshots that wait.
    PUSH_QUEUED = Desc::gauge("media_metrics_push_queued_snapshots", "Snapshots that a push has yet to send.").labels(&["push"]);
    /// Bytes that wait.
    PUSH_QUEUED_BYTES = Desc::gauge("media_metrics_push_queued_bytes", "Memory of the snapshots that a push has yet to send.").unit(Unit::Bytes).labels(&["push"]);
    /// When a receiver took something.
    PUSH_LAST_SUCCESS = Desc::gauge("media_metrics_push_last_success_timestamp_seconds", "When the receiver of a push last took a request, in seconds since 1970; no value before.").unit(Unit::Seconds).labels(&["push"]);
    // The worst of each interval: slots, so a bounded number of series whatever the number of streams. See `worst`.
    /// Who is in a stream's slot.
    WORST_STREAM_INFO = Desc::gauge("media_worst_stream_info", "Which stream is in a slot of the media_worst_stream families: 1. Slot 0 has the worst stream of the last interval. Streams are ordered by score (where none is known, 100 less the loss in percent), then loss, then jitter. The id is that of the stream in /api/v1/streams.").labels(&["slot", "direction", "id", "ssrc", "group", "participant"]);
    /// Its score.
    WORST_STREAM_SCORE = Desc::gauge("media_worst_stream_score", "Quality score (20 to 100) of the worst streams, as of their last windows or events. Absent if a stream is not judged, or not yet.").labels(WORST_LABELS);
    /// Its mean opinion score.
    WORST_STREAM_MOS = Desc::gauge("media_worst_stream_mos", "Mean opinion score (1 to 4.5) of the worst streams: that of the quality score.").labels(WORST_LABELS);
    /// Its loss.
    WORST_STREAM_LOSS = Desc::gauge("media_worst_stream_loss_ratio", "Share of packets that the worst streams lost: received in the last interval, or sent and lost by the receiver's newest report.").unit(Unit::Ratio).labels(WORST_LABELS);
    /// Its jitter.
    WORST_STREAM_JITTER = Desc::gauge("media_worst_stream_jitter_seconds", "Interarrival jitter of the worst streams: as measured, or of what is sent by the receiver's newest report.").unit(Unit::Seconds).labels(WORST_LABELS);
    /// Its round trip.
    WORST_STREAM_RTT = Desc::gauge("media_worst_stream_rtt_seconds", "Round-trip time of the worst streams: of those sent, as measured with the receiver's newest report.").unit(Unit::Seconds).labels(WORST_LABELS);
    /// Its bitrate.
    WORST_STREAM_BYTES = Desc::gauge("media_worst_stream_bytes_per_second", "Bytes of RTP (header, payload, padding) of the worst streams in the last interval, a second.").labels(WORST_LABELS);
    /// Who is in a group's slot.
    WORST_GROUP_INFO = Desc::gauge("media_worst_group_info", "Which label group of streams is in a slot of the media_worst_group families: 1. Slot 0 has the worst group of the last interval, in the order of media_worst_stream_info.").labels(&["slot", "direction", "group"]);
    /// Its score.
    WORST_GROUP_SCORE = Desc::gauge("media_worst_group_score", "Mean quality score (20 to 100) of the worst groups' judged streams. Absent if a group has none.").labels(WORST_LABELS);
    /// Its loss.
    WORST_GROUP_LOSS = Desc::gauge("media_worst_group_loss_ratio", "Share of packets that the worst groups lost: of all packets received in the last interval, or the mean of sent streams by their receivers' newest reports.").unit(Unit::Ratio).labels(WORST_LABELS);
    /// Its jitter.
    WORST_GROUP_JITTER = Desc::gauge("media_worst_group_jitter_seconds", "Mean interarrival jitter of the worst groups' streams.").unit(Unit::Seconds).labels(WORST_LABELS);
    /// Its round trip.
    WORST_GROUP_RTT = Desc::gauge("media_worst_group_rtt_seconds", "Mean round-trip time of the worst groups' sent streams.").unit(Unit::Seconds).labels(WORST_LABELS);
    /// Its bitrate.
    WORST_GROUP_BYTES = Desc::gauge("media_worst_group_bytes_per_second", "Bytes of RTP (header, payload, padding) of the worst groups in the last interval, a second.").labels(WORST_LABELS);
    /// Its streams.
    WORST_GROUP_STREAMS = Desc::gauge("media_worst_group_streams", "Streams of the worst groups with news in the last interval, or judged.").labels(WORST_LABELS);
    // The flight recorder.

    /// Memory of the flight recorder.
    HISTORY_BYTES = Desc::gauge("media_metrics_history_bytes", "Memory of the flight recorder, by part: intervals kept (intervals), names and labels of their series (series), and the last merge, to which the next is compared (last_merge). The first two together stay below the configured limit.").unit(Unit::Bytes).labels(&["part"]);
    /// Intervals kept.
    HISTORY_INTERVALS = Desc::gauge("media_metrics_history_intervals", "Intervals that the flight recorder holds.");
    /// How far back it goes.
    HISTORY_SPAN = Desc::gauge("media_metrics_history_span_seconds", "Time from the first interval that the flight recorder holds to the end of the last.").unit(Unit::Seconds);
    /// Intervals dropped early.
    HISTORY_DROPPED = Desc::counter("media_metrics_history_intervals_dropped_total", "Intervals that the flight recorder dropped before their time, because it met its limit of memory.");
    /// Series without a place.
    HISTORY_UNFOLLOWED = Desc::gauge("media_metrics_history_series_unfollowed", "Series that the flight recorder has no room for: their names and labels would take more than a quarter of its memory.");
    /// Dumps.
    HISTORY_DUMPS = Desc::counter("media_metrics_history_dumps_total", "Interval logs that the flight recorder was told to write to disk, by result: written, or failed (disk full, most often).").labels(&["result"]);

    // What this process is and takes, as Prometheus' client libraries call it.

    /// CPU time.
    PROCESS_CPU = Desc::counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.").unit(Unit::Seconds).per_unit(1e9);
    /// Memory in RAM.
    PROCESS_RESIDENT = Desc::gauge("process_resident_memory_bytes", "Resident memory size in bytes.").unit(Unit::Bytes);
    /// Addresses in use.
    PROCESS_VIRTUAL = Desc::gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.").unit(Unit::Bytes);
    /// Addresses allowed.
    PROCESS_VIRTUAL_MAX = Desc::gauge("process_virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes. Absent without a limit.").unit(Unit::Bytes);
    /// File descriptors in use.
    PROCESS_OPEN_FDS = Desc::gauge("process_open_fds", "Number of open file descriptors.");
    /// File descriptors allowed.
    PROCESS_MAX_FDS = Desc::gauge("process_max_fds", "Maximum number of open file descriptors. Absent without a limit.");
    /// When it began.
    PROCESS_START = Desc::gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.").unit(Unit::Seconds);
    /// Threads.
    PROCESS_THREADS = Desc::gauge("process_threads", "Number of OS threads in the process.");
    /// Which build of the library this is.
    BUILD_INFO = Desc::gauge("media_metrics_build_info", "1, with what is known of the build of media-metrics: version, revision (empty if the build was not told), features of the exporter, target, profile (debug or release).").labels(&["version", "revision", "features", "target", "profile"]);
    /// What is observed. Its labels are the attributes that the host gives.
    TARGET_INFO = Desc::gauge("target_info", "1, with the attributes of what is observed: OpenTelemetry's resource.");
    // The exporter's formats.
    /// Families that could not stand on a page.
    FAMILIES_LEFT_OUT = Desc::counter("media_metrics_families_left_out_total", "Families left out of encoded pages, because the scraper reads no UTF-8 names and theirs, once escaped, was another's; counted for each page.");
}

/// The families of the worst streams' slots, in the order of their figures.
pub(crate) static WORST_STREAM: &[&Desc] = &[
    &WORST_STREAM_SCORE,
    &WORST_STREAM_MOS,
    &WORST_STREAM_LOSS,
    &WORST_STREAM_JITTER,
    &WORST_STREAM_RTT,
    &WORST_STREAM_BYTES,
];

/// The same of groups.
pub(crate) static WORST_GROUP: &[&Desc] = &[
    &WORST_GROUP_SCORE,
    &WORST_GROUP_LOSS,
    &WORST_GROUP_JITTER,
    &WORST_GROUP_RTT,
    &WORST_GROUP_BYTES,
    &WORST_GROUP_STREAMS,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desc::Kind;
    use std::collections::HashSet;

    #[test]
    #[cfg_attr(miri, ignore = "plain text, much of it")]
    fn names_follow_prometheus_advice() {
        let mut seen = HashSet::new();
        for desc in ALL {
            let name = desc.name();
            desc.validate().unwrap();
            assert!(seen.insert(name), "{name} twice");
            // Names that Prometheus' client libraries share, and OpenMetrics' own.
            let shared = name.starts_with("process_") || name == "target_info";
            assert!(shared || name.starts_with("media_"), "{name}");
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
