//! The registry as the host sees it.
//!
//! Lives here: making one, its series, its snapshots. Elsewhere: groups and streams (`group`, `sender_group`), what is
//! shown of a histogram's last seconds (`reporter::watch`), who is scored (`judge`), who is the worst (`worst`).

use std::sync::Arc;

use super::builder::RegistryBuilder;
use super::handle::Handle;
use super::shared::Shared;
use super::table::Purpose;
use crate::counter::Counter;
use crate::desc::{Desc, Kind};
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::histogram::{ExactHistogram, Histogram};
use crate::snapshot::Snapshot;

/// Who exists: the families, series and streams of one program, or of one part of it.
///
/// Cheap to clone; clones are the same registry. A program may have several; with the 64th that a process
/// makes and all after it, dropped ones counted, recording takes some ten nanoseconds more.
///
/// ```
/// use media_metrics_core::{Desc, Registry};
/// static PACKETS: Desc = Desc::counter("app_packets_total", "Packets seen.").labels(&["port"]);
///
/// let registry = Registry::new()?;
/// let packets = registry.counter(&PACKETS, &["5004"])?;
/// packets.inc();
/// assert_eq!(registry.collect().counter("app_packets_total", &["5004"]), Some(1));
/// # Ok::<(), media_metrics_core::RegisterError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    pub(crate) shared: Arc<Shared>,
    /// For whom this clone registers.
    purpose: Purpose,
}

/// Whether a histogram is of the kind that a handle is for.
fn check_exact(desc: &Desc, wanted: bool) -> Result<(), RegisterError> {
    (desc.is_exact() == wanted)
        .then_some(())
        .ok_or_else(|| RegisterError::WrongKind {
            name: desc.name().to_owned(),
        })
}

impl Registry {
    /// What `shared` is all about, for the host.
    pub(super) const fn of(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            purpose: Purpose::Host,
        }
    }

    /// A registry with the default limits.
    ///
    /// # Errors
    /// None with these limits; see [`RegistryBuilder::build`].
    pub fn new() -> Result<Self, RegisterError> {
        Self::builder().build()
    }

    /// A registry with limits of your own.
    #[must_use]
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// The same registry, for a library that adds series of its own to it: an exporter, a bridge. What is
    /// registered through it comes from a reserve (of 24,576 series, which the host's stream groups and
    /// `other` series share) and not from the host's `max_series`, so that a host whose registry is full
    /// can still be observed.
    #[must_use]
    pub fn for_library(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            purpose: Purpose::Reserve,
        }
    }

    /// The counter of `desc` with these label values: the same one for the same values.
    ///
    /// # Errors
    /// The description is bad or not the family's, or a limit is met.
    pub fn counter(&self, desc: &Desc, values: &[&str]) -> Result<Counter, RegisterError> {
        self.shared
            .handle(desc, Kind::Counter, values, self.purpose)
            .map(Counter::new)
    }

    /// As [`counter`](Self::counter), for label values from outside: where a limit is met, the family's
    /// series `other` (of a family with open labels `overflow="true"`), and the fold is counted in
    /// `media_metrics_series_overflow_total`.
    ///
    /// # Errors
    /// The description is bad or not the family's, or even the reserve for `other` series is used up.
    pub fn counter_or_other(&self, desc: &Desc, values: &[&str]) -> Result<Counter, RegisterError> {
        self.shared
            .handle_or_other(desc, Kind::Counter, values, self.purpose)
            .map(Counter::new)
    }

    /// The gauge of `desc` with these label values.
    ///
    /// # Errors
    /// As for [`counter`](Self::counter).
    pub fn gauge(&self, desc: &Desc, values: &[&str]) -> Result<Gauge, RegisterError> {
        self.shared
            .handle(desc, Kind::Gauge, values, self.purpose)
            .map(Gauge::new)
    }

    /// As [`gauge`](Self::gauge), with overflow to `other`.
    ///
    /// # Errors
    /// As for [`counter_or_other`](Self::counter_or_other).
    pub fn gauge_or_other(&self, desc: &Desc, values: &[&str]) -> Result<Gauge, RegisterError> {
        self.shared
            .handle_or_other(desc, Kind::Gauge, values, self.purpose)
            .map(Gauge::new)
    }

    /// The histogram of `desc` with these label values.
    ///
    /// # Errors
    /// As for [`counter`](Self::counter).
    pub fn histogram(&self, desc: &Desc, values: &[&str]) -> Result<Histogram, RegisterError> {
        check_exact(desc, false)?;
        let handle = self
            .shared
            .handle(desc, Kind::Histogram, values, self.purpose)?;
        Ok(Histogram::new(handle, desc))
    }

    /// As [`histogram`](Self::histogram), with overflow to `other`.
    ///
    /// # Errors
    /// As for [`counter_or_other`](Self::counter_or_other).
    pub fn histogram_or_other(
        &self,
        desc: &Desc,
        values: &[&str],
    ) -> Result<Histogram, RegisterError> {
        check_exact(desc, false)?;
        let handle = self
            .shared
            .handle_or_other(desc, Kind::Histogram, values, self.purpose)?;
        Ok(Histogram::new(handle, desc))
    }

    /// The exact histogram of `desc` (see [`Desc::exact_histogram`]) with these label values.
    ///
    /// # Errors
    /// As for [`counter`](Self::counter).
    pub fn exact_histogram(
        &self,
        desc: &Desc,
        values: &[&str],
    ) -> Result<ExactHistogram, RegisterError> {
        check_exact(desc, true)?;
        let handle = self
            .shared
            .handle(desc, Kind::Histogram, values, self.purpose)?;
        Ok(ExactHistogram::new(handle, desc))
    }

    /// As [`exact_histogram`](Self::exact_histogram), with overflow to `other`.
    ///
    /// # Errors
    /// As for [`counter_or_other`](Self::counter_or_other).
    pub fn exact_histogram_or_other(
        &self,
        desc: &Desc,
        values: &[&str],
    ) -> Result<ExactHistogram, RegisterError> {
        check_exact(desc, true)?;
        let handle = self
            .shared
            .handle_or_other(desc, Kind::Histogram, values, self.purpose)?;
        Ok(ExactHistogram::new(handle, desc))
    }

    /// Takes a series out of the registry: it is in no snapshot from the next merge on, and a later
    /// registration with the same labels is a new series that starts at 0.
    ///
    /// What was recorded since the last merge is in no snapshot either, since there is none to be in: not beside a new
    /// series of the same labels. Who wants the last of it merges first, when nobody records into it any more
    /// ([`Reporter::flush`](crate::Reporter::flush), or [`collect`](Self::collect)); scrapers and pushes still have to come
    /// by in between. Dropping handles removes nothing and loses nothing.
    ///
    /// Other handles of it may still record, unseen; when the last is gone, its cells are used again.
    /// Returns whether the series was there (and of this registry).
    ///
    /// ```
    /// # use media_metrics_core::{Desc, Registry};
    /// static SENT: Desc = Desc::counter("room_bytes_total", "Bytes sent.").labels(&["room"]);
    /// let registry = Registry::new()?;
    /// let sent = registry.counter(&SENT, &["lobby"])?;
    /// sent.add(1_200);
    /// let last = registry.collect(); // has it
    /// assert_eq!(last.counter("room_bytes_total", &["lobby"]), Some(1_200));
    /// assert!(registry.remove(&sent));
    /// assert_eq!(registry.collect().counter("room_bytes_total", &["lobby"]), None);
    /// # Ok::<(), media_metrics_core::RegisterError>(())
    /// ```
    pub fn remove<'a>(&self, series: impl Into<AnyHandle<'a>>) -> bool {
        let AnyHandle(handle) = series.into();
        handle.is_of(&self.shared.home) && self.shared.table().remove(handle.series())
    }

    /// Merges now, on this thread, and publishes: for tests, tools, and hosts without a reporter.
    pub fn collect(&self) -> Arc<Snapshot> {
        self.shared.collect()
    }

    /// What was published last; number 0 and empty before the first merge. Cheap, from any thread.
    #[must_use]
    pub fn latest(&self) -> Arc<Snapshot> {
        self.shared.latest()
    }
}

/// A counter, gauge or histogram: what [`Registry::remove`] takes.
#[derive(Clone, Copy, Debug)]
pub struct AnyHandle<'a>(&'a Handle);

impl<'a> From<&'a Counter> for AnyHandle<'a> {
    fn from(counter: &'a Counter) -> Self {
        Self(counter.handle())
    }
}

impl<'a> From<&'a Gauge> for AnyHandle<'a> {
    fn from(gauge: &'a Gauge) -> Self {
        Self(gauge.handle())
    }
}

impl<'a> From<&'a Histogram> for AnyHandle<'a> {
    fn from(histogram: &'a Histogram) -> Self {
        Self(histogram.handle())
    }
}

impl<'a> From<&'a ExactHistogram> for AnyHandle<'a> {
    fn from(histogram: &'a ExactHistogram) -> Self {
        Self(histogram.handle())
    }
}
