//! Metrics of a call, as a receiver reports them (XR, RFC 3611 §4.7).
//!
//! Lives here: what stands where, and what "not measured" is. Not here: finding the block (`extended`).

use std::fmt;

use super::extended::{from_words, to_words};
use super::packets::{half, word};

/// What a receiver says of a call (RFC 3611 §4.7).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VoipMetrics {
    /// The block from its SSRC on.
    bytes: [u8; 32],
}

/// "Not measured", of the bytes that know it (RFC 3611 §4.7.4, §4.7.5).
const UNAVAILABLE: u8 = 127;

impl VoipMetrics {
    pub(crate) const WORDS: usize = 4;

    pub(super) const fn new(bytes: [u8; 32]) -> Self {
        Self { bytes }
    }

    /// About whom.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        word(&self.bytes, 0)
    }

    /// Share of packets lost since the beginning, 0 to 255/256 (which stands for 1, too).
    #[must_use]
    pub fn loss_rate(&self) -> f64 {
        self.share(4)
    }

    /// Share of packets that came too early or too late for the jitter buffer, 0 to 1.
    #[must_use]
    pub fn discard_rate(&self) -> f64 {
        self.share(5)
    }

    /// Share of packets lost or discarded within bursts, 0 to 1.
    #[must_use]
    pub fn burst_density(&self) -> f64 {
        self.share(6)
    }

    /// Share of packets lost or discarded within gaps between bursts, 0 to 1.
    #[must_use]
    pub fn gap_density(&self) -> f64 {
        self.share(7)
    }

    /// Mean duration of bursts, milliseconds.
    #[must_use]
    pub fn burst_duration_ms(&self) -> u16 {
        half(&self.bytes, 8)
    }

    /// Mean duration of gaps between bursts, milliseconds.
    #[must_use]
    pub fn gap_duration_ms(&self) -> u16 {
        half(&self.bytes, 10)
    }

    /// Round-trip time between the RTP interfaces, milliseconds; 0 if it is not known.
    #[must_use]
    pub fn round_trip_delay_ms(&self) -> u16 {
        half(&self.bytes, 12)
    }

    /// Delay within the reporting system, both ways, milliseconds; 0 if it is not known.
    #[must_use]
    pub fn end_system_delay_ms(&self) -> u16 {
        half(&self.bytes, 14)
    }

    /// Voice level while somebody speaks, dBm0.
    #[must_use]
    pub fn signal_level_dbm0(&self) -> Option<i8> {
        self.measured(16).map(u8::cast_signed)
    }

    /// Level while nobody speaks, dBm0.
    #[must_use]
    pub fn noise_level_dbm0(&self) -> Option<i8> {
        self.measured(17).map(u8::cast_signed)
    }

    /// Residual echo return loss, dB.
    #[must_use]
    pub fn residual_echo_return_loss_db(&self) -> Option<u8> {
        self.measured(18)
    }

    /// Packets that must have come between two losses for them not to be of one burst.
    #[must_use]
    pub fn gap_threshold(&self) -> u8 {
        self.byte(19)
    }

    /// E-model rating of the call, 0 to 100.
    #[must_use]
    pub fn r_factor(&self) -> Option<u8> {
        self.measured(20)
    }

    /// E-model rating of the call's segment on another network, 0 to 100.
    #[must_use]
    pub fn external_r_factor(&self) -> Option<u8> {
        self.measured(21)
    }

    /// Estimated mean opinion score of listening quality, 1 to 5.
    #[must_use]
    pub fn mos_lq(&self) -> Option<f64> {
        self.measured(22).map(|tenths| f64::from(tenths) / 10.0)
    }

    /// Estimated mean opinion score of conversational quality, 1 to 5.
    #[must_use]
    pub fn mos_cq(&self) -> Option<f64> {
        self.measured(23).map(|tenths| f64::from(tenths) / 10.0)
    }

    /// Packet loss concealment and jitter buffer: the receiver configuration byte (RFC 3611 §4.7.6).
    #[must_use]
    pub fn receiver_configuration(&self) -> u8 {
        self.byte(24)
    }

    /// Jitter buffer's delay now, milliseconds.
    #[must_use]
    pub fn jitter_buffer_nominal_ms(&self) -> u16 {
        half(&self.bytes, 26)
    }

    /// Jitter buffer's largest delay in use, milliseconds.
    #[must_use]
    pub fn jitter_buffer_maximum_ms(&self) -> u16 {
        half(&self.bytes, 28)
    }

    /// Jitter buffer's largest delay possible, milliseconds.
    #[must_use]
    pub fn jitter_buffer_limit_ms(&self) -> u16 {
        half(&self.bytes, 30)
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn share(&self, at: usize) -> f64 {
        f64::from(self.byte(at)) / 256.0
    }

    fn measured(&self, at: usize) -> Option<u8> {
        Some(self.byte(at)).filter(|&b| b != UNAVAILABLE)
    }

    /// The block as words, to publish.
    pub(crate) fn words(&self) -> [u64; Self::WORDS] {
        to_words(&self.bytes)
    }

    pub(crate) fn from_words(words: [u64; Self::WORDS]) -> Self {
        let mut bytes = [0; 32];
        from_words(&words, &mut bytes);
        Self { bytes }
    }
}

impl fmt::Debug for VoipMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoipMetrics")
            .field("ssrc", &self.ssrc())
            .field("loss_rate", &self.loss_rate())
            .field("discard_rate", &self.discard_rate())
            .field("burst_density", &self.burst_density())
            .field("gap_density", &self.gap_density())
            .field("burst_duration_ms", &self.burst_duration_ms())
            .field("gap_duration_ms", &self.gap_duration_ms())
            .field("round_trip_delay_ms", &self.round_trip_delay_ms())
            .field("end_system_delay_ms", &self.end_system_delay_ms())
            .field("r_factor", &self.r_factor())
            .field("mos_lq", &self.mos_lq())
            .field("mos_cq", &self.mos_cq())
            .finish_non_exhaustive()
    }
}
