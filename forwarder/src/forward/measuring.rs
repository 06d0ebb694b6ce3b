//! What measures and serves, unless that is off.
//!
//! Lives here: putting registry, reporter, server and pushes together as the settings say, and ending them in their
//! order. Not here: what is counted (`meter`), what is served (the exporter).

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use media_metrics_core::livekit::node::messages::NodeStats;
use media_metrics_core::livekit::node::monitor::NodeMonitor;
use media_metrics_core::livekit::node::system::{Machine, System};
use media_metrics_core::{Registry, Reporter, ReporterBuilder, Snapshot};
use media_metrics_exporter::history::History;
use media_metrics_exporter::process::ProcessTask;
use media_metrics_exporter::{Endpoint, Server, Source, register_build};

use super::error::StartError;
use crate::clock::monotonic_ns;
use crate::config::{Room, Settings, record};
use crate::livekit::{self, Livekit, OpenRooms, Watch};
use crate::meter::Instruments;

/// How long the reporter's sinks, and answers that have begun, may take at the end.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Snapshots that may wait for a sink to look at them, which takes no time to speak of.
const SINK_DEPTH: usize = 4;

/// All of it, running.
#[derive(Debug)]
pub(super) struct Measuring {
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

impl Measuring {
    pub(super) fn start(settings: &Settings, rooms: &[Room]) -> Result<Self, StartError> {
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
        let server = serve(settings, &registry, history.as_ref())?;
        reporter = push(settings, &registry, reporter)?;
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

    /// What workers record with.
    pub(super) const fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    pub(super) const fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    /// The node's last statistics.
    pub(super) fn node_stats(&self) -> Option<NodeStats> {
        self.node.as_ref().and_then(Watch::stats)
    }

    /// For how long merges have stood still, if that is too long.
    pub(super) fn stuck_for(&self) -> Option<Duration> {
        self.node.as_ref()?.stuck_for(Instant::now())
    }

    /// Where metrics are, as people are told.
    pub(super) fn metrics_url(&self) -> String {
        let scheme = self.scheme();
        match self.server.endpoint() {
            Endpoint::Tcp(address) => format!("{scheme}://{address}/metrics"),
            other => format!("{scheme} on {other}, path /metrics"),
        }
    }

    /// Where the live page is, if a browser can open it.
    pub(super) fn page_url(&self) -> Option<String> {
        match self.server.endpoint() {
            Endpoint::Tcp(address) => Some(format!("{}://{address}/", self.scheme())),
            _ => None,
        }
    }

    const fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// The last merge, after which nothing is recorded any more.
    pub(super) fn stop(self) -> Arc<Snapshot> {
        if let Some(rooms) = self.rooms {
            rooms.close();
        }
        self.reporter.stop(self.last_words);
        let snapshot = self.registry.latest();
        self.server.stop(LAST_WORDS);
        snapshot
    }
}

/// The server, as the settings say.
fn serve(
    settings: &Settings,
    registry: &Registry,
    history: Option<&History>,
) -> Result<Server, StartError> {
    let profile = settings.profile;
    let mut server = Server::builder(Measured(registry.clone()))
        .bind(settings.metrics.listen.to_string())
        .openmetrics_2(settings.metrics.openmetrics_2)
        .openmetrics_created(settings.metrics.openmetrics_created)
        .families(move |family| livekit::serves(profile, family));
    if let Some(history) = history {
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
    server.start().map_err(StartError::Serve)
}

/// A sink for each receiver of pushes.
fn push(
    settings: &Settings,
    registry: &Registry,
    mut reporter: ReporterBuilder,
) -> Result<ReporterBuilder, StartError> {
    let profile = settings.profile;
    for (at, to) in settings.push.remote_write.iter().enumerate() {
        let (name, push) = to.to_push(at + 1);
        let push = push.families(move |family| livekit::serves(profile, family));
        let push = push.start(registry);
        let push = push.map_err(|e| StartError::Push("remote_write", at + 1, e))?;
        reporter = reporter.sink(&name, SINK_DEPTH, push);
    }
    for (at, to) in settings.push.otlp.iter().enumerate() {
        let (name, push) = to.to_push(at + 1);
        let push = push.families(move |family| livekit::serves(profile, family));
        let push = push.start(registry);
        let push = push.map_err(|e| StartError::Push("otlp", at + 1, e))?;
        reporter = reporter.sink(&name, SINK_DEPTH, push);
    }
    Ok(reporter)
}
