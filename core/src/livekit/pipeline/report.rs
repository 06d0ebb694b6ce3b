//! From a room's log to packets: merged, coalesced, split, wrapped.
//!
//! Lives here: which rows a receiver gets, and what is encoded once for many. Not here: when, who sends.
//!
//! Rows for everybody are merged and encoded once for each group of receivers that get the same (`views`).
//! What one receiver alone gets (its own client statistics, and what nobody else is told) is encoded behind a
//! copy of that: protobuf messages put one behind the other are one message.

use std::collections::HashMap;

use super::config::ReportLimits;
use super::log::Entry;
use super::members::Receivers;
use super::metrics::PipelineMetrics;
use super::views::groups;
use crate::livekit::batch::{Builder, EncodedBatch, Part, Restriction, SharedBatch, data_packet};
use crate::livekit::time::ServerTime;

/// How reports are made.
pub(super) struct Press<'a> {
    pub(super) now: ServerTime,
    pub(super) limits: &'a ReportLimits,
    pub(super) metrics: &'a PipelineMetrics,
}

impl Press<'_> {
    /// Hands `deliver` the packets of each receiver that there are any for: by place, once.
    ///
    /// `places` are all who may be receivers of an entry, `identity` tells who they are.
    pub(super) fn run<'a>(
        &self,
        entries: &[Entry],
        places: impl Iterator<Item = usize>,
        identity: impl Fn(usize) -> Option<&'a str>,
        mut deliver: impl FnMut(usize, Vec<Vec<u8>>),
    ) {
        let mut own = self.own(entries, places, &identity);
        let mut print = |place: usize, common: &[EncodedBatch], own: Option<Builder>| {
            if let Some(identity) = identity(place) {
                let packets = self.packets(identity, common, own);
                if !packets.is_empty() {
                    deliver(place, packets);
                }
            }
        };
        for group in groups(entries.iter().map(|entry| &entry.receivers)) {
            let mut builder = self.builder();
            for entry in group.entries.iter().filter_map(|entry| entries.get(*entry)) {
                self.merge(&mut builder, &entry.batch, Part::Common);
            }
            let common = builder.encode(self.limits.message_bytes);
            for place in &group.places {
                print(*place, &common, own.remove(place));
            }
        }
        let mut others: Vec<_> = own.into_iter().collect();
        others.sort_unstable_by_key(|(place, _)| *place);
        for (place, own) in others {
            print(place, &[], Some(own));
        }
    }

    /// One receiver's packets: all that these batches have for it.
    pub(super) fn run_for<'a>(
        &self,
        identity: &str,
        batches: impl IntoIterator<Item = &'a SharedBatch>,
    ) -> Vec<Vec<u8>> {
        let mut builder = self.builder();
        for batch in batches {
            self.merge_all(&mut builder, batch, identity);
        }
        self.packets(identity, &[], Some(builder))
    }

    /// What each receiver alone gets, by place, oldest first.
    fn own<'a>(
        &self,
        entries: &[Entry],
        places: impl Iterator<Item = usize>,
        identity: impl Fn(usize) -> Option<&'a str>,
    ) -> HashMap<usize, Builder> {
        let mut places_of: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut shared = entries
            .iter()
            .filter(|e| matches!(e.receivers, Receivers::Many(_)));
        if shared.any(|e| e.batch.restricted_identities().next().is_some()) {
            for place in places {
                let name = identity(place).unwrap_or_default();
                places_of.entry(name).or_default().push(place);
            }
        }
        let mut own = HashMap::new();
        for Entry { batch, receivers } in entries {
            if let Receivers::One(place) = receivers {
                let builder = own.entry(*place).or_insert_with(|| self.builder());
                let identity = identity(*place).unwrap_or_default();
                self.merge_all(builder, batch, identity);
                continue;
            }
            for identity in batch.restricted_identities() {
                let of_identity = places_of.get(identity).into_iter().flatten();
                for place in of_identity.filter(|place| receivers.has(**place)) {
                    let builder = own.entry(*place).or_insert_with(|| self.builder());
                    self.merge(builder, batch, Part::RestrictedTo(identity));
                }
            }
        }
        own
    }

    fn builder(&self) -> Builder {
        let mut builder = Builder::new(Restriction::none())
            .with_limits(self.limits.report)
            .coalescing();
        builder.set_time(self.now, self.now);
        builder
    }

    fn merge_all(&self, builder: &mut Builder, batch: &SharedBatch, identity: &str) {
        self.merge(builder, batch, Part::Common);
        self.merge(builder, batch, Part::RestrictedTo(identity));
    }

    fn merge(&self, builder: &mut Builder, batch: &SharedBatch, part: Part<'_>) {
        let counts = builder.merge_shared(batch, part);
        let (rows, samples) = (counts.rows_dropped(), counts.samples_dropped());
        if rows + samples > 0 {
            let cut = batch.samples_of(part).saturating_sub(counts.samples);
            self.metrics.report_rows_dropped.add(rows);
            self.metrics.report_samples_dropped.add(cut);
        }
    }

    fn packets(
        &self,
        identity: &str,
        common: &[EncodedBatch],
        own: Option<Builder>,
    ) -> Vec<Vec<u8>> {
        let max_bytes = self.limits.message_bytes;
        let wrap = |message: &EncodedBatch| data_packet(identity, &[message.bytes()]);
        let mut packets = Vec::with_capacity(common.len() + 1);
        match (common, own) {
            ([first @ .., last], Some(mut own)) => {
                packets.extend(first.iter().map(wrap));
                let behind = own.encode_behind(last, max_bytes);
                packets.push(data_packet(identity, &[last.bytes(), &behind.tail]));
                packets.extend(behind.more.iter().map(wrap));
            }
            ([], Some(mut own)) => packets.extend(own.encode(max_bytes).iter().map(wrap)),
            (common, None) => packets.extend(common.iter().map(wrap)),
        }
        let split = packets.len().saturating_sub(1);
        self.metrics.messages_split.add(split as u64);
        packets
    }
}
