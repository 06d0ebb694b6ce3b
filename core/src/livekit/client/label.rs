//! What each label of a client's series means: family, label value, range.
//!
//! Lives here: the table. Not here: what a series is worth (`state`), counting (the module itself).
//!
//! Clients fill labels 3 to 16 from webrtc-stats: `freezeCount`, `totalFreezesDuration`, `pauseCount`,
//! `totalPausesDuration`, `concealedSamples`, `silentConcealedSamples`, `concealmentEvents`,
//! `interruptionCount`, `totalInterruptionDuration`, `jitterBufferDelay`, `jitterBufferEmittedCount` and
//! `qualityLimitationDurations`. All are totals since the track began; durations are in seconds.

use crate::catalog;
use crate::desc::Desc;
use crate::livekit::batch::MetricLabel;

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
    /// The family that its values go to.
    pub(super) desc: &'static Desc,
    /// Values of the family's labels.
    pub(super) values: &'static [&'static str],
    /// Largest value that is believed, in the exposed unit.
    pub(super) max: f32,
}

/// What the values of `label` are.
pub(super) fn meaning(label: MetricLabel) -> Meaning {
    use MetricLabel as L;
    let (desc, values, max): (_, &'static [&'static str], _) = match label {
        L::AgentsLlmTtft => (&catalog::CLIENT_AGENT_LATENCY, &["llm_ttft"], AGENT_SECONDS),
        L::AgentsSttTtft => (&catalog::CLIENT_AGENT_LATENCY, &["stt_ttft"], AGENT_SECONDS),
        L::AgentsTtsTtfb => (&catalog::CLIENT_AGENT_LATENCY, &["tts_ttfb"], AGENT_SECONDS),
        L::ClientVideoSubscriberFreezeCount => (&catalog::CLIENT_FREEZES, &[], EVENTS),
        L::ClientVideoSubscriberTotalFreezeDuration => {
            (&catalog::CLIENT_FREEZE_SECONDS, &[], SECONDS)
        }
        L::ClientVideoSubscriberPauseCount => (&catalog::CLIENT_PAUSES, &[], EVENTS),
        L::ClientVideoSubscriberTotalPausesDuration => {
            (&catalog::CLIENT_PAUSE_SECONDS, &[], SECONDS)
        }
        L::ClientAudioSubscriberConcealedSamples => {
            (&catalog::CLIENT_CONCEALED_SAMPLES, &[], SAMPLES)
        }
        L::ClientAudioSubscriberSilentConcealedSamples => {
            (&catalog::CLIENT_SILENT_CONCEALED_SAMPLES, &[], SAMPLES)
        }
        L::ClientAudioSubscriberConcealmentEvents => {
            (&catalog::CLIENT_CONCEALMENT_EVENTS, &[], EVENTS)
        }
        L::ClientAudioSubscriberInterruptionCount => (&catalog::CLIENT_INTERRUPTIONS, &[], EVENTS),
        L::ClientAudioSubscriberTotalInterruptionDuration => {
            (&catalog::CLIENT_INTERRUPTION_SECONDS, &[], SECONDS)
        }
        L::ClientSubscriberJitterBufferDelay => {
            (&catalog::CLIENT_JITTER_BUFFER_DELAY, &[], SAMPLE_SECONDS)
        }
        L::ClientSubscriberJitterBufferEmittedCount => {
            (&catalog::CLIENT_JITTER_BUFFER_EMITTED, &[], SAMPLES)
        }
        L::ClientVideoPublisherQualityLimitationDurationBandwidth => (
            &catalog::CLIENT_QUALITY_LIMITATION_SECONDS,
            &["bandwidth"],
            SECONDS,
        ),
        L::ClientVideoPublisherQualityLimitationDurationCpu => (
            &catalog::CLIENT_QUALITY_LIMITATION_SECONDS,
            &["cpu"],
            SECONDS,
        ),
        L::ClientVideoPublisherQualityLimitationDurationOther => (
            &catalog::CLIENT_QUALITY_LIMITATION_SECONDS,
            &["other"],
            SECONDS,
        ),
        L::PublisherRtt => (&catalog::CLIENT_RTT, &["publisher"], RTT_SECONDS),
        L::ServerMeshRtt => (&catalog::CLIENT_RTT, &["mesh"], RTT_SECONDS),
        L::SubscriberRtt => (&catalog::CLIENT_RTT, &["subscriber"], RTT_SECONDS),
    };
    Meaning { desc, values, max }
}

/// Whether it is about a publisher's encoders.
pub(super) const fn is_quality_limitation(label: MetricLabel) -> bool {
    matches!(
        label,
        MetricLabel::ClientVideoPublisherQualityLimitationDurationBandwidth
            | MetricLabel::ClientVideoPublisherQualityLimitationDurationCpu
            | MetricLabel::ClientVideoPublisherQualityLimitationDurationOther
    )
}

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
    pub(super) fn of(label: MetricLabel) -> Option<Self> {
        Self::ALL.into_iter().find(|path| path.label() == label)
    }

    /// The label that is about it.
    pub(super) const fn label(self) -> MetricLabel {
        match self {
            Self::Publisher => MetricLabel::PublisherRtt,
            Self::Mesh => MetricLabel::ServerMeshRtt,
            Self::Subscriber => MetricLabel::SubscriberRtt,
        }
    }
}
