//! Who exists: families, series, groups, streams, and the limits on them.
//!
//! In `public`: the `Registry` as hosts see it. In `builder`: one to be; in `limits`: what it may hold. In `shared`: what
//! its clones have in common. In `registration`: from a description to a handle; in `handle`: what handles have in
//! common. In `table`: families and series; in `series`: one of them; in `life`: when its index may be used again. In
//! `group`, `sender_group`: label groups of streams. In `idle`: who lets idle series go. In `sole`: one reporter at a
//! time. Not here: hot-path code, merging (`reporter`).
//!
//! Everything here is a cold path and may take the table's lock; recording never does.

#[cfg(not(media_metrics_loom))]
mod builder;
#[cfg(not(media_metrics_loom))]
mod group;
#[cfg(not(media_metrics_loom))]
mod handle;
#[cfg(all(feature = "facade", not(media_metrics_loom)))]
pub(crate) mod idle;
pub(crate) mod life;
#[cfg(not(media_metrics_loom))]
mod limits;
#[cfg(not(media_metrics_loom))]
mod public;
#[cfg(not(media_metrics_loom))]
pub(crate) mod registration;
#[cfg(not(media_metrics_loom))]
mod sender_group;
#[cfg(not(media_metrics_loom))]
mod series;
#[cfg(not(media_metrics_loom))]
pub(crate) mod shared;
pub(crate) mod sole;
#[cfg(not(media_metrics_loom))]
pub(crate) mod table;

#[cfg(not(media_metrics_loom))]
pub use builder::RegistryBuilder;
#[cfg(not(media_metrics_loom))]
pub use group::Group;
#[cfg(not(media_metrics_loom))]
pub(crate) use group::GroupMetrics;
#[cfg(not(media_metrics_loom))]
pub(crate) use handle::Handle;
#[cfg(not(media_metrics_loom))]
pub use public::{AnyHandle, Registry};
#[cfg(not(media_metrics_loom))]
pub use sender_group::SenderGroup;
#[cfg(not(media_metrics_loom))]
pub(crate) use sender_group::SenderGroupMetrics;
#[cfg(not(media_metrics_loom))]
pub(crate) use series::Series;
#[cfg(not(media_metrics_loom))]
pub(crate) use shared::Shared;
#[cfg(not(media_metrics_loom))]
pub(crate) use table::Table;
