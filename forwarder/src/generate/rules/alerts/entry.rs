//! Who does not get in, or gets nothing: joins that fail, datagrams turned away, packets not sent, streams beyond the limit.

use media_metrics_core::livekit::families::catalog as livekit;
use media_metrics_core::{Desc, catalog};

use super::super::model::{
    Alert, Case, Rule, Runbook, Severity, critical, helps, look, query, shell, warning,
};
use super::super::recording::{self, JOINS_LONG, JOINS_SHORT, SHORT};
use super::super::thresholds;
use super::cases::{Counters, Growing, Held, Sustained};
use super::{TARGET, dashboard, series, sustained};
use crate::generate::query::Scope;

/// All of them.
#[must_use]
pub fn all() -> Vec<Alert> {
    vec![
        joins_failing(),
        packets_rejected(),
        send_errors(),
        stream_limit(),
    ]
}

fn joins_failing() -> Alert {
    let [warn, grave] = thresholds::JOINS_FAILED;
    let least = 0.02;
    let rule = |severity, threshold, minutes| Rule {
        severity,
        expr: sustained(
            recording::joins_failed_ratio,
            [JOINS_SHORT, JOINS_LONG],
            threshold,
            (recording::joins_ended, least),
        ),
        minutes,
    };
    let cases = Sustained {
        thresholds: [warn, grave],
        shown: ["12%", "49%", "60%"],
        least,
        busy: 1_000.0,
        windows: [10, 60],
        labels: TARGET.to_vec(),
        after_spike: None,
        series: |counters: &Counters| {
            let joins = |state, warp, values: &str| {
                let labels = [("state", state), ("warp", warp)];
                series(&livekit::PARTICIPANT_JOIN_TOTAL, "", &labels, values)
            };
            vec![
                joins("rtc_init", "", &counters.all),
                joins("rtc_success", "false", &counters.good),
                joins("rtc_failure", "false", &counters.bad),
                joins("rtc_canceled", "false", &counters.all),
            ]
        },
    };
    let mut cases = cases.cases();
    let joins = |state, values: &str| {
        series(
            &livekit::PARTICIPANT_JOIN_TOTAL,
            "",
            &[("state", state), ("warp", "")],
            values,
        )
    };
    cases.push(
        Case::new(
            "signalling fails",
            vec![
                joins("rtc_success", "0+40x120"),
                joins("signal_failed", "0+20x120"),
                joins("signal_validation_failed", "0+20x120"),
                joins("signal_upgrade_failed", "0+10x120"),
                joins("signal_write_initial_response_failed", "0+10x120"),
            ],
        )
        .fires(120, vec![warning(&TARGET, "60%"), critical(&TARGET, "60%")]),
    );
    cases.push(
        Case::new(
            "users who change their minds",
            vec![
                joins("rtc_success", "0+40x120"),
                joins("rtc_canceled", "0+60x120"),
            ],
        )
        .quiet(&[60, 120]),
    );
    Alert {
        name: "MediaMetricsJoinsFailing",
        dashboard: dashboard::NODE,
        summary: "participants cannot join at {{ $labels.instance }}",
        description: "{{ $value | humanizePercentage }} of the joins that ended at {{ $labels.instance }} (job {{ $labels.job }}) over the last 10 minutes failed, and it has been so for a while.",
        rules: vec![
            rule(Severity::Warning, warn, 5),
            rule(Severity::Critical, grave, 2),
        ],
        runbook: Runbook {
            meaning: format!(
                "Of all joins that came to an end (`{}`), more than the threshold ended in a failure, of signalling or of the media connection. \
                 Those that users gave up themselves (`rtc_canceled`) are in neither figure. Joins are told by hosts with signalling, under the \
                 profiles `livekit` and `both`; a plain forwarder has none, and there the same symptom is MediaMetricsPacketsRejected or \
                 MediaMetricsStreamLimitReached.",
                livekit::PARTICIPANT_JOIN_TOTAL.name()
            ),
            impact: "People see a spinner, then an error. Clients retry, so the number of people is smaller than the number of failures, and load grows.",
            diagnosis: vec![
                query("At which step? `signal_…`: before media; `rtc_failure`: signalled, but no media connection.", Scope::rule(JOINS_SHORT).of(&livekit::PARTICIPANT_JOIN_TOTAL).rate(&["state"])),
                query("`signal_validation_failed`: tokens are refused. All of them: the key or a clock; a few: one customer or one client.", Scope::rule(JOINS_SHORT).of(&livekit::PARTICIPANT_JOIN_TOTAL).with("state", "signal_validation_failed").rate(&[])),
                query("`signal_failed`: no media node took the session. Which calls between nodes fail?", Scope::rule(JOINS_SHORT).of(&livekit::PSRPC_ERROR_TOTAL).rate(&["service", "method", "error_code"])),
                query("`rtc_failure`: how far do connections come? `started` without `ice_connected`: UDP ports or TURN; without `connected`: DTLS.", Scope::rule(JOINS_SHORT).of(&livekit::PEER_CONNECTION_STATE).rate(&["transport", "state"])),
                query("Which operation fails?", Scope::rule(JOINS_SHORT).of(&livekit::NODE_SERVICE_OPERATION).with("status", "error").rate(&["type", "error_type"])),
                look("Join yourself, from outside the office network."),
            ],
            mitigation: helps([
                "`rtc_failure` on one instance: its public address or a firewall; drain it. On all: TURN servers and their certificates.",
                "`signal_validation_failed`: API keys rotated on one side only, or clocks apart: check NTP on both.",
                "`signal_failed`: the message bus or the media nodes; see that there is a node with room.",
                "Right after a release: roll back.",
            ]),
            thresholds: "The first is above what networks without UDP, closed tabs and expired tokens amount to; look at your own base line (`avg_over_time` of the share over a week) and raise it if that is near. Every second join failing is an outage. Two windows, 10 minutes and an hour, since joins are rare: 1.2 a minute at least, so one client that retries in a quiet night fires only when it retries every 50 seconds or faster for minutes on end.".to_owned(),
            silence: "While a load test joins with broken tokens on purpose: silence that `instance`.",
        },
        cases,
    }
}

/// A rule of one severity, held for ten minutes.
fn held(expr: String) -> Vec<Rule> {
    vec![Rule {
        severity: Severity::Warning,
        expr,
        minutes: 10,
    }]
}

/// A tenth of the packets of a direction is counted in `failed` instead, where LiveKit's families tell of the others.
fn a_tenth_under_livekit(direction: &str, failed: &Desc, reason: &str) -> Case {
    let series = vec![
        series(
            &livekit::PACKET_TOTAL,
            "",
            &[("direction", direction)],
            "0+54000x60",
        ),
        series(failed, "", &[("reason", reason)], "0+6000x60"),
    ];
    Case::new("the profile livekit", series).fires(60, vec![warning(&TARGET, "10%")])
}

fn packets_rejected() -> Alert {
    let (threshold, least) = (thresholds::REJECTED, 100.0);
    let cases = Held {
        threshold,
        shown: "6%",
        least,
        busy: 60_000.0,
        labels: TARGET.to_vec(),
        series: |counters: &Counters| {
            let rejected = |reason, values: &str| {
                series(
                    &catalog::FORWARD_REJECTED,
                    "",
                    &[("reason", reason)],
                    values,
                )
            };
            vec![
                series(
                    &catalog::RTP_PACKETS,
                    "",
                    &[("direction", "incoming"), ("kind", "audio")],
                    &counters.good,
                ),
                rejected("unknown_publisher", &counters.bad),
                rejected("version", "0x60"),
            ]
        },
    };
    let mut cases = cases.cases();
    cases.push(a_tenth_under_livekit(
        "incoming",
        &catalog::FORWARD_REJECTED,
        "csrc",
    ));
    Alert {
        name: "MediaMetricsPacketsRejected",
        dashboard: dashboard::OVERVIEW,
        summary: "{{ $labels.instance }} turns datagrams away",
        description: "{{ $value | humanizePercentage }} of the datagrams that reached {{ $labels.instance }} (job {{ $labels.job }}) over the last 5 minutes were dropped: they are no RTP or RTCP, or their sender is not one of the room's publishers.",
        rules: held(format!(
            "{} > {threshold}\nand {} > {least}",
            recording::rejected_ratio(),
            recording::arrived()
        )),
        runbook: Runbook {
            meaning: format!(
                "Datagrams on the media port are dropped before they are anybody's stream (`{}`), as a share of all that arrived.",
                catalog::FORWARD_REJECTED.name()
            ),
            impact: "With `unknown_publisher` somebody sends media that nobody gets: for the forwarder that is a join that failed. Anything else is a sender that speaks another protocol, a middlebox that damages packets, or a flood.",
            diagnosis: vec![
                query("Why are they dropped?", Scope::rule(SHORT).of(&catalog::FORWARD_REJECTED).rate(&["reason"])),
                query("With `rtcp`: what is wrong with them?", Scope::rule(SHORT).of(&catalog::FORWARD_RTCP_REJECTED).rate(&["reason"])),
                shell("Who sends them?", "tcpdump -ni any -c 200 udp and dst port PORT | awk '{print $5}' | sort | uniq -c | sort -n | tail"),
                shell("What are they? SRTP and DTLS are not RTP in the clear: `version` is then the reason.", "tcpdump -ni any -c 5 -X udp and dst port PORT"),
            ],
            mitigation: helps([
                "`unknown_publisher`: add the sender's address to the room's `publishers`, or correct the sender; behind a NAT its address has changed.",
                "`version`, `too_short`, `csrc`, `extension`, `padding`: the sender is configured for another port or protocol; correct it there.",
                "`too_long`: a sender with jumbo frames; set its packet size to 1,200 bytes.",
                "A flood: drop its source in the firewall; the port is meant for publishers alone.",
            ]),
            thresholds: "5 %: scanners that find an open port send a few packets a second, which is far below that share of 100 datagrams a second. A sender that is turned away sends tens a second and goes on. Held for 10 minutes, since a publisher that comes back on another address is put right in less.".to_owned(),
            silence: "While a known misconfigured sender waits for its owner: silence that `instance`, for days at most, as it hides others.",
        },
        cases,
    }
}

fn send_errors() -> Alert {
    let (threshold, least) = (thresholds::SEND_ERRORS, 100.0);
    let cases = Held {
        threshold,
        shown: "1.2%",
        least,
        busy: 60_000.0,
        labels: TARGET.to_vec(),
        series: |counters: &Counters| {
            let errors = |reason, values: &str| {
                series(
                    &catalog::FORWARD_SEND_ERRORS,
                    "",
                    &[("reason", reason)],
                    values,
                )
            };
            vec![
                series(&catalog::FORWARD_PACKETS, "", &[], &counters.good),
                errors("no_buffers", &counters.bad),
                errors("refused", "0x60"),
            ]
        },
    };
    let mut cases = cases.cases();
    cases.push(a_tenth_under_livekit(
        "outgoing",
        &catalog::FORWARD_SEND_ERRORS,
        "would_block",
    ));
    Alert {
        name: "MediaMetricsSendErrors",
        dashboard: dashboard::OVERVIEW,
        summary: "{{ $labels.instance }} cannot send packets to subscribers",
        description: "{{ $value | humanizePercentage }} of the packets that {{ $labels.instance }} (job {{ $labels.job }}) should have sent over the last 5 minutes were refused by the operating system.",
        rules: held(format!(
            "{} > {threshold}\nand {} > {least}",
            recording::send_error_ratio(),
            recording::to_send()
        )),
        runbook: Runbook {
            meaning: format!(
                "The system call that sends a packet on failed (`{}`), as a share of all sends. It is loss of our own making, and \
                 subscribers that send no reports would never tell of it.",
                catalog::FORWARD_SEND_ERRORS.name()
            ),
            impact: "Subscribers miss these packets. One subscriber that is gone (`refused`, `unreachable`) harms nobody else; the other reasons concern everybody.",
            diagnosis: vec![
                query("Which error?", Scope::rule(SHORT).of(&catalog::FORWARD_SEND_ERRORS).rate(&["reason"])),
                shell("`would_block`, `no_buffers`: is the queue of the interface full?", "tc -s qdisc; ip -s link"),
                shell("`not_permitted`: a firewall, or its table of connections is full (\"table full, dropping packet\").", "dmesg | grep -i conntrack; nft list ruleset"),
                shell("`unreachable`: is there a route?", "ip route get SUBSCRIBER"),
                shell("Which streams suffer?", "curl -s 'http://INSTANCE/api/v1/streams?direction=outgoing&sort=loss&limit=20' | jq '.streams[]'"),
            ],
            mitigation: helps([
                "`would_block`, `no_buffers`: raise `socket_buffer` and `net.core.wmem_max`, or the interface's `txqueuelen`; take load off the instance.",
                "`not_permitted`: no connection tracking for the media ports (`notrack`), or a larger table.",
                "`refused`, `unreachable`: take subscribers that are gone out of the configuration.",
                "`too_big`: the path's MTU has fallen (a tunnel): lower the publishers' packet size to 1,200 bytes.",
            ]),
            thresholds: "1 %: loss that the network adds to comes on top of it, and ITU-T G.1010 gives a video call 1 % in all. One gone subscriber of a hundred is just that, hence 10 minutes, in which idle ones time out.".to_owned(),
            silence: "While a fixed list of subscribers holds one that is down for maintenance: silence that `instance` for as long.",
        },
        cases,
    }
}

fn stream_limit() -> Alert {
    let cases = Growing {
        above: (6.0, "0.1"),
        below: 0.0,
        firing: |value| vec![warning(&TARGET, value)],
        series: |values| vec![series(&catalog::STREAMS_REFUSED, "", &[], values)],
    };
    let of = |desc| Scope::rule(SHORT).of(desc);
    Alert {
        name: "MediaMetricsStreamLimitReached",
        dashboard: dashboard::OVERVIEW,
        summary: "{{ $labels.instance }} has no room for more streams",
        description: "{{ $labels.instance }} (job {{ $labels.job }}) refuses {{ $value | printf \"%.2g\" }} streams a second, because its limit on streams is met.",
        rules: vec![Rule {
            severity: Severity::Warning,
            expr: format!("{} > 0", of(&catalog::STREAMS_REFUSED).rate(&[])),
            minutes: 5,
        }],
        runbook: Runbook {
            meaning: format!(
                "New streams are refused (`{}`), as there are as many as `limits.max_streams` allows.",
                catalog::STREAMS_REFUSED.name()
            ),
            impact: "The forwarder sends such streams on, but they are in no figure of loss, jitter or quality, and other alerts do not see them. A host of its own may turn the participant away instead.",
            diagnosis: vec![
                query("How many streams are there, of which kind? Many more than participants explain: somebody opens streams in a loop.", of(&catalog::RTP_STREAMS).sum(&["direction", "kind"])),
                query("How fast do they come and go?", of(&catalog::RTP_STARTED).rate(&["direction", "kind"])),
                query("How many packets go unaccounted?", of(&catalog::FORWARD_UNTRACKED).rate(&[])),
                shell("Who has so many? Count by participant.", "curl -s 'http://INSTANCE/api/v1/streams?direction=incoming&limit=1000' | jq -r '.streams[].participant' | sort | uniq -c | sort -n | tail"),
            ],
            mitigation: helps([
                &format!("Real load: scale out, or raise `limits.max_streams` if memory allows (about half a KiB a stream, see `{}`).", catalog::REPORTER_MEMORY.name()),
                "One source in a loop or spoofed SSRCs: block it; its streams end after `limits.idle_timeout`, which may be lowered meanwhile.",
            ]),
            thresholds: "None may be refused. Held for 5 minutes: a single burst at the limit is over by then.".to_owned(),
            silence: "While the limit is low on purpose to protect a small machine: silence that `instance`, and read its quality figures as a sample.",
        },
        cases: cases.cases(),
    }
}
