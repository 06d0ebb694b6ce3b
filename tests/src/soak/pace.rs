//! How fast the machine is just now: fixed pieces of work, timed in each window.
//!
//! Lives here: work like a merge's and like a page's, in this process, by the processor time of its thread. Not here: what is
//! made of it.
//!
//! A machine's speed is its neighbours' affair, too, and drifts by a third within an hour. What the program costs beside work
//! that is always the same drifts only if the program does.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use fastrand::Rng;
use rustix::time::{ClockId, clock_gettime};

/// Of memory that a stream's merge passes over, in words.
const BLOCK: usize = 64;
/// As many streams as a soak has.
const BLOCKS: usize = 10_000;
/// Copies of all blocks: some milliseconds, where the clock of processor time is fine enough.
const ROUNDS: usize = 2;
/// Lines of a page.
const LINES: u64 = 2_000;
/// What a socket takes at a time.
const PIECE: usize = 16 << 10;

/// Memory and a socket for work that is always the same.
#[derive(Debug)]
pub struct Pace {
    now: Vec<u64>,
    last: Vec<u64>,
    /// Neighbours in time are no neighbours in memory, as streams that come and go.
    order: Vec<usize>,
    page: String,
    socket: (UnixStream, UnixStream),
}

impl Pace {
    /// Makes what is worked on.
    ///
    /// # Errors
    /// No sockets.
    pub fn new() -> Result<Self, String> {
        let mut rng = Rng::with_seed(7);
        let mut order: Vec<usize> = (0..BLOCKS).collect();
        rng.shuffle(&mut order);
        Ok(Self {
            now: (0..(BLOCKS * BLOCK) as u64).collect(),
            last: vec![0; BLOCKS * BLOCK],
            order,
            page: String::new(),
            socket: UnixStream::pair().map_err(|e| format!("a pair of sockets: {e}"))?,
        })
    }

    /// The processor time of blocks of memory compared and copied.
    pub fn merge(&mut self) -> Duration {
        let begun = own_processor_time();
        for _ in 0..ROUNDS {
            for &block in &self.order {
                let words = block * BLOCK..(block + 1) * BLOCK;
                let (now, last) = (&mut self.now[words.clone()], &mut self.last[words]);
                // Of a block the last word changes: the comparison goes through all of it.
                now[BLOCK - 1] = now[BLOCK - 1].wrapping_add(1);
                if now != last {
                    last.copy_from_slice(now);
                }
            }
        }
        own_processor_time().saturating_sub(begun)
    }

    /// The processor time of a page written, sent and received.
    ///
    /// # Errors
    /// The socket's.
    pub fn page(&mut self) -> Result<Duration, String> {
        let begun = own_processor_time();
        self.page.clear();
        for line in 0..LINES {
            let _infallible = writeln!(self.page, "a_family{{of=\"lines\"}} {}", line * 7_919);
        }
        let mut piece = [0; PIECE];
        let failed = |e| format!("a pair of sockets: {e}");
        for part in self.page.as_bytes().chunks(PIECE) {
            let (to, from) = &mut self.socket;
            to.write_all(part).map_err(failed)?;
            from.read_exact(&mut piece[..part.len()]).map_err(failed)?;
        }
        Ok(own_processor_time().saturating_sub(begun))
    }
}

/// Of the calling thread, so far.
fn own_processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // Neither is negative.
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time_and_is_done() {
        let mut pace = Pace::new().unwrap();
        assert!(pace.merge() > Duration::ZERO);
        assert_eq!(pace.now, pace.last);
        assert!(pace.page().unwrap() > Duration::ZERO);
        assert_eq!(pace.page.lines().count() as u64, LINES);
        // Nothing is left in the socket: the next page is whole.
        assert!(pace.page().unwrap() > Duration::ZERO);
    }
}
