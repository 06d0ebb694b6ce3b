//! Thread-local destructors that record: before the library's own has run, and after it, in any order.
//!
//! A thread's shards go back when the library's thread-local is destroyed. What is recorded by destructors that run later
//! takes a shard for each record. Which runs when depends on the platform and on which thread-local was first used first;
//! so the order of first uses is shuffled, and every order has to come to the same sum.

use std::cell::RefCell;
use std::sync::{Mutex, OnceLock};

use media_metrics_core::Stream;

use super::books::{Desk, LocalDesk, Tally, scaled, small};
use super::packets::{Studio, Traffic, receive};
use super::watch::while_watched;

/// What a thread does with thread-locals, in any order.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Has a thread-local that records when it goes.
    KeepOne,
    /// Another, which uses a third for the first time while it goes.
    KeepTwo,
    /// One that holds a stream, which goes with it.
    KeepStream,
    /// Records into the first registry: the thread attaches.
    RecordOne,
    /// Into the second.
    RecordTwo,
}

use Step::{KeepOne, KeepStream, KeepTwo, RecordOne, RecordTwo};

/// Two registries' desks, and the books that destructors keep.
struct Office {
    desks: [Desk; 2],
    tallies: Mutex<[Tally; 2]>,
    traffic: Mutex<Traffic>,
}

/// Records into both registries when it is dropped, by every kind of handle.
struct Last(&'static Office, usize);

impl Drop for Last {
    fn drop(&mut self) {
        let Self(office, n) = *self;
        let mut tallies = [Tally::default(), Tally::default()];
        for (desk, tally) in office.desks.iter().zip(&mut tallies) {
            desk.record(tally, n);
            let local: LocalDesk<'_> = desk.local();
            local.record(tally, n + 1);
            desk.record(tally, n + 2);
        }
        note(office, &tallies);
    }
}

/// Uses a thread-local for the first time when it is dropped: one that is destroyed after all others.
struct Nested(Last);

impl Drop for Nested {
    fn drop(&mut self) {
        let Last(office, n) = self.0;
        INNER.with(|slot| *slot.borrow_mut() = Some(Last(office, n + 3)));
    }
}

/// Sends a last packet when it is dropped, and then the stream ends.
struct Parting(&'static Office, Stream);

impl Drop for Parting {
    fn drop(&mut self) {
        let mut traffic = Traffic::default();
        receive(&mut self.1, 5..9, &mut traffic);
        *self.0.traffic.lock().unwrap() += traffic;
    }
}

thread_local! {
    static ONE: RefCell<Option<Last>> = const { RefCell::new(None) };
    static TWO: RefCell<Option<Nested>> = const { RefCell::new(None) };
    static INNER: RefCell<Option<Last>> = const { RefCell::new(None) };
    static STREAM: RefCell<Option<Parting>> = const { RefCell::new(None) };
}

fn note(office: &Office, more: &[Tally; 2]) {
    let mut tallies = office.tallies.lock().unwrap();
    tallies
        .iter_mut()
        .zip(more)
        .for_each(|(t, more)| *t += more);
}

fn live(office: &'static Office, studio: &Studio, steps: &[Step], n: usize) {
    let mut tallies = [Tally::default(), Tally::default()];
    let mut traffic = Traffic::default();
    for step in steps {
        match step {
            KeepOne => ONE.with(|slot| *slot.borrow_mut() = Some(Last(office, n))),
            KeepTwo => TWO.with(|slot| *slot.borrow_mut() = Some(Nested(Last(office, n + 1)))),
            KeepStream => {
                let mut stream = studio.receive(&mut traffic).unwrap();
                receive(&mut stream, 0..5, &mut traffic);
                STREAM.with(|slot| *slot.borrow_mut() = Some(Parting(office, stream)));
            }
            RecordOne => office.desks[0].record(&mut tallies[0], n),
            RecordTwo => office.desks[1].record(&mut tallies[1], n),
        }
    }
    note(office, &tallies);
    *office.traffic.lock().unwrap() += traffic;
}

#[test]
fn whatever_destructors_record_is_published_in_any_order() {
    let registries = [small(), small()];
    let studio = Studio::new(&registries[0]);
    static OFFICE: OnceLock<Office> = OnceLock::new();
    let office = OFFICE.get_or_init(|| Office {
        desks: registries.each_ref().map(|r| Desk::new(r, "destructors")),
        tallies: Mutex::default(),
        traffic: Mutex::default(),
    });
    let ((), last) = while_watched(&registries[0], || {
        let mut random = fastrand::Rng::with_seed(7);
        let mut steps = [KeepOne, KeepTwo, KeepStream, RecordOne, RecordTwo];
        for round in 0..scaled(400) {
            random.shuffle(&mut steps);
            // Two at once, so that shards change hands while destructors look for one.
            let threads: Vec<_> = (0..2)
                .map(|t| {
                    let studio = studio.clone();
                    // Some threads do only a part: then some destructor finds no shard to have been taken at all.
                    let upto = steps.len() - (round + t) % 3;
                    let steps = steps[..upto].to_vec();
                    std::thread::spawn(move || live(office, &studio, &steps, round * 7 + t))
                })
                .collect();
            threads.into_iter().for_each(|t| t.join().unwrap());
        }
    });
    let tallies = office.tallies.lock().unwrap();
    office.desks[0].check(&last, &tallies[0]);
    office.desks[1].check(&registries[1].collect(), &tallies[1]);
    studio.check(&last, &office.traffic.lock().unwrap());
}
