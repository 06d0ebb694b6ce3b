//! Prometheus' protobuf format: `io.prometheus.client.MetricFamily`, each with its length before it.
//!
//! Lives here: the public encoder. `messages` are the schema, `plan` the fixed bytes between the numbers,
//! `histogram` what changes of a histogram. Not here:
//! how histograms get exponential buckets (core), sharing an encoded page among scrapers (`encode`).

mod histogram;
mod messages;
mod plan;

use media_metrics_core::snapshot::Snapshot;

use self::histogram::Scratch;
use self::plan::Family;
use super::memory::Memory;
pub use super::native::MAX_NATIVE_BUCKETS;
use super::{Escaping, Filter, Settings};

/// The `Content-Type` of a page.
pub const CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Encodes snapshots as Prometheus' protobuf messages, and remembers what doesn't change between them.
///
/// Histograms have classic buckets and, unless their family says otherwise
/// ([`Desc::classic_only`](media_metrics_core::Desc::classic_only)), native ones of the family's schema, at most
/// [`MAX_NATIVE_BUCKETS`]. Counters and histograms tell when they began, never later than the snapshot, and have
/// exemplars. A value of more than 53 bits is rounded: the format's numbers are `f64`.
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
    memory: Memory<Family>,
    scratch: Scratch,
}

impl Encoder {
    /// An encoder that has seen nothing yet, and shows every family.
    #[must_use]
    pub fn new() -> Self {
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
        Self::with(Settings {
            names,
            ..self.memory.into_settings()
        })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self {
            memory: Memory::new(settings),
            scratch: Scratch::default(),
        }
    }

    /// How many families of the last snapshot were left out because their names, once escaped, are those of others'
    /// samples; see [`Desc::utf8_names`](media_metrics_core::Desc::utf8_names).
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.memory.left_out()
    }

    /// Writes the messages of `snapshot` into `page`, in place of what was there; its capacity is kept.
    pub fn encode(&mut self, snapshot: &Snapshot, page: &mut Vec<u8>) {
        self.memory.follow(
            snapshot,
            |_, on_page, _| on_page,
            |plan, &on_page| plan.is_on_page() == on_page,
            Family::new,
        );
        page.clear();
        for (plan, family) in self.memory.plans().zip(snapshot.families()) {
            plan.write(family.values(), snapshot.time(), &mut self.scratch, page);
        }
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}
