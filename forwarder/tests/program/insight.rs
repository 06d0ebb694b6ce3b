//! Single streams: the worst in slots, and any as JSON.

use serde_json::Value;

use crate::process::Running;

fn json(program: &Running, path: &str) -> Value {
    let answer = program.fetch(path);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

fn count(page: &str, start: &str) -> usize {
    page.lines().filter(|line| line.starts_with(start)).count()
}

#[test]
fn built_in_streams_are_told_of_and_the_worst_have_slots() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "synthetic: {streams: 6}\nmetrics: {listen: '127.0.0.1:0', interval: 0.2}\ninsight: {worst: 3}\n",
    )
    .unwrap();
    let program = Running::start(&["--config", file.path().to_str().unwrap()]);
    let page = program.scrape_when(|page| {
        let slots = count(&page.0, "media_worst_stream_info{");
        let known = count(&page.0, "media_worst_stream_bytes_per_second{");
        ((slots, known) != (3, 3)).then(|| format!("{slots} slots, {known} rates:\n{}", page.0))
    });
    for slot in 0..3 {
        let start = format!("media_worst_stream_info{{slot=\"{slot}\"");
        assert_eq!(count(&page.0, &start), 1, "{}", page.0);
    }
    assert_eq!(count(&page.0, "media_worst_stream_bytes_per_second{"), 3);
    let groups = count(&page.0, "media_worst_group_info{");
    assert!((1..=3).contains(&groups), "{groups}");

    let all = json(&program, "/api/v1/streams");
    let streams = all["streams"].as_array().unwrap();
    let of = |kind: &str| streams.iter().filter(|s| s["type"] == kind).count();
    assert_eq!(of("inbound-rtp"), 6, "{all}");
    assert!(of("outbound-rtp") > 0, "{all}");
    let timestamp = all["timestamp"].as_f64().unwrap();
    for stream in streams.iter().filter(|s| s["type"] == "inbound-rtp") {
        assert!(stream["packetsReceived"].as_u64().unwrap() > 0, "{stream}");
        let last = stream["lastPacketReceivedTimestamp"].as_f64().unwrap();
        assert!((0.0..60_000.0).contains(&(timestamp - last)), "{stream}");
        let group = stream["mediaMetrics"]["group"].as_str().unwrap();
        let kind = stream["kind"].as_str().unwrap();
        assert_eq!(group, format!("incoming/{kind}"));
    }
    let one = json(
        &program,
        "/api/v1/streams?kind=video&direction=incoming&sort=worst&limit=1",
    );
    assert_eq!(one["streams"].as_array().unwrap().len(), 1, "{one}");
    assert_eq!(one["truncated"], true);
    let worst = json(&program, "/api/v1/worst");
    assert_eq!(worst["streams"].as_array().unwrap().len(), 3, "{worst}");
    let snapshot = json(&program, "/api/v1/snapshot?name[]=media_rtp_streams");
    let series = snapshot["families"][0]["series"].as_array().unwrap();
    let streams: f64 = series.iter().map(|s| s["value"].as_f64().unwrap()).sum();
    assert_eq!(streams, 6.0, "{snapshot}");
}

#[test]
fn what_openmetrics_may_say_is_asked_for_in_the_file() {
    let second = "application/openmetrics-text; version=2.0.0";
    let first = "application/openmetrics-text; version=1.0.0";
    let scrape = |more: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let metrics = format!("listen: '127.0.0.1:0', interval: 0.1{more}");
        let config = format!("synthetic: {{streams: 1}}\nmetrics: {{{metrics}}}\n");
        std::fs::write(file.path(), config).unwrap();
        let program = Running::start(&["--config", file.path().to_str().unwrap()]);
        program.scrape_when(|page| {
            let there = count(&page.0, "media_rtp_packets_total{");
            (there == 0).then(|| page.0.clone())
        });
        [first, second].map(|accept| program.fetch_as("/metrics", accept))
    };
    let created = |page: &str| count(page, "media_rtp_packets_created{") > 0;
    let [open, other] = scrape("");
    assert!(open.contains("version=1.0.0") && !created(&open), "{open}");
    assert!(other.contains("text/plain"), "{other}");
    let [open, other] = scrape(", openmetrics_2: true, openmetrics_created: true");
    assert!(open.contains("version=1.0.0") && created(&open), "{open}");
    assert!(other.contains("version=2.0.0"), "{other}");
    assert!(other.contains(" st@"), "{other}");
}
