//! LiveKit's families against the books of the built-in publishers, and against our own of the same merge.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise, its helpers, too"
)]

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use media_metrics_core::Snapshot;
use media_metrics_core::snapshot::Values;
use media_metrics_forwarder::cli::ForwardFlags;
use media_metrics_forwarder::config::{Profile, Settings};
use media_metrics_forwarder::forward::{Forwarder, Report};

/// Sum of a family's counters or gauges whose labels hold all of these values.
fn sum(snapshot: &Snapshot, family: &str, with: &[&str]) -> f64 {
    let family = snapshot.family(family).unwrap();
    let value = |i: usize| match family.values() {
        Values::Counter(values) => values[i] as f64,
        Values::Gauge(values) => values[i].unwrap_or_default(),
        Values::Histogram(values) => values[i].count() as f64,
        _ => unreachable!(),
    };
    let of_these = |i: &usize| {
        let values: Vec<_> = family.schema().labels(*i).map(|(_, value)| value).collect();
        with.iter().all(|wanted| values.contains(wanted))
    };
    (0..family.schema().len()).filter(of_these).map(value).sum()
}

fn start(profile: Profile, more: ForwardFlags) -> Forwarder {
    let flags = ForwardFlags {
        metrics: "127.0.0.1:0".parse().ok(),
        workers: 2u64.try_into().ok(),
        profile: Some(profile),
        ..more
    };
    Forwarder::start(&Settings::load(None, flags).unwrap()).unwrap()
}

fn synthetic(streams: u64) -> ForwardFlags {
    ForwardFlags {
        synthetic: streams.try_into().ok(),
        ..ForwardFlags::default()
    }
}

#[test]
fn figures_of_streams_are_the_books_of_the_publishers() {
    let forwarder = start(Profile::Both, synthetic(6));
    thread::sleep(Duration::from_secs(2)); // long enough for losses; what is asserted does not depend on it
    let Report {
        snapshot,
        published,
        ..
    } = forwarder.stop();
    let (snapshot, books) = (snapshot.unwrap(), published.unwrap().total);
    let first_times = (books.sent - books.duplicated) as f64;
    let repeated = books.duplicated as f64;
    assert!(books.dropped > 0 && books.duplicated > 0, "{books:?}");
    for (family, labels, expected) in [
        ("livekit_packet_total", &["incoming"][..], first_times),
        (
            "livekit_packet_total",
            &["outgoing", "initial"],
            first_times,
        ),
        (
            "livekit_packet_total",
            &["outgoing", "retransmit"],
            repeated,
        ),
        ("livekit_packet_bytes", &["outgoing"], books.bytes as f64),
        (
            "livekit_packet_loss_total",
            &["incoming"],
            books.dropped as f64,
        ),
        (
            "livekit_packet_out_of_order_total",
            &["incoming"],
            books.reordered as f64,
        ),
        ("livekit_forward_latency_ns", &[], books.sent as f64),
        ("livekit_track_publish_counter", &["attempt"], 6.0),
        ("livekit_track_publish_counter", &["success"], 6.0),
        ("livekit_track_publish_counter", &["AUDIO", "success"], 3.0),
        ("livekit_track_subscribe_counter", &["attempt"], 6.0),
        ("livekit_track_subscribe_counter", &["success"], 6.0),
        ("livekit_track_subscribe_counter", &["failure"], 0.0),
        // All is over.
        ("livekit_room_total", &[], 0.0),
        ("livekit_room_duration_seconds", &[], 1.0),
        ("livekit_participant_total", &[], 0.0),
        ("livekit_track_published_total", &[], 0.0),
        ("livekit_track_subscribed_total", &[], 0.0),
        ("media_livekit_events_dropped_total", &[], 0.0),
    ] {
        assert_eq!(
            sum(&snapshot, family, labels),
            expected,
            "{family} {labels:?}"
        );
    }
    for (livekit, with, media) in [
        (
            "livekit_packet_loss_total",
            "incoming",
            "media_rtp_packets_lost_total",
        ),
        (
            "livekit_nack_total",
            "outgoing",
            "media_rtp_nacked_packets_total",
        ),
        (
            "livekit_pli_total",
            "outgoing",
            "media_rtp_plis_received_total",
        ),
        (
            "livekit_fir_total",
            "outgoing",
            "media_rtp_firs_received_total",
        ),
    ] {
        let (livekit, media) = (sum(&snapshot, livekit, &[with]), sum(&snapshot, media, &[]));
        assert_eq!(livekit, media, "{livekit} {with}");
    }
}

#[test]
fn without_the_profile_nothing_of_livekit_is_registered() {
    let snapshot = start(Profile::Media, synthetic(1)).stop().snapshot.unwrap();
    let of_livekit = |name: &&str| name.contains("livekit");
    let names = snapshot.families().iter().map(|f| f.schema().desc().name());
    assert_eq!(names.filter(of_livekit).collect::<Vec<_>>(), [""; 0]);
}

/// An RTP packet of this SSRC.
fn packet(payload_type: u8, ssrc: u8, sequence: u8) -> [u8; 13] {
    [
        0x80,
        payload_type,
        0,
        sequence,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        ssrc,
        1,
    ]
}

/// Who sends and who gets is a participant once, for as long as there is a stream; an ended one is none.
#[test]
fn participants_are_those_who_get_and_those_who_send() {
    let [publisher, both, quiet] = [(); 3].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let room = ForwardFlags {
        listen: "127.0.0.1:0".parse().ok(),
        subscribers: [&both, &quiet]
            .map(|s| s.local_addr().unwrap().into())
            .to_vec(),
        ..ForwardFlags::default()
    };
    let forwarder = start(Profile::Livekit, room);
    let to = forwarder.rooms()[0].listen;
    let url = forwarder.metrics_url().unwrap();
    let metrics = url
        .trim_start_matches("http://")
        .trim_end_matches("/metrics");
    let expect = |expected: [f64; 5]| {
        let names = [
            "livekit_room_total",
            "livekit_participant_total",
            "livekit_track_published_total",
            "livekit_track_subscribed_total",
            "livekit_track_publish_counter",
        ];
        let begun = Instant::now();
        loop {
            let page = page(metrics);
            let got: [f64; 5] = names.map(|name| {
                let lines = page
                    .lines()
                    .filter(|line| line.starts_with(&format!("{name}{{")));
                let lines = lines.filter(|line| !line.contains("attempt"));
                lines
                    .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
                    .sum()
            });
            if got == expected {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{got:?}, not {expected:?}"
            );
            thread::sleep(Duration::from_millis(50));
        }
    };
    expect([1.0, 2.0, 0.0, 0.0, 0.0]);
    // Two streams of one address: one participant, two tracks, each to two subscribers.
    for (payload_type, ssrc) in [(111, 1), (96, 2)] {
        publisher
            .send_to(&packet(payload_type, ssrc, 1), to)
            .unwrap();
    }
    expect([1.0, 3.0, 2.0, 4.0, 2.0]);
    // A subscriber that sends is the same participant, and gets nothing of its own.
    both.send_to(&packet(111, 3, 1), to).unwrap();
    expect([1.0, 3.0, 3.0, 5.0, 3.0]);
    let bye = |ssrc| [0x81, 203, 0, 1, 0, 0, 0, ssrc];
    publisher.send_to(&bye(1), to).unwrap();
    expect([1.0, 3.0, 2.0, 3.0, 3.0]);
    publisher.send_to(&bye(2), to).unwrap();
    both.send_to(&bye(3), to).unwrap();
    expect([1.0, 2.0, 0.0, 0.0, 3.0]);
    let snapshot = forwarder.stop().snapshot.unwrap();
    assert_eq!(
        sum(&snapshot, "media_livekit_events_dropped_total", &[]),
        0.0
    );
}

/// The metrics page.
fn page(at: &str) -> String {
    use std::io::{Read, Write};
    let mut socket = std::net::TcpStream::connect(at).unwrap();
    socket.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

/// The node's statistics are those of its own families, over the intervals that were asked for.
#[test]
fn the_report_tells_what_the_node_did_of_late() {
    let settings = settings(
        "listen: 127.0.0.1:0\nsynthetic: {streams: 4}\nmetrics: {listen: '127.0.0.1:0', interval: 0.1}\nprofile: both\n\
         node_stats: {stats_update_interval: 50ms, stats_rate_measurement_intervals: [1s, 1h]}\n",
    );
    let forwarder = Forwarder::start(&settings).unwrap();
    thread::sleep(Duration::from_secs(3));
    assert_eq!(forwarder.stuck_for(), None);
    let report = forwarder.stop();
    let snapshot = report.snapshot.as_ref().unwrap();
    let node = report.node.as_ref().unwrap();
    let tracks = (
        node.num_track_publish_success,
        node.num_track_subscribe_success,
    );
    assert_eq!((node.num_rooms, tracks), (1, (4, 4)));
    let received = sum(snapshot, "livekit_packet_total", &["incoming"]);
    assert!(
        node.packets_in as f64 <= received && node.packets_in > 0,
        "{node:?}"
    );
    let [rate] = &node.rates[..] else {
        panic!("an hour is not over: {:?}", node.rates);
    };
    assert!(
        rate.duration >= 1 && rate.packets_in > 0.0 && rate.bytes_out > 0.0,
        "{rate:?}"
    );
    let text = report.to_string();
    assert!(text.contains("node, the last"), "{text}");
    // Without LiveKit's families there are none of these.
    let report = start(Profile::Media, synthetic(1)).stop();
    assert!(report.node.is_none() && !report.to_string().contains("node, the last"));
}

/// Settings from a file.
fn settings(yaml: &str) -> Settings {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, yaml.as_bytes()).unwrap();
    Settings::load(Some(file.path()), ForwardFlags::default()).unwrap()
}

/// `rtc.forward_stats` with a 0: the families of the forwarding time are not there, not at 0.
#[test]
fn forwarding_times_that_are_off_have_no_families() {
    for (more, expected) in [("", 3), ("rtc: {forward_stats: {report_interval: 0}}\n", 0)] {
        let settings = settings(&format!(
            "listen: 127.0.0.1:0\nmetrics: {{listen: '127.0.0.1:0'}}\nprofile: livekit\n{more}"
        ));
        let snapshot = Forwarder::start(&settings)
            .unwrap()
            .stop()
            .snapshot
            .unwrap();
        let names = snapshot.families().iter().map(|f| f.schema().desc().name());
        let forward = names.filter(|name| name.starts_with("livekit_forward_"));
        assert_eq!(forward.count(), expected, "{more}");
    }
}

/// Where the limit on streams is met: a way that is not recorded is a failure, a stream an attempt alone.
#[test]
fn what_finds_no_room_is_an_attempt_without_success() {
    let subscriber = UdpSocket::bind("127.0.0.1:0").unwrap();
    let settings = settings(&format!(
        "listen: 127.0.0.1:0\nsubscribers: ['{}']\nlimits: {{max_streams: 1}}\nmetrics: {{listen: '127.0.0.1:0'}}\n\
         workers: 1\nprofile: livekit\n",
        subscriber.local_addr().unwrap()
    ));
    let forwarder = Forwarder::start(&settings).unwrap();
    let publisher = UdpSocket::bind("127.0.0.1:0").unwrap();
    subscriber
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    for ssrc in [1, 2] {
        publisher
            .send_to(&packet(111, ssrc, 1), forwarder.rooms()[0].listen)
            .unwrap();
        subscriber.recv(&mut [0; 99]).unwrap(); // forwarded, recorded or not
    }
    let snapshot = forwarder.stop().snapshot.unwrap();
    for (labels, expected) in [(["AUDIO", "attempt"], 2.0), (["AUDIO", "success"], 1.0)] {
        assert_eq!(
            sum(&snapshot, "livekit_track_publish_counter", &labels),
            expected,
            "{labels:?}"
        );
    }
    assert_eq!(
        sum(&snapshot, "livekit_track_subscribe_counter", &["success"]),
        1.0
    );
}
