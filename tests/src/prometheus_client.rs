//! The parsers of Prometheus' Python client as judges of pages.
//!
//! Lives here: running them. Not here: what must come out (`tests/formats.rs`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::packages;
use crate::process::Process;
use crate::wait::PATIENCE;

/// One family, as the parser understood it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name: of a counter without `_total`.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its unit, or nothing.
    pub unit: String,
    /// Its help.
    pub help: String,
    /// Its samples, in order.
    pub samples: Vec<Sample>,
}

/// One line, as the parser understood it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// The sample's name.
    pub name: String,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// The 64 bits of the value.
    pub bits: u64,
    /// Its exemplar.
    pub exemplar: Option<Exemplar>,
}

/// An exemplar, as the parser understood it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exemplar {
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// The 64 bits of the value.
    pub bits: u64,
    /// Its time, in milliseconds since 1970.
    pub time_ms: u64,
}

/// Reads pages, each with its format: `text` or `openmetrics`. An error is the parser's own.
#[must_use]
pub fn read(pages: &[(&str, Vec<u8>)]) -> Vec<Result<Vec<Family>, String>> {
    let work = tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
    let [source, out] = ["in", "out"].map(|name| work.path().join(name));
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
    let lines = pages
        .iter()
        .map(|(format, page)| format!("{format} {}\n", hex(page)));
    fs::write(&source, lines.collect::<String>()).unwrap_or_else(|e| panic!("{e}"));
    let mut arguments = packages::python("prometheus_client", "read.py");
    arguments.extend([&source, &out].map(|path| path.display().to_string()));
    let mut process = Process::start(Path::new("python3"), &arguments);
    let status = process.finish(PATIENCE);
    assert!(status.success(), "{status}; {}", process.quoted());
    let answers = fs::read_to_string(&out).unwrap_or_else(|e| panic!("{}: {e}", out.display()));
    let answers: Vec<_> = answers.lines().map(answer).collect();
    assert_eq!(answers.len(), pages.len());
    answers
}

fn answer(line: &str) -> Result<Vec<Family>, String> {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    if let Some(error) = value["error"].as_str() {
        return Err(error.to_owned());
    }
    let families = value["families"].as_array().into_iter().flatten();
    Ok(families.map(family).collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn family(value: &Value) -> Family {
    let samples = value["samples"].as_array().into_iter().flatten();
    Family {
        name: text(&value["name"]),
        kind: text(&value["type"]),
        unit: text(&value["unit"]),
        help: text(&value["help"]),
        samples: samples.map(sample).collect(),
    }
}

fn sample(value: &Value) -> Sample {
    let exemplar = value.get("exemplar").map(|exemplar| Exemplar {
        labels: labels(exemplar),
        bits: bits(exemplar, "value"),
        time_ms: (f64::from_bits(bits(exemplar, "time")) * 1e3).round() as u64,
    });
    Sample {
        name: text(&value["name"]),
        labels: labels(value),
        bits: bits(value, "value"),
        exemplar,
    }
}

fn labels(value: &Value) -> BTreeMap<String, String> {
    let labels = value["labels"].as_object().into_iter().flatten();
    labels.map(|(name, v)| (name.clone(), text(v))).collect()
}

fn bits(value: &Value, of: &str) -> u64 {
    let bits = text(&value[of]).parse();
    bits.unwrap_or_else(|e| panic!("{e}: {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A judge that lets everything pass proves nothing.
    #[test]
    fn it_tells_good_pages_from_bad_ones() {
        let good = "# HELP a A.\n# TYPE a counter\na_total{x=\"\\n\"} 2\n# EOF\n";
        let pages = [
            ("openmetrics", good.as_bytes().to_vec()),
            ("openmetrics", good.replace("# EOF\n", "").into_bytes()),
            (
                "openmetrics",
                good.replace("a_total", "b\na_total").into_bytes(),
            ),
            ("text", b"# HELP a A.\n# TYPE a gauge\na 0.5\n".to_vec()),
            ("text", b"a{ 1\n".to_vec()),
        ];
        let read = read(&pages);
        let [family] = read[0].as_deref().unwrap() else {
            panic!("{read:?}")
        };
        let told = [&family.name, &family.kind, &family.help].map(String::as_str);
        assert_eq!(told, ["a", "counter", "A."]);
        let sample = Sample {
            name: "a_total".into(),
            labels: [("x".into(), "\n".into())].into(),
            bits: 2_f64.to_bits(),
            exemplar: None,
        };
        assert_eq!(family.samples, [sample]);
        assert!(
            read[1].is_err() && read[2].is_err() && read[4].is_err(),
            "{read:?}"
        );
        assert_eq!(read[3].as_ref().unwrap()[0].kind, "gauge");
    }
}
