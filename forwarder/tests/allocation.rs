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
use media_metrics_forwarder::flows::{FlowConfig, FlowLimit};
use media_metrics_forwarder::inbox::Mailbox;
use media_metrics_forwarder::meter::Instruments;
use media_metrics_forwarder::net::bind_group;
use media_metrics_forwarder::payload::PayloadTypes;
use media_metrics_forwarder::worker::{PortConfig, Prepared};

/// Packets of each stream: in order, with a gap, a duplicate and a late one; and a sender report.
fn packets(stream: u8, round: u16) -> impl Iterator<Item = Vec<u8>> {
    let rtp = move |n: u16| {
        let [hi, lo] = (round * 6 + n).to_be_bytes();
        vec![0x80, 111, hi, lo, 0, 0, hi, lo, 0, 0, 0, stream, 1, 2, 3]
    };
    let mut report = vec![0x80, 200, 0, 6, 0, 0, 0, stream];
    report.extend(u64::from(round + 1).to_be_bytes().map(|b| b.rotate_left(4)));
    report.extend([0; 12]);
    [0, 1, 1, 4, 3, 5].map(rtp).into_iter().chain([report])
}

/// What a subscriber says of a stream: a report, a NACK and a PLI in one.
fn feedback(stream: u8, round: u16) -> Vec<u8> {
    let [hi, lo] = (round * 6 + 5).to_be_bytes();
    let mut bytes = vec![
        0x81, 201, 0, 7, 0, 0, 0, 99, 0, 0, 0, stream, 0, 0, 0, 1, 0, 0, hi, lo,
    ];
    bytes.extend([0; 12]);
    bytes.extend([0x81, 205, 0, 3, 0, 0, 0, 99, 0, 0, 0, stream, hi, lo, 0, 0]);
    bytes.extend([0x81, 206, 0, 2, 0, 0, 0, 99, 0, 0, 0, stream]);
    bytes
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
    publisher
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let port = PortConfig {
        socket,
        publishers: Vec::new(),
        subscribers: subscribers
            .iter()
            .map(|s| s.local_addr().unwrap().into())
            .collect(),
    };
    let registry = Registry::new().unwrap();
    let instruments = Instruments::register(&registry).unwrap();
    let flows = FlowConfig {
        payloads: PayloadTypes::standard(),
        idle_ns: u64::MAX,
        limit: FlowLimit::new(100),
    };
    let mailbox = Mailbox::exchange(1).unwrap().remove(0);
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let worker = thread::spawn(move || {
        let mut received = 0;
        let prepared = Prepared::new(vec![port], true, flows, mailbox).unwrap();
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
        for stream in 0..8 {
            let bytes = feedback(stream, round);
            subscribers[0]
                .send_to(&bytes, publisher.peer_addr().unwrap())
                .unwrap();
            let mut got = [0; 64];
            let len = publisher.recv(&mut got).unwrap();
            assert_eq!(got[..len], bytes);
        }
    }
    stop.store(true, Ordering::Relaxed);
    worker.join().unwrap()
}

#[test]
fn ten_times_the_packets_are_no_more_allocations() {
    // Long enough for each stream's first settled loss, for which it makes memory.
    let (few, few_received) = allocations(100);
    let (many, many_received) = allocations(1_000);
    assert_eq!(
        (few_received, many_received),
        (100 * 64, 1_000 * 64),
        "all arrived"
    );
    assert_eq!(few, many);
    assert!(few > 0, "the counter counts: streams and buffers were made");
}
