//! Pushing metrics by OTLP, as the operator says it.
//!
//! Lives here: the keys of `push.otlp`, and what they mean to the exporter. Not here: whether a URL or a header can be
//! used (the exporter checks that when the push starts), other pushes.

use std::collections::BTreeMap;

use media_metrics_core::livekit::config::Password;
use media_metrics_exporter::otlp::{Otlp, Resource};
use media_metrics_exporter::push::Endpoint;
use serde::{Deserialize, Serialize};

use super::value::Seconds;

/// Where metrics are pushed to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Push {
    /// Receivers of OpenTelemetry's protocol.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub otlp: Vec<OtlpPush>,
}

/// One receiver of OpenTelemetry's protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpPush {
    /// Where it takes metrics, path included: `http://127.0.0.1:4318/v1/metrics`.
    pub url: String,
    /// What the push is called in its own families; `otlp`, `otlp-2` and so on if not given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Headers of each request. Their values may be secret.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub headers: BTreeMap<String, Password>,
    /// Least time between two snapshots that are sent.
    #[serde(default = "OtlpPush::default_interval")]
    pub interval: Seconds,
    /// How long one attempt may take.
    #[serde(default = "OtlpPush::default_timeout")]
    pub timeout: Seconds,
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

impl Push {
    /// Whether metrics are pushed nowhere.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.otlp.is_empty()
    }

    /// The pushes by OTLP, each with its name.
    pub fn otlp(&self) -> impl Iterator<Item = (String, Otlp)> {
        self.otlp.iter().zip(1..).map(|(push, number)| {
            let name = match (&push.name, number) {
                (Some(name), _) => name.clone(),
                (None, 1) => "otlp".to_owned(),
                (None, number) => format!("otlp-{number}"),
            };
            let otlp = push.build(&name);
            (name, otlp)
        })
    }
}

impl OtlpPush {
    fn default_interval() -> Seconds {
        Seconds::whole(10)
    }

    fn default_timeout() -> Seconds {
        Seconds::whole(10)
    }

    fn build(&self, name: &str) -> Otlp {
        let endpoint = Endpoint::new(&self.url)
            .name(name)
            .interval(self.interval.duration())
            .timeout(self.timeout.duration());
        let headers = self.headers.iter();
        let endpoint = headers.fold(endpoint, |e, (name, value)| e.header(name, &value.0));
        let attributes = self.attributes.iter();
        let resource = attributes.fold(Resource::default(), |r, (n, v)| r.attribute(n, v));
        let otlp = Otlp::new(endpoint).resource(resource);
        match self.compression {
            Compression::Gzip => otlp,
            Compression::None => otlp.uncompressed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Push, String> {
        serde_saphyr::from_str(yaml).map_err(|e| e.to_string())
    }

    #[test]
    fn every_key_is_read_and_written_as_it_was() {
        let yaml = "otlp:\n  - url: http://127.0.0.1:4318/v1/metrics\n  - url: https://a.example/otlp\n    name: cloud\n    \
                    headers: {Api-Key: secret}\n    interval: 30\n    timeout: 5\n    compression: none\n    \
                    attributes: {service.name: sfu}\n";
        let push = read(yaml).unwrap();
        let [plain, cloud] = &push.otlp[..] else {
            panic!("{push:?}")
        };
        assert_eq!(plain.compression, Compression::Gzip);
        assert_eq!(plain.interval.duration().as_secs(), 10);
        assert_eq!(cloud.compression, Compression::None);
        assert_eq!(cloud.timeout.duration().as_secs(), 5);
        let again = serde_saphyr::to_string(&push).unwrap();
        assert_eq!(read(&again), Ok(push.clone()), "{again}");
        assert!(!format!("{push:?}").contains("secret"));
        let pushes: Vec<_> = push.otlp().collect();
        let names: Vec<&str> = pushes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["otlp", "cloud"]);
        let cloud = format!("{:?}", pushes[1].1);
        assert!(cloud.contains("\"sfu\"") && cloud.contains("Api-Key") && cloud.contains("30s"));
        assert!(!cloud.contains("secret"), "{cloud}");
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        for (yaml, says) in [
            ("otlp: [{}]", "url"),
            ("otlp: [{url: x, interval: 0}]", "seconds"),
            ("otlp: [{url: x, compression: lz4}]", "gzip"),
            ("otlp: [{url: x, header: {}}]", "header"),
            ("otpl: []", "otpl"),
        ] {
            let error = read(yaml).unwrap_err();
            assert!(error.contains(says), "{yaml}: {error}");
        }
    }
}
