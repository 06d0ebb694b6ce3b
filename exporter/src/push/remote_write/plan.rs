//! What stays the same of a family from snapshot to snapshot.
//!
//! Lives here: which series of the wire a family has, their labels, sorted, and its metadata. Not here: values
//! (`batch`), bytes (`v1`, `v2`).
//!
//! A series of ours is one of the wire, or, of a histogram with classic buckets, one for each bucket, the sum and the
//! count. Those come first, with a number each; then come native histograms, one for each of ours.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::SystemTime;

use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Values};

use super::Histograms;
use crate::format::number;
use crate::format::plans::Plan;
use crate::format::suffix::HISTOGRAM;

/// Of which type a family is, in the numbers of both protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Counter = 1,
    Gauge = 2,
    Histogram = 3,
}

/// The fixed half of one family's series.
#[derive(Debug)]
pub(super) struct FamilyPlan {
    schema: Arc<FamilySchema>,
    pub(super) kind: Type,
    pub(super) has_native: bool,
    /// Every text that a label has, once.
    texts: Vec<Arc<str>>,
    /// Name and value of each label, by place in `texts`; series after series, each sorted by name.
    labels: Vec<[u32; 2]>,
    /// Where each series' labels end.
    ends: Vec<u32>,
    /// Series with numbers; those behind them have native histograms.
    numbers: usize,
    /// Series with numbers that one series of ours has.
    per_series: usize,
    /// When each series of ours began, in ms since 1970.
    started: Vec<i64>,
    /// Series of ours whose labels another one has, and has a better right to.
    twins: HashSet<usize>,
}

impl Plan for Arc<FamilyPlan> {
    fn schema(&self) -> &Arc<FamilySchema> {
        &self.schema
    }
}

impl FamilyPlan {
    /// The plan of `family`, with `external` labels where it has none of their name. A family that is not `shown` has
    /// no series.
    pub(super) fn new(
        family: &FamilySnapshot,
        external: &[(String, String)],
        histograms: Histograms,
        shown: bool,
    ) -> Self {
        let schema = Arc::clone(family.schema());
        let desc = Arc::clone(schema.desc());
        let kind = match family.values() {
            Values::Counter(_) => Type::Counter,
            Values::Histogram(_) => Type::Histogram,
            _ => Type::Gauge,
        };
        let native = desc
            .native_schema()
            .filter(|_| histograms != Histograms::Classic);
        let classic = native.is_none() || histograms == Histograms::Both;
        let mut plan = Self {
            kind,
            has_native: native.is_some(),
            texts: Vec::new(),
            labels: Vec::new(),
            ends: Vec::new(),
            numbers: 0,
            per_series: match kind {
                Type::Histogram if classic => desc.bounds().len() + 3,
                Type::Histogram => 0,
                _ => 1,
            },
            started: Vec::new(),
            twins: HashSet::new(),
            schema,
        };
        let known = matches!(
            family.values(),
            Values::Counter(_) | Values::Gauge(_) | Values::Histogram(_)
        );
        if shown && known {
            plan.lay_out(external, classic);
        }
        plan
    }

    fn lay_out(&mut self, external: &[(String, String)], classic: bool) {
        let schema = Arc::clone(&self.schema);
        let desc = schema.desc();
        let name = desc.name();
        let [bucket, sum, count] = match self.kind {
            Type::Histogram => HISTOGRAM.map(|suffix| format!("{name}{suffix}")),
            _ => Default::default(),
        };
        let bounds: Vec<String> = desc
            .bounds()
            .iter()
            .chain(&[f64::INFINITY])
            .map(bound)
            .collect();
        let mut places = HashMap::new();
        let may_meet = desc.has_open_labels() || !external.is_empty();
        let mut seen = HashMap::new();
        for series in 0..schema.len() {
            let own = own_labels(&schema, series, external);
            self.started
                .push(schema.created(series).map_or(0, since_1970));
            if may_meet {
                let said = schema.labels(series).filter(|(_, v)| !v.is_empty()).count();
                self.twins
                    .extend(meet(&mut seen, own.clone(), (series, said)));
            }
            match self.kind {
                Type::Histogram if classic => {
                    for le in &bounds {
                        self.push(&own, &bucket, Some(le), &mut places);
                    }
                    self.push(&own, &sum, None, &mut places);
                    self.push(&own, &count, None, &mut places);
                }
                Type::Histogram => {}
                _ => self.push(&own, name, None, &mut places),
            }
        }
        self.numbers = self.ends.len();
        if self.has_native {
            for series in 0..schema.len() {
                let own = own_labels(&schema, series, external);
                self.push(&own, name, None, &mut places);
            }
        }
    }

    fn push(
        &mut self,
        own: &[(&str, &str)],
        name: &str,
        le: Option<&String>,
        places: &mut HashMap<Arc<str>, u32>,
    ) {
        let le = le.map(|le| ("le", le.as_str()));
        let mut all: Vec<(&str, &str)> = own.to_vec();
        all.push(("__name__", name));
        all.extend(le);
        all.sort_unstable();
        for (name, value) in all {
            let label = [name, value].map(|text| self.place(text, places));
            self.labels.push(label);
        }
        self.ends.push(self.labels.len() as u32);
    }

    fn place(&mut self, text: &str, places: &mut HashMap<Arc<str>, u32>) -> u32 {
        if let Some(&place) = places.get(text) {
            return place;
        }
        let place = self.texts.len() as u32;
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        places.insert(text, place);
        place
    }

    pub(super) fn name(&self) -> &str {
        self.schema.desc().name()
    }

    pub(super) fn help(&self) -> &str {
        self.schema.desc().help()
    }

    pub(super) fn unit(&self) -> &'static str {
        self.schema.desc().exposed_unit().suffix()
    }

    pub(super) fn per_unit(&self) -> f64 {
        self.schema.desc().recorded_per_unit()
    }

    pub(super) fn bounds(&self) -> &[f64] {
        self.schema.desc().bounds()
    }

    /// All series of the wire.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Those of them that have numbers.
    pub(super) const fn numbers(&self) -> usize {
        self.numbers
    }

    /// Those of them that one series of ours has.
    pub(super) const fn per_series(&self) -> usize {
        self.per_series
    }

    /// Whether another series of ours is told in place of this one, as both have the same labels.
    pub(super) fn is_twin(&self, series: usize) -> bool {
        self.twins.contains(&series)
    }

    /// Every text that a label has, once.
    pub(super) fn texts(&self) -> &[Arc<str>] {
        &self.texts
    }

    /// Labels of a series of the wire, by place in [`texts`](Self::texts), sorted by name.
    pub(super) fn labels(&self, at: usize) -> &[[u32; 2]] {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before));
        let start = start.copied().unwrap_or(0) as usize;
        let end = self.ends.get(at).copied().unwrap_or(0) as usize;
        self.labels.get(start..end).unwrap_or_default()
    }

    /// When a series of the wire began, in ms since 1970; 0 if it can go down, or nobody knows.
    pub(super) fn started(&self, at: usize) -> i64 {
        if self.kind == Type::Gauge {
            return 0;
        }
        let series = match at.checked_sub(self.numbers) {
            Some(native) => native,
            None => at / self.per_series.max(1),
        };
        self.started.get(series).copied().unwrap_or(0)
    }

    /// Bytes of memory.
    pub(super) fn weight(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.len() + 32).sum();
        texts + self.labels.len() * 8 + self.ends.len() * 4 + self.started.len() * 8
    }
}

/// Labels of a series, and the external ones whose names it lacks; none without a value, which would be no label.
fn own_labels<'a>(
    schema: &'a FamilySchema,
    series: usize,
    external: &'a [(String, String)],
) -> Vec<(&'a str, &'a str)> {
    let mut own: Vec<(&str, &str)> = schema
        .labels(series)
        .filter(|(_, v)| !v.is_empty())
        .collect();
    for (name, value) in external {
        if own.iter().all(|(there, _)| there != name) {
            own.push((name, value));
        }
    }
    own.sort_unstable();
    own
}

/// A series, and how many of its labels are its own, comes to those `seen`. Of two that have the same labels the one with
/// more of its own stays, else the first; the other one is returned.
fn meet<L: Eq + Hash>(
    seen: &mut HashMap<L, (usize, usize)>,
    labels: L,
    new: (usize, usize),
) -> Option<usize> {
    match seen.entry(labels) {
        Entry::Vacant(place) => {
            place.insert(new);
            None
        }
        Entry::Occupied(there) if there.get().1 >= new.1 => Some(new.0),
        Entry::Occupied(mut there) => Some(there.insert(new).0),
    }
}

/// A bound as text 0.0.4 has it, so that series are the same pushed and scraped.
fn bound(le: &f64) -> String {
    let mut text = Vec::new();
    number::bound(&mut text, *le);
    String::from_utf8_lossy(&text).into_owned()
}

/// Milliseconds since 1970, and never 0, which would say that nobody knows.
fn since_1970(time: SystemTime) -> i64 {
    let ms = super::batch::milliseconds(time);
    if ms == 0 { 1 } else { ms }
}
