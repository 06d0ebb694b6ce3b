//! Who exists: families, series, groups, streams, and the limits on them.
//!
//! Lives here: the public `Registry` (`shared`). In `table`: families and series. In `series`: when an index may
//! be used again. In `group`, `sender_group`: label groups of streams. In `handle`: what handles have in common.
//! Not here: hot-path code, merging (`reporter`).
//!
//! Everything here is a cold path and may take the table's lock; recording never does.

#[cfg(not(media_metrics_loom))]
mod group;
#[cfg(not(media_metrics_loom))]
mod handle;
#[cfg(not(media_metrics_loom))]
mod sender_group;
pub(crate) mod series;
#[cfg(not(media_metrics_loom))]
pub(crate) mod shared;
#[cfg(not(media_metrics_loom))]
pub(crate) mod table;

#[cfg(not(media_metrics_loom))]
pub use group::Group;
#[cfg(not(media_metrics_loom))]
pub(crate) use group::GroupMetrics;
#[cfg(not(media_metrics_loom))]
pub(crate) use handle::{Address, Handle};
#[cfg(not(media_metrics_loom))]
pub use sender_group::SenderGroup;
#[cfg(not(media_metrics_loom))]
pub(crate) use sender_group::SenderGroupMetrics;
#[cfg(not(media_metrics_loom))]
pub(crate) use shared::Shared;
#[cfg(not(media_metrics_loom))]
pub use shared::{AnyHandle, Registry, RegistryBuilder};
#[cfg(not(media_metrics_loom))]
pub(crate) use table::{Series, Table};
