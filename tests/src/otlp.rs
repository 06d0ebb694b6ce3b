//! Receivers of OTLP: one that keeps what it reads with OpenTelemetry's messages for Python, and a collector before it.
//!
//! Lives here: starting, killing and asking them. Not here: what must arrive (`tests/otlp.rs`).

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::process::Process;
use crate::{packages, wait};

/// Keeps the last point of each series that it was sent, and answers as it is told.
#[derive(Debug)]
pub struct Receiver {
    process: Process,
    address: SocketAddr,
}

impl Receiver {
    /// Starts it on a port of its own choice.
    #[must_use]
    pub fn start() -> Self {
        let arguments = packages::python("otlp", "receiver.py");
        let mut process = Process::start(Path::new("python3"), &arguments);
        let address = process.find_line("where it listens", wait::PATIENCE, |line| {
            line.strip_prefix("listening on ")?.parse().ok()
        });
        Self { process, address }
    }

    /// Where it takes metrics.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1/metrics", self.address)
    }

    /// The last point of each series: see `otlp/receiver.py` for its members.
    ///
    /// # Errors
    /// It does not answer.
    pub fn points(&self) -> Result<Vec<Value>, String> {
        self.ask("points")
    }

    /// What it was sent, one element for each request.
    ///
    /// # Errors
    /// It does not answer.
    pub fn log(&self) -> Result<Vec<Value>, String> {
        self.ask("log")
    }

    /// Makes it answer the next requests like this, one after the other.
    #[track_caller]
    pub fn answer(&self, plan: &Value) {
        let url = format!("http://{}/answers", self.address);
        if let Err(e) = agent().post(&url).send(plan.to_string()) {
            panic!("{url}: {e}; {}", self.process.quoted());
        }
    }

    /// The last point of one series, if it was told of it.
    ///
    /// # Errors
    /// As [`Self::points`].
    pub fn point(&self, name: &str, labels: &Value) -> Result<Option<Value>, String> {
        let all = self.points()?;
        let mut all = all.into_iter();
        Ok(all.find(|point| point["name"] == name && point["labels"] == *labels))
    }

    fn ask(&self, what: &str) -> Result<Vec<Value>, String> {
        let url = format!("http://{}/{what}", self.address);
        let answer = agent()
            .get(&url)
            .call()
            .and_then(|mut answer| answer.body_mut().read_to_string())
            .map_err(|e| format!("{url}: {e}; {}", self.process.quoted()))?;
        serde_json::from_str(&answer).map_err(|e| format!("{url}: {e}: {answer}"))
    }
}

/// Rotel, a collector: it takes OTLP over HTTP and sends it on.
#[derive(Debug)]
pub struct Collector {
    process: Process,
    address: SocketAddr,
    /// Deleted when it is gone.
    _work: tempfile::TempDir,
}

impl Collector {
    /// Starts it on `address`, which must be free, before `receiver`, and waits until it takes connections.
    ///
    /// Killed when dropped: what it had not sent on by then is lost.
    #[must_use]
    pub fn start(address: SocketAddr, receiver: &Receiver) -> Self {
        let work = tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
        let file = |name: &str| work.path().join(name).display().to_string();
        let options = [
            ("http-endpoint", address.to_string()),
            ("grpc-endpoint", crate::ports::free().to_string()),
            ("exporter-endpoint", format!("http://{}", receiver.address)),
            ("exporter-protocol", "http".to_owned()),
        ];
        let mut arguments = vec!["start".to_owned(), "--exporter=otlp".to_owned()];
        arguments.extend(options.map(|(name, value)| format!("--otlp-{name}={value}")));
        arguments.push("--batch-timeout=50ms".to_owned());
        arguments.push(format!("--pid-file={}", file("pid")));
        arguments.push(format!("--log-file={}", file("log")));
        let process = Process::start(
            &packages::python_file("otlp", "rotel/rotel-agent"),
            &arguments,
        );
        wait::until("a collector that listens", wait::PATIENCE, || {
            std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1))
                .map_err(|e| format!("{e}; {}", process.quoted()))
        });
        Self {
            process,
            address,
            _work: work,
        }
    }

    /// Where it takes metrics.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1/metrics", self.address)
    }

    /// The last lines that it printed.
    #[must_use]
    pub fn quoted(&self) -> String {
        self.process.quoted()
    }
}

fn agent() -> ureq::Agent {
    let limit = Some(Duration::from_secs(10));
    ureq::Agent::config_builder()
        .timeout_global(limit)
        .build()
        .into()
}
