//! The share of the CPUs in use between two samples.
//!
//! Lives here: the difference of two samples. Pure. Not here: where CPU time is read (`linux::cpu`).
//!
//! The reference takes an idle time of 0 for an unknown one, so that a node at its limit reads 0. Here full is 1,
//! and unknown is `None`.

use std::path::PathBuf;
use std::time::Duration;

use crate::livekit::time::ServerTime;

/// Samples closer together than this say little: kernels count in steps of up to 10 ms. The first of them stands.
const MIN_SPAN: Duration = Duration::from_millis(500);

/// CPU time that was spent, and who spent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Busy {
    /// What is measured: samples of different things have no difference.
    pub(super) source: PathBuf,
    /// CPU time of all CPUs since some fixed moment.
    pub(super) time: Duration,
}

/// The last sample, and the load as of it.
#[derive(Debug, Default)]
pub(super) struct CpuMeter {
    last: Option<(ServerTime, Busy)>,
    load: Option<f64>,
}

impl CpuMeter {
    /// Takes a sample of `now`, for this many CPUs; `None` for what could not be read.
    pub(super) fn sample(&mut self, now: ServerTime, busy: Option<Busy>, cpus: Option<f64>) {
        if let Some((at, last)) = &self.last {
            let span = now.since(*at);
            if span < MIN_SPAN && busy.as_ref().is_some_and(|b| b.source == last.source) {
                return;
            }
            self.load = busy
                .as_ref()
                .zip(cpus)
                .and_then(|(busy, cpus)| load(span, last, busy, cpus));
        }
        self.last = busy.map(|busy| (now, busy));
    }

    /// Share in use, 0 to 1, between the last two samples.
    pub(super) fn load(&self) -> Option<f64> {
        self.load
    }
}

fn load(span: Duration, last: &Busy, busy: &Busy, cpus: f64) -> Option<f64> {
    if busy.source != last.source || span.is_zero() || cpus <= 0.0 {
        return None;
    }
    // Time that went down: a group that was made anew.
    let spent = busy.time.checked_sub(last.time)?;
    let share = spent.as_secs_f64() / (span.as_secs_f64() * cpus);
    // The two clocks are not read at the same moment, so a full CPU may read as a little more.
    Some(share.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> ServerTime {
        ServerTime::default().after(Duration::from_millis(ms))
    }

    fn busy(ms: u64) -> Option<Busy> {
        of("group", ms)
    }

    fn of(source: &str, ms: u64) -> Option<Busy> {
        Some(Busy {
            source: source.into(),
            time: Duration::from_millis(ms),
        })
    }

    #[test]
    fn a_full_node_reads_1_and_an_idle_one_0() {
        let mut meter = CpuMeter::default();
        meter.sample(at(0), busy(500), Some(2.0));
        assert_eq!(meter.load(), None);
        meter.sample(at(1_000), busy(2_500), Some(2.0));
        assert_eq!(meter.load(), Some(1.0));
        meter.sample(at(2_000), busy(2_500), Some(2.0));
        assert_eq!(meter.load(), Some(0.0));
        meter.sample(at(4_000), busy(3_500), Some(2.0));
        assert_eq!(meter.load(), Some(0.25));
        meter.sample(at(5_000), busy(9_500), Some(2.0)); // more than there is
        assert_eq!(meter.load(), Some(1.0));
    }

    #[test]
    fn half_a_cpu_is_full_with_half_a_second_per_second() {
        let mut meter = CpuMeter::default();
        meter.sample(at(0), busy(0), Some(0.5));
        meter.sample(at(1_000), busy(500), Some(0.5));
        assert_eq!(meter.load(), Some(1.0));
    }

    #[test]
    fn what_is_not_known_is_not_0() {
        let mut meter = CpuMeter::default();
        meter.sample(at(0), busy(0), Some(1.0));
        meter.sample(at(1_000), busy(400), Some(1.0));
        assert_eq!(meter.load(), Some(0.4));
        meter.sample(at(2_000), None, Some(1.0));
        assert_eq!(meter.load(), None);
        meter.sample(at(3_000), busy(600), Some(1.0)); // nothing to compare with
        assert_eq!(meter.load(), None);
        meter.sample(at(4_000), busy(700), None);
        assert_eq!(meter.load(), None);
        meter.sample(at(5_000), busy(800), Some(0.0));
        assert_eq!(meter.load(), None);
        meter.sample(at(6_000), busy(100), Some(1.0)); // went down
        assert_eq!(meter.load(), None);
        meter.sample(at(7_000), of("another", 200), Some(1.0));
        assert_eq!(meter.load(), None);
        meter.sample(at(8_000), of("another", 300), Some(1.0));
        assert_eq!(meter.load(), Some(0.1));
    }

    #[test]
    fn samples_in_a_burst_leave_the_load_as_it_was() {
        let mut meter = CpuMeter::default();
        meter.sample(at(1_000), busy(0), Some(1.0));
        meter.sample(at(2_000), busy(300), Some(1.0));
        for (ms, spent) in [(2_000, 300), (2_001, 301), (2_499, 799), (1_000, 300)] {
            meter.sample(at(ms), busy(spent), Some(1.0));
            assert_eq!(meter.load(), Some(0.3), "at {ms} ms");
        }
        meter.sample(at(3_000), busy(900), Some(1.0)); // since the sample at 2,000 ms
        assert_eq!(meter.load(), Some(0.6));
    }
}
