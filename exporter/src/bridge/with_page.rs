//! A foreign page, served along with ours.
//!
//! Lives here: from asking for the page to a snapshot of what can be shown of it, and the counts of what can't. Not
//! here: encoding.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use media_metrics_core::error::RegisterError;
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_core::{Counter, Registry, catalog};

use super::claims::Claims;
use super::convert::{add, split};
use super::error::BridgeError;
use super::parse::parse;
use super::render::{NoPage, Renderer};
use crate::source::Source;

/// How long a scrape waits for the other library's page, if the host says nothing.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(2);

/// How much of the other library's page is shown, if the host says nothing: some 150,000 lines.
pub const DEFAULT_MAX_BYTES: usize = 16 << 20;

/// A [`Source`] along with which the page of another library is served: what metrics-exporter-prometheus
/// renders, say.
///
/// The page is asked for when a snapshot is scraped for the first time, so once for all scrapers of that
/// snapshot and all formats. Its families are read and encoded anew, in whatever format the scraper wants, and
/// [`ServerBuilder::families`](crate::ServerBuilder::families) says which of them are shown, as of ours.
///
/// - **Counters** may have a fraction, to nine decimal places. One below 0 or infinite makes its family gauges.
/// - **Summaries** become three families: the quantiles are gauges, `_sum` a gauge, `_count` a counter. The lines
///   of the page stay what they are.
/// - **Of another type**, or none: gauges. When a series began is not known of any.
/// - **Label values** are cut after 512 bytes, as ours are.
/// - **Left out**, and counted in `media_metrics_foreign_dropped_total`: families of a name that ours have or that
///   OpenMetrics reserves for them (`x` and `x_created` for a counter `x_total`), or another of the page; lines that
///   can't be read; label names that Prometheus keeps for itself, and more than 64; histograms that don't add
///   up, with more than 255 bounds, or with other bounds from series to series. What the other library doesn't
///   write into its text is not there at all: native histograms, for one.
/// - **Cost**: to the scrape, what the other library takes for its page, on a thread of ours, and a reading of
///   it. To its threads, what its page costs anyway.
/// - **Panics** of the other library are caught, and if it hangs it is waited for once: its families are missing
///   then, and that is counted.
///
/// ```
/// use media_metrics_core::Registry;
/// use media_metrics_exporter::{Server, bridge::WithPage};
/// use metrics_exporter_prometheus::PrometheusBuilder;
///
/// let handle = PrometheusBuilder::new().install_recorder()?; // the process has this already
/// let registry = Registry::new()?;
/// let source = WithPage::new(registry, move || handle.render())?;
/// let server = Server::builder(source).bind("127.0.0.1:0").start()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WithPage<S> {
    source: S,
    renderer: Renderer,
    deadline: Duration,
    max_bytes: usize,
    dropped: Option<Dropped>,
}

/// What is left out, by why.
#[derive(Debug)]
struct Dropped {
    taken: Counter,
    unfit: Counter,
    malformed: Counter,
    too_long: Counter,
    late: Counter,
    panicked: Counter,
}

impl Dropped {
    fn new(registry: &Registry) -> Result<Self, RegisterError> {
        let registry = registry.for_library();
        let counter = |reason| registry.counter(&catalog::FOREIGN_DROPPED, &[reason]);
        Ok(Self {
            taken: counter("taken")?,
            unfit: counter("unfit")?,
            malformed: counter("malformed")?,
            too_long: counter("too_long")?,
            late: counter("late")?,
            panicked: counter("panicked")?,
        })
    }
}

impl<S: Source> WithPage<S> {
    /// `source`, and the page that `render` makes: Prometheus text 0.0.4.
    ///
    /// # Errors
    /// The source's registry has no room for the counts of what is left out, or there is no thread to ask for the
    /// page on.
    pub fn new(
        source: S,
        render: impl Fn() -> String + Send + Sync + 'static,
    ) -> Result<Self, BridgeError> {
        let dropped = source.registry().map(Dropped::new).transpose()?;
        Ok(Self {
            source,
            renderer: Renderer::start(render).map_err(BridgeError::Thread)?,
            deadline: DEFAULT_DEADLINE,
            max_bytes: DEFAULT_MAX_BYTES,
            dropped,
        })
    }

    /// How long a scrape waits for the page (default [`DEFAULT_DEADLINE`]). After that it goes without, and so do
    /// those that come while the other library is still at it, without waiting.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How much of the page is shown, in bytes (default [`DEFAULT_MAX_BYTES`]): whole lines from its beginning.
    #[must_use]
    pub const fn max_bytes(mut self, limit: usize) -> Self {
        self.max_bytes = limit;
        self
    }

    fn count(&self, which: impl Fn(&Dropped) -> &Counter, n: u64) {
        if let Some(dropped) = &self.dropped {
            which(dropped).add(n);
        }
    }

    /// The lines that are shown.
    fn within_limit<'p>(&self, page: &'p str) -> &'p str {
        if page.len() <= self.max_bytes {
            return page;
        }
        self.count(|d| &d.too_long, 1);
        let bytes = page.as_bytes().get(..self.max_bytes).unwrap_or_default();
        let end = bytes.iter().rposition(|&byte| byte == b'\n').unwrap_or(0);
        page.get(..end).unwrap_or_default()
    }
}

impl<S: fmt::Debug> fmt::Debug for WithPage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithPage")
            .field("source", &self.source)
            .field("deadline", &self.deadline)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

impl<S: Source> Source for WithPage<S> {
    fn latest(&self) -> Arc<Snapshot> {
        self.source.latest()
    }

    fn registry(&self) -> Option<&Registry> {
        self.source.registry()
    }

    fn along(&self, ours: &Snapshot) -> Option<Snapshot> {
        let page = match self.renderer.page(self.deadline) {
            Ok(page) => page,
            Err(NoPage::Late) => {
                self.count(|d| &d.late, 1);
                return None;
            }
            Err(NoPage::Panicked) => {
                self.count(|d| &d.panicked, 1);
                return None;
            }
        };
        let (families, malformed) = parse(self.within_limit(&page));
        self.count(|d| &d.malformed, malformed);
        let (mut builder, mut claims) = (Builder::new().of_others(), Claims::new(ours));
        for family in families.into_iter().flat_map(split) {
            if !claims.claim(&family) {
                self.count(|d| &d.taken, 1);
                continue;
            }
            let (with, unfit) = add(builder, &family);
            self.count(|d| &d.unfit, unfit);
            builder = with;
        }
        Some(builder.build())
    }
}
