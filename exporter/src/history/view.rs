//! Intervals and series that were asked for, joined to steps.
//!
//! Lives here: which, when, and what their sums are. Not here: how it is written (`json`, `log`).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use media_metrics_core::Desc;
use media_metrics_core::desc::Kind;

use super::frame::{Frame, Record, Sum};
use super::query::{BadQuery, Query, When};
use super::ring::{Known, Ring};

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
    pub(super) buckets: BTreeMap<u32, u64>,
    /// Of a histogram, in exposed units.
    pub(super) sum: f64,
}

impl View {
    pub(super) fn new(
        ring: &Ring,
        query: &Query,
        end: (Duration, SystemTime),
        resolution: Duration,
    ) -> Result<Self, BadQuery> {
        for name in &query.families {
            if !ring
                .series()
                .any(|(_, known)| known.identity.desc.name() == name)
            {
                let reason = format!(
                    "no family {name:?} in the recorded intervals: ask without it for those that there are"
                );
                return Err(BadQuery::new("family", reason));
            }
        }
        let mut chosen: Vec<_> = ring
            .series()
            .filter(|(_, known)| wanted(query, known))
            .collect();
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
        let within = |frame: &&Arc<Frame>| (since..until).contains(&middle(frame));
        Ok(Self {
            frames: ring.frames().filter(within).map(Arc::clone).collect(),
            series: chosen.into_iter().map(|(_, known)| known.clone()).collect(),
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
        sums.fill_with(Sums::default);
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
    fn add(&mut self, record: Record<'_>, desc: &Desc) {
        match record {
            Record::Counter(more) => self.more = self.more.saturating_add(more),
            Record::Gauge(level) => self.level = Some(level),
            Record::Histogram { buckets, sum } => {
                for &(bucket, n) in buckets {
                    let count = self.buckets.entry(bucket).or_default();
                    *count = count.saturating_add(n);
                }
                self.sum += match sum {
                    Sum::Recorded(sum) => sum as f64 / desc.recorded_per_unit(),
                    Sum::Exact(sum) => sum,
                };
            }
        }
    }

    /// Samples.
    pub(super) fn count(&self) -> u64 {
        self.buckets
            .values()
            .fold(0, |sum: u64, n| sum.saturating_add(*n))
    }

    /// What a share `q` of the samples does not exceed, in exposed units: as `HistogramSnapshot::quantile` has it.
    /// `None` without samples, and of an exact histogram, which knows no values.
    pub(super) fn quantile(&self, q: f64, desc: &Desc) -> Option<f64> {
        let count = self.count();
        if count == 0 || desc.is_exact() {
            return None;
        }
        let rank = ((q * count as f64).ceil() as u64).clamp(1, count);
        let mut seen: u64 = 0;
        let (bucket, _) = self.buckets.iter().find(|(_, n)| {
            seen = seen.saturating_add(**n);
            seen >= rank
        })?;
        let layout = desc.layout();
        let value = layout.highest(*bucket as usize).min(layout.max_value());
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
