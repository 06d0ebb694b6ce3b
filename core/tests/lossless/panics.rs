//! Writers that panic: in the middle of their work, with handles and streams in their hands, and caught or not.
//!
//! What was recorded before a panic counts, what a destructor records on the way out counts, and nobody else notices.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;

use super::books::{Desk, Tally, scaled, small};
use super::packets::{Studio, Traffic, receive, send};
use super::watch::while_watched;

/// What writers that panicked had recorded.
#[derive(Default)]
struct Noted {
    tally: Tally,
    traffic: Traffic,
}

/// A writer's account of itself, handed in when it goes, whatever the reason; the last record is made then.
struct Writer<'t> {
    desk: &'t Desk,
    noted: &'t Mutex<Noted>,
    tally: Tally,
    traffic: Traffic,
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        self.desk.record(&mut self.tally, 11);
        self.desk.local().record(&mut self.tally, 12);
        let mut noted = self.noted.lock().unwrap();
        noted.tally += &self.tally;
        noted.traffic += self.traffic;
    }
}

/// As a panic unwinds, without its message.
fn panic_now() {
    resume_unwind(Box::new("a writer panics"));
}

/// Records up to step `at`, and panics there; a stream of each kind and local handles are alive then.
fn work(desk: &Desk, studio: &Studio, noted: &Mutex<Noted>, at: usize) {
    let mut writer = Writer {
        desk,
        noted,
        tally: Tally::default(),
        traffic: Traffic::default(),
    };
    let mut received = studio.receive(&mut writer.traffic).unwrap();
    let local = desk.local();
    let mut sent = studio.send(&mut writer.traffic).unwrap();
    for step in 0..8 {
        let first = step as u16 * 10;
        receive(&mut received, first..first + 10, &mut writer.traffic);
        send(&mut sent, first..first + 10, &mut writer.traffic);
        local.record(&mut writer.tally, step);
        if step == at {
            panic_now();
        }
        desk.record(&mut writer.tally, step + at);
    }
}

#[test]
fn what_was_recorded_before_a_panic_is_published() {
    let registry = small();
    let (desk, studio) = (Desk::new(&registry, "panics"), Studio::new(&registry));
    let noted = Mutex::default();
    let (panics, last) = while_watched(&registry, || {
        let mut panics = 0;
        for round in 0..scaled(400) {
            // Two threads at once, which panic at different steps, or not at all (8).
            let threads = [round % 9, (round + 4) % 9].map(|at| {
                let (desk, studio, noted) = (&desk, &studio, &noted);
                move || match round % 2 {
                    0 => {
                        let caught =
                            catch_unwind(AssertUnwindSafe(|| work(desk, studio, noted, at)));
                        // The thread goes on after it.
                        work(desk, studio, noted, 8);
                        caught.is_err()
                    }
                    _ => {
                        work(desk, studio, noted, at);
                        false
                    }
                }
            });
            std::thread::scope(|scope| {
                let threads = threads.map(|t| scope.spawn(t));
                panics += threads
                    .map(|t| t.join().unwrap_or(true))
                    .iter()
                    .filter(|p| **p)
                    .count();
            });
        }
        panics
    });
    assert!(panics > 0);
    let noted = noted.into_inner().unwrap();
    desk.check(&last, &noted.tally);
    studio.check(&last, &noted.traffic);
}

/// A caller's iterator panics inside a call of the library's: what it had given is forgotten or counted, and the stream
/// goes on.
#[test]
fn an_iterator_that_panics_inside_leaves_the_stream_whole() {
    let registry = small();
    let studio = Studio::new(&registry);
    let mut traffic = Traffic::default();
    let mut stream = studio.send(&mut traffic).unwrap();
    for round in 0..10 {
        send(&mut stream, round * 10..round * 10 + 10, &mut traffic);
        let numbers = (0..5_u16).inspect(|&n| {
            if n == 3 {
                panic_now();
            }
        });
        let nack = AssertUnwindSafe(|| stream.on_nack(numbers, 0));
        assert!(catch_unwind(nack).is_err());
        registry.collect();
        let [shown] = &registry.senders()[..] else {
            panic!("one sender is there");
        };
        assert_eq!(shown.stats.sent.packets, traffic.sent.packets);
    }
    drop(stream);
    studio.check(&registry.collect(), &traffic);
}
