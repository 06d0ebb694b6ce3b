//! What the operating system says, as plain values.
//!
//! Lives here: the values. Not here: where they are read (the other files of this room).

/// The operating system at one moment. What it did not say is `None`, never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SystemReading {
    /// CPUs that this process may use: those it may run on, or fewer by a control group's quota (1.5, say), or what
    /// the host asked for instead.
    pub cpus: Option<f64>,
    /// Share of them in use, 0 to 1, between the last two samples; `None` before the second.
    pub cpu_load: Option<f64>,
    /// Runnable threads of the whole machine on average over 1, 5 and 15 minutes.
    pub load_averages: Option<[f32; 3]>,
    /// Memory.
    pub memory: Option<Memory>,
    /// Packets of all queue disciplines: what the kernel had counted at the start, and what came since.
    pub packets: Option<PacketCounts>,
    /// The part of it that came since the start: `livekit_node_packet_total`.
    pub packets_since_start: Option<PacketCounts>,
}

/// Memory in use and memory there is: a control group's if it is limited, else the machine's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes in use, without caches that would give way.
    pub used_bytes: u64,
    /// Bytes there are.
    pub total_bytes: u64,
}

impl Memory {
    /// The share in use; 0 if there is none.
    #[must_use]
    pub fn load(self) -> f64 {
        if self.total_bytes == 0 {
            0.0
        } else {
            self.used_bytes as f64 / self.total_bytes as f64
        }
    }
}

/// What queue disciplines did with packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketCounts {
    /// Sent.
    pub out: u64,
    /// Dropped.
    pub dropped: u64,
}

/// Readings that failed, by what could not be read, since the start. Files that may well be absent (quotas) don't count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadFailures {
    /// CPU time or the quota on it.
    pub cpu: u64,
    /// Load averages.
    pub load: u64,
    /// Memory or the limit on it.
    pub memory: u64,
    /// Queue disciplines.
    pub packets: u64,
}
