//! A host that makes every event happen for which a query of a dashboard may wait.
//!
//! Lives here: what each event is, told by the functions that a host would call. Not here: who asks for it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media_metrics_core::livekit::derive_families;
use media_metrics_core::livekit::families::{
    ClaimOutcome, Country, Families, JoinState, NodeIdentity, NodeType, ParticipantKind,
    PsrpcError, PubSub, PubSubDirection, Role, Sdk, Success, TrackKind, TrackSource,
};
use media_metrics_core::livekit::messages::{MetricSample, MetricsBatch, TimeSeriesMetric};
use media_metrics_core::livekit::pipeline::{
    Participant, ParticipantConfig, Pipeline, PipelineConfig, Provider, Room, Samples, SendError,
};
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::{ReportBlock, SenderInfo};
use media_metrics_core::stream::{SendStream, SenderConfig};
use media_metrics_core::{Registry, Reporter};
use media_metrics_exporter::Server;
use media_metrics_exporter::push::Endpoint;
use media_metrics_exporter::push::remote_write::RemoteWrite;
use media_metrics_forwarder::generate::dashboards::model::Event;
use media_metrics_tests::prometheus::Prometheus;

const MS: u64 = 1_000_000;

/// Somebody at home, who takes what is sent and whose round trips are known.
struct Client;

impl Provider for Client {
    fn collect(&mut self, samples: &mut Samples<'_>) {
        let _refusals_are_counted = samples.subscriber_rtt(0.03);
    }

    fn send(&mut self, _packet: &[u8]) -> Result<(), SendError> {
        Ok(())
    }
}

/// The host, and what it keeps alive.
pub(crate) struct Host {
    server: Server,
    _reporter: Reporter,
    _receiver: Prometheus,
    families: Families,
    pipeline: Pipeline,
    _room: Room,
    people: Vec<Participant>,
    stream: SendStream,
    next: u16,
    since: Instant,
}

impl Host {
    pub(crate) fn start() -> Self {
        let registry = Registry::builder().worst(10).build().unwrap();
        let node = NodeIdentity::new("ND_1", NodeType::Server);
        let families = Families::register(&registry, node.clone()).unwrap();
        derive_families(&registry, &node, Some(Duration::from_secs(10))).unwrap();

        let pipeline = Pipeline::new(PipelineConfig::default(), &registry).unwrap();
        let now = pipeline.clock().now();
        let room = pipeline.room_with_audience(|_: &str, _: &str| true, now);
        let join = |name: &str| {
            let mut config = ParticipantConfig::new(name);
            (config.active, config.can_subscribe_metrics) = (true, true);
            room.join(config, Client, now).unwrap()
        };
        let people = vec![join("alice"), join("bob")];

        let receiver = Prometheus::receiving();
        let endpoint = Endpoint::new(receiver.write_url()).interval(Duration::ZERO);
        let push = RemoteWrite::new(endpoint).label("job", "host");
        let push = push.start(&registry).unwrap();

        let group = registry.sender_group(&["outgoing", "video"]).unwrap();
        let stream = registry
            .sender(&group, SenderConfig::new(7, 90_000))
            .unwrap();
        let reporter = Reporter::builder(&registry)
            .interval(Duration::from_millis(200))
            .task("pipeline", pipeline.task())
            .sink("remote_write", 16, push)
            .start()
            .unwrap();
        let server = Server::builder(registry)
            .bind("127.0.0.1:0")
            .start()
            .unwrap();
        Self {
            server,
            _reporter: reporter,
            _receiver: receiver,
            families,
            pipeline,
            _room: room,
            people,
            stream,
            next: 0,
            since: Instant::now(),
        }
    }

    pub(crate) fn metrics(&self) -> SocketAddr {
        self.server.local_addr()
    }

    fn now_ns(&self) -> u64 {
        self.since.elapsed().as_nanos() as u64
    }

    fn send(&mut self, sequence: u16) {
        let header = RtpHeader {
            marker: false,
            payload_type: 96,
            sequence,
            timestamp: u32::from(sequence) * 3_000,
            ssrc: 7,
            header_len: 12,
            padding_len: 0,
            packet_len: 1_000,
        };
        self.stream.on_rtp(&header, self.now_ns());
    }

    /// Makes it happen, once more.
    pub(crate) fn happen(&mut self, event: Event) {
        match event {
            Event::ReceiverReport => self.report(),
            Event::Retransmission => self.send_again(),
            Event::KeyFrame => self.key_frame(),
            Event::Session => self.session(),
            Event::ServerApi => self.server_api(),
            Event::InternalCall => self.internal_call(),
            Event::Upkeep => self.upkeep(),
            Event::ClientBatch => self.client_batch(),
            Event::Overflow => self.overflow(),
            // With each merge, as long as the receiver takes it.
            Event::Push => {}
        }
    }

    /// Ten packets, a sender report, and the receiver's answer to it, 30 ms later.
    fn report(&mut self) {
        for _ in 0..10 {
            self.next = self.next.wrapping_add(1);
            self.send(self.next);
        }
        let now = self.now_ns();
        let ntp = (now / (1_000 * MS)) << 32 | (now % (1_000 * MS) * 4);
        let info = SenderInfo {
            ssrc: 7,
            ntp,
            rtp_timestamp: 0,
            packets: 0,
            octets: 0,
        };
        self.stream.on_sender_report(&info, now);
        let block = ReportBlock {
            ssrc: 7,
            fraction_lost: 8,
            cumulative_lost: 1,
            highest_sequence: u32::from(self.next),
            jitter_ticks: 900,
            last_report: (ntp >> 16) as u32,
            delay: 0,
        };
        self.stream.on_report(&block, now + 30 * MS);
    }

    fn send_again(&mut self) {
        self.next = self.next.wrapping_add(1);
        self.send(self.next);
        self.stream.on_nack([self.next], self.now_ns());
        self.send(self.next);
    }

    fn key_frame(&mut self) {
        self.stream.on_pli(self.now_ns());
        self.stream.on_key_frame(self.now_ns() + 40 * MS);
    }

    fn session(&mut self) {
        let (families, took) = (&self.families, Duration::from_millis(120));
        families.join(JoinState::RtcInit);
        families.join(JoinState::RtcFailure { warp: false });
        families.session_join_latency(16, took);
        families.session_start_time(16, false, took);
        families.session_duration(16, took);
        let of = PubSub {
            direction: PubSubDirection::Publish,
            source: TrackSource::Microphone,
            kind: TrackKind::Audio,
            country: Country::of("DE"),
            sdk: Sdk::Rust,
            participant: ParticipantKind::Standard,
            count: 1,
        };
        families.pub_sub_time(&of, took);
    }

    fn server_api(&mut self) {
        let took = Duration::from_millis(7);
        self.families
            .twirp_response("RoomService", "CreateRoom", 200, None, took);
        self.families
            .twirp_response("RoomService", "CreateRoom", 503, None, took);
    }

    fn internal_call(&mut self) {
        let (families, took) = (&self.families, Duration::from_millis(3));
        let calls = families.psrpc_rpc(Role::Client, "Signal", "Relay").unwrap();
        calls.ended(Ok(()), took, 100, 200);
        calls.ended(Err(PsrpcError::Unavailable), took, 0, 200);
        let server = families.psrpc_server("Signal", "Relay").unwrap();
        server.received();
        server.expired();
        server.claim(ClaimOutcome::Granted, took);
        let streams = families
            .psrpc_stream(Role::Server, "Signal", "Relay")
            .unwrap();
        streams.opened();
    }

    fn upkeep(&mut self) {
        self.families.webhook_queued(2);
        self.families
            .config_reloaded("/etc/livekit.yaml", Success::Success);
    }

    /// More configuration files than anybody has.
    fn overflow(&self) {
        for number in 0..200 {
            self.families.config_hash(&format!("/etc/{number}.yaml"), 1);
        }
    }

    /// Everything that LiveKit's labels name, as totals that grow with time.
    fn client_batch(&mut self) {
        let now = self.pipeline.clock().now();
        let value = self.since.elapsed().as_secs_f32() * 0.1 + 0.01;
        let row = |label| TimeSeriesMetric {
            label,
            samples: vec![MetricSample {
                timestamp_ms: now.ms(),
                normalized_timestamp: None,
                value,
            }],
            ..TimeSeriesMetric::default()
        };
        let batch = MetricsBatch {
            timestamp_ms: now.ms(),
            time_series: (0..20).map(row).collect(),
            ..MetricsBatch::default()
        };
        for person in &self.people {
            // A rate limit may refuse one: the next comes soon.
            let _counted = person.on_metrics(batch.clone(), now);
        }
    }
}
