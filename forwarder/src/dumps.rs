//! Dumps of the flight recorder at SIGUSR1.
//!
//! Lives here: the signal, and the thread that waits for it. Not here: what is written and how (the exporter's
//! `history`).
//!
//! The signal is blocked for all threads and taken by one that does nothing else: no handler interrupts anybody, and a
//! slow or full disk holds up nobody. Signals that come while a dump is written are one signal.

use std::io::{self, Write};
use std::thread;
use std::time::SystemTime;

use media_metrics_exporter::history::{Dumps, History};
use nix::sys::signal::{SigSet, Signal};

use crate::config::Settings;
use crate::forward::Forwarder;

/// SIGUSR1, kept for a thread to come.
#[derive(Debug)]
pub struct DumpRequests(SigSet);

impl DumpRequests {
    /// Keeps the signal from the calling thread, and from those that it will start: to be called before the first.
    ///
    /// # Errors
    /// What the operating system says; it has no reason to.
    pub fn hold() -> io::Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGUSR1);
        signals.thread_block()?;
        Ok(Self(signals))
    }

    /// Starts the thread that takes them. It tells on standard error what it wrote, or why not, and ends with the
    /// process.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn answer(self, settings: &Settings, forwarder: &Forwarder) -> io::Result<()> {
        let history = forwarder.history().cloned();
        let dumps = settings.history.dumps();
        let run = move || {
            while self.0.wait().is_ok() {
                let said = match (&history, &dumps) {
                    (None, _) => "no dump at SIGUSR1: the flight recorder is off (history.minutes in the configuration)".to_owned(),
                    (_, None) => "no dump at SIGUSR1: set history.dump_dir in the configuration".to_owned(),
                    (Some(history), Some(dumps)) => write(history, dumps),
                };
                let _ = writeln!(io::stderr(), "{said}");
            }
        };
        thread::Builder::new().name("dumps".to_owned()).spawn(run)?;
        Ok(())
    }
}

fn write(history: &History, dumps: &Dumps) -> String {
    match dumps.write(history, SystemTime::now()) {
        Ok(dumped) => format!(
            "dump: {} ({} histograms)",
            dumped.path.display(),
            dumped.lines
        ),
        Err(error) => format!("warning: {error}"),
    }
}
