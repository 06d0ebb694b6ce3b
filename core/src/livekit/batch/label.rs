//! What a row measures: LiveKit's enum `MetricLabel`, and names of one's own.
//!
//! Lives here: numbers, names, units. Not here: who may see which (`restriction`).

use crate::desc::Unit;

/// Index of a string table's first entry; below it an index means nothing, and a label is a number.
pub const FIRST_STRING_INDEX: u32 = 4096;

/// A metric that LiveKit has a number for.
///
/// Other numbers below 4096 are not assigned yet: they pass through as [`Label::Number`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
#[non_exhaustive]
pub enum MetricLabel {
    /// Agent, language model: seconds to the first token.
    AgentsLlmTtft = 0,
    /// Agent, speech to text: seconds to the final transcript.
    AgentsSttTtft = 1,
    /// Agent, text to speech: seconds to the first byte.
    AgentsTtsTtfb = 2,
    /// Received video: times that it froze.
    ClientVideoSubscriberFreezeCount = 3,
    /// Received video: seconds frozen.
    ClientVideoSubscriberTotalFreezeDuration = 4,
    /// Received video: times that it paused.
    ClientVideoSubscriberPauseCount = 5,
    /// Received video: seconds paused.
    ClientVideoSubscriberTotalPausesDuration = 6,
    /// Received audio: samples made up for missing ones.
    ClientAudioSubscriberConcealedSamples = 7,
    /// Received audio: those of them that were silence.
    ClientAudioSubscriberSilentConcealedSamples = 8,
    /// Received audio: times that concealment began.
    ClientAudioSubscriberConcealmentEvents = 9,
    /// Received audio: audible interruptions.
    ClientAudioSubscriberInterruptionCount = 10,
    /// Received audio: seconds of audible interruptions.
    ClientAudioSubscriberTotalInterruptionDuration = 11,
    /// Seconds that emitted samples or frames spent in the jitter buffer, summed up.
    ClientSubscriberJitterBufferDelay = 12,
    /// Samples or frames that left the jitter buffer.
    ClientSubscriberJitterBufferEmittedCount = 13,
    /// Seconds in which bandwidth limited a sent video's quality.
    ClientVideoPublisherQualityLimitationDurationBandwidth = 14,
    /// Seconds in which the processor did.
    ClientVideoPublisherQualityLimitationDurationCpu = 15,
    /// Seconds in which something else did.
    ClientVideoPublisherQualityLimitationDurationOther = 16,
    /// Round trip between a publisher and its server, in seconds.
    PublisherRtt = 17,
    /// Round trip between the publisher's server and the subscriber's, in seconds.
    ServerMeshRtt = 18,
    /// Round trip between a subscriber and its server, in seconds.
    SubscriberRtt = 19,
}

impl MetricLabel {
    /// All of them, by number.
    pub const ALL: [Self; 20] = [
        Self::AgentsLlmTtft,
        Self::AgentsSttTtft,
        Self::AgentsTtsTtfb,
        Self::ClientVideoSubscriberFreezeCount,
        Self::ClientVideoSubscriberTotalFreezeDuration,
        Self::ClientVideoSubscriberPauseCount,
        Self::ClientVideoSubscriberTotalPausesDuration,
        Self::ClientAudioSubscriberConcealedSamples,
        Self::ClientAudioSubscriberSilentConcealedSamples,
        Self::ClientAudioSubscriberConcealmentEvents,
        Self::ClientAudioSubscriberInterruptionCount,
        Self::ClientAudioSubscriberTotalInterruptionDuration,
        Self::ClientSubscriberJitterBufferDelay,
        Self::ClientSubscriberJitterBufferEmittedCount,
        Self::ClientVideoPublisherQualityLimitationDurationBandwidth,
        Self::ClientVideoPublisherQualityLimitationDurationCpu,
        Self::ClientVideoPublisherQualityLimitationDurationOther,
        Self::PublisherRtt,
        Self::ServerMeshRtt,
        Self::SubscriberRtt,
    ];

    /// The label of this number on the wire; `None` if there is none (yet).
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Its number on the wire, 0 to 19.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Its name in LiveKit's schema.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AgentsLlmTtft => "AGENTS_LLM_TTFT",
            Self::AgentsSttTtft => "AGENTS_STT_TTFT",
            Self::AgentsTtsTtfb => "AGENTS_TTS_TTFB",
            Self::ClientVideoSubscriberFreezeCount => "CLIENT_VIDEO_SUBSCRIBER_FREEZE_COUNT",
            Self::ClientVideoSubscriberTotalFreezeDuration => {
                "CLIENT_VIDEO_SUBSCRIBER_TOTAL_FREEZE_DURATION"
            }
            Self::ClientVideoSubscriberPauseCount => "CLIENT_VIDEO_SUBSCRIBER_PAUSE_COUNT",
            Self::ClientVideoSubscriberTotalPausesDuration => {
                "CLIENT_VIDEO_SUBSCRIBER_TOTAL_PAUSES_DURATION"
            }
            Self::ClientAudioSubscriberConcealedSamples => {
                "CLIENT_AUDIO_SUBSCRIBER_CONCEALED_SAMPLES"
            }
            Self::ClientAudioSubscriberSilentConcealedSamples => {
                "CLIENT_AUDIO_SUBSCRIBER_SILENT_CONCEALED_SAMPLES"
            }
            Self::ClientAudioSubscriberConcealmentEvents => {
                "CLIENT_AUDIO_SUBSCRIBER_CONCEALMENT_EVENTS"
            }
            Self::ClientAudioSubscriberInterruptionCount => {
                "CLIENT_AUDIO_SUBSCRIBER_INTERRUPTION_COUNT"
            }
            Self::ClientAudioSubscriberTotalInterruptionDuration => {
                "CLIENT_AUDIO_SUBSCRIBER_TOTAL_INTERRUPTION_DURATION"
            }
            Self::ClientSubscriberJitterBufferDelay => "CLIENT_SUBSCRIBER_JITTER_BUFFER_DELAY",
            Self::ClientSubscriberJitterBufferEmittedCount => {
                "CLIENT_SUBSCRIBER_JITTER_BUFFER_EMITTED_COUNT"
            }
            Self::ClientVideoPublisherQualityLimitationDurationBandwidth => {
                "CLIENT_VIDEO_PUBLISHER_QUALITY_LIMITATION_DURATION_BANDWIDTH"
            }
            Self::ClientVideoPublisherQualityLimitationDurationCpu => {
                "CLIENT_VIDEO_PUBLISHER_QUALITY_LIMITATION_DURATION_CPU"
            }
            Self::ClientVideoPublisherQualityLimitationDurationOther => {
                "CLIENT_VIDEO_PUBLISHER_QUALITY_LIMITATION_DURATION_OTHER"
            }
            Self::PublisherRtt => "PUBLISHER_RTT",
            Self::ServerMeshRtt => "SERVER_MESH_RTT",
            Self::SubscriberRtt => "SUBSCRIBER_RTT",
        }
    }

    /// The unit of its values: seconds, or a plain count.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::ClientVideoSubscriberFreezeCount
            | Self::ClientVideoSubscriberPauseCount
            | Self::ClientAudioSubscriberConcealedSamples
            | Self::ClientAudioSubscriberSilentConcealedSamples
            | Self::ClientAudioSubscriberConcealmentEvents
            | Self::ClientAudioSubscriberInterruptionCount
            | Self::ClientSubscriberJitterBufferEmittedCount => Unit::None,
            _ => Unit::Seconds,
        }
    }
}

/// What a row measures: a number of the enum, or a name of one's own.
///
/// A name is never restricted, even if it is spelt like a label that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label<'a> {
    /// A number, assigned or not: 0 to 4095 are valid.
    Number(i32),
    /// Any other name: not empty.
    Custom(&'a str),
}

impl Label<'_> {
    /// The number on the wire; `None` for names and for what is out of range.
    #[must_use]
    pub fn number(self) -> Option<u32> {
        match self {
            Self::Number(n) => u32::try_from(n).ok().filter(|n| *n < FIRST_STRING_INDEX),
            Self::Custom(_) => None,
        }
    }

    /// The assigned label; `None` for names and numbers without one.
    #[must_use]
    pub fn metric(self) -> Option<MetricLabel> {
        MetricLabel::from_number(self.number()?)
    }
}

impl From<MetricLabel> for Label<'_> {
    fn from(label: MetricLabel) -> Self {
        Self::Number(label as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_labels_lead_to_each_other() {
        for (n, label) in (0..).zip(MetricLabel::ALL) {
            assert_eq!(label.number(), n);
            assert_eq!(MetricLabel::from_number(n), Some(label));
            assert_eq!(Label::from(label).metric(), Some(label));
        }
        assert_eq!(MetricLabel::from_number(20), None);
        assert_eq!(Label::Number(20).number(), Some(20));
        assert_eq!(Label::Number(4096).number(), None);
        assert_eq!(Label::Number(-1).number(), None);
    }

    #[test]
    fn what_counts_has_no_unit_and_what_lasts_has_seconds() {
        for label in MetricLabel::ALL {
            let name = label.name();
            let counts = ["COUNT", "SAMPLES", "EVENTS"]
                .iter()
                .any(|end| name.ends_with(end));
            assert_eq!(label.unit() == Unit::None, counts, "{name}");
        }
    }
}
