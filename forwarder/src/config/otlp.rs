//! Pushing metrics by OTLP, as the operator says it.
//!
//! Lives here: the keys of `push.otlp`, and what they mean to the exporter. Not here: whether a URL or a header can be
//! used (the exporter checks that when the push starts), other pushes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use media_metrics_exporter::otlp::{Otlp, Resource};
use serde::{Deserialize, Serialize};

use super::push::{BasicAuth, Receiver};
use super::secret::Secret;
use super::value::Seconds;

/// One receiver of OpenTelemetry's protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpTo {
    /// Where it takes metrics, path included: `http://127.0.0.1:4318/v1/metrics`.
    pub url: String,
    /// What the push is called in its own families; `otlp_1`, `otlp_2` and so on if not given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Headers of each request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub headers: BTreeMap<String, Secret>,
    /// Who we are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub basic_auth: Option<BasicAuth>,
    /// Authorities that the receiver's certificate must come from, as PEM; if not given, those that the machine trusts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ca_file: Option<PathBuf>,
    /// Least time between two snapshots that are sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interval: Option<Seconds>,
    /// How long one attempt may take.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timeout: Option<Seconds>,
    /// How requests are compressed.
    #[serde(default)]
    pub compression: Compression,
    /// Attributes of the resource beside OpenTelemetry's own, or instead: `service.name`, `host.name`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub attributes: BTreeMap<String, String>,
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// By gzip.
    #[default]
    Gzip,
    /// Not at all.
    None,
}

impl OtlpTo {
    /// What the exporter makes of it; `number` is its place in the list, from 1.
    #[must_use]
    pub fn to_push(&self, number: usize) -> (String, Otlp) {
        let name = self.name.clone();
        let name = name.unwrap_or_else(|| format!("otlp_{number}"));
        let receiver = Receiver {
            url: &self.url,
            headers: &self.headers,
            basic_auth: self.basic_auth.as_ref(),
            ca_file: self.ca_file.as_deref(),
            interval: self.interval,
            timeout: self.timeout,
        };
        let attributes = self.attributes.iter();
        let resource = attributes.fold(Resource::default(), |r, (n, v)| r.attribute(n, v));
        let otlp = Otlp::new(receiver.endpoint(&name)).resource(resource);
        let otlp = match self.compression {
            Compression::Gzip => otlp,
            Compression::None => otlp.uncompressed(),
        };
        (name, otlp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Push;

    fn read(yaml: &str) -> Result<Push, String> {
        serde_saphyr::from_str(yaml).map_err(|e| e.to_string())
    }

    #[test]
    fn every_key_is_read_and_written_as_it_was() {
        let yaml = "otlp:\n  - url: http://127.0.0.1:4318/v1/metrics\n  - url: https://a.example/otlp\n    name: cloud\n    \
                    ca_file: ca.pem\n    interval: 30\n    timeout: 5\n    compression: none\n    attributes: {service.name: sfu}\n";
        let push = read(yaml).unwrap();
        let [plain, cloud] = &push.otlp[..] else {
            panic!("{push:?}")
        };
        assert_eq!(plain.compression, Compression::Gzip);
        assert_eq!((plain.interval, plain.timeout), (None, None));
        assert_eq!(cloud.compression, Compression::None);
        assert_eq!(cloud.ca_file, Some("ca.pem".into()));
        assert_eq!(cloud.timeout, Some(Seconds::whole(5)));
        let again = serde_saphyr::to_string(&push).unwrap();
        assert_eq!(read(&again), Ok(push.clone()), "{again}");
        assert_eq!(plain.to_push(1).0, "otlp_1");
        let (name, cloud) = cloud.to_push(2);
        let cloud = format!("{cloud:?}");
        assert_eq!(name, "cloud");
        assert!(
            cloud.contains("\"sfu\"") && cloud.contains("30s"),
            "{cloud}"
        );
    }

    #[test]
    fn headers_and_passwords_are_sent_and_not_shown() {
        let yaml = "otlp: [{url: 'http://a/', headers: {Api-Key: Geheim1}, basic_auth: {username: u, password: Geheim2}}]";
        let mut push = read(yaml).unwrap();
        let to = &push.otlp[0];
        assert_eq!(to.headers["Api-Key"].reveal(), "Geheim1");
        assert_eq!(to.basic_auth.as_ref().unwrap().password.reveal(), "Geheim2");
        let otlp = format!("{:?}", to.to_push(1));
        assert!(otlp.contains("Api-Key"), "{otlp}");
        let debug = format!("{push:?}");
        push.secrets().for_each(Secret::hide);
        let printed = serde_saphyr::to_string(&push).unwrap();
        for text in [debug, otlp, printed] {
            assert!(!text.contains("Geheim"), "{text}");
        }
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        for (yaml, says) in [
            ("otlp: [{}]", "url"),
            ("otlp: [{url: x, interval: 0}]", "seconds"),
            ("otlp: [{url: x, compression: lz4}]", "gzip"),
            ("otlp: [{url: x, header: {}}]", "header"),
        ] {
            let error = read(yaml).unwrap_err();
            assert!(error.contains(says), "{yaml}: {error}");
        }
    }
}
