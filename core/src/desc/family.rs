//! A family's description, and how one is made.
//!
//! Lives here: the type, its constructors and what it tells. Not here: whether it can be exposed (`checks`).

use std::borrow::Cow;

use super::{LabelNames, Unit};
use crate::histogram::Layout;

/// What kind of numbers a family holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A total that only grows.
    Counter,
    /// A level that goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

impl Kind {
    /// The type, as Prometheus' formats call it: `counter`, `gauge` or `histogram`.
    ///
    /// ```
    /// use media_metrics_core::catalog;
    /// assert_eq!(catalog::RTP_PACKETS.kind().as_str(), "counter");
    /// assert_eq!(catalog::FORWARD_LATENCY.kind().as_str(), "histogram");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric family, described: everything about it but its values.
///
/// ```
/// use media_metrics_core::desc::{Desc, Unit};
/// static LATENCY: Desc = Desc::histogram(
///     "myapp_queue_seconds",
///     "Time that a packet waited in the queue.",
///     &[0.001, 0.01, 0.1, 1.0],
/// )
/// .unit(Unit::Seconds)
/// .per_unit(1e9) // recorded in nanoseconds, exposed in seconds
/// .labels(&["queue"]);
/// assert_eq!(LATENCY.name(), "myapp_queue_seconds");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Desc {
    name: Cow<'static, str>,
    help: Cow<'static, str>,
    labels: LabelNames,
    bounds: Cow<'static, [f64]>,
    per_unit: f64,
    layout: Layout,
    max_series: u32,
    exact: bool,
    exemplars: bool,
    utf8: bool,
    native: Option<i8>,
    kind: Kind,
    unit: Unit,
}

/// Native buckets 9 % wide: a quantile within 4.5 %, some 300 buckets from a nanosecond to a quarter of an hour.
const DEFAULT_SCHEMA: i8 = 3;

/// Two digits up to 2^40: nanoseconds up to 18 minutes within 1 %, 34 KiB a thread.
const DEFAULT_LAYOUT: Layout = layout(2, 1 << 40);

/// The layout of a family. Miri, which takes a microsecond for a step, has coarse ones: each merge adds up every bucket.
const fn layout(digits: u8, max_value: u64) -> Layout {
    Layout::new(if cfg!(miri) { 0 } else { digits }, max_value)
}

impl Desc {
    const fn new(
        kind: Kind,
        name: &'static str,
        help: &'static str,
        bounds: &'static [f64],
    ) -> Self {
        Self {
            name: Cow::Borrowed(name),
            help: Cow::Borrowed(help),
            labels: LabelNames::Static(&[]),
            bounds: Cow::Borrowed(bounds),
            per_unit: 1.0,
            layout: DEFAULT_LAYOUT,
            max_series: u32::MAX,
            exact: false,
            exemplars: false,
            utf8: false,
            native: Some(DEFAULT_SCHEMA),
            kind,
            unit: Unit::None,
        }
    }

    /// A counter. By Prometheus' convention its name ends in `_total`.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Counter, name, help, &[])
    }

    /// A gauge.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Gauge, name, help, &[])
    }

    /// A histogram. `bounds` are the upper bounds of its classic buckets, in the *exposed* unit,
    /// ascending, without `+Inf`.
    #[must_use]
    pub const fn histogram(name: &'static str, help: &'static str, bounds: &'static [f64]) -> Self {
        Self::new(Kind::Histogram, name, help, bounds)
    }

    /// A histogram that knows its bounds and nothing else: what it records is counted in the bucket of the
    /// first bound that is not below it, to the bit. For [`ExactHistogram`](crate::histogram::ExactHistogram)s.
    ///
    /// Values are recorded in the exposed unit; [`per_unit`](Self::per_unit) and
    /// [`layout_of`](Self::layout_of) mean nothing to it.
    #[must_use]
    pub const fn exact_histogram(
        name: &'static str,
        help: &'static str,
        bounds: &'static [f64],
    ) -> Self {
        Self::histogram(name, help, bounds).exact()
    }

    /// A family whose name is made at run time.
    #[must_use]
    pub fn dynamic(kind: Kind, name: String, help: String) -> Self {
        let mut desc = Self::new(kind, "", "", &[]);
        desc.name = Cow::Owned(name);
        desc.help = Cow::Owned(help);
        desc
    }

    /// Label names made at run time.
    #[must_use]
    pub fn dynamic_labels<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.labels = LabelNames::Owned(names.into_iter().map(Box::from).collect());
        self
    }

    /// Each series brings its own label names, as Prometheus allows within one family: at registration
    /// and look-up, values are given as `name, value, name, value`, in one order for one set of names.
    ///
    /// For bridges from libraries that know no families. What has labels of its own is better off with
    /// [`labels`](Self::labels): a mistake in a name is an error there, and another series here.
    ///
    /// ```
    /// use media_metrics_core::{Desc, Registry, desc::Kind};
    /// let jobs = Desc::dynamic(Kind::Counter, "jobs_total".into(), "Jobs.".into()).open_labels();
    /// let registry = Registry::new()?;
    /// registry.counter(&jobs, &[])?.inc();
    /// registry.counter(&jobs, &["queue", "mail"])?.add(2);
    /// assert_eq!(registry.collect().counter("jobs_total", &["queue", "mail"]), Some(2));
    /// # Ok::<(), media_metrics_core::RegisterError>(())
    /// ```
    #[must_use]
    pub fn open_labels(mut self) -> Self {
        self.labels = LabelNames::Open;
        self
    }

    /// The same family with other label names.
    #[must_use]
    pub(crate) fn with_label_names(mut self, names: LabelNames) -> Self {
        self.labels = names;
        self
    }

    /// Whether both describe one family: all but the help text is the same.
    pub(crate) fn is_same_family(&self, other: &Self) -> bool {
        self.name == other.name
            && self.kind == other.kind
            && self.unit == other.unit
            && self.per_unit == other.per_unit
            && self.layout == other.layout
            && self.exact == other.exact
            && self.exemplars == other.exemplars
            && self.native == other.native
            && self.bounds == other.bounds
            && self.has_open_labels() == other.has_open_labels()
            && self.labels.iter().eq(other.labels.iter())
    }

    /// The same family with another help text and unit.
    #[cfg(feature = "facade")]
    #[must_use]
    pub(crate) fn described(&self, help: String, unit: Unit) -> Self {
        let mut desc = self.clone();
        desc.help = Cow::Owned(help);
        desc.unit = unit;
        desc
    }

    /// Bucket bounds made at run time, as in [`histogram`](Self::histogram).
    #[must_use]
    pub fn dynamic_bounds(mut self, bounds: Vec<f64>) -> Self {
        self.bounds = Cow::Owned(bounds);
        self
    }

    /// The same histogram, [exact](Self::exact_histogram): for bounds made at run time.
    #[must_use]
    pub const fn exact(mut self) -> Self {
        self.exact = true;
        self
    }

    /// The unit in which the family is exposed.
    #[must_use]
    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// How many recorded units make one exposed unit: `1e9` for nanoseconds exposed as seconds.
    #[must_use]
    pub const fn per_unit(mut self, per_unit: f64) -> Self {
        self.per_unit = per_unit;
        self
    }

    /// Label names, in the order in which values are given at registration.
    #[must_use]
    pub const fn labels(mut self, names: &'static [&'static str]) -> Self {
        // A const fn can't drop the value that is there: it is `Static`, which needs no drop.
        let old = std::mem::replace(&mut self.labels, LabelNames::Static(names));
        std::mem::forget(old);
        self
    }

    /// Precision (significant decimal digits) and maximum of a histogram, in *recorded* units.
    #[must_use]
    pub const fn layout_of(mut self, digits: u8, max_value: u64) -> Self {
        self.layout = layout(digits, max_value);
        self
    }

    /// How fine the native (exponential) buckets of a histogram are: each power of two is cut into
    /// `2^schema` buckets. From -4 to 8, 3 if not given; what is beyond counts as the nearer end.
    ///
    /// Finer than the layout's own buckets says nothing more: with two digits that is 6.
    #[must_use]
    pub const fn native(mut self, schema: i8) -> Self {
        self.native = Some(match schema {
            ..-4 => -4,
            -4..=8 => schema,
            9.. => 8,
        });
        self
    }

    /// No native buckets: for a histogram whose classic buckets are law, since a scraper that takes native ones
    /// stores no others. An [exact histogram](Self::exact_histogram) has none anyway.
    #[must_use]
    pub const fn classic_only(mut self) -> Self {
        self.native = None;
        self
    }

    /// The histogram shows [exemplars](crate::exemplar): samples recorded with
    /// [`record_for`](crate::Histogram::record_for) may be shown with the stream that they are of. An
    /// [exact histogram](Self::exact_histogram) has none.
    ///
    /// - **Memory**: 16 bytes for each classic bucket and thread that records, and at most an eighth of one thread's
    ///   buckets for each handle.
    #[must_use]
    pub const fn exemplars(mut self) -> Self {
        self.exemplars = true;
        self
    }

    /// At most this many series; more fold into `other` (or are refused, as the caller asks).
    #[must_use]
    pub const fn max_series(mut self, limit: u32) -> Self {
        self.max_series = limit;
        self
    }

    /// Lets the family's name and its labels' names be any text without control characters, as Prometheus 3 and
    /// OpenMetrics 2.0 do: `"http.server.duration"`. Without it they are letters, digits and underscores, which
    /// every reader knows.
    ///
    /// A scraper that doesn't say that it reads such names gets them escaped, by default with an underscore for each
    /// character that is not allowed. Names that then look alike are told apart as far as it goes: of two families the
    /// one whose name was changed is left out of that scraper's page; of two labels it gets more underscores.
    ///
    /// ```
    /// use media_metrics_core::Desc;
    /// let served = Desc::counter("http.requests_total", "Requests.").labels(&["http.method"]);
    /// assert!(served.validate().is_err());
    /// assert!(served.utf8_names().validate().is_ok());
    /// ```
    #[must_use]
    pub const fn utf8_names(mut self) -> Self {
        self.utf8 = true;
        self
    }

    /// Whether names may be [any text](Self::utf8_names).
    #[must_use]
    pub const fn has_utf8_names(&self) -> bool {
        self.utf8
    }

    /// The family's name: as exposed, but for scrapers to whom a [UTF-8 name](Self::utf8_names) must be escaped.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One sentence for `# HELP`.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Counter, gauge or histogram.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The exposed unit.
    #[must_use]
    pub const fn exposed_unit(&self) -> Unit {
        self.unit
    }

    /// Recorded units in one exposed unit.
    #[must_use]
    pub const fn recorded_per_unit(&self) -> f64 {
        self.per_unit
    }

    /// Label names.
    #[must_use]
    pub const fn label_names(&self) -> &LabelNames {
        &self.labels
    }

    /// Whether each series brings its own label names; see [`open_labels`](Self::open_labels).
    #[must_use]
    pub const fn has_open_labels(&self) -> bool {
        matches!(self.labels, LabelNames::Open)
    }

    /// Upper bounds of the classic buckets, in the exposed unit.
    #[must_use]
    pub fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// The histogram's layout; of an exact one that of its buckets' numbers.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        if self.exact {
            let bounds = match &self.bounds {
                Cow::Borrowed(bounds) => bounds.len(),
                Cow::Owned(bounds) => bounds.len(),
            };
            // With two digits a number below 256 has a bucket of its own.
            return Layout::new(2, bounds as u64);
        }
        self.layout
    }

    /// Whether this is an [exact histogram](Self::exact_histogram).
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.exact
    }

    /// Whether samples of the histogram may be shown with the stream that they are of: see
    /// [`exemplars`](Self::exemplars).
    #[must_use]
    pub const fn has_exemplars(&self) -> bool {
        self.exemplars && !self.exact && matches!(self.kind, Kind::Histogram)
    }

    /// How fine the native buckets are; `None` if there are none (see [`classic_only`](Self::classic_only)).
    #[must_use]
    pub const fn native_schema(&self) -> Option<i8> {
        match self.kind {
            Kind::Histogram if !self.exact => self.native,
            _ => None,
        }
    }

    /// Limit on this family's series.
    #[must_use]
    pub const fn series_limit(&self) -> usize {
        self.max_series as usize
    }
}
