//! This machine, read by us and by the programs that everybody reads it with: `tc`, `free`, `uptime`, `nproc`.
//!
//! The machine goes on while both read: what only rises is read before and after the other program; what moves is read
//! again until both saw the same.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]
#![cfg(all(feature = "livekit", target_os = "linux"))]

use std::fs;
use std::process::Command;

use media_metrics_core::livekit::node::system::{Machine, PacketCounts, System};
use media_metrics_core::livekit::time::ServerTime;
use tempfile::TempDir;

/// What a program prints.
fn output(program: &str, args: &[&str], package: &str) -> String {
    let result = Command::new(program)
        .args(args)
        .env("LC_ALL", "C")
        .env_remove("OMP_NUM_THREADS")
        .env_remove("OMP_THREAD_LIMIT")
        .output();
    let output = result
        .unwrap_or_else(|e| panic!("`{program}` did not run ({e}): install the package {package}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{program}` failed: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Sums of all queue disciplines, by a query of our own.
fn our_packets() -> PacketCounts {
    let qdiscs = (Machine::local().qdiscs)().unwrap();
    PacketCounts {
        out: qdiscs.iter().map(|q| q.counts.out).sum(),
        dropped: qdiscs.iter().map(|q| q.counts.dropped).sum(),
    }
}

#[test]
fn tc_counts_the_same_packets() {
    let before = our_packets();
    let json = output("tc", &["-s", "-j", "qdisc", "show"], "iproute2");
    let after = our_packets();
    let qdiscs: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    let sum = |name: &str| -> u64 {
        let count =
            |q: &serde_json::Value| q[name].as_u64().unwrap_or_else(|| panic!("no {name}: {q}"));
        qdiscs.iter().map(count).sum()
    };
    let (out, dropped) = (sum("packets"), sum("drops"));
    assert!(
        (before.out..=after.out).contains(&out),
        "{before:?} {out} {after:?}"
    );
    assert!(
        (before.dropped..=after.dropped).contains(&dropped),
        "{before:?} {dropped} {after:?}"
    );
    assert_eq!((Machine::local().qdiscs)().unwrap().len(), qdiscs.len());
}

#[test]
fn nproc_counts_the_same_cpus() {
    let nproc = output("nproc", &[], "coreutils");
    let usable = Machine::local().usable_cpus.unwrap();
    assert_eq!(usable.to_string(), nproc.trim());
}

const TRIES: usize = 50;

/// A copy of the file that both read, because our own control group may be limited.
#[test]
fn free_sees_the_same_memory() {
    let mut seen = Vec::new();
    for _ in 0..TRIES {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("proc")).unwrap();
        fs::copy("/proc/meminfo", root.path().join("proc/meminfo")).unwrap();
        let text = output("free", &["--bytes"], "procps");
        let machine = Machine {
            root: root.path().to_path_buf(),
            ..Machine::local()
        };
        let memory = System::new(machine)
            .read(ServerTime::default())
            .memory
            .unwrap();
        let line = text.lines().find(|line| line.starts_with("Mem:")).unwrap();
        let columns: Vec<u64> = line
            .split_whitespace()
            .skip(1)
            .map(|n| n.parse().unwrap())
            .collect();
        assert_eq!(memory.total_bytes, columns[0]);
        let used = columns[0] - columns[5]; // all but `available`
        if memory.used_bytes.abs_diff(used) < 1 << 20 {
            return;
        }
        seen.push((memory.used_bytes, used));
    }
    panic!("never within 1 MiB of each other: {seen:?}");
}

#[test]
fn uptime_sees_the_same_load() {
    let mut seen = Vec::new();
    for _ in 0..TRIES {
        let ours = System::new(Machine::local()).read(ServerTime::default());
        let ours = ours.load_averages.unwrap().map(|load| format!("{load:.2}"));
        let text = output("uptime", &[], "procps");
        let (_, theirs) = text.split_once("load average: ").unwrap();
        let theirs: Vec<_> = theirs.trim().split(", ").map(str::to_owned).collect();
        if theirs == ours {
            return;
        }
        seen.push((ours, theirs));
    }
    panic!("never the same: {seen:?}");
}

#[test]
fn this_machine_is_known_through_and_through() {
    let mut system = System::new(Machine::local());
    let reading = system.read(ServerTime::default());
    assert!(reading.cpus.unwrap() > 0.0);
    let memory = reading.memory.unwrap();
    assert!(memory.used_bytes > 0 && memory.used_bytes < memory.total_bytes);
    assert!(reading.packets.is_some());
    assert_eq!(system.failures(), Default::default());
}
