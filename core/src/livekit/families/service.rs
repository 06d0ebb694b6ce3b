//! The service: signal relay, operations, the server API, webhooks.

use std::sync::Arc;
use std::time::Duration;

use super::closed::Closed;
use super::labels::text::name;
use super::labels::{
    Key, OTHER, ServiceOperation, SignalDirection, Success, TwirpCode, WebhookOutcome,
};
use super::open::{Found, Open, Place};
use super::scope::{Scope, TimesMs};
use super::{Families, catalog};
use crate::Counter;
use crate::error::RegisterError;
use crate::histogram::ExactHistogram;

/// Most combinations of service, method, status and code of the server API.
const MAX_RESPONSES: usize = 1_000;

#[derive(Debug)]
pub(super) struct Service {
    relayed: Closed<Relayed, Counter>,
    operations: Closed<ServiceOperation, Counter>,
    responses: Open<Responses>,
    webhooks: Closed<WebhookOutcome, Counter>,
    webhook_queue: ExactHistogram,
}

/// A signalling message between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Relayed(Success, SignalDirection);

impl Key for Relayed {
    const COUNT: usize = <(Success, SignalDirection)>::COUNT;

    fn all() -> Vec<Self> {
        let all = <(Success, SignalDirection)>::all();
        all.into_iter().map(|(s, d)| Self(s, d)).collect()
    }

    fn index(self) -> usize {
        (self.0, self.1).index()
    }

    fn values(self) -> Vec<&'static str> {
        vec!["signal", self.0.as_str(), self.1.as_str()]
    }
}

/// Responses of one method with one status and code.
#[derive(Debug)]
struct Responses {
    count: Counter,
    latency: TimesMs,
}

impl Service {
    pub(super) fn new(scope: &Scope) -> Result<Self, RegisterError> {
        let responses = &catalog::NODE_TWIRP_REQUEST_STATUS;
        Ok(Self {
            relayed: Closed::new(scope, &catalog::NODE_MESSAGES)?,
            operations: Closed::new(scope, &catalog::NODE_SERVICE_OPERATION)?,
            responses: Open::new(scope, responses, MAX_RESPONSES)?,
            webhooks: Closed::new(scope, &catalog::WEBHOOK_DISPATCH_TOTAL)?,
            webhook_queue: scope.series(&catalog::WEBHOOK_QUEUE_LENGTH, &[])?,
        })
    }
}

/// An HTTP status as the families show it: `4xx`, `5xx`, or the number; what is no status is `other`.
fn status_text(status: u16) -> String {
    match status {
        400..=499 => "4xx".to_owned(),
        500..=599 => "5xx".to_owned(),
        100..=399 => status.to_string(),
        _ => OTHER.to_owned(),
    }
}

/// A method of the server API: its usual answer, found beforehand. Every response that goes to `other` is counted
/// as folded, as of [`Families::twirp_response`].
#[derive(Clone, Debug)]
pub struct TwirpMethod {
    families: Families,
    service: Box<str>,
    method: Box<str>,
    ok: Arc<Responses>,
    /// Whether that is `other`.
    folded: bool,
}

impl TwirpMethod {
    /// A response was sent, this long after the request was received. As
    /// [`Families::twirp_response`]; one with status 200 and no error costs some nanoseconds.
    pub fn response(&self, status: u16, code: Option<TwirpCode>, latency: Duration) {
        if status == 200 && code.is_none() {
            if self.folded {
                self.families.inner.service.responses.count_fold();
            }
            self.ok.record(latency);
        } else {
            let (service, method) = (&self.service, &self.method);
            self.families
                .twirp_response(service, method, status, code, latency);
        }
    }
}

impl Responses {
    fn record(&self, latency: Duration) {
        self.count.inc();
        self.latency.record(latency);
    }
}

impl Families {
    /// A signalling message was relayed between nodes, or could not be: `livekit_node_messages`. A relay that
    /// could not be opened is a failed request.
    pub fn signal_relayed(&self, success: Success, direction: SignalDirection) {
        let relayed = &self.inner.service.relayed;
        relayed.get(Relayed(success, direction)).inc();
    }

    /// An operation of the service ended: `livekit_node_service_operation`.
    pub fn service_operation(&self, operation: ServiceOperation) {
        self.inner.service.operations.get(operation).inc();
    }

    /// A response of the server API was sent: `livekit_node_twirp_request_status` and
    /// `livekit_node_twirp_request_latency_ms`.
    ///
    /// `service` and `method` are as in the route (`RoomService`, `CreateRoom`): printable ASCII, at most 128
    /// bytes each. `code` is the error's, if there is one. Of `latency` whole milliseconds count.
    pub fn twirp_response(
        &self,
        service: &str,
        method: &str,
        status: u16,
        code: Option<TwirpCode>,
        latency: Duration,
    ) {
        let responses = self.responses(service, method, status, code);
        self.with(responses, |responses| {
            if responses.folded {
                self.inner.service.responses.count_fold();
            }
            responses.entry.record(latency);
        });
    }

    /// A handle for one method of the server API.
    ///
    /// # Errors
    /// Not even `other` found room in the registry.
    pub fn twirp_method(&self, service: &str, method: &str) -> Result<TwirpMethod, RegisterError> {
        let ok = self.responses(service, method, 200, None)?;
        // The names as they came: `responses` alone says what passes, of both names together.
        Ok(TwirpMethod {
            families: self.clone(),
            service: service.into(),
            method: method.into(),
            ok: ok.entry,
            folded: ok.folded,
        })
    }

    fn responses(
        &self,
        service: &str,
        method: &str,
        status: u16,
        code: Option<TwirpCode>,
    ) -> Result<Found<Responses>, RegisterError> {
        let status = status_text(status);
        let code = code.map_or("", TwirpCode::as_str);
        let values = name(service)
            .zip(name(method))
            .map(|(service, method)| [service, method, &status, code]);
        // Whether what is folded went well is still told, by a few values.
        let usual = ["200", "4xx", "5xx"].contains(&&*status);
        let folded = [OTHER, OTHER, if usual { &*status } else { OTHER }, code];
        let inner = &self.inner;
        let made = |place: &Place<'_>, values: [&str; 4]| {
            let [service, method, status, _] = values;
            Ok(Responses {
                count: place.series(&catalog::NODE_TWIRP_REQUEST_STATUS, &values)?,
                latency: place.series(
                    &catalog::NODE_TWIRP_REQUEST_LATENCY_MS,
                    &[service, method, status],
                )?,
            })
        };
        let responses = &inner.service.responses;
        responses.find(&inner.scope, values, folded, made)
    }

    /// A webhook was delivered, could not be, or was dropped: `livekit_webhook_dispatch_total`.
    pub fn webhook(&self, outcome: WebhookOutcome) {
        self.inner.service.webhooks.get(outcome).inc();
    }

    /// A webhook was added to a queue, which now holds `length`: `livekit_webhook_queue_length`.
    pub fn webhook_queued(&self, length: usize) {
        self.inner.service.webhook_queue.record(length as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_one_status_for_each_hundred() {
        let shown = [200, 304, 399, 400, 404, 499, 500, 503, 599].map(status_text);
        let expected = [
            "200", "304", "399", "4xx", "4xx", "4xx", "5xx", "5xx", "5xx",
        ];
        assert_eq!(shown, expected);
        for none in [0, 99, 600, u16::MAX] {
            assert_eq!(status_text(none), OTHER, "{none}");
        }
    }
}
