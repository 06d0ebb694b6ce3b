//! Grafana's provisioning: the data source, and where dashboards are.

use serde::Serialize;

use super::compose::DASHBOARDS;
use super::{DATASOURCE, PROMETHEUS, SCRAPE_INTERVAL, yaml};
use crate::generate::File;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Datasources {
    api_version: u8,
    prune: bool,
    datasources: [Datasource; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Datasource {
    name: &'static str,
    uid: &'static str,
    r#type: &'static str,
    access: &'static str,
    url: String,
    is_default: bool,
    editable: bool,
    json_data: JsonData,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonData {
    http_method: &'static str,
    prometheus_type: &'static str,
    /// The scrape interval: `$__rate_interval` is four of these at least.
    time_interval: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dashboards {
    api_version: u8,
    providers: [Provider; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Provider {
    name: &'static str,
    folder: &'static str,
    folder_uid: &'static str,
    r#type: &'static str,
    disable_deletion: bool,
    allow_ui_updates: bool,
    update_interval_seconds: u8,
    options: Options,
}

#[derive(Serialize)]
struct Options {
    path: &'static str,
}

pub(super) fn files() -> Vec<File> {
    let datasources = Datasources {
        api_version: 1,
        prune: true,
        datasources: [Datasource {
            name: "Prometheus",
            uid: DATASOURCE,
            r#type: "prometheus",
            access: "proxy",
            url: format!("http://{PROMETHEUS}"),
            is_default: true,
            editable: false,
            json_data: JsonData {
                http_method: "POST",
                prometheus_type: "Prometheus",
                time_interval: SCRAPE_INTERVAL,
            },
        }],
    };
    let dashboards = Dashboards {
        api_version: 1,
        providers: [Provider {
            name: "media-metrics",
            folder: "Media metrics",
            folder_uid: "media-metrics",
            r#type: "file",
            disable_deletion: true,
            allow_ui_updates: false,
            update_interval_seconds: 30,
            options: Options { path: DASHBOARDS },
        }],
    };
    vec![
        yaml(
            "grafana/provisioning/datasources/prometheus.yaml",
            &[],
            &datasources,
        ),
        yaml(
            "grafana/provisioning/dashboards/media-metrics.yaml",
            &[],
            &dashboards,
        ),
    ]
}
