//! Where Linux tells what.
//!
//! | file | lives there |
//! |---|---|
//! | `files` | small files of numbers, read with bounds |
//! | `cgroup` | which control groups bind this process |
//! | `cpu` | quotas on CPU time, CPU time spent |
//! | `memory` | limits on memory, memory used |
//! | `qdisc` | counters of queue disciplines, over rtnetlink |
//!
//! Not here: anything over time (`meter`, `packets`).

mod cgroup;
mod cpu;
mod files;
mod memory;
mod qdisc;

use std::io;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use procfs_core::{FromRead, LoadAverage};
use rustix::thread::sched_getaffinity;

pub(super) use cpu::Quota;
pub(super) use qdisc::query as qdiscs;

use super::Memory;
use super::meter::Busy;
use cpu::Cpu;
use files::{invalid, required};

/// This process' place on the machine.
#[derive(Debug)]
pub(super) struct Probe {
    proc: PathBuf,
    cpu: Cpu,
    memory: memory::Source,
}

impl Probe {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            proc: root.join("proc"),
            cpu: Cpu::new(root),
            memory: memory::Source::new(root),
        }
    }

    pub(super) fn quota(&self) -> io::Result<Option<Quota>> {
        self.cpu.quota()
    }

    pub(super) fn busy(&self, quota: Option<&Quota>) -> io::Result<Busy> {
        self.cpu.busy(quota)
    }

    pub(super) fn memory(&self) -> io::Result<Memory> {
        self.memory.read()
    }

    pub(super) fn load_averages(&self) -> io::Result<[f32; 3]> {
        let text = required(&self.proc.join("loadavg"))?;
        let read = LoadAverage::from_read(text.as_bytes()).map_err(|_| invalid("loadavg"))?;
        let averages = [read.one, read.five, read.fifteen];
        if averages.iter().all(|load| load.is_finite() && *load >= 0.0) {
            Ok(averages)
        } else {
            Err(invalid("loadavg"))
        }
    }
}

/// CPUs in this process' affinity mask. The fallback is for machines of more CPUs than a `CpuSet` holds.
pub(super) fn usable_cpus() -> Option<usize> {
    let affinity = sched_getaffinity(None).map(|cpus| cpus.count() as usize);
    affinity
        .ok()
        .or_else(|| available_parallelism().ok().map(|cpus| cpus.get()))
}
