//! Who hears whom: states, grants, subscriptions, restricted rows, whose name a row may have.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use media_metrics_core::livekit::pipeline::{
    JoinError, OtherRoom, Participant, ParticipantConfig, SenderLimits,
};

use crate::host::{Bench, Client, Notes, Row, START, batch, member};

const LLM_TTFT: u32 = 0;
const FREEZE_COUNT: u32 = 3;
const QUALITY_OTHER: u32 = 16;

/// Joins, but measures nothing.
fn quiet(bench: &Bench, config: ParticipantConfig) -> (Participant, Notes) {
    bench.join_with(config, None)
}

fn labels(notes: &Notes) -> Vec<u32> {
    notes.rows().iter().map(|row: &Row| row.label).collect()
}

#[test]
fn active_granted_and_subscribed_or_oneself() {
    for bits in 0..8_u32 {
        let [active, granted, subscribed] = [0, 1, 2].map(|bit| bits & (1 << bit) != 0);
        let mut bench = Bench::new();
        let mut config = ParticipantConfig::new("publisher");
        (config.active, config.can_subscribe_metrics) = (active, granted);
        let (publisher, own) = quiet(&bench, config.clone());
        "receiver".clone_into(&mut config.identity);
        let (receiver, others) = quiet(&bench, config);
        if subscribed {
            receiver.subscribe(&publisher).unwrap();
        }
        publisher
            .on_metrics(batch(1, &[(LLM_TTFT, "", 0.5)]), START)
            .unwrap();
        bench.run_until(10.0);
        let told = |yes| if yes { vec![LLM_TTFT] } else { Vec::new() };
        assert_eq!(labels(&own), told(active && granted), "{bits:03b}: itself");
        let all = active && granted && subscribed;
        assert_eq!(labels(&others), told(all), "{bits:03b}: the other");
    }
}

#[test]
fn grants_and_subscriptions_hold_from_when_they_are_given() {
    let mut bench = Bench::new();
    let (alice, _) = quiet(&bench, member("alice"));
    let (bob, notes) = quiet(&bench, member("bob"));
    let say = |label| {
        let accepted = alice.on_metrics(batch(1, &[(label, "", 1.0)]), START);
        assert_eq!(accepted.unwrap().rows, 1);
    };
    say(100);
    bob.subscribe(&alice).unwrap();
    bob.subscribe(&alice).unwrap();
    say(101);
    bob.set_can_subscribe_metrics(false);
    say(102);
    bob.set_can_subscribe_metrics(true);
    bob.set_active(false);
    say(103);
    bob.set_active(true);
    say(104);
    bob.unsubscribe(&alice).unwrap();
    say(105);
    bench.run_until(10.0);
    assert_eq!(labels(&notes), [101, 104]);
}

#[test]
fn rooms_do_not_hear_each_other() {
    let bench = Bench::new();
    let (alice, _) = quiet(&bench, member("alice"));
    let elsewhere = bench.pipeline.room(START);
    let client = Client {
        identity: "bob".to_owned(),
        notes: Notes::default(),
        rtt_s: None,
    };
    let bob = elsewhere.join(member("bob"), client, START).unwrap();
    assert_eq!(bob.subscribe(&alice), Err(OtherRoom));
    assert_eq!(alice.unsubscribe(&bob), Err(OtherRoom));
}

#[test]
fn who_may_join() {
    let bench = Bench::new();
    let join = |identity: &str| {
        let client = Client {
            identity: String::new(),
            notes: Notes::default(),
            rtt_s: None,
        };
        bench.room.join(member(identity), client, START).map(drop)
    };
    let limit = SenderLimits::default().batch.string_bytes;
    assert_eq!(join(""), Err(JoinError::NoIdentity));
    assert_eq!(join(&"x".repeat(limit)), Ok(()));
    let bytes = limit + 1;
    let too_long = JoinError::IdentityTooLong { bytes, limit };
    assert_eq!(join(&"x".repeat(bytes)), Err(too_long));
    assert_eq!(bench.room.participants(), 0);
}

/// Labels 3 to 16 reach whom they are about, at both ends of the range; agents' and custom ones reach all.
#[test]
fn client_statistics_reach_their_own_participant_alone() {
    let mut bench = Bench::new();
    let (alice, own) = quiet(&bench, member("alice"));
    let (bob, others) = quiet(&bench, member("bob"));
    bob.subscribe(&alice).unwrap();
    let rows = [2, FREEZE_COUNT, QUALITY_OTHER, 17, 100].map(|label| (label, "", 1.0));
    alice.on_metrics(batch(1, &rows), START).unwrap();
    bench.run_until(10.0);
    assert_eq!(labels(&others), [2, 17, 100]);
    let mut own = labels(&own);
    own.sort_unstable();
    assert_eq!(own, [2, FREEZE_COUNT, QUALITY_OTHER, 17, 100]);
    assert_eq!(bench.count("media_client_freezes_total", &[]), 1);
}

/// Hazards 2 and 4 of the batches: by omitting or claiming an identity, nobody tells others about it, and
/// nobody is told what is not about it.
#[test]
fn nobody_speaks_for_others_unless_trusted() {
    let mut bench = Bench::new();
    let (mallory, _) = quiet(&bench, member("mallory"));
    let mut config = member("agent");
    config.trusted = true;
    let (agent, _) = quiet(&bench, config);
    let (bob, notes) = quiet(&bench, member("bob"));
    let (carol, others) = quiet(&bench, member("carol"));
    for receiver in [&bob, &carol] {
        receiver.subscribe(&mallory).unwrap();
        receiver.subscribe(&agent).unwrap();
    }
    let claims = [
        (FREEZE_COUNT, "bob", 1.0),
        (LLM_TTFT, "bob", 2.0),
        (FREEZE_COUNT, "", 3.0),
        (LLM_TTFT, "", 4.0),
    ];
    let counts = mallory.on_metrics(batch(1, &claims), START).unwrap();
    assert_eq!((counts.rows, counts.rows_foreign_identity), (2, 2));
    let counts = agent.on_metrics(batch(1, &claims), START).unwrap();
    assert_eq!(counts.rows, 4);
    bench.run_until(10.0);
    let told = |notes: &Notes| {
        let rows = notes.rows();
        let mut told: Vec<_> = rows
            .iter()
            .map(|row| (row.identity.clone(), row.samples[0].value as u32))
            .collect();
        told.sort();
        told
    };
    let told_to_all = [("agent", 4), ("bob", 2), ("mallory", 4)];
    let to_all = told_to_all.map(|(who, value)| (who.to_owned(), value));
    assert_eq!(told(&others), to_all);
    let mut to_bob = to_all.to_vec();
    to_bob.insert(1, ("bob".to_owned(), 1));
    assert_eq!(told(&notes), to_bob);
    let dropped = "media_client_batch_rows_dropped_total";
    assert_eq!(bench.count(dropped, &["foreign_identity"]), 2);
}

/// Two of one identity (a client that joined anew before it was gone) both get what is about it.
#[test]
fn two_of_one_identity_are_two() {
    let mut bench = Bench::new();
    let (first, before) = quiet(&bench, member("alice"));
    let (second, after) = quiet(&bench, member("alice"));
    first.subscribe(&second).unwrap();
    second
        .on_metrics(batch(1, &[(FREEZE_COUNT, "", 1.0)]), START)
        .unwrap();
    bench.run_until(10.0);
    assert_eq!(labels(&before), [FREEZE_COUNT]);
    assert_eq!(labels(&after), [FREEZE_COUNT]);
}

/// The host's own truth, asked for others who may be told, not for oneself; a panic means no.
#[test]
fn a_host_can_say_who_is_subscribed() {
    let mut bench = Bench::new();
    let asked = Arc::new(Mutex::new(HashSet::new()));
    let questions = Arc::clone(&asked);
    let audience = move |receiver: &str, publisher: &str| {
        let mut asked = questions.lock().unwrap_or_else(|e| e.into_inner());
        asked.insert((receiver.to_owned(), publisher.to_owned()));
        drop(asked);
        assert!(receiver != "dave", "tried");
        receiver == "bob"
    };
    bench.room = bench.pipeline.room_with_audience(audience, START);
    let (alice, own) = quiet(&bench, member("alice"));
    let (_bob, to_bob) = quiet(&bench, member("bob"));
    let (carol, to_carol) = quiet(&bench, member("carol"));
    let (_dave, to_dave) = quiet(&bench, member("dave"));
    let (_erin, to_erin) = quiet(&bench, ParticipantConfig::new("erin"));
    carol.subscribe(&alice).unwrap();
    alice
        .on_metrics(batch(1, &[(LLM_TTFT, "", 1.0)]), START)
        .unwrap();
    bench.run_until(20.0);
    assert_eq!(labels(&own), [LLM_TTFT]);
    assert_eq!(labels(&to_bob), [LLM_TTFT]);
    for nobody in [to_carol, to_dave, to_erin] {
        assert!(labels(&nobody).is_empty());
    }
    let pairs = ["bob", "carol", "dave"].map(|name| (name.to_owned(), "alice".to_owned()));
    assert_eq!(
        *asked.lock().unwrap_or_else(|e| e.into_inner()),
        HashSet::from(pairs)
    );
    assert_eq!(
        bench.count("media_metrics_pipeline_panics_total", &["audience"]),
        1
    );
}
