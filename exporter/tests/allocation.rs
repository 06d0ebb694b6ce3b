//! A steady scrape allocates nothing, and a new series costs its own family only.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use media_metrics_core::Registry;
use media_metrics_core::desc::{Desc, Kind, Unit};
use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_exporter::{openmetrics, openmetrics_2, protobuf, text};

type Encode<'a> = &'a mut dyn FnMut(&Snapshot, &mut Vec<u8>);

thread_local! {
    /// Allocations of this thread: other tests run beside.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

fn note() {
    // Fails while the thread is torn down: nothing is counted there.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is passed on to `System` as it came; counting allocates nothing, for the
// thread-local is const-initialised and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above; `at` came from `System`.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: as above; `at` came from `System`.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

fn family(kind: Kind, i: usize) -> Desc {
    Desc::dynamic(kind, format!("{kind:?}_{i}"), "Help.".to_owned())
        .dynamic_labels(["series"])
        .dynamic_bounds(vec![0.001, 0.01, 0.1])
        .unit(Unit::Seconds)
        .per_unit(if kind == Kind::Histogram { 1e9 } else { 1.0 })
}

#[test]
fn a_warm_encoding_allocates_nothing() {
    let registry = Registry::new().unwrap();
    let mut counters = Vec::new();
    for i in 0..20 {
        for series in 0..50 {
            let label = series.to_string();
            counters.push(
                registry
                    .counter(&family(Kind::Counter, i), &[&label])
                    .unwrap(),
            );
            registry
                .gauge(&family(Kind::Gauge, i), &[&label])
                .unwrap()
                .set(f64::from(series) / 7.0);
        }
        registry
            .histogram(&family(Kind::Histogram, i), &["x"])
            .unwrap()
            .record(5_000_000);
    }
    let mut text = text::Encoder::new();
    let mut open = openmetrics::Encoder::new();
    let mut messages = protobuf::Encoder::new();
    let mut open_2 = openmetrics_2::Encoder::new();
    let encoders: [(&str, Encode<'_>); 4] = [
        ("text", &mut |snapshot, page| text.encode(snapshot, page)),
        ("openmetrics", &mut |snapshot, page| {
            open.encode(snapshot, page);
        }),
        ("openmetrics 2", &mut |snapshot, page| {
            open_2.encode(snapshot, page);
        }),
        ("protobuf", &mut |snapshot, page| {
            messages.encode(snapshot, page);
        }),
    ];
    for (format, encode) in encoders {
        let mut page = Vec::with_capacity(1 << 18); // of messages nobody knows the length beforehand
        let cold = allocations(|| encode(&registry.collect(), &mut page));
        assert!(cold > 60, "the counter counts: {cold}");
        for round in 0..3 {
            // Longer numbers, too: the page has room for the longest.
            counters.iter().for_each(|c| c.add(1 << (round * 20)));
            let snapshot = registry.collect();
            let warm = allocations(|| encode(&snapshot, &mut page));
            assert_eq!(warm, 0, "{format}, round {round}");
        }
        assert!(page.len() > 40_000, "{format}: {}", page.len());
    }
}

#[test]
fn exemplars_allocate_nothing() {
    let desc = family(Kind::Histogram, 0);
    let time = std::time::SystemTime::UNIX_EPOCH;
    let exemplar = |value| Exemplar::new([("ssrc", "1234"), ("room", "a\"b")], value, time);
    let snapshot = Builder::new()
        .histogram(&desc, &[(&["x"], &[5_000, 5_000_000])])
        .exemplars(desc.name(), &["x"], vec![exemplar(0.000_5), exemplar(7.0)])
        .build();
    let mut open = openmetrics::Encoder::new();
    let mut open_2 = openmetrics_2::Encoder::new();
    let mut messages = protobuf::Encoder::new();
    let encoders: [Encode<'_>; 3] = [
        &mut |snapshot, page| open.encode(snapshot, page),
        &mut |snapshot, page| open_2.encode(snapshot, page),
        &mut |snapshot, page| messages.encode(snapshot, page),
    ];
    for encode in encoders {
        let mut page = Vec::with_capacity(1 << 14);
        encode(&snapshot, &mut page);
        assert!(page.windows(4).filter(|bytes| bytes == b"ssrc").count() >= 2);
        assert_eq!(allocations(|| encode(&snapshot, &mut page)), 0);
    }
}

#[test]
fn a_new_series_costs_its_own_family_only() {
    let registry = Registry::new().unwrap();
    let add = |family_number: usize, series: usize| {
        let desc = family(Kind::Counter, family_number);
        registry
            .counter(&desc, &[&series.to_string()])
            .unwrap()
            .inc();
    };
    (0..300).for_each(|i| add(i, 0));
    let mut encoder = text::Encoder::new();
    let mut page = Vec::new();
    encoder.encode(&registry.collect(), &mut page);
    page.reserve(1 << 16);
    add(150, 1);
    let snapshot = registry.collect();
    let cost = allocations(|| encoder.encode(&snapshot, &mut page));
    // One family's bytes grow by doubling; three hundred families would cost hundreds.
    assert!((1..40).contains(&cost), "{cost} allocations");
}
