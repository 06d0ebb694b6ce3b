//! The pipeline: from what clients and hosts report to what each client is told.
//!
//! | file | lives there |
//! |---|---|
//! | `config`, `rate` | intervals, caps, rates |
//! | `provider` | what a host does: measure, send, say who is subscribed |
//! | `participant`, `member` | one participant: the handle; what is due for it, its end |
//! | `intake`, `collector` | what its client sends; what its host measures |
//! | `room`, `members`, `log` | who hears whom; what was said since the last report |
//! | `report`, `views` | packets of a log, with what many get made once |
//! | `sending` | a report on its way out, and what of it waits for those who are leaving |
//! | `schedule`, `plan` | what is due when, for all of a node's participants; the calendar |
//! | `task` | the same on the reporter's thread |
//! | `gate` | who may call a host now, and that nobody does after the end |
//! | `metrics` | the pipeline's own families |
//!
//! # Time line
//! A participant has a time line of its own, with samples each 3 s and a batch each 10 s by default, and a room
//! has one with reports each 10 s. Their beginnings are spread, so that participants who join together are not
//! due together; the first tick of each comes within one interval. What is due at the same time goes in this
//! order: samples, batches, reports; so a sample is always in the batch that closes with it.
//!
//! # Threads
//! No thread, timer or task of its own: [`Pipeline::run`] does what is due, on whatever thread calls it. Other
//! calls may come from any thread, while it runs, too. There are mutexes, each held for a moment and never
//! while the host is called. No atomics. The one condition is waited for in `gate`, which has a model.
//!
//! May not: read a clock to decide anything, know transports, open sockets.

mod collector;
mod config;

mod gate;
mod intake;
mod log;
mod member;
mod members;
mod metrics;
mod participant;
mod plan;
mod provider;
mod rate;
mod report;
mod room;
mod schedule;
mod sending;
mod task;
mod views;

pub use collector::{SampleError, Samples};
pub use config::{PipelineConfig, ReportLimits, SenderLimits};
pub use intake::Rejected;
pub use participant::{OtherRoom, Participant, ParticipantConfig};
pub use provider::{Audience, Provider, SendError};
pub use rate::Rate;
pub use room::{JoinError, Room};
pub use task::PipelineTask;

use std::sync::Arc;

use super::time::{Clock, ServerTime};
use crate::error::RegisterError;
use crate::registry::Registry;
use metrics::PipelineMetrics;
use plan::Core;
use room::RoomShared;

/// The metrics of all rooms and participants of a node. Cheap to clone.
///
/// Something has to call [`run`](Self::run) when it is time: [`task`](Self::task) on the reporter's thread, or a
/// thread of the host's.
///
/// ```
/// use media_metrics_core::Registry;
/// use media_metrics_core::livekit::pipeline::{
///     ParticipantConfig, Pipeline, PipelineConfig, Provider, Samples, SendError,
/// };
/// use media_metrics_core::livekit::time::ServerTime;
///
/// struct Client;
/// impl Provider for Client {
///     fn collect(&mut self, samples: &mut Samples<'_>) {
///         let _ = samples.publisher_rtt("alice", 0.042); // errors are counted
///     }
///     fn send(&mut self, packet: &[u8]) -> Result<(), SendError> {
///         println!("{} bytes for alice's data channel", packet.len());
///         Ok(())
///     }
/// }
///
/// let registry = Registry::new()?;
/// let pipeline = Pipeline::new(PipelineConfig::default(), &registry)?;
/// let mut now = ServerTime::from_ns(1_700_000_000_000_000_000); // a `Clock`'s, outside of examples
/// let room = pipeline.room(now);
/// let mut alice = ParticipantConfig::new("alice");
/// (alice.active, alice.can_subscribe_metrics) = (true, true);
/// let alice = room.join(alice, Client, now)?;
/// while let Some(due) = pipeline.run(now).filter(|_| now.ns() < 1_700_000_020_000_000_000) {
///     now = due;
/// }
/// alice.leave(now);
/// let sent = registry.collect().counter("media_metrics_pipeline_packets_total", &[]);
/// assert_eq!(sent, Some(3)); // two reports, and the last words
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pipeline {
    core: Arc<Core>,
}

impl Pipeline {
    /// A pipeline without rooms, whose families are in `registry`.
    ///
    /// # Errors
    /// The registry has no place for the families.
    pub fn new(config: PipelineConfig, registry: &Registry) -> Result<Self, RegisterError> {
        let metrics = PipelineMetrics::register(registry)?;
        let core = Arc::new(Core::new(config, metrics));
        Ok(Self { core })
    }

    /// The settings that hold: a 0 is replaced by what it stands for.
    #[must_use]
    pub fn config(&self) -> &PipelineConfig {
        &self.core.config
    }

    /// The server's clock of this pipeline, for hosts that have none of their own.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.core.clock
    }

    /// A room whose participants say themselves whom they are subscribed to.
    ///
    /// - **Blocks** for a moment.
    #[must_use]
    pub fn room(&self, now: ServerTime) -> Room {
        self.make_room(None, now)
    }

    /// A room where the host knows who is subscribed to whom.
    ///
    /// - **Blocks** for a moment.
    #[must_use]
    pub fn room_with_audience(&self, audience: impl Audience + 'static, now: ServerTime) -> Room {
        self.make_room(Some(Box::new(audience)), now)
    }

    fn make_room(&self, audience: Option<Box<dyn Audience>>, now: ServerTime) -> Room {
        let core = Arc::clone(&self.core);
        let make = |ticks| Arc::new(RoomShared::new(core, audience, ticks));
        Room {
            shared: self.core.room(now, make),
        }
    }

    /// Does all that is due at `now`: samples, batches, reports. When something is due next; `None` while there
    /// is nothing at all.
    ///
    /// Late is no harm: what was due several times is done once. Due times come in slots of 50 ms. If another
    /// thread is at it, or this is called from a callback, it does nothing but say that it wants to be called
    /// again in 50 ms; and [`on_wake`](Self::on_wake)'s closure is called when the other run has ended.
    ///
    /// - **Blocks** for the callbacks of all who are due.
    pub fn run(&self, now: ServerTime) -> Option<ServerTime> {
        self.core.run(now)
    }

    /// `wake` is called when something is due earlier than the last [`run`](Self::run) said, by whoever joins or
    /// makes a room; and when a run has ended that turned another away, by whoever ran. It should see to it that
    /// `run` is called. No lock is held meanwhile; a panic is caught and counted.
    pub fn on_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.core.set_wake(Arc::new(wake));
    }

    /// All participants leave: see [`Participant::leave`], whose guarantee holds for all of them afterwards.
    /// Nobody can join any more. Once more does nothing.
    ///
    /// - **Blocks** for the last callbacks of all.
    pub fn stop(&self, now: ServerTime) {
        for room in self.core.stop() {
            for member in room.members() {
                member.leave(now);
            }
        }
    }
}
