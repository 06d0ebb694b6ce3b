//! Rules, alerts and runbooks keep what they promise: names of one form, both kinds of case, a page that helps, a
//! dashboard to open.
//!
//! What they may ask for is the linter's to say (`lint`); what promtool and Prometheus say of them is tested end to end.

use std::collections::BTreeSet;

use media_metrics_forwarder::generate::rules::model::Firing;
use media_metrics_forwarder::generate::rules::{alerts, recording};
use media_metrics_forwarder::generate::{self, dashboards, families};

#[test]
fn recorded_names_say_level_metric_and_operations() {
    let mut seen = BTreeSet::new();
    for recording in recording::all() {
        let name = &recording.name;
        let parts: Vec<_> = name.split(':').collect();
        let [level, metric, operations] = parts.as_slice() else {
            panic!("{name}: not level:metric:operations");
        };
        assert!(seen.insert(name.clone()), "{name} twice");
        assert!(
            level
                .split('_')
                .all(|label| ["job", "instance", "direction", "kind", "rating"].contains(&label)),
            "{name}: {level}"
        );
        let family = families::all().any(|family| {
            let family = family.desc.name();
            metric.starts_with(family.strip_suffix("_total").unwrap_or(family))
        });
        assert!(family, "{name}: {metric} is no family");
        if let Some((_, window)) = operations.split_once("rate") {
            let asked = [format!("[{window}]"), format!("rate{window}")];
            assert!(
                asked.iter().any(|asked| recording.expr.contains(asked)),
                "{name}: no {window}"
            );
        }
    }
}

#[test]
fn every_alert_is_tried_firing_and_not_firing() {
    let mut names = BTreeSet::new();
    for alert in alerts::all() {
        let name = alert.name;
        assert!(names.insert(name), "{name} twice");
        assert!(name.starts_with("MediaMetrics"), "{name}");
        let looks = || alert.cases.iter().flat_map(|case| &case.looks);
        assert!(
            looks().any(|(_, firing)| firing.is_empty()),
            "{name} is never quiet"
        );
        for rule in &alert.rules {
            let fires = |(_, firing): &(u32, Vec<_>)| {
                firing
                    .iter()
                    .any(|firing: &Firing| firing.severity == rule.severity)
            };
            assert!(
                looks().any(fires),
                "{name} never fires as {:?}",
                rule.severity
            );
            assert!(rule.minutes > 0, "{name}: a single scrape is no symptom");
        }
        for case in &alert.cases {
            assert!(
                !case.looks.is_empty(),
                "{name}: nobody looks at {:?}",
                case.name
            );
        }
    }
}

#[test]
fn every_alert_has_a_runbook_that_says_what_to_do() {
    let files = generate::files();
    let text = |path: &str| &files.iter().find(|file| file.path == path).unwrap().text;
    let index = text("docs/runbooks/README.md");
    let rules = text("grafana/rules/alerts.yaml");
    for alert in alerts::all() {
        let name = alert.name;
        let page = text(&format!("docs/runbooks/{name}.md"));
        for section in [
            "Meaning",
            "Impact",
            "Diagnosis",
            "Mitigation",
            "Thresholds",
            "Silence",
        ] {
            let (_, rest) = page.split_once(&format!("\n## {section}\n\n")).unwrap();
            let body = rest.split("\n## ").next().unwrap_or_default();
            assert!(body.trim().len() > 5, "{name}: nothing under {section}");
        }
        assert!(page.contains("```promql"), "{name}: no query");
        assert!(
            alert.runbook.diagnosis.len() >= 3,
            "{name}: too little to go by"
        );
        for rule in &alert.rules {
            assert!(
                page.contains(&rule.expr),
                "{name}: the page does not show {}",
                rule.expr
            );
        }
        assert!(
            index.contains(&format!("({name}.md)")),
            "{name} is not in the index"
        );
        assert!(
            rules.contains(&format!("docs/runbooks/{name}.md")),
            "{name}: no link"
        );
        // Pages that a page speaks of exist.
        let spoken = page
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| w.starts_with("MediaMetrics"));
        for other in spoken.filter(|other| *other != "MediaMetricsJobMissing") {
            assert!(
                alerts::all().iter().any(|alert| alert.name == other),
                "{name}: {other}?"
            );
        }
    }
}

#[test]
fn every_rule_says_where_it_is_so() {
    for alert in alerts::all() {
        let texts = [alert.summary, alert.description].join(" ");
        let labels = texts
            .split("{{ $labels.")
            .skip(1)
            .filter_map(|rest| rest.split(' ').next());
        for label in labels {
            for case in &alert.cases {
                for firing in case.looks.iter().flat_map(|(_, firing)| firing) {
                    assert!(
                        firing
                            .labels
                            .iter()
                            .any(|(name, value)| *name == label && !value.is_empty()),
                        "{}: {:?} has no {label}",
                        alert.name,
                        case.name
                    );
                }
            }
        }
        assert!(texts.contains("$labels.job"), "{}", alert.name);
    }
}

#[test]
fn every_alert_leads_to_a_dashboard_that_there_is() {
    let uids: BTreeSet<String> = dashboards::all()
        .iter()
        .map(|dashboard| dashboard.uid())
        .collect();
    for alert in alerts::all() {
        assert!(
            uids.contains(alert.dashboard),
            "{}: {}",
            alert.name,
            alert.dashboard
        );
    }
}
