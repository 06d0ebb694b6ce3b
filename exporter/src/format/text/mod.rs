//! The Prometheus text format, version 0.0.4; and 1.0.0, which differs in that names may be in quotes.
//!
//! Lives here: the public encoder. Not here: how lines are made (`lines`), sharing an encoded page among
//! scrapers (`encode`).

use media_metrics_core::snapshot::Snapshot;

use super::lines::{self, Dialect};
use super::{Escaping, Filter, Settings};

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

    /// The same with names that not every reader knows written in this way; by default with underscores. With [`Escaping::AllowUtf8`]
    /// the page is of version 1.0.0.
    #[must_use]
    pub fn names(self, names: Escaping) -> Self {
        Self(self.0.set(|settings| settings.names = names))
    }

    pub(crate) const fn with(settings: Settings) -> Self {
        Self(lines::Encoder::new(Dialect::Prometheus, settings))
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
