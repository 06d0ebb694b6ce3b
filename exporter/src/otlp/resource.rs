//! Who the metrics are from.
//!
//! Lives here: the attributes of OTLP's resource, and how they are put together. Not here: attributes of series, which
//! are their labels (`points`).

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1;

/// The family whose labels say the same where metrics are scraped.
pub(super) const TARGET_INFO: &str = "target_info";

/// Who the metrics are from: attributes that all of them share, which receivers make `job` and `instance` of.
///
/// Always there are `service.name` (`media-metrics`, if nobody says otherwise), `service.instance.id` (a random
/// UUID, one for each value made by [`new`](Self::new)) and `telemetry.sdk.name`, `.language` and `.version`, as
/// OpenTelemetry's semantic conventions for resources ask. Labels of a family `target_info` are added, and the family
/// itself left out.
///
/// ```
/// use media_metrics_exporter::otlp::Resource;
///
/// let resource = Resource::new("sfu")
///     .attribute("service.instance.id", "sfu-7")
///     .attribute("deployment.environment.name", "staging");
/// let names = resource.attributes().filter(|(_, value)| *value == "sfu-7");
/// assert_eq!(names.collect::<Vec<_>>(), [("service.instance.id", "sfu-7")]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    attributes: Vec<(String, String)>,
}

impl Resource {
    /// The resource of a service of this name; see the type for what else it says.
    #[must_use]
    pub fn new(service_name: &str) -> Self {
        Self {
            attributes: Vec::new(),
        }
        .attribute("service.name", service_name)
        .attribute("service.instance.id", &uuid::Uuid::new_v4().to_string())
        .attribute("telemetry.sdk.name", "media-metrics")
        .attribute("telemetry.sdk.language", "rust")
        .attribute("telemetry.sdk.version", env!("CARGO_PKG_VERSION"))
    }

    /// Says one thing more, or something else than before.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        match self.attributes.iter_mut().find(|(n, _)| n == name) {
            Some((_, there)) => value.clone_into(there),
            None => self.attributes.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Names and values, in the order in which they were first given.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(n, v)| (&**n, &**v))
    }

    /// The message; with `more` attributes of the target, where they are not said already.
    pub(super) fn message<'a>(
        &'a self,
        more: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> v1::Resource {
        let told = |name: &str| self.attributes().any(|(there, _)| there == name);
        let more = more.filter(|(name, _)| !told(name));
        v1::Resource {
            attributes: attributes(self.attributes().chain(more)),
            ..v1::Resource::default()
        }
    }
}

impl Default for Resource {
    /// That of a service `media-metrics`.
    fn default() -> Self {
        Self::new("media-metrics")
    }
}

/// Names and texts as OTLP's attributes.
pub(super) fn attributes<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<KeyValue> {
    pairs
        .map(|(name, value)| KeyValue {
            key: name.to_owned(),
            value: Some(AnyValue {
                value: Some(any_value::Value::StringValue(value.to_owned())),
            }),
            ..KeyValue::default()
        })
        .collect()
}

/// What made the metrics: this library.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "media-metrics".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}
