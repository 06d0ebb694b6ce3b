//! Packets in, packets out, and what the metrics say of them.

use std::net::UdpSocket;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::process::{PATIENCE, Running, run};
use crate::rtp::{bad, bye, packet};

pub(crate) fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

pub(crate) fn received(socket: &UdpSocket) -> Vec<u8> {
    let mut bytes = [0; 4_096];
    let len = socket.recv(&mut bytes).unwrap();
    bytes[..len].to_vec()
}

const MEDIA: &str = r#"{direction="incoming",kind="audio"}"#;

#[test]
fn every_packet_is_forwarded_and_measured_and_garbage_is_counted_by_reason() {
    let (subscriber, other) = (socket(), socket());
    let to = [
        subscriber.local_addr().unwrap().to_string(),
        other.local_addr().unwrap().to_string(),
    ];
    let program = Running::start(&[
        "--listen",
        "127.0.0.1:0",
        "--metrics",
        "127.0.0.1:0",
        "--subscriber",
        &to[0],
        "--subscriber",
        &to[1],
    ]);
    let publisher = socket();
    publisher.connect(program.listen()).unwrap();
    // 1..=50 without 10 and 11; 20 twice; 30 after 31.
    let order = (1..=50)
        .filter(|n| ![10, 11].contains(n))
        .flat_map(|n| match n {
            20 => vec![20, 20],
            30 => vec![31, 30],
            31 => vec![],
            n => vec![n],
        });
    let sent: Vec<Vec<u8>> = order.map(|n| packet(7, n)).collect();
    for bytes in &sent {
        publisher.send(bytes).unwrap();
        assert_eq!(&received(&subscriber), bytes);
        assert_eq!(&received(&other), bytes);
    }
    for (_, bytes) in bad() {
        publisher.send(&bytes).unwrap();
    }
    // What comes next is the goodbye: nothing bad was forwarded.
    publisher.send(&bye(7)).unwrap();
    assert_eq!(received(&subscriber), bye(7));

    let page = program.scrape_until(&format!("media_rtp_streams_ended_total{MEDIA}"), 1.0);
    let media = |name: &str| page.get(&format!("media_rtp_{name}{MEDIA}"));
    let n = sent.len() as f64;
    assert_eq!(media("packets_total"), Some(n));
    assert_eq!(media("bytes_total"), Some(n * 32.0));
    assert_eq!(media("header_bytes_total"), Some(n * 12.0));
    assert_eq!(media("packets_expected_total"), Some(50.0));
    assert_eq!(media("packets_lost_total"), Some(2.0));
    assert_eq!(media("packets_duplicate_total"), Some(1.0));
    assert_eq!(media("packets_reordered_total"), Some(1.0));
    assert_eq!(media("streams_started_total"), Some(1.0));
    assert_eq!(page.get("media_forward_packets_total"), Some(n * 2.0));
    assert_eq!(page.get("media_forward_bytes_total"), Some(n * 64.0));
    assert_eq!(page.get("media_forward_latency_seconds_count"), Some(n));
    assert_eq!(page.get("media_forward_rtcp_packets_total"), Some(1.0));
    for (reason, _) in bad() {
        let series = format!("media_forward_packets_rejected_total{{reason=\"{reason}\"}}");
        assert_eq!(page.get(&series), Some(1.0), "{reason}");
    }
    let (said, took) = program.end(Signal::SIGTERM);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let stream = said.lines().find(|l| l.contains("00000007")).unwrap();
    let cells: Vec<&str> = stream.split(['│', '┆']).map(str::trim).collect();
    assert!(
        cells
            .windows(5)
            .any(|w| w == ["audio", &sent.len().to_string(), "2", "1", "1"]),
        "{stream}"
    );
}

#[test]
fn over_the_limit_packets_are_forwarded_and_counted_as_untracked() {
    let subscriber = socket();
    let file = tempfile::NamedTempFile::new().unwrap();
    let yaml = format!(
        "rooms: [{{name: small, listen: '127.0.0.1:0', subscribers: ['{}']}}]\nlimits: {{max_streams: 2}}\nmetrics: {{listen: '127.0.0.1:0', interval: 0.05}}\n",
        subscriber.local_addr().unwrap()
    );
    std::fs::write(file.path(), yaml).unwrap();
    let program = Running::start(&["--config", file.path().to_str().unwrap()]);
    let publisher = socket();
    publisher.connect(program.listen()).unwrap();
    for sequence in 1..=10 {
        for ssrc in 1..=5 {
            publisher.send(&packet(ssrc, sequence)).unwrap();
            assert_eq!(received(&subscriber), packet(ssrc, sequence));
        }
    }
    let page = program.scrape_until("media_forward_packets_total", 50.0);
    assert_eq!(
        page.get(&format!("media_rtp_packets_total{MEDIA}")),
        Some(20.0)
    );
    assert_eq!(
        page.get("media_forward_packets_untracked_total"),
        Some(30.0)
    );
    assert_eq!(page.get(&format!("media_rtp_streams{MEDIA}")), Some(2.0));
    program.end(Signal::SIGINT);
}

#[test]
fn only_known_publishers_are_forwarded() {
    let (subscriber, known, stranger) = (socket(), socket(), socket());
    let file = tempfile::NamedTempFile::new().unwrap();
    let yaml = format!(
        "listen: 127.0.0.1:0\npublishers: ['{}']\nsubscribers: ['{}']\nmetrics: {{listen: '127.0.0.1:0', interval: 0.05}}\n",
        known.local_addr().unwrap(),
        subscriber.local_addr().unwrap()
    );
    std::fs::write(file.path(), yaml).unwrap();
    let program = Running::start(&["--config", file.path().to_str().unwrap()]);
    stranger.send_to(&packet(1, 1), program.listen()).unwrap();
    known.send_to(&packet(2, 1), program.listen()).unwrap();
    assert_eq!(received(&subscriber), packet(2, 1));
    let rejected = "media_forward_packets_rejected_total{reason=\"unknown_publisher\"}";
    let page = program.scrape_until(rejected, 1.0);
    assert_eq!(
        page.get(&format!("media_rtp_packets_total{MEDIA}")),
        Some(1.0)
    );
}

#[test]
fn a_silent_stream_ends_and_comes_back_as_another() {
    let subscriber = socket();
    let file = tempfile::NamedTempFile::new().unwrap();
    let yaml = format!(
        "listen: 127.0.0.1:0\nsubscribers: ['{}']\nlimits: {{idle_timeout: 0.2}}\nmetrics: {{listen: '127.0.0.1:0', interval: 0.05}}\n",
        subscriber.local_addr().unwrap()
    );
    std::fs::write(file.path(), yaml).unwrap();
    let program = Running::start(&["--config", file.path().to_str().unwrap()]);
    let publisher = socket();
    let ended = format!("media_rtp_streams_ended_total{MEDIA}");
    for n in [1, 2] {
        publisher.send_to(&packet(1, n), program.listen()).unwrap();
        let page = program.scrape_until(&ended, f64::from(n));
        assert_eq!(page.get(&format!("media_rtp_streams{MEDIA}")), Some(0.0));
    }
}

#[test]
fn without_metrics_it_forwards_all_the_same() {
    let subscriber = socket();
    let to = subscriber.local_addr().unwrap().to_string();
    let program = Running::start(&["--no-metrics", "--listen", "[::]:0", "--subscriber", &to]);
    let port = program.listen().port();
    let publisher = socket();
    publisher
        .send_to(&packet(1, 1), ("127.0.0.1", port))
        .unwrap();
    assert_eq!(
        received(&subscriber),
        packet(1, 1),
        "from IPv4 through a dual-stack port to IPv4"
    );
    publisher.send_to(&bad()[0].1, ("127.0.0.1", port)).unwrap();
    publisher
        .send_to(&packet(1, 2), ("127.0.0.1", port))
        .unwrap();
    assert_eq!(
        received(&subscriber),
        packet(1, 2),
        "garbage is dropped here, too"
    );
    let (said, _) = program.end(Signal::SIGINT);
    assert!(said.contains("3 datagrams in, 2 out"), "{said}");
}

#[test]
fn built_in_streams_are_counted_as_they_were_sent() {
    let output = run(&[
        "--synthetic",
        "6",
        "--metrics",
        "127.0.0.1:0",
        "--duration",
        "2",
    ]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let row = |name: &str| -> Vec<String> {
        let line = said.lines().rfind(|l| l.contains(name)).unwrap();
        let cells = line.split(['│', '┆']).map(|c| c.trim().to_owned());
        cells.filter(|c| !c.is_empty()).collect()
    };
    for name in ["RTP packets", "RTP bytes", "RTCP"] {
        let cells = row(name);
        assert_eq!((&cells[1], &cells[1]), (&cells[2], &cells[3]), "{said}");
    }
    for name in ["dropped", "duplicated", "reordered"] {
        let cells = row(name);
        assert_eq!(cells[1], cells[2], "{said}");
    }
    assert!(
        row("RTP packets")[1].parse::<u64>().unwrap() > 500,
        "{said}"
    );
    assert_eq!(row("RTCP")[1], "6");
}

#[test]
fn the_printed_configuration_can_be_used() {
    let printed = run(&[
        "config",
        "--listen",
        "127.0.0.1:5004",
        "--subscriber",
        "127.0.0.1:6000",
        "--workers",
        "3",
        "--profile",
        "both",
    ]);
    assert_eq!(printed.status.code(), Some(0));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &printed.stdout).unwrap();
    let again = run(&["--config", file.path().to_str().unwrap(), "config"]);
    assert_eq!(
        String::from_utf8(again.stdout),
        String::from_utf8(printed.stdout)
    );
}
