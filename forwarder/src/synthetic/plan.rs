//! Many streams in one order: what leaves when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::path::{Ledger, Path};
use super::source::{Media, Source};
use crate::payload::MediaKind;

/// SSRC of the first stream; the others follow. Readable in a summary, and distinct.
const FIRST_SSRC: u32 = 0x5eed_0001;
/// The first streams start 7 ms apart, over a second, so that a thousand of them are no thundering herd.
const APART_NS: u64 = 7_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Streams that live at the same time.
    pub streams: usize,
    /// Same seed, same streams, same losses.
    pub seed: u64,
    /// How long a stream lives; another takes its place when it ends. `None`: as long as the run.
    pub lifetime: Option<Duration>,
    /// How many times as long as usual frames last: with 5 an audio stream sends 10 packets a second, not 50, each of
    /// 100 ms. At least 1.
    pub stretch: usize,
}

impl Load {
    /// Streams that live as long as the run, at the pace of usual encoders.
    #[must_use]
    pub const fn steady(streams: usize, seed: u64) -> Self {
        Self {
            streams,
            seed,
            lifetime: None,
            stretch: 1,
        }
    }
}

/// One packet, ready to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// In which place its stream is: an index below [`Plan::streams`].
    pub place: usize,
    /// Whose it is.
    pub ssrc: u32,
    /// What it is, and when it leaves.
    pub media: Media,
    /// Its stream's last: with it comes a goodbye.
    pub last: bool,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    source: Source,
    path: Path,
    /// When its last packet is due.
    ends: Option<u64>,
    /// The last packet has been made.
    ending: bool,
}

/// All streams' packets in the order in which they leave, endless, the same for the same seed.
///
/// Streams have places. One that ends leaves its place to another, with a number of its own: so each moment
/// has as many streams as there are places, but for the first second.
///
/// ```
/// use media_metrics_forwarder::synthetic::{Load, Plan};
/// let mut plan = Plan::new(Load::steady(4, 1));
/// let first_second: Vec<_> = std::iter::from_fn(|| plan.next_before(1_000_000_000)).collect();
/// assert!(first_second.is_sorted_by_key(|d| d.media.at));
/// ```
#[derive(Debug)]
pub struct Plan {
    load: Load,
    streams: Vec<Stream>,
    due: BinaryHeap<Reverse<(u64, usize)>>,
    /// Streams begun so far.
    begun: usize,
    /// What was done to those that have ended.
    ended: Ledger,
}

impl Plan {
    /// A plan of `load`: audio and video by turns.
    #[must_use]
    pub fn new(load: Load) -> Self {
        let mut plan = Self {
            load,
            streams: Vec::with_capacity(load.streams),
            due: BinaryHeap::with_capacity(load.streams),
            begun: 0,
            ended: Ledger::default(),
        };
        for place in 0..load.streams {
            // First ends are spread over a lifetime, and so are all later ones.
            let life = plan.lifetime_ns();
            let ends = life.map(|life| life / load.streams as u64 * (place as u64 + 1));
            let first = plan.begin(place, place as u64 * APART_NS % SECOND_NS, ends);
            plan.streams.push(first);
            plan.refill(place);
        }
        plan
    }

    /// Number of places.
    #[must_use]
    pub const fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Audio and video by turns.
    #[must_use]
    pub const fn kind(place: usize) -> MediaKind {
        if place.is_multiple_of(2) {
            MediaKind::Audio
        } else {
            MediaKind::Video
        }
    }

    /// RTP clock rate of a place's streams.
    #[must_use]
    pub const fn clock_rate(place: usize) -> u32 {
        Source::clock_rate(Self::kind(place))
    }

    /// The SSRC of the `number`th stream that begins, counted from 0: the first streams have the numbers of their
    /// places.
    #[must_use]
    pub const fn ssrc(number: usize) -> u32 {
        FIRST_SSRC.wrapping_add(number as u32)
    }

    /// The SSRC of the stream that is in a place now; `None` beyond the last place.
    #[must_use]
    pub fn ssrc_at(&self, place: usize) -> Option<u32> {
        self.streams.get(place).map(|stream| stream.ssrc)
    }

    /// 111 for Opus, 96 for video: what the standard payload table takes them for.
    #[must_use]
    pub const fn payload_type(place: usize) -> u8 {
        match Self::kind(place) {
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
        let &Reverse((at, place)) = self.due.peek()?;
        if at >= end {
            return None;
        }
        self.due.pop();
        let stream = self.streams.get_mut(place)?;
        let (ssrc, media) = (stream.ssrc, stream.path.pop()?);
        let last = stream.ending && stream.path.peek_at().is_none();
        if last {
            self.replace(place, media.at);
        }
        self.refill(place);
        Some(Departure {
            place,
            ssrc,
            media,
            last,
        })
    }

    /// Ends every stream: what is still under way, and one last packet each that surely arrives. After
    /// this the ledgers are what a receiver counts. Streams that never began stay silent.
    pub fn finish(&mut self) -> Vec<Departure> {
        self.due.clear();
        let mut departures = Vec::new();
        for (place, stream) in self.streams.iter_mut().enumerate() {
            if stream.path.ledger().sent == 0 {
                continue;
            }
            if !stream.ending {
                stream.path.push_last(stream.source.next());
            }
            while let Some(media) = stream.path.pop() {
                departures.push(Departure {
                    place,
                    ssrc: stream.ssrc,
                    media,
                    last: stream.path.peek_at().is_none(),
                });
            }
        }
        departures
    }

    /// What was done to the stream that is in a place now. Exact after [`finish`](Self::finish).
    #[must_use]
    pub fn ledger(&self, place: usize) -> Ledger {
        self.streams
            .get(place)
            .map_or_else(Ledger::default, |s| s.path.ledger())
    }

    /// What was done to all streams, those that have ended included. Exact after [`finish`](Self::finish).
    #[must_use]
    pub fn total(&self) -> Ledger {
        let live = self.streams.iter().map(|s| s.path.ledger());
        live.fold(self.ended, Ledger::plus)
    }

    /// Streams that have left their place to another.
    #[must_use]
    pub const fn ended(&self) -> usize {
        self.begun - self.streams.len()
    }

    fn lifetime_ns(&self) -> Option<u64> {
        self.load.lifetime.map(|life| life.as_nanos() as u64)
    }

    fn begin(&mut self, place: usize, start: u64, ends: Option<u64>) -> Stream {
        let (number, seed) = (self.begun, self.load.seed);
        self.begun += 1;
        let stretch = self.load.stretch as u64;
        Stream {
            ssrc: Self::ssrc(number),
            source: Source::new(Self::kind(place), seed, number).from(start, stretch),
            path: Path::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number as u64),
            ends,
            ending: false,
        }
    }

    /// The stream in a place has sent its last packet, at `now`: another begins.
    fn replace(&mut self, place: usize, now: u64) {
        let life = self.lifetime_ns();
        let next = self.begin(place, now, life.map(|life| now + life));
        if let Some(stream) = self.streams.get_mut(place) {
            self.ended = self.ended.plus(stream.path.ledger());
            *stream = next;
        }
    }

    fn refill(&mut self, place: usize) {
        let Some(stream) = self.streams.get_mut(place) else {
            return;
        };
        loop {
            if let Some(at) = stream.path.peek_at() {
                self.due.push(Reverse((at, place)));
                return;
            }
            let media = stream.source.next();
            // A stream that has sent nothing could not say goodbye.
            let began = stream.path.ledger().sent > 0;
            if began && stream.ends.is_some_and(|ends| media.at >= ends) {
                stream.ending = true;
                stream.path.push_last(media);
            } else {
                stream.path.push(media);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn departures(load: Load, seconds: u64) -> (Vec<Departure>, Plan) {
        let mut plan = Plan::new(load);
        let mut all: Vec<_> = std::iter::from_fn(|| plan.next_before(seconds * SECOND)).collect();
        all.extend(plan.finish());
        (all, plan)
    }

    fn run(streams: usize, seed: u64, seconds: u64) -> (Vec<Departure>, Plan) {
        departures(Load::steady(streams, seed), seconds)
    }

    #[test]
    fn counts_are_known_beforehand() {
        let (all, plan) = run(4, 1, 10);
        assert_eq!(all.len() as u64, plan.total().sent);
        assert_eq!(plan.ended(), 0);
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
            let n = all.iter().filter(|d| d.place == i).count() as u64;
            assert_eq!(n, plan.ledger(i).sent);
            assert!(all.iter().all(|d| d.place != i || d.ssrc == Plan::ssrc(i)));
        }
        let ssrcs: std::collections::BTreeSet<_> = (0..9).map(Plan::ssrc).collect();
        assert_eq!(ssrcs.len(), 9);
    }

    #[test]
    fn streams_come_and_go_one_after_another_and_each_says_when_it_is_over() {
        let load = Load {
            lifetime: Some(Duration::from_secs(2)),
            ..Load::steady(10, 3)
        };
        let (all, plan) = departures(load, 30);
        let mut streams: BTreeMap<u32, Vec<&Departure>> = BTreeMap::new();
        for departure in &all {
            streams.entry(departure.ssrc).or_default().push(departure);
        }
        // Five end in a second.
        assert!((140..=150).contains(&plan.ended()), "{}", plan.ended());
        assert_eq!(streams.len(), plan.ended() + 10);
        let mut places = [0; 10];
        for (ssrc, packets) in &streams {
            let (last, others) = packets.split_last().unwrap();
            assert!(last.last && others.iter().all(|d| !d.last), "{ssrc:x}");
            assert!(packets.iter().all(|d| d.place == last.place));
            let (from, to) = (packets[0].media.at, last.media.at);
            assert!(from >= places[last.place], "one at a time in a place");
            assert!(
                to - from < 2 * SECOND + SECOND / 10,
                "{ssrc:x}: {from} {to}"
            );
            places[last.place] = to;
        }
        assert_eq!(all.len() as u64, plan.total().sent);
        assert_eq!(all, departures(load, 30).0, "the seed decides");
    }

    #[test]
    fn longer_frames_are_fewer_packets() {
        let load = Load {
            stretch: 5,
            ..Load::steady(1, 1)
        };
        let (all, _) = departures(load, 10);
        assert!((98..=104).contains(&all.len()), "{}", all.len());
    }

    #[test]
    fn nothing_planned_nothing_sent() {
        let (all, plan) = run(0, 1, 10);
        assert!(all.is_empty() && plan.next_at().is_none());
        assert!(
            Plan::new(Load::steady(3, 1)).finish().is_empty(),
            "streams that never began stay silent"
        );
    }
}
