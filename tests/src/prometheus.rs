//! Debian's Prometheus: started, pointed at the program, and asked by its HTTP API.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::ports;
use crate::process::Process;
use crate::wait;

/// A running Prometheus that scrapes one target every second, or is written to.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    stopped: Stopped,
}

/// A Prometheus that does not run: where it was, and its storage.
#[derive(Debug)]
pub struct Stopped {
    address: SocketAddr,
    arguments: Vec<String>,
    /// Deleted when the server is gone: fields are dropped in order.
    _storage: TempDir,
}

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Labels by name; the metric's own name is `__name__`.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// A native histogram, as the query API tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeHistogram {
    /// Number of samples.
    pub count: f64,
    /// Sum of samples.
    pub sum: f64,
    /// Lower edge, upper edge and count of each bucket that holds a sample.
    pub buckets: Vec<[f64; 3]>,
}

impl Prometheus {
    /// Starts it with storage of its own, and waits until it is ready.
    #[must_use]
    pub fn scraping(target: SocketAddr) -> Self {
        Self::start(target, "", &[])
    }

    /// The same with more lines of its scrape configuration, each indented by four blanks and ended.
    #[must_use]
    pub fn scraping_with(target: SocketAddr, lines: &str) -> Self {
        Self::start(target, lines, &[])
    }

    /// The same, taking native histograms: it then asks for protobuf first.
    #[must_use]
    pub fn scraping_native_histograms(target: SocketAddr) -> Self {
        Self::start(target, "", &["--enable-feature=native-histograms"])
    }

    /// The same, keeping exemplars as well.
    #[must_use]
    pub fn scraping_exemplars(target: SocketAddr, native_histograms: bool) -> Self {
        let native = native_histograms.then_some("native-histograms");
        let features = ["exemplar-storage"].into_iter().chain(native);
        let features: Vec<&str> = features.collect();
        let flag = format!("--enable-feature={}", features.join(","));
        Self::start(target, "", &[&flag])
    }

    /// One that scrapes a target and evaluates these files of rules, both every second.
    #[must_use]
    pub fn with_rules(target: SocketAddr, native_histograms: bool, rules: &[PathBuf]) -> Self {
        let files = rules
            .iter()
            .map(|file| format!("  - '{}'\n", file.display()));
        let config = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s\n\
             rule_files:\n{}scrape_configs:\n  - job_name: media-metrics\n    \
             static_configs:\n      - targets: ['{target}']\n",
            files.collect::<String>()
        );
        let native = native_histograms.then_some("--enable-feature=native-histograms");
        Stopped::new(&config, native.as_slice()).start()
    }

    /// One that scrapes nobody and takes remote writes, native histograms and exemplars included.
    #[must_use]
    pub fn receiving() -> Self {
        let config = "global:\n  scrape_interval: 1s\n";
        let flags = [
            "--web.enable-remote-write-receiver",
            "--enable-feature=native-histograms,exemplar-storage",
        ];
        Stopped::new(config, &flags).start()
    }

    /// One with this configuration, a file in `folder`, where its storage comes to stand, too.
    #[must_use]
    pub fn configured(folder: TempDir, file: &str) -> Self {
        Stopped::in_folder(folder, file, &[]).start()
    }

    /// What its API answers at `path`: the member `data`.
    ///
    /// # Errors
    /// Its own words, or that there is no such member.
    pub fn data(&self, path: &str) -> Result<Value, String> {
        let answer = get(&format!("http://{}/api/v1/{path}", self.stopped.address))?;
        let mut answer: Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
        match answer["data"].take() {
            Value::Null => Err(format!("{path}: {answer}")),
            data => Ok(data),
        }
    }

    fn start(target: SocketAddr, lines: &str, more: &[&str]) -> Self {
        let config = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n\
             scrape_configs:\n  - job_name: media-metrics\n{lines}    static_configs:\n      - targets: ['{target}']\n"
        );
        Stopped::new(&config, more).start()
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.stopped.address)
    }

    /// Where it takes remote writes.
    #[must_use]
    pub fn write_url(&self) -> String {
        format!("http://{}/api/v1/write", self.stopped.address)
    }

    /// Kills it (SIGKILL); its storage stays.
    #[must_use]
    pub fn kill(self) -> Stopped {
        let Self { process, stopped } = self;
        drop(process);
        stopped
    }

    /// The value of an instant query, over the HTTP API.
    ///
    /// # Errors
    /// Prometheus' own words if it refuses the query or doesn't answer.
    pub fn query(&self, promql: &str) -> Result<Vec<Sample>, String> {
        let answer = self.ask(promql)?;
        samples(&answer).ok_or_else(|| format!("{promql}: unexpected answer {answer}"))
    }

    /// The only native histogram of an instant query.
    ///
    /// # Errors
    /// As [`Self::query`], and if there is not exactly one.
    pub fn histogram(&self, promql: &str) -> Result<NativeHistogram, String> {
        let answer = self.ask(promql)?;
        native(&answer).ok_or_else(|| format!("{promql}: no native histogram: {answer}"))
    }

    /// The exemplars that it keeps of series that a selector names: labels and value of each.
    ///
    /// # Errors
    /// Its own words, or that the answer is not to be understood.
    pub fn exemplars(&self, selector: &str) -> Result<Vec<Sample>, String> {
        let all = self.exemplars_of_series(selector)?;
        exemplars(&all).ok_or_else(|| format!("{selector}: unexpected answer {all:?}"))
    }

    fn ask(&self, promql: &str) -> Result<String, String> {
        ask(self.stopped.address, promql).map_err(|e| format!("{e}; {}", self.process.quoted()))
    }

    /// The exemplars of a query's series, each with the labels of its series (`seriesLabels`), as the HTTP API tells them.
    ///
    /// # Errors
    /// Its own words, or that the answer is not to be understood.
    pub fn exemplars_of_series(&self, promql: &str) -> Result<Vec<Value>, String> {
        let url = format!("http://{}/api/v1/query_exemplars", self.stopped.address);
        let answer = agent()
            .get(&url)
            .query("query", promql)
            .query("start", "0")
            .query("end", "9999999999")
            .call()
            .and_then(|mut answer| answer.body_mut().read_to_string())
            .map_err(|e| format!("{promql}: {e}"))?;
        let answer: Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
        let data = answer["data"].as_array();
        data.cloned().ok_or_else(|| format!("{promql}: {answer}"))
    }

    /// The types that it was told of families, by name.
    ///
    /// # Errors
    /// Its own words, or that the answer is not to be understood.
    pub fn types(&self) -> Result<BTreeMap<String, String>, String> {
        let answer = get(&format!("http://{}/api/v1/metadata", self.stopped.address))?;
        let answer: Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
        let families = answer["data"].as_object().ok_or("no data")?;
        let kind = |told: &Value| told[0]["type"].as_str().map(str::to_owned);
        families
            .iter()
            .map(|(name, told)| Some((name.clone(), kind(told)?)))
            .collect::<Option<_>>()
            .ok_or_else(|| format!("unexpected answer {answer}"))
    }

    /// The only value of a query, None where it finds nothing.
    ///
    /// # Errors
    /// As [`Self::query`], and if there is more than one value.
    pub fn value(&self, promql: &str) -> Result<Option<f64>, String> {
        match self.query(promql)?.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only.value)),
            many => Err(format!("{promql}: {} values, expected one", many.len())),
        }
    }

    /// Waits until all of this is so, and looks whether it is still so two scrapes later.
    ///
    /// A counter that overshoots fails the second look: it can't come back.
    #[track_caller]
    pub fn expect(&self, table: &[(&str, u64)]) {
        for (promql, expected) in table {
            self.wait_for(promql, *expected);
        }
        let done = self.scrapes();
        wait::until("two more scrapes", wait::PATIENCE, || {
            let scrapes = self.scrapes();
            if scrapes >= done + 2 {
                Ok(())
            } else {
                Err(format!("{scrapes} after {done}"))
            }
        });
        for (promql, expected) in table {
            let value = self.value(promql).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(
                value,
                Some(*expected as f64),
                "{promql} did not stay as it was"
            );
        }
    }

    /// Waits until a query has this value.
    #[track_caller]
    pub fn wait_for(&self, promql: &str, expected: u64) {
        let what = format!("{promql} = {expected}");
        wait::until(&what, wait::PATIENCE, || match self.value(promql) {
            Ok(Some(value)) if value == expected as f64 => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }

    /// Successful scrapes so far.
    #[track_caller]
    fn scrapes(&self) -> u64 {
        match self.value("sum_over_time(up[1h])") {
            Ok(count) => count.unwrap_or_default() as u64,
            Err(e) => panic!("{e}"),
        }
    }
}

impl Stopped {
    fn new(config: &str, more: &[&str]) -> Self {
        let storage = tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
        let file = storage.path().join("prometheus.yml");
        fs::write(&file, config).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        Self::in_folder(storage, "prometheus.yml", more)
    }

    fn in_folder(storage: TempDir, file: &str, more: &[&str]) -> Self {
        let file = storage.path().join(file);
        let address = ports::free();
        let mut arguments = vec![
            format!("--config.file={}", file.display()),
            format!(
                "--storage.tsdb.path={}",
                storage.path().join("data").display()
            ),
            format!("--web.listen-address={address}"),
        ];
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        Self {
            address,
            arguments,
            _storage: storage,
        }
    }

    /// Starts it, with what its storage holds, and waits until it is ready.
    #[must_use]
    pub fn start(self) -> Prometheus {
        let process = Process::start(Path::new("prometheus"), &self.arguments);
        let server = Prometheus {
            process,
            stopped: self,
        };
        let url = format!("http://{}/-/ready", server.stopped.address);
        wait::until("a ready Prometheus", wait::PATIENCE, || {
            get(&url).map_err(|e| format!("{e}; {}", server.process.quoted()))
        });
        server
    }
}

/// A server's answer to an instant query.
pub(crate) fn ask(address: SocketAddr, promql: &str) -> Result<String, String> {
    let url = format!("http://{address}/api/v1/query");
    agent()
        .get(&url)
        .query("query", promql)
        .call()
        .and_then(|mut answer| answer.body_mut().read_to_string())
        .map_err(|e| format!("{promql}: {e}"))
}

/// A page by HTTP, its text.
///
/// # Errors
/// What went wrong, other statuses than 2xx included.
pub fn get(url: &str) -> Result<String, String> {
    agent()
        .get(url)
        .call()
        .and_then(|mut answer| answer.body_mut().read_to_string())
        .map_err(|e| format!("{url}: {e}"))
}

/// The same in a format that is asked for by its media type, as bytes.
///
/// # Errors
/// As [`get`].
pub fn get_as(url: &str, accept: &str) -> Result<Vec<u8>, String> {
    agent()
        .get(url)
        .header("Accept", accept)
        .call()
        .and_then(|mut answer| answer.body_mut().read_to_vec())
        .map_err(|e| format!("{url}: {e}"))
}

/// What `promtool check metrics` says of a page: nothing, if it is in order.
///
/// # Errors
/// Its complaints, lint included.
pub fn check_metrics(page: &str) -> Result<(), String> {
    let (complaints, status) = promtool(page)?;
    match status.success() && complaints.is_empty() {
        true => Ok(()),
        false => Err(format!("promtool check metrics: {status}: {complaints}")),
    }
}

/// The lint that `promtool check metrics` has about a page that it can read, line by line, sorted.
///
/// # Errors
/// It can't read the page.
pub fn lint(page: &str) -> Result<Vec<String>, String> {
    let (complaints, status) = promtool(page)?;
    match status.code() {
        Some(0 | 3) => {
            let mut lines: Vec<String> = complaints.lines().map(str::to_owned).collect();
            lines.sort();
            Ok(lines)
        }
        _ => Err(format!("promtool check metrics: {status}: {complaints}")),
    }
}

/// What `promtool check config` says of a configuration and the rules that it names.
///
/// # Errors
/// Its complaints.
pub fn check_config(file: &Path) -> Result<String, String> {
    let output = Command::new("promtool")
        .args(["check", "config"])
        .arg(file)
        .output()
        .map_err(|e| format!("promtool: {e}; `cargo xtask setup` installs it"))?;
    let text = [output.stdout, output.stderr].concat();
    let words = String::from_utf8_lossy(&text).trim().to_owned();
    match output.status.success() {
        true => Ok(words),
        false => Err(words),
    }
}

fn promtool(page: &str) -> Result<(String, ExitStatus), String> {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("promtool: {e}; `cargo xtask setup` installs it"))?;
    // It reads all before it writes, and its input is dropped, hence closed, at the end of this line.
    let written = promtool
        .stdin
        .take()
        .map(|mut stdin| stdin.write_all(page.as_bytes()));
    let output = promtool
        .wait_with_output()
        .map_err(|e| format!("promtool: {e}"))?;
    let text = [output.stdout, output.stderr].concat();
    let complaints = String::from_utf8_lossy(&text).trim().to_owned();
    match written {
        Some(Ok(())) => Ok((complaints, output.status)),
        _ => Err(format!("promtool did not read the page: {complaints}")),
    }
}

fn agent() -> ureq::Agent {
    let limit = Some(Duration::from_secs(10));
    ureq::Agent::config_builder()
        .timeout_global(limit)
        .build()
        .into()
}

/// Reads `{"status":"success","data":{"resultType":"vector","result":[{"metric":{…},"value":[t,"v"]}]}}`.
pub(crate) fn samples(answer: &str) -> Option<Vec<Sample>> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let data = answer
        .get("data")
        .filter(|_| answer["status"] == "success")?;
    let result = data
        .get("result")
        .filter(|_| data["resultType"] == "vector")?;
    result.as_array()?.iter().map(sample).collect()
}

fn sample(element: &Value) -> Option<Sample> {
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    let labels = element["metric"]
        .as_object()?
        .iter()
        .map(text)
        .collect::<Option<_>>()?;
    let value = element["value"].get(1)?.as_str()?.parse().ok()?;
    Some(Sample { labels, value })
}

/// Reads `{"status":"success","data":[{"seriesLabels":{…},"exemplars":[{"labels":{…},"value":"6"}]}]}`.
fn exemplars(data: &[Value]) -> Option<Vec<Sample>> {
    let series = data.iter();
    let all = series.flat_map(|series| series["exemplars"].as_array().into_iter().flatten());
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    all.map(|exemplar| {
        let labels = exemplar["labels"].as_object()?.iter();
        Some(Sample {
            labels: labels.map(text).collect::<Option<_>>()?,
            value: exemplar["value"].as_str()?.parse().ok()?,
        })
    })
    .collect()
}

/// Reads `…"result":[{"metric":{…},"histogram":[t,{"count":"3","sum":"1","buckets":[[0,"0.5","1","3"]]}]}]…`.
fn native(answer: &str) -> Option<NativeHistogram> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let [only] = answer["data"]["result"].as_array()?.as_slice() else {
        return None;
    };
    let histogram = only["histogram"].get(1)?;
    let number = |value: &Value| value.as_str()?.parse().ok();
    let bucket = |bucket: &Value| {
        let mut numbers = (1..4).map(|at| number(&bucket[at]));
        Some([numbers.next()??, numbers.next()??, numbers.next()??])
    };
    let buckets = histogram["buckets"].as_array().into_iter().flatten();
    Some(NativeHistogram {
        count: number(&histogram["count"])?,
        sum: number(&histogram["sum"])?,
        buckets: buckets.map(bucket).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_with_labels_and_values() {
        let answer = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"__name__":"up","job":"x"},"value":[1700000000.1,"1"]},
            {"metric":{},"value":[1700000000.1,"+Inf"]}]}}"#;
        let read = samples(answer).unwrap();
        assert_eq!(read[0].labels["job"], "x");
        assert_eq!((read[0].value, read[1].value), (1.0, f64::INFINITY));
        assert_eq!(samples(r#"{"status":"error","error":"no"}"#), None);
    }

    #[test]
    fn native_histograms_are_read() {
        let read = |histogram: &str| {
            native(&format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[
                {{"metric":{{}},"histogram":[1700000000.1,{histogram}]}}]}}}}"#
            ))
        };
        let histogram = r#"{"count":"3","sum":"1.5","buckets":[[0,"0.25","0.5","3"]]}"#;
        let wanted = NativeHistogram {
            count: 3.0,
            sum: 1.5,
            buckets: vec![[0.25, 0.5, 3.0]],
        };
        assert_eq!(read(histogram), Some(wanted));
        let empty = read(r#"{"count":"0","sum":"0"}"#).unwrap();
        assert_eq!((empty.count, empty.buckets), (0.0, vec![]));
        assert_eq!(read(r#"{"count":"x","sum":"0"}"#), None);
    }

    #[test]
    fn exemplars_are_read() {
        let data = serde_json::json!([{"seriesLabels": {"a": "b"},
            "exemplars": [{"labels": {"x": "y"}, "value": "0.5", "timestamp": 1}]}]);
        let read = exemplars(data.as_array().unwrap()).unwrap();
        assert_eq!((read[0].labels["x"].as_str(), read[0].value), ("y", 0.5));
        assert_eq!(exemplars(&[]), Some(vec![]));
        let wrong = serde_json::json!([{"exemplars": [{"labels": {"x": 1}}]}]);
        assert_eq!(exemplars(wrong.as_array().unwrap()), None);
    }

    #[test]
    fn promtool_tells_good_pages_from_bad_ones() {
        let good = "# HELP a_bytes_total Bytes.\n# TYPE a_bytes_total counter\na_bytes_total 1\n";
        assert_eq!(check_metrics(good), Ok(()));
        let lint = check_metrics("# HELP a Bytes.\n# TYPE a counter\na 1\n").unwrap_err();
        assert!(lint.contains("_total"), "{lint}");
        let unreadable = check_metrics("a{ 1\n").unwrap_err();
        assert!(unreadable.contains("exit status: 1"), "{unreadable}");
    }

    #[test]
    fn it_starts_answers_and_goes_down_with_its_test() {
        let unused = ports::free();
        let server = Prometheus::scraping(unused);
        assert_eq!(server.value("vector(42)"), Ok(Some(42.0)));
        assert_eq!(server.value("no_such_metric"), Ok(None));
        assert!(server.query("sum(").unwrap_err().contains("sum("));
        let stopped = &server.stopped;
        let (address, storage) = (stopped.address, stopped._storage.path().to_owned());
        drop(server);
        assert!(std::net::TcpStream::connect(address).is_err() && !storage.exists());
    }
}
