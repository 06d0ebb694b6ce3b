//! Sinks that panic, hang, and panic when they are dropped: each turn is accounted for, and none costs a record.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use media_metrics_core::{Reporter, Sink, Snapshot};

use super::books::{Desk, Tally, scaled, small};
use super::watch::Watch;

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

/// Panics at each third snapshot, and at last when it is dropped.
struct Panics;

impl Sink for Panics {
    fn report(&mut self, snapshot: &Arc<Snapshot>) {
        if snapshot.sequence().is_multiple_of(3) {
            std::panic::resume_unwind(Box::new("a sink panics"));
        }
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("a sink panics at its end"));
    }
}

/// Looks at what it gets as any reader does, and keeps the last.
struct Careful(Arc<Mutex<(Watch, Vec<u64>)>>);

impl Sink for Careful {
    fn report(&mut self, snapshot: &Arc<Snapshot>) {
        let mut kept = self.0.lock().unwrap();
        kept.0.look(Arc::clone(snapshot));
        kept.1.push(snapshot.sequence());
    }
}

#[test]
fn sinks_that_panic_and_hang_cost_no_record() {
    let registry = small();
    let desk = Desk::new(&registry, "sinks");
    let (release, stuck) = mpsc::channel::<()>();
    let (entered, has_entered) = mpsc::channel::<()>();
    let stuck = Mutex::new(stuck);
    let careful = Arc::new(Mutex::default());
    let merges = scaled(300) as u64;
    let reporter = Reporter::builder(&registry)
        .interval(HOUR) // merges are asked for, so their number is known
        .sink(
            "careful",
            merges as usize + 1,
            Careful(Arc::clone(&careful)),
        )
        .sink("panics", merges as usize + 1, Panics)
        .sink("stuck", 2, move |_: &Arc<Snapshot>| {
            let _ = entered.send(());
            let _ = stuck.lock().unwrap().recv();
        })
        .start()
        .unwrap();
    let _ = reporter.flush();
    has_entered
        .recv_timeout(MINUTE)
        .expect("the stuck sink has its first snapshot");

    let write = |first: usize| {
        let mut tally = Tally::default();
        for round in 0..merges as usize / 2 - 1 {
            (0..50).for_each(|i| desk.record(&mut tally, first + round * 50 + i));
            let _ = reporter.flush();
        }
        tally
    };
    let tally = std::thread::scope(|scope| {
        let writers = [0, 7].map(|first| {
            let write = &write;
            scope.spawn(move || write(first))
        });
        let mut sum = Tally::default();
        writers.into_iter().for_each(|w| sum += &w.join().unwrap());
        sum
    });
    let all = reporter.stop(Duration::from_millis(50));
    assert!(!all, "the stuck sink can't have finished");
    desk.check(&registry.latest(), &tally);
    let made = registry.latest().sequence();
    assert_eq!(made, merges / 2 * 2, "those asked for, and the last");

    // The careful one got them all, in order, and saw nothing go back.
    let deadline = std::time::Instant::now() + MINUTE;
    let seen = loop {
        let seen = careful.lock().unwrap().1.clone();
        if seen.last() == Some(&made) {
            break seen;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "the last it saw: {:?} of {made}",
            seen.last()
        );
        std::thread::sleep(Duration::from_millis(1));
    };
    assert_eq!(seen, (1..=made).collect::<Vec<_>>());
    assert!(careful.lock().unwrap().0.grown > 0);

    // Of each sink, turns and panics and what was dropped come to what was offered.
    let figure = |snapshot: &Snapshot, what: &str, sink: &str| {
        snapshot
            .counter(&format!("media_metrics_sink_{what}_total"), &[sink])
            .unwrap()
    };
    drop(release);
    let last = loop {
        let s = registry.collect();
        // A turn is counted when it is over: a while after what it did is seen.
        let ended = figure(&s, "turns", "stuck") == 3
            && figure(&s, "turns", "careful") == made
            && figure(&s, "turns", "panics") + figure(&s, "panics", "panics") == made + 1; // and its end
        if ended {
            break s;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "turns: {:?} of 3, {made}, and the rest of {made}; panics: {}",
            ["stuck", "careful", "panics"].map(|sink| figure(&s, "turns", sink)),
            figure(&s, "panics", "panics")
        );
        std::thread::sleep(Duration::from_millis(1));
    };
    assert_eq!(figure(&last, "panics", "panics"), made / 3 + 1);
    assert_eq!(figure(&last, "dropped", "panics"), 0);
    // One in its hands and two waiting; what came after them was dropped.
    assert_eq!(figure(&last, "dropped", "stuck"), made - 3);
}
