//! The server's thread, with an event loop on it.
//!
//! Lives here: starting the thread, and waiting until it is ready. Not here: what it does (`serve`, `service`).

use std::io;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use super::desk::THREADS;
use crate::error::ServeError;

/// How long a thread for work waits for more. Scrapers come every minute: so that theirs is still there.
const IDLE: Duration = Duration::from_secs(300);

/// What `top -H` shows for threads that make pages; at most 15 bytes.
const WORKER: &str = "metrics-pages";

/// A thread that runs.
#[derive(Debug)]
pub(super) struct Thread {
    /// Takes how long it may still take; dropping it stops the thread at once.
    pub(super) stop: oneshot::Sender<Duration>,
    pub(super) thread: JoinHandle<()>,
}

/// Starts a thread of that name, on which `set_up` is done and then what `job` makes of it.
///
/// The event loop is made and dropped on the thread: dropping one inside a host's own async code is not allowed. Work that
/// is still going on in the end (a source that hangs) is not waited for.
pub(super) fn start<R, J: Future<Output = ()>>(
    name: &str,
    set_up: impl FnOnce() -> io::Result<R> + Send + 'static,
    job: impl FnOnce(R, oneshot::Receiver<Duration>) -> J + Send + 'static,
) -> Result<Thread, ServeError> {
    let (stop, stopped) = oneshot::channel();
    let (started, outcome) = mpsc::sync_channel(1);
    let run = move || {
        let set_up = || {
            let mut builder = Builder::new_current_thread();
            builder.enable_io().enable_time();
            builder
                .max_blocking_threads(THREADS)
                .thread_keep_alive(IDLE);
            let runtime = builder.thread_name(WORKER).build()?;
            let inside = runtime.enter();
            let ready = set_up()?;
            drop(inside);
            Ok((runtime, ready))
        };
        match set_up() {
            Ok((runtime, ready)) => {
                // The starter waits for this: it can't be gone.
                let _ = started.send(Ok(()));
                LocalSet::new().block_on(&runtime, job(ready, stopped));
                runtime.shutdown_background();
            }
            Err(e) => {
                let _ = started.send(Err(e));
            }
        }
    };
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    let thread = thread.map_err(ServeError::Thread)?;
    // No answer at all: the thread panicked before it could give one.
    let gone = || Err(io::Error::other("it ended before it began to serve"));
    let outcome: io::Result<()> = outcome.recv().unwrap_or_else(|_| gone());
    outcome.map_err(ServeError::Thread)?;
    Ok(Thread { stop, thread })
}
