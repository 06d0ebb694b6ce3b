//! Receivers that lie: whatever a remote-write receiver or an OTLP collector answers, each sample is written or counted
//! as not written, what may pass is tried again, and it ends.
//!
//! Lives here: receivers by script, and which answer means what, as the specifications have it. Not here: what requests
//! say.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use media_metrics_core::desc::Desc;
use media_metrics_core::snapshot::Builder;
use media_metrics_core::{Registry, Sink};
use media_metrics_exporter::otlp::Otlp;
use media_metrics_exporter::push::Endpoint;
use media_metrics_exporter::push::remote_write::{RemoteWrite, Version};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use prost::Message as _;

use crate::input::Input;

/// Most answers of a script; after it everything is taken.
const ANSWERS: usize = 4;

/// What 2.0 receivers count.
const WRITTEN: &str = "X-Prometheus-Remote-Write-Samples-Written";

/// One snapshot to a receiver that answers as the bytes say.
pub fn target(data: &[u8]) {
    let mut input = Input::new(data);
    let how = [How::V1, How::V2, How::Otlp][input.below(3)];
    let script: Vec<Answer> = (0..input.below(ANSWERS + 1))
        .map(|n| Answer::any(&mut input, how, n))
        .collect();
    thread_local! {
        static RECEIVER: Receiver = Receiver::start();
    }
    let told = RECEIVER.with(|receiver| {
        receiver
            .script
            .lock()
            .unwrap()
            .clone_from(&script.iter().map(Answer::bytes).collect());
        push(how, receiver.address)
    });
    // Bytes that are no answer may be taken for one: then what becomes of the sample is anybody's guess, but not whether
    // it is counted.
    if script.iter().any(|answer| matches!(answer, Answer::Raw(_))) {
        return assert!(
            (1..=2).contains(&(told.0 + told.1)),
            "{told:?} after {how:?} {script:?}"
        );
    }
    let mut answers = script.iter();
    let first = outcome(how, &mut answers);
    let wanted = match how {
        // A collector is told that the series ended, too, unless it never heard of it.
        How::Otlp => {
            let second = outcome(how, &mut answers);
            vec![first, (first.0 + second.0, first.1 + second.1)]
        }
        _ => vec![first],
    };
    assert!(
        wanted.contains(&told),
        "{told:?}, not one of {wanted:?}, after {how:?} {script:?}"
    );
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    V1,
    V2,
    Otlp,
}

#[derive(Clone, Debug)]
enum Answer {
    Http {
        status: u16,
        headers: String,
        written: Option<String>,
        body: Vec<u8>,
    },
    Raw(Vec<u8>),
}

impl Answer {
    fn any(input: &mut Input<'_>, how: How, number: usize) -> Self {
        if input.one_in(6) {
            let len = input.below(40);
            return Self::Raw(input.bytes(len).to_vec());
        }
        let status = match input.below(3) {
            0 => input.of(&[200, 204, 400, 413, 415, 429, 500, 503]),
            _ => 200 + input.any::<u16>() % 400,
        };
        let mut headers = String::new();
        if input.one_in(3) {
            // A push that ends cuts one wait short, and only one: all that follow must ask for none.
            let wait = match (input.below(4), number) {
                (0, 0) => input.any::<u64>().to_string(),
                (1, 0) => input.any::<u8>().to_string().repeat(12),
                (0 | 1, _) => "0".to_owned(),
                (2, _) => "Thu, 01 Jan 1970 00:00:00 GMT".to_owned(),
                _ => clean(&input.text(3)).replace(|c: char| c.is_ascii_digit(), "-"),
            };
            let _ = write!(headers, "Retry-After: {wait}\r\n");
        }
        let written = input.one_in(2).then(|| match input.below(4) {
            0 => clean(&input.text(2)),
            1 => "0".to_owned(),
            2 => input.any::<u64>().to_string(),
            _ => "1".to_owned(),
        });
        let body = match how {
            _ if matches!(status, 204 | 205 | 304) => Vec::new(),
            How::Otlp if input.one_in(2) => {
                let partial = ExportMetricsPartialSuccess {
                    rejected_data_points: input.any::<i64>() >> input.below(64),
                    error_message: input.text(4),
                };
                ExportMetricsServiceResponse {
                    partial_success: Some(partial),
                }
                .encode_to_vec()
            }
            _ => {
                let len = input.below(30);
                input.bytes(len).to_vec()
            }
        };
        Self::Http {
            status,
            headers,
            written,
            body,
        }
    }

    fn bytes(&self) -> (Vec<u8>, bool) {
        match self {
            Self::Raw(bytes) => (bytes.clone(), false),
            Self::Http {
                status,
                headers,
                written,
                body,
            } => {
                let written = written
                    .as_ref()
                    .map(|n| format!("{WRITTEN}: {n}\r\n"))
                    .unwrap_or_default();
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} X\r\n{headers}{written}Content-Length: {length}\r\n\r\n"
                );
                ([head.as_bytes(), body].concat(), true)
            }
        }
    }
}

/// What may stand in a header.
fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .collect()
}

/// Of one sample: how many were written, and how many were not, once the answers are through.
fn outcome<'a>(mut how: How, answers: &mut impl Iterator<Item = &'a Answer>) -> (u64, u64) {
    for answer in answers {
        let Answer::Http {
            status,
            written,
            body,
            ..
        } = answer
        else {
            continue;
        };
        let told = written.is_some();
        let count: u64 = written
            .as_ref()
            .and_then(|n| n.trim().parse().ok())
            .unwrap_or(0);
        let by_count = if count > 0 { (1, 0) } else { (0, 1) };
        match (how, status) {
            (How::V1, 200..300) => return (1, 0),
            (How::V1 | How::V2, 429 | 500..600) => {}
            (How::V1, _) => return (0, 1),
            (How::V2, 200..300) if told => return by_count,
            // It may not know 2.0.
            (How::V2, 200..300 | 415) => how = How::V1,
            (How::V2, 400) if !told => how = How::V1,
            (How::V2, _) => return by_count,
            (How::Otlp, 200..300) => {
                let answer = ExportMetricsServiceResponse::decode(&body[..]).unwrap_or_default();
                let rejected = answer
                    .partial_success
                    .is_some_and(|p| p.rejected_data_points > 0);
                return if rejected { (0, 1) } else { (1, 0) };
            }
            (How::Otlp, 429 | 502..=504) => {}
            (How::Otlp, _) => return (0, 1),
        }
    }
    (1, 0)
}

/// Samples written and not written, by the push's own account.
fn push(how: How, address: SocketAddr) -> (u64, u64) {
    let endpoint = Endpoint::new(format!("http://{address}/push"))
        .interval(Duration::ZERO)
        .backoff(Duration::from_micros(1), Duration::from_micros(4))
        .timeout(Duration::from_secs(5))
        .stop_within(Duration::from_secs(20))
        .name("fuzz");
    let registry = Registry::new().unwrap();
    let version = if how == How::V1 {
        Version::V1
    } else {
        Version::V2
    };
    let mut sink = match how {
        How::Otlp => Otlp::new(endpoint).uncompressed().start(&registry),
        _ => RemoteWrite::new(endpoint)
            .version(version)
            .stale_on_stop(false)
            .start(&registry),
    }
    .unwrap();
    let desc = Desc::counter("a_total", "A.");
    sink.report(&Arc::new(
        Builder::new().counter(&desc, &[(&[], 7)]).build(),
    ));
    drop(sink);
    let told = registry.collect();
    let count = |name| told.counter(name, &["fuzz"]).unwrap();
    let samples = count("media_metrics_push_samples_total");
    (samples, count("media_metrics_push_samples_failed_total"))
}

/// Answers with their bytes, and whether the connection goes on behind them.
type Script = Arc<Mutex<VecDeque<(Vec<u8>, bool)>>>;

/// A receiver whose thread lives as long as the process, and serves one connection after the other.
struct Receiver {
    address: SocketAddr,
    script: Script,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script = Script::default();
        let shared = Arc::clone(&script);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                serve(socket, &shared);
            }
        });
        Self { address, script }
    }
}

fn serve(socket: TcpStream, script: &Script) {
    let _ = socket.set_nodelay(true);
    let mut reader = BufReader::new(socket);
    while read(&mut reader).is_some() {
        let takes_all = format!("HTTP/1.1 204 X\r\n{WRITTEN}: 1000\r\nContent-Length: 0\r\n\r\n");
        let next = script.lock().unwrap().pop_front();
        let (bytes, goes_on) = next.unwrap_or((takes_all.into_bytes(), true));
        if reader.get_mut().write_all(&bytes).is_err() || !goes_on {
            return;
        }
    }
}

/// One request, whole; none if the connection ends.
fn read(reader: &mut impl BufRead) -> Option<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&n| n > 0)?;
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()
}
