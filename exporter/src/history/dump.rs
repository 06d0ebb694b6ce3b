//! Interval logs on disk.
//!
//! Lives here: names, how many there may be, and how a file gets its place. Not here: what is in one (`log`), what asks
//! for one (a signal, the host).
//!
//! A dump is written under another name and renamed when it is whole and on the disk: who finds one finds all of it.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::History;
use super::log::LogError;
use super::query::Query;
use crate::wall::since_1970;

const PREFIX: &str = "media-metrics-";
const SUFFIX: &str = ".hlog";
/// What a dump is called while it is written.
const UNFINISHED: &str = ".hlog.part";
/// An unfinished dump that is older than this is nobody's any more.
const ABANDONED: Duration = Duration::from_secs(3_600);

/// Where dumps go, and how many are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dumps {
    /// The folder; made if it is not there.
    pub folder: PathBuf,
    /// Most dumps: older ones are removed when another is whole. At least 1.
    pub keep: usize,
    /// Most bytes of all dumps together, in the same way; a single dump that is larger fails.
    pub max_bytes: u64,
}

impl Dumps {
    /// Into `folder`: the last 10, of 256 MiB together at most.
    #[must_use]
    pub fn into(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            keep: 10,
            max_bytes: 256 << 20,
        }
    }

    /// Writes what `history` holds of histograms as `media-metrics-MILLISECONDS.hlog`, `now` in milliseconds since
    /// 1970, and removes the oldest dumps of that name if there are too many.
    ///
    /// - **Blocks**: on the disk; not for a thread that has something else to do. Recording goes on meanwhile.
    ///
    /// # Errors
    /// What the operating system says, and about which file: a full disk, most often. Nothing is left behind, and it
    /// is counted in `media_metrics_history_dumps_total`.
    pub fn write(&self, history: &History, now: SystemTime) -> Result<Dumped, DumpError> {
        let dumped = self.try_write(history, now);
        history.telemetry().dumped(dumped.is_ok());
        dumped
    }

    fn try_write(&self, history: &History, now: SystemTime) -> Result<Dumped, DumpError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| DumpError { path, cause }
        };
        fs::create_dir_all(&self.folder).map_err(failed(&self.folder))?;
        let (path, unfinished, file) = self.create(now).map_err(failed(&self.folder))?;
        let mut file = Limited {
            file: io::BufWriter::new(file),
            written: 0,
            max: self.max_bytes,
        };
        let written = fill(history, &mut file).and_then(|lines| {
            fs::rename(&unfinished, &path)?;
            Ok(lines)
        });
        let (lines, left_out) = written.map_err(|cause| {
            // Closed first; if it can't be removed, a later dump will.
            let _ = fs::remove_file(&unfinished);
            failed(&path)(cause)
        })?;
        self.prune(&path, now);
        Ok(Dumped {
            path,
            lines,
            left_out,
            bytes: file.written,
        })
    }

    /// A file of a name that is not taken: the final name, the present one, the file.
    fn create(&self, now: SystemTime) -> io::Result<(PathBuf, PathBuf, File)> {
        let mut stamp = since_1970(now).as_millis();
        loop {
            let at = |suffix| self.folder.join(format!("{PREFIX}{stamp:013}{suffix}"));
            let (path, unfinished) = (at(SUFFIX), at(UNFINISHED));
            match File::create_new(&unfinished) {
                Ok(file) if !path.exists() => return Ok((path, unfinished, file)),
                Ok(_) => fs::remove_file(&unfinished)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            stamp += 1;
        }
    }

    /// Removes what is too old, too much or abandoned; `newest` stays. What can't be removed is left for the next time.
    fn prune(&self, newest: &Path, now: SystemTime) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut dumps = Vec::new();
        for entry in entries.flatten() {
            let (path, Ok(about)) = (entry.path(), entry.metadata()) else {
                continue;
            };
            match stamp(path.file_name()) {
                Some((stamp, true)) => dumps.push((stamp, path, about.len())),
                Some((_, false)) => {
                    let age = about
                        .modified()
                        .ok()
                        .and_then(|at| now.duration_since(at).ok());
                    if age.is_some_and(|age| age > ABANDONED) {
                        let _ = fs::remove_file(path);
                    }
                }
                None => {} // somebody else's
            }
        }
        dumps.sort_by_key(|(stamp, path, _)| (path == newest, *stamp));
        let mut left = (dumps.len(), dumps.iter().map(|d| d.2).sum::<u64>());
        for (_, path, bytes) in dumps {
            if path == newest || (left.0 <= self.keep && left.1 <= self.max_bytes) {
                return;
            }
            let _ = fs::remove_file(path);
            left = (left.0 - 1, left.1 - bytes);
        }
    }
}

/// Writes the log, down to the disk; its lines, and series that are not in it.
fn fill(history: &History, file: &mut Limited) -> io::Result<(usize, usize)> {
    let summary = history
        .log(&Query::log(), file)
        .map_err(|error| match error {
            LogError::Io(error) => error,
            LogError::Query(error) => io::Error::other(error),
        })?;
    file.flush()?;
    file.file.get_ref().sync_all()?;
    Ok((summary.lines, summary.left_out))
}

/// When a file of one of our names was made, and whether it is whole.
fn stamp(name: Option<&OsStr>) -> Option<(u128, bool)> {
    let rest = name?.to_str()?.strip_prefix(PREFIX)?;
    let whole = rest.strip_suffix(SUFFIX);
    let digits = whole.or_else(|| rest.strip_suffix(UNFINISHED))?;
    let are_digits = digits.len() >= 13 && digits.bytes().all(|b| b.is_ascii_digit());
    let stamp = are_digits.then(|| digits.parse().ok())??;
    Some((stamp, whole.is_some()))
}

/// A file that may not grow beyond a size.
struct Limited {
    file: io::BufWriter<File>,
    written: u64,
    max: u64,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written += bytes.len() as u64;
        if self.written > self.max {
            return Err(io::Error::other(format!(
                "larger than the {} bytes that dumps may have together",
                self.max
            )));
        }
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A dump that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dumped {
    /// The file.
    pub path: PathBuf,
    /// Histograms in it: one for each series and interval in which something was recorded.
    pub lines: usize,
    /// Series that found no room in it.
    pub left_out: usize,
    /// Its size.
    pub bytes: u64,
}

/// Why there is no dump.
#[derive(Debug)]
pub struct DumpError {
    path: PathBuf,
    cause: io::Error,
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, cause) = (self.path.display(), &self.cause);
        write!(
            f,
            "no dump of the history in {path}: {cause}; check space and permissions there"
        )
    }
}

impl std::error::Error for DumpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}
