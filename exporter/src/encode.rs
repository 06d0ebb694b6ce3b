//! One encoding of each snapshot, shared by all who ask for it.
//!
//! Lives here: encoding when a snapshot is asked for first, keeping the page until another snapshot is
//! asked for, reusing its memory. Not here: the formats themselves (`format`), who asks (`http`).

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use media_metrics_core::snapshot::Snapshot;

use crate::format::text;

/// The encoder and the page it made last.
///
/// - **Cost**: the first request for a snapshot encodes; every other one clones a reference-counted
///   pointer. Requests that come while it encodes wait for it: they want the same page.
/// - **Memory**: one page, and one more for each older snapshot that a slow reader still holds.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    encoder: text::Encoder,
    /// The same for what is recorded elsewhere.
    along: text::Encoder,
    /// Whose page `page` is. Weak, so that a page doesn't keep a snapshot's values in memory; and while
    /// it is held no other snapshot can get the same address.
    of: Weak<Snapshot>,
    page: Bytes,
}

/// A page, and how long it took if this request was the one that encoded it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) bytes: Bytes,
    pub(crate) encoded_in: Option<Duration>,
}

impl Pages {
    /// Pages of the families that `shown` names.
    pub(crate) fn new(shown: text::Filter) -> Self {
        let state = State {
            encoder: text::Encoder::filtered(shown.clone()),
            along: text::Encoder::filtered(shown),
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// The page of `snapshot`; `along` is asked for what else is to be on it, if it is not there yet.
    pub(crate) fn get(
        &self,
        snapshot: &Arc<Snapshot>,
        along: impl FnOnce() -> Option<Snapshot>,
    ) -> Page {
        // A panic while encoding leaves an encoder that still compares before it trusts, and a page
        // that belongs to nobody: so a poisoned lock is as good as another.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.of.as_ptr() == Arc::as_ptr(snapshot) {
            let bytes = state.page.clone();
            return Page {
                bytes,
                encoded_in: None,
            };
        }
        let start = Instant::now();
        state.of = Weak::new();
        let mut buffer = reclaim(std::mem::take(&mut state.page));
        state.encoder.encode(snapshot, &mut buffer);
        if let Some(along) = along() {
            let mut page = Vec::new();
            state.along.encode(&along, &mut page);
            buffer.extend_from_slice(&page);
        }
        state.page = Bytes::from(buffer);
        state.of = Arc::downgrade(snapshot);
        Page {
            bytes: state.page.clone(),
            encoded_in: Some(start.elapsed()),
        }
    }
}

/// The memory of the last page, unless a reader still holds it.
fn reclaim(page: Bytes) -> Vec<u8> {
    match page.try_into_mut() {
        Ok(mut memory) => {
            memory.clear(); // here, not on the `Bytes`: cleared, that would let go of its memory
            memory.into()
        }
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::desc::Desc;
    use media_metrics_core::snapshot::Builder;

    fn snapshot(total: u64) -> Arc<Snapshot> {
        let desc = Desc::counter("a_total", "A.");
        Arc::new(Builder::new().counter(&desc, &[(&[], total)]).build())
    }

    #[test]
    fn one_snapshot_is_encoded_once() {
        let pages = Pages::default();
        let snapshot = snapshot(1);
        let first = pages.get(&snapshot, || None);
        let second = pages.get(&snapshot, || None);
        assert!(first.encoded_in.is_some() && second.encoded_in.is_none());
        assert_eq!(first.bytes.as_ptr(), second.bytes.as_ptr(), "shared");
        assert!(first.bytes.ends_with(b"\na_total 1\n"));
    }

    #[test]
    fn another_snapshot_gets_its_own_page_and_the_old_reader_keeps_his() {
        let pages = Pages::default();
        let old = pages.get(&snapshot(1), || None).bytes;
        // The first snapshot is gone by now: its address is free, its page must not come back.
        for total in 2..50 {
            let page = pages.get(&snapshot(total), || None).bytes;
            assert!(page.ends_with(format!("\na_total {total}\n").as_bytes()));
        }
        assert!(old.ends_with(b"\na_total 1\n"));
    }

    #[test]
    fn a_page_does_not_keep_its_snapshot() {
        let pages = Pages::default();
        let snapshot = snapshot(1);
        let page = pages.get(&snapshot, || None);
        assert_eq!(Arc::strong_count(&snapshot), 1);
        drop(page);
    }

    #[test]
    fn memory_of_a_page_that_nobody_reads_is_used_again() {
        let page = Bytes::from(Vec::with_capacity(1_000));
        let reader = page.clone();
        assert_eq!(reclaim(page).capacity(), 0, "somebody reads it");
        assert!(reclaim(reader).capacity() >= 1_000);
        let full = Bytes::from(vec![1; 1_000]); // kept in another way than one with room to spare
        let buffer = reclaim(full);
        assert!(buffer.is_empty() && buffer.capacity() >= 1_000);
    }
}
