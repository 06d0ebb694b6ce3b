//! Reports down, feedback up: who gets what, and what the metrics make of it.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::forwarding::{received, socket};
use crate::process::{PATIENCE, Running};
use crate::rtcp::{Block, both, fir, malformed, nack, pli, receiver_report, remb, sender_report};
use crate::rtp::{bye, packet};

const OUT: &str = r#"{direction="outgoing",kind="audio"}"#;
const OUT_VIDEO: &str = r#"{direction="outgoing",kind="video"}"#;

/// A forwarder to these subscribers, written as in the configuration, with `more` lines of it.
fn forwarder(subscribers: &[String], more: &str) -> Running {
    let file = tempfile::NamedTempFile::new().unwrap();
    let to: Vec<String> = subscribers.iter().map(|s| format!("'{s}'")).collect();
    let yaml = format!(
        "listen: 127.0.0.1:0\nsubscribers: [{}]\nmetrics: {{listen: '127.0.0.1:0', interval: 0.05}}\n{more}\n",
        to.join(", ")
    );
    std::fs::write(file.path(), yaml).unwrap();
    Running::start(&["--config", file.path().to_str().unwrap()])
}

fn name(socket: &UdpSocket) -> String {
    socket.local_addr().unwrap().to_string()
}

/// Sockets that send to the forwarder, and take from it alone.
fn connected<const N: usize>(sockets: [UdpSocket; N], to: SocketAddr) -> [UdpSocket; N] {
    for socket in &sockets {
        socket.connect(to).unwrap();
    }
    sockets
}

/// What waits on a socket, after all that was sent before has been handled: `flush` brings one more
/// datagram, the last.
fn waiting(socket: &UdpSocket, flush: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        match received(socket) {
            last if last == flush => return all,
            other => all.push(other),
        }
    }
}

#[test]
fn feedback_goes_up_to_the_publishers_it_is_about_and_to_nobody_else() {
    let subscribers = [socket(), socket()];
    let program = forwarder(&subscribers.each_ref().map(name), "workers: 1");
    let [a, b] = connected([socket(), socket()], program.listen());
    let [s, other] = connected(subscribers, program.listen());
    a.send(&packet(7, 1)).unwrap();
    b.send(&packet(8, 1)).unwrap();
    b.send(&sender_report(8, 1 << 32)).unwrap();
    for down in [&s, &other] {
        let mut got = [received(down), received(down), received(down)];
        let mut sent = [packet(7, 1), packet(8, 1), sender_report(8, 1 << 32)];
        got.sort_unstable();
        sent.sort_unstable();
        assert_eq!(got, sent);
    }
    let about = |ssrc| Block {
        ssrc,
        highest: 1,
        ..Block::default()
    };
    let compound = [
        receiver_report(&[about(7), about(8)]),
        nack(7, 1),
        fir(8, 3),
    ]
    .concat();
    let (up_a, up_b) = (
        [
            receiver_report(&[about(7)]),
            nack(7, 1),
            compound.clone(),
            remb(&[7, 8]),
        ],
        [pli(8), fir(8, 3), compound, remb(&[7, 8])],
    );
    for bytes in up_a.iter().chain(&up_b[..2]) {
        s.send(bytes).unwrap();
    }
    // About nobody, and about somebody who isn't there.
    s.send(&receiver_report(&[])).unwrap();
    s.send(&bye(99)).unwrap();
    s.send(&pli(1234)).unwrap();
    // From anybody else, feedback goes where it always went: to the subscribers.
    a.send(&pli(8)).unwrap();
    s.send(&nack(7, 99)).unwrap();
    s.send(&nack(8, 99)).unwrap();
    assert_eq!(waiting(&a, &nack(7, 99)), up_a);
    let mut got = waiting(&b, &nack(8, 99));
    got.sort_unstable();
    let mut sent = up_b.to_vec();
    sent.sort_unstable();
    assert_eq!(got, sent, "each once, whole and unchanged");
    a.send(&packet(7, 2)).unwrap();
    for down in [&s, &other] {
        assert_eq!(waiting(down, &packet(7, 2)), [pli(8)]);
    }

    // One after the other: a packet counts for its stream first, and a merge may come in between.
    program.scrape_until(&format!("media_rtp_sent_packets_total{OUT}"), 6.0);
    let page = program.scrape_until("media_forward_packets_total", 6.0);
    assert_eq!(page.get("media_forward_feedback_packets_total"), Some(10.0));
    for (reason, n) in [
        ("about_nobody", 2.0),
        ("unknown_stream", 1.0),
        ("busy", 0.0),
    ] {
        let series = format!("media_forward_feedback_dropped_total{{reason=\"{reason}\"}}");
        assert_eq!(page.get(&series), Some(n), "{reason}");
    }
    for (family, n) in [
        ("media_rtp_remote_reports_total", 3.0),
        ("media_rtp_nacks_received_total", 4.0),
        ("media_rtp_plis_received_total", 1.0),
        ("media_rtp_firs_received_total", 1.0), // the same number twice: one request
        ("media_rtp_sent_packets_total", 6.0),
        ("media_rtp_senders", 4.0),
    ] {
        assert_eq!(page.get(&format!("{family}{OUT}")), Some(n), "{family}");
    }
    a.send(&bye(7)).unwrap();
    program.scrape_until(&format!("media_rtp_senders{OUT}"), 2.0);
}

#[test]
fn a_round_trip_is_what_the_subscriber_did_not_take() {
    let subscribers = [socket()];
    let program = forwarder(&subscribers.each_ref().map(name), "");
    let [publisher] = connected([socket()], program.listen());
    let [subscriber] = connected(subscribers, program.listen());
    for n in 1..=20 {
        publisher.send(&packet(7, n)).unwrap();
        assert_eq!(received(&subscriber), packet(7, n));
    }
    let before = Instant::now();
    publisher
        .send(&sender_report(7, 0x0001_2345_6789_abcd))
        .unwrap();
    received(&subscriber);
    let got = Instant::now();
    std::thread::sleep(Duration::from_millis(80));
    // It was here for 80 ms and more, and says that it kept the report for 50.
    let kept = Duration::from_millis(50);
    let block = Block {
        ssrc: 7,
        lost: 0x4000_0003, // a quarter of late, 3 in all
        highest: 20,
        last_report: 0x2345_6789,
        delay: 65_536 / 20,
    };
    let shortest = (got.elapsed() - kept).as_secs_f64();
    subscriber.send(&receiver_report(&[block])).unwrap();
    received(&publisher);
    let longest = (before.elapsed() - kept).as_secs_f64();
    let rtt = |what: &str| format!("media_rtp_remote_rtt_seconds_{what}{OUT}");
    let page = program.scrape_until(&rtt("count"), 1.0);
    let measured = page.get(&rtt("sum")).unwrap();
    // The histogram keeps two digits, DLSR 1/65,536 s.
    assert!(
        (shortest * 0.99 - 1e-4..=longest * 1.01 + 1e-4).contains(&measured),
        "{shortest} <= {measured} <= {longest}"
    );
    let (said, _) = program.end(Signal::SIGTERM);
    let row = said.lines().find(|l| l.contains("00000007")).unwrap();
    let cells: Vec<&str> = row.split(['│', '┆']).map(str::trim).collect();
    let [.., lost, rtt_ms, ""] = cells[..] else {
        panic!("{said}");
    };
    assert_eq!(lost, "3", "{said}");
    let shown: f64 = rtt_ms.parse().unwrap();
    assert!(
        (shown / 1e3 - measured).abs() <= measured * 0.01 + 1e-5,
        "{shown} {measured}"
    );
}

#[test]
fn requests_are_timed_until_they_are_answered() {
    let subscribers = [socket()];
    let codecs = "payload_types: {96: {codec: vp8}}\nrtx: {97: 96}";
    let program = forwarder(&subscribers.each_ref().map(name), codecs);
    let [publisher] = connected([socket()], program.listen());
    let [subscriber] = connected(subscribers, program.listen());
    // VP8: start of partition 0; the frame's first bit is 0 for a key frame.
    let video = |pt: u8, ssrc: u8, sequence: u8, timestamp: u8, payload: &[u8]| {
        let head = [0x80, pt, 0, sequence, 0, 0, 0, timestamp, 0, 0, 0, ssrc];
        [&head, payload].concat()
    };
    let (key, inter) = ([0x10, 0, 0, 0, 0x9d, 1, 0x2a], [0x10, 1, 0, 0]);
    let pass = |bytes: Vec<u8>| {
        publisher.send(&bytes).unwrap();
        assert_eq!(received(&subscriber), bytes);
    };
    let ask = |bytes: Vec<u8>| {
        subscriber.send(&bytes).unwrap();
        assert_eq!(received(&publisher), bytes);
        std::thread::sleep(Duration::from_millis(20));
    };
    for n in 1..=5 {
        pass(video(96, 7, n, n, if n == 1 { &key } else { &inter }));
    }
    let asked = Instant::now();
    ask(nack(7, 3));
    pass(video(96, 7, 3, 3, &inter)); // the same again
    ask(nack(7, 4));
    pass(video(97, 8, 1, 4, &[0, 4, 0x10, 1])); // in a format of its own: the number, then the payload
    ask(pli(7));
    pass(video(96, 7, 6, 6, &inter));
    pass(video(96, 7, 7, 7, &key));

    let of = |family: &str, what: &str| format!("media_rtp_{family}_seconds_{what}{OUT_VIDEO}");
    program.scrape_until(&format!("media_rtp_sent_key_frames_total{OUT_VIDEO}"), 2.0);
    let page = program.scrape_until(&of("key_frame_request", "count"), 1.0);
    assert_eq!(page.get(&of("nack_recovery", "count")), Some(2.0));
    // A packet may be here before the program knows that it is sent, so only what has been counted has surely ended.
    let longest = asked.elapsed().as_secs_f64();
    for (sum, least, most) in [
        ("nack_recovery", 0.04, 2.0 * longest),
        ("key_frame_request", 0.02, longest),
    ] {
        let got = page.get(&of(sum, "sum")).unwrap();
        assert!(
            (least * 0.99..=most * 1.01).contains(&got),
            "{sum}: {least} <= {got} <= {most}"
        );
    }
    for (family, n) in [
        ("sent_packets_total", 9.0),
        ("retransmitted_packets_total", 2.0),
        ("sent_key_frames_total", 2.0),
        ("senders", 1.0),
    ] {
        assert_eq!(
            page.get(&format!("media_rtp_{family}{OUT_VIDEO}")),
            Some(n),
            "{family}"
        );
    }
    let came = r#"media_rtp_key_frames_total{direction="incoming",kind="video"}"#;
    assert_eq!(page.get(came), Some(2.0));
}

#[test]
fn rtcp_ports_of_their_own_are_used_both_ways() {
    let [media, rtcp, next] = [socket(), socket(), socket()];
    let apart = format!(
        "{}?rtcpport={}",
        name(&media),
        rtcp.local_addr().unwrap().port()
    );
    // A port whose next higher one is free, for a subscriber that says nothing of RTCP.
    let (plain, plain_rtcp) = std::iter::repeat_with(socket)
        .find_map(|plain| {
            let port = plain.local_addr().unwrap().port().checked_add(1)?;
            let above = UdpSocket::bind(("127.0.0.1", port)).ok()?;
            Some((plain, above))
        })
        .unwrap();
    let program = forwarder(&[apart, name(&plain)], "workers: 4");
    let to = program.listen();
    let [publisher, publisher_rtcp, media] = connected([next, socket(), media], to);
    publisher.send(&packet(7, 1)).unwrap();
    assert_eq!(
        (received(&media), received(&plain)),
        (packet(7, 1), packet(7, 1))
    );
    // Until its reports come from another port, a publisher gets feedback where its media comes from.
    rtcp.send_to(&pli(7), to).unwrap();
    assert_eq!(received(&publisher), pli(7));
    let report = sender_report(7, 1 << 32);
    publisher_rtcp.send(&report).unwrap();
    assert_eq!(
        (received(&rtcp), received(&plain)),
        (report.clone(), report)
    );
    // The worker with the stream may hear of it a moment later: until then feedback goes the old way.
    publisher_rtcp
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let begun = Instant::now();
    while publisher_rtcp.recv(&mut [0; 64]).is_err() {
        assert!(begun.elapsed() < PATIENCE, "it never came to know the port");
        rtcp.send_to(&pli(7), to).unwrap();
    }
    publisher_rtcp.set_read_timeout(Some(PATIENCE)).unwrap();
    for (n, from) in (1..).zip([&rtcp, &plain, &plain_rtcp]) {
        from.send_to(&nack(7, n), to).unwrap();
        let counted = format!("media_rtp_nacks_received_total{OUT}");
        program.scrape_until(&counted, f64::from(n));
    }
    let mut got = waiting(&publisher_rtcp, &nack(7, 3));
    got.retain(|bytes| *bytes != pli(7));
    assert_eq!(got, [nack(7, 1), nack(7, 2)]);
    publisher_rtcp.send(&bye(7)).unwrap();
    program.scrape_until(&format!("media_rtp_senders{OUT}"), 0.0);
}

#[test]
fn whoever_publishes_and_subscribes_is_heard_on_both_sides() {
    let ends = [socket(), socket()];
    let publishers = format!("publishers: ['{}']", name(&ends[0]));
    let program = forwarder(&ends.each_ref().map(name), &publishers);
    let [one, other] = connected(ends, program.listen());
    one.send(&packet(7, 1)).unwrap();
    assert_eq!(received(&other), packet(7, 1));
    // Of its own media and somebody's: down as a sender report, up to nobody. The publisher's name alone
    // goes down, too, and its goodbye.
    for report in [both(7, 1234), both(7, 1234)] {
        one.send(&report).unwrap();
        assert_eq!(received(&other), report);
    }
    // The other may only listen: its media and its sender report are refused, its feedback is not.
    other.send(&packet(8, 1)).unwrap();
    other.send(&sender_report(8, 1)).unwrap();
    other.send(&both(8, 7)).unwrap();
    assert_eq!(received(&one), both(8, 7));
    one.send(&bye(7)).unwrap();
    assert_eq!(received(&other), bye(7));
    let unknown = "media_forward_feedback_dropped_total{reason=\"unknown_stream\"}";
    let page = program.scrape_until(unknown, 2.0);
    let refused = "media_forward_packets_rejected_total{reason=\"unknown_publisher\"}";
    assert_eq!(page.get(refused), Some(2.0));
}

#[test]
fn every_worker_s_feedback_finds_every_worker_s_stream() {
    const ENDS: usize = 8;
    for metrics in [true, false] {
        let subscribers = [(); ENDS].map(|()| socket());
        let names = subscribers.each_ref().map(name);
        let mut args = vec!["--listen", "127.0.0.1:0", "--workers", "4"];
        args.extend(names.iter().flat_map(|name| ["--subscriber", name]));
        let program = match metrics {
            true => forwarder(&names, "workers: 4"),
            false => Running::start(&[&args[..], &["--no-metrics"]].concat()),
        };
        let publishers = connected([(); ENDS].map(|()| socket()), program.listen());
        let subscribers = connected(subscribers, program.listen());
        for (i, publisher) in publishers.iter().enumerate() {
            publisher.send(&packet(i as u32, 1)).unwrap();
            for subscriber in &subscribers {
                assert_eq!(received(subscriber), packet(i as u32, 1));
            }
        }
        for (n, subscriber) in subscribers.iter().enumerate() {
            for (i, publisher) in publishers.iter().enumerate() {
                let asked = nack(i as u32, n as u16);
                subscriber.send(&asked).unwrap();
                assert_eq!(received(publisher), asked, "{n} asks {i}");
            }
        }
        if metrics {
            let all = (ENDS * ENDS) as f64;
            program.scrape_until(&format!("media_rtp_nacks_received_total{OUT}"), all);
            let page = program.scrape_until("media_forward_feedback_packets_total", all);
            let dropped = "media_forward_feedback_dropped_total{reason=\"unknown_stream\"}";
            assert_eq!(page.get(dropped), Some(0.0));
            subscribers[0].send(&pli(4321)).unwrap();
            program.scrape_until(dropped, 1.0);
        }
    }
}

#[test]
fn what_was_sent_before_a_goodbye_belongs_to_the_stream_that_it_ends() {
    const PUBLISHERS: u32 = 40;
    let program = forwarder(&[], "workers: 4");
    let mut ended = Vec::new();
    for ssrc in 0..PUBLISHERS {
        let [media, rtcp] = connected([socket(), socket()], program.listen());
        media.send(&packet(ssrc, 0)).unwrap();
        ended.push((ssrc, media, rtcp));
    }
    let of = |what: &str| format!(r#"media_rtp_{what}{{direction="incoming",kind="audio"}}"#);
    program.scrape_until(&of("streams"), f64::from(PUBLISHERS));
    for (ssrc, media, rtcp) in ended {
        rtcp.send(&sender_report(ssrc, 1 << 32)).unwrap();
        (1..100).for_each(|n| assert_eq!(media.send(&packet(ssrc, n)).unwrap(), 32));
        rtcp.send(&bye(ssrc)).unwrap();
    }
    let page = program.scrape_until(&of("streams_ended_total"), f64::from(PUBLISHERS));
    assert_eq!(
        page.get(&of("streams_started_total")),
        Some(f64::from(PUBLISHERS))
    );
    assert_eq!(
        page.get(&of("packets_total")),
        Some(f64::from(PUBLISHERS) * 100.0)
    );
}

#[test]
fn a_flood_of_garbage_is_counted_costs_no_memory_and_holds_nothing_up() {
    const ROUNDS: usize = 1_000;
    for workers in [1, 3] {
        let subscribers = [socket()];
        let program = forwarder(
            &subscribers.each_ref().map(name),
            &format!("workers: {workers}"),
        );
        let [publisher] = connected([socket()], program.listen());
        let [subscriber] = connected(subscribers, program.listen());
        let garbage = malformed();
        let mut before = 0;
        for round in 0..ROUNDS {
            for (_, bytes) in &garbage {
                publisher.send(bytes).unwrap();
                subscriber.send(bytes).unwrap();
            }
            // And whole ones about streams that aren't there, each another one: 22 of 50 in a round.
            for n in 0..22 {
                subscriber
                    .send(&pli((round * 22 + n) as u32 | 1 << 31))
                    .unwrap();
            }
            // No faster than the forwarder, so that no buffer overflows; and media comes through.
            publisher.send(&packet(7, round as u16)).unwrap();
            assert_eq!(received(&subscriber), packet(7, round as u16));
            subscriber.send(&nack(7, round as u16)).unwrap();
            assert_eq!(received(&publisher), nack(7, round as u16));
            if round == ROUNDS / 10 {
                before = program.resident_kib();
            }
        }
        program.scrape_until(
            &format!("media_rtp_nacks_received_total{OUT}"),
            ROUNDS as f64,
        );
        // Other workers may still be reading letters.
        let page = program.scrape_when(|page| {
            let dropped = |reason: &str| {
                let family = "media_forward_feedback_dropped_total";
                page.get(&format!("{family}{{reason=\"{reason}\"}}"))
                    .unwrap()
            };
            let (unknown, busy) = (dropped("unknown_stream"), dropped("busy"));
            let sent = (22 * ROUNDS) as f64;
            // Two inboxes may be full for one and the same.
            let all = (sent..=sent + busy).contains(&(unknown + busy));
            (!all).then(|| format!("{unknown} unknown and {busy} left of {sent}"))
        });
        for (reason, _) in &garbage {
            let series = format!("media_forward_rtcp_rejected_total{{reason=\"{reason}\"}}");
            assert_eq!(page.get(&series), Some(2.0 * ROUNDS as f64), "{reason}");
        }
        let all = "media_forward_packets_rejected_total{reason=\"rtcp\"}";
        assert_eq!(page.get(all), Some((2 * ROUNDS * garbage.len()) as f64));
        let grown = program.resident_kib().saturating_sub(before);
        assert!(grown < 4_096, "{grown} KiB more after {ROUNDS} rounds");
    }
}
