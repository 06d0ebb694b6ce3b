//! The command `forward`: brings ports, workers, metrics and built-in streams up, and down again.
//!
//! Lives here: the order of starting and stopping. Not here: printing (`summary`, the binary), what
//! the parts do.
//!
//! Down goes in the direction of the packets, so that nothing is lost on the way: publishers say
//! goodbye, workers forward what still waits, the reporter merges once more, the subscriber counts
//! the rest.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use media_metrics_core::livekit::node::messages::NodeStats;
use media_metrics_core::livekit::node::monitor::NodeMonitor;
use media_metrics_core::livekit::node::rates::HistoryError;
use media_metrics_core::livekit::node::system::{Machine, System};
use media_metrics_core::{RegisterError, Registry, Reporter, Snapshot};
use media_metrics_exporter::history::History;
use media_metrics_exporter::process::ProcessTask;
use media_metrics_exporter::push::PushError;
use media_metrics_exporter::{Endpoint, ServeError, Server, Source, register_build};

use crate::clock::monotonic_ns;
use crate::config::{Room, Settings, record};
use crate::flows::{FlowConfig, FlowLimit, FlowSummary};
use crate::inbox::Mailbox;
use crate::livekit::{self, Livekit, OpenRooms, Watch};
use crate::meter::Instruments;
use crate::net::{BindError, bind_group};
use crate::synthetic::{Plan, Published, Publishers, Sink, Tally};
use crate::worker::{PortConfig, Prepared, WorkerReport};

/// How long the reporter's sinks, and answers that have begun, may take at the end.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Snapshots that may wait for a sink to look at them, which takes no time to speak of.
const SINK_DEPTH: usize = 4;

/// Why the forwarder did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A room's port could not be opened.
    Bind(BindError),
    /// The metrics address could not be served.
    Serve(ServeError),
    /// A push did not start: the key of its list in the configuration, and its place there, from 1.
    Push(&'static str, usize, PushError),
    /// The registry has no room for the forwarder's own families.
    Register(RegisterError),
    /// The node's statistics can't be kept as they were asked for.
    NodeStats(HistoryError),
    /// The reporter did not start.
    Report(media_metrics_core::StartError),
    /// The system gives no more threads, sockets or event queues; `what` was to be made.
    System {
        /// What was to be made.
        what: &'static str,
        /// What the operating system said.
        cause: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Push(list, number, error) => {
                write!(
                    f,
                    "{error} (push.{list} number {number} in the configuration)"
                )
            }
            Self::Serve(error) => write!(f, "{error} (--metrics, or metrics in the configuration)"),
            Self::Register(error) => error.fmt(f),
            Self::NodeStats(error) => write!(f, "{error} (node_stats in the configuration)"),
            Self::Report(error) => error.fmt(f),
            Self::System { what, cause } => write!(
                f,
                "cannot make {what}: {cause}; check the limits on threads and open files (ulimit -a)"
            ),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind(error) => Some(error),
            Self::Push(_, _, error) => Some(error),
            Self::Serve(error) => Some(error),
            Self::Register(error) => Some(error),
            Self::NodeStats(error) => Some(error),
            Self::Report(error) => Some(error),
            Self::System { cause, .. } => Some(cause),
        }
    }
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |cause| StartError::System { what, cause }
}

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

/// What measures and serves, unless that is off.
#[derive(Debug)]
struct Measuring {
    registry: Registry,
    reporter: Reporter,
    server: Server,
    /// Whether it speaks TLS.
    secure: bool,
    instruments: Instruments,
    /// Unless it is off.
    history: Option<History>,
    /// If LiveKit's families are served.
    rooms: Option<OpenRooms>,
    /// As the rooms.
    node: Option<Watch>,
    /// How long the last merge may take to be pushed.
    last_words: Duration,
}

/// The registry, as the server asks it: with the clock by which packets come and go.
struct Measured(Registry);

impl Source for Measured {
    fn latest(&self) -> Arc<Snapshot> {
        self.0.latest()
    }

    fn registry(&self) -> Option<&Registry> {
        Some(&self.0)
    }

    fn clock_ns(&self) -> Option<u64> {
        Some(monotonic_ns())
    }
}

/// A running forwarder.
#[derive(Debug)]
pub struct Forwarder {
    begun: Instant,
    rooms: Vec<Room>,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<io::Result<WorkerReport>>>,
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
            stop: Arc::new(AtomicBool::new(false)),
            workers: Vec::with_capacity(prepared.len()),
            measuring,
            publishers: None,
            sink,
        };
        for (i, worker) in prepared.into_iter().enumerate() {
            forwarder.spawn(i, worker)?;
        }
        if let (Some(synthetic), Some(room)) = (settings.synthetic, forwarder.rooms.first()) {
            let plan = Plan::new(synthetic.streams.get(), synthetic.seed);
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
        let measuring = self.measuring.as_ref()?;
        let scheme = if measuring.secure { "https" } else { "http" };
        Some(match measuring.server.endpoint() {
            Endpoint::Tcp(address) => format!("{scheme}://{address}/metrics"),
            other => format!("{scheme} on {other}, path /metrics"),
        })
    }

    /// Where metrics are served, unless they are off; port 0 of a Unix socket.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.measuring.as_ref().map(|m| m.server.local_addr())
    }

    /// For how long the thread that merges has been stuck, if that is longer than `node_stats.stats_max_delay`: known
    /// with LiveKit's families only, of which the node's statistics are part.
    #[must_use]
    pub fn stuck_for(&self) -> Option<Duration> {
        let node = self.measuring.as_ref()?.node.as_ref()?;
        node.stuck_for(Instant::now())
    }

    /// The flight recorder, of which dumps are made; `None` if it is off.
    #[must_use]
    pub fn history(&self) -> Option<&History> {
        self.measuring.as_ref()?.history.as_ref()
    }

    /// Where the built-in subscriber listens, if there is one.
    #[must_use]
    pub fn sink_addr(&self) -> Option<SocketAddr> {
        self.sink.as_ref().map(Sink::addr)
    }

    /// Ends everything, in the direction of the packets. Takes well under a second.
    #[must_use]
    pub fn stop(mut self) -> Report {
        let elapsed = self.begun.elapsed();
        let published = self.publishers.take().map(Publishers::stop);
        self.stop.store(true, Ordering::Relaxed); // Relaxed: carries no data; the joins order the reports
        let mut report = Report {
            elapsed,
            rooms: std::mem::take(&mut self.rooms),
            received: 0,
            sent: 0,
            flows: Vec::new(),
            snapshot: None,
            node: None,
            published,
            tally: None,
            failures: Vec::new(),
        };
        for worker in self.workers.drain(..) {
            match worker.join() {
                Ok(Ok(done)) => {
                    report.received += done.received;
                    report.sent += done.sent;
                    report.flows.extend(done.flows);
                }
                Ok(Err(error)) => report
                    .failures
                    .push(format!("a worker stopped early: {error}")),
                Err(_) => report.failures.push("a worker panicked".to_owned()),
            }
        }
        report
            .flows
            .sort_by_key(|f| std::cmp::Reverse(f.stats.packets));
        report.tally = self.sink.take().map(Sink::stop);
        if let Some(measuring) = self.measuring.take() {
            report.node = measuring.node.as_ref().and_then(Watch::stats);
            report.snapshot = Some(measuring.stop());
        }
        report
    }

    fn spawn(&mut self, i: usize, worker: Prepared) -> Result<(), StartError> {
        let instruments = self.measuring.as_ref().map(|m| m.instruments.clone());
        let stop = Arc::clone(&self.stop);
        let thread = thread::Builder::new()
            .name(format!("forward-{i}"))
            .spawn(move || worker.run(instruments.as_ref(), &stop))
            .map_err(system("a worker thread"))?;
        self.workers.push(thread);
        Ok(())
    }
}

impl Drop for Forwarder {
    /// A start that failed half-way, or a forwarder that is given up: the threads end by themselves.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed); // Relaxed: as in `stop`
    }
}

impl Measuring {
    fn start(settings: &Settings, rooms: &[Room]) -> Result<Self, StartError> {
        // Each stream that comes in goes out to every subscriber of its room.
        let ways = rooms.iter().map(|room| room.subscribers.len());
        let each = 1 + ways.max().unwrap_or(0);
        let (limits, profile) = (&settings.limits, settings.profile);
        let registry = Registry::builder()
            .max_streams(limits.max_streams.get().saturating_mul(each))
            .worst(settings.insight.worst.get())
            .build()
            .map_err(StartError::Register)?;
        let mut instruments = Instruments::register(&registry).map_err(StartError::Register)?;
        let mut reporter =
            Reporter::builder(&registry).interval(settings.metrics.interval.duration());
        let interval = settings.metrics.interval.duration();
        register_build(&registry).map_err(StartError::Register)?;
        // Checked when the settings were read.
        if let Ok(target) = record::target(&settings.target) {
            target.register(&registry).map_err(StartError::Register)?;
        }
        if settings.process {
            let process = ProcessTask::new(&registry, interval).map_err(StartError::Register)?;
            reporter = reporter.task("process", |_| process);
        }
        let history = settings.history.options(interval);
        let history = history.map(|options| History::new(&registry, options));
        let history = history.transpose().map_err(StartError::Register)?;
        if let Some(history) = &history {
            reporter = reporter.sink("history", SINK_DEPTH, history.sink());
        }
        let (mut open, mut node) = (None, None);
        if profile.has_livekit() {
            let livekit = Livekit::register(&registry, settings, rooms);
            let livekit = livekit.map_err(StartError::Register)?;
            let config = &settings.node_stats;
            let (began, system) = (SystemTime::now(), System::new(Machine::local()));
            let monitor = NodeMonitor::new(began, config.update, &config.intervals, system);
            let monitor = monitor.map_err(StartError::NodeStats)?;
            let machine = livekit.machine(monitor, config);
            let (machine, watch) = machine.map_err(StartError::Register)?;
            reporter = reporter.task("machine", |_| machine);
            node = Some(watch);
            open = Some(livekit.open(rooms));
            instruments = instruments.with_livekit(livekit);
        }
        let mut server = Server::builder(Measured(registry.clone()))
            .bind(settings.metrics.listen.to_string())
            .families(move |family| livekit::serves(profile, family));
        if let Some(history) = &history {
            server = server.history(history);
        }
        if let Some(auth) = &settings.prometheus.basic_auth {
            server = server.basic_auth(&auth.username, &auth.password.0);
        }
        for (name, user) in &settings.metrics.basic_auth_users {
            if let Some(hash) = user.hash() {
                server = server.basic_auth_hash(name, hash.clone());
            }
        }
        if let Some(files) = &settings.metrics.tls {
            server = server.tls(files.to_tls());
        }
        let server = server.start().map_err(StartError::Serve)?;
        for (at, to) in settings.push.remote_write.iter().enumerate() {
            let (name, push) = to.to_push(at + 1);
            let push = push.families(move |family| livekit::serves(profile, family));
            let push = push.start(&registry);
            let push = push.map_err(|e| StartError::Push("remote_write", at + 1, e))?;
            reporter = reporter.sink(&name, SINK_DEPTH, push);
        }
        for (at, to) in settings.push.otlp.iter().enumerate() {
            let (name, push) = to.to_push(at + 1);
            let push = push.families(move |family| livekit::serves(profile, family));
            let push = push.start(&registry);
            let push = push.map_err(|e| StartError::Push("otlp", at + 1, e))?;
            reporter = reporter.sink(&name, SINK_DEPTH, push);
        }
        let reporter = reporter.start().map_err(StartError::Report)?;
        Ok(Self {
            registry,
            reporter,
            server,
            secure: settings.metrics.tls.is_some(),
            instruments,
            history,
            rooms: open,
            node,
            last_words: LAST_WORDS.max(settings.push.last_words()),
        })
    }

    /// The last merge, after which nothing is recorded any more.
    fn stop(self) -> Arc<Snapshot> {
        if let Some(rooms) = self.rooms {
            rooms.close();
        }
        self.reporter.stop(self.last_words);
        let snapshot = self.registry.latest();
        self.server.stop(LAST_WORDS);
        snapshot
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
