//! A report on its way out, and what of it waits for those who are leaving.
//!
//! Lives here: the log that is being reported, packets that wait. Not here: when, who is leaving (`room`,
//! `gate`).

use std::collections::HashMap;
use std::sync::Arc;

use super::log::Log;
use super::member::Member;

/// A log on its way out.
pub(super) struct Sending {
    /// Counts from 1 in each room.
    pub(super) number: u64,
    pub(super) log: Log,
    /// Members at the time, by place, ascending.
    pub(super) members: Vec<Arc<Member>>,
}

impl Sending {
    pub(super) fn member(&self, place: usize) -> Option<&Arc<Member>> {
        let at = self
            .members
            .binary_search_by_key(&place, |m| m.place)
            .ok()?;
        self.members.get(at)
    }

    /// Whether `member` has still to get its part, after the report of number `reported`.
    pub(super) fn owes(&self, member: &Member, reported: u64) -> bool {
        let there = self.member(member.place);
        self.number > reported && there.is_some_and(|there| std::ptr::eq(&**there, member))
    }
}

/// Packets that could not be handed over, because the host was busy with the participant's last words.
#[derive(Debug, Default)]
pub(super) struct Waiting(HashMap<usize, Parcel>);

/// What waits for one member.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    /// Oldest first.
    pub(super) packets: Vec<Vec<u8>>,
    bytes: usize,
    /// Number of the last report that is among them.
    pub(super) number: u64,
}

impl Waiting {
    /// Keeps packets of report `number` for the member at `place`. `false` if `limit` bytes or more wait for it
    /// already: these packets are gone.
    pub(super) fn keep(
        &mut self,
        place: usize,
        number: u64,
        packets: Vec<Vec<u8>>,
        limit: usize,
    ) -> bool {
        let parcel = self.0.entry(place).or_default();
        parcel.number = number;
        let has_room = parcel.bytes < limit;
        if has_room {
            parcel.bytes += packets.iter().map(Vec::len).sum::<usize>();
            parcel.packets.extend(packets);
        }
        has_room
    }

    /// All that waits for the member at `place`.
    pub(super) fn take(&mut self, place: usize) -> Parcel {
        self.0.remove(&place).unwrap_or_default()
    }
}
