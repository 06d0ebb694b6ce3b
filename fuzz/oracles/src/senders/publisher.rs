//! What a publisher says of its stream, and what is asked of it.
//!
//! Lives here: sender reports as the receiving side counts them, and requests that go on to the publisher. Not here: what they
//! mean for the way to a subscriber (`model`).

use media_metrics_core::Snapshot;
use media_metrics_core::stream::StreamStats;

use super::model::{Counts, SSRC, words};

/// What is known of a publisher: its own reports, and what was asked of it.
#[derive(Default)]
pub(super) struct Publisher {
    counts: Counts,
    newest: Option<Report>,
    packets: i128,
    octets: i128,
}

struct Report {
    ntp: i128,
    timestamp: i128,
    packets: i128,
    octets: i128,
    at_ns: u64,
}

impl Publisher {
    fn count(&mut self, name: &'static str, n: u64) {
        *self.counts.entry(name).or_default() += n;
    }

    /// It says this.
    pub(super) fn hear(&mut self, sentence: &str, at_ns: u64) {
        let (kind, numbers) = words(sentence);
        let ("sr", &[SSRC, ntp, timestamp, packets, octets]) = (kind, &numbers[..]) else {
            return;
        };
        let (mut packets_before, mut octets_before) = (0, 0);
        if let Some(newest) = &self.newest {
            // A minute late at most, or it is a clock that was set; 0 is no clock.
            let late = (newest.ntp - ntp).rem_euclid(1 << 64) < 60 << 32;
            if late && ntp != 0 {
                return;
            }
            (packets_before, octets_before) = (newest.packets, newest.octets);
        }
        // 32 bits that wrap, or those of one that began anew.
        let grown = |now: i128, before: i128| {
            let grown = (now - before).rem_euclid(1 << 32);
            if grown < 1 << 31 { grown } else { now }
        };
        self.count("reports", 1);
        self.packets += grown(packets, packets_before);
        self.octets += grown(octets, octets_before);
        self.newest = Some(Report {
            ntp,
            timestamp,
            packets,
            octets,
            at_ns,
        });
    }

    /// The subscriber says this, which goes on to the publisher.
    pub(super) fn asked(&mut self, sentence: &str) {
        let (kind, numbers) = words(sentence);
        match (kind, &numbers[..]) {
            ("nack", [_, SSRC, asked @ ..]) => {
                self.count("nacks", 1);
                self.count("asked", asked.len() as u64);
            }
            ("pli", [_, SSRC]) => self.count("plis", 1),
            ("fir", [_, SSRC, _]) => self.count("firs", 1),
            _ => {}
        }
    }

    pub(super) fn compare(&self, stats: &StreamStats) {
        let of = |name| self.counts.get(name).copied().unwrap_or_default();
        let told = stats.requests;
        let told = [told.nacks, told.nacked_packets, told.plis, told.firs];
        assert_eq!(told, ["nacks", "asked", "plis", "firs"].map(of));
        assert_eq!(stats.remote.is_some(), self.newest.is_some());
        if let Some((told, newest)) = stats.remote.zip(self.newest.as_ref()) {
            assert_eq!(told.reports, of("reports"));
            let numbers = [
                told.ntp,
                told.rtp_timestamp.into(),
                told.packets,
                told.octets,
            ];
            let wanted = [newest.ntp, newest.timestamp, self.packets, self.octets];
            assert_eq!(numbers.map(i128::from), wanted);
            assert_eq!(told.arrival_ns, newest.at_ns);
        }
    }

    pub(super) fn compare_group(&self, snapshot: &Snapshot, group: &[&str]) {
        for (counter, name) in [
            ("nacks_sent", "nacks"),
            ("nacked_packets_sent", "asked"),
            ("plis_sent", "plis"),
            ("firs_sent", "firs"),
        ] {
            let told = snapshot.counter(&format!("media_rtp_{counter}_total"), group);
            let wanted = self.counts.get(name).copied();
            assert_eq!(told, Some(wanted.unwrap_or_default()), "{counter}");
        }
    }
}
