//! The smallest useful program, and what each feature adds to it: `cargo xtask weight` builds it and weighs it.
//!
//! Lives here: of each feature the least that a host would write. Not here: weighing (`xtask`). A feature that is not
//! used would be thrown away by the linker, and weigh nothing.

use std::error::Error;
use std::time::Duration;

use media_metrics_core::{Desc, Registry, Reporter};

static PACKETS: Desc = Desc::counter("packets_total", "Packets.");

fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::new()?;
    let packets = registry.counter(&PACKETS, &[])?;
    let reporter = Reporter::builder(&registry);
    #[cfg(feature = "facade")]
    {
        media_metrics_core::facade::install(&registry)?;
        metrics::counter!("jobs_total").increment(1);
    }
    #[cfg(feature = "livekit")]
    let reporter = livekit(&registry, reporter)?;
    #[cfg(feature = "bridge")]
    let reporter = reporter.sink(
        "metrics",
        4,
        media_metrics_exporter::bridge::Republish::new(),
    );
    #[cfg(feature = "process")]
    let reporter = {
        let every = Duration::from_secs(1);
        let process = media_metrics_exporter::process::ProcessTask::new(&registry, every)?;
        reporter.task("process", |_| process)
    };
    #[cfg(feature = "history")]
    let history = {
        use media_metrics_exporter::history::{History, HistoryOptions};
        History::new(&registry, HistoryOptions::default())?
    };
    #[cfg(feature = "history")]
    let reporter = reporter.sink("history", 4, history.sink());
    #[cfg(feature = "remote-write")]
    let reporter = {
        use media_metrics_exporter::push::remote_write::RemoteWrite;
        let push = RemoteWrite::new(nowhere()).start(&registry)?;
        reporter.sink("remote_write", 4, push)
    };
    #[cfg(feature = "otlp")]
    let reporter = {
        let push = media_metrics_exporter::otlp::Otlp::new(nowhere()).start(&registry)?;
        reporter.sink("otlp", 4, push)
    };
    let reporter = reporter.start()?;
    #[cfg(feature = "exporter")]
    let server = serve(
        &registry,
        #[cfg(feature = "history")]
        &history,
    )?;

    packets.inc();
    let snapshot = reporter.flush();
    #[cfg(feature = "exporter")]
    server.stop(Duration::from_secs(1));
    reporter.stop(Duration::from_secs(1));
    match snapshot.counter("packets_total", &[]) {
        Some(1) => Ok(()),
        other => Err(format!("1 packet was counted as {other:?}").into()),
    }
}

#[cfg(feature = "exporter")]
fn serve(
    registry: &Registry,
    #[cfg(feature = "history")] history: &media_metrics_exporter::history::History,
) -> Result<media_metrics_exporter::Server, Box<dyn Error>> {
    let source = registry.clone();
    #[cfg(feature = "bridge")]
    let source = media_metrics_exporter::bridge::WithPage::new(source, String::new)?;
    let server = media_metrics_exporter::Server::builder(source);
    #[cfg(feature = "history")]
    let server = server.history(history);
    #[cfg(feature = "bcrypt")]
    let server = {
        let hash = "$2y$04$......................JNE6nGQ2I1gVpUMvHqX0WMXe8s5zbN2";
        match hash.parse() {
            Ok(hash) => server.basic_auth_hash("somebody", hash),
            Err(_) => server,
        }
    };
    // Whether there is a certificate is known when it runs: so the linker can't leave TLS out.
    #[cfg(feature = "tls")]
    let server = match (std::env::var_os("CERTIFICATE"), std::env::var_os("KEY")) {
        (Some(certificate), Some(key)) => {
            server.tls(media_metrics_exporter::Tls::new(certificate, key))
        }
        _ => server,
    };
    #[cfg(feature = "tower")]
    drop(media_metrics_exporter::Server::builder(registry.clone()).into_service()?);
    Ok(server.bind("127.0.0.1:0").start()?)
}

/// A receiver that nobody is.
#[cfg(any(feature = "remote-write", feature = "otlp"))]
fn nowhere() -> media_metrics_exporter::push::Endpoint {
    let endpoint = media_metrics_exporter::push::Endpoint::new("http://127.0.0.1:9/");
    endpoint.stop_within(Duration::from_millis(1))
}

#[cfg(feature = "livekit")]
fn livekit(
    registry: &Registry,
    reporter: media_metrics_core::ReporterBuilder,
) -> Result<media_metrics_core::ReporterBuilder, Box<dyn Error>> {
    use media_metrics_core::livekit::families::{Families, NodeIdentity, NodeType};
    use media_metrics_core::livekit::pipeline::{Pipeline, PipelineConfig};
    let node = NodeIdentity::new("ND_1", NodeType::Server);
    Families::register(registry, node.clone())?;
    media_metrics_core::livekit::derive_families(registry, &node, Some(Duration::from_secs(10)))?;
    let pipeline = Pipeline::new(PipelineConfig::default(), registry)?;
    Ok(reporter.task("pipeline", pipeline.task()))
}
