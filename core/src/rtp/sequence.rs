//! Where a packet's 16-bit sequence number belongs: extension, window, restart (RFC 3550 A.1).
//!
//! Lives here: numbers. Not here: time, bytes, counters.
//!
//! The rules, with `back` the distance behind the highest number so far:
//!
//! | number | verdict |
//! |---|---|
//! | the next, or up to [`MAX_DROPOUT`] - 1 ahead | in order; numbers skipped are missing |
//! | `back` < [`WINDOW`], not seen | late: no longer missing |
//! | `back` < [`WINDOW`], seen | duplicate |
//! | `back` < [`WINDOW`], before the first | early: the first moves back, the numbers between are missing |
//! | but `back` >= [`MAX_MISORDER`], with no timestamp of the last minute | suspect, as below |
//! | farther behind, with a timestamp of the last minute | stale: too old to tell late from duplicate; but [`STALE_RUN`] in a row, with nothing new in between, are a restart |
//! | else | suspect: the next number after it makes it a restart, any other makes it stale |
//!
//! Differences to A.1: reordering is followed over `WINDOW` numbers, not 100; a burst of old packets
//! (their timestamps tell) is no restart; the first of the two packets that prove a restart counts; and
//! there is no probation, since a stream is made by who has already chosen to believe its SSRC.

/// How far behind the highest number a packet may come and still be told late from duplicate.
pub const WINDOW: u32 = 1024;

/// A jump ahead of this many numbers or more is no gap but a restart, once confirmed (A.1).
pub const MAX_DROPOUT: u16 = 3000;

/// From so many numbers behind the highest on, a packet's timestamp must be an old one, or it is no late
/// packet but one of a sender that began anew (A.1).
pub const MAX_MISORDER: u16 = 100;

/// So many stale packets in sequence, with no new number in between, are no burst of old packets but a
/// sender that began anew with its old numbers and timestamps.
pub const STALE_RUN: u8 = 16;

/// What a packet's number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(align(8))] // one register, and no work to put it together
pub enum Verdict {
    /// The stream's first packet.
    First,
    /// Ahead of all before; `skipped` numbers are now missing.
    InOrder {
        /// Numbers between the highest so far and this one.
        skipped: u16,
    },
    /// Was missing, and came after all, `depth` numbers behind the highest.
    Late {
        /// Distance to the highest number.
        depth: u16,
    },
    /// Lies before the first packet; `skipped` numbers between are now missing.
    Early {
        /// Numbers between this one and the first so far.
        skipped: u16,
        /// Distance to the highest number.
        depth: u16,
    },
    /// Was there already.
    Duplicate,
    /// Too far behind to be placed.
    Stale,
    /// Far from where the stream is; the next packet will tell.
    Suspect,
    /// This packet and the suspect before it follow each other: the stream began anew.
    Restart,
    /// This packet ends a run of [`STALE_RUN`] stale ones: the stream began anew, and goes on from here.
    /// (Those before it stay counted as stale.)
    Resync,
}

const WORDS: usize = WINDOW as usize / 64;

/// Numbers settle when at least this many higher ones were due: see [`SequenceTracker::place`].
pub const SETTLED_BEHIND: u32 = 64;

/// Extended numbers start one cycle up, so that a first number can move back below 0.
const FIRST_CYCLE: u64 = 1 << 16;

/// The highest number with its cycles, of [`SequenceTracker::extended`].
pub(crate) const fn highest_of(extended: u64) -> Option<u64> {
    extended.checked_sub(FIRST_CYCLE)
}

/// Follows one stream's sequence numbers.
///
/// ```
/// use media_metrics_core::rtp::{SequenceTracker, Verdict};
/// let mut t = SequenceTracker::new();
/// let mut see = |n| t.on_packet(n, false).verdict;
/// assert_eq!(see(65_534), Verdict::First);
/// assert_eq!(see(0), Verdict::InOrder { skipped: 1 }); // across the wrap
/// assert_eq!(see(65_535), Verdict::Late { depth: 1 });
/// assert_eq!(see(65_535), Verdict::Duplicate);
/// ```
#[derive(Clone, Debug)]
pub struct SequenceTracker {
    /// Highest number, extended, when a packet last went the long way, up to which `seen` holds what it
    /// should; all above it were seen. 0 before the first packet.
    highest: u64,
    /// Lowest number of this run, extended.
    first: u64,
    /// The number after the highest, extended; 0 before the first and while a suspect is pending.
    next: u64,
    /// The number that would make the pending suspect a restart, or [`ASK`] without a suspect.
    suspect_next: u32,
    /// The highest number (its low half) when the present run of stale packets began.
    stale_since: u32,
    /// The number that would lengthen that run.
    stale_next: u16,
    /// Its length.
    stale_run: u8,
    /// Whether numbers from here on (extended) came or not is not settled yet.
    settled: u64,
    /// Bit `n % WINDOW` tells whether number `n`, less than `WINDOW` behind the highest, was seen.
    seen: [u64; WORDS],
}

/// No 16-bit number: compares unequal to all.
const ASK: u32 = u32::MAX;

/// A verdict, and what became of the packet that was suspect before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placed {
    /// What the packet's number says.
    pub verdict: Verdict,
    /// The suspect before this packet turned out to be nothing: count it as stale.
    pub suspect_was_stale: bool,
}

impl Default for SequenceTracker {
    fn default() -> Self {
        Self::new()
    }
}

impl SequenceTracker {
    /// Before the first packet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            highest: 0,
            first: 0,
            next: 0,
            suspect_next: ASK,
            stale_since: 0,
            stale_next: 0,
            stale_run: 0,
            settled: 0,
            seen: [0; WORDS],
        }
    }

    /// The packet that nearly every packet is: if `number` is the next, with no suspect pending, and no
    /// multiple of 64, takes it (the verdict is in order, nothing skipped). Else changes nothing, and
    /// [`on_packet`](Self::on_packet) tells more.
    #[must_use]
    #[inline(always)]
    pub const fn advance_by_one(&mut self, number: u16) -> bool {
        // Each 64th goes the long way, where numbers settle.
        let next = self.next;
        if next as u16 != number || next.is_multiple_of(64) {
            return false;
        }
        self.next = next + 1;
        true
    }

    /// The highest number, extended, after [`advance_by_one`](Self::advance_by_one) was true.
    #[inline(always)]
    pub(crate) const fn extended_of_short_cut(&self) -> u64 {
        self.next - 1
    }

    /// Marks the numbers that took the short cut: all in one word, since each 64th went the long way.
    fn catch_up(&mut self) {
        let newest = self.extended();
        if self.highest < newest {
            let from = u64::MAX << ((self.highest + 1) % 64);
            let to = u64::MAX >> (63 - newest % 64);
            self.seen[newest as usize / 64 % WORDS] |= from & to;
            self.highest = newest;
        }
    }

    /// Places any `number`. `looks_old`: the packet's timestamp says that it belongs to the last minute
    /// of this stream (asked of a packet far behind only).
    pub fn on_packet(&mut self, number: u16, looks_old: bool) -> Placed {
        self.place(number, looks_old, &mut |_, _| ())
    }

    /// As [`on_packet`](Self::on_packet), and tells of numbers that have settled by it: between
    /// [`SETTLED_BEHIND`] and twice that behind the highest, whether they came is handed to `settled` in
    /// their order, up to 64 at a time: bit `i` of the first argument stands for the `i`th of so many
    /// numbers as the second says. What comes after that is late as ever, but settled as missing.
    pub fn place(
        &mut self,
        number: u16,
        looks_old: bool,
        settled: &mut dyn FnMut(u64, u32),
    ) -> Placed {
        self.catch_up();
        let ahead = number.wrapping_sub(self.highest as u16);
        let back = ahead.wrapping_neg(); // 0 for the highest itself
        let pending = std::mem::replace(&mut self.suspect_next, ASK);
        let verdict = if self.highest == 0 {
            self.begin(number, 1, settled);
            Verdict::First
        } else if u32::from(number) == pending {
            self.begin(number, 2, settled);
            Verdict::Restart
        } else if ahead != 0 && ahead < MAX_DROPOUT {
            self.advance(ahead, settled)
        } else if u32::from(back) < WINDOW && (back < MAX_MISORDER || looks_old) {
            self.look_back(back)
        } else if ahead >= 1 << 15 && looks_old {
            self.stale(number, settled)
        } else {
            self.suspect_next = u32::from(number.wrapping_add(1));
            Verdict::Suspect
        };
        self.next = match self.suspect_next {
            ASK => self.highest + 1,
            _ => 0,
        };
        let suspect_was_stale = pending != ASK && verdict != Verdict::Restart;
        Placed {
            verdict,
            suspect_was_stale,
        }
    }

    /// A number far behind, with an old timestamp: one of a burst of old packets, or of a sender that
    /// began anew.
    fn stale(&mut self, number: u16, settled: &mut dyn FnMut(u64, u32)) -> Verdict {
        let since = self.highest as u32;
        let goes_on = number == self.stale_next && since == self.stale_since;
        self.stale_run = if goes_on { self.stale_run + 1 } else { 1 };
        self.stale_next = number.wrapping_add(1);
        self.stale_since = since;
        if self.stale_run < STALE_RUN {
            return Verdict::Stale;
        }
        self.stale_run = 0;
        self.begin(number, 1, settled);
        Verdict::Resync
    }

    /// Starts a run of which `number` and the `count - 1` numbers before it were seen.
    fn begin(&mut self, number: u16, count: u64, settled: &mut dyn FnMut(u64, u32)) {
        if self.highest > 0 {
            self.settle(self.highest + 1, settled);
        }
        self.seen = [0; WORDS];
        self.highest = FIRST_CYCLE + u64::from(number);
        self.first = self.highest + 1 - count;
        self.settled = self.first;
        (self.first..=self.highest).for_each(|n| self.mark(n));
    }

    fn advance(&mut self, ahead: u16, settled: &mut dyn FnMut(u64, u32)) -> Verdict {
        if self.highest + u64::from(ahead) - self.settled >= u64::from(WINDOW) {
            // Their bits are about to stand for other numbers.
            self.settle(self.highest + 1, settled);
        }
        // The skipped numbers' bits may still stand for numbers a window ago.
        if u32::from(ahead) >= WINDOW {
            self.seen = [0; WORDS];
        } else {
            (1..u64::from(ahead)).for_each(|i| self.clear(self.highest + i));
        }
        self.highest += u64::from(ahead);
        self.mark(self.highest);
        self.settle(self.due(), settled);
        Verdict::InOrder { skipped: ahead - 1 }
    }

    /// Numbers below this settle.
    const fn due(&self) -> u64 {
        self.highest / 64 * 64 - SETTLED_BEHIND as u64
    }

    /// Hands out what became of the numbers below `end` that were not settled yet.
    fn settle(&mut self, end: u64, settled: &mut dyn FnMut(u64, u32)) {
        // Of numbers before the window nothing is known but that they never came in time.
        let window = (self.highest + 1).saturating_sub(u64::from(WINDOW));
        while self.settled < end {
            let in_word = self.settled % 64;
            let len = (64 - in_word).min(end - self.settled);
            let bits = if self.settled < window {
                0
            } else {
                self.seen[self.settled as usize / 64 % WORDS] >> in_word
            };
            let mask = u64::MAX >> (64 - len);
            settled(bits & mask, len as u32);
            self.settled += len;
        }
    }

    /// As if the stream ended now: hands out what is not settled yet, as [`place`](Self::place) does.
    pub fn unsettled(&self, settled: &mut dyn FnMut(u64, u32)) {
        if self.highest > 0 {
            let mut copy = self.clone();
            copy.catch_up();
            copy.settle(copy.highest + 1, settled);
        }
    }

    fn look_back(&mut self, depth: u16) -> Verdict {
        let number = self.highest - u64::from(depth);
        if self.is_marked(number) && number >= self.first {
            return Verdict::Duplicate;
        }
        self.mark(number);
        if number >= self.first {
            return Verdict::Late { depth };
        }
        let skipped = (self.first - number - 1) as u16; // below WINDOW: both lie in it
        // One that is that late would have settled as missing; it is in no burst, nor in a gap.
        if self.settled == self.first && number >= self.due() {
            self.settled = number;
        }
        self.first = number;
        Verdict::Early { skipped, depth }
    }

    /// Whether a suspect waits for the packet after it.
    pub(crate) const fn has_suspect(&self) -> bool {
        self.suspect_next != ASK
    }

    /// Highest number so far with its cycles (RFC 3550 §6.4.1 wants the low 32 bits); `None` before
    /// the first packet.
    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        highest_of(self.extended())
    }

    /// What [`highest_of`] makes the highest number of.
    #[inline(always)]
    pub(crate) const fn extended(&self) -> u64 {
        if self.next > self.highest {
            self.next - 1
        } else {
            self.highest
        }
    }

    /// Numbers from the first to the highest of this run, seen or not (A.3's "expected").
    #[must_use]
    pub const fn span(&self) -> u64 {
        match self.extended() {
            0 => 0,
            highest => highest - self.first + 1,
        }
    }

    #[inline(always)]
    const fn mark(&mut self, number: u64) {
        self.seen[number as usize / 64 % WORDS] |= 1 << (number % 64);
    }

    fn clear(&mut self, number: u64) {
        self.seen[number as usize / 64 % WORDS] &= !(1 << (number % 64));
    }

    fn is_marked(&self, number: u64) -> bool {
        self.seen[number as usize / 64 % WORDS] & 1 << (number % 64) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn verdicts(numbers: &[u16]) -> Vec<Verdict> {
        let mut t = SequenceTracker::new();
        numbers
            .iter()
            .map(|&n| t.on_packet(n, false).verdict)
            .collect()
    }

    #[test]
    fn order_gaps_and_the_wrap() {
        assert_eq!(
            verdicts(&[65_533, 65_534, 0, 65_535, 1, 1]),
            [
                First,
                IN_ORDER,
                InOrder { skipped: 1 },
                Late { depth: 1 },
                IN_ORDER,
                Duplicate
            ]
        );
    }

    const IN_ORDER: Verdict = InOrder { skipped: 0 };

    #[test]
    fn before_the_first() {
        assert_eq!(
            verdicts(&[100, 99, 101, 97, 98, 97]),
            [
                First,
                Early {
                    skipped: 0,
                    depth: 1
                },
                IN_ORDER,
                Early {
                    skipped: 1,
                    depth: 4
                },
                Late { depth: 3 },
                Duplicate
            ]
        );
        assert_eq!(
            verdicts(&[0, 65_535, 1]),
            [
                First,
                Early {
                    skipped: 0,
                    depth: 1
                },
                IN_ORDER
            ]
        );
    }

    #[test]
    fn both_ends_of_the_window() {
        let w = WINDOW as u16;
        assert_eq!(
            old_verdicts(&[5, 6, 5 + w, 6]),
            [First, IN_ORDER, InOrder { skipped: w - 2 }, Duplicate]
        );
        assert_eq!(
            old_verdicts(&[5, 7, 5 + w, 6]).last(),
            Some(&Late { depth: w - 1 })
        );
        assert_eq!(old_verdicts(&[5, 7, 6 + w, 6]).last(), Some(&Stale));
    }

    /// As `verdicts`, of packets whose timestamps are of the last minute.
    fn old_verdicts(numbers: &[u16]) -> Vec<Verdict> {
        let mut t = SequenceTracker::new();
        let verdict = |&n| t.on_packet(n, true).verdict;
        numbers.iter().map(verdict).collect()
    }

    #[test]
    fn far_behind_only_an_old_timestamp_makes_a_packet_late() {
        let m = MAX_MISORDER;
        assert_eq!(verdicts(&[0, 2, m, 1]).last(), Some(&Late { depth: m - 1 }));
        assert_eq!(verdicts(&[0, 2, m + 1, 1]).last(), Some(&Suspect));
        assert_eq!(
            old_verdicts(&[0, 2, m + 1, 1]).last(),
            Some(&Late { depth: m })
        );
        // A sender that began anew a little behind.
        let mut t = SequenceTracker::new();
        for n in 0..900 {
            t.on_packet(n, false);
        }
        let again = [0, 1, 2].map(|n| t.on_packet(n, false).verdict);
        assert_eq!(again, [Suspect, Restart, IN_ORDER]);
    }

    #[test]
    fn both_ends_of_the_dropout() {
        assert_eq!(
            verdicts(&[0, 2_999]).last(),
            Some(&InOrder { skipped: 2_998 })
        );
        assert_eq!(verdicts(&[0, 3_000]).last(), Some(&Suspect));
    }

    #[test]
    fn two_in_sequence_are_a_restart_one_is_not() {
        assert_eq!(
            verdicts(&[10, 40_000, 40_001, 40_002]),
            [First, Suspect, Restart, IN_ORDER]
        );
        assert_eq!(
            verdicts(&[10, 40_000, 11, 40_001]),
            [First, Suspect, IN_ORDER, Suspect]
        );
        assert_eq!(
            verdicts(&[10, 65_535 - 2_000, 65_535 - 1_999]),
            [First, Suspect, Restart]
        );
        assert_eq!(
            verdicts(&[10, 40_000, 50_000, 40_001]),
            [First, Suspect, Suspect, Suspect]
        );
        assert_eq!(
            verdicts(&[10, 65_535 - 20_000, 65_536u32 as u16]).last(),
            Some(&Early {
                skipped: 9,
                depth: 10
            })
        );
    }

    #[test]
    fn a_suspect_is_settled_by_the_next_packet() {
        let mut t = SequenceTracker::new();
        let mut settled = |n| t.on_packet(n, false).suspect_was_stale;
        assert!(!settled(10) && !settled(40_000));
        assert!(settled(11));
        assert!(!settled(12) && !settled(40_000) && !settled(40_001));
    }

    #[test]
    fn old_packets_in_a_row_are_no_restart() {
        let mut t = SequenceTracker::new();
        t.on_packet(20_000, false);
        for n in 10_000..10_010 {
            assert_eq!(t.on_packet(n, true).verdict, Stale);
        }
        assert_eq!(t.on_packet(20_001, true).verdict, IN_ORDER);
        // Nor are any number of them, with new packets in between.
        for n in 0..100 {
            assert_eq!(t.on_packet(10_010 + n, true).verdict, Stale);
            assert_eq!(t.on_packet(20_002 + n, true).verdict, IN_ORDER);
        }
    }

    #[test]
    fn a_sender_that_began_anew_with_old_timestamps_is_followed() {
        let mut t = SequenceTracker::new();
        t.on_packet(2_499, false);
        for n in 0..u16::from(STALE_RUN) - 1 {
            assert_eq!(t.on_packet(n, true).verdict, Stale);
        }
        assert_eq!(t.on_packet(u16::from(STALE_RUN) - 1, true).verdict, Resync);
        assert_eq!(t.on_packet(u16::from(STALE_RUN), true).verdict, IN_ORDER);
        assert_eq!(t.span(), 2);
    }

    #[test]
    fn the_short_cut_says_what_the_long_way_says() {
        let mut short = SequenceTracker::new();
        let mut long = SequenceTracker::new();
        assert!(!short.advance_by_one(0));
        let numbers = [
            9, 10, 12, 11, 13, 40_000, 14, 15, 50_000, 50_001, 50_002, 65_534, 65_535, 0, 1, 2,
        ];
        for n in numbers {
            let placed = long.on_packet(n, false);
            let before = short.clone();
            if short.advance_by_one(n) {
                let plain = Placed {
                    verdict: IN_ORDER,
                    suspect_was_stale: false,
                };
                assert_eq!(placed, plain, "{n} after {before:?}");
            } else {
                assert_eq!(short.on_packet(n, false), placed);
            }
            let mut marked = short.clone();
            marked.catch_up();
            assert_eq!(format!("{marked:?}"), format!("{long:?}"));
        }
    }

    #[test]
    fn a_restart_forgets_the_window() {
        let mut t = SequenceTracker::new();
        for n in [0, 1, 2, 3, 40_000, 40_001] {
            t.on_packet(n, false);
        }
        // 39,999 shares no bit with the old run
        assert_eq!(
            t.on_packet(39_998, false).verdict,
            Early {
                skipped: 1,
                depth: 3
            }
        );
        assert_eq!((t.span(), t.highest()), (4, Some(40_001)));
    }

    /// Which numbers came, from the first on, as they settled; and the rest, as if the stream ended.
    fn settled(t: &mut SequenceTracker, numbers: impl Iterator<Item = u16>) -> (Vec<bool>, usize) {
        let mut came = Vec::new();
        let mut keep = |bits: u64, len: u32| came.extend((0..len).map(|i| bits >> i & 1 == 1));
        numbers.for_each(|n| {
            if !t.advance_by_one(n) {
                t.place(n, false, &mut keep);
            }
        });
        t.unsettled(&mut keep);
        let behind = t.extended() - t.settled;
        (came, behind as usize)
    }

    #[test]
    #[cfg_attr(miri, ignore = "plain arithmetic, and an hour of it under Miri")]
    fn each_number_settles_once_in_order() {
        for first in [0, 1, 63, 64, 65_500, 65_535] {
            for count in [1, 63, 64, 65, 128, 129, 1_000, 5_000] {
                for lost in [None, Some(1), Some(63), Some(64), Some(500)] {
                    let mut t = SequenceTracker::new();
                    let sent = (0..count).filter(|n| Some(*n) != lost || *n == count - 1);
                    let numbers = sent.clone().map(|n| (first + n) as u16);
                    let (came, behind) = settled(&mut t, numbers);
                    let want: Vec<bool> =
                        (0..count).map(|n| sent.clone().any(|s| s == n)).collect();
                    assert_eq!(came, want, "{count} from {first} without {lost:?}");
                    assert!(
                        behind < 128 && (behind >= 64 || count < 192),
                        "{behind} of {count}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_long_dropout_settles_as_lost() {
        let gaps = [800_u32, 895, 896, 897, 1_023, 1_024, 1_025, 2_999];
        for gap in gaps.into_iter().step_by(if cfg!(miri) { 3 } else { 1 }) {
            let mut t = SequenceTracker::new();
            let numbers = (100..300).chain(300 + gap - 1..300 + gap + 200);
            let (came, _) = settled(&mut t, numbers.map(|n| n as u16));
            assert_eq!(came.len(), 200 + gap as usize - 1 + 201, "{gap}");
            assert_eq!(came.iter().filter(|c| !**c).count(), gap as usize - 1);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(11),
            cases: if cfg!(miri) { 1 } else { 256 },
            ..ProptestConfig::default()
        })]

        /// Packets that come less than SETTLED_BEHIND numbers late are no losses, whatever their order.
        #[test]
        fn settling_does_not_mind_the_order(
            first: u16,
            lost in prop::collection::vec(prop::bool::weighted(0.1), if cfg!(miri) { 100..150 } else { 300..1_500 }),
            swaps in prop::collection::vec((0_usize..1_500, 1_usize..40), 0..if cfg!(miri) { 10 } else { 100 }),
        ) {
            let mut order: Vec<usize> = (1..lost.len()).filter(|n| !lost[*n]).collect();
            for (at, by) in swaps {
                let at = at % order.len();
                let to = (at + by).min(order.len() - 1);
                if order[at].abs_diff(at) < 10 && order[to] < order[at] + 60 {
                    order.swap(at, to);
                }
            }
            // Those that the swaps moved too far after all are put back.
            let mut highest = 0;
            let order: Vec<usize> = order.into_iter().filter(|n| { highest = highest.max(*n); highest - n < 64 }).collect();
            let came_at_all: std::collections::HashSet<usize> = order.iter().copied().chain([0]).collect();
            let mut t = SequenceTracker::new();
            let numbers = std::iter::once(0).chain(order.iter().copied()).map(|n| first.wrapping_add(n as u16));
            let (came, _) = settled(&mut t, numbers);
            let want: Vec<bool> = (0..=highest).map(|n| came_at_all.contains(&n)).collect();
            prop_assert_eq!(came, want);
        }
    }
}
