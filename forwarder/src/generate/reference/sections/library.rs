//! The library's own health.

use media_metrics_core::catalog as c;

use crate::generate::reference::note::Appears::{ByHost, If, MovedBy};
use crate::generate::reference::note::{Appears, Note, Question, Section, note};

const PUSH: Appears = If("`push` is configured");
const FIRST_PUSH: Appears = Appears::Once("a receiver of a configured `push` took a request");
const HISTORY: &str = "this project: docs/history.md";
const FACADE: Appears =
    ByHost("that install the recorder for the `metrics` crate (feature `facade`)");
const BRIDGE: Appears =
    ByHost("that serve another library's page along with ours (feature `bridge`)");
const US: &str = "this project";

/// Reporter, exporter, pushes and flight recorder.
pub(super) static SECTION: Section = Section {
    title: "The pipeline of metrics",
    about: "What the library says of itself: merges, scrapes, pushes, the flight recorder. If these are well, what the others say is whole.",
    questions: &[
        Question {
            asked: "How long do merges take?",
            answer: "histogram_quantile(0.99, sum by (job, instance, le) (rate({}_bucket[5m])))",
            of: &[&c::REPORTER_TICK],
        },
        Question {
            asked: "Is anything dropped between a packet and a scrape?",
            answer: "sum by (job, instance) (increase({}[10m])) + sum by (job, instance) (increase({}[10m])) + sum by (job, instance) (increase({}[10m]))",
            of: &[&c::RECORDS_DROPPED, &c::SERIES_OVERFLOW, &c::SINK_DROPPED],
        },
        Question {
            asked: "What does a scrape cost in bytes?",
            answer: "sum by (job, instance) (rate({}[5m])) / sum by (job, instance) (rate({}[5m]))",
            of: &[&c::SCRAPE_BYTES, &c::SCRAPES],
        },
    ],
    notes: NOTES,
};

#[rustfmt::skip] // One a line.
static NOTES: &[Note] = &[
    note(&c::REPORTER_TICK, "Its 99th percentile is above half of `metrics.interval` (1 s): figures come late next.", &[], US),
    note(&c::REPORTER_LATE, "Its sum grows by more than 0.25 s a second for ten minutes: the machine is overloaded, or a task holds the reporter up; see {}.", &[&c::TASK_SECONDS], US),
    note(&c::REPORTER_SHARDS, "It grows without end: threads are made and never end.", &[], US),
    note(&c::REPORTER_SERIES, "It nears the registry's limit (65,536): more series fold into `other`; see {}.", &[&c::SERIES_OVERFLOW], US),
    note(&c::REPORTER_MEMORY, "It grows while {} and the streams do not.", &[&c::REPORTER_SERIES], US),
    note(&c::SERIES_OVERFLOW, "At all, for longer than a quarter of an hour: somebody gives a label values from outside; the family is named.", &[], US).appears(Appears::Once("a family is registered whose label values come from outside, as LiveKit's")),
    note(&c::STREAMS_REFUSED, "At all: raise `limits.max_streams`, or find who makes so many.", &[], US),
    note(&c::STREAMS_BUSY, "Its rate is above one in a hundred of the streams: the threads that own them are paused in the middle of a packet.", &[], US),
    note(&c::RECORDS_DROPPED, "At all: there was no memory.", &[], US),
    note(&c::TASK_SECONDS, "Its 99th percentile is above a tenth of `metrics.interval`: the task delays every merge.", &[], US),
    note(&c::TASK_PANICS, "At all: a bug; the task's words are on standard error.", &[], US),
    note(&c::SINK_TURNS, "It stands still while the program runs.", &[], US),
    note(&c::SINK_DROPPED, "Its rate is above 0.01 for ten minutes: the sink is slower than the merges.", &[], US),
    note(&c::SINK_PANICS, "At all: a bug.", &[], US),
    note(&c::SCRAPES, "It stands still: nobody looks. It is far above the scrapers that you know of: somebody does whom you don't.", &[], US).appears(MovedBy("scrapes")),
    note(&c::SCRAPE_BYTES, "Divided by {} it doubles: the page grows.", &[&c::SCRAPES], US).appears(MovedBy("scrapes")),
    note(&c::ENCODE, "Its 99th percentile is above 0.1 s: a page of many series; ask for some names (`name[]`), or push.", &[], US).appears(MovedBy("scrapes")),
    note(&c::HTTP_RESPONSES, "`401` rises: somebody tries passwords. `500` at all: a bug. `503`: merges stand still, or pages take too long.", &[], "RFC 9110 §15").appears(MovedBy("requests")),
    note(&c::HTTP_REJECTED, "More than 10 % of it and {} for ten minutes, `gave_way` aside. `full`, `accept_failed`: connections or file descriptors run out. `handshake`: a certificate is not what a scraper expects.", &[&c::HTTP_RESPONSES], US),
    note(&c::EVENT_LISTENERS, "It is at 16, the most there may be: live pages are left open, and the next one gets 503.", &[], "HTML, server-sent events").appears(MovedBy("open live pages")),
    note(&c::EVENTS, "It stands still while {} is above 0: merges stand still.", &[&c::EVENT_LISTENERS], "HTML, server-sent events").appears(MovedBy("open live pages")),
    note(&c::EVENTS_SKIPPED, "It is more than a tenth of {}: pages are far away, or their machines are slow.", &[&c::EVENTS], US).appears(MovedBy("open live pages that are slow")),
    note(&c::TLS_RELOADS, "`refused` at all: the new certificate can't be used, and the old one will end.", &[], US).appears(MovedBy("changed files of `metrics.tls`")),
    note(&c::FAMILIES_LEFT_OUT, "At all: names of the host clash once they are escaped; rename one.", &[], US),
    note(&c::HISTORY_BYTES, "`intervals` and `series` together are near `history.max_mib`: the recorder goes back less far than `history.minutes`.", &[], HISTORY),
    note(&c::HISTORY_INTERVALS, "It stays below `history.minutes` times the merges of a minute, long after the start.", &[], HISTORY),
    note(&c::HISTORY_SPAN, "It stays below `history.minutes`, long after the start.", &[], HISTORY),
    note(&c::HISTORY_DROPPED, "It rises: raise `history.max_mib`, or lower `history.minutes`.", &[], HISTORY),
    note(&c::HISTORY_UNFOLLOWED, "Above 0: what these series did is not recorded.", &[], HISTORY),
    note(&c::HISTORY_DUMPS, "`failed` at all: look at the disk of `history.dump_dir`.", &[], HISTORY).appears(MovedBy("SIGUSR1, with `history.dump_dir`")),
    note(&c::PUSH_REQUESTS, "It stands still: see when a receiver last took something.", &[], US).appears(PUSH),
    note(&c::PUSH_BYTES, "Divided by {} it is near what the receiver takes in one request.", &[&c::PUSH_REQUESTS], US).appears(PUSH),
    note(&c::PUSH_SAMPLES, "Its rate is below the series divided by the push's interval.", &[], US).appears(PUSH),
    note(&c::PUSH_SAMPLES_FAILED, "At all: these samples are lost.", &[], "Prometheus remote write 2.0 (written counts); OTLP (partial success)").appears(PUSH),
    note(&c::PUSH_FAILED, "With {} it is more than 50 % of all attempts for ten minutes. `refused`: the receiver's answer is on standard error. `superseded`: it is too slow.", &[&c::PUSH_RETRIES], "RFC 9110 §15; Prometheus remote write 1.0 and 2.0; OTLP/HTTP").appears(PUSH),
    note(&c::PUSH_RETRIES, "With {} it is more than 50 % of all attempts for ten minutes: the receiver is away.", &[&c::PUSH_FAILED], "RFC 9110 §10.2.3 (Retry-After)").appears(PUSH),
    note(&c::PUSH_FALLBACKS, "More than once: the receiver changes its mind, as behind a load balancer of several versions.", &[], "Prometheus remote write 2.0").appears(PUSH),
    note(&c::PUSH_DROPPED, "Its rate is above 0.01 for ten minutes, `stopped` aside: resolution is lost; with `full` the receiver is too slow or away.", &[], US).appears(PUSH),
    note(&c::PUSH_MARKERS_DROPPED, "At all: ended series seem to go on for five minutes.", &[], "Prometheus remote write 1.0 (stale markers)").appears(PUSH),
    note(&c::PUSH_QUEUED, "It grows: the receiver is slower than the merges.", &[], US).appears(PUSH),
    note(&c::PUSH_QUEUED_BYTES, "As the snapshots: it is the memory that they take.", &[], US).appears(PUSH),
    note(&c::PUSH_LAST_SUCCESS, "`time()` less this is above five times the push's interval.", &[], US).appears(FIRST_PUSH),
    note(&c::FACADE_REFUSED, "At all: a metric of the host's is not seen; the reason says why.", &[], "the `metrics` crate").appears(FACADE),
    note(&c::FACADE_NOT_FINITE, "At all: the host divides by 0.", &[], "the `metrics` crate").appears(FACADE),
    note(&c::FACADE_EXPIRED, "Not by itself: idle series are to go.", &[], "metrics-exporter-prometheus (idle time-out)").appears(FACADE),
    note(&c::FOREIGN_DROPPED, "At all: something of the other library is not seen; the reason says what.", &[], US).appears(BRIDGE),
];
