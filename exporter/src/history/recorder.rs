//! From a snapshot, and the one before, to an interval.
//!
//! Lives here: by how much series grew. Not here: which are the same (`crate::grown`), how that is packed (`frame`),
//! how long it is kept (`ring`), when there is a new interval (the room's own file).

use std::sync::Arc;

use media_metrics_core::histogram::HistogramSnapshot;
use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Snapshot, Values};

use super::frame::{self, Record, Sum};
use super::ring::{Identity, Ring};
use crate::grown::positions;

/// Stands for a series that is not followed.
const NOT_FOLLOWED: u32 = u32::MAX;

/// What is kept between intervals. Its buffers are used again: a warm interval allocates what is kept of it.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// The last merge, which the next is compared with.
    before: Option<Arc<Snapshot>>,
    /// For each family of it, the numbers of its series in the ring.
    numbers: Vec<Vec<u32>>,
    records: Vec<u8>,
    buckets: Vec<(u32, u64)>,
    unfollowed: usize,
}

impl Recorder {
    /// Number of the last snapshot.
    pub(super) fn sequence(&self) -> Option<u64> {
        Some(self.before.as_ref()?.sequence())
    }

    /// Series of the last snapshot that there was no room for.
    pub(super) const fn unfollowed(&self) -> usize {
        self.unfollowed
    }

    /// What the last snapshot takes up, estimated from its numbers of values.
    pub(super) fn snapshot_bytes(&self) -> usize {
        let families = self.before.iter().flat_map(|s| s.families());
        let bytes = families.map(|family| match family.values() {
            Values::Counter(v) => size_of_val(&**v),
            Values::Gauge(v) => size_of_val(&**v),
            Values::Histogram(v) => {
                let each = v.first().map_or(0, |h| size_of_val(h.counts()));
                v.len() * (each + size_of::<HistogramSnapshot>())
            }
            _ => 0,
        });
        bytes.sum()
    }

    /// Follows the series of another registry, or of a process' first snapshot: nothing is known of what came before.
    pub(super) fn begin(&mut self, snapshot: &Arc<Snapshot>, ring: &mut Ring) {
        for number in self.numbers.drain(..).flatten() {
            ring.retire(number);
        }
        self.before = None;
        self.adopt(snapshot, ring);
        self.before = Some(Arc::clone(snapshot));
    }

    /// What happened between the last snapshot and this, packed.
    pub(super) fn interval(&mut self, snapshot: &Arc<Snapshot>, ring: &mut Ring) -> &[u8] {
        self.records.clear();
        let places = self.adopt(snapshot, ring);
        let former = self.before.take();
        for (family, (numbers, place)) in snapshot
            .families()
            .iter()
            .zip(self.numbers.iter().zip(&places))
        {
            let former = former
                .as_ref()
                .and_then(|s| s.families().get(place.family?));
            for (i, number) in numbers.iter().copied().enumerate() {
                if number != NOT_FOLLOWED {
                    let before = former.zip(place.series(i));
                    pack(
                        &mut self.records,
                        &mut self.buckets,
                        number,
                        (family, i),
                        before,
                    );
                }
            }
        }
        self.before = Some(Arc::clone(snapshot));
        &self.records
    }

    /// Brings the numbers in line with a new snapshot's series. Says where each of its families was in the last.
    fn adopt(&mut self, snapshot: &Snapshot, ring: &mut Ring) -> Vec<Place> {
        let former = self.before.as_deref().map_or(&[][..], Snapshot::families);
        let mut old = std::mem::take(&mut self.numbers);
        self.unfollowed = 0;
        let mut places = Vec::with_capacity(snapshot.families().len());
        for family in snapshot.families() {
            let schema = family.schema();
            // Both are sorted by name.
            let name = schema.desc().name();
            let at = former
                .binary_search_by(|f| f.schema().desc().name().cmp(name))
                .ok();
            let known = at.and_then(|at| old.get_mut(at)).map(std::mem::take);
            let mut known = known.unwrap_or_default();
            let mut moved = None;
            match at.and_then(|at| former.get(at)).map(FamilySnapshot::schema) {
                Some(before) if Arc::ptr_eq(before, schema) => {}
                Some(before) => {
                    let from = positions(schema, before);
                    known = renumber(schema, before, (&from, &known), ring);
                    moved = Some(from);
                }
                None => known = (0..schema.len()).map(|i| follow(schema, i, ring)).collect(),
            }
            self.unfollowed += known.iter().filter(|n| **n == NOT_FOLLOWED).count();
            self.numbers.push(known);
            places.push(Place { family: at, moved });
        }
        old.iter().flatten().for_each(|number| ring.retire(*number));
        places
    }
}

/// Where a family and its series were in the snapshot before.
struct Place {
    family: Option<usize>,
    /// Where each series was; `None` if all are where they were.
    moved: Option<Vec<Option<usize>>>,
}

impl Place {
    fn series(&self, i: usize) -> Option<usize> {
        match &self.moved {
            None => Some(i),
            Some(from) => from.get(i).copied().flatten(),
        }
    }
}

/// Numbers of a family of which series came or went: `from` says where each was, and `known` what it was called there.
fn renumber(
    schema: &FamilySchema,
    before: &FamilySchema,
    (from, known): (&[Option<usize>], &[u32]),
    ring: &mut Ring,
) -> Vec<u32> {
    // Another description, another unit for one, is shown as another series.
    let same = before.desc() == schema.desc();
    let kept = |at: &Option<usize>| at.filter(|_| same);
    let mut gone = 0;
    let mut numbers = Vec::with_capacity(schema.len());
    for (i, at) in from.iter().map(kept).enumerate() {
        let Some(at) = at else {
            numbers.push(follow(schema, i, ring));
            continue;
        };
        retire(known.get(gone..at), ring);
        gone = at + 1;
        let number = known
            .get(at)
            .copied()
            .filter(|number| *number != NOT_FOLLOWED);
        numbers.push(number.unwrap_or_else(|| follow(schema, i, ring)));
    }
    retire(known.get(gone..), ring);
    numbers
}

fn retire(numbers: Option<&[u32]>, ring: &mut Ring) {
    numbers
        .into_iter()
        .flatten()
        .for_each(|number| ring.retire(*number));
}

fn follow(schema: &FamilySchema, i: usize, ring: &mut Ring) -> u32 {
    ring.follow(identity(schema, i)).unwrap_or(NOT_FOLLOWED)
}

fn identity(schema: &FamilySchema, i: usize) -> Identity {
    Identity {
        desc: Arc::clone(schema.desc()),
        labels: schema
            .labels(i)
            .map(|(n, v)| (n.into(), v.into()))
            .collect(),
    }
}

/// Packs one series, if it has something to say.
fn pack(
    out: &mut Vec<u8>,
    buckets: &mut Vec<(u32, u64)>,
    number: u32,
    (family, i): (&FamilySnapshot, usize),
    before: Option<(&FamilySnapshot, usize)>,
) {
    let record = match family.values() {
        Values::Counter(now) => {
            let before = match before.map(|(f, j)| (f.values(), j)) {
                Some((Values::Counter(v), j)) => v.get(j).copied(),
                _ => None,
            };
            let more = now
                .get(i)
                .copied()
                .unwrap_or(0)
                .saturating_sub(before.unwrap_or(0));
            (more > 0).then_some(Record::Counter(more))
        }
        Values::Gauge(now) => now.get(i).copied().flatten().map(Record::Gauge),
        Values::Histogram(now) => {
            let before = match before.map(|(f, j)| (f.values(), j)) {
                Some((Values::Histogram(v), j)) => v.get(j),
                _ => None,
            };
            let Some(now) = now.get(i) else { return };
            buckets.clear();
            buckets.extend(now.increases(before).map(|(bucket, n)| (bucket as u32, n)));
            let sum = match now.exact_sum() {
                Some(sum) => {
                    Sum::Exact(sum - before.and_then(HistogramSnapshot::exact_sum).unwrap_or(0.0))
                }
                None => Sum::Recorded(
                    now.sum()
                        .wrapping_sub(before.map_or(0, HistogramSnapshot::sum)),
                ),
            };
            (!buckets.is_empty()).then_some(Record::Histogram { buckets, sum })
        }
        _ => None,
    };
    if let Some(record) = record {
        frame::write(out, number, record);
    }
}
