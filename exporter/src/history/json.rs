//! Steps as JSON.
//!
//! Lives here: the shape of the answer, and how large it may be. Not here: sums (`view`).
//!
//! ```json
//! {
//!   "resolution_seconds": 1.0,
//!   "from": [1763851200.0], "to": [1763851201.0],
//!   "series_left_out": 0,
//!   "families": [
//!     {"name": "a_total", "type": "counter", "unit": "", "series": [
//!       {"labels": {"kind": "audio"}, "increase": [50.0], "rate": [50.0]}]},
//!     {"name": "b_seconds", "type": "histogram", "unit": "seconds", "series": [
//!       {"labels": {}, "count": [50], "rate": [50.0], "mean": [0.01], "max": [0.02], "quantiles": {"0.5": [0.01]}}]}
//!   ]
//! }
//! ```
//! A figure is `null` where there is none: a series that was not there, a quantile of nothing.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use media_metrics_core::desc::Kind;
use serde::Serialize;

use super::query::Query;
use super::view::{Step, Sums, View};
use crate::wall::since_1970;

/// Most figures of an answer.
const MAX_FIGURES: usize = 250_000;

#[derive(Debug, Serialize)]
struct Answer<'a> {
    resolution_seconds: f64,
    from: Vec<f64>,
    to: Vec<f64>,
    series_left_out: usize,
    families: Vec<Family<'a>>,
}

#[derive(Debug, Serialize)]
struct Family<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    unit: &'static str,
    series: Vec<Series<'a>>,
}

/// A figure for each step.
type Column = Vec<Option<f64>>;

#[derive(Debug, Serialize)]
struct Series<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Figures {
    Counter {
        increase: Column,
        rate: Column,
    },
    Gauge {
        value: Column,
    },
    Histogram {
        count: Vec<Option<u64>>,
        rate: Column,
        mean: Column,
        max: Column,
        quantiles: BTreeMap<String, Column>,
    },
}

impl Figures {
    fn of(kind: Kind, quantiles: &[f64]) -> Self {
        match kind {
            Kind::Counter => Self::Counter {
                increase: Column::new(),
                rate: Column::new(),
            },
            Kind::Gauge => Self::Gauge {
                value: Column::new(),
            },
            _ => Self::Histogram {
                count: Vec::new(),
                rate: Column::new(),
                mean: Column::new(),
                max: Column::new(),
                quantiles: quantiles
                    .iter()
                    .map(|q| (q.to_string(), Column::new()))
                    .collect(),
            },
        }
    }

    /// Figures a step.
    const fn width(kind: Kind, quantiles: usize) -> usize {
        match kind {
            Kind::Counter => 2,
            Kind::Gauge => 1,
            _ => 4 + quantiles,
        }
    }

    fn push(
        &mut self,
        sums: &Sums,
        length: Duration,
        desc: &media_metrics_core::Desc,
        asked: &[f64],
    ) {
        let finite = |figure: f64| Some(figure).filter(|figure| figure.is_finite());
        let each_second = |figure: f64| finite(figure / length.as_secs_f64());
        match self {
            Self::Counter { increase, rate } => {
                let more = sums.more as f64 / desc.recorded_per_unit();
                increase.push(Some(more));
                rate.push(each_second(more));
            }
            Self::Gauge { value } => value.push(sums.level.and_then(finite)),
            Self::Histogram {
                count,
                rate,
                mean,
                max,
                quantiles,
            } => {
                let n = sums.count();
                count.push(Some(n));
                rate.push(each_second(n as f64));
                mean.push((n > 0).then(|| sums.sum / n as f64).and_then(finite));
                max.push(sums.quantile(1.0, desc));
                for q in asked {
                    if let Some(column) = quantiles.get_mut(&q.to_string()) {
                        column.push(sums.quantile(*q, desc));
                    }
                }
            }
        }
    }

    /// The series was not there.
    fn push_nothing(&mut self) {
        let columns: Vec<&mut Column> = match self {
            Self::Counter { increase, rate } => vec![increase, rate],
            Self::Gauge { value } => vec![value],
            Self::Histogram {
                count,
                rate,
                mean,
                max,
                quantiles,
            } => {
                count.push(None);
                [rate, mean, max]
                    .into_iter()
                    .chain(quantiles.values_mut())
                    .collect()
            }
        };
        columns.into_iter().for_each(|column| column.push(None));
    }
}

/// The answer.
pub(super) fn answer(view: &View, query: &Query) -> Vec<u8> {
    let steps = view.steps(query.step);
    let mut asked = query.quantiles.clone();
    asked.sort_by(f64::total_cmp);
    asked.dedup();
    let chosen = fitting(view, steps.len(), asked.len()).min(query.limit);
    let mut series: Vec<Figures> = (0..chosen)
        .filter_map(|place| view.series.get(place))
        .map(|known| Figures::of(known.identity.desc.kind(), &asked))
        .collect();
    let mut sums = vec![Sums::default(); chosen];
    for step in &steps {
        view.sum(step, &mut sums);
        for (place, (figures, sums)) in series.iter_mut().zip(&sums).enumerate() {
            match view.series.get(place) {
                Some(known) if view.is_there(place, step) => {
                    figures.push(sums, step.length, &known.identity.desc, &asked);
                }
                _ => figures.push_nothing(),
            }
        }
    }
    let mut families: Vec<Family<'_>> = Vec::new();
    for (known, figures) in view.series.iter().zip(series) {
        let desc = &known.identity.desc;
        let labels = known
            .identity
            .labels
            .iter()
            .map(|(n, v)| (&**n, &**v))
            .collect();
        let one = Series { labels, figures };
        match families
            .last_mut()
            .filter(|family| family.name == desc.name())
        {
            Some(family) => family.series.push(one),
            None => families.push(Family {
                name: desc.name(),
                kind: desc.kind().as_str(),
                unit: desc.exposed_unit().suffix(),
                series: vec![one],
            }),
        }
    }
    let times = |of: fn(&Step) -> SystemTime| steps.iter().map(|step| seconds(of(step))).collect();
    let answer = Answer {
        resolution_seconds: view.resolution.as_secs_f64(),
        from: times(|step| step.from),
        to: times(|step| step.to),
        series_left_out: view.series.len() - chosen,
        families,
    };
    // Fails for maps whose keys are no texts, of which there is none.
    serde_json::to_vec(&answer).unwrap_or_default()
}

/// How many series there is room for.
fn fitting(view: &View, steps: usize, quantiles: usize) -> usize {
    let mut room = MAX_FIGURES;
    let fits = |known: &&super::ring::Known| {
        let width = Figures::width(known.identity.desc.kind(), quantiles);
        // Labels count, too: an answer without a step is bounded as well.
        let needed = width.saturating_mul(steps.max(1));
        let left = room.checked_sub(needed);
        room = left.unwrap_or(0);
        left.is_some()
    };
    view.series.iter().take_while(fits).count()
}

/// Seconds since 1970, to the millisecond.
fn seconds(time: SystemTime) -> f64 {
    since_1970(time).as_millis() as f64 / 1e3
}
