//! What each label of a client's series means: family, label value, range.
//!
//! Lives here: the table. Not here: what a series is worth (`state`), counting (the module itself).
//!
//! Clients fill labels 3 to 16 from webrtc-stats: `freezeCount`, `totalFreezesDuration`, `pauseCount`,
//! `totalPausesDuration`, `concealedSamples`, `silentConcealedSamples`, `concealmentEvents`,
//! `interruptionCount`, `totalInterruptionDuration`, `jitterBufferDelay`, `jitterBufferEmittedCount` and
//! `qualityLimitationDurations`. All are totals since the track began; durations are in seconds.

use std::ops::RangeInclusive;

use crate::catalog;
use crate::desc::Desc;

/// Numbers below this one are the enum's, the others are indexes of a batch's string table.
pub(super) const FIRST_CUSTOM: u32 = 4_096;

/// Labels of a publisher's encoders.
pub(super) const QUALITY_LIMITATION: RangeInclusive<u32> = 14..=16;

/// Largest totals that are believed: a billion events; 2.9 years of audio at 48 kHz; 4.2 years; and 2.9 years of
/// audio in a jitter buffer of a quarter of a second. So one lie adds at most 2^50 recorded units, of the 2^64 that
/// a counter holds.
const EVENTS: f32 = (1u64 << 30) as f32;
const SAMPLES: f32 = (1u64 << 42) as f32;
const SECONDS: f32 = (1u64 << 27) as f32;
const SAMPLE_SECONDS: f32 = (1u64 << 40) as f32;

/// Largest latencies that are believed: what the families' histograms can hold.
const AGENT_SECONDS: f32 = 600.0;
const RTT_SECONDS: f32 = 60.0;

/// What a label's values are.
pub(super) struct Meaning {
    /// The enum's name for it, in lower case.
    pub(super) label: &'static str,
    /// The family that its values go to.
    pub(super) desc: &'static Desc,
    /// Values of the family's labels.
    pub(super) values: &'static [&'static str],
    /// Largest value that is believed, in the exposed unit.
    pub(super) max: f32,
}

const fn plain(label: &'static str, desc: &'static Desc, max: f32) -> Meaning {
    labelled(label, desc, &[], max)
}

const fn labelled(
    label: &'static str,
    desc: &'static Desc,
    values: &'static [&'static str],
    max: f32,
) -> Meaning {
    Meaning {
        label,
        desc,
        values,
        max,
    }
}

/// By number of the label.
#[rustfmt::skip]
pub(super) static MEANINGS: [Meaning; 20] = [
    labelled("agents_llm_ttft", &catalog::CLIENT_AGENT_LATENCY, &["llm_ttft"], AGENT_SECONDS),
    labelled("agents_stt_ttft", &catalog::CLIENT_AGENT_LATENCY, &["stt_ttft"], AGENT_SECONDS),
    labelled("agents_tts_ttfb", &catalog::CLIENT_AGENT_LATENCY, &["tts_ttfb"], AGENT_SECONDS),
    plain("client_video_subscriber_freeze_count", &catalog::CLIENT_FREEZES, EVENTS),
    plain("client_video_subscriber_total_freeze_duration", &catalog::CLIENT_FREEZE_SECONDS, SECONDS),
    plain("client_video_subscriber_pause_count", &catalog::CLIENT_PAUSES, EVENTS),
    plain("client_video_subscriber_total_pauses_duration", &catalog::CLIENT_PAUSE_SECONDS, SECONDS),
    plain("client_audio_subscriber_concealed_samples", &catalog::CLIENT_CONCEALED_SAMPLES, SAMPLES),
    plain("client_audio_subscriber_silent_concealed_samples", &catalog::CLIENT_SILENT_CONCEALED_SAMPLES, SAMPLES),
    plain("client_audio_subscriber_concealment_events", &catalog::CLIENT_CONCEALMENT_EVENTS, EVENTS),
    plain("client_audio_subscriber_interruption_count", &catalog::CLIENT_INTERRUPTIONS, EVENTS),
    plain("client_audio_subscriber_total_interruption_duration", &catalog::CLIENT_INTERRUPTION_SECONDS, SECONDS),
    plain("client_subscriber_jitter_buffer_delay", &catalog::CLIENT_JITTER_BUFFER_DELAY, SAMPLE_SECONDS),
    plain("client_subscriber_jitter_buffer_emitted_count", &catalog::CLIENT_JITTER_BUFFER_EMITTED, SAMPLES),
    labelled("client_video_publisher_quality_limitation_duration_bandwidth", &catalog::CLIENT_QUALITY_LIMITATION_SECONDS, &["bandwidth"], SECONDS),
    labelled("client_video_publisher_quality_limitation_duration_cpu", &catalog::CLIENT_QUALITY_LIMITATION_SECONDS, &["cpu"], SECONDS),
    labelled("client_video_publisher_quality_limitation_duration_other", &catalog::CLIENT_QUALITY_LIMITATION_SECONDS, &["other"], SECONDS),
    labelled("publisher_rtt", &catalog::CLIENT_RTT, &["publisher"], RTT_SECONDS),
    labelled("server_mesh_rtt", &catalog::CLIENT_RTT, &["mesh"], RTT_SECONDS),
    labelled("subscriber_rtt", &catalog::CLIENT_RTT, &["subscriber"], RTT_SECONDS),
];

/// A way that round trips are measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RttPath {
    /// From a publishing client to the server.
    Publisher,
    /// Between the publisher's server and the subscriber's.
    Mesh,
    /// From the server to a subscribing client.
    Subscriber,
}

impl RttPath {
    const ALL: [Self; 3] = [Self::Publisher, Self::Mesh, Self::Subscriber];

    /// The path that a label is about, if it is about one.
    pub(super) fn of(label: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|path| path.label() == label)
    }

    /// Number of the label in `MetricLabel`.
    pub(super) const fn label(self) -> u32 {
        match self {
            Self::Publisher => 17,
            Self::Mesh => 18,
            Self::Subscriber => 19,
        }
    }
}
