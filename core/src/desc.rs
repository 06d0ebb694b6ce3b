//! What a metric family is: name, help, kind, unit, label names, bucket bounds.
//!
//! Lives here: descriptions and their validation. Not here: values, handles, the list of all families
//! (`catalog`).
//!
//! A [`Desc`] can be a `static`: every constructor is `const`.

use std::borrow::Cow;

use crate::error::RegisterError;
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

/// The unit in which a family is *exposed*: always a Prometheus base unit, and the family's name ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// A plain count: packets, streams, events. No suffix.
    None,
    /// Seconds: suffix `_seconds`.
    Seconds,
    /// Bytes: suffix `_bytes`.
    Bytes,
    /// A share from 0 to 1: suffix `_ratio`.
    Ratio,
}

impl Unit {
    /// The suffix (without underscore) that a family's name carries, or the empty string.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
        }
    }
}

/// Label names: of a `static` family, or made at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelNames {
    /// Names known at compile time.
    Static(&'static [&'static str]),
    /// Names made at run time.
    Owned(Box<[Box<str>]>),
    /// The family has none of its own: each series brings names along with its values. See
    /// [`Desc::open_labels`].
    Open,
}

impl LabelNames {
    /// Number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Static(names) => names.len(),
            Self::Owned(names) => names.len(),
            Self::Open => 0,
        }
    }

    /// Whether the family itself names no label: then it has at most one series, unless it is
    /// [`Open`](Self::Open).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Name number `i`, if there is one.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&str> {
        match self {
            Self::Static(names) => names.get(i).copied(),
            Self::Owned(names) => names.get(i).map(|n| &**n),
            Self::Open => None,
        }
    }

    /// The names, in the order in which values are given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|i| self.get(i))
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
    native: Option<i8>,
    kind: Kind,
    unit: Unit,
}

/// Native buckets 9 % wide: a quantile within 4.5 %, some 300 buckets from a nanosecond to a quarter of an hour.
const DEFAULT_SCHEMA: i8 = 3;

/// Two digits up to 2^40: nanoseconds up to 18 minutes within 1 %, 34 KiB a thread.
const DEFAULT_LAYOUT: Layout = Layout::new(2, 1 << 40);

/// Most bounds of an exact histogram: their number, and all below it, have a bucket each.
const MAX_EXACT_BOUNDS: usize = 255;

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
    pub fn with_label_names(mut self, names: LabelNames) -> Self {
        self.labels = names;
        self
    }

    /// Whether both describe one family: all but the help text is the same.
    #[must_use]
    pub fn is_same_family(&self, other: &Self) -> bool {
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
        self.layout = Layout::new(digits, max_value);
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

    /// The family's name, exactly as exposed.
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

    /// Whether name, labels and bounds can be exposed.
    ///
    /// # Errors
    /// Names the offending part and byte.
    pub fn validate(&self) -> Result<(), RegisterError> {
        check_name(&self.name, true)?;
        self.check_labels(|| self.label_names().iter())?;
        let ascending = self.bounds.windows(2).all(|w| w[0] < w[1]);
        let too_many = self.exact && self.bounds.len() > MAX_EXACT_BOUNDS;
        if !ascending || too_many || self.bounds.iter().any(|b| !b.is_finite()) {
            return Err(RegisterError::BadBounds {
                name: self.name.clone().into_owned(),
            });
        }
        if !(self.per_unit.is_finite() && self.per_unit > 0.0) {
            return Err(RegisterError::BadScale {
                name: self.name.clone().into_owned(),
            });
        }
        Ok(())
    }
}

impl Desc {
    /// Whether a series of this family can have these label values, or names and values if its labels are
    /// [open](Self::open_labels).
    ///
    /// # Errors
    /// Another number of values than there are labels; of open labels a name that can't be exposed.
    ///
    /// ```
    /// use media_metrics_core::Desc;
    /// let jobs = Desc::counter("jobs_total", "Jobs.");
    /// assert!(jobs.validate_series(&["mail"]).is_err());
    /// let open = jobs.open_labels();
    /// assert!(open.validate_series(&["queue", "mail"]).is_ok());
    /// assert!(open.validate_series(&["__queue", "mail"]).is_err());
    /// ```
    pub fn validate_series(&self, values: &[&str]) -> Result<(), RegisterError> {
        self.check_count(values)?;
        self.check_brought(values)
    }

    /// Whether a series can have these values: as many as there are names, or pairs if the names are open.
    pub(crate) fn check_count(&self, values: &[&str]) -> Result<(), RegisterError> {
        let got = values.len();
        let expected = match self.has_open_labels() {
            true => got.next_multiple_of(2),
            false => self.label_names().len(),
        };
        (got == expected)
            .then_some(())
            .ok_or_else(|| RegisterError::LabelCount {
                name: self.name().to_owned(),
                expected,
                got,
            })
    }

    /// Whether the names that a new series brings along can be exposed.
    pub(crate) fn check_brought(&self, values: &[&str]) -> Result<(), RegisterError> {
        if !self.has_open_labels() {
            return Ok(());
        }
        self.check_labels(|| values.iter().step_by(2).copied())
    }

    fn check_labels<'a, I>(&self, names: impl Fn() -> I) -> Result<(), RegisterError>
    where
        I: Iterator<Item = &'a str>,
    {
        for (i, name) in names().enumerate() {
            check_name(name, false)?;
            let reserved = name.starts_with("__") || (self.kind == Kind::Histogram && name == "le");
            if reserved {
                return Err(RegisterError::ReservedLabel {
                    name: name.to_owned(),
                });
            }
            if names().take(i).any(|other| other == name) {
                return Err(RegisterError::DuplicateLabel {
                    name: name.to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`; label names without the colon.
fn check_name(name: &str, colon: bool) -> Result<(), RegisterError> {
    let ok = |i: usize, b: u8| {
        b.is_ascii_alphabetic()
            || b == b'_'
            || (colon && b == b':')
            || (i > 0 && b.is_ascii_digit())
    };
    match name.bytes().enumerate().find(|&(i, b)| !ok(i, b)) {
        None if !name.is_empty() => Ok(()),
        bad => Err(RegisterError::BadName {
            name: name.to_owned(),
            at: bad.map_or(0, |(i, _)| i),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_to_the_byte() {
        let bad =
            |name: &str| Desc::dynamic(Kind::Counter, name.to_owned(), String::new()).validate();
        assert_eq!(
            bad(""),
            Err(RegisterError::BadName {
                name: String::new(),
                at: 0
            })
        );
        assert_eq!(
            bad("9a"),
            Err(RegisterError::BadName {
                name: "9a".into(),
                at: 0
            })
        );
        assert_eq!(
            bad("a-b"),
            Err(RegisterError::BadName {
                name: "a-b".into(),
                at: 1
            })
        );
        assert_eq!(bad("a:b_9"), Ok(()));
    }

    #[test]
    fn labels_are_checked() {
        let with = |names: &[&str], kind| {
            Desc::dynamic(kind, "a".into(), String::new())
                .dynamic_labels(names.iter().copied())
                .validate()
        };
        assert_eq!(with(&["le"], Kind::Counter), Ok(()));
        assert!(matches!(
            with(&["le"], Kind::Histogram),
            Err(RegisterError::ReservedLabel { .. })
        ));
        assert!(matches!(
            with(&["__name__"], Kind::Gauge),
            Err(RegisterError::ReservedLabel { .. })
        ));
        assert!(matches!(
            with(&["a", "b", "a"], Kind::Gauge),
            Err(RegisterError::DuplicateLabel { .. })
        ));
        assert!(matches!(
            with(&["a:b"], Kind::Gauge),
            Err(RegisterError::BadName { at: 1, .. })
        ));
    }

    #[test]
    fn bounds_ascend_and_are_finite() {
        let with = |b: &[f64]| {
            Desc::dynamic(Kind::Histogram, "h".into(), String::new())
                .dynamic_bounds(b.to_vec())
                .validate()
        };
        assert_eq!(with(&[0.1, 1.0]), Ok(()));
        let many: Vec<f64> = (0..256).map(f64::from).collect();
        assert_eq!(with(&many), Ok(()));
        let exact = |b: &[f64]| {
            let mut desc = Desc::exact_histogram("h", "H.", &[]);
            desc.bounds = Cow::Owned(b.to_vec());
            (desc.layout().len(), desc.validate())
        };
        assert!(matches!(
            exact(&many),
            (_, Err(RegisterError::BadBounds { .. }))
        ));
        assert_eq!(exact(&many[1..]), (256, Ok(())));
        for bad in [&[1.0, 1.0][..], &[2.0, 1.0], &[f64::INFINITY], &[f64::NAN]] {
            assert!(
                matches!(with(bad), Err(RegisterError::BadBounds { .. })),
                "{bad:?}"
            );
        }
    }
}
