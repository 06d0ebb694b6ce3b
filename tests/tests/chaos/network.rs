//! The network loses and reorders packets on their way to the forwarder: what it counts is what the receiver of all
//! that it forwards finds, stream by stream, and what is missing is what the queueing discipline says that it dropped.
//!
//! Done in a network of the scene's own, by the kernel: a classifier draws a random number for each datagram to the
//! forwarder's port and sends the unlucky into a queue without room, others into a slow one. Not by netem, which many
//! kernels have not got.
//!
//! Slow are only packets of the sender that has finished before the end: what is on its way when the port closes arrives
//! nowhere, and nobody counts it.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use media_metrics_tests::wait::{self, PATIENCE};
use rustix::process::Signal;

use crate::private::{by_both_signals_in_own_networks, tc};
use crate::scene::{Ending, FINISHED, Scene, Setting};
use crate::scrapers::Page;

/// The share of packets that are lost, and that are slow.
const LOST: f64 = 0.03;
const SLOW: f64 = 0.05;

/// Makes a harmful network of loopback, which harms nobody yet.
///
/// The sender that finishes before the end sends `steady` packets a second: what is slow of them passes a little faster
/// than it comes. Slower, and it would wait for ever; much faster, and it would not wait.
pub(crate) fn make(steady: u32) {
    // Its packets are 148 bytes long on average.
    let bits = f64::from(steady) * SLOW * 148.0 * 8.0 * 1.15;
    // All datagrams that nobody aims at: fast, and in order.
    tc("qdisc add dev lo root handle 1: htb default 10", &[]);
    let fast = "rate 100gbit burst 10mb cburst 10mb quantum 60000";
    tc(
        &format!("class add dev lo parent 1: classid 1:10 htb {fast}"),
        &[],
    );
    tc(
        &format!("class add dev lo parent 1: classid 1:20 htb {fast}"),
        &[],
    );
    // A packet takes some milliseconds here, and those behind it overtake it.
    tc(
        &format!(
            "class add dev lo parent 1: classid 1:30 htb rate {bits:.0}bit burst 1 cburst 1 quantum 1500"
        ),
        &[],
    );
    tc(
        "qdisc add dev lo parent 1:10 handle 10: pfifo limit 100000",
        &[],
    );
    tc("qdisc add dev lo parent 1:20 handle 20: bfifo limit 1", &[]);
    tc(
        "qdisc add dev lo parent 1:30 handle 30: pfifo limit 100000",
        &[],
    );
}

/// Makes it harm the datagrams to an address.
pub(crate) fn aim(at: SocketAddr) {
    let harms = [("1:20", LOST, 0..=u32::MAX), ("1:30", SLOW, FINISHED)];
    for (priority, (class, share, of)) in (1..).zip(harms) {
        let code = unlucky(at.port(), share, &of);
        tc(
            &format!("filter add dev lo parent 1: prio {priority} protocol ip bpf"),
            &["bytecode", &code, "flowid", class],
        );
    }
}

/// Classic BPF: matches a share of the UDP datagrams to a port whose third word, which is the SSRC of RTP, is in a range.
fn unlucky(port: u16, share: f64, of: &RangeInclusive<u32>) -> String {
    let below = (share * f64::from(u32::MAX)) as u32;
    // Ethernet's header is 14 bytes, IP's 20, UDP's 8. SKF_AD_OFF + SKF_AD_RANDOM loads a random number.
    let code = [
        "48 0 0 23".to_owned(),           // ldb protocol
        "21 0 8 17".to_owned(),           // UDP, or no match
        "40 0 0 36".to_owned(),           // ldh destination port
        format!("21 0 6 {port}"),         // ours, or no match
        "32 0 0 50".to_owned(),           // ld third word
        format!("53 0 4 {}", of.start()), // from here on, or no match
        format!("37 3 0 {}", of.end()),   // above it: no match
        "32 0 0 4294963256".to_owned(),   // ld random
        format!("37 1 0 {below}"),        // above it: no match
        "6 0 0 4294967295".to_owned(),    // match
        "6 0 0 0".to_owned(),             // no match
    ];
    format!("{},{}", code.len(), code.join(","))
}

/// A figure of a queue: the number behind the word.
fn figure(queue: &str, word: &str) -> u64 {
    let text = tc("-s qdisc show dev lo", &[]);
    let of = text.split(&format!("qdisc {queue} ")).nth(1);
    let behind = of.and_then(|of| of.split(word).nth(1)).unwrap_or_default();
    let digits = behind.split(|c: char| !c.is_ascii_digit()).next();
    let number = digits.unwrap_or_default().parse();
    number.unwrap_or_else(|e| panic!("{queue} {word}: {e}: {text}"))
}

/// Datagrams that were dropped on their way: all by the queue without room.
#[track_caller]
fn dropped() -> u64 {
    for roomy in ["pfifo 10:", "pfifo 30:"] {
        assert_eq!(figure(roomy, "(dropped "), 0, "{roomy}");
    }
    figure("bfifo 20:", "(dropped ")
}

/// Waits until nothing is on its way any more.
#[track_caller]
fn calm() {
    wait::until("an empty network", PATIENCE, || {
        match figure("pfifo 30:", "backlog ") {
            0 => Ok(()),
            n => Err(n.to_string()),
        }
    });
}

/// Ends a scene while others still send: what the network has lost is what is missing, and every figure is the receiver's.
#[track_caller]
pub(crate) fn end(mut scene: Scene, signal: Signal) {
    scene.flows();
    scene.rest();
    calm();
    let ending = scene.ends(signal);
    ending.figures_are_what_came_out();
    ending.all_are_accounted_for(dropped());
    was_harmed(&ending);
}

#[track_caller]
fn was_harmed(ending: &Ending) {
    let figures = ending.steady.iter();
    let figures = figures.map(|sent| ending.summary.stream(sent.ssrc).unwrap());
    let (lost, reordered) = figures.fold((0, 0), |(lost, reordered), stream| {
        (lost + stream.lost, reordered + stream.reordered)
    });
    assert!(
        lost > 20 && reordered > 20,
        "{lost} lost, {reordered} reordered"
    );
}

fn scene(signal: Signal) {
    let steady = 5_000;
    make(steady);
    let mut scene = Scene::start(&Setting {
        steady,
        // Without, nobody sends what nobody knows of, and the books balance to the datagram.
        late: if signal == Signal::TERM { 0 } else { 1_000 },
        on_one: true,
        ..Setting::default()
    });
    let page = Page::Tcp(scene.program.metrics());
    aim(scene.program.listen());
    scene.flows();
    scene.flows();
    scene.saw(&page.metrics());
    end(scene, signal);
}

#[test]
fn what_a_network_loses_and_reorders_is_what_is_counted() {
    by_both_signals_in_own_networks(
        "network::what_a_network_loses_and_reorders_is_what_is_counted",
        scene,
    );
}
