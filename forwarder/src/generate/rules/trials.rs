//! What alerts are tried on, as `promtool test rules` reads it: a file for each.

use serde::Serialize;
use std::collections::BTreeMap;

use super::model::{Alert, Case, Firing};
use super::written::{ALERTS, Annotations, RECORDING, yaml};

#[derive(Serialize)]
struct Trial {
    rule_files: [&'static str; 2],
    evaluation_interval: &'static str,
    group_eval_order: [&'static str; 2],
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Test {
    name: String,
    interval: &'static str,
    input_series: Vec<Input>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alert_rule_test: Vec<Look>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    promql_expr_test: Vec<Question>,
}

#[derive(Serialize)]
struct Input {
    series: String,
    values: String,
}

#[derive(Serialize)]
struct Look {
    eval_time: String,
    alertname: &'static str,
    exp_alerts: Vec<Expected>,
}

#[derive(Serialize)]
struct Expected {
    exp_labels: BTreeMap<&'static str, &'static str>,
    exp_annotations: Annotations,
}

/// The value of one recorded series.
#[derive(Debug, Serialize)]
pub(super) struct Question {
    /// Its name.
    pub(super) expr: String,
    /// When.
    pub(super) eval_time: &'static str,
    /// What it is.
    pub(super) exp_samples: Vec<Sample>,
}

#[derive(Debug, Serialize)]
pub(super) struct Sample {
    pub(super) labels: String,
    pub(super) value: f64,
}

/// `tests/<name>.yaml` of an alert.
pub(super) fn of(alert: &Alert) -> String {
    let test = |case: &Case| Test {
        name: case.name.to_owned(),
        interval: "1m",
        input_series: inputs(&case.series),
        alert_rule_test: case
            .looks
            .iter()
            .map(|(at, firing)| look(alert, *at, firing))
            .collect(),
        promql_expr_test: Vec::new(),
    };
    trial(alert.cases.iter().map(test).collect())
}

/// Series, and what is made of them.
#[derive(Debug)]
pub(super) struct Recorded {
    /// What it shows.
    pub(super) name: &'static str,
    /// Series and their values, one a minute, in promtool's notation.
    pub(super) series: Vec<(String, String)>,
    /// What is asked then.
    pub(super) questions: Vec<Question>,
}

/// `tests/recording.yaml`: cases of recorded series.
pub(super) fn of_recordings(cases: Vec<Recorded>) -> String {
    let test = |case: Recorded| Test {
        name: case.name.to_owned(),
        interval: "1m",
        input_series: inputs(&case.series),
        alert_rule_test: Vec::new(),
        promql_expr_test: case.questions,
    };
    trial(cases.into_iter().map(test).collect())
}

fn trial(tests: Vec<Test>) -> String {
    yaml(&Trial {
        rule_files: ["../recording.yaml", "../alerts.yaml"],
        evaluation_interval: "1m",
        group_eval_order: [RECORDING, ALERTS],
        tests,
    })
}

fn inputs(series: &[(String, String)]) -> Vec<Input> {
    let input = |(series, values): &(String, String)| Input {
        series: series.clone(),
        values: values.clone(),
    };
    series.iter().map(input).collect()
}

fn look(alert: &Alert, minute: u32, firing: &[Firing]) -> Look {
    Look {
        eval_time: format!("{minute}m"),
        alertname: alert.name,
        exp_alerts: firing.iter().map(|one| expected(alert, one)).collect(),
    }
}

fn expected(alert: &Alert, firing: &Firing) -> Expected {
    let mut labels: BTreeMap<_, _> = firing.labels.iter().copied().collect();
    labels.insert("severity", firing.severity.as_str());
    Expected {
        exp_annotations: Annotations::of(alert, |template| filled(template, &labels, firing.value)),
        exp_labels: labels,
    }
}

/// A template with its labels and value put in.
fn filled(template: &str, labels: &BTreeMap<&str, &str>, value: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, after) = after.split_once("}}").unwrap_or((after, ""));
        text.push_str(before);
        match inside.trim().strip_prefix("$labels.") {
            Some(label) => text.push_str(labels.get(label).copied().unwrap_or_default()),
            None => text.push_str(value),
        }
        rest = after;
    }
    text + rest
}
