//! Running one operation many times, on one thread or on several at once.
//!
//! Lives here: the timed loop, and the empty instruction that keeps it honest. Not here: who runs
//! against whom (`contest`).

use std::arch::asm;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Tells the compiler that `value`, and everything reachable, may have been read and written here.
///
/// It emits no instruction. Without it LLVM would keep a plain counter in a register for the whole loop,
/// or join two neighbouring counters into one 128-bit addition, which is ten times *slower*; and it
/// would load a thread-local's address once a loop instead of once a call, as real callers must.
#[inline(always)]
pub fn touch<T>(value: &mut T) {
    let at: *mut T = value;
    // SAFETY: the text is a comment, so nothing is executed; flags and stack are left alone as declared.
    unsafe { asm!("/* {0} */", in(reg) at, options(nostack, preserves_flags)) };
}

/// The timed loop. A function of its own, by whose name [`callgrind`](crate::callgrind) finds it.
#[inline(never)]
fn steps<S>(state: &mut S, ops: u64, step: &impl Fn(&mut S, u64)) {
    for i in 0..ops {
        step(state, i);
        touch(state);
    }
}

/// Runs `step` for `0..ops` on each of `threads` threads at once and returns the wall time from the
/// first start to the last end.
///
/// Every thread makes its own state before and gives it to `done` after its turn, both untimed. Each
/// step is followed by [`touch`] of the state. With one thread the caller's own is used.
pub fn race<S>(
    threads: usize,
    ops: u64,
    make: impl Fn() -> S + Sync,
    step: impl Fn(&mut S, u64) + Sync,
    done: impl Fn(S) + Sync,
) -> Duration {
    let barrier = Barrier::new(threads);
    let lap = || {
        let mut state = make();
        barrier.wait();
        let start = Instant::now();
        steps(&mut state, ops, &step);
        let end = Instant::now();
        done(state);
        (start, end)
    };
    let laps = if threads == 1 {
        vec![lap()]
    } else {
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(lap)).collect();
            // A thread that panicked had a wrong answer: `contest` sees its total missing.
            all.into_iter().filter_map(|t| t.join().ok()).collect()
        })
    };
    let start = laps.iter().map(|l| l.0).min();
    let end = laps.iter().map(|l| l.1).max();
    start.zip(end).map_or(Duration::ZERO, |(s, e)| e - s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    #[test]
    fn every_thread_takes_every_step_and_hands_in_its_state() {
        for threads in [1, 3] {
            let (sum, done) = (AtomicU64::new(0), AtomicU64::new(0));
            race(
                threads,
                10,
                || 0_u64,
                |own, i| *own += i,
                |own| {
                    sum.fetch_add(own, Relaxed);
                    done.fetch_add(1, Relaxed);
                },
            );
            assert_eq!(sum.load(Relaxed), 45 * threads as u64);
            assert_eq!(done.load(Relaxed), threads as u64);
        }
    }
}
