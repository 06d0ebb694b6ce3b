//! What the operating system says, from trees of files made up: control groups of both versions, with and without
//! quotas, nested, malformed, missing.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]
#![cfg(all(feature = "livekit", target_os = "linux"))]

use std::fs;
use std::io;
use std::time::Duration;

use media_metrics_core::livekit::node::system::{
    Machine, Memory, PacketCounts, Qdisc, ReadFailures, System, SystemReading,
};
use media_metrics_core::livekit::time::ServerTime;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tempfile::TempDir;

const GIB: u64 = 1 << 30;

/// 4 CPUs, 16 GiB of which 12 could be had.
const MEMINFO: &str = "MemTotal:       16777216 kB\nMemFree:         1048576 kB\nMemAvailable:   12582912 kB\n\
                       Buffers:          524288 kB\nCached:          1048576 kB\n";
const LOADAVG: &str = "0.52 1.25 2.75 3/812 40231\n";

const V2_MOUNT: &str =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
const V1_MOUNTS: &str = "24 20 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
    32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct\n\
    36 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

/// A machine made of files.
struct Tree(TempDir);

impl Tree {
    fn bare() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn new() -> Self {
        let tree = Self::bare();
        tree.write("proc/meminfo", MEMINFO);
        tree.write("proc/loadavg", LOADAVG);
        tree.stat(0, 0);
        tree
    }

    /// Version 2; the process is in `group`.
    fn v2(group: &str) -> Self {
        let tree = Self::new();
        tree.write("proc/self/cgroup", format!("0::{group}\n"));
        tree.write("proc/self/mountinfo", V2_MOUNT);
        tree
    }

    /// Version 1, as of a machine that has the unified hierarchy besides.
    fn v1(group: &str) -> Self {
        let tree = Self::new();
        let groups =
            format!("9:memory:{group}\n5:cpu,cpuacct:{group}\n1:name=systemd:/\n0::/unified\n");
        tree.write("proc/self/cgroup", &groups);
        tree.write("proc/self/mountinfo", format!("{V1_MOUNTS}{V2_MOUNT}"));
        tree
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.0.path().join(path)).unwrap();
    }

    /// Seconds of all CPUs: the kernel counts hundredths.
    fn stat(&self, busy_s: u64, idle_s: u64) {
        let (busy, idle) = (busy_s * 10, idle_s * 50);
        let line = format!(
            "cpu {busy} {busy} {busy} {idle} {idle} {busy} {busy} {} 70 7",
            busy * 5
        );
        let rest = "cpu0 1 2 3 4\ncpu1 1 2 3 4\nintr 5 6\nctxt 7\nbtime 8\nprocesses 9\n";
        self.write("proc/stat", format!("{line}\n{rest}"));
    }

    fn machine(&self) -> Machine {
        Machine {
            root: self.0.path().to_path_buf(),
            usable_cpus: Some(4),
            cpu_request: None,
            qdiscs: Box::new(|| Ok(Vec::new())),
        }
    }

    fn system(&self) -> System {
        System::new(self.machine())
    }

    fn read(&self) -> SystemReading {
        let mut system = self.system();
        let reading = system.read(at(0));
        assert_eq!(system.failures(), ReadFailures::default());
        reading
    }
}

fn at(ms: u64) -> ServerTime {
    ServerTime::default().after(Duration::from_millis(ms))
}

fn cpu_failures(cpu: u64) -> ReadFailures {
    ReadFailures {
        cpu,
        ..ReadFailures::default()
    }
}

#[test]
fn a_machine_without_control_groups_speaks_for_itself() {
    let tree = Tree::new();
    tree.stat(100, 900);
    let mut system = tree.system();
    let first = system.read(at(0));
    let expected = SystemReading {
        cpus: Some(4.0),
        cpu_load: None,
        load_averages: Some([0.52, 1.25, 2.75]),
        memory: Some(Memory {
            used_bytes: 4 * GIB,
            total_bytes: 16 * GIB,
        }),
        packets: Some(PacketCounts::default()),
        packets_since_start: Some(PacketCounts::default()),
    };
    assert_eq!(first, expected);
    tree.stat(103, 905); // 3 of 2 s x 4 CPUs
    assert_eq!(system.read(at(2_000)).cpu_load, Some(0.375));
    tree.stat(111, 905);
    assert_eq!(system.read(at(4_000)).cpu_load, Some(1.0));
    tree.stat(111, 913);
    assert_eq!(system.read(at(6_000)).cpu_load, Some(0.0));
    assert_eq!(system.failures(), ReadFailures::default());
}

/// Hazard 8: at its limit a node read 0.
#[test]
fn a_group_at_its_quota_reads_1() {
    let tree = Tree::v2("/node");
    tree.write("sys/fs/cgroup/node/cpu.max", "150000 100000\n");
    let mut system = tree.system();
    let mut loads = Vec::new();
    for (ms, usec) in [
        (0, 5_000),
        (1_000, 6_500),
        (2_000, 6_500),
        (3_000, 7_250),
        (4_000, 9_000),
    ] {
        tree.write(
            "sys/fs/cgroup/node/cpu.stat",
            format!("usage_usec {usec}000\nuser_usec 1\n"),
        );
        let reading = system.read(at(ms));
        assert_eq!(reading.cpus, Some(1.5));
        loads.push(reading.cpu_load);
    }
    assert_eq!(loads, [None, Some(1.0), Some(0.0), Some(0.5), Some(1.0)]);
}

#[test]
fn the_tightest_quota_above_the_process_counts_and_its_group_is_measured() {
    let tree = Tree::v2("/pod/container/inner");
    for (group, quota, usec) in [
        ("", None, 1_000_000),
        ("pod/", Some("100000 50000"), 2_000_000),
        ("pod/container/", Some("max 100000"), 3_000_000),
        ("pod/container/inner/", Some("300000 100000"), 4_000_000),
    ] {
        let dir = format!("sys/fs/cgroup/{group}");
        if let Some(quota) = quota {
            tree.write(&format!("{dir}cpu.max"), quota);
        }
        tree.write(&format!("{dir}cpu.stat"), format!("usage_usec {usec}\n"));
    }
    let mut system = tree.system();
    assert_eq!(system.read(at(0)).cpus, Some(2.0));
    tree.write("sys/fs/cgroup/pod/cpu.stat", "usage_usec 3000000\n");
    tree.write(
        "sys/fs/cgroup/pod/container/inner/cpu.stat",
        "usage_usec 999000000\n",
    );
    assert_eq!(system.read(at(1_000)).cpu_load, Some(0.5));
    // The quota moves down: another group is measured, from its next sample on.
    tree.write("sys/fs/cgroup/pod/container/inner/cpu.max", "50000 100000");
    let reading = system.read(at(2_000));
    assert_eq!((reading.cpus, reading.cpu_load), (Some(0.5), None));
    tree.write(
        "sys/fs/cgroup/pod/container/inner/cpu.stat",
        "usage_usec 999125000\n",
    );
    assert_eq!(system.read(at(3_000)).cpu_load, Some(0.25));
    assert_eq!(system.failures(), ReadFailures::default());
}

#[test]
fn without_a_quota_the_highest_group_is_measured_against_the_cpus() {
    let tree = Tree::v2("/a/b");
    tree.write("sys/fs/cgroup/cpu.stat", "usage_usec 0\n");
    tree.write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    tree.write("sys/fs/cgroup/a/b/cpu.stat", "usage_usec 0\n");
    let mut system = tree.system();
    system.read(at(0));
    tree.write("sys/fs/cgroup/cpu.stat", "usage_usec 1000000\n");
    let reading = system.read(at(1_000));
    assert_eq!((reading.cpus, reading.cpu_load), (Some(4.0), Some(0.25)));
}

#[test]
fn a_quota_beyond_the_cpus_is_none() {
    let tree = Tree::v2("/");
    tree.write("sys/fs/cgroup/cpu.max", "800000 100000\n");
    tree.write("sys/fs/cgroup/cpu.stat", "usage_usec 0\n");
    assert_eq!(tree.read().cpus, Some(4.0));
}

#[test]
fn what_the_host_asks_for_overrides_the_number_of_cpus() {
    let tree = Tree::v2("/");
    tree.write("sys/fs/cgroup/cpu.max", "200000 100000\n");
    tree.write("sys/fs/cgroup/cpu.stat", "usage_usec 0\n");
    let mut system = System::new(Machine {
        cpu_request: Some(0.5),
        ..tree.machine()
    });
    assert_eq!(system.read(at(0)).cpus, Some(0.5));
    tree.write("sys/fs/cgroup/cpu.stat", "usage_usec 250000\n");
    assert_eq!(system.read(at(1_000)).cpu_load, Some(0.5));
    tree.write("sys/fs/cgroup/cpu.stat", "usage_usec 2250000\n");
    assert_eq!(system.read(at(2_000)).cpu_load, Some(1.0)); // the reference: -1
}

#[test]
fn version_1_has_its_controllers_where_they_are_mounted() {
    let tree = Tree::v1("/docker/0123");
    let cpu = "sys/fs/cgroup/cpu,cpuacct";
    tree.write(&format!("{cpu}/cpu.cfs_quota_us"), "-1\n");
    tree.write(&format!("{cpu}/docker/0123/cpu.cfs_quota_us"), "250000\n");
    tree.write(&format!("{cpu}/docker/0123/cpu.cfs_period_us"), "100000\n");
    tree.write(&format!("{cpu}/docker/0123/cpuacct.usage"), "7000000000\n");
    let memory = "sys/fs/cgroup/memory";
    tree.write(
        &format!("{memory}/memory.limit_in_bytes"),
        "9223372036854771712\n",
    );
    tree.write(
        &format!("{memory}/docker/0123/memory.limit_in_bytes"),
        format!("{}\n", 2 * GIB),
    );
    tree.write(
        &format!("{memory}/docker/0123/memory.usage_in_bytes"),
        format!("{}\n", GIB),
    );
    let stat = format!("inactive_file 5\ntotal_inactive_file {}\n", GIB / 4);
    tree.write(&format!("{memory}/docker/0123/memory.stat"), stat);
    let mut system = tree.system();
    let reading = system.read(at(0));
    assert_eq!(reading.cpus, Some(2.5));
    let expected = Memory {
        used_bytes: GIB / 4 * 3,
        total_bytes: 2 * GIB,
    };
    assert_eq!(reading.memory, Some(expected));
    tree.write(&format!("{cpu}/docker/0123/cpuacct.usage"), "8250000000\n");
    assert_eq!(system.read(at(1_000)).cpu_load, Some(0.5));
    assert_eq!(system.failures(), ReadFailures::default());
}

/// In a container without a namespace of its own, the mounts show the container's group as their root.
#[test]
fn a_container_sees_its_own_group_as_the_root() {
    let tree = Tree::v1("/docker/0123/init");
    let mounts = "32 31 0:29 /docker/0123 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n\
                  33 31 0:30 /docker/0123 /sys/fs/cgroup/cpuacct ro - cgroup cgroup rw,cpuacct\n";
    tree.write("proc/self/mountinfo", mounts);
    tree.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000");
    tree.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
    tree.write("sys/fs/cgroup/cpuacct/cpuacct.usage", "0");
    tree.write("sys/fs/cgroup/cpuacct/init/cpuacct.usage", "0");
    let mut system = tree.system();
    assert_eq!(system.read(at(0)).cpus, Some(0.5));
    tree.write("sys/fs/cgroup/cpuacct/cpuacct.usage", "125000000");
    assert_eq!(system.read(at(1_000)).cpu_load, Some(0.25));
}

/// A group outside of what is mounted, or of another namespace (`/..`): what is mounted is all that can be read.
#[test]
fn a_group_that_the_mount_does_not_show_is_the_mount() {
    for (group, root) in [
        ("/../other", "/"),
        ("/system.slice", "/docker/0123"),
        ("/x", "/.."),
    ] {
        let tree = Tree::v2(group);
        let mount = V2_MOUNT.replacen(" / /sys", &format!(" {root} /sys"), 1);
        tree.write("proc/self/mountinfo", mount);
        tree.write("sys/fs/cgroup/cpu.max", "100000 100000");
        tree.write("sys/fs/cgroup/cpu.stat", "usage_usec 0\n");
        assert_eq!(tree.read().cpus, Some(1.0), "{group} {root}");
    }
}

#[test]
fn of_several_mounts_the_one_that_shows_the_group_counts() {
    let tree = Tree::v2("/pod");
    let mount =
        |root: &str, point: &str| format!("30 23 0:26 {root} {point} rw - cgroup2 cgroup2 rw\n");
    let mounts = [
        mount("/other", "/a"),
        mount("/", "/b"),
        mount("/third", "/c"),
    ];
    tree.write("proc/self/mountinfo", mounts.concat());
    for (point, cpus) in [("a", 1), ("b/pod", 2), ("c", 3)] {
        tree.write(&format!("{point}/cpu.max"), format!("{cpus}00000 100000"));
    }
    tree.write("b/pod/cpu.stat", "usage_usec 0\n");
    assert_eq!(tree.read().cpus, Some(2.0));
    tree.write(
        "proc/self/mountinfo",
        [mount("/other", "/a"), mount("/third", "/c")].concat(),
    );
    tree.write("a/cpu.stat", "usage_usec 0\n");
    assert_eq!(tree.read().cpus, Some(1.0));
}

#[test]
fn memory_is_the_tightest_limit_below_what_the_machine_has() {
    let tree = Tree::v2("/pod/container");
    let (pod, container) = ("sys/fs/cgroup/pod", "sys/fs/cgroup/pod/container");
    tree.write(&format!("{pod}/memory.max"), "max\n");
    tree.write(&format!("{container}/memory.max"), "max\n");
    let machine = Tree::new().read().memory;
    assert_eq!(tree.read().memory, machine);
    tree.write(
        &format!("{container}/memory.max"),
        format!("{}\n", 17 * GIB),
    );
    assert_eq!(tree.read().memory, machine);
    tree.write(&format!("{pod}/memory.max"), format!("{}\n", 4 * GIB));
    tree.write(&format!("{pod}/memory.current"), format!("{}\n", 3 * GIB));
    let mut expected = Memory {
        used_bytes: 3 * GIB,
        total_bytes: 4 * GIB,
    };
    assert_eq!(tree.read().memory, Some(expected));
    let stat = format!("anon 1\ninactive_file {GIB}\nactive_file 2\n");
    tree.write(&format!("{pod}/memory.stat"), stat);
    expected.used_bytes = 2 * GIB;
    assert_eq!(tree.read().memory, Some(expected));
    tree.write(
        &format!("{pod}/memory.stat"),
        "inactive_file 99999999999999\n",
    );
    expected.used_bytes = 0;
    assert_eq!(tree.read().memory, Some(expected));
}

#[test]
fn kernels_of_long_ago_do_not_say_what_is_available() {
    let tree = Tree::new();
    tree.write(
        "proc/meminfo",
        MEMINFO.replace("MemAvailable", "SomethingElse"),
    );
    let used_kib = 16_777_216 - 1_048_576 - 524_288 - 1_048_576;
    assert_eq!(tree.read().memory.unwrap().used_bytes, used_kib * 1_024);
}

#[test]
fn an_empty_machine_is_unknown_not_0() {
    let mut system = Tree::bare().system();
    for reading in 1..=3 {
        let got = system.read(at(reading * 1_000));
        let expected = SystemReading {
            cpus: Some(4.0), // the host said so
            packets: Some(PacketCounts::default()),
            packets_since_start: Some(PacketCounts::default()),
            ..SystemReading::default()
        };
        assert_eq!(got, expected);
        let failures = ReadFailures {
            cpu: reading,
            load: reading,
            memory: reading,
            packets: 0,
        };
        assert_eq!(system.failures(), failures);
    }
}

#[test]
fn a_quota_that_cannot_be_read_is_unknown_and_counted() {
    let v2 = [
        "",
        "max",
        "100000",
        "x 100000",
        "100000 x",
        "100000 0",
        "0 100000",
        "-1 100000",
        "\u{0}\u{fe}",
    ];
    for quota in v2 {
        let tree = Tree::v2("/");
        tree.write("sys/fs/cgroup/cpu.max", quota);
        tree.write("sys/fs/cgroup/cpu.stat", "usage_usec 0\n");
        let mut system = tree.system();
        assert_eq!(system.read(at(0)).cpus, None, "{quota:?}");
        assert_eq!(system.failures(), cpu_failures(1), "{quota:?}");
    }
    for (quota, period) in [
        ("x", Some("1")),
        ("-2", Some("1")),
        ("5", None),
        ("5", Some("0")),
    ] {
        let tree = Tree::v1("/");
        tree.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", quota);
        if let Some(period) = period {
            tree.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", period);
        }
        let mut system = tree.system();
        assert_eq!(system.read(at(0)).cpus, None, "{quota} {period:?}");
        assert_eq!(system.failures(), cpu_failures(1));
    }
}

#[test]
fn a_quota_whose_group_counts_no_time_leaves_the_load_unknown() {
    for stat in [
        None,
        Some("user_usec 5\n"),
        Some("usage_usec\n"),
        Some("usage_usec -1\n"),
    ] {
        let tree = Tree::v2("/");
        tree.write("sys/fs/cgroup/cpu.max", "200000 100000");
        if let Some(stat) = stat {
            tree.write("sys/fs/cgroup/cpu.stat", stat);
        }
        let mut system = tree.system();
        for reading in 0..3 {
            let got = system.read(at(reading * 1_000));
            assert_eq!((got.cpus, got.cpu_load), (Some(2.0), None), "{stat:?}");
        }
        assert_eq!(system.failures(), cpu_failures(3), "{stat:?}");
    }
}

#[test]
fn a_load_that_was_unknown_for_a_while_comes_back() {
    let tree = Tree::v2("/");
    let stat = "sys/fs/cgroup/cpu.stat";
    tree.write("sys/fs/cgroup/cpu.max", "100000 100000");
    let mut system = tree.system();
    let mut loads = Vec::new();
    for (second, usec) in [Some(0), Some(250_000), None, Some(1), Some(500_001)]
        .iter()
        .enumerate()
    {
        match usec {
            Some(usec) => tree.write(stat, format!("usage_usec {usec}\n")),
            None => tree.remove(stat),
        }
        loads.push(system.read(at(second as u64 * 1_000)).cpu_load);
    }
    assert_eq!(loads, [None, Some(0.25), None, None, Some(0.5)]);
}

#[test]
fn a_place_that_cannot_be_read_is_counted_each_time() {
    for (groups, mounts) in [
        ("0::/\n", "30 23 0:26 / /sys/fs/cgroup - cgroup2"),
        ("zero::/\n", V2_MOUNT),
        ("0\n", V2_MOUNT),
    ] {
        let tree = Tree::new();
        tree.write("proc/self/cgroup", groups);
        tree.write("proc/self/mountinfo", mounts);
        let mut system = tree.system();
        for reading in 1..=2 {
            let got = system.read(at(reading * 1_000));
            assert_eq!((got.cpus, got.cpu_load, got.memory), (None, None, None));
            let failures = ReadFailures {
                cpu: reading,
                memory: reading,
                ..ReadFailures::default()
            };
            assert_eq!(system.failures(), failures, "{groups:?} {mounts:?}");
        }
    }
}

#[test]
fn files_beyond_all_measure_are_not_read() {
    let tree = Tree::new();
    tree.write("proc/meminfo", "MemTotal: 1 kB\n".repeat(1 << 20));
    tree.write("proc/loadavg", "1 ".repeat(4 << 20));
    let mut system = tree.system();
    let reading = system.read(at(0));
    assert_eq!((reading.memory, reading.load_averages), (None, None));
}

#[test]
fn load_averages_are_numbers() {
    for text in [
        "",
        "1 2",
        "a b c 1/2 3",
        "nan 1 1 1/2 3",
        "-1 1 1 1/2 3",
        "inf 1 1 1/2 3",
    ] {
        let tree = Tree::new();
        tree.write("proc/loadavg", text);
        let mut system = tree.system();
        assert_eq!(system.read(at(0)).load_averages, None, "{text:?}");
        assert_eq!(system.failures().load, 1);
    }
}

/// Hazard 9: a vanished interface wrapped the sum to 4.29e9.
#[test]
fn packets_survive_interfaces_and_answers_that_fail() {
    let of = |interface, out, dropped| Qdisc {
        interface,
        counts: PacketCounts { out, dropped },
    };
    let answers = [
        Ok(vec![of(1, 1_000, 1), of(2, 5_000_000_000, 50)]), // before the start
        Ok(vec![of(1, 1_010, 1), of(2, 5_000_000_001, 51)]),
        Err(io::ErrorKind::PermissionDenied.into()),
        Ok(vec![of(1, 1_020, 3)]),
        Ok(vec![of(1, 1_020, 3), of(3, 7, 0)]),
    ];
    let mut answers = answers.into_iter();
    let mut system = System::new(Machine {
        qdiscs: Box::new(move || answers.next().unwrap()),
        ..Tree::new().machine()
    });
    let before = (5_000_001_000, 51);
    for since in [Some((11, 1)), None, Some((21, 3)), Some((28, 3))] {
        let reading = system.read(at(0));
        let counts = |p: PacketCounts| (p.out, p.dropped);
        assert_eq!(reading.packets_since_start.map(counts), since);
        let total = since.map(|(out, dropped)| (before.0 + out, before.1 + dropped));
        assert_eq!(reading.packets.map(counts), total);
    }
    assert_eq!(system.failures().packets, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() })]

    /// Whatever stands in the files: no panic, and what is told is in range.
    #[test]
    fn no_file_panics(
        texts in prop::collection::vec(".{0,40}|[0-9 :/\n-]{0,40}|(max|usage_usec|MemTotal:|cpu|0::|- cgroup2) ?[0-9]{0,20}", 9),
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let tree = Tree::v2("/a");
        let files = [
            "sys/fs/cgroup/a/cpu.max", "sys/fs/cgroup/a/cpu.stat", "sys/fs/cgroup/a/memory.max",
            "sys/fs/cgroup/a/memory.current", "sys/fs/cgroup/a/memory.stat",
            "proc/stat", "proc/meminfo", "proc/loadavg", "proc/self/mountinfo",
        ];
        for (file, text) in files.iter().zip(&texts) {
            tree.write(file, text);
            let mut system = tree.system();
            for second in 0..2 {
                let reading = system.read(at(second * 1_000));
                prop_assert!(reading.cpu_load.is_none_or(|load| (0.0..=1.0).contains(&load)));
                prop_assert!(reading.cpus.is_none_or(|cpus| cpus > 0.0 && cpus <= 4.0));
            }
        }
        for file in files.iter().chain(&["proc/self/cgroup"]) {
            tree.write(file, &bytes);
            tree.system().read(at(0));
        }
    }
}
