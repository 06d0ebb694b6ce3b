//! The last intervals, and which series they mention.
//!
//! Lives here: both bounds (time and memory), and when a series is forgotten. Not here: what an interval says
//! (`frame`), where it comes from (`recorder`), what is asked of it (`view`).
//!
//! Names and labels are kept once, for as long as an interval mentions them: a series that is gone is freed with the
//! last interval that it was in. They may take a quarter of the memory; series that find no room are not followed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use media_metrics_core::Desc;
use slab::Slab;

use super::frame::Frame;

/// Who a series is.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) desc: Arc<Desc>,
    pub(super) labels: Box<[(Box<str>, Box<str>)]>,
}

impl Identity {
    fn bytes(&self) -> usize {
        let texts = self.labels.iter().map(|(n, v)| n.len() + v.len());
        let texts: usize = texts.sum::<usize>() + size_of_val(&*self.labels);
        size_of::<Self>() + texts
    }
}

/// A series and the intervals in which it was there.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) identity: Arc<Identity>,
    /// Number of the first interval of which something is known.
    pub(super) first: u64,
    /// Number of the interval in which it was gone.
    pub(super) gone: Option<u64>,
}

impl Known {
    /// Names and labels, the entry, and the number that the recorder keeps for it.
    fn bytes(&self) -> usize {
        self.identity.bytes() + size_of::<Self>() + size_of::<u32>() * 2
    }
}

#[derive(Debug)]
pub(super) struct Ring {
    span: Duration,
    max_bytes: usize,
    frames: VecDeque<Arc<Frame>>,
    frame_bytes: usize,
    series: Slab<Known>,
    series_bytes: usize,
    /// Series that the next frame is the first not to mention.
    retired: Vec<u32>,
    next: u64,
    /// Intervals that were dropped before their time, and not told yet.
    dropped: u64,
}

/// What a ring held at a moment.
#[derive(Debug)]
pub(super) struct Shared {
    /// The oldest first.
    pub(super) frames: Vec<Arc<Frame>>,
    /// Numbers of series, and who they are.
    pub(super) series: Vec<(u32, Known)>,
}

impl Ring {
    pub(super) const fn new(span: Duration, max_bytes: usize) -> Self {
        Self {
            span,
            max_bytes,
            frames: VecDeque::new(),
            frame_bytes: 0,
            series: Slab::new(),
            series_bytes: 0,
            retired: Vec::new(),
            next: 0,
            dropped: 0,
        }
    }

    /// Follows a series from the next frame on; `None` if there is no room for it.
    pub(super) fn follow(&mut self, identity: Identity) -> Option<u32> {
        let known = Known {
            identity: Arc::new(identity),
            first: self.next,
            gone: None,
        };
        let bytes = known.bytes();
        if self.series_bytes + bytes > self.max_bytes / 4 {
            return None;
        }
        let number = u32::try_from(self.series.vacant_key()).ok()?;
        self.series_bytes += bytes;
        self.series.insert(known);
        Some(number)
    }

    /// The series is gone: the next frame doesn't mention it.
    pub(super) fn retire(&mut self, series: u32) {
        if let Some(known) = self.series.get_mut(series as usize) {
            known.gone = Some(self.next);
            self.retired.push(series);
        }
    }

    /// Adds an interval, and drops those that are too old or one too many.
    pub(super) fn push(&mut self, end: Duration, length: Duration, records: &[u8]) {
        let retired = std::mem::take(&mut self.retired);
        let frame = Frame::new(self.next, end, length, records, retired);
        self.next += 1;
        self.frame_bytes += frame.bytes();
        self.frames.push_back(frame);
        let oldest = end.saturating_sub(self.span);
        while self.frames.front().is_some_and(|f| f.start() < oldest) {
            self.pop();
        }
        while self.frame_bytes + self.series_bytes > self.max_bytes && self.pop() {
            self.dropped += 1;
        }
    }

    fn pop(&mut self) -> bool {
        let Some(frame) = self.frames.pop_front() else {
            return false;
        };
        self.frame_bytes -= frame.bytes();
        for &series in &frame.retired {
            if let Some(known) = self.series.try_remove(series as usize) {
                self.series_bytes -= known.bytes();
            }
        }
        true
    }

    /// All that there is, shared with the ring, so that it can go on.
    pub(super) fn share(&self) -> Shared {
        let series = self.series.iter();
        Shared {
            frames: self.frames.iter().map(Arc::clone).collect(),
            series: series.map(|(i, known)| (i as u32, known.clone())).collect(),
        }
    }

    pub(super) const fn frame_bytes(&self) -> usize {
        self.frame_bytes
    }

    pub(super) const fn series_bytes(&self) -> usize {
        self.series_bytes
    }

    /// Intervals that were dropped before their time since this was asked last.
    pub(super) const fn take_dropped(&mut self) -> u64 {
        std::mem::replace(&mut self.dropped, 0)
    }

    /// Number of intervals, and the time from the first one's start to the last one's end.
    pub(super) fn extent(&self) -> (usize, Duration) {
        let first = self.frames.front().map_or(Duration::ZERO, |f| f.start());
        let last = self.frames.back().map_or(Duration::ZERO, |f| f.end);
        (self.frames.len(), last.saturating_sub(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn identity(label: &str) -> Identity {
        Identity {
            desc: Arc::new(Desc::counter("a_total", "A.").labels(&["x"])),
            labels: [("x".into(), label.into())].into(),
        }
    }

    fn push(ring: &mut Ring, second: u32, bytes: usize) {
        ring.push(SECOND * (second + 1), SECOND, &vec![0; bytes]);
    }

    #[test]
    fn what_is_older_than_the_span_goes() {
        let mut ring = Ring::new(SECOND * 10, 1 << 20);
        (0..25).for_each(|s| push(&mut ring, s, 10));
        assert_eq!(ring.extent(), (10, SECOND * 10));
        assert_eq!(ring.share().frames[0].number, 15);
        assert_eq!(ring.take_dropped(), 0);
    }

    #[test]
    fn the_oldest_go_when_memory_is_full_and_are_counted() {
        let limit = 10_000;
        let mut ring = Ring::new(SECOND * 1_000, limit);
        for s in 0..100 {
            push(&mut ring, s, 900);
            assert!(ring.frame_bytes() + ring.series_bytes() <= limit);
        }
        let (kept, _) = ring.extent();
        assert!((9..=10).contains(&kept), "{kept}");
        let dropped = ring.take_dropped();
        assert_eq!(dropped + kept as u64, 100);
        // An interval that is larger than all there is leaves nothing, and is counted.
        push(&mut ring, 100, limit);
        assert_eq!((ring.extent().0, ring.frame_bytes()), (0, 0));
        assert_eq!(ring.take_dropped(), kept as u64 + 1);
    }

    #[test]
    fn a_series_is_forgotten_with_the_last_interval_that_knew_it() {
        let mut ring = Ring::new(SECOND * 3, 1 << 20);
        let short = ring.follow(identity("short")).unwrap();
        push(&mut ring, 0, 1);
        ring.retire(short);
        for s in 1..4 {
            push(&mut ring, s, 1);
            assert_eq!(ring.share().series.len(), 1, "{s}");
        }
        push(&mut ring, 4, 1);
        assert_eq!((ring.share().series.len(), ring.series_bytes()), (0, 0));
    }

    #[test]
    fn names_take_a_quarter_at_most() {
        let mut ring = Ring::new(SECOND, 10_000);
        let followed = (0..1_000).filter(|i| ring.follow(identity(&i.to_string())).is_some());
        assert!((5..40).contains(&followed.count()));
        assert!(ring.series_bytes() <= 2_500);
    }
}
