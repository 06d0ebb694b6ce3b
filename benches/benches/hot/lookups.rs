//! A series found by its labels, and its counter raised: what code does that keeps no handle.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::options::Options;
use media_metrics_benches::race::race;
use media_metrics_benches::results::Section;
use media_metrics_core::Registry;
use media_metrics_core::desc::Desc;
use media_metrics_core::snapshot::Values;
use metrics::Recorder as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use paracord::ParaCord;

use crate::labels::{FastLabels, MeasuredLabels, MeasuredLabelsSet, NAMES, labels};

/// Series to find one in.
const SERIES: usize = 1_000;

const TITLE: &str = "one packet: a counter found by two labels";
const OURS: &str = "Registry::counter";

static PACKETS: Desc = Desc::counter("bench_found_total", "Packets.").labels(&NAMES);

/// Values of the labels `room` and `kind`.
type Pair = (String, &'static str);

pub(crate) fn run(options: &Options, threads: &[usize], section: &mut Section) {
    if !options.wants(TITLE) {
        return;
    }
    let pairs: Vec<Pair> = (0..SERIES).map(labels).collect();
    let pairs = &pairs[..];
    let registry = Registry::builder()
        .max_series(SERIES + 100)
        .build()
        .expect("a registry");
    let mut c = Contest::new(TITLE, "ns per packet", 1.0);

    let plain = AtomicU64::new(0);
    c.enter(Role::Floor, "a HashMap of one's own", move |t, n| {
        let make = || -> HashMap<(&str, &str), u64> {
            pairs
                .iter()
                .map(|(room, kind)| ((&room[..], *kind), 0))
                .collect()
        };
        let done = |map: HashMap<(&str, &str), u64>| {
            plain.fetch_add(map.values().sum(), Relaxed);
        };
        found(t, n, pairs, make, raise, done, || plain.load(Relaxed))
    });

    // Series stay while somebody holds them.
    let keep = |(room, kind): &Pair| registry.counter(&PACKETS, &[room, kind]);
    let _kept: Vec<_> = pairs
        .iter()
        .map(|pair| keep(pair).expect("a counter"))
        .collect();
    c.enter(Role::Ours, OURS, |t, n| {
        let step = |r: &mut &Registry, (room, kind): &Pair| {
            if let Ok(counter) = r.counter(&PACKETS, &[room, kind]) {
                counter.inc();
            }
        };
        found(t, n, pairs, || &registry, step, drop, || total(&registry))
    });

    peers(&mut c, pairs);
    let outcome = c.hold(options, threads);
    section.outcome(&outcome);
}

/// Finds a pair's count and raises it.
fn raise<'a>(map: &mut HashMap<(&'a str, &'a str), u64>, (room, kind): &'a Pair) {
    if let Some(count) = map.get_mut(&(&room[..], *kind)) {
        *count += 1;
    }
}

fn peers<'a>(c: &mut Contest<'a>, pairs: &'a [Pair]) {
    let opts = prometheus::Opts::new("c", "c");
    let own = prometheus::IntCounterVec::new(opts, &NAMES).expect("a family");
    c.enter(Role::Peer, "prometheus, with_label_values", move |t, n| {
        let step = |vec: &mut &prometheus::IntCounterVec, (room, kind): &Pair| {
            vec.with_label_values(&[&room[..], kind]).inc();
        };
        let one = |(room, kind): &Pair| own.with_label_values(&[&room[..], kind]).get();
        found(
            t,
            n,
            pairs,
            || &own,
            step,
            drop,
            || pairs.iter().map(one).sum(),
        )
    });

    type Client = prometheus_client::metrics::family::Family<
        [(&'static str, String); 2],
        prometheus_client::metrics::counter::Counter,
    >;
    let own = Client::default();
    c.enter(
        Role::Peer,
        "prometheus-client, get_or_create",
        move |t, n| {
            let key = |(room, kind): &Pair| [("room", room.clone()), ("kind", (*kind).to_owned())];
            let step = |family: &mut &Client, pair: &Pair| {
                family.get_or_create(&key(pair)).inc();
            };
            let one = |pair: &Pair| own.get_or_create(&key(pair)).get();
            found(
                t,
                n,
                pairs,
                || &own,
                step,
                drop,
                || pairs.iter().map(one).sum(),
            )
        },
    );

    type Fast =
        fastmetrics::metrics::family::Family<FastLabels, fastmetrics::metrics::counter::Counter>;
    let own = Fast::default();
    c.enter(Role::Peer, "fastmetrics, with_or_new", move |t, n| {
        let key = |(room, kind): &Pair| FastLabels {
            room: room.clone(),
            kind,
        };
        let step = |family: &mut &Fast, pair: &Pair| {
            family.with_or_new(&key(pair), |counter| {
                counter.inc();
            });
        };
        let one = |pair: &Pair| own.with_or_new(&key(pair), |counter| counter.total());
        found(
            t,
            n,
            pairs,
            || &own,
            step,
            drop,
            || pairs.iter().map(one).sum(),
        )
    });

    type Measured = measured::CounterVec<MeasuredLabelsSet>;
    let own = Measured::with_label_set(MeasuredLabelsSet {
        room: ParaCord::default(),
        kind: ParaCord::default(),
    });
    c.enter(Role::Peer, "measured, inc by labels", move |t, n| {
        let step =
            |vec: &mut &Measured, (room, kind): &Pair| vec.inc(MeasuredLabels { room, kind });
        let one = |(room, kind): &Pair| {
            let id = own.with_labels(MeasuredLabels { room, kind });
            own.get_metric(id).count.load(Relaxed)
        };
        found(
            t,
            n,
            pairs,
            || &own,
            step,
            drop,
            || pairs.iter().map(one).sum(),
        )
    });

    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    c.enter(
        Role::Peer,
        "metrics + exporter, dynamic labels",
        move |t, n| {
            // What the macro does with labels that it is given while the program runs.
            let place = metrics::Metadata::new(module_path!(), metrics::Level::INFO, None);
            let step = |r: &mut &metrics_exporter_prometheus::PrometheusRecorder,
                        (room, kind): &Pair| {
                let labels = vec![
                    metrics::Label::new("room", room.clone()),
                    metrics::Label::new("kind", *kind),
                ];
                let key = metrics::Key::from_parts("found", labels);
                r.register_counter(&key, &place).increment(1);
            };
            found(t, n, pairs, || &recorder, step, drop, || rendered(&handle))
        },
    );
}

/// The sum of our counters.
fn total(registry: &Registry) -> u64 {
    let snapshot = registry.collect();
    match snapshot
        .family(PACKETS.name())
        .map(|family| family.values())
    {
        Some(Values::Counter(values)) => values.iter().sum(),
        _ => 0,
    }
}

/// The sum of the counters `found` as the exporter's text has them.
fn rendered(handle: &PrometheusHandle) -> u64 {
    let text = handle.render();
    let lines = text.lines().filter(|line| line.starts_with("found{"));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Finds `n` counters on each thread, one after the other, and raises them; a wrong total is not a time.
fn found<'a, S>(
    threads: usize,
    n: u64,
    pairs: &'a [Pair],
    make: impl Fn() -> S + Sync,
    step: impl Fn(&mut S, &'a Pair) + Sync,
    done: impl Fn(S) + Sync,
    read: impl Fn() -> u64,
) -> Duration {
    let before = read();
    // Neighbours are far apart, as calls of many rooms are.
    let at = |i: u64| &pairs[(i as usize * 389) % pairs.len()];
    let time = race(threads, n, make, |s, i| step(s, at(i)), done);
    assert_eq!(read() - before, threads as u64 * n, "packets");
    time
}
