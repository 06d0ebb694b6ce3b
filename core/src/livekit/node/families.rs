//! The families of the node itself: `media_node_*`.
//!
//! Lives here: handles, and setting them from a reading. Not here: names and help (`catalog`), LiveKit's own families,
//! of which the node's CPU and memory have none.

use super::system::{ReadFailures, SystemReading};
use crate::catalog;
use crate::counter::Counter;
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::registry::Registry;

/// CPU, memory, load and failed readings of this node. What is unknown has no line in a scrape.
#[derive(Debug)]
pub struct NodeFamilies {
    cpus: Gauge,
    cpu_load: Gauge,
    memory_used: Gauge,
    memory_total: Gauge,
    load_averages: [Gauge; 3],
    failures: [Counter; 4],
    /// Failures that are counted already.
    counted: [u64; 4],
}

impl NodeFamilies {
    /// Registers them.
    ///
    /// # Errors
    ///
    /// As [`Registry::gauge`].
    pub fn new(registry: &Registry) -> Result<Self, RegisterError> {
        let gauge = |desc| registry.gauge(desc, &[]);
        let failed = |what| registry.counter(&catalog::NODE_READ_FAILURES, &[what]);
        let mut families = Self {
            cpus: gauge(&catalog::NODE_CPUS)?,
            cpu_load: gauge(&catalog::NODE_CPU_LOAD)?,
            memory_used: gauge(&catalog::NODE_MEMORY_USED)?,
            memory_total: gauge(&catalog::NODE_MEMORY_TOTAL)?,
            load_averages: [
                gauge(&catalog::NODE_LOAD1)?,
                gauge(&catalog::NODE_LOAD5)?,
                gauge(&catalog::NODE_LOAD15)?,
            ],
            failures: [
                failed("cpu")?,
                failed("load")?,
                failed("memory")?,
                failed("packets")?,
            ],
            counted: [0; 4],
        };
        families.record(&SystemReading::default(), ReadFailures::default());
        Ok(families)
    }

    /// Sets them as of a reading and the failures so far.
    ///
    /// **Cost**: a store for each.
    pub fn record(&mut self, system: &SystemReading, failures: ReadFailures) {
        set(&self.cpus, system.cpus);
        set(&self.cpu_load, system.cpu_load);
        let (used, total) = match system.memory {
            Some(memory) => (Some(memory.used_bytes), Some(memory.total_bytes)),
            None => (None, None),
        };
        set(&self.memory_used, used.map(|bytes| bytes as f64));
        set(&self.memory_total, total.map(|bytes| bytes as f64));
        for (i, gauge) in self.load_averages.iter().enumerate() {
            set(gauge, system.load_averages.map(|loads| f64::from(loads[i])));
        }
        let so_far = [
            failures.cpu,
            failures.load,
            failures.memory,
            failures.packets,
        ];
        for ((counter, counted), so_far) in self.failures.iter().zip(&mut self.counted).zip(so_far)
        {
            counter.add(so_far.saturating_sub(*counted));
            *counted = so_far;
        }
    }
}

fn set(gauge: &Gauge, value: Option<f64>) {
    match value {
        Some(value) => gauge.set(value),
        None => gauge.clear(),
    }
}
