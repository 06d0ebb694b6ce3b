//! What the three programs have in common: work that was always counted with the `metrics` crate's macros, and media, which
//! is new. Nothing here knows where the macros' values go.

use std::thread;
use std::time::{Duration, Instant};

use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::{RegisterError, Registry, StreamConfig, catalog};
use metrics::{counter, describe_counter, describe_histogram, histogram};

/// Bounds of `job_seconds`, whoever keeps it.
pub const JOB_SECONDS: [f64; 3] = [0.001, 0.01, 0.1];

/// Jobs that the program does; enough of them to see.
pub const JOBS: u32 = 100;

/// Packets that it forwards.
pub const PACKETS: u16 = 500;

/// What was there before. It stays as it is, in all three programs.
pub fn work() {
    describe_counter!("jobs_total", "Jobs done.");
    describe_histogram!("job_seconds", "Time that a job took.");
    for _ in 0..JOBS {
        let start = Instant::now();
        thread::sleep(Duration::from_micros(200));
        counter!("jobs_total", "queue" => "mail").increment(1);
        histogram!("job_seconds").record(start.elapsed());
    }
}

/// What is new: media, each packet of it recorded.
pub fn media(registry: &Registry) -> Result<(), RegisterError> {
    let group = registry.group(&["incoming", "audio"])?;
    let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[])?;
    let mut stream = registry.stream(&group, StreamConfig::new(0x1234_5678, 48_000))?;
    thread::spawn(move || {
        let start = Instant::now();
        for sequence in 0..PACKETS {
            let arrival = Instant::now();
            let packet = a_packet(sequence);
            if let Ok(header) = RtpHeader::parse(&packet) {
                stream.on_rtp(&header, (arrival - start).as_nanos() as u64);
            }
            latency.record(arrival.elapsed().as_nanos() as u64);
            thread::sleep(Duration::from_micros(200));
        }
    });
    Ok(())
}

/// Twenty milliseconds of Opus.
fn a_packet(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 111];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 960).to_be_bytes());
    packet.extend(0x1234_5678_u32.to_be_bytes());
    packet.extend([0xfc; 80]);
    packet
}
