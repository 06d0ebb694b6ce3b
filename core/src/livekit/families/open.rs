//! Handles by label values that are not known beforehand: found again without registering, and bounded.
//!
//! Lives here: the table. Not here: what may be a value (`labels::text`).

use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::{Equivalent, HashMap};

use super::scope::{Scope, Series, is_full};
use crate::Counter;
use crate::desc::Desc;
use crate::error::RegisterError;

/// Handles, or sets of handles that share label values, by these values.
///
/// - **Cost**: a read lock and a hash to find one; registration the first time.
/// - **Bound**: `limit` entries, and those that the rest is folded into.
#[derive(Debug)]
pub(super) struct Open<H> {
    known: RwLock<HashMap<Values, Arc<H>>>,
    limit: usize,
    folds: Counter,
}

/// An entry, and whether it is that of what was folded.
pub(super) struct Found<H> {
    pub(super) entry: Arc<H>,
    pub(super) folded: bool,
}

/// Label values that an entry is for. Hashes as the borrowed ones do: as a slice of texts.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Values(Box<[Box<str>]>);

/// The same, borrowed.
struct Wanted<'a>(&'a [&'a str]);

impl Hash for Wanted<'_> {
    fn hash<S: Hasher>(&self, state: &mut S) {
        self.0.hash(state);
    }
}

impl Equivalent<Values> for Wanted<'_> {
    fn equivalent(&self, key: &Values) -> bool {
        self.0.iter().copied().eq(key.0.iter().map(|v| &**v))
    }
}

/// Registers as an entry may: a new one within the limits, a folded one in the reserve.
pub(super) struct Place<'a> {
    scope: &'a Scope,
    folded: bool,
}

impl Place<'_> {
    pub(super) fn series<S: Series>(
        &self,
        desc: &Desc,
        values: &[&str],
    ) -> Result<S, RegisterError> {
        if self.folded {
            self.scope.reserved(desc, values)
        } else {
            self.scope.series(desc, values)
        }
    }
}

impl<H> Open<H> {
    /// What is folded is counted as of the family `desc`.
    pub(super) fn new(scope: &Scope, desc: &Desc, limit: usize) -> Result<Self, RegisterError> {
        Ok(Self {
            known: RwLock::default(),
            limit,
            folds: scope.folds(desc)?,
        })
    }

    /// The entry of `values`, made now if there is none. Where there is no room, or no values that may stand
    /// in a label (`None`), that of `folded`, counted. `folded` must be one of a few.
    pub(super) fn get<const N: usize>(
        &self,
        scope: &Scope,
        values: Option<[&str; N]>,
        folded: [&str; N],
        make: impl Fn(&Place<'_>, [&str; N]) -> Result<H, RegisterError>,
    ) -> Result<Arc<H>, RegisterError> {
        let found = self.find(scope, values, folded, make)?;
        if found.folded {
            self.count_fold();
        }
        Ok(found.entry)
    }

    /// Counts what is recorded in a folded entry.
    pub(super) fn count_fold(&self) {
        self.folds.inc();
    }

    /// As [`get`](Self::get), for who counts for itself what is folded.
    pub(super) fn find<const N: usize>(
        &self,
        scope: &Scope,
        values: Option<[&str; N]>,
        folded: [&str; N],
        make: impl Fn(&Place<'_>, [&str; N]) -> Result<H, RegisterError>,
    ) -> Result<Found<H>, RegisterError> {
        if let Some(values) = values {
            let place = Place {
                scope,
                folded: false,
            };
            match self.entry(values, self.limit, || make(&place, values)) {
                Err(e) if is_full(&e) => {}
                done => {
                    let folded = false;
                    return done.map(|entry| Found { entry, folded });
                }
            }
        }
        let place = Place {
            scope,
            folded: true,
        };
        let entry = self.entry(folded, usize::MAX, || make(&place, folded))?;
        Ok(Found {
            entry,
            folded: true,
        })
    }

    /// The entry of `values`, made now if there are fewer than `limit`.
    fn entry<const N: usize>(
        &self,
        values: [&str; N],
        limit: usize,
        make: impl FnOnce() -> Result<H, RegisterError>,
    ) -> Result<Arc<H>, RegisterError> {
        let wanted = Wanted(&values);
        let full = RegisterError::Full { limit };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = known.get(&wanted) {
            return Ok(Arc::clone(there));
        }
        if known.len() >= limit {
            return Err(full);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been quicker.
        if let Some(there) = known.get(&wanted) {
            return Ok(Arc::clone(there));
        }
        if known.len() >= limit {
            return Err(full);
        }
        let made = Arc::new(make()?);
        let key = values.iter().map(|v| Box::from(*v)).collect();
        known.insert(Values(key), Arc::clone(&made));
        Ok(made)
    }
}
