//! Many: exact totals of a large room, and the memory of ten thousand participants.

use std::sync::{Arc, Mutex};

use media_metrics_core::livekit::messages::{
    DataPacket, EventMetric, MetricSample, MetricsBatch, TimeSeriesMetric,
};
use media_metrics_core::livekit::pipeline::{Participant, Provider, Samples, SendError};
use media_metrics_core::livekit::time::ServerTime;
use prost::Message;

use crate::host::{Bench, START, at, member};

/// What arrived at all clients together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    packets: usize,
    bytes: usize,
    rows: usize,
    samples: usize,
}

struct Client {
    identity: String,
    totals: Arc<Mutex<Totals>>,
}

impl Provider for Client {
    fn collect(&mut self, samples: &mut Samples<'_>) {
        samples.publisher_rtt(&self.identity, 0.042).unwrap();
        samples.subscriber_rtt(0.031).unwrap();
    }

    fn send(&mut self, packet: &[u8]) -> Result<(), SendError> {
        let decoded = DataPacket::decode(packet).unwrap();
        assert_eq!(decoded.participant_identity, self.identity);
        let batch = decoded.metrics.unwrap();
        let series = batch.time_series.iter().map(|row| row.samples.len());
        let mut totals = self.totals.lock().unwrap();
        totals.packets += 1;
        totals.bytes += packet.len();
        totals.rows += batch.time_series.len() + batch.events.len();
        totals.samples += series.sum::<usize>();
        Ok(())
    }
}

/// What each client sends each 10 s: freezes (nobody else's business), a metric of its own, an event.
fn from_client(now: ServerTime) -> MetricsBatch {
    let sample = |back_s: i64| MetricSample {
        timestamp_ms: now.ms() - back_s * 1_000,
        normalized_timestamp: None,
        value: 1.5,
    };
    let row = |label, samples| TimeSeriesMetric {
        label,
        samples,
        ..TimeSeriesMetric::default()
    };
    MetricsBatch {
        timestamp_ms: now.ms(),
        str_data: vec!["app.fps".to_owned()],
        time_series: vec![
            row(4, vec![sample(4), sample(2), sample(0)]),
            row(4_096, vec![sample(3), sample(1)]),
        ],
        events: vec![EventMetric {
            label: 1,
            start_timestamp_ms: now.ms(),
            metadata: "ok".to_owned(),
            ..EventMetric::default()
        }],
        ..MetricsBatch::default()
    }
}

/// A room of 1,000 for ten minutes, by hand.
///
/// All join at once. 20 publish, and all are subscribed to them. The pipeline runs each second, so all times are
/// whole seconds. Each client sends at 5, 15, … 595 s. At 600 s the 980 others leave, then the publishers, in order.
///
/// **Phases.** A participant's time line begins `a` before it joins, 0 <= a < 10 s. Of the golden ratio's first
/// 1,000 multiples, 300 lie in each of the three first 3 s and 100 in the last second. Let f = floor(a / 3): of the 20
/// publishers 7 have f = 0, 5 have 1, 7 have 2, one has 3; so their f sum up to 22, those of all to 1,200.
///
/// **Samples** are due at 3k - a: 200 in 600 s for each a, and one when it leaves; of two series each:
/// 1,000 x 201 x 2 = 402,000.
///
/// **Batches** are due at 10j - a: 60 each; but with f = 3 the first has no samples. One more when it leaves, with
/// the f samples since the last batch and the last one: 60,000 - 100 + 1,000 = 60,900.
///
/// **Deliveries.** Clients': 60 x (20 x 1,000 + 980) = 1,258,800. The server's: of publishers (1,200 - 1) x 1,000, of
/// others 58,800 - 99 = 58,701. Last batches: 980, and of the publishers 20 + 19 + … + 1 = 210. Together 2,517,691.
///
/// **Packets**: 60 reports and the last words of each: 61,000.
///
/// **Rows** in them. Of publishers' clients 60,000 x 20 x 2 = 2,400,000, and of the server about publishers
/// 1,199 x 2 x 1,000 = 2,398,000. One's own: freezes 60,000; of others the rest of the client's, 58,800 x 2 = 117,600,
/// and of the server's, 58,701 x 2 = 117,402. Last words: 980 x 2 = 1,960, and 2 x (1 + 2 + … + 20) = 420. Together
/// 5,095,382.
///
/// **Samples** in them, in the same order: 60,000 x 20 x 2 = 2,400,000; (20 x 200 - 22) x 2 x 1,000 = 7,956,000; 60,000 x
/// 3 = 180,000; 58,800 x 2 = 117,600; (980 x 200 - 1,178) x 2 = 389,644; (980 + 1,178) x 2 = 4,316; and twice the sum of the
/// publishers' (f + 1) x (20 - i), 437: 874. Together 11,048,434.
///
/// **Bytes.** A sample is 22 (7 of ms, 8 of a whole second, 5 of the value, 2 around them), a row of the server 7
/// and its samples, freezes 73, the client's own metric 52, its event 26. A string is 2 and its own; "p_0000" is 8,
/// "app.fps" 9. A batch's times are 15. Around a batch: the identity, 8, a tag, and 1 or 2 bytes of length (from
/// 128 on). So the reports are 60,000 x (11 + 15 + 20 x 8 + 9) = 11,700,000, and 60,000 x 20 x 78 = 93,600,000, and
/// 1,199,000 x 14 = 16,786,000, and 22 x 7,956,000 = 175,032,000; behind them one's own: 60,000 x (8 + 73) = 4,860,000,
/// 58,800 x (9 + 52 + 26) = 5,115,600, 58,701 x 14 = 821,814, 22 x 389,644 = 8,572,168. Last words of others have 1 to 4
/// samples a row: 15 + 8 + 14 + 44 n, and 10 or 11 around it: 293 x 91 + 295 x 135 + 293 x 180 + 99 x 224 = 141,404. Of
/// publisher i: 15 + 22 (i + 1) + 44 x (samples so far), and 11 (the first: 10) around it: 300 + 4,620 + 44 x 437 + 219 =
/// 24,367. Together 316,653,353.
#[test]
fn a_room_of_a_thousand_for_ten_minutes() {
    const EVERYBODY: usize = 1_000;
    const PUBLISHERS: usize = 20;
    let bench = Bench::new();
    let totals = Arc::new(Mutex::new(Totals::default()));
    let join = |i: usize| {
        let identity = format!("p_{i:04}");
        let client = Client {
            identity: identity.clone(),
            totals: Arc::clone(&totals),
        };
        bench.room.join(member(&identity), client, START).unwrap()
    };
    let all: Vec<Participant> = (0..EVERYBODY).map(join).collect();
    for receiver in &all {
        for publisher in &all[..PUBLISHERS] {
            receiver.subscribe(publisher).unwrap();
        }
    }
    for second in 1..=600 {
        let now = at(f64::from(second));
        bench.pipeline.run(now);
        if second % 10 == 5 {
            for participant in &all {
                participant.on_metrics(from_client(now), now).unwrap();
            }
        }
    }
    let end = at(600.0);
    all[PUBLISHERS..]
        .iter()
        .for_each(|participant| participant.leave(end));
    all[..PUBLISHERS]
        .iter()
        .for_each(|participant| participant.leave(end));

    let expected = Totals {
        packets: 61_000,
        bytes: 316_653_353,
        rows: 5_095_382,
        samples: 11_048_434,
    };
    assert_eq!(*totals.lock().unwrap(), expected);
    let count = |name| bench.count(name, &[]);
    assert_eq!(count("media_client_batches_total"), 60_000);
    assert_eq!(count("media_client_batch_rows_total"), 180_000);
    assert_eq!(count("media_client_batch_samples_total"), 300_000);
    assert_eq!(count("media_metrics_pipeline_samples_total"), 402_000);
    assert_eq!(count("media_metrics_pipeline_batches_total"), 60_900);
    assert_eq!(count("media_metrics_pipeline_deliveries_total"), 2_517_691);
    assert_eq!(count("media_metrics_pipeline_packets_total"), 61_000);
    assert_eq!(
        count("media_metrics_pipeline_packet_bytes_total"),
        316_653_353
    );
    assert_eq!(count("media_metrics_pipeline_messages_split_total"), 0);
    assert_eq!(count("media_metrics_pipeline_report_rows_dropped_total"), 0);
    let dropped = |reason| bench.count("media_metrics_pipeline_batches_dropped_total", &[reason]);
    assert_eq!((dropped("room_full"), dropped("sender_full")), (0, 0));
}

/// Sends to nowhere.
struct Quiet(Box<str>);

impl Provider for Quiet {
    fn collect(&mut self, samples: &mut Samples<'_>) {
        samples.publisher_rtt(&self.0, 0.042).unwrap();
        samples.subscriber_rtt(0.031).unwrap();
    }

    fn send(&mut self, _: &[u8]) -> Result<(), SendError> {
        Ok(())
    }
}

/// In rooms of ten, where all are subscribed to all and get metrics, for half a minute: the most at any time.
#[test]
fn ten_thousand_participants_in_fifty_mebibytes() {
    let mut bench = Bench::new();
    let used = allocation_counter::measure(|| {
        let mut all = Vec::new();
        for i in 0..1_000 {
            let room = bench.pipeline.room(START);
            let join = |j: u32| {
                let identity = format!("participant {i} {j}");
                let client = Quiet(identity.as_str().into());
                room.join(member(&identity), client, START).unwrap()
            };
            let members: Vec<_> = (0..10).map(join).collect();
            for receiver in &members {
                for publisher in &members {
                    receiver.subscribe(publisher).unwrap();
                }
            }
            all.extend(members);
        }
        bench.run_until(30.0);
        all.iter()
            .for_each(|participant| participant.leave(at(30.0)));
    });
    let most = used.bytes_max;
    assert!(most < 50 << 20, "{most} bytes");
    assert!(most > 5 << 20, "{most} bytes is too little to be true");
}
