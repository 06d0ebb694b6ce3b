//! Intervals and caps of a pipeline.
//!
//! Lives here: values and their defaults. Not here: files and keys (`livekit::config`).

use super::rate::Rate;
use crate::livekit::Rules;
use crate::livekit::batch::{DEFAULT_MESSAGE_BYTES, DecodeLimits, Limits};
use crate::livekit::config::{CollectorConfig, ReporterConfig, TimestamperConfig};

/// How a pipeline works: LiveKit's own settings, and caps on what clients can make it hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PipelineConfig {
    /// How clients' clocks are followed.
    pub timestamper: TimestamperConfig,
    /// How often hosts are asked for samples, and how often these become a batch. A 0 stands for the default,
    /// and a batch interval below the sampling interval for that.
    pub collector: CollectorConfig,
    /// How often a client is told what was reported. A 0 stands for the default.
    pub reporter: ReporterConfig,
    /// Whether clients' clocks are followed as the reference does, faults included.
    pub timestamper_rules: Rules,
    /// What clients may send.
    pub senders: SenderLimits,
    /// What receivers are sent.
    pub reports: ReportLimits,
}

/// What one client may send. Beyond that its batches are rejected and counted, others' are not touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderLimits {
    /// Batches. Default: 5 a second, 20 at once; the reference's clients send one in several seconds.
    pub batches: Rate,
    /// Bytes of packets. Default: 256 KiB a second, 512 KiB at once.
    pub bytes: Rate,
    /// One packet, on the wire and decoded.
    pub packet: DecodeLimits,
    /// One batch: what comes beyond is cut, the rest is kept.
    pub batch: Limits,
    /// Bytes of memory that the batches of one sender may take up in the room's log, from one report to the
    /// next. Default 2 MiB: of what clients send some 600 KiB on the wire.
    pub log_bytes: usize,
}

impl Default for SenderLimits {
    fn default() -> Self {
        Self {
            batches: Rate {
                per_second: 5,
                burst: 20,
            },
            bytes: Rate {
                per_second: 256 << 10,
                burst: 512 << 10,
            },
            packet: DecodeLimits::default(),
            batch: Limits::default(),
            log_bytes: 2 << 20,
        }
    }
}

/// What one room may report at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportLimits {
    /// Bytes of memory that all batches of a room, the server's among them, may take up in its log, from one
    /// report to the next. Default 64 MiB. While a report goes out, the next one's log begins to fill.
    pub log_bytes: usize,
    /// One receiver's report, before it is split: rows and samples beyond are cut and counted. It holds for what
    /// the receiver shares with others and once more for what it alone is told. Default: 65,536 rows of at most
    /// 4,096 samples, 4 MiB encoded, 2 MiB of it strings. As many bytes may wait for one who is leaving, until
    /// its host returns.
    pub report: Limits,
    /// Bytes of one message's batch; larger reports are split into several messages. Default: 64 KiB less
    /// what a packet adds to a batch.
    pub message_bytes: usize,
}

impl Default for ReportLimits {
    fn default() -> Self {
        Self {
            log_bytes: 64 << 20,
            report: Limits {
                rows: 65_536,
                samples_per_row: 4_096,
                table_bytes: 2 << 20,
                encoded_bytes: 4 << 20,
                ..Limits::default()
            },
            message_bytes: DEFAULT_MESSAGE_BYTES,
        }
    }
}

impl PipelineConfig {
    /// With the values that hold: see [`Self::collector`] and [`Self::reporter`].
    pub(super) fn effective(mut self) -> Self {
        if self.collector.sampling.is_zero() {
            self.collector.sampling = CollectorConfig::default().sampling;
        }
        if self.collector.batch.is_zero() {
            self.collector.batch = CollectorConfig::default().batch;
        }
        self.collector.batch = self.collector.batch.max(self.collector.sampling);
        if self.reporter.interval.is_zero() {
            self.reporter.interval = ReporterConfig::default().interval;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_0_is_the_default_and_batches_are_never_shorter_than_samples() {
        let of = |sampling_s, batch_s| {
            let config = PipelineConfig {
                collector: CollectorConfig {
                    sampling: Duration::from_secs(sampling_s),
                    batch: Duration::from_secs(batch_s),
                },
                reporter: ReporterConfig {
                    interval: Duration::ZERO,
                },
                ..PipelineConfig::default()
            };
            let effective = config.effective();
            assert_eq!(effective.reporter.interval.as_secs(), 10);
            let collector = effective.collector;
            (collector.sampling.as_secs(), collector.batch.as_secs())
        };
        assert_eq!(of(0, 0), (3, 10));
        assert_eq!(of(5, 0), (5, 10));
        assert_eq!(of(12, 0), (12, 12));
        assert_eq!(of(0, 2), (3, 3));
        assert_eq!(of(4, 4), (4, 4));
    }
}
