//! What the operating system says about this node.
//!
//! | file | lives there |
//! |---|---|
//! | `reading` | the values, of which each may be unknown |
//! | `meter` | CPU time over time: the load |
//! | `packets` | counters of queue disciplines over time |
//! | `linux/` | where Linux tells what: `/proc`, control groups, rtnetlink |
//! | `elsewhere` | other systems tell the number of CPUs only |
//!
//! Here: the three put together, and how often each reading failed. Files are found below a directory that the
//! host names, so tests (and containers that see their machine's files elsewhere) bring their own.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;
mod meter;
mod packets;
mod reading;

use std::fmt;
use std::io;
use std::path::PathBuf;

#[cfg(not(target_os = "linux"))]
use elsewhere as os;
#[cfg(target_os = "linux")]
use linux as os;

use crate::livekit::time::ServerTime;
use meter::CpuMeter;
pub use packets::{PacketTotals, Qdisc};
pub use reading::{Memory, PacketCounts, ReadFailures, SystemReading};

/// The environment variable that says how many CPUs the node may count on, quotas notwithstanding.
const CPU_REQUEST_VARIABLE: &str = "LIVEKIT_CPU_REQUEST";

/// A number of CPUs as the environment's `LIVEKIT_CPU_REQUEST` has it; `None` if it isn't a positive number.
/// ```
/// # use media_metrics_core::livekit::node::system::cpu_request;
/// assert_eq!(cpu_request("1.5"), Some(1.5));
/// assert_eq!(cpu_request("0"), None);
/// assert_eq!(cpu_request("many"), None);
/// ```
#[must_use]
pub fn cpu_request(text: &str) -> Option<f64> {
    let cpus = text.parse::<f64>().ok()?;
    Some(cpus).filter(|cpus| cpus.is_finite() && *cpus > 0.0)
}

/// Asks for the counters of all queue disciplines.
type QdiscQuery = Box<dyn FnMut() -> io::Result<Vec<Qdisc>> + Send>;

/// The machine to read.
pub struct Machine {
    /// The directory that `proc` and the mount points of control groups are below: `/` but for tests and containers.
    pub root: PathBuf,
    /// CPUs that this process may run on; `None` if unknown.
    pub usable_cpus: Option<usize>,
    /// How many CPUs to count on, whatever quotas and `usable_cpus` say.
    pub cpu_request: Option<f64>,
    /// Where the counters of queue disciplines come from.
    pub qdiscs: QdiscQuery,
}

impl Machine {
    /// The one that this runs on, with the environment's `LIVEKIT_CPU_REQUEST`.
    #[must_use]
    pub fn local() -> Self {
        Self {
            root: PathBuf::from("/"),
            usable_cpus: os::usable_cpus(),
            cpu_request: std::env::var(CPU_REQUEST_VARIABLE)
                .ok()
                .and_then(|text| cpu_request(&text)),
            qdiscs: Box::new(os::qdiscs),
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("root", &self.root)
            .field("usable_cpus", &self.usable_cpus)
            .field("cpu_request", &self.cpu_request)
            .finish_non_exhaustive()
    }
}

/// Reads a machine. What can't be read is `None` and counted; nothing here fails or panics.
///
/// The process' control groups are looked up once, their limits at each reading.
#[derive(Debug)]
pub struct System {
    machine: Machine,
    probe: os::Probe,
    cpu: CpuMeter,
    cpus: Option<f64>,
    packets: PacketTotals,
    failures: ReadFailures,
}

impl System {
    /// Looks up this process' control groups, and takes the packets counted so far for those of before the start.
    #[must_use]
    pub fn new(machine: Machine) -> Self {
        let probe = os::Probe::new(&machine.root);
        let mut system = Self {
            machine,
            probe,
            cpu: CpuMeter::default(),
            cpus: None,
            packets: PacketTotals::default(),
            failures: ReadFailures::default(),
        };
        system.read_packets();
        system
    }

    /// Samples the CPU time: the load is that between the last two samples.
    ///
    /// [`System::read`] samples, too. Call this once a second in between if the load is to be of the last second, as the
    /// reference's is, and not of the whole time between two readings. Samples within half a second count once.
    ///
    /// **Cost**: some reads of small files, one for each control group above this process.
    pub fn sample_cpu(&mut self, now: ServerTime) {
        let quota = known(self.probe.quota(), &mut self.failures.cpu);
        let usable = self.machine.usable_cpus.map(|cpus| cpus as f64);
        let allowed = |quota: &Option<os::Quota>| match (quota, usable) {
            (Some(quota), Some(usable)) => Some(quota.cpus.min(usable)),
            (Some(quota), None) => Some(quota.cpus),
            (None, usable) => usable,
        };
        let requested = self.machine.cpu_request;
        self.cpus = requested.or_else(|| quota.as_ref().and_then(allowed));
        let busy = quota.and_then(|quota| {
            let busy = self.probe.busy(quota.as_ref());
            known(busy, &mut self.failures.cpu)
        });
        self.cpu.sample(now, busy, self.cpus);
    }

    /// Everything, as of `now`.
    ///
    /// **Cost**: some reads of small files, and one question to the kernel about its queue disciplines.
    pub fn read(&mut self, now: ServerTime) -> SystemReading {
        self.sample_cpu(now);
        let packets = self.read_packets();
        SystemReading {
            cpus: self.cpus,
            cpu_load: self.cpu.load(),
            load_averages: known(self.probe.load_averages(), &mut self.failures.load),
            memory: known(self.probe.memory(), &mut self.failures.memory),
            packets: packets.map(|()| self.packets.total()),
            packets_since_start: packets.map(|()| self.packets.since_start()),
        }
    }

    /// How often something could not be read since the start.
    #[must_use]
    pub fn failures(&self) -> ReadFailures {
        self.failures
    }

    fn read_packets(&mut self) -> Option<()> {
        let qdiscs = known((self.machine.qdiscs)(), &mut self.failures.packets)?;
        self.packets.update(&qdiscs);
        Some(())
    }
}

/// What was read. A failure is counted, unless this system never tells.
fn known<T>(result: io::Result<T>, failures: &mut u64) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(e) => {
            if e.kind() != io::ErrorKind::Unsupported {
                *failures += 1;
            }
            None
        }
    }
}
