//! A scrape's page: 10,000 counters and 1,000 histograms, 23,000 lines of Prometheus text.
//!
//! The floor copies what is the same in every page and formats the numbers between, nothing else.

#![expect(
    clippy::expect_used,
    reason = "a contender that can't be set up has no result: the run stops"
)]

#[path = "../filled/mod.rs"]
mod filled;

use std::io;
use std::time::{Duration, Instant};

use filled::{Facade, Fast, Filled, Measured, Ours, Prometheus, PrometheusClient, Shape, check};
use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::options::Options;
use media_metrics_benches::results::Section;
use media_metrics_benches::say;
use media_metrics_exporter::text::Encoder;

const SHAPE: Shape = Shape {
    counters: 10_000,
    histograms: 1_000,
};
const STEADY: &str = "encode a snapshot";
const WHOLE: &str = "merge, then encode";

fn main() -> io::Result<()> {
    let options = Options::from_args().map_err(io::Error::other)?;
    say::note("exposition: about a minute (--quick: seconds)");
    let mut section = Section::new("exposition");

    let ours = Ours::new(SHAPE);
    let snapshot = ours.registry.collect();
    let mut page = Vec::new();
    Encoder::new().encode(&snapshot, &mut page);
    let text = String::from_utf8(page).expect("text");
    let floor = Floor::new(&own_lines(&text));

    let mut c = Contest::new(
        "a page of 23,000 lines",
        "ns per line",
        SHAPE.lines() as f64,
    );
    c.enter(
        Role::Floor,
        "copy cached prefixes, format numbers",
        move |_, n| {
            let mut page = Vec::new();
            timed(n, || floor.write(&mut page))
        },
    );
    let mut encoder = Encoder::new();
    let mut page = Vec::new();
    c.enter(Role::Ours, STEADY, move |_, n| {
        let time = timed(n, || encoder.encode(&snapshot, &mut page));
        check(&own_lines(std::str::from_utf8(&page).expect("text")), SHAPE);
        time
    });
    let mut encoder = Encoder::new();
    let mut page = Vec::new();
    c.enter(Role::Ours, WHOLE, move |_, n| {
        let time = timed(n, || encoder.encode(&ours.registry.collect(), &mut page));
        check(&own_lines(std::str::from_utf8(&page).expect("text")), SHAPE);
        time
    });
    peer::<Prometheus>(&mut c, "prometheus");
    peer::<PrometheusClient>(&mut c, "prometheus-client");
    peer::<Facade>(&mut c, "metrics-exporter-prometheus");
    peer::<Fast>(&mut c, "fastmetrics");
    peer::<Measured>(&mut c, "measured");

    let outcome = c.hold(&options, &[1]);
    section.outcome(&outcome);
    section.ratio_goal("text exposition, steady scrape", &outcome, STEADY, 0, 1.5);
    section.finish(&options)
}

fn peer<P: Filled + 'static>(c: &mut Contest<'_>, name: &str) {
    let mut peer = P::new(SHAPE);
    let mut page = String::new();
    c.enter(Role::Peer, name, move |_, n| {
        let time = timed(n, || {
            page.clear();
            peer.page(&mut page);
        });
        check(&page, SHAPE);
        time
    });
}

fn timed(n: u64, mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..n).for_each(|_| work());
    start.elapsed()
}

/// The lines of the series that everybody has: ours exposes itself, too.
fn own_lines(page: &str) -> String {
    let lines = page.lines().filter(|l| l.starts_with("bench_"));
    lines.flat_map(|l| [l, "\n"]).collect()
}

/// A page taken apart into the bytes before each number, and the numbers.
struct Floor {
    prefixes: Vec<u8>,
    /// Where each line's prefix ends, and its number.
    lines: Vec<(usize, Number)>,
    whole: String,
}

#[derive(Clone, Copy)]
enum Number {
    Count(u64),
    Sum(f64),
}

impl Floor {
    fn new(page: &str) -> Self {
        let mut floor = Self {
            prefixes: Vec::new(),
            lines: Vec::new(),
            whole: page.to_owned(),
        };
        for line in page.lines() {
            let (prefix, number) = line.rsplit_once(' ').expect("a sample line");
            floor.prefixes.extend(prefix.as_bytes());
            floor.prefixes.push(b' ');
            let number = match number.parse() {
                Ok(count) => Number::Count(count),
                Err(_) => Number::Sum(number.parse().expect("a number")),
            };
            floor.lines.push((floor.prefixes.len(), number));
        }
        let mut again = Vec::new();
        floor.write(&mut again);
        assert_eq!(
            again,
            floor.whole.as_bytes(),
            "the floor writes the same page"
        );
        floor
    }

    fn write(&self, page: &mut Vec<u8>) {
        page.clear();
        page.reserve(self.whole.len());
        let mut start = 0;
        let mut digits = itoa::Buffer::new();
        for &(end, number) in &self.lines {
            page.extend_from_slice(&self.prefixes[start..end]);
            start = end;
            match number {
                Number::Count(count) => page.extend_from_slice(digits.format(count).as_bytes()),
                Number::Sum(sum) => {
                    use std::io::Write as _;
                    // Writing to a Vec can't fail.
                    let _ = write!(page, "{sum}");
                }
            }
            page.push(b'\n');
        }
    }
}
