//! Prometheus and Grafana in containers.
//!
//! On the host's network, because the program listens on loopback unless it is told otherwise, and so do they: nothing
//! here is to be had from another machine. Nobody can log in to Grafana: there is no first administrator, so no default password.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{GRAFANA, PROMETHEUS, yaml};
use crate::generate::File;

/// Where the dashboards are in Grafana's container.
pub(super) const DASHBOARDS: &str = "/etc/grafana/dashboards";

/// The current stable releases when these files were last looked at.
const PROMETHEUS_IMAGE: &str = "prom/prometheus:v3.15.0";
const GRAFANA_IMAGE: &str = "grafana/grafana:13.2.3";

#[derive(Serialize)]
struct Compose {
    name: &'static str,
    services: BTreeMap<&'static str, Service>,
    volumes: BTreeMap<&'static str, Volume>,
}

#[derive(Serialize)]
struct Service {
    image: &'static str,
    network_mode: &'static str,
    restart: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    command: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    environment: BTreeMap<&'static str, String>,
    volumes: Vec<String>,
}

/// A named volume with nothing to say about it.
#[derive(Serialize)]
struct Volume {}

pub(super) fn files() -> Vec<File> {
    let read_only = |from: &str, to: &str| format!("./{from}:{to}:ro");
    let prometheus = Service {
        image: PROMETHEUS_IMAGE,
        network_mode: "host",
        restart: "unless-stopped",
        command: vec![
            "--config.file=/etc/prometheus/prometheus.yaml".to_owned(),
            "--storage.tsdb.path=/prometheus".to_owned(),
            "--storage.tsdb.retention.time=15d".to_owned(),
            format!("--web.listen-address={PROMETHEUS}"),
            "--enable-feature=exemplar-storage".to_owned(),
        ],
        environment: BTreeMap::new(),
        volumes: vec![
            read_only("prometheus-native.yaml", "/etc/prometheus/prometheus.yaml"),
            read_only("rules", "/etc/prometheus/rules"),
            "prometheus:/prometheus".to_owned(),
        ],
    };
    let (address, port) = GRAFANA;
    let environment = [
        ("GF_SERVER_HTTP_ADDR", address.to_owned()),
        ("GF_SERVER_HTTP_PORT", port.to_string()),
        ("GF_AUTH_ANONYMOUS_ENABLED", "true".to_owned()),
        ("GF_AUTH_ANONYMOUS_ORG_ROLE", "Viewer".to_owned()),
        ("GF_AUTH_DISABLE_LOGIN_FORM", "true".to_owned()),
        (
            "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION",
            "true".to_owned(),
        ),
        ("GF_ANALYTICS_REPORTING_ENABLED", "false".to_owned()),
        ("GF_ANALYTICS_CHECK_FOR_UPDATES", "false".to_owned()),
        (
            "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH",
            format!("{DASHBOARDS}/overview.json"),
        ),
    ];
    let grafana = Service {
        image: GRAFANA_IMAGE,
        network_mode: "host",
        restart: "unless-stopped",
        command: Vec::new(),
        environment: environment.into(),
        volumes: vec![
            read_only("provisioning", "/etc/grafana/provisioning"),
            read_only("dashboards", DASHBOARDS),
            "grafana:/var/lib/grafana".to_owned(),
        ],
    };
    let compose = Compose {
        name: "media-metrics",
        services: [("prometheus", prometheus), ("grafana", grafana)].into(),
        volumes: [("prometheus", Volume {}), ("grafana", Volume {})].into(),
    };
    vec![yaml("grafana/compose.yaml", &[], &compose)]
}
