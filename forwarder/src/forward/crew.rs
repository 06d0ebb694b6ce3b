//! The workers' threads.
//!
//! Lives here: starting them, noticing that one ends before it was told to, waiting for their ends. Not here: what a
//! worker does (`worker`), what becomes of the program without it (the binary).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::worker::WorkerReport;

/// Workers that run until they are told to stop; dropped, it tells them, and waits for nobody.
#[derive(Debug)]
pub(super) struct Crew {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<io::Result<WorkerReport>>>,
    ended: (Sender<()>, Receiver<()>),
}

/// Dropped with a worker's thread, however that ends, it says so.
struct Ends(Sender<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        // Full means that another ended, of which nobody has heard yet: one is enough.
        let _ = self.0.try_send(());
    }
}

impl Crew {
    /// Nobody yet.
    pub(super) fn new() -> Self {
        Self {
            stop: Arc::new(AtomicBool::new(false)),
            threads: Vec::new(),
            ended: bounded(1),
        }
    }

    /// Starts one more, which works until the flag is set.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(super) fn start(
        &mut self,
        work: impl FnOnce(&AtomicBool) -> io::Result<WorkerReport> + Send + 'static,
    ) -> io::Result<()> {
        let stop = Arc::clone(&self.stop);
        let ends = Ends(self.ended.0.clone());
        let run = move || {
            let _ends = ends;
            work(&stop)
        };
        let name = format!("forward-{}", self.threads.len());
        let thread = thread::Builder::new().name(name).spawn(run)?;
        self.threads.push(thread);
        Ok(())
    }

    /// Gets something as soon as a worker ends: none does before it is told to, unless it broke.
    pub(super) const fn ended(&self) -> &Receiver<()> {
        &self.ended.1
    }

    /// Tells all to stop, and waits until they have: what they did, and of those that broke why.
    pub(super) fn stop(mut self) -> (Vec<WorkerReport>, Vec<String>) {
        self.tell();
        let (mut reports, mut failures) = (Vec::new(), Vec::new());
        for thread in self.threads.drain(..) {
            match thread.join() {
                Ok(Ok(report)) => reports.push(report),
                Ok(Err(error)) => failures.push(format!("a worker stopped early: {error}")),
                Err(_) => failures.push("a worker panicked".to_owned()),
            }
        }
        (reports, failures)
    }

    fn tell(&self) {
        self.stop.store(true, Ordering::Relaxed); // Relaxed: carries no data; the joins order the reports
    }
}

impl Drop for Crew {
    /// A start that failed half-way, or a forwarder that is given up: the threads end by themselves.
    fn drop(&mut self) {
        self.tell();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn steady(stop: &AtomicBool) -> io::Result<WorkerReport> {
        // Relaxed: the flag carries no data, only the wish.
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(WorkerReport::default())
    }

    #[test]
    fn who_breaks_is_noticed_at_once_and_the_others_are_stopped() {
        let broken: [fn() -> io::Result<WorkerReport>; 2] = [
            || panic!("on purpose"),
            || Err(io::Error::other("no event queue")),
        ];
        for (work, says) in broken.into_iter().zip(["panicked", "no event queue"]) {
            let mut crew = Crew::new();
            crew.start(steady).unwrap();
            crew.start(move |_| work()).unwrap();
            // While the others work: nobody has told them to stop.
            let noticed = crew.ended().recv_timeout(Duration::from_secs(20));
            assert_eq!(noticed, Ok(()), "{says}");
            let (reports, failures) = crew.stop();
            assert_eq!(reports.len(), 1);
            assert!(failures.len() == 1 && failures[0].contains(says));
        }
    }

    #[test]
    fn who_works_is_not_taken_for_broken() {
        let mut crew = Crew::new();
        (0..3).for_each(|_| crew.start(steady).unwrap());
        let ended = crew.ended().clone();
        assert!(ended.recv_timeout(Duration::from_millis(50)).is_err());
        let (reports, failures) = crew.stop();
        assert_eq!((reports.len(), failures.len()), (3, 0));
    }
}
