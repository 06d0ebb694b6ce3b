//! Targets that do not answer, one or all of a job.

use media_metrics_core::catalog;

use super::super::model::{
    Alert, Case, Runbook, Severity, critical, helps, look, query, shell, warning,
};
use super::super::recording::{self, SHORT};
use super::dashboard;
use super::record::one;
use crate::generate::query::Scope;

/// All of them.
#[must_use]
pub fn all() -> Vec<Alert> {
    vec![target_absent(), job_absent()]
}

/// What Prometheus says of a target of a job, from minute 0 on.
pub(super) fn up(job: &str, instance: &str, values: &str) -> (String, String) {
    (
        format!("up{{job={job:?}, instance={instance:?}}}"),
        values.to_owned(),
    )
}

/// That it served our build's version.
fn build(job: &str, instance: &str, values: &str) -> (String, String) {
    let (name, version) = (catalog::BUILD_INFO.name(), "1.0.0");
    (
        format!("{name}{{job={job:?}, instance={instance:?}, version={version:?}}}"),
        values.to_owned(),
    )
}

/// Cases in which neither a target nor its job is missed.
fn nothing_absent() -> Vec<Case> {
    vec![
        Case::new(
            "a restart of two minutes",
            vec![
                up("sfu", "a:9464", "1x30 0x1 1x30"),
                build("sfu", "a:9464", "1x30 _x2 1x30"),
            ],
        )
        .quiet(&[31, 32, 36, 60]),
        Case::new(
            "a job that is scaled to nothing on purpose",
            vec![
                up("sfu", "a:9464", "1x30 stale"),
                build("sfu", "a:9464", "1x30 stale"),
            ],
        )
        .quiet(&[30, 31, 36, 60, 120]),
        Case::new(
            "one of two targets is taken out on purpose",
            vec![
                up("sfu", "a:9464", "1x60"),
                build("sfu", "a:9464", "1x60"),
                up("sfu", "b:9464", "1x30 stale"),
                build("sfu", "b:9464", "1x30 stale"),
            ],
        )
        .quiet(&[31, 36, 60]),
        Case::new(
            "another job that is none of ours",
            vec![
                up("sfu", "a:9464", "1x60"),
                build("sfu", "a:9464", "1x60"),
                up("database", "c:9104", "0x60"),
            ],
        )
        .quiet(&[30, 60]),
    ]
}

/// What both alerts mean; `which` says of which targets.
fn absent(which: &str) -> String {
    format!(
        "Prometheus scrapes a target and gets no answer, or a page that it can't read (`up` is 0), for more than 5 minutes. \
         The job is known for ours because a target of it served `{}`; that is remembered for as long as service discovery lists a \
         target of the job. So a job that is scaled to nothing on purpose, and vanishes from discovery, is forgotten and fires nothing. {which}",
        catalog::BUILD_INFO.name()
    )
}

const ABSENT_LIMITS: &str = "5 minutes: a restart, a rollout or a lost scrape is over by then.\n\nWhat these alerts can't see is a job that was never there, or \
that vanished from discovery by mistake, as nothing tells that from scaling to 0. Where a job must never be gone, say so in a rule of your own:\n\n```yaml\n- \
alert: MediaMetricsJobMissing\n  expr: absent(up{job=\"sfu\"})\n  for: 5m\n  labels: {severity: critical}\n```";

fn target_absent() -> Alert {
    let two = |name, a: &str, b: &str| {
        Case::new(
            name,
            vec![
                up("sfu", "a:9464", a),
                build("sfu", "a:9464", "1x30 stale"),
                up("sfu", "b:9464", b),
            ],
        )
    };
    let b = [("job", "sfu"), ("instance", "b:9464")];
    let mut cases = vec![
        two("one of two stops answering", "1x60", "1x30 0x30")
            .quiet(&[30, 31, 35])
            .fires(37, vec![warning(&b, "")]),
        two("a new one never answers", "1x60", "_x30 0x30").fires(60, vec![warning(&b, "")]),
        two(
            "all of the job: that is another alert",
            "1x30 0x30",
            "1x30 0x30",
        )
        .quiet(&[37, 60]),
    ];
    cases.extend(nothing_absent());
    let known = recording::known_jobs_name();
    Alert {
        name: "MediaMetricsTargetAbsent",
        dashboard: dashboard::OVERVIEW,
        summary: "{{ $labels.instance }} does not answer scrapes",
        description: "{{ $labels.instance }} (job {{ $labels.job }}) has not answered Prometheus for 5 minutes; others of the job do.",
        rules: one(
            Severity::Warning,
            format!("up == 0\nand on (job) {known}\nand on (job) sum by (job) (up) > 0"),
            5,
        ),
        runbook: Runbook {
            meaning: absent("Other targets of the job answer."),
            impact: "If the process is down, its participants have been thrown out and are joining elsewhere. If only its metrics server is, media flows, unseen.",
            diagnosis: vec![
                look(
                    "What does Prometheus say? *Status, Targets* shows the error: refused (nobody listens), a deadline (it hangs or is overloaded), 401 (credentials), a parse error.",
                ),
                shell(
                    "Does the process answer at all? `healthy` needs nothing but its event loop; `ready` a fresh merge.",
                    "curl -si http://INSTANCE/-/healthy; curl -si http://INSTANCE/-/ready",
                ),
                shell(
                    "Is it there, and why did it end?",
                    "systemctl status media-metrics; journalctl -u media-metrics -n 50; dmesg | grep -i 'out of memory'",
                ),
                query(
                    "Was memory growing before?",
                    catalog::PROCESS_RESIDENT.name(),
                ),
                query(
                    "Or file descriptors?",
                    format!(
                        "{} / {}",
                        catalog::PROCESS_OPEN_FDS.name(),
                        catalog::PROCESS_MAX_FDS.name()
                    ),
                ),
            ],
            mitigation: helps([
                "It crashed: start it; keep the log, and `history.dump_dir` if there is a dump.",
                "Killed for want of memory: give it more, or lower `limits.max_streams` and `history.max_mib`.",
                "It hangs: take a stack of every thread first (`gdb -p PID -batch -ex 'thread apply all bt'`), then restart it.",
                "Credentials or certificates changed: bring Prometheus' and ours together again.",
            ]),
            thresholds: ABSENT_LIMITS.to_owned(),
            silence: "While a machine is down for maintenance and stays in discovery: silence that `instance`.",
        },
        cases,
    }
}

fn job_absent() -> Alert {
    let alone = |name, values: &str| {
        Case::new(
            name,
            vec![
                up("sfu", "a:9464", values),
                build("sfu", "a:9464", "1x10 stale"),
            ],
        )
    };
    let job = [("job", "sfu")];
    let mut cases = vec![
        alone("the only target stops answering, for hours", "1x10 0x300")
            .quiet(&[10, 11, 15])
            .fires(17, vec![critical(&job, "")])
            .fires(300, vec![critical(&job, "")]),
        alone("it is taken out of discovery then", "1x10 0x60 stale")
            .fires(60, vec![critical(&job, "")])
            .quiet(&[72, 120]),
        Case::new(
            "one of two still answers",
            vec![
                up("sfu", "a:9464", "1x60"),
                build("sfu", "a:9464", "1x60"),
                up("sfu", "b:9464", "0x60"),
            ],
        )
        .quiet(&[10, 60]),
    ];
    cases.extend(nothing_absent());
    Alert {
        name: "MediaMetricsJobAbsent",
        dashboard: dashboard::OVERVIEW,
        summary: "no target of job {{ $labels.job }} answers scrapes",
        description: "None of the targets of job {{ $labels.job }} has answered Prometheus for 5 minutes.",
        rules: one(
            Severity::Critical,
            format!(
                "sum by (job) (up) == 0\nand on (job) {}",
                recording::known_jobs_name()
            ),
            5,
        ),
        runbook: Runbook {
            meaning: absent("Here that is so for every target of the job."),
            impact: "Nobody can join or talk, if the processes are down. Else we are blind: no other alert can fire.",
            diagnosis: vec![
                look(
                    "Can you join a room yourself? If so, media flows, and the fault lies between Prometheus and its targets.",
                ),
                look(
                    "What does Prometheus say under *Status, Targets*? The same error everywhere is one cause: network policy, certificate, password, DNS.",
                ),
                shell(
                    "Does one answer from its own machine?",
                    "curl -si http://INSTANCE/-/healthy",
                ),
                look(
                    "What changed in the minutes before: a release, a certificate that ran out, a firewall's rule, Prometheus' own configuration?",
                ),
            ],
            mitigation: helps([
                "A release: roll back.",
                &format!(
                    "Certificate or password: renew on both sides. A certificate that was replaced on disk is read by itself; `{}` says that it can't be used.",
                    Scope::rule(SHORT)
                        .of(&catalog::TLS_RELOADS)
                        .with("outcome", "refused")
                        .now()
                ),
                "The network: media may be cut off as well; take the region out of the steering.",
            ]),
            thresholds: ABSENT_LIMITS.to_owned(),
            silence: "Before switching a job off that stays in discovery: silence that `job`.",
        },
        cases,
    }
}
