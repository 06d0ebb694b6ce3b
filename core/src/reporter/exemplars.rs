//! Exemplars of series: for each classic bucket the last sample that said whose it was.
//!
//! Lives here: taking samples from the threads' boxes, finding out whose they are, keeping them. Not here: how a
//! sample gets into a box (`histogram::named`), when a merge is (`collector`).
//!
//! A sample in a box has the id of its stream and no more. Whose id that is is looked up at the merge, when all streams
//! that may have recorded since the last one are still known: those that ended meanwhile are forgotten after that.

use std::time::SystemTime;

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
    /// Labels of the stream with this id: its SSRC, its group, its participant if it is judged. `None` if there is
    /// none. Of several labels with one name the group's is left.
    fn labels(&self, stream: u64) -> Option<Vec<(&str, String)>> {
        let name = self
            .received
            .find(stream)
            .or_else(|| self.sent.find(stream))?;
        let ssrc = format!("{:08x}", name.identity.ssrc);
        let participant = name.participant.map(|p| ("participant", p.name().into()));
        let of_group = |label: &str| self.labels.iter().any(|name| name == label);
        let group = self.labels.iter().zip(name.group);
        let group = group.map(|(name, value)| (name, value.as_ref().into()));
        // The one that may be long comes last: see `Exemplar::new`.
        let own = |label: &(&str, String)| !of_group(label.0);
        let first = Some(("ssrc", ssrc)).filter(own);
        let last = participant.filter(own);
        Some(first.into_iter().chain(group).chain(last).collect())
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
    stream: u64,
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
        merge: Merge,
    ) {
        named::take(front, |value, stream| {
            self.keep(value, stream, desc, splits, names, merge);
        });
    }

    fn keep(
        &mut self,
        value: u64,
        stream: u64,
        desc: &Desc,
        splits: &[u32],
        names: &Names<'_>,
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
        let exemplar = match kept {
            // Labels are shared: of a stream that stays the outlier nothing is made anew.
            Some(k) if k.stream == stream => k.exemplar.again(shown, merge.time),
            _ => match names.labels(stream) {
                Some(labels) => Exemplar::new(labels, shown, merge.time),
                None => return, // nobody's that we know
            },
        };
        *kept = Some(Sample {
            value,
            stream,
            merge: merge.number,
            exemplar,
        });
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
    use crate::{Registry, Stream, StreamConfig};

    static WAIT: Desc = Desc::histogram("wait", "W.", &[100.0]).exemplars();

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
        let registry = Registry::new().unwrap();
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

    /// For Miri and the sanitizers: boxes are filled and emptied at once.
    #[test]
    fn threads_fill_while_merges_empty() {
        const EACH: u64 = if cfg!(miri) { 20 } else { 10_000 };
        let registry = Registry::new().unwrap();
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
