//! Memory of a series and of a stream, by a counting allocator and by what the system says is resident.
//!
//! `heap` counts allocated bytes; `resident` also has what is mapped (our cells are), the allocator's own
//! losses, and page granularity. Each contender runs in a process of its own, so that none inherits
//! another's pages: this program starts itself again with `--one NAME`.

#![expect(
    clippy::expect_used,
    reason = "a contender that can't be set up has no result: the run stops"
)]

#[path = "../filled/mod.rs"]
mod filled;

use std::io;
use std::process::Command;

use filled::{Facade, Fast, Filled, Measured, Ours, Prometheus, PrometheusClient, Shape, check};
use media_metrics_benches::alloc::{self, Counting};
use media_metrics_benches::contest::Role;
use media_metrics_benches::options::Options;
use media_metrics_benches::packets::Generator;
use media_metrics_benches::results::{Section, figure};
use media_metrics_benches::{machine, say};
use media_metrics_core::quality::{Codec, Config};
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::{Desc, Registry, Stream, StreamConfig};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const COUNTERS: Shape = Shape {
    counters: 50_000,
    histograms: 0,
};
const HISTOGRAMS: Shape = Shape {
    counters: 0,
    histograms: 1_000,
};
const FINE_SERIES: &str = "a histogram series within 1 %";
const STREAMS: usize = 100_000;
const JUDGED: &str = "judged, with traffic, two ticks";

/// (Histograms in the coarsest layout, powers of two: nearest to the peers' ten buckets, and to our advantage.)
const OURS: &str = "ours, one thread, two merges (histograms: coarsest layout)";
/// A histogram as `Desc` makes it unless told otherwise: within 1 %, where Prometheus' clients have ten buckets.
const FINE: &str = "ours, one thread, two merges";
static FINE_DESC: Desc =
    Desc::histogram("bench_fine", "Within 1 %.", &filled::BOUNDS).labels(&["room", "kind"]);

const CONTENDERS: [(&str, Role); 6] = [
    (OURS, Role::Ours),
    ("prometheus", Role::Peer),
    ("prometheus-client", Role::Peer),
    ("metrics-exporter-prometheus", Role::Peer),
    ("fastmetrics", Role::Peer),
    ("measured", Role::Peer),
];

/// Libraries within 1 % as ours by default, over the same range, on one thread.
const PRECISE: [&str; 3] = [
    "hdrhistogram",
    "histogram, AtomicHistogram",
    "metriken, sharded histogram",
];

/// Bytes of one of many.
struct Bytes {
    heap: f64,
    resident: f64,
}

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, what, name] = args.as_slice()
        && flag == "--one"
    {
        let bytes = one(what, name);
        say::line(format_args!("{} {}", bytes.heap, bytes.resident));
        return Ok(());
    }
    let options = Options::from_args().map_err(io::Error::other)?;
    say::note("memory: half a minute");
    let mut section = Section::new("memory");
    let counters = series(&options, &mut section, "a counter series")?;
    if let Some(ours) = counters {
        section.goal("a counter series: heap", ours.heap, 150.0, "bytes");
    }
    series(&options, &mut section, "a histogram series")?;
    fine_series(&options, &mut section)?;
    if options.wants("a stream") {
        streams(&mut section)?;
    }
    section.finish(&options)
}

/// The contenders of `title`, each in its own process; returns ours.
fn series(options: &Options, section: &mut Section, title: &str) -> io::Result<Option<Bytes>> {
    if !options.wants(title) {
        return Ok(None);
    }
    let mut ours = None;
    let mut rows = Vec::new();
    for (name, role) in CONTENDERS {
        let bytes = in_own_process(title, name)?;
        rows.push(row(name, role, &bytes));
        let own = ours.get_or_insert(Bytes { ..bytes });
        lost(section, title, (name, &bytes), own);
    }
    let head = [title, "", "heap bytes", "resident bytes"].map(str::to_owned);
    section.table(&head, &rows);
    Ok(ours)
}

/// The same of those that keep within 1 %.
fn fine_series(options: &Options, section: &mut Section) -> io::Result<()> {
    if !options.wants(FINE_SERIES) {
        return Ok(());
    }
    let own = in_own_process(FINE_SERIES, FINE)?;
    let mut rows = vec![row(FINE, Role::Ours, &own)];
    for name in PRECISE {
        let bytes = in_own_process(FINE_SERIES, name)?;
        rows.push(row(name, Role::Peer, &bytes));
        lost(section, FINE_SERIES, (name, &bytes), &own);
    }
    let head = [FINE_SERIES, "", "heap bytes", "resident bytes"].map(str::to_owned);
    section.table(&head, &rows);
    Ok(())
}

/// Says so, if a contender needs less than ours.
fn lost(section: &mut Section, title: &str, (name, bytes): (&str, &Bytes), own: &Bytes) {
    if bytes.heap < own.heap {
        let (own, other) = (figure(own.heap), figure(bytes.heap));
        section.lost(format!(
            "{name}, heap of {title}: {other} against {own} bytes"
        ));
    }
}

fn streams(section: &mut Section) -> io::Result<()> {
    let mut rows = Vec::new();
    for name in ["made", "made, with traffic, two ticks", JUDGED] {
        let bytes = in_own_process("a stream", name)?;
        rows.push(row(name, Role::Ours, &bytes));
    }
    let hot = Stream::HOT_BYTES as f64;
    section.goal("a stream: what a packet touches", hot, 512.0, "bytes");
    let head = [
        "a stream, its owner's part included",
        "",
        "heap bytes",
        "resident bytes",
    ];
    section.table(&head.map(str::to_owned), &rows);
    Ok(())
}

fn row(name: &str, role: Role, bytes: &Bytes) -> Vec<String> {
    vec![
        name.to_owned(),
        role.word().to_owned(),
        figure(bytes.heap),
        figure(bytes.resident),
    ]
}

fn in_own_process(what: &str, name: &str) -> io::Result<Bytes> {
    let out = Command::new(std::env::current_exe()?)
        .args(["--one", what, name])
        .output()?;
    let text = String::from_utf8_lossy(&out.stdout);
    let mut numbers = text.split_whitespace().map_while(|n| n.parse().ok());
    match (out.status.success(), numbers.next(), numbers.next()) {
        (true, Some(heap), Some(resident)) => Ok(Bytes { heap, resident }),
        _ => {
            let said = String::from_utf8_lossy(&out.stderr);
            Err(io::Error::other(format!(
                "{what}, {name}: {}\n{said}",
                out.status
            )))
        }
    }
}

/// Measures one contender in this process.
fn one(what: &str, name: &str) -> Bytes {
    let shape = match what {
        "a counter series" => COUNTERS,
        "a histogram series" => HISTOGRAMS,
        FINE_SERIES => return precise(name, HISTOGRAMS.histograms),
        _ => return stream(if name == "made" { 0 } else { 2 }, name == JUDGED),
    };
    match name {
        // After two merges: the snapshot that is published and the one to come are part of the price.
        OURS => {
            bytes_of(series_of(shape), || {
                let ours = Ours::new(shape);
                (0..2).for_each(|_| drop(ours.registry.collect()));
                ours
            })
            .0
        }
        "prometheus" => peer::<Prometheus>(shape),
        "prometheus-client" => peer::<PrometheusClient>(shape),
        "metrics-exporter-prometheus" => peer::<Facade>(shape),
        "fastmetrics" => peer::<Fast>(shape),
        _ => peer::<Measured>(shape),
    }
}

const fn series_of(shape: Shape) -> usize {
    shape.counters + shape.histograms // one of them is 0
}

/// One of `n` holds so much of what `make` returns.
fn bytes_of<T>(n: usize, make: impl FnOnce() -> T) -> (Bytes, T) {
    let (heap, resident) = (alloc::live_bytes(), machine::resident_bytes());
    let made = make();
    let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / n as f64;
    let bytes = Bytes {
        heap: each(heap, alloc::live_bytes()),
        resident: each(resident, machine::resident_bytes()),
    };
    (bytes, made)
}

fn peer<P: Filled>(shape: Shape) -> Bytes {
    let (bytes, mut peer) = bytes_of(series_of(shape), || P::new(shape));
    let mut page = String::new();
    peer.page(&mut page);
    check(&page, shape);
    bytes
}

fn fine(n: usize) -> Bytes {
    bytes_of(n, || {
        let registry = Registry::new().expect("a registry");
        for i in 0..n {
            let (room, kind) = filled::labels(i);
            let histogram = registry
                .histogram(&FINE_DESC, &[&room, kind])
                .expect("a histogram");
            histogram.record(70_000);
        }
        (0..2).for_each(|_| drop(registry.collect()));
        registry
    })
    .0
}

/// `n` histograms within 1 %, with a sample each; the libraries' own, for they have no registry.
fn precise(name: &str, n: usize) -> Bytes {
    fn filled<H>(n: usize, make: impl Fn() -> H) -> Bytes {
        bytes_of(n, || (0..n).map(|_| make()).collect::<Vec<H>>()).0
    }
    match name {
        FINE => fine(n),
        "hdrhistogram" => filled(n, || {
            let made = hdrhistogram::Histogram::<u64>::new_with_max(1 << 40, 2);
            let mut histogram = made.expect("a histogram");
            histogram.record(70_000).expect("in range");
            histogram
        }),
        "histogram, AtomicHistogram" => filled(n, || {
            let histogram = histogram::AtomicHistogram::new(7, 40).expect("a histogram");
            histogram.increment(70_000).expect("in range");
            histogram
        }),
        _ => filled(n, || {
            let histogram = metriken::ShardedCounterHistogram::new(7, 40);
            histogram.increment(70_000).expect("in range");
            histogram
        }),
    }
}

fn stream(ticks: usize, judged: bool) -> Bytes {
    bytes_of(STREAMS, || {
        let registry = Registry::builder()
            .max_streams(STREAMS)
            .build()
            .expect("a registry");
        let group = registry.group(&["incoming", "audio"]).expect("a group");
        let mut source = Generator::audio(1);
        let config = StreamConfig::new(1, source.clock_rate());
        let mut all: Vec<Stream> = Vec::with_capacity(STREAMS);
        all.extend((0..STREAMS).map(|_| registry.stream(&group, config).expect("a stream")));
        for stream in all.iter().filter(|_| judged) {
            let opus = Config::inbound(Codec::Opus.loss_weight(false));
            drop(registry.judge(stream, opus, None).expect("a judged stream"));
        }
        for i in 0..ticks as u64 {
            for stream in &mut all {
                let (bytes, arrival) = source.packet(i);
                stream.on_rtp(&RtpHeader::parse(bytes).expect("a packet"), arrival);
            }
            drop(registry.collect());
        }
        (registry, all)
    })
    .0
}
