//! The reporter is stopped and started again while writers record: each stop says the last word, and none is said twice.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use media_metrics_core::{Reporter, Snapshot, StartError};

use super::books::{Desk, Tally, scaled, small};
use super::packets::{Studio, Traffic, receive};
use super::watch::{Watch, while_watched};

#[test]
fn reporters_come_and_go_and_every_record_is_published() {
    let registry = small();
    let (desk, studio) = (Desk::new(&registry, "restarts"), Studio::new(&registry));
    let snapshots = Arc::new(AtomicU64::new(0));
    let ((tally, traffic), last) = while_watched(&registry, || {
        let (mut tally, mut traffic) = (Tally::default(), Traffic::default());
        let mut watch = Watch::default();
        for round in 0..scaled(150) {
            let theirs = Arc::clone(&snapshots);
            let reporter = Reporter::builder(&registry)
                .interval(Duration::from_micros(200))
                .sink("count", 1_000, move |_: &Arc<Snapshot>| {
                    theirs.fetch_add(1, Relaxed);
                })
                .start()
                .unwrap();
            let again = Reporter::builder(&registry).start();
            assert!(matches!(again, Err(StartError::AlreadyRunning)));
            let done = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let writer = scope.spawn(|| {
                    let (mut tally, mut traffic) = (Tally::default(), Traffic::default());
                    let mut n = round;
                    while !done.load(Relaxed) || n < round + 10 {
                        desk.record(&mut tally, n);
                        // Refused if a hundred thousand of them ended since the last merge.
                        if let Some(mut stream) = studio.receive(&mut traffic) {
                            receive(&mut stream, 0..10, &mut traffic);
                        }
                        n += 1;
                    }
                    (tally, traffic)
                });
                // Stopped while somebody records; what comes later is the next one's.
                match round % 2 {
                    0 => assert!(reporter.stop(Duration::from_secs(60))),
                    _ => drop(reporter),
                }
                done.store(true, Relaxed);
                let (more, packets) = writer.join().unwrap();
                tally += &more;
                traffic += packets;
            });
            watch.look(registry.latest());
        }
        // What was recorded before a stop is in the snapshot that it leaves, without anybody asking for one.
        let reporter = Reporter::builder(&registry).start().unwrap();
        desk.record(&mut tally, 5);
        assert!(reporter.stop(Duration::from_secs(60)));
        desk.check(&registry.latest(), &tally);
        (tally, traffic)
    });
    desk.check(&last, &tally);
    studio.check(&last, &traffic);
    assert!(snapshots.load(Relaxed) > 0);
}

/// Of many who want to be the reporter at once, one is; when it has stopped, another can be.
#[test]
fn of_many_reporters_at_once_one_runs() {
    const WANT: usize = 4;
    let registry = small();
    let desk = Desk::new(&registry, "one");
    let mut tally = Tally::default();
    for round in 0..scaled(50) {
        let all = Barrier::new(WANT);
        let running = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..WANT)
                .map(|_| {
                    scope.spawn(|| {
                        all.wait();
                        Reporter::builder(&registry).start()
                    })
                })
                .collect();
            let started: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
            let refused =
                |r: &&Result<Reporter, StartError>| matches!(r, Err(StartError::AlreadyRunning));
            assert_eq!(started.iter().filter(refused).count(), WANT - 1);
            started.into_iter().find_map(Result::ok).unwrap()
        });
        desk.record(&mut tally, round);
        desk.check(&running.flush(), &tally);
        assert!(running.stop(Duration::from_secs(60)));
    }
}
