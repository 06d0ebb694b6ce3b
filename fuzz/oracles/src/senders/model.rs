//! Everything that is said of a sent stream, the slow way.
//!
//! Lives here: sets of numbers, lists of requests and reports, arithmetic in wide whole numbers. What RTCP says comes as the
//! sentences of the slow reader (`rtcp`), not as the project read it. Not here: what is sent and said; the group of streams
//! (`totals`).

use std::collections::BTreeMap;

use media_metrics_core::rtp::rtcp::Event;
use media_metrics_core::rtp::{Verdict, WINDOW};
use media_metrics_core::stream::{FeedbackStats, SenderStats, SentStats};

use crate::models::sequence::Oracle;
use crate::rtcp::sentence;

pub(super) const SSRC: i128 = super::SSRC as i128;

/// As the documents have them: numbers that may be asked for at once, how long one is remembered, reports that are
/// remembered, how late a packet may be that was reported lost.
const ASKED_AT_ONCE: u16 = 256;
const FORGOTTEN_NS: u64 = 10_000_000_000;
const REPORTS: usize = 16;
const LATE: i128 = 1_024;

pub(super) type Counts = BTreeMap<&'static str, u64>;

/// What a packet is.
pub(super) struct Packet {
    pub(super) number: u16,
    pub(super) timestamp: u32,
    pub(super) payload: usize,
    pub(super) padding: u8,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Media,
    /// A packet of this number, if that can be told.
    Repeats(Option<u16>),
}

/// A packet that was asked for.
struct Asked {
    number: u16,
    since_ns: u64,
    answered: bool,
}

/// A sender report that went on.
struct SentReport {
    middle: i128,
    at_ns: u64,
    /// The delay in its last echo.
    echoed: Option<i128>,
}

/// The newest report block that was believed.
#[derive(Clone, Copy)]
struct Believed {
    /// Of which run of numbers.
    run: u64,
    /// As reported, and with the cycles of what was sent.
    reported: i128,
    received: i128,
    /// Numbers of the run up to that.
    expected: i128,
    lost: i128,
}

/// What its receiver said of a stream.
#[derive(Default)]
struct Remote {
    believed: Option<Believed>,
    lost: i128,
    fraction: u64,
    jitter: Vec<i128>,
    expected: i128,
    skipped: i128,
    at_ns: u64,
    trips: Vec<u64>,
}

/// One stream on its way to one subscriber.
pub(super) struct Way {
    rate: u32,
    pub(super) counts: Counts,
    numbers: Oracle,
    /// Numbers that earlier runs skipped; and those of them that a report was about.
    skipped_before: i128,
    skipped_reported: i128,
    timestamp: u32,
    suspect_timestamp: u32,
    departures: Option<(u64, u64)>,
    asked: Vec<Asked>,
    recovery_ns: u64,
    key_frame_wanted: Option<u64>,
    key_frame_ns: u64,
    last_fir: Option<i128>,
    reports: Vec<SentReport>,
    remote: Remote,
    estimate: Option<(i128, u64)>,
    summary: Option<String>,
    voip: Option<String>,
}

/// A sentence's first word and the numbers behind it.
pub(super) fn words(sentence: &str) -> (&str, Vec<i128>) {
    let (first, rest) = sentence.split_once(' ').unwrap();
    let numbers = rest.split(|c: char| !c.is_ascii_digit() && c != '-');
    (first, numbers.filter_map(|n| n.parse().ok()).collect())
}

impl Way {
    pub(super) fn new(rate: u32) -> Self {
        Self {
            rate,
            counts: Counts::new(),
            numbers: Oracle::default(),
            skipped_before: 0,
            skipped_reported: 0,
            timestamp: 0,
            suspect_timestamp: 0,
            departures: None,
            asked: Vec::new(),
            recovery_ns: 0,
            key_frame_wanted: None,
            key_frame_ns: 0,
            last_fir: None,
            reports: Vec::new(),
            remote: Remote::default(),
            estimate: None,
            summary: None,
            voip: None,
        }
    }

    fn count(&mut self, name: &'static str, n: u64) {
        *self.counts.entry(name).or_default() += n;
    }

    fn of(&self, name: &'static str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// Highest number sent, with its cycles.
    pub(super) fn highest(&self) -> Option<u64> {
        self.numbers.seen.last().map(|&highest| highest as u64)
    }

    /// Of this run, numbers up to `highest` that were never sent.
    fn skipped_upto(&self, highest: i128) -> i128 {
        let Some(&first) = self.numbers.seen.first() else {
            return 0;
        };
        let sent = self.numbers.seen.range(..=highest as i64).count();
        highest - i128::from(first) + 1 - sent as i128
    }

    /// In all runs.
    fn skipped(&self) -> i128 {
        let highest = self.numbers.seen.last().copied();
        let now = highest.map_or(0, |highest| self.skipped_upto(highest.into()));
        self.skipped_before + now
    }

    /// How many round trips were measured.
    pub(super) fn trips(&self) -> u64 {
        self.remote.trips.len() as u64
    }

    /// Packets that the receiver lost, as far as it believes.
    pub(super) fn lost(&self) -> i128 {
        self.remote.lost.max(0)
    }

    pub(super) fn on_packet(&mut self, packet: &Packet, at_ns: u64) {
        let bytes = (12 + packet.payload) as u64 + u64::from(packet.padding);
        self.count("packets", 1);
        self.count("bytes", bytes);
        self.count("header bytes", 12);
        self.count("padding bytes", packet.padding.into());
        let only_padding = packet.padding > 0 && packet.payload == 0;
        self.count("padding packets", only_padding.into());
        let first = self.departures.map_or(at_ns, |(first, _)| first);
        self.departures = Some((first, at_ns));
        // Sent before; and which number somebody may have waited for.
        let (again, answers) = match packet.kind {
            Kind::Media => {
                let verdict = self.place(packet);
                let again = matches!(verdict, Verdict::Duplicate | Verdict::Stale);
                let late = matches!(verdict, Verdict::Late { .. } | Verdict::Early { .. });
                (again, (again || late).then_some(packet.number))
            }
            Kind::Repeats(original) => (packet.payload > 0, original),
        };
        if again {
            self.count("repeated packets", 1);
            self.count("repeated bytes", bytes);
            self.count("repeated payload", packet.payload as u64);
        }
        let answered = answers.and_then(|number| {
            let mut open = self.asked.iter_mut().filter(|asked| !asked.answered);
            open.find(|asked| asked.number == number && !asked.is_forgotten(at_ns))
        });
        if let Some(asked) = answered {
            asked.answered = true;
            self.recovery_ns += at_ns.saturating_sub(asked.since_ns);
            self.count("recovered", 1);
        }
    }

    /// Where a packet of the media belongs.
    fn place(&mut self, packet: &Packet) -> Verdict {
        let minute = (u64::from(self.rate) * 60).min(i32::MAX as u64);
        let age = self.timestamp.wrapping_sub(packet.timestamp);
        let skipped = self.skipped();
        let verdict = self
            .numbers
            .on_packet(packet.number, u64::from(age) <= minute);
        let other = u64::from(packet.timestamp != self.timestamp);
        let of_suspect = u64::from(packet.timestamp != self.suspect_timestamp);
        let frames = match verdict {
            Verdict::First | Verdict::Resync => 1,
            Verdict::Restart => 1 + of_suspect,
            Verdict::InOrder { .. } => other,
            _ => 0,
        };
        match verdict {
            Verdict::Suspect => self.suspect_timestamp = packet.timestamp,
            Verdict::Restart | Verdict::Resync => {
                self.skipped_before = skipped;
                self.skipped_reported = self.remote.skipped.min(skipped);
                self.count("restarts", 1);
            }
            _ => {}
        }
        if frames > 0 {
            self.timestamp = packet.timestamp;
        }
        self.count("frames", frames);
        verdict
    }

    /// How long it was waited for.
    pub(super) fn on_key_frame(&mut self, at_ns: u64) -> Option<u64> {
        self.count("key frames", 1);
        let took = at_ns.saturating_sub(self.key_frame_wanted.take()?);
        self.count("key frames asked for", 1);
        self.key_frame_ns += took;
        Some(took)
    }

    pub(super) fn on_report_of_the_publisher(&mut self, sentence: &str, at_ns: u64) {
        let (kind, numbers) = words(sentence);
        if let ("sr", &[SSRC, ntp, ..]) = (kind, &numbers[..]) {
            self.count("sender reports", 1);
            self.reports.push(SentReport {
                middle: ntp >> 16 & 0xffff_ffff,
                at_ns,
                echoed: None,
            });
        }
    }

    /// The subscriber says this.
    pub(super) fn hear(&mut self, said: &str, at_ns: u64) {
        let (kind, numbers) = words(said);
        match (kind, &numbers[..]) {
            ("report", [_, SSRC, block @ ..]) => self.on_block(block, at_ns),
            ("nack", [_, SSRC, asked @ ..]) => {
                self.count("nacks", 1);
                asked.iter().for_each(|&n| self.ask(n as u16, at_ns));
            }
            ("pli", [_, SSRC]) => {
                self.count("plis", 1);
                self.key_frame_wanted.get_or_insert(at_ns);
            }
            ("fir", &[_, SSRC, number]) => match self.last_fir.replace(number) == Some(number) {
                true => self.count("firs repeated", 1),
                false => {
                    self.count("firs", 1);
                    self.key_frame_wanted.get_or_insert(at_ns);
                }
            },
            ("remb", [_, rate, about @ ..]) if about.contains(&SSRC) => {
                self.estimate = Some((*rate, at_ns));
            }
            ("twcc", &[_, SSRC, _, packets, received, ..]) => {
                self.count("transport reports", 1);
                self.count("transport packets", packets as u64);
                self.count("transport missing", (packets - received) as u64);
            }
            ("summary", [_, SSRC, ..]) => self.summary = Some(said.to_owned()),
            ("voip", [_, SSRC, ..]) => self.voip = Some(said.to_owned()),
            _ => {}
        }
    }

    fn on_block(&mut self, block: &[i128], at_ns: u64) {
        let &[fraction, lost, highest, jitter, last, delay] = block else {
            panic!("a report block of {block:?}");
        };
        if !self.believes(lost, highest) {
            return;
        }
        self.count("reports", 1);
        self.remote.fraction = fraction as u64;
        self.count("fractions", fraction as u64 * 1_000_000 / 256);
        self.remote.jitter.push(jitter);
        self.remote.at_ns = at_ns;
        self.echo(last, delay, at_ns);
    }

    /// A number pushes out the one that is remembered in its place.
    fn ask(&mut self, number: u16, at_ns: u64) {
        self.count("asked", 1);
        let place = number % ASKED_AT_ONCE;
        let there = self
            .asked
            .iter()
            .position(|a| a.number % ASKED_AT_ONCE == place);
        let there = there.map(|at| self.asked.swap_remove(at));
        let known = |asked: &Asked| asked.number == number && !asked.is_forgotten(at_ns);
        let mut since_ns = at_ns;
        match there {
            Some(asked) if known(&asked) => {
                self.count("asked again", 1);
                if !asked.answered {
                    since_ns = asked.since_ns;
                }
            }
            Some(asked) => self.count("unanswered", u64::from(!asked.answered)),
            None => {}
        }
        self.asked.push(Asked {
            number,
            since_ns,
            answered: false,
        });
    }

    /// Takes a report of so many lost up to this number, if both can be.
    fn believes(&mut self, lost: i128, reported: i128) -> bool {
        let seen = &self.numbers.seen;
        let Some((&first, &sent)) = seen.first().zip(seen.last()) else {
            self.count("reports not sent", 1);
            return false;
        };
        // The first may have moved back below 0.
        let (all_from, first) = (i128::from(first), i128::from(first.max(0)));
        let sent = i128::from(sent);
        let run = self.of("restarts");
        let before = self.remote.believed;
        let of_run = before.filter(|before| before.run == run);
        let received = Self::received(of_run, reported, sent).filter(|&n| n >= first);
        let Some(received) = received else {
            self.count("reports not sent", 1);
            return false;
        };
        if of_run.is_some_and(|before| received < before.received) {
            self.count("reports stale", 1);
            return false;
        }
        // What was expected since the report before, and may have been lost.
        let since = of_run.map_or(first - 1, |before| before.received);
        let new = received - since;
        match before {
            None => self.remote.lost = lost.clamp(-new - LATE, new),
            Some(before) => {
                let anew = of_run.is_none();
                // The first number of a run that begins anew counts for nothing here.
                let room = LATE + new - i128::from(anew);
                let (half, all) = (1 << 23, 1 << 24);
                let change = (lost - before.lost + half).rem_euclid(all) - half;
                if change.abs() <= room && (change >= 0 || !anew) {
                    self.remote.lost += change;
                } else {
                    self.count("remote restarts", 1);
                    if change < 0 && lost.abs() <= room {
                        self.remote.lost += lost;
                    }
                }
            }
        }
        let expected = received - all_from + 1;
        let new = expected - of_run.map_or(0, |before| before.expected);
        self.remote.believed = Some(Believed {
            run,
            reported,
            received,
            expected,
            lost,
        });
        self.remote.expected += new;
        // Of what is more than a window ago it is not known what was sent; but no more was skipped than was new.
        let known = received.max(sent - i128::from(WINDOW));
        let skipped = self.skipped_reported + self.skipped_upto(known);
        self.remote.skipped = match known > received {
            true => skipped.min(self.remote.skipped + new),
            false => skipped,
        };
        true
    }

    /// The number that the receiver means: as it counts itself, if that agrees with what was sent; else the nearest one sent that
    /// ends so.
    fn received(before: Option<Believed>, reported: i128, sent: i128) -> Option<i128> {
        if let Some(before) = before {
            let ahead = (reported - before.reported).rem_euclid(1 << 32);
            let own = before.received + ahead;
            if ahead == 0 || (own <= sent && sent - own < 1 << 16) {
                return Some(own);
            }
        }
        let behind = (sent - reported).rem_euclid(1 << 16);
        Some(sent - behind).filter(|&number| number >= 0 && behind < 1 << 15)
    }

    /// LSR and DLSR: of which of the last reports, and how long it was on its way, in 1/65,536 ns.
    fn echo(&mut self, last: i128, delay: i128, at_ns: u64) {
        let mut newest_first = self.reports.iter_mut().rev().take(REPORTS);
        let of = newest_first.find(|sent| last != 0 && sent.middle == last);
        let Some(sent) = of.filter(|sent| sent.echoed != Some(delay)) else {
            return;
        };
        let away = i128::from(at_ns) - i128::from(sent.at_ns);
        let travelled = (away << 16) - delay * 1_000_000_000;
        // The delay may be rounded up.
        if away < 0 || travelled <= -(15_260 << 16) {
            return self.count("impossible", 1);
        }
        sent.echoed = Some(delay);
        let trip = travelled.max(0) + 0xffff;
        self.remote.trips.push((trip >> 16) as u64);
    }

    pub(super) fn compare(&self, stats: &SenderStats) {
        self.compare_sent(&stats.sent);
        self.compare_feedback(&stats.feedback);
        self.compare_remote(stats);
        let told = stats.remote_estimate;
        let estimate = told
            .bitrate_bps
            .map(|bps| (i128::from(bps), told.bitrate_arrival_ns));
        assert_eq!(estimate, self.estimate);
        assert_eq!(told.transport_reports, self.of("transport reports"));
        assert_eq!(told.transport_packets, self.of("transport packets"));
        assert_eq!(told.transport_missing, self.of("transport missing"));
        // Who reported is not kept.
        let about = |said: &str| {
            said.split(' ')
                .skip(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let reporter = 0;
        let summary = stats.remote_summary;
        let summary =
            summary.map(|summary| about(&sentence(&Event::Summary { reporter, summary })));
        assert_eq!(summary, self.summary.as_deref().map(about));
        let voip = stats.remote_voip;
        let voip = voip.map(|metrics| about(&sentence(&Event::Voip { reporter, metrics })));
        assert_eq!(voip, self.voip.as_deref().map(about));
    }

    fn compare_sent(&self, sent: &SentStats) {
        for (what, told, wanted) in [
            ("packets", sent.packets, self.of("packets")),
            ("bytes", sent.bytes, self.of("bytes")),
            ("header_bytes", sent.header_bytes, self.of("header bytes")),
            (
                "padding_bytes",
                sent.padding_bytes,
                self.of("padding bytes"),
            ),
            (
                "padding_packets",
                sent.padding_packets,
                self.of("padding packets"),
            ),
            (
                "retransmitted",
                sent.retransmitted_packets,
                self.of("repeated packets"),
            ),
            (
                "their bytes",
                sent.retransmitted_bytes,
                self.of("repeated bytes"),
            ),
            (
                "their payload",
                sent.retransmitted_payload_bytes,
                self.of("repeated payload"),
            ),
            ("frames", sent.frames, self.of("frames")),
            ("key_frames", sent.key_frames, self.of("key frames")),
            ("restarts", sent.restarts, self.of("restarts")),
            ("skipped", sent.skipped, self.skipped() as u64),
            (
                "sender_reports",
                sent.sender_reports,
                self.of("sender reports"),
            ),
            (
                "highest",
                sent.highest_sequence,
                self.highest().unwrap_or_default(),
            ),
        ] {
            assert_eq!(told, wanted, "{what}: {sent:?}");
        }
        let departures = self.departures.unwrap_or_default();
        let told = (sent.first_departure_ns, sent.last_departure_ns);
        assert_eq!(told, departures);
    }

    fn compare_feedback(&self, told: &FeedbackStats) {
        for (what, told, wanted) in [
            ("nacks", told.nacks, self.of("nacks")),
            ("nacked_packets", told.nacked_packets, self.of("asked")),
            ("nacked_again", told.nacked_again, self.of("asked again")),
            ("recovered", told.recovered, self.of("recovered")),
            ("unanswered", told.unanswered, self.of("unanswered")),
            ("plis", told.plis, self.of("plis")),
            ("firs", told.firs, self.of("firs")),
            (
                "firs_repeated",
                told.firs_repeated,
                self.of("firs repeated"),
            ),
            (
                "key_frames",
                told.key_frames_requested,
                self.of("key frames asked for"),
            ),
            ("reports", told.reports, self.of("reports")),
            (
                "reports_stale",
                told.reports_stale,
                self.of("reports stale"),
            ),
            (
                "reports_not_sent",
                told.reports_not_sent,
                self.of("reports not sent"),
            ),
            (
                "impossible",
                told.round_trips_impossible,
                self.of("impossible"),
            ),
        ] {
            assert_eq!(told, wanted, "{what}");
        }
        assert_eq!(told.recovery_seconds, seconds(self.recovery_ns));
        assert_eq!(told.key_frame_request_seconds, seconds(self.key_frame_ns));
    }

    fn compare_remote(&self, stats: &SenderStats) {
        let (Some(told), Some(believed)) = (stats.remote, self.remote.believed) else {
            assert!(stats.remote.is_none() && self.remote.believed.is_none());
            return;
        };
        let Remote { jitter, trips, .. } = &self.remote;
        let ticks = |n: Option<&i128>| *n.unwrap() as f64 / f64::from(self.rate);
        assert_eq!(i128::from(told.lost), self.remote.lost, "{told:?}");
        assert_eq!(told.fraction_lost, self.remote.fraction as f64 / 256.0);
        assert_eq!(told.jitter_seconds, ticks(jitter.last()));
        assert_eq!(told.jitter_max_seconds, ticks(jitter.iter().max()));
        // Of a run that is over the receiver's highest is told until it says more.
        assert_eq!(i128::from(told.highest_sequence), believed.received);
        assert_eq!(i128::from(told.expected), self.remote.expected, "{told:?}");
        assert_eq!(i128::from(told.skipped), self.remote.skipped, "{told:?}");
        assert!(told.skipped <= told.expected, "{told:?}");
        assert_eq!(told.restarts, self.of("remote restarts"));
        assert_eq!(told.last_report_ns, self.remote.at_ns);
        assert_eq!(told.rtt.is_some(), !trips.is_empty());
        if let Some(rtt) = told.rtt {
            let least_and_most = trips.iter().min().zip(trips.iter().max()).unwrap();
            assert_eq!(rtt.seconds, seconds(*trips.last().unwrap()));
            assert_eq!(rtt.min_seconds, seconds(*least_and_most.0));
            assert_eq!(rtt.max_seconds, seconds(*least_and_most.1));
            assert_eq!(rtt.total_seconds, seconds(trips.iter().sum()));
            assert_eq!(rtt.measurements, trips.len() as u64);
        }
    }
}

impl Asked {
    fn is_forgotten(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.since_ns) > FORGOTTEN_NS
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
