//! The worked examples of the specification: delays in ms, one report every 5 s of the sender's clock.

use media_metrics_core::livekit::Rules::{self, Corrected, Reference};
use media_metrics_core::livekit::timestamper::Estimator;

use crate::NS_PER_MS;

/// Estimates after each report, in ns, and the reports that stepped.
fn run(rules: Rules, delays_ms: &[i64]) -> (Vec<i64>, Vec<usize>) {
    let senders_s: Vec<i64> = (0..).step_by(5).take(delays_ms.len()).collect();
    let mut estimator = Estimator::new(rules);
    let (mut estimates, mut steps) = (Vec::new(), Vec::new());
    for (i, (delay_ms, sender_s)) in delays_ms.iter().zip(senders_s).enumerate() {
        let sender_ns = sender_s * 1_000 * NS_PER_MS;
        let estimate = estimator.update(sender_ns, sender_ns + delay_ms * NS_PER_MS);
        estimates.push(estimate.delay_ns);
        if estimate.step {
            steps.push(i);
        }
    }
    (estimates, steps)
}

#[test]
fn a_rise_and_fall() {
    let all = [
        100_000_000,
        100_400_000,
        91_040_000,
        91_436_000,
        92_092_400,
        92_683_160,
    ];
    for rules in [Reference, Corrected] {
        let (estimates, steps) = run(rules, &[100, 104, 90, 95, 98, 98]);
        assert_eq!(estimates, all, "{rules:?}");
        assert_eq!(steps, [0], "{rules:?}");
    }
}

#[test]
fn b_a_path_change_of_80_ms() {
    for rules in [Reference, Corrected] {
        let (estimates, steps) = run(rules, &[100, 102, 101, 180, 182, 184, 186]);
        assert_eq!(
            estimates[3..],
            [100_280_000, 100_280_000, 182_500_000, 182_850_000]
        );
        assert_eq!(steps, [0, 5], "{rules:?}");
    }
}

#[test]
fn c_20_ms_are_followed_by_the_corrected_rules_only() {
    let delays: Vec<i64> = [100, 102].into_iter().chain([122; 60]).collect();
    let (reference, _) = run(Reference, &delays);
    assert!(reference[1..].iter().all(|&e| e == 100_200_000));
    let (corrected, _) = run(Corrected, &delays);
    assert_eq!(
        corrected[1..5],
        [100_200_000, 100_200_000, 102_380_000, 104_342_000]
    );
    assert!(corrected[61] > 121_900_000 && corrected[61] <= 122_000_000);
}

#[test]
fn d_a_quiet_channel_steps_by_the_corrected_rules_only() {
    let delays: Vec<i64> = [100; 3].into_iter().chain([200; 20]).collect();
    let (reference, _) = run(Reference, &delays);
    assert!(reference.iter().all(|&e| e == 100_000_000));
    let (corrected, steps) = run(Corrected, &delays);
    assert_eq!(corrected[4..7], [100_000_000, 200_000_000, 200_000_000]);
    assert_eq!(steps, [0, 5]);
}

#[test]
fn e_a_sender_time_an_hour_ahead() {
    let delays: Vec<i64> = [100, 102, -3_599_900]
        .into_iter()
        .chain([101; 20])
        .collect();
    let (reference, _) = run(Reference, &delays);
    assert!(reference[2..].iter().all(|&e| e == -3_239_899_980_000));
    let (corrected, steps) = run(Corrected, &delays);
    assert_eq!(corrected[2..5], [-3_239_899_980_000; 3]);
    assert_eq!(corrected[5], 101_000_000);
    assert_eq!(steps, [0, 5]);
}
