//! Where snapshots come from.
//!
//! Lives here: the one question that exporters ask. Not here: who merges, and when (core's reporter).

use std::sync::Arc;

use media_metrics_core::Registry;
use media_metrics_core::snapshot::Snapshot;

/// Something that has published snapshots: a registry, or a closure that returns one.
///
/// [`latest`](Source::latest) is asked on every scrape, on the server's thread: it must be quick, and
/// must not merge. That is what keeps a scrape away from the recording threads.
///
/// ```
/// use std::sync::Arc;
/// use media_metrics_core::snapshot::{Builder, Snapshot};
/// use media_metrics_exporter::Source;
///
/// let fixed = Arc::new(Builder::new().build());
/// let source = move || Arc::clone(&fixed);
/// assert_eq!(source.latest().sequence(), 1);
/// ```
pub trait Source: Send + Sync + 'static {
    /// The last published snapshot; the same `Arc` until the next is published.
    fn latest(&self) -> Arc<Snapshot>;

    /// Families that others record, to be shown along with the snapshot `ours` on `/metrics`. Their names must not be
    /// among those that `ours` has or that OpenMetrics reserves for them.
    ///
    /// Asked for once for each snapshot that is scraped, on the server's thread, whatever the number of formats.
    /// `None` if there is nothing.
    fn along(&self, ours: &Snapshot) -> Option<Snapshot> {
        let _ = ours;
        None
    }

    /// Where the exporter may report on itself (scrapes, bytes, times, rejected connections); `None`
    /// means that it doesn't.
    fn registry(&self) -> Option<&Registry> {
        None
    }

    /// Whose live streams `/api/v1/streams` and `/api/v1/worst` tell of; `None` means that they tell of none. Asked
    /// once for each snapshot, and only if somebody wants to know.
    fn streams(&self) -> Option<&Registry> {
        self.registry()
    }

    /// Now, in nanoseconds on the clock by which streams are told when packets come and go: so that their times can
    /// be told by the wall clock. `None` if the source does not know it; then the newest packet counts as of now.
    fn clock_ns(&self) -> Option<u64> {
        None
    }
}

impl Source for Registry {
    fn latest(&self) -> Arc<Snapshot> {
        Self::latest(self)
    }

    fn registry(&self) -> Option<&Registry> {
        Some(self)
    }
}

impl<F: Fn() -> Arc<Snapshot> + Send + Sync + 'static> Source for F {
    fn latest(&self) -> Arc<Snapshot> {
        self()
    }
}
