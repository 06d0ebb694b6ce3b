//! Everything that a received stream says, the slow way.
//!
//! Lives here: counts, sets of numbers, jitter (RFC 3550 6.4.1), bursts (RFC 3611 4.7.2), and how far the fixed point of
//! the implementation may be off. Not here: which packets come.

use std::collections::BTreeMap;

use media_metrics_core::rtp::{BurstStats, Bursts, SETTLED_BEHIND, Verdict};
use media_metrics_core::stream::StreamStats;
use media_metrics_forwarder::analyze::Record;

use super::Sender;
use crate::models::sequence::Oracle;

/// What a packet weighs.
pub(crate) struct Sizes {
    pub(crate) bytes: u64,
    pub(crate) header: u64,
    pub(crate) padding: u64,
    pub(crate) only_padding: bool,
}

/// Everything that a stream says.
pub(crate) struct Model {
    rate: i128,
    numbers: Oracle,
    /// Numbers of runs that are over: expected and seen.
    over: (u64, u64),
    counts: BTreeMap<&'static str, u64>,
    depth_max: u64,
    /// Timestamp and arrival of the newest frame, unless the stream began anew.
    frame: Option<(u32, u64)>,
    suspect_timestamp: u32,
    jitter: f64,
    jitter_max: f64,
    jitter_sum: f64,
    compared: u64,
    /// How far the implementation's fixed point may be off by now, in nanoseconds.
    slack_ns: f64,
    /// A step so near to half a cycle that either reading of it is right.
    doubtful: bool,
    arrivals: Option<(u64, u64)>,
    interarrival_max: u64,
    /// A number came after it had settled as lost, or the first one moved: bursts are another matter then.
    unsettled: bool,
}

impl Model {
    pub(crate) fn new(rate: u32) -> Self {
        Self {
            rate: rate.into(),
            numbers: Oracle::default(),
            over: (0, 0),
            counts: BTreeMap::new(),
            depth_max: 0,
            frame: None,
            suspect_timestamp: 0,
            jitter: 0.0,
            jitter_max: 0.0,
            jitter_sum: 0.0,
            compared: 0,
            slack_ns: 16.0,
            doubtful: false,
            arrivals: None,
            interarrival_max: 0,
            unsettled: false,
        }
    }

    fn count(&mut self, name: &'static str, n: u64) {
        *self.counts.entry(name).or_default() += n;
    }

    fn run(&self) -> (u64, u64) {
        let seen = &self.numbers.seen;
        let span = seen
            .last()
            .zip(seen.first())
            .map_or(0, |(last, first)| last - first + 1);
        (span as u64, seen.len() as u64)
    }

    pub(crate) fn on_packet(&mut self, packet: &Sender, sizes: &Sizes) -> Verdict {
        // At most a minute behind the newest frame, and at most a second ahead.
        let looks_old = self.frame.is_some_and(|(newest, _)| {
            let second = (self.rate * 60).min(i128::from(i32::MAX)) / 60;
            let behind =
                (i128::from(newest) + second - i128::from(packet.timestamp)).rem_euclid(1 << 32);
            behind <= (self.rate * 60).min(i128::from(i32::MAX))
        });
        let (was_suspect, before) = (self.numbers.suspect.is_some(), self.run());
        let verdict = self.numbers.on_packet(packet.sequence, looks_old);
        self.count("packets", 1);
        self.count("bytes", sizes.bytes);
        self.count("header_bytes", sizes.header);
        self.count("padding_bytes", sizes.padding);
        self.count("padding_packets", sizes.only_padding.into());
        if was_suspect && verdict != Verdict::Restart {
            self.count("stale", 1);
        }
        match verdict {
            Verdict::Late { depth } => {
                self.count("recovered", 1);
                self.reordered(depth);
                self.unsettled |= u32::from(depth) >= SETTLED_BEHIND;
            }
            Verdict::Early { depth, .. } => {
                self.reordered(depth);
                self.unsettled = true;
            }
            Verdict::Duplicate => {
                self.count("duplicates", 1);
                self.count("duplicate_bytes", sizes.bytes);
            }
            Verdict::Stale => self.count("stale", 1),
            Verdict::Restart | Verdict::Resync => {
                self.count("restarts", 1);
                self.over = (self.over.0 + before.0, self.over.1 + before.1);
                self.frame = None;
                self.unsettled = true;
            }
            _ => {}
        }
        self.time(packet, verdict);
        verdict
    }

    fn reordered(&mut self, depth: u16) {
        self.count("reordered", 1);
        self.depth_max = self.depth_max.max(depth.into());
    }

    fn time(&mut self, packet: &Sender, verdict: Verdict) {
        let last = self.arrivals.map_or(packet.arrival_ns, |(_, last)| last);
        let between = packet.arrival_ns.wrapping_sub(last) as i64;
        self.interarrival_max = self.interarrival_max.max(between.max(0) as u64);
        let first = self.arrivals.map_or(packet.arrival_ns, |(first, _)| first);
        self.arrivals = Some((first, packet.arrival_ns));
        match verdict {
            Verdict::Suspect => self.suspect_timestamp = packet.timestamp,
            Verdict::Restart if self.suspect_timestamp != packet.timestamp => {
                self.count("frames", 1);
            }
            _ => {}
        }
        let in_order = matches!(
            verdict,
            Verdict::First | Verdict::InOrder { .. } | Verdict::Restart | Verdict::Resync
        );
        if in_order
            && self
                .frame
                .is_none_or(|(newest, _)| newest != packet.timestamp)
        {
            self.count("frames", 1);
            if let Some((timestamp, arrival)) = self.frame {
                self.jitter_step(
                    i128::from(packet.arrival_ns.wrapping_sub(arrival) as i64),
                    i128::from(packet.timestamp.wrapping_sub(timestamp) as i32),
                );
            }
            self.frame = Some((packet.timestamp, packet.arrival_ns));
        }
    }

    /// RFC 3550 6.4.1, with as many whole wraps of the timestamp as bring media nearest to the time that passed.
    fn jitter_step(&mut self, arrival_ns: i128, ticks: i128) {
        // In nanoseconds times the clock rate: whole numbers.
        let cycle = (1_i128 << 32) * 1_000_000_000;
        let mut deviation = arrival_ns * self.rate - ticks * 1_000_000_000;
        if deviation > cycle / 2 {
            let wraps = (deviation + cycle / 2).div_euclid(cycle);
            deviation -= wraps * cycle;
            self.slack_ns += 2.0 * wraps as f64;
        }
        let edge = (deviation.abs() - cycle / 2).abs();
        self.doubtful |= edge < self.rate * (self.slack_ns as i128 + 1_000);
        self.slack_ns += 2.0;
        let deviation_ns = deviation.abs() as f64 / self.rate as f64;
        self.jitter += (deviation_ns - self.jitter) / 16.0;
        self.jitter_max = self.jitter_max.max(self.jitter);
        self.jitter_sum += self.jitter;
        self.compared += 1;
    }

    pub(crate) fn compare(&self, stats: &StreamStats) {
        let of = |name| self.counts.get(name).copied().unwrap_or_default();
        let (run, over) = (self.run(), self.over);
        let (expected, seen) = (run.0 + over.0, run.1 + over.1);
        assert_eq!(stats.packets, of("packets"));
        assert_eq!(stats.bytes, of("bytes"));
        assert_eq!(stats.header_bytes, of("header_bytes"));
        assert_eq!(stats.padding_bytes, of("padding_bytes"));
        assert_eq!(stats.padding_packets, of("padding_packets"));
        assert_eq!(stats.expected, expected);
        assert_eq!(stats.lost, expected - seen);
        assert_eq!(stats.duplicates, of("duplicates"));
        assert_eq!(stats.duplicate_bytes, of("duplicate_bytes"));
        assert_eq!(stats.recovered, of("recovered"));
        assert_eq!(stats.reordered, of("reordered"));
        assert_eq!(stats.reordering_depth_max, self.depth_max);
        assert_eq!(stats.stale, of("stale"));
        assert_eq!(stats.pending, u64::from(self.numbers.suspect.is_some()));
        assert_eq!(stats.restarts, of("restarts"));
        assert_eq!(stats.frames, of("frames"));
        let received = (stats.packets - stats.stale - stats.pending) as i64;
        assert_eq!(stats.cumulative_lost(), expected as i64 - received);
        let bursts = stats.bursts;
        assert!(bursts.burst_lost <= bursts.burst_packets && bursts.gap_lost <= bursts.gap_packets);
        assert!(bursts.burst_lost >= 2 * bursts.bursts, "{bursts:?}");
        if !self.unsettled {
            assert_eq!(bursts, self.bursts());
        }
        if let Some((first, last)) = self.arrivals {
            assert_eq!(
                (stats.first_arrival_ns, stats.last_arrival_ns),
                (first, last)
            );
        }
        let longest = stats.max_interarrival_seconds - self.interarrival_max as f64 / 1e9;
        assert!(
            longest.abs() <= 1e-9 * stats.max_interarrival_seconds.max(1.0),
            "{stats:?}"
        );
        if !self.doubtful {
            self.near("jitter", stats.jitter_seconds, self.jitter);
            self.near(
                "the largest jitter",
                stats.jitter_max_seconds,
                self.jitter_max,
            );
            // Of jitters that add up to decades the sum wraps.
            if self.jitter_sum < 1e18 {
                let mean = self.jitter_sum / self.compared.max(1) as f64;
                self.near("the mean jitter", stats.jitter_mean_seconds, mean);
            }
        }
    }

    /// The same of a stream of a capture, as far as it is told there.
    pub(crate) fn compare_record(&self, record: &Record) {
        let of = |name| self.counts.get(name).copied().unwrap_or_default();
        let (run, over) = (self.run(), self.over);
        let (expected, seen) = (run.0 + over.0, run.1 + over.1);
        let pending = u64::from(self.numbers.suspect.is_some());
        for (what, told, wanted) in [
            ("packets", record.packets, of("packets")),
            ("bytes", record.bytes, of("bytes")),
            ("header_bytes", record.header_bytes, of("header_bytes")),
            ("expected", record.expected, expected),
            ("lost", record.lost, expected - seen),
            ("duplicates", record.duplicates, of("duplicates")),
            ("out_of_order", record.out_of_order, of("reordered")),
            ("recovered", record.recovered, of("recovered")),
            ("stale", record.stale, of("stale") + pending),
            ("restarts", record.restarts, of("restarts")),
            ("frames", record.frames, of("frames")),
        ] {
            assert_eq!(told, wanted, "{what}: {record:?}");
        }
    }

    /// RFC 3611 4.7.2, from a list of all losses.
    fn bursts(&self) -> BurstStats {
        let seen = &self.numbers.seen;
        let (Some(&first), Some(&last)) = (seen.first(), seen.last()) else {
            return BurstStats::default();
        };
        let lost = (first..=last).filter(|n| !seen.contains(n));
        let mut groups: Vec<Vec<i64>> = Vec::new();
        for n in lost {
            match groups.last_mut() {
                Some(group) if n - group[group.len() - 1] <= i64::from(Bursts::GMIN) => {
                    group.push(n);
                }
                _ => groups.push(vec![n]),
            }
        }
        let mut stats = BurstStats::default();
        let mut start = first;
        for group in &groups {
            let [begin, .., end] = group[..] else {
                stats.gap_lost += 1;
                continue;
            };
            stats.gaps += u64::from(begin > start);
            stats.gap_packets += (begin - start) as u64;
            stats.bursts += 1;
            stats.burst_packets += (end - begin + 1) as u64;
            stats.burst_lost += group.len() as u64;
            start = end + 1;
        }
        stats.gaps += u64::from(last >= start);
        stats.gap_packets += (last - start + 1) as u64;
        stats
    }

    fn near(&self, what: &str, seconds: f64, wanted_ns: f64) {
        let off = (seconds * 1e9 - wanted_ns).abs();
        let allowed = self.slack_ns + wanted_ns.abs() * 1e-9;
        assert!(
            off <= allowed,
            "{what}: {} ns, not {wanted_ns}",
            seconds * 1e9
        );
    }
}
