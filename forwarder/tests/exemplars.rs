//! The forwarding time names the stream that it is of.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use media_metrics_core::{Registry, Snapshot, catalog};
use media_metrics_forwarder::flows::{FlowConfig, FlowLimit};
use media_metrics_forwarder::inbox::Mailbox;
use media_metrics_forwarder::meter::Instruments;
use media_metrics_forwarder::net::bind_group;
use media_metrics_forwarder::payload::PayloadTypes;
use media_metrics_forwarder::worker::{PortConfig, Prepared};

const STREAMS: u16 = 3;

/// Has a worker that may have so many streams forward a packet of each of [`STREAMS`], one after the other. What the
/// registry knows while the worker runs, and once it has ended.
fn forwarded(limit: usize) -> [Arc<Snapshot>; 2] {
    let any = "127.0.0.1:0".parse().unwrap();
    let subscriber = UdpSocket::bind("127.0.0.1:0").unwrap();
    let timeout = Some(Duration::from_secs(10));
    subscriber.set_read_timeout(timeout).unwrap();
    let socket = bind_group(any, 1, 1 << 20, true).unwrap().remove(0);
    let publisher = UdpSocket::bind("127.0.0.1:0").unwrap();
    publisher.connect(socket.local_addr().unwrap()).unwrap();
    let port = PortConfig {
        socket,
        publishers: Vec::new(),
        subscribers: vec![subscriber.local_addr().unwrap().into()],
    };
    let registry = Registry::new().unwrap();
    let instruments = Instruments::register(&registry).unwrap();
    let flows = FlowConfig {
        payloads: PayloadTypes::standard(),
        idle_ns: u64::MAX,
        limit: FlowLimit::new(limit),
    };
    let mailbox = Mailbox::exchange(1).unwrap().remove(0);
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let worker = thread::spawn(move || {
        let prepared = Prepared::new(vec![port], true, flows, mailbox).unwrap();
        prepared.run(Some(&instruments), &told).unwrap().received
    });
    let send = |round: u8| {
        for stream in 0..STREAMS {
            let [hi, lo] = (0xA0 + stream).to_be_bytes();
            let packet = [
                0x80, 111, 0, round, 0, 0, 0, round, 0xC0, 0, hi, lo, 1, 2, 3,
            ];
            assert_eq!(publisher.send(&packet).unwrap(), packet.len());
            subscriber.recv(&mut [0; 64]).unwrap();
        }
    };
    send(1);
    let running = registry.collect();
    send(2);
    stop.store(true, Ordering::Relaxed);
    assert_eq!(worker.join().unwrap(), u64::from(2 * STREAMS));
    [running, registry.collect()]
}

#[test]
fn a_latency_names_a_stream_that_runs_and_one_that_has_just_ended() {
    let ours: BTreeSet<String> = (0..STREAMS)
        .map(|n| format!("c0{:06x}", 0xA0 + n))
        .collect();
    // The last packet's own latency may be recorded after its receiver has it: so the running worker has told of all
    // but one, at least.
    for (snapshot, least) in forwarded(10)
        .iter()
        .zip([u64::from(STREAMS) - 1, u64::from(2 * STREAMS)])
    {
        let latency = snapshot
            .histogram(catalog::FORWARD_LATENCY.name(), &[])
            .unwrap();
        assert!(latency.count() >= least, "{latency:?}");
        assert!(!latency.exemplars().is_empty());
        for exemplar in latency.exemplars() {
            let labels: Vec<_> = exemplar.labels().collect();
            let [("ssrc", ssrc), direction, kind] = labels[..] else {
                panic!("{labels:?}");
            };
            assert!(ours.contains(ssrc), "{ssrc} is not in {ours:?}");
            assert_eq!(
                (direction, kind),
                (("direction", "incoming"), ("kind", "audio"))
            );
        }
        // The highest bucket that has a sample shows one: once nobody records any more, for a merge beside a sample may
        // have its count already and not its name.
        if least < u64::from(2 * STREAMS) {
            continue;
        }
        let counts: Vec<u64> = latency.classic().collect();
        let top = counts.partition_point(|&n| n < latency.count());
        let bound = top
            .checked_sub(1)
            .map(|below| catalog::LATENCY_BOUNDS[below]);
        let highest = latency.exemplars().last().unwrap().value();
        assert!(bound.is_none_or(|bound| bound < highest), "{highest}");
    }
}

#[test]
fn a_packet_without_a_stream_counts_and_has_no_name() {
    let [_, last] = forwarded(0);
    let latency = last
        .histogram(catalog::FORWARD_LATENCY.name(), &[])
        .unwrap();
    assert_eq!(latency.count(), u64::from(2 * STREAMS));
    assert!(latency.exemplars().is_empty());
}
