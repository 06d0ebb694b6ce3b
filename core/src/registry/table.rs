//! The tables: families by name, series by labels, indexes by need.
//!
//! Lives here: look-up, limits, removal, reuse of indexes. Not here: what a series is (`series`), locks (`shared`), cells.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::series::Series;
use crate::desc::{Desc, Kind};
use crate::error::RegisterError;
use crate::labels::LabelValues;
use crate::shard::Shards;

/// Series that limits do not count: what the library itself exports, and each family's `other`.
pub(crate) const RESERVED: usize = 24_576;

/// Value of every label of the series that takes what found no place.
pub(crate) const OTHER: &str = "other";

/// The same of a family with open labels.
pub(crate) const OPEN_OTHER: [&str; 2] = ["overflow", "true"];

/// A family and its series.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) desc: Arc<Desc>,
    by_labels: HashTable<Arc<Series>>,
    /// Series that the reporter has not seen yet.
    pub(crate) added: Vec<Arc<Series>>,
    /// Whether series came or went since the reporter last looked.
    pub(crate) changed: bool,
}

/// Whom a registration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The host's own series: limits apply.
    Host,
    /// The library's own, or an `other`: from the reserve.
    Reserve,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) families: Vec<Family>,
    by_name: HashMap<Box<str>, u32>,
    hasher: DefaultHashBuilder,
    /// Indexes that were used before and are free again.
    free: Vec<u32>,
    /// First index that was never used.
    next: u32,
    /// Removed series whose handles are not all gone yet.
    condemned: Vec<Arc<Series>>,
    max_series: usize,
    /// Series that the limit counts, condemned ones included: they still hold an index.
    counted: usize,
    reserved: usize,
}

impl Table {
    pub(crate) fn new(max_series: usize) -> Self {
        Self {
            families: Vec::new(),
            by_name: HashMap::new(),
            hasher: DefaultHashBuilder::default(),
            free: Vec::new(),
            next: 0,
            condemned: Vec::new(),
            max_series,
            counted: 0,
            reserved: 0,
        }
    }

    /// Indexes that a slab must have room for.
    pub(crate) const fn capacity(max_series: usize) -> usize {
        max_series + RESERVED
    }

    /// Series that hold an index.
    pub(crate) const fn len(&self) -> usize {
        self.counted + self.reserved
    }

    /// The series of `desc` with these label values, made now if there is none.
    pub(crate) fn series(
        &mut self,
        desc: &Desc,
        kind: Kind,
        values: &[&str],
        purpose: Purpose,
    ) -> Result<Arc<Series>, RegisterError> {
        let name = || desc.name().to_owned();
        if desc.kind() != kind {
            return Err(RegisterError::WrongKind { name: name() });
        }
        desc.check_count(values)?;
        let known = self.by_name.get(desc.name()).copied();
        match known.and_then(|at| self.families.get(at as usize)) {
            Some(family) if !family.desc.is_same_family(desc) => {
                return Err(RegisterError::Mismatch { name: name() });
            }
            Some(_) => {}
            None => desc.validate()?,
        }
        let labels = LabelValues::new(values);
        let hash = self.hasher.hash_one(&labels);
        if let Some(family) = known.and_then(|at| self.families.get(at as usize)) {
            if let Some(there) = family.by_labels.find(hash, |s| s.labels == labels) {
                return Ok(Arc::clone(there));
            }
            let limit = desc.series_limit();
            if purpose == Purpose::Host && family.by_labels.len() >= limit {
                return Err(RegisterError::FamilyFull {
                    name: name(),
                    limit,
                });
            }
        }
        desc.check_brought(values)?;
        if known.is_none() {
            self.room_for_family(desc)?;
        }
        let index = self.take_index(purpose)?;
        let family = known.unwrap_or_else(|| self.add_family(desc));
        let counted = purpose == Purpose::Host;
        let series = Arc::new(Series::new(labels, kind, index, family, counted));
        let hasher = &self.hasher;
        if let Some(family) = self.families.get_mut(family as usize) {
            let rehash = |s: &Arc<Series>| hasher.hash_one(&s.labels);
            family
                .by_labels
                .insert_unique(hash, Arc::clone(&series), rehash);
            family.added.push(Arc::clone(&series));
            family.changed = true;
        }
        Ok(series)
    }

    /// Families stay when their last series is removed: so their number has a limit, too. And none may
    /// look like a part of a histogram beside it.
    fn room_for_family(&self, desc: &Desc) -> Result<(), RegisterError> {
        let limit = Self::capacity(self.max_series);
        if self.families.len() >= limit {
            return Err(RegisterError::Full { limit });
        }
        let kind_of = |name: &str| {
            let at = *self.by_name.get(name)?;
            Some(self.families.get(at as usize)?.desc.kind())
        };
        for suffix in ["_bucket", "_sum", "_count"] {
            let other = match desc.name().strip_suffix(suffix) {
                Some(whole) if kind_of(whole) == Some(Kind::Histogram) => whole.to_owned(),
                _ if desc.kind() == Kind::Histogram => format!("{}{suffix}", desc.name()),
                _ => continue,
            };
            if kind_of(&other).is_some() {
                return Err(RegisterError::Clash {
                    name: desc.name().to_owned(),
                    other,
                });
            }
        }
        Ok(())
    }

    fn add_family(&mut self, desc: &Desc) -> u32 {
        let at = self.families.len() as u32;
        self.families.push(Family {
            desc: Arc::new(desc.clone()),
            by_labels: HashTable::new(),
            added: Vec::new(),
            changed: false,
        });
        self.by_name.insert(desc.name().into(), at);
        at
    }

    fn take_index(&mut self, purpose: Purpose) -> Result<u32, RegisterError> {
        let (used, limit) = match purpose {
            Purpose::Host => (&mut self.counted, self.max_series),
            Purpose::Reserve => (&mut self.reserved, RESERVED),
        };
        if *used >= limit {
            return Err(RegisterError::Full { limit });
        }
        *used += 1;
        Ok(self.free.pop().unwrap_or_else(|| {
            // Below the capacity: as many indexes are out as `counted` and `reserved` say.
            let fresh = self.next;
            self.next += 1;
            fresh
        }))
    }

    /// Takes a series out. Its handles go on writing to where nobody looks.
    pub(crate) fn remove(&mut self, series: &Arc<Series>) -> bool {
        if series.life.is_removed() {
            return false;
        }
        let hash = self.hasher.hash_one(&series.labels);
        let Some(family) = self.families.get_mut(series.family as usize) else {
            return false;
        };
        let Ok(entry) = family
            .by_labels
            .find_entry(hash, |s| Arc::ptr_eq(s, series))
        else {
            return false;
        };
        entry.remove();
        series.life.remove();
        family.changed = true;
        self.condemned.push(Arc::clone(series));
        true
    }

    /// Puts a removed series back, with its values; the caller holds a handle of it. Not if another series
    /// has its labels by now: then `false`.
    #[cfg(feature = "facade")]
    pub(crate) fn restore(&mut self, series: &Arc<Series>) -> bool {
        let is_it = |s: &Arc<Series>| Arc::ptr_eq(s, series);
        let Some(at) = self.condemned.iter().position(is_it) else {
            return !series.life.is_removed();
        };
        let hasher = &self.hasher;
        let hash = hasher.hash_one(&series.labels);
        let Some(family) = self.families.get_mut(series.family as usize) else {
            return false;
        };
        let taken = family.by_labels.find(hash, |s| s.labels == series.labels);
        if taken.is_some() {
            return false;
        }
        self.condemned.swap_remove(at);
        series.life.restore();
        let rehash = |s: &Arc<Series>| hasher.hash_one(&s.labels);
        let labels = &mut family.by_labels;
        labels.insert_unique(hash, Arc::clone(series), rehash);
        // What the reporter has, or is yet to take over, it must not get twice.
        if !series.is_listed() && !family.added.iter().any(is_it) {
            family.added.push(Arc::clone(series));
        }
        family.changed = true;
        true
    }

    /// Gives a family another description, which differs in help and unit alone.
    #[cfg(feature = "facade")]
    pub(crate) fn describe(&mut self, desc: &Desc) {
        let known = self.by_name.get(desc.name()).copied();
        if let Some(family) = known.and_then(|at| self.families.get_mut(at as usize)) {
            family.desc = Arc::new(desc.clone());
            family.changed = true;
        }
    }

    /// Zeroes the cells of removed series that nobody can write to any more, and frees their indexes.
    ///
    /// The reporter's: it has dropped the series from its own lists before.
    pub(crate) fn reuse(&mut self, shards: &Shards) {
        let (free, counted, reserved) = (&mut self.free, &mut self.counted, &mut self.reserved);
        self.condemned.retain(|series| {
            // `is_over` comes before the walk: a shard that a late writer used is in the list by then.
            if !series.life.is_over() {
                return true;
            }
            shards.iter().for_each(|shard| shard.forget(series.index));
            free.push(series.index);
            *(if series.counted {
                &mut *counted
            } else {
                &mut *reserved
            }) -= 1;
            false
        });
    }
}
