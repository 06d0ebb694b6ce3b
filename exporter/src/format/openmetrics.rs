//! OpenMetrics 1.0.
//!
//! Lives here: the public encoder. Not here: how lines are made, and as what each family is exposed (`lines`).

use media_metrics_core::snapshot::Snapshot;

use super::lines::{self, Dialect};
use super::{Escaping, Filter, Settings};

/// The `Content-Type` of a page.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How a page ends.
pub(crate) const END: &[u8] = b"# EOF\n";

/// Encodes snapshots as OpenMetrics 1.0, and remembers what doesn't change between them.
///
/// Every family gets its `# HELP`, `# TYPE` and, if its name ends in its unit, `# UNIT`; the page ends in
/// `# EOF`. Samples have the names that they have in Prometheus' text format, always:
///
/// - a counter whose name doesn't end in `_total` is of type `unknown`, for the standard would add that;
/// - a gauge whose name ends in `_info` and whose values are all 1 is an `info`;
/// - where a type would reserve a name that another family has, the family is of type `unknown`.
///
/// Bounds of buckets are floats (`le="1.0"`); those of histograms without native buckets, which are law, look
/// as in Prometheus' text format (`le="1"`). A histogram with a negative bound has no sum and no count: the
/// standard forbids them.
///
/// Buckets have their exemplars, with times no later than the snapshot's; a quote in their labels becomes
/// an apostrophe, for readers that know no escapes there.
///
/// Costs, memory and errors are those of [`text::Encoder`](crate::text::Encoder).
///
/// ```
/// use media_metrics_core::{desc::Desc, snapshot::Builder};
/// use media_metrics_exporter::openmetrics::Encoder;
///
/// let lost = Desc::counter("lost_total", "Packets that never came.").labels(&["kind"]);
/// let snapshot = Builder::new().counter(&lost, &[(&["audio"], 3)]).build();
///
/// let mut page = Vec::new();
/// Encoder::new().encode(&snapshot, &mut page);
/// let lines: Vec<&str> = std::str::from_utf8(&page)?.lines().collect();
/// assert_eq!(
///     lines,
///     [
///         "# HELP lost Packets that never came.",
///         "# TYPE lost counter",
///         "lost_total{kind=\"audio\"} 3",
///         "# EOF",
///     ]
/// );
/// # Ok::<(), std::str::Utf8Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder(lines::Encoder);

impl Encoder {
    /// An encoder that has seen nothing yet, and shows every family.
    #[must_use]
    pub const fn new() -> Self {
        Self::with(Settings::DEFAULT)
    }

    /// The same, but families whose name `shown` says no to are left out. It is asked once for each family, and
    /// again when series came or went.
    #[must_use]
    pub fn only(shown: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::with(Settings {
            shown: Filter::new(shown),
            ..Settings::DEFAULT
        })
    }

    /// The same with names that not every reader knows written in this way; by default with underscores.
    #[must_use]
    pub fn names(self, names: Escaping) -> Self {
        Self(self.0.set(|settings| settings.names = names))
    }

    /// The same, but counters and histograms also tell when they began, in samples of their own: `lost_created`
    /// beside `lost_total`. Off by default, for readers that know no better take them for series.
    #[must_use]
    pub fn created(self, told: bool) -> Self {
        Self(self.0.set(|settings| settings.created = told))
    }

    pub(crate) const fn with(settings: Settings) -> Self {
        Self(lines::Encoder::new(Dialect::OpenMetrics, settings))
    }

    /// How many families of the last snapshot were left out because their names, once escaped, are those of others'
    /// samples; see [`Desc::utf8_names`](media_metrics_core::Desc::utf8_names).
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.0.left_out()
    }

    /// Writes the page of `snapshot` into `page`, in place of what was there; its capacity is kept.
    pub fn encode(&mut self, snapshot: &Snapshot, page: &mut Vec<u8>) {
        self.0.encode(snapshot, page);
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}
