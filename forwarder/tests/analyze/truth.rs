//! Impairments with known counts, against the counts.

use std::collections::HashSet;

use crate::writer::*;

/// What was done to one stream.
#[derive(Default)]
struct Truth {
    packets: u64,
    bytes: u64,
    duplicates: u64,
    out_of_order: u64,
    lost: u64,
}

/// A stream of `n` numbers from `first`, with losses, duplicates and swaps of neighbours.
fn impaired(rng: &mut fastrand::Rng, ssrc: u32, first: u16, n: u64) -> (Vec<Shot>, Truth) {
    let mut truth = Truth::default();
    let mut order: Vec<u64> = (0..n).collect();
    let mut i = 5;
    while i + 5 < n {
        if rng.u8(..) < 12 {
            order.swap(i as usize, i as usize + 1);
            i += 1;
        }
        i += 1;
    }
    let mut shots = Vec::new();
    let mut highest = 0;
    for (slot, number) in order.into_iter().enumerate() {
        let at = START + slot as u64 * 20 * MS + rng.u64(..3 * MS);
        // The ends stay, or nobody could tell that they are missing.
        if (3..n - 3).contains(&number) && rng.u8(..) < 10 {
            truth.lost += 1;
            continue;
        }
        truth.out_of_order += u64::from(number < highest);
        highest = highest.max(number);
        let timestamp = (u32::MAX - 5_000).wrapping_add(number as u32 * 160);
        let packet = rtp(
            0,
            first.wrapping_add(number as u16),
            timestamp,
            ssrc,
            rng.usize(1..200),
        );
        let frame = ethernet(&[], &datagram("10.0.0.1:4000", "10.0.0.2:4000", &packet));
        for copy in 0..1 + u64::from(rng.u8(..) < 8) {
            truth.packets += 1;
            truth.bytes += packet.len() as u64;
            truth.duplicates += copy;
            shots.push(shot(at + copy * MS, frame.clone()));
        }
    }
    (shots, truth)
}

#[test]
fn counts_are_what_was_done() {
    let mut rng = fastrand::Rng::with_seed(11);
    let streams: Vec<(Vec<Shot>, Truth)> = (0..8)
        .map(|i| {
            impaired(
                &mut rng,
                100 + i,
                65_000_u16.wrapping_add(i as u16 * 77),
                900,
            )
        })
        .collect();
    let mut shots: Vec<Shot> = streams.iter().flat_map(|s| s.0.clone()).collect();
    shots.sort_by_key(|s| s.time_ns);
    let found = analyze_shots(&shots);
    assert_eq!(
        (found.streams.len(), found.warnings.len()),
        (8, 0),
        "{:?}",
        found.warnings
    );
    for (i, (_, truth)) in streams.iter().enumerate() {
        let s = found
            .streams
            .iter()
            .find(|s| s.ssrc == 100 + i as u32)
            .unwrap();
        assert_eq!((s.packets, s.bytes), (truth.packets, truth.bytes));
        assert_eq!(
            (s.lost, s.duplicates, s.out_of_order),
            (truth.lost, truth.duplicates, truth.out_of_order)
        );
        assert_eq!((s.expected, s.stale, s.restarts), (900, 0, 0));
        assert_eq!(
            s.cumulative_lost,
            truth.lost as i64 - truth.duplicates as i64
        );
        assert!(truth.lost > 10 && truth.duplicates > 10 && truth.out_of_order > 10);
    }
}

#[test]
fn jitter_is_that_of_appendix_a() {
    let mut rng = fastrand::Rng::with_seed(12);
    let (mut shots, mut j, mut last, mut all) = (Vec::new(), 0.0_f64, None, Vec::new());
    for i in 0..500_u64 {
        // Whole ticks of 8 kHz, so that RFC 3550's arithmetic in ticks is exact.
        let arrival = i * 160 + rng.u64(..80);
        let packet = rtp(8, i as u16, i as u32 * 160, 9, 20);
        let frame = ethernet(&[], &datagram("10.0.0.1:4000", "10.0.0.2:4000", &packet));
        shots.push(shot(START + arrival * 125_000, frame));
        let transit = arrival as f64 - (i * 160) as f64;
        if let Some(last) = last.replace(transit) {
            j += ((transit - last).abs() - j) / 16.0;
            all.push(j / 8.0);
        }
    }
    let found = analyze_shots(&shots);
    let s = &found.streams[0];
    let close = |got: Option<f64>, want: f64| (got.unwrap() - want).abs() < 1e-4;
    assert!(close(s.jitter_ms, *all.last().unwrap()), "{s:?}");
    assert!(
        close(s.jitter_mean_ms, all.iter().sum::<f64>() / all.len() as f64),
        "{s:?}"
    );
    assert!(
        close(s.jitter_max_ms, all.iter().copied().fold(0.0, f64::max)),
        "{s:?}"
    );
}

/// The score falls with loss, and is the mean over the windows.
#[test]
fn mos_tells_good_from_bad() {
    let lossy = |every: u16| {
        let shots = speech(1_500, 7, "10.0.0.1:4000", "10.0.0.2:4000");
        let kept: Vec<Shot> = (0_u16..)
            .zip(shots)
            .filter(|(i, _)| i % every != 3)
            .map(|(_, s)| s)
            .collect();
        let s = analyze_shots(&kept).streams.remove(0);
        (s.mos.unwrap(), s.mos_min.unwrap())
    };
    let [clean, some, much] = [u16::MAX, 50, 10].map(lossy);
    assert!(clean.0 > 4.4 && some.0 < clean.0 && much.0 < some.0 && much.0 >= 1.0);
    assert!([clean, some, much].iter().all(|(mean, min)| min <= mean));
}

/// A pause is no fault: what nobody sent is not missed.
#[test]
fn a_pause_costs_nothing() {
    let mut shots = speech(1_500, 7, "10.0.0.1:4000", "10.0.0.2:4000");
    let whole = analyze_shots(&shots).streams[0].mos;
    shots
        .iter_mut()
        .skip(750)
        .for_each(|s| s.time_ns += 60_000 * MS);
    let found = analyze_shots(&shots);
    assert_eq!(found.streams.len(), 1, "the sequence goes on");
    let paused = &found.streams[0];
    assert!(
        (paused.mos.unwrap() - whole.unwrap()).abs() < 0.7,
        "{paused:?}"
    );
    assert!(paused.max_delta_ms.unwrap() > 60_000.0 && paused.lost == 0);
}

/// Memory and time aside: no number depends on how streams are interleaved.
#[test]
fn streams_do_not_see_each_other() {
    let mut rng = fastrand::Rng::with_seed(13);
    let (shots, _) = impaired(&mut rng, 5, 9, 400);
    let alone = analyze_shots(&shots).streams;
    let mut crowd = shots;
    for ssrc in 100..150 {
        crowd.extend(speech(300, ssrc, "10.0.0.1:4000", "10.0.0.2:4000"));
    }
    crowd.sort_by_key(|s| s.time_ns);
    let found = analyze_shots(&crowd).streams;
    assert_eq!(
        found.iter().map(|s| s.ssrc).collect::<HashSet<_>>().len(),
        51
    );
    assert_eq!(
        found.iter().filter(|s| s.ssrc == 5).collect::<Vec<_>>(),
        alone.iter().collect::<Vec<_>>()
    );
}
