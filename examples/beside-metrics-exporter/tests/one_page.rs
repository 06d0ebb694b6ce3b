//! Each way: all that the macros and the media counted is on one page.

#![allow(clippy::unwrap_used, reason = "tests")]

use beside_metrics_exporter::{JOBS, PACKETS};
use support::{Program, Response, eventually};

const PACKETS_SERIES: &str = r#"media_rtp_packets_total{direction="incoming",kind="audio"}"#;

/// The page when the work is done.
fn page_of(path: &str) -> Response {
    let program = Program::start(path, &["127.0.0.1:0"]);
    eventually("all jobs and packets are on the page", || {
        let page = program.get("/metrics");
        let jobs = page.value(r#"jobs_total{queue="mail"}"#) == Some(f64::from(JOBS));
        let packets = page.value(PACKETS_SERIES) == Some(f64::from(PACKETS));
        (jobs && packets).then_some(page)
    })
}

fn check(page: &Response) {
    let body = &page.body;
    assert!(body.contains("# HELP jobs_total Jobs done."), "{body}");
    // Each name once: two libraries that both tell a family would spoil the scrape.
    for family in ["jobs_total", "job_seconds", "media_rtp_packets_total"] {
        let declared = format!("# TYPE {family} ");
        assert_eq!(body.matches(&declared).count(), 1, "{family}");
    }
    let jobs = Some(f64::from(JOBS));
    assert_eq!(page.value("job_seconds_count"), jobs);
    assert_eq!(page.value(r#"job_seconds_bucket{le="+Inf"}"#), jobs);
    let within = page.value(r#"job_seconds_bucket{le="0.1"}"#).unwrap();
    assert!(page.value(r#"job_seconds_bucket{le="0.001"}"#).unwrap() <= within);
    let latencies = page.value("media_forward_latency_seconds_count");
    assert_eq!(latencies, Some(f64::from(PACKETS)));
}

#[test]
fn include_page() {
    check(&page_of(env!("CARGO_BIN_EXE_include_page")));
}

#[test]
fn republish() {
    check(&page_of(env!("CARGO_BIN_EXE_republish")));
}

#[test]
fn switch_over() {
    let page = page_of(env!("CARGO_BIN_EXE_switch_over"));
    check(&page);
    assert!(
        page.body.contains("media_metrics_facade"),
        "the macros' recorder is ours"
    );
}
