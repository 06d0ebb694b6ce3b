//! The command `forward`: brings ports, workers, metrics and built-in streams up, and down again.
//!
//! Lives here: the order of starting and stopping. In `crew`: the workers' threads. In `measuring`: what measures and
//! serves. In `error`: why there was no start. Not here: printing (`summary`, the binary), what the parts do.
//!
//! Down goes in the direction of the packets, so that nothing is lost on the way: publishers say
//! goodbye, workers forward what still waits, the reporter merges once more, the subscriber counts
//! the rest.

mod crew;
mod error;
mod measuring;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use media_metrics_core::Snapshot;
use media_metrics_core::livekit::node::messages::NodeStats;
use media_metrics_exporter::history::History;

use self::crew::Crew;
pub use self::error::StartError;
use self::error::system;
use self::measuring::Measuring;
use crate::config::{Room, Seconds, Settings};
use crate::flows::{FlowConfig, FlowLimit, FlowSummary};
use crate::inbox::Mailbox;
use crate::net::bind_group;
use crate::synthetic::{Load, Plan, Published, Publishers, Sink, Tally};
use crate::worker::{PortConfig, Prepared};

/// What a run did.
#[derive(Debug)]
pub struct Report {
    /// How long it ran.
    pub elapsed: Duration,
    /// The rooms, as they ran: with the ports that were chosen.
    pub rooms: Vec<Room>,
    /// Datagrams received.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// The busiest streams, busiest first; none without metrics.
    pub flows: Vec<FlowSummary>,
    /// The last merge; none without metrics.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The node's last statistics; none without LiveKit's families.
    pub node: Option<NodeStats>,
    /// What the built-in publishers sent, if there were any.
    pub published: Option<Published>,
    /// What the built-in subscriber got, if there was one.
    pub tally: Option<Tally>,
    /// Workers that ended before they were told to, and why.
    pub failures: Vec<String>,
}

/// A running forwarder.
#[derive(Debug)]
pub struct Forwarder {
    begun: Instant,
    rooms: Vec<Room>,
    workers: Crew,
    measuring: Option<Measuring>,
    publishers: Option<Publishers>,
    sink: Option<Sink>,
}

impl Forwarder {
    /// Opens all ports, then starts all threads: a forwarder that can't have one of its ports has not
    /// forwarded anything.
    ///
    /// # Errors
    /// What could not be had, and what to do about it.
    pub fn start(settings: &Settings) -> Result<Self, StartError> {
        let mut rooms = settings.rooms.clone();
        let sink = built_in_subscriber(settings, &mut rooms)?;
        let prepared = prepare(settings, &mut rooms)?;
        let measuring = if settings.metrics.enabled {
            Some(Measuring::start(settings, &rooms)?)
        } else {
            None
        };
        let mut forwarder = Self {
            begun: Instant::now(),
            rooms,
            workers: Crew::new(),
            measuring,
            publishers: None,
            sink,
        };
        for worker in prepared {
            let instruments = forwarder.measuring.as_ref();
            let instruments = instruments.map(|m| m.instruments().clone());
            let started = forwarder
                .workers
                .start(move |stop| worker.run(instruments.as_ref(), stop));
            started.map_err(system("a worker thread"))?;
        }
        if let (Some(synthetic), Some(room)) = (settings.synthetic, forwarder.rooms.first()) {
            let plan = Plan::new(Load {
                streams: synthetic.streams.get(),
                seed: synthetic.seed,
                lifetime: synthetic.lifetime.map(Seconds::duration),
                stretch: synthetic.stretch.get(),
            });
            let publishers = Publishers::start(plan, reachable(room.listen));
            forwarder.publishers = Some(publishers.map_err(system("the built-in publishers"))?);
        }
        Ok(forwarder)
    }

    /// The rooms, with the ports that were chosen where 0 was asked for.
    #[must_use]
    pub fn rooms(&self) -> &[Room] {
        &self.rooms
    }

    /// Where metrics are to be had, as people are told: a URL, or a Unix socket. `None` if they are off.
    #[must_use]
    pub fn metrics_url(&self) -> Option<String> {
        self.measuring.as_ref().map(Measuring::metrics_url)
    }

    /// Where the live page is, for a browser; `None` if metrics are off, or on a Unix socket, which no browser opens.
    #[must_use]
    pub fn page_url(&self) -> Option<String> {
        self.measuring.as_ref()?.page_url()
    }

    /// For how long the thread that merges has been stuck, if that is longer than `node_stats.stats_max_delay`: known
    /// with LiveKit's families only, of which the node's statistics are part.
    #[must_use]
    pub fn stuck_for(&self) -> Option<Duration> {
        self.measuring.as_ref()?.stuck_for()
    }

    /// Gets something as soon as a worker's thread ends: before [`stop`](Self::stop) only one that broke does. Its
    /// sockets are closed, so nobody forwards what is new there, or others begin with its streams anew: whoever hears of
    /// it should stop the forwarder, which then tells why in [`Report::failures`].
    #[must_use]
    pub const fn worker_ended(&self) -> &Receiver<()> {
        self.workers.ended()
    }

    /// The flight recorder, of which dumps are made; `None` if it is off.
    #[must_use]
    pub fn history(&self) -> Option<&History> {
        self.measuring.as_ref()?.history()
    }

    /// Where the built-in subscriber listens, if there is one.
    #[must_use]
    pub fn sink_addr(&self) -> Option<SocketAddr> {
        self.sink.as_ref().map(Sink::addr)
    }

    /// Ends everything, in the direction of the packets. Takes well under a second.
    #[must_use]
    pub fn stop(self) -> Report {
        let elapsed = self.begun.elapsed();
        let published = self.publishers.map(Publishers::stop);
        let (done, failures) = self.workers.stop();
        let mut report = Report {
            elapsed,
            rooms: self.rooms,
            received: 0,
            sent: 0,
            flows: Vec::new(),
            snapshot: None,
            node: None,
            published,
            tally: None,
            failures,
        };
        // Sockets are closed here, now that all workers have ended.
        for worker in done {
            report.received += worker.received;
            report.sent += worker.sent;
            report.flows.extend(worker.flows);
        }
        report
            .flows
            .sort_by_key(|f| std::cmp::Reverse(f.stats.packets));
        report.tally = self.sink.map(Sink::stop);
        if let Some(measuring) = self.measuring {
            report.node = measuring.node_stats();
            report.snapshot = Some(measuring.stop());
        }
        report
    }
}

/// A subscriber for built-in streams that nobody else wants.
fn built_in_subscriber(
    settings: &Settings,
    rooms: &mut [Room],
) -> Result<Option<Sink>, StartError> {
    let Some(room) = rooms.first_mut() else {
        return Ok(None);
    };
    if settings.synthetic.is_none() || !room.subscribers.is_empty() {
        return Ok(None);
    }
    let sink = Sink::start(room.listen).map_err(system("the built-in subscriber"))?;
    room.subscribers.push(sink.addr().into());
    Ok(Some(sink))
}

/// Opens every room's port for every worker.
fn prepare(settings: &Settings, rooms: &mut [Room]) -> Result<Vec<Prepared>, StartError> {
    let workers = settings.workers.get();
    let stamps = settings.metrics.enabled && settings.metrics.kernel_stamps;
    let mut ports: Vec<Vec<PortConfig>> = (0..workers).map(|_| Vec::new()).collect();
    for room in rooms {
        let buffer = settings.socket_buffer.get();
        let group = bind_group(room.listen, workers, buffer, stamps).map_err(StartError::Bind)?;
        for (socket, ports) in group.into_iter().zip(&mut ports) {
            room.listen = socket.local_addr().unwrap_or(room.listen);
            ports.push(PortConfig {
                socket,
                publishers: room.publishers.clone(),
                subscribers: room.subscribers.clone(),
            });
        }
    }
    let flows = FlowConfig {
        payloads: settings.payloads(),
        idle_ns: settings.limits.idle_timeout.duration().as_nanos() as u64,
        limit: FlowLimit::new(settings.limits.max_streams.get()),
    };
    let mailboxes = Mailbox::exchange(workers).map_err(system("the workers' inboxes"))?;
    let prepared = ports.into_iter().zip(mailboxes);
    let prepared =
        prepared.map(|(ports, mailbox)| Prepared::new(ports, stamps, flows.clone(), mailbox));
    let prepared: io::Result<Vec<_>> = prepared.collect();
    prepared.map_err(system("a worker's event queue"))
}

/// How this machine reaches a port of its own that may listen on all its addresses.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        other => other.ip(),
    };
    SocketAddr::new(ip, listen.port())
}
