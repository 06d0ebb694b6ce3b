//! Where Linux tells what this process takes.
//!
//! Lives here: system calls and files. Files that are read each time stay open: they can be read when the process has
//! no file descriptor left, which is when one wants to know.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use procfs_core::process::Stat;
use procfs_core::{ExplicitSystemInfo, FromRead, FromReadSI, KernelStats};
use rustix::fs::{CWD, Dir, Mode, OFlags};
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::Figures;

/// Longer than `/proc/self/stat` gets: 52 numbers and a name of 64 bytes.
const STAT_BYTES: usize = 2_048;

/// This process' files.
#[derive(Debug)]
pub(super) struct Probe {
    proc: PathBuf,
    stat: Option<File>,
    descriptors: Option<Dir>,
    /// Seconds since 1970; fixed by the first reading, as the kernel's own answer moves with the clock.
    start: Option<f64>,
}

impl Probe {
    pub(super) fn new() -> Self {
        Self::of(Path::new("/proc"))
    }

    fn of(proc: &Path) -> Self {
        Self {
            proc: proc.to_owned(),
            stat: None,
            descriptors: None,
            start: None,
        }
    }

    pub(super) fn read(&mut self) -> Figures {
        let limit = |resource| getrlimit(resource).current.map(|limit| limit as f64);
        let stat = self.stat();
        if self.start.is_none() {
            self.start = stat.as_ref().and_then(|stat| self.started(stat));
        }
        Figures {
            cpu_ns: cpu_ns(),
            resident_bytes: stat
                .as_ref()
                .map(|stat| stat.rss as f64 * page_size() as f64),
            virtual_bytes: stat.as_ref().map(|stat| stat.vsize as f64),
            virtual_max_bytes: limit(Resource::As),
            open_fds: self.open_fds(),
            max_fds: limit(Resource::Nofile),
            start: self.start,
            threads: stat.as_ref().map(|stat| stat.num_threads as f64),
        }
    }

    fn stat(&mut self) -> Option<Stat> {
        if self.stat.is_none() {
            self.stat = File::open(self.proc.join("self/stat")).ok();
        }
        let mut buffer = [0; STAT_BYTES];
        let read = self.stat.as_ref()?.read_at(&mut buffer, 0).ok()?;
        let text = buffer.get(..read)?.trim_ascii();
        // The parser takes for granted that a name in parentheses stands between blanks, and panics if not.
        let start = text.iter().position(|b| *b == b'(')?;
        let end = text.iter().rposition(|b| *b == b')')?;
        let is_blank = |at: usize| text.get(at) == Some(&b' ');
        if end < start || !is_blank(start.checked_sub(1)?) || !is_blank(end + 1) {
            return None;
        }
        Stat::from_read(text).ok()
    }

    fn open_fds(&mut self) -> Option<f64> {
        let folder = self.proc.join("self/fd");
        // Since Linux 6.2 that is the folder's size.
        if let Some(open) = rustix::fs::stat(&folder)
            .ok()
            .map(|stat| stat.st_size)
            .filter(|size| *size > 0)
        {
            return Some(open as f64);
        }
        if self.descriptors.is_none() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let folder = rustix::fs::openat(CWD, &folder, flags, Mode::empty()).ok()?;
            self.descriptors = Dir::new(folder).ok();
        }
        let descriptors = self.descriptors.as_mut()?;
        descriptors.rewind();
        let mut open = 0_u32;
        for entry in descriptors {
            let entry = entry.ok()?;
            open += u32::from(!matches!(entry.file_name().to_bytes(), b"." | b".."));
        }
        Some(f64::from(open))
    }

    /// When the process began.
    fn started(&self, stat: &Stat) -> Option<f64> {
        let system = ExplicitSystemInfo {
            boot_time_secs: 0,
            ticks_per_second: clock_ticks_per_second(),
            page_size: page_size() as u64,
            is_little_endian: cfg!(target_endian = "little"),
        };
        let text = fs::read(self.proc.join("stat")).ok()?;
        let booted = KernelStats::from_read(&*text, &system).ok()?.btime;
        Some(booted as f64 + stat.starttime as f64 / clock_ticks_per_second() as f64)
    }
}

/// User and system time of all threads: what `/proc` tells in hundredths of a second.
fn cpu_ns() -> Option<u64> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanoseconds = u64::try_from(time.tv_nsec).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (a) b (c) R 1 42 42 0 -1 4194304 100 0 0 0 7 3 0 0 20 0 5 0 12345 8192000 250 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
    const KERNEL: &str = "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\nctxt 6\nbtime 1700000000\nprocesses 7\nprocs_running 1\nprocs_blocked 0\n";

    fn machine(stat: &str) -> tempfile::TempDir {
        let machine = tempfile::tempdir().unwrap();
        let own = machine.path().join("self");
        fs::create_dir_all(own.join("fd")).unwrap();
        fs::write(own.join("stat"), stat).unwrap();
        fs::write(machine.path().join("stat"), KERNEL).unwrap();
        machine
    }

    #[test]
    fn figures_of_a_made_up_process() {
        let machine = machine(STAT);
        let figures = Probe::of(machine.path()).read();
        assert_eq!(figures.threads, Some(5.0));
        assert_eq!(figures.virtual_bytes, Some(8_192_000.0));
        assert_eq!(figures.resident_bytes, Some(250.0 * page_size() as f64));
        let ticks = clock_ticks_per_second() as f64;
        assert_eq!(figures.start, Some(1_700_000_000.0 + 12_345.0 / ticks));
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        let nothing = tempfile::tempdir().unwrap();
        let figures = Probe::of(nothing.path()).read();
        assert_eq!(
            (figures.threads, figures.start, figures.open_fds),
            (None, None, None)
        );
        assert!(
            figures.cpu_ns.is_some() && figures.max_fds.is_some(),
            "system calls"
        );
        for broken in [
            "",
            "(",
            ")",
            "()",
            "42 (a",
            "42 a) (",
            "(a) R 1",
            "42 (a)",
            "42 (a) ",
            "42 (a) R x",
            "42 (a)ü R 1",
            "42ü(a) R 1",
            "ü (ü) R",
        ] {
            let machine = machine(broken);
            assert_eq!(Probe::of(machine.path()).read().threads, None, "{broken:?}");
        }
    }

    #[test]
    fn descriptors_are_counted_where_the_folder_has_no_size() {
        let held: Vec<File> = (0..10).map(|_| File::open("/dev/null").unwrap()).collect();
        let mut probe = Probe::of(Path::new("/proc"));
        let before = probe.open_fds().unwrap();
        drop(held);
        // Other tests open files, too.
        assert!(before >= 10.0);
        let folder = rustix::fs::openat(
            CWD,
            "/proc/self/fd",
            OFlags::RDONLY | OFlags::DIRECTORY,
            Mode::empty(),
        );
        probe.descriptors = Dir::new(folder.unwrap()).ok();
        probe.proc = PathBuf::from("/nowhere");
        let first = probe.open_fds().unwrap();
        assert!(first >= 4.0, "{first}");
        let more: Vec<File> = (0..50).map(|_| File::open("/dev/null").unwrap()).collect();
        let second = probe.open_fds().unwrap();
        assert!(
            second > first + 30.0,
            "{first} {second}: read again from the start"
        );
        drop(more);
    }
}
