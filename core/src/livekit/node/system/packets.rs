//! Packets of the queue disciplines over time.
//!
//! Lives here: sums for each interface, and their differences. Pure. Not here: asking the kernel (`qdisc`).
//!
//! The reference keeps one 32-bit sum: an interface that goes takes its packets along, and the difference to the
//! start wraps to 4.29e9. Here each interface only ever adds, and one that a reading leaves out (a dump may be cut
//! short) is remembered, so that it does not count its whole life again.

use std::collections::HashMap;

use super::reading::PacketCounts;

/// Most interfaces remembered that are not there any more: containers come and go.
const MAX_GONE: usize = 1_024;

/// One queue discipline's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Qdisc {
    /// The interface's index.
    pub interface: u32,
    /// What it has counted since it was made.
    pub counts: PacketCounts,
}

impl PacketCounts {
    fn reaches(self, earlier: Self) -> bool {
        self.out >= earlier.out && self.dropped >= earlier.dropped
    }

    fn plus(self, other: Self) -> Self {
        Self {
            out: self.out.saturating_add(other.out),
            dropped: self.dropped.saturating_add(other.dropped),
        }
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            out: self.out.saturating_sub(earlier.out),
            dropped: self.dropped.saturating_sub(earlier.dropped),
        }
    }
}

/// An interface as of the last reading that had it.
#[derive(Clone, Copy, Debug)]
struct Known {
    counts: PacketCounts,
    /// The number of that reading.
    reading: u64,
}

/// What all interfaces counted, as a total that never goes down.
///
/// An interface that goes keeps what it added. One that comes adds all that it has: it had nothing before it was
/// there. One that comes back adds what is new; if it has less than when it went, it is another one of the same
/// index, which adds all that it has. One that stayed and whose counters went down (its discipline was replaced)
/// adds nothing until the next reading. Of interfaces that went, the last 1,024 are remembered.
#[derive(Clone, Debug, Default)]
pub struct PacketTotals {
    /// By the interface's index.
    interfaces: HashMap<u32, Known>,
    readings: u64,
    before: PacketCounts,
    since_start: PacketCounts,
}

impl PacketTotals {
    /// Takes a reading of all queue disciplines. The first one is what had been counted before the start.
    pub fn update(&mut self, qdiscs: &[Qdisc]) {
        let mut sums: HashMap<u32, PacketCounts> = HashMap::new();
        for qdisc in qdiscs {
            let sum = sums.entry(qdisc.interface).or_default();
            *sum = sum.plus(qdisc.counts);
        }
        let last = self.readings;
        self.readings += 1;
        for (interface, counts) in sums {
            let reading = self.readings;
            let known = self.interfaces.insert(interface, Known { counts, reading });
            let same = known.filter(|known| known.reading == last || counts.reaches(known.counts));
            let earlier = same.map(|known| known.counts).unwrap_or_default();
            let sum = match last {
                0 => &mut self.before,
                _ => &mut self.since_start,
            };
            *sum = sum.plus(counts.since(earlier));
        }
        self.forget();
    }

    /// Forgets those that went first, down to [`MAX_GONE`] of those that are not there.
    fn forget(&mut self) {
        let gone = self.interfaces.iter();
        let gone = gone.filter(|(_, known)| known.reading < self.readings);
        let mut gone: Vec<(u64, u32)> = gone.map(|(i, known)| (known.reading, *i)).collect();
        let Some(excess) = gone.len().checked_sub(MAX_GONE).filter(|n| *n > 0) else {
            return;
        };
        gone.sort_unstable();
        for (_, interface) in gone.into_iter().take(excess) {
            self.interfaces.remove(&interface);
        }
    }

    /// Everything counted: before the start and since.
    #[must_use]
    pub fn total(&self) -> PacketCounts {
        self.before.plus(self.since_start)
    }

    /// What was counted since the first reading.
    #[must_use]
    pub fn since_start(&self) -> PacketCounts {
        self.since_start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qdisc(interface: u32, out: u64, dropped: u64) -> Qdisc {
        Qdisc {
            interface,
            counts: PacketCounts { out, dropped },
        }
    }

    fn counts(out: u64, dropped: u64) -> PacketCounts {
        PacketCounts { out, dropped }
    }

    #[test]
    fn counts_start_at_0_and_only_rise() {
        let mut totals = PacketTotals::default();
        totals.update(&[qdisc(1, 1_000, 10), qdisc(2, 500, 5), qdisc(2, 50, 0)]);
        assert_eq!(totals.since_start(), counts(0, 0));
        assert_eq!(totals.total(), counts(1_550, 15));
        totals.update(&[qdisc(1, 1_007, 10), qdisc(2, 505, 6), qdisc(2, 50, 0)]);
        assert_eq!(totals.since_start(), counts(12, 1));
        assert_eq!(totals.total(), counts(1_562, 16));
    }

    #[test]
    fn an_interface_that_goes_takes_nothing_along() {
        let mut totals = PacketTotals::default();
        totals.update(&[qdisc(1, 1_000, 0), qdisc(2, 9_000, 90)]);
        totals.update(&[qdisc(1, 1_001, 0)]);
        assert_eq!(totals.since_start(), counts(1, 0));
        // It comes back as a new one, and its first packets are seen.
        totals.update(&[qdisc(1, 1_001, 0), qdisc(2, 4, 1)]);
        assert_eq!(totals.since_start(), counts(5, 1));
        totals.update(&[]);
        totals.update(&[]);
        assert_eq!(totals.since_start(), counts(5, 1));
    }

    /// A dump that was cut short left an interface out: that is not its whole life once more.
    #[test]
    fn an_interface_that_a_reading_left_out_adds_what_is_new() {
        let mut totals = PacketTotals::default();
        totals.update(&[qdisc(1, 10, 0), qdisc(2, 5_000_000_000, 7)]);
        totals.update(&[qdisc(1, 11, 0)]);
        totals.update(&[qdisc(1, 12, 0), qdisc(2, 5_000_000_001, 7)]);
        assert_eq!(totals.since_start(), counts(3, 0));
        totals.update(&[]);
        totals.update(&[qdisc(2, 5_000_000_002, 6)]); // fewer were dropped: another one
        assert_eq!(totals.since_start(), counts(5_000_000_005, 6));
    }

    /// Interfaces of new indexes without end: those that went last are remembered.
    #[test]
    #[cfg_attr(miri, ignore = "thousands of interfaces, plain arithmetic")]
    fn interfaces_that_went_are_forgotten_in_their_order() {
        let mut totals = PacketTotals::default();
        totals.update(&[]);
        for interface in 0..3_000 {
            totals.update(&[qdisc(interface, 10, 0)]);
            assert!(totals.interfaces.len() <= MAX_GONE + 1);
        }
        assert_eq!(totals.since_start(), counts(30_000, 0));
        // Remembered: the one that is there, and those that went last. Of a forgotten one all counts again.
        let oldest = 2_999 - MAX_GONE as u32;
        totals.update(&[qdisc(oldest, 11, 0), qdisc(oldest - 1, 11, 0)]);
        assert_eq!(totals.since_start(), counts(30_000 + 1 + 11, 0));
    }

    #[test]
    fn a_replaced_discipline_adds_nothing_and_then_goes_on() {
        let mut totals = PacketTotals::default();
        totals.update(&[qdisc(1, 4_000_000_000, 7)]);
        totals.update(&[qdisc(1, 3, 9)]); // one counter went down, the other up
        assert_eq!(totals.since_start(), counts(0, 2));
        totals.update(&[qdisc(1, 10, 9)]);
        assert_eq!(totals.since_start(), counts(7, 2));
    }

    #[test]
    fn sums_are_64_bit_and_stop_at_the_end() {
        let mut totals = PacketTotals::default();
        let max = u64::from(u32::MAX);
        totals.update(&[qdisc(1, max, 0), qdisc(1, max, 0)]);
        assert_eq!(totals.total(), counts(2 * max, 0));
        totals.update(&[qdisc(1, u64::MAX, u64::MAX), qdisc(2, u64::MAX, u64::MAX)]);
        assert_eq!(totals.total(), counts(u64::MAX, u64::MAX));
    }
}
