//! Where metrics are pushed.
//!
//! Lives here: the keys of `push`, and which push of the exporter they make. Not here: defaults of times and limits, which
//! are the exporter's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use media_metrics_exporter::push::Endpoint;
use media_metrics_exporter::push::remote_write::{self, RemoteWrite};
use serde::{Deserialize, Serialize};

use super::otlp::OtlpTo;
use super::secret::Secret;
use super::value::Seconds;

/// The section `push`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Push {
    /// Receivers of Prometheus remote write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_write: Vec<RemoteWriteTo>,
    /// Receivers of OpenTelemetry's protocol.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub otlp: Vec<OtlpTo>,
}

impl Push {
    /// Every secret in it, to be replaced.
    pub(super) fn secrets(&mut self) -> impl Iterator<Item = &mut Secret> {
        let remote_write = self.remote_write.iter_mut();
        let remote_write = remote_write.map(|to| (&mut to.headers, &mut to.basic_auth));
        let otlp = self.otlp.iter_mut();
        let otlp = otlp.map(|to| (&mut to.headers, &mut to.basic_auth));
        remote_write.chain(otlp).flat_map(|(headers, auth)| {
            let passwords = auth.iter_mut().map(|auth| &mut auth.password);
            headers.values_mut().chain(passwords)
        })
    }

    /// Whether nothing is pushed anywhere.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.remote_write.is_empty() && self.otlp.is_empty()
    }
}

/// One receiver of remote write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteWriteTo {
    /// Where: `http://HOST:PORT/PATH`, or `https://…`.
    pub url: String,
    /// What this push is called in its own families; `remote_write_1`, `remote_write_2` and so on if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which version to speak.
    #[serde(default)]
    pub version: Version,
    /// Which buckets of histograms are sent.
    #[serde(default)]
    pub histograms: Histograms,
    /// Labels that each series gets, if it has none of that name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Headers that each request has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
    /// Who we are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
    /// Authorities that the receiver's certificate must come from, as PEM; if not given, those that the machine trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Least time between two snapshots that are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Seconds>,
    /// How long one attempt may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
}

/// A user's name and password, both or neither.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// Versions of remote write: `1.0` and `2.0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// What every receiver knows.
    #[serde(rename = "1.0")]
    V1,
    /// With metadata and start times, and 1.0 with receivers that do not know it.
    #[default]
    #[serde(rename = "2.0")]
    V2,
}

/// Buckets of histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Histograms {
    /// A series for each bucket.
    #[default]
    Classic,
    /// Native ones.
    Native,
    /// Both.
    Both,
}

/// How long a push may take to send what is left when the program ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Push {
    /// How long the last merge may take to arrive everywhere.
    #[must_use]
    pub const fn last_words(&self) -> Duration {
        if self.is_empty() {
            Duration::ZERO
        } else {
            LAST_WORDS
        }
    }
}

/// A receiver as every push has it: where it is, how we show who we are, whom we trust, how often and how patiently.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receiver<'a> {
    pub(super) url: &'a str,
    pub(super) headers: &'a BTreeMap<String, Secret>,
    pub(super) basic_auth: Option<&'a BasicAuth>,
    pub(super) ca_file: Option<&'a Path>,
    pub(super) interval: Option<Seconds>,
    pub(super) timeout: Option<Seconds>,
}

impl Receiver<'_> {
    /// What the exporter makes of it, for the push called `name`.
    pub(super) fn endpoint(self, name: &str) -> Endpoint {
        let endpoint = Endpoint::new(self.url).name(name).stop_within(LAST_WORDS);
        let headers = self.headers.iter();
        let mut endpoint =
            headers.fold(endpoint, |e, (name, value)| e.header(name, value.reveal()));
        if let Some(auth) = self.basic_auth {
            endpoint = endpoint.basic_auth(&auth.username, auth.password.reveal());
        }
        if let Some(path) = self.ca_file {
            endpoint = endpoint.ca_file(path);
        }
        if let Some(interval) = self.interval {
            endpoint = endpoint.interval(interval.duration());
        }
        if let Some(timeout) = self.timeout {
            endpoint = endpoint.timeout(timeout.duration());
        }
        endpoint
    }
}

impl RemoteWriteTo {
    /// What the exporter makes of it; `number` is its place in the list, from 1.
    #[must_use]
    pub fn to_push(&self, number: usize) -> (String, RemoteWrite) {
        let name = self.name.clone();
        let name = name.unwrap_or_else(|| format!("remote_write_{number}"));
        let receiver = Receiver {
            url: &self.url,
            headers: &self.headers,
            basic_auth: self.basic_auth.as_ref(),
            ca_file: self.ca_file.as_deref(),
            interval: self.interval,
            timeout: self.timeout,
        };
        let push = RemoteWrite::new(receiver.endpoint(&name))
            .version(match self.version {
                Version::V1 => remote_write::Version::V1,
                Version::V2 => remote_write::Version::V2,
            })
            .histograms(match self.histograms {
                Histograms::Classic => remote_write::Histograms::Classic,
                Histograms::Native => remote_write::Histograms::Native,
                Histograms::Both => remote_write::Histograms::Both,
            });
        let labelled = self.labels.iter();
        let push = labelled.fold(push, |push, (name, value)| push.label(name, value));
        (name, push)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ForwardFlags;
    use crate::config::Settings;
    use crate::config::file::File;
    use crate::config::secret::HIDDEN;

    fn settings(yaml: &str) -> Settings {
        let file = File::parse(&format!("listen: 127.0.0.1:1\n{yaml}")).unwrap();
        Settings::combine(Some(file), ForwardFlags::default()).unwrap()
    }

    #[test]
    fn every_key_is_read_and_written_and_no_secret_shown() {
        let settings = settings(
            "push:\n  remote_write:\n    - url: http://127.0.0.1:9090/api/v1/write\n      name: near\n      version: 1.0\n      \
             histograms: both\n      labels: {job: sfu}\n      headers: {X-Scope-OrgID: Geheim1}\n      \
             basic_auth: {username: u, password: Geheim2}\n      ca_file: ca.pem\n      interval: 2.5\n      timeout: 3\n    - url: http://b/\n",
        );
        let [near, far] = settings.push.remote_write.as_slice() else {
            panic!("{:?}", settings.push);
        };
        assert_eq!(
            (near.version, near.histograms),
            (Version::V1, Histograms::Both)
        );
        assert_eq!(near.headers["X-Scope-OrgID"].reveal(), "Geheim1");
        assert_eq!(
            near.basic_auth.as_ref().unwrap().password.reveal(),
            "Geheim2"
        );
        assert_eq!(
            (far.version, far.to_push(2).0),
            (Version::V2, "remote_write_2".to_owned())
        );
        let (name, push) = near.to_push(1);
        assert_eq!(name, "near");
        let printed = settings.clone().without_secrets().to_yaml().unwrap();
        for text in [
            format!("{settings:?}"),
            format!("{push:?}"),
            printed.clone(),
        ] {
            assert!(!text.contains("Geheim"), "{text}");
        }
        for line in [
            "version: '1.0'",
            "histograms: both",
            "job: sfu",
            "interval: 2.5",
            "username: u",
            "ca_file: ca.pem",
            HIDDEN,
        ] {
            let line = line.replace('\'', "\"");
            assert!(
                printed.replace('\'', "\"").contains(&line),
                "{line} is not in\n{printed}"
            );
        }
        let error = File::parse(&printed).unwrap_err().to_string();
        assert!(error.contains("write the secret itself"), "{error}");
        // Written whole it says the same.
        let whole = File::parse(&settings.to_yaml().unwrap()).unwrap();
        let again = Settings::combine(Some(whole), ForwardFlags::default());
        assert_eq!(again.unwrap(), settings);
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for (yaml, says) in [
            ("push: {pushgateway: x}", "pushgateway"),
            (
                "push: {remote_write: [{url: http://a/, pasword: x}]}",
                "pasword",
            ),
            (
                "push: {remote_write: [{url: http://a/, version: 3.0}]}",
                "3.0",
            ),
            ("push: {remote_write: [{version: 2.0}]}", "url"),
            (
                "push: {remote_write: [{url: http://a/, interval: 0}]}",
                "seconds",
            ),
            (
                "push: {remote_write: [{url: http://a/, basic_auth: {username: u}}]}",
                "password",
            ),
        ] {
            let error = File::parse(yaml).unwrap_err().to_string();
            assert!(error.contains(says), "{yaml}: {error}");
        }
    }
}
