//! What our dashboards must have besides.
//!
//! Lives here: checks that grafana/dashboard-linter does not have.

use std::collections::{BTreeMap, BTreeSet};

use media_metrics_forwarder::generate::families;
use serde_json::Value;

use crate::dashboard::{Dashboard, Panel, list, text};
use crate::grafana::Rule;
use crate::query::{Fault, Names, Shape};
use crate::selectors::selectors;
use crate::units::Dim;

/// All of them.
pub(crate) const RULES: &[Rule] = &[
    ("queries-fit-the-catalog", queries),
    ("units-fit-the-queries", units),
    ("legends-tell-lines-apart", legends),
    ("descriptions-are-sentences", descriptions),
    ("exemplars-where-there-are-any", exemplars),
    ("thresholds-ascend", thresholds),
    ("panels-do-not-overlap", overlaps),
    ("ids-are-unique", ids),
    ("links-keep-time-and-variables", links),
    ("columns-show-what-is-there", columns),
    ("schema-is-the-current-one", schema),
];

fn each<'a>(of: &'a Dashboard, check: impl Fn(Panel<'a>, &'a Value) -> Vec<Fault>) -> Vec<Fault> {
    of.targets()
        .flat_map(|(panel, target)| {
            let named = move |fault| format!("{}, {}: {fault}", panel.title(), target["refId"]);
            check(panel, target).into_iter().map(named)
        })
        .collect()
}

fn value_of(target: &Value) -> Result<crate::query::Value, Vec<Fault>> {
    Names::default().check(text(&target["expr"]))
}

/// Names, types, labels and buckets; histograms as such are for heatmaps.
fn queries(of: &Dashboard) -> Vec<Fault> {
    each(of, |panel, target| match value_of(target) {
        Err(faults) => faults,
        Ok(value) => {
            let histogram = matches!(value.shape, Shape::Native | Shape::Buckets);
            match histogram == (panel.0["type"] == "heatmap") {
                true => Vec::new(),
                false => vec![format!("a {} shows {:?}", panel.0["type"], value.shape)],
            }
        }
    })
}

fn units(of: &Dashboard) -> Vec<Fault> {
    each(of, |panel, target| {
        let (Ok(value), Some(unit)) = (value_of(target), panel.unit(target)) else {
            return Vec::new();
        };
        // A heatmap's axis is that of the values; how many there are is in the cells.
        let dim = match value.shape {
            Shape::Native | Shape::Buckets => Dim::of(value.dim.base),
            _ => value.dim,
        };
        match dim.is_shown_by(unit) {
            true => Vec::new(),
            false => vec![format!("{dim:?} as {unit}")],
        }
    })
}

/// A legend names each label by which lines differ, and none that they do not have.
fn legends(of: &Dashboard) -> Vec<Fault> {
    each(of, |panel, target| {
        let Ok(value) = value_of(target) else {
            return Vec::new();
        };
        if matches!(text(&panel.0["type"]), "table") {
            return Vec::new();
        }
        let legend = text(&target["legendFormat"]);
        let named: BTreeSet<String> = legend
            .split("{{")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once("}}")?.0.trim().to_owned()))
            .collect();
        match value.labels {
            Some(labels) if labels != named => {
                vec![format!("legend {legend:?} of lines by {labels:?}")]
            }
            _ => Vec::new(),
        }
    })
}

fn descriptions(of: &Dashboard) -> Vec<Fault> {
    let texts = of
        .panels()
        .map(|panel| (panel.title(), text(&panel.0["description"])))
        .chain([("the dashboard", text(&of.0["description"]))]);
    texts
        .filter(|(title, text)| {
            !text.ends_with('.')
                || text.contains("  ")
                || !text.contains(' ')
                || title.ends_with('.')
        })
        .map(|(title, text)| format!("{title}: {text:?} is no sentence"))
        .collect()
}

/// A family with exemplars shows them once in a panel of lines or cells; what has none does not ask.
fn exemplars(of: &Dashboard) -> Vec<Fault> {
    let mut faults = Vec::new();
    for panel in of.panels() {
        let drawn = matches!(text(&panel.0["type"]), "timeseries" | "heatmap");
        let mut asked: BTreeMap<&str, usize> = BTreeMap::new();
        for target in panel.targets() {
            let asks = target["exemplar"] == true;
            for name in selectors(text(&target["expr"]))
                .into_iter()
                .filter_map(|s| s.0.name)
            {
                let has =
                    families::by_series(&name).filter(|(family, _)| family.desc.has_exemplars());
                // A mean is of all samples: single ones do not explain it.
                let spread = text(&target["expr"]).contains("histogram_quantile")
                    || panel.0["type"] == "heatmap";
                if let Some((family, _)) = has
                    && drawn
                    && spread
                {
                    *asked.entry(family.desc.name()).or_default() += usize::from(asks);
                } else if asks {
                    faults.push(format!("{}: {name} has no exemplars", panel.title()));
                }
            }
        }
        let unasked = asked.iter().filter(|(_, asked)| **asked == 0);
        faults
            .extend(unasked.map(|(name, _)| format!("{}: no exemplars of {name}", panel.title())));
    }
    faults
}

/// Steps from the beginning on, ascending, in Grafana's colours.
fn thresholds(of: &Dashboard) -> Vec<Fault> {
    const COLOURS: [&str; 5] = ["text", "green", "yellow", "orange", "red"];
    let mut faults = Vec::new();
    for panel in of.panels() {
        let config = &panel.0["fieldConfig"];
        let overrides = list(&config["overrides"])
            .flat_map(|o| list(&o["properties"]))
            .filter(|property| property["id"] == "thresholds")
            .map(|property| &property["value"]);
        for thresholds in [&config["defaults"]["thresholds"]]
            .into_iter()
            .chain(overrides)
        {
            let steps: Vec<&Value> = list(&thresholds["steps"]).collect();
            let values: Vec<f64> = steps.iter().filter_map(|s| s["value"].as_f64()).collect();
            let begins = steps.first().is_some_and(|step| step["value"].is_null());
            let ascends = values.windows(2).all(|pair| pair[0] < pair[1]);
            let coloured = steps.iter().all(|s| COLOURS.contains(&text(&s["color"])));
            if !(begins && ascends && coloured && values.len() + 1 == steps.len()) {
                faults.push(format!("{}: thresholds {thresholds}", panel.title()));
            }
        }
    }
    faults
}

fn overlaps(of: &Dashboard) -> Vec<Fault> {
    let mut taken: BTreeMap<(u64, u64), &str> = BTreeMap::new();
    let mut faults = Vec::new();
    for item in of.items() {
        let at = |key: &str| item["gridPos"][key].as_u64().unwrap_or(u64::MAX / 2);
        let title = text(&item["title"]);
        if at("x") + at("w") > 24 || at("w") == 0 || at("h") == 0 || at("h") > 100 {
            faults.push(format!("{title} stands at {}", item["gridPos"]));
            continue;
        }
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                if let Some(other) = taken.insert((x, y), title) {
                    faults.push(format!("{title} and {other} overlap"));
                }
            }
        }
    }
    faults.dedup();
    faults
}

fn ids(of: &Dashboard) -> Vec<Fault> {
    let mut seen = BTreeSet::new();
    let mut faults: Vec<Fault> = of
        .items()
        .filter(|item| !seen.insert(item["id"].as_u64()))
        .map(|item| format!("two panels have the id {}", item["id"]))
        .collect();
    for panel in of.panels() {
        let mut letters = BTreeSet::new();
        let twice = panel
            .targets()
            .any(|target| !letters.insert(text(&target["refId"])));
        if twice {
            faults.push(format!("{}: two queries of one letter", panel.title()));
        }
    }
    faults
}

/// A link between dashboards leads to one that there is, with the variables and the time.
fn links(of: &Dashboard) -> Vec<Fault> {
    let known: Vec<String> = media_metrics_forwarder::generate::dashboards::all()
        .iter()
        .map(|dashboard| dashboard.uid())
        .collect();
    let mut faults = Vec::new();
    let mut lead = |url: &str, along: bool| {
        let path = url.split('?').next().unwrap_or_default();
        if let Some(uid) = path.strip_prefix("/d/")
            && !(along && known.iter().any(|known| known == uid))
        {
            faults.push(format!("a link to {url}"));
        }
    };
    for link in list(&of.0["links"]) {
        let along = link["includeVars"] == true && link["keepTime"] == true;
        lead(text(&link["url"]), along);
    }
    for panel in of.panels() {
        let of_columns = list(&panel.0["fieldConfig"]["overrides"])
            .flat_map(|o| list(&o["properties"]))
            .filter(|property| property["id"] == "links")
            .flat_map(|property| list(&property["value"]));
        for link in list(&panel.0["links"]).chain(of_columns) {
            let url = text(&link["url"]);
            let variables = url.contains("${__all_variables}")
                || (url.contains("${datasource:queryparam}") && url.contains("${job:queryparam}"));
            lead(url, variables && url.contains("${__url_time_range}"));
        }
    }
    faults
}

/// A table's columns are labels and values that its queries have; what differs between lines and is no column is told
/// to be left out.
fn columns(of: &Dashboard) -> Vec<Fault> {
    let mut faults = Vec::new();
    for panel in of.panels().filter(|panel| panel.0["type"] == "table") {
        let mut there: BTreeSet<String> = ["Time".to_owned()].into();
        for target in panel.targets() {
            there.insert(format!("Value #{}", text(&target["refId"])));
            there.extend(
                value_of(target)
                    .ok()
                    .and_then(|v| v.labels)
                    .unwrap_or_default(),
            );
        }
        let organize = list(&panel.0["transformations"]).find(|t| t["id"] == "organize");
        let keys = |of: &str| -> BTreeSet<String> {
            organize
                .and_then(|o| o["options"][of].as_object())
                .map(|object| object.keys().cloned().collect())
                .unwrap_or_default()
        };
        let shown = keys("renameByName");
        let told: BTreeSet<String> = shown.union(&keys("excludeByName")).cloned().collect();
        if shown != keys("indexByName") || told != there {
            faults.push(format!(
                "{}: of {there:?} it tells of {told:?}",
                panel.title()
            ));
        }
    }
    faults
}

fn schema(of: &Dashboard) -> Vec<Fault> {
    let expected = [
        ("schemaVersion", Value::from(42)),
        ("timezone", Value::from("browser")),
        ("graphTooltip", Value::from(1)),
    ];
    expected
        .iter()
        .filter(|(key, value)| of.0[key] != *value)
        .map(|(key, value)| format!("{key} is {}, not {value}", of.0[key]))
        .collect()
}
