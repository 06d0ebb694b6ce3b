//! All scored streams, and participants: what a tick does with them.
//!
//! Lives here: the list, who has left it, when a window is due. Not here: one stream (`subject`).

use std::time::Duration;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::participant::{Participant, ParticipantSnapshot};
use super::subject::Judged;
use crate::quality::{Quality, worst};
use crate::registry::Shared;
use crate::reporter::helpers::helpers;
use crate::reporter::live::give_back;
use crate::rhythm::Rhythm;

/// Scored streams from which on the help of other threads is worth it.
const PARALLEL: usize = 1 << 13;

// `Registry::judge` tells of 1.5 KiB.
const _: () = assert!(Judges::BYTES <= 1536);

/// All scored streams.
#[derive(Debug, Default)]
pub(crate) struct Judges {
    #[expect(
        clippy::vec_box,
        reason = "a kilobyte each, moved whenever the list grows or somebody before it leaves"
    )]
    judged: Vec<Box<Judged>>,
    participants: Option<Rhythm>,
}

impl Judges {
    /// Bytes of one scored stream: what is listed here, and what it shares with the host's handle.
    pub(crate) const BYTES: usize = size_of::<Box<Judged>>() + size_of::<Judged>() + 256;

    /// Scored streams.
    pub(crate) fn len(&self) -> usize {
        self.judged.len()
    }

    /// Adopts new ones, forgets streams that ended, judges windows that are long enough. The qualities of
    /// participants, if those are judged with this tick.
    pub(crate) fn tick(&mut self, shared: &Shared, at: Duration) -> Vec<Quality> {
        let (length, period) = (shared.quality_window(), shared.period());
        while let Some(mut new) = shared.books.new.pop() {
            new.stagger(length);
            self.judged.push(new);
        }
        self.forget_ended();
        let large = self.judged.len() >= PARALLEL;
        match helpers(large) {
            Some(pool) => pool.install(|| {
                let all = self.judged.par_iter_mut();
                all.for_each(|judged| judged.tick(at, length, period));
            }),
            None => self
                .judged
                .iter_mut()
                .for_each(|j| j.tick(at, length, period)),
        }
        let rhythm = self.participants.get_or_insert(Rhythm::new(Duration::ZERO));
        match rhythm.ends(at, length, period) {
            true => self.judge_participants(shared),
            false => Vec::new(),
        }
    }

    /// Forgets streams that ended. Of participants who have no other nothing is known any more.
    fn forget_ended(&mut self) {
        let mut left: HashMap<usize, Participant> = HashMap::new();
        self.judged.retain_mut(|judged| {
            let over = judged.is_over();
            if over && let Some(participant) = judged.participant.take() {
                left.insert(participant.key(), participant);
            }
            !over
        });
        if !left.is_empty() {
            let others = self.judged.iter().filter_map(|j| j.participant.as_ref());
            others.for_each(|other| drop(left.remove(&other.key())));
            left.values()
                .for_each(|participant| participant.publish(None));
        }
        give_back(&mut self.judged);
    }

    /// A participant is as well off as the worst of their streams.
    fn judge_participants(&self, shared: &Shared) -> Vec<Quality> {
        let Some(metrics) = shared.books.participants() else {
            return Vec::new(); // nobody has been named
        };
        let all = self.participants();
        for (participant, quality) in &all {
            participant.publish(*quality);
        }
        let qualities: Vec<Quality> = all.iter().filter_map(|(_, quality)| *quality).collect();
        metrics.record(&qualities);
        qualities
    }

    fn participants(&self) -> Vec<(Participant, Option<Quality>)> {
        let mut of_each: HashMap<usize, (Participant, Vec<Quality>)> = HashMap::new();
        for judged in &self.judged {
            if let Some(participant) = &judged.participant {
                let key = participant.key();
                let entry = of_each
                    .entry(key)
                    .or_insert_with(|| (participant.clone(), Vec::new()));
                entry.1.push(judged.quality());
            }
        }
        let all = of_each.into_values();
        all.map(|(participant, qualities)| (participant, worst(qualities)))
            .collect()
    }

    /// The id and quality of each scored stream.
    pub(crate) fn qualities(&self) -> Vec<(u64, Quality)> {
        let all = self.judged.iter();
        all.map(|judged| (judged.id(), judged.quality())).collect()
    }

    /// Every participant with a scored stream, by name.
    pub(crate) fn participant_snapshots(&self) -> Vec<ParticipantSnapshot> {
        let mut all: Vec<_> = self
            .participants()
            .into_iter()
            .map(|(participant, _)| ParticipantSnapshot {
                name: participant.name().to_owned(),
                quality: participant.quality(),
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}
