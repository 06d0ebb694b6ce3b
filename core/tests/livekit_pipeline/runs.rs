//! Runs that meet others: a report and a leaver, a run on a second thread or in a callback.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use media_metrics_core::livekit::batch::Limits;
use media_metrics_core::livekit::messages::DataPacket;
use media_metrics_core::livekit::pipeline::{PipelineConfig, ReportLimits, Samples};
use prost::Message;

use crate::host::{Bench, Calls, START, at, batch, member};

type Packets = Arc<Mutex<Vec<Vec<u8>>>>;

/// Labels of the rows of each packet.
fn labels(packets: &Packets) -> Vec<Vec<u32>> {
    let packets = packets.lock().unwrap();
    let of = |packet: &Vec<u8>| {
        let batch = DataPacket::decode(&packet[..]).unwrap().metrics.unwrap();
        batch.time_series.iter().map(|row| row.label).collect()
    };
    packets.iter().map(of).collect()
}

/// While somebody says her last words a report goes out: her part of it comes, and before the last words.
#[test]
fn a_report_that_meets_a_leaver_is_among_her_last_words() {
    let bench = Bench::new();
    let (packets, leaving) = (Packets::default(), AtomicBool::new(false));
    let (asked, is_asked) = mpsc::channel();
    let (go, gone) = mpsc::channel();
    let (sent, leaving) = (Arc::clone(&packets), Arc::new(leaving));
    let last = Arc::clone(&leaving);
    let collect = move |samples: &mut Samples<'_>| {
        if last.load(SeqCst) {
            asked.send(()).unwrap();
            gone.recv().unwrap();
            samples.subscriber_rtt(0.01).unwrap();
        }
    };
    let send = move |packet: &[u8]| {
        sent.lock().unwrap().push(packet.to_vec());
        Ok(())
    };
    let alice = bench
        .room
        .join(member("alice"), Calls(collect, send), START)
        .unwrap();
    alice.on_metrics(batch(1, &[(0, "", 1.0)]), START).unwrap();
    leaving.store(true, SeqCst);
    thread::scope(|scope| {
        scope.spawn(|| alice.leave(at(9.99)));
        is_asked.recv().unwrap();
        bench.pipeline.run(at(10.0));
        go.send(()).unwrap();
    });
    assert_eq!(labels(&packets), [vec![0], vec![19]]);
    let packets = bench.count("media_metrics_pipeline_packets_total", &[]);
    assert_eq!(packets, 2);
}

/// The same on one thread: the last callback runs the pipeline.
#[test]
fn a_last_callback_that_runs_the_pipeline_loses_nothing() {
    let bench = Bench::new();
    let (packets, pipeline) = (Packets::default(), bench.pipeline.clone());
    let sent = Arc::clone(&packets);
    let collect = move |samples: &mut Samples<'_>| {
        pipeline.run(samples.now());
    };
    let send = move |packet: &[u8]| {
        sent.lock().unwrap().push(packet.to_vec());
        Ok(())
    };
    let alice = bench
        .room
        .join(member("alice"), Calls(collect, send), START)
        .unwrap();
    alice.on_metrics(batch(1, &[(0, "", 1.0)]), START).unwrap();
    alice.leave(at(12.0));
    assert_eq!(labels(&packets), [[0]]);
}

/// What waits for a leaver whose host does not return is bounded, and the rest counted.
#[test]
fn what_waits_for_a_leaver_is_bounded() {
    let bench = Bench::with(PipelineConfig {
        reports: ReportLimits {
            report: Limits {
                encoded_bytes: 300,
                ..Limits::default()
            },
            ..ReportLimits::default()
        },
        ..PipelineConfig::default()
    });
    let (bob, _notes) = bench.join_with(member("bob"), None);
    let bob = Arc::new(bob);
    let (pipeline, speaker) = (bench.pipeline.clone(), Arc::clone(&bob));
    let collect = move |_: &mut Samples<'_>| {
        for tick in 1..=50 {
            let now = at(f64::from(tick) * 10.0);
            let said = batch(1, &[(0, "", 1.0), (1, "", 1.0)]);
            speaker.on_metrics(said, now).unwrap();
            pipeline.run(now);
        }
    };
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let sent = Arc::clone(&sizes);
    let send = move |packet: &[u8]| {
        sent.lock().unwrap().push(packet.len());
        Ok(())
    };
    let alice = bench
        .room
        .join(member("alice"), Calls(collect, send), START)
        .unwrap();
    alice.subscribe(&bob).unwrap();
    alice.leave(at(1.0));
    let sizes = sizes.lock().unwrap();
    let bytes = sizes.iter().sum::<usize>();
    assert!((300..=600).contains(&bytes), "{sizes:?}");
    let failed = bench.count("media_metrics_pipeline_packets_failed_total", &["leaving"]);
    assert_eq!(failed, 50 - sizes.len() as u64);
}

/// A run that finds another under way has to come again, soon: not at once, and not never.
#[test]
fn a_run_in_a_callback_is_told_to_come_again() {
    let bench = Bench::new();
    let (pipeline, said) = (bench.pipeline.clone(), Arc::new(Mutex::new(Vec::new())));
    let says = Arc::clone(&said);
    let collect = move |samples: &mut Samples<'_>| {
        let next = pipeline.run(samples.now());
        says.lock().unwrap().push(next);
    };
    let _alice = bench
        .room
        .join(member("alice"), Calls(collect, |_: &[u8]| Ok(())), START)
        .unwrap();
    // The room's tick and hers are due: the calendar is empty meanwhile.
    bench.pipeline.run(at(100.0));
    assert_eq!(*said.lock().unwrap(), [Some(at(100.05))]);
}

/// Who was turned away is also woken when the other run has ended, and hears what is due.
#[test]
fn who_was_turned_away_is_woken() {
    let bench = Bench::new();
    let wakes = Arc::new(AtomicU32::new(0));
    let (asked, is_asked) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let collect = move |_: &mut Samples<'_>| {
        asked.send(()).unwrap();
        let _ = gone.recv_timeout(Duration::from_secs(10));
    };
    let _alice = bench
        .room
        .join(member("alice"), Calls(collect, |_: &[u8]| Ok(())), START)
        .unwrap();
    let counted = Arc::clone(&wakes);
    bench.pipeline.on_wake(move || {
        counted.fetch_add(1, SeqCst);
    });
    thread::scope(|scope| {
        scope.spawn(|| bench.pipeline.run(at(5.0)));
        is_asked.recv().unwrap();
        assert_eq!(bench.pipeline.run(at(5.0)), Some(at(5.05)));
        assert_eq!(wakes.load(SeqCst), 0);
        go.send(()).unwrap();
    });
    assert_eq!(wakes.load(SeqCst), 1);
    let next = bench.pipeline.run(at(5.0)).unwrap();
    assert!(next > at(5.0));
    assert_eq!(wakes.load(SeqCst), 1, "nobody was turned away");
    drop(go);
}
