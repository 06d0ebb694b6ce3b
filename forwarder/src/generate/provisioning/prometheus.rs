//! Prometheus' configuration.
//!
//! Two files that differ in one thing: `prometheus.yaml` is understood by any Prometheus 2, and stores classic histograms;
//! `prometheus-native.yaml` needs 3.8, and stores native histograms beside the classic ones.

use serde::Serialize;

use super::{JOB, SCRAPE_INTERVAL, TARGET, yaml};
use crate::generate::File;

#[derive(Serialize)]
struct Config {
    global: Global,
    rule_files: [&'static str; 1],
    scrape_configs: [Scrape; 1],
}

#[derive(Serialize)]
struct Global {
    scrape_interval: &'static str,
    evaluation_interval: &'static str,
}

#[derive(Serialize)]
struct Scrape {
    job_name: &'static str,
    #[serde(flatten)]
    native: Option<Native>,
    static_configs: [Targets; 1],
}

#[derive(Serialize)]
struct Native {
    scrape_native_histograms: bool,
    always_scrape_classic_histograms: bool,
}

#[derive(Serialize)]
struct Targets {
    targets: [&'static str; 1],
}

pub(super) fn files() -> Vec<File> {
    let config = |native| Config {
        global: Global {
            scrape_interval: SCRAPE_INTERVAL,
            evaluation_interval: "15s",
        },
        rule_files: ["rules/*.yaml"],
        scrape_configs: [Scrape {
            job_name: JOB,
            native,
            static_configs: [Targets { targets: [TARGET] }],
        }],
    };
    let native = Native {
        scrape_native_histograms: true,
        always_scrape_classic_histograms: true,
    };
    vec![
        yaml(
            "grafana/prometheus.yaml",
            &[
                "",
                "For any Prometheus from 2.40 on: it stores classic histograms, and all panels but the native heatmap have data.",
                "Before 3, --enable-feature=native-histograms makes it store native ones only. Panels and rules ask for either form; empty are",
                "then the classic heatmap, and queries of your own that ask for _bucket. From 3.8 on take prometheus-native.yaml: both forms.",
                "Exemplars need --enable-feature=exemplar-storage.",
            ],
            &config(None),
        ),
        yaml(
            "grafana/prometheus-native.yaml",
            &[
                "",
                "For Prometheus from 3.8 on: prometheus.yaml, and native histograms beside the classic ones.",
                "Exemplars need --enable-feature=exemplar-storage.",
            ],
            &config(Some(native)),
        ),
    ]
}
