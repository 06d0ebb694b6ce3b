//! The service runs, answers, counts what it answered, and stops when told to.

#![allow(clippy::unwrap_used, reason = "tests")]

use support::{Program, Response, eventually};

#[test]
fn requests_are_counted_and_the_pages_are_served() {
    let mut program = Program::start(env!("CARGO_BIN_EXE_axum-service"), &["127.0.0.1:0"]);
    for room in ["blue", "blue", "red"] {
        assert_eq!(program.post(&format!("/rooms/{room}/join"), "").status, 200);
    }
    assert_eq!(program.get("/rooms/blue").body, "2\n");
    assert_eq!(program.get("/rooms/green").status, 404);
    assert_eq!(program.post("/rooms/red/leave", "").body, "0\n");

    let page = eventually("the last request is on the page", || {
        let page = program.get("/internal/metrics");
        let left = page.value(r#"http_request_duration_seconds_count{method="POST",route="/rooms/{room}/leave",status="200"}"#);
        (left == Some(1.0)).then_some(page)
    });
    let is = |page: &Response, name: &str, expected| {
        assert_eq!(page.value(name), Some(expected), "{name}");
    };
    is(&page, "rooms_joins_total", 3.0);
    is(&page, "rooms", 1.0);
    is(&page, "http_requests_in_flight", 0.0);
    let count = |labels| format!("http_request_duration_seconds_count{{{labels}}}");
    is(
        &page,
        &count(r#"method="POST",route="/rooms/{room}/join",status="200""#),
        3.0,
    );
    is(
        &page,
        &count(r#"method="GET",route="/rooms/{room}",status="200""#),
        1.0,
    );
    is(
        &page,
        &count(r#"method="GET",route="/rooms/{room}",status="404""#),
        1.0,
    );
    assert!(!page.body.contains("blue"), "a room's name is no label");
    assert!(
        !page.body.contains("/internal"),
        "scrapes are not counted as requests"
    );
    // What comes with the libraries.
    assert!(page.value("process_resident_memory_bytes").unwrap() > 0.0);
    assert!(page.body.contains("media_metrics_build_info{"));
    assert_eq!(program.get("/internal/-/ready").status, 200);

    assert!(program.stop().success());
    assert!(
        program.said("stopped"),
        "it ended by itself, after the last merge"
    );
}
