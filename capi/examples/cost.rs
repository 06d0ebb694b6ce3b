//! What a recording call costs through the C interface, beside the same call in Rust:
//! `cargo run --release -p media-metrics-capi --example cost`.
//!
//! Calls go through pointers that the compiler can't see through, as those of a C program do. The least of several rounds
//! counts, and the totals are checked: a wrong one is no time.

#![allow(
    clippy::multiple_unsafe_ops_per_block,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for people, which may stop at the first surprise"
)]

use std::hint::black_box;
use std::ptr::null;
use std::time::Instant;

use media_metrics::*;
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::{Desc, StreamConfig, catalog};

const CALLS: u32 = 2_000_000;
const ROUNDS: u32 = 15;

static PLAIN: Desc = Desc::counter("plain_total", "Counted in Rust.");

/// Nanoseconds a call, of the fastest round.
fn time(mut call: impl FnMut(u32)) -> f64 {
    let round = |_| {
        let start = Instant::now();
        (0..CALLS).for_each(&mut call);
        start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

fn packet(sequence: u32) -> [u8; 112] {
    let mut packet = [7; 112];
    packet[..2].copy_from_slice(&[0x80, 111]);
    packet[2..4].copy_from_slice(&(sequence as u16).to_be_bytes());
    packet[4..8].copy_from_slice(&(sequence * 960).to_be_bytes());
    packet[8..12].copy_from_slice(&7_u32.to_be_bytes());
    packet
}

fn main() {
    let registry = media_metrics_core::Registry::new().unwrap();
    let counter = registry.counter(&PLAIN, &[]).unwrap();
    let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[]).unwrap();
    let group = registry.group(&["incoming", "audio"]).unwrap();
    let mut stream = registry
        .stream(&group, StreamConfig::new(7, 48_000))
        .unwrap();
    let rust = [
        time(|_| black_box(&counter).add(1)),
        time(|n| black_box(&latency).record(20_000 + u64::from(n))),
        time(|n| {
            let packet = packet(n);
            let header = RtpHeader::parse(black_box(&packet)).unwrap();
            stream.on_rtp(&header, u64::from(n) * 20_000_000);
        }),
    ];
    assert_eq!(counter.total(), u64::from(CALLS * ROUNDS));

    let registry = mm_registry_new();
    // SAFETY: the registry and what is made from it live to the end; texts end in a zero byte; packets are as long as is said.
    let c = unsafe {
        let counter = mm_counter_new(registry, c"c_total".as_ptr(), c"In C.".as_ptr(), null(), 0);
        let latency = mm_forward_latency_new(registry);
        let stream = mm_stream_new(registry, c"incoming".as_ptr(), c"audio".as_ptr(), 7, 48_000);
        let add = black_box(mm_counter_add as unsafe extern "C" fn(*const Counter, u64) -> bool);
        let record =
            black_box(mm_histogram_record as unsafe extern "C" fn(*const Histogram, u64) -> bool);
        let on_rtp = black_box(
            mm_stream_on_rtp as unsafe extern "C" fn(*mut Stream, *const u8, usize, u64) -> bool,
        );
        [
            time(|_| assert!(add(black_box(counter), 1))),
            time(|n| assert!(record(black_box(latency), 20_000 + u64::from(n)))),
            time(|n| {
                let packet = packet(n);
                let at = u64::from(n) * 20_000_000;
                assert!(on_rtp(
                    stream,
                    black_box(&packet).as_ptr(),
                    packet.len(),
                    at
                ));
            }),
        ]
    };
    let names = ["count", "record a latency", "make and record an RTP packet"];
    println!("{:32}{:>10}{:>10}{:>8}", "ns a call", "Rust", "C", "more");
    for ((name, rust), c) in names.iter().zip(rust).zip(c) {
        println!("{name:32}{rust:>10.2}{c:>10.2}{:>8.2}", c - rust);
    }
}
