//! Where a sequence number belongs, by a set of all numbers that were ever seen: what `rtp::sequence` is held against.
//!
//! Lives here: that module's table, in code too slow to ship. Not here: which numbers come (the tests, and the fuzz
//! target `streams`).

use std::collections::BTreeSet;

use media_metrics_core::rtp::{MAX_DROPOUT, MAX_MISORDER, STALE_RUN, Verdict, WINDOW};

/// The rules of `rtp::sequence`, in the words of its table: all numbers ever seen, in a set.
#[derive(Default)]
pub(crate) struct Oracle {
    /// Numbers of the present run, with their cycles.
    pub(crate) seen: BTreeSet<i64>,
    /// The last number, if only the next one can tell what it is.
    pub(crate) suspect: Option<u16>,
    /// Number after the last stale one, the highest at that time, and the length of the run.
    stale: Option<(u16, i64, u8)>,
}

impl Oracle {
    pub(crate) fn on_packet(&mut self, number: u16, looks_old: bool) -> Verdict {
        let suspect = self.suspect.take();
        let Some(&highest) = self.seen.last() else {
            self.seen.insert(i64::from(number));
            return Verdict::First;
        };
        if suspect.is_some_and(|s| s.wrapping_add(1) == number) {
            self.seen = BTreeSet::from([i64::from(number) - 1, i64::from(number)]);
            return Verdict::Restart;
        }
        // The full number nearest to the highest.
        let number_at = |cycle: i64| (highest >> 16) * 65_536 + cycle * 65_536 + i64::from(number);
        let full = (-1..=1)
            .map(number_at)
            .min_by_key(|n| (n - highest).abs())
            .unwrap();
        let ahead = full - highest;
        if 0 < ahead && ahead < i64::from(MAX_DROPOUT) {
            self.seen.insert(full);
            return Verdict::InOrder {
                skipped: (ahead - 1) as u16,
            };
        }
        let near = -ahead < i64::from(MAX_MISORDER) || looks_old;
        if -i64::from(WINDOW) < ahead && ahead <= 0 && near {
            let first = *self.seen.first().unwrap();
            let depth = -ahead as u16;
            return match self.seen.insert(full) {
                false => Verdict::Duplicate,
                true if full < first => Verdict::Early {
                    skipped: (first - full - 1) as u16,
                    depth,
                },
                true => Verdict::Late { depth },
            };
        }
        if ahead < 0 && looks_old {
            let before = self
                .stale
                .filter(|&(next, since, _)| next == number && since == highest);
            let run = before.map_or(0, |(_, _, run)| run) + 1;
            if run == STALE_RUN {
                *self = Self {
                    seen: BTreeSet::from([i64::from(number)]),
                    ..Self::default()
                };
                return Verdict::Resync;
            }
            self.stale = Some((number.wrapping_add(1), highest, run));
            return Verdict::Stale;
        }
        self.suspect = Some(number);
        Verdict::Suspect
    }
}
