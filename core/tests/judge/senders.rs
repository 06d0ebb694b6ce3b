//! Streams that are sent from here, judged by their receivers' reports.

use std::collections::BTreeSet;
use std::time::Duration;

use media_metrics_core::Snapshot;
use media_metrics_core::judge::QualityControl;
use media_metrics_core::quality::{Codec, Config};
use media_metrics_core::registry::Registry;
use media_metrics_core::rtp::rtcp::ReportBlock;
use media_metrics_core::stream::{SendStream, SenderConfig};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{header, merge, registry};

const SENT: [&str; 2] = ["outgoing", "audio"];

pub(crate) fn sender(registry: &Registry) -> SendStream {
    let group = registry.sender_group(&SENT).unwrap();
    let config = SenderConfig::new(7, 48_000);
    registry.sender(&group, config).unwrap()
}

fn report(highest: u32, lost: i32) -> ReportBlock {
    ReportBlock {
        ssrc: 7,
        fraction_lost: 0,
        cumulative_lost: lost,
        highest_sequence: highest,
        jitter_ticks: 0,
        last_report: 0,
        delay: 0,
    }
}

fn send(stream: &mut SendStream, numbers: impl IntoIterator<Item = u16>) {
    for n in numbers {
        stream.on_rtp(&header(n), u64::from(n) * 20_000_000);
    }
}

fn judge(registry: &Registry, stream: &SendStream) -> QualityControl {
    let config = Config::outbound(Codec::Opus.loss_weight(false));
    registry.judge_sender(stream, config, None).unwrap()
}

fn score(control: &QualityControl) -> f64 {
    control.quality().unwrap().score
}

#[test]
fn a_sent_stream_is_judged_by_its_receivers_reports() {
    let registry = registry();
    let mut stream = sender(&registry);
    let control = judge(&registry, &stream);
    send(&mut stream, 0..100);
    merge(&registry);
    // Nothing was reported, so nothing is known.
    assert_eq!(control.quality().unwrap().reason, None);
    stream.on_report(&report(99, 0), 1);
    send(&mut stream, 100..200);
    merge(&registry);
    assert_eq!(control.quality().unwrap().score, 100.0);
    stream.on_report(&report(199, 5), 2);
    send(&mut stream, 200..300);
    let snapshot = merge(&registry);
    // 5 of 100, weight 8: 60, smoothed
    assert_eq!(control.quality().unwrap().score, 68.0);
    let scores = snapshot
        .histogram("media_rtp_quality_score", &SENT)
        .unwrap();
    assert_eq!(scores.count(), 2);
    assert_eq!(registry.senders()[0].quality, control.quality());
    // What was never given to this stream is not lost on its path.
    send(&mut stream, 310..400);
    stream.on_report(&report(399, 15), 3);
    merge(&registry);
    assert!(control.quality().unwrap().score > 68.0);
}

/// How many windows have a score.
fn scored(snapshot: &Snapshot) -> u64 {
    let scores = snapshot.histogram("media_rtp_quality_score", &SENT);
    scores.unwrap().count()
}

#[test]
fn packets_losses_and_gaps_are_all_as_of_the_report() {
    let registry = registry();
    let mut stream = sender(&registry);
    let control = judge(&registry, &stream);
    send(&mut stream, 0..150);
    stream.on_report(&report(149, 0), 1);
    send(&mut stream, 150..160); // 160 to 179 are never given to us, and not reported yet
    send(&mut stream, 180..200);
    merge(&registry);
    assert_eq!(score(&control), 100.0);
    send(&mut stream, 200..250);
    stream.on_report(&report(249, 20), 2);
    merge(&registry);
    assert_eq!(score(&control), 100.0, "all of it was lost before us");
    // And a gap after the report excuses nothing of what was lost before it.
    send(&mut stream, 250..350);
    send(&mut stream, 360..400);
    stream.on_report(&report(349, 25), 3);
    merge(&registry);
    assert_eq!(score(&control), 68.0, "5 of 100, smoothed");
}

#[test]
fn a_skipped_number_sent_late_is_lost_if_its_receiver_does_not_get_it() {
    let registry = registry();
    let mut stream = sender(&registry);
    let control = judge(&registry, &stream);
    send(&mut stream, (0..100).filter(|n| !(50..55).contains(n)));
    stream.on_report(&report(99, 5), 1);
    merge(&registry);
    assert_eq!(score(&control), 100.0);
    send(&mut stream, 50..55);
    send(&mut stream, 100..200);
    stream.on_report(&report(199, 5), 2);
    merge(&registry);
    assert_eq!(score(&control), 68.0, "5 of 100, smoothed");
}

#[test]
fn a_stream_that_begins_anew_is_not_silent() {
    let registry = registry();
    let mut stream = sender(&registry);
    let control = judge(&registry, &stream);
    send(&mut stream, 40_000..40_050);
    stream.on_report(&report(40_049, 0), 1);
    merge(&registry);
    send(&mut stream, 1_000..1_050);
    stream.on_report(&report(1_049, 0), 2);
    let snapshot = merge(&registry);
    assert_eq!((score(&control), scored(&snapshot)), (100.0, 2));
    // The report comes before the new numbers, or a window after them.
    send(&mut stream, 1_050..1_100);
    stream.on_report(&report(1_099, 0), 3);
    send(&mut stream, 30_000..30_010);
    merge(&registry);
    stream.on_report(&report(30_009, 0), 4);
    send(&mut stream, 30_010..30_020);
    let snapshot = merge(&registry);
    assert_eq!((score(&control), scored(&snapshot)), (100.0, 4));
    assert_eq!(stream.stats().remote.unwrap().expected, 160);
}

#[test]
fn a_report_about_the_time_before_is_compared_with_and_not_judged() {
    for reported_before in [false, true] {
        let registry = registry();
        let mut stream = sender(&registry);
        send(&mut stream, 0..100);
        if reported_before {
            stream.on_report(&report(99, 50), 1);
        }
        let control = judge(&registry, &stream);
        send(&mut stream, 100..110);
        if !reported_before {
            stream.on_report(&report(109, 50), 2);
        }
        let snapshot = merge(&registry);
        assert_eq!(scored(&snapshot), 0, "{reported_before}");
        send(&mut stream, 110..209);
        stream.on_report(&report(208, 50), 3);
        let snapshot = merge(&registry);
        assert_eq!((score(&control), scored(&snapshot)), (100.0, 1));
        send(&mut stream, 209..309);
        stream.on_report(&report(308, 55), 4);
        merge(&registry);
        assert_eq!(score(&control), 68.0, "5 of 100, smoothed");
    }
}

#[test]
fn jitter_that_the_stream_brought_along_is_not_this_paths() {
    let registry = registry();
    let (mut ours, mut feeds) = (sender(&registry), sender(&registry));
    let controls = [judge(&registry, &ours), judge(&registry, &feeds)];
    controls[1].set_feed_jitter(Duration::from_millis(400));
    for stream in [&mut ours, &mut feeds] {
        send(stream, 0..100);
        let jitter_ticks = 48 * 400;
        let block = ReportBlock {
            jitter_ticks,
            ..report(99, 0)
        };
        stream.on_report(&block, 1);
    }
    merge(&registry);
    let [ours, feeds] = controls.map(|control| score(&control));
    assert!(ours < 80.0 && feeds == 100.0, "{ours} {feeds}");
}

#[test]
fn of_a_receiver_far_behind_no_more_is_excused_than_it_was_told_of() {
    let registry = registry();
    let mut stream = sender(&registry);
    send(&mut stream, 0..100);
    stream.on_report(&report(99, 0), 1);
    send(&mut stream, 200..2_000); // 100 skipped, now more than a window ago
    for (highest, skipped) in [(99, 0), (109, 10), (1_999, 100)] {
        stream.on_report(&report(highest, 0), 2);
        let remote = stream.stats().remote.unwrap();
        let as_of_it = (u64::from(highest) + 1, skipped);
        assert_eq!((remote.expected, remote.skipped), as_of_it);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() })]

    /// The oracle keeps every number that was sent. A number is sent (0 to 5), skipped (6, 7) or sent after
    /// the five next ones (8); now and then a report comes from a receiver that lags.
    #[test]
    fn what_was_skipped_by_a_report_is_what_an_oracle_counts(
        start in any::<u16>(),
        fates in prop::collection::vec((0_u8..9, 0_u8..20, 0_u64..300), 1..1_500),
    ) {
        let registry = registry();
        let mut stream = sender(&registry);
        let start = u64::from(start);
        let mut sent = BTreeSet::from([start]);
        send(&mut stream, [start as u16]);
        let mut newest = start;
        for (number, (fate, chance, lag)) in (start + 1..).zip(&fates) {
            let late = number.checked_sub(start + 6).and_then(|i| fates.get(i as usize));
            let due = [(*fate < 6).then_some(number), late.filter(|(fate, ..)| *fate == 8).map(|_| number - 5)];
            for n in due.into_iter().flatten() {
                sent.insert(n);
                send(&mut stream, [n as u16]);
            }
            let highest = *sent.last().unwrap();
            let reported = highest.saturating_sub(*lag).max(newest);
            if *chance == 0 {
                newest = reported;
                stream.on_report(&report(reported as u32, 0), number);
                let remote = stream.stats().remote.unwrap();
                let all = reported - start + 1;
                let had = sent.range(..=reported).count() as u64;
                prop_assert_eq!((remote.highest_sequence, remote.expected, remote.skipped), (reported, all, all - had));
            }
        }
    }
}
