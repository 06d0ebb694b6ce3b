//! Configuration files: any text is refused with words that help, or means something that can be written down and read
//! again.
//!
//! Lives here: the file's way through `Settings` and back, and that each key of it is heard. Not here: what keys mean.

use std::cell::RefCell;
use std::path::Path;

use media_metrics_forwarder::cli::ForwardFlags;
use media_metrics_forwarder::config::{ConfigError, Settings};
use serde_json::{Map, Value};

use crate::models::captures::Folder;

thread_local! {
    /// One for all inputs: the file in it is written anew each time.
    static FOLDER: RefCell<Folder> = RefCell::new(Folder::new());
}

/// Takes the bytes for a configuration file.
pub fn target(data: &[u8]) {
    let path = FOLDER.with_borrow(|folder| folder.put("given.yaml", data));
    match load(&path) {
        Ok(settings) => {
            let yaml = again(&settings);
            all_is_heard(data, &yaml);
        }
        Err(error) => helps(&error, &path, data),
    }
}

fn load(path: &Path) -> Result<Settings, ConfigError> {
    Settings::load(Some(path), ForwardFlags::default())
}

/// What is printed by `media-metrics config` says what was read. That text.
fn again(settings: &Settings) -> String {
    let yaml = settings.to_yaml().unwrap();
    let path = FOLDER.with_borrow(|folder| folder.put("written.yaml", yaml.as_bytes()));
    let back = load(&path).unwrap_or_else(|e| panic!("{e}\n{yaml}"));
    assert_eq!(&back, settings, "{yaml}");
    assert_eq!(back.to_yaml().unwrap(), yaml);
    let shown = serde_json::to_value(settings.clone().without_secrets()).unwrap();
    for secret in secrets(&shown) {
        assert_eq!(secret, "<hidden>", "{shown}");
    }
    let payloads = settings.payloads();
    for kind in 0..128 {
        let _ = payloads.get(kind);
    }
    yaml
}

/// Keys of the file's one room, which stand in the list of rooms once they are read.
const OF_A_ROOM: [&str; 3] = ["listen", "publishers", "subscribers"];

/// Where metrics are served has three names, and what one says may be another's; what LiveKit has, too, goes by LiveKit's
/// rules, where a 0 is a default.
const OF_OTHERS: [&str; 7] = [
    "/livekit",
    "/metric/",
    "/metrics/enabled",
    "/metrics/listen",
    "/node_stats",
    "/prometheus",
    "/rtc",
];

/// What a file says is in what is understood of it, at the same place and with the same switches and numbers: no key is
/// passed over.
fn all_is_heard(data: &[u8], yaml: &str) {
    let text = std::str::from_utf8(data).unwrap();
    // What a plain value can't be, such as a key that is a list, no section of ours is either.
    let Ok(Value::Object(given)) = serde_saphyr::from_str::<Value>(text) else {
        return;
    };
    let understood: Value = serde_saphyr::from_str(yaml).unwrap();
    for (key, given) in &given {
        let place = match &**key {
            "prometheus_port" => continue,
            // None at all are no section.
            "synthetic" if understood.get("synthetic").is_none() => {
                assert_eq!(given.get("streams").and_then(Value::as_u64), Some(0));
                continue;
            }
            key if OF_A_ROOM.contains(&key) => format!("/rooms/0/{key}"),
            key => format!("/{key}"),
        };
        heard(given, &understood, &place);
    }
}

fn heard(given: &Value, understood: &Value, place: &str) {
    let found = understood.pointer(place);
    match given {
        Value::Null => {}
        Value::Object(members) => members.iter().for_each(|(key, given)| {
            heard(given, understood, &format!("{place}/{}", escaped(key)));
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, given)| heard(given, understood, &format!("{place}/{i}"))),
        _ if OF_OTHERS.iter().any(|other| place.starts_with(other)) => {}
        _ => match (given, found) {
            (_, None) => panic!("{place} is passed over"),
            (Value::Bool(given), Some(Value::Bool(found))) => assert_eq!(given, found, "{place}"),
            (Value::Number(given), Some(Value::Number(found))) => {
                assert_eq!(given.as_f64(), found.as_f64(), "{place}");
            }
            // Where text is wanted, `y` and `1` are text.
            _ => {}
        },
    }
}

/// A key as a part of a JSON pointer (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// What stands where a secret belongs, by the keys that have one.
fn secrets(settings: &Value) -> Vec<&Value> {
    let pushes = ["/push/remote_write", "/push/otlp"].into_iter();
    let pushes = pushes.filter_map(|list| settings.pointer(list)?.as_array());
    let of_pushes = pushes.flatten().flat_map(|to| {
        let password = to.pointer("/basic_auth/password");
        members(to.get("headers")).chain(password)
    });
    members(settings.pointer("/metrics/basic_auth_users"))
        .chain(settings.pointer("/prometheus/password"))
        .chain(of_pushes)
        .collect()
}

fn members(of: Option<&Value>) -> impl Iterator<Item = &Value> {
    let object = of.and_then(Value::as_object);
    object.into_iter().flat_map(Map::values)
}

/// An error says what, where, and what to do.
fn helps(error: &ConfigError, path: &Path, data: &[u8]) {
    let text = error.to_string();
    assert!(
        text.len() > 20 && text.len() < 4_096 + 8 * data.len(),
        "{text}"
    );
    assert!(!text.contains("\u{1b}"), "{text:?}");
    match error {
        ConfigError::Unreadable { .. } => {
            assert!(
                std::str::from_utf8(data).is_err() && text.contains(&*path.to_string_lossy()),
                "{text}"
            );
        }
        ConfigError::Wrong { cause, .. } => {
            assert!(text.contains(&*path.to_string_lossy()), "{text}");
            let lines = data.split(|&b| b == b'\n' || b == b'\r').count() as u64;
            let place = cause.location();
            assert!(place.is_none_or(|at| at.line() <= lines + 1), "{text}");
        }
        _ => {}
    }
}
