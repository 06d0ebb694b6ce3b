//! Which packet and which report belongs to which stream, when one begins and when it ends.
//!
//! Lives here: the table of [`Flow`]s, the limit, goodbyes and idle time-outs. Not here: keys (`index`),
//! what a packet does (`flow`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use hashbrown::HashMap;
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::SenderInfo;
use slab::Slab;

use super::flow::{Birth, Flow, Recorder};
use super::index::{FlowId, FlowKey, Index};
use super::summary::{Ended, FlowSummary};
use crate::livekit::{Livekit, Publishers};
use crate::payload::PayloadTypes;

/// While there is no room, a worker asks again only this often: 100 ms. So a flood of new SSRCs costs each
/// packet one comparison.
const ASK_AGAIN: u64 = 100_000_000;
/// The longest time between two looks for idle streams.
const MAX_SWEEP: u64 = 1_000_000_000;

/// Where a packet of this batch belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The flow whose ways to subscribers it takes.
    flow: FlowId,
    /// A key frame began with it.
    key_frame: bool,
    /// The id of its own stream's record.
    stream: Option<u64>,
}

impl Placed {
    /// The id of the packet's stream, if that is recorded.
    #[must_use]
    pub const fn stream(&self) -> Option<u64> {
        self.stream
    }
}

/// What all workers' tables have in common.
#[derive(Clone, Debug)]
pub struct FlowConfig {
    /// What payload types stand for.
    pub payloads: PayloadTypes,
    /// A stream silent for this many nanoseconds has ended.
    pub idle_ns: u64,
    /// How many streams there may be.
    pub limit: FlowLimit,
}

/// A limit on live streams that all clones share: those of all workers.
#[derive(Clone, Debug)]
pub struct FlowLimit {
    most: usize,
    live: Arc<AtomicUsize>,
}

impl FlowLimit {
    /// At most so many.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            live: Arc::default(),
        }
    }

    // Relaxed, in both: a number by itself; it guards no memory.

    fn take(&self) -> bool {
        let more = |live| (live < self.most).then_some(live + 1);
        self.live.fetch_update(Relaxed, Relaxed, more).is_ok()
    }

    fn give_back(&self) {
        self.live.fetch_sub(1, Relaxed);
    }
}

/// One worker's streams.
#[derive(Debug)]
pub struct Flows {
    config: FlowConfig,
    recorder: Option<Recorder>,
    /// The subscribers' addresses, room by room.
    rooms: Vec<Vec<SocketAddr>>,
    flows: Slab<Flow>,
    by_key: HashMap<FlowKey, FlowId>,
    by_ssrc: Index<(u16, u32)>,
    /// Streams that may be repeated, by room, source and payload type.
    repeatable: Index<FlowKey>,
    /// Ended, but their last packets may still be on the way out.
    leaving: Vec<FlowId>,
    ended: Ended,
    /// If LiveKit's families are served.
    publishers: Option<Publishers>,
    /// There was no room: until then nobody asks.
    full_until: u64,
    next_sweep: u64,
}

impl Flows {
    /// No streams yet. Without a recorder they are only told apart, so that reports find their way.
    /// `rooms` has the addresses of each room's subscribers.
    #[must_use]
    pub fn new(
        config: FlowConfig,
        recorder: Option<Recorder>,
        rooms: Vec<Vec<SocketAddr>>,
    ) -> Self {
        let livekit = recorder.as_ref().and_then(|r| r.livekit.as_ref());
        Self {
            publishers: livekit.map(Livekit::publishers),
            config,
            recorder,
            rooms,
            flows: Slab::new(),
            by_key: HashMap::new(),
            by_ssrc: Index::default(),
            repeatable: Index::default(),
            leaving: Vec::new(),
            ended: Ended::default(),
            full_until: 0,
            next_sweep: 0,
        }
    }

    /// Records a packet with its flow, made by its first packet. `None` if a limit leaves it without one.
    #[inline]
    pub fn on_rtp(
        &mut self,
        room: u16,
        source: SocketAddr,
        header: &RtpHeader,
        packet: &[u8],
        arrival: u64,
    ) -> Option<Placed> {
        let key = FlowKey::new(room, source, header.ssrc);
        let flow = match self.by_key.get(&key) {
            Some(id) => *id,
            None => self.begin(key, room, source, header, arrival)?,
        };
        let record = self.flows.get_mut(flow.0)?;
        let key_frame = record.on_rtp(header, packet, arrival);
        let stream = record.stream();
        let flow = match record.birth().repeats {
            false => flow,
            true => self.repeated(room, source, header).unwrap_or(flow),
        };
        Some(Placed {
            flow,
            key_frame,
            stream,
        })
    }

    /// The stream whose packets this one repeats: the only one of that payload type from its source. (With
    /// several, only signalling could tell which.)
    #[cold]
    fn repeated(&self, room: u16, source: SocketAddr, header: &RtpHeader) -> Option<FlowId> {
        let pt = self.config.payloads.repeated(header.payload_type)?;
        let candidates = self
            .repeatable
            .get(&FlowKey::new(room, source, u32::from(pt)));
        match candidates {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// A packet of this batch left for a subscriber.
    #[inline]
    pub fn on_departure(
        &mut self,
        placed: &Placed,
        subscriber: usize,
        header: &RtpHeader,
        packet: &[u8],
        now: u64,
    ) {
        let flow = self.flows.get_mut(placed.flow.0);
        if let Some(sender) = flow.and_then(|flow| flow.sender(subscriber)) {
            sender.on_packet(header, packet, now);
            if placed.key_frame {
                sender.on_key_frame(now);
            }
        }
    }

    #[cold]
    fn begin(
        &mut self,
        key: FlowKey,
        room: u16,
        source: SocketAddr,
        header: &RtpHeader,
        now: u64,
    ) -> Option<FlowId> {
        if now < self.full_until {
            return None;
        }
        let (pt, payloads) = (header.payload_type, &self.config.payloads);
        let birth = Birth {
            room,
            source,
            ssrc: header.ssrc,
            payload_type: pt,
            payload: payloads.get(pt),
            repeats: payloads.repeated(pt).is_some(),
            repeated_by: payloads.repeated_by(pt),
            now,
        };
        let livekit = self.recorder.as_ref().and_then(|r| r.livekit.as_ref());
        if let Some(livekit) = livekit.filter(|_| !birth.repeats) {
            livekit.on_publish(birth.payload.kind);
        }
        if !self.config.limit.take() {
            self.full_until = now + ASK_AGAIN;
            return None;
        }
        let subscribers = subscribers(&self.rooms, room);
        let publishers = self.publishers.as_mut();
        let participant = publishers.and_then(|p| p.came(room, source, subscribers));
        let recorder = self.recorder.as_ref();
        let flow = match Flow::begin(birth, recorder, subscribers, participant) {
            Ok(flow) => flow,
            Err(_) => {
                self.give_back(&birth);
                self.full_until = now + ASK_AGAIN;
                return None;
            }
        };
        let id = FlowId(self.flows.insert(flow));
        self.by_key.insert(key, id);
        self.by_ssrc.insert((room, header.ssrc), id);
        if birth.repeated_by.is_some() {
            self.repeatable.insert(repeatable_key(&birth), id);
        }
        Some(id)
    }

    /// Whether `source` sends a stream of this SSRC to the room.
    #[must_use]
    pub fn sends(&self, room: u16, source: SocketAddr, ssrc: u32) -> bool {
        self.by_key.contains_key(&FlowKey::new(room, source, ssrc))
    }

    /// Calls `on_flow` for the room's streams of this SSRC, whoever sends them, and says whether there
    /// are any. At most [`NAMESAKES`](super::NAMESAKES).
    pub fn each_of(&mut self, room: u16, ssrc: u32, mut on_flow: impl FnMut(&mut Flow)) -> bool {
        let ids = self.by_ssrc.get(&(room, ssrc));
        for id in ids {
            self.flows.get_mut(id.0).map(&mut on_flow);
        }
        !ids.is_empty()
    }

    /// A publisher reported on a stream of its own: from the address of its media, or, if that sends none
    /// of this SSRC, from another port of the host. `departure` is when the report left for the last
    /// subscriber; 0 if it did not. False if the stream is not here.
    pub fn on_sender_report(
        &mut self,
        (room, source): (u16, SocketAddr),
        info: &SenderInfo,
        arrival: u64,
        departure: u64,
    ) -> bool {
        let mut taken = false;
        let mut take = |flow: &mut Flow| {
            taken |= flow.on_sender_report(source, info, arrival, departure);
        };
        match self.by_key.get(&FlowKey::new(room, source, info.ssrc)) {
            Some(id) => self.flows.get_mut(id.0).map_or((), take),
            None => {
                self.each_of(room, info.ssrc, &mut take);
            }
        }
        taken
    }

    /// A source says goodbye for a stream of its own; false if it has none of that SSRC. The flow is not
    /// found any more, but those who have its id may use it until [`settle`](Self::settle).
    pub fn on_bye(&mut self, room: u16, source: SocketAddr, ssrc: u32) -> bool {
        let mut ids = self.by_ssrc.get(&(room, ssrc)).iter().copied();
        let own = ids.find(|id| {
            let flow = self.flows.get(id.0);
            flow.is_some_and(|flow| flow.control() == source)
        });
        let key = FlowKey::new(room, source, ssrc);
        match self.by_key.get(&key).copied().or(own) {
            Some(id) => {
                self.detach(id);
                self.leaving.push(id);
                true
            }
            None => false,
        }
    }

    /// The batch is through: what has ended in it is forgotten.
    #[inline]
    pub fn settle(&mut self) {
        while let Some(id) = self.leaving.pop() {
            self.bury(id);
        }
    }

    /// Ends idle streams, if it is time to look: at most once a second, at least four times in the
    /// idle time-out. Costs a comparison otherwise.
    pub fn sweep(&mut self, now: u64) {
        if now < self.next_sweep {
            return;
        }
        let idle = self.config.idle_ns;
        self.next_sweep = now + (idle / 4).min(MAX_SWEEP);
        let silent = |flow: &Flow| now.saturating_sub(flow.last_ns()) >= idle;
        let ended = self.flows.iter().filter(|(_, flow)| silent(flow));
        self.leaving.extend(ended.map(|(i, _)| FlowId(i)));
        for i in 0..self.leaving.len() {
            self.detach(self.leaving[i]);
        }
        self.settle();
    }

    /// From now on nobody finds it.
    fn detach(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get(id.0) else {
            return;
        };
        let birth = *flow.birth();
        let Birth {
            room, source, ssrc, ..
        } = birth;
        self.by_key.remove(&FlowKey::new(room, source, ssrc));
        self.by_ssrc.remove(&(room, ssrc), id);
        if birth.repeated_by.is_some() {
            self.repeatable.remove(&repeatable_key(&birth), id);
        }
    }

    fn bury(&mut self, id: FlowId) {
        let Some(flow) = self.flows.try_remove(id.0) else {
            return;
        };
        self.give_back(flow.birth());
        if let Some(summary) = flow.summary() {
            self.ended.remember(summary);
        }
    }

    /// A stream of this birth is no more: there is room for another.
    fn give_back(&mut self, birth: &Birth) {
        self.config.limit.give_back();
        if let Some(publishers) = &mut self.publishers {
            publishers.left(birth.room, birth.source);
        }
    }

    /// Live streams.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there is no live stream.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Ends all streams, and gives the busiest of all that there were.
    #[must_use]
    pub fn finish(mut self) -> Vec<FlowSummary> {
        for flow in self.flows.drain() {
            if let Some(summary) = flow.summary() {
                self.ended.remember(summary);
            }
        }
        self.ended.busiest()
    }
}

/// The addresses of a room's subscribers.
fn subscribers(rooms: &[Vec<SocketAddr>], room: u16) -> &[SocketAddr] {
    rooms
        .get(usize::from(room))
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Room, source and payload type: all that packets which repeat a stream have in common with it.
fn repeatable_key(birth: &Birth) -> FlowKey {
    FlowKey::new(birth.room, birth.source, u32::from(birth.payload_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_leaves_nothing_behind() {
        let config = FlowConfig {
            payloads: PayloadTypes::standard(),
            idle_ns: MAX_SWEEP,
            limit: FlowLimit::new(3),
        };
        let mut flows = Flows::new(config, None, vec![Vec::new()]);
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        for ssrc in 1..=2 {
            let packet = [0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, ssrc];
            let header = RtpHeader::parse(&packet).unwrap();
            assert!(flows.on_rtp(0, from, &header, &packet, 1).is_some());
        }
        assert_eq!(flows.config.limit.live.load(Relaxed), 2);
        assert!(flows.on_bye(0, from, 1));
        flows.settle();
        flows.sweep(10 * MAX_SWEEP); // the other one is idle
        assert!(flows.by_key.is_empty() && flows.flows.is_empty());
        assert!(flows.by_ssrc.is_empty() && flows.repeatable.is_empty());
        assert_eq!(flows.config.limit.live.load(Relaxed), 0);
    }
}
