//! Ten thousand participants in rooms of ten, at the default intervals: memory, and the share of a core.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use media_metrics_benches::options::Options;
use media_metrics_benches::results::{Section, figure};
use media_metrics_benches::{alloc, machine};
use media_metrics_core::Registry;
use media_metrics_core::livekit::pipeline::{
    Participant, ParticipantConfig, Pipeline, PipelineConfig, Provider, Samples, SendError,
};
use prost::Message;

use crate::START;
use crate::batch::client_batch;

const PARTICIPANTS: usize = 10_000;
const ROOM: usize = 10;

/// Measures two round trips, as a server does with two transports.
struct Host {
    identity: String,
    sent: Arc<AtomicU64>,
}

impl Provider for Host {
    fn collect(&mut self, samples: &mut Samples<'_>) {
        let _ = samples.publisher_rtt(&self.identity, 0.042); // errors are counted
        let _ = samples.subscriber_rtt(0.031);
    }

    fn send(&mut self, packet: &[u8]) -> Result<(), SendError> {
        self.sent.fetch_add(packet.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

pub(crate) fn run(options: &Options, section: &mut Section) {
    const TITLE: &str = "crowd: 10,000 participants in rooms of 10, default intervals";
    if !options.wants(TITLE) {
        return;
    }
    let rows: Vec<_> = [
        ("", false),
        (", each client sends a batch of 20 series in 10 s", true),
    ]
    .into_iter()
    .map(|(words, clients)| {
        let crowd = measure(options, clients);
        let what = format!("10,000 participants{words}");
        section.goal(&format!("{what}: memory at most"), crowd.mib, 50.0, "MiB");
        // What clients send takes what it takes: see `batch`. The goal is for what is there without them.
        if !clients {
            let what = format!("{what}: share of a core");
            section.goal(&what, crowd.percent, 1.0, "%");
        }
        vec![
            format!("{TITLE}{words}"),
            "**ours**".to_owned(),
            figure(crowd.mib),
            figure(crowd.percent),
            figure(crowd.packets_bytes),
        ]
    })
    .collect();
    let head = ["", "", "MiB at most", "% of a core", "bytes sent a second"].map(str::to_owned);
    section.table(&head, &rows);
}

struct Crowd {
    mib: f64,
    percent: f64,
    packets_bytes: f64,
}

fn measure(options: &Options, clients: bool) -> Crowd {
    let seconds = if options.quick { 20 } else { 60 };
    let before = alloc::live_bytes();
    let registry = Registry::new().expect("a registry");
    let pipeline = Pipeline::new(PipelineConfig::default(), &registry).expect("a pipeline");
    let sent = Arc::new(AtomicU64::new(0));
    let members: Vec<Participant> = (0..PARTICIPANTS / ROOM)
        .flat_map(|r| {
            let room = pipeline.room(START);
            let join = |n| {
                let identity = format!("participant-{r}-{n}");
                let mut config = ParticipantConfig::new(identity.clone());
                (config.active, config.can_subscribe_metrics) = (true, true);
                let host = Host {
                    identity,
                    sent: Arc::clone(&sent),
                };
                room.join(config, host, START).expect("a place")
            };
            let members: Vec<_> = (0..ROOM).map(join).collect();
            for receiver in &members {
                for publisher in &members {
                    receiver.subscribe(publisher).expect("the same room");
                }
            }
            members
        })
        .collect();
    // As it comes from the client: no identity, so it is whoever's it is.
    let mut batch = client_batch();
    batch
        .time_series
        .iter_mut()
        .for_each(|row| row.participant_identity = 0);
    let mut packet = vec![0x42]; // field 8, a message
    prost::encoding::encode_varint(batch.encoded_len() as u64, &mut packet);
    batch.encode(&mut packet).expect("room in a vector");

    let mut most = alloc::live_bytes();
    let mut took = Duration::ZERO;
    let slots = seconds * 10;
    for slot in 0..slots {
        let now = START.after(Duration::from_millis(slot * 100));
        let start = machine::thread_cpu_time();
        if clients {
            // A hundredth of them in each tenth of a second: each once in ten.
            let theirs = members.iter().skip(slot as usize % 100).step_by(100);
            for member in theirs {
                let counts = member.on_data_packet(&packet, now).expect("a batch");
                assert_eq!(counts.rows_dropped(), 0);
            }
        }
        pipeline.run(now);
        took += machine::thread_cpu_time() - start;
        most = most.max(alloc::live_bytes());
    }
    let bytes = sent.load(Ordering::Relaxed);
    assert!(bytes > 0, "nothing was sent");
    Crowd {
        mib: most.saturating_sub(before) as f64 / f64::from(1 << 20),
        percent: took.as_secs_f64() / seconds as f64 * 100.0,
        packets_bytes: bytes as f64 / seconds as f64,
    }
}
