//! Requests to a running server: always an answer that is HTTP, with a status that is known and a body that is what its
//! header says, or the end of the connection; and no stranger sees a page.
//!
//! Lives here: requests of any bytes and of hostile parts, which status is due to them, and readers of what comes back. Not
//! here: what pages say (`pages`).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use flate2::read::GzDecoder;
use media_metrics_core::desc::{Desc, Unit};
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::{Registry, Stream, StreamConfig, catalog};
use media_metrics_exporter::Server;
use media_metrics_exporter::history::{History, HistoryOptions};
use tempfile::TempDir;

use crate::input::Input;
use crate::models::exporter::{messages, openmetrics_2, parser};
use crate::pages::read_lines;

/// A server that takes longer than this does hang.
const PATIENCE: Duration = Duration::from_secs(10);

/// What nobody else may get: pages, and which there are.
const SEEN_BY_KNOWN: [u16; 5] = [200, 304, 404, 405, 500];

/// Everything that this server may answer.
const STATUSES: [u16; 14] = [
    200, 304, 400, 401, 404, 405, 406, 408, 413, 414, 431, 500, 503, 505,
];

const PATHS: [&str; 14] = [
    "/",
    "/metrics",
    "/-/healthy",
    "/-/ready",
    "/api/v1/history",
    "/api/v1/history.hlog",
    "/api/v1/snapshot",
    "/api/v1/streams",
    "/api/v1/worst",
    "/api/v1/events",
    "/metrics/",
    "//metrics",
    "*",
    "http://a/metrics",
];

/// Of those, paths that are none.
const NO_PATHS: [&str; 3] = ["/metrics/", "//metrics", "*"];

/// Of those, paths whose pages have tags (`ETag`).
const TAGGED: [&str; 4] = ["/", "/api/v1/snapshot", "/api/v1/streams", "/api/v1/worst"];

/// Who may see what is guarded; of the second the server knows a hash of the lowest cost.
const USERS: [(&str, &str); 2] = [("Aladdin", "open sesame"), ("Badroulbadour", "open sesame")];
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";

/// How they say so.
const KNOWN: [&str; 3] = [
    "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "bASIC  QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "Basic QmFkcm91bGJhZG91cjpvcGVuIHNlc2FtZQ==",
];

/// And how others try: another password, another name, a name alone, the hash, another scheme.
const STRANGE: [&str; 7] = [
    "Basic QWxhZGRpbjpvcGVuIHNlc2Ft",
    "Basic SmFmYXI6b3BlbiBzZXNhbWU=",
    "Basic QWxhZGRpbjo=",
    "Basic QWxhZGRpbg==",
    "Basic QmFkcm91bGJhZG91cjokMmIkMDQkYWJjZGVmZ2hpamtsbW5vcHFyc3R1dS9MVno2TVpsSXRFeTQySTJqdUxpaFo2NkhuUXgvY3k=",
    "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "",
];

const PARAMETERS: [&str; 18] = [
    "name[]",
    "name%5B%5D",
    "group",
    "max_score",
    "limit",
    "offset",
    "sort",
    "order",
    "since",
    "minutes",
    "format",
    "step",
    "kind",
    "direction",
    "participant",
    "ssrc",
    "seconds",
    "%00",
];

const TYPES: [&str; 12] = [
    "text/plain",
    "text/plain;version=1.0.0",
    "application/openmetrics-text;version=1.0.0",
    "application/openmetrics-text;version=2.0.0",
    "*/*",
    "text/*",
    "text/html",
    "application/json",
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    "text/plain;version=0.0.4;escaping=values",
    "application/openmetrics-text;escaping=allow-utf-8",
    "a",
];

const HEADERS: [&str; 9] = [
    "Accept",
    "Accept-Encoding",
    "If-None-Match",
    "Range",
    "Authorization",
    "Connection",
    "Transfer-Encoding",
    "X-Prometheus-Scrape-Timeout-Seconds",
    "If-Modified-Since",
];

/// Half of all inputs are bytes for the wire, the others say what requests there are; half of each go to a server that is
/// guarded.
pub fn target(data: &[u8]) {
    let (&choice, rest) = data.split_first().unwrap_or((&0, &[]));
    let guarded = choice & 2 != 0;
    match choice & 1 {
        0 => wire(rest, guarded),
        _ => made(&mut Input::new(rest), guarded),
    }
}

/// A server with all that it is about.
struct Running {
    _server: Server,
    _history: History,
    _stream: Stream,
    folder: TempDir,
}

/// Two servers for all inputs, of a registry each with something of everything: the path of one's socket.
fn server(guarded: bool) -> PathBuf {
    static RUNNING: [OnceLock<Mutex<Running>>; 2] = [const { OnceLock::new() }; 2];
    let running = RUNNING[usize::from(guarded)].get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("http.sock");
        let registry = Registry::new().unwrap();
        let history = History::new(&registry, HistoryOptions::default()).unwrap();
        let stream = fill(&registry);
        history.record_at(
            &registry.collect(),
            std::time::Instant::now(),
            SystemTime::now(),
        );
        let mut builder = Server::builder(registry);
        if guarded {
            let [(plain, password), (hashed, _)] = USERS;
            builder = builder
                .basic_auth(plain, password)
                .basic_auth_hash(hashed, HASH.parse().unwrap());
        }
        let server = builder
            .bind(format!("unix:{}", path.display()))
            .openmetrics_2(true)
            .openmetrics_created(true)
            .stale_after(Duration::from_secs(1 << 30))
            .history(&history)
            .start()
            .unwrap();
        Mutex::new(Running {
            _server: server,
            _history: history,
            _stream: stream,
            folder,
        })
    });
    running.lock().unwrap().folder.path().join("http.sock")
}

fn fill(registry: &Registry) -> Stream {
    let odd = Desc::counter("odd.name_total", "Odd.")
        .labels(&["é"])
        .utf8_names();
    registry.counter(&odd, &["\"\n\\"]).unwrap().add(7);
    let size = Desc::histogram("size_bytes", "Sizes.", &[10.0, 100.0])
        .unit(Unit::Bytes)
        .labels(&["a"]);
    registry.histogram(&size, &["x"]).unwrap().record(50);
    registry
        .gauge(&Desc::gauge("level", "Level."), &[])
        .unwrap()
        .set(-0.5);
    registry
        .histogram(&catalog::FORWARD_LATENCY, &[])
        .unwrap()
        .record(25_000);
    let group = registry.group(&["incoming", "audio"]).unwrap();
    let mut stream = registry
        .stream(&group, StreamConfig::new(7, 48_000))
        .unwrap();
    let header = RtpHeader::parse(&[0x80, 111, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 1, 2, 3]).unwrap();
    stream.on_rtp(&header, 1);
    registry.collect();
    stream
}

fn connect(guarded: bool) -> UnixStream {
    let socket = UnixStream::connect(server(guarded)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Sends it, says that there is no more, and reads to the end; of events, which have none, their beginning.
fn talk(request: &[u8], guarded: bool) -> Vec<u8> {
    let mut socket = connect(guarded);
    // The server may close before it has read everything.
    let _ = socket.write_all(request);
    let _ = socket.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return answer,
            Ok(n) => answer.extend(&buffer[..n]),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => return answer,
            // By libFuzzer's clock.
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => panic!(
                "the server neither answers nor closes: {e}: {}",
                request.escape_ascii()
            ),
        }
        if answer.windows(17).any(|w| w == b"text/event-stream") {
            return answer;
        }
    }
}

/// Status, headers, and what follows.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// The first answer of some bytes; none if there are none.
    fn first(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let head = match response.parse(bytes) {
            Ok(httparse::Status::Complete(head)) => head,
            other => panic!("{other:?}: {}", bytes.escape_ascii()),
        };
        let status = response.code.unwrap();
        assert!(STATUSES.contains(&status), "status {status}");
        let header = |h: &httparse::Header<'_>| {
            let value = String::from_utf8(h.value.to_vec()).unwrap();
            (h.name.to_ascii_lowercase(), value)
        };
        let headers = response.headers.iter().map(header).collect();
        Some(Self {
            status,
            headers,
            body: bytes[head..].to_vec(),
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} twice: {:?}", self.headers);
        value
    }
}

fn wire(bytes: &[u8], guarded: bool) {
    let answer = Answer::first(&talk(bytes, guarded));
    // Those who are known have this in what they send.
    let says = |token: &str| bytes.windows(token.len()).any(|w| w == token.as_bytes());
    let mut tokens = KNOWN.iter().filter_map(|known| known.rsplit(' ').next());
    let may_be_known = tokens.any(says);
    if let Some(answer) = answer.filter(|_| guarded && !may_be_known) {
        assert!(!SEEN_BY_KNOWN.contains(&answer.status), "{}", answer.status);
    }
}

/// A request that is HTTP, as far as its status depends on it.
struct Asked {
    /// The server is guarded, and does not know who asks.
    stranger: bool,
    method: &'static str,
    path: &'static str,
    /// There are parameters, of which any may be wrong.
    has_query: bool,
    /// The scraper says how long it waits, which may be too short.
    hurried: bool,
    /// Who asks names what he has already, which may be any.
    conditional: bool,
}

impl Asked {
    /// Whether this status is due.
    fn is_due(&self, status: u16) -> bool {
        match status {
            400 if self.has_query => return true,
            503 if self.hurried => return true,
            _ if self.stranger => return status == 401,
            _ if NO_PATHS.contains(&self.path) => return status == 404,
            _ => {}
        }
        match (self.method, self.path) {
            ("GET" | "HEAD", path) if self.conditional && TAGGED.contains(&path) => {
                matches!(status, 200 | 304)
            }
            // A listener that has gone may not be forgotten yet.
            ("GET" | "HEAD", "/api/v1/events") => matches!(status, 200 | 503),
            ("GET" | "HEAD", _) => status == 200,
            _ => status == 405,
        }
    }
}

/// A request of parts that are each plausible or hostile.
fn made(input: &mut Input<'_>, guarded: bool) {
    let method = input.of(&[
        "GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "get", "DELETE",
    ]);
    let path = input.of(&PATHS);
    let mut target = path.to_owned();
    let parameters = input.below(4);
    let (mut hurried, mut conditional) = (false, false);
    let mut introduced = 0;
    for number in 0..parameters {
        target.push(if number == 0 { '?' } else { '&' });
        target.push_str(input.of(&PARAMETERS));
        target.push('=');
        target.push_str(&value(input).replace([' ', '\u{7f}'], "+"));
    }
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n").into_bytes();
    for _ in 0..input.below(4) {
        let name = input.of(&HEADERS);
        let value = match name {
            "Accept" => {
                let some: Vec<String> = (0..input.below(4)).map(|_| accepted(input)).collect();
                some.join(",")
            }
            "Accept-Encoding" => {
                let coding = input.of(&[
                    "gzip",
                    "zstd",
                    "identity",
                    "*",
                    "br",
                    "gzip;q=0",
                    "zstd;q=0.5,gzip;q=1",
                ]);
                coding.to_owned()
            }
            "Connection" => input.of(&["close", "keep-alive", "upgrade"]).to_owned(),
            "Transfer-Encoding" => continue,
            _ => value(input),
        };
        hurried |= name == "X-Prometheus-Scrape-Timeout-Seconds";
        conditional |= name == "If-None-Match";
        introduced += usize::from(name == "Authorization");
        request.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    let mut stranger = guarded;
    if guarded {
        let is_known = !input.one_in(3);
        let says = input.of(if is_known { &KNOWN[..] } else { &STRANGE });
        // Of two who introduce themselves nobody knows which is meant.
        stranger = !is_known || introduced > 0;
        request.extend(format!("Authorization: {says}\r\n").into_bytes());
    }
    request.extend(b"\r\n");
    let bytes = talk(&request, guarded);
    let Some(answer) = Answer::first(&bytes) else {
        panic!("no answer to {}", request.escape_ascii());
    };
    let asked = Asked {
        stranger,
        method,
        path,
        has_query: parameters > 0,
        hurried,
        conditional,
    };
    let status = answer.status;
    let told = || format!("{status} to {}", request.escape_ascii());
    assert!(asked.is_due(status), "{}", told());
    let challenged = answer.header("www-authenticate").is_some();
    assert_eq!(challenged, status == 401, "{}", told());
    assert_eq!(
        answer.header("allow").is_some(),
        status == 405,
        "{}",
        told()
    );
    judge(&answer, method);
}

fn accepted(input: &mut Input<'_>) -> String {
    let kind = input.of(&TYPES);
    match input.below(4) {
        0 => format!("{kind};q=0.{}", input.below(1_000)),
        1 => format!("{kind};{}={}", value(input), value(input)),
        _ => kind.to_owned(),
    }
}

/// Text without what ends a line.
fn value(input: &mut Input<'_>) -> String {
    const VALUES: [&str; 14] = [
        "a_total",
        "media_rtp_packets_total",
        "%",
        "%zz",
        "%ff%fe",
        "-1",
        "1e999",
        "NaN",
        "18446744073709551616",
        "0",
        "bytes=0-0,-1",
        "\"x\", W/\"y\"",
        "*",
        "",
    ];
    match input.below(3) {
        0 => input.text(4).replace(|c: char| c.is_control(), "%0A"),
        _ => input.of(&VALUES).to_owned(),
    }
}

/// A whole answer: as long as it says, and what it says.
fn judge(answer: &Answer, method: &str) {
    let Answer { status, body, .. } = answer;
    let kind = answer.header("content-type").unwrap_or_default();
    if kind.starts_with("text/event-stream") {
        return assert_eq!(*status, 200);
    }
    assert_ne!(*status, 500, "{}", body.escape_ascii());
    let length: Option<usize> = answer.header("content-length").map(|n| n.parse().unwrap());
    if method == "HEAD" || *status == 304 {
        return assert!(body.is_empty(), "{status}: {}", body.escape_ascii());
    }
    assert_eq!(length, Some(body.len()), "{:?}", answer.headers);
    let plain = match answer.header("content-encoding") {
        None => body.clone(),
        Some("gzip") => {
            let mut plain = Vec::new();
            GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
            plain
        }
        Some("zstd") => zstd::decode_all(&body[..]).unwrap(),
        Some(other) => panic!("a coding {other:?}"),
    };
    readable(*status, kind, &plain);
}

fn readable(status: u16, kind: &str, body: &[u8]) {
    let told = || String::from_utf8_lossy(body).into_owned();
    if kind.starts_with("application/json") {
        serde_json::from_slice::<serde_json::Value>(body)
            .unwrap_or_else(|e| panic!("{e}: {}", told()));
    } else if status != 200 {
        // What is no HTTP has no words coming.
        let silent = kind.is_empty() && body.is_empty();
        assert!(
            silent || (kind.starts_with("text/plain") && body.len() > 3),
            "{status} {kind}: {}",
            told()
        );
    } else if kind.starts_with("application/openmetrics-text; version=2") {
        openmetrics_2::parse(body).unwrap_or_else(|e| panic!("{e}: {}", told()));
    } else if kind.starts_with("application/openmetrics-text") {
        read_lines(body, true).unwrap_or_else(|e| panic!("{e}: {}", told()));
    } else if kind.starts_with("application/vnd.google.protobuf") {
        messages::read(body);
    } else if kind.starts_with("text/plain; version=0.0.4") {
        parser::parse(body).unwrap_or_else(|e| panic!("{e}: {}", told()));
    } else if kind.starts_with("text/plain; version=1.0.0") {
        read_lines(body, false).unwrap_or_else(|e| panic!("{e}: {}", told()));
    }
}
