//! Every query of every dashboard, asked of a real Prometheus: it has data under the forwarder's synthetic load, or it
//! waits for an event, and has data once that happened. With native histograms and without.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise, with all it knows"
)]

mod host;
mod types;

use std::collections::BTreeSet;

use host::Host;
use media_metrics_forwarder::generate::dashboards;
use media_metrics_forwarder::generate::dashboards::model::{Event, Storage};
use media_metrics_tests::program::Program;
use media_metrics_tests::prometheus::Prometheus;
use media_metrics_tests::wait::{self, PATIENCE};

/// A query of a panel.
#[derive(Clone, Debug)]
struct Asked {
    place: String,
    promql: String,
    awaits: Option<Event>,
    storage: Storage,
}

/// All of them, with something in place of Grafana's variables.
fn all() -> Vec<Asked> {
    let dashboards = dashboards::all().into_iter();
    let panels = dashboards.flat_map(|dashboard| {
        let panels = dashboard.rows.into_iter().flat_map(|row| row.panels);
        panels.map(move |panel| (dashboard.slug, panel))
    });
    let queries = panels.flat_map(|(slug, panel)| {
        let title = panel.title;
        panel.queries.into_iter().map(move |query| Asked {
            place: format!("{slug}, {title}: {}", query.expr),
            promql: query
                .expr
                .replace("$__rate_interval", "10s")
                .replace("$job", "media-metrics")
                .replace("$instance", ".+"),
            awaits: query.awaits,
            storage: query.storage,
        })
    });
    queries.collect()
}

/// A Prometheus, and in which form it does not keep histograms.
struct Judge {
    prometheus: Prometheus,
    lacks: Storage,
}

impl Judge {
    /// Both kinds of it.
    fn both(target: std::net::SocketAddr) -> [Self; 2] {
        [
            Self {
                prometheus: Prometheus::scraping(target),
                lacks: Storage::Native,
            },
            Self {
                prometheus: Prometheus::scraping_native_histograms(target),
                lacks: Storage::Classic,
            },
        ]
    }

    /// Whether a query gives anything that is a number.
    #[track_caller]
    fn answers(&self, asked: &Asked) -> bool {
        if asked.storage == Storage::Native {
            let histogram = self.prometheus.histogram(&asked.promql);
            return histogram.is_ok_and(|histogram| histogram.count > 0.0);
        }
        let samples = self
            .prometheus
            .query(&asked.promql)
            .unwrap_or_else(|error| panic!("{}: {error}", asked.place));
        samples.iter().any(|sample| !sample.value.is_nan())
    }

    /// Waits until all of them have data; before each look `meanwhile` does something.
    #[track_caller]
    fn expect_data(&self, asked: &[Asked], mut meanwhile: impl FnMut()) {
        let mut missing: Vec<&Asked> = asked
            .iter()
            .filter(|asked| asked.storage != self.lacks)
            .collect();
        assert!(!missing.is_empty());
        wait::until("data for every query", PATIENCE * 3, || {
            meanwhile();
            missing.retain(|asked| !self.answers(asked));
            match missing.is_empty() {
                true => Ok(()),
                false => Err(format!("nothing for {missing:#?}")),
            }
        });
    }
}

#[test]
fn the_synthetic_load_has_data_for_all_that_wait_for_nothing() {
    let (waiting, rest): (Vec<_>, Vec<_>) =
        all().into_iter().partition(|asked| asked.awaits.is_some());
    let program = Program::synthetic(12, "both");
    for judge in Judge::both(program.metrics()) {
        judge.expect_data(&rest, || {});
        let in_vain: Vec<_> = waiting
            .iter()
            .filter(|asked| judge.answers(asked))
            .collect();
        assert!(in_vain.is_empty(), "they need not wait: {in_vain:#?}");
    }
}

#[test]
fn what_waits_has_data_once_its_event_happened() {
    let waiting: Vec<_> = all()
        .into_iter()
        .filter(|asked| asked.awaits.is_some())
        .collect();
    let events: BTreeSet<Event> = waiting.iter().filter_map(|asked| asked.awaits).collect();
    let mut host = Host::start();
    for judge in Judge::both(host.metrics()) {
        judge.expect_data(&waiting, || {
            events.iter().for_each(|event| host.happen(*event));
        });
    }
}
