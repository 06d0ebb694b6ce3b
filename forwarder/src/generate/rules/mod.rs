//! Recording rules, alerts, their tests and runbooks: all of an alert is written in one place, and made into files here.
//!
//! | module | what lives there |
//! |---|---|
//! | [`model`] | what a rule is |
//! | [`recording`] | recorded series |
//! | [`thresholds`] | from when on an alert fires |
//! | [`alerts`] | each alert with its conditions, runbook and cases |
//! | `written`, `trials`, `runbook` | the same as Prometheus, promtool and people read it |
//! | `values` | cases of recorded series |

pub mod alerts;
pub mod model;
pub mod recording;
mod runbook;
pub mod thresholds;
mod trials;
mod values;
mod written;

use super::File;

/// `grafana/rules/*.yaml`, `grafana/rules/tests/*.yaml` and `docs/runbooks/*.md`.
#[must_use]
pub fn files() -> Vec<File> {
    let alerts = alerts::all();
    let file = |path: String, text| File { path, text };
    let rules = |name: &str| format!("grafana/rules/{name}.yaml");
    let runbooks = |name: &str| format!("docs/runbooks/{name}.md");
    let mut files = vec![
        file(rules("recording"), written::recordings(&recording::all())),
        file(rules("alerts"), written::alerts(&alerts)),
        file(rules("tests/recording"), values::trial()),
        file(runbooks("README"), runbook::index(&alerts)),
    ];
    for alert in &alerts {
        let test = format!("tests/{}", alert.name);
        files.push(file(rules(&test), trials::of(alert)));
        files.push(file(runbooks(alert.name), runbook::page(alert)));
    }
    files
}
