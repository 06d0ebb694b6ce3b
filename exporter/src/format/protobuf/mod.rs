//! Prometheus' protobuf format: `io.prometheus.client.MetricFamily`, each with its length before it.
//!
//! Lives here: the public encoder. `messages` are the schema, `plan` the fixed bytes between the numbers. Not here:
//! how histograms get exponential buckets (core), sharing an encoded page among scrapers (`encode`).

mod messages;
mod plan;

use media_metrics_core::snapshot::Snapshot;

#[cfg(feature = "remote-write")]
pub(crate) use self::plan::ZERO_THRESHOLD;
use self::plan::{Family, Scratch};
use super::filter::Filter;
use super::negotiate::Escaping;
use super::plans::Plans;

/// The `Content-Type` of a page.
pub const CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Most native buckets of a series that hold a sample: what Prometheus' client libraries advise. A series that
/// has more gets coarser ones.
pub const MAX_NATIVE_BUCKETS: usize = 160;

/// Encodes snapshots as Prometheus' protobuf messages, and remembers what doesn't change between them.
///
/// Histograms have classic buckets and, unless their family says otherwise
/// ([`Desc::classic_only`](media_metrics_core::Desc::classic_only)), native ones of the family's schema, at most
/// [`MAX_NATIVE_BUCKETS`]. A value of more than 53 bits is rounded: the format's numbers are `f64`.
///
/// - **Cost**: a copy of the fixed bytes and of eight more for each counter and gauge; of a histogram also reading
///   its counts. No allocation once every series has been seen and `page` is as large as the messages.
/// - **Memory**: the fixed bytes and 8 bytes for each series.
/// - **Errors, panics**: none.
///
/// ```
/// use media_metrics_core::{desc::Desc, snapshot::Builder};
/// use media_metrics_exporter::protobuf::Encoder;
///
/// let lost = Desc::counter("lost_total", "Lost.");
/// let snapshot = Builder::new().counter(&lost, &[(&[], 3)]).build();
/// let mut page = Vec::new();
/// Encoder::new().encode(&snapshot, &mut page);
/// assert_eq!(usize::from(page[0]), page.len() - 1); // its length, then the family
/// assert!(page.ends_with(&3.0_f64.to_le_bytes()));
/// ```
#[derive(Debug)]
pub struct Encoder {
    names: Escaping,
    shown: Filter,
    plans: Plans<Family>,
    scratch: Scratch,
}

impl Encoder {
    /// An encoder that has seen nothing yet, and shows every family.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Escaping::Underscores, Filter::ALL)
    }

    /// The same, but families whose name `shown` says no to are left out. It is asked once for each family, and
    /// again when series of it came or went.
    #[must_use]
    pub fn only(shown: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::with(Escaping::Underscores, Filter::new(shown))
    }

    pub(crate) fn with(names: Escaping, shown: Filter) -> Self {
        Self {
            names,
            shown,
            plans: Plans::new(),
            scratch: Scratch::default(),
        }
    }

    /// Writes the messages of `snapshot` into `page`, in place of what was there; its capacity is kept.
    pub fn encode(&mut self, snapshot: &Snapshot, page: &mut Vec<u8>) {
        let families = snapshot.families();
        let (names, shown) = (self.names, &self.shown);
        self.plans.follow(
            families,
            |families| vec![(); families.len()],
            |_, ()| true,
            |family, ()| {
                let shown = shown.shows(family.schema().desc().name());
                Family::new(family, names, shown)
            },
        );
        page.clear();
        for (plan, family) in self.plans.iter().zip(families) {
            plan.write(family.values(), &mut self.scratch, page);
        }
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}
