//! What people hear and see: packets lost, packets late, connections that are poor.

use media_metrics_core::catalog;
use media_metrics_core::livekit::families::catalog as livekit;

use super::super::model::{
    Alert, Case, Rule, Runbook, Severity, critical, helps, look, query, shell, warning,
};
use super::super::recording::{self, LONG, SHORT};
use super::super::thresholds;
use super::cases::{Counters, Sustained};
use super::{cores, dashboard, machine, series, sustained};
use crate::generate::query::Scope;

/// All of them.
#[must_use]
pub fn all() -> Vec<Alert> {
    vec![packet_loss(), forwarding_slow(), quality_poor()]
}

/// Two rules about one share.
fn two(
    share: fn(&str) -> String,
    events: (fn(&str) -> String, f64),
    thresholds: [f64; 2],
) -> Vec<Rule> {
    let rule = |severity, threshold, minutes| Rule {
        severity,
        expr: sustained(share, [SHORT, LONG], threshold, events),
        minutes,
    };
    let [warn, grave] = thresholds;
    vec![
        rule(Severity::Warning, warn, 5),
        rule(Severity::Critical, grave, 2),
    ]
}

const INCOMING: [(&str, &str); 2] = [("direction", "incoming"), ("kind", "audio")];
const OUTGOING: [(&str, &str); 2] = [("direction", "outgoing"), ("kind", "video")];

fn packet_loss() -> Alert {
    let thresholds = thresholds::LOSS;
    let least = 100.0;
    let of = |desc| Scope::rule(SHORT).of(desc).rate(&["direction", "kind"]);
    let labels = [super::TARGET.as_slice(), &[("direction", "incoming")]].concat();
    let cases = Sustained {
        thresholds,
        shown: ["6%", "9.8%", "12%"],
        least,
        busy: 60_000.0,
        windows: [5, 30],
        labels,
        after_spike: None,
        series: |counters: &Counters| {
            vec![
                series(&catalog::RTP_EXPECTED, "", &INCOMING, &counters.all),
                series(&catalog::RTP_LOST, "", &INCOMING, &counters.bad),
            ]
        },
    };
    let mut cases = cases.cases();
    let outgoing = [super::TARGET.as_slice(), &[("direction", "outgoing")]].concat();
    cases.push(
        Case::new(
            "receivers report the loss",
            vec![
                series(&catalog::RTP_SENT_PACKETS, "", &OUTGOING, "0+60000x60"),
                series(&catalog::RTP_REMOTE_LOST, "", &OUTGOING, "0+3600x60"),
            ],
        )
        .fires(60, vec![warning(&outgoing, "6%")]),
    );
    let theirs = [("direction", "outgoing"), ("country", "")];
    cases.push(
        Case::new(
            "the profile livekit",
            vec![
                series(&livekit::PACKET_TOTAL, "", &theirs, "0+60000x60"),
                series(&livekit::PACKET_LOSS_TOTAL, "", &theirs, "0+7200x60"),
            ],
        )
        .fires(
            60,
            vec![warning(&outgoing, "12%"), critical(&outgoing, "12%")],
        ),
    );
    Alert {
        name: "MediaMetricsPacketLossHigh",
        dashboard: dashboard::QUALITY,
        summary: "{{ $labels.direction }} RTP packets are lost at {{ $labels.instance }}",
        description: "{{ $value | humanizePercentage }} of the {{ $labels.direction }} RTP packets of {{ $labels.instance }} (job {{ $labels.job }}) were lost over the last 5 minutes, and it has been so for a while.",
        rules: two(recording::loss_ratio, (recording::expected, least), thresholds),
        runbook: Runbook {
            meaning: format!(
                "Of all RTP packets of this direction, over all streams of the instance, more than the threshold are lost, over 5 and over \
                 30 minutes. `incoming`: sequence numbers that never came from publishers (`{}`). `outgoing`: what receivers report \
                 as lost (`{}`), as a share of all that was sent; receivers that send no reports make it look smaller. A packet that a \
                 retransmission on the stream's own SSRC brings is not lost; one that comes again as RTX is.",
                catalog::RTP_LOST.name(),
                catalog::RTP_REMOTE_LOST.name()
            ),
            impact: "Audio breaks up and sounds metallic; video freezes, or falls to a lower layer. It concerns many people at once: one client alone does not move this share on a busy instance.",
            diagnosis: vec![
                query("One instance or all of them? All at once is the network or a release, one is its host.", recording::loss_ratio(SHORT)),
                query("Audio, video or both? Only video points to a link that is full: video is what fills it.", format!("{} / {}", of(&catalog::RTP_LOST), of(&catalog::RTP_EXPECTED))),
                query("Under `--profile livekit` that has no data, but this has: packets lost a second, by LiveKit's `type`.", Scope::rule(SHORT).of(&livekit::PACKET_LOSS_TOTAL).rate(&["direction", "type"])),
                shell("One sender or all? Few streams with much loss are clients' networks; all with the same is ours.", "curl -s 'http://INSTANCE/api/v1/streams?sort=loss&limit=20' | jq '.streams[]'"),
                query("Bursts or single packets? Long runs are a full queue or a route that flaps, single ones radio.", Scope::rule(SHORT).of(&catalog::RTP_LOSS_RUNS).quantile(0.95, &["direction", "kind"])),
                shell("Does our own host drop? Look for growing receive errors, drops of the interface, and drops of its queue.", "nstat -az UdpRcvbufErrors UdpInErrors; ip -s link; tc -s qdisc"),
                cores("Is the CPU at its limit, so that sockets are not emptied in time? This many cores the process takes: compare with its workers, and with its quota."),
                machine(),
            ],
            mitigation: helps([
                "Our host drops (`UdpRcvbufErrors` grows): take load off the instance, or add workers (`workers`); raise `socket_buffer` and `net.core.rmem_max`.",
                "Its interface or queue drops: drain the instance, and move it to a host with room.",
                "One network or provider: steer its users to another region, and tell the provider.",
                "Video fills links: lower the top simulcast layer or its bitrate until it is over.",
                "It began with a release: roll back.",
            ]),
            thresholds: "5 %: about what a voice decoder conceals. By ITU-T G.107 with the values of G.113 Appendix I for G.711 with concealment (Ie 0, Bpl 25.1), R falls from 93 to 77 there, which G.109 calls \"some users dissatisfied\". 10 %: R is 66, \"many users dissatisfied\". ITU-T G.1010 asks for less than 3 % for conversation; what is between shows on the dashboard and wakes nobody.\n\nBelow 100 packets a second, about two voices, one person's network would decide. A minute of total loss is 3 % of half an hour and stays silent.".to_owned(),
            silence: "While you test with impairments (`tc netem`, the built-in synthetic streams lose packets on purpose): silence that `instance`, for as long as the test. Not for a lossy office network: it is rather its direction or size that should be seen.",
        },
        cases,
    }
}

fn forwarding_slow() -> Alert {
    let thresholds = thresholds::SLOW_SHARE;
    let least = 100.0;
    let mut cases = Sustained {
        thresholds,
        shown: ["1.2%", "9.8%", "12%"],
        least,
        busy: 60_000.0,
        windows: [5, 30],
        labels: super::TARGET.to_vec(),
        after_spike: Some("36%"),
        series: |counters: &Counters| {
            vec![
                series(
                    &catalog::FORWARD_LATENCY,
                    "_bucket",
                    &[("le", "0.01")],
                    &counters.good,
                ),
                series(
                    &catalog::FORWARD_LATENCY,
                    "_bucket",
                    &[("le", "+Inf")],
                    &counters.all,
                ),
                series(&catalog::FORWARD_LATENCY, "_count", &[], &counters.all),
            ]
        },
    }
    .cases();
    cases.push(
        Case::new(
            "the profile livekit",
            vec![
                series(
                    &livekit::FORWARD_LATENCY_NS,
                    "_bucket",
                    &[("le", "1e+07")],
                    "0+59000x60",
                ),
                series(&livekit::FORWARD_LATENCY_NS, "_count", &[], "0+60000x60"),
            ],
        )
        .fires(60, vec![warning(&super::TARGET, "1.667%")]),
    );
    Alert {
        name: "MediaMetricsForwardingSlow",
        dashboard: dashboard::LATENCY,
        summary: "{{ $labels.instance }} forwards packets late",
        description: "{{ $value | humanizePercentage }} of the packets that {{ $labels.instance }} (job {{ $labels.job }}) forwarded over the last 5 minutes took longer than 10 ms, and it has been so for a while.",
        rules: two(recording::slow_ratio, (recording::forwarded, least), thresholds),
        runbook: Runbook {
            meaning: format!(
                "The time from a packet's arrival at the host (the kernel's stamp) to the end of its last send, `{}`, is above {} ms for \
                 more packets than the threshold. Normal is well below one millisecond. It is the forwarder's own delay, without the network.",
                catalog::FORWARD_LATENCY.name(),
                thresholds::SLOW * 1e3
            ),
            impact: "Delay and jitter of everybody on the instance rise: receivers' jitter buffers grow and keep people waiting for each other; what is too late counts as lost.",
            diagnosis: vec![
                query("How late is late? A p99 of tens of milliseconds is a queue, of hundreds a stall.", Scope::rule(SHORT).of(&catalog::FORWARD_LATENCY).quantile(0.99, &[])),
                cores("CPU at its limit? This many cores the process takes: with as many as it has workers, or as its quota allows, packets wait for one."),
                machine(),
                shell("Throttled by the container's quota? `nr_throttled` must not grow.", "cat /sys/fs/cgroup/cpu.stat"),
                query("More load than before?", recording::forwarded(SHORT)),
                query("Sends that fail for want of buffers hold up a batch.", Scope::rule(SHORT).of(&catalog::FORWARD_SEND_ERRORS).rate(&["reason"])),
                shell("The shape over the last ten minutes, second by second: steady, or stalls at a rhythm (a backup, a neighbour)?", format!("curl -s 'http://INSTANCE/api/v1/history?family={}&since=10m&step=1s&quantile=0.99' | jq .", catalog::FORWARD_LATENCY.name())),
            ],
            mitigation: helps([
                "CPU at its limit: take new rooms off the instance, move rooms away, then scale out.",
                "Throttled: raise the quota or remove it; a media server wants whole cores.",
                "A noisy neighbour or stalls of the machine (`st` in `vmstat 1`): move the instance to another host.",
                "It began with a release: roll back, and keep the flight recorder (`curl -O http://INSTANCE/api/v1/history.hlog`).",
            ]),
            thresholds: "10 ms is half of the 20 ms that an Opus packet usually holds, so a packet that late nearly meets the next one, and a fifteenth of the 150 ms from mouth to ear up to which ITU-T G.114 sees conversations untouched, all networks and both jitter buffers included. It is a bound of our buckets and of LiveKit's, so the share is exact. 1 % of packets, one every second or two of a voice, keep jitter buffers from shrinking; at 10 % everybody waits.".to_owned(),
            silence: "While a load test drives an instance to its limit: silence that `instance`. Otherwise never: an instance that is always slow is too full.",
        },
        cases,
    }
}

fn quality_poor() -> Alert {
    let thresholds = thresholds::BADLY_OFF;
    let least = 2.0;
    let cases = Sustained {
        thresholds,
        shown: ["24%", "49%", "60%"],
        least,
        busy: 6_000.0,
        windows: [5, 30],
        labels: super::TARGET.to_vec(),
        after_spike: None,
        series: |counters: &Counters| {
            vec![
                series(
                    &catalog::PARTICIPANT_RATINGS,
                    "",
                    &[("rating", "excellent")],
                    &counters.good,
                ),
                series(
                    &catalog::PARTICIPANT_RATINGS,
                    "",
                    &[("rating", "good")],
                    "0x120",
                ),
                series(
                    &catalog::PARTICIPANT_RATINGS,
                    "",
                    &[("rating", "poor")],
                    &counters.bad,
                ),
                series(
                    &catalog::PARTICIPANT_RATINGS,
                    "",
                    &[("rating", "lost")],
                    "0x120",
                ),
            ]
        },
    };
    let mut cases = cases.cases();
    cases.push(
        Case::new(
            "participants are lost",
            vec![
                series(
                    &catalog::PARTICIPANT_RATINGS,
                    "",
                    &[("rating", "excellent")],
                    "0+2400x60",
                ),
                series(
                    &catalog::PARTICIPANT_RATINGS,
                    "",
                    &[("rating", "lost")],
                    "0+3600x60",
                ),
            ],
        )
        .fires(
            60,
            vec![
                warning(&super::TARGET, "60%"),
                critical(&super::TARGET, "60%"),
            ],
        ),
    );
    cases.push(
        Case::new(
            "good is not poor",
            vec![
                series(
                    &catalog::PARTICIPANT_RATINGS,
                    "",
                    &[("rating", "good")],
                    "0+6000x60",
                ),
                series(
                    &catalog::PARTICIPANT_RATINGS,
                    "",
                    &[("rating", "poor")],
                    "0x60",
                ),
            ],
        )
        .quiet(&[60]),
    );
    Alert {
        name: "MediaMetricsQualityPoor",
        dashboard: dashboard::QUALITY,
        summary: "many participants at {{ $labels.instance }} have a poor connection",
        description: "{{ $value | humanizePercentage }} of the ratings of participants at {{ $labels.instance }} (job {{ $labels.job }}) over the last 5 minutes were poor or lost, and it has been so for a while.",
        rules: two(recording::bad_ratio, (recording::rated, least), thresholds),
        runbook: Runbook {
            meaning: format!(
                "Each participant is rated every 5 seconds by the worst of their streams: loss, delay, missing bitrate or layers, silence. \
                 More of these ratings than the threshold are `poor` (a score of at most 40, a mean opinion score of about 2) or `lost` \
                 (nothing came, and no reports either): `{}`.",
                catalog::PARTICIPANT_RATINGS.name()
            ),
            impact: "That share of the people on the instance can hardly follow, or is gone.",
            diagnosis: vec![
                query("What are bad scores owed to? `packet`: loss or delay; `dry`: nothing comes; `rtcp`: no reports; `bitrate`, `layer`: clients send less than expected; `pause`: no bandwidth to subscribers.", Scope::rule(SHORT).of(&catalog::RTP_QUALITY_REASONS).rate(&["direction", "kind", "reason"])),
                query("Poor or lost?", Scope::rule(SHORT).of(&catalog::PARTICIPANT_RATINGS).rate(&["rating"])),
                shell("Who? Have they a network, a region or a client's version in common?", "curl -s 'http://INSTANCE/api/v1/streams?max_score=40&sort=worst&limit=50' | jq '.streams[]'"),
                query("With `packet`: is it loss?", recording::loss_ratio(SHORT)),
                query("Or the round trip?", Scope::rule(SHORT).of(&catalog::RTP_REMOTE_RTT).quantile(0.95, &["direction", "kind"])),
                look("MediaMetricsPacketLossHigh or MediaMetricsForwardingSlow fire as well: go on with their runbooks."),
            ],
            mitigation: helps([
                "`packet`: as for MediaMetricsPacketLossHigh; with high round trips, users are on a far region: mend the steering.",
                "`dry` or `rtcp`: publishers' packets do not arrive: look for a firewall or a NAT change, and at rejected datagrams (MediaMetricsPacketsRejected).",
                "`bitrate` or `layer`, after a client's release: the client encodes less than it announces: hold the release.",
                "`pause`: subscribers' links are full: lower the default layer.",
            ]),
            thresholds: "One in five: 1 to 5 % of people have a bad network at any time, so one in five is not theirs. One in two: a meeting is not possible. By ITU-T G.107 Annex B a score of 40 is a mean opinion score of 2.1, which listeners call \"poor\" (ITU-T P.800). Two ratings a second are ten participants: in a smaller crowd two phones in a lift would fire.".to_owned(),
            silence: "For an event whose guests are known to be on bad networks: silence that `instance` until its end.",
        },
        cases,
    }
}
