//! Many streams in one order: what leaves when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::path::{Ledger, Path};
use super::source::{Media, Source};
use crate::payload::MediaKind;

/// SSRC of the first stream; the others follow. Readable in a summary, and distinct.
const FIRST_SSRC: u32 = 0x5eed_0001;

/// One packet, ready to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Whose it is: an index below [`Plan::streams`].
    pub stream: usize,
    /// What it is, and when it leaves.
    pub media: Media,
}

#[derive(Debug)]
struct Stream {
    source: Source,
    path: Path,
}

/// All streams' packets in the order in which they leave, endless, the same for the same seed.
///
/// ```
/// use media_metrics_forwarder::synthetic::Plan;
/// let mut plan = Plan::new(4, 1);
/// let first_second: Vec<_> = std::iter::from_fn(|| plan.next_before(1_000_000_000)).collect();
/// assert!(first_second.is_sorted_by_key(|d| d.media.at));
/// ```
#[derive(Debug)]
pub struct Plan {
    streams: Vec<Stream>,
    due: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Plan {
    /// `streams` streams, audio and video by turns.
    #[must_use]
    pub fn new(streams: usize, seed: u64) -> Self {
        let stream = |i| Stream {
            source: Source::new(Self::kind(i), seed, i),
            path: Path::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ i as u64),
        };
        let mut plan = Self {
            streams: (0..streams).map(stream).collect(),
            due: BinaryHeap::with_capacity(streams),
        };
        for i in 0..streams {
            plan.refill(i);
        }
        plan
    }

    /// Number of streams.
    #[must_use]
    pub const fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Audio and video by turns.
    #[must_use]
    pub const fn kind(stream: usize) -> MediaKind {
        if stream.is_multiple_of(2) {
            MediaKind::Audio
        } else {
            MediaKind::Video
        }
    }

    /// RTP clock rate of a stream.
    #[must_use]
    pub const fn clock_rate(stream: usize) -> u32 {
        Source::clock_rate(Self::kind(stream))
    }

    /// The stream's SSRC.
    #[must_use]
    pub const fn ssrc(stream: usize) -> u32 {
        FIRST_SSRC.wrapping_add(stream as u32)
    }

    /// 111 for Opus, 96 for video: what the standard payload table takes them for.
    #[must_use]
    pub const fn payload_type(stream: usize) -> u8 {
        match Self::kind(stream) {
            MediaKind::Audio => 111,
            MediaKind::Video => 96,
        }
    }

    /// When the next packet leaves; `None` without streams.
    #[must_use]
    pub fn next_at(&self) -> Option<u64> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// The next packet, if it leaves before `end` (nanoseconds from the start).
    pub fn next_before(&mut self, end: u64) -> Option<Departure> {
        let &Reverse((at, stream)) = self.due.peek()?;
        if at >= end {
            return None;
        }
        self.due.pop();
        let media = self.streams.get_mut(stream)?.path.pop()?;
        self.refill(stream);
        Some(Departure { stream, media })
    }

    /// Ends every stream: what is still under way, and one last packet each that surely arrives. After
    /// this the ledgers are what a receiver counts. Streams that never began stay silent.
    pub fn finish(&mut self) -> Vec<Departure> {
        self.due.clear();
        let mut last = Vec::new();
        for (i, stream) in self.streams.iter_mut().enumerate() {
            if stream.path.ledger().sent == 0 {
                continue;
            }
            stream.path.push_last(stream.source.next());
            while let Some(media) = stream.path.pop() {
                last.push(Departure { stream: i, media });
            }
        }
        last
    }

    /// What was done to a stream so far. Exact after [`finish`](Self::finish).
    #[must_use]
    pub fn ledger(&self, stream: usize) -> Ledger {
        self.streams
            .get(stream)
            .map_or_else(Ledger::default, |s| s.path.ledger())
    }

    fn refill(&mut self, i: usize) {
        let Some(stream) = self.streams.get_mut(i) else {
            return;
        };
        loop {
            if let Some(at) = stream.path.peek_at() {
                self.due.push(Reverse((at, i)));
                return;
            }
            stream.path.push(stream.source.next());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn run(streams: usize, seed: u64, seconds: u64) -> (Vec<Departure>, Plan) {
        let mut plan = Plan::new(streams, seed);
        let mut all: Vec<_> = std::iter::from_fn(|| plan.next_before(seconds * SECOND)).collect();
        all.extend(plan.finish());
        (all, plan)
    }

    #[test]
    fn counts_are_known_beforehand() {
        let (all, plan) = run(4, 1, 10);
        let total = (0..4)
            .map(|i| plan.ledger(i))
            .fold(Ledger::default(), Ledger::plus);
        assert_eq!(all.len() as u64, total.sent);
        // Ten seconds: 2 x 500 audio packets, 2 x 300 frames of video.
        let made = |i| plan.ledger(i).sent - plan.ledger(i).duplicated + plan.ledger(i).dropped;
        assert!(
            (495..=502).contains(&made(0)) && (495..=502).contains(&made(2)),
            "{} {}",
            made(0),
            made(2)
        );
        assert!((900..1_500).contains(&made(1)), "{}", made(1));
        let (again, _) = run(4, 1, 10);
        assert_eq!(all, again, "the seed decides");
        let (other, _) = run(4, 2, 10);
        assert_ne!(all, other);
    }

    #[test]
    fn departures_are_in_order_and_streams_are_told_apart() {
        let (all, plan) = run(9, 5, 3);
        let until_finish = all
            .iter()
            .take_while(|d| d.media.at < 3 * SECOND)
            .collect::<Vec<_>>();
        assert!(until_finish.is_sorted_by_key(|d| d.media.at));
        for i in 0..plan.streams() {
            let n = all.iter().filter(|d| d.stream == i).count() as u64;
            assert_eq!(n, plan.ledger(i).sent);
        }
        let ssrcs: std::collections::BTreeSet<_> = (0..9).map(Plan::ssrc).collect();
        assert_eq!(ssrcs.len(), 9);
    }

    #[test]
    fn nothing_planned_nothing_sent() {
        let (all, plan) = run(0, 1, 10);
        assert!(all.is_empty() && plan.next_at().is_none());
        assert!(
            Plan::new(3, 1).finish().is_empty(),
            "streams that never began stay silent"
        );
    }
}
