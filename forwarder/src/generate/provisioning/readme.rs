//! How to get pictures.

use super::{GRAFANA, JOB, PROMETHEUS, TARGET};
use crate::generate::File;

pub(super) fn files() -> Vec<File> {
    let (address, port) = GRAFANA;
    let text = format!(
        "\
# Dashboards, rules and what loads them

<!-- Written by `media-metrics generate`: changes are made in forwarder/src/generate/provisioning. -->

Three commands, from the root of the checkout, to pictures of a forwarder with built-in streams:

```sh
cargo run --release -- --synthetic 12 --profile both &
docker compose -f grafana/compose.yaml up -d
xdg-open http://{address}:{port}/
```

Anybody on this machine can look and nobody can log in: Grafana has no administrator, so no default password. To change things, give
`GF_SECURITY_ADMIN_PASSWORD` a value in `compose.yaml` and take out the two lines that turn logging in off
(`GF_AUTH_DISABLE_LOGIN_FORM`, `GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION`).

| file | what |
|---|---|
| `compose.yaml` | Prometheus on {PROMETHEUS} and Grafana on {address}:{port}, on the host's network |
| `prometheus.yaml` | a configuration for any Prometheus from 2.40 on: classic histograms |
| `prometheus-native.yaml` | the same from 3.8 on: native histograms, too |
| `provisioning/` | Grafana's data source, and where it finds dashboards |
| `dashboards/` | the dashboards; each can be imported by hand as well |
| `rules/` | recording rules, alerts, and the tests of both |

## Without containers

`prometheus --config.file=grafana/prometheus.yaml` works as it is, for rules are found beside the file. Grafana takes the dashboards by
*Import*; their variable `datasource` asks for yours.

## Other targets, other machines

The target is {TARGET}, where the program serves metrics unless `--metrics` says otherwise: change it under `static_configs`. The job may
have another name than `{JOB}`, but should hold nothing else: a target that does not answer can't say what it is.

The containers use the host's network because the program listens on loopback, which a container with a network of its own can't reach. On
macOS and Windows, Docker Desktop has that as a setting (*Enable host networking*). Without it, start the program with
`--metrics 0.0.0.0:9464`, take `network_mode` out, publish the ports, and write `host.docker.internal:9464` for the target and
`http://prometheus:9090` for the data source; and mind that the metrics are then to be had from outside, unless a firewall or
`basic_auth_users` says otherwise.

Alerts need an Alertmanager to reach people: add `alerting:` to Prometheus' configuration. What to do about each stands in
[docs/runbooks](../docs/runbooks), what each family means in [docs/metrics.md](../docs/metrics.md).
"
    );
    vec![File {
        path: "grafana/README.md".to_owned(),
        text,
    }]
}
