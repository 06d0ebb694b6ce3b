//! A scrape: 10,000 counters and 1,000 histograms, 23,000 lines of Prometheus text; in other formats; with ten times
//! the series; over HTTP; and what it does to those who record meanwhile.

#![expect(
    clippy::expect_used,
    reason = "a contender that can't be set up has no result: the run stops"
)]

#[path = "../filled/mod.rs"]
mod filled;

mod disturbance;
mod floor;
mod http;
mod pages;
mod protobuf;

use std::io;
use std::time::{Duration, Instant};

use filled::Shape;
use media_metrics_benches::options::Options;
use media_metrics_benches::results::Section;
use media_metrics_benches::say;

const SHAPE: Shape = Shape {
    counters: 10_000,
    histograms: 1_000,
};

fn main() -> io::Result<()> {
    let options = Options::from_args().map_err(io::Error::other)?;
    say::note("exposition: about two minutes (--quick: seconds)");
    let mut section = Section::new("exposition");
    pages::text(&options, &mut section);
    pages::formats(&options, &mut section);
    pages::many(&options, &mut section);
    http::run(&options, &mut section);
    disturbance::run(&options, &mut section);
    section.finish(&options)
}

fn timed(n: u64, mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..n).for_each(|_| work());
    start.elapsed()
}
