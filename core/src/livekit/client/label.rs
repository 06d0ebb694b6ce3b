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

/// Which values are believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    /// The largest, in the exposed unit.
    pub(super) max: f32,
    /// Of a total, the most that it can grow by in a second; of single measurements none.
    pub(super) per_second: Option<f64>,
}

/// Events: a billion; a thousand a second.
const EVENTS: Range = total(1 << 30, 1_000.0);
/// Samples: 2.9 years of audio at 48 kHz; two channels at 192 kHz.
const SAMPLES: Range = total(1 << 42, 384_000.0);
/// Durations: 4.2 years; they take as long as they last.
const SECONDS: Range = total(1 << 27, 1.0);
/// Delays of samples: 2.9 years of audio in a buffer of a quarter of a second; 192 kHz in one of 10 s.
const SAMPLE_SECONDS: Range = total(1 << 40, 1_920_000.0);

/// Latencies: what the families' histograms can hold.
const AGENT_SECONDS: Range = single(600.0);
const RTT_SECONDS: Range = single(60.0);

const fn total(max: u64, per_second: f64) -> Range {
    Range {
        max: max as f32,
        per_second: Some(per_second),
    }
}

const fn single(max: f32) -> Range {
    Range {
        max,
        per_second: None,
    }
}

/// What a label's values are.
pub(super) struct Meaning {
    /// The family that its values go to.
    pub(super) desc: &'static Desc,
    /// Values of the family's labels.
    pub(super) values: &'static [&'static str],
    /// Which values are believed.
    pub(super) range: Range,
}

/// What the values of `label` are.
pub(super) fn meaning(label: MetricLabel) -> Meaning {
    use MetricLabel as L;
    let (desc, values, range): (_, &'static [&'static str], _) = match label {
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
    Meaning {
        desc,
        values,
        range,
    }
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
