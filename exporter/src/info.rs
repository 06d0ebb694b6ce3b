//! Who is observed, and by which build: `target_info` and `media_metrics_build_info`.
//!
//! Lives here: their labels. Not here: what the process takes (`process`). Both are gauges of 1 whose names end in
//! `_info`: in OpenMetrics they are of type info.

use std::fmt;

use media_metrics_core::{Desc, RegisterError, Registry, catalog};

/// Features of this crate, and whether they are in.
const FEATURES: &[(&str, bool)] = &[
    ("api", cfg!(feature = "api")),
    ("gzip", cfg!(feature = "gzip")),
    ("zstd", cfg!(feature = "zstd")),
    ("remote-write", cfg!(feature = "remote-write")),
    ("otlp", cfg!(feature = "otlp")),
    ("push", cfg!(feature = "push")),
    ("tls", cfg!(feature = "tls")),
    ("bcrypt", cfg!(feature = "bcrypt")),
    ("tower", cfg!(feature = "tower")),
    ("bridge", cfg!(feature = "bridge")),
    ("history", cfg!(feature = "history")),
    ("page", cfg!(feature = "page")),
    ("process", cfg!(feature = "process")),
];

/// What a build sets in `MEDIA_METRICS_REVISION`: the revision that it is of, `git rev-parse HEAD` say.
const REVISION: Option<&str> = option_env!("MEDIA_METRICS_REVISION");

/// Registers `media_metrics_build_info`: version, revision, features, target, profile.
///
/// The revision is what the environment variable `MEDIA_METRICS_REVISION` was when the library was built; empty
/// without it.
///
/// # Errors
/// The registry has no room for it.
pub fn register_build(registry: &Registry) -> Result<(), RegisterError> {
    let features: Vec<&str> = FEATURES
        .iter()
        .filter(|(_, is_in)| *is_in)
        .map(|(name, _)| *name)
        .collect();
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let values = [
        env!("CARGO_PKG_VERSION"),
        REVISION.unwrap_or_default(),
        &features.join(","),
        &target,
        profile,
    ];
    registry
        .for_library()
        .gauge(&catalog::BUILD_INFO, &values)?
        .set(1.0);
    Ok(())
}

/// What is observed, as OpenTelemetry's resource attributes: `service.name`, `service.instance.id` and others.
///
/// ```
/// use media_metrics_core::Registry;
/// use media_metrics_exporter::Target;
///
/// let registry = Registry::new()?;
/// let target = Target::new()
///     .attribute("service.name", "sfu")?
///     .attribute("deployment.environment.name", "production")?;
/// target.register(&registry)?;
/// let values = ["deployment_environment_name", "production", "service_name", "sfu"];
/// assert_eq!(registry.collect().gauge("target_info", &values), Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Names as labels have them, sorted.
    attributes: std::collections::BTreeMap<String, String>,
}

impl Target {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more attribute. In its name every character but letters, digits and `_` becomes `_`, as OpenTelemetry's
    /// rules for Prometheus have it.
    ///
    /// # Errors
    /// A name that is none even then, or one that is there.
    pub fn attribute(mut self, name: &str, value: impl Into<String>) -> Result<Self, BadAttribute> {
        let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let label: String = name.chars().map(allowed).collect();
        let first = label.chars().next();
        if first.is_none_or(|c| c.is_ascii_digit()) || label.starts_with("__") {
            let reason = "it must begin with a letter, or with one underscore";
            return Err(BadAttribute {
                name: name.to_owned(),
                reason,
            });
        }
        if self.attributes.insert(label, value.into()).is_some() {
            let reason = "there is one already whose label is the same";
            return Err(BadAttribute {
                name: name.to_owned(),
                reason,
            });
        }
        Ok(self)
    }

    /// Names, as labels have them, and values, sorted by name.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes
            .iter()
            .map(|(name, value)| (&**name, &**value))
    }

    /// Registers `target_info` with these attributes as labels. Without any there is nothing to say, and no family.
    ///
    /// # Errors
    /// The registry has no room for it, or there is a `target_info` already.
    pub fn register(&self, registry: &Registry) -> Result<(), RegisterError> {
        if self.attributes.is_empty() {
            return Ok(());
        }
        let desc: Desc = catalog::TARGET_INFO.clone().open_labels();
        let values: Vec<&str> = self
            .attributes()
            .flat_map(|(name, value)| [name, value])
            .collect();
        registry.for_library().gauge(&desc, &values)?.set(1.0);
        Ok(())
    }
}

/// An attribute that can't be a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAttribute {
    name: String,
    reason: &'static str,
}

impl fmt::Display for BadAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} can't be an attribute of the target: {}",
            self.name, self.reason
        )
    }
}

impl std::error::Error for BadAttribute {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A feature that is added to the manifest must be added here.
    #[test]
    fn every_feature_is_told() {
        let manifest = include_str!("../Cargo.toml");
        let (_, section) = manifest.split_once("\n[features]\n").unwrap();
        let (section, _) = section.split_once("\n[").unwrap();
        let named = section
            .lines()
            .filter_map(|line| Some(line.split_once(" = ")?.0));
        let named: Vec<&str> = named.filter(|name| *name != "default").collect();
        let told: Vec<&str> = FEATURES.iter().map(|(name, _)| *name).collect();
        assert_eq!(told, named);
    }

    #[test]
    fn names_that_cannot_be_labels_are_refused() {
        for bad in ["", "1a", "__name__", ".."] {
            let error = Target::new().attribute(bad, "x").unwrap_err();
            assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
        }
        let twice = Target::new()
            .attribute("a.b", "1")
            .unwrap()
            .attribute("a_b", "2");
        assert!(twice.is_err());
    }
}
