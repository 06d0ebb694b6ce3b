//! Streams that are made, moved and dropped by several threads, while one adopts, reads and folds them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use media_metrics_core::{SendStream, Stream};

use super::books::{scaled, small};
use super::packets::{Studio, Traffic, receive, send};
use super::watch::while_watched;

const THREADS: u64 = 3;

/// A stream's first half is its maker's, its second that of the thread which it is handed to.
const HALF: u16 = 120;

#[test]
fn of_streams_that_come_and_go_every_packet_is_published() {
    let registry = small();
    let studio = Studio::new(&registry);
    let each = scaled(2_000);
    let (traffic, last) = while_watched(&registry, || {
        let mut traffic = Traffic::default();
        let (to_next, from_others) = crossbeam_channel::bounded::<(Stream, SendStream)>(8);
        std::thread::scope(|scope| {
            let (studio, to_next) = (&studio, &to_next);
            let makers: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(move || make(studio, each, to_next)))
                .collect();
            let from_others = &from_others;
            let taker = scope.spawn(move || {
                let mut traffic = Traffic::default();
                for (mut received, mut sent) in from_others.iter().take(THREADS as usize * each) {
                    receive(&mut received, HALF..2 * HALF, &mut traffic);
                    send(&mut sent, HALF..2 * HALF, &mut traffic);
                }
                traffic
            });
            makers
                .into_iter()
                .for_each(|m| traffic += m.join().unwrap());
            traffic += taker.join().unwrap();
        });
        traffic
    });
    assert_eq!(traffic.received.streams, THREADS * each as u64);
    studio.check(&last, &traffic);
    assert!(registry.streams().is_empty() && registry.senders().is_empty());
}

/// Makes streams, records their first half, and hands them on.
fn make(
    studio: &Studio,
    n: usize,
    to_next: &crossbeam_channel::Sender<(Stream, SendStream)>,
) -> Traffic {
    let mut traffic = Traffic::default();
    for _ in 0..n {
        let mut received = studio.receive(&mut traffic).unwrap();
        receive(&mut received, 0..HALF, &mut traffic);
        let mut sent = studio.send(&mut traffic).unwrap();
        send(&mut sent, 0..HALF, &mut traffic);
        to_next.send((received, sent)).unwrap();
    }
    traffic
}

/// More streams are wanted than there may be: those that are refused are counted, and those that are not lose nothing.
#[test]
fn at_the_limit_streams_are_refused_and_none_is_lost() {
    let registry = media_metrics_core::Registry::builder()
        .max_series(64)
        .max_streams(4) // fewer than one thread wants to keep
        .build()
        .unwrap();
    let studio = Studio::new(&registry);
    let each = scaled(4_000);
    let (traffic, last) = while_watched(&registry, || {
        std::thread::scope(|scope| {
            let studio = &studio;
            let threads: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(move || crowd(studio, each)))
                .collect();
            let mut traffic = Traffic::default();
            threads
                .into_iter()
                .for_each(|t| traffic += t.join().unwrap());
            traffic
        })
    });
    assert!(
        traffic.received.streams > 0 && traffic.refused > 0,
        "{traffic:?}"
    );
    studio.check(&last, &traffic);
}

/// Keeps up to five streams, the oldest of which goes for a new one, or when there is no room.
fn crowd(studio: &Studio, n: usize) -> Traffic {
    let mut traffic = Traffic::default();
    let mut kept = std::collections::VecDeque::new();
    for _ in 0..n {
        match studio.receive(&mut traffic) {
            Some(mut stream) => {
                receive(&mut stream, 0..3, &mut traffic);
                kept.push_back(stream);
            }
            None => drop(kept.pop_front()),
        }
        if kept.len() > 5 {
            kept.pop_front();
        }
    }
    traffic
}

/// Who reads streams one by one sees numbers of one moment, none of which goes back, and none of a stream that has ended.
#[test]
fn a_reader_of_single_streams_sees_whole_packets_that_never_go_back() {
    let registry = small();
    let studio = Studio::new(&registry);
    let done = AtomicBool::new(false);
    let read = AtomicU64::new(0);
    let each = scaled(300);
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut traffic = Traffic::default();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut packets = std::collections::HashMap::new();
            while !done.load(Relaxed) {
                registry.collect();
                for s in registry.streams() {
                    assert_eq!(s.stats.bytes, s.stats.packets * 124);
                    let before = packets.insert(s.id, s.stats.packets).unwrap_or(0);
                    assert!(before <= s.stats.packets, "{before}, then {:?}", s.stats);
                    read.fetch_add(1, Relaxed);
                }
                for s in registry.senders() {
                    assert_eq!(s.stats.sent.bytes, s.stats.sent.packets * 124);
                }
            }
        });
        let writers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut traffic = Traffic::default();
                    let mut made = 0;
                    // Until some stream was read.
                    while made < each || read.load(Relaxed) == 0 {
                        assert!(
                            Instant::now() < deadline,
                            "no stream was read in two minutes"
                        );
                        made += 1;
                        let mut received = studio.receive(&mut traffic).unwrap();
                        let mut sent = studio.send(&mut traffic).unwrap();
                        receive(&mut received, 0..2_000, &mut traffic);
                        send(&mut sent, 0..2_000, &mut traffic);
                    }
                    traffic
                })
            })
            .collect();
        let results: Vec<_> = writers.into_iter().map(|w| w.join()).collect();
        done.store(true, Relaxed);
        results.into_iter().for_each(|r| traffic += r.unwrap());
        reader.join().unwrap();
    });
    studio.check(&registry.collect(), &traffic);
}
