//! LiveKit's families: which event of the forwarder is which of LiveKit's.
//!
//! Lives here: what is registered under a profile with LiveKit's families, and who tells what. In `replaced`: which of
//! our families LiveKit's replace. In `machine`: the node's statistics. Not here: names and labels (the core's
//! `livekit::families`), what follows from streams (the core derives it).
//!
//! | LiveKit's | the forwarder's |
//! |---|---|
//! | room | a configured room, from the start to the stop |
//! | participant | a subscriber of a room; and an address that sends it a stream, unless it is one of them |
//! | track published | a stream that comes in, unless it only repeats another (RFC 4588); each layer is one |
//! | track subscribed | such a stream on its way to one subscriber |
//! | attempt | a stream that wants to be recorded; while the limit is met, each ten times a second at most |
//! | packets of the node | those of the operating system's queues, each `node_stats.stats_update_interval` |
//! | quality | each five seconds, of who sends: of their worst stream; of a subscriber that reports: of the worst way to it |
//! | failure to subscribe | a way that is not recorded for the limit; its packets are forwarded |
//!
//! Nothing is invented: there is no signalling, no API and no session here, so their families stay at 0.

mod machine;
mod replaced;

pub(crate) use machine::{MachineTask, Watch};
pub(crate) use replaced::{REPLACED, serves};

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use media_metrics_core::judge::Participant;
use media_metrics_core::livekit::config::{NodeId, NodeStatsConfig};
use media_metrics_core::livekit::derive_families;
use media_metrics_core::livekit::families::{
    self, Families, NodeIdentity, Present, PublishState, SubscribeError, SubscribeState, TrackKind,
};
use media_metrics_core::livekit::node::families::NodeFamilies;
use media_metrics_core::livekit::node::monitor::NodeMonitor;
use media_metrics_core::{RegisterError, Registry};

use crate::config::{Room, Settings, Subscriber};
use crate::payload::MediaKind;

/// LiveKit's families, registered. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Livekit {
    families: Families,
    registry: Registry,
    node: NodeIdentity,
    /// Who is rated by what it gets: room by room, in the order of the subscribers.
    subscribers: Arc<[Vec<Participant>]>,
}

impl Livekit {
    /// Registers all 52, with the node's labels from the configuration; those that follow from streams are
    /// derived from the next merge on.
    ///
    /// # Errors
    /// The registry has no room for them.
    pub fn register(
        registry: &Registry,
        settings: &Settings,
        rooms: &[Room],
    ) -> Result<Self, RegisterError> {
        let node = node(settings);
        let forward = &settings.rtc.forward_stats;
        derive_families(registry, &node, forward.is_on().then_some(forward.window))?;
        let participant = |s: &Subscriber| registry.participant(&s.to_string());
        let subscribers = |room: &Room| room.subscribers.iter().map(participant).collect();
        Ok(Self {
            families: Families::register(registry, node.clone())?,
            node,
            registry: registry.clone(),
            subscribers: rooms.iter().map(subscribers).collect(),
        })
    }

    /// The rooms are open, and their subscribers are there.
    #[must_use]
    pub fn open(&self, rooms: &[Room]) -> OpenRooms {
        let subscribers = rooms.iter().flat_map(|room| &room.subscribers);
        OpenRooms {
            began: Instant::now(),
            subscribers: subscribers.map(|_| self.families.participant()).collect(),
            rooms: rooms.iter().map(|_| self.families.room()).collect(),
        }
    }

    /// Nobody sends yet.
    #[must_use]
    pub fn publishers(&self) -> Publishers {
        Publishers {
            livekit: self.clone(),
            senders: HashMap::new(),
        }
    }

    /// Subscriber number `i` of a room.
    fn subscriber(&self, room: u16, i: usize) -> Option<&Participant> {
        self.subscribers.get(usize::from(room))?.get(i)
    }

    /// A stream wants to be recorded.
    pub fn on_publish(&self, kind: MediaKind) {
        self.families
            .track_publish(track(kind), PublishState::Attempt);
    }

    /// It is, from now on until the tracks are dropped.
    #[must_use]
    pub fn published(&self, kind: MediaKind) -> Tracks {
        let kind = track(kind);
        self.families.track_publish(kind, PublishState::Success);
        self.families.track_published(kind);
        Tracks {
            livekit: self.clone(),
            kind,
            subscribed: 0,
        }
    }

    /// What tells of the node each time that `monitor` is due, and what the last time said.
    ///
    /// # Errors
    /// The registry has no room.
    pub fn machine(
        &self,
        monitor: NodeMonitor,
        config: &NodeStatsConfig,
    ) -> Result<(MachineTask, Watch), RegisterError> {
        let ours = NodeFamilies::new(&self.registry)?;
        Ok(MachineTask::new(self, ours, monitor, config))
    }
}

fn node(settings: &Settings) -> NodeIdentity {
    let config = &settings.livekit;
    let id = config.node_id.clone().unwrap_or_else(NodeId::random);
    NodeIdentity::new(id.as_str(), config.node_type)
}

const fn track(kind: MediaKind) -> TrackKind {
    match kind {
        MediaKind::Audio => TrackKind::Audio,
        MediaKind::Video => TrackKind::Video,
    }
}

/// Rooms that are open, with their subscribers.
#[derive(Debug)]
pub struct OpenRooms {
    began: Instant,
    subscribers: Vec<Present>,
    rooms: Vec<families::Room>,
}

impl OpenRooms {
    /// All leave, and the rooms close.
    pub fn close(self) {
        drop(self.subscribers);
        for room in self.rooms {
            room.close(self.began.elapsed());
        }
    }
}

/// A stream's tracks: itself, and one for each way to a subscriber. Dropped, all of them end.
#[derive(Debug)]
pub struct Tracks {
    livekit: Livekit,
    kind: TrackKind,
    subscribed: usize,
}

impl Tracks {
    /// A subscriber is to get the stream, and its way is `recorded` or not.
    pub fn on_subscribe(&mut self, recorded: bool) {
        let families = &self.livekit.families;
        families.track_subscribe(SubscribeState::Attempt);
        families.track_subscribe(match recorded {
            true => SubscribeState::Success,
            false => SubscribeState::Failure(SubscribeError::Other),
        });
        if recorded {
            families.track_subscribed(self.kind);
            self.subscribed += 1;
        }
    }

    /// Whose quality the way to subscriber number `i` of this room is.
    #[must_use]
    pub fn subscriber(&self, room: u16, i: usize) -> Option<&Participant> {
        self.livekit.subscriber(room, i)
    }
}

impl Drop for Tracks {
    fn drop(&mut self) {
        let families = &self.livekit.families;
        for _ in 0..self.subscribed {
            families.track_unsubscribed(self.kind);
        }
        families.track_unpublished(self.kind);
    }
}

/// Addresses that send, each a participant while it has a stream. All streams of an address belong to one
/// worker, so each worker has its own.
#[derive(Debug)]
pub struct Publishers {
    livekit: Livekit,
    senders: HashMap<(u16, SocketAddr), Sender>,
}

#[derive(Debug)]
struct Sender {
    streams: usize,
    participant: Participant,
    /// Kept for its end.
    _present: Present,
}

impl Publishers {
    /// A stream of this room and address begins; whose quality it is. A subscriber that sends is a
    /// participant already: that of its place among `subscribers`.
    pub fn came(
        &mut self,
        room: u16,
        source: SocketAddr,
        subscribers: &[SocketAddr],
    ) -> Option<&Participant> {
        if let Some(i) = subscribers.iter().position(|s| *s == source) {
            return self.livekit.subscriber(room, i);
        }
        let livekit = &self.livekit;
        let sender = self.senders.entry((room, source));
        let sender = sender.or_insert_with(|| Sender {
            streams: 0,
            participant: livekit.registry.participant(&source.to_string()),
            _present: livekit.families.participant(),
        });
        sender.streams += 1;
        Some(&sender.participant)
    }

    /// One of its streams ends.
    pub fn left(&mut self, room: u16, source: SocketAddr) {
        let Some(sender) = self.senders.get_mut(&(room, source)) else {
            return; // a subscriber
        };
        sender.streams -= 1;
        if sender.streams == 0 {
            self.senders.remove(&(room, source));
        }
    }
}
