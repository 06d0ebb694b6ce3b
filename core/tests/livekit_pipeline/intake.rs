//! What clients send: grants, rates, sizes, nonsense; what hosts measure; caps.

use media_metrics_core::livekit::batch::{DecodeError, Limits};
use media_metrics_core::livekit::messages::{DataPacket, MetricsBatch};
use media_metrics_core::livekit::pipeline::{
    ParticipantConfig, PipelineConfig, Provider, Rate, Rejected, ReportLimits, SampleError,
    Samples, SendError, SenderLimits,
};
use prost::Message;

use crate::host::{Bench, START, at, batch, member, packet};

fn rejected(bench: &Bench, reason: &str) -> u64 {
    bench.count("media_client_batches_rejected_total", &[reason])
}

fn accepted(bench: &Bench) -> u64 {
    bench.count("media_client_batches_total", &[])
}

#[test]
fn without_the_grant_to_publish_data_nothing_is_taken() {
    let bench = Bench::new();
    let mut config = ParticipantConfig::new("alice");
    config.can_publish_data = false;
    let (alice, _) = bench.join(config);
    let sent = packet(batch(1, &[(0, "", 1.0)]));
    assert_eq!(
        alice.on_data_packet(&sent, START),
        Err(Rejected::NotAllowed)
    );
    alice.set_can_publish_data(true);
    assert_eq!(
        alice.on_data_packet(&sent, START).map(|counts| counts.rows),
        Ok(1)
    );
    assert_eq!((rejected(&bench, "not_allowed"), accepted(&bench)), (1, 1));
    let bytes = bench.count("media_client_batch_bytes_total", &[]);
    assert_eq!(bytes, sent.len() as u64);
}

#[test]
fn floods_are_cut_to_the_rate_of_their_sender() {
    let mut bench = Bench::new();
    let (mallory, _) = bench.join_with(member("mallory"), None);
    let (bob, _) = bench.join_with(member("bob"), None);
    let sent = packet(batch(1, &[(0, "", 1.0)]));
    let admitted = |seconds: f64, n: u32| {
        let one = |_: &u32| mallory.on_data_packet(&sent, at(seconds)).is_ok();
        (0..n).filter(one).count()
    };
    assert_eq!(admitted(0.0, 1_000), 20);
    assert_eq!(admitted(1.0, 1_000), 5);
    assert_eq!(admitted(1.1, 1_000), 0);
    assert_eq!(admitted(60.0, 1_000), 20);
    assert!(
        bob.on_data_packet(&sent, at(60.0)).is_ok(),
        "another sender"
    );
    assert_eq!(
        (rejected(&bench, "rate_limited"), accepted(&bench)),
        (3_955, 46)
    );

    // By bytes: 512 KiB at once are 8 packets of 60,000 bytes.
    bench.now = at(100.0);
    let (trudy, _) = bench.join_with(member("trudy"), None);
    let mut large = batch(1, &[]);
    large.str_data = vec!["x".repeat(60_000)];
    let admitted = (0..20).filter(|_| trudy.on_metrics(large.clone(), at(100.0)).is_ok());
    assert_eq!(admitted.count(), 8);
}

#[test]
fn nonsense_is_rejected_by_reason_and_costs_nothing_else() {
    let bench = Bench::new();
    let (alice, notes) = bench.join_with(member("alice"), None);
    let reason = |bytes: &[u8], seconds| {
        let result = alice.on_data_packet(bytes, at(seconds));
        result.map(drop).map_err(|e| {
            assert!(!e.to_string().is_empty());
            e.reason()
        })
    };
    let limit = SenderLimits::default().packet.message_bytes;
    assert_eq!(reason(&vec![0; limit + 1], 0.0), Err("too_long"));
    assert_eq!(reason(&[0xff; 40], 1.0), Err("malformed"));
    assert_eq!(reason(&[], 2.0), Err("no_metrics"));
    let empty_rows = vec![[0x22, 0]; 30_000].concat();
    let mut bomb = vec![0x42];
    prost::encoding::encode_varint(empty_rows.len() as u64, &mut bomb);
    bomb.extend(empty_rows);
    assert_eq!(reason(&bomb, 3.0), Err("too_large"));
    // The host's own decoder makes no difference.
    let mut long = MetricsBatch::default();
    long.str_data.push("x".repeat(limit));
    let too_long = alice.on_metrics(long, at(4.0));
    assert!(matches!(
        too_long,
        Err(Rejected::Undecodable(DecodeError::TooLong { .. }))
    ));
    let by_reason = ["too_long", "malformed", "no_metrics", "too_large"];
    assert_eq!(
        by_reason.map(|reason| rejected(&bench, reason)),
        [2, 1, 1, 1]
    );
    bench.pipeline.run(at(60.0));
    assert!(notes.packets().is_empty());
}

/// Every cut and every single flipped bit of a good packet: taken in or rejected, never a panic, and the rest
/// of the room gets what is good.
#[test]
fn damaged_packets_do_no_damage() {
    let mut config = PipelineConfig::default();
    config.senders.batches = Rate {
        per_second: 1_000_000,
        burst: 1_000_000,
    };
    config.senders.bytes.burst = u32::MAX;
    let bench = Bench::with(config);
    let (alice, _) = bench.join_with(member("alice"), None);
    let (bob, notes) = bench.join_with(member("bob"), None);
    bob.subscribe(&alice).unwrap();
    let good = packet(batch(
        1_000,
        &[(0, "alice", 0.5), (3, "", 1.0), (17, "", 0.1)],
    ));
    let mut sent = 0;
    let mut send = |bytes: &[u8]| {
        let _ = alice.on_data_packet(bytes, START);
        sent += 1;
    };
    (0..good.len()).for_each(|len| send(&good[..len]));
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        send(&bad);
    }
    let reasons = ["malformed", "no_metrics", "too_large"].map(|r| rejected(&bench, r));
    assert_eq!(accepted(&bench) + reasons.iter().sum::<u64>(), sent);
    bench.pipeline.run(at(10.0));
    for row in notes.rows() {
        assert!(
            !(3..=16).contains(&row.label),
            "{row:?} is none of bob's business"
        );
        assert_eq!(row.identity, "alice");
        assert!(row.samples.iter().all(|s| s.value.is_finite()));
    }
}

#[test]
fn good_rows_of_a_bad_batch_are_kept() {
    let bench = Bench::new();
    let (alice, _) = bench.join_with(member("alice"), None);
    let mut mixed = batch(
        1,
        &[
            (0, "", 1.0),
            (0, "", f32::NAN),
            (5_000, "", 1.0),
            (1, "", 2.0),
        ],
    );
    mixed.time_series[3].participant_identity = 4_999;
    mixed.time_series.push(mixed.time_series[0].clone());
    mixed.time_series[4].samples[0].timestamp_ms = i64::MAX;
    let counts = alice.on_metrics(mixed, START).unwrap();
    assert_eq!((counts.rows, counts.samples), (1, 1));
    let dropped = |reason| bench.count("media_client_batch_rows_dropped_total", &[reason]);
    assert_eq!(dropped("unknown_label"), 1);
    assert_eq!(dropped("unknown_identity"), 1);
    assert_eq!(dropped("no_samples") + dropped("bad_time"), 2);
    assert_eq!(bench.count("media_client_batch_rows_total", &[]), 1);
    let samples = |reason| bench.count("media_client_batch_samples_dropped_total", &[reason]);
    assert_eq!((samples("non_finite"), samples("bad_time")), (1, 1));
}

/// What a host may not add is refused with a reason, and counted by it.
#[test]
fn round_trips_that_are_none_are_refused() {
    struct Host;
    impl Provider for Host {
        fn collect(&mut self, samples: &mut Samples<'_>) {
            let refused = [
                samples.subscriber_rtt(f32::NAN),
                samples.subscriber_rtt(f32::INFINITY),
                samples.publisher_rtt("alice", -0.1),
                samples.publisher_rtt("alice", 0.0),
                samples.relay_rtt("", 0.1),
            ];
            let expected = [
                SampleError::NotFinite,
                SampleError::NotFinite,
                SampleError::Negative,
                SampleError::NotMeasured,
                SampleError::NoIdentity,
            ];
            assert_eq!(refused, expected.map(Err));
            samples.relay_rtt("remote", 0.03).unwrap();
            for i in 0..511 {
                samples.relay_rtt(&format!("remote{i}"), 0.03).unwrap();
            }
            assert_eq!(samples.relay_rtt("one more", 0.03), Err(SampleError::Full));
            assert_eq!(samples.relay_rtt("remote", 0.04), Ok(()));
        }

        fn send(&mut self, packet: &[u8]) -> Result<(), SendError> {
            let batch = DataPacket::decode(packet).unwrap().metrics.unwrap();
            let rows = crate::host::rows(&batch);
            assert_eq!(rows.len(), 512);
            assert!(
                rows.iter()
                    .all(|row| row.label == 18 && row.identity.starts_with("remote"))
            );
            assert_eq!(rows[0].samples.len(), 2);
            Ok(())
        }
    }
    let bench = Bench::new();
    let alice = bench.room.join(member("alice"), Host, START).unwrap();
    alice.leave(at(1.0));
    let refused = |reason| bench.count("media_metrics_pipeline_samples_refused_total", &[reason]);
    let reasons = [
        "non_finite",
        "negative",
        "not_measured",
        "no_identity",
        "over_limit",
    ];
    assert_eq!(reasons.map(refused), [2, 1, 1, 1, 1]);
    assert_eq!(
        bench.count("media_metrics_pipeline_samples_total", &[]),
        513
    );
    assert_eq!(bench.count("media_metrics_pipeline_packets_total", &[]), 1);
    assert_eq!(
        bench.count("media_metrics_pipeline_panics_total", &["collect"]),
        0
    );
}

#[test]
fn logs_are_capped_for_the_sender_and_for_the_room() {
    let mut bench = Bench::with(PipelineConfig {
        senders: SenderLimits {
            log_bytes: 2_400,
            ..SenderLimits::default()
        },
        reports: ReportLimits {
            log_bytes: 4_000,
            ..ReportLimits::default()
        },
        ..PipelineConfig::default()
    });
    let (alice, notes) = bench.join_with(member("alice"), None);
    let (bob, others) = bench.join_with(member("bob"), None);
    let (carol, _) = bench.join_with(member("carol"), None);
    let name = "x".repeat(500);
    let mut large = batch(1, &[(0, "", 1.0)]);
    large.str_data.push(name.clone());
    large.time_series[0].label = 4_096;
    let say = |who: &media_metrics_core::livekit::pipeline::Participant| {
        who.on_metrics(large.clone(), bench.now).unwrap();
    };
    (0..4).for_each(|_| say(&alice));
    (0..2).for_each(|_| say(&bob));
    (0..2).for_each(|_| say(&carol));
    let dropped = |reason| bench.count("media_metrics_pipeline_batches_dropped_total", &[reason]);
    assert_eq!((dropped("sender_full"), dropped("room_full")), (2, 2));
    bench.run_until(10.0);
    // Same label, same identity: one row; two samples were kept.
    assert_eq!(notes.rows()[0].samples.len(), 2);
    assert_eq!(others.rows()[0].samples.len(), 2);
    // The next interval is a new one.
    alice.on_metrics(large, bench.now).unwrap();
    bench.run_until(20.0);
    assert_eq!(notes.rows().len(), 2);
    assert_eq!(notes.rows()[1].name, name);
}

/// A report beyond one message is several, none larger than allowed, and nothing is lost: with what all get,
/// and with what one alone gets behind it.
#[test]
fn large_reports_are_split_not_lost() {
    let mut bench = Bench::with(PipelineConfig {
        reports: ReportLimits {
            message_bytes: 2_000,
            ..ReportLimits::default()
        },
        senders: SenderLimits {
            batch: Limits::default(),
            ..SenderLimits::default()
        },
        ..PipelineConfig::default()
    });
    let (alice, own) = bench.join_with(member("alice"), None);
    let (bob, others) = bench.join_with(member("bob"), None);
    bob.subscribe(&alice).unwrap();
    for round in 0..5 {
        let open: Vec<_> = (100..180).map(|label| (label, "", round as f32)).collect();
        let own: Vec<_> = (3..=16).map(|label| (label, "", round as f32)).collect();
        let all = [open, own].concat();
        alice.on_metrics(batch(1_000 + round, &all), START).unwrap();
    }
    bench.run_until(10.0);
    let samples = |rows: &[crate::host::Row]| rows.iter().map(|r| r.samples.len()).sum::<usize>();
    assert_eq!(samples(&others.rows()), 5 * 80);
    assert_eq!(samples(&own.rows()), 5 * 94);
    let (first, second) = (own.sizes(), others.sizes());
    assert!(
        first.len() > second.len() && second.len() > 4,
        "{first:?} {second:?}"
    );
    assert!(
        first
            .iter()
            .chain(&second)
            .all(|bytes| *bytes <= 2_000 + 20)
    );
    let split = bench.count("media_metrics_pipeline_messages_split_total", &[]);
    assert_eq!(split as usize, first.len() + second.len() - 2);
}
