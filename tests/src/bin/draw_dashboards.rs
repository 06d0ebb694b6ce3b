//! Draws the dashboards that the README shows, in `docs/pictures`, from minutes of synthetic load: `cargo xtask pictures`
//! runs it.

#![expect(clippy::print_stdout, reason = "it tells people what it drew")]

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use media_metrics_tests::grafana::{self, Picture};
use media_metrics_tests::package;
use media_metrics_tests::program::Program;
use media_metrics_tests::prometheus::Prometheus;

/// How long the load runs before it is drawn.
const SECONDS: u32 = 300;

/// Dashboards, and how many rows of each.
const SHOWN: [(&str, usize); 3] = [("overview", 5), ("quality", 2), ("streams", 2)];

fn main() -> ExitCode {
    let root = package().join("..");
    let program = Program::synthetic(12, "both");
    let prometheus = Prometheus::scraping(program.metrics());
    println!("{SECONDS} s of 12 synthetic streams");
    thread::sleep(Duration::from_secs(SECONDS.into()));
    let pictures = SHOWN.map(|(slug, rows)| Picture {
        dashboard: root.join(format!("grafana/dashboards/{slug}.json")),
        to: root.join(format!("docs/pictures/dashboard-{slug}.png")),
        rows,
    });
    match grafana::draw(&prometheus.url(), SECONDS, 1_400, &pictures) {
        Ok(lines) => {
            println!("{}", lines.join("\n"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
