//! A child process that prints lines, ends with its test, and can tell what it printed.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// How many of its last lines a process is quoted with, and how many characters of each.
const QUOTED: (usize, usize) = (25, 240);

/// A running program with its output, standard output and standard error line by line.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `program`, which dies with the calling thread.
    ///
    /// A program that isn't installed fails the test: `cargo xtask setup` brings it.
    #[must_use]
    pub fn start<S: AsRef<str>>(program: &Path, arguments: &[S]) -> Self {
        let name = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        assert!(
            installed(program),
            "{} is not installed: `cargo xtask setup` installs it, or says how",
            program.display()
        );
        // setpriv becomes the program: same process id. The kernel then kills it when the thread
        // that started it ends, even if the test itself was killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command.args(arguments.iter().map(AsRef::as_ref));
        command.env("LC_ALL", "C").env("NO_COLOR", "1");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|e| panic!("can't start {name} through setpriv (util-linux): {e}"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let readers = [
            child.stdout.take().map(|pipe| collect(pipe, &lines)),
            child.stderr.take().map(|pipe| collect(pipe, &lines)),
        ];
        let readers = readers.into_iter().flatten().collect();
        Self {
            name,
            child,
            lines,
            readers,
        }
    }

    /// Everything printed so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The last lines, for the message of a failing test.
    #[must_use]
    pub fn quoted(&self) -> String {
        let lines = self.lines();
        let skipped = lines.len().saturating_sub(QUOTED.0);
        let mut text = format!(
            "{} printed {} lines, the last of them:",
            self.name,
            lines.len()
        );
        for line in &lines[skipped..] {
            let _infallible = write!(text, "\n    | {line:.*}", QUOTED.1);
        }
        text
    }

    /// Waits for a line in which `find` finds something, among those printed already and those to come.
    #[track_caller]
    pub fn find_line<T>(
        &mut self,
        what: &str,
        limit: Duration,
        find: impl Fn(&str) -> Option<T>,
    ) -> T {
        let what = format!("{}: {what}", self.name);
        wait::until(&what, limit, || {
            let ended = self.child.try_wait().ok().flatten();
            if let Some(found) = self.lines().iter().find_map(|line| find(line)) {
                return Ok(found);
            }
            match ended {
                // Its last words may still be in the pipe; the deadline ends this, too.
                Some(status) if self.readers.iter().all(JoinHandle::is_finished) => {
                    panic!("{what}: it ended ({status}); {}", self.quoted())
                }
                _ => Err(self.quoted()),
            }
        })
    }

    /// Waits for its end, of which it has been told or which it finds by itself, and for its last line.
    #[track_caller]
    pub fn finish(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        let status = wait::until(&what, limit, || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(self.quoted()),
            Err(e) => Err(e.to_string()),
        });
        for reader in self.readers.drain(..) {
            let _its_pipe_is_closed = reader.join();
        }
        status
    }

    /// Asks it to end (SIGTERM), unless it has ended already.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Sends it a signal, unless it has ended already.
    pub fn signal(&mut self, signal: Signal) {
        // Only an unreaped child's number is surely its own.
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        if let Err(e) = kill_process(self.id(), signal) {
            panic!("no {signal:?} to {}: {e}; {}", self.name, self.quoted());
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn installed(program: &Path) -> bool {
    if program.components().count() > 1 {
        return program.is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn collect(pipe: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::start(Path::new("sh"), &["-c", script])
    }

    #[test]
    fn lines_of_both_outputs_are_kept_to_the_last() {
        let mut child = shell("echo out; echo port=17 >&2; printf tail; exit 4");
        let port = child.find_line("a port", wait::PATIENCE, |l| {
            l.strip_prefix("port=")?.parse::<u16>().ok()
        });
        assert_eq!(port, 17);
        assert_eq!(child.finish(wait::PATIENCE).code(), Some(4));
        let lines = child.lines();
        assert_eq!(lines.len(), 3);
        assert!(
            ["out", "port=17", "tail"]
                .iter()
                .all(|l| lines.iter().any(|seen| seen == l))
        );
    }

    #[test]
    #[should_panic(expected = "| no such luck")]
    fn a_process_that_ends_without_the_line_is_quoted() {
        shell("echo no such luck").find_line("a port", wait::PATIENCE, |l| {
            l.strip_prefix("port=").map(str::len)
        });
    }

    #[test]
    #[should_panic(expected = "cargo xtask setup")]
    fn a_missing_program_points_to_the_set_up() {
        let _never = Process::start(Path::new("no-such-program-anywhere"), &[""; 0]);
    }

    #[test]
    fn it_ends_when_told_and_when_dropped() {
        let mut told =
            shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
        told.find_line("ready", wait::PATIENCE, |l| (l == "ready").then_some(()));
        told.terminate();
        assert_eq!(told.finish(wait::PATIENCE).code(), Some(0));
        assert!(told.lines().contains(&"bye".to_owned()));
        told.terminate(); // once more, to nobody

        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("survived");
        let mut dropped = shell(&format!("echo ready; sleep 1; touch {}", mark.display()));
        dropped.find_line("ready", wait::PATIENCE, |l| (l == "ready").then_some(()));
        drop(dropped);
        assert!(
            !mark.exists(),
            "dropping it waited for it, but did not kill it"
        );
    }

    #[test]
    fn it_ends_with_the_thread_that_started_it() {
        let started = thread::spawn(|| {
            let mut child = shell("echo pid=$$; exec sleep 60");
            let pid = child.find_line("pid", wait::PATIENCE, |l| {
                l.strip_prefix("pid=").map(str::to_owned)
            });
            std::mem::forget(child); // as if the test had been killed
            pid
        });
        let stat = Path::new("/proc")
            .join(started.join().unwrap())
            .join("stat");
        wait::until("the kernel's kill", wait::PATIENCE, || {
            let stat = std::fs::read_to_string(&stat).unwrap();
            if stat.contains(") Z ") {
                Ok(())
            } else {
                Err(stat)
            }
        });
    }
}
