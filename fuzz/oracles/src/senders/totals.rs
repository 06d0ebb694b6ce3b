//! What the streams of a group amount to, one after the other.
//!
//! Lives here: sums over all that were, and a counter of losses that can't go back. Not here: a single stream (`model`).

use media_metrics_core::Snapshot;

use super::model::{Counts, Way};

/// What all ways amount to: a group of one stream at a time.
#[derive(Default)]
pub(super) struct Totals {
    ended: u64,
    counts: Counts,
    lost: i128,
    /// The most that was ever lost at a merge: a counter can't go back.
    most_lost: i128,
}

impl Totals {
    /// A way is over.
    pub(super) fn end(&mut self, way: &Way) {
        self.ended += 1;
        self.add(way);
        self.lost += way.lost();
    }

    fn add(&mut self, way: &Way) {
        let trips = way.trips();
        for (&name, n) in way.counts.iter().chain([(&"trips", &trips)]) {
            *self.counts.entry(name).or_default() += n;
        }
    }

    /// With the one that goes on.
    pub(super) fn compare(&mut self, way: &Way, snapshot: &Snapshot, group: &[&str]) {
        self.most_lost = self.most_lost.max(self.lost + way.lost());
        let mut all = Self {
            counts: self.counts.clone(),
            ..Self::default()
        };
        all.add(way);
        let of = |name| all.counts.get(name).copied().unwrap_or_default();
        for (counter, wanted) in [
            ("sent_packets", of("packets")),
            ("sent_bytes", of("bytes")),
            ("sent_header_bytes", of("header bytes")),
            ("sent_padding_bytes", of("padding bytes")),
            ("sent_frames", of("frames")),
            ("sent_key_frames", of("key frames")),
            ("retransmitted_packets", of("repeated packets")),
            ("retransmitted_bytes", of("repeated bytes")),
            ("nacks_received", of("nacks")),
            ("nacked_packets", of("asked")),
            ("plis_received", of("plis")),
            ("firs_received", of("firs")),
            ("remote_reports", of("reports")),
            ("remote_packets_lost", self.most_lost as u64),
            ("senders_started", self.ended + 1),
            ("senders_ended", self.ended),
        ] {
            let told = snapshot.counter(&format!("media_rtp_{counter}_total"), group);
            assert_eq!(told, Some(wanted), "{counter}");
        }
        assert_eq!(snapshot.gauge("media_rtp_senders", group), Some(1.0));
        let histogram = |name: &str| {
            let found = snapshot.histogram(&format!("media_rtp_{name}"), group);
            found.unwrap_or_else(|| panic!("no {name}"))
        };
        for (name, wanted) in [
            ("remote_rtt_seconds", of("trips")),
            ("remote_jitter_seconds", of("reports")),
            ("remote_fraction_lost_ratio", of("reports")),
            ("nack_recovery_seconds", of("recovered")),
            ("key_frame_request_seconds", of("key frames asked for")),
        ] {
            assert_eq!(histogram(name).count(), wanted, "{name}");
        }
        let fractions = histogram("remote_fraction_lost_ratio").sum();
        assert_eq!(fractions, of("fractions"));
    }
}
