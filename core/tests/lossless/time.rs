//! Packets whose times step, forwards and back, by hours and to both ends: each is counted once.
//!
//! Not here: merges whose times step, which only the crate itself can have (`reporter::time_steps`).

use std::sync::Arc;

use media_metrics_core::rtp::RtpHeader;

use super::books::{scaled, small};
use super::packets::{Stepping, Studio, Traffic, packet};
use super::watch::Watch;

#[test]
fn when_clocks_step_every_packet_is_published_once() {
    let registry = small();
    let studio = Studio::new(&registry);
    let mut watch = Watch::default();
    let packets = scaled(60_000) as u64;
    let mut clock = Stepping::new(11);
    let mut traffic = Traffic::default();
    let mut received = studio.receive(&mut traffic).unwrap();
    let mut sent = studio.send(&mut traffic).unwrap();
    for n in 0..packets {
        let header = RtpHeader {
            // Its own clock goes on as if nothing had happened: who was told the time wrongly was the host.
            timestamp: (n as u32).wrapping_mul(960),
            ..packet(n as u16)
        };
        let now = clock.now();
        received.on_rtp(&header, now);
        sent.on_rtp(&header, now);
        if n % 100 == 0 {
            watch.look(registry.collect());
        }
    }
    traffic.received.packets = packets;
    traffic.sent.packets = packets;
    let stats = received.stats();
    assert_eq!((stats.packets, stats.lost), (packets, 0));
    drop((received, sent));
    let last = registry.collect();
    watch.look(Arc::clone(&last));
    studio.check(&last, &traffic);
}
