//! Intervals and series that were asked for, joined to steps.
//!
//! Lives here: which, when, and what their sums are. Not here: how it is written (`json`, `log`).

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use media_metrics_core::Desc;
use media_metrics_core::desc::Kind;

use super::frame::{Frame, Record, Sum};
use super::query::{Query, When};
use super::ring::{Known, Shared};
use crate::format::Filter;
use crate::grown::quantile;
use crate::parameters::{BadQuery, no_such_value};

/// What was asked for: shared with the ring, so that it can go on.
#[derive(Debug)]
pub(super) struct View {
    frames: Vec<Arc<Frame>>,
    /// Sorted by family and labels.
    pub(super) series: Vec<Known>,
    /// For each number of the ring, the place in `series`.
    places: Vec<Option<u32>>,
    /// The end of the last interval that there is, on the recorder's time line and for people.
    end: (Duration, SystemTime),
    pub(super) resolution: Duration,
}

/// Some intervals in a row.
#[derive(Clone, Debug)]
pub(super) struct Step {
    frames: Range<usize>,
    pub(super) from: SystemTime,
    pub(super) to: SystemTime,
    /// The sum of the intervals: without what a restart left between them.
    pub(super) length: Duration,
}

/// What a step has of one series.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub(super) more: u64,
    pub(super) level: Option<f64>,
    /// Ascending, each once, when the step is summed.
    pub(super) buckets: Vec<(u32, u64)>,
    /// So many of them were so when they were looked at last.
    joined: usize,
    /// Of a histogram, in exposed units.
    pub(super) sum: f64,
}

impl View {
    pub(super) fn new(
        kept: Shared,
        shown: &Filter,
        query: &Query,
        end: (Duration, SystemTime),
        resolution: Duration,
    ) -> Result<Self, BadQuery> {
        let Shared {
            frames,
            series: mut chosen,
        } = kept;
        let mut names: HashMap<&str, bool> = HashMap::new();
        for (_, known) in &chosen {
            let name = known.identity.desc.name();
            names.entry(name).or_insert_with(|| shown.shows_name(name));
        }
        let mut asked = query.families.iter();
        if let Some(name) = asked.find(|name| names.get(&***name) != Some(&true)) {
            let wanted =
                "a family of the recorded intervals (ask without it for those that there are)";
            return Err(no_such_value("family", name, wanted));
        }
        let hidden = names.into_iter().filter(|(_, is_shown)| !is_shown);
        let hidden: HashSet<String> = hidden.map(|(name, _)| name.to_owned()).collect();
        chosen.retain(|(_, known)| {
            !hidden.contains(known.identity.desc.name()) && wanted(query, known)
        });
        chosen.sort_by(|(_, a), (_, b)| by_name(a, b));
        let numbers = chosen.iter().map(|(number, _)| *number as usize + 1).max();
        let mut places = vec![None; numbers.unwrap_or(0)];
        for (place, (number, _)) in chosen.iter().enumerate() {
            if let Some(there) = places.get_mut(*number as usize) {
                *there = u32::try_from(place).ok();
            }
        }
        let line = |when: Option<When>| match when? {
            When::Ago(ago) => Some(end.0.saturating_sub(ago)),
            When::At(at) => Some(match end.1.duration_since(at) {
                Ok(ago) => end.0.saturating_sub(ago),
                Err(ahead) => end.0.saturating_add(ahead.duration()),
            }),
        };
        let since = line(query.since).unwrap_or(Duration::ZERO);
        let until = line(query.until).unwrap_or(Duration::MAX);
        // Those of which at least half is within.
        let middle = |frame: &Frame| frame.start() + frame.length / 2;
        let within = |frame: &Arc<Frame>| (since..until).contains(&middle(frame));
        Ok(Self {
            frames: frames.into_iter().filter(within).collect(),
            series: chosen.into_iter().map(|(_, known)| known).collect(),
            places,
            end,
            resolution,
        })
    }

    /// The intervals, joined until `length` is full.
    pub(super) fn steps(&self, length: Option<Duration>) -> Vec<Step> {
        // A little less does, so that a late tick does not take another in.
        let full = length.map_or(Duration::ZERO, |l| l.saturating_sub(self.resolution / 2));
        let mut steps: Vec<Step> = Vec::new();
        let mut open = false;
        for (i, frame) in self.frames.iter().enumerate() {
            match steps.last_mut().filter(|_| open) {
                Some(step) => {
                    step.frames.end = i + 1;
                    step.to = self.wall(frame.end);
                    step.length += frame.length;
                }
                None => steps.push(Step {
                    frames: i..i + 1,
                    from: self.wall(frame.start()),
                    to: self.wall(frame.end),
                    length: frame.length,
                }),
            }
            open = steps.last().is_some_and(|step| step.length < full);
        }
        steps
    }

    /// Sums of a step for the first `sums.len()` series.
    pub(super) fn sum(&self, step: &Step, sums: &mut [Sums]) {
        sums.iter_mut().for_each(Sums::clear);
        let mut scratch = Vec::new();
        for frame in self.frames.get(step.frames.clone()).unwrap_or_default() {
            frame.each(&mut scratch, |number, record| {
                let place = self.places.get(number as usize).copied().flatten();
                let Some(place) = place.map(|place| place as usize) else {
                    return;
                };
                let (Some(sums), Some(known)) = (sums.get_mut(place), self.series.get(place))
                else {
                    return;
                };
                sums.add(record, &known.identity.desc);
            });
        }
        sums.iter_mut().for_each(Sums::join);
    }

    /// Whether series `place` was there in some of the step's intervals.
    pub(super) fn is_there(&self, place: usize, step: &Step) -> bool {
        let Some(known) = self.series.get(place) else {
            return false;
        };
        let frames = self.frames.get(step.frames.clone()).unwrap_or_default();
        frames.iter().any(|frame| {
            frame.number >= known.first && known.gone.is_none_or(|gone| frame.number < gone)
        })
    }

    /// The wall clock at a moment, as the clock stands now.
    fn wall(&self, at: Duration) -> SystemTime {
        let (end, wall) = self.end;
        let wall = wall.checked_sub(end.saturating_sub(at));
        wall.unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

impl Sums {
    /// Buckets that may wait to be joined, beside as many as there are.
    const SLACK: usize = 1_024;

    /// Nothing again; what it has of memory stays.
    fn clear(&mut self) {
        self.buckets.clear();
        let buckets = std::mem::take(&mut self.buckets);
        *self = Self {
            buckets,
            ..Self::default()
        };
    }

    fn add(&mut self, record: Record<'_>, desc: &Desc) {
        match record {
            Record::Counter(more) => self.more = self.more.saturating_add(more),
            Record::Gauge(level) => self.level = Some(level),
            Record::Histogram { buckets, sum } => {
                if self.buckets.len() > 2 * self.joined + Self::SLACK {
                    self.join();
                }
                self.buckets.extend_from_slice(buckets);
                self.sum += match sum {
                    Sum::Recorded(sum) => sum as f64 / desc.recorded_per_unit(),
                    Sum::Exact(sum) => sum,
                };
            }
        }
    }

    /// Joins the counts of each bucket. An interval's are in order: several are runs, which a stable sort merges.
    fn join(&mut self) {
        if !self.buckets.is_sorted_by(|(a, _), (b, _)| a < b) {
            self.buckets.sort_by_key(|(bucket, _)| *bucket);
            self.buckets.dedup_by(|(next, more), (bucket, n)| {
                let is_same = next == bucket;
                if is_same {
                    *n = n.saturating_add(*more);
                }
                is_same
            });
        }
        self.joined = self.buckets.len();
    }

    /// Samples.
    pub(super) fn count(&self) -> u64 {
        let counts = self.buckets.iter().map(|(_, n)| *n);
        counts.fold(0, u64::saturating_add)
    }

    /// What a share `q` of the samples does not exceed, in exposed units. `None` without samples, and of an exact
    /// histogram, which knows no values.
    pub(super) fn quantile(&self, q: f64, desc: &Desc) -> Option<f64> {
        if desc.is_exact() {
            return None;
        }
        let buckets = self.buckets.iter().map(|&(bucket, n)| (bucket as usize, n));
        let value = quantile(desc.layout(), buckets, self.count(), q)?;
        Some(value as f64 / desc.recorded_per_unit())
    }
}

fn wanted(query: &Query, known: &Known) -> bool {
    let identity = &known.identity;
    let family =
        query.families.is_empty() || query.families.iter().any(|f| f == identity.desc.name());
    let is_log = query.format() == super::Format::Log;
    let fit = !is_log || (identity.desc.kind() == Kind::Histogram && !identity.desc.is_exact());
    let has = |(name, value): &(String, String)| {
        identity
            .labels
            .iter()
            .any(|(n, v)| **n == **name && **v == **value)
    };
    family && fit && query.labels.iter().all(has)
}

fn by_name(a: &Known, b: &Known) -> Ordering {
    let (one, other) = (&a.identity, &b.identity);
    let names = one.desc.name().cmp(other.desc.name());
    names.then_with(|| (&one.labels, a.first).cmp(&(&other.labels, b.first)))
}
