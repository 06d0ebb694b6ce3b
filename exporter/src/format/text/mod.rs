//! The Prometheus text format, version 0.0.4.
//!
//! Lives here: the encoder, which walks a snapshot and formats its numbers; `plan`, the fixed bytes
//! between the numbers; `filter`, which families there are. Not here: sharing an encoded page among scrapers (`encode`).
//!
//! A page is almost the same from scrape to scrape: only numbers change. So everything between two
//! numbers is made once for each family and kept as long as the family's schema stays the same `Arc`.
//! A steady scrape copies fixed bytes and formats numbers, and allocates nothing.

mod filter;
mod plan;

use std::mem;

use media_metrics_core::snapshot::{FamilySnapshot, Snapshot};

pub(crate) use self::filter::Filter;
use self::plan::Plan;

/// The `Content-Type` of a page.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Encodes snapshots as Prometheus text 0.0.4, and remembers what doesn't change between them.
///
/// Every family gets its `# HELP` and `# TYPE` line; histograms come as classic buckets with their sum
/// and count. Use one encoder for the snapshots of one registry: another registry's snapshots encode
/// correctly, but nothing that was remembered helps.
///
/// - **Cost**: a copy of the fixed bytes and the formatting of one number for each line. No allocation
///   once every series has been seen and `page` is as large as the text.
/// - **Memory**: the fixed bytes (about the size of the page) and 8 bytes for each line.
/// - **Errors, panics**: none.
///
/// ```
/// use media_metrics_core::{desc::Desc, snapshot::Builder};
/// use media_metrics_exporter::text::Encoder;
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
///         "# HELP lost_total Packets that never came.",
///         "# TYPE lost_total counter",
///         "lost_total{kind=\"audio\"} 3",
///     ]
/// );
/// # Ok::<(), std::str::Utf8Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Encoder {
    shown: Filter,
    /// One for each family of the last snapshot, in its order.
    plans: Vec<Plan>,
}

impl Encoder {
    /// An encoder that has seen nothing yet, and shows every family.
    #[must_use]
    pub const fn new() -> Self {
        Self::filtered(Filter::ALL)
    }

    /// The same, but families whose name `shown` says no to are left out. It is asked once for each family, and
    /// again when series of it came or went.
    #[must_use]
    pub fn only(shown: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::filtered(Filter::new(shown))
    }

    pub(crate) const fn filtered(shown: Filter) -> Self {
        Self {
            shown,
            plans: Vec::new(),
        }
    }

    /// Writes the page of `snapshot` into `page`, in place of what was there; its capacity is kept.
    pub fn encode(&mut self, snapshot: &Snapshot, page: &mut Vec<u8>) {
        let families = snapshot.families();
        self.follow(families);
        page.clear();
        page.reserve(self.plans.iter().map(Plan::max_bytes).sum());
        for (plan, family) in self.plans.iter().zip(families) {
            plan.write(family.values(), page);
        }
    }

    /// Makes the plans those of `families`: keeps what still fits, makes what is new, drops the rest.
    fn follow(&mut self, families: &[FamilySnapshot]) {
        let unchanged = self.plans.len() == families.len()
            && self.plans.iter().zip(families).all(|(p, f)| p.fits(f));
        if unchanged {
            return;
        }
        // Both are sorted by name, so one walk meets every plan that can be kept.
        let mut old = mem::take(&mut self.plans).into_iter().peekable();
        let shown = &self.shown;
        self.plans = families
            .iter()
            .map(|family| {
                let name = family.schema().desc().name();
                while old.next_if(|plan| plan.name() < name).is_some() {}
                old.next_if(|plan| plan.fits(family))
                    .unwrap_or_else(|| Plan::new(family, shown.shows(name)))
            })
            .collect();
    }
}
