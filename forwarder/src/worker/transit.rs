//! A batch on its way through: what each datagram is, and when it came and went.

use media_metrics_core::rtp::RtpHeader;

use super::reports::Route;
use crate::flows::Placed;
use crate::meter::Rejection;

/// What is known of one datagram of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage {
    pub(super) class: Class,
    /// When it arrived, monotonic nanoseconds.
    pub(super) arrived: u64,
    /// When it left for the last subscriber; 0 if it did not.
    pub(super) departed: u64,
}

/// What a received datagram turned out to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Class {
    /// It goes nowhere.
    Rejected(Rejection),
    Media(Media),
    Reports(Route),
}

/// An RTP packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Media {
    pub(super) header: RtpHeader,
    /// Its stream; `None` over the limit.
    pub(super) placed: Option<Placed>,
}

impl Passage {
    /// Of no datagram: what a place holds before its first batch.
    pub(super) const NONE: Self = Self {
        class: Class::Rejected(Rejection::TooLong),
        arrived: 0,
        departed: 0,
    };
}
