//! LiveKit's own client packages as peers: messages that they write, and what they read of ours.
//!
//! Lives here: installing them (once for each version, below the target folder) and running the scripts of
//! `livekit/`. Not here: whether both sides agree (`tests/livekit_interop.rs`).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::package;
use crate::process::Process;
use crate::wait::PATIENCE;

/// How long an installation over the network may take.
const INSTALLING: Duration = Duration::from_secs(180);

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
        let packages = installed("python", "requirements.txt", |folder, list| {
            let target = folder.display().to_string();
            let pip =
                "-m pip install --quiet --disable-pip-version-check --no-input --upgrade --target";
            let mut arguments: Vec<String> = pip.split(' ').map(str::to_owned).collect();
            arguments.extend([
                target,
                "--requirement".to_owned(),
                list.display().to_string(),
            ]);
            ("python3", arguments)
        });
        let run = "import runpy, sys; sys.path.insert(0, sys.argv[1]); sys.argv[:2] = []; \
                   runpy.run_path(sys.argv[0], run_name='__main__')";
        let script = script("peer.py").display().to_string();
        let first = [
            "-c".to_owned(),
            run.to_owned(),
            packages.display().to_string(),
            script,
        ];
        Self::new("python3", first.into())
    }

    /// `@livekit/protocol` of npm.
    #[must_use]
    pub fn node() -> Self {
        let packages = installed("node", "package.json", |folder, list| {
            let manifest = folder.join("package.json");
            fs::copy(list, &manifest).unwrap_or_else(|e| panic!("{}: {e}", manifest.display()));
            let npm = "install --no-audit --no-fund --no-package-lock --ignore-scripts --prefix";
            let mut arguments: Vec<String> = npm.split(' ').map(str::to_owned).collect();
            arguments.push(folder.display().to_string());
            ("npm", arguments)
        });
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

/// The folder in which the packages of `list` are, after they were installed there.
///
/// Its name has the list's content in it, so that another version is another folder.
fn installed(
    name: &str,
    list: &str,
    install: impl FnOnce(&Path, &Path) -> (&'static str, Vec<String>),
) -> PathBuf {
    let list = script(list);
    let content = fs::read(&list).unwrap_or_else(|e| panic!("{}: {e}", list.display()));
    let folder = target().join(format!("livekit-{name}-{:08x}", checksum(&content)));
    let complete = folder.join("complete");
    if complete.is_file() {
        return folder;
    }
    fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let (program, arguments) = install(&folder, &list);
    let mut process = Process::start(Path::new(program), &arguments);
    let status = process.finish(INSTALLING);
    assert!(
        status.success(),
        "can't install {}, which needs the network or a mirror of its registry: {}",
        list.display(),
        process.quoted()
    );
    fs::write(&complete, "").unwrap_or_else(|e| panic!("{}: {e}", complete.display()));
    folder
}

/// The target folder of the build that this test is of.
fn target() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let is_profile = |folder: &&Path| folder.ends_with("deps");
    let deps = test.ancestors().find(is_profile);
    let target = deps.and_then(|deps| deps.parent()?.parent());
    target.map_or_else(|| package().join("../target"), Path::to_path_buf)
}

/// FNV-1a.
fn checksum(content: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    content.iter().fold(0x811c_9dc5, step)
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

    #[test]
    fn another_list_is_another_folder() {
        assert_eq!(checksum(b""), 0x811c_9dc5);
        assert_eq!(checksum(b"a"), 0xe40c_292c);
    }
}
