//! RPC between nodes: calls, streams, and what a server does with requests before it answers.
//!
//! Lives here: the nine families, and a method's series in them, found once for a handle; only errors and claims
//! are looked up when they happen. In `handles`: what a host tells. Not here: which names pass (`labels`).

mod handles;

use std::sync::Arc;
use std::time::Duration;

pub use handles::{PsrpcMulti, PsrpcRpc, PsrpcServer, PsrpcStream};

use super::labels::text::name;
use super::labels::{ClaimOutcome, OTHER, PsrpcError, Role};
use super::level::Level;
use super::open::{Open, Place};
use super::scope::{Scope, Series, TimesMs};
use super::{Families, catalog};
use crate::Counter;
use crate::desc::Desc;
use crate::error::RegisterError;

/// Most methods, of each kind: calls of both roles, streams of both roles, served ones.
const MAX_METHODS: usize = 250;

/// Most combinations of a method and how it went: errors, claims.
const MAX_OUTCOMES: usize = 1_000;

#[derive(Debug)]
pub(super) struct Psrpc {
    families: Labelled,
    calls: Open<Calls>,
    streams: Open<Streams>,
    requests: Open<Requests>,
    errors: Open<Counter>,
    claims: Open<TimesMs>,
}

/// The families with the host's labels, of which nothing is registered yet.
#[derive(Debug)]
pub(super) struct Labelled {
    /// Values of the labels that the host asked for.
    extra: Vec<Box<str>>,
    request_time: Desc,
    send_time: Desc,
    received: Desc,
    streams_open: Desc,
    error_total: Desc,
    bytes: Desc,
    requests_received: Desc,
    requests_expired: Desc,
    claim_wait_time: Desc,
}

impl Labelled {
    pub(super) fn new(labels: &[(&str, &str)]) -> Result<Self, RegisterError> {
        let mut labels = labels.to_vec();
        labels.sort_unstable();
        let desc = |family: &Desc| {
            let names = labels.iter().map(|(name, _)| *name);
            let desc = family
                .clone()
                .dynamic_labels(names.chain(family.label_names().iter()));
            desc.validate().map(|()| desc)
        };
        Ok(Self {
            extra: labels.iter().map(|(_, value)| Box::from(*value)).collect(),
            request_time: desc(&catalog::PSRPC_REQUEST_TIME_MS)?,
            send_time: desc(&catalog::PSRPC_STREAM_SEND_TIME_MS)?,
            received: desc(&catalog::PSRPC_STREAM_RECEIVE_TOTAL)?,
            streams_open: desc(&catalog::PSRPC_STREAM_COUNT)?,
            error_total: desc(&catalog::PSRPC_ERROR_TOTAL)?,
            bytes: desc(&catalog::PSRPC_BYTES_TOTAL)?,
            requests_received: desc(&catalog::PSRPC_REQUESTS_RECEIVED_TOTAL)?,
            requests_expired: desc(&catalog::PSRPC_REQUESTS_EXPIRED_TOTAL)?,
            claim_wait_time: desc(&catalog::PSRPC_CLAIM_WAIT_TIME_MS)?,
        })
    }
}

impl Psrpc {
    pub(super) fn new(scope: &Scope, families: Labelled) -> Result<Self, RegisterError> {
        Ok(Self {
            families,
            calls: Open::new(scope, &catalog::PSRPC_REQUEST_TIME_MS, MAX_METHODS)?,
            streams: Open::new(scope, &catalog::PSRPC_STREAM_COUNT, MAX_METHODS)?,
            requests: Open::new(scope, &catalog::PSRPC_REQUESTS_RECEIVED_TOTAL, MAX_METHODS)?,
            errors: Open::new(scope, &catalog::PSRPC_ERROR_TOTAL, MAX_OUTCOMES)?,
            claims: Open::new(scope, &catalog::PSRPC_CLAIM_WAIT_TIME_MS, MAX_OUTCOMES)?,
        })
    }

    /// A series with the host's values, and after them a family's own.
    fn series<S: Series>(
        &self,
        place: &Place<'_>,
        desc: &Desc,
        own: &[&str],
    ) -> Result<S, RegisterError> {
        let extra = self.families.extra.iter().map(|v| &**v);
        let values: Vec<&str> = extra.chain(own.iter().copied()).collect();
        place.series(desc, &values)
    }
}

/// Calls of one method.
#[derive(Debug)]
struct Calls {
    time: TimesMs,
    received_bytes: Counter,
    sent_bytes: Counter,
}

impl Calls {
    fn count_bytes(&self, received: u64, sent: u64) {
        self.received_bytes.add(received);
        self.sent_bytes.add(sent);
    }
}

/// Streams of one method.
#[derive(Debug)]
struct Streams {
    open: Level,
    send_time: TimesMs,
    received: Counter,
    received_bytes: Counter,
    sent_bytes: Counter,
}

/// Requests of one method.
#[derive(Debug)]
struct Requests {
    received: Counter,
    expired: Counter,
}

/// Whose method it is, and of which kind.
#[derive(Clone, Debug)]
struct Method {
    families: Families,
    role: Role,
    kind: &'static str,
    service: Box<str>,
    method: Box<str>,
}

impl Method {
    fn new(
        families: &Families,
        role: Role,
        kind: &'static str,
        service: &str,
        method: &str,
    ) -> Self {
        Self {
            families: families.clone(),
            role,
            kind,
            service: service.into(),
            method: method.into(),
        }
    }

    /// Service and method; `None` if one of them may not stand in a label.
    fn named(&self) -> Option<(&str, &str)> {
        name(&self.service).zip(name(&self.method))
    }

    fn calls(&self) -> Result<Arc<Calls>, RegisterError> {
        let Families { inner } = &self.families;
        let (psrpc, role, kind) = (&inner.psrpc, self.role.as_str(), self.kind);
        let values = self
            .named()
            .map(|(service, method)| [role, kind, service, method]);
        let folded = [role, kind, OTHER, OTHER];
        psrpc.calls.get(&inner.scope, values, folded, |place, own| {
            let [role, kind, service, method] = own;
            let bytes = |direction| {
                let own = [role, kind, service, method, direction];
                psrpc.series(place, &psrpc.families.bytes, &own)
            };
            Ok(Calls {
                time: psrpc.series(place, &psrpc.families.request_time, &own)?,
                received_bytes: bytes("rx")?,
                sent_bytes: bytes("tx")?,
            })
        })
    }

    fn streams(&self) -> Result<Arc<Streams>, RegisterError> {
        let Families { inner } = &self.families;
        let (psrpc, role) = (&inner.psrpc, self.role.as_str());
        let values = self
            .named()
            .map(|(service, method)| [role, service, method]);
        let folded = [role, OTHER, OTHER];
        psrpc
            .streams
            .get(&inner.scope, values, folded, |place, own| {
                let [role, service, method] = own;
                let bytes = |direction| {
                    let own = [role, self.kind, service, method, direction];
                    psrpc.series(place, &psrpc.families.bytes, &own)
                };
                Ok(Streams {
                    open: psrpc.series(place, &psrpc.families.streams_open, &own)?,
                    send_time: psrpc.series(place, &psrpc.families.send_time, &own)?,
                    received: psrpc.series(place, &psrpc.families.received, &own)?,
                    received_bytes: bytes("rx")?,
                    sent_bytes: bytes("tx")?,
                })
            })
    }

    fn requests(&self) -> Result<Arc<Requests>, RegisterError> {
        let Families { inner } = &self.families;
        let psrpc = &inner.psrpc;
        let values = self.named().map(|(service, method)| [service, method]);
        psrpc
            .requests
            .get(&inner.scope, values, [OTHER; 2], |place, own| {
                Ok(Requests {
                    received: psrpc.series(place, &psrpc.families.requests_received, &own)?,
                    expired: psrpc.series(place, &psrpc.families.requests_expired, &own)?,
                })
            })
    }

    fn failed(&self, error: PsrpcError) {
        let Families { inner } = &self.families;
        let (psrpc, role, error) = (&inner.psrpc, self.role.as_str(), error.as_str());
        let values = self.named();
        let values = values.map(|(service, method)| [role, self.kind, service, method, error]);
        let folded = [role, self.kind, OTHER, OTHER, error];
        let made = |place: &Place<'_>, own: [&str; 5]| {
            psrpc.series(place, &psrpc.families.error_total, &own)
        };
        let errors = psrpc.errors.get(&inner.scope, values, folded, made);
        self.families.with(errors, |errors| errors.inc());
    }

    fn claimed(&self, outcome: ClaimOutcome, waited: Duration) {
        let Families { inner } = &self.families;
        let (psrpc, outcome) = (&inner.psrpc, outcome.as_str());
        let values = self.named();
        let values = values.map(|(service, method)| [service, method, outcome]);
        let folded = [OTHER, OTHER, outcome];
        let made = |place: &Place<'_>, own: [&str; 3]| {
            psrpc.series(place, &psrpc.families.claim_wait_time, &own)
        };
        let claims = psrpc.claims.get(&inner.scope, values, folded, made);
        self.families.with(claims, |claims| claims.record(waited));
    }
}

impl Families {
    /// One end of a method that gets one response. `service` and `method` are printable ASCII, at most 128
    /// bytes each.
    ///
    /// - **Cost**: a look-up, so keep the handle. So too for the next three.
    ///
    /// # Errors
    /// Not even `other` found room in the registry.
    pub fn psrpc_rpc(
        &self,
        role: Role,
        service: &str,
        method: &str,
    ) -> Result<PsrpcRpc, RegisterError> {
        let of = Method::new(self, role, "rpc", service, method);
        let calls = of.calls()?;
        Ok(PsrpcRpc { of, calls })
    }

    /// One end of a method that gets many responses.
    ///
    /// # Errors
    /// As for [`psrpc_rpc`](Self::psrpc_rpc).
    pub fn psrpc_multi(
        &self,
        role: Role,
        service: &str,
        method: &str,
    ) -> Result<PsrpcMulti, RegisterError> {
        let of = Method::new(self, role, "multirpc", service, method);
        let calls = of.calls()?;
        Ok(PsrpcMulti { of, calls })
    }

    /// One end of a method that opens streams.
    ///
    /// # Errors
    /// As for [`psrpc_rpc`](Self::psrpc_rpc).
    pub fn psrpc_stream(
        &self,
        role: Role,
        service: &str,
        method: &str,
    ) -> Result<PsrpcStream, RegisterError> {
        let of = Method::new(self, role, "stream", service, method);
        let streams = of.streams()?;
        Ok(PsrpcStream { of, streams })
    }

    /// A server's end of a method, for what happens before it answers.
    ///
    /// # Errors
    /// As for [`psrpc_rpc`](Self::psrpc_rpc).
    pub fn psrpc_server(&self, service: &str, method: &str) -> Result<PsrpcServer, RegisterError> {
        let of = Method::new(self, Role::Server, "rpc", service, method);
        let requests = of.requests()?;
        Ok(PsrpcServer { of, requests })
    }
}
