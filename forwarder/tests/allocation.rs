//! A warm worker allocates nothing, however many packets come.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise, its helpers, too"
)]

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use media_metrics_core::Registry;
use media_metrics_forwarder::meter::Instruments;
use media_metrics_forwarder::net::bind_group;
use media_metrics_forwarder::payload::PayloadTypes;
use media_metrics_forwarder::worker::{PortConfig, Prepared};

/// Packets of each stream: in order, with a gap, a duplicate and a late one; and a report.
fn packets(stream: u8, round: u16) -> impl Iterator<Item = Vec<u8>> {
    let rtp = move |n: u16| {
        let [hi, lo] = (round * 6 + n).to_be_bytes();
        vec![0x80, 111, hi, lo, 0, 0, hi, lo, 0, 0, 0, stream, 1, 2, 3]
    };
    let report = vec![0x80, 201, 0, 1, 0, 0, 0, stream];
    [0, 1, 1, 4, 3, 5].map(rtp).into_iter().chain([report])
}

/// Allocations of a worker's thread that forwards this many rounds to two subscribers, and how many
/// datagrams it took in.
fn allocations(rounds: u16) -> (u64, u64) {
    let any = "127.0.0.1:0".parse().unwrap();
    let subscribers = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    subscribers[0]
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let socket = bind_group(any, 1, 4 << 20, true).unwrap().remove(0);
    let publisher = UdpSocket::bind("127.0.0.1:0").unwrap();
    publisher.connect(socket.local_addr().unwrap()).unwrap();
    let port = PortConfig {
        socket,
        publishers: Vec::new(),
        subscribers: subscribers
            .iter()
            .map(|s| s.local_addr().unwrap())
            .collect(),
    };
    let registry = Registry::new().unwrap();
    let instruments = Instruments::register(&registry, PayloadTypes::standard(), u64::MAX).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let worker = thread::spawn(move || {
        let mut received = 0;
        let prepared = Prepared::new(vec![port], true).unwrap();
        let info = allocation_counter::measure(|| {
            received = prepared.run(Some(&instruments), &told).unwrap().received;
        });
        (info.count_total, received)
    });
    for round in 0..rounds {
        for packet in (0..8).flat_map(|stream| packets(stream, round)) {
            assert_eq!(publisher.send(&packet).unwrap(), packet.len());
        }
        // No faster than the worker: no socket's buffer overflows. (The other subscriber never reads.)
        for _ in 0..8 * 7 {
            subscribers[0].recv(&mut [0; 64]).unwrap();
        }
    }
    stop.store(true, Ordering::Relaxed);
    worker.join().unwrap()
}

#[test]
fn a_hundred_times_the_packets_are_no_more_allocations() {
    let (few, few_received) = allocations(5);
    let (many, many_received) = allocations(500);
    assert_eq!(
        (few_received, many_received),
        (5 * 56, 500 * 56),
        "all arrived"
    );
    assert_eq!(few, many);
    assert!(few > 0, "the counter counts: streams and buffers were made");
}
