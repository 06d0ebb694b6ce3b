//! What every handle has in common: which series, in which registry, kept alive.
//!
//! Lives here: holding a series and its home. Not here: the hot path's way to a cell (`shard::address`), what is done there.

use std::rc::Rc;
use std::sync::Arc;

use super::Series;
use crate::shard::attach::{self, Attachment, Home};
use crate::shard::{Address, Shard};

/// A handle on a series. While it lives, the series' index is not given to another.
#[derive(Debug)]
pub(crate) struct Handle {
    home: Arc<Home>,
    series: Arc<Series>,
}

impl Handle {
    /// Under the registry's lock, for a series that is not removed; or by a holder of a handle, which [`Clone`] is: then the
    /// count is not 0 and stays so meanwhile, so nobody takes the index, whether or not the series is removed by now.
    pub(crate) fn new(home: &Arc<Home>, series: &Arc<Series>) -> Self {
        series.life.acquire();
        Self {
            home: Arc::clone(home),
            series: Arc::clone(series),
        }
    }

    /// Address of the series' counter or gauge cell.
    pub(crate) fn cell_address(&self) -> Address {
        Address::of_cell(&self.home, self.series.index)
    }

    /// Address of the series' bucket slot.
    pub(crate) fn slot_address(&self) -> Address {
        Address::of_slot(&self.home, self.series.index)
    }

    pub(crate) fn series(&self) -> &Arc<Series> {
        &self.series
    }

    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Whether both are handles of the same registry.
    pub(crate) fn is_of(&self, home: &Arc<Home>) -> bool {
        Arc::ptr_eq(&self.home, home)
    }

    /// The slow way to a shard; see [`Home::with_shard`].
    #[cold]
    #[inline(never)]
    pub(crate) fn with_shard(&self, write: impl FnOnce(&Shard)) {
        self.home.with_shard(write);
    }

    /// This thread's hold on its shard, for a local handle.
    pub(crate) fn attach(&self) -> Option<Rc<Attachment>> {
        attach::attach(&self.home)
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        Self::new(&self.home, &self.series)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.series.life.release();
    }
}
