//! Live streams of one kind, received or sent, and those that ended with this tick.
//!
//! Lives here: the list in the order of ids, who comes and who goes; when a list's memory is given back. Not here: what
//! streams amount to (`fold`, `fold_senders`).

use std::fmt::Debug;
use std::sync::Arc;

use super::exemplars::Name;
use crate::judge::Standing;
use crate::registry::Shared;
use crate::stream::block::{Block, Identity};
use crate::stream::sender::block::SenderBlock;
use crate::sync::Relaxed;

/// What is published of a stream, whichever way it goes.
pub(super) trait Published: Debug {
    fn identity(&self) -> &Identity;

    /// If it is scored.
    fn standing(&self) -> Option<&Standing>;
}

impl Published for Block {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn standing(&self) -> Option<&Standing> {
        self.standing.get().map(|s| &**s)
    }
}

impl Published for SenderBlock {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn standing(&self) -> Option<&Standing> {
        self.standing.get().map(|s| &**s)
    }
}

/// A stream as of the last tick.
pub(super) trait Entry {
    type Block: Published;

    fn block(&self) -> &Arc<Self::Block>;

    fn id(&self) -> u64 {
        self.block().identity().id
    }

    /// Whether the stream has ended, and its last numbers were read.
    fn is_over(&self) -> bool;
}

/// See the module.
#[derive(Debug)]
pub(super) struct Live<E: Entry> {
    /// By id.
    pub(super) streams: Vec<E>,
    /// Those that ended with this tick, by id.
    ended: Vec<Arc<E::Block>>,
}

impl<E: Entry> Live<E> {
    pub(super) const fn new() -> Self {
        Self {
            streams: Vec::new(),
            ended: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    /// Takes over new ones, behind those that are there: how many those are.
    pub(super) fn adopt(&mut self, new: impl Iterator<Item = E>) -> usize {
        let known = self.streams.len();
        for entry in new {
            if self.streams.len() == self.streams.capacity() {
                // By an eighth, not double: at 100,000 streams the slack would be megabytes.
                self.streams.reserve_exact((self.streams.len() / 8).max(64));
            }
            self.streams.push(entry);
        }
        known
    }

    /// Puts the list in the order of ids again, of which the first `known` are in order. Those after them have higher
    /// ids, as good as always: a stream has its id a moment before it gets into the queue.
    pub(super) fn sort(&mut self, known: usize) {
        let Some((before, new)) = self.streams.split_at_mut_checked(known) else {
            return;
        };
        new.sort_unstable_by_key(E::id);
        if before.last().map(E::id) > new.first().map(E::id) && !new.is_empty() {
            self.streams.sort_by_key(E::id);
        }
    }

    /// Who the stream with this id is: a live one, or one that ended with this tick. `values` are those of its group.
    pub(super) fn name<'a>(
        &'a self,
        id: u64,
        values: impl FnOnce(usize) -> Option<&'a [Box<str>]>,
    ) -> Option<Name<'a>> {
        let live = self.streams.binary_search_by_key(&id, E::id).ok();
        let ended = || {
            self.ended
                .binary_search_by_key(&id, |b| b.identity().id)
                .ok()
        };
        let block = match live {
            Some(at) => self.streams.get(at)?.block(),
            None => self.ended.get(ended()?)?,
        };
        let identity = block.identity();
        Some(Name {
            identity,
            group: values(identity.group as usize)?,
            participant: block.standing().and_then(Standing::participant),
        })
    }

    /// Takes those out that are over.
    pub(super) fn end(&mut self, shared: &Shared) {
        let before = self.streams.len();
        let over = self.streams.extract_if(.., |entry| entry.is_over());
        self.ended
            .extend(over.map(|entry| Arc::clone(entry.block())));
        let left = self.streams.len();
        give_back(&mut self.streams);
        // Relaxed: see `Shared::admit`.
        shared.live_streams.fetch_sub(before - left, Relaxed);
    }

    /// Lets those go that ended with this tick: nobody asks for them any more.
    pub(super) fn forget_ended(&mut self) {
        self.ended = Vec::new();
    }
}

/// Gives the memory of a list back after a crowd has left, but not at every ebb.
pub(crate) fn give_back<T>(list: &mut Vec<T>) {
    if list.capacity() > 64 && list.len() < list.capacity() / 4 {
        list.shrink_to(list.len() * 2);
    }
}
