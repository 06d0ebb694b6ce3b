//! Which of our families LiveKit's replace: those that say the same of the same packets or participants.
//!
//! Lives here: the table. What LiveKit has no family for (duplicates, bursts, recoveries, errors, drops, windows of the
//! forwarding time) is served under every profile.

use media_metrics_core::catalog as ours;
use media_metrics_core::desc::Desc;
use media_metrics_core::livekit::families::catalog as livekit;

use crate::config::Profile;

/// A family of ours, and LiveKit's that says the same.
pub(crate) const REPLACED: [(&Desc, &Desc); 24] = [
    (&ours::RTP_PACKETS, &livekit::PACKET_TOTAL),
    (&ours::RTP_SENT_PACKETS, &livekit::PACKET_TOTAL),
    (&ours::RTP_RETRANSMITTED_PACKETS, &livekit::PACKET_TOTAL),
    (&ours::FORWARD_PACKETS, &livekit::PACKET_TOTAL),
    (&ours::RTP_BYTES, &livekit::PACKET_BYTES),
    (&ours::RTP_SENT_BYTES, &livekit::PACKET_BYTES),
    (&ours::RTP_RETRANSMITTED_BYTES, &livekit::PACKET_BYTES),
    (&ours::FORWARD_BYTES, &livekit::PACKET_BYTES),
    (&ours::RTP_NACKED_SENT, &livekit::NACK_TOTAL),
    (&ours::RTP_NACKED_PACKETS, &livekit::NACK_TOTAL),
    (&ours::RTP_PLIS_SENT, &livekit::PLI_TOTAL),
    (&ours::RTP_PLIS_RECEIVED, &livekit::PLI_TOTAL),
    (&ours::RTP_FIRS_SENT, &livekit::FIR_TOTAL),
    (&ours::RTP_FIRS_RECEIVED, &livekit::FIR_TOTAL),
    (&ours::RTP_LOST, &livekit::PACKET_LOSS_TOTAL),
    (&ours::RTP_REMOTE_LOST, &livekit::PACKET_LOSS_TOTAL),
    (&ours::RTP_INTERVAL_LOSS, &livekit::PACKET_LOSS_PERCENT),
    (
        &ours::RTP_REMOTE_FRACTION_LOST,
        &livekit::PACKET_LOSS_PERCENT,
    ),
    (&ours::RTP_REORDERED, &livekit::PACKET_OUT_OF_ORDER_TOTAL),
    (&ours::RTP_INTERVAL_JITTER, &livekit::JITTER_US),
    (&ours::RTP_REMOTE_JITTER, &livekit::JITTER_US),
    (&ours::RTP_REMOTE_RTT, &livekit::RTT_MS),
    (&ours::PARTICIPANT_QUALITY_MOS, &livekit::QUALITY_SCORE),
    (&ours::FORWARD_LATENCY, &livekit::FORWARD_LATENCY_NS),
];

/// Whether a family is served under `profile`.
#[must_use]
pub(crate) fn serves(profile: Profile, family: &str) -> bool {
    profile.has_media() || !REPLACED.iter().any(|(ours, _)| ours.name() == family)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use media_metrics_core::livekit::families;

    use super::*;

    #[test]
    fn each_name_is_a_familys_and_stands_here_once() {
        let known: HashSet<&str> = ours::ALL.iter().map(|desc| desc.name()).collect();
        let livekits: HashSet<&str> = families::ALL.iter().map(|f| f.desc.name()).collect();
        let mut hidden = HashSet::new();
        for (ours, livekit) in REPLACED {
            assert!(known.contains(ours.name()), "{}", ours.name());
            assert!(livekits.contains(livekit.name()), "{}", livekit.name());
            assert!(hidden.insert(ours.name()), "{} twice", ours.name());
            // What is distributed stays so, what is counted stays counted.
            assert_eq!(ours.kind(), livekit.kind(), "{}", ours.name());
        }
        for profile in [Profile::Media, Profile::Both] {
            assert!(known.iter().all(|family| serves(profile, family)));
        }
        let shown = |family: &&&str| serves(Profile::Livekit, family);
        let shown: HashSet<&str> = known.iter().filter(shown).copied().collect();
        assert_eq!(shown, &known - &hidden);
    }

    #[test]
    fn what_goes_wrong_is_shown_under_every_profile() {
        for family in [
            "media_participant_ratings_total",
            "media_rtp_windows_unmeasured_total",
            "media_rtp_packets_duplicate_total",
            "media_forward_send_errors_total",
            "media_forward_packets_rejected_total",
            "media_forward_packets_untracked_total",
            "media_forward_rtcp_rejected_total",
            "media_forward_feedback_dropped_total",
            "media_forward_latency_window_seconds",
            "livekit_packet_total",
        ] {
            assert!(serves(Profile::Livekit, family), "{family}");
        }
    }
}
