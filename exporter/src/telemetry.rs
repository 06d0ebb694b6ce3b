//! What the exporter records about itself.
//!
//! Lives here: handles of the exporter's families in core's catalog, and when they count. Not here: what is exposed of
//! them: like every other family, they come with the next snapshot.

use std::time::Duration;

use hyper::StatusCode;
#[cfg(feature = "page")]
use media_metrics_core::Gauge;
use media_metrics_core::error::RegisterError;
use media_metrics_core::{Counter, Histogram, Registry, catalog};

/// Why a connection was not served to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// All connections were being answered.
    Full,
    /// An idle one made room.
    GaveWay,
    /// Its request was not complete in time.
    SlowRequest,
    /// It did not take its answer in time.
    SlowReader,
    /// The operating system could not accept it.
    AcceptFailed,
    /// It did not get through TLS's handshake.
    Handshake,
}

impl Loss {
    const ALL: [Self; 6] = [
        Self::Full,
        Self::GaveWay,
        Self::SlowRequest,
        Self::SlowReader,
        Self::AcceptFailed,
        Self::Handshake,
    ];

    const fn reason(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::GaveWay => "gave_way",
            Self::SlowRequest => "slow_request",
            Self::SlowReader => "slow_reader",
            Self::AcceptFailed => "accept_failed",
            Self::Handshake => "handshake",
        }
    }
}

/// The statuses that the server gives. (The HTTP library answers what is no HTTP by itself.)
const CODES: [(StatusCode, &str); 8] = [
    (StatusCode::OK, "200"),
    (StatusCode::NOT_MODIFIED, "304"),
    (StatusCode::BAD_REQUEST, "400"),
    (StatusCode::UNAUTHORIZED, "401"),
    (StatusCode::NOT_FOUND, "404"),
    (StatusCode::METHOD_NOT_ALLOWED, "405"),
    (StatusCode::INTERNAL_SERVER_ERROR, "500"),
    (StatusCode::SERVICE_UNAVAILABLE, "503"),
];

/// Records, or doesn't if the source has no registry.
#[derive(Debug)]
pub(crate) struct Telemetry {
    handles: Option<Handles>,
}

#[derive(Debug)]
struct Handles {
    scrapes: Counter,
    bytes: Counter,
    left_out: Counter,
    encode: Histogram,
    responses: Vec<(StatusCode, Counter)>,
    rejected: Vec<(Loss, Counter)>,
    #[cfg(feature = "page")]
    listeners: Listeners,
    /// Those that could be used, and those that could not.
    #[cfg(feature = "tls")]
    reloads: [Counter; 2],
}

/// What is counted of those who listen to events; each listener has it along.
#[cfg(feature = "page")]
#[derive(Clone, Debug)]
pub(crate) struct Listeners {
    pub(crate) open: Gauge,
    pub(crate) told: Counter,
    pub(crate) skipped: Counter,
}

impl Telemetry {
    /// Handles in `registry`, all made now: so the series exist from the start, with 0.
    pub(crate) fn new(registry: Option<&Registry>) -> Result<Self, RegisterError> {
        let handles = registry.map(Handles::new).transpose()?;
        Ok(Self { handles })
    }

    /// A page was given out.
    pub(crate) fn scraped(&self, bytes: usize) {
        let Some(handles) = &self.handles else { return };
        handles.scrapes.inc();
        handles.bytes.add(bytes as u64);
    }

    /// A page was looked for; `encoded_in` if it had to be made.
    pub(crate) fn encoded(&self, encoded_in: Option<Duration>) {
        let Some(handles) = &self.handles else { return };
        if let Some(time) = encoded_in {
            let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            handles.encode.record(ns);
        }
    }

    /// A page was made without this many families of the snapshot.
    pub(crate) fn left_out(&self, families: usize) {
        let Some(handles) = &self.handles else { return };
        handles.left_out.add(families as u64);
    }

    /// A request was answered.
    pub(crate) fn answered(&self, status: StatusCode) {
        let Some(handles) = &self.handles else { return };
        if let Some((_, counter)) = handles.responses.iter().find(|(code, _)| *code == status) {
            counter.inc();
        }
    }

    /// Where listeners to events are counted.
    #[cfg(feature = "page")]
    pub(crate) fn listeners(&self) -> Option<Listeners> {
        self.handles
            .as_ref()
            .map(|handles| handles.listeners.clone())
    }

    /// The files of the certificate have changed, and were read again: could they be used?
    #[cfg(feature = "tls")]
    pub(crate) fn reloaded(&self, usable: bool) {
        let Some(handles) = &self.handles else { return };
        match usable {
            true => handles.reloads[0].inc(),
            false => handles.reloads[1].inc(),
        }
    }

    /// A connection was not served to its end.
    pub(crate) fn lost(&self, loss: Loss) {
        let Some(handles) = &self.handles else { return };
        if let Some((_, counter)) = handles.rejected.iter().find(|(why, _)| *why == loss) {
            counter.inc();
        }
    }
}

impl Handles {
    fn new(registry: &Registry) -> Result<Self, RegisterError> {
        // Not at the host's expense: a full registry can still be scraped.
        let registry = registry.for_library();
        let response = |&(code, label): &(StatusCode, &str)| {
            Ok((code, registry.counter(&catalog::HTTP_RESPONSES, &[label])?))
        };
        let rejected = |&loss: &Loss| {
            Ok((
                loss,
                registry.counter(&catalog::HTTP_REJECTED, &[loss.reason()])?,
            ))
        };
        Ok(Self {
            scrapes: registry.counter(&catalog::SCRAPES, &[])?,
            bytes: registry.counter(&catalog::SCRAPE_BYTES, &[])?,
            left_out: registry.counter(&catalog::FAMILIES_LEFT_OUT, &[])?,
            encode: registry.histogram(&catalog::ENCODE, &[])?,
            responses: CODES.iter().map(response).collect::<Result<_, _>>()?,
            rejected: Loss::ALL.iter().map(rejected).collect::<Result<_, _>>()?,
            #[cfg(feature = "page")]
            listeners: Listeners {
                open: registry.gauge(&catalog::EVENT_LISTENERS, &[])?,
                told: registry.counter(&catalog::EVENTS, &[])?,
                skipped: registry.counter(&catalog::EVENTS_SKIPPED, &[])?,
            },
            #[cfg(feature = "tls")]
            reloads: [
                registry.counter(&catalog::TLS_RELOADS, &["ok"])?,
                registry.counter(&catalog::TLS_RELOADS, &["refused"])?,
            ],
        })
    }
}
