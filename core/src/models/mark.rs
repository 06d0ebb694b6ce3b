//! An idle series: recorded into once, while sweeps take its mark off, take it out, and forget it.

use loom::sync::{Arc, Mutex};
use loom::thread;

use super::Seen;
use crate::cell::Cell;
use crate::facade::mark::Mark;

/// As `facade::live::Live`.
struct Live {
    cell: Cell,
    mark: Mark,
}

/// The facade, and what its lock guards.
struct Facade(Mutex<Registry>);

struct Registry {
    /// `None` once it is forgotten.
    known: Option<Arc<Live>>,
    /// Whether merges read the series.
    there: bool,
    /// What the last of these said.
    published: u64,
}

impl Registry {
    fn put_back(&mut self, live: &Live) {
        if live.mark.is_over() {
            assert!(self.known.is_some(), "it is forgotten, and held");
            self.there = true;
            live.mark.is_back();
        }
    }

    /// As `facade::idle` has it: those that are idle go, and what is over and held by nobody is forgotten, if all of it has
    /// been seen.
    fn sweep(&mut self, now_ns: u64) {
        let Some(mut live) = self.known.take() else {
            return;
        };
        if live.mark.is_idle(now_ns, 1, || live.cell.get()) {
            self.there = false;
        }
        if !live.mark.is_over() {
            self.known = Some(live);
            return;
        }
        let is_held = Arc::get_mut(&mut live).is_none();
        if live.mark.is_unseen(live.cell.get()) {
            self.known = Some(Arc::clone(&live));
            self.put_back(&live);
        } else {
            self.known = is_held.then_some(live);
        }
    }
}

impl Facade {
    fn record(&self, live: &Live) {
        live.cell.add(1);
        if !live.mark.is_set() && live.mark.set() {
            self.0.lock().unwrap().put_back(live);
        }
    }

    /// The sweep, then the sum. What is there afterwards, and what was published by then.
    fn merge(&self, now_ns: u64) -> (bool, u64) {
        let mut registry = self.0.lock().unwrap();
        registry.sweep(now_ns);
        let Registry {
            known,
            there,
            published,
        } = &mut *registry;
        if let Some(live) = known.as_ref().filter(|_| *there) {
            *published = live.cell.get();
        }
        (*there, *published)
    }
}

/// When a series is forgotten, all that was recorded into it has been published: whichever sweeps the record met, and
/// whatever it saw of them.
#[test]
fn loom_a_series_is_forgotten_when_all_of_it_is_published() {
    static SEEN: Seen<((bool, u64), u64)> = Seen::new();
    loom::model(|| {
        let live = Arc::new(Live {
            cell: Cell::new(0),
            mark: Mark::new(),
        });
        let facade = Arc::new(Facade(Mutex::new(Registry {
            known: Some(Arc::clone(&live)),
            there: true,
            published: 0,
        })));
        let theirs = Arc::clone(&facade);
        let recorder = thread::spawn(move || theirs.record(&live)); // and lets go of it
        facade.merge(1);
        thread::yield_now(); // lets the recorder go in between, too
        let seen = facade.merge(2);
        recorder.join().unwrap();
        let last = (3..10).find(|&n| {
            assert_eq!(facade.merge(n).1, 1, "a record is lost");
            facade.0.lock().unwrap().known.is_none()
        });
        SEEN.note((seen, last.unwrap()));
    });
    // Whether it was there at the second merge, with what, and which merge found it forgotten. Of the second line is the
    // record that found the mark set, and that no merge saw before its thread had ended.
    assert_eq!(
        SEEN.all(),
        [
            ((false, 0), 4),
            ((false, 0), 5),
            ((false, 1), 3),
            ((false, 1), 4),
            ((true, 1), 3),
            ((true, 1), 4),
        ]
    );
}
