//! What this service counts: each family described once, each handle made once.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use media_metrics_core::desc::Unit;
use media_metrics_core::{Counter, Desc, Gauge, RegisterError, Registry};

static JOINS: Desc = Desc::counter("rooms_joins_total", "People who joined a room.");

static ROOMS: Desc = Desc::gauge("rooms", "Rooms with somebody in them.");

static IN_FLIGHT: Desc = Desc::gauge("http_requests_in_flight", "Requests being answered.");

/// Recorded in nanoseconds, shown in seconds. Every request is kept to within 1 %, however the bounds are chosen: they only
/// say where classic buckets end. Prometheus 3 can take the native ones instead.
static DURATION: Desc = Desc::histogram(
    "http_request_duration_seconds",
    "Time from a request's head to its answer's.",
    &[0.0001, 0.001, 0.01, 0.1, 1.0, 10.0],
)
.labels(&["method", "route", "status"])
.unit(Unit::Seconds)
.per_unit(1e9)
.max_series(500);

/// Handles, which any thread may use: adding takes a nanosecond, and no lock.
#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) joins: Counter,
    pub(crate) rooms: Gauge,
    in_flight: Gauge,
    registry: Registry,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, RegisterError> {
        Ok(Self {
            joins: registry.counter(&JOINS, &[])?,
            rooms: registry.gauge(&ROOMS, &[])?,
            in_flight: registry.gauge(&IN_FLIGHT, &[])?,
            registry: registry.clone(),
        })
    }
}

/// Goes down whatever becomes of the request: a client that hangs up drops its future in the middle.
struct InFlight(Gauge);

impl InFlight {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Around each route: how many are at it, and how long each took.
pub(crate) async fn measure(
    State(metrics): State<Metrics>,
    route: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let _in_flight = InFlight::new(metrics.in_flight.clone());
    let (start, method) = (Instant::now(), request.method().clone());
    let response = next.run(request).await;
    // All three are bounded: methods that the route has, its pattern, and the status. So the series are, too; if one day
    // they are not, what is beyond `max_series` becomes `other` instead of an outage. Asking by labels takes a lock, for
    // less than a microsecond: nothing beside a request. (For packets, make handles once and keep them.)
    let status = response.status();
    let labels = [method.as_str(), route.as_str(), status.as_str()];
    if let Ok(durations) = metrics.registry.histogram_or_other(&DURATION, &labels) {
        durations.record(start.elapsed().as_nanos() as u64);
    }
    response
}
