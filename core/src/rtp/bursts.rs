//! Bursts and gaps of loss (RFC 3611 §4.7.2).
//!
//! Lives here: the state machine over *settled* numbers, in sequence order: each number once, when it is
//! known whether its packet came. Not here: when a number is settled (`sequence`), how long runs of losses are
//! (`loss_runs`), time: periods are counted in packets, and the reader knows their spacing.
//!
//! What §4.7.2 leaves open, or says far from its formula, is decided so:
//!
//! - A single loss with Gmin or more received on both sides is part of a gap, though it "starts and ends
//!   with a loss" too: Appendix A.2 counts it as one (`c14`), and §4.7.2 gives 1/(Gmin+1) as the highest
//!   loss rate of a gap. So a burst has two losses at least.
//! - Start and end of the stream stand beside Gmin received packets that were never sent (§4.7.2 says so):
//!   [`Bursts::stats`] answers as if the stream ended now.
//! - A period of no packets is none: a stream that begins, or ends so far, with a burst has no gap there.

/// Packets in bursts and in gaps of one stream, as of one moment; each expected packet is in one of them.
///
/// The fields of a VoIP metrics block (RFC 3611 §4.7.2) follow from it, given the mean time between two
/// packets of the stream:
///
/// | field | is |
/// |---|---|
/// | burst density, gap density | [`burst_density`](Self::burst_density), [`gap_density`](Self::gap_density) · 256, cut to a whole number, 255 at most; 0 for `None` |
/// | burst duration, gap duration | [`mean_burst_packets`](Self::mean_burst_packets), [`mean_gap_packets`](Self::mean_gap_packets) · milliseconds between packets; 0 for `None` |
///
/// ```
/// # use media_metrics_core::rtp::Bursts;
/// let mut bursts = Bursts::default();
/// bursts.on_received(50);
/// bursts.on_lost(2);
/// bursts.on_received(1);
/// bursts.on_lost(1);
/// bursts.on_received(46);
/// let stats = bursts.stats();
/// assert_eq!((stats.bursts, stats.burst_packets, stats.burst_lost), (1, 4, 3));
/// assert_eq!((stats.gaps, stats.gap_packets, stats.gap_lost), (2, 96, 0));
/// assert_eq!(stats.burst_density(), Some(0.75)); // 192 of 256
/// assert_eq!(stats.mean_burst_packets(), Some(4.0)); // 80 ms, of a packet each 20 ms
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BurstStats {
    /// Bursts: longest runs that begin and end with a loss, of two losses at least, in which fewer than
    /// Gmin packets came one after the other.
    pub bursts: u64,
    /// Packets expected in bursts.
    pub burst_packets: u64,
    /// Packets lost in bursts.
    pub burst_lost: u64,
    /// Gaps: what is between bursts, before the first and after the last, if it holds any packet.
    pub gaps: u64,
    /// Packets expected in gaps.
    pub gap_packets: u64,
    /// Packets lost in gaps: each alone among Gmin received on either side.
    pub gap_lost: u64,
}

impl BurstStats {
    /// Share of packets lost within bursts, 0 to 1; `None` without bursts.
    #[must_use]
    pub fn burst_density(&self) -> Option<f64> {
        ratio(self.burst_lost, self.burst_packets)
    }

    /// Share of packets lost within gaps, 0 to 1 (at most 1/(Gmin+1), but for a loss near the stream's
    /// ends); `None` without gaps.
    #[must_use]
    pub fn gap_density(&self) -> Option<f64> {
        ratio(self.gap_lost, self.gap_packets)
    }

    /// Mean length of a burst, in packets expected; `None` without bursts.
    #[must_use]
    pub fn mean_burst_packets(&self) -> Option<f64> {
        ratio(self.burst_packets, self.bursts)
    }

    /// Mean length of a gap, in packets expected; `None` without gaps.
    #[must_use]
    pub fn mean_gap_packets(&self) -> Option<f64> {
        ratio(self.gap_packets, self.gaps)
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Tells bursts from gaps while a stream runs.
///
/// - **Cost**: of a word of 64 numbers that all came, outside a burst, one comparison and one addition;
///   else a few instructions for each run of received or lost numbers. 64 bytes.
/// - **Source**: RFC 3611 §4.7.2 and A.2.
/// - **Errors, panics**: none; counts saturate.
#[derive(Clone, Copy, Debug)]
pub struct Bursts {
    bursts: u64,
    burst_packets: u64,
    burst_lost: u64,
    gap_packets: u64,
    gap_lost: u64,
    /// Numbers from the first loss to the last that may yet prove to be of one burst.
    open_packets: u64,
    /// Losses among them; 0: none is open.
    open_lost: u64,
    /// Losses in a row up to the last number, in a run that nothing has ended yet; 0 if that came.
    loss_run: u32,
    /// Received since the last open loss: fewer than Gmin.
    since_loss: u8,
    gmin: u8,
    /// Whether a gap came before the first burst.
    gap_first: bool,
}

const _: () = assert!(size_of::<Bursts>() == 64); // it is copied with the hot state of each stream

impl Default for Bursts {
    fn default() -> Self {
        Self::new(Self::GMIN)
    }
}

impl Bursts {
    /// Received packets that part two bursts, as RFC 3611 recommends it.
    pub const GMIN: u8 = 16;

    /// Nothing seen yet; `gmin` packets received in a row end a burst (0 counts as 1).
    #[must_use]
    pub const fn new(gmin: u8) -> Self {
        Self {
            bursts: 0,
            burst_packets: 0,
            burst_lost: 0,
            gap_packets: 0,
            gap_lost: 0,
            open_packets: 0,
            open_lost: 0,
            loss_run: 0,
            since_loss: 0,
            gmin: if gmin == 0 { 1 } else { gmin },
            gap_first: false,
        }
    }

    /// The next `run` numbers were lost.
    pub fn on_lost(&mut self, run: u32) {
        if run == 0 {
            return;
        }
        let packets = u64::from(self.since_loss) + u64::from(run);
        self.open_packets = self.open_packets.saturating_add(packets);
        self.open_lost = self.open_lost.saturating_add(u64::from(run));
        self.loss_run = self.loss_run.saturating_add(run);
        self.since_loss = 0;
    }

    /// The packets of the next `run` numbers came. Returns how many were lost in a row just before, if
    /// this ends such a run (what [`LossRuns`](super::LossRuns) counts), else 0.
    pub fn on_received(&mut self, run: u64) -> u32 {
        if run == 0 {
            return 0;
        }
        if self.open_lost == 0 {
            self.gap_packets = self.gap_packets.saturating_add(run);
            return 0;
        }
        let since = run.saturating_add(u64::from(self.since_loss));
        if since < u64::from(self.gmin) {
            self.since_loss = since as u8; // below a u8
        } else {
            self.settle(since);
        }
        std::mem::take(&mut self.loss_run)
    }

    /// What happened to the next `len` numbers (64 at most): bit 0 is the first, 1 is received. `ended`
    /// is given each run of losses that a received packet ended, by its length; one that the word leaves
    /// open goes on in the next.
    ///
    /// ```
    /// # use media_metrics_core::rtp::{Bursts, LossRuns};
    /// let (mut bursts, mut runs) = (Bursts::default(), LossRuns::default());
    /// bursts.on_word(u64::MAX >> 3, 64, |run| runs.on_run(run)); // the last three are missing
    /// bursts.on_word(u64::MAX << 2, 64, |run| runs.on_run(run)); // and two more
    /// assert_eq!(runs.counts()[5 - 1], 1);
    /// ```
    #[inline(always)]
    pub fn on_word(&mut self, received: u64, len: u32, ended: impl FnMut(u32)) {
        let len = len.min(u64::BITS);
        if self.open_lost == 0 && received.trailing_ones() >= len {
            self.gap_packets = self.gap_packets.saturating_add(u64::from(len));
        } else {
            self.on_runs(received, len, ended);
        }
    }

    fn on_runs(&mut self, mut received: u64, mut len: u32, mut ended: impl FnMut(u32)) {
        while len > 0 {
            let ones = received.trailing_ones().min(len);
            let lost = self.on_received(u64::from(ones));
            if lost > 0 {
                ended(lost);
            }
            received = received.unbounded_shr(ones);
            len -= ones;
            let zeros = received.trailing_zeros().min(len);
            self.on_lost(zeros);
            received = received.unbounded_shr(zeros);
            len -= zeros;
        }
    }

    /// Gmin or more came since the last loss: what is open was a burst, or a loss within a gap.
    fn settle(&mut self, since: u64) {
        if self.open_lost == 1 {
            self.gap_packets = self.gap_packets.saturating_add(self.open_packets);
            self.gap_lost = self.gap_lost.saturating_add(1);
        } else {
            self.gap_first |= self.bursts == 0 && self.gap_packets > 0;
            self.bursts = self.bursts.saturating_add(1);
            self.burst_packets = self.burst_packets.saturating_add(self.open_packets);
            self.burst_lost = self.burst_lost.saturating_add(self.open_lost);
        }
        self.gap_packets = self.gap_packets.saturating_add(since);
        (self.open_packets, self.open_lost, self.since_loss) = (0, 0, 0);
    }

    /// What no later packet can change: for counters, which may not go back. It leaves out what follows a
    /// loss until Gmin packets have come in a row.
    #[must_use]
    pub fn settled(&self) -> BurstStats {
        BurstStats {
            bursts: self.bursts,
            burst_packets: self.burst_packets,
            burst_lost: self.burst_lost,
            // A settled burst has a gap behind it: it was settled by Gmin packets of that gap.
            gaps: match self.bursts {
                0 => u64::from(self.gap_packets > 0),
                bursts => bursts.saturating_add(u64::from(self.gap_first)),
            },
            gap_packets: self.gap_packets,
            gap_lost: self.gap_lost,
        }
    }

    /// Bursts and gaps as if the stream ended now, which is what a report asks for (§4.7.2).
    ///
    /// The fields of bursts never go back. Those of gaps may, by one gap, one loss and Gmin packets: when
    /// a loss that was alone proves to be the first of a burst, and when a burst goes on.
    #[must_use]
    pub fn stats(&self) -> BurstStats {
        let mut ended = *self;
        let since = u64::from(self.since_loss);
        if self.open_lost > 0 {
            ended.settle(since);
        }
        let mut stats = ended.settled();
        if self.open_lost > 1 && since == 0 {
            stats.gaps -= 1; // nothing came after the last burst: no gap there
        }
        stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::LossRuns;
    use proptest::prelude::*;

    /// RFC 3611 §4.7.2 by its words, over a whole stream; `true` is received.
    fn by_the_words(packets: &[bool], gmin: usize) -> BurstStats {
        let n = packets.len();
        // (a) starts with a loss, (b) holds no Gmin received in a row, (c) ends with a loss
        let may_be_burst = |from: usize, to: usize| {
            from < to
                && !packets[from]
                && !packets[to]
                && !packets[from..=to]
                    .windows(gmin)
                    .any(|w| w.iter().all(|&p| p))
        };
        let mut in_burst = vec![false; n];
        let (mut stats, mut from) = (BurstStats::default(), 0);
        while from < n {
            if let Some(to) = (from..n).rev().find(|&to| may_be_burst(from, to)) {
                stats.bursts += 1;
                in_burst[from..=to].fill(true); // the longest
                from = to;
            }
            from += 1;
        }
        for i in 0..n {
            if in_burst[i] {
                stats.burst_packets += 1;
                stats.burst_lost += u64::from(!packets[i]);
            } else {
                stats.gaps += u64::from(i == 0 || in_burst[i - 1]);
                stats.gap_packets += 1;
                stats.gap_lost += u64::from(!packets[i]);
            }
        }
        stats
    }

    /// Lengths of the runs of losses that a received packet ends.
    fn runs_by_splitting(packets: &[bool]) -> LossRuns {
        let mut all = packets.split(|&p| p).map(<[bool]>::len).collect::<Vec<_>>();
        all.pop(); // what follows the last received packet
        let mut runs = LossRuns::default();
        all.iter().for_each(|&len| runs.on_run(len as u32));
        runs
    }

    /// In words of `len`, the last one shorter.
    fn feed(packets: &[bool], len: usize, bursts: &mut Bursts, runs: &mut LossRuns) {
        for chunk in packets.chunks(len) {
            let mut word = 0;
            for (i, &p) in chunk.iter().enumerate() {
                word |= u64::from(p) << i;
            }
            // What is beyond the length says nothing.
            word |= 0xaaaa_aaaa_aaaa_aaaa_u64.unbounded_shl(chunk.len() as u32);
            bursts.on_word(word, chunk.len() as u32, |run| runs.on_run(run));
        }
    }

    fn of(pattern: &str) -> BurstStats {
        let packets: Vec<bool> = pattern.bytes().map(|b| b == b'+').collect();
        let (mut bursts, mut runs) = (Bursts::new(3), LossRuns::default());
        feed(&packets, 64, &mut bursts, &mut runs);
        bursts.stats()
    }

    #[test]
    fn ends_and_lone_losses_are_decided_as_documented() {
        let stats = |bursts, burst_packets, burst_lost, gaps, gap_packets, gap_lost| BurstStats {
            bursts,
            burst_packets,
            burst_lost,
            gaps,
            gap_packets,
            gap_lost,
        };
        assert_eq!(of(""), stats(0, 0, 0, 0, 0, 0));
        assert_eq!(of("+++++"), stats(0, 0, 0, 1, 5, 0));
        assert_eq!(of("+++-+++"), stats(0, 0, 0, 1, 7, 1)); // alone
        assert_eq!(of("-"), stats(0, 0, 0, 1, 1, 1)); // alone between ends that count as received
        assert_eq!(of("+-"), stats(0, 0, 0, 1, 2, 1));
        assert_eq!(of("+++-++-"), stats(1, 4, 2, 1, 3, 0)); // two between: one burst, no gap behind
        assert_eq!(of("+++-+++-"), stats(0, 0, 0, 1, 8, 2)); // three: two lone losses
        assert_eq!(of("--+++"), stats(1, 2, 2, 1, 3, 0)); // no gap in front
        assert_eq!(of("--"), stats(1, 2, 2, 0, 0, 0));
        assert_eq!(of("+--++"), stats(1, 2, 2, 2, 3, 0));
        assert_eq!(of("+--+++--+"), stats(2, 4, 4, 3, 5, 0));
    }

    #[test]
    fn shares_and_means_are_absent_without_what_they_are_of() {
        let none = Bursts::default().stats();
        assert_eq!((none.burst_density(), none.gap_density()), (None, None));
        assert_eq!(
            (none.mean_burst_packets(), none.mean_gap_packets()),
            (None, None)
        );
        let some = of("+++-++++--+--+++"); // three gaps would be wrong: the lone loss is inside one
        assert_eq!(some.burst_density(), Some(4.0 / 5.0));
        assert_eq!(some.gap_density(), Some(1.0 / 11.0));
        assert_eq!(some.mean_burst_packets(), Some(5.0));
        assert_eq!(some.mean_gap_packets(), Some(5.5));
    }

    #[test]
    fn counts_stop_at_their_largest() {
        let mut bursts = Bursts::new(0);
        for _ in 0..3 {
            bursts.on_lost(u32::MAX);
            bursts.on_received(u64::MAX);
        }
        bursts.on_lost(u32::MAX);
        bursts.on_lost(u32::MAX);
        assert_eq!(
            (bursts.stats().bursts, bursts.stats().gap_packets),
            (4, u64::MAX)
        );
        assert_eq!(bursts.loss_run, u32::MAX);
    }

    /// Streams of which a packet is lost more often after a loss, and less often after a received one.
    fn streams() -> impl Strategy<Value = Vec<bool>> {
        let runs = prop::collection::vec(
            (1_usize..40, 0_usize..6),
            0..if cfg!(miri) { 4 } else { 12 },
        );
        (runs, any::<bool>()).prop_map(|(runs, lost_first)| {
            let mut packets = Vec::new();
            for (received, lost) in runs {
                packets.extend((0..received).map(|_| true));
                packets.extend((0..lost).map(|_| false));
            }
            if lost_first {
                packets.reverse();
            }
            packets
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_the_words_of_the_rfc(
            packets in prop_oneof![streams(), prop::collection::vec(any::<bool>(), 0..80)],
            gmin in 1_u8..24,
        ) {
            let (mut bursts, mut runs) = (Bursts::new(gmin), LossRuns::default());
            feed(&packets, 64, &mut bursts, &mut runs);
            prop_assert_eq!(bursts.stats(), by_the_words(&packets, usize::from(gmin)));
            prop_assert_eq!(runs, runs_by_splitting(&packets));
            prop_assert_eq!(bursts.loss_run as usize, packets.iter().rev().take_while(|p| !**p).count());
        }

        /// Where a word ends, and how long words are, changes nothing.
        #[test]
        fn words_may_be_cut_anywhere(packets in streams(), len in 1_usize..=64) {
            let (mut whole, mut whole_runs) = (Bursts::default(), LossRuns::default());
            feed(&packets, 64, &mut whole, &mut whole_runs);
            for cut in (0..=packets.len()).step_by(if cfg!(miri) { 19 } else { 1 }) {
                let (mut bursts, mut runs) = (Bursts::default(), LossRuns::default());
                let (head, tail) = packets.split_at(cut);
                feed(head, len, &mut bursts, &mut runs);
                feed(tail, len, &mut bursts, &mut runs);
                prop_assert_eq!((bursts.stats(), bursts.settled()), (whole.stats(), whole.settled()));
                prop_assert_eq!(runs, whole_runs);
            }
        }

        /// Each packet is in a burst or in a gap; settled counts never go back, nor do those of bursts;
        /// what is settled is settled in the end.
        #[test]
        fn nothing_settled_goes_back(packets in streams()) {
            let (mut bursts, mut runs) = (Bursts::default(), LossRuns::default());
            let fields = |s: BurstStats| [s.bursts, s.burst_packets, s.burst_lost, s.gaps, s.gap_packets, s.gap_lost];
            let mut before = bursts;
            for (i, packet) in packets.iter().enumerate() {
                feed(&[*packet], 1, &mut bursts, &mut runs);
                let (now, was) = (fields(bursts.stats()), fields(before.stats()));
                prop_assert_eq!(now[1] + now[4], i as u64 + 1);
                prop_assert!(now[..3].iter().zip(&was[..3]).all(|(n, w)| n >= w));
                prop_assert!(now[3] + 1 >= was[3] && now[4] + 16 >= was[4] && now[5] + 1 >= was[5]);
                let (settled, earlier) = (fields(bursts.settled()), fields(before.settled()));
                prop_assert!(settled.iter().zip(&earlier).all(|(n, w)| n >= w));
                before = bursts;
            }
            bursts.on_received(u64::from(Bursts::GMIN));
            prop_assert_eq!(bursts.stats(), bursts.settled());
        }
    }
}
