//! The macros of the `metrics` crate, into our recorder and into metrics-exporter-prometheus: handles that the
//! program keeps, and the macro as most code calls it.

#![expect(
    clippy::expect_used,
    reason = "a contender that can't be set up has no result: the run stops"
)]

mod counters;
mod histograms;

use std::io;

use media_metrics_benches::options::Options;
use media_metrics_benches::results::Section;
use media_metrics_benches::{machine, say};

const OURS: &str = "media-metrics, facade";
const THEIRS: &str = "metrics-exporter-prometheus";

fn main() -> io::Result<()> {
    let options = Options::from_args().map_err(io::Error::other)?;
    say::note("facade: about a minute (--quick: seconds)");
    // Two at least: the goals are about two threads on one metric.
    let threads: Vec<usize> = vec![1, machine::cores().max(2)];
    let mut section = Section::new("facade");
    counters::handles(&options, &threads, &mut section);
    counters::macros(&options, &threads, &mut section);
    histograms::run(&options, &threads, &mut section);
    section.finish(&options)
}
