//! What this process takes: `process_*`, as Prometheus' client libraries call it.
//!
//! Lives here: the families, and the task that keeps them. In `linux`: where the figures come from. Not here: what the
//! machine does (the core's `livekit::node`).
//!
//! What can't be read (another operating system, no `/proc`) has no line. For a host that exports `process_*` itself:
//! leave the task out.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

use std::time::{Duration, Instant};

use media_metrics_core::{Counter, Gauge, RegisterError, Registry, Task, catalog};

#[cfg(not(target_os = "linux"))]
use self::elsewhere::Probe;
#[cfg(target_os = "linux")]
use self::linux::Probe;

/// One of the figures.
type Figure = fn(&Figures) -> Option<f64>;

/// What is known of this process at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Figures {
    /// User and system time of all threads since it began, in nanoseconds.
    cpu_ns: Option<u64>,
    resident_bytes: Option<f64>,
    virtual_bytes: Option<f64>,
    virtual_max_bytes: Option<f64>,
    open_fds: Option<f64>,
    max_fds: Option<f64>,
    /// Seconds since 1970.
    start: Option<f64>,
    threads: Option<f64>,
}

/// Keeps `process_*` up to date, once for each interval: a task for the reporter.
///
/// - **Cost**: some ten microseconds for each run, on the reporter's thread; on kernels before 6.2 a microsecond more for
///   each open file. Two file descriptors, so that figures go on when the process has run out of them.
/// - **Not there**: `process_network_*`: what `/proc` tells is of the network namespace, which other processes share.
///
/// ```
/// use std::time::Duration;
/// use media_metrics_core::{Registry, Reporter};
/// use media_metrics_exporter::process::ProcessTask;
///
/// let registry = Registry::new()?;
/// let process = ProcessTask::new(&registry, Duration::from_secs(1))?;
/// let reporter = Reporter::builder(&registry).task("process", |_| process).start()?;
/// # drop(reporter);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ProcessTask {
    probe: Probe,
    every: Duration,
    cpu: Counter,
    /// Each with what it shows.
    gauges: [(Gauge, Figure); 7],
}

impl ProcessTask {
    /// A task that runs each `every`.
    ///
    /// # Errors
    /// The registry has no room, or a family of one of these names is there and is another.
    pub fn new(registry: &Registry, every: Duration) -> Result<Self, RegisterError> {
        // Not at the host's expense.
        let registry = registry.for_library();
        let gauge = |desc| registry.gauge(desc, &[]);
        let mut task = Self {
            probe: Probe::new(),
            every,
            cpu: registry.counter(&catalog::PROCESS_CPU, &[])?,
            gauges: [
                (gauge(&catalog::PROCESS_RESIDENT)?, |f| f.resident_bytes),
                (gauge(&catalog::PROCESS_VIRTUAL)?, |f| f.virtual_bytes),
                (gauge(&catalog::PROCESS_VIRTUAL_MAX)?, |f| {
                    f.virtual_max_bytes
                }),
                (gauge(&catalog::PROCESS_OPEN_FDS)?, |f| f.open_fds),
                (gauge(&catalog::PROCESS_MAX_FDS)?, |f| f.max_fds),
                (gauge(&catalog::PROCESS_START)?, |f| f.start),
                (gauge(&catalog::PROCESS_THREADS)?, |f| f.threads),
            ],
        };
        task.update();
        Ok(task)
    }

    fn update(&mut self) {
        let figures = self.probe.read();
        // What is not counted yet, by this task or by one before it. Not less, whatever the system says.
        let cpu_ns = figures.cpu_ns.unwrap_or(0);
        self.cpu.add(cpu_ns.saturating_sub(self.cpu.total()));
        for (gauge, figure) in &self.gauges {
            match figure(&figures) {
                Some(value) => gauge.set(value),
                None => gauge.clear(),
            }
        }
    }
}

impl Task for ProcessTask {
    fn run(&mut self, now: Instant) -> Option<Instant> {
        self.update();
        now.checked_add(self.every)
    }

    fn stop(&mut self, _: Instant) {
        self.update();
    }
}
