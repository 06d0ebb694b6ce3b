//! What the figures of a capture are: slow, plain, and with a switch for every [`Rule`] in which tools
//! differ.
//!
//! Read without any rule, a capture gives the project's own definitions (`docs/rtp-statistics.md`).
//! With the rules of another tool switched on it must give that tool's figures: only then is a
//! disagreement explained, and not merely named.
//!
//! May not: guess. Runs and extended numbers come from who made the packets, or from the nearest
//! number where a capture is known to hold no restart.

use std::collections::{BTreeMap, BTreeSet};

use crate::disagreement::Rule;
use crate::figures::{Figure, Figures, Id};
use crate::pcap::Datagram;
use crate::rtp::Packet;
use crate::traffic::Sent;

/// A packet that arrived, and where it belongs.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Nanoseconds since the stream's first packet.
    pub at_ns: u64,
    /// Run of its stream.
    pub run: u32,
    /// Number within the run, with all cycles.
    pub number: i64,
    /// Its header.
    pub packet: Packet,
}

/// The packets of one stream of which everything is known.
#[must_use]
pub fn known(sent: &[Sent]) -> Vec<Arrived> {
    let begin = sent.first().map_or(0, |s| s.at_ns);
    let arrived = |s: &Sent| {
        let packet = Packet::parse(&s.bytes).unwrap_or_else(|| panic!("not RTP: {s:?}"));
        Arrived {
            at_ns: s.at_ns - begin,
            run: s.run,
            number: s.number,
            packet,
        }
    };
    sent.iter().map(arrived).collect()
}

/// The streams of a capture whose streams never restart, by who they are.
#[must_use]
pub fn streams(datagrams: &[Datagram]) -> BTreeMap<Id, Vec<Arrived>> {
    let mut streams: BTreeMap<Id, Vec<(u64, Packet)>> = BTreeMap::new();
    for datagram in datagrams {
        if let Some(packet) = Packet::parse(&datagram.bytes) {
            let id = Id {
                ssrc: packet.ssrc,
                from: datagram.from,
                to: datagram.to,
            };
            let stream = streams.entry(id).or_default();
            stream.push((datagram.at_ns, packet));
        }
    }
    let place = |(id, packets): (Id, Vec<(u64, Packet)>)| (id, placed(&packets));
    streams.into_iter().map(place).collect()
}

/// The packets of one stream that never restarts: each number is the one nearest to the highest.
fn placed(packets: &[(u64, Packet)]) -> Vec<Arrived> {
    let begin = packets.first().map_or(0, |(at, _)| *at);
    let mut highest = packets.first().map_or(0, |(_, p)| i64::from(p.sequence));
    let mut place = |&(at, packet): &(u64, Packet)| {
        let step = packet.sequence.wrapping_sub(highest as u16) as i16;
        let number = highest + i64::from(step);
        highest = highest.max(number);
        Arrived {
            at_ns: at - begin,
            run: 0,
            number,
            packet,
        }
    };
    packets.iter().map(&mut place).collect()
}

/// The figures of one stream by the project's definitions, but for `rules`.
#[must_use]
pub fn read(arrived: &[Arrived], clock_rate: u32, rules: &[Rule]) -> Figures {
    let valid = valid(arrived, rules);
    let mut figures = loss(&valid, rules);
    figures.extend(timing(&valid, clock_rate, rules));
    figures
}

/// The packets that count at all.
fn valid(arrived: &[Arrived], rules: &[Rule]) -> Vec<Arrived> {
    let has = |rule| rules.contains(&rule);
    let mut valid: Vec<Arrived> = Vec::new();
    // By run: the highest number so far, and the one that would follow the last refused packet.
    let mut runs: BTreeMap<u32, (i64, Option<i64>)> = BTreeMap::new();
    let mut begun_anew = 0;
    for (n, packet) in arrived.iter().enumerate() {
        let mut packet = packet.clone();
        packet.run += begun_anew;
        let first_of_run = !runs.contains_key(&packet.run);
        let (highest, follows) = runs.entry(packet.run).or_insert((packet.number, None));
        let misordered = *highest - packet.number >= 100 && has(Rule::MisorderOf100);
        if misordered && *follows == Some(packet.number) && has(Rule::OldPairRestarts) {
            begun_anew += 1;
            packet.run += 1;
            runs.insert(packet.run, (packet.number, None));
            valid.push(packet);
            continue;
        }
        if misordered {
            *follows = Some(packet.number + 1);
        }
        *highest = packet.number.max(*highest);
        let refused = misordered
            || n == 0 && has(Rule::Probation)
            || first_of_run && n > 0 && has(Rule::RestartForgets);
        if !refused {
            valid.push(packet);
        }
    }
    valid
}

fn loss(valid: &[Arrived], rules: &[Rule]) -> Figures {
    let mut runs: BTreeMap<u32, Vec<&Arrived>> = BTreeMap::new();
    for packet in valid {
        let run = if rules.contains(&Rule::NoRestart) {
            0
        } else {
            packet.run
        };
        runs.entry(run).or_default().push(packet);
    }
    let restarts = runs.len().saturating_sub(1);
    if rules.contains(&Rule::RestartForgets) {
        runs = runs.split_off(&(restarts as u32));
    }
    let (mut packets, mut bytes, mut expected, mut seen, mut late) = (0, 0, 0, 0, 0);
    let mut far_behind = 0;
    for run in runs.values_mut() {
        packets += run.len() as i64;
        bytes += run.iter().map(|p| p.packet.len as i64).sum::<i64>();
        if !rules.contains(&Rule::FarBehindCounts) {
            far_behind += drop_far_behind(run);
        }
        let numbers = || run.iter().map(|p| p.number);
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        let low = match rules.contains(&Rule::BeginsWithFirst) {
            true => first.number,
            false => numbers().min().unwrap_or_default(),
        };
        let high = match rules.contains(&Rule::EndsWithLast) {
            true => last.number,
            false => numbers().max().unwrap_or_default(),
        };
        let apart = i64::from(last.packet.sequence) - i64::from(first.packet.sequence);
        let guessed = CYCLE * guessed_cycles(run) + apart;
        expected += if rules.contains(&Rule::NoRestart) {
            guessed + 1
        } else if rules.contains(&Rule::CyclesGuessed) {
            high - low + 1 + guessed - (last.number - first.number)
        } else {
            high - low + 1
        };
        let mut distinct = BTreeSet::new();
        for number in numbers() {
            let behind = distinct.last().is_some_and(|&highest| number < highest);
            late += i64::from(distinct.insert(number) && behind);
        }
        seen += distinct.len() as i64;
    }
    [
        (Figure::Packets, packets),
        (Figure::Bytes, bytes),
        (Figure::Expected, expected),
        (Figure::Lost, expected - seen),
        (Figure::CumulativeLost, expected - (packets - far_behind)),
        (Figure::Duplicates, packets - far_behind - seen),
        (Figure::OutOfOrder, late),
        (Figure::Restarts, restarts as i64),
    ]
    .map(|(figure, value)| (figure, value as f64))
    .into()
}

/// Takes out what is too far behind to be told late from duplicate, and says how many.
fn drop_far_behind(run: &mut Vec<&Arrived>) -> i64 {
    let mut highest = i64::MIN;
    let before = run.len();
    run.retain(|p| {
        highest = highest.max(p.number);
        highest - p.number < 1_024
    });
    (before - run.len()) as i64
}

const CYCLE: i64 = 1 << 16;

/// How often tshark thinks that the number wrapped: each time that it is below the first to arrive after
/// it was above, or 0 after 65,535, unless the timestamp is from before the first's.
fn guessed_cycles(run: &[&Arrived]) -> i64 {
    let Some(first) = run.first().map(|p| p.packet) else {
        return 0;
    };
    let (mut cycles, mut below, mut last) = (0, false, first.sequence);
    for Packet {
        sequence,
        timestamp,
        ..
    } in run.iter().map(|p| p.packet)
    {
        let in_time = timestamp.wrapping_sub(first.timestamp) as i32 >= 0;
        let wraps = sequence < first.sequence || sequence == 0 && last == u16::MAX;
        if in_time && wraps && !below {
            cycles += 1;
            below = true;
        } else if in_time && sequence > first.sequence {
            below = false;
        }
        last = sequence;
    }
    cycles
}

/// RFC 4733's usual payload type, and RFC 3551's for comfort noise.
const TELEPHONE_EVENT: u8 = 101;
const COMFORT_NOISE: u8 = 13;

fn timing(valid: &[Arrived], clock_rate: u32, rules: &[Rule]) -> Figures {
    let has = |rule| rules.contains(&rule);
    let rate = match has(Rule::WholeKilohertz) {
        true => clock_rate / 1_000 * 1_000,
        false => clock_rate,
    };
    let (mut jitter, mut mean, mut max, mut max_delta): (f64, f64, f64, f64) = (0.0, 0.0, 0.0, 0.0);
    let mut steps = 0.0;
    // What the next packet is compared with: time and timestamp for the jitter, time for the delta.
    let mut frame: Option<(u64, u32)> = None;
    let mut before_ns: Option<u64> = None;
    let first_timestamp = valid.first().map_or(0, |p| p.packet.timestamp);
    let mut seen: BTreeSet<(u32, i64)> = BTreeSet::new();
    let mut runs = BTreeSet::from([0]);
    let mut after_noise = false;
    for p in valid {
        let highest = seen.range((p.run, i64::MIN)..=(p.run, i64::MAX)).last();
        let late = highest.is_some_and(|&(_, highest)| p.number < highest);
        let again = !seen.insert((p.run, p.number));
        let (at_ns, timestamp) = (p.at_ns, p.packet.timestamp);
        let before_first = (timestamp.wrapping_sub(first_timestamp) as i32) < 0;
        let aside = before_first && has(Rule::EarlyLeftOut);
        let noise = p.packet.payload_type == COMFORT_NOISE;
        let left_out = aside
            || p.packet.marker && has(Rule::MarkedLeftOut)
            || (noise || after_noise) && has(Rule::NoiseLeftOut);
        after_noise = noise;

        if let Some(before_ns) = before_ns.filter(|_| !left_out) {
            max_delta = max_delta.max((at_ns as f64 - before_ns as f64) / 1e6);
        }
        if !aside {
            before_ns = Some(at_ns);
        }

        let begins_run = runs.insert(p.run);
        if begins_run && !has(Rule::RestartCompared) && !has(Rule::NoRestart) {
            // The packet that might be a restart proves nothing; the one after it, which does, is the
            // first to be compared with.
            frame = None;
            continue;
        }
        let new_frame = frame.is_none_or(|(_, last)| last != timestamp);
        let compared = match (again, late) {
            (true, _) => has(Rule::DuplicatesStep),
            (false, true) => has(Rule::LateSteps),
            (false, false) => new_frame || has(Rule::EveryPacketSteps),
        };
        if !compared {
            continue;
        }
        let Some((last_ns, last_timestamp)) = frame else {
            frame = Some((at_ns, timestamp));
            continue;
        };
        steps += 1.0;
        if aside {
            continue;
        }
        if p.packet.payload_type == TELEPHONE_EVENT && has(Rule::EventsLeftOut) {
            frame = Some((at_ns, last_timestamp));
            continue;
        }
        frame = Some((at_ns, timestamp));
        let media = timestamp.wrapping_sub(last_timestamp) as i32;
        let media_ms = f64::from(media) * 1e3 / f64::from(rate);
        let arrival_ms = (at_ns as f64 - last_ns as f64) / 1e6;
        jitter += ((arrival_ms - media_ms).abs() - jitter) / 16.0;
        if !left_out {
            mean = (mean * (steps - 1.0) + jitter) / steps;
            max = max.max(jitter);
        }
    }
    if has(Rule::NoClockRate) {
        (jitter, mean, max) = (0.0, 0.0, 0.0);
    }
    Figures::from([
        (Figure::Jitter, jitter),
        (Figure::JitterMean, mean),
        (Figure::JitterMax, max),
        (Figure::MaxDelta, max_delta),
    ])
}
