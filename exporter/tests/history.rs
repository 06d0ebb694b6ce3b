//! The flight recorder against what was recorded, with clocks that the test tells.

#![cfg(feature = "history")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use media_metrics_core::desc::Unit;
use media_metrics_core::snapshot::Snapshot;
use media_metrics_core::{Desc, Registry, Reporter};
use media_metrics_exporter::Server;
use media_metrics_exporter::history::{Dumps, Format, History, HistoryOptions, Query};
use serde_json::Value;

static JOBS: Desc = Desc::counter("jobs_total", "Jobs.").labels(&["queue"]);
static LEVEL: Desc = Desc::gauge("level", "A level.");
static SECONDS: Desc = Desc::histogram("job_seconds", "Times.", &[0.001, 0.01, 0.1])
    .unit(Unit::Seconds)
    .per_unit(1e9)
    .labels(&["queue"]);
static EXACT: Desc = Desc::exact_histogram("exact_bytes", "Sizes.", &[1.0, 10.0]).unit(Unit::Bytes);

const SECOND: Duration = Duration::from_secs(1);

/// A registry and its history, on clocks of their own.
struct Bench {
    registry: Registry,
    history: History,
    at: Instant,
    wall: SystemTime,
}

impl Bench {
    fn new(options: HistoryOptions) -> Self {
        let registry = Registry::new().unwrap();
        let history = History::new(&registry, options).unwrap();
        Self {
            registry,
            history,
            at: Instant::now(),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        }
    }

    fn tick(&mut self, after: Duration) -> Arc<Snapshot> {
        self.at += after;
        self.wall += after;
        let snapshot = self.registry.collect();
        self.history.record_at(&snapshot, self.at, self.wall);
        snapshot
    }

    fn json(&self, query: &str) -> Value {
        let query = Query::parse(query).unwrap();
        let answer = self.history.json(&query).unwrap();
        serde_json::from_slice(&answer).unwrap()
    }

    fn level(&self, name: &str) -> f64 {
        self.registry.collect().gauge(name, &[]).unwrap()
    }

    fn bytes(&self) -> f64 {
        let snapshot = self.registry.collect();
        let part = |part| {
            snapshot
                .gauge("media_metrics_history_bytes", &[part])
                .unwrap()
        };
        part("intervals") + part("series")
    }
}

fn series<'a>(answer: &'a Value, family: &str, labels: &[(&str, &str)]) -> &'a Value {
    let families = answer["families"].as_array().unwrap();
    let family = families.iter().find(|f| f["name"] == family).unwrap();
    let wanted: serde_json::Map<String, Value> = labels
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).into()))
        .collect();
    let all = family["series"].as_array().unwrap();
    all.iter()
        .find(|s| s["labels"] == Value::Object(wanted.clone()))
        .unwrap()
}

fn numbers(column: &Value) -> Vec<Option<f64>> {
    column
        .as_array()
        .unwrap()
        .iter()
        .map(Value::as_f64)
        .collect()
}

#[test]
fn intervals_say_what_was_recorded_in_them() {
    let mut bench = Bench::new(HistoryOptions::default());
    let jobs = bench.registry.counter(&JOBS, &["mail"]).unwrap();
    let level = bench.registry.gauge(&LEVEL, &[]).unwrap();
    let times = bench.registry.histogram(&SECONDS, &["mail"]).unwrap();
    let sizes = bench.registry.exact_histogram(&EXACT, &[]).unwrap();
    jobs.add(1_000); // before anything is known
    bench.tick(SECOND);
    jobs.add(10);
    level.set(-1.5);
    times.record_n(2_000_000, 90);
    times.record_n(50_000_000, 10);
    sizes.record(4.0);
    let first = bench.tick(SECOND * 2);
    level.clear();
    bench.tick(SECOND);
    jobs.add(5);
    let late = bench.registry.counter(&JOBS, &["print"]).unwrap();
    late.add(7);
    bench.tick(SECOND);

    let answer = bench.json("quantile=0.5&quantile=0.95");
    assert_eq!(
        numbers(&answer["from"]),
        [1_700_000_001.0, 1_700_000_003.0, 1_700_000_004.0].map(Some)
    );
    assert_eq!(
        numbers(&answer["to"]),
        [1_700_000_003.0, 1_700_000_004.0, 1_700_000_005.0].map(Some)
    );
    let jobs = series(&answer, "jobs_total", &[("queue", "mail")]);
    assert_eq!(
        numbers(&jobs["increase"]),
        [Some(10.0), Some(0.0), Some(5.0)]
    );
    assert_eq!(numbers(&jobs["rate"]), [Some(5.0), Some(0.0), Some(5.0)]);
    let late = series(&answer, "jobs_total", &[("queue", "print")]);
    assert_eq!(numbers(&late["increase"]), [None, None, Some(7.0)]);
    let level = series(&answer, "level", &[]);
    assert_eq!(numbers(&level["value"]), [Some(-1.5), None, None]);
    let times = series(&answer, "job_seconds", &[("queue", "mail")]);
    assert_eq!(
        numbers(&times["count"]),
        [Some(100.0), Some(0.0), Some(0.0)]
    );
    let of_core = first.histogram("job_seconds", &["mail"]).unwrap();
    for (q, key) in [(0.5, "0.5"), (0.95, "0.95")] {
        let wanted = of_core.quantile(q).map(|v| v as f64 / 1e9);
        assert_eq!(
            numbers(&times["quantiles"][key]),
            [wanted, None, None],
            "{q}"
        );
    }
    assert_eq!(
        numbers(&times["max"])[0],
        of_core.max().map(|v| v as f64 / 1e9)
    );
    let mean = numbers(&times["mean"])[0].unwrap();
    assert!((mean - 0.0068).abs() < 1e-9, "{mean}");
    let sizes = series(&answer, "exact_bytes", &[]);
    assert_eq!(numbers(&sizes["count"])[0], Some(1.0));
    assert_eq!(numbers(&sizes["mean"])[0], Some(4.0));
    assert_eq!(numbers(&sizes["quantiles"]["0.5"])[0], None);
}

#[test]
fn ten_minutes_are_kept_and_joined_to_steps() {
    let mut bench = Bench::new(HistoryOptions::default());
    let jobs = bench.registry.counter(&JOBS, &["mail"]).unwrap();
    bench.tick(SECOND);
    for second in 1..=900_u64 {
        jobs.add(second);
        // Ticks are late and early by turns.
        let late = if second % 2 == 0 { 1_030 } else { 970 };
        bench.tick(Duration::from_millis(late));
    }
    let all = bench.json("family=jobs_total");
    let increases = numbers(&series(&all, "jobs_total", &[("queue", "mail")])["increase"]);
    assert_eq!(increases.len(), 600);
    assert_eq!(increases[0], Some(301.0));
    let minutes = bench.json("family=jobs_total&since=5m&step=1m&label=queue=mail");
    let minutes = numbers(&series(&minutes, "jobs_total", &[("queue", "mail")])["increase"]);
    let wanted =
        [660, 720, 780, 840, 900].map(|end: u32| Some(f64::from((end - 59..=end).sum::<u32>())));
    assert_eq!(minutes, wanted);
    let none = bench.json("family=jobs_total&label=queue=print");
    assert_eq!(none["families"].as_array().unwrap().len(), 0);
    let absolute = bench.json("family=jobs_total&since=1700000400&until=1700000410");
    assert_eq!(numbers(&absolute["from"]).len(), 10);
    assert_eq!(bench.level("media_metrics_history_intervals"), 600.0);
    assert_eq!(bench.level("media_metrics_history_span_seconds"), 600.0);
}

#[test]
fn a_clock_that_is_set_moves_all_intervals_and_bends_no_rate() {
    for step in [3_600_i64, -3_600] {
        let mut bench = Bench::new(HistoryOptions::default());
        let jobs = bench.registry.counter(&JOBS, &["mail"]).unwrap();
        bench.tick(SECOND);
        for second in 0..6 {
            if second == 3 {
                let by = Duration::from_secs(step.unsigned_abs());
                bench.wall = if step > 0 {
                    bench.wall + by
                } else {
                    bench.wall - by
                };
            }
            jobs.add(4);
            bench.tick(SECOND);
        }
        let answer = bench.json("family=jobs_total");
        let rates = numbers(&series(&answer, "jobs_total", &[("queue", "mail")])["rate"]);
        assert_eq!(rates, [Some(4.0); 6]);
        let (from, to) = (numbers(&answer["from"]), numbers(&answer["to"]));
        assert_eq!(from[1..], to[..5], "no gap");
        assert_eq!(
            to[5],
            Some((1_700_000_007 + step) as f64),
            "by the clock as it stands"
        );
    }
}

#[test]
fn snapshots_that_come_too_soon_are_joined_and_missed_ones_cost_resolution_alone() {
    let mut bench = Bench::new(HistoryOptions::default());
    let jobs = bench.registry.counter(&JOBS, &["mail"]).unwrap();
    bench.tick(SECOND);
    for _ in 0..40 {
        jobs.inc();
        bench.tick(SECOND / 10);
    }
    for _ in 0..3 {
        jobs.inc();
        let _missed = bench.registry.collect();
    }
    jobs.inc();
    bench.tick(SECOND * 4);
    let answer = bench.json("family=jobs_total");
    let increases = numbers(&series(&answer, "jobs_total", &[("queue", "mail")])["increase"]);
    assert_eq!(increases.iter().flatten().sum::<f64>(), 44.0);
    assert!((5..=6).contains(&increases.len()), "{increases:?}");
}

#[test]
fn a_reporter_that_is_started_again_goes_on() {
    let registry = Registry::new().unwrap();
    let options = HistoryOptions {
        resolution: Duration::from_millis(1),
        ..HistoryOptions::default()
    };
    let history = History::new(&registry, options).unwrap();
    let jobs = registry.counter(&JOBS, &["mail"]).unwrap();
    let mut total = 0;
    for _ in 0..3 {
        let reporter = Reporter::builder(&registry).interval(SECOND * 3_600).sink(
            "history",
            8,
            history.sink(),
        );
        let reporter = reporter.start().unwrap();
        for _ in 0..3 {
            jobs.inc();
            total += 1;
            std::thread::sleep(Duration::from_millis(2));
            let _ = reporter.flush();
        }
        std::thread::sleep(Duration::from_millis(2));
        assert!(reporter.stop(SECOND * 10));
    }
    let answer = history
        .json(&Query::parse("family=jobs_total").unwrap())
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let increases = numbers(&series(&answer, "jobs_total", &[("queue", "mail")])["increase"]);
    // The first flush is where it begins.
    assert_eq!(
        increases.iter().flatten().sum::<f64>(),
        f64::from(total - 1)
    );
}

#[test]
fn series_that_come_and_go_are_kept_apart_and_forgotten() {
    let options = HistoryOptions {
        span: SECOND * 20,
        ..HistoryOptions::default()
    };
    let mut bench = Bench::new(options);
    let stays = bench.registry.counter(&JOBS, &["stays"]).unwrap();
    bench.tick(SECOND);
    let mut most = 0.0_f64;
    for round in 0..200_u64 {
        let name = format!("short-{round}");
        let short = bench.registry.counter(&JOBS, &[&name]).unwrap();
        short.add(round + 1);
        stays.inc();
        bench.tick(SECOND);
        let answer = bench.json("family=jobs_total&since=3s");
        let last = |v: &Value| numbers(v).last().copied().flatten();
        let short_series = series(&answer, "jobs_total", &[("queue", &name)]);
        assert_eq!(
            last(&short_series["increase"]),
            Some((round + 1) as f64),
            "{round}"
        );
        let steady = series(&answer, "jobs_total", &[("queue", "stays")]);
        assert_eq!(last(&steady["increase"]), Some(1.0), "{round}");
        bench.registry.remove(&short);
        drop(short);
        if round > 40 {
            most = most.max(bench.bytes());
        }
        if round == 60 {
            most = bench.bytes() * 1.2;
        }
    }
    assert!(bench.bytes() <= most, "{} > {most}", bench.bytes());
    let answer = bench.json("family=jobs_total");
    let shown = answer["families"][0]["series"].as_array().unwrap().len();
    assert!((20..=23).contains(&shown), "{shown}");
}

#[test]
fn memory_is_bounded_and_what_goes_is_counted() {
    let options = HistoryOptions {
        max_bytes: 200_000,
        ..HistoryOptions::default()
    };
    let mut bench = Bench::new(options);
    let names: Vec<String> = (0..100).map(|i| i.to_string()).collect();
    let all: Vec<_> = names
        .iter()
        .map(|n| bench.registry.histogram(&SECONDS, &[n]).unwrap())
        .collect();
    for round in 0..300_u64 {
        for (i, h) in all.iter().enumerate() {
            (0..20).for_each(|k| h.record((i as u64 + 1) * 1_000 * (round + k)));
        }
        bench.tick(SECOND);
        assert!(bench.bytes() <= 200_000.0);
    }
    let snapshot = bench.registry.collect();
    let dropped = snapshot
        .counter("media_metrics_history_intervals_dropped_total", &[])
        .unwrap();
    let kept = snapshot
        .gauge("media_metrics_history_intervals", &[])
        .unwrap();
    assert!(kept >= 5.0 && dropped > 200, "{kept} {dropped}");
    assert_eq!(dropped as f64 + kept, 299.0);
}

#[test]
fn answers_are_bounded() {
    let mut bench = Bench::new(HistoryOptions {
        max_bytes: 64 << 20,
        ..HistoryOptions::default()
    });
    let names: Vec<String> = (0..2_000).map(|i| i.to_string()).collect();
    let all: Vec<_> = names
        .iter()
        .map(|n| bench.registry.counter(&JOBS, &[n]).unwrap())
        .collect();
    for _ in 0..200 {
        all.iter().for_each(|c| c.inc());
        bench.tick(SECOND);
    }
    let query = Query::parse("family=jobs_total").unwrap();
    let answer = bench.history.json(&query).unwrap();
    assert!(answer.len() < 8 << 20, "{}", answer.len());
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let shown = answer["families"][0]["series"].as_array().unwrap().len() as u64;
    assert_eq!(shown + answer["series_left_out"].as_u64().unwrap(), 2_000);
    assert!(shown > 500);
    let two = bench.json("family=jobs_total&limit=2&step=10m");
    assert_eq!(two["series_left_out"], 1_998);
}

#[test]
fn unknown_families_are_named() {
    let mut bench = Bench::new(HistoryOptions::default());
    bench.tick(SECOND);
    let query = Query::parse("family=no_such_total").unwrap();
    let error = bench.history.json(&query).unwrap_err();
    assert_eq!(error.parameter(), "family");
    assert!(error.to_string().contains("no_such_total"), "{error}");
}

/// Tag, start, length and histogram of each line.
fn lines(log: &[u8]) -> Vec<(String, Duration, Duration, hdrhistogram::Histogram<u64>)> {
    use base64::Engine as _;
    let mut reader = Deserializer::new();
    let intervals = IntervalLogIterator::new(log).filter_map(|entry| match entry.unwrap() {
        LogEntry::Interval(line) => Some(line),
        _ => None,
    });
    intervals
        .map(|line| {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(line.encoded_histogram())
                .unwrap();
            let tag = line.tag().unwrap().as_str().to_owned();
            (
                tag,
                line.start_timestamp(),
                line.duration(),
                reader.deserialize(&mut &*bytes).unwrap(),
            )
        })
        .collect()
}

#[test]
fn an_interval_log_has_a_line_for_each_series_and_interval() {
    let mut bench = Bench::new(HistoryOptions::default());
    let mail = bench
        .registry
        .histogram(&SECONDS, &["mail, express"])
        .unwrap();
    let print = bench.registry.histogram(&SECONDS, &["print"]).unwrap();
    bench.tick(SECOND);
    let mut rng = 1_u64;
    let mut wanted: BTreeMap<(u64, String), Vec<u64>> = BTreeMap::new();
    for second in 0..20 {
        for _ in 0..200 {
            rng = rng
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let value = rng >> 34;
            mail.record(value);
            wanted
                .entry((second, "job_seconds;queue=mail%2C%20express".to_owned()))
                .or_default()
                .push(value);
        }
        if second % 5 == 0 {
            print.record(second);
            wanted
                .entry((second, "job_seconds;queue=print".to_owned()))
                .or_default()
                .push(second);
        }
        bench.tick(SECOND);
    }
    let mut log = Vec::new();
    let query = Query::parse("family=job_seconds")
        .unwrap()
        .with_format(Format::Log);
    let summary = bench.history.log(&query, &mut log).unwrap();
    assert_eq!((summary.lines, summary.left_out), (24, 0));
    let text = String::from_utf8(log.clone()).unwrap();
    assert!(text.starts_with("#[Histogram log format version 1.3]\n#[job_seconds: values are seconds times 1000000000]\n"), "{text}");
    assert!(
        text.contains("#[StartTime: 1700000001.000 ")
            && text.contains("#[MaxValueDivisor: 1000000000.000]\n"),
        "{text}"
    );
    let read = lines(&log);
    assert_eq!(read.len(), 24);
    for (tag, start, length, got) in read {
        let second = start.as_secs() - 1_700_000_001;
        assert_eq!(length, SECOND);
        let values = wanted.remove(&(second, tag.clone())).unwrap();
        let layout = SECONDS.layout();
        let mut oracle =
            hdrhistogram::Histogram::<u64>::new_with_bounds(1, layout.max_value(), layout.digits())
                .unwrap();
        values.iter().for_each(|v| oracle.record(*v).unwrap());
        assert_eq!(got, oracle, "{tag} {second}");
    }
    assert!(wanted.is_empty());
}

#[test]
fn names_of_any_text_break_no_interval_log() {
    let mut bench = Bench::new(HistoryOptions::default());
    let desc = Desc::histogram("waits, in all; 100%", "Waits.", &[1.0]);
    let desc = desc.labels(&["who=where, "]).utf8_names();
    let waits = bench.registry.histogram(&desc, &["a=b"]).unwrap();
    bench.tick(SECOND);
    waits.record(7);
    bench.tick(SECOND);
    let mut log = Vec::new();
    let query = Query::parse("family=waits,+in+all;+100%25").unwrap();
    bench
        .history
        .log(&query.with_format(Format::Log), &mut log)
        .unwrap();
    let text = String::from_utf8(log.clone()).unwrap();
    let tags: Vec<String> = lines(&log).into_iter().map(|(tag, ..)| tag).collect();
    let wanted = "waits%2C%20in%20all%3B%20100%25;who%3Dwhere%2C%20=a%3Db";
    assert_eq!(tags, [wanted], "{text}");
    assert!(
        text.contains("#[waits%2C%20in%20all%3B%20100%25: values are units times 1]\n"),
        "{text}"
    );
}

#[test]
fn dumps_are_whole_and_few() {
    let mut bench = Bench::new(HistoryOptions::default());
    let times = bench.registry.histogram(&SECONDS, &["mail"]).unwrap();
    for _ in 0..5 {
        times.record(1_000);
        bench.tick(SECOND);
    }
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a/b");
    let dumps = Dumps {
        keep: 3,
        ..Dumps::into(&target)
    };
    std::fs::create_dir_all(&target).unwrap();
    let bystanders = [
        "media-metrics-notes.hlog",
        "other.hlog",
        "media-metrics-1.hlog",
    ];
    bystanders
        .iter()
        .for_each(|name| std::fs::write(target.join(name), "keep me").unwrap());
    let abandoned = target.join("media-metrics-0000000000001.hlog.part");
    std::fs::write(&abandoned, "").unwrap();
    let now = SystemTime::now() + SECOND * 7_200;
    let made: Vec<_> = (0..6)
        .map(|i| dumps.write(&bench.history, now + SECOND * (i / 2)).unwrap())
        .collect();
    let there: Vec<_> = made.iter().map(|d| d.path.exists()).collect();
    assert_eq!(there, [false, false, false, true, true, true]);
    assert!(bystanders.iter().all(|name| target.join(name).exists()) && !abandoned.exists());
    let last = std::fs::read(&made[5].path).unwrap();
    assert_eq!(
        (last.len() as u64, lines(&last).len()),
        (made[5].bytes, made[5].lines)
    );
    let counted = |result| {
        bench
            .registry
            .collect()
            .counter("media_metrics_history_dumps_total", &[result])
    };
    assert_eq!((counted("written"), counted("failed")), (Some(6), Some(0)));
}

#[test]
fn a_dump_that_is_too_large_leaves_nothing_behind() {
    let mut bench = Bench::new(HistoryOptions::default());
    bench.tick(SECOND);
    bench.tick(SECOND);
    let folder = tempfile::tempdir().unwrap();
    let dumps = Dumps {
        max_bytes: 20,
        ..Dumps::into(folder.path())
    };
    let error = dumps
        .write(&bench.history, SystemTime::now())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("20 bytes") && error.contains(&folder.path().display().to_string()),
        "{error}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let no_folder = Dumps::into("/dev/null/dumps")
        .write(&bench.history, SystemTime::now())
        .unwrap_err();
    assert!(
        no_folder.to_string().contains("/dev/null/dumps"),
        "{no_folder}"
    );
    let counted = bench
        .registry
        .collect()
        .counter("media_metrics_history_dumps_total", &["failed"]);
    assert_eq!(counted, Some(2));
}

/// The kernel refuses to make files larger than a KiB: in a process of its own, which ignores the signal that comes
/// along, as the limit binds all of a process.
#[test]
fn a_full_disk_is_told_and_counted() {
    const CHILD: &str = "HISTORY_TEST_FULL_DISK";
    if std::env::var_os(CHILD).is_none() {
        let test = std::env::current_exe().unwrap();
        let limited = "trap '' XFSZ; ulimit -f 1; exec \"$0\" --exact a_full_disk_is_told_and_counted --nocapture";
        let run = std::process::Command::new("sh")
            .args(["-c", limited])
            .arg(test)
            .env(CHILD, "1")
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        assert!(
            String::from_utf8_lossy(&run.stdout).contains("1 passed"),
            "it ran"
        );
        return;
    }
    let mut bench = Bench::new(HistoryOptions::default());
    let times = bench.registry.histogram(&SECONDS, &["mail"]).unwrap();
    for i in 0..100 {
        times.record(1_000 * i);
        bench.tick(SECOND);
    }
    let folder = tempfile::tempdir().unwrap();
    let error = Dumps::into(folder.path())
        .write(&bench.history, SystemTime::now())
        .unwrap_err();
    assert!(error.to_string().contains("too large"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // And recording goes on.
    bench.tick(SECOND);
    assert_eq!(bench.level("media_metrics_history_intervals"), 100.0);
}

/// Status and body of a page.
fn get(server: &Server, page: &str) -> (u16, String) {
    let answer = common::client::get(server.local_addr(), page);
    (answer.status, answer.text().to_owned())
}

#[test]
fn families_that_are_not_shown_are_not_told() {
    let mut bench = Bench::new(HistoryOptions::default());
    let times = bench.registry.histogram(&SECONDS, &["mail"]).unwrap();
    let jobs = bench.registry.counter(&JOBS, &["mail"]).unwrap();
    bench.tick(SECOND);
    times.record(5);
    jobs.inc();
    bench.tick(SECOND);
    let server = Server::builder(bench.registry.clone()).bind("127.0.0.1:0");
    let server = server.families(|name| name != "job_seconds");
    let server = server.history(&bench.history).start().unwrap();
    let (status, all) = get(&server, "/api/v1/history");
    assert_eq!(status, 200, "{all}");
    assert!(
        all.contains("jobs_total") && !all.contains("job_seconds"),
        "{all}"
    );
    let (status, log) = get(&server, "/api/v1/history.hlog");
    assert!(status == 200 && !log.contains("job_seconds"), "{log}");
    for page in ["/api/v1/history", "/api/v1/history.hlog"] {
        let (status, text) = get(&server, &format!("{page}?family=job_seconds"));
        assert_eq!(status, 400, "as of one that is not there: {text}");
    }
}

#[test]
fn a_flood_of_questions_is_bounded_and_scrapes_go_on() {
    let mut bench = Bench::new(HistoryOptions::default());
    let queues = (0..60).map(|i| i.to_string());
    let all: Vec<_> = queues
        .map(|queue| bench.registry.histogram(&SECONDS, &[&queue]).unwrap())
        .collect();
    for second in 0..50 {
        all.iter().for_each(|one| one.record(1_000 + second));
        bench.tick(SECOND);
    }
    let server = Server::builder(bench.registry.clone()).bind("127.0.0.1:0");
    let server = server.history(&bench.history).start().unwrap();
    let (mut answered, mut refused) = (0, 0);
    while refused == 0 {
        let (status, text) = get(&server, "/api/v1/history.hlog?family=job_seconds");
        match status {
            200 => answered += 1,
            503 => refused += 1,
            _ => panic!("{status} {text}"),
        }
        assert!(answered < 1_000, "a processor is kept busy by one who asks");
    }
    assert!(answered > 0);
    assert_eq!(get(&server, "/metrics").0, 200);
    assert_eq!(get(&server, "/api/v1/snapshot").0, 200, "apart from this");
}

#[test]
fn pages_answer_and_say_what_is_wrong() {
    let mut bench = Bench::new(HistoryOptions::default());
    let times = bench.registry.histogram(&SECONDS, &["mail"]).unwrap();
    bench.tick(SECOND);
    times.record(5);
    bench.tick(SECOND);
    let server = Server::builder(bench.registry.clone()).bind("127.0.0.1:0");
    let server = server.history(&bench.history).start().unwrap();
    let (status, body) = get(&server, "/api/v1/history?family=job_seconds&quantile=1");
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    let times = series(&answer, "job_seconds", &[("queue", "mail")]);
    assert_eq!(numbers(&times["quantiles"]["1"]), [Some(5e-9)]);
    for page in [
        "/api/v1/history.hlog?family=job_seconds",
        "/api/v1/history?format=hlog&family=job_seconds",
    ] {
        let (status, log) = get(&server, page);
        assert_eq!((status, lines(log.as_bytes()).len()), (200, 1), "{log}");
    }
    for (query, parameter) in [
        ("since=x", "since"),
        ("family=none", "family"),
        ("famil=a", "famil"),
        ("step=0", "step"),
    ] {
        let (status, text) = get(&server, &format!("/api/v1/history?{query}"));
        assert_eq!(status, 400, "{text}");
        let error: Value = serde_json::from_str(&text).unwrap();
        let error = error["error"].as_str().unwrap();
        assert!(
            error.contains(&format!("parameter {parameter:?}")),
            "{text}"
        );
    }
    drop(server);
    let without = Server::builder(bench.registry.clone())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let (status, text) = get(&without, "/api/v1/history");
    assert!(
        status == 404 && text.contains("flight recorder"),
        "{status} {text}"
    );
}
