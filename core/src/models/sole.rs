//! Two who want to be the only one.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::Seen;
use crate::registry::sole::Sole;

/// What the one who has the right works on: plain memory, so that loom finds every access that nothing orders.
struct Work {
    sole: Sole,
    turns: UnsafeCell<u64>,
}

impl Work {
    /// Works if it may; whether it could.
    fn turn(&self) -> bool {
        let may = self.sole.take();
        if may {
            // SAFETY: only by who has the right, which loom checks.
            self.turns.with_mut(|turns| unsafe { *turns += 1 });
            self.sole.give_back();
        }
        may
    }
}

/// One works at a time, and whoever is next finds the work of who was before.
#[test]
fn loom_one_has_the_right_at_a_time() {
    static SEEN: Seen<(bool, bool)> = Seen::new();
    loom::model(|| {
        let work = Arc::new(Work {
            sole: Sole::new(),
            turns: UnsafeCell::new(0),
        });
        let theirs = Arc::clone(&work);
        let other = thread::spawn(move || theirs.turn());
        let ours = work.turn();
        let theirs = other.join().unwrap();
        // SAFETY: the other thread has ended.
        let turns = work.turns.with(|turns| unsafe { *turns });
        assert_eq!(turns, u64::from(ours) + u64::from(theirs));
        SEEN.note((ours, theirs));
    });
    assert_eq!(SEEN.all(), [(false, true), (true, false), (true, true)]);
}
