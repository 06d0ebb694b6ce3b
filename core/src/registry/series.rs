//! One series: its labels, its index, when it began.
//!
//! Lives here: what is known of it wherever it is listed. Not here: the lists (`table`, the reporter's), when its
//! index may be used again (`life`), values.

use std::time::{Duration, SystemTime};

use super::life::Life;
use crate::desc::Kind;
use crate::gauge::Level;
use crate::labels::LabelValues;
use crate::sync::{AtomicBool, Relaxed};
use crate::wall::since_1970;

/// One series: labels, index, life.
#[derive(Debug)]
pub(crate) struct Series {
    pub(super) labels: LabelValues,
    /// Milliseconds since 1970: half of what a `SystemTime` takes. 0: nobody knows.
    created_ms: u64,
    /// What `Gauge::set` writes; only a gauge has it.
    pub(crate) level: Option<Box<Level>>,
    pub(crate) index: u32,
    /// Position of the family in the table.
    pub(super) family: u32,
    /// Whether the limit on series counts it.
    pub(super) counted: bool,
    /// Whether the reporter has it in its lists. Written and read under the table's lock.
    listed: AtomicBool,
    pub(crate) life: Life,
}

impl Series {
    /// A series that begins now.
    pub(super) fn new(
        labels: LabelValues,
        kind: Kind,
        index: u32,
        family: u32,
        counted: bool,
    ) -> Self {
        Self {
            labels,
            created_ms: now_ms(),
            level: (kind == Kind::Gauge).then(|| Box::new(Level::new())),
            index,
            family,
            counted,
            listed: AtomicBool::new(false),
            life: Life::new(),
        }
    }

    pub(crate) fn labels(&self) -> &LabelValues {
        &self.labels
    }

    pub(crate) fn created(&self) -> Option<SystemTime> {
        let since_1970 = Duration::from_millis(self.created_ms);
        (self.created_ms > 0).then(|| SystemTime::UNIX_EPOCH + since_1970)
    }

    /// For the reporter, under the table's lock: whether it is to have the series in its lists from now on.
    pub(crate) fn list(&self) -> bool {
        let there = !self.life.is_removed();
        self.listed.store(there, Relaxed); // Relaxed: under the lock, as is `Table::restore`
        there
    }

    /// Whether the reporter has it in its lists.
    #[cfg(feature = "facade")]
    pub(super) fn is_listed(&self) -> bool {
        self.listed.load(Relaxed) // Relaxed: see `list`
    }

    /// A series of no registry, for snapshots made by hand: begun now, or nobody knows when.
    pub(crate) fn detached(labels: LabelValues, begins_now: bool) -> Self {
        Self {
            labels,
            created_ms: if begins_now { now_ms() } else { 0 },
            level: None,
            index: 0,
            family: 0,
            counted: false,
            listed: AtomicBool::new(false),
            life: Life::new(),
        }
    }
}

/// The wall clock. A clock before 1970 says 1970.
fn now_ms() -> u64 {
    let since = since_1970(SystemTime::now());
    since.as_millis().try_into().unwrap_or(u64::MAX)
}
