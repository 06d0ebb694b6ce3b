//! The end: last words, then silence, on every thread.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use media_metrics_core::livekit::config::{CollectorConfig, ReporterConfig};
use media_metrics_core::livekit::messages::DataPacket;
use media_metrics_core::livekit::pipeline::{
    Participant, PipelineConfig, Provider, Rejected, ReportLimits, Samples, SendError,
};
use prost::Message;

use crate::host::{Bench, Calls, START, at, batch, member, packet};

#[test]
fn the_last_words_are_a_sample_a_batch_and_the_report() {
    let mut bench = Bench::new();
    let (alice, notes) = bench.join(member("alice"));
    let (bob, others) = bench.join_with(member("bob"), None);
    bob.subscribe(&alice).unwrap();
    bench.run_until(4.0);
    alice
        .on_metrics(batch(1, &[(3, "", 1.0)]), at(4.0))
        .unwrap();
    alice.leave(at(4.5));
    assert_eq!(notes.sampled(), [3.0, 4.5]);
    let packets = notes.packets();
    assert_eq!(packets.len(), 1);
    assert_eq!(
        packets[0].metrics.as_ref().unwrap().timestamp_ms,
        at(4.5).ms()
    );
    let rows = notes.rows();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.label, row.samples.len()))
        .collect();
    assert_eq!(told, [(3, 1), (17, 2), (19, 2)]);

    // Once more is nothing; nothing comes after; others still get what was said.
    alice.leave(at(5.0));
    assert_eq!(
        alice.on_data_packet(&packet(batch(2, &[])), at(5.0)),
        Err(Rejected::Left)
    );
    bench.run_until(40.0);
    drop(alice);
    assert_eq!((notes.sampled().len(), notes.packets().len()), (2, 1));
    assert_eq!(
        bench.count("media_client_batches_rejected_total", &["left"]),
        1
    );
    let told: Vec<_> = others
        .rows()
        .iter()
        .map(|r| (r.label, r.samples.len()))
        .collect();
    assert_eq!(told, [(17, 2), (19, 2)]);
}

#[test]
fn dropping_is_leaving_and_places_are_used_again() {
    let mut bench = Bench::new();
    for round in 0..30 {
        let (alice, notes) = bench.join(member("alice"));
        let (bob, others) = bench.join_with(member("bob"), None);
        bob.subscribe(&alice).unwrap();
        bench.run_until(f64::from(round) * 7.0 + 7.0);
        drop(alice);
        drop(bob);
        // Bob was told by a report, or by his last words.
        let told = others.rows().iter().map(|r| r.samples.len()).sum::<usize>();
        assert_eq!(told, notes.sampled().len() * 2, "round {round}");
    }
    assert_eq!(bench.room.participants(), 0);
    let snapshot = bench.registry.collect();
    assert_eq!(
        snapshot.gauge("media_metrics_pipeline_participants", &[]),
        Some(0.0)
    );
}

type Slot = Arc<Mutex<Option<Participant>>>;

/// A participant leaves in its own callback: the guarantee begins when that has returned.
#[test]
fn leaving_in_ones_own_callback() {
    let mut bench = Bench::new();
    let slot = Slot::default();
    let (mine, calls) = (Arc::clone(&slot), Arc::new(AtomicU32::new(0)));
    let (collected, sent) = (Arc::clone(&calls), Arc::new(AtomicU32::new(0)));
    let packets = Arc::clone(&sent);
    let collect = move |samples: &mut Samples<'_>| {
        collected.fetch_add(1, SeqCst);
        samples.subscriber_rtt(0.01).unwrap();
        if let Some(me) = &*mine.lock().unwrap() {
            me.leave(samples.now());
            me.leave(samples.now());
        }
    };
    let send = move |_: &[u8]| {
        packets.fetch_add(1, SeqCst);
        Ok(())
    };
    let alice = bench
        .room
        .join(member("alice"), Calls(collect, send), START)
        .unwrap();
    *slot.lock().unwrap() = Some(alice);
    // The slot's lock is taken by the callback: it is free while others run.
    bench.run_until(3.0);
    assert_eq!(
        calls.load(SeqCst),
        2,
        "the one that left, and the last sample"
    );
    assert_eq!(sent.load(SeqCst), 1);
    bench.run_until(60.0);
    assert_eq!((calls.load(SeqCst), sent.load(SeqCst)), (2, 1));
    assert_eq!(bench.room.participants(), 0);
}

/// While a report goes out, one receiver ends another: that one still gets its part of it, once.
#[test]
fn leaving_while_a_report_is_on_its_way() {
    let mut bench = Bench::new();
    let victim = Slot::default();
    let ends = Arc::clone(&victim);
    let send = move |_: &[u8]| {
        let bob = ends.lock().unwrap().take();
        drop(bob); // leaves
        Ok(())
    };
    let alice = bench.room.join(
        member("alice"),
        Calls(|_: &mut Samples<'_>| {}, send),
        START,
    );
    let alice = alice.unwrap();
    let (bob, notes) = bench.join_with(member("bob"), None);
    let (carol, others) = bench.join_with(member("carol"), None);
    bob.subscribe(&alice).unwrap();
    carol.subscribe(&alice).unwrap();
    *victim.lock().unwrap() = Some(bob);
    alice.on_metrics(batch(1, &[(0, "", 1.0)]), START).unwrap();
    bench.run_until(30.0);
    assert_eq!(notes.rows().len(), 1);
    assert_eq!(others.rows().len(), 1);
    assert_eq!(bench.room.participants(), 2);
}

/// With the first packet of a report it leaves: the rest of that report still comes, once, and then its last
/// words, which have nothing of the report.
#[test]
fn leaving_when_ones_own_report_comes() {
    let mut bench = Bench::with(PipelineConfig {
        reports: ReportLimits {
            message_bytes: 500,
            ..ReportLimits::default()
        },
        ..PipelineConfig::default()
    });
    let me = Slot::default();
    let (mine, sizes) = (Arc::clone(&me), Arc::new(Mutex::new(Vec::new())));
    let sent = Arc::clone(&sizes);
    let send = move |packet: &[u8]| {
        let packet = DataPacket::decode(packet).unwrap();
        let batch = packet.metrics.unwrap();
        sent.lock()
            .unwrap()
            .push((batch.timestamp_ms, batch.time_series.len()));
        drop(mine.lock().unwrap().take()); // leaves
        Ok(())
    };
    let alice = bench.room.join(
        member("alice"),
        Calls(|_: &mut Samples<'_>| {}, send),
        START,
    );
    let alice = alice.unwrap();
    let series: Vec<_> = (100..140).map(|label| (label, "", 1.0)).collect();
    alice.on_metrics(batch(1, &series), START).unwrap();
    *me.lock().unwrap() = Some(alice);
    bench.run_until(30.0);
    let sizes = sizes.lock().unwrap();
    assert!(sizes.len() > 1);
    assert!(sizes.iter().all(|(sent_ms, _)| *sent_ms == at(10.0).ms()));
    assert_eq!(sizes.iter().map(|(_, rows)| rows).sum::<usize>(), 40);
    assert_eq!(bench.room.participants(), 0);
}

/// Says so if it is called after the end, on whatever thread.
struct Watched {
    over: Arc<AtomicBool>,
    late: Arc<AtomicU64>,
    calls: Arc<AtomicU64>,
}

impl Watched {
    fn look(&self) {
        self.calls.fetch_add(1, SeqCst);
        thread::yield_now();
        if self.over.load(SeqCst) {
            self.late.fetch_add(1, SeqCst);
        }
    }
}

impl Provider for Watched {
    fn collect(&mut self, samples: &mut Samples<'_>) {
        self.look();
        samples.subscriber_rtt(0.01).unwrap();
    }

    fn send(&mut self, _: &[u8]) -> Result<(), SendError> {
        self.look();
        Ok(())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.look();
    }
}

/// Threads that come and go while another runs everything: never a call after `leave`, and two who leave at
/// the same time both wait for the end.
#[test]
fn no_call_after_leave_on_any_thread() {
    const THREADS: u32 = 4;
    const LIVES: u32 = 200;
    let bench = Bench::with(PipelineConfig {
        collector: CollectorConfig {
            sampling: Duration::from_millis(50),
            batch: Duration::from_millis(50),
        },
        reporter: ReporterConfig {
            interval: Duration::from_millis(100),
        },
        ..PipelineConfig::default()
    });
    let (late, calls) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (now_ms, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let now = || START.after(Duration::from_millis(now_ms.load(SeqCst)));
    let live = |thread: u32| {
        for life in 0..LIVES {
            let over = Arc::new(AtomicBool::new(false));
            let watched = Watched {
                over: Arc::clone(&over),
                late: Arc::clone(&late),
                calls: Arc::clone(&calls),
            };
            let config = member(&format!("p{thread}"));
            let who = bench.room.join(config, watched, now()).unwrap();
            if life % 4 != 0 {
                let before = calls.load(SeqCst);
                while calls.load(SeqCst) == before {
                    thread::yield_now();
                }
            }
            thread::scope(|both| {
                let leave = || {
                    who.leave(now());
                    over.store(true, SeqCst);
                };
                both.spawn(leave);
                leave();
            });
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(SeqCst) {
                now_ms.fetch_add(50, SeqCst);
                bench.pipeline.run(now());
            }
        });
        let live = &live;
        let threads: Vec<_> = (0..THREADS).map(|t| scope.spawn(move || live(t))).collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        done.store(true, SeqCst);
    });
    assert_eq!(late.load(SeqCst), 0);
    assert!(calls.load(SeqCst) >= u64::from(THREADS * LIVES) * 2);
    assert_eq!(bench.room.participants(), 0);
}

#[test]
fn stopping_ends_all_and_lets_nobody_in() {
    let bench = Bench::new();
    let elsewhere = bench.pipeline.room(START);
    let (alice, notes) = bench.join(member("alice"));
    let client = crate::host::Client {
        identity: "bob".to_owned(),
        notes: notes.clone(),
        rtt_s: Some(0.02),
    };
    let bob = elsewhere.join(member("bob"), client, START).unwrap();
    bench.pipeline.stop(at(1.0));
    bench.pipeline.stop(at(2.0));
    assert_eq!(notes.sampled(), [1.0, 1.0]);
    assert_eq!(notes.packets().len(), 2);
    bench.pipeline.run(at(100.0));
    alice.leave(at(100.0));
    bob.leave(at(100.0));
    assert_eq!(notes.packets().len(), 2);
    let refused = Calls(|_: &mut Samples<'_>| {}, |_: &[u8]| Ok(()));
    let refused = bench.room.join(member("carol"), refused, at(100.0));
    assert!(refused.is_err());
}
