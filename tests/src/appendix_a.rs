//! RFC 3550 Appendix A, to the letter: A.1 (is this packet valid, and where does it belong), A.3
//! (expected and lost) and A.8 (jitter).
//!
//! This is a reference, so it is plain: the RFC's own C, line by line, with its names, its constants
//! and its habits, good and bad. Only A.8 is there twice: as printed, in whole ticks, and in floating
//! point, as §6.4.1 defines it. What the project does otherwise is in [`crate::disagreement`].

use crate::figures::{Figure, Figures};
use crate::reading::Arrived;

const MAX_DROPOUT: u16 = 3000;
const MAX_MISORDER: u16 = 100;
const MIN_SEQUENTIAL: u32 = 2;
const RTP_SEQ_MOD: u32 = 1 << 16;

/// A.1's `source`.
#[derive(Clone, Debug)]
pub struct Source {
    max_seq: u16,
    cycles: u32,
    base_seq: u32,
    bad_seq: u32,
    probation: u32,
    received: u32,
    clock_rate: f64,
    /// A.8 in floating point, in ticks.
    transit: Option<f64>,
    jitter: f64,
    /// A.8 as printed: ticks, scaled by 16.
    transit_ticks: u32,
    jitter_scaled: u32,
    /// What `jitter` was after each step.
    pub steps: Vec<f64>,
}

impl Source {
    /// "When a new source is heard for the first time": its first number and its clock.
    #[must_use]
    pub fn new(seq: u16, clock_rate: u32) -> Self {
        let mut source = Self {
            max_seq: 0,
            cycles: 0,
            base_seq: 0,
            bad_seq: 0,
            probation: 0,
            received: 0,
            clock_rate: f64::from(clock_rate),
            transit: None,
            jitter: 0.0,
            transit_ticks: 0,
            jitter_scaled: 0,
            steps: Vec::new(),
        };
        source.init_seq(seq);
        source.max_seq = seq.wrapping_sub(1);
        source.probation = MIN_SEQUENTIAL;
        source
    }

    /// A packet arrived. Only valid ones are counted and timed.
    pub fn on_packet(&mut self, seq: u16, timestamp: u32, arrival_ns: u64) {
        if self.update_seq(seq) {
            self.time(timestamp, arrival_ns);
        }
    }

    fn init_seq(&mut self, seq: u16) {
        self.base_seq = u32::from(seq);
        self.max_seq = seq;
        self.bad_seq = RTP_SEQ_MOD + 1; // so seq == bad_seq is false
        self.cycles = 0;
        self.received = 0;
    }

    fn update_seq(&mut self, seq: u16) -> bool {
        let udelta = seq.wrapping_sub(self.max_seq);
        if self.probation > 0 {
            // Source is not valid until MIN_SEQUENTIAL packets with sequential numbers were received.
            if seq == self.max_seq.wrapping_add(1) {
                self.probation -= 1;
                self.max_seq = seq;
                if self.probation == 0 {
                    self.init_seq(seq);
                    self.received += 1;
                    return true;
                }
            } else {
                self.probation = MIN_SEQUENTIAL - 1;
                self.max_seq = seq;
            }
            return false;
        } else if udelta < MAX_DROPOUT {
            // in order, with permissible gap
            if seq < self.max_seq {
                self.cycles += RTP_SEQ_MOD;
            }
            self.max_seq = seq;
        } else if u32::from(udelta) <= RTP_SEQ_MOD - u32::from(MAX_MISORDER) {
            // the sequence number made a very large jump
            if u32::from(seq) == self.bad_seq {
                // Two sequential packets: assume that the other side restarted without telling us.
                self.init_seq(seq);
            } else {
                self.bad_seq = (u32::from(seq) + 1) & (RTP_SEQ_MOD - 1);
                return false;
            }
        } // else: duplicate or reordered packet
        self.received += 1;
        true
    }

    /// A.8, both ways.
    fn time(&mut self, timestamp: u32, arrival_ns: u64) {
        let whole = u128::from(arrival_ns) * self.clock_rate as u128 / 1_000_000_000;
        let transit_ticks = (whole as u32).wrapping_sub(timestamp);
        let arrival = arrival_ns as f64 * self.clock_rate / 1e9;
        // A double holds the ticks of these tests' hours to a millionth; the wrap is §6.4.1's modulo.
        let transit = arrival - f64::from(timestamp);
        if let Some(last) = self.transit.replace(transit) {
            let d = modulo_2_to_32(transit - last).abs();
            self.jitter += (d - self.jitter) / 16.0;
            self.steps.push(self.jitter / self.clock_rate);
            let d = (transit_ticks.wrapping_sub(self.transit_ticks) as i32).unsigned_abs();
            self.jitter_scaled =
                (self.jitter_scaled + d).wrapping_sub((self.jitter_scaled + 8) >> 4);
        }
        self.transit_ticks = transit_ticks;
    }

    /// Packets that were valid.
    #[must_use]
    pub fn received(&self) -> i64 {
        i64::from(self.received)
    }

    /// A.3: `extended_max - base_seq + 1`.
    #[must_use]
    pub fn expected(&self) -> i64 {
        i64::from(self.cycles) + i64::from(self.max_seq) - i64::from(self.base_seq) + 1
    }

    /// A.3: `expected - received`; negative where duplicates outnumber losses.
    #[must_use]
    pub fn lost(&self) -> i64 {
        self.expected() - i64::from(self.received)
    }

    /// What a reception report would say: `jitter >> 4`, in whole ticks.
    #[must_use]
    pub fn reported_ticks(&self) -> u32 {
        self.jitter_scaled >> 4
    }

    /// The floating point filter now, in ticks.
    #[must_use]
    pub fn ticks(&self) -> f64 {
        self.jitter
    }

    /// All that Appendix A knows of a stream.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let ms = || self.steps.iter().map(|seconds| seconds * 1e3);
        [
            (Figure::Packets, self.received() as f64),
            (Figure::Expected, self.expected() as f64),
            (Figure::CumulativeLost, self.lost() as f64),
            (Figure::Jitter, ms().next_back().unwrap_or_default()),
            (
                Figure::JitterMean,
                ms().sum::<f64>() / (self.steps.len().max(1)) as f64,
            ),
            (Figure::JitterMax, ms().fold(0.0, f64::max)),
        ]
        .into()
    }
}

/// One stream, from its first packet to its last.
#[must_use]
pub fn read(arrived: &[Arrived], clock_rate: u32) -> Source {
    let first = arrived.first().map_or(0, |p| p.packet.sequence);
    let mut source = Source::new(first, clock_rate);
    for Arrived { at_ns, packet, .. } in arrived {
        source.on_packet(packet.sequence, packet.timestamp, *at_ns);
    }
    source
}

/// The representative of `x` nearest to 0.
fn modulo_2_to_32(x: f64) -> f64 {
    let cycle = f64::from(u32::MAX) + 1.0;
    x - (x / cycle).round() * cycle
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(numbers: &[u16]) -> (i64, i64, i64) {
        let mut source = Source::new(numbers[0], 8_000);
        for &n in numbers {
            source.on_packet(n, 0, 0);
        }
        (source.received(), source.expected(), source.lost())
    }

    #[test]
    fn two_in_sequence_make_a_source_of_the_second() {
        assert_eq!(after(&[10, 11, 12, 13]), (3, 3, 0));
        assert_eq!(after(&[10, 12, 13, 14]), (2, 2, 0));
    }

    #[test]
    fn gaps_duplicates_and_the_wrap() {
        assert_eq!(after(&[65_533, 65_534, 65_535, 1, 2]), (4, 5, 1));
        assert_eq!(after(&[1, 2, 3, 3, 4]), (4, 3, -1));
        assert_eq!(after(&[1, 2, 4, 3, 5]), (4, 4, 0));
    }

    #[test]
    fn very_late_is_invalid_and_two_in_sequence_begin_anew() {
        assert_eq!(after(&[999, 1000, 1100, 1000]), (2, 101, 99), "100 behind");
        assert_eq!(after(&[999, 1000, 1100, 1001]), (3, 101, 98), "99 behind");
        assert_eq!(after(&[1, 2, 3, 40_000, 40_001, 40_002]), (2, 2, 0));
    }

    /// 90 kHz, worked by hand: transits -1000, -1030, -700, -1000 ticks.
    #[test]
    fn jitter_of_the_worked_example() {
        let mut source = Source::new(0, 90_000);
        source.on_packet(0, 0, 0);
        for (n, ms, timestamp) in [(1, 0, 1000), (2, 33, 4000), (3, 70, 7000), (4, 100, 10_000)] {
            source.on_packet(n, timestamp, ms * 1_000_000);
        }
        let ticks: Vec<f64> = source.steps.iter().map(|s| s * 90_000.0).collect();
        for (got, want) in ticks.iter().zip([1.875, 22.383, 39.734]) {
            assert!((got - want).abs() < 0.001, "{ticks:?}");
        }
        assert_eq!(source.reported_ticks(), 39);
    }

    #[test]
    fn a_wrap_of_the_timestamp_is_an_ordinary_step() {
        let mut source = Source::new(0, 8_000);
        for n in 0..10_u16 {
            let timestamp = u32::MAX.wrapping_sub(700).wrapping_add(u32::from(n) * 160);
            source.on_packet(n, timestamp, u64::from(n) * 20_000_000);
        }
        assert!(source.ticks() < 1e-6, "{}", source.ticks());
        assert_eq!(source.steps.len(), 8);
    }
}
