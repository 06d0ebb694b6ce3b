//! Quotas on CPU time, and CPU time spent.
//!
//! Lives here: what the files say at one moment. Not here: the load, which takes two of them (`meter`).
//!
//! What is measured is the group whose quota is the tightest, against that quota: all that it holds competes for it.
//! Without a quota it is the highest group that can be seen, against the CPUs; without control groups, the machine.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use procfs_core::{CpuTime, ExplicitSystemInfo, FromReadSI, KernelStats};
use rustix::param::clock_ticks_per_second;

use super::cgroup::{Groups, Version, found};
use super::files::{invalid, number, optional, required, value_of};
use crate::livekit::node::system::meter::Busy;

/// The tightest quota above this process.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::livekit::node::system) struct Quota {
    /// CPU time that may be spent per time: 1.5 CPUs, say.
    pub(in crate::livekit::node::system) cpus: f64,
    /// The group that it is set on.
    group: PathBuf,
}

/// Where CPU time is limited and counted.
#[derive(Debug)]
pub(super) struct Cpu {
    stat: PathBuf,
    limits: io::Result<Option<Groups>>,
    /// In version 1 a controller of its own, mounted elsewhere, maybe.
    usage: io::Result<Option<Groups>>,
}

impl Cpu {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            stat: root.join("proc/stat"),
            limits: Groups::find(root, "cpu"),
            usage: Groups::find(root, "cpuacct"),
        }
    }

    /// The tightest quota; `None` if there is none.
    pub(super) fn quota(&self) -> io::Result<Option<Quota>> {
        let mut tightest: Option<Quota> = None;
        let Some(groups) = found(&self.limits)? else {
            return Ok(None);
        };
        for group in groups.paths() {
            let Some(cpus) = quota_of(groups.version, &groups.dir(group))? else {
                continue;
            };
            if tightest.as_ref().is_none_or(|quota| cpus < quota.cpus) {
                let group = group.to_path_buf();
                tightest = Some(Quota { cpus, group });
            }
        }
        Ok(tightest)
    }

    /// CPU time spent by the group of this quota; without one by the highest group that tells, or the machine.
    pub(super) fn busy(&self, quota: Option<&Quota>) -> io::Result<Busy> {
        let groups = found(&self.usage)?;
        let group = match (groups, quota) {
            (Some(groups), Some(quota)) => Some((groups, quota.group.as_path())),
            (Some(groups), None) => groups.paths().last().map(|highest| (groups, highest)),
            (None, Some(_)) => return Err(invalid("a quota on CPU time that nobody counts")),
            (None, None) => None,
        };
        if let Some((groups, group)) = group {
            let dir = groups.dir(group);
            if let Some(time) = spent_by(groups.version, &dir)? {
                return Ok(Busy { source: dir, time });
            }
            if quota.is_some() {
                return Err(io::ErrorKind::NotFound.into());
            }
        }
        self.machine()
    }

    fn machine(&self) -> io::Result<Busy> {
        let text = required(&self.stat)?;
        let system = ExplicitSystemInfo {
            boot_time_secs: 0,
            ticks_per_second: clock_ticks_per_second(),
            page_size: 0,
            is_little_endian: cfg!(target_endian = "little"),
        };
        let stats =
            KernelStats::from_read(text.as_bytes(), &system).map_err(|_| invalid("/proc/stat"))?;
        let seconds = busy_ticks(&stats.total) as f64 / system.ticks_per_second as f64;
        Ok(Busy {
            source: self.stat.clone(),
            time: Duration::try_from_secs_f64(seconds).map_err(|_| invalid("/proc/stat"))?,
        })
    }
}

fn quota_of(version: Version, group: &Path) -> io::Result<Option<f64>> {
    let (quota, period) = match version {
        Version::V1 => {
            let Some(quota) = optional(&group.join("cpu.cfs_quota_us"))? else {
                return Ok(None);
            };
            if quota.trim() == "-1" {
                return Ok(None);
            }
            let period = required(&group.join("cpu.cfs_period_us"))?;
            (number(&quota)?, number(&period)?)
        }
        Version::V2 => {
            let Some(max) = optional(&group.join("cpu.max"))? else {
                return Ok(None);
            };
            let (quota, period) = max
                .trim()
                .split_once(' ')
                .ok_or_else(|| invalid("cpu.max"))?;
            if quota == "max" {
                return Ok(None);
            }
            (number(quota)?, number(period)?)
        }
    };
    if quota == 0 || period == 0 {
        return Err(invalid("a quota of no CPU time"));
    }
    Ok(Some(quota as f64 / period as f64))
}

fn spent_by(version: Version, group: &Path) -> io::Result<Option<Duration>> {
    match version {
        Version::V1 => {
            let usage = optional(&group.join("cpuacct.usage"))?;
            usage
                .map(|ns| number(&ns).map(Duration::from_nanos))
                .transpose()
        }
        Version::V2 => {
            let Some(stat) = optional(&group.join("cpu.stat"))? else {
                return Ok(None);
            };
            let usage = value_of(&stat, "usage_usec")?.ok_or_else(|| invalid("cpu.stat"))?;
            Ok(Some(Duration::from_micros(usage)))
        }
    }
}

/// Ticks that were not idle; waiting for a disk is idle. Time of guests is in `user` and `nice` already.
fn busy_ticks(time: &CpuTime) -> u64 {
    let optional = [time.irq, time.softirq, time.steal];
    let optional = optional.into_iter().map(Option::unwrap_or_default);
    [time.user, time.nice, time.system]
        .into_iter()
        .chain(optional)
        .fold(0, u64::saturating_add)
}
