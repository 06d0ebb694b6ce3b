//! Documents name what the program takes, and nothing else: `docs/configuration.md` the keys of a configuration file and
//! their defaults, `docs/api.md` the parameters of `/api/v1/streams`.
//!
//! The program is asked itself: who writes a name that is none is told which there are.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise, its helpers, too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use media_metrics_forwarder::cli::ForwardFlags;
use media_metrics_forwarder::config::{ConfigError, Settings};
use media_metrics_forwarder::forward::Forwarder;
use serde_json::Value;

/// What no key and no parameter is called.
const NONE: &str = "no_such_name";

/// How a key may hold keys itself: those, a list of entries that have them, entries by number.
const SHAPES: [fn(&str) -> String; 3] = [
    |inner| format!("{{{inner}}}"),
    |inner| format!("[{{{inner}}}]"),
    |inner| format!("{{96: {{{inner}}}}}"),
];

/// A file with what has defaults of its own once it is there.
const LEAST: &str = "synthetic: {streams: 4}\n\
                     push: {remote_write: [{url: 'http://a/'}], otlp: [{url: 'http://a/'}]}\n";

const KEYS: &str = "| key | default | range | meaning |";
const PARAMETERS: &str = "| parameter | meaning | values | default |";

fn document(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    fs::read_to_string(docs.join(name)).unwrap()
}

/// What the program makes of a file that says this.
fn read(text: &str) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("media-metrics.yaml");
    fs::write(&file, text).unwrap();
    Settings::load(Some(&file), ForwardFlags::default())
}

/// The keys that there are where a file has [`NONE`]; `None` if no keys are read there.
fn known(text: &str) -> Option<Vec<&'static str>> {
    let Err(ConfigError::Wrong { cause, .. }) = read(text) else {
        return None;
    };
    match cause.without_snippet() {
        serde_saphyr::Error::SerdeUnknownField {
            field, expected, ..
        } if field == NONE => Some(expected.clone()),
        _ => None,
    }
}

/// A key in full.
fn joined(name: &str, key: &str) -> String {
    match name {
        "" => key.to_owned(),
        _ => format!("{name}.{key}"),
    }
}

/// Finds every key below `name` that holds no keys itself; whether there are any. `file` is one with something there.
fn find(name: &str, file: &dyn Fn(&str) -> String, found: &mut BTreeSet<String>) -> bool {
    let Some(known) = known(&file(&format!("{NONE}: 0"))) else {
        return false;
    };
    for key in known {
        let full = joined(name, key);
        let mut shapes = SHAPES.iter();
        let is_section = shapes.any(|shape| {
            let inside = |inner: &str| file(&format!("{key}: {}", shape(inner)));
            find(&full, &inside, found)
        });
        if !is_section {
            found.insert(full);
        }
    }
    true
}

fn keys() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    find("", &|inner: &str| inner.to_owned(), &mut found);
    found
}

/// A value as a cell of a table has it.
fn text(value: &Value) -> String {
    let text = value.as_str();
    text.map_or_else(|| value.to_string(), str::to_owned)
}

/// The values of a configuration, by key.
fn flatten(name: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                flatten(&joined(name, key), value, found);
            }
        }
        Value::Array(entries) if entries.iter().any(Value::is_object) => {
            for entry in entries {
                flatten(name, entry, found);
            }
        }
        Value::Array(entries) => {
            let entries: Vec<String> = entries.iter().map(text).collect();
            found.insert(name.to_owned(), format!("[{}]", entries.join(", ")));
        }
        single => {
            found.insert(name.to_owned(), text(single));
        }
    }
}

/// What holds of keys that a file doesn't name, as the configuration is printed.
fn defaults() -> BTreeMap<String, String> {
    let printed = read(LEAST).unwrap().to_yaml().unwrap();
    let tree: Value = serde_saphyr::from_str(&printed).unwrap();
    let mut found = BTreeMap::new();
    flatten("", &tree, &mut found);
    found
}

/// The cells of each row of the tables with this head whose first cell is code.
fn rows<'a>(page: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let mut rows = Vec::new();
    let mut is_in = false;
    for line in page.lines() {
        is_in = line == head || is_in && line.starts_with('|');
        if is_in && line.starts_with("| `") {
            let cells = line.trim_matches('|').split('|');
            rows.push(cells.map(str::trim).collect());
        }
    }
    rows
}

/// What stands between backticks, if that is all there is.
fn literal(cell: &str) -> Option<&str> {
    let code = cell.strip_prefix('`')?.strip_suffix('`')?;
    (!code.contains('`')).then_some(code)
}

/// Whether two texts are the same value: `1` and `1.0` are.
fn is_same(one: &str, other: &str) -> bool {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// How a page differs from what there is.
fn differences(
    page: &str,
    keys: &BTreeSet<String>,
    defaults: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut differences = Vec::new();
    let mut untold = keys.clone();
    for row in rows(page, KEYS) {
        let [key, default, ..] = row[..] else {
            differences.push(format!("{row:?} has too few cells"));
            continue;
        };
        let key = key.trim_matches('`');
        if !untold.remove(key) {
            differences.push(format!("{key} is no key, or has another row"));
        }
        let is = defaults.get(key);
        if let Some(said) = literal(default)
            && !is.is_some_and(|is| is_same(is, said))
        {
            differences.push(format!("{key} is said to be {said} by default: {is:?}"));
        }
    }
    differences.extend(untold.iter().map(|key| format!("{key} has no row")));
    differences
}

#[test]
fn every_key_has_a_row_and_every_row_a_key() {
    let keys = keys();
    for key in [
        "listen",
        "rooms.publishers",
        "payload_types.codec",
        "metrics.tls.cert_file",
        "push.otlp.basic_auth.password",
        "rtc.forward_stats.report_window",
    ] {
        assert!(keys.contains(key), "{key} is not in {keys:#?}");
    }
    let page = document("configuration.md");
    let differences = differences(&page, &keys, &defaults());
    assert!(differences.is_empty(), "{differences:#?}");
    let rows = rows(&page, KEYS);
    let told = rows.iter().filter(|row| literal(row[1]).is_some()).count();
    assert!(told > 30, "only {told} defaults");
}

#[test]
fn what_differs_is_told() {
    let keys = BTreeSet::from(["a", "b.c"].map(str::to_owned));
    let defaults = BTreeMap::from([("a".to_owned(), "1.0".to_owned())]);
    let differences = |rows: &str| {
        let page = format!("{KEYS}\n|---|---|---|---|\n{rows}\n\n| `z` | of another table | | |\n");
        differences(&page, &keys, &defaults)
    };
    let good = differences("| `a` | `1` | | |\n| `b.c` | nothing | | |");
    assert_eq!(good, [""; 0]);
    for (rows, says) in [
        ("| `a` | | | |", "b.c has no row"),
        ("| `a` | `2` | | |\n| `b.c` | | | |", "a is said to be 2"),
        ("| `a` | | | |\n| `b.c` | `x` | | |", "b.c is said to be x"),
        (
            "| `a` | | | |\n| `b` | | | |\n| `b.c` | | | |",
            "b is no key",
        ),
        (
            "| `a` | | | |\n| `a` | | | |\n| `b.c` | | | |",
            "a is no key, or has another row",
        ),
    ] {
        let told = differences(rows);
        assert_eq!(told.len(), 1, "{rows}: {told:?}");
        assert!(told[0].starts_with(says), "{rows}: {told:?}");
    }
}

#[test]
fn examples_of_configuration_are_read() {
    let page = document("configuration.md");
    let blocks = page.split("```yaml\n").skip(1);
    let blocks: Vec<&str> = blocks.filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let settings = read(block);
        assert!(settings.is_ok(), "{block}\n{settings:?}");
    }
}

/// What the server says to a question about streams with a parameter that there is not.
fn refusal() -> String {
    let text = "listen: 127.0.0.1:0\nworkers: 1\nmetrics: {listen: '127.0.0.1:0'}\n";
    let forwarder = Forwarder::start(&read(text).unwrap()).unwrap();
    let url = forwarder.metrics_url().unwrap();
    let address = url
        .trim_start_matches("http://")
        .trim_end_matches("/metrics");
    let mut connection = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET /api/v1/streams?{NONE}=1 HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let _report = forwarder.stop();
    answer
}

#[test]
fn every_parameter_of_streams_has_a_row_and_every_row_a_parameter() {
    let answer = refusal();
    let (_, there) = answer.split_once("there are: ").unwrap();
    let there = there.split('"').next().unwrap_or_default();
    let words = there.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    let there: BTreeSet<&str> = words
        .filter(|word| !["", "and", "each", "repeatable"].contains(word))
        .collect();
    assert!(there.contains("min_interval_loss"), "{answer}");
    let page = document("api.md");
    let rows = rows(&page, PARAMETERS);
    let names = rows.iter().flat_map(|row| row[0].split(", "));
    let told: BTreeSet<&str> = names.map(|name| name.trim_matches('`')).collect();
    assert_eq!(told, there);
}
