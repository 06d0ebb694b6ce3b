//! The rules of grafana/dashboard-linter, said again.
//!
//! Lives here: a check by each of its 17 names. Not here: what we ask for besides (`ours`).
//!
//! Each is at least as strict as the original, which leaves out kinds of panels that it does not know, and takes what ends
//! in `_total` for a counter: here every panel is looked at, and the catalog says what is a counter.

use serde_json::Value;

use crate::dashboard::{Dashboard, list, text};
use crate::query::{Fault, check_query};
use crate::selectors::{RATE_INTERVAL, selectors, substituted};

/// A rule: its name, and what it finds.
pub(crate) type Rule = (&'static str, fn(&Dashboard) -> Vec<Fault>);

/// All of them, in the original's order.
pub(crate) const RULES: &[Rule] = &[
    ("template-datasource-rule", template_datasource),
    ("template-job-rule", |d| template_label(d, "job", "Job")),
    ("template-instance-rule", |d| {
        template_label(d, "instance", "Instance")
    }),
    ("template-label-promql-rule", template_label_promql),
    ("template-on-time-change-reload-rule", template_reload),
    ("panel-datasource-rule", panel_datasource),
    ("panel-title-description-rule", panel_title_description),
    ("panel-units-rule", panel_units),
    ("panel-no-targets-rule", panel_no_targets),
    ("target-logql-rule", target_logql),
    ("target-logql-auto-rule", target_logql_auto),
    ("target-promql-rule", target_promql),
    ("target-rate-interval-rule", target_rate_interval),
    ("target-job-rule", |d| target_matcher(d, "job")),
    ("target-instance-rule", |d| target_matcher(d, "instance")),
    ("target-counter-agg-rule", target_counter_agg),
    ("uneditable-dashboard", uneditable),
];

/// Units of Grafana's that are ours to use.
const UNITS: &[&str] = &[
    "none",
    "short",
    "percent",
    "percentunit",
    "bytes",
    "bits",
    "Bps",
    "bps",
    "pps",
    "cps",
    "ops",
    "reqps",
    "s",
    "ms",
    "µs",
    "ns",
];

fn template_datasource(of: &Dashboard) -> Vec<Fault> {
    let variables: Vec<&Value> = of
        .variables()
        .filter(|v| v["type"] == "datasource")
        .collect();
    let [only] = variables.as_slice() else {
        return vec![format!(
            "{} data-source variables, expected one",
            variables.len()
        )];
    };
    let expected = [
        ("name", "datasource"),
        ("label", "Data source"),
        ("query", "prometheus"),
    ];
    expected
        .iter()
        .filter(|(key, value)| only[key] != *value)
        .map(|(key, value)| format!("the data source's {key} is {}, not {value:?}", only[key]))
        .collect()
}

fn template_label(of: &Dashboard, name: &str, label: &str) -> Vec<Fault> {
    let Some(variable) = of.variable(name) else {
        return vec![format!("no variable {name}")];
    };
    let expected = [
        ("/type", Value::from("query")),
        ("/label", Value::from(label)),
        ("/multi", Value::from(true)),
        ("/includeAll", Value::from(true)),
        ("/allValue", Value::from(".+")),
        ("/datasource/uid", Value::from("${datasource}")),
    ];
    expected
        .iter()
        .filter(|(path, value)| variable.pointer(path) != Some(value))
        .map(|(path, value)| format!("variable {name}: {path} is not {value}"))
        .collect()
}

/// `label_values(selector, label)`, whose selector is one of a family of ours.
fn template_label_promql(of: &Dashboard) -> Vec<Fault> {
    let queries = of.variables().filter(|v| v["type"] == "query");
    let check = |variable: &Value| {
        let query = text(&variable["query"]);
        let inside = query
            .strip_prefix("label_values(")
            .and_then(|rest| rest.strip_suffix(')'));
        let Some((selector, label)) = inside.and_then(|inside| inside.rsplit_once(',')) else {
            return vec![format!("{query} is not label_values(selector, label)")];
        };
        // As a query that keeps the label: so label and matchers are looked up, too.
        let query = format!(
            "count by ({}) (present_over_time({selector}[5m]))",
            label.trim()
        );
        check_query(&query)
    };
    queries.flat_map(check).collect()
}

fn template_reload(of: &Dashboard) -> Vec<Fault> {
    of.variables()
        .filter(|v| v["type"] == "query" && v["refresh"] != 2)
        .map(|v| format!("variable {} is not read again with the time", v["name"]))
        .collect()
}

fn panel_datasource(of: &Dashboard) -> Vec<Fault> {
    of.panels()
        .flat_map(|panel| {
            [panel.0]
                .into_iter()
                .chain(panel.targets())
                .map(move |part| (panel, part))
        })
        .filter(|(_, part)| part["datasource"]["uid"] != "${datasource}")
        .map(|(panel, part)| format!("{}: data source {}", panel.title(), part["datasource"]))
        .collect()
}

fn panel_title_description(of: &Dashboard) -> Vec<Fault> {
    of.panels()
        .filter(|panel| panel.title().is_empty() || text(&panel.0["description"]).is_empty())
        .map(|panel| format!("panel {}: no title or no description", panel.0["id"]))
        .collect()
}

fn panel_units(of: &Dashboard) -> Vec<Fault> {
    let mut faults = Vec::new();
    for panel in of.panels() {
        let config = &panel.0["fieldConfig"];
        let overrides = list(&config["overrides"])
            .flat_map(|o| list(&o["properties"]))
            .filter(|property| property["id"] == "unit")
            .map(|property| &property["value"]);
        for unit in [&config["defaults"]["unit"]].into_iter().chain(overrides) {
            if !unit.as_str().is_some_and(|unit| UNITS.contains(&unit)) {
                faults.push(format!("{}: unit {unit}", panel.title()));
            }
        }
    }
    faults
}

fn panel_no_targets(of: &Dashboard) -> Vec<Fault> {
    of.panels()
        .filter(|panel| panel.targets().next().is_none())
        .map(|panel| format!("{} asks for nothing", panel.title()))
        .collect()
}

/// Nothing here reads LogQL, so no query may be any.
fn target_logql(of: &Dashboard) -> Vec<Fault> {
    of.targets()
        .filter(|(_, target)| target["datasource"]["type"] == "loki")
        .map(|(panel, _)| format!("{} asks Loki", panel.title()))
        .collect()
}

fn target_logql_auto(of: &Dashboard) -> Vec<Fault> {
    of.targets()
        .filter(|(_, target)| {
            let query = text(&target["expr"]);
            target["datasource"]["type"] == "loki"
                && query.contains('[')
                && !query.contains("[$__auto]")
        })
        .map(|(panel, _)| format!("{} asks Loki over a fixed time", panel.title()))
        .collect()
}

fn target_promql(of: &Dashboard) -> Vec<Fault> {
    each_query(of, |query| {
        match promql_parser::parser::parse(&substituted(query)) {
            Ok(_) => Vec::new(),
            Err(error) => vec![error],
        }
    })
}

fn target_rate_interval(of: &Dashboard) -> Vec<Fault> {
    each_query(of, |query| {
        let fixed = |(_, range, function): &(_, Option<u128>, String)| {
            let by_variable = range.is_none_or(|range| RATE_INTERVAL == format!("{range}ms"));
            (!by_variable).then(|| format!("{function} over {range:?} ms, not $__rate_interval"))
        };
        selectors(query).iter().filter_map(fixed).collect()
    })
}

fn target_matcher(of: &Dashboard, label: &str) -> Vec<Fault> {
    let wanted = format!("{label}=~\"${label}\"");
    each_query(of, |query| {
        selectors(query)
            .iter()
            .map(|(selector, ..)| selector)
            .filter(|selector| {
                !selector
                    .matchers
                    .matchers
                    .iter()
                    .any(|matcher| matcher.to_string() == wanted)
            })
            .map(|selector| format!("{:?} lacks {wanted}", selector.name))
            .collect()
    })
}

/// By the catalog's word for what a counter is, not by its name.
fn target_counter_agg(of: &Dashboard) -> Vec<Fault> {
    each_query(of, |query| {
        check_query(query)
            .into_iter()
            .filter(|fault| fault.contains("only grows"))
            .collect()
    })
}

fn uneditable(of: &Dashboard) -> Vec<Fault> {
    match of.0["editable"] == false {
        true => Vec::new(),
        false => vec!["can be edited".to_owned()],
    }
}

fn each_query(of: &Dashboard, check: impl Fn(&str) -> Vec<Fault>) -> Vec<Fault> {
    of.targets()
        .flat_map(|(panel, target)| {
            let faults = check(text(&target["expr"]));
            faults
                .into_iter()
                .map(move |fault| format!("{}, {}: {fault}", panel.title(), target["refId"]))
        })
        .collect()
}
