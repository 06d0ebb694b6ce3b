//! Recording and alerting rules: they ask for what there is, too.

use media_metrics_forwarder::generate;
use media_metrics_forwarder::generate::rules::alerts;
use media_metrics_forwarder::generate::rules::model::Tool;
use serde::Deserialize;

use crate::query::{Fault, Names, Value};

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    record: Option<String>,
    alert: Option<String>,
    expr: String,
}

/// What the rules of some files record, and what is wrong with them. They may use what any of them records.
fn read(files: &[&str]) -> (Names, Vec<Fault>) {
    let read = |text: &&str| serde_saphyr::from_str::<Rules>(text).unwrap();
    let rules = files.iter().map(read).flat_map(|file| file.groups);
    let mut open: Vec<Rule> = rules.flat_map(|group| group.rules).collect();
    let mut names = Names::default();
    // Rules use each other in no particular order: as long as one more makes sense, there may be others.
    loop {
        let before = open.len();
        let mut wrong = Vec::new();
        open.retain(|rule| match names.check(rule.without_itself()) {
            Ok(value) => {
                if let Some(name) = &rule.record {
                    names.record(name, Value { ..value });
                }
                false
            }
            Err(faults) => {
                let name = rule.record.as_ref().or(rule.alert.as_ref());
                wrong.extend(faults.into_iter().map(|fault| format!("{name:?}: {fault}")));
                true
            }
        });
        if open.len() == before {
            return (names, wrong);
        }
    }
}

impl Rule {
    /// The expression. Of one that goes on from its own last value, `first\nor\n(… itself …)`, what it begins with.
    fn without_itself(&self) -> &str {
        let begins = self.expr.split_once("\nor\n");
        match (&self.record, begins) {
            (Some(name), Some((first, then))) if then.contains(name) => first,
            _ => &self.expr,
        }
    }
}

fn faults(files: &[&str]) -> Vec<Fault> {
    read(files).1
}

#[test]
fn rules_and_queries_of_runbooks_fit_the_catalog() {
    let files = generate::files();
    let rules: Vec<&str> = files
        .iter()
        .filter(|file| file.path.starts_with("grafana/rules/") && !file.path.contains("/tests/"))
        .map(|file| file.text.as_str())
        .collect();
    let (names, mut faults) = read(&rules);
    for alert in alerts::all() {
        for step in &alert.runbook.diagnosis {
            if let Tool::Query(query) = &step.with {
                let wrong = names.check(query).err().unwrap_or_default();
                faults.extend(
                    wrong
                        .into_iter()
                        .map(|fault| format!("{}, {query}: {fault}", alert.name)),
                );
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_rule_may_use_what_another_records_and_nothing_else() {
    let file = |record: &str| {
        format!(
            "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: level:b:rate5m > 0.1\n  - record: {record}\n    \
             expr: sum by (job) (rate(media_rtp_bytes_total[5m]))\n"
        )
    };
    assert_eq!(faults(&[&file("level:b:rate5m")]), [""; 0]);
    let missing = faults(&[&file("level:c:rate5m")]);
    assert_eq!(
        missing,
        ["Some(\"A\"): level:b:rate5m is in no catalog and made by no rule"]
    );
}
