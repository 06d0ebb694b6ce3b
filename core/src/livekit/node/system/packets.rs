//! Packets of the queue disciplines over time.
//!
//! Lives here: sums for each interface, and their differences. Pure. Not here: asking the kernel (`qdisc`).
//!
//! The reference keeps one 32-bit sum: an interface that goes takes its packets along, and the difference to the
//! start wraps to 4.29e9. Here each interface only ever adds.

use std::collections::HashMap;

use super::reading::PacketCounts;

/// One queue discipline's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Qdisc {
    /// The interface's index.
    pub interface: u32,
    /// What it has counted since it was made.
    pub counts: PacketCounts,
}

impl PacketCounts {
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

/// What all interfaces counted, as a total that never goes down.
///
/// An interface that goes keeps what it added. One that comes adds all that it has: it had nothing before it was
/// there. One whose counters went down (its discipline was replaced) adds nothing until the next reading.
#[derive(Clone, Debug, Default)]
pub struct PacketTotals {
    /// Interfaces of the last reading; `None` before the first.
    interfaces: Option<HashMap<u32, PacketCounts>>,
    before: PacketCounts,
    since_start: PacketCounts,
}

impl PacketTotals {
    /// Takes a reading of all queue disciplines. The first one is what had been counted before the start.
    pub fn update(&mut self, qdiscs: &[Qdisc]) {
        let mut interfaces: HashMap<u32, PacketCounts> = HashMap::new();
        for qdisc in qdiscs {
            let sum = interfaces.entry(qdisc.interface).or_default();
            *sum = sum.plus(qdisc.counts);
        }
        match &self.interfaces {
            None => {
                self.before = interfaces
                    .values()
                    .fold(PacketCounts::default(), |sum, counts| sum.plus(*counts));
            }
            Some(last) => {
                for (interface, counts) in &interfaces {
                    let earlier = last.get(interface).copied().unwrap_or_default();
                    self.since_start = self.since_start.plus(counts.since(earlier));
                }
            }
        }
        self.interfaces = Some(interfaces);
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
