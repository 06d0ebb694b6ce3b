//! Sent streams into groups: each tick, what every stream added goes to its label group.
//!
//! Lives here: deltas, the losses that receivers report. Not here: who lives (`live`), what a packet does
//! (`stream::sender`), the groups' series (`registry::sender_group`), received streams (`fold`).
//!
//! On the ticking thread alone: a stream without news is one load, and one with news fourteen additions.

use std::sync::Arc;

use super::collector::Tick;
use super::debt::Debt;
use super::exemplars::Name;
use super::listing::{ListedSender, SenderListing};
use super::live::{self, Live};
use super::stream_windows::Sent;
use crate::catalog;
use crate::cell::Version;
use crate::counter::Counter;
use crate::error::RegisterError;
use crate::quality::Quality;
use crate::registry::registration::own_counter;
use crate::registry::{SenderGroupMetrics, Shared, Table};
use crate::shard::attach::Home;
use crate::stream::block::READ_TRIES;
use crate::stream::sender::block::{SenderBlock, Words, word};
use crate::worst::{Board, Direction, Figures, GroupSum, Kept, Recent, Who};

/// A report that is older than this at the last packet says nothing of now: three times the longest interval
/// between reports that is usual (RFC 3550 §6.2).
const REPORT_HOLDS_NS: u64 = 15_000_000_000;

/// Those of sent streams come after received ones, of equals.
const SENT: u64 = 1 << 32;

/// Live sent streams, and what they amount to.
#[derive(Debug)]
pub(crate) struct FoldSenders {
    live: Live<Entry>,
    groups: Vec<GroupState>,
    /// The last merge.
    tick: Tick,
    busy: Counter,
}

/// One live sent stream, as of the last tick.
#[derive(Debug)]
struct Entry {
    block: Arc<SenderBlock>,
    totals: [u64; word::FOLDED],
    version: Version,
    /// Of the losses that the receiver reported, how many the group already counts.
    lost_counted: u64,
    /// If its group records windows.
    window: Option<Box<Sent>>,
    recent: Recent,
    reported: Reported,
}

/// What the receiver's newest report says, if it still holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reported {
    loss_ratio: Option<f64>,
    jitter_seconds: Option<f64>,
    rtt_seconds: Option<f64>,
}

impl Reported {
    fn new(words: &Words, clock_rate: u32) -> Self {
        let age = words[word::LAST_DEPARTURE_NS].saturating_sub(words[word::LAST_REPORT_NS]);
        if words[word::REPORTS] == 0 || age > REPORT_HOLDS_NS {
            return Self::default();
        }
        let ticks = words[word::JITTER_TICKS] as f64;
        let round_trip = words[word::ROUND_TRIP_NS] as f64 / 1e9;
        Self {
            loss_ratio: Some(words[word::FRACTION_LOST] as f64 / 256.0),
            jitter_seconds: Some(ticks / f64::from(clock_rate.max(1))),
            rtt_seconds: (words[word::ROUND_TRIPS] > 0).then_some(round_trip),
        }
    }
}

#[derive(Debug)]
struct GroupState {
    metrics: Arc<SenderGroupMetrics>,
    sum: Sum,
    debt: Debt,
}

/// What one tick adds to a group.
#[derive(Debug, Default)]
struct Sum {
    totals: [u64; word::FOLDED],
    lost: u64,
    /// Losses counted before that were none.
    not_lost: u64,
    ended: u64,
    /// What streams in the running for the worst amount to.
    running: GroupSum,
}

/// What became of one stream's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// Nothing was sent, and nothing reported.
    None,
    /// Its writer was busy: the next tick will tell.
    Busy,
    /// So many bytes were sent, and there may be a report.
    Some(u64),
}

impl FoldSenders {
    pub(crate) fn new(table: &mut Table, home: &Arc<Home>) -> Result<Self, RegisterError> {
        Ok(Self {
            live: Live::new(),
            groups: Vec::new(),
            tick: Tick::default(),
            busy: own_counter(table, home, &catalog::STREAMS_BUSY, &[])?,
        })
    }

    /// Live sent streams.
    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    /// Bytes of one, without what its peer makes it remember.
    pub(crate) const BYTES: usize = size_of::<SenderBlock>() + size_of::<Entry>() + 256;

    /// Adopts new streams, folds all, offers the worst to `board`, forgets those that ended.
    pub(crate) fn tick(&mut self, shared: &Shared, tick: &Tick, board: &mut Board) {
        self.tick = *tick;
        let new = std::iter::from_fn(|| shared.new_senders.pop());
        let known = self.live.adopt(new.map(Entry::new));
        // After the streams: a stream's group is in the list before the stream is in the queue.
        for metrics in shared.sender_groups().iter().skip(self.groups.len()) {
            self.groups.push(GroupState {
                metrics: Arc::clone(metrics),
                sum: Sum::default(),
                debt: Debt::default(),
            });
        }
        for (at, entry) in self.live.streams.iter_mut().enumerate() {
            let Some(group) = self.groups.get_mut(entry.block.identity.group as usize) else {
                continue;
            };
            if at >= known {
                group.metrics.started.inc();
                group.metrics.senders.inc();
            }
            if entry.window.is_none() && group.metrics.windows.get().is_some() {
                entry.begin_windows();
            }
            let news = entry.fold(tick, &mut group.sum);
            if news == News::Busy {
                self.busy.inc();
            }
            if !board.is_off() {
                let order = SENT + at as u64;
                entry.run(
                    news,
                    tick,
                    order,
                    &mut board.streams,
                    &mut group.sum.running,
                );
            }
            if let (Some(window), Some(metrics)) = (&mut entry.window, group.metrics.windows.get())
                && (tick.windows_end || entry.version.is_closed())
            {
                window.close(metrics);
            }
        }
        self.live.sort(known);
        let mut ended = 0;
        for (at, group) in self.groups.iter_mut().enumerate() {
            board.offer_group(Direction::Outgoing, at, &group.sum.running, tick);
            ended += group.apply();
        }
        if ended > 0 {
            self.live.end(shared);
        }
    }

    /// The stream with this id: a live one, or one that ended with this tick.
    pub(super) fn find(&self, id: u64) -> Option<Name<'_>> {
        let values = |at: usize| Some(&*self.groups.get(at)?.metrics.values);
        self.live.name(id, values)
    }

    /// Lets those go that ended with this tick: nobody asks for them any more.
    pub(super) fn forget_ended(&mut self) {
        self.live.forget_ended();
    }

    /// Every live sent stream, as of the last tick; `qualities` of those that are scored.
    pub(super) fn list(&self, qualities: Vec<(u64, Quality)>) -> SenderListing {
        let listed = |entry: &Entry| ListedSender {
            block: Arc::clone(&entry.block),
            recent: entry.recent,
            reported: entry.reported,
        };
        SenderListing {
            tick: self.tick,
            senders: self.live.streams.iter().map(listed).collect(),
            groups: self.groups.iter().map(|g| Arc::clone(&g.metrics)).collect(),
            qualities,
        }
    }
}

impl live::Entry for Entry {
    type Block = SenderBlock;

    fn block(&self) -> &Arc<SenderBlock> {
        &self.block
    }

    fn is_over(&self) -> bool {
        self.version.is_closed()
    }
}

impl Entry {
    fn new(block: Arc<SenderBlock>) -> Self {
        Self {
            block,
            totals: [0; word::FOLDED],
            version: Version::FIRST,
            lost_counted: 0,
            window: None,
            recent: Recent::default(),
            reported: Reported::default(),
        }
    }

    /// From here on the stream has windows. Of one that is new, the first begins with nothing.
    fn begin_windows(&mut self) {
        let known = self.version != Version::FIRST;
        let now = known.then(|| self.block.read(READ_TRIES)).flatten();
        self.window = Some(now.map_or_else(Box::default, |(_, words)| Sent::new(&words)));
    }

    /// Adds to `sum` what the stream did since the last tick.
    fn fold(&mut self, tick: &Tick, sum: &mut Sum) -> News {
        if self.block.sequence.version() == self.version {
            return News::None; // one line read
        }
        let Some((version, now)) = self.block.read(READ_TRIES) else {
            // Totals are cumulative: what is not read now is read at the next tick.
            return News::Busy;
        };
        self.version = version;
        let bytes = now[word::BYTES].wrapping_sub(self.totals[word::BYTES]);
        for ((sum, then), now) in sum.totals.iter_mut().zip(&mut self.totals).zip(now) {
            *sum = sum.wrapping_add(now.wrapping_sub(*then));
            *then = now;
        }
        sum.ended += u64::from(version.is_closed());
        self.settle(&now, sum);
        if let Some(window) = &mut self.window {
            window.on_news(&now, self.block.identity.clock_rate);
        }
        self.recent = Recent::new(tick, 0, 0, bytes);
        self.reported = Reported::new(&now, self.block.identity.clock_rate);
        News::Some(bytes)
    }

    /// Puts the stream in the running for the worst, if it is: with news, or judged.
    fn run(
        &self,
        news: News,
        tick: &Tick,
        order: u64,
        worst: &mut Kept<Who>,
        group: &mut GroupSum,
    ) {
        let judged = tick.any_judged && self.block.standing.get().is_some();
        let bytes = match news {
            News::Some(bytes) => bytes,
            News::None | News::Busy if judged => 0,
            News::None | News::Busy => return,
        };
        if !self.version.is_closed() {
            let figures = figures(&self.block, &self.recent, &self.reported, tick, judged);
            group.add(&figures, bytes, 0, 0);
            worst.offer(figures, order, || Who::Sent(Arc::clone(&self.block)));
        }
    }

    /// Counts the losses that the receiver reported.
    ///
    /// What it reports goes down when packets come late, a counter can't: so the most that it ever
    /// reported counts, and at the stream's end what was too much is a debt of the group.
    fn settle(&mut self, now: &Words, sum: &mut Sum) {
        let lost = now[word::LOST].cast_signed().max(0).cast_unsigned();
        sum.lost += lost.saturating_sub(self.lost_counted);
        self.lost_counted = self.lost_counted.max(lost);
        if self.version.is_closed() {
            sum.not_lost += self.lost_counted - lost;
        }
    }
}

/// A sent stream's figures of the last interval.
pub(super) fn figures(
    block: &SenderBlock,
    recent: &Recent,
    reported: &Reported,
    tick: &Tick,
    judged: bool,
) -> Figures {
    let standing = judged.then(|| block.standing.get()).flatten();
    let (_, bytes_per_second) = recent.rates(tick);
    Figures {
        score: standing.and_then(|s| s.score()),
        loss_ratio: reported.loss_ratio,
        jitter_seconds: reported.jitter_seconds,
        rtt_seconds: reported.rtt_seconds,
        bytes_per_second,
    }
}

impl GroupState {
    /// Adds the sum to the group's series, and begins the next. How many streams ended.
    fn apply(&mut self) -> u64 {
        let sum = std::mem::take(&mut self.sum);
        let (m, t) = (&self.metrics, &sum.totals);
        let lost = self.debt.pay(sum.lost, sum.not_lost);
        for (counter, n) in [
            (&m.packets, t[word::PACKETS]),
            (&m.bytes, t[word::BYTES]),
            (&m.header_bytes, t[word::HEADER_BYTES]),
            (&m.padding_bytes, t[word::PADDING_BYTES]),
            (&m.frames, t[word::FRAMES]),
            (&m.key_frames, t[word::KEY_FRAMES]),
            (&m.retransmitted_packets, t[word::RETRANSMITTED_PACKETS]),
            (&m.retransmitted_bytes, t[word::RETRANSMITTED_BYTES]),
            (&m.nacks, t[word::NACKS]),
            (&m.nacked_packets, t[word::NACKED]),
            (&m.plis, t[word::PLIS]),
            (&m.firs, t[word::FIRS]),
            (&m.remote_reports, t[word::REPORTS]),
            (&m.remote_lost, lost),
            (&m.ended, sum.ended),
        ] {
            counter.add(n);
        }
        if sum.ended > 0 {
            m.senders.add(-(sum.ended as f64));
        }
        sum.ended
    }
}
