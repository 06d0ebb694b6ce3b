//! The program's signals are none of the library's.
//!
//! Lives here: a mask that threads of the library begin with. A Rust program ignores SIGPIPE from its beginning, a C program
//! does not: there a scraper that hangs up would end the process. And a signal that the kernel hands to a thread of ours would
//! not wake the thread of the program's that waits for it.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// Those that a thread's own faults raise: whoever handles them (crash reporters) is to see them on ours, too.
const FAULTS: [Signal; 7] = [
    Signal::SIGABRT,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGSEGV,
    Signal::SIGSYS,
    Signal::SIGTRAP,
];

/// While it lives, this thread takes no signals, nor do threads that are started meanwhile, for ever. Signals wait.
pub(crate) struct Blocked {
    before: Option<SigSet>,
}

impl Blocked {
    pub(crate) fn new() -> Self {
        let mut mask = SigSet::all();
        FAULTS.into_iter().for_each(|fault| mask.remove(fault));
        let before = mask.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok();
        Self { before }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // Only fails for a way that is none.
            let _ = before.thread_set_mask();
        }
    }
}
