//! Who is in a room, who may get metrics, who is subscribed to whom: sets of places.
//!
//! Lives here: places and the sets. Not here: locks, batches, what a member is.
//!
//! A member has a place from joining to leaving; what names receivers is a set of places. So the place of one
//! that has left is given to another only when nothing names it any more: see [`Members::reuse_vacated`].

use fixedbitset::FixedBitSet;
use slab::Slab;

#[derive(Debug)]
pub(super) struct Members<M> {
    places: Slab<Place<M>>,
    /// Who is active and may get metrics.
    ready: FixedBitSet,
    /// Left, and perhaps still named.
    vacated: Vec<usize>,
}

#[derive(Debug)]
struct Place<M> {
    member: Option<M>,
    standing: Standing,
    /// Who is subscribed to this one.
    subscribers: FixedBitSet,
    /// What it sent since the places were reused last, in bytes.
    sent_bytes: usize,
}

/// What a member must be to get metrics: both.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    pub(super) active: bool,
    pub(super) can_subscribe_metrics: bool,
}

/// Who gets a batch: one or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Receivers {
    One(usize),
    Many(FixedBitSet),
}

impl Receivers {
    /// `None` if there are none.
    pub(super) fn of(set: FixedBitSet) -> Option<Self> {
        let first = set.minimum()?;
        let more = set.maximum() != Some(first);
        Some(if more {
            Self::Many(set)
        } else {
            Self::One(first)
        })
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(set) => set.count_ones(..),
        }
    }

    pub(super) fn has(&self, place: usize) -> bool {
        match self {
            Self::One(only) => *only == place,
            Self::Many(set) => set.contains(place),
        }
    }

    /// Memory on the heap.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(set) => size_of_val(set.as_slice()),
        }
    }
}

impl<M: Clone> Members<M> {
    pub(super) fn new() -> Self {
        Self {
            places: Slab::new(),
            ready: FixedBitSet::new(),
            vacated: Vec::new(),
        }
    }

    /// Gives a place to who `make` makes of its number.
    pub(super) fn join(&mut self, standing: Standing, make: impl FnOnce(usize) -> M) -> M {
        let entry = self.places.vacant_entry();
        let place = entry.key();
        let member = make(place);
        entry.insert(Place {
            member: Some(member.clone()),
            standing: Standing::default(),
            subscribers: FixedBitSet::new(),
            sent_bytes: 0,
        });
        self.ready.grow(place + 1);
        self.set_standing(place, |there| *there = standing);
        member
    }

    /// The member leaves its place, and all sets.
    pub(super) fn leave(&mut self, place: usize) {
        self.set_standing(place, |standing| *standing = Standing::default());
        for (_, other) in &mut self.places {
            remove(&mut other.subscribers, place);
        }
        if let Some(left) = self.places.get_mut(place) {
            left.member = None;
            left.subscribers = FixedBitSet::new();
            self.vacated.push(place);
        }
    }

    /// Nothing names vacated places any more: they can be had again. A new span of `sent_bytes` begins.
    pub(super) fn reuse_vacated(&mut self) {
        for place in self.vacated.drain(..) {
            self.places.try_remove(place);
        }
        for (_, place) in &mut self.places {
            place.sent_bytes = 0;
        }
    }

    pub(super) fn get(&self, place: usize) -> Option<&M> {
        self.places.get(place)?.member.as_ref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &M)> {
        let places = self.places.iter();
        places.filter_map(|(number, place)| Some((number, place.member.as_ref()?)))
    }

    /// Changes what a member is.
    pub(super) fn set_standing(&mut self, place: usize, change: impl FnOnce(&mut Standing)) {
        if let Some(there) = self.places.get_mut(place) {
            change(&mut there.standing);
            let ready = there.standing.active && there.standing.can_subscribe_metrics;
            self.ready.set(place, ready); // within: `join` grew it
        }
    }

    /// Members that are ready, with their places.
    pub(super) fn ready(&self) -> impl Iterator<Item = (usize, &M)> {
        self.iter().filter(|(place, _)| self.ready.contains(*place))
    }

    pub(super) fn set_subscribed(&mut self, receiver: usize, publisher: usize, subscribed: bool) {
        let Some(publisher) = self.places.get_mut(publisher) else {
            return;
        };
        if subscribed {
            publisher.subscribers.grow_and_insert(receiver);
        } else {
            remove(&mut publisher.subscribers, receiver);
        }
    }

    /// Who gets what `publisher` reports: itself and its subscribers, of these who are ready.
    pub(super) fn receivers_of(&self, publisher: usize) -> Option<Receivers> {
        let mut receivers = self.places.get(publisher)?.subscribers.clone();
        receivers.grow(self.ready.len()); // sets of one length compare
        receivers.set(publisher, true);
        receivers.intersect_with(&self.ready);
        Receivers::of(receivers)
    }

    /// Those of `places` who are ready.
    pub(super) fn ready_of(&self, places: impl IntoIterator<Item = usize>) -> Option<Receivers> {
        let mut receivers = FixedBitSet::with_capacity(self.ready.len());
        for place in places {
            receivers.grow_and_insert(place);
        }
        receivers.intersect_with(&self.ready);
        Receivers::of(receivers)
    }

    /// Adds to what a member sent, if that stays within `limit`; whether it does.
    pub(super) fn charge(&mut self, place: usize, bytes: usize, limit: usize) -> bool {
        let Some(place) = self.places.get_mut(place) else {
            return false;
        };
        let sent = place.sent_bytes.saturating_add(bytes);
        let within = sent <= limit;
        if within {
            place.sent_bytes = sent;
        }
        within
    }
}

/// `FixedBitSet::remove` panics beyond its length.
fn remove(set: &mut FixedBitSet, place: usize) {
    if place < set.len() {
        set.remove(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(names: &[&'static str]) -> Members<&'static str> {
        let mut members = Members::new();
        for name in names {
            members.join(Standing::default(), |_| *name);
        }
        members
    }

    fn set_ready(members: &mut Members<&'static str>, place: usize, ready: bool) {
        members.set_standing(place, |standing| {
            standing.active = ready;
            standing.can_subscribe_metrics = ready;
        });
    }

    fn who(members: &Members<&'static str>, publisher: usize) -> Vec<&'static str> {
        let Some(receivers) = members.receivers_of(publisher) else {
            return Vec::new();
        };
        let all = members.iter().filter(|(place, _)| receivers.has(*place));
        all.map(|(_, name)| *name).collect()
    }

    #[test]
    fn oneself_and_ones_subscribers_if_ready() {
        let mut members = room(&["a", "b", "c"]);
        members.set_subscribed(1, 0, true);
        members.set_subscribed(2, 0, true);
        assert_eq!(who(&members, 0), [""; 0]);
        set_ready(&mut members, 0, true);
        assert_eq!(members.receivers_of(0), Some(Receivers::One(0)));
        set_ready(&mut members, 2, true);
        assert_eq!(who(&members, 0), ["a", "c"]);
        assert_eq!(who(&members, 1), [""; 0]);
        assert_eq!(who(&members, 2), ["c"]);
        members.set_subscribed(2, 0, false);
        assert_eq!(who(&members, 0), ["a"]);
    }

    #[test]
    fn a_place_is_reused_only_when_told_and_brings_nothing_along() {
        let mut members = room(&["a", "b"]);
        for (receiver, publisher) in [(0, 1), (1, 0)] {
            members.set_subscribed(receiver, publisher, true);
            set_ready(&mut members, receiver, true);
        }
        members.leave(0);
        assert_eq!(who(&members, 1), ["b"]);
        assert_eq!(members.get(0), None);
        members.join(Standing::default(), |place| {
            assert_eq!(place, 2);
            "c"
        });
        members.reuse_vacated();
        members.join(Standing::default(), |place| {
            assert_eq!(place, 0);
            "d"
        });
        set_ready(&mut members, 0, true);
        assert_eq!(who(&members, 0), ["d"]);
        assert_eq!(who(&members, 1), ["b"]);
    }

    #[test]
    fn nonsense_is_harmless() {
        let mut members = room(&["a"]);
        set_ready(&mut members, 7, true);
        members.set_subscribed(9, 8, true);
        members.set_subscribed(9, 0, false);
        members.leave(5);
        assert_eq!(members.receivers_of(3), None);
        assert!(!members.charge(4, 1, 10));
        assert!(members.charge(0, 10, 10) && !members.charge(0, 1, 10));
        members.reuse_vacated();
        assert!(members.charge(0, 1, 10));
    }
}
