//! The first inputs of each target: small, and each with something to say.
//!
//! Lives here: packets, files and requests made by hand or taken from the vectors of the crates' tests, and, for targets
//! whose inputs are choices, a few bytes of chance. A test of `tests/replay.rs` writes them, and sees that they are there.
//! What a fuzzer adds to the corpus later has other names.

use std::io::Write as _;

use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;
use media_metrics_core::livekit::batch::data_packet;
use media_metrics_core::livekit::messages::{
    EventMetric, MetricSample, MetricsBatch, TimeSeriesMetric, Timestamp,
};
use media_metrics_forwarder::cli::ForwardFlags;
use media_metrics_forwarder::config::Settings;
use prost::Message as _;

use crate::models::captures::{PLAIN, PcapNg, speech};

/// A target's name, the file's, and what is in it.
pub type Seed = (&'static str, String, Vec<u8>);

/// All of them.
#[must_use]
pub fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut put = |target: &'static str, inputs: Vec<Vec<u8>>| {
        let inputs = inputs.into_iter().enumerate();
        seeds.extend(inputs.map(|(n, input)| (target, format!("seed-{n:02}"), input)));
    };
    put("rtp", rtp());
    put("rtcp", rtcp());
    put("batches", batches());
    put("captures", captures());
    put("configurations", configurations());
    put("requests", requests());
    for (target, longest) in [
        ("clocks", 400),
        ("histograms", 600),
        ("pages", 900),
        ("pushes", 120),
        ("scores", 700),
        ("senders", 1_500),
        ("streams", 600),
    ] {
        put(target, chance(longest));
    }
    seeds
}

/// Choices at random: of these a fuzzer makes better ones.
fn chance(longest: usize) -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(longest as u64);
    let sizes = (1..=8).map(|part| longest * part / 8);
    sizes
        .map(|size| (0..size).map(|_| rng.u8(..)).collect())
        .collect()
}

fn rtp() -> Vec<Vec<u8>> {
    let fixed = |first: u8| vec![first, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    let with = |first: u8, rest: &[u8]| [fixed(first), rest.to_vec()].concat();
    vec![
        with(0x80, &[0x10, 0, 0, 0x9d, 1, 0x2a]), // VP8, a key frame
        with(0x82, &[0, 0, 0, 4, 0, 0, 0, 5, 9]),
        with(
            0x90,
            &[0xbe, 0xde, 0, 2, 0x31, 7, 8, 0, 0x50, 1, 0xf0, 0, 0x65],
        ),
        with(0x90, &[0x10, 0, 0, 2, 1, 0, 2, 3, 7, 8, 9, 0, 0x28]),
        with(0xa0, &[0x7c, 0x85, 0, 0, 3]),
        with(
            0xb1,
            &[0, 0, 0, 4, 0xbe, 0xde, 0, 1, 0x10, 1, 0, 0, 0x26, 1, 0, 2],
        ),
    ]
}

/// What GStreamer and ffmpeg sent, and what was written by hand from the RFCs.
fn rtcp() -> Vec<Vec<u8>> {
    let lines = include_str!("../../../core/tests/vectors/rtcp-tshark.tsv")
        .lines()
        .skip(1);
    let hex = |line: &str| {
        let digits = line.split('\t').next().unwrap_or_default().as_bytes();
        let digit = |b: u8| char::from(b).to_digit(16).unwrap() as u8;
        digits
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[a, b]| digit(*a) << 4 | digit(*b))
            .collect()
    };
    // A BYE whose reason is said to be a byte longer than it is.
    let cut = vec![0x81, 203, 0, 2, 0, 0, 0, 7, 4, b'a', b'b', b'c'];
    lines.map(hex).chain([cut]).collect()
}

fn batches() -> Vec<Vec<u8>> {
    let time = Some(Timestamp {
        seconds: 1_700_000_000,
        nanos: 5,
    });
    let sample = |value| MetricSample {
        timestamp_ms: 3,
        normalized_timestamp: time,
        value,
    };
    let series = |label, identity| TimeSeriesMetric {
        label,
        participant_identity: identity,
        track_sid: 4_098,
        samples: vec![sample(0.5), sample(f32::NAN)],
        rid: 4_099,
    };
    let event = EventMetric {
        label: 1,
        participant_identity: 4_097,
        start_timestamp_ms: -4,
        end_timestamp_ms: Some(5),
        normalized_start_timestamp: time,
        metadata: "ß".to_owned(),
        rid: 4_200,
        ..EventMetric::default()
    };
    let batch = MetricsBatch {
        timestamp_ms: 1,
        normalized_timestamp: time,
        str_data: ["own", "PA_1", "TR_1", "q", "PA_2"]
            .map(str::to_owned)
            .into(),
        time_series: vec![
            series(4_096, 4_097),
            series(5, 4_100),
            series(7, 0),
            series(7, 4_097),
            // On both sides of the ends of what is restricted.
            series(2, 4_100),
            series(3, 4_100),
            series(16, 4_100),
            series(17, 4_100),
        ],
        events: vec![event],
    };
    let bytes = batch.encode_to_vec();
    let mut all: Vec<Vec<u8>> = [0, 2, 5, 0x0e, 0x0b, 0xff]
        .map(|choice| [&[choice], &bytes[..]].concat())
        .into();
    all.push([&[0], &data_packet("PA_1", &[&bytes])[..]].concat());
    // With this choice a table has room for three bytes: the first row has none, the second shares a string with it.
    let narrow = |participant_identity| TimeSeriesMetric {
        label: 4_096,
        participant_identity,
        samples: vec![sample(1.0)],
        ..TimeSeriesMetric::default()
    };
    let batch = MetricsBatch {
        timestamp_ms: 1,
        normalized_timestamp: time,
        str_data: ["x", "yyyy"].map(str::to_owned).into(),
        time_series: vec![narrow(4_097), narrow(0)],
        events: vec![],
    };
    all.push([&[43], &batch.encode_to_vec()[..]].concat());
    all
}

fn captures() -> Vec<Vec<u8>> {
    let mut shots = speech(12, 3, "10.0.0.1:4000", "10.0.0.2:5000");
    shots.extend(speech(12, 4, "[2001:db8::1]:4000", "[2001:db8::2]:5000"));
    shots.retain(|shot| shot.time_ns % 7 != 0);
    let pcap = PLAIN.file(1, &shots[..12]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&pcap).unwrap();
    let files = [
        (1, pcap),
        (2, PcapNg { big_endian: true }.file(1, &shots[..10])),
        (3, PcapNg { big_endian: false }.file(1, &shots[8..])),
        (0, gzip.finish().unwrap()),
    ];
    let file = |(choice, bytes): (u8, Vec<u8>)| [vec![choice << 1 | 0x50], bytes].concat();
    let mut all: Vec<Vec<u8>> = files.map(file).into();
    all.extend(
        chance(300)
            .into_iter()
            .map(|choices| [vec![1], choices].concat()),
    );
    all
}

fn configurations() -> Vec<Vec<u8>> {
    let flags = ForwardFlags {
        workers: "2".parse().ok(),
        ..ForwardFlags::default()
    };
    let usual = Settings::load(None, flags).unwrap().to_yaml().unwrap();
    let some = [
        "listen: 127.0.0.1:5004\nsubscribers: [127.0.0.1:6000, '[::1]:6002']\npublishers: [127.0.0.1]\n",
        "rooms:\n  - {name: a, listen: '127.0.0.1:0', subscribers: []}\n  - {name: b, listen: '[::]:5006'}\n",
        "listen: 127.0.0.1:1\nmetrics: {listen: 'unix:/run/a.sock', interval: 0.5, openmetrics_2: true}\nworkers: 1\n",
        "listen: 127.0.0.1:1\npayload_types: {96: {codec: vp8}, 111: {codec: opus}}\nrtx: {97: 96}\n",
        "synthetic: {streams: 4, seed: 7}\nlimits: {max_streams: 10, idle_timeout: 5}\ninsight: {worst: 3}\n",
        "listen: 127.0.0.1:1\nprofile: both\nprometheus: {port: 6789, username: a, password: b}\nnode_stats: {}\n",
        "listen: 127.0.0.1:1\npush:\n  remote_write: [{url: 'http://a/b', version: '2.0', histograms: native}]\n  otlp: []\n",
        "listen: 127.0.0.1:1\nhistory: {minutes: 10}\ntarget: {service.name: a}\nprocess: false\nduration: 1.5\n",
        "a: &a [*a]\nb: {<<: *a}\n--- !!x\n...\n",
        "listen: 127.0.0.1:1\npush:\n  remote_write: [{url: 'http://a/', version: '1.0', labels: {a: b}}, {url: 'http://a/', histograms: both}]\n",
        "listen: 127.0.0.1:1\npush:\n  remote_write: [{url: 'http://a/', headers: {x: y}, basic_auth: {username: a, password: b}}]\n  otlp: [{url: 'http://a/', headers: {x: y, z: <hidden >}, basic_auth: {username: a, password: b}}]\n",
        EVERY_KEY,
    ];
    let mut all = vec![usual.into_bytes()];
    all.extend(some.map(|text| text.as_bytes().to_vec()));
    // A stranger in each section.
    for line in EVERY_KEY.lines() {
        if let Some((before, after)) = line.rsplit_once('}') {
            let with = format!("{before}, stranger: 1}}{after}");
            all.push(EVERY_KEY.replace(line, &with).into_bytes());
        }
    }
    all.push(format!("{EVERY_KEY}stranger: 1\n").into_bytes());
    all
}

/// Each of our own keys, with a value that is not the default; a section is a line.
const EVERY_KEY: &str = "\
rooms: [{name: stage, listen: '127.0.0.1:0', publishers: [10.0.0.7], subscribers: ['127.0.0.1:6000']}]
workers: 3
socket_buffer: 1048576
duration: 2.5
profile: both
process: false
metrics: {enabled: true, listen: '127.0.0.1:1', interval: 0.2, kernel_stamps: false, openmetrics_2: true, openmetrics_created: true}
limits: {max_streams: 5, idle_timeout: 9}
insight: {worst: 3}
payload_types: {96: {kind: audio, clock_rate: 16000}, 98: {codec: vp9}}
rtx: {97: 96}
synthetic: {streams: 2, seed: 3, lifetime: 2.5, stretch: 4}
history: {minutes: 3, max_mib: 7, keep: 2, dumps_max_mib: 100}
push: {remote_write: [{url: 'http://a/'}], otlp: [{url: 'http://a/'}]}
target: {service.name: a}
";

fn requests() -> Vec<Vec<u8>> {
    let some = [
        "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "GET /api/v1/streams?group=a&limit=1&sort=score HTTP/1.0\r\n\r\n",
        "GET /api/v1/history?since=10s&name[]=a HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\"\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let mut all: Vec<Vec<u8>> = some.map(|text| [&[0], text.as_bytes()].concat()).into();
    let chance = chance(120);
    all.extend(chance.iter().map(|choices| [&[1], &choices[..]].concat()));
    // The same to the server that is guarded.
    let known = "GET /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
    all.push([&[2], known.as_bytes()].concat());
    all.extend(chance.iter().map(|choices| [&[3], &choices[..]].concat()));
    all
}
