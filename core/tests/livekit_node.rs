//! A node's statistics as a message: totals, the operating system and rates together.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]
#![cfg(all(feature = "livekit", target_os = "linux"))]

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use media_metrics_core::Registry;
use media_metrics_core::livekit::node::families::NodeFamilies;
use media_metrics_core::livekit::node::messages::NodeStats;
use media_metrics_core::livekit::node::monitor::NodeMonitor;
use media_metrics_core::livekit::node::rates::HistoryError;
use media_metrics_core::livekit::node::system::{
    Machine, Memory, PacketCounts, Qdisc, ReadFailures, System, SystemReading,
};
use media_metrics_core::livekit::node::totals::NodeTotals;
use media_metrics_core::livekit::time::ServerTime;
use prost::Message;
use tempfile::TempDir;

const SECOND: Duration = Duration::from_secs(1);

fn at(ms: u64) -> ServerTime {
    ServerTime::default().after(Duration::from_millis(ms))
}

fn wall(s: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(s)
}

/// Version 2 of control groups with 2.5 CPUs and 1,000 of 4,000 bytes in use.
fn tree() -> TempDir {
    let tree = TempDir::new().unwrap();
    for (file, text) in [
        ("proc/self/cgroup", "0::/\n"),
        (
            "proc/self/mountinfo",
            "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n",
        ),
        ("proc/loadavg", "0.5 1.5 2.5 1/2 3\n"),
        ("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 1000 kB\n"),
        ("cg/cpu.max", "250000 100000\n"),
        ("cg/cpu.stat", "usage_usec 0\n"),
        ("cg/memory.max", "4000\n"),
        ("cg/memory.current", "1000\n"),
    ] {
        write(tree.path(), file, text);
    }
    tree
}

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A machine whose only interface had sent 100 packets and sends 30 more between any two questions.
fn machine(root: &Path) -> Machine {
    let mut out = 70;
    Machine {
        root: root.to_path_buf(),
        usable_cpus: Some(8),
        cpu_request: None,
        qdiscs: Box::new(move || {
            out += 30;
            Ok(vec![Qdisc {
                interface: 1,
                counts: PacketCounts { out, dropped: 2 },
            }])
        }),
    }
}

fn monitor(machine: Machine) -> NodeMonitor {
    NodeMonitor::new(wall(1_000), SECOND, &[2 * SECOND], System::new(machine)).unwrap()
}

#[test]
fn an_update_holds_totals_the_system_and_rates() {
    let tree = tree();
    let mut node = monitor(machine(tree.path()));
    let mut totals = NodeTotals::default();
    for second in 0..3 {
        let usage = format!("usage_usec {}\n", second * 1_250_000);
        write(tree.path(), "cg/cpu.stat", &usage);
        totals.bytes_in = second * 500;
        totals.rooms = 7 - second;
        totals.signal_failed = second * 3;
        totals.signal_validation_failed = second * 5;
        node.update(at(second * 1_000), wall(2_000 + second), &totals);
    }
    write(tree.path(), "cg/cpu.stat", "usage_usec 5000000\n");
    totals.forward_latency = Some(Duration::from_nanos(250_000));
    totals.forward_jitter = Some(Duration::ZERO);
    let update = node.update(at(3_000), wall(2_003), &totals);

    let since = PacketCounts {
        out: 120,
        dropped: 0,
    };
    assert_eq!(update.system.packets_since_start, Some(since));
    let stats = update.stats;
    let mut expected = NodeStats {
        started_at: 1_000,
        updated_at: 2_003,
        num_rooms: 5,
        bytes_in: 1_000,
        participant_signal_failed: 6,
        participant_signal_validation_failed: 10,
        num_cpus: 2, // 2.5, cut
        cpu_load: 1.0,
        load_avg_last1min: 0.5,
        load_avg_last5min: 1.5,
        load_avg_last15min: 2.5,
        memory_total: 4_000,
        memory_used: 1_000,
        sys_packets_out: 220,
        sys_packets_dropped: 2,
        forward_latency: 250_000,
        ..NodeStats::default()
    };
    expected.rates = stats.rates.clone();
    assert_eq!(stats, expected);
    let [rate] = stats.rates.as_slice() else {
        panic!("{:?}", stats.rates);
    };
    assert_eq!(
        (rate.started_at, rate.ended_at, rate.duration),
        (2_001, 2_003, 2)
    );
    assert_eq!(rate.bytes_in, 250.0);
    assert_eq!(rate.participant_signal_failed, 1.5);
    assert_eq!(rate.participant_signal_validation_failed, 2.5);
    assert_eq!((rate.cpu_load, rate.memory_load), (0.75, 0.25));
    assert_eq!(rate.sys_packets_out, 30.0);
    let read_back = NodeStats::decode(stats.encode_to_vec().as_slice()).unwrap();
    assert_eq!(read_back, stats);
    assert_eq!(node.failures(), Default::default());
}

/// Hazard 12: 32 bits of nanoseconds wrapped at 4.29 s. Nor does anything else wrap.
#[test]
fn what_does_not_fit_is_the_largest_number() {
    let tree = tree();
    let mut node = monitor(Machine {
        qdiscs: Box::new(|| {
            let counts = PacketCounts {
                out: u64::MAX,
                dropped: 1 << 32,
            };
            Ok(vec![Qdisc {
                interface: 1,
                counts,
            }])
        }),
        cpu_request: Some(1e30),
        ..machine(tree.path())
    });
    let totals = NodeTotals {
        rooms: u64::MAX,
        clients: 1 << 31,
        tracks_in: (1 << 31) - 1,
        publish_attempts: u64::MAX,
        bytes_out: u64::MAX,
        forward_latency: Some(Duration::from_nanos(1 << 32)),
        forward_jitter: Some(Duration::MAX),
        ..NodeTotals::default()
    };
    let stats = node.update(at(0), wall(0), &totals).stats;
    let expected = NodeStats {
        started_at: 1_000,
        num_rooms: i32::MAX,
        num_clients: i32::MAX,
        num_tracks_in: i32::MAX,
        num_track_publish_attempts: i32::MAX,
        bytes_out: u64::MAX,
        forward_latency: u32::MAX,
        forward_jitter: u32::MAX,
        num_cpus: u32::MAX,
        sys_packets_out: u32::MAX,
        sys_packets_dropped: u32::MAX,
        load_avg_last1min: 0.5,
        load_avg_last5min: 1.5,
        load_avg_last15min: 2.5,
        memory_total: 4_000,
        memory_used: 1_000,
        ..NodeStats::default()
    };
    assert_eq!(stats, expected);
}

#[test]
fn an_unknown_machine_still_has_statistics() {
    let empty = TempDir::new().unwrap();
    let mut node = monitor(Machine {
        usable_cpus: None,
        qdiscs: Box::new(|| Err(std::io::ErrorKind::PermissionDenied.into())),
        ..machine(empty.path())
    });
    let totals = NodeTotals {
        packets_in: 9,
        ..NodeTotals::default()
    };
    let update = node.update(at(0), UNIX_EPOCH - Duration::from_millis(1_500), &totals);
    assert_eq!(update.system, Default::default());
    let expected = NodeStats {
        started_at: 1_000,
        updated_at: -2,
        packets_in: 9,
        ..NodeStats::default()
    };
    assert_eq!(update.stats, expected);
    let failures = node.failures();
    assert_eq!((failures.cpu, failures.load, failures.memory), (1, 1, 1));
    assert_eq!(failures.packets, 2); // the first was for the count at the start
}

/// As the reference samples: once a second, whatever time lies between updates.
#[test]
fn the_load_is_of_the_last_second_if_the_host_samples_each() {
    let tree = tree();
    let mut node = monitor(machine(tree.path()));
    let mut load = None;
    for (second, usec) in [0, 2_500_000, 2_500_000, 3_125_000].into_iter().enumerate() {
        write(tree.path(), "cg/cpu.stat", &format!("usage_usec {usec}\n"));
        let now = at(second as u64 * 1_000);
        node.sample_cpu(now);
        if second == 3 {
            load = node
                .update(now, wall(0), &NodeTotals::default())
                .system
                .cpu_load;
        }
    }
    assert_eq!(load, Some(0.25));
}

#[test]
fn a_refused_configuration_is_told() {
    let tree = tree();
    let refused = NodeMonitor::new(
        wall(0),
        Duration::ZERO,
        &[],
        System::new(machine(tree.path())),
    );
    assert_eq!(refused.unwrap_err(), HistoryError::ZeroUpdate);
}

#[test]
fn families_show_what_is_known_and_nothing_else() {
    let registry = Registry::builder().build().unwrap();
    let mut families = NodeFamilies::new(&registry).unwrap();
    let gauges = || {
        let snapshot = registry.collect();
        let names = [
            "cpus",
            "cpu_load_ratio",
            "memory_used_bytes",
            "memory_total_bytes",
            "load1",
            "load5",
            "load15",
        ];
        names.map(|name| snapshot.gauge(&format!("media_node_{name}"), &[]))
    };
    let failed = || {
        let snapshot = registry.collect();
        ["cpu", "load", "memory", "packets"]
            .map(|what| snapshot.counter("media_node_read_failures_total", &[what]))
    };
    assert_eq!(gauges(), [None; 7]);
    assert_eq!(failed(), [Some(0); 4]);

    let mut system = SystemReading {
        cpus: Some(2.5),
        cpu_load: Some(0.0),
        load_averages: Some([0.5, 1.5, 2.5]),
        memory: Some(Memory {
            used_bytes: 1_000,
            total_bytes: 4_000,
        }),
        ..SystemReading::default()
    };
    let mut failures = ReadFailures {
        cpu: 1,
        load: 2,
        memory: 3,
        packets: 4,
    };
    families.record(&system, failures);
    let known = [2.5, 0.0, 1_000.0, 4_000.0, 0.5, 1.5, 2.5];
    assert_eq!(gauges(), known.map(Some));
    assert_eq!(failed(), [1, 2, 3, 4].map(Some));

    system.cpu_load = None;
    system.memory = None;
    failures.packets = 9;
    families.record(&system, failures);
    let mut expected = known.map(Some);
    expected[1..4].fill(None);
    assert_eq!(gauges(), expected);
    assert_eq!(failed(), [1, 2, 3, 9].map(Some));
}
