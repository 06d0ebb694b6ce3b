//! Samples that say whose they are: which of them wait for the reporter, and where.
//!
//! Lives here: the boxes in front of a thread's bucket array, and which bucket has which. Not here: who may touch a
//! box when (`mailbox`), what becomes of a sample (`reporter::exemplars`).
//!
//! Each classic bucket has a box in each thread's array: the first sample that falls into the bucket after a merge
//! goes into it, with the id of its stream; all others find it full. So recording costs a look at which box it is and
//! whether that is full, and each merge learns of a sample of each bucket that got one.
//!
//! ```text
//! value, stream | value, stream | … | emptied | filled | sum | clamped | buckets…
//!                                                        ^ where the array begins for everybody else
//! ```

use std::sync::Arc;

use super::array::{HEADER, array_len};
use super::cuts::splits;
use super::mailbox::{MOST, Mailbox};
use crate::cell::Cell;
use crate::desc::Desc;

/// Cells of a box: the value in recorded units, the id of its stream.
const BOX: usize = 2;
/// Cells of the mailbox: who did what with the boxes.
const WORDS: usize = 2;

/// For each bucket of a layout, the box of its samples: that of the classic bucket that it counts in. Where there
/// are more classic buckets than boxes, the lowest share the first.
pub(super) fn boxes(desc: &Desc) -> Arc<[u8]> {
    let splits = splits(desc);
    let shared = (splits.len() + 1).saturating_sub(MOST);
    let len = desc.layout().len();
    let mut boxes = Vec::with_capacity(len);
    let ends = splits.iter().map(|&end| end as usize).chain([len]);
    for (class, end) in ends.enumerate() {
        let to = class.saturating_sub(shared) as u8; // below `MOST`
        boxes.resize(end.max(boxes.len()), to);
    }
    boxes.into()
}

/// Cells in front of each array of a family: none if its samples have no names.
pub(crate) fn front(desc: &Desc) -> usize {
    match desc.has_exemplars() {
        true => WORDS + BOX * (desc.bounds().len() + 1).min(MOST),
        false => 0,
    }
}

/// Cells of one thread's array, those in front included.
pub(crate) fn cells(desc: &Desc) -> usize {
    front(desc) + array_len(desc.layout())
}

/// The mailbox at the end of `front`, and its boxes; `None` if there is none.
fn split(front: &[Cell]) -> Option<(Mailbox<'_>, &[[Cell; BOX]])> {
    let (boxes, [emptied, filled]) = front.split_last_chunk::<WORDS>()?;
    Some((Mailbox { emptied, filled }, boxes.as_chunks().0))
}

/// Writer only: whether a sample that counts in box `n` is worth [`put`].
///
/// # Safety
/// `array` is an array of a family with exemplars.
#[inline(always)]
pub(super) unsafe fn is_wanted(array: *const Cell, n: u8) -> bool {
    // SAFETY: by the caller's promise there are `WORDS` cells and more in front of the array.
    let cell = |back: usize| unsafe { &*array.wrapping_sub(back) };
    let (emptied, filled) = (cell(2), cell(1));
    Mailbox { emptied, filled }.is_empty(u32::from(n))
}

/// Writer only: puts a sample of `stream` into box `n`, if that is empty.
pub(super) fn put(front: &[Cell], n: u8, value: u64, stream: u64) {
    if let Some((mailbox, boxes)) = split(front)
        && let Some([to_value, to_stream]) = boxes.get(usize::from(n))
    {
        mailbox.put(u32::from(n), || {
            to_value.set(value);
            to_stream.set(stream);
        });
    }
}

/// Reader only: takes what is in the boxes in `front`: value and stream of each sample.
pub(crate) fn take(front: &[Cell], mut sample: impl FnMut(u64, u64)) {
    if let Some((mailbox, boxes)) = split(front) {
        mailbox.empty(|n| {
            if let Some([value, stream]) = boxes.get(n as usize) {
                sample(value.get(), stream.get());
            }
        });
    }
}

// Buckets begin behind the header, whatever is in front of that.
const _: () = assert!(HEADER == 2 && WORDS == 2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desc::Desc;

    fn desc(bounds: usize) -> Desc {
        Desc::histogram("a", "A.", &[])
            .dynamic_bounds((1..=bounds).map(|b| (b * 10) as f64).collect())
            .layout_of(2, 100_000)
            .exemplars()
    }

    #[test]
    #[cfg_attr(miri, ignore = "plain arithmetic, quadratic")]
    fn every_bucket_has_the_box_of_its_classic_bucket() {
        for bounds in [0, 1, 15, 63, 64, 200] {
            let desc = desc(bounds);
            let (boxes, splits) = (boxes(&desc), splits(&desc));
            let most = (bounds + 1).min(MOST);
            assert_eq!(boxes.len(), desc.layout().len());
            for (at, &n) in boxes.iter().enumerate() {
                // Slowly: how many bounds end at or below it, the highest `most` of them told apart.
                let class = splits.iter().filter(|&&end| end as usize <= at).count();
                let expected = class.saturating_sub(bounds + 1 - most);
                assert_eq!(usize::from(n), expected, "{bounds} bounds, bucket {at}");
            }
            assert_eq!(usize::from(boxes[boxes.len() - 1]) + 1, most);
        }
    }

    #[test]
    fn what_is_put_is_taken_once() {
        let desc = desc(3);
        let front: Vec<Cell> = (0..front(&desc)).map(|_| Cell::new(0)).collect();
        put(&front, 3, 1_000, 7);
        put(&front, 0, 5, 8);
        put(&front, 0, 6, 9); // full
        put(&front, 4, 6, 9); // no such box
        let mut taken = Vec::new();
        take(&front, |value, stream| taken.push((value, stream)));
        assert_eq!(taken, [(5, 8), (1_000, 7)]);
        take(&front, |_, _| panic!("empty by now"));
        take(&[], |_, _| panic!("no mailbox"));
    }
}
