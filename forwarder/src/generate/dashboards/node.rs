//! Node and API: rooms and people, how they get in, the server's interfaces, and the machine below.

use media_metrics_core::catalog as m;
use media_metrics_core::livekit::families::catalog as lk;

use super::limits;
use super::model::{Dashboard, Event, Panel, row, shut_row};
use crate::generate::query::{DASHBOARD as ALL, ratio};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        slug: "node",
        title: "Media metrics: node and API",
        description: "Rooms and people, how they get in, the server's interfaces, and the machine below. Rooms to webhooks are \
                      LiveKit's families: they need the profile livekit or both.",
        present: &m::BUILD_INFO,
        rows: vec![
            row("Rooms and people", rooms()),
            row("Joining", joining()),
            row("Signalling and API", interfaces()),
            shut_row("Between services", calls()),
            row("Machine", machine()),
            row("Process", process()),
        ],
    }
}

fn rooms() -> Vec<Panel> {
    vec![
        Panel::stat(
            "Rooms",
            "short",
            "Rooms open now.",
            ALL.of(&lk::ROOM_TOTAL).sum(&[]),
        )
        .size(4, 4),
        Panel::stat(
            "Participants",
            "short",
            "Participants in rooms now.",
            ALL.of(&lk::PARTICIPANT_TOTAL).sum(&[]),
        )
        .size(4, 4),
        Panel::stat(
            "Tracks published",
            "short",
            "Tracks published now.",
            ALL.of(&lk::TRACK_PUBLISHED_TOTAL).sum(&[]),
        )
        .size(4, 4),
        Panel::stat(
            "Subscriptions",
            "short",
            "Subscriptions to tracks now.",
            ALL.of(&lk::TRACK_SUBSCRIBED_TOTAL).sum(&[]),
        )
        .size(4, 4),
        Panel::stat(
            "Joins that fail",
            "percentunit",
            "Share of sessions begun whose media never connected, canceled ones not counted.",
            ratio(
                &joins("rtc_failure").rate(&[]),
                &joins("rtc_init").rate(&[]),
            ),
        )
        .awaits(Event::Session)
        .worse_from(limits::JOINS)
        .size(4, 4),
        Panel::stat(
            "API errors",
            "percentunit",
            "Share of the server API's responses that are the server's fault (5xx).",
            ratio(
                &ALL.of(&lk::NODE_TWIRP_REQUEST_STATUS)
                    .with("status", "5xx")
                    .rate(&[]),
                &ALL.of(&lk::NODE_TWIRP_REQUEST_STATUS).rate(&[]),
            ),
        )
        .awaits(Event::ServerApi)
        .worse_from(limits::FAILURES)
        .size(4, 4),
        Panel::lines("Rooms and participants", "short", "Of each node, now.")
            .query("rooms, {{instance}}", ALL.of(&lk::ROOM_TOTAL).sum(&["instance"]))
            .query(
                "participants, {{instance}}",
                ALL.of(&lk::PARTICIPANT_TOTAL).sum(&["instance"]),
            ),
        Panel::lines("Tracks", "short", "Tracks published, and subscriptions to them, by kind.")
            .query("published, {{kind}}", ALL.of(&lk::TRACK_PUBLISHED_TOTAL).sum(&["kind"]))
            .query("subscribed, {{kind}}", ALL.of(&lk::TRACK_SUBSCRIBED_TOTAL).sum(&["kind"])),
        Panel::lines(
            "Publications and subscriptions",
            "cps",
            "Attempts and what became of them, a second. Attempts without as many successes: who publishes or subscribes gets \
             nothing.",
        )
        .query(
            "publish: {{state}}",
            ALL.of(&lk::TRACK_PUBLISH_COUNTER).rate(&["state"]),
        )
        .query(
            "subscribe: {{state}}",
            ALL.of(&lk::TRACK_SUBSCRIBE_COUNTER).rate(&["state"]),
        ),
    ]
}

fn joins(state: &str) -> crate::generate::query::Series<'static> {
    ALL.of(&lk::PARTICIPANT_JOIN_TOTAL).with("state", state)
}

fn joining() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Steps of joining",
            "cps",
            "Participants a second at each step, from the web socket to media. Where the lines part is where they get stuck.",
        )
        .query("{{state}}", ALL.of(&lk::PARTICIPANT_JOIN_TOTAL).rate(&["state"])),
        Panel::lines(
            "Time to join",
            "ms",
            "From the request to the first response: half, and one in twenty, wait longer.",
        )
        .quantiles(&ALL.of(&lk::SESSION_JOIN_LATENCY_MS), &[0.5, 0.95], &[], "")
        .awaits(Event::Session)
        .worse_from(limits::JOIN_MS),
        Panel::lines(
            "Time to media",
            "ms",
            "From the session's start to the first connection for media: half, and one in twenty, wait longer.",
        )
        .quantiles(&ALL.of(&lk::SESSION_START_TIME_MS), &[0.5, 0.95], &[], "")
        .awaits(Event::Session)
        .worse_from(limits::JOIN_MS),
        Panel::lines(
            "States of peer connections",
            "cps",
            "States reached, a second, by transport. Many started and few ice_connected: a firewall, or TURN is down.",
        )
        .query(
            "{{transport}} {{state}}",
            ALL.of(&lk::PEER_CONNECTION_STATE).rate(&["transport", "state"]),
        ),
        Panel::lines(
            "Time to publish and subscribe",
            "ms",
            "Time that one publication or subscription in twenty takes at least, by direction.",
        )
        .quantiles(
            &ALL.of(&lk::PUBSUBTIME_MS),
            &[0.95],
            &["direction"],
            "{{direction}}",
        )
        .awaits(Event::Session)
        .worse_from(limits::JOIN_MS),
        Panel::lines(
            "Length of sessions",
            "ms",
            "For how long participants were active. Many that end after seconds: they could neither hear nor see.",
        )
        .quantiles(&ALL.of(&lk::SESSION_DURATION_MS), &[0.05, 0.5], &[], "")
        .awaits(Event::Session)
        .log(),
    ]
}

fn interfaces() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Signalling",
            "cps",
            "Messages relayed between nodes, a second, by direction and status. Failures: the bus, or the node that has the room.",
        )
        .query(
            "{{direction}} {{status}}",
            ALL.of(&lk::NODE_MESSAGES).rate(&["direction", "status"]),
        ),
        Panel::lines(
            "Service operations",
            "ops",
            "Operations of the service, a second, by what they are and how they ended.",
        )
        .query(
            "{{type}} {{status}}",
            ALL.of(&lk::NODE_SERVICE_OPERATION).rate(&["type", "status"]),
        ),
        Panel::lines(
            "API responses",
            "reqps",
            "Responses of the server API, a second, by status: 4xx is who asks, 5xx is the server.",
        )
        .query(
            "{{status}}",
            ALL.of(&lk::NODE_TWIRP_REQUEST_STATUS).rate(&["status"]),
        )
        .awaits(Event::ServerApi),
        Panel::lines(
            "API latency",
            "ms",
            "Time that one request to the server API in twenty takes at least, by method.",
        )
        .quantiles(
            &ALL.of(&lk::NODE_TWIRP_REQUEST_LATENCY_MS),
            &[0.95],
            &["method"],
            "{{method}}",
        )
        .awaits(Event::ServerApi)
        .worse_from(limits::ANSWER_MS),
        Panel::lines(
            "Webhooks",
            "cps",
            "Webhooks dispatched, a second, by status: failures are the receiver's, drops are ours.",
        )
        .query(
            "{{status}}",
            ALL.of(&lk::WEBHOOK_DISPATCH_TOTAL).rate(&["status"]),
        ),
        Panel::lines(
            "Webhooks that wait",
            "short",
            "Webhooks in a queue after one was added: one in twenty finds more before it.",
        )
        .quantiles(&ALL.of(&lk::WEBHOOK_QUEUE_LENGTH), &[0.95], &[], "")
        .awaits(Event::Upkeep)
        .worse_from(&[(10.0, "orange"), (40.0, "red")]),
    ]
}

fn calls() -> Vec<Panel> {
    let panels = vec![
        Panel::lines(
            "Calls that fail",
            "ops",
            "Calls and stream messages between services that failed, a second, by service and code.",
        )
        .query(
            "{{service}} {{error_code}}",
            ALL.of(&lk::PSRPC_ERROR_TOTAL).rate(&["service", "error_code"]),
        ),
        Panel::lines(
            "Time of calls",
            "ms",
            "Time that one call in twenty takes at least, by service and side.",
        )
        .quantiles(
            &ALL.of(&lk::PSRPC_REQUEST_TIME_MS),
            &[0.95],
            &["service", "role"],
            "{{service}} {{role}}",
        )
        .worse_from(limits::ANSWER_MS),
        Panel::lines(
            "Requests that came too late",
            "percentunit",
            "Share of the requests received that were past their deadline, by service: a bus that is slow, or clocks that differ.",
        )
        .query(
            "{{service}}",
            ratio(
                &ALL.of(&lk::PSRPC_REQUESTS_EXPIRED_TOTAL).rate(&["service"]),
                &ALL.of(&lk::PSRPC_REQUESTS_RECEIVED_TOTAL).rate(&["service"]),
            ),
        )
        .worse_from(limits::FAILURES),
        Panel::lines(
            "Wait for claims",
            "ms",
            "Time that servers waited until it was settled who answers: one in twenty waits longer, by outcome.",
        )
        .quantiles(
            &ALL.of(&lk::PSRPC_CLAIM_WAIT_TIME_MS),
            &[0.95],
            &["outcome"],
            "{{outcome}}",
        ),
        Panel::lines(
            "Bandwidth of calls",
            "Bps",
            "Bytes of messages between services, a second, by direction.",
        )
        .query("{{direction}}", ALL.of(&lk::PSRPC_BYTES_TOTAL).rate(&["direction"])),
        Panel::lines(
            "Streams between services",
            "short",
            "Streams open now, by service and side. A number that only grows is a leak.",
        )
        .query(
            "{{service}} {{role}}",
            ALL.of(&lk::PSRPC_STREAM_COUNT).sum(&["service", "role"]),
        ),
    ];
    panels
        .into_iter()
        .map(|panel| panel.awaits(Event::InternalCall))
        .collect()
}

fn machine() -> Vec<Panel> {
    let by = &["instance"];
    vec![
        Panel::lines(
            "CPU in use",
            "percentunit",
            "Share of the CPUs that the node may use, control groups' quotas considered.",
        )
        .query("{{instance}}", ALL.of(&m::NODE_CPU_LOAD).max(by))
        .between(0.0, 1.0)
        .worse_from(limits::USE),
        Panel::lines(
            "Memory in use",
            "bytes",
            "Memory in use, and what there is: of the control group if that is limited, else of the machine.",
        )
        .query("used, {{instance}}", ALL.of(&m::NODE_MEMORY_USED).sum(by))
        .query("of, {{instance}}", ALL.of(&m::NODE_MEMORY_TOTAL).sum(by)),
        Panel::lines(
            "Load average",
            "short",
            "Of 1, 5 and 15 minutes, and the CPUs: above them threads wait.",
        )
        .query("1 min, {{instance}}", ALL.of(&m::NODE_LOAD1).sum(by))
        .query("5 min, {{instance}}", ALL.of(&m::NODE_LOAD5).sum(by))
        .query("15 min, {{instance}}", ALL.of(&m::NODE_LOAD15).sum(by))
        .query("CPUs, {{instance}}", ALL.of(&m::NODE_CPUS).sum(by)),
        Panel::lines(
            "Packets of the machine's queues",
            "pps",
            "Packets that the operating system's network queues sent and dropped, a second. Drops: the interface is too slow for \
             what is sent.",
        )
        .query(
            "{{type}}, {{instance}}",
            // A total that LiveKit calls a gauge.
            ALL.of(&lk::NODE_PACKET_TOTAL).growth(&["type", "instance"]),
        )
        .size(12, 8),
        Panel::lines(
            "Readings that failed",
            "cps",
            "Times a second that the operating system could not be read: the figures above then stand still.",
        )
        .query("{{what}}", ALL.of(&m::NODE_READ_FAILURES).rate(&["what"]))
        .size(12, 8),
    ]
}

fn process() -> Vec<Panel> {
    let by = &["instance"];
    vec![
        Panel::lines(
            "CPU of the process",
            "short",
            "CPUs that the process keeps busy.",
        )
        .query("{{instance}}", ALL.of(&m::PROCESS_CPU).rate(by))
        .size(6, 8),
        Panel::lines(
            "Memory of the process",
            "bytes",
            "Memory in RAM. A line that only grows with steady streams is a leak.",
        )
        .query("{{instance}}", ALL.of(&m::PROCESS_RESIDENT).sum(by))
        .size(6, 8),
        Panel::lines(
            "File descriptors",
            "percentunit",
            "Share of the file descriptors that the process may open. At 100 % no connection is taken any more.",
        )
        .query(
            "{{instance}}",
            ratio(
                &ALL.of(&m::PROCESS_OPEN_FDS).sum(by),
                &ALL.of(&m::PROCESS_MAX_FDS).sum(by),
            ),
        )
        .between(0.0, 1.0)
        .worse_from(limits::USE)
        .size(6, 8),
        Panel::lines(
            "Up for",
            "s",
            "Time since the process began. Back to 0: it was started anew.",
        )
        .query(
            "{{instance}}",
            format!("time() - {}", ALL.of(&m::PROCESS_START).max(by)),
        )
        .size(6, 8),
    ]
}
