//! The reporter's tick: merging every thread's cells, and folding every stream.
//!
//! The floor reads the same number of words, laid out alike, once, and adds them up.

#![expect(
    clippy::expect_used,
    reason = "a contender that can't be set up has no result: the run stops"
)]

mod cells;
mod histograms;
mod streams;

use std::io;

use media_metrics_benches::alloc::{self, Counting};
use media_metrics_benches::options::Options;
use media_metrics_benches::results::Section;
use media_metrics_benches::say;
use media_metrics_core::Registry;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> io::Result<()> {
    let options = Options::from_args().map_err(io::Error::other)?;
    say::note("merge: about a minute (--quick: seconds)");
    let mut section = Section::new("merge");
    for (series, threads) in [(10_000, 2), (10_000, 64), (60_000, 8)] {
        cells::run(&options, series, threads, &mut section);
    }
    histograms::run(&options, &mut section);
    for streams in [10_000, 100_000] {
        streams::run(&options, streams, &mut section);
    }
    streams::churn(&options, &mut section);
    section.finish(&options)
}

/// Allocations of one merge once warm: the most of three.
fn allocations(registry: &Registry, mut between: impl FnMut()) -> u64 {
    let mut most = 0;
    for round in 0..8 {
        between();
        let before = alloc::process_calls();
        drop(registry.collect());
        if round >= 5 {
            most = most.max(alloc::process_calls() - before);
        }
    }
    most
}
