//! The registry behind an analysis: where streams are made.
//!
//! Lives here: the one registry, its one group. Not here: what is fed to the streams (`stream`).

use media_metrics_core::registry::Group;
use media_metrics_core::{RegisterError, Registry, StreamConfig};

use super::tracks::MAX_STREAMS;

/// Packets that wait for their stream's clock rate, in all; beyond, a rate is decided at once. 40 MB.
const MAX_WAITING: usize = 1 << 20;

/// Makes the core's streams.
#[derive(Debug)]
pub(crate) struct Meter {
    registry: Registry,
    group: Group,
    /// Packets in streams whose clock rate is not decided.
    pub(crate) waiting: usize,
}

impl Meter {
    /// A registry for one analysis. Nobody reads its families: the analysis asks each stream.
    pub(crate) fn new() -> Result<Self, RegisterError> {
        let registry = Registry::builder()
            .max_streams(MAX_STREAMS)
            .group_labels(&[])
            .build()?;
        let group = registry.group(&[])?;
        Ok(Self {
            registry,
            group,
            waiting: 0,
        })
    }

    /// Whether too many packets wait.
    pub(crate) const fn is_full(&self) -> bool {
        self.waiting >= MAX_WAITING
    }

    /// The core's stream: the same code as on the live path.
    pub(crate) fn stream(
        &mut self,
        ssrc: u32,
        clock_rate: u32,
    ) -> Result<media_metrics_core::Stream, RegisterError> {
        self.registry
            .stream(&self.group, StreamConfig::new(ssrc, clock_rate))
    }
}
