//! Limits on memory, and memory used.
//!
//! Lives here: what the files say at one moment. A limit below what the machine has makes the group the node; what
//! it uses is without file pages that the kernel would give up first. Else the machine is.

use std::io;
use std::path::{Path, PathBuf};

use super::cgroup::{Groups, Version, found};
use super::files::{invalid, number, optional, required, value_of};
use crate::livekit::node::system::Memory;

/// Where memory is limited and counted.
#[derive(Debug)]
pub(super) struct Source {
    meminfo: PathBuf,
    groups: io::Result<Option<Groups>>,
}

impl Source {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            meminfo: root.join("proc/meminfo"),
            groups: Groups::find(root, "memory"),
        }
    }

    pub(super) fn read(&self) -> io::Result<Memory> {
        let machine = machine(&required(&self.meminfo)?)?;
        let Some(groups) = found(&self.groups)? else {
            return Ok(machine);
        };
        let mut tightest: Option<(u64, PathBuf)> = None;
        for group in groups.paths() {
            let dir = groups.dir(group);
            let Some(limit) = limit_of(groups.version, &dir)? else {
                continue;
            };
            if tightest.as_ref().is_none_or(|(lowest, _)| limit < *lowest) {
                tightest = Some((limit, dir));
            }
        }
        match tightest {
            // Version 1 writes a number beyond all memory for no limit.
            Some((limit, dir)) if limit <= machine.total_bytes => Ok(Memory {
                used_bytes: used_by(groups.version, &dir)?,
                total_bytes: limit,
            }),
            _ => Ok(machine),
        }
    }
}

/// Read by name: sandboxes leave out lines that parsers of the whole file insist on.
fn machine(meminfo: &str) -> io::Result<Memory> {
    let kib = |name| value_of(meminfo, name);
    let required = |name| kib(name)?.ok_or_else(|| invalid("/proc/meminfo"));
    let total = required("MemTotal")?;
    let available = match kib("MemAvailable")? {
        Some(available) => available,
        // Before Linux 3.14.
        None => required("MemFree")?
            .saturating_add(required("Buffers")?)
            .saturating_add(required("Cached")?),
    };
    Ok(Memory {
        used_bytes: total.saturating_sub(available).saturating_mul(1024),
        total_bytes: total.saturating_mul(1024),
    })
}

fn limit_of(version: Version, group: &Path) -> io::Result<Option<u64>> {
    let file = match version {
        Version::V1 => "memory.limit_in_bytes",
        Version::V2 => "memory.max",
    };
    match optional(&group.join(file))? {
        Some(text) if text.trim() == "max" => Ok(None),
        Some(text) => number(&text).map(Some),
        None => Ok(None),
    }
}

fn used_by(version: Version, group: &Path) -> io::Result<u64> {
    let (usage, inactive) = match version {
        Version::V1 => ("memory.usage_in_bytes", "total_inactive_file"),
        Version::V2 => ("memory.current", "inactive_file"),
    };
    let usage = number(&required(&group.join(usage))?)?;
    let inactive = match optional(&group.join("memory.stat"))? {
        Some(stat) => value_of(&stat, inactive)?.unwrap_or(0),
        None => 0,
    };
    Ok(usage.saturating_sub(inactive))
}
