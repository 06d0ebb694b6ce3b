//! Two labels of each series, and everybody's types for them.
//!
//! Lives here: names and values, and what peers want written down of them. Not here: series.

use fastmetrics::encoder::{EncodeLabelSet, LabelSetEncoder};
use fastmetrics::raw::LabelSetSchema;
use paracord::ParaCord;

/// The labels' names.
pub(crate) const NAMES: [&str; 2] = ["room", "kind"];

/// Label values of series `i`.
pub(crate) fn labels(i: usize) -> (String, &'static str) {
    (
        format!("RM_{i:06}"),
        if i.is_multiple_of(3) {
            "audio"
        } else {
            "video"
        },
    )
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct FastLabels {
    pub(crate) room: String,
    pub(crate) kind: &'static str,
}

impl LabelSetSchema for FastLabels {
    fn names() -> Option<&'static [&'static str]> {
        Some(&NAMES)
    }
}

impl EncodeLabelSet for FastLabels {
    fn encode(&self, encoder: &mut dyn LabelSetEncoder) -> fastmetrics::error::Result<()> {
        encoder.encode(&("room", &self.room))?;
        encoder.encode(&("kind", self.kind))
    }
}

#[derive(Clone, Copy, PartialEq, Debug, measured::LabelGroup)]
#[label(set = MeasuredLabelsSet)]
pub(crate) struct MeasuredLabels<'a> {
    #[label(dynamic_with = ParaCord)]
    pub(crate) room: &'a str,
    #[label(dynamic_with = ParaCord)]
    pub(crate) kind: &'a str,
}
