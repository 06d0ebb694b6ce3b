//! What the examples' tests share. Nothing to copy.
//!
//! Lives here: the examples as programs, and what they serve. In `peer`: a WebRTC peer; in `call`: what every
//! forwarder must carry. Whatever waits has a deadline, and says what it was waiting for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]

pub mod call;
pub mod peer;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take. Far more than it does: a machine that builds beside the tests is slow.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until there is an answer.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match ask() {
            Some(answer) => return answer,
            None => assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// An example that runs. Killed when dropped.
pub struct Program {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    url: String,
}

impl Program {
    /// Starts it, and waits until it says `… http://HOST:PORT`.
    #[must_use]
    pub fn start(path: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(path);
        command.args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{path}: {e}"));
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let (lines, out) = (Arc::clone(&said), child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        let mut program = Self {
            child,
            said,
            url: String::new(),
        };
        program.url = eventually(&format!("{path} says where it listens"), || {
            let ended = program.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "{path} ended: {ended:?}, {:?}",
                program.all_said()
            );
            let at = |line: &String| {
                let url = &line[line.find("http://")?..];
                let host = url.split('/').nth(2)?;
                Some(format!("http://{host}"))
            };
            program.all_said().iter().find_map(at)
        });
        program
    }

    fn all_said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// Whether a line of its standard output has this in it.
    #[must_use]
    pub fn said(&self, part: &str) -> bool {
        self.all_said().iter().any(|line| line.contains(part))
    }

    /// Answers of any status.
    #[must_use]
    pub fn get(&self, path: &str) -> Response {
        answered(agent().get(format!("{}{path}", self.url)).call())
    }

    #[must_use]
    pub fn post(&self, path: &str, body: &str) -> Response {
        answered(agent().post(format!("{}{path}", self.url)).send(body))
    }

    #[must_use]
    pub fn delete(&self, path: &str) -> Response {
        answered(agent().delete(format!("{}{path}", self.url)).call())
    }

    /// SIGTERM, and how it ended.
    #[must_use]
    pub fn stop(&mut self) -> ExitStatus {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        eventually("it ends when it is told to", || {
            self.child.try_wait().unwrap()
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(PATIENCE)).build().into()
}

/// What a program answered.
pub struct Response {
    pub status: u16,
    pub location: Option<String>,
    pub body: String,
}

fn answered(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Response {
    let mut answer = answer.unwrap();
    let location = answer.headers().get("location");
    Response {
        status: answer.status().as_u16(),
        location: location.map(|to| to.to_str().unwrap().to_owned()),
        body: answer.body_mut().read_to_string().unwrap(),
    }
}

impl Response {
    /// The value of one line of a page in Prometheus' text format: `name` or `name{label="value"}`.
    #[must_use]
    pub fn value(&self, series: &str) -> Option<f64> {
        let mut lines = self.body.lines();
        let rest = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(rest.parse().unwrap())
    }
}
