//! What a running process takes, as the kernel tells it: memory, processor time, threads, open files.
//!
//! Lives here: reading `/proc`. Not here: what is too much.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use rustix::process::Pid;

/// A process at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Bytes of memory that it has in fact (resident).
    pub rss_bytes: u64,
    /// Processor time so far, of all threads, user and system.
    pub cpu: Duration,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub files: u64,
}

/// What the process takes now.
///
/// # Errors
/// The file that can't be read or understood: the process is gone, most often.
pub fn of(process: Pid) -> Result<Census, String> {
    let status = read(process, "status")?;
    let number = |key: &str| {
        let found = field(&status, key);
        found.ok_or_else(|| format!("no {key} in /proc/{process:?}/status"))
    };
    let open = folder(process).join("fd");
    let files = fs::read_dir(&open).map_err(|e| format!("{}: {e}", open.display()))?;
    Ok(Census {
        rss_bytes: number("VmRSS:")? * 1_024,
        cpu: cpu(&read(process, "stat")?)?,
        threads: number("Threads:")?,
        files: files.count() as u64,
    })
}

/// Processor time of the threads whose names begin with one of these (of a name the kernel keeps 15 bytes), all together,
/// to the nanosecond.
///
/// # Errors
/// As [`of`].
pub fn cpu_of_threads(process: Pid, names: &[&str]) -> Result<Duration, String> {
    let tasks = folder(process).join("task");
    let entries = fs::read_dir(&tasks).map_err(|e| format!("{}: {e}", tasks.display()))?;
    let (mut sum, mut found) = (Duration::ZERO, false);
    for entry in entries.flatten() {
        let read = |file| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        let comm = read("comm");
        // A thread that ends meanwhile has no time any more.
        if names.iter().any(|name| comm.starts_with(name)) && entry.path().exists() {
            sum += on_cpu(&read("schedstat"))?;
            found = true;
        }
    }
    found
        .then_some(sum)
        .ok_or_else(|| format!("no thread {} in {}", names.join(", "), tasks.display()))
}

/// The first number of `/proc/PID/task/TID/schedstat`: nanoseconds on a processor.
fn on_cpu(schedstat: &str) -> Result<Duration, String> {
    let first = schedstat.split_whitespace().next();
    let ns = first.and_then(|ns| ns.parse().ok());
    ns.map(Duration::from_nanos)
        .ok_or_else(|| format!("no time in schedstat: {schedstat:?}"))
}

fn folder(process: Pid) -> PathBuf {
    PathBuf::from(format!("/proc/{}", process.as_raw_nonzero()))
}

fn read(process: Pid, file: &str) -> Result<String, String> {
    let path = folder(process).join(file);
    fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
}

/// A number of `/proc/PID/status`, without its unit.
fn field(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time of `/proc/PID/stat`, which stand 14th and 15th, the name in parentheses being the second.
fn cpu(stat: &str) -> Result<Duration, String> {
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let mut words = after.split_whitespace().skip(11).map(str::parse::<u64>);
    match (words.next(), words.next()) {
        (Some(Ok(user)), Some(Ok(system))) => Ok(Duration::from_secs_f64(
            (user + system) as f64 / clock_ticks_per_second() as f64,
        )),
        _ => Err(format!("no times in {stat:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Instant;

    #[test]
    fn a_process_is_counted_as_it_grows() {
        let me = rustix::process::getpid();
        let before = of(me).unwrap();
        let held = vec![1_u8; 64 << 20];
        let file = fs::File::open("/dev/null").unwrap();
        let after = of(me).unwrap();
        let grown = after.rss_bytes.saturating_sub(before.rss_bytes);
        assert!(grown >= 60 << 20, "{grown} of {}", held.len());
        assert!(after.files > 3 && after.threads >= 1, "{after:?}");
        drop(file);
    }

    #[test]
    fn the_time_of_a_thread_is_found_by_its_name() {
        let me = rustix::process::getpid();
        let busy = thread::Builder::new().name("busy (1) 2".to_owned());
        let busy = busy.spawn(move || {
            let begun = Instant::now();
            let spent = || cpu_of_threads(me, &["idle", "busy (1)"]).unwrap();
            let before = spent();
            while spent() == before {
                assert!(begun.elapsed() < Duration::from_secs(30), "no time passes");
            }
        });
        busy.unwrap().join().unwrap();
        let error = cpu_of_threads(me, &["nobody"]).unwrap_err();
        assert!(error.contains("nobody"), "{error}");
    }

    #[test]
    fn times_stand_behind_a_name_with_blanks_and_parentheses() {
        let stat = "7 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        let hertz = clock_ticks_per_second() as f64;
        assert_eq!(cpu(stat), Ok(Duration::from_secs_f64(300.0 / hertz)));
        assert!(cpu("7 (a) S 1").is_err());
        assert_eq!(on_cpu("12 34 5\n"), Ok(Duration::from_nanos(12)));
        assert!(on_cpu("").is_err());
        assert_eq!(field("VmSize: 9 kB\nVmRSS:\t  12 kB\n", "VmRSS:"), Some(12));
    }
}
