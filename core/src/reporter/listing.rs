//! Every live stream, for who asks: listed under the reporter's lock, read when it is let go.
//!
//! Lives here: what is taken along of a stream, and reading it. Not here: which streams there are (`fold`,
//! `fold_senders`), what a reader gets (`stream`).
//!
//! Reading a stream takes some hundred times as long as listing it: of 100,000 the reporter would wait a tenth of a
//! second and more.

use std::sync::Arc;

use hashbrown::HashMap;

use super::collector::Tick;
use super::fold;
use super::fold_senders::{self, Reported};
use super::live::Published;
use crate::quality::Quality;
use crate::registry::{GroupMetrics, SenderGroupMetrics};
use crate::stream::block::{Block, READ_TRIES};
use crate::stream::sender::block::SenderBlock;
use crate::stream::{SenderSnapshot, StreamSnapshot};
use crate::worst::{Figures, Recent};

/// Live streams, and what of them only the reporter knows.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(super) tick: Tick,
    pub(super) streams: Vec<Listed>,
    pub(super) qualities: Vec<(u64, Quality)>,
}

#[derive(Debug)]
pub(super) struct Listed {
    pub(super) block: Arc<Block>,
    pub(super) recent: Recent,
    /// Whether it had packets.
    pub(super) heard: bool,
}

impl Listing {
    /// The streams, as of now. `groups` are at least as new as the list.
    pub(crate) fn read(self, groups: &[Arc<GroupMetrics>]) -> Vec<StreamSnapshot> {
        let qualities: HashMap<u64, Quality> = self.qualities.into_iter().collect();
        let mut all = Vec::with_capacity(self.streams.len());
        for listed in self.streams {
            let block = &*listed.block;
            let group = groups.get(block.identity.group as usize);
            let group = group.map_or_else(Vec::new, |g| texts(&g.values));
            let Some(mut stream) = StreamSnapshot::read(block, READ_TRIES, group) else {
                continue;
            };
            stream.quality = qualities.get(&stream.id).copied();
            stream.participant = participant(block);
            stream.interval = Figures {
                // Of the jitter, what it is now.
                jitter_seconds: listed.heard.then_some(stream.stats.jitter_seconds),
                ..fold::figures(block, &listed.recent, &self.tick, true)
            };
            all.push(stream);
        }
        all
    }
}

/// The same of sent streams.
#[derive(Debug)]
pub(crate) struct SenderListing {
    pub(super) tick: Tick,
    pub(super) senders: Vec<ListedSender>,
    pub(super) groups: Vec<Arc<SenderGroupMetrics>>,
    pub(super) qualities: Vec<(u64, Quality)>,
}

#[derive(Debug)]
pub(super) struct ListedSender {
    pub(super) block: Arc<SenderBlock>,
    pub(super) recent: Recent,
    pub(super) reported: Reported,
}

impl SenderListing {
    /// The streams, as of now.
    pub(crate) fn read(self) -> Vec<SenderSnapshot> {
        let qualities: HashMap<u64, Quality> = self.qualities.into_iter().collect();
        let mut all = Vec::with_capacity(self.senders.len());
        for listed in self.senders {
            let block = &*listed.block;
            let Some((_, words)) = block.read(READ_TRIES) else {
                continue;
            };
            let group = self.groups.get(block.identity.group as usize);
            let group = group.map_or_else(Vec::new, |g| texts(&g.values));
            let mut sender = SenderSnapshot::new(&block.identity, group, &words);
            sender.quality = qualities.get(&sender.id).copied();
            sender.participant = participant(block);
            let (recent, reported) = (&listed.recent, &listed.reported);
            sender.interval = fold_senders::figures(block, recent, reported, &self.tick, true);
            all.push(sender);
        }
        all
    }
}

fn texts(values: &[Box<str>]) -> Vec<String> {
    values.iter().map(|value| value.to_string()).collect()
}

/// Whose stream it is, by its standing.
fn participant(block: &impl Published) -> Option<String> {
    Some(block.standing()?.participant()?.name().to_owned())
}

#[cfg(test)]
mod tests {
    use crate::{Registry, SenderConfig, StreamConfig};

    #[test]
    fn merges_go_on_between_listing_and_reading() {
        // With little room: Miri zeroes a thread's memory for real.
        let registry = Registry::builder().max_series(64).build().unwrap();
        let group = registry.group(&["incoming", "audio"]).unwrap();
        let sent = registry.sender_group(&["outgoing", "audio"]).unwrap();
        let config = |ssrc| StreamConfig::new(ssrc, 8_000);
        let ends = registry.stream(&group, config(1)).unwrap();
        let stays = registry.stream(&group, config(2)).unwrap();
        let sender = registry.sender(&sent, SenderConfig::new(3, 8_000)).unwrap();
        registry.collect();
        let received = registry.shared.collector().list();
        let senders = registry.shared.collector().list_senders();
        drop((ends, sender));
        registry.collect();
        assert_eq!((registry.streams().len(), registry.senders().len()), (1, 0));
        // Those that were there are told, whatever became of them.
        let groups = registry.shared.groups().clone();
        let received = received.read(&groups);
        let told: Vec<_> = received
            .iter()
            .map(|s| (s.ssrc, s.group.join("/")))
            .collect();
        let wanted = [1, 2].map(|ssrc| (ssrc, "incoming/audio".to_owned()));
        assert_eq!(told, wanted);
        let senders = senders.read();
        assert_eq!((senders.len(), senders[0].ssrc), (1, 3));
        drop(stays);
    }
}
