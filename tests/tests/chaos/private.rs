//! Mounts and a network that nobody else on the machine sees.
//!
//! Lives here: how a program, or a whole scene, gets into namespaces of its own, by util-linux's `unshare`.

use std::env;
use std::process::Command;
use std::thread::available_parallelism;

use rustix::process::Signal;

use crate::{SIGNALS, by_both_signals, name};

/// Set for a test that runs in a network of its own: the signal that ends it there.
const INSIDE: &str = "MEDIA_METRICS_TEST_HAS_ITS_OWN_NETWORK";

/// The words before a program that give it namespaces of the kinds that `flags` name. Who is not root becomes it there.
pub(crate) fn line<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    let map = (!rustix::process::geteuid().is_root()).then_some("--map-root-user");
    let words = ["unshare"].into_iter().chain(flags.iter().copied());
    words.chain(map).chain(["--"]).collect()
}

/// Runs the scene of the test of this name for each signal, each in a network of its own, which has a loopback and nothing
/// else.
#[track_caller]
pub(crate) fn by_both_signals_in_own_networks(test: &str, scene: impl Fn(Signal)) {
    let Ok(inside) = env::var(INSIDE) else {
        return by_both_signals(|signal| run_inside(test, signal));
    };
    let signal = SIGNALS.into_iter().find(|signal| name(*signal) == inside);
    scene(signal.unwrap());
}

/// Runs the test again inside; its judgement is that of this run.
#[track_caller]
fn run_inside(test: &str, signal: Signal) {
    let me = env::current_exe().unwrap();
    let last = available_parallelism().map_or(0, |n| n.get() - 1);
    let processor = if signal == Signal::TERM { 0 } else { last };
    // It ends with the thread that started it, and so do those inside. They share one processor: with more, each has a
    // queue of its own for what loopback carries, and datagrams overtake each other behind the program.
    let status = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--", "taskset", "--cpu-list"])
        .arg(processor.to_string())
        .args(line(&["--net", "--kill-child"]))
        .arg("sh")
        .args(["-c", "ip link set lo up && exec \"$0\" \"$@\""])
        .arg(me)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, name(signal))
        .status()
        .unwrap_or_else(|e| panic!("unshare: {e}; `cargo xtask setup` installs it"));
    assert!(
        status.success(),
        "{test} in a network of its own: {status}; if unshare said that it may not, this needs root, or a kernel \
         that lets everybody have user namespaces"
    );
}

/// Runs a line of `tc`, split at blanks, with more words that may hold some, and returns what it printed.
#[track_caller]
pub(crate) fn tc(line: &str, more: &[&str]) -> String {
    let words = line.split_whitespace().chain(more.iter().copied());
    let output = Command::new("tc").args(words).output();
    let output = output.unwrap_or_else(|e| panic!("tc: {e}; `cargo xtask setup` installs it"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tc {line} {more:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
