//! `process_*` of this very process, against what its own libraries and files say.

#![cfg(all(feature = "process", target_os = "linux"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use media_metrics_core::{Registry, Task as _};
use media_metrics_exporter::process::ProcessTask;
use media_metrics_exporter::{Target, register_build, text};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A limit of the process binds all tests in it: one after the other.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn line(registry: &Registry, name: &str) -> f64 {
    let mut page = Vec::new();
    text::Encoder::new().encode(&registry.collect(), &mut page);
    let page = String::from_utf8(page).unwrap();
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name}: {page}"))
        .parse()
        .unwrap()
}

fn status(key: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn figures_agree_with_the_kernels_and_totals_only_grow() {
    let _alone = alone();
    let registry = Registry::new().unwrap();
    let mut task = ProcessTask::new(&registry, Duration::from_secs(1)).unwrap();
    let now = Instant::now();
    let kib = || ["VmRSS:", "VmSize:"].map(status);
    let before = kib();
    assert_eq!(task.run(now), Some(now + Duration::from_secs(1)));
    let after = kib();

    // Another test's thread may come meanwhile, with 64 MiB of addresses of its own.
    let memory = [
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
    ];
    for (name, (before, after)) in memory.into_iter().zip(before.into_iter().zip(after)) {
        let ours = line(&registry, name) / 1_024.0;
        let near = before.min(after) / 1.5..before.max(after) * 1.5;
        assert!(
            near.contains(&ours),
            "{name}: {ours} KiB, elsewhere {near:?}"
        );
    }
    let threads = line(&registry, "process_threads");
    assert!((threads - status("Threads:")).abs() <= 8.0, "{threads}");
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as f64;
    assert!((line(&registry, "process_open_fds") - open).abs() <= 8.0);
    let started = line(&registry, "process_start_time_seconds");
    let age = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
        - started;
    assert!((-2.0..600.0).contains(&age), "{age}");

    let mut last = line(&registry, "process_cpu_seconds_total");
    let mut busy = 1_u64;
    for _ in 0..20 {
        (0..200_000_u64).for_each(|i| busy = std::hint::black_box(busy.wrapping_mul(31) ^ i));
        task.run(now);
        let next = line(&registry, "process_cpu_seconds_total");
        assert!(next >= last, "{last} {next}");
        last = next;
    }
    let own = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let own = own.tv_sec as f64 + own.tv_nsec as f64 / 1e9;
    assert!(last > 0.0 && last <= own, "{last} {own}");
}

/// A reporter that is stopped and started again gets another task.
#[test]
fn a_second_task_counts_no_time_twice() {
    let _alone = alone();
    let registry = Registry::new().unwrap();
    let mut tasks = [(); 2].map(|()| ProcessTask::new(&registry, Duration::from_secs(1)).unwrap());
    for task in &mut tasks {
        task.run(Instant::now());
    }
    drop(tasks);
    let mut again = ProcessTask::new(&registry, Duration::from_secs(1)).unwrap();
    again.stop(Instant::now());
    let told = line(&registry, "process_cpu_seconds_total");
    let own = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let own = own.tv_sec as f64 + own.tv_nsec as f64 / 1e9;
    assert!(told > 0.0 && told <= own, "{told} {own}");
}

#[test]
fn figures_go_on_without_a_file_descriptor() {
    let _alone = alone();
    let registry = Registry::new().unwrap();
    let mut task = ProcessTask::new(&registry, Duration::from_secs(1)).unwrap();
    task.run(Instant::now());
    let before = line(&registry, "process_start_time_seconds");
    // A limit below what is open: no file can be opened any more.
    let limit = getrlimit(Resource::Nofile);
    let tight = Rlimit {
        current: Some(3),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, tight).unwrap();
    let refused = std::fs::File::open("/dev/null").is_err();
    task.run(Instant::now());
    setrlimit(Resource::Nofile, limit).unwrap();
    assert!(refused);
    assert_eq!(line(&registry, "process_start_time_seconds"), before);
    assert_eq!(line(&registry, "process_max_fds"), 3.0);
    assert!(line(&registry, "process_open_fds") > 3.0 && line(&registry, "process_threads") > 0.0);
}

#[test]
fn build_and_target_are_told() {
    let registry = Registry::new().unwrap();
    register_build(&registry).unwrap();
    let target = Target::new().attribute("service.name", "sf\"u").unwrap();
    target
        .attribute("service.instance.id", "7")
        .unwrap()
        .register(&registry)
        .unwrap();
    let mut page = Vec::new();
    media_metrics_exporter::openmetrics::Encoder::new().encode(&registry.collect(), &mut page);
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("# TYPE target info\n"), "{page}");
    assert!(
        page.contains("target_info{service_instance_id=\"7\",service_name=\"sf\\\"u\"} 1"),
        "{page}"
    );
    assert!(page.contains("# TYPE media_metrics_build info\n"), "{page}");
    assert!(
        page.contains(concat!(
            "media_metrics_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\",revision="
        )),
        "{page}"
    );
    Target::new().register(&Registry::new().unwrap()).unwrap();
}
