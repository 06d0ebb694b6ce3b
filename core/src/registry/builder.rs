//! A registry to be.
//!
//! Lives here: choosing its limits. Not here: what they are and which are too large (`limits`).

use std::sync::Arc;
use std::time::Duration;

use super::Registry;
use super::limits::Limits;
use super::shared::Shared;
use crate::desc::LabelNames;
use crate::error::RegisterError;

/// Limits and label names of a registry to be.
#[derive(Clone, Debug, Default)]
pub struct RegistryBuilder {
    limits: Limits,
}

impl RegistryBuilder {
    /// At most this many series of the host's own (default 65,536; at most 2^24). Each costs a thread 16
    /// bytes of address space, and memory only where it is written.
    #[must_use]
    pub const fn max_series(mut self, limit: usize) -> Self {
        self.limits.max_series = limit;
        self
    }

    /// At most this many live streams, received and sent together (default 100,000).
    #[must_use]
    pub const fn max_streams(mut self, limit: usize) -> Self {
        self.limits.max_streams = limit;
        self
    }

    /// At most this many label groups of received streams, and as many of sent ones (default 256, which is
    /// also the most there can be).
    #[must_use]
    pub const fn max_groups(mut self, limit: usize) -> Self {
        self.limits.max_groups = limit;
        self
    }

    /// Label names of stream groups (default `direction`, `kind`). Not `reason`: the families of quality have
    /// that besides.
    #[must_use]
    pub fn group_labels(mut self, names: &[&str]) -> Self {
        self.limits.group_labels = LabelNames::Owned(names.iter().map(|n| Box::from(*n)).collect());
        self
    }

    /// How long a window of a stream's quality is (default 5 s), and of its distributions where LiveKit's
    /// families are derived. It ends with the first merge after that.
    #[must_use]
    pub const fn quality_window(mut self, length: Duration) -> Self {
        self.limits.quality_window = length;
        self
    }

    /// How many of the worst streams of each interval, and of the worst groups, are shown (default 10, at most
    /// 100; 0: none): see [`worst`](crate::worst). Each takes 14 series when it is first needed.
    ///
    /// - **Cost**: a comparison for each stream with news at each merge, on the thread that merges.
    #[must_use]
    pub const fn worst(mut self, slots: usize) -> Self {
        self.limits.worst = slots;
        self
    }

    /// The registry.
    ///
    /// # Errors
    /// A limit beyond what can be had, or a group label that is no label name, or taken.
    pub fn build(self) -> Result<Registry, RegisterError> {
        self.limits.check()?;
        let shared = Shared::new(self.limits)?;
        Ok(Registry::of(Arc::new(shared)))
    }
}
