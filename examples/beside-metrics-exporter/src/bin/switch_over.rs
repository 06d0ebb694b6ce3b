//! Third way: the macros land on our shards, and metrics-exporter-prometheus goes.
//!
//! Take this for what the macros then cost: no lock and no locked instruction for a handle that is kept, and histograms that
//! need no upkeep. Names, labels and buckets stay; what differs is in the documentation of `media_metrics_core::facade`.

use std::error::Error;
use std::thread;

use beside_metrics_exporter::{JOB_SECONDS, media, work};
use media_metrics_core::{Registry, Reporter, facade};
use media_metrics_exporter::Server;

fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::new()?;

    // In the place of `PrometheusBuilder::new().set_buckets(&JOB_SECONDS)?.install()?`.
    let recorder = facade::Recorder::builder(&registry).buckets(&JOB_SECONDS);
    recorder.install()?;

    let _reporter = Reporter::builder(&registry).start()?;
    let server = Server::builder(registry.clone()).bind(address()).start()?;
    println!("one recorder, on http://{}/metrics", server.local_addr());

    media(&registry)?;
    work();
    loop {
        thread::park();
    }
}

fn address() -> String {
    let given = std::env::args().nth(1);
    given.unwrap_or_else(|| "127.0.0.1:9464".to_owned())
}
