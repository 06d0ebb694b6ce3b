//! What the host says about its recorder.
//!
//! Lives here: the builder, which histogram gets which bounds. Not here: what is done with it (`recorder`).

use std::time::Duration;

use super::error::InstallError;
use super::names::metric_name;
use super::recorder::Recorder;
use crate::desc::{Desc, Kind};
use crate::registry::Registry;

/// Bounds of a histogram for which none are given: half decades from a tenth of a microsecond to ten thousand
/// million, since nothing is known of its scale.
pub const DEFAULT_BOUNDS: &[f64] = &[
    1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0,
    10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9,
    1e10,
];

/// Series of one name, if the host says nothing.
const MAX_SERIES_PER_NAME: u32 = 10_000;

/// Which names something is for. Cleaned as names are: `http.` is `http_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matcher {
    /// This name.
    Full(String),
    /// Names that begin like this.
    Prefix(String),
    /// Names that end like this.
    Suffix(String),
}

impl Matcher {
    fn cleaned(self) -> Self {
        let clean = |text: String| metric_name(&text).unwrap_or(text);
        match self {
            Self::Full(text) => Self::Full(clean(text)),
            Self::Prefix(text) => Self::Prefix(clean(text)),
            Self::Suffix(text) => Self::Suffix(clean(text)),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Full(text) => name == text,
            Self::Prefix(text) => name.starts_with(text),
            Self::Suffix(text) => name.ends_with(text),
        }
    }
}

/// A recorder to be. Made by [`Recorder::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds or installs"]
pub struct Builder {
    registry: Registry,
    options: Options,
}

/// What a builder was told.
#[derive(Clone, Debug)]
pub(super) struct Options {
    bounds: Vec<f64>,
    /// In the order in which they are asked.
    bounds_for: Vec<(Matcher, Vec<f64>)>,
    pub(super) idle_timeout: Option<Duration>,
    max_series_per_name: u32,
}

impl Builder {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            registry: registry.clone(),
            options: Options {
                bounds: DEFAULT_BOUNDS.to_vec(),
                bounds_for: Vec::new(),
                idle_timeout: None,
                max_series_per_name: MAX_SERIES_PER_NAME,
            },
        }
    }

    /// Upper bounds of the buckets of all histograms (default [`DEFAULT_BOUNDS`]): at most 255, ascending,
    /// without `+Inf`.
    pub fn buckets(mut self, bounds: &[f64]) -> Self {
        self.options.bounds = bounds.to_vec();
        self
    }

    /// The same for some names. Of several that fit, a full name goes before a beginning, and that before an
    /// ending; among equals the first in alphabetical order. For the same names the last call counts.
    pub fn buckets_for(mut self, names: Matcher, bounds: &[f64]) -> Self {
        let names = names.cleaned();
        let all = &mut self.options.bounds_for;
        match all.binary_search_by(|(there, _)| there.cmp(&names)) {
            Ok(at) => all[at].1 = bounds.to_vec(),
            Err(at) => all.insert(at, (names, bounds.to_vec())),
        }
        self
    }

    /// A series into which nothing was recorded for this long leaves the snapshots (default: never).
    ///
    /// Looked at with each merge, so it may take some merges, and up to a sixteenth of the time-out, more. A
    /// handle that the program still holds is not cut off: its next record brings the series back, with what it
    /// had counted. If nobody holds one, the series' place is free for another, and the next use starts at 0.
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.options.idle_timeout = Some(timeout);
        self
    }

    /// At most this many series of one name (default 10,000); more are recorded as `{overflow="true"}`. All
    /// names together share the registry's [`max_series`](crate::registry::RegistryBuilder::max_series).
    pub const fn max_series_per_name(mut self, limit: u32) -> Self {
        self.options.max_series_per_name = limit;
        self
    }

    /// The recorder: to be installed by hand, or used by a thread or test alone
    /// (`metrics::with_local_recorder`).
    ///
    /// # Errors
    /// Bounds that a histogram can't have, or no room for the recorder's own counts.
    pub fn build(self) -> Result<Recorder, InstallError> {
        self.options.validate()?;
        Recorder::new(&self.registry, self.options)
    }

    /// Makes it the recorder of the process.
    ///
    /// # Errors
    /// As for [`build`](Self::build), or the process has a recorder already.
    pub fn install(self) -> Result<Recorder, InstallError> {
        let recorder = self.build()?;
        metrics::set_global_recorder(recorder.clone())
            .map_err(|_| InstallError::AlreadyInstalled)?;
        Ok(recorder)
    }
}

impl Options {
    fn validate(&self) -> Result<(), InstallError> {
        let given = self.bounds_for.iter().map(|(_, bounds)| bounds);
        for bounds in given.chain([&self.bounds]) {
            let name = "histogram".to_owned();
            let desc = Desc::dynamic(Kind::Histogram, name, String::new()).exact();
            desc.dynamic_bounds(bounds.clone()).validate()?;
        }
        Ok(())
    }

    /// The family of a name.
    pub(super) fn desc(&self, kind: Kind, name: &str) -> Desc {
        let desc = Desc::dynamic(kind, name.to_owned(), "Not described.".to_owned())
            .open_labels()
            .max_series(self.max_series_per_name);
        match kind {
            Kind::Histogram => desc.exact().dynamic_bounds(self.bounds(name).to_vec()),
            _ => desc,
        }
    }

    fn bounds(&self, name: &str) -> &[f64] {
        let given = self.bounds_for.iter().find(|(who, _)| who.matches(name));
        given.map_or(&self.bounds, |(_, bounds)| bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_matcher_wins() {
        let builder = Builder::new(&Registry::new().unwrap())
            .buckets(&[0.0])
            .buckets_for(Matcher::Suffix("_ms".into()), &[1.0])
            .buckets_for(Matcher::Prefix("http.".into()), &[2.0])
            .buckets_for(Matcher::Full("http.get.ms".into()), &[9.0])
            .buckets_for(Matcher::Full("http.get.ms".into()), &[3.0]);
        let bounds = |name| builder.options.bounds(name).to_vec();
        assert_eq!(bounds("http_get_ms"), [3.0]);
        assert_eq!(bounds("http_put_ms"), [2.0]);
        assert_eq!(bounds("db_ms"), [1.0]);
        assert_eq!(bounds("ms"), [0.0]);
    }
}
