//! The program is stopped (SIGSTOP) and goes on: what its sockets have room for is late, the rest is counted.

use std::thread;
use std::time::Duration;

use media_metrics_tests::wait::{self, PATIENCE};
use media_metrics_tests::{census, ports};
use rustix::process::Signal;

use crate::by_both_signals;
use crate::scene::{Scene, Setting, number};
use crate::scrapers::Page;

/// Long enough that everything with a rhythm misses some beats.
const STANDSTILL: Duration = Duration::from_millis(1_200);

/// With room for all that arrives meanwhile. The signal arrives while it is stopped, and counts when it goes on.
fn late(signal: Signal) {
    let mut scene = Scene::start(&Setting::default());
    let page = Page::Tcp(scene.program.metrics());
    scene.saw(&page.metrics());
    scene.program.signal(Signal::STOP);
    thread::sleep(STANDSTILL);
    scene.program.signal(Signal::CONT);
    scene.flows();
    scene.saw(&page.metrics());

    scene.rest();
    scene.program.signal(Signal::STOP);
    scene.program.signal(signal);
    thread::sleep(STANDSTILL / 4);
    let id = scene.program.id();
    assert!(
        census::of(id).is_ok_and(|c| c.threads > 3),
        "it ended while it was stopped"
    );
    let arrived = scene.subscriber.rtp().packets;
    scene.program.signal(Signal::CONT);
    let ending = scene.ends(signal);
    assert!(
        ending.received.rtp.packets > arrived,
        "what waited was forwarded"
    );
    ending.nothing_is_lost();
}

/// With room for some hundred datagrams: fewer than arrive meanwhile, and more than built-in publishers say at once
/// when they end, since nobody tells of what is dropped after the last datagram.
fn overflowed(signal: Signal) {
    let mut scene = Scene::start(&Setting {
        late: 0,
        queue: Some(262_144),
        yaml: "workers: 1\n".to_owned(),
        ..Setting::default()
    });
    let page = Page::Tcp(scene.program.metrics());
    scene.saw(&page.metrics());
    let listen = scene.program.listen();
    let dropped = || ports::dropped(listen).unwrap();
    scene.program.signal(Signal::STOP);
    let before = dropped();
    wait::until("a queue that overflows", PATIENCE, || {
        let more = dropped() - before;
        (more > 2_000).then_some(()).ok_or_else(|| more.to_string())
    });
    scene.program.signal(Signal::CONT);
    scene.flows();
    let all = dropped();
    wait::until("what the kernel dropped, on the page", PATIENCE, || {
        let seen = number(&page.metrics(), "media_forward_receive_overflow_total");
        (seen >= all).then_some(()).ok_or_else(|| seen.to_string())
    });
    let ending = scene.end(signal);
    ending.nothing_is_lost_but_what_the_kernel_dropped();
    assert!(ending.overflow() >= all);
    let lost: u64 = ending
        .steady
        .iter()
        .map(|sent| ending.summary.stream(sent.ssrc).unwrap().lost)
        .sum();
    assert!(lost > 0, "its own streams lost nothing");
}

#[test]
fn a_standstill_makes_packets_late_and_loses_none() {
    by_both_signals(late);
}

#[test]
fn what_a_queue_has_no_room_for_is_counted_to_the_datagram() {
    by_both_signals(overflowed);
}
