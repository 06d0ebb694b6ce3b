//! One family, as merges know it: which cells its series have, and what they add up to.
//!
//! Lives here: a family's series in the order of its values, reading all shards into these. Not here: which families there
//! are, and when it is time (`collector`).

use std::sync::Arc;

use super::exemplars::{Kept, Labels, Merge, Names};
use crate::cell::Cell;
use crate::desc::Kind;
use crate::histogram::array::{CLAMPED, HEADER, SUM, array_len};
use crate::histogram::{Cuts, HistogramSnapshot, Part, named};
use crate::registry::Series;
use crate::registry::table::Family;
use crate::shard::{Shard, Shards};
use crate::snapshot::{FamilySchema, FamilySnapshot, Values};

/// A family as the collector knows it.
#[derive(Debug)]
pub(super) struct Collected {
    /// Position in the registry's table.
    pub(super) at: usize,
    pub(super) schema: Arc<FamilySchema>,
    /// Cells of the series, in the schema's order, as runs of neighbours.
    runs: Vec<Run>,
    /// For histograms.
    cuts: Arc<Cuts>,
    /// Of each series what is shown with whose it is; empty if the family has no exemplars.
    kept: Vec<Kept>,
}

/// Cells `first .. first + len`. Series that were registered one after the other are neighbours, so that
/// most families are a few runs, and reading a run is reading memory from end to end.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u32,
    len: u32,
}

/// The runs of these indexes, in their order.
fn runs(indexes: impl Iterator<Item = u32>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for index in indexes {
        match runs.last_mut() {
            Some(run) if run.first + run.len == index => run.len += 1,
            _ => runs.push(Run {
                first: index,
                len: 1,
            }),
        }
    }
    runs.shrink_to_fit();
    runs
}

impl Collected {
    /// The family at this position of the table, as it was `before`, with the series that came and without those that
    /// went.
    pub(super) fn new(at: usize, family: &mut Family, mut before: Option<&mut Self>) -> Self {
        let added = std::mem::take(&mut family.added);
        let mut kept_before = before
            .as_deref_mut()
            .map_or_else(Vec::new, |c| std::mem::take(&mut c.kept))
            .into_iter();
        let before = before.as_deref();
        let there = before.map_or(&[][..], |c| &c.schema.series);
        let shown = family.desc.has_exemplars();
        let mut kept = Vec::new();
        let mut series: Vec<Arc<Series>> = Vec::with_capacity(there.len() + added.len());
        for s in there.iter().chain(&added) {
            // Those that were there come first, in their order.
            let of_series = kept_before.next().unwrap_or_default();
            if s.list() {
                series.push(Arc::clone(s));
                kept.extend(shown.then_some(of_series));
            }
        }
        Self {
            at,
            kept,
            runs: runs(series.iter().map(|s| s.index)),
            cuts: before.map_or_else(
                || Arc::new(Cuts::new(&family.desc)),
                |c| Arc::clone(&c.cuts),
            ),
            schema: Arc::new(FamilySchema {
                desc: Arc::clone(&family.desc),
                series,
            }),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.schema.desc.name()
    }

    /// Bytes of bucket arrays that one thread has at most.
    pub(super) fn bucket_bytes(&self) -> usize {
        match self.schema.desc.kind() {
            Kind::Histogram => self.schema.len() * named::cells(&self.schema.desc) * 8,
            _ => 0,
        }
    }

    /// Room for the values.
    pub(super) fn values(&self) -> FamilySnapshot {
        let n = self.schema.len();
        let values = match self.schema.desc.kind() {
            Kind::Counter => Values::Counter(vec![0; n]),
            Kind::Gauge => Values::Gauge(vec![None; n]),
            Kind::Histogram => {
                let desc = &self.schema.desc;
                let empty = || HistogramSnapshot::empty(desc, Arc::clone(&self.cuts));
                Values::Histogram(std::iter::repeat_with(empty).take(n).collect())
            }
        };
        FamilySnapshot {
            schema: Arc::clone(&self.schema),
            values,
        }
    }

    /// Sums the cells of all shards.
    pub(super) fn sum(&self, shards: &Shards, values: &mut Values) {
        match values {
            Values::Counter(totals) => {
                // Shard by shard, so that each one's cells are read in one sweep.
                let mut shards = shards.iter();
                let Some(first) = shards.next() else {
                    return totals.fill(0);
                };
                self.each_cell(first, totals, |total, cell| *total = cell.get());
                for shard in shards {
                    let add =
                        |total: &mut u64, cell: &Cell| *total = total.wrapping_add(cell.get());
                    self.each_cell(shard, totals, add);
                }
            }
            Values::Gauge(levels) => {
                for (level, series) in levels.iter_mut().zip(&self.schema.series) {
                    let there = series.level.as_ref();
                    *level = there.and_then(|l| l.value(shards, series.index));
                }
            }
            Values::Histogram(histograms) => {
                let len = array_len(self.schema.desc.layout());
                for (histogram, series) in histograms.iter_mut().zip(&self.schema.series) {
                    let arrays = shards.iter().filter_map(|s| s.buckets(series.index, len));
                    histogram.merge(arrays.map(|array| Part {
                        counts: array[HEADER..].iter().map(Cell::get),
                        sum: array[SUM].get(),
                        clamped: array[CLAMPED].get(),
                    }));
                }
                for (histogram, kept) in histograms.iter_mut().zip(&self.kept) {
                    histogram.copy_exemplars(kept.exemplars());
                }
            }
        }
    }

    /// Takes what threads keep for exemplars of the series.
    pub(super) fn take_exemplars(
        &mut self,
        shards: &Shards,
        names: &Names<'_>,
        labels: &mut Labels,
        merge: Merge,
    ) {
        let desc = &*self.schema.desc;
        let front = named::front(desc);
        for (kept, series) in self.kept.iter_mut().zip(&self.schema.series) {
            for cells in shards
                .iter()
                .filter_map(|s| s.before_buckets(series.index, front))
            {
                kept.take(cells, desc, &self.cuts.classic, names, labels, merge);
            }
        }
    }

    /// Calls `f` with each value and the shard's cell of the same series.
    #[inline]
    fn each_cell(&self, shard: &Shard, values: &mut [u64], f: impl Fn(&mut u64, &Cell)) {
        let mut rest = values;
        for run in &self.runs {
            let Some((now, later)) = rest.split_at_mut_checked(run.len as usize) else {
                return;
            };
            let cells = shard.cells(run.first, run.len);
            now.iter_mut()
                .zip(cells)
                .for_each(|(value, cell)| f(value, cell));
            rest = later;
        }
    }
}
