//! Metrics that the program pushes: read with OpenTelemetry's own messages.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use nix::sys::signal::Signal;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, metric::Data};
use prost::Message;

use crate::process::{PATIENCE, Running};

/// Takes every request, and hands it on.
fn collector() -> (SocketAddr, Receiver<ExportMetricsServiceRequest>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (to, requests) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let to = to.clone();
            std::thread::spawn(move || while take(&socket, &to).is_some() {});
        }
    });
    (address, requests)
}

/// One request of a connection.
fn take(socket: &TcpStream, to: &Sender<ExportMetricsServiceRequest>) -> Option<()> {
    let mut reader = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).ok().filter(|&n| n > 0)?;
    }
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/metrics "), "{head}");
    for line in [
        "content-type: application/x-protobuf",
        "content-encoding: gzip",
        "x-tenant: stage",
    ] {
        assert!(head.lines().any(|there| there == line), "{line}: {head}");
    }
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length: "));
    let mut body = vec![0; length?.parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&body[..])
        .read_to_end(&mut plain)
        .unwrap();
    to.send(ExportMetricsServiceRequest::decode(&plain[..]).unwrap())
        .ok()?;
    let mut writer = socket;
    writer
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .ok()
}

fn has(attributes: &[KeyValue], key: &str, wanted: &str) -> bool {
    let value = |a: &KeyValue| a.value.as_ref().and_then(|v| v.value.clone());
    attributes
        .iter()
        .any(|a| a.key == key && value(a) == Some(Value::StringValue(wanted.to_owned())))
}

/// Points of the packets that came in.
fn packets(request: &ExportMetricsServiceRequest) -> Vec<&NumberDataPoint> {
    let resources = request.resource_metrics.iter();
    let scopes = resources.flat_map(|resource| {
        let attributes = &resource.resource.as_ref().unwrap().attributes;
        assert!(has(attributes, "service.name", "sfu"), "{attributes:?}");
        &resource.scope_metrics
    });
    let metrics = scopes.flat_map(|scope| &scope.metrics);
    let packets = metrics.filter(|metric| metric.name == "media_rtp_packets_total");
    let points = packets.flat_map(|metric| {
        let sum = match &metric.data {
            Some(Data::Sum(sum)) => Some(sum),
            _ => None,
        };
        assert!(sum.is_some(), "{metric:?}");
        sum.map(|sum| &sum.data_points).into_iter().flatten()
    });
    points
        .filter(|point| has(&point.attributes, "direction", "incoming"))
        .collect()
}

#[test]
fn a_collector_is_told_everything_to_the_last_packet_and_then_the_end() {
    let (address, requests) = collector();
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = format!(
        "synthetic: {{streams: 4}}\nmetrics: {{listen: '127.0.0.1:0', interval: 0.1}}\npush:\n  otlp:\n    - url: \
         http://{address}/v1/metrics\n      interval: 0.1\n      headers: {{X-Tenant: stage}}\n      attributes: \
         {{service.name: sfu}}\n"
    );
    std::fs::write(file.path(), config).unwrap();
    let program = Running::start(&["--config", file.path().to_str().unwrap()]);
    let took = "media_metrics_push_requests_total{push=\"otlp_1\"}";
    let page = program.scrape_when(|page| {
        let taken = page.get(took);
        taken
            .is_none_or(|n| n < 3.0)
            .then(|| format!("{taken:?} requests"))
    });
    let kinds = ["audio", "video"];
    let scraped: f64 = kinds
        .iter()
        .map(|kind| format!("media_rtp_packets_total{{direction=\"incoming\",kind=\"{kind}\"}}"))
        .filter_map(|series| page.get(&series))
        .sum();
    assert!(scraped > 0.0, "{}", page.0);
    let (last_words, _) = program.end(Signal::SIGTERM);

    let (mut told, mut over) = (0, 0);
    while over == 0 {
        let request = requests.recv_timeout(PATIENCE);
        let request = request.unwrap_or_else(|e| panic!("{e}; the end was not told: {last_words}"));
        let points = packets(&request);
        let values = points.iter().filter_map(|point| point.value);
        let total: i64 = values
            .map(|value| match value {
                Number::AsInt(n) => n,
                Number::AsDouble(n) => panic!("{n}"),
            })
            .sum();
        over = points.iter().filter(|point| point.flags == 1).count();
        if over == 0 {
            assert!(total >= told, "{total} after {told}");
            told = total;
        }
    }
    assert_eq!(over, kinds.len(), "each series ends");
    assert!(told as f64 >= scraped, "{told} of {scraped}");
    let summary = told.to_string();
    assert!(last_words.contains(&summary), "{told}: {last_words}");
}
