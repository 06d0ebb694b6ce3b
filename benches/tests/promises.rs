//! The hot path's promises: no allocation, no locked instruction, no system call.
//!
//! Each is shown to be able to fail: a test that can't tell a broken promise from a kept one keeps none.

use std::process::{Command, ExitStatus};

use media_metrics_benches::alloc::{self, Counting};
use media_metrics_benches::disasm::Program;
use media_metrics_benches::packets::Generator;
use media_metrics_benches::probe;
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::{Desc, Registry, StreamConfig};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static COUNTER: Desc = Desc::counter("promise_total", "A counter.");
static GAUGE: Desc = Desc::gauge("promise_level", "A gauge.");
static NAMED: Desc = Desc::histogram("promise_named", "Exemplars.", &[0.1]).exemplars();
static HISTOGRAM: Desc = Desc::histogram("promise_seconds", "A histogram.", &[0.1]);

/// Allocations of this thread while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = alloc::calls();
    work();
    alloc::calls() - before
}

#[test]
fn recording_allocates_nothing_once_warm() {
    let registry = Registry::new().unwrap();
    let counter = registry.counter(&COUNTER, &[]).unwrap();
    let gauge = registry.gauge(&GAUGE, &[]).unwrap();
    let histogram = registry.histogram(&HISTOGRAM, &[]).unwrap();
    let named = registry.histogram(&NAMED, &[]).unwrap();
    let group = registry.group(&["incoming", "video"]).unwrap();
    let mut source = Generator::video(1);
    let mut stream = registry
        .stream(&group, StreamConfig::new(1, 90_000))
        .unwrap();
    let (local, local_histogram) = (counter.local(), histogram.local());
    let mut record = |i: u64| {
        counter.add(i);
        local.add(i);
        gauge.add(1.0);
        gauge.set(2.0);
        histogram.record(i);
        local_histogram.record(i);
        named.record_for(i, stream.id());
        let (bytes, arrival) = source.packet(i);
        stream.on_rtp(&RtpHeader::parse(bytes).unwrap(), arrival);
    };
    record(0);
    assert_eq!(allocations(|| (1..10_000).for_each(&mut record)), 0);
    assert!(
        allocations(|| drop(std::hint::black_box(Box::new(1_u64)))) > 0,
        "the counter counts"
    );
    // A gap, a late packet, a duplicate, a suspect, a restart: a stream's first make the memory for what is
    // told of losses, and this thread's for their distributions; all others make nothing.
    let unusual = |from: u64| {
        [10, 8, 8, 50_000, 50_001]
            .map(|step| from + step)
            .into_iter()
    };
    unusual(10_000).chain(60_002..60_200).for_each(&mut record);
    let settled = unusual(60_200).chain(110_202..110_400);
    assert_eq!(allocations(|| settled.for_each(&mut record)), 0);
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn hot_functions_hold_no_locked_instruction_and_no_system_call() {
    let probes = probe::build().unwrap();
    let program = Program::read(&probes).unwrap();
    for probe in probe::ALL {
        let found = program.violations(&probe.symbol()).unwrap();
        assert!(found.is_empty(), "{}: {found:#?}", probe.name);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn hot_functions_live_where_a_system_call_is_death() {
    use std::os::unix::process::ExitStatusExt;
    let probes = probe::build().unwrap();
    let run = |args: &[&str]| -> ExitStatus { Command::new(&probes).args(args).status().unwrap() };
    assert!(run(&["sealed", "100000"]).success());
    assert_eq!(
        run(&["sealed-broken"]).signal(),
        Some(libc::SIGKILL),
        "the seal holds"
    );
}
