//! RPC, webhooks, configuration files, references.

use std::time::Duration;

use media_metrics_core::Registry;
use media_metrics_core::livekit::families::*;
use media_metrics_core::snapshot::Values;

use super::{check, ms};

const NAMES: (&str, &str) = ("RoomManager", "CreateSession");

#[test]
fn calls_with_one_response() {
    let of = "role=client,kind=rpc,service=RoomManager,method=CreateSession";
    let rx = format!("psrpc_bytes_total{{{of},direction=rx}} +100");
    let tx = format!("psrpc_bytes_total{{{of},direction=tx}} +30");
    let time = format!("psrpc_request_time_ms_count{{{of}}} +1");
    let sum = format!("psrpc_request_time_ms_sum{{{of}}} +40");
    let rpc = |f: &Families| f.psrpc_rpc(Role::Client, NAMES.0, NAMES.1).unwrap();
    let told = |f: &Families| rpc(f).ended(Ok(()), ms(40), 100, 30);
    check("a call", told, &[&rx, &tx, &time, &sum]);
    for (code, shown) in [
        ("not_found", "not_found"),
        ("", "unknown"),
        ("strange", "other"),
    ] {
        let error = format!("psrpc_error_total{{{of},error_code={shown}}} +1");
        let told = |f: &Families| rpc(f).ended(Err(PsrpcError::of(code)), ms(40), 100, 30);
        check(shown, told, &[&rx, &tx, &error]);
    }
}

#[test]
fn calls_with_many_responses() {
    let of = "role=server,kind=multirpc,service=RoomManager,method=CreateSession";
    let rx = format!("psrpc_bytes_total{{{of},direction=rx}} +100");
    let time = format!("psrpc_request_time_ms_count{{{of}}} +1");
    let sum = format!("psrpc_request_time_ms_sum{{{of}}} +40");
    let error = format!("psrpc_error_total{{{of},error_code=unknown}} +1");
    let told = |f: &Families, responses| {
        let multi = f.psrpc_multi(Role::Server, NAMES.0, NAMES.1).unwrap();
        multi.ended(responses, ms(40), 100, 0);
    };
    check("one response", |f| told(f, 1), &[&rx, &time, &sum]);
    check("no response", |f| told(f, 0), &[&rx, &error]);
}

#[test]
fn streams() {
    let of = "role=client,service=RoomManager,method=CreateSession";
    let kind = "role=client,kind=stream,service=RoomManager,method=CreateSession";
    let rx = format!("psrpc_bytes_total{{{kind},direction=rx}} +9");
    let tx = format!("psrpc_bytes_total{{{kind},direction=tx}} +9");
    let error = format!("psrpc_error_total{{{kind},error_code=canceled}} +1");
    let open = format!("psrpc_stream_count{{{of}}} +1");
    let received = format!("psrpc_stream_receive_total{{{of}}} +1");
    let sent = format!("psrpc_stream_send_time_ms_count{{{of}}} +1");
    let sum = format!("psrpc_stream_send_time_ms_sum{{{of}}} +2");
    let stream = |f: &Families| f.psrpc_stream(Role::Client, NAMES.0, NAMES.1).unwrap();
    let canceled = PsrpcError::Canceled;
    check("open", |f| std::mem::forget(stream(f).open()), &[&open]);
    check("opened", |f| stream(f).opened(), &[&open]);
    let both = |f: &Families| {
        stream(f).opened();
        stream(f).closed(); // found by its names, not by its handle
    };
    check("closed", both, &[]);
    check(
        "sent",
        |f| stream(f).sent(Ok(()), ms(2), 9),
        &[&tx, &sent, &sum],
    );
    check(
        "not sent",
        |f| stream(f).sent(Err(canceled), ms(2), 9),
        &[&tx, &error],
    );
    check(
        "received",
        |f| stream(f).received(Ok(()), 9),
        &[&rx, &received],
    );
    check(
        "not received",
        |f| stream(f).received(Err(canceled), 9),
        &[&rx, &error],
    );
}

#[test]
fn requests_at_a_server() {
    let of = "service=RoomManager,method=CreateSession";
    let received = format!("psrpc_requests_received_total{{{of}}} +1");
    let expired = format!("psrpc_requests_expired_total{{{of}}} +1");
    let server = |f: &Families| f.psrpc_server(NAMES.0, NAMES.1).unwrap();
    check("received", |f| server(f).received(), &[&received]);
    check("expired", |f| server(f).expired(), &[&expired]);
    for (outcome, name) in [
        (ClaimOutcome::Granted, "granted"),
        (ClaimOutcome::LostToPeer, "lost_to_peer"),
        (ClaimOutcome::TimedOut, "timed_out"),
        (ClaimOutcome::Other, "other"),
    ] {
        let count = format!("psrpc_claim_wait_time_ms_count{{{of},outcome={name}}} +1");
        let sum = format!("psrpc_claim_wait_time_ms_sum{{{of},outcome={name}}} +3");
        check(name, |f| server(f).claim(outcome, ms(3)), &[&count, &sum]);
    }
}

/// The reference observes whole milliseconds, rounded down: of all four kinds.
#[test]
fn times_are_whole_milliseconds() {
    let time = Duration::from_micros(2_999);
    let registry = Registry::new().unwrap();
    let families = Families::register(&registry, NodeIdentity::new("N", NodeType::Server)).unwrap();
    let rpc = families.psrpc_rpc(Role::Client, NAMES.0, NAMES.1);
    rpc.unwrap().ended(Ok(()), time, 0, 0);
    let multi = families.psrpc_multi(Role::Client, NAMES.0, NAMES.1);
    multi.unwrap().ended(1, time, 0, 0);
    let stream = families.psrpc_stream(Role::Client, NAMES.0, NAMES.1);
    stream.unwrap().sent(Ok(()), time, 0);
    let server = families.psrpc_server(NAMES.0, NAMES.1).unwrap();
    server.claim(ClaimOutcome::Granted, time);
    let snapshot = registry.collect();
    for (name, series) in [
        ("request_time_ms", 2),
        ("stream_send_time_ms", 1),
        ("claim_wait_time_ms", 1),
    ] {
        let family = snapshot.family(&format!("livekit_psrpc_{name}")).unwrap();
        let Values::Histogram(histograms) = family.values() else {
            panic!("{name} is no histogram");
        };
        let sums: Vec<f64> = histograms.iter().map(|h| h.exact_sum().unwrap()).collect();
        assert_eq!(sums, vec![2.0; series], "{name}");
    }
}

#[test]
fn webhooks() {
    let dropped = |text| WebhookOutcome::Drop(WebhookDrop::of(text));
    for (outcome, labels) in [
        (WebhookOutcome::Success, "status=success,reason="),
        (WebhookOutcome::Failure, "status=failure,reason="),
        (dropped("age"), "status=drop,reason=age"),
        (dropped("overflow"), "status=drop,reason=overflow"),
        (dropped("queue is full"), "status=drop,reason=queue is full"),
        (
            dropped("queue is closed"),
            "status=drop,reason=queue is closed",
        ),
        (dropped("url https://x/?id=7"), "status=drop,reason=other"),
    ] {
        let expected = format!("webhook_dispatch_total{{{labels}}} +1");
        check(labels, |f| f.webhook(outcome), &[&expected]);
    }
    let queued = [
        "webhook_queue_length_count{} +1",
        "webhook_queue_length_sum{} +4",
    ];
    check("queued", |f| f.webhook_queued(4), &queued);
}

#[test]
fn configuration_files_and_references() {
    let file = "/etc/livekit.yaml";
    for (success, status) in [
        (Success::of(true), "success"),
        (Success::of(false), "failure"),
    ] {
        let expected = format!("config_reload_total{{file={file},status={status}}} +1");
        check(status, |f| f.config_reloaded(file, success), &[&expected]);
    }
    let hash = format!("config_hash{{file={file}}} +967295"); // 2^32 - 1 modulo 10^6
    check("hash", |f| f.config_hash(file, u32::MAX), &[&hash]);
    let state = format!("config_load_state{{file={file}}} +1");
    check("failed", |f| f.config_load_state(file, true), &[&state]);
    let mended = |f: &Families| {
        f.config_load_state(file, true);
        f.config_load_state(file, false);
    };
    check("mended", mended, &[]);

    let held = ["debug_ref_count{referrer=track} +1"];
    let hold = |f: &Families| std::mem::forget(f.reference("track").unwrap());
    check("reference", hold, &held);
    check("taken", |f| f.reference_taken("track"), &held);
    let both = |f: &Families| {
        f.reference_taken("track");
        f.reference_dropped("track");
    };
    check("dropped", both, &[]);
}
