//! LiveKit's own client packages as peers: messages that they write, and what they read of ours.
//!
//! Lives here: running the scripts of `livekit/`. Not here: installing them (`packages`), whether both sides agree
//! (`tests/livekit_interop.rs`).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::Process;
use crate::wait::PATIENCE;
use crate::{package, packages};

/// A message that a peer wrote.
#[derive(Clone, Debug)]
pub struct Made {
    /// `packet` (a `DataPacket`) or `header` (a `MetricsRecordingHeader`).
    pub kind: String,
    /// The message on the wire.
    pub bytes: Vec<u8>,
    /// What the peer put into it, field by field.
    pub content: Value,
}

/// An installed package, ready to run.
#[derive(Debug)]
pub struct Peer {
    program: &'static str,
    /// What stands before the command: the script, and for some where the package is.
    first: Vec<String>,
    work: tempfile::TempDir,
}

impl Peer {
    /// `livekit-protocol` of PyPI.
    #[must_use]
    pub fn python() -> Self {
        Self::new("python3", packages::python("livekit", "peer.py"))
    }

    /// `@livekit/protocol` of npm.
    #[must_use]
    pub fn node() -> Self {
        let packages = packages::node("livekit", &script("package.json"));
        let script = script("peer.mjs").display().to_string();
        Self::new("node", vec![script, packages.display().to_string()])
    }

    fn new(program: &'static str, first: Vec<String>) -> Self {
        let work = tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
        Self {
            program,
            first,
            work,
        }
    }

    /// Random messages; the same ones for the same seed.
    #[must_use]
    pub fn make(&self, seed: u32, count: u32) -> Vec<Made> {
        let lines = self.run("make", &[seed.to_string(), count.to_string()]);
        let made: Vec<Made> = lines.into_iter().map(made).collect();
        assert_eq!(made.len(), count as usize, "{}", self.program);
        made
    }

    /// What it reads in messages of ours, each with its kind.
    #[must_use]
    pub fn read(&self, messages: &[(&str, Vec<u8>)]) -> Vec<Value> {
        let path = self.work.path().join("in");
        let lines = messages
            .iter()
            .map(|(kind, bytes)| format!("{kind} {}\n", hex(bytes)));
        fs::write(&path, lines.collect::<String>()).unwrap_or_else(|e| panic!("{e}"));
        let read = self.run("read", &[path.display().to_string()]);
        assert_eq!(read.len(), messages.len(), "{}", self.program);
        read
    }

    /// Its enum `MetricLabel`: numbers by name.
    #[must_use]
    pub fn labels(&self) -> Value {
        self.run("labels", &[]).remove(0)
    }

    fn run(&self, command: &str, more: &[String]) -> Vec<Value> {
        let out = self.work.path().join("out");
        let mut arguments = self.first.clone();
        arguments.push(command.to_owned());
        arguments.extend_from_slice(more);
        arguments.push(out.display().to_string());
        let mut process = Process::start(Path::new(self.program), &arguments);
        let status = process.finish(PATIENCE);
        assert!(
            status.success(),
            "{command}: {status}; {}",
            process.quoted()
        );
        let text = fs::read_to_string(&out).unwrap_or_else(|e| panic!("{}: {e}", out.display()));
        let value = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        text.lines().map(value).collect()
    }
}

fn script(name: &str) -> PathBuf {
    package().join("livekit").join(name)
}

fn made(mut line: Value) -> Made {
    let bytes = line["hex"].as_str().and_then(unhex);
    let kind = line["kind"].as_str().map(str::to_owned);
    match (kind, bytes) {
        (Some(kind), Some(bytes)) => Made {
            kind,
            bytes,
            content: line["content"].take(),
        },
        _ => panic!("no message: {line}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_there_and_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
    }
}
