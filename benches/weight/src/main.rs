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
    let reporter = reporter.start()?;
    #[cfg(feature = "exporter")]
    let server = serve(&registry)?;

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
fn serve(registry: &Registry) -> Result<media_metrics_exporter::Server, Box<dyn Error>> {
    let source = registry.clone();
    #[cfg(feature = "bridge")]
    let source = media_metrics_exporter::bridge::WithPage::new(source, String::new)?;
    let server = media_metrics_exporter::Server::builder(source);
    Ok(server.bind("127.0.0.1:0").start()?)
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
