//! One series of a request, in neither protocol's form.
//!
//! Lives here: what both protocols write. Not here: how (`v1`, `v2`, `histogram`).

use std::sync::Arc;

use media_metrics_core::exemplar::Exemplar;

use super::batch::{Native, STALE, milliseconds};
use super::plan::Type;

/// A series with one sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series<'a> {
    /// Name and value of each label, by place in `texts`, sorted by name.
    pub(super) labels: &'a [[u32; 2]],
    pub(super) texts: &'a [Arc<str>],
    pub(super) kind: Type,
    pub(super) help: &'a str,
    pub(super) unit: &'a str,
    /// In ms since 1970; 0 if it can go down, or nobody knows.
    pub(super) started_ms: i64,
    pub(super) time_ms: i64,
    pub(super) point: Point<'a>,
    /// In the order of their times.
    pub(super) exemplars: &'a [(usize, Exemplar)],
}

/// What a sample says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Point<'a> {
    Number(f64),
    Native(&'a Native),
}

impl<'a> Series<'a> {
    /// Name and value of each label.
    pub(super) fn label_texts(&self) -> impl Iterator<Item = [&'a str; 2]> {
        let texts = self.texts;
        let text = move |place: u32| texts.get(place as usize).map_or("", |text| &**text);
        self.labels.iter().map(move |label| label.map(text))
    }
}

/// An exemplar's labels, sorted by name; of one name only the first, and none without a value.
pub(super) fn exemplar_labels(exemplar: &Exemplar) -> Vec<[&str; 2]> {
    let labels = exemplar.labels().map(|(name, value)| [name, value]);
    let mut labels: Vec<_> = labels
        .filter(|label| label.iter().all(|l| !l.is_empty()))
        .collect();
    labels.sort_by_key(|[name, _]| *name);
    labels.dedup_by_key(|[name, _]| *name);
    labels
}

/// When an exemplar was recorded, in ms since 1970.
pub(super) fn exemplar_time_ms(exemplar: &Exemplar) -> i64 {
    milliseconds(exemplar.time())
}

/// The native histogram that says that its series has ended.
pub(super) fn stale_native() -> Native {
    Native {
        count: 0,
        sum: f64::from_bits(STALE),
        schema: 0,
        zero_count: 0,
        spans: Box::default(),
        deltas: Box::default(),
    }
}
