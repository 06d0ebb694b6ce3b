//! First way: metrics-exporter-prometheus stays the recorder, and its page is served along with ours, in one scrape.
//!
//! Take this if the program's own metrics are to stay as they are to the letter, and one port is enough for all.

use std::error::Error;
use std::thread;
use std::time::Duration;

use beside_metrics_exporter::{JOB_SECONDS, media, work};
use media_metrics_core::{Registry, Reporter};
use media_metrics_exporter::Server;
use media_metrics_exporter::bridge::WithPage;
use metrics_exporter_prometheus::PrometheusBuilder;

fn main() -> Result<(), Box<dyn Error>> {
    // This the program had; its own HTTP listener, if it had one, goes.
    let builder = PrometheusBuilder::new().set_buckets(&JOB_SECONDS)?;
    let handle = builder.install_recorder()?;

    // This is new.
    let registry = Registry::new()?;
    let _reporter = Reporter::builder(&registry).start()?;
    let page = handle.clone();
    let both = WithPage::new(registry.clone(), move || page.render())?;
    let server = Server::builder(both).bind(address()).start()?;
    println!("both on http://{}/metrics", server.local_addr());

    media(&registry)?;
    work();
    loop {
        // Samples of histograms wait in that library until a page is made or it is told to look after itself. Its own
        // listener did that; without it, and without scrapes, they would fill the memory.
        thread::sleep(Duration::from_secs(5));
        handle.run_upkeep();
    }
}

fn address() -> String {
    let given = std::env::args().nth(1);
    given.unwrap_or_else(|| "127.0.0.1:9464".to_owned())
}
