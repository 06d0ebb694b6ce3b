//! What makes Prometheus and Grafana load the rest.
//!
//! Lives here: the files, and what they agree on: names, addresses, intervals. In the modules: Prometheus' configuration
//! (`prometheus`), Grafana's provisioning (`grafana`), both in containers (`compose`), and how to use it (`readme`). Not
//! here: dashboards and rules, which are only named by their folders.

mod compose;
mod grafana;
mod prometheus;
mod readme;

use serde::Serialize;

use super::File;

/// The job under which the program is scraped: rules and dashboards know it by that.
pub const JOB: &str = "media-metrics";

/// The uid of the data source.
pub const DATASOURCE: &str = "media-metrics-prometheus";

/// Where the program serves its metrics unless it is told otherwise.
pub const TARGET: &str = "127.0.0.1:9464";

/// Where Prometheus listens.
const PROMETHEUS: &str = "127.0.0.1:9090";

/// Where Grafana listens: the address, and the port.
const GRAFANA: (&str, u16) = ("127.0.0.1", 3000);

/// Time between two scrapes: that of a quality window, so that no slot of the worst streams is missed for long.
const SCRAPE_INTERVAL: &str = "5s";

/// `grafana/provisioning/**`, `grafana/prometheus*.yaml`, `grafana/compose.yaml` and `grafana/README.md`.
#[must_use]
pub fn files() -> Vec<File> {
    [
        prometheus::files(),
        grafana::files(),
        compose::files(),
        readme::files(),
    ]
    .concat()
}

/// A YAML file that begins with these lines of comment.
fn yaml(path: &str, comment: &[&str], value: &impl Serialize) -> File {
    let comment: String = ["Written by `media-metrics generate`: changes are made in forwarder/src/generate/provisioning."]
        .iter()
        .chain(comment)
        .map(|line| format!("# {line}").trim_end().to_owned() + "\n")
        .collect();
    // Plain structs of texts, numbers and lists: there is nothing in them that YAML can't say, and a test reads them back.
    let text = serde_saphyr::to_string(value).unwrap_or_default();
    File {
        path: path.to_owned(),
        text: comment + &text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::cli::ForwardFlags;
    use crate::config::Settings;
    use crate::generate;

    /// A file's YAML, read by who did not write it.
    fn read(path: &str) -> Value {
        let file = files().into_iter().find(|file| file.path == path).unwrap();
        serde_saphyr::from_str(&file.text).unwrap()
    }

    fn texts(list: &Value) -> Vec<&str> {
        let list = list.as_array().unwrap();
        list.iter().map(|text| text.as_str().unwrap()).collect()
    }

    #[test]
    fn the_target_is_where_the_program_serves_by_default() {
        let settings = Settings::load(None, ForwardFlags::default()).unwrap();
        assert_eq!(settings.metrics.listen.to_string(), TARGET);
        for path in ["grafana/prometheus.yaml", "grafana/prometheus-native.yaml"] {
            let config = read(path);
            let jobs = config["scrape_configs"].as_array().unwrap();
            assert_eq!(jobs.len(), 1, "{path}");
            let scrape = &jobs[0];
            assert_eq!(scrape["job_name"], JOB);
            assert_eq!(texts(&scrape["static_configs"][0]["targets"]), [TARGET]);
        }
    }

    #[test]
    fn the_data_source_is_the_prometheus_of_the_compose_file() {
        let compose = read("grafana/compose.yaml");
        let flags = texts(&compose["services"]["prometheus"]["command"]).join(" ");
        assert!(
            flags.contains(&format!("--web.listen-address={PROMETHEUS}")),
            "{flags}"
        );
        let source = &read("grafana/provisioning/datasources/prometheus.yaml")["datasources"][0];
        assert_eq!(source["url"], format!("http://{PROMETHEUS}"));
        assert_eq!(source["uid"], DATASOURCE);
        let scraped = &read("grafana/prometheus.yaml")["global"]["scrape_interval"];
        assert_eq!(&source["jsonData"]["timeInterval"], scraped);
    }

    /// All that containers see of the checkout is there, and where the others look for it.
    #[test]
    fn what_is_mounted_is_generated() {
        let generated = generate::files();
        let compose = read("grafana/compose.yaml");
        let services = compose["services"].as_object().unwrap();
        let mut mounted = Vec::new();
        for volume in services
            .values()
            .flat_map(|service| texts(&service["volumes"]))
        {
            let Some(volume) = volume.strip_prefix("./") else {
                continue;
            };
            let [from, to, "ro"] = volume.split(':').collect::<Vec<_>>()[..] else {
                panic!("{volume} is not read-only");
            };
            let path = format!("grafana/{from}");
            let is_there =
                |file: &File| file.path == path || file.path.starts_with(&format!("{path}/"));
            assert!(generated.iter().any(is_there), "nothing generates {path}");
            mounted.push((path, to.to_owned()));
        }
        let place = |to: &str| {
            mounted
                .iter()
                .find(|(_, place)| place == to)
                .map(|(from, _)| from.as_str())
        };
        let provider = &read("grafana/provisioning/dashboards/media-metrics.yaml")["providers"][0];
        let folder = provider["options"]["path"].as_str().unwrap();
        assert_eq!(place(folder), Some("grafana/dashboards"));
        assert_eq!(
            place("/etc/grafana/provisioning"),
            Some("grafana/provisioning")
        );
        assert_eq!(place("/etc/prometheus/rules"), Some("grafana/rules"));
        let environment = &services["grafana"]["environment"];
        let home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
            .as_str()
            .unwrap();
        let home = home.replace(folder, "grafana/dashboards");
        assert!(
            generated.iter().any(|file| file.path == home),
            "nothing generates {home}"
        );
    }

    #[test]
    fn nobody_can_log_in_and_nothing_listens_beyond_this_machine() {
        let text = &files()
            .into_iter()
            .find(|file| file.path == "grafana/compose.yaml")
            .unwrap()
            .text;
        assert!(text.contains("GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: \"true\""));
        assert!(
            !text.contains("PASSWORD") && !text.contains("0.0.0.0"),
            "{text}"
        );
    }
}
