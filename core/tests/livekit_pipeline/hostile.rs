//! Hosts that panic where nobody expects it: with what they threw, and in what they drop.

use std::panic::panic_any;
use std::sync::{Arc, Mutex};
use std::thread::panicking;

use media_metrics_core::livekit::pipeline::{Audience, Participant, Samples};

use crate::host::{Bench, Calls, Client, Notes, START, at, member};

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(panicking(), "tried: a bomb");
    }
}

/// What was thrown panics itself when it is thrown away.
#[test]
fn a_payload_that_panics_harms_nobody() {
    let mut bench = Bench::new();
    let collect = |_: &mut Samples<'_>| panic_any(Bomb);
    let mallory = Calls(collect, |_: &[u8]| Ok(()));
    let mallory = bench.room.join(member("mallory"), mallory, START).unwrap();
    let (alice, notes) = bench.join(member("alice"));
    bench.run_until(20.0);
    mallory.leave(at(20.0));
    alice.leave(at(20.0));
    assert_eq!((notes.sampled().len(), notes.packets().len()), (7, 3));
    let panics = bench.count("media_metrics_pipeline_panics_total", &["collect"]);
    assert_eq!(panics, 7);
}

struct Armed(Bomb);

impl Audience for Armed {
    fn is_subscribed(&self, _receiver: &str, _publisher: &str) -> bool {
        let Self(Bomb) = self;
        true
    }
}

/// The last participant of a room leaves in a callback, so the room ends in a run, and its audience with it.
#[test]
fn an_audience_that_panics_when_it_is_dropped_harms_nobody() {
    let mut bench = Bench::new();
    let room = bench.pipeline.room_with_audience(Armed(Bomb), START);
    let me = Arc::new(Mutex::new(None::<Participant>));
    let mine = Arc::clone(&me);
    let collect = move |_: &mut Samples<'_>| drop(mine.lock().unwrap().take());
    let last = Calls(collect, |_: &[u8]| Ok(()));
    let last = room.join(member("last"), last, START).unwrap();
    *me.lock().unwrap() = Some(last);
    drop(room);
    let notes = Notes::default();
    let client = Client {
        identity: "alice".to_owned(),
        notes: notes.clone(),
        rtt_s: None,
    };
    let _alice = bench.room.join(member("alice"), client, START).unwrap();
    bench.run_until(10.0);
    assert_eq!(notes.sampled().len(), 3);
    let panics = bench.count("media_metrics_pipeline_panics_total", &["drop"]);
    assert_eq!(panics, 1);
}

#[test]
fn a_wake_that_panics_harms_nobody() {
    let mut bench = Bench::new();
    bench.pipeline.on_wake(|| panic!("tried: wake"));
    let (_alice, notes) = bench.join(member("alice"));
    bench.run_until(10.0);
    assert_eq!(notes.packets().len(), 1);
    let panics = bench.count("media_metrics_pipeline_panics_total", &["wake"]);
    assert_eq!(panics, 1);
}
