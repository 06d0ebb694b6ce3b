//! `examples/c/forwarder.c`, compiled without a warning, linked with either library, relays RTP between sockets of this test,
//! and what it counted is on its page.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What of the static library the linker is to take from the system.
const SYSTEM: [&str; 5] = ["-lpthread", "-ldl", "-lm", "-lrt", "-lgcc_s"];

const AUDIO: u32 = 0x1122_3344;
const VIDEO: u32 = 0x5566_7788;

/// Where cargo puts libraries that it builds for tests: beside them.
fn built() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent().unwrap().to_owned()
}

fn compile(to: &Path, library: &[String]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut cc = Command::new("cc");
    cc.args([
        "-std=c11",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-I",
    ]);
    cc.arg(root.join("capi/include"))
        .arg(root.join("examples/c/forwarder.c"));
    cc.args(library).arg("-o").arg(to);
    let output = cc.output().expect("a C compiler, `cc`");
    assert!(
        output.status.success(),
        "{cc:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The relay, killed when dropped.
struct Relay {
    child: Child,
    said: BufReader<ChildStdout>,
    media: u16,
    metrics: u16,
}

impl Relay {
    fn start(program: &Path, target: SocketAddr) -> Self {
        let mut command = Command::new(program);
        command.args([
            "127.0.0.1",
            "0",
            "127.0.0.1",
            &target.port().to_string(),
            "127.0.0.1:0",
        ]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let numbers = line.split(|c: char| !c.is_ascii_digit());
        let ports: Vec<u16> = numbers.filter_map(|n| n.parse().ok()).collect();
        let [media, metrics] = ports[..] else {
            panic!("two ports are not in {line:?}");
        };
        Self {
            child,
            said,
            media,
            metrics,
        }
    }

    fn page(&self) -> String {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, self.metrics)).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut page = String::new();
        connection.read_to_string(&mut page).unwrap();
        page
    }

    /// SIGTERM, and its end.
    fn stop(&mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
        let end = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => {
                    assert!(status.success(), "{status}");
                    break;
                }
                None => assert!(Instant::now() < end, "it does not end when it is told to"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut last = String::new();
        self.said.read_to_string(&mut last).unwrap();
        assert_eq!(last, "stopped\n");
    }

    /// Asks for many pages, and hangs up before they are written.
    fn hang_up(&self) {
        let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, self.metrics));
        let mut connection = connection.expect("the relay lives");
        let request = b"GET /metrics HTTP/1.1\r\nHost: relay\r\n\r\n";
        connection.write_all(&request.repeat(50)).unwrap();
        drop(connection);
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn value(page: &str, series: &str) -> Option<f64> {
    let mut lines = page.lines();
    let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap())
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn rtp(payload_type: u8, ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 960).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.resize(112, 7);
    packet
}

/// From one socket through the relay to the other: one at a time, so that no queue overflows.
fn pass(from: &UdpSocket, relay: SocketAddr, to: &UdpSocket, datagram: &[u8]) {
    let mut got = [0; 2_048];
    from.send_to(datagram, relay).unwrap();
    let len = to.recv(&mut got).unwrap();
    assert_eq!(&got[..len], datagram, "changed on the way");
}

fn check(program: &Path) {
    const PACKETS: u16 = 500;
    const SKIPPED: u16 = 10; // of each stream, one of 50
    let (publisher, subscriber) = (socket(), socket());
    let mut relay = Relay::start(program, subscriber.local_addr().unwrap());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, relay.media));
    for n in 0..PACKETS {
        for (payload_type, ssrc) in [(111, AUDIO), (96, VIDEO)] {
            if n % 50 != 25 {
                let number = n.wrapping_add(65_400); // wraps on the way
                pass(
                    &publisher,
                    address,
                    &subscriber,
                    &rtp(payload_type, ssrc, number),
                );
            }
        }
    }
    // What is neither RTP nor RTCP goes nowhere.
    publisher.send_to(b"neither", address).unwrap();
    // A receiver report about the audio: 3 lost, highest number 65,400 + 499 with one cycle, jitter 480; and a PLI about the video.
    let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
    report.extend(AUDIO.to_be_bytes());
    report.extend([5, 0, 0, 3, 0, 1]);
    report.extend(65_400_u16.wrapping_add(PACKETS - 1).to_be_bytes());
    report.extend([0, 0, 1, 224, 0, 0, 0, 0, 0, 0, 0, 0]);
    let mut request = vec![0x81, 206, 0, 2, 0, 0, 0, 9];
    request.extend(VIDEO.to_be_bytes());
    pass(
        &subscriber,
        address,
        &publisher,
        &[report, request].concat(),
    );

    let settled = |page: &str| {
        let series = "media_rtp_packets_lost_total{direction=\"incoming\",kind=\"audio\"}";
        value(page, series) == Some(f64::from(SKIPPED))
    };
    let end = Instant::now() + PATIENCE;
    let page = loop {
        let page = relay.page();
        if settled(&page) {
            break page;
        }
        assert!(Instant::now() < end, "losses have not settled: {page}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let of = |family: &str, labels: &str| value(&page, &format!("{family}{{{labels}}}"));
    let passed = f64::from(PACKETS - SKIPPED);
    for kind in ["audio", "video"] {
        let incoming = format!("direction=\"incoming\",kind=\"{kind}\"");
        let outgoing = format!("direction=\"outgoing\",kind=\"{kind}\"");
        assert_eq!(of("media_rtp_packets_total", &incoming), Some(passed));
        assert_eq!(of("media_rtp_bytes_total", &incoming), Some(passed * 112.0));
        assert_eq!(of("media_rtp_sent_packets_total", &outgoing), Some(passed));
        assert_eq!(of("media_rtp_streams", &incoming), Some(1.0));
    }
    let outgoing = |kind| format!("direction=\"outgoing\",kind=\"{kind}\"");
    assert_eq!(
        of("media_rtp_remote_packets_lost_total", &outgoing("audio")),
        Some(3.0)
    );
    assert_eq!(
        of("media_rtp_plis_received_total", &outgoing("video")),
        Some(1.0)
    );
    assert_eq!(
        of("media_rtp_plis_received_total", &outgoing("audio")),
        Some(0.0)
    );
    assert_eq!(of("relay_dropped_total", "reason=\"not_rtp\""), Some(1.0));
    assert_eq!(value(&page, "relay_streams"), Some(2.0));
    assert_eq!(
        value(&page, "media_forward_latency_seconds_count"),
        Some(2.0 * passed)
    );
    // 980 packets of 112 bytes, 7 bytes of nothing, 44 of RTCP.
    assert_eq!(of("relay_datagram_bytes_bucket", "le=\"100\""), Some(2.0));
    assert_eq!(
        of("relay_datagram_bytes_bucket", "le=\"500\""),
        Some(2.0 * passed + 2.0)
    );
    // A C program dies of SIGPIPE, if a library writes to who has hung up.
    (0..20).for_each(|_| relay.hang_up());
    assert!(settled(&relay.page()));
    relay.stop();
}

#[test]
fn the_relay_counts_every_packet() {
    let folder = tempfile::tempdir().unwrap();
    let built = built();
    let (search, rpath) = (
        format!("-L{}", built.display()),
        format!("-Wl,-rpath,{}", built.display()),
    );
    let shared = [search, rpath, "-lmedia_metrics".to_owned()];
    let archive = built.join("libmedia_metrics.a").display().to_string();
    let statically = [&[archive][..], &SYSTEM.map(str::to_owned)].concat();
    for (name, library) in [("shared", &shared[..]), ("static", &statically)] {
        let program = folder.path().join(name);
        compile(&program, library);
        check(&program);
    }
}
