//! The program `media-metrics`, built as it ships and started as an operator starts it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::process::Process;
use crate::wait;

/// A running forwarder.
#[derive(Debug)]
pub struct Program {
    process: Process,
    listen: SocketAddr,
    metrics: SocketAddr,
}

impl Program {
    /// `media-metrics forward` from any port of loopback to `subscribers`, metrics on another one.
    #[must_use]
    pub fn forward(subscribers: &[SocketAddr]) -> Self {
        let mut arguments = vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()];
        for subscriber in subscribers {
            arguments.extend(["--subscriber".to_owned(), subscriber.to_string()]);
        }
        Self::start(&arguments)
    }

    /// The same with built-in streams and a built-in subscriber, serving the families of `profile`.
    #[must_use]
    pub fn synthetic(streams: u32, profile: &str) -> Self {
        let streams = streams.to_string();
        Self::start(&["--synthetic", &streams, "--profile", profile].map(str::to_owned))
    }

    fn start(more: &[String]) -> Self {
        let arguments = ["forward", "--metrics", "127.0.0.1:0"].map(str::to_owned);
        let arguments = [&arguments[..], more].concat();
        let mut process = Process::start(executable(), &arguments);
        let listen = process.find_line("where it listens", wait::PATIENCE, |line| {
            address(line, "RTP and RTCP on ")
        });
        let metrics = process.find_line("its metrics page", wait::PATIENCE, |line| {
            address(line, "http://")
        });
        Self {
            process,
            listen,
            metrics,
        }
    }

    /// Where it takes RTP and RTCP.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Where `/metrics` is served.
    #[must_use]
    pub fn metrics(&self) -> SocketAddr {
        self.metrics
    }

    /// The last lines that it printed.
    #[must_use]
    pub fn quoted(&self) -> String {
        self.process.quoted()
    }

    /// Ends it like a service manager does, and returns all that it printed.
    #[track_caller]
    #[must_use]
    pub fn finish(mut self) -> Vec<String> {
        self.process.terminate();
        let status = self.process.finish(wait::PATIENCE);
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
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let line = "build --locked --release -p media-metrics-forwarder --message-format json-render-diagnostics";
        let built = Command::new(cargo)
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
