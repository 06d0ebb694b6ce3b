//! Systems other than Linux: the number of CPUs, and nothing else.

use std::io;
use std::path::Path;
use std::thread::available_parallelism;

use super::meter::Busy;
use super::{Memory, Qdisc};

/// A limit on CPU time: there is none.
#[derive(Debug)]
pub(super) struct Quota {
    pub(super) cpus: f64,
}

/// Nothing to look up.
#[derive(Debug)]
pub(super) struct Probe;

impl Probe {
    pub(super) fn new(_root: &Path) -> Self {
        Self
    }

    pub(super) fn quota(&self) -> io::Result<Option<Quota>> {
        Ok(None)
    }

    pub(super) fn busy(&self, _quota: Option<&Quota>) -> io::Result<Busy> {
        unsupported()
    }

    pub(super) fn load_averages(&self) -> io::Result<[f32; 3]> {
        unsupported()
    }

    pub(super) fn memory(&self) -> io::Result<Memory> {
        unsupported()
    }
}

pub(super) fn qdiscs() -> io::Result<Vec<Qdisc>> {
    unsupported()
}

pub(super) fn usable_cpus() -> Option<usize> {
    available_parallelism().ok().map(|cpus| cpus.get())
}

fn unsupported<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}
