//! How participants come, publish and subscribe.

use super::text::boolean;
use super::{Key, label};

/// A step of a participant's way into a room, or its failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinState {
    /// The web socket is up and the initial response written.
    SignalConnected,
    /// No session could be started, after all attempts.
    SignalFailed,
    /// The join request was rejected.
    SignalValidationFailed,
    /// The upgrade to a web socket failed.
    SignalUpgradeFailed,
    /// The initial response could not be written.
    SignalWriteInitialResponseFailed,
    /// The media node was told to start a session (web socket or WHIP).
    RtcInit,
    /// The participant joined a room.
    RtcConnected,
    /// The participant became active, or a session was resumed.
    RtcActive {
        /// Whether the join was a warp: signalling and media set up at once.
        warp: bool,
    },
    /// Set-up was given up, or closed on purpose, before media ever connected.
    RtcCanceled {
        /// As above.
        warp: bool,
    },
    /// The primary transport connected for the first time.
    RtcSuccess {
        /// As above.
        warp: bool,
    },
    /// Closed for another reason before media ever connected.
    RtcFailure {
        /// As above.
        warp: bool,
    },
}

impl JoinState {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::SignalConnected,
        Self::SignalFailed,
        Self::SignalValidationFailed,
        Self::SignalUpgradeFailed,
        Self::SignalWriteInitialResponseFailed,
        Self::RtcInit,
        Self::RtcConnected,
        Self::RtcActive { warp: false },
        Self::RtcActive { warp: true },
        Self::RtcCanceled { warp: false },
        Self::RtcCanceled { warp: true },
        Self::RtcSuccess { warp: false },
        Self::RtcSuccess { warp: true },
        Self::RtcFailure { warp: false },
        Self::RtcFailure { warp: true },
    ];
}

impl Key for JoinState {
    const COUNT: usize = Self::ALL.len();

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn index(self) -> usize {
        match self {
            Self::SignalConnected => 0,
            Self::SignalFailed => 1,
            Self::SignalValidationFailed => 2,
            Self::SignalUpgradeFailed => 3,
            Self::SignalWriteInitialResponseFailed => 4,
            Self::RtcInit => 5,
            Self::RtcConnected => 6,
            Self::RtcActive { warp } => 7 + usize::from(warp),
            Self::RtcCanceled { warp } => 9 + usize::from(warp),
            Self::RtcSuccess { warp } => 11 + usize::from(warp),
            Self::RtcFailure { warp } => 13 + usize::from(warp),
        }
    }

    fn values(self) -> Vec<&'static str> {
        let (state, warp) = match self {
            Self::SignalConnected => ("signal_connected", ""),
            Self::SignalFailed => ("signal_failed", ""),
            Self::SignalValidationFailed => ("signal_validation_failed", ""),
            Self::SignalUpgradeFailed => ("signal_upgrade_failed", ""),
            Self::SignalWriteInitialResponseFailed => ("signal_write_initial_response_failed", ""),
            Self::RtcInit => ("rtc_init", ""),
            Self::RtcConnected => ("rtc_connected", ""),
            Self::RtcActive { warp } => ("rtc_active", boolean(warp)),
            Self::RtcCanceled { warp } => ("rtc_canceled", boolean(warp)),
            Self::RtcSuccess { warp } => ("rtc_success", boolean(warp)),
            Self::RtcFailure { warp } => ("rtc_failure", boolean(warp)),
        };
        vec![state, warp]
    }
}

label! {
    /// Which of a participant's peer connections.
    Transport {
        /// The one that the participant sends on.
        Publisher = "PUBLISHER",
        /// The one that the participant receives on.
        Subscriber = "SUBSCRIBER",
    }
}

label! {
    /// How far a peer connection has come.
    ConnectionState {
        /// It began to connect.
        Started = "started",
        /// ICE has a pair.
        IceConnected = "ice_connected",
        /// DTLS, too.
        Connected = "connected",
        /// The data channels, too.
        FullyEstablished = "fully_established",
    }
}

label! {
    /// What became of a publication.
    PublishState {
        /// Asked for.
        Attempt = "attempt",
        /// Published.
        Success = "success",
        /// Still pending when its participant closed on purpose.
        Cancel = "cancel",
    }
}

label! {
    /// Why a subscription failed. The text is that of LiveKit's error.
    SubscribeError {
        /// The publisher does not allow it.
        NoTrackPermission = "participant is not allowed to subscribe to this track",
        /// The subscriber may not subscribe.
        NoSubscribePermission = "participant is not given permission to subscribe to tracks",
        /// There is no such track.
        TrackNotFound = "track cannot be found",
        /// The track is not attached yet.
        TrackNotAttached = "track is not yet attached",
        /// The track was not bound in time.
        TrackNotBound = "track not bound",
        /// The subscriber has as many as allowed.
        SubscriptionLimitExceeded = "participant has exceeded its subscription limit",
        /// The publisher is not connected.
        PublisherNotConnected = "publisher is not connected",
        /// The track has nothing to receive with.
        NoReceiver = "cannot subscribe without a receiver in place",
        /// The track is closing or closed.
        NotOpen = "track is not open",
        /// Anything else.
        Other = "other",
    }
}

impl SubscribeError {
    /// Of an error's text; [`Other`](Self::Other) if this library does not know it.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::from_name(text).unwrap_or(Self::Other)
    }
}

/// What became of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubscribeState {
    /// Wished for.
    Attempt,
    /// Bound.
    Success,
    /// Given up, with the error.
    Failure(SubscribeError),
    /// Unwished before it was bound.
    Cancel,
}

impl Key for SubscribeState {
    const COUNT: usize = 3 + SubscribeError::COUNT;

    fn all() -> Vec<Self> {
        let failures = SubscribeError::ALL.iter().map(|e| Self::Failure(*e));
        [Self::Attempt, Self::Success, Self::Cancel]
            .into_iter()
            .chain(failures)
            .collect()
    }

    fn index(self) -> usize {
        match self {
            Self::Attempt => 0,
            Self::Success => 1,
            Self::Cancel => 2,
            Self::Failure(error) => 3 + error.index(),
        }
    }

    fn values(self) -> Vec<&'static str> {
        match self {
            Self::Attempt => vec!["attempt", ""],
            Self::Success => vec!["success", ""],
            Self::Cancel => vec!["cancel", ""],
            Self::Failure(error) => vec!["failure", error.as_str()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::OTHER;
    use super::*;

    #[test]
    fn an_errors_text_is_known_or_other() {
        let not_found = SubscribeError::of("track cannot be found");
        assert_eq!(not_found, SubscribeError::TrackNotFound);
        for text in ["", "could not bind TR_abc", "track cannot be found "] {
            assert_eq!(SubscribeError::of(text), SubscribeError::Other, "{text:?}");
        }
        assert_eq!(SubscribeError::Other.as_str(), OTHER);
    }
}
