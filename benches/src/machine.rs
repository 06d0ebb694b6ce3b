//! What a record was measured on: figures without a machine and a date mean little.

use std::fs;
use std::process::Command;
use std::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

/// One line: processor, cores, memory, kernel, compiler, date (UTC).
#[must_use]
pub fn describe() -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".into());
    let kib = field("/proc/meminfo", "MemTotal").and_then(|v| v.split(' ').next()?.parse().ok());
    let gib = kib.unwrap_or(0_u64) as f64 / f64::from(1 << 20);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cpu}, {} cores, {gib:.0} GiB, Linux {}, {}, {}",
        cores(),
        kernel.trim().split('-').next().unwrap_or_default(),
        rustc(),
        date()
    )
}

/// Cores that this process may use.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `rustc`'s own line, such as `rustc 1.95.0 (… 2026-04-14)`.
#[must_use]
pub fn rustc() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let out = Command::new(rustc).arg("--version").output().ok();
    out.and_then(|o| String::from_utf8(o.stdout).ok())
        .map_or_else(|| "rustc unknown".into(), |s| s.trim().to_owned())
}

/// Resident memory of this process in bytes; 0 where the system does not tell.
#[must_use]
pub fn resident_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|p| p.parse::<u64>().ok());
    // SAFETY: sysconf has no preconditions; it returns -1 for what it does not know.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages.unwrap_or(0) * u64::try_from(page).unwrap_or(4096)
}

/// How busy *others* keep the machine: a contest beside a compiler is no record, whatever its ratios.
#[derive(Clone, Copy, Debug)]
pub struct Neighbours {
    all: u64,
    busy: u64,
    own: u64,
}

impl Neighbours {
    /// Starts watching.
    #[must_use]
    pub fn watch() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let (all, busy) = ticks(&stat).unwrap_or_default();
        Self {
            all,
            busy,
            own: own_ticks(),
        }
    }

    /// The share of the machine's time, since then, that went to others (a hypervisor's theft included).
    /// NaN where the system does not tell.
    #[must_use]
    pub fn share(&self) -> f64 {
        let now = Self::watch();
        let others = (now.busy - self.busy).saturating_sub(now.own - self.own);
        others as f64 / (now.all - self.all) as f64
    }
}

/// All ticks and busy ticks of all cores, from the first line of `/proc/stat`.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    // user nice system idle iowait irq softirq steal; guests' time is part of user's.
    let parts: Vec<u64> = line
        .split_whitespace()
        .take(8)
        .map_while(|n| n.parse().ok())
        .collect();
    let idle = parts.get(3)? + parts.get(4)?;
    let all: u64 = parts.iter().sum();
    Some((all, all - idle))
}

/// Ticks of this process and of its children that have ended.
fn own_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold anything; utime, stime, cutime, cstime are fields 14 to 17.
    let after = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let times = after.split(' ').skip(11).take(4);
    times.filter_map(|n| n.parse::<u64>().ok()).sum()
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|l| l.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn date() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let (y, m, d) = civil(now.map_or(0, |t| t.as_secs() / 86_400));
    format!("{y:04}-{m:02}-{d:02}")
}

/// Year, month and day of day `days` after 1970-01-01 in the Gregorian calendar.
const fn civil(days: u64) -> (u64, u64, u64) {
    // Years that start in March, counted from 0000-03-01, make the leap day the last of its year.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + (month <= 2) as u64;
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

/// Time that this thread has spent on a processor: what a share of a core is measured by, whatever the
/// neighbours do.
#[must_use]
pub fn thread_cpu_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a `timespec` of our own, which the call writes and does not keep.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(failed, 0, "every Linux has this clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
        assert_eq!(civil(20_453), (2025, 12, 31));
        assert_eq!(civil(20_454), (2026, 1, 1));
    }

    #[test]
    fn busy_ticks_are_all_but_idle_and_waiting() {
        assert_eq!(
            ticks("cpu  10 1 5 80 4 0 2 3 9 9\ncpu0 1\n"),
            Some((105, 21))
        );
        assert_eq!(ticks("intr 1"), None);
    }

    #[test]
    fn own_work_is_not_a_neighbours() {
        let before = own_ticks();
        let start = std::time::Instant::now();
        while own_ticks() < before + 3 {
            assert!(start.elapsed().as_secs() < 60, "own time is not read");
        }
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident_bytes() > 100_000);
    }
}
