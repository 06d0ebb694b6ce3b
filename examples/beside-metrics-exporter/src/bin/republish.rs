//! Second way: metrics-exporter-prometheus stays the recorder and the server, and our snapshots are given to it.
//!
//! Take this if the process has a page that must not move, or a recorder that sends elsewhere (StatsD, say): what is
//! republished goes wherever the recorder puts it. Each merge costs a look at every series, on a thread of its own.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use beside_metrics_exporter::{JOB_SECONDS, media, work};
use media_metrics_core::{Registry, Reporter};
use media_metrics_exporter::bridge::Republish;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // This the program had.
    let builder = PrometheusBuilder::new().set_buckets(&JOB_SECONDS)?;
    let handle = builder.install_recorder()?;
    let page = handle.clone();
    let service = Router::new().route("/metrics", get(async move || page.render()));
    let listener = TcpListener::bind(address()).await?;
    println!("their page on http://{}/metrics", listener.local_addr()?);

    // This is new: no server of ours, but a sink. After the recorder, which is to get all of it.
    let registry = Registry::new()?;
    let sink = Republish::new().histograms_as_counters();
    let reporter = Reporter::builder(&registry).interval(Duration::from_secs(1));
    let _reporter = reporter.sink("republish", 4, sink).start()?;

    media(&registry)?;
    tokio::task::spawn_blocking(work);
    let upkeep = async {
        loop {
            sleep(Duration::from_secs(5)).await;
            handle.run_upkeep();
        }
    };
    tokio::select! {
        served = axum::serve(listener, service).into_future() => Ok(served?),
        () = upkeep => Ok(()),
    }
}

fn address() -> String {
    let given = std::env::args().nth(1);
    given.unwrap_or_else(|| "127.0.0.1:9464".to_owned())
}
