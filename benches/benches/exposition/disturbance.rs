//! What scraping does to those who record: a hot loop alone, beside a thread that works on memory of its own, and
//! beside scrapers that ask as fast as they can while snapshots are made ten times a second.
//!
//! In processor time of the recording thread: with more threads than cores somebody waits, and that is not what is asked.
//! The neighbour that has nothing to do with us tells what the machine itself costs: cores that share a clock, a
//! cache, or, as hyper-threads, everything.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use media_metrics_benches::contest::median;
use media_metrics_benches::floor::latencies;
use media_metrics_benches::options::Options;
use media_metrics_benches::race::race;
use media_metrics_benches::results::{Section, figure};
use media_metrics_core::desc::Desc;
use media_metrics_core::{Counter, Histogram, Reporter};
use media_metrics_exporter::{Server, text};

use crate::SHAPE;
use crate::filled::Ours;
use crate::floor::{Floor, own_lines};
use crate::http::Client;

const TITLE: &str = "recording while scraped";

static COUNTER: Desc = Desc::counter("hot_packets_total", "Packets.");
static HISTOGRAM: Desc = Desc::histogram("hot_latency", "Latency.", &[1e4, 1e5, 1e6]);

/// Who is beside the hot loop, in the order of the table.
const BESIDE: [(&str, &str); 3] = [
    ("nobody", "floor"),
    (
        "a thread that writes such pages from memory of its own",
        "part",
    ),
    ("scrapers, as fast as they can", "**ours**"),
];
const NEIGHBOUR: u8 = 1;
const SCRAPERS: u8 = 2;
const OVER: u8 = 3;

/// Records of one turn: some milliseconds.
const OPS: u64 = 4_000_000;

pub(crate) fn run(options: &Options, section: &mut Section) {
    if !options.wants(TITLE) {
        return;
    }
    let ours = Ours::new(SHAPE);
    let counter = ours.registry.counter(&COUNTER, &[]).expect("a counter");
    let histogram = ours
        .registry
        .histogram(&HISTOGRAM, &[])
        .expect("a histogram");
    let mut page = Vec::new();
    text::Encoder::new().encode(&ours.registry.collect(), &mut page);
    let floor = Floor::new(&own_lines(std::str::from_utf8(&page).expect("text")));
    let reporter = Reporter::builder(&ours.registry).interval(Duration::from_millis(100));
    let reporter = reporter.start().expect("a reporter");
    let server = Server::builder(ours.registry.clone()).bind("127.0.0.1:0");
    let server = server.start().expect("a server");

    let (phase, scrapes) = (AtomicU8::new(0), AtomicU64::new(0));
    let mut times: [Vec<f64>; 3] = Default::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut page = Vec::new();
            while until(&phase, NEIGHBOUR) {
                floor.write(&mut page);
            }
        });
        scope.spawn(|| {
            let mut client = Client::new(server.local_addr(), "identity");
            while until(&phase, SCRAPERS) {
                client.scrape();
                scrapes.fetch_add(1, Relaxed);
            }
        });
        for round in 0..options.rounds() * 2 {
            for turn in 0..3 {
                let at = (round + turn) % 3;
                phase.store(at as u8, Relaxed);
                thread::sleep(Duration::from_millis(2)); // who has to stop stops, who has to start starts
                let time = record(&counter, &histogram);
                times[at].push(time.as_secs_f64() * 1e9 / OPS as f64);
            }
        }
        phase.store(OVER, Relaxed);
    });
    let total = (options.rounds() * 2 * 3) as u64 * OPS;
    let snapshot = ours.registry.collect();
    assert_eq!(snapshot.counter(COUNTER.name(), &[]), Some(total));
    let scrapes = scrapes.load(Relaxed);
    assert!(scrapes > 0, "nobody scraped");
    reporter.stop(Duration::from_secs(5));
    tell(section, &times, scrapes);
}

fn tell(section: &mut Section, times: &[Vec<f64>; 3], scrapes: u64) {
    let medians = times.each_ref().map(|own| median(own.clone()));
    let noise = times
        .each_ref()
        .map(|own| spread(own) / median(own.clone()));
    let head = [TITLE, "", "ns per counter and histogram", "noise, %"].map(str::to_owned);
    let rows = BESIDE
        .iter()
        .zip(medians)
        .zip(noise)
        .map(|((who, ns), noise)| {
            vec![
                who.0.to_owned(),
                who.1.to_owned(),
                figure(ns),
                figure(noise * 100.0),
            ]
        });
    section.table(&head, &rows.collect::<Vec<_>>());
    let change = |from: usize| (medians[2] / medians[from] - 1.0).abs() * 100.0;
    let noise = |of: usize| noise[of].max(noise[2]) * 100.0;
    let what = format!("{TITLE} ({scrapes} scrapes): change against a neighbour, within the noise");
    section.goal(&what, change(1), noise(1), "%");
    section.goal(
        "change against nobody, within the noise",
        change(0),
        noise(0),
        "%",
    );
}

/// Waits for its turn; `false` if there is none any more.
fn until(phase: &AtomicU8, own: u8) -> bool {
    loop {
        match phase.load(Relaxed) {
            OVER => return false,
            now if now == own => return true,
            _ => thread::sleep(Duration::from_micros(200)),
        }
    }
}

fn record(counter: &Counter, histogram: &Histogram) -> Duration {
    let samples = latencies();
    let step = |(): &mut (), i: u64| {
        counter.inc();
        histogram.record(samples[(i & 511) as usize]);
    };
    let before = processor_time();
    race(1, OPS, || (), step, drop); // on this thread
    processor_time() - before
}

/// What this thread has run so far.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock is one that every Linux has, and `time` is ours to be written.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0, "a thread's clock");
    let part = |n: i64| u64::try_from(n).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// How far apart the middle half of the values is.
fn spread(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: usize| sorted.get(sorted.len() * share / 4).copied();
    at(3).zip(at(1)).map_or(f64::NAN, |(high, low)| high - low)
}
