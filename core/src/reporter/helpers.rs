//! Other threads' help for a large merge.
//!
//! Lives here: the pool, and when it may be used. Not here: what is merged.
//!
//! The pool is our own. A tick holds the collector's lock, and a thread of rayon's global pool may wait
//! for that very lock: had we to wait for the global pool, nobody would ever go on. For the same reason a
//! tick on a thread of *any* rayon pool merges alone: while it waited for help, that thread would take up
//! other jobs, which may want the lock that it holds.

use std::sync::OnceLock;
use std::thread::available_parallelism;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// More helpers than this wait for memory, not for each other.
const MOST: usize = 4;

/// The pool, if the merge is `large`, the caller may wait for it and it could be made.
pub(crate) fn helpers(large: bool) -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    if !large || rayon::current_thread_index().is_some() {
        return None;
    }
    let make = || {
        let threads = available_parallelism().map_or(1, |n| n.get().min(MOST));
        let name = |i| format!("mm-merge-{i}");
        ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(name)
            .build()
            .ok()
    };
    POOL.get_or_init(make).as_ref()
}
