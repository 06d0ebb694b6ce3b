//! The pipeline on the reporter's thread.
//!
//! Lives here: turning the thread's instants into server time and back. Not here: what is due.

use std::time::Instant;

use super::Pipeline;
use crate::reporter::{Task, Waker};

impl Pipeline {
    /// Runs the pipeline on a reporter's thread, and stops it with the reporter:
    /// `Reporter::builder(&registry).task("pipeline", pipeline.task())`.
    pub fn task(&self) -> impl FnOnce(Waker) -> PipelineTask + Send + use<> {
        let pipeline = self.clone();
        move |waker| {
            pipeline.on_wake(move || waker.wake());
            PipelineTask { pipeline }
        }
    }
}

/// A [`Pipeline`] as a task: see [`Pipeline::task`].
#[derive(Debug)]
pub struct PipelineTask {
    pipeline: Pipeline,
}

impl Task for PipelineTask {
    fn run(&mut self, now: Instant) -> Option<Instant> {
        let server_now = self.pipeline.clock().at(now);
        let due = self.pipeline.run(server_now)?;
        now.checked_add(due.since(server_now))
    }

    fn stop(&mut self, now: Instant) {
        self.pipeline.stop(self.pipeline.clock().at(now));
    }
}
