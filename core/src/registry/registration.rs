//! From a description and label values to a handle.
//!
//! Lives here: handles for the host and for the library itself, and the `other` of what found no place. Not here: look-up
//! and limits (`table`), what a handle does.

use std::sync::Arc;

use super::handle::Handle;
use super::shared::Shared;
use super::table::{OPEN_OTHER, OTHER, Purpose, Table};
use crate::catalog;
use crate::counter::Counter;
use crate::desc::{Desc, Kind};
use crate::error::RegisterError;
use crate::shard::attach::Home;

/// A handle on a series, made now if there is none. Under the table's lock, so that the series is not
/// removed in between.
fn handle(
    table: &mut Table,
    home: &Arc<Home>,
    desc: &Desc,
    kind: Kind,
    values: &[&str],
    purpose: Purpose,
) -> Result<Handle, RegisterError> {
    let series = table.series(desc, kind, values, purpose)?;
    Ok(Handle::new(home, &series))
}

/// A handle on a series of the library's own.
pub(crate) fn own_handle(
    table: &mut Table,
    home: &Arc<Home>,
    desc: &Desc,
    values: &[&str],
) -> Result<Handle, RegisterError> {
    handle(table, home, desc, desc.kind(), values, Purpose::Reserve)
}

/// A counter of the library's own.
pub(crate) fn own_counter(
    table: &mut Table,
    home: &Arc<Home>,
    desc: &Desc,
    values: &[&str],
) -> Result<Counter, RegisterError> {
    own_handle(table, home, desc, values).map(Counter::new)
}

/// Label values of the family's series that takes what found no place, as these did not.
pub(crate) fn other_values<'a>(desc: &Desc, values: &[&'a str]) -> Vec<&'a str> {
    match values {
        [] => Vec::new(),
        _ if desc.has_open_labels() => OPEN_OTHER.to_vec(),
        _ => vec![OTHER; values.len()],
    }
}

impl Shared {
    /// A handle on a series, made now if there is none.
    pub(crate) fn handle(
        &self,
        desc: &Desc,
        kind: Kind,
        values: &[&str],
        purpose: Purpose,
    ) -> Result<Handle, RegisterError> {
        handle(&mut self.table(), &self.home, desc, kind, values, purpose)
    }

    /// A handle on a series of the library's own.
    pub(crate) fn own_handle(&self, desc: &Desc, values: &[&str]) -> Result<Handle, RegisterError> {
        own_handle(&mut self.table(), &self.home, desc, values)
    }

    /// As `own_handle`, for label values that may come from outside; where a limit is met, the family's `other`, counted.
    #[cfg(feature = "livekit")]
    pub(crate) fn own_handle_or_other(
        &self,
        desc: &Desc,
        values: &[&str],
    ) -> Result<Handle, RegisterError> {
        self.handle_or_other(desc, desc.kind(), values, Purpose::Reserve)
    }

    /// As `handle`; where a limit is met, the family's `other`, counted.
    pub(super) fn handle_or_other(
        &self,
        desc: &Desc,
        kind: Kind,
        values: &[&str],
        purpose: Purpose,
    ) -> Result<Handle, RegisterError> {
        match self.handle(desc, kind, values, purpose) {
            Err(e @ (RegisterError::Full { .. } | RegisterError::FamilyFull { .. })) => {
                self.count_overflow(desc);
                let others = other_values(desc, values);
                let other = self.handle(desc, kind, &others, Purpose::Reserve);
                other.map_err(|_| e)
            }
            done => done,
        }
    }

    /// Counts that a series of the family found no place.
    pub(crate) fn count_overflow(&self, desc: &Desc) {
        let overflow = &catalog::SERIES_OVERFLOW;
        let counted = own_counter(&mut self.table(), &self.home, overflow, &[desc.name()]);
        if let Ok(overflow) = counted {
            overflow.inc();
        }
    }
}
