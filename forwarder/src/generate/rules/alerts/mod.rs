//! Alerts: few, and about symptoms. What is only a cause stands in a runbook.
//!
//! | module | what lives there |
//! |---|---|
//! | [`media`] | what people hear and see: loss, delay, quality |
//! | [`entry`] | who does not get in, or gets nothing |
//! | [`target`] | targets that do not answer |
//! | [`record`] | what is not recorded or not merged |
//! | [`export`] | what does not leave the process |
//! | `cases` | the traffic that shares and counts are tried on |
//!
//! A share fires only above a least rate of what it is a share of, and of a long and a short window at once: the long one
//! says that it matters, the short one that it is so still. What has one window is held with `for`.

mod cases;
pub mod entry;
pub mod export;
pub mod media;
pub mod record;
pub mod target;

use media_metrics_core::catalog;
use media_metrics_core::desc::Desc;

use super::model::{Alert, Step, query};
use super::recording::SHORT;
use crate::generate::query::Scope;

/// All of them, what people notice first.
#[must_use]
pub fn all() -> Vec<Alert> {
    [
        media::all(),
        entry::all(),
        target::all(),
        record::all(),
        export::all(),
    ]
    .concat()
}

/// Uids of dashboards.
mod dashboard {
    pub(super) const LATENCY: &str = "media-metrics-latency";
    pub(super) const NODE: &str = "media-metrics-node";
    pub(super) const OVERVIEW: &str = "media-metrics-overview";
    pub(super) const PIPELINE: &str = "media-metrics-pipeline";
    pub(super) const QUALITY: &str = "media-metrics-quality";
}

/// The labels of the target that cases are about.
const TARGET: [(&str, &str); 2] = [("job", "sfu"), ("instance", "a:9464")];

/// A series of that target: of a family, or of a part of it (`_bucket`, `_sum`, `_count`).
pub(super) fn series(
    desc: &Desc,
    part: &str,
    labels: &[(&str, &str)],
    values: &str,
) -> (String, String) {
    let labels = TARGET.iter().chain(labels);
    let labels: Vec<_> = labels
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    let selector = format!("{}{part}{{{}}}", desc.name(), labels.join(", "));
    (selector, values.to_owned())
}

/// How many cores the process takes: told under every profile.
fn cores(look: &'static str) -> Step {
    query(look, Scope::rule(SHORT).of(&catalog::PROCESS_CPU).rate(&[]))
}

/// What is left of the machine: told where node statistics are kept.
fn machine() -> Step {
    query(
        "And the whole machine? Above 0.9 threads wait for a core. Only `--profile livekit` and `both` have this; else run `vmstat 1` there: `id` must not be near 0.",
        catalog::NODE_CPU_LOAD.name(),
    )
}

/// An expression that has to hold over a long and a short window, while there are enough events.
fn sustained(
    share: fn(&str) -> String,
    windows: [&str; 2],
    threshold: f64,
    events: (fn(&str) -> String, f64),
) -> String {
    let [short, long] = windows;
    let (events, least) = (events.0(short), events.1);
    format!(
        "{} > {threshold}\nand {} > {threshold}\nand {events} > {least}",
        share(short),
        share(long)
    )
}
