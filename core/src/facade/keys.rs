//! Keys that are known, and what they lead to.
//!
//! Lives here: look-up by key, on the way of every macro call. Not here: what a key is called (`names`), who
//! may enter one (`recorder`).
//!
//! One series has one *own* key, cleaned and sorted. What programs really ask for (`http.requests`, labels in
//! another order) are its aliases: entries of their own, so that nobody has to clean a name twice.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashTable;
use metrics::Key;

/// Locks among which keys are spread: readers of unlike keys rarely meet.
const SHARDS: usize = 16;

/// See the module.
#[derive(Debug)]
pub(super) struct Keys<T> {
    shards: [RwLock<HashTable<Entry<T>>>; SHARDS],
}

#[derive(Debug)]
struct Entry<T> {
    key: Key,
    to: Arc<T>,
    is_alias: bool,
}

impl<T> Keys<T> {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::new(HashTable::new())),
        }
    }

    /// What `key` leads to.
    #[inline]
    pub(super) fn get(&self, key: &Key) -> Option<Arc<T>> {
        let shard = read(self.shard(key)?);
        let entry = shard.find(key.get_hash(), |e| e.key == *key)?;
        Some(Arc::clone(&entry.to))
    }

    /// Enters a key that is not there.
    pub(super) fn insert(&self, key: Key, to: Arc<T>, is_alias: bool) {
        if let Some(shard) = self.shard(&key) {
            let entry = Entry { key, to, is_alias };
            let hash = |e: &Entry<T>| e.key.get_hash();
            write(shard).insert_unique(entry.key.get_hash(), entry, hash);
        }
    }

    /// Calls `see` with what each own key leads to.
    pub(super) fn each(&self, mut see: impl FnMut(&Arc<T>)) {
        for shard in &self.shards {
            let own = read(shard);
            own.iter().filter(|e| !e.is_alias).for_each(|e| see(&e.to));
        }
    }

    /// Forgets what `is_over`: its aliases, and its own key if nobody holds it. Returns how many aliases, and what stays
    /// because it `is_unseen`.
    ///
    /// Under a shard's lock nobody can take hold of what only that shard still leads to.
    pub(super) fn forget(
        &self,
        is_over: impl Fn(&T) -> bool,
        is_unseen: impl Fn(&T) -> bool,
    ) -> (usize, Vec<Arc<T>>) {
        let mut aliases = 0;
        for shard in &self.shards {
            let mut shard = write(shard);
            let before = shard.len();
            shard.retain(|e| !(e.is_alias && is_over(&e.to)));
            aliases += before - shard.len();
        }
        let mut unseen = Vec::new();
        for shard in &self.shards {
            write(shard).retain(|e| {
                if e.is_alias || !is_over(&e.to) {
                    return true;
                }
                // Not a mere look at the count: after this, all is seen that was done by who let go of it.
                let is_held = Arc::get_mut(&mut e.to).is_none();
                let stays = is_unseen(&e.to);
                if stays {
                    unseen.push(Arc::clone(&e.to));
                }
                is_held || stays
            });
        }
        (aliases, unseen)
    }

    fn shard(&self, key: &Key) -> Option<&RwLock<HashTable<Entry<T>>>> {
        // Not the bits that the table itself goes by: its lowest, and its highest seven.
        let at = (key.get_hash() >> 40) as usize % SHARDS;
        self.shards.get(at)
    }
}

/// A lock that a panic elsewhere did not spoil; see the registry's.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_forgotten_once_nobody_holds_it() {
        let keys = Keys::new();
        let value = Arc::new(7);
        keys.insert(Key::from_name("own"), Arc::clone(&value), false);
        keys.insert(Key::from_name("alias"), Arc::clone(&value), true);
        assert_eq!(keys.get(&Key::from_name("alias")), Some(Arc::clone(&value)));
        let mut seen = 0;
        keys.each(|_| seen += 1);
        assert_eq!(seen, 1, "an alias is no series");

        let forget = |over, unseen| {
            let (aliases, stay) = keys.forget(|_| over, |_| unseen);
            (aliases, stay.len())
        };
        assert_eq!(forget(false, true), (0, 0));
        assert!(keys.get(&Key::from_name("alias")).is_some());
        assert_eq!(forget(true, false), (1, 0));
        assert_eq!(keys.get(&Key::from_name("alias")), None);
        assert!(keys.get(&Key::from_name("own")).is_some(), "we hold it");
        assert_eq!(forget(true, true), (0, 1), "held and unseen");
        drop(value);
        assert_eq!(forget(true, true), (0, 1));
        assert!(keys.get(&Key::from_name("own")).is_some(), "unseen");
        assert_eq!(forget(true, false), (0, 0));
        assert_eq!(keys.get(&Key::from_name("own")), None);
    }
}
