//! What does not leave the process: snapshots that sinks and pushes miss, pushes that fail, scrapers turned away.

use media_metrics_core::catalog;

use super::super::model::{
    Alert, Case, Rule, Runbook, Severity, helps, look, query, shell, warning,
};
use super::super::recording::SHORT;
use super::super::thresholds;
use super::cases::{Counters, Growing, Held};
use super::{TARGET, cores, dashboard, machine, series};
use crate::generate::query::{Scope, ratio};

/// All of them.
#[must_use]
pub fn all() -> Vec<Alert> {
    vec![push_failing(), snapshots_dropped(), scrapes_refused()]
}

fn one(expr: String) -> Vec<Rule> {
    vec![Rule {
        severity: Severity::Warning,
        expr,
        minutes: 10,
    }]
}

fn push_failing() -> Alert {
    const PUSH: (&str, &str) = ("push", "backend");
    let threshold = thresholds::PUSH_FAILED;
    let of = |desc| Scope::rule(SHORT).of(desc);
    let retries = of(&catalog::PUSH_RETRIES).rate(&["push"]);
    let failed = of(&catalog::PUSH_FAILED)
        .without("reason", "stopped")
        .rate(&["push"]);
    let taken = of(&catalog::PUSH_REQUESTS).rate(&["push"]);
    let share = ratio(
        &format!("({retries}\n+ {failed})\n"),
        &format!("{taken}\n+ {retries}\n+ {failed}"),
    );
    let cases = Held {
        threshold,
        shown: "60%",
        least: 0.0,
        busy: 1_000.0,
        labels: [TARGET.as_slice(), &[PUSH]].concat(),
        series: |counters: &Counters| {
            vec![
                series(&catalog::PUSH_REQUESTS, "", &[PUSH], &counters.good),
                series(
                    &catalog::PUSH_RETRIES,
                    "",
                    &[PUSH, ("reason", "connect")],
                    &counters.bad,
                ),
                series(
                    &catalog::PUSH_FAILED,
                    "",
                    &[PUSH, ("reason", "refused")],
                    "0x60",
                ),
            ]
        },
    };
    let mut cases = cases.cases();
    cases.push(
        Case::new(
            "the receiver refuses everything",
            vec![
                series(&catalog::PUSH_REQUESTS, "", &[PUSH], "7x60"),
                series(
                    &catalog::PUSH_RETRIES,
                    "",
                    &[PUSH, ("reason", "status")],
                    "0x60",
                ),
                series(
                    &catalog::PUSH_FAILED,
                    "",
                    &[PUSH, ("reason", "refused")],
                    "0+6x60",
                ),
            ],
        )
        .fires(60, vec![warning(&[TARGET[0], TARGET[1], PUSH], "100%")]),
    );
    Alert {
        name: "MediaMetricsPushFailing",
        dashboard: dashboard::PIPELINE,
        summary: "the push {{ $labels.push }} of {{ $labels.instance }} fails",
        description: "{{ $value | humanizePercentage }} of the requests that {{ $labels.instance }} (job {{ $labels.job }}) made to push to {{ $labels.push }} over the last 5 minutes failed.",
        rules: one(format!("{share} > {threshold}")),
        runbook: Runbook {
            meaning: format!(
                "Attempts that failed, whether they are repeated (`{}`) or given up (`{}`), as a share of all attempts.",
                catalog::PUSH_RETRIES.name(),
                catalog::PUSH_FAILED.name()
            ),
            impact: "Whoever reads the receiver sees this instance late, or with gaps. Totals catch up when it takes requests again: nothing but resolution is lost. Scrapes are not concerned.",
            diagnosis: vec![
                query("Why are attempts repeated? `connect`: nobody listens, or DNS; `tls`: its certificate is not trusted; `timeout`: it is overloaded; `status`: it answers 429 or 5xx.", of(&catalog::PUSH_RETRIES).rate(&["push", "reason"])),
                query("Why are they given up? `refused`: it answers 4xx: credentials, or samples that it does not take; `redirect`: the URL has moved; `superseded`: it is slower than we are.", of(&catalog::PUSH_FAILED).rate(&["push", "reason"])),
                query("Since when, in seconds?", format!("time() - {}", catalog::PUSH_LAST_SUCCESS.name())),
                query("How much waits?", catalog::PUSH_QUEUED.name()),
                shell(
                    "Does it answer from this machine? Any status shows that name, route and TLS are right.",
                    "curl -sv -o /dev/null -X POST RECEIVER_URL",
                ),
            ],
            mitigation: helps([
                "The receiver is down: bring it back; queued snapshots follow by themselves, thinned out if it took long.",
                "`refused`: look into the receiver's log; mend URL, credentials, or its limits on labels and age.",
                "`timeout` or `superseded`: raise the push's `interval`, or `timeout`; give the receiver more room.",
            ]),
            thresholds: "More than every second attempt, for 10 minutes: a receiver's restart, with all retries, is over by then, and the queue holds for longer.".to_owned(),
            silence: "While the receiver is down for maintenance: silence that `push`.",
        },
        cases,
    }
}

fn snapshots_dropped() -> Alert {
    const SINK: (&str, &str) = ("sink", "history");
    let threshold = thresholds::SNAPSHOTS_MISSED;
    let cases = Growing {
        above: (6.0, "0.1"),
        below: 0.59,
        firing: |value| vec![warning(&[TARGET[0], TARGET[1], SINK], value)],
        series: |values| vec![series(&catalog::SINK_DROPPED, "", &[SINK], values)],
    };
    let mut cases = cases.cases();
    let push = Growing {
        above: (6.0, "0.1"),
        below: 0.59,
        firing: |value| vec![warning(&[TARGET[0], TARGET[1], ("sink", "backend")], value)],
        series: |values| {
            let labels = [("push", "backend"), ("reason", "full")];
            vec![series(&catalog::PUSH_DROPPED, "", &labels, values)]
        },
    };
    cases.extend(push.cases().into_iter().map(|mut case| {
        case.series.push(series(
            &catalog::SINK_DROPPED,
            "",
            &[("sink", "backend")],
            "0x60",
        ));
        case
    }));
    let sinks = Scope::rule(SHORT)
        .of(&catalog::SINK_DROPPED)
        .rate(&["sink"]);
    let pushes = format!(
        "sum by (job, instance, sink) (label_replace({}, \"sink\", \"$1\", \"push\", \"(.*)\"))",
        Scope::rule(SHORT)
            .of(&catalog::PUSH_DROPPED)
            .without("reason", "stopped")
            .rate(&["push"])
    );
    Alert {
        name: "MediaMetricsSnapshotsDropped",
        dashboard: dashboard::PIPELINE,
        summary: "{{ $labels.sink }} of {{ $labels.instance }} misses snapshots",
        description: "{{ $labels.sink }} of {{ $labels.instance }} (job {{ $labels.job }}) misses {{ $value | printf \"%.2g\" }} snapshots a second.",
        rules: one(format!("{sinks} > {threshold}\nor\n{pushes} > {threshold}")),
        runbook: Runbook {
            meaning: format!(
                "What takes a snapshot at each merge was too slow: a sink missed its turn (`{}`: it was busy with the one before, or its thread is \
                 gone), or a push had no room to queue it (`{}`). `history` is the flight recorder; the others are pushes, or sinks of the host's own.",
                catalog::SINK_DROPPED.name(),
                catalog::PUSH_DROPPED.name()
            ),
            impact: "Resolution: the flight recorder has gaps, or the push's receiver sees fewer points. Totals stay exact, media and scrapes are not concerned.",
            diagnosis: vec![
                query("Does the sink still take any? 0: its thread has ended.", Scope::rule(SHORT).of(&catalog::SINK_TURNS).rate(&["sink"])),
                query("Did it panic?", Scope::rule("1h").of(&catalog::SINK_PANICS).increase(&["sink"])),
                query("A push: why? `full`: its receiver takes less than we make; `clock`: the machine's clock was set back.", Scope::rule(SHORT).of(&catalog::PUSH_DROPPED).rate(&["push", "reason"])),
                cores("CPU at its limit? This many cores the process takes: compare with the machine's, and with its quota."),
                machine(),
                query("How large is a snapshot?", catalog::REPORTER_SERIES.name()),
            ],
            mitigation: helps([
                "`full`: go on with MediaMetricsPushFailing; if the receiver is merely slow, raise the push's `interval`.",
                "`clock`: let NTP slew the clock rather than step it.",
                "A panic: restart at a quiet moment, and report the line on standard error.",
                "CPU: as for MediaMetricsForwardingSlow.",
            ]),
            thresholds: "One in a hundred seconds, for 10 minutes: a single one is nothing, and a push that is thinned out on purpose takes fewer by its `interval`, which is not counted here.".to_owned(),
            silence: "As long as MediaMetricsPushFailing is silenced for the same receiver.",
        },
        cases,
    }
}

fn scrapes_refused() -> Alert {
    let (threshold, least) = (thresholds::REFUSED, 0.02);
    let of = |desc| Scope::rule(SHORT).of(desc);
    let refused = of(&catalog::HTTP_REJECTED)
        .without("reason", "gave_way")
        .rate(&[]);
    let all = format!("{refused}\n+ {}", of(&catalog::HTTP_RESPONSES).rate(&[]));
    let cases = Held {
        threshold,
        shown: "12%",
        least,
        busy: 1_000.0,
        labels: TARGET.to_vec(),
        series: |counters: &Counters| {
            let rejected = |reason, values: &str| {
                series(&catalog::HTTP_REJECTED, "", &[("reason", reason)], values)
            };
            vec![
                series(
                    &catalog::HTTP_RESPONSES,
                    "",
                    &[("code", "200")],
                    &counters.good,
                ),
                rejected("full", &counters.bad),
                rejected("gave_way", &counters.all),
            ]
        },
    };
    Alert {
        name: "MediaMetricsScrapesRefused",
        dashboard: dashboard::PIPELINE,
        summary: "{{ $labels.instance }} turns scrapers away",
        description: "{{ $value | humanizePercentage }} of the connections to the metrics server of {{ $labels.instance }} (job {{ $labels.job }}) over the last 5 minutes were refused or cut off.",
        rules: one(format!("{} > {threshold}\nand {all} > {least}", ratio(&refused, &all))),
        runbook: Runbook {
            meaning: format!(
                "Connections were refused, cut off or never came to a request (`{}`), as a share of these and of all answers. Idle ones that gave \
                 way to others are not among them.",
                catalog::HTTP_REJECTED.name()
            ),
            impact: "Somebody who asks for metrics does not get them: gaps in graphs, a live page that does not load. Media is not concerned.",
            diagnosis: vec![
                query("Why? `full`: too many at once; `slow_request`, `slow_reader`: a client or network that stalls; `handshake`: TLS; `accept_failed`: no file descriptors.", of(&catalog::HTTP_REJECTED).rate(&["reason"])),
                query("What is answered otherwise? 401: credentials; 503: too busy, or no fresh merge.", of(&catalog::HTTP_RESPONSES).rate(&["code"])),
                shell("Who holds connections?", "ss -tnp sport = :9464 | awk '{print $5}' | cut -d: -f1 | sort | uniq -c | sort -n | tail"),
                query("File descriptors?", format!("{} / {}", catalog::PROCESS_OPEN_FDS.name(), catalog::PROCESS_MAX_FDS.name())),
                query("How long does a page take?", of(&catalog::ENCODE).quantile(0.99, &[])),
                look("Does Prometheus itself report failed scrapes? If not, it is somebody else: a scanner, a forgotten dashboard."),
            ],
            mitigation: helps([
                "`full`: find who opens so many; let one Prometheus scrape and others federate from it.",
                &format!("`handshake`: scraper and server disagree on certificates: look at `{}` and the scraper's CA.", catalog::TLS_RELOADS.name()),
                "`accept_failed`: raise `LimitNOFILE`.",
                "Strangers: bind `metrics.listen` to an inner address, or put a firewall before it.",
            ]),
            thresholds: "One in ten, of at least 1.2 a minute: a single Prometheus that scrapes once a minute, and loses one page, does not fire. Held for 10 minutes, so that a burst of people at their dashboards does not either.".to_owned(),
            silence: "While a security scan runs: silence that `instance`.",
        },
        cases: cases.cases(),
    }
}
