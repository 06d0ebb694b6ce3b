//! Pipeline: whether the measuring itself is well, from merges to scrapes and pushes.

use media_metrics_core::catalog as m;

use super::limits;
use super::model::{Dashboard, Event, Panel, row, shut_row};
use crate::generate::query::DASHBOARD as ALL;

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        slug: "pipeline",
        title: "Media metrics: pipeline",
        description: "Whether the measuring itself is well: merges, what found no place, scrapes, pushes, the flight recorder, and \
                      LiveKit's pipeline of clients' metrics.",
        present: &m::BUILD_INFO,
        rows: vec![
            row("Health", health()),
            row("Reporter", reporter()),
            row("Exporter", exporter()),
            shut_row("Pushes", pushes()),
            row("Flight recorder", recorder()),
            shut_row("Clients' metrics", clients()),
        ],
    }
}

fn health() -> Vec<Panel> {
    vec![
        Panel::stat(
            "Merge, p99",
            "s",
            "Time that the slowest in a hundred merges take. Above half an interval (1 s) there is little left before they are late.",
            ALL.of(&m::REPORTER_TICK).quantile(0.99, &[]),
        )
        .worse_from(limits::MERGE),
        Panel::stat(
            "Late, p99",
            "s",
            "How late the slowest in a hundred merges begin: the thread gets no CPU, or the merge before took too long.",
            ALL.of(&m::REPORTER_LATE).quantile(0.99, &[]),
        )
        .worse_from(limits::LATE),
        Panel::stat(
            "Folded into other",
            "cps",
            "Records a second that went to a family's series other, because a limit on series is met.",
            ALL.of(&m::SERIES_OVERFLOW).rate(&[]),
        )
        .worse_from(limits::ANY),
        Panel::stat(
            "Streams refused",
            "cps",
            "Streams a second that are not measured, because the limit on streams is met.",
            ALL.of(&m::STREAMS_REFUSED).rate(&[]),
        )
        .worse_from(limits::ANY),
        Panel::stat(
            "Records dropped",
            "cps",
            "Records a second that are lost, because there is no memory for a thread's cells.",
            ALL.of(&m::RECORDS_DROPPED).rate(&[]),
        )
        .worse_from(limits::ANY),
        Panel::stat(
            "Turns missed",
            "cps",
            "Snapshots a second that a sink missed, because it was slow or gone.",
            ALL.of(&m::SINK_DROPPED).rate(&[]),
        )
        .worse_from(limits::ANY),
        Panel::stat(
            "Push failures",
            "cps",
            "Samples a second that were sent and given up: the receiver refuses them.",
            ALL.of(&m::PUSH_SAMPLES_FAILED).rate(&[]),
        )
        .awaits(Event::Push)
        .worse_from(limits::ANY),
        Panel::stat(
            "Last push",
            "s",
            "Time since a receiver last took a request, the longest of all pushes.",
            format!("time() - {}", ALL.of(&m::PUSH_LAST_SUCCESS).aggregated("min", &[])),
        )
        .awaits(Event::Push)
        .worse_from(limits::SILENCE),
    ]
}

fn reporter() -> Vec<Panel> {
    let by = &["instance"];
    vec![
        Panel::lines(
            "Time of merges",
            "s",
            "Time that merges take. It grows with streams and series; a step with neither is a neighbour on the machine.",
        )
        .quantiles(&ALL.of(&m::REPORTER_TICK), &[0.5, 0.99], by, "{{instance}}")
        .worse_from(limits::MERGE),
        Panel::lines(
            "Lateness of merges",
            "s",
            "Time by which merges begin after they are due.",
        )
        .quantiles(&ALL.of(&m::REPORTER_LATE), &[0.5, 0.99], by, "{{instance}}")
        .worse_from(limits::LATE),
        Panel::lines(
            "Time of tasks",
            "s",
            "Time that tasks on the reporter's thread take: one in a hundred takes longer. While one runs, merges wait.",
        )
        .quantiles(&ALL.of(&m::TASK_SECONDS), &[0.99], &["task"], "{{task}}")
        .worse_from(limits::MERGE),
        Panel::lines(
            "Series and shards",
            "short",
            "Series registered, and shards: the most threads that recorded at once. A line that only grows: labels without bound.",
        )
        .query("series, {{instance}}", ALL.of(&m::REPORTER_SERIES).sum(by))
        .query("shards, {{instance}}", ALL.of(&m::REPORTER_SHARDS).sum(by))
        .log(),
        Panel::lines(
            "Memory of cells",
            "bytes",
            "Memory of cells, buckets, streams and series, estimated from their numbers.",
        )
        .query("{{instance}}", ALL.of(&m::REPORTER_MEMORY).sum(by)),
        Panel::lines(
            "What found no place",
            "cps",
            "Records folded into series other, streams refused, records dropped, streams left for the next merge; a second.",
        )
        .query("folded", ALL.of(&m::SERIES_OVERFLOW).rate(&[]))
        .query("streams refused", ALL.of(&m::STREAMS_REFUSED).rate(&[]))
        .query("records dropped", ALL.of(&m::RECORDS_DROPPED).rate(&[]))
        .query("streams busy", ALL.of(&m::STREAMS_BUSY).rate(&[])),
        Panel::lines(
            "Folded into other, by family",
            "cps",
            "Families whose limit on series is met, and how much of them goes to other. Their labels have more values than they \
             should, or the limit is too low.",
        )
        .query(
            "{{family}}",
            format!("{} > 0", ALL.of(&m::SERIES_OVERFLOW).rate(&["family"])),
        )
        .awaits(Event::Overflow)
        .or_says("no limit is met"),
        Panel::lines(
            "Sinks",
            "cps",
            "Snapshots that sinks took and missed, a second. A sink that misses is slower than the interval, or gone.",
        )
        .query("{{sink}} took", ALL.of(&m::SINK_TURNS).rate(&["sink"]))
        .query("{{sink}} missed", ALL.of(&m::SINK_DROPPED).rate(&["sink"])),
        Panel::lines(
            "Panics caught",
            "cps",
            "Panics of tasks and sinks, a second: faults, in the host's code or ours. Please report ours.",
        )
        .query("task {{task}}", ALL.of(&m::TASK_PANICS).rate(&["task"]))
        .query("sink {{sink}}", ALL.of(&m::SINK_PANICS).rate(&["sink"]))
        .worse_from(limits::ANY),
        Panel::lines(
            "Events not recorded",
            "cps",
            "Events told for LiveKit's families that were not recorded, by reason: the host's ends do not match its beginnings, or \
             there is no series left.",
        )
        .query(
            "{{reason}}",
            ALL.of(&m::LIVEKIT_EVENTS_DROPPED).rate(&["reason"]),
        ),
    ]
}

fn exporter() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Scrapes",
            "reqps",
            "Requests for metrics that got a page, a second, and pages encoded: fewer if scrapers share them.",
        )
        .query("scrapes", ALL.of(&m::SCRAPES).rate(&[]))
        .query("encoded", ALL.of(&m::ENCODE).count(&[])),
        Panel::lines(
            "Size of a page",
            "bytes",
            "Mean size of the pages that scrapers got, as sent.",
        )
        .query(
            "{{instance}}",
            crate::generate::query::ratio(
                &ALL.of(&m::SCRAPE_BYTES).rate(&["instance"]),
                &ALL.of(&m::SCRAPES).rate(&["instance"]),
            ),
        ),
        Panel::lines(
            "Time of encoding",
            "s",
            "Time that the encoding of a snapshot takes. It is never in the way of packets or merges.",
        )
        .quantiles(&ALL.of(&m::ENCODE), &[0.5, 0.99], &[], "")
        .worse_from(limits::MERGE),
        Panel::lines(
            "Responses",
            "reqps",
            "Requests that the metrics server answered, a second, by status.",
        )
        .query("{{code}}", ALL.of(&m::HTTP_RESPONSES).rate(&["code"])),
        Panel::lines(
            "Connections refused or cut off",
            "cps",
            "By reason, a second: full is more clients than limits.connections allows, slow ones hold places, handshake is TLS that \
             does not fit.",
        )
        .query("{{reason}}", ALL.of(&m::HTTP_REJECTED).rate(&["reason"])),
        Panel::lines(
            "Certificates read again",
            "cps",
            "Times a second that certificates had changed, by outcome. Refused: the new files can't be used, and the old ones will \
             end.",
        )
        .query("{{outcome}}", ALL.of(&m::TLS_RELOADS).rate(&["outcome"])),
    ]
}

fn pushes() -> Vec<Panel> {
    let push = &["push"];
    let panels = vec![
        Panel::lines(
            "Requests",
            "reqps",
            "Requests that receivers took, and attempts that failed and are repeated, by reason, a second.",
        )
        .query("{{push}}", ALL.of(&m::PUSH_REQUESTS).rate(push))
        .awaits(Event::Push)
        .query(
            "{{push}} again: {{reason}}",
            ALL.of(&m::PUSH_RETRIES).rate(&["push", "reason"]),
        )
        .query(
            "{{push}} given up: {{reason}}",
            ALL.of(&m::PUSH_FAILED).rate(&["push", "reason"]),
        ),
        Panel::lines(
            "Samples",
            "cps",
            "Samples that receivers took, and those given up, a second.",
        )
        .query("{{push}} taken", ALL.of(&m::PUSH_SAMPLES).rate(push))
        .query("{{push}} given up", ALL.of(&m::PUSH_SAMPLES_FAILED).rate(push)),
        Panel::lines(
            "Snapshots that wait",
            "short",
            "Snapshots that a push has yet to send. A line that grows: the receiver is too slow, or away.",
        )
        .query("{{push}}", ALL.of(&m::PUSH_QUEUED).sum(push)),
        Panel::lines(
            "Snapshots never sent",
            "cps",
            "Snapshots that a push dropped, by reason, a second. Full: resolution is lost, totals are not.",
        )
        .query(
            "{{push}}: {{reason}}",
            ALL.of(&m::PUSH_DROPPED).rate(&["push", "reason"]),
        ),
        Panel::lines(
            "Bandwidth",
            "Bps",
            "Bytes of requests that receivers took, a second.",
        )
        .query("{{push}}", ALL.of(&m::PUSH_BYTES).rate(push)),
        Panel::lines(
            "Memory of what waits",
            "bytes",
            "Memory of the snapshots that a push has yet to send.",
        )
        .query("{{push}}", ALL.of(&m::PUSH_QUEUED_BYTES).sum(push)),
    ];
    panels
        .into_iter()
        .map(|panel| panel.awaits(Event::Push))
        .collect()
}

fn recorder() -> Vec<Panel> {
    let by = &["instance"];
    vec![
        Panel::lines(
            "How far back",
            "s",
            "Time that the flight recorder holds. Less than history.minutes some time after the start: its memory is full.",
        )
        .query("{{instance}}", ALL.of(&m::HISTORY_SPAN).aggregated("min", by)),
        Panel::stacked(
            "Memory",
            "bytes",
            "Memory of the flight recorder, by part.",
        )
        .query("{{part}}", ALL.of(&m::HISTORY_BYTES).sum(&["part"])),
        Panel::lines(
            "Dropped and left out",
            "short",
            "Series that the recorder has no room for, and intervals dropped before their time in the rate interval.",
        )
        .query("series left out", ALL.of(&m::HISTORY_UNFOLLOWED).sum(&[]))
        .query("intervals dropped", ALL.of(&m::HISTORY_DROPPED).increase(&[])),
    ]
}

fn clients() -> Vec<Panel> {
    let panels = vec![
        Panel::lines(
            "Rooms and participants",
            "short",
            "Whose metrics are collected and reported.",
        )
        .query("rooms", ALL.of(&m::PIPELINE_ROOMS).sum(&[]))
        .query("participants", ALL.of(&m::PIPELINE_PARTICIPANTS).sum(&[])),
        Panel::lines(
            "Batches of clients",
            "cps",
            "Batches accepted, and rejected whole by reason, a second.",
        )
        .query("accepted", ALL.of(&m::CLIENT_BATCHES).rate(&[]))
        .query(
            "rejected: {{reason}}",
            ALL.of(&m::CLIENT_BATCHES_REJECTED).rate(&["reason"]),
        ),
        Panel::lines(
            "Rows of clients",
            "cps",
            "Rows kept, and dropped by reason, a second.",
        )
        .query("kept", ALL.of(&m::CLIENT_BATCH_ROWS).rate(&[]))
        .query(
            "dropped: {{reason}}",
            ALL.of(&m::CLIENT_BATCH_ROWS_DROPPED).rate(&["reason"]),
        ),
        Panel::lines(
            "Packets to clients",
            "pps",
            "Metric packets that the host sent, and did not send by reason, a second.",
        )
        .query("sent", ALL.of(&m::PIPELINE_PACKETS).rate(&[]))
        .query(
            "not sent: {{reason}}",
            ALL.of(&m::PIPELINE_PACKETS_FAILED).rate(&["reason"]),
        ),
        Panel::lines(
            "Time of the host's callbacks",
            "s",
            "One in a hundred takes longer. While one runs, all others wait.",
        )
        .quantiles(
            &ALL.of(&m::PIPELINE_CALLBACK),
            &[0.99],
            &["callback"],
            "{{callback}}",
        )
        .worse_from(limits::MERGE),
        Panel::lines(
            "Lateness",
            "s",
            "Time by which the pipeline runs after something is due: one in a hundred is later.",
        )
        .quantiles(&ALL.of(&m::PIPELINE_LATE), &[0.99], &[], "")
        .worse_from(limits::LATE),
        Panel::lines(
            "Left out for lack of room",
            "cps",
            "Batches that reach nobody by reason, rows and samples that reports have no room for, a second.",
        )
        .query(
            "batches: {{reason}}",
            ALL.of(&m::PIPELINE_BATCHES_DROPPED).rate(&["reason"]),
        )
        .query("rows", ALL.of(&m::PIPELINE_REPORT_ROWS_DROPPED).rate(&[]))
        .query("samples", ALL.of(&m::PIPELINE_REPORT_SAMPLES_DROPPED).rate(&[])),
        Panel::lines(
            "Clocks of clients",
            "cps",
            "Steps of estimates, times not believed, and batches before anything was known of a clock, a second.",
        )
        .query("steps", ALL.of(&m::CLIENT_CLOCK_STEPS).rate(&[]))
        .query("not believed", ALL.of(&m::CLIENT_CLOCK_TIMES_REJECTED).rate(&[]))
        .query("unmapped", ALL.of(&m::CLIENT_BATCHES_UNMAPPED).rate(&[])),
    ];
    panels
        .into_iter()
        .map(|panel| panel.awaits(Event::ClientBatch))
        .collect()
}
