//! LiveKit's Prometheus families: exact names, types, labels and buckets, and a function for every event.
//!
//! Lives here: [`Families`], which a host makes once for each registry and clones as it likes. In `catalog`: the
//! table of families. In `labels`: closed sets of label values. In `scope`, `closed`, `open`, `level`: series,
//! and how they are found again. In `rooms`, `sessions`, `service`, `psrpc`, `traffic`, `upkeep`: what hosts
//! tell, by subject. Not here: what streams tell by themselves ([`Origin::Streams`]; the reporter derives it),
//! node statistics.
//!
//! - **Series**: families without labels, and those whose labels are closed sets, are there from the start, at
//!   0. A series whose labels come from outside appears on first use, within limits: what goes beyond them, or
//!   may not stand in a label, goes to `other` and is counted in `media_metrics_series_overflow_total`.
//! - **Cost**: an event of a closed set is an index into a list: a nanosecond or two for a counter, below a fifth
//!   of a microsecond where histograms or gauges of what is there take part; no lock, no allocation. An event
//!   whose labels come from outside looks its series up (a read lock and a hash: below a microsecond); whoever
//!   has many of them holds a handle instead, such as [`TwirpMethod`] or [`Messages`].
//! - **Gauges** of what is there now (rooms, participants, tracks, connections, streams, references) are not taken
//!   below 0: either a guard is held ([`Room`], [`Present`]), or an end without a beginning is ignored, and
//!   counted in `media_livekit_events_dropped_total{reason="unmatched"}`. As any gauge to which several threads
//!   add, one may be off by what is under way while it is read.
//! - **Errors**: recording has none. If not even `other` finds room in the registry, an event is counted in
//!   `media_livekit_events_dropped_total{reason="no_room"}`; so is a figure that is no number, as `invalid`.
//!
//! ```
//! use media_metrics_core::Registry;
//! use media_metrics_core::livekit::families::{Families, JoinState, NodeIdentity, NodeType, TrackKind};
//!
//! let registry = Registry::new()?;
//! let node = NodeIdentity::new("ND_x", NodeType::Server);
//! let families = Families::register(&registry, node)?;
//!
//! families.join(JoinState::RtcActive { warp: false });
//! let track = families.published_track(TrackKind::Video);
//! let published = || registry.collect().gauge("livekit_track_published_total", &["VIDEO", "ND_x", "SERVER"]);
//! assert_eq!(published(), Some(1.0));
//! drop(track);
//! assert_eq!(published(), Some(0.0));
//! # Ok::<(), media_metrics_core::RegisterError>(())
//! ```

pub mod catalog;
mod closed;
mod labels;
mod level;
mod open;
mod psrpc;
mod rooms;
mod scope;
mod service;
mod sessions;
mod traffic;
mod upkeep;

use std::sync::Arc;

use crate::Registry;
use crate::error::RegisterError;

pub use catalog::{ALL, Family, Origin};
pub use labels::{
    ClaimOutcome, ConnectionState, Country, Direction, JoinState, Layer, MimeKind,
    NegotiationError, NodeIdentity, NodeType, ParticipantKind, PsrpcError, PubSubDirection,
    PublishState, Role, Sdk, ServiceOperation, SignalDirection, StreamKind, SubscribeError,
    SubscribeState, Success, TrackKind, TrackSource, Transport, TwirpCode, WebhookDrop,
    WebhookOutcome,
};
pub use level::Present;
pub use psrpc::{PsrpcMulti, PsrpcRpc, PsrpcServer, PsrpcStream};
pub use rooms::Room;
pub use scope::TimesMs;
pub use service::TwirpMethod;
pub use sessions::PubSub;
pub use traffic::Messages;

use level::Level;
use psrpc::Psrpc;
use rooms::Rooms;
use scope::Scope;
use service::Service;
use sessions::Sessions;
use traffic::Traffic;
use upkeep::Upkeep;

/// LiveKit's families in one registry, for one node. Cheap to clone; clones are the same.
///
/// Make one for each registry and node, and clone it: two made separately add to the same series, but each only
/// ends what it began.
#[derive(Clone, Debug)]
pub struct Families {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    scope: Scope,
    rooms: Rooms,
    sessions: Sessions,
    service: Service,
    psrpc: Psrpc,
    traffic: Traffic,
    upkeep: Upkeep,
}

impl Families {
    /// Registers the families of a node, and every series whose labels are known beforehand: some 200.
    ///
    /// # Errors
    /// The registry has no room for them, or holds one of the names with another description.
    pub fn register(registry: &Registry, node: NodeIdentity) -> Result<Self, RegisterError> {
        Self::with_psrpc_labels(registry, node, &[])
    }

    /// As [`register`](Self::register); the families of psrpc get labels of the host's own, with the same
    /// values on all their series. They stand before the others, sorted by name.
    ///
    /// # Errors
    /// As for `register`, or a label's name can't be one or is taken: then nothing is registered.
    pub fn with_psrpc_labels(
        registry: &Registry,
        node: NodeIdentity,
        labels: &[(&str, &str)],
    ) -> Result<Self, RegisterError> {
        // First of all: what is refused leaves no series behind.
        let psrpc = psrpc::Labelled::new(labels)?;
        let scope = Scope::new(registry, node)?;
        Ok(Self {
            inner: Arc::new(Inner {
                rooms: Rooms::new(&scope)?,
                sessions: Sessions::new(&scope)?,
                service: Service::new(&scope)?,
                psrpc: Psrpc::new(&scope, psrpc)?,
                traffic: Traffic::new(&scope)?,
                upkeep: Upkeep::new(&scope)?,
                scope,
            }),
        })
    }

    /// A guard on one more of what `level` counts.
    fn hold(&self, level: &Level) -> Present {
        level.hold(&self.inner.scope.unmatched)
    }

    /// One less of what `level` counts. Whether there was one.
    fn end(&self, level: &Level) -> bool {
        level.lower(&self.inner.scope.unmatched)
    }

    /// Does something with a handle; if there is none, counts that.
    fn with<H>(&self, handle: Result<H, RegisterError>, record: impl FnOnce(H)) {
        match handle {
            Ok(handle) => record(handle),
            Err(_) => self.inner.scope.no_room.inc(),
        }
    }
}
