//! `media-metrics analyze`, run as an operator runs it, within bounds of time and memory.
//!
//! Lives here: the command line, the bounds, and reading its JSON. May not: know what the figures
//! ought to be.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;

use crate::figures::{Figure, Figures, Id};
use crate::program::executable;
use crate::wait::{self, PATIENCE};

/// Bytes of its own memory that it may have, whatever the length of a capture.
const MEMORY: u64 = 96 << 20;
/// Seconds of computing that it may take.
const SECONDS: u64 = 20;

/// How a run ended, and what it printed.
#[derive(Debug)]
pub struct Run {
    /// Its end: a signal is one, too.
    pub status: ExitStatus,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

/// A stream of the JSON.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Which one.
    pub id: Id,
    /// Its figures.
    pub figures: Figures,
    /// The whole object.
    pub json: Value,
}

/// Runs `media-metrics analyze` on `capture`. It must end by itself, soon, and within its memory.
#[must_use]
pub fn run<S: AsRef<str>>(capture: &Path, arguments: &[S]) -> Run {
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
    let file = |name: &str| {
        let path = folder.path().join(name);
        File::create(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    let mut command = Command::new("prlimit");
    command
        .arg(format!("--data={MEMORY}"))
        .arg(format!("--cpu={SECONDS}"))
        .arg("--core=0")
        .arg(executable())
        .arg("analyze")
        .args(arguments.iter().map(AsRef::as_ref))
        .arg(capture)
        .stdin(Stdio::null())
        .stdout(file("out"))
        .stderr(file("err"));
    let mut child = command
        .spawn()
        .unwrap_or_else(|e| panic!("can't start analyze through prlimit (util-linux): {e}"));
    let status = wait::until("the end of analyze", PATIENCE, || match child.try_wait() {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err(format!("still at {}", capture.display())),
        Err(e) => Err(e.to_string()),
    });
    let text = |name| {
        let bytes = std::fs::read(folder.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Run {
        status,
        output: text("out"),
        errors: text("err"),
    }
}

/// The streams of a capture that can be read, in the order of the output.
#[must_use]
pub fn streams<S: AsRef<str>>(capture: &Path, more: &[S]) -> Vec<Stream> {
    let mut arguments = vec!["--format", "json"];
    arguments.extend(more.iter().map(AsRef::as_ref));
    let run = run(capture, &arguments);
    assert!(run.status.success(), "{run:?}");
    parse(&run.output).unwrap_or_else(|e| panic!("{e}:\n{}", run.output))
}

/// The streams by who they are; two of one name are one too many.
#[must_use]
pub fn by_id(streams: Vec<Stream>) -> BTreeMap<Id, Stream> {
    let all = streams.len();
    let by_id: BTreeMap<Id, Stream> = streams.into_iter().map(|s| (s.id, s)).collect();
    assert_eq!(by_id.len(), all, "a stream was split: {:?}", by_id.keys());
    by_id
}

/// Reads the JSON, and holds it to its contract: an array of objects with all of these keys.
///
/// # Errors
/// A sentence about what is missing.
pub fn parse(json: &str) -> Result<Vec<Stream>, String> {
    let value: Value = serde_json::from_str(json).map_err(|e| e.to_string())?;
    let objects = value.as_array().ok_or("not an array")?;
    objects.iter().map(stream).collect()
}

fn stream(json: &Value) -> Result<Stream, String> {
    let number = |key: &str| {
        let value = json.get(key).and_then(Value::as_f64);
        value.ok_or_else(|| format!("no number {key:?} in {json}"))
    };
    let address = |key: &str| {
        let value = json.get(key).and_then(Value::as_str);
        let address = value.and_then(|text| text.parse().ok());
        address.ok_or_else(|| format!("no address {key:?} in {json}"))
    };
    for key in ["payload_type", "clock_rate", "first_seen", "last_seen"] {
        number(key)?;
    }
    if json.get("mos").is_none() {
        return Err(format!("no \"mos\" in {json}"));
    }
    let mut figures = Figures::new();
    for figure in Figure::ALL {
        // Times of a stream of one frame or one packet are null, never 0.
        if !figure.is_time() || json.get(figure.key()) != Some(&Value::Null) {
            figures.insert(figure, number(figure.key())?);
        }
    }
    let id = Id {
        ssrc: number("ssrc")? as u32,
        from: address("src")?,
        to: address("dst")?,
    };
    Ok(Stream {
        id,
        figures,
        json: json.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_key_is_named() {
        let whole = r#"[{"ssrc":7,"src":"192.0.2.1:5004","dst":"198.51.100.1:5004","payload_type":0,
            "clock_rate":8000,"packets":2,"bytes":344,"expected":3,"lost":1,"cumulative_lost":1,
            "duplicates":0,"out_of_order":0,"jitter_ms":0.5,"jitter_mean_ms":0.25,"jitter_max_ms":0.5,
            "max_delta_ms":20.0,"restarts":0,"first_seen":1.5,"last_seen":2.5,"mos":null}]"#;
        let streams = parse(whole).unwrap();
        assert_eq!((streams[0].id.ssrc, streams[0].id.from.port()), (7, 5004));
        assert_eq!(streams[0].figures[&Figure::Lost], 1.0);
        let error = parse(&whole.replace("\"expected\"", "\"x\"")).unwrap_err();
        assert!(error.contains("no number \"expected\""), "{error}");
        assert!(parse(&whole.replace("\"mos\"", "\"x\"")).is_err());
        assert!(parse("{}").is_err());
    }
}
