//! A linter of what is generated: dashboards and rules ask for what there is, in a form that holds.
//!
//! | module | what lives there |
//! |---|---|
//! | `query` | PromQL: names, types, labels, buckets |
//! | `selectors` | what a query selects, and in which function |
//! | `units` | what values are, and which of Grafana's units say so |
//! | `dashboard` | a dashboard's JSON, taken apart |
//! | `grafana` | the 17 rules of grafana/dashboard-linter |
//! | `ours` | what we ask for besides |
//! | `rules` | recording and alerting rules |
//! | `guide` | queries in docs/guide |
//! | `caught` | each rule finds what it is there to find |

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod caught;
mod dashboard;
mod grafana;
mod guide;
mod ours;
mod query;
mod rules;
mod selectors;
mod units;

use dashboard::Dashboard;
use media_metrics_forwarder::generate::dashboards;

/// Every dashboard, by its path.
fn all() -> Vec<(String, Dashboard)> {
    dashboards::files()
        .into_iter()
        .map(|file| {
            let json = serde_json::from_str(&file.text).unwrap();
            (file.path, Dashboard(json))
        })
        .collect()
}

/// The rules that find something, with what they find.
fn found(dashboard: &Dashboard) -> Vec<(&'static str, Vec<query::Fault>)> {
    grafana::RULES
        .iter()
        .chain(ours::RULES)
        .map(|(name, rule)| (*name, rule(dashboard)))
        .filter(|(_, faults)| !faults.is_empty())
        .collect()
}

#[test]
fn dashboards_keep_every_rule() {
    let all = all();
    assert_eq!(all.len(), 7);
    for (path, dashboard) in &all {
        let found = found(dashboard);
        assert!(found.is_empty(), "{path}: {found:#?}");
    }
}

#[test]
fn dashboards_have_addresses_of_their_own() {
    let uids: Vec<String> = dashboards::all().iter().map(|d| d.uid()).collect();
    let expected = [
        "overview", "quality", "latency", "streams", "node", "pipeline", "livekit",
    ]
    .map(|slug| format!("media-metrics-{slug}"));
    assert_eq!(uids, expected);
    for (path, dashboard) in all() {
        let slug = path
            .strip_prefix("grafana/dashboards/")
            .and_then(|file| file.strip_suffix(".json"))
            .unwrap();
        assert_eq!(dashboard.0["uid"], format!("media-metrics-{slug}"));
    }
}
