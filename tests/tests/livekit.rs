//! The program under LiveKit's profile, as LiveKit's own dashboards see it: families to the letter of the
//! reference's list, and its queries answered by a real Prometheus.

#![expect(
    clippy::panic,
    reason = "a test stops at the first surprise, with all it knows"
)]

use std::collections::BTreeMap;
use std::fs;

use media_metrics_tests::page::{self, Family};
use media_metrics_tests::program::Program;
use media_metrics_tests::prometheus::{self, Prometheus};
use media_metrics_tests::wait::{self, PATIENCE};
use serde_json::Value;

/// Families whose labels only a host with sessions, an API or a message bus knows: they appear on first use.
const ON_FIRST_USE: [&str; 19] = [
    "livekit_config_hash",
    "livekit_config_load_state",
    "livekit_config_reload_total",
    "livekit_debug_ref_count",
    "livekit_node_twirp_request_latency_ms",
    "livekit_node_twirp_request_status",
    "livekit_psrpc_bytes_total",
    "livekit_psrpc_claim_wait_time_ms",
    "livekit_psrpc_error_total",
    "livekit_psrpc_request_time_ms",
    "livekit_psrpc_requests_expired_total",
    "livekit_psrpc_requests_received_total",
    "livekit_psrpc_stream_count",
    "livekit_psrpc_stream_receive_total",
    "livekit_psrpc_stream_send_time_ms",
    "livekit_pubsubtime_ms",
    "livekit_session_duration_ms",
    "livekit_session_join_latency_ms",
    "livekit_session_start_time_ms",
];

/// Families of ours that say what one of LiveKit's says: not served beside it.
const REPLACED: [(&str, &str); 24] = [
    ("media_rtp_packets_total", "livekit_packet_total"),
    ("media_rtp_sent_packets_total", "livekit_packet_total"),
    (
        "media_rtp_retransmitted_packets_total",
        "livekit_packet_total",
    ),
    ("media_forward_packets_total", "livekit_packet_total"),
    ("media_rtp_bytes_total", "livekit_packet_bytes"),
    ("media_rtp_sent_bytes_total", "livekit_packet_bytes"),
    (
        "media_rtp_retransmitted_bytes_total",
        "livekit_packet_bytes",
    ),
    ("media_forward_bytes_total", "livekit_packet_bytes"),
    ("media_rtp_nacked_packets_sent_total", "livekit_nack_total"),
    ("media_rtp_nacked_packets_total", "livekit_nack_total"),
    ("media_rtp_plis_sent_total", "livekit_pli_total"),
    ("media_rtp_plis_received_total", "livekit_pli_total"),
    ("media_rtp_firs_sent_total", "livekit_fir_total"),
    ("media_rtp_firs_received_total", "livekit_fir_total"),
    ("media_rtp_packets_lost_total", "livekit_packet_loss_total"),
    (
        "media_rtp_remote_packets_lost_total",
        "livekit_packet_loss_total",
    ),
    (
        "media_rtp_interval_loss_ratio",
        "livekit_packet_loss_percent",
    ),
    (
        "media_rtp_remote_fraction_lost_ratio",
        "livekit_packet_loss_percent",
    ),
    (
        "media_rtp_packets_reordered_total",
        "livekit_packet_out_of_order_total",
    ),
    ("media_rtp_interval_jitter_seconds", "livekit_jitter_us"),
    ("media_rtp_remote_jitter_seconds", "livekit_jitter_us"),
    ("media_rtp_remote_rtt_seconds", "livekit_rtt_ms"),
    ("media_participant_quality_mos", "livekit_quality_score"),
    (
        "media_forward_latency_seconds",
        "livekit_forward_latency_ns",
    ),
];

/// Some of those that LiveKit has nothing for: what goes wrong, and the library's own health.
const SHOWN: [&str; 10] = [
    "media_forward_feedback_dropped_total",
    "media_forward_latency_window_seconds",
    "media_forward_packets_rejected_total",
    "media_forward_packets_untracked_total",
    "media_forward_rtcp_rejected_total",
    "media_forward_send_errors_total",
    "media_metrics_reporter_tick_seconds",
    "media_participant_ratings_total",
    "media_rtp_packets_duplicate_total",
    "media_rtp_windows_unmeasured_total",
];

/// What promtool does not like about LiveKit's names, which are not ours to change.
const LINT: [&str; 17] = [
    "livekit_connection_total non-counter metrics should not have \"_total\" suffix",
    "livekit_forward_latency_ns metric names should not contain abbreviated units",
    "livekit_jitter_us metric names should not contain abbreviated units",
    "livekit_node_messages counter metrics should have \"_total\" suffix",
    "livekit_node_packet_total non-counter metrics should not have \"_total\" suffix",
    "livekit_node_service_operation counter metrics should have \"_total\" suffix",
    "livekit_packet_bytes counter metrics should have \"_total\" suffix",
    "livekit_participant_total non-counter metrics should not have \"_total\" suffix",
    "livekit_peer_connection_state counter metrics should have \"_total\" suffix",
    "livekit_room_total non-counter metrics should not have \"_total\" suffix",
    "livekit_rtt_ms metric names should not contain abbreviated units",
    "livekit_track_publish_counter counter metrics should have \"_total\" suffix",
    "livekit_track_publish_counter metric name should not include type 'counter'",
    "livekit_track_published_total non-counter metrics should not have \"_total\" suffix",
    "livekit_track_subscribe_counter counter metrics should have \"_total\" suffix",
    "livekit_track_subscribe_counter metric name should not include type 'counter'",
    "livekit_track_subscribed_total non-counter metrics should not have \"_total\" suffix",
];

/// The queries of LiveKit's dashboard "LiveKit Server Overview" that have data.
const ALIVE: [&str; 9] = [
    "sum(livekit_room_total)",
    "sum(livekit_participant_total)",
    r#"sum(irate(livekit_node_messages{type="signal"}[5m]))"#,
    r#"sum(irate(livekit_node_messages{status="failure"}[5m]))"#,
    "sum(livekit_track_published_total)",
    "sum(irate(livekit_packet_total[5m]))",
    "sum(irate(livekit_nack_total[5m]))",
    "sum(irate(livekit_pli_total[5m]))",
    "sum(irate(livekit_fir_total[5m]))",
];

/// Those that have none in the reference either: a label value and a family that it gave up.
const DEAD: [&str; 3] = [
    r#"sum(irate(livekit_node_messages{type="rtc"}[5m]))"#,
    r#"sum(irate(livekit_messagebus_messages{type="out"}[5m]))"#,
    r#"sum(irate(livekit_messagebus_messages{type="out", status="failure"}[5m]))"#,
];

/// The reference's families, from its list.
fn reference() -> BTreeMap<String, Family> {
    let list =
        media_metrics_tests::package().join("../core/tests/data/livekit/prometheus-families.json");
    let list = fs::read_to_string(list).unwrap_or_else(|e| panic!("the list of families: {e}"));
    let list: Value = serde_json::from_str(&list).unwrap_or_else(|e| panic!("{e}"));
    let texts = |of: &Value| -> Vec<String> {
        let texts = of.as_array().into_iter().flatten();
        texts
            .filter_map(|text| text.as_str().map(str::to_owned))
            .collect()
    };
    let family = |family: &Value| {
        let labels = [texts(&family["labels"]), texts(&family["const_labels"])].concat();
        let [name, kind] = ["name", "type"].map(|key| family[key].as_str().unwrap_or_default());
        let mut le = texts(&family["le"]);
        if kind == "histogram" && le.last().is_none_or(|last| last != "+Inf") {
            le.push("+Inf".to_owned());
        }
        let family = Family {
            kind: kind.to_owned(),
            labels: [labels].into(),
            le,
        };
        (name.to_owned(), family)
    };
    list["families"]
        .as_array()
        .into_iter()
        .flatten()
        .map(family)
        .collect()
}

/// The page, once a window of streams is over and participants are rated.
fn settled_page(program: &Program) -> String {
    let url = format!("http://{}/metrics", program.metrics());
    wait::until("a page with a window of streams", PATIENCE, || {
        let page = prometheus::get(&url)?;
        let counted = |family: &str| {
            let lines = page.lines().filter(|line| line.starts_with(family));
            lines.into_iter().any(|line| !line.ends_with(" 0"))
        };
        match counted("livekit_jitter_us_count") && counted("livekit_quality_rating_count") {
            true => Ok(page),
            false => Err(program.quoted()),
        }
    })
}

#[test]
fn the_page_has_livekits_families_to_the_letter_and_none_that_they_replace() {
    let program = Program::synthetic(6, "livekit");
    let page = settled_page(&program);
    let reference = reference();
    assert_eq!(reference.len(), 52);
    let served = page::families(&page, "livekit_");
    for (name, family) in &served {
        assert_eq!(Some(family), reference.get(name), "{name}");
    }
    let missing: Vec<&String> = reference
        .keys()
        .filter(|name| !served.contains_key(*name))
        .collect();
    assert_eq!(missing, ON_FIRST_USE);
    let ours = page::families(&page, "media_");
    for (hidden, livekits) in REPLACED {
        assert!(!ours.contains_key(hidden), "{hidden} is shown");
        assert!(
            served.contains_key(livekits),
            "{livekits} is not, instead of {hidden}"
        );
    }
    for shown in SHOWN {
        assert!(ours.contains_key(shown), "{shown} is not shown");
    }
    assert_eq!(
        prometheus::lint(&page).as_deref(),
        Ok(&LINT.map(str::to_owned)[..])
    );
    let _printed = program.finish();
}

#[test]
fn livekits_dashboard_has_data_but_for_three_queries_that_have_none_anywhere() {
    let program = Program::synthetic(6, "livekit");
    let prometheus = Prometheus::scraping(program.metrics());
    for query in ALIVE {
        wait::until(query, PATIENCE, || match prometheus.value(query)? {
            Some(_) => Ok(()),
            None => Err("no data".to_owned()),
        });
    }
    prometheus.wait_for("sum(livekit_room_total)", 1);
    prometheus.wait_for("sum(livekit_participant_total)", 7); // six send, one gets
    prometheus.wait_for("sum(livekit_track_published_total)", 6);
    prometheus.wait_for("sum(irate(livekit_packet_total[5m])) > bool 0", 1);
    for query in DEAD {
        assert_eq!(prometheus.value(query), Ok(None), "{query}");
    }
    let _printed = program.finish();
}

/// Every figure of one scrape under both profiles: derived families are those that they are derived from.
#[test]
fn both_profiles_agree_in_every_scrape() {
    let program = Program::synthetic(6, "both");
    let page = settled_page(&program);
    let sum = |family: &str, label: &str| -> f64 {
        let series = format!("{family}{{");
        let lines = page
            .lines()
            .filter(|line| line.starts_with(&series) && line.contains(label));
        lines
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum()
    };
    let incoming = |family: &str| sum(family, r#"direction="incoming""#);
    let received =
        incoming("media_rtp_packets_total") - incoming("media_rtp_packets_duplicate_total");
    assert_eq!(incoming("livekit_packet_total"), received);
    assert!(received > 0.0);
    let outgoing = |family: &str| sum(family, r#"direction="outgoing""#);
    assert_eq!(
        outgoing("livekit_packet_total"),
        outgoing("media_rtp_sent_packets_total")
    );
    assert_eq!(
        outgoing("livekit_packet_bytes"),
        outgoing("media_rtp_sent_bytes_total")
    );
    assert_eq!(
        sum("livekit_packet_total", r#"transmission="retransmit""#),
        outgoing("media_rtp_retransmitted_packets_total")
    );
    assert_eq!(
        incoming("livekit_packet_loss_total"),
        incoming("media_rtp_packets_lost_total")
    );
    assert_eq!(
        incoming("livekit_packet_out_of_order_total"),
        incoming("media_rtp_packets_reordered_total")
    );
    let _printed = program.finish();
}

#[test]
fn without_a_profile_no_line_is_livekits() {
    let program = Program::synthetic(1, "media");
    let url = format!("http://{}/metrics", program.metrics());
    let page = wait::until("a page", PATIENCE, || {
        let page = prometheus::get(&url)?;
        match page.contains("media_rtp_packets_total{") {
            true => Ok(page),
            false => Err(page),
        }
    });
    assert!(!page.contains("livekit"), "{page}");
    let _printed = program.finish();
}

/// `docs/livekit.md` lists the same families, remarks and queries.
#[test]
fn the_documentation_says_the_same() {
    let path = media_metrics_tests::package().join("../docs/livekit.md");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut listed = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `livekit_")) {
        let [_, name, _, here, _] = line.split('|').collect::<Vec<_>>()[..] else {
            panic!("not three columns: {line}");
        };
        listed.insert(name.trim().trim_matches('`').to_owned(), here.trim());
    }
    assert!(listed.keys().eq(reference().keys()), "{listed:?}");
    let absent: Vec<&String> = listed
        .iter()
        .filter(|(_, here)| **here == "absent")
        .map(|(name, _)| name)
        .collect();
    assert_eq!(absent, ON_FIRST_USE);
    let replaced = REPLACED.map(|(ours, livekits)| format!("| `{ours}` | `{livekits}` |"));
    let table = format!("|---|---|\n{}\n\n", replaced.join("\n"));
    assert!(
        text.contains(&table),
        "{} should hold:\n{table}",
        path.display()
    );
    for lines in [&LINT[..], &ALIVE, &DEAD] {
        let block = format!("\n{}\n```\n", lines.join("\n"));
        assert!(
            text.contains(&block),
            "{} should hold these lines, and no other:{block}",
            path.display()
        );
    }
}
