//! What a client may cost.
//!
//! Lives here: the numbers and their reasons. Not here: who enforces them (`connection`, `desk`, `serve`).

use std::time::Duration;

/// Bounds on what clients can make the server hold, and for how long.
///
/// ```
/// use media_metrics_exporter::Limits;
/// let limits = Limits { max_connections: 1_024, ..Limits::default() };
/// assert_eq!(limits.max_in_flight, 64);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections. One more takes the place of the connection that has been without a request
    /// for longest; if every connection is being answered, it is refused with status 503.
    ///
    /// - **Default**: 256. Each costs a file descriptor and a few kilobytes.
    pub max_connections: usize,
    /// Pages that are being made or written at the same time; one beyond them gets status 503, the
    /// health pages are always answered.
    ///
    /// - **Default**: 64. It bounds memory: slow readers that came at different times each hold
    ///   another snapshot's page.
    pub max_in_flight: usize,
    /// Who may listen to `/api/v1/events` at the same time, which the live page does; one beyond them gets status 503.
    /// Listeners hold none of the places of `max_in_flight`.
    ///
    /// - **Default**: 16. All of them share one encoding of each snapshot.
    #[cfg(feature = "page")]
    pub max_listeners: usize,
    /// Bytes of a request's line and headers; more gets status 431.
    ///
    /// - **Default**: 8,192; Prometheus sends about 500.
    pub max_header_bytes: usize,
    /// From accepting a connection, or from the first byte of a later request, until the request is
    /// complete; then the connection is closed. TLS's handshake is part of it.
    ///
    /// - **Default**: 5 s.
    pub header_timeout: Duration,
    /// From a complete request until its answer has been handed to the operating system; then the connection is
    /// closed. It counts the whole answer, so a reader that takes a byte now and then doesn't gain time. Of a stream
    /// of events it is the time for each event. A page that is not made in nine tenths of it gets status 503, as one
    /// does that is not made in the time that the scraper has (`X-Prometheus-Scrape-Timeout-Seconds`, less a tenth or
    /// half a second).
    ///
    /// - **Default**: 20 s, twice Prometheus' own time limit for a scrape.
    pub write_timeout: Duration,
    /// How long a connection may wait for its next request.
    ///
    /// - **Default**: 90 s: a scraper that comes every minute finds its connection open.
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 256,
            max_in_flight: 64,
            #[cfg(feature = "page")]
            max_listeners: 16,
            max_header_bytes: 8_192,
            header_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(20),
            keep_alive: Duration::from_secs(90),
        }
    }
}
