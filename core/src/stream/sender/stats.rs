//! One sent stream's numbers, read: what was measured here, and what the peer says.
//!
//! Lives here: plain values. Not here: how they were gathered.

use super::block::{WORDS, Words, word};
use crate::quality::Quality;
use crate::rtp::highest_of;
use crate::rtp::rtcp::{StatisticsSummary, VoipMetrics};
use crate::stream::block::Identity;
use crate::worst::Figures;

/// A sent stream, as of one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SenderStats {
    /// What was sent; measured here.
    pub sent: SentStats,
    /// What the receiver asked for, and what became of it; measured here.
    pub feedback: FeedbackStats,
    /// What the receiver says in its newest report blocks; `None` before the first.
    pub remote: Option<RemoteStats>,
    /// What the receiver says of the path as a whole.
    pub remote_estimate: RemoteEstimate,
    /// The newest statistics summary of the receiver (RFC 3611 §4.6).
    pub remote_summary: Option<StatisticsSummary>,
    /// The newest VoIP metrics of the receiver (RFC 3611 §4.7).
    pub remote_voip: Option<VoipMetrics>,
}

/// What a stream sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentStats {
    /// Packets sent, retransmissions and padding included.
    pub packets: u64,
    /// Bytes of those: RTP header, payload and padding.
    pub bytes: u64,
    /// Bytes of their headers (with CSRCs and extensions).
    pub header_bytes: u64,
    /// Bytes of their padding.
    pub padding_bytes: u64,
    /// Packets of nothing but padding.
    pub padding_packets: u64,
    /// Of `packets`, retransmissions: those of the RTX stream (RFC 4588), and those whose number was sent
    /// before.
    pub retransmitted_packets: u64,
    /// Bytes of those: RTP header, payload and padding.
    pub retransmitted_bytes: u64,
    /// Bytes of their payload alone, as W3C webrtc-stats counts.
    pub retransmitted_payload_bytes: u64,
    /// Frames: timestamps sent in order.
    pub frames: u64,
    /// Key frames.
    pub key_frames: u64,
    /// How often the stream's numbers began anew (RFC 3550 A.1).
    pub restarts: u64,
    /// Numbers that were never given to this stream, between its first and its highest: what its receiver
    /// misses of those is not lost on this path.
    pub skipped: u64,
    /// Sender reports about the stream.
    pub sender_reports: u64,
    /// Highest sequence number with its cycles, of the run since the last restart; 0 before the first
    /// packet.
    pub highest_sequence: u64,
    /// Departure of the first packet, nanoseconds on the host's clock; 0 before it.
    pub first_departure_ns: u64,
    /// Departure of the last packet, nanoseconds on the host's clock; 0 before the first.
    pub last_departure_ns: u64,
}

/// What a stream's receiver asked for, and how it was answered.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FeedbackStats {
    /// NACK packets.
    pub nacks: u64,
    /// Numbers asked for by them.
    pub nacked_packets: u64,
    /// Of those, numbers that had been asked for before.
    pub nacked_again: u64,
    /// Times that a number asked for was sent (again).
    pub recovered: u64,
    /// Time from request to answer, summed over `recovered`.
    pub recovery_seconds: f64,
    /// Numbers forgotten without an answer, for newer ones: 256 neighbours are remembered at a time.
    pub unanswered: u64,
    /// PLIs.
    pub plis: u64,
    /// FIRs, repetitions not counted.
    pub firs: u64,
    /// FIRs that repeated the one before: same number, same request (RFC 5104 §4.3.1.1).
    pub firs_repeated: u64,
    /// Key frames that somebody had asked for.
    pub key_frames_requested: u64,
    /// Time from the first open request to the key frame, summed over `key_frames_requested`.
    pub key_frame_request_seconds: f64,
    /// Report blocks taken.
    pub reports: u64,
    /// Report blocks older than the newest one.
    pub reports_stale: u64,
    /// Report blocks about numbers that were not sent.
    pub reports_not_sent: u64,
    /// Report blocks that claim to have been held for longer than they were away.
    pub round_trips_impossible: u64,
}

/// What a receiver says of a stream in its report blocks (RFC 3550 §6.4.1). It is its word, but for the
/// round trip and for what was sent by then, which are measured here with its help.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RemoteStats {
    /// Packets lost since the beginning; negative when there were more duplicates than losses. In 64 bits:
    /// the report's 24 are followed over their wraps, and a report moves this by no more than can have been lost since
    /// the one before.
    pub lost: i64,
    /// Share of packets lost between the last two reports, 0 to 255/256.
    pub fraction_lost: f64,
    /// Interarrival jitter in seconds, as W3C webrtc-stats has it.
    pub jitter_seconds: f64,
    /// The largest one so far.
    pub jitter_max_seconds: f64,
    /// Highest sequence number received, with the cycles of what was sent.
    pub highest_sequence: u64,
    /// Numbers from each run's first to the highest received: what `lost` is a part of. Measured here, as
    /// of the newest report.
    pub expected: u64,
    /// Of `expected`, numbers never given to this stream ([`SentStats::skipped`] is as of now): what the
    /// receiver misses of those was not lost on this path.
    pub skipped: u64,
    /// How often the receiver's counts began anew.
    pub restarts: u64,
    /// Arrival of the newest report, nanoseconds on the host's clock.
    pub last_report_ns: u64,
    /// Round trips; `None` before the first was measured.
    pub rtt: Option<RttStats>,
}

/// Round trips measured with a receiver's reports.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RttStats {
    /// The newest one.
    pub seconds: f64,
    /// The least.
    pub min_seconds: f64,
    /// The largest.
    pub max_seconds: f64,
    /// Their sum: W3C's `totalRoundTripTime`.
    pub total_seconds: f64,
    /// Their number: W3C's `roundTripTimeMeasurements`. Not 0.
    pub measurements: u64,
}

/// What a receiver says of its path, all streams together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteEstimate {
    /// Bandwidth by its newest REMB, bits per second.
    pub bitrate_bps: Option<u64>,
    /// Arrival of that, nanoseconds on the host's clock; 0 before the first.
    pub bitrate_arrival_ns: u64,
    /// Transport-wide feedback packets.
    pub transport_reports: u64,
    /// Packets that those told of; one may be told of twice.
    pub transport_packets: u64,
    /// Of those, packets that had not come by then.
    pub transport_missing: u64,
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

impl SenderStats {
    pub(crate) fn new(w: &Words, clock_rate: u32) -> Self {
        Self {
            sent: SentStats::new(w),
            feedback: FeedbackStats::new(w),
            remote: (w[word::REPORTS] > 0).then(|| RemoteStats::new(w, clock_rate)),
            remote_estimate: RemoteEstimate {
                bitrate_bps: (w[word::ESTIMATES] > 0).then_some(w[word::ESTIMATE_BPS]),
                bitrate_arrival_ns: w[word::LAST_ESTIMATE_NS],
                transport_reports: w[word::TRANSPORT_REPORTS],
                transport_packets: w[word::TRANSPORT_PACKETS],
                transport_missing: w[word::TRANSPORT_MISSING],
            },
            remote_summary: (w[word::SUMMARIES] > 0)
                .then(|| StatisticsSummary::from_words(part(w, word::SUMMARY))),
            remote_voip: (w[word::VOIPS] > 0).then(|| VoipMetrics::from_words(part(w, word::VOIP))),
        }
    }
}

/// `N` words from `at` on.
fn part<const N: usize>(words: &[u64; WORDS], at: usize) -> [u64; N] {
    std::array::from_fn(|i| words[at + i])
}

impl SentStats {
    fn new(w: &Words) -> Self {
        Self {
            packets: w[word::PACKETS],
            bytes: w[word::BYTES],
            header_bytes: w[word::HEADER_BYTES],
            padding_bytes: w[word::PADDING_BYTES],
            padding_packets: w[word::PADDING_PACKETS],
            retransmitted_packets: w[word::RETRANSMITTED_PACKETS],
            retransmitted_bytes: w[word::RETRANSMITTED_BYTES],
            retransmitted_payload_bytes: w[word::RETRANSMITTED_PAYLOAD_BYTES],
            frames: w[word::FRAMES],
            key_frames: w[word::KEY_FRAMES],
            restarts: w[word::RESTARTS],
            skipped: w[word::SKIPPED],
            sender_reports: w[word::SENDER_REPORTS],
            highest_sequence: highest_of(w[word::HIGHEST]).unwrap_or(0),
            first_departure_ns: w[word::FIRST_DEPARTURE_NS],
            last_departure_ns: w[word::LAST_DEPARTURE_NS],
        }
    }
}

impl FeedbackStats {
    fn new(w: &Words) -> Self {
        Self {
            nacks: w[word::NACKS],
            nacked_packets: w[word::NACKED],
            nacked_again: w[word::NACKED_AGAIN],
            recovered: w[word::RECOVERED],
            recovery_seconds: seconds(w[word::RECOVERY_NS]),
            unanswered: w[word::UNANSWERED],
            plis: w[word::PLIS],
            firs: w[word::FIRS],
            firs_repeated: w[word::FIRS_REPEATED],
            key_frames_requested: w[word::KEY_FRAMES_ASKED],
            key_frame_request_seconds: seconds(w[word::KEY_FRAME_NS]),
            reports: w[word::REPORTS],
            reports_stale: w[word::REPORTS_STALE],
            reports_not_sent: w[word::REPORTS_NOT_SENT],
            round_trips_impossible: w[word::ROUND_TRIPS_IMPOSSIBLE],
        }
    }
}

impl RemoteStats {
    fn new(w: &Words, clock_rate: u32) -> Self {
        let ticks = |n: u64| n as f64 / f64::from(clock_rate.max(1));
        Self {
            lost: w[word::LOST].cast_signed(),
            fraction_lost: w[word::FRACTION_LOST] as f64 / 256.0,
            jitter_seconds: ticks(w[word::JITTER_TICKS]),
            jitter_max_seconds: ticks(w[word::JITTER_TICKS_MAX]),
            highest_sequence: w[word::REMOTE_HIGHEST],
            expected: w[word::REMOTE_EXPECTED],
            skipped: w[word::REMOTE_SKIPPED],
            restarts: w[word::REMOTE_RESTARTS],
            last_report_ns: w[word::LAST_REPORT_NS],
            rtt: (w[word::ROUND_TRIPS] > 0).then(|| RttStats {
                seconds: seconds(w[word::ROUND_TRIP_NS]),
                min_seconds: seconds(w[word::ROUND_TRIP_MIN_NS]),
                max_seconds: seconds(w[word::ROUND_TRIP_MAX_NS]),
                total_seconds: seconds(w[word::ROUND_TRIP_SUM_NS]),
                measurements: w[word::ROUND_TRIPS],
            }),
        }
    }
}

/// One live sent stream: who it is and what became of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SenderSnapshot {
    /// Unlike any other stream's of this registry, received or sent, ever.
    pub id: u64,
    /// Synchronisation source.
    pub ssrc: u32,
    /// RTP clock rate, Hz.
    pub clock_rate: u32,
    /// Label values of the stream's group, in the order of the registry's group labels.
    pub group: Vec<String>,
    /// Its numbers.
    pub stats: SenderStats,
    /// Its quality, if it is [judged](crate::Registry::judge_sender).
    pub quality: Option<Quality>,
    /// Whose it is, if it is judged as somebody's.
    pub participant: Option<String>,
    /// What it did in the last interval between two merges.
    pub interval: Figures,
}

impl SenderSnapshot {
    pub(crate) fn new(identity: &Identity, group: Vec<String>, words: &Words) -> Self {
        Self {
            id: identity.id,
            ssrc: identity.ssrc,
            clock_rate: identity.clock_rate,
            group,
            stats: SenderStats::new(words, identity.clock_rate),
            quality: None,
            participant: None,
            interval: Figures::default(),
        }
    }
}
