//! What the network does to the n-th packet: decided before the first one is sent.

use std::ops::Range;

/// What happens to one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Pass,
    /// It never arrives.
    Lose,
    /// It arrives twice, the second time right after the first.
    Double,
    /// It arrives after the packet that follows it.
    Swap,
}

/// Chances, in thousandths, for each packet of a range; outside of it all packets pass.
///
/// A loss shows only between two packets that arrive, so a test that wants to see every loss lets the
/// range end before the stream does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The same seed gives the same fates.
    pub seed: u64,
    /// Which packets may meet another fate than to pass, counted from 0.
    pub harmed: Range<u64>,
    /// Thousandths of packets that are lost.
    pub lose: u64,
    /// How many packets one loss takes with it, itself included.
    pub burst: u64,
    /// Thousandths that are doubled.
    pub double: u64,
    /// Thousandths that are swapped.
    pub swap: u64,
}

impl Plan {
    /// Every packet passes.
    #[must_use]
    pub fn clean() -> Self {
        Self {
            seed: 0,
            harmed: 0..0,
            lose: 0,
            burst: 1,
            double: 0,
            swap: 0,
        }
    }

    /// The fate of packet `n`. Pure: one setting does not shift another packet's fate.
    #[must_use]
    pub fn fate(&self, n: u64) -> Fate {
        if !self.harmed.contains(&n) {
            return Fate::Pass;
        }
        let begins_loss = |n: u64| self.harmed.contains(&n) && self.draw(n) < self.lose;
        if (n.saturating_sub(self.burst - 1)..=n).any(begins_loss) {
            return Fate::Lose;
        }
        match self.draw(n).wrapping_sub(self.lose) {
            d if d < self.double => Fate::Double,
            d if d < self.double + self.swap => Fate::Swap,
            _ => Fate::Pass,
        }
    }

    /// A number in 0..1000 for packet `n`: SplitMix64 (Steele, Lea, Flood 2014) of seed and `n`.
    fn draw(&self, n: u64) -> u64 {
        let mut z = self
            .seed
            .wrapping_add(n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(plan: &Plan, fate: Fate) -> usize {
        (0..10_000).filter(|&n| plan.fate(n) == fate).count()
    }

    #[test]
    fn fates_come_as_often_as_asked_for_and_only_where_allowed() {
        let plan = Plan {
            seed: 7,
            harmed: 0..10_000,
            lose: 30,
            burst: 1,
            double: 20,
            swap: 50,
        };
        for (fate, thousandths) in [(Fate::Lose, 30), (Fate::Double, 20), (Fate::Swap, 50)] {
            let seen = count(&plan, fate);
            assert!(
                seen.abs_diff(thousandths * 10) < 80,
                "{fate:?}: {seen} of 10,000"
            );
        }
        let narrow = Plan {
            harmed: 100..200,
            lose: 1000,
            ..plan
        };
        assert_eq!(count(&narrow, Fate::Lose), 100);
        assert_eq!(narrow.fate(99), Fate::Pass);
        assert_eq!(narrow.fate(200), Fate::Pass);
    }

    #[test]
    fn a_burst_takes_the_packets_that_follow() {
        let single = Plan {
            seed: 3,
            harmed: 0..10_000,
            lose: 10,
            burst: 1,
            double: 0,
            swap: 0,
        };
        let burst = Plan {
            burst: 4,
            ..single.clone()
        };
        let first = (0..).find(|&n| single.fate(n) == Fate::Lose).unwrap();
        assert!((first..first + 4).all(|n| burst.fate(n) == Fate::Lose));
        assert!(count(&burst, Fate::Lose) > 3 * count(&single, Fate::Lose));
    }

    #[test]
    fn another_seed_is_another_plan_and_the_same_seed_the_same() {
        let plan = |seed| Plan {
            seed,
            harmed: 0..500,
            lose: 100,
            burst: 1,
            double: 0,
            swap: 0,
        };
        let fates = |seed| (0..500).map(|n| plan(seed).fate(n)).collect::<Vec<_>>();
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
        assert!((0..500).all(|n| Plan::clean().fate(n) == Fate::Pass));
    }
}
