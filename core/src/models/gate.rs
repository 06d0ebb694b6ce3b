//! A host's gate: one who calls, and those who leave.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::Seen;
use crate::livekit::pipeline::gate::{End, Gate};
use crate::livekit::time::ServerTime;

/// What is called: plain memory, so that loom finds every call that nothing orders.
struct Host(UnsafeCell<u64>);

impl Host {
    fn call(&self) {
        // SAFETY: one at a time by the gate's promise, which loom checks.
        self.0.with_mut(|calls| unsafe { *calls += 1 });
    }
}

const NOW: ServerTime = ServerTime::from_ns(7);

/// As `Member::in_turn`: whether it could call.
fn call(gate: &Gate<Arc<Host>>) -> bool {
    let Some(host) = gate.take() else {
        return false;
    };
    host.call();
    if let Some((host, _)) = gate.put_back(host) {
        last_words(gate, host);
    }
    true
}

/// As `Member::leave`: whether the last words were its own. Nobody calls the host afterwards.
fn leave(gate: &Gate<Arc<Host>>) -> bool {
    match gate.end(NOW) {
        End::Yours(host) => {
            last_words(gate, host);
            true
        }
        End::Theirs => {
            gate.wait();
            false
        }
        End::Over => false,
    }
}

fn last_words(gate: &Gate<Arc<Host>>, host: Arc<Host>) {
    let _closing = gate.closing();
    host.call();
    drop(host); // before the gate closes
}

/// The last words are said once, both who leave go on after them, and then the host is nobody's.
#[test]
fn loom_who_leaves_goes_on_and_nobody_calls_any_more() {
    static SEEN: Seen<(bool, bool, bool)> = Seen::new();
    loom::model(|| {
        let host = Arc::new(Host(UnsafeCell::new(0)));
        let gate = Arc::new(Gate::new(Arc::clone(&host)));
        let (calling, leaving) = (Arc::clone(&gate), Arc::clone(&gate));
        let caller = thread::spawn(move || call(&calling));
        let theirs = Arc::clone(&host);
        let leaver = thread::spawn(move || {
            let last = leave(&leaving);
            // SAFETY: after `leave` nobody calls, which loom checks.
            let calls = theirs.0.with(|calls| unsafe { *calls });
            (last, calls)
        });
        let ours = leave(&gate);
        // SAFETY: as above.
        let calls = host.0.with(|calls| unsafe { *calls });
        let called = caller.join().unwrap();
        let (theirs, seen) = leaver.join().unwrap();
        assert_eq!(
            (calls, seen),
            (u64::from(called) + 1, u64::from(called) + 1)
        );
        SEEN.note((called, ours, theirs));
    });
    // In the third case the last words are the caller's.
    assert_eq!(
        SEEN.all(),
        [
            (false, false, true),
            (false, true, false),
            (true, false, false),
            (true, false, true),
            (true, true, false),
        ]
    );
}
