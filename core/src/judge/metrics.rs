//! The families of quality: distributions over streams and participants, and the reasons.
//!
//! Lives here: handles, and recording one quality. Not here: scoring.

use std::sync::Arc;

use crate::catalog;
use crate::counter::Counter;
use crate::desc::{Desc, LabelNames};
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::histogram::Histogram;
use crate::quality::{Quality, Rating, Reason};
use crate::registry::Table;
use crate::registry::registration::own_handle;
use crate::shard::attach::Home;

/// Recorded units of a score and of a MOS: see the catalog.
const SCORE_UNITS: f64 = 100.0;
const MOS_UNITS: f32 = 1_000.0;

/// The quality of one label group's streams.
#[derive(Debug)]
pub(crate) struct QualityMetrics {
    pub(crate) values: Vec<Box<str>>,
    score: Histogram,
    mos: Histogram,
    reasons: Vec<(Reason, Counter)>,
}

impl QualityMetrics {
    pub(crate) fn new(
        table: &mut Table,
        home: &Arc<Home>,
        names: &LabelNames,
        values: &[&str],
    ) -> Result<Self, RegisterError> {
        let with_reason = with_reason(names);
        let mut reasons = Vec::with_capacity(Reason::ALL.len());
        for reason in Reason::ALL {
            let values = [values, &[reason.as_str()]].concat();
            let handle = own_handle(table, home, &with_reason, &values)?;
            reasons.push((reason, Counter::new(handle)));
        }
        let mut histogram = |desc: &Desc| {
            let desc = desc.clone().with_label_names(names.clone());
            let handle = own_handle(table, home, &desc, values)?;
            Ok::<_, RegisterError>(Histogram::new(handle, &desc))
        };
        Ok(Self {
            values: values.iter().map(|v| Box::from(*v)).collect(),
            score: histogram(&catalog::RTP_QUALITY_SCORE)?,
            mos: histogram(&catalog::RTP_QUALITY_MOS)?,
            reasons,
        })
    }

    /// One window of the stream with this id was judged.
    pub(crate) fn record(&self, quality: &Quality, stream: u64) {
        let (score, mos) = recorded(quality);
        self.score.record_for(score, stream);
        self.mos.record_for(mos, stream);
        let of = |(reason, _): &&(Reason, Counter)| Some(*reason) == quality.reason;
        if let Some((_, counter)) = self.reasons.iter().find(of) {
            counter.inc();
        }
    }
}

/// The quality of participants.
#[derive(Debug)]
pub(crate) struct ParticipantMetrics {
    score: Histogram,
    mos: Histogram,
    /// How many have the rating now, and how often it was given.
    rated: Vec<(Rating, Gauge, Counter)>,
}

impl ParticipantMetrics {
    pub(crate) fn new(table: &mut Table, home: &Arc<Home>) -> Result<Self, RegisterError> {
        let mut rated = Vec::with_capacity(Rating::ALL.len());
        for rating in Rating::ALL {
            let name = rating.as_str().to_ascii_lowercase();
            let handle = own_handle(table, home, &catalog::PARTICIPANTS_RATED, &[&name])?;
            let given = own_handle(table, home, &catalog::PARTICIPANT_RATINGS, &[&name])?;
            rated.push((rating, Gauge::new(handle), Counter::new(given)));
        }
        let mut histogram = |desc: &Desc| {
            let handle = own_handle(table, home, desc, &[])?;
            Ok::<_, RegisterError>(Histogram::new(handle, desc))
        };
        Ok(Self {
            score: histogram(&catalog::PARTICIPANT_QUALITY_SCORE)?,
            mos: histogram(&catalog::PARTICIPANT_QUALITY_MOS)?,
            rated,
        })
    }

    /// The qualities of all participants, as of now.
    pub(crate) fn record(&self, all: &[Quality]) {
        for quality in all {
            let (score, mos) = recorded(quality);
            self.score.record(score);
            self.mos.record(mos);
        }
        for (rating, now, given) in &self.rated {
            let n = all.iter().filter(|q| q.rating == *rating).count();
            now.set(n as f64);
            given.add(n as u64);
        }
    }
}

/// The family of reasons, for groups with labels of these names.
pub(crate) fn with_reason(names: &LabelNames) -> Desc {
    let names = names.iter().chain(["reason"]).map(Box::from).collect();
    let reasons = catalog::RTP_QUALITY_REASONS.clone();
    reasons.with_label_names(LabelNames::Owned(names))
}

/// Score and MOS in recorded units.
fn recorded(quality: &Quality) -> (u64, u64) {
    let score = (quality.score * SCORE_UNITS).round() as u64;
    (score, (quality.mos * MOS_UNITS).round() as u64)
}
