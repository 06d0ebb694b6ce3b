//! Exemplars of series: for each classic bucket the last sample that said whose it was.
//!
//! Lives here: taking samples from the threads' boxes, finding out whose they are, keeping them. Not here: how a
//! sample gets into a box (`histogram::named`), when a merge is (`collector`).
//!
//! A sample in a box has the id of its stream and no more. Whose id that is is looked up at the merge, when all streams
//! that may have recorded since the last one are still known: those that ended meanwhile are forgotten after that.

use std::time::SystemTime;

use hashbrown::HashMap;

use super::fold::Fold;
use super::fold_senders::FoldSenders;
use crate::cell::Cell;
use crate::desc::{Desc, LabelNames};
use crate::exemplar::Exemplar;
use crate::histogram::named;
use crate::judge::Participant;
use crate::stream::block::Identity;

/// Who streams are.
pub(super) struct Names<'a> {
    pub(super) received: &'a Fold,
    pub(super) sent: &'a FoldSenders,
    /// Names of the group labels.
    pub(super) labels: &'a LabelNames,
}

/// One stream: what never changes of it, the label values of its group, whose it is.
pub(super) struct Name<'a> {
    pub(super) identity: &'a Identity,
    pub(super) group: &'a [Box<str>],
    pub(super) participant: Option<&'a Participant>,
}

impl Names<'_> {
    fn find(&self, stream: u64) -> Option<Name<'_>> {
        let received = self.received.find(stream);
        received.or_else(|| self.sent.find(stream))
    }

    /// A stream's labels: its SSRC, its group, its participant if it is judged. Of several with one name the group's
    /// is left.
    fn labels<'n>(&'n self, name: &'n Name<'_>) -> impl Iterator<Item = (&'n str, String)> {
        let ssrc = format!("{:08x}", name.identity.ssrc);
        let participant = name.participant.map(|p| ("participant", p.name().into()));
        let of_group = |label: &str| self.labels.iter().any(|name| name == label);
        let group = self.labels.iter().zip(name.group);
        let group = group.map(|(name, value)| (name, value.as_ref().into()));
        // The one that may be long comes last: see `Exemplar::new`.
        let own = |label: &(&str, String)| !of_group(label.0);
        let first = Some(("ssrc", ssrc)).filter(own);
        let last = participant.filter(own);
        first.into_iter().chain(group).chain(last)
    }
}

/// Labels made before: streams that have outliers have them again and again.
#[derive(Debug, Default)]
pub(super) struct Labels(HashMap<u64, (bool, Exemplar)>);

impl Labels {
    /// Streams remembered at most: some 300 bytes each.
    const MOST: usize = 256;

    /// A sample of a stream; `None` if nobody knows the stream.
    fn exemplar(
        &mut self,
        names: &Names<'_>,
        stream: u64,
        value: f64,
        time: SystemTime,
    ) -> Option<Exemplar> {
        let name = names.find(stream)?;
        let is_whole = name.participant.is_some();
        match self.0.get(&stream) {
            // A stream may be judged, and so be somebody's, later than it is heard of.
            Some((as_whole, known)) if *as_whole == is_whole => Some(known.again(value, time)),
            _ => {
                let new = Exemplar::new(names.labels(&name), value, time);
                if self.0.len() >= Self::MOST {
                    self.0.clear();
                }
                self.0.insert(stream, (is_whole, new.clone()));
                Some(new)
            }
        }
    }
}

/// What is known of one series' buckets.
#[derive(Debug, Default)]
pub(super) struct Kept(Vec<Option<Sample>>);

/// The exemplar of one bucket.
#[derive(Debug)]
struct Sample {
    /// In recorded units.
    value: u64,
    /// Number of the merge that took it.
    merge: u64,
    exemplar: Exemplar,
}

/// The merge that takes.
#[derive(Clone, Copy)]
pub(super) struct Merge {
    pub(super) number: u64,
    pub(super) time: SystemTime,
}

impl Kept {
    /// Takes the samples in the boxes of one thread, in `front` of its array of a series of `desc`. Of one merge the
    /// largest sample of each bucket stays.
    pub(super) fn take(
        &mut self,
        front: &[Cell],
        desc: &Desc,
        splits: &[u32],
        names: &Names<'_>,
        labels: &mut Labels,
        merge: Merge,
    ) {
        named::take(front, |value, stream| {
            self.keep((value, stream), desc, splits, names, labels, merge);
        });
    }

    fn keep(
        &mut self,
        (value, stream): (u64, u64),
        desc: &Desc,
        splits: &[u32],
        names: &Names<'_>,
        labels: &mut Labels,
        merge: Merge,
    ) {
        let layout = desc.layout();
        let at = layout.index(value.min(layout.max_value()));
        let bucket = splits.partition_point(|&end| end as usize <= at);
        if self.0.is_empty() {
            self.0.resize_with(splits.len() + 1, || None);
        }
        let Some(kept) = self.0.get_mut(bucket) else {
            return; // there is one for each bound, and one more
        };
        if matches!(kept, Some(k) if k.merge == merge.number && k.value >= value) {
            return;
        }
        // A value that the layout counts with a bound is shown as that bound: so that the bucket which has the
        // exemplar is the one that counts the sample.
        let shown = value as f64 / desc.recorded_per_unit();
        let bound = desc.bounds().get(bucket);
        let shown = bound.map_or(shown, |bound| shown.min(*bound));
        if let Some(exemplar) = labels.exemplar(names, stream, shown, merge.time) {
            let merge = merge.number;
            *kept = Some(Sample {
                value,
                merge,
                exemplar,
            });
        }
    }

    /// The exemplars, ascending by value.
    pub(super) fn exemplars(&self) -> impl Iterator<Item = &Exemplar> {
        self.0.iter().flatten().map(|kept| &kept.exemplar)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::histogram::HistogramSnapshot;
    use crate::quality::{Codec, Config};
    use crate::{Registry, Stream, StreamConfig};

    static WAIT: Desc = Desc::histogram("wait", "W.", &[100.0]).exemplars();

    /// With little room: Miri zeroes a thread's memory for real.
    fn small() -> Registry {
        Registry::builder().max_series(64).build().unwrap()
    }

    fn streams(registry: &Registry, n: u32) -> Vec<Stream> {
        let group = registry.group(&["incoming", "audio"]).unwrap();
        let stream = |ssrc| registry.stream(&group, StreamConfig::new(ssrc, 8_000));
        (0..n).map(|ssrc| stream(ssrc).unwrap()).collect()
    }

    fn shown(histogram: &HistogramSnapshot) -> Vec<(f64, &str)> {
        let all = histogram.exemplars().iter();
        all.map(|e| (e.value(), e.labels().next().unwrap().1))
            .collect()
    }

    #[test]
    fn of_several_threads_the_largest_sample_is_shown() {
        let registry = small();
        let streams = streams(&registry, 3);
        let wait = registry.histogram(&WAIT, &[]).unwrap();
        let all_recorded = Barrier::new(streams.len());
        std::thread::scope(|scope| {
            for (value, stream) in [7, 9, 8].into_iter().zip(&streams) {
                let (wait, all_recorded, id) = (&wait, &all_recorded, stream.id());
                scope.spawn(move || {
                    wait.record_for(value, id);
                    wait.record_for(50, id); // its box is full
                    all_recorded.wait(); // none takes over another's shard
                });
            }
        });
        let snapshot = registry.collect();
        let histogram = snapshot.histogram("wait", &[]).unwrap();
        assert_eq!(shown(histogram), [(9.0, "00000001")]);
    }

    #[test]
    #[cfg_attr(
        miri,
        ignore = "hundreds of merges of hundreds of streams; nothing of it is concurrent"
    )]
    fn labels_are_made_once_a_stream_and_anew_when_its_participant_is_told() {
        let registry = Registry::new().unwrap();
        let streams = streams(&registry, 600);
        let wait = registry.histogram(&WAIT, &[]).unwrap();
        let exemplar = |at: usize| {
            wait.record_for(5, streams[at].id());
            let snapshot = registry.collect();
            snapshot.histogram("wait", &[]).unwrap().exemplars()[0].clone()
        };
        let text = |e: &Exemplar| e.labels().next().unwrap().1.as_ptr();
        let first = exemplar(0);
        let other = exemplar(1);
        let again = exemplar(0);
        assert_eq!(text(&first), text(&again));
        assert_ne!(text(&first), text(&other));
        let config = Config::inbound(Codec::Opus.loss_weight(true));
        let alice = registry.participant("alice");
        registry.judge(&streams[0], config, Some(&alice)).unwrap();
        let judged = exemplar(0);
        assert_eq!(judged.labels().last(), Some(("participant", "alice")));
        // Of a crowd all are right, and few are remembered.
        for at in 0..streams.len() {
            let ssrc = format!("{at:08x}");
            assert_eq!(exemplar(at).labels().next(), Some(("ssrc", &*ssrc)));
        }
        assert!(registry.shared.collector().labels().0.len() <= Labels::MOST);
    }

    /// For Miri and the sanitizers: boxes are filled and emptied at once.
    #[test]
    fn threads_fill_while_merges_empty() {
        const EACH: u64 = if cfg!(miri) { 20 } else { 10_000 };
        let registry = small();
        let streams = streams(&registry, 2);
        let wait = registry.histogram(&WAIT, &[]).unwrap();
        std::thread::scope(|scope| {
            for (t, stream) in streams.iter().enumerate() {
                let (wait, id) = (&wait, stream.id());
                scope.spawn(move || {
                    let local = wait.local();
                    (0..EACH).for_each(|i| local.record_for((i % 100) * 2 + t as u64, id));
                });
            }
            for _ in 0..EACH / 10 {
                let snapshot = registry.collect();
                let Some(histogram) = snapshot.histogram("wait", &[]) else {
                    continue;
                };
                for (value, ssrc) in shown(histogram) {
                    let at_bound = value == 100.0;
                    assert!(at_bound || ssrc == format!("{:08x}", value as u64 % 2));
                }
            }
        });
        let snapshot = registry.collect();
        assert_eq!(snapshot.histogram("wait", &[]).unwrap().count(), 2 * EACH);
    }
}
