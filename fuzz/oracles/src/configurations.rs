//! Configuration files: any text is refused with words that help, or means something that can be written down and read
//! again.
//!
//! Lives here: the file's way through `Settings` and back. Not here: what keys mean.

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
        Ok(settings) => again(&settings),
        Err(error) => helps(&error, &path, data),
    }
}

fn load(path: &Path) -> Result<Settings, ConfigError> {
    Settings::load(Some(path), ForwardFlags::default())
}

/// What is printed by `media-metrics config` says what was read.
fn again(settings: &Settings) {
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
