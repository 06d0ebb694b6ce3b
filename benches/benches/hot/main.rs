//! The hot path beside its floor and its peers: packets counted, levels moved, samples recorded, series found by
//! their labels, RTP packets taken in.
//!
//! Each on one thread and on all cores *with the same metric*: that is where shared cells show their price.

#![expect(
    clippy::expect_used,
    reason = "a contender that can't be set up has no result: the run stops"
)]

mod counters;
mod gauges;
mod histograms;
#[path = "../filled/labels.rs"]
mod labels;
mod lookups;
mod streams;

use std::io;

use media_metrics_benches::baseline::{self, Baseline};
use media_metrics_benches::options::Options;
use media_metrics_benches::results::{Section, figure};
use media_metrics_benches::{machine, probe, say};

fn main() -> io::Result<()> {
    let options = Options::from_args().map_err(io::Error::other)?;
    say::note("hot: about three minutes (--quick: seconds)");
    let threads: Vec<usize> = match machine::cores() {
        1 => vec![1],
        all => vec![1, all],
    };
    let mut section = Section::new("hot");
    counters::run(&options, &threads, &mut section);
    gauges::run(&options, &threads, &mut section);
    histograms::run(&options, &threads, &mut section);
    lookups::run(&options, &threads, &mut section);
    streams::run(&options, &threads, &mut section);
    if options.wants("instructions") {
        instructions(&mut section)?;
    }
    section.finish(&options)
}

/// The recorded instruction counts beside their goals.
fn instructions(section: &mut Section) -> io::Result<()> {
    let text = std::fs::read_to_string(baseline::FILE)?;
    let recorded = Baseline::parse(&text).map_err(io::Error::other)?;
    let mut rows = Vec::new();
    for p in probe::ALL {
        let count = recorded.counts.get(p.name).copied().unwrap_or(f64::NAN);
        rows.push(vec![p.name.to_owned(), String::new(), figure(count)]);
        if let Some(goal) = p.goal {
            section.goal(&format!("{}: instructions", p.name), count, goal, "");
        }
    }
    let head = ["a call, from `instructions.toml`", "", "instructions"].map(str::to_owned);
    section.table(&head, &rows);
    Ok(())
}
