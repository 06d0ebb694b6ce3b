//! Each rule finds what it is there to find: a dashboard is broken in one way, and the rule of that name speaks up.

use serde_json::{Value, json};

use crate::dashboard::Dashboard;
use crate::query::check_query;
use crate::{all, found, grafana, ours};

/// A rule, the place in the overview's JSON that is broken, and what stands there then; Null takes it out.
fn breaks() -> Vec<(&'static str, &'static str, Value)> {
    let gauge = r#"sum(media_rtp_streams{job=~"$job", instance=~"$instance"})"#;
    vec![
        (
            "template-datasource-rule",
            "/templating/list/0/name",
            json!("prom"),
        ),
        (
            "template-job-rule",
            "/templating/list/1/allValue",
            json!(".*"),
        ),
        (
            "template-instance-rule",
            "/templating/list/2/multi",
            json!(false),
        ),
        (
            "template-label-promql-rule",
            "/templating/list/1/query",
            json!("label_values(no_such_family, job)"),
        ),
        (
            "template-on-time-change-reload-rule",
            "/templating/list/1/refresh",
            json!(1),
        ),
        (
            "panel-datasource-rule",
            "/panels/1/datasource/uid",
            json!("abc"),
        ),
        ("panel-title-description-rule", "/panels/1/title", json!("")),
        (
            "panel-units-rule",
            "/panels/1/fieldConfig/defaults/unit",
            json!("furlong"),
        ),
        ("panel-no-targets-rule", "/panels/1/targets", json!([])),
        (
            "target-logql-rule",
            "/panels/1/targets/0/datasource/type",
            json!("loki"),
        ),
        (
            "target-logql-auto-rule",
            "/panels/1/targets/0",
            json!({"datasource": {"type": "loki"}, "expr": "rate({a=\"b\"}[5m])"}),
        ),
        (
            "target-promql-rule",
            "/panels/1/targets/0/expr",
            json!("sum("),
        ),
        (
            "target-rate-interval-rule",
            "/panels/1/targets/0/expr",
            json!(r#"rate(media_rtp_bytes_total{job=~"$job", instance=~"$instance"}[5m])"#),
        ),
        (
            "target-job-rule",
            "/panels/1/targets/0/expr",
            json!(r#"sum(media_rtp_streams{instance=~"$instance"})"#),
        ),
        (
            "target-instance-rule",
            "/panels/1/targets/0/expr",
            json!(r#"sum(media_rtp_streams{job=~"$job", instance="$instance"})"#),
        ),
        (
            "target-counter-agg-rule",
            "/panels/1/targets/0/expr",
            json!(r#"media_rtp_bytes_total{job=~"$job", instance=~"$instance"}"#),
        ),
        ("uneditable-dashboard", "/editable", json!(true)),
        (
            "queries-fit-the-catalog",
            "/panels/1/targets/0/expr",
            json!("sum(media_rtp_stream)"),
        ),
        (
            "units-fit-the-queries",
            "/panels/1/fieldConfig/defaults/unit",
            json!("bytes"),
        ),
        (
            "legends-tell-lines-apart",
            "/panels/1/targets/0/legendFormat",
            json!("{{kind}}"),
        ),
        (
            "descriptions-are-sentences",
            "/panels/1/description",
            json!("Packets"),
        ),
        (
            "exemplars-where-there-are-any",
            "/panels/1/targets/0/exemplar",
            json!(true),
        ),
        (
            "thresholds-ascend",
            "/panels/1/fieldConfig/defaults/thresholds/steps/1/value",
            json!(1e9),
        ),
        ("panels-do-not-overlap", "/panels/2/gridPos/x", json!(0)),
        ("ids-are-unique", "/panels/2/id", json!(1)),
        (
            "links-keep-time-and-variables",
            "/links/0/keepTime",
            json!(false),
        ),
        (
            "columns-show-what-is-there",
            "/panels/1",
            json!({"type": "table", "title": "T", "targets": [{"refId": "A", "expr": gauge}]}),
        ),
        ("schema-is-the-current-one", "/schemaVersion", json!(36)),
    ]
}

#[test]
fn every_rule_catches_a_violation() {
    let (_, whole) = all().swap_remove(0);
    let mut untried: Vec<&str> = grafana::RULES
        .iter()
        .chain(ours::RULES)
        .map(|(name, _)| *name)
        .collect();
    for (rule, place, broken) in breaks() {
        let mut json = whole.0.clone();
        *json.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = broken;
        let found = found(&Dashboard(json));
        assert!(
            found.iter().any(|(name, _)| *name == rule),
            "{rule} missed {place}: {found:?}"
        );
        untried.retain(|name| *name != rule);
    }
    assert_eq!(untried, [""; 0], "rules without a violation");
    assert_eq!(grafana::RULES.len(), 17);
}

/// Queries that are wrong, and a word of what is said about them.
#[test]
fn queries_that_mean_nothing_are_told_why() {
    let wrong = [
        ("media_rtp_bytes_total", "only grows"),
        ("sum(media_forward_latency_seconds_bucket)", "only grows"),
        ("rate(media_rtp_streams[5m])", "is a gauge"),
        (
            "sum by (codec) (rate(media_rtp_bytes_total[5m]))",
            "no such label",
        ),
        ("media_rtp_streams{codec=\"vp8\"}", "no label codec"),
        ("media_rtp_streamz", "in no catalog"),
        (
            "histogram_quantile(0.9, sum(rate(media_forward_latency_seconds_bucket[5m])))",
            "without le",
        ),
        (
            "histogram_quantile(0.9, sum(rate(media_rtp_bytes_total[5m])))",
            "of Plain",
        ),
        (
            "sum(rate(media_forward_latency_seconds_bucket{le=\"0.3\"}[5m]))",
            "no bucket up to 0.3",
        ),
        (
            "sum(rate(media_rtp_quality_score_bucket{le=\"40\"}[5m]))",
            "match both",
        ),
        ("sum(rate(livekit_rtt_ms[5m]))", "no native buckets"),
        (
            "sum by (kind) (rate(media_rtp_bytes_total[5m])) / sum(media_rtp_streams)",
            "the labels of both sides differ",
        ),
        (
            "sum(rate(media_rtp_bytes_total[5m])) + sum(rate(media_rtp_packets_total[5m]))",
            "they differ",
        ),
        (
            "sum(media_rtp_streams) / sum(media_node_memory_used_bytes)",
            "has a unit",
        ),
        ("media_rtp_streams[5m]", "a range is no value"),
        ("sum(rate(media_rtp_bytes_total[5m])", "does not parse"),
    ];
    for (query, word) in wrong {
        let faults = check_query(query).join("; ");
        assert!(faults.contains(word), "{query}: {faults:?}");
    }
    let right = [
        "absent(up{job=\"a\"})",
        "sum(rate(media_rtp_quality_score_bucket{le=~\"40(\\\\.0)?\"}[5m]))",
        "time() - max(process_start_time_seconds)",
        "max by (job, instance, slot) (media_worst_stream_score) * on (job, instance, slot) group_left (id) \
         media_worst_stream_info",
    ];
    for query in right {
        assert_eq!(check_query(query), [""; 0], "{query}");
    }
}
