//! The program `media-metrics`, built as it ships and started as an operator starts it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::process::Process;
use crate::wait;
use crate::workspace::cargo;

/// A running forwarder.
#[derive(Debug)]
pub struct Program {
    process: Process,
    listen: SocketAddr,
    /// None on a Unix socket.
    metrics: Option<SocketAddr>,
    /// Where its configuration stands, if it has one.
    _folder: Option<TempDir>,
}

impl Program {
    /// `media-metrics forward` from any port of loopback to `subscribers`, metrics on another one.
    #[must_use]
    pub fn forward(subscribers: &[SocketAddr]) -> Self {
        let mut arguments = vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()];
        for subscriber in subscribers {
            arguments.extend(["--subscriber".to_owned(), subscriber.to_string()]);
        }
        Self::on_any_port(&arguments)
    }

    /// The same with built-in streams and a built-in subscriber, serving the families of `profile`.
    #[must_use]
    pub fn synthetic(streams: u32, profile: &str) -> Self {
        let streams = streams.to_string();
        Self::on_any_port(&["--synthetic", &streams, "--profile", profile].map(str::to_owned))
    }

    /// `media-metrics forward` with this configuration.
    #[must_use]
    pub fn configured(yaml: &str) -> Self {
        Self::configured_behind(&[], yaml)
    }

    /// The same behind `line`, a command that becomes the program that its last arguments name: `unshare`, say.
    #[must_use]
    pub fn configured_behind(line: &[&str], yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
        let file = folder.path().join("media-metrics.yaml");
        fs::write(&file, yaml).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let file = file.to_string_lossy();
        let arguments = ["forward", "--config", &file].map(str::to_owned);
        Self {
            _folder: Some(folder),
            ..Self::start(line, &arguments)
        }
    }

    fn on_any_port(more: &[String]) -> Self {
        let arguments = ["forward", "--metrics", "127.0.0.1:0"].map(str::to_owned);
        Self::start(&[], &[&arguments[..], more].concat())
    }

    fn start(behind: &[&str], arguments: &[String]) -> Self {
        let executable = executable().to_string_lossy();
        let words = behind.iter().copied().chain([&*executable]);
        let words = words.chain(arguments.iter().map(String::as_str));
        let words: Vec<&str> = words.collect();
        let mut process = match words.split_first() {
            Some((first, rest)) => Process::start(Path::new(first), rest),
            None => panic!("no program to start"),
        };
        let listen = process.find_line("where it listens", wait::PATIENCE, |line| {
            address(line, "RTP and RTCP on ")
        });
        let metrics = process.find_line("its metrics page", wait::PATIENCE, |line| {
            line.strip_prefix("metrics: ")
                .map(|told| address(told, "http://"))
        });
        Self {
            process,
            listen,
            metrics,
            _folder: None,
        }
    }

    /// Where it takes RTP and RTCP.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Where `/metrics` is served.
    #[track_caller]
    #[must_use]
    pub fn metrics(&self) -> SocketAddr {
        self.metrics
            .unwrap_or_else(|| panic!("it serves on a Unix socket"))
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> Pid {
        self.process.id()
    }

    /// Sends it a signal.
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Everything that it printed so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.process.lines()
    }

    /// The last lines that it printed.
    #[must_use]
    pub fn quoted(&self) -> String {
        self.process.quoted()
    }

    /// Ends it like a service manager does, and returns all that it printed.
    #[track_caller]
    #[must_use]
    pub fn finish(self) -> Vec<String> {
        self.finish_by(Signal::TERM, wait::PATIENCE)
    }

    /// Ends it by this signal within `limit`, with status 0, and returns all that it printed.
    #[track_caller]
    #[must_use]
    pub fn finish_by(mut self, signal: Signal, limit: Duration) -> Vec<String> {
        self.process.signal(signal);
        let status = self.process.finish(limit);
        assert!(
            status.success(),
            "it ended with {status}; {}",
            self.process.quoted()
        );
        self.process.lines()
    }
}

/// The address that follows `mark` in a line.
fn address(line: &str, mark: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(mark)?;
    let inside = |c: char| c.is_ascii_hexdigit() || ".:[]".contains(c);
    let end = rest.find(|c: char| !inside(c)).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// The program `media-metrics`, built if need be, once a run: cargo alone knows whether the one that is
/// there is new.
#[must_use]
pub fn executable() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let line = "build --locked --release -p media-metrics-forwarder --message-format json-render-diagnostics";
        let built = cargo()
            .args(line.split(' '))
            .current_dir(crate::package())
            .output()
            .unwrap_or_else(|e| panic!("can't run cargo: {e}"));
        let messages = String::from_utf8_lossy(&built.stdout);
        let found = messages.lines().find_map(executable_of);
        found.unwrap_or_else(|| {
            let errors = String::from_utf8_lossy(&built.stderr);
            panic!("`cargo {line}` built no program media-metrics:\n{errors}")
        })
    })
}

/// The path in cargo's message about the finished program.
fn executable_of(message: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let is_it = message.get("target")?.get("name")? == "media-metrics";
    let path = message.get("executable")?.as_str()?;
    is_it.then(|| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_sentences() {
        let local = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!(
            address(
                "room main: RTP and RTCP on 127.0.0.1:5004, 2 workers, to 127.0.0.1:9",
                "RTP and RTCP on "
            ),
            local(5004)
        );
        assert_eq!(
            address("metrics: http://127.0.0.1:9464/metrics", "http://"),
            local(9464)
        );
        assert_eq!(
            address("see http://[::1]:80/", "http://"),
            "[::1]:80".parse().ok()
        );
        assert_eq!(address("RTP and RTCP on fire", "RTP and RTCP on "), None);
    }

    #[test]
    fn cargo_names_the_executable() {
        let built = r#"{"reason":"compiler-artifact","target":{"name":"media-metrics"},"executable":"/t/media-metrics"}"#;
        assert_eq!(executable_of(built), Some("/t/media-metrics".into()));
        let library =
            r#"{"reason":"compiler-artifact","target":{"name":"media-metrics"},"executable":null}"#;
        assert_eq!(executable_of(library), None);
        let other = r#"{"target":{"name":"build-script-build"},"executable":"/t/build-script"}"#;
        assert_eq!(executable_of(other), None);
        assert_eq!(executable_of("warning: text"), None);
    }
}
