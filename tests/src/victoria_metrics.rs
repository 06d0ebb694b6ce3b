//! Debian's VictoriaMetrics: started, written to, and asked by Prometheus' query API.

use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use crate::process::Process;
use crate::prometheus::{Sample, ask, get, samples};
use crate::{ports, wait};

/// A running VictoriaMetrics.
#[derive(Debug)]
pub struct VictoriaMetrics {
    process: Process,
    stopped: Stopped,
}

/// One that does not run: where it was, and its storage.
#[derive(Debug)]
pub struct Stopped {
    address: SocketAddr,
    storage: TempDir,
}

impl VictoriaMetrics {
    /// Starts it with storage of its own, and waits until it is ready.
    #[must_use]
    pub fn receiving() -> Self {
        let storage = tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
        let address = ports::free();
        Stopped { address, storage }.start()
    }

    /// Where it takes remote writes.
    #[must_use]
    pub fn write_url(&self) -> String {
        format!("http://{}/api/v1/write", self.stopped.address)
    }

    /// Kills it (SIGKILL); its storage stays, but for what it had not yet written.
    #[must_use]
    pub fn kill(self) -> Stopped {
        let Self { process, stopped } = self;
        drop(process);
        stopped
    }

    /// The value of an instant query.
    ///
    /// # Errors
    /// Its own words if it refuses the query or doesn't answer.
    pub fn query(&self, promql: &str) -> Result<Vec<Sample>, String> {
        let answer = ask(self.stopped.address, promql)
            .map_err(|e| format!("{e}; {}", self.process.quoted()))?;
        samples(&answer).ok_or_else(|| format!("{promql}: unexpected answer {answer}"))
    }

    /// Waits until a query has this one value; `None` waits until it has none.
    #[track_caller]
    pub fn wait_for(&self, promql: &str, expected: Option<f64>) {
        let what = format!("{promql} = {expected:?}");
        wait::until(&what, wait::PATIENCE, || {
            let found = self.query(promql)?;
            match (found.as_slice(), expected) {
                ([], None) => Ok(()),
                ([only], Some(expected)) if only.value == expected => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }
}

impl Stopped {
    /// Starts it, with what its storage holds, and waits until it is ready.
    #[must_use]
    pub fn start(self) -> VictoriaMetrics {
        let arguments = [
            format!("-httpListenAddr={}", self.address),
            format!("-storageDataPath={}", self.storage.path().display()),
            // What was written is shown at once, and asked anew each time.
            "-search.latencyOffset=0s".to_owned(),
            "-search.disableCache".to_owned(),
            "-memory.allowedBytes=256MB".to_owned(),
        ];
        let process = Process::start(Path::new("victoria-metrics"), &arguments);
        let server = VictoriaMetrics {
            process,
            stopped: self,
        };
        let url = format!("http://{}/health", server.stopped.address);
        wait::until("a ready VictoriaMetrics", wait::PATIENCE, || {
            get(&url).map_err(|e| format!("{e}; {}", server.process.quoted()))
        });
        server
    }
}
