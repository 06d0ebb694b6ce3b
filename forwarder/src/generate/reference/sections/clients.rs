//! What clients say, and the pipeline that takes it.

use media_metrics_core::catalog as c;

use crate::generate::reference::note::Appears::ByHost;
use crate::generate::reference::note::{Appears, Note, Section, note};

const PIPELINE: Appears =
    ByHost("that run LiveKit's metric pipeline (`media_metrics_core::livekit::pipeline`)");
const US: &str = "this project: docs/livekit.md";
const PROTOCOL: &str = "LiveKit's `livekit.MetricsBatch`";
const BATCHES: &str = "LiveKit `pkg/metric/metrics_collector.go`, `metrics_reporter.go`";
const CLOCKS: &str = "LiveKit `pkg/metric/metric_timestamper.go`";

/// Clients' own figures.
pub(super) static CLIENTS: Section = Section {
    title: "Clients",
    about: "What clients say of themselves in LiveKit's metric batches, summed over all of them; webrtc-stats' figures, from the receiving end. \
            A server with a signalling path gets them; the program `media-metrics` alone has no clients that speak.",
    questions: &[],
    notes: CLIENT_NOTES,
};

/// Batches in, reports out.
pub(super) static PIPELINE_SECTION: Section = Section {
    title: "LiveKit's metric pipeline",
    about: "What became of clients' batches and of the reports that the server makes of them. Whatever is left out is counted with its reason.",
    questions: &[],
    notes: PIPELINE_NOTES,
};

#[rustfmt::skip] // One a line.
static CLIENT_NOTES: &[Note] = &[
    note(&c::CLIENT_FREEZES, "More than one in a minute for each viewer.", &[], "W3C `freezeCount`").appears(PIPELINE),
    note(&c::CLIENT_FREEZE_SECONDS, "Divided by the time watched above 0.01; a second in a hundred is seen.", &[], "W3C `totalFreezesDuration`").appears(PIPELINE),
    note(&c::CLIENT_PAUSES, "It rises without mutes: video stops for more than five seconds at a time.", &[], "W3C `pauseCount`").appears(PIPELINE),
    note(&c::CLIENT_PAUSE_SECONDS, "As the pauses.", &[], "W3C `totalPausesDuration`").appears(PIPELINE),
    note(&c::CLIENT_CONCEALED_SAMPLES, "Less {} it is above 0.02 of the samples played (48,000 a second for each listener).", &[&c::CLIENT_SILENT_CONCEALED_SAMPLES], "W3C `concealedSamples`").appears(PIPELINE),
    note(&c::CLIENT_SILENT_CONCEALED_SAMPLES, "Not by itself: muted senders and pauses of speech make it, too.", &[], "W3C `silentConcealedSamples`").appears(PIPELINE),
    note(&c::CLIENT_CONCEALMENT_EVENTS, "More than one in ten seconds for each listener.", &[], "W3C `concealmentEvents`").appears(PIPELINE),
    note(&c::CLIENT_INTERRUPTIONS, "At all, for longer than a minute: audible gaps.", &[], "webrtc-stats, `interruptionCount` (provisional)").appears(PIPELINE),
    note(&c::CLIENT_INTERRUPTION_SECONDS, "As the interruptions.", &[], "webrtc-stats, `totalInterruptionDuration` (provisional)").appears(PIPELINE),
    note(&c::CLIENT_JITTER_BUFFER_DELAY, "Divided by {} it is above 0.2 s.", &[&c::CLIENT_JITTER_BUFFER_EMITTED], "W3C `jitterBufferDelay`").appears(PIPELINE),
    note(&c::CLIENT_JITTER_BUFFER_EMITTED, "It stands still while clients are connected: nothing is played.", &[], "W3C `jitterBufferEmittedCount`").appears(PIPELINE),
    note(&c::CLIENT_QUALITY_LIMITATION_SECONDS, "`cpu` or `bandwidth` grow by more than a tenth of a second in each second and layer: pictures are worse than they could be.", &[], "W3C `qualityLimitationDurations`").appears(PIPELINE),
    note(&c::CLIENT_AGENT_LATENCY, "Its 95th percentile, all stages together, is above 1.5 s: people take the agent for dead.", &[], PROTOCOL).appears(PIPELINE),
    note(&c::CLIENT_RTT, "Its 95th percentile is above 0.3 s.", &[], "RFC 3550 §6.4.1; ITU-T G.114; W3C `roundTripTime`").appears(PIPELINE),
    note(&c::CLIENT_SAMPLES, "It stands still while clients are connected: they send no batches, or all are rejected.", &[], PROTOCOL).appears(PIPELINE),
    note(&c::CLIENT_SAMPLES_DROPPED, "It is more than a hundredth of {}, `measured_here` aside.", &[&c::CLIENT_SAMPLES], US).appears(PIPELINE),
    note(&c::CLIENT_RESETS, "It rises without joins: clients' totals fall, as one SDK's do; see docs/livekit.md.", &[], US).appears(PIPELINE),
];

#[rustfmt::skip] // One a line.
static PIPELINE_NOTES: &[Note] = &[
    note(&c::CLIENT_BATCHES, "It stands still while participants are connected.", &[], PROTOCOL).appears(PIPELINE),
    note(&c::CLIENT_BATCH_BYTES, "Divided by {} it is near the limit on a packet: rows are cut off next.", &[&c::CLIENT_BATCHES], PROTOCOL).appears(PIPELINE),
    note(&c::CLIENT_BATCHES_REJECTED, "`malformed` or `too_large` at all: a broken or hostile client. `rate_limited` for long: a client in a loop.", &[], US).appears(PIPELINE),
    note(&c::CLIENT_BATCH_ROWS, "Not by itself: it is what the dropped ones are a share of.", &[], PROTOCOL).appears(PIPELINE),
    note(&c::CLIENT_BATCH_ROWS_DROPPED, "`foreign_identity` at all: a client speaks for another. The others: more than a hundredth of {}.", &[&c::CLIENT_BATCH_ROWS], US).appears(PIPELINE),
    note(&c::CLIENT_BATCH_ROWS_MENDED, "It is more than a tenth of {}.", &[&c::CLIENT_BATCH_ROWS], US).appears(PIPELINE),
    note(&c::CLIENT_BATCH_SAMPLES, "Not by itself: it is what the dropped ones are a share of.", &[], PROTOCOL).appears(PIPELINE),
    note(&c::CLIENT_BATCH_SAMPLES_DROPPED, "It is more than a hundredth of {}.", &[&c::CLIENT_BATCH_SAMPLES], US).appears(PIPELINE),
    note(&c::CLIENT_CLOCK_STEPS, "Its rate is above that of joins: clients' clocks are set all the time.", &[], CLOCKS).appears(PIPELINE),
    note(&c::CLIENT_CLOCK_TIMES_REJECTED, "It is more than a hundredth of {}.", &[&c::CLIENT_BATCHES], CLOCKS).appears(PIPELINE),
    note(&c::CLIENT_BATCHES_UNMAPPED, "It is more than a few for each join.", &[], CLOCKS).appears(PIPELINE),
    note(&c::PIPELINE_PARTICIPANTS, "It is not the number of participants in rooms: the host forgets to let them join or leave.", &[], BATCHES).appears(PIPELINE),
    note(&c::PIPELINE_ROOMS, "It is not the number of rooms.", &[], BATCHES).appears(PIPELINE),
    note(&c::PIPELINE_SAMPLES, "It stands still while there are participants.", &[], BATCHES).appears(PIPELINE),
    note(&c::PIPELINE_SAMPLES_REFUSED, "`negative` or `non_finite` at all: the host's clocks. `over_limit`: batches are too rare.", &[], US).appears(PIPELINE),
    note(&c::PIPELINE_BATCHES, "It stands still while there are participants.", &[], BATCHES).appears(PIPELINE),
    note(&c::PIPELINE_DELIVERIES, "It stands still while {} rises: nobody is told anything.", &[&c::PIPELINE_BATCHES], BATCHES).appears(PIPELINE),
    note(&c::PIPELINE_BATCHES_DROPPED, "`room_full` at all: receivers know less than was measured. `sender_full`: one client sends too much.", &[], US).appears(PIPELINE),
    note(&c::PIPELINE_REPORT_ROWS_DROPPED, "At all: reports are too small for their rooms.", &[], US).appears(PIPELINE),
    note(&c::PIPELINE_REPORT_SAMPLES_DROPPED, "At all.", &[], US).appears(PIPELINE),
    note(&c::PIPELINE_PACKETS, "Its rate is below participants divided by the reports' interval.", &[], BATCHES).appears(PIPELINE),
    note(&c::PIPELINE_PACKET_BYTES, "It is a share worth naming of {}.", &[&c::RTP_SENT_BYTES], BATCHES).appears(PIPELINE),
    note(&c::PIPELINE_PACKETS_FAILED, "`panicked` at all: a bug of the host's. `full` for long: data channels are stuck.", &[], US).appears(PIPELINE),
    note(&c::PIPELINE_MESSAGES_SPLIT, "It is more than {}: every report needs several packets.", &[&c::PIPELINE_PACKETS], US).appears(PIPELINE),
    note(&c::PIPELINE_CALLBACK, "Its 99th percentile is above 0.01 s: while a callback runs, all others and the merges wait.", &[], US).appears(PIPELINE),
    note(&c::PIPELINE_PANICS, "At all: a bug of the host's.", &[], US).appears(PIPELINE),
    note(&c::PIPELINE_TICKS_MISSED, "At all, for longer than a minute: the pipeline is overloaded.", &[], US).appears(PIPELINE),
    note(&c::PIPELINE_LATE, "Its 99th percentile is above 0.1 s.", &[], US).appears(PIPELINE),
];
