//! Receivers that fail, hang, lie, or are none: what is retried, what is dropped, what is counted, and that it ends.

use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use media_metrics_core::desc::Desc;
use media_metrics_core::snapshot::Builder;
use media_metrics_exporter::push::Endpoint;
use media_metrics_exporter::push::remote_write::RemoteWrite;

use crate::common::receiver::{Received, Receiver, Reply, status};
use crate::reading::{self, Point};
use crate::{Running, endpoint, everything, lines, push, takes_all};

fn one(value: u64) -> Builder {
    Builder::new().counter(&Desc::counter("a_total", "A."), &[(&[], value)])
}

/// Two snapshots for a receiver that does `once` with the first request, and then takes all.
fn after(once: Reply) -> (Receiver, crate::Told) {
    let receiver = Receiver::start(move |n, _| if n == 0 { once.clone() } else { takes_all() });
    let mut push = Running::start(push(&receiver).stale_on_stop(false));
    push.report(one(1));
    push.report(one(2));
    let told = push.stop();
    (receiver, told)
}

fn values(receiver: &Receiver) -> Vec<Point> {
    everything(receiver).into_iter().map(|s| s.value).collect()
}

const ONCE_MORE: [Point; 3] = [Point::Number(1.0), Point::Number(1.0), Point::Number(2.0)];

#[test]
fn what_may_pass_is_tried_again() {
    let huge_head = format!("HTTP/1.1 204 X\r\nX-Large: {}\r\n\r\n", "x".repeat(1 << 20));
    for (once, reason) in [
        (status(500, ""), "status"),
        (status(503, "Retry-After: 0\r\n"), "status"),
        (status(599, "Retry-After: soon\r\n"), "status"),
        (status(429, ""), "status"),
        (Reply::Hang, "timeout"),
        (Reply::Drip(b"H".to_vec()), "transport"),
        (Reply::Last(Vec::new()), "transport"),
        (Reply::Last(b"HTTP/1.1 204".to_vec()), "transport"),
        (
            Reply::Last(b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()),
            "transport",
        ),
        (Reply::Last(vec![0; 1 << 16]), "transport"),
        (Reply::Last(huge_head.into_bytes()), "transport"),
    ] {
        let shown = format!("{once:?}").chars().take(60).collect::<String>();
        let (receiver, told) = after(once);
        assert_eq!(values(&receiver), ONCE_MORE, "{shown}");
        let bodies = receiver.requests();
        assert_eq!(
            bodies[0].body, bodies[1].body,
            "{shown}: not the same request"
        );
        let retries = ["connect", "timeout", "tls", "transport", "status"]
            .map(|r| told.by_reason("retries", r));
        assert_eq!(retries.iter().sum::<u64>(), 1, "{shown} {retries:?}");
        // A drip may be too slow, or no HTTP, whichever shows first.
        assert!(
            told.by_reason("retries", reason) == 1 || shown.starts_with("Drip"),
            "{shown} {retries:?}"
        );
        assert_eq!(
            (told.count("samples"), told.count("samples_failed")),
            (2, 0),
            "{shown}"
        );
    }
}

#[test]
fn what_will_never_be_taken_is_dropped_and_counted() {
    for (code, reason) in [
        (400, "refused"),
        (401, "refused"),
        (403, "refused"),
        (404, "refused"),
        (413, "refused"),
        (301, "redirect"),
        (307, "redirect"),
        (308, "redirect"),
    ] {
        // A loop, if it was followed.
        let script = move |_: usize, request: &Received| match reading::version(request) {
            2 => status(415, ""),
            _ => status(code, "Location: /api/v1/write\r\n"),
        };
        let receiver = Receiver::start(script);
        let mut push = Running::start(push(&receiver).stale_on_stop(false));
        push.report(one(1));
        receiver.wait_for(2);
        let told = push.stop();
        assert_eq!(receiver.requests().len(), 2, "{code}");
        assert_eq!(told.by_reason("requests_failed", reason), 1, "{code}");
        assert_eq!(
            (told.count("samples"), told.count("samples_failed")),
            (0, 1),
            "{code}"
        );
    }
}

#[test]
fn what_an_answer_says_holds_whatever_follows() {
    let head = "HTTP/1.1 200 X\r\nX-Prometheus-Remote-Write-Samples-Written: 1\r\n";
    let huge = format!(
        "{head}Content-Length: 9999999999\r\n\r\n{}",
        "x".repeat(1 << 20)
    );
    let broken = format!("{head}Content-Length: 1000\r\n\r\nx");
    let endless = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n{}",
        "1\r\nx\r\n".repeat(100_000)
    );
    for once in [huge, broken, endless] {
        let (receiver, told) = after(Reply::Last(once.into_bytes()));
        assert_eq!(values(&receiver), ONCE_MORE[1..]);
        assert_eq!(
            (told.count("samples"), told.count("samples_failed")),
            (2, 0)
        );
    }
}

#[test]
fn retry_after_is_honoured() {
    for (least, is_date) in [(1_000, false), (900, true)] {
        let header = match is_date {
            true => httpdate(SystemTime::now() + Duration::from_secs(2)),
            false => "1".to_owned(),
        };
        let busy = status(429, &format!("Retry-After: {header}\r\n"));
        let receiver = Receiver::start(move |n, _| if n == 0 { busy.clone() } else { takes_all() });
        let mut push = Running::start(push(&receiver));
        push.report(one(1));
        let requests = receiver.wait_for(2); // before the stop, which waits for nothing
        let waited = requests[1].at - requests[0].at;
        assert!(
            waited >= Duration::from_millis(least),
            "{header}: {waited:?}"
        );
    }
}

/// RFC 9110's form of a time.
fn httpdate(time: SystemTime) -> String {
    let ok = std::process::Command::new("date")
        .args(["-u", "+%a, %d %b %Y %H:%M:%S GMT", "-d"])
        .arg(format!(
            "@{}",
            time.duration_since(SystemTime::UNIX_EPOCH)
                .unwrap()
                .as_secs()
        ))
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    String::from_utf8(ok.stdout).unwrap().trim().to_owned()
}

#[test]
fn an_outage_costs_resolution_and_bounded_memory() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let endpoint = Endpoint::new(format!("http://{address}/"))
        .interval(Duration::ZERO)
        .backoff(Duration::from_millis(1), Duration::from_millis(4))
        .queue_bytes(2_000)
        .stop_within(Duration::from_millis(200))
        .name("test");
    let mut push = Running::start(RemoteWrite::new(endpoint));
    for n in 0..2_000 {
        push.report(one(n));
        assert!(push.told().gauge("queued_bytes").unwrap() <= 2_000.0);
    }
    let told = push.stop();
    assert!(told.by_reason("snapshots_dropped", "full") > 100);
    assert!(told.by_reason("retries", "connect") > 0);
    let lost = told.by_reason("requests_failed", "superseded")
        + told.by_reason("requests_failed", "stopped");
    let dropped = told.by_reason("snapshots_dropped", "full")
        + told.by_reason("snapshots_dropped", "stopped")
        // Thousands a second are not in the order of their milliseconds any more.
        + told.by_reason("snapshots_dropped", "clock");
    assert_eq!(lost + dropped, 2_000, "each snapshot is accounted for");
    assert_eq!(
        (
            told.count("requests"),
            told.gauge("last_success_timestamp_seconds")
        ),
        (0, None)
    );
}

#[test]
fn a_stop_waits_for_a_receiver_that_hangs_no_longer_than_it_may() {
    for reply in [
        Reply::Hang,
        status(503, "Retry-After: 3600\r\n"),
        Reply::Drip(b"HTTP/1.1 204 X\r\nA: b".to_vec()),
    ] {
        let receiver = Receiver::start(move |_, _| reply.clone());
        let patient = endpoint(&receiver)
            .timeout(Duration::from_secs(3_600))
            .stop_within(Duration::from_millis(300));
        let mut push = Running::start(RemoteWrite::new(patient));
        push.report(one(1));
        receiver.wait_for(1);
        push.stop(); // that it returns at all is the assertion
    }
}

#[test]
fn what_a_stop_cuts_off_is_counted_once_and_at_once() {
    for reply in [Reply::Hang, status(503, "Retry-After: 3600\r\n")] {
        for within in [Duration::ZERO, Duration::from_millis(100)] {
            let shown = format!("{reply:?}, {within:?}");
            let again = reply.clone();
            let receiver = Receiver::start(move |_, _| again.clone());
            let patient = endpoint(&receiver)
                .timeout(Duration::from_secs(3_600))
                .stop_within(within);
            let mut push = Running::start(RemoteWrite::new(patient));
            (1..=3).for_each(|n| push.report(one(n)));
            receiver.wait_for(1);
            let told = push.stop();
            let given_up = told.by_reason("requests_failed", "stopped");
            assert_eq!((given_up, told.count("samples_failed")), (1, 1), "{shown}");
            let dropped = ["stopped", "full", "clock"];
            let dropped = dropped.map(|reason| told.by_reason("snapshots_dropped", reason));
            assert_eq!(dropped.iter().sum::<u64>(), 2, "{shown} {dropped:?}");
            assert_eq!(told.gauge("queued_snapshots"), Some(0.0), "{shown}");
        }
    }
}

#[test]
fn a_stop_in_a_pause_between_attempts_still_sends_the_tail() {
    let receiver = Receiver::start(|n, _| match n {
        0 => status(503, "Retry-After: 3600\r\n"),
        _ => takes_all(),
    });
    let mut push = Running::start(push(&receiver));
    push.report(one(1));
    receiver.wait_for(1);
    push.report(one(2));
    push.stop();
    let all = everything(&receiver);
    let wanted = [
        ("a_total", Some(1.0)),
        ("a_total", Some(1.0)),
        ("a_total", Some(2.0)),
        ("a_total", None),
    ];
    assert_eq!(lines(&all), wanted);
}

#[test]
fn the_longest_times_there_are_do_no_harm() {
    let receiver = Receiver::start(|n, _| match n {
        0 => status(503, ""),
        _ => takes_all(),
    });
    let patient = endpoint(&receiver)
        .connect_timeout(Duration::MAX)
        .timeout(Duration::MAX)
        .backoff(Duration::MAX, Duration::MAX)
        .stop_within(Duration::MAX);
    let mut push = Running::start(RemoteWrite::new(patient).stale_on_stop(false));
    push.report(one(1));
    receiver.wait_for(1);
    let told = push.stop();
    assert_eq!(values(&receiver), ONCE_MORE[..2]);
    assert_eq!(
        (
            told.count("samples"),
            told.by_reason("requests_failed", "panic")
        ),
        (1, 0)
    );
}

#[cfg(feature = "tls")]
#[test]
fn what_speaks_no_tls_gets_nothing() {
    let receiver = Receiver::start(|_, _| takes_all());
    let url = receiver.url().replace("http:", "https:");
    let endpoint = Endpoint::new(url).interval(Duration::ZERO).name("test");
    let endpoint = endpoint
        .timeout(Duration::from_millis(300))
        .stop_within(Duration::from_secs(1));
    let mut push = Running::start(RemoteWrite::new(endpoint));
    push.report(one(1));
    let told = push.stop();
    let retries = ["timeout", "tls", "transport"].map(|r| told.by_reason("retries", r));
    assert!(retries.iter().sum::<u64>() > 0, "{retries:?}");
    assert_eq!(
        (
            told.by_reason("requests_failed", "panic"),
            told.count("requests")
        ),
        (0, 0)
    );
    assert!(receiver.requests().is_empty());
}

#[test]
fn credentials_and_headers_come_with_each_request() {
    let receiver = Receiver::start(|_, _| takes_all());
    let endpoint = endpoint(&receiver)
        .basic_auth("Aladdin", "open sesame")
        .header("X-Scope-OrgID", "stage");
    let mut push = Running::start(RemoteWrite::new(endpoint));
    push.report(one(1));
    push.stop();
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(
            request.header("authorization"),
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        assert_eq!(request.header("x-scope-orgid"), Some("stage"));
    }
}
