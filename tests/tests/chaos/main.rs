//! The forwarder under load while everything around it goes wrong: media keeps flowing, counters stay exact against
//! the sender's own, memory stays flat, and a signal ends it promptly and cleanly.
//!
//! A module for each harm, one for all together, `scene`: the senders, and the books that must balance at the end, and
//! `load`: how much is sent. Each harm is met twice, side by side: once the end comes by SIGTERM, once by SIGINT.
//!
//! `cargo xtask chaos` does it all under full load, one scene after the other: `MEDIA_METRICS_CHAOS_LOAD=full`. Each
//! scene prints how long the end took and what memory grew by: `cargo xtask e2e --test chaos -- --show-output`.
//!
//! Needs what `cargo xtask setup` installs, and the right to have mounts and a network of one's own: root's, or a
//! kernel that gives it to everybody's user namespaces.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod descriptors;
mod disk;
mod everything;
mod killed;
mod load;
mod network;
mod private;
mod scene;
mod scrapers;
mod suspended;

use std::thread;

use rustix::process::Signal;

use load::Load;

const SIGNALS: [Signal; 2] = [Signal::TERM, Signal::INT];

/// What a signal is called, behind "SIG".
fn name(signal: Signal) -> &'static str {
    if signal == Signal::TERM {
        "TERM"
    } else {
        "INT"
    }
}

/// Runs a scene for each signal that ends a program, side by side if the load is such.
fn by_both_signals(scene: impl Fn(Signal) + Sync) {
    let side_by_side = |signals: &[Signal]| -> Vec<bool> {
        thread::scope(|scope| {
            let start = |&signal| {
                scope.spawn({
                    let scene = &scene;
                    move || scene(signal)
                })
            };
            let scenes: Vec<_> = signals.iter().map(start).collect();
            let failed = scenes.into_iter().map(|scene| scene.join().is_err());
            failed.collect()
        })
    };
    let failed = SIGNALS.chunks(Load::asked().at_once());
    let failed: Vec<bool> = failed.flat_map(side_by_side).collect();
    assert_eq!(
        failed, [false; 2],
        "failed by SIGTERM, by SIGINT: see above"
    );
}
