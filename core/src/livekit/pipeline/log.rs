//! What was said in a room since its last report.
//!
//! Lives here: entries, caps. Not here: who is a receiver (`members`), what a report looks like (`report`).
//!
//! An entry is a batch, shared, and the set of places that get it. That is all that handing a batch to a
//! thousand receivers costs: nothing is merged before the report.

use std::sync::Arc;

use super::members::Receivers;
use crate::livekit::batch::SharedBatch;

#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    bytes: usize,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) batch: Arc<SharedBatch>,
    pub(super) receivers: Receivers,
}

/// Why a batch reached nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The room's log is full until its next report.
    RoomFull,
    /// The sender's share of it is.
    SenderFull,
    /// The sender has left meanwhile.
    Left,
}

/// Whose measure a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The client's: it counts against its sender's share of the log.
    Client,
    /// The server's, of that participant: no client can push it out by filling its own share.
    Server,
}

impl Refused {
    pub(super) const ALL: [Self; 3] = [Self::RoomFull, Self::SenderFull, Self::Left];

    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::RoomFull => "room_full",
            Self::SenderFull => "sender_full",
            Self::Left => "left",
        }
    }
}

impl Entry {
    /// What counts against the caps: what it takes up in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.batch.memory_bytes() + self.receivers.bytes()
    }
}

impl Log {
    /// Whether so much more fits within `limit`.
    pub(super) const fn has_room(&self, bytes: usize, limit: usize) -> bool {
        self.bytes.saturating_add(bytes) <= limit
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.bytes = self.bytes.saturating_add(entry.bytes());
        self.entries.push(entry);
    }
}
