//! One handle for each combination of a closed set of label values.
//!
//! Lives here: the list. Not here: the sets (`labels`).

use std::marker::PhantomData;

use super::labels::Key;
use super::scope::{Scope, Series};
use crate::desc::Desc;
use crate::error::RegisterError;

/// Handles on all series of a family, registered at once: each is there from the start, at 0, and finding one
/// is an index into a list.
#[derive(Debug)]
pub(super) struct Closed<K, H> {
    handles: Vec<H>,
    of: PhantomData<fn(K)>,
}

impl<K: Key, H: Series> Closed<K, H> {
    pub(super) fn new(scope: &Scope, desc: &Desc) -> Result<Self, RegisterError> {
        let handle = |key: K| scope.series(desc, &key.values());
        Ok(Self {
            handles: K::all().into_iter().map(handle).collect::<Result<_, _>>()?,
            of: PhantomData,
        })
    }

    pub(super) fn get(&self, key: K) -> &H {
        // In bounds: a key's index is its position among all, of which each has a handle. A test in `labels`
        // holds every kind of key to it.
        &self.handles[key.index()]
    }
}
