//! What is not recorded or not merged.

use media_metrics_core::catalog;
use media_metrics_core::livekit::families::catalog as livekit;

use super::super::model::{
    Alert, Case, Rule, Runbook, Severity, critical, helps, look, query, shell, warning,
};
use super::super::recording::SHORT;
use super::super::thresholds;
use super::cases::{Counters, Growing, Held};
use super::target::up;
use super::{TARGET, cores, dashboard, machine, series};
use crate::generate::query::Scope;

/// All of them.
#[must_use]
pub fn all() -> Vec<Alert> {
    vec![
        reporter_stalled(),
        reporter_late(),
        records_dropped(),
        series_overflow(),
    ]
}

/// One rule.
pub(super) fn one(severity: Severity, expr: String, minutes: u32) -> Vec<Rule> {
    vec![Rule {
        severity,
        expr,
        minutes,
    }]
}

fn reporter_stalled() -> Alert {
    let ticks = |name, values: &str| {
        let count = series(&catalog::REPORTER_LATE, "_count", &[], values);
        Case::new(name, vec![count, up("sfu", "a:9464", "1x60")])
    };
    let late = Scope::rule(SHORT).of(&catalog::REPORTER_LATE);
    Alert {
        name: "MediaMetricsReporterStalled",
        dashboard: dashboard::PIPELINE,
        summary: "metrics of {{ $labels.instance }} stand still",
        description: "{{ $labels.instance }} (job {{ $labels.job }}) has merged nothing for 5 minutes: every figure of it is frozen, and no alert about it can fire.",
        rules: one(Severity::Critical, format!("({}) == 0", late.count(&[])), 5),
        runbook: Runbook {
            meaning: format!(
                "The page answers, but no merge has begun (`{}` does not count), so all of it shows an old moment. `/-/ready` answers 503.",
                catalog::REPORTER_LATE.name()
            ),
            impact: "Media goes on. But rates of this instance are 0, gauges are old, and loss or quality alerts about it cannot fire: this one stands for all of them.",
            diagnosis: vec![
                shell("How old is the last merge?", "curl -si http://INSTANCE/-/ready"),
                shell("What is the reporter's thread doing? State D: it waits for a disk or a file system; R: it computes; S in a callback: the host's code does not return.", "for t in /proc/$(pidof media-metrics)/task/*; do cat $t/comm; grep State $t/status; done"),
                query("Which task ran longest before it stood still?", Scope::rule("1h").of(&catalog::TASK_SECONDS).quantile(0.99, &["task"])),
                look("`metrics.interval` above 2 minutes? Then a merge in 5 minutes is no matter of course: silence this alert, or choose a shorter interval."),
            ],
            mitigation: helps([
                "Take a stack of every thread (`gdb -p PID -batch -ex 'thread apply all bt'`): it names the culprit.",
                "Restart the process at a quiet moment; totals begin anew at 0, which rates survive.",
                "A host's task or callback that blocks: mend it; all of them share the reporter's thread.",
            ]),
            thresholds: "Not one merge in 5 minutes, held for another 5: at the default interval 600 were due. A scrape that fails or a process that ends has no such series, and does not fire.".to_owned(),
            silence: "Never, but for an interval of minutes as above.",
        },
        cases: vec![
            ticks("merges stop", "0+60x30 1800x30").quiet(&[30, 34, 36]).fires(42, vec![critical(&TARGET, "")]),
            ticks("one merge a minute", "0+1x60").quiet(&[30, 60]),
            ticks("a restart", "0+60x30 0+60x30").quiet(&[31, 36, 60]),
            ticks("the target is gone", "0+60x30 stale").quiet(&[31, 36, 60]),
            ticks("merges stop for six minutes", "0+60x30 1800x6 1860+60x24").quiet(&[36, 38, 42, 60]),
        ],
    }
}

fn reporter_late() -> Alert {
    let threshold = thresholds::OVERDUE;
    let cases = Held {
        threshold,
        shown: "30%",
        least: 0.0,
        busy: 60.0,
        labels: TARGET.to_vec(),
        series: |counters: &Counters| {
            vec![
                series(&catalog::REPORTER_LATE, "_sum", &[], &counters.bad),
                series(&catalog::REPORTER_LATE, "_count", &[], &counters.all),
            ]
        },
    };
    let late = Scope::rule(SHORT).of(&catalog::REPORTER_LATE);
    let seconds = format!(
        "histogram_sum({})\nor\nsum by (job, instance) (rate({}_sum[{SHORT}]))",
        late.native(&[]),
        catalog::REPORTER_LATE.name()
    );
    let of = |desc| Scope::rule(SHORT).of(desc);
    Alert {
        name: "MediaMetricsReporterLate",
        dashboard: dashboard::PIPELINE,
        summary: "merges at {{ $labels.instance }} are late",
        description: "A merge was overdue for {{ $value | humanizePercentage }} of the last 5 minutes at {{ $labels.instance }} (job {{ $labels.job }}).",
        rules: one(Severity::Warning, format!("(\n{seconds}\n) > {threshold}"), 10),
        runbook: Runbook {
            meaning: format!(
                "The reporter merges on an interval. `{}` says by how much each merge began after it was due; its seconds a second are the \
                 share of time in which one was overdue.",
                catalog::REPORTER_LATE.name()
            ),
            impact: "Nothing is lost, totals stay exact. But figures come late and unevenly: the worst streams, the live page, quality windows and the flight recorder lose resolution. It is often the first sign of a machine without CPU to spare.",
            diagnosis: vec![
                query("Is it the merge itself? Compare with the interval, 1 s by default.", of(&catalog::REPORTER_TICK).quantile(0.99, &[])),
                query("A task on the same thread?", of(&catalog::TASK_SECONDS).quantile(0.99, &["task"])),
                query("A host's callback (LiveKit's pipeline)?", of(&catalog::PIPELINE_CALLBACK).quantile(0.99, &["callback"])),
                cores("Is there a core left for the reporter? This many the process takes: compare with the machine's, and with its quota."),
                machine(),
                query("How much is there to merge?", format!("{} + on (job, instance) {}", catalog::REPORTER_SERIES.name(), Scope::rule(SHORT).of(&catalog::RTP_STREAMS).sum(&[]))),
            ],
            mitigation: helps([
                "CPU at its limit: as for MediaMetricsForwardingSlow.",
                "A slow task or callback: mend it, or move its work to a thread of its own.",
                "Merges that take as long as the interval: raise `metrics.interval`, or bring down the number of series (MediaMetricsSeriesOverflow).",
            ]),
            thresholds: "A quarter: with merges every second they then begin 250 ms late on average, which shifts what an interval holds by as much. A share of time says the same for every interval. Held for 10 minutes, as a burst of new streams is not worth a look.".to_owned(),
            silence: "While a profiler or debugger holds the process: silence that `instance`.",
        },
        cases: cases.cases(),
    }
}

fn records_dropped() -> Alert {
    let cases = Growing {
        above: (600.0, "10"),
        below: 0.0,
        firing: |value| vec![critical(&TARGET, value)],
        series: |values| vec![series(&catalog::RECORDS_DROPPED, "", &[], values)],
    };
    let dropped = Scope::rule(SHORT).of(&catalog::RECORDS_DROPPED).rate(&[]);
    Alert {
        name: "MediaMetricsRecordsDropped",
        dashboard: dashboard::PIPELINE,
        summary: "{{ $labels.instance }} has no memory to record",
        description: "{{ $labels.instance }} (job {{ $labels.job }}) drops {{ $value | printf \"%.2g\" }} records a second, because the operating system gives it no memory for them.",
        rules: one(Severity::Critical, format!("{dropped} > 0"), 5),
        runbook: Runbook {
            meaning: format!(
                "A thread wanted cells to record into and got no memory for them (`{}`). Recording never fails loudly: it counts, and media goes on.",
                catalog::RECORDS_DROPPED.name()
            ),
            impact: "Every total of the instance may be too low from now on. And a process that gets no memory is about to be killed, with everybody on it.",
            diagnosis: vec![
                query("How near is the limit? Only `--profile livekit` and `both` have this; else run `free` there.", format!("{} / {}", catalog::NODE_MEMORY_USED.name(), catalog::NODE_MEMORY_TOTAL.name())),
                query("Is it this process?", catalog::PROCESS_RESIDENT.name()),
                query("And of that, what metrics take?", catalog::REPORTER_MEMORY.name()),
                shell("A limit on addresses rather than memory? `Max address space` should be unlimited; overcommit 2 refuses early.", "grep 'address space' /proc/$(pidof media-metrics)/limits; sysctl vm.overcommit_memory; cat /sys/fs/cgroup/memory.events"),
            ],
            mitigation: helps([
                "Drain the instance, restart it with more memory.",
                "If metrics take most of it: lower `history.max_mib` and `limits.max_streams`, or drop labels.",
                "Lift `ulimit -v`, or set `vm.overcommit_memory` to 0.",
            ]),
            thresholds: "None may be dropped: that nothing is lost is what this library is for. Held for 5 minutes, so that it is going on when you look.".to_owned(),
            silence: "Never.",
        },
        cases: cases.cases(),
    }
}

fn series_overflow() -> Alert {
    const FAMILY: (&str, &str) = ("family", "sfu_calls_total");
    let cases = Growing {
        above: (6.0, "0.1"),
        below: 0.0,
        firing: |value| vec![warning(&[TARGET[0], TARGET[1], FAMILY], value)],
        series: |values| vec![series(&catalog::SERIES_OVERFLOW, "", &[FAMILY], values)],
    };
    let overflow = Scope::rule(SHORT)
        .of(&catalog::SERIES_OVERFLOW)
        .rate(&["family"]);
    Alert {
        name: "MediaMetricsSeriesOverflow",
        dashboard: dashboard::PIPELINE,
        summary: "{{ $labels.family }} has too many series at {{ $labels.instance }}",
        description: "{{ $value | printf \"%.2g\" }} registrations or records a second of {{ $labels.family }} go into its series `other` at {{ $labels.instance }} (job {{ $labels.job }}), because it has as many series as it may.",
        rules: one(Severity::Warning, format!("{overflow} > 0"), 15),
        runbook: Runbook {
            meaning: format!(
                "A family met its limit on series, or the registry its own, or a value may not stand in a label. What comes on top is counted in \
                 the series whose labels are `other` (`{}`). Sums over the family stay right; who it was is lost.",
                catalog::SERIES_OVERFLOW.name()
            ),
            impact: "Nobody on a call notices. Dashboards that split this family by label show less than there is, and `other` grows.",
            diagnosis: vec![
                query("Which families?", overflow),
                query(
                    "Which label has so many values? Put the family in place of this one.",
                    format!(
                        "topk(10, count by (method) (rate({}[5m])))",
                        livekit::PSRPC_REQUESTS_RECEIVED_TOTAL.name()
                    ),
                ),
                query(
                    "Is the registry as a whole full?",
                    catalog::REPORTER_SERIES.name(),
                ),
            ],
            mitigation: helps([
                "A label that holds an id, an address or a text of a client: take it out, or fold its values before they become labels.",
                "A label with honestly many values: raise the family's limit (`Desc::max_series`), or the registry's (`max_series`).",
                "Somebody feeds values on purpose (paths, methods, versions): the limit did its work; block them.",
            ]),
            thresholds:
                "Any, but for a quarter of an hour: a single odd value is not worth your time."
                    .to_owned(),
            silence: "Once the cause is known and its mending is on the way: silence that `family`.",
        },
        cases: cases.cases(),
    }
}
