//! Random rooms against a slow model: each receiver's report merged on its own, at once, as the reference does,
//! by the corrected rules.

use std::collections::BTreeMap;

use media_metrics_core::livekit::batch::{Builder, Restriction};
use media_metrics_core::livekit::messages::MetricsBatch;
use media_metrics_core::livekit::pipeline::{Participant, PipelineConfig, Rate};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::host::{Bench, Notes, batch, member, rows};

const NAMES: [&str; 5] = ["ann", "ben", "cem", "dan", "eve"];

#[derive(Clone, Debug)]
enum Step {
    Join {
        who: usize,
        trusted: bool,
    },
    Leave(usize),
    Active(usize, bool),
    Grant(usize, bool),
    Subscribe {
        receiver: usize,
        publisher: usize,
        yes: bool,
    },
    Say {
        who: usize,
        rows: Vec<(u32, Claim)>,
    },
    Pass {
        tenths: u32,
    },
}

/// What a row says about whose it is.
#[derive(Clone, Copy, Debug)]
enum Claim {
    Nobody,
    Of(usize),
    Broken,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..NAMES.len();
    let claim = prop_oneof![
        3 => Just(Claim::Nobody),
        3 => who.clone().prop_map(Claim::Of),
        1 => Just(Claim::Broken),
    ];
    let label = prop_oneof![0..20_u32, Just(3), Just(16), Just(4_095), 4_096..4_104_u32];
    prop_oneof![
        2 => (who.clone(), any::<bool>()).prop_map(|(who, trusted)| Step::Join { who, trusted }),
        1 => who.clone().prop_map(Step::Leave),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, yes)| Step::Active(who, yes)),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, yes)| Step::Grant(who, yes)),
        4 => (who.clone(), who.clone(), prop::bool::weighted(0.8)).prop_map(
            |(receiver, publisher, yes)| Step::Subscribe { receiver, publisher, yes }
        ),
        6 => (who, vec((label, claim), 0..6)).prop_map(|(who, rows)| Step::Say { who, rows }),
        2 => (1..80_u32).prop_map(|tenths| Step::Pass { tenths }),
    ]
}

/// A sample with its row's strings: what must arrive, however rows are joined or split.
type Told = (u32, String, String, String, i64, u32);

fn told(batch: &MetricsBatch) -> Vec<Told> {
    let told = rows(batch).into_iter().flat_map(|row| {
        let samples = row.samples.clone();
        samples.into_iter().map(move |sample| {
            let (name, identity, track) =
                (row.name.clone(), row.identity.clone(), row.track.clone());
            (
                row.label,
                name,
                identity,
                track,
                sample.timestamp_ms,
                sample.value.to_bits(),
            )
        })
    });
    told.collect()
}

/// The reference's structure: a builder for each participant, merged into when a batch comes.
struct Slow {
    participant: Participant,
    notes: Notes,
    trusted: bool,
    active: bool,
    granted: bool,
    /// Whom it is subscribed to.
    subscribed: [bool; NAMES.len()],
    builder: Builder,
}

/// What a sender's batch is for others: absent identities filled in, foreign ones dropped unless trusted.
fn checked(mut batch: MetricsBatch, sender: &str, trusted: bool) -> MetricsBatch {
    let text = |index: u32| match index.checked_sub(4_096) {
        None => Some(String::new()),
        Some(at) => batch.str_data.get(at as usize).cloned(),
    };
    let keep =
        |identity: u32| text(identity).is_some_and(|i| trusted || i.is_empty() || i == sender);
    let kept: Vec<_> = batch
        .time_series
        .iter()
        .map(|r| keep(r.participant_identity))
        .collect();
    let empty = batch
        .time_series
        .iter()
        .map(|r| text(r.participant_identity).is_some_and(|i| i.is_empty()));
    let empty: Vec<_> = empty.collect();
    batch.str_data.push(sender.to_owned());
    let own = 4_095 + batch.str_data.len() as u32;
    for (row, empty) in batch.time_series.iter_mut().zip(empty) {
        if empty {
            row.participant_identity = own;
        }
        // The table has grown by one: what was just out of range still must be.
        if row.label >= own {
            row.label = u32::MAX;
        }
    }
    let mut kept = kept.into_iter();
    batch.time_series.retain(|_| kept.next() == Some(true));
    batch
}

fn say(serial: &mut i64, said: &[(u32, Claim)]) -> MetricsBatch {
    let mut names = Vec::new();
    for (label, claim) in said {
        *serial += 1;
        let identity = match claim {
            Claim::Of(who) => NAMES[*who],
            _ => "",
        };
        names.push((*label, identity, *serial as f32));
    }
    let mut batch = batch(*serial, &names);
    for (row, (_, claim)) in batch.time_series.iter_mut().zip(said) {
        if matches!(claim, Claim::Broken) {
            row.participant_identity = 9_999;
        }
    }
    batch
}

fn play(steps: Vec<Step>) {
    let mut config = PipelineConfig::default();
    config.senders.batches = Rate {
        per_second: 1_000,
        burst: 1_000,
    };
    let mut bench = Bench::with(config);
    let mut room: BTreeMap<usize, Slow> = BTreeMap::new();
    let mut serial = 0;
    let mut passed = 0.0;
    let mut left = Vec::new();
    for step in steps {
        match step {
            Step::Join { who, trusted } if !room.contains_key(&who) => {
                let mut config = member(NAMES[who]);
                config.trusted = trusted;
                let (participant, notes) = bench.join_with(config, None);
                let slow = Slow {
                    participant,
                    notes,
                    trusted,
                    active: true,
                    granted: true,
                    subscribed: [false; NAMES.len()],
                    builder: Builder::new(Restriction::client_statistics(NAMES[who])),
                };
                room.insert(who, slow);
            }
            Step::Leave(who) => {
                if let Some(slow) = room.remove(&who) {
                    slow.participant.leave(bench.now);
                    left.push(slow);
                    room.values_mut()
                        .for_each(|other| other.subscribed[who] = false);
                }
            }
            Step::Active(who, yes) => {
                if let Some(slow) = room.get_mut(&who) {
                    slow.active = yes;
                    slow.participant.set_active(yes);
                }
            }
            Step::Grant(who, yes) => {
                if let Some(slow) = room.get_mut(&who) {
                    slow.granted = yes;
                    slow.participant.set_can_subscribe_metrics(yes);
                }
            }
            Step::Subscribe {
                receiver,
                publisher,
                yes,
            } if receiver != publisher => {
                if let (Some(to), Some(from)) = (room.get(&receiver), room.get(&publisher)) {
                    let (to, from) = (&to.participant, &from.participant);
                    if yes {
                        to.subscribe(from).unwrap();
                    } else {
                        to.unsubscribe(from).unwrap();
                    }
                    room.get_mut(&receiver).unwrap().subscribed[publisher] = yes;
                }
            }
            Step::Say { who, rows } => {
                let Some(sender) = room.get(&who) else {
                    continue;
                };
                let batch = say(&mut serial, &rows);
                let checked = checked(batch.clone(), NAMES[who], sender.trusted);
                sender.participant.on_metrics(batch, bench.now).unwrap();
                for (other, slow) in &mut room {
                    let hears = *other == who || slow.subscribed[who];
                    if slow.active && slow.granted && hears {
                        slow.builder.merge(&checked);
                    }
                }
            }
            Step::Pass { tenths } => {
                passed += f64::from(tenths) / 10.0;
                bench.run_until(passed);
            }
            Step::Join { .. } | Step::Subscribe { .. } => {}
        }
    }
    for (_, slow) in room {
        slow.participant.leave(bench.now);
        left.push(slow);
    }
    for slow in left {
        let packets = slow.notes.packets();
        let mut got: Vec<_> = packets
            .iter()
            .flat_map(|p| told(p.metrics.as_ref().unwrap()))
            .collect();
        let mut expected = told(&slow.builder.to_batch());
        got.sort();
        expected.sort();
        assert_eq!(got, expected, "{}", slow.participant.identity());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    /// Every receiver gets the same samples as in the reference's structure, whatever was shared.
    #[test]
    fn receivers_get_what_a_builder_each_would_give(steps in vec(step(), 1..120)) {
        play(steps);
    }
}
