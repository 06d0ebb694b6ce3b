//! Hours of many streams that come and go, through real sockets: does anything grow? `cargo xtask soak [--minutes 60]
//! [--streams 10000]`.
//!
//! Runs the program as it ships with built-in streams and a built-in subscriber, scrapes it each second (text and
//! protobuf by turns), takes a sample each ten, and fits a line to each figure. Prints what it found; the status is 0 if
//! all that is judged is flat and no packet is missing. The samples go to a CSV file, line by line as they come.

#![expect(clippy::print_stdout, reason = "a report for people")]
#![expect(clippy::panic, reason = "a measurement that can't be taken ends")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use media_metrics_tests::census;
use media_metrics_tests::package;
use media_metrics_tests::program::Program;
use media_metrics_tests::prometheus;
use media_metrics_tests::soak::{
    Books, FIGURES, Pace, Report, Sample, Watch, Work, csv_head, csv_line, read_csv,
};
use media_metrics_tests::summary::Summary;

/// Scrapes in a window: one a second.
const WINDOW: u32 = 10;
/// Left out of the lines: a fifth of the run, at most this.
const WARM_UP: Duration = Duration::from_secs(600);
/// What the kernel keeps for each worker until it is read.
const QUEUE: u32 = 64 << 20;
const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

/// Does anything grow in hours of many streams that come and go?
#[derive(Clone, Debug, Parser)]
struct Flags {
    /// How long.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_080))]
    minutes: u32,
    /// Streams that live at the same time.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    streams: u32,
    /// Seconds that each of them lives.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    lifetime: u32,
    /// How many times as long as usual frames last: for a machine that can't carry all streams at 50 packets a second
    /// of audio and some 120 of video.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    stretch: u32,
    /// Where samples go, line by line.
    #[arg(long, default_value = "target/soak.csv")]
    csv: PathBuf,
    /// Runs nothing: prints the table that these samples of an earlier run give.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["markdown", "csv"])]
    judge: Option<PathBuf>,
    /// Where the report goes, besides standard output.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    if let Some(file) = &flags.judge {
        return judge(file);
    }
    let report = run(&flags).unwrap_or_else(|e| panic!("{e}"));
    let text = report.to_markdown();
    println!("\n{text}");
    if let Some(file) = &flags.markdown {
        fs::write(in_workspace(file), &text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
    match report.is_good() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn judge(file: &Path) -> ExitCode {
    let text = fs::read_to_string(in_workspace(file)).map_err(|e| e.to_string());
    let samples = text.and_then(|text| read_csv(&text));
    let samples = samples.unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let length = samples.last().map_or(0.0, |last| last.at);
    let report = Report {
        what: String::new(),
        machine: String::new(),
        warm_up: warm_up(Duration::from_secs_f64(length)),
        samples,
        books: Books::default(),
    };
    println!("{}", report.table());
    ExitCode::SUCCESS
}

/// Seconds that are left out of a run so long.
fn warm_up(length: Duration) -> f64 {
    (length / 5).min(WARM_UP).as_secs_f64()
}

fn run(flags: &Flags) -> Result<Report, String> {
    let Flags {
        streams,
        lifetime,
        stretch,
        ..
    } = flags;
    let mut csv = Csv::create(flags)?;
    let program = Program::configured(&format!(
        "synthetic: {{streams: {streams}, lifetime: {lifetime}, stretch: {stretch}}}\n\
         metrics: {{listen: '127.0.0.1:0'}}\nsocket_buffer: {QUEUE}\nhistory: {{minutes: 2}}\n"
    ));
    let minutes = Duration::from_secs(60);
    let length = minutes * flags.minutes;
    // All streams are there after a second; a history of two minutes is full after two.
    thread::sleep(Duration::from_secs(3));
    let scraper = Scraper::of(&program);
    let id = program.id();
    let mut pace = Pace::new()?;
    let mut watch = Watch::begin(&scraper.text()?.0, &census::of(id)?, Work::of(id)?)?;
    let (start, mut samples) = (Instant::now(), Vec::new());
    for second in 1.. {
        let next = start + Duration::from_secs(1) * second;
        thread::sleep(next.saturating_duration_since(Instant::now()));
        watch.on_pace(pace.merge(), pace.page()?);
        if second % 2 == 1 {
            watch.on_protobuf(scraper.protobuf()?);
            continue;
        }
        let (page, took) = scraper.text()?;
        watch.on_text(took);
        if second % WINDOW == 0 {
            let sample = watch.sample(&page, &census::of(id)?, Work::of(id)?)?;
            samples.push(csv.put(&sample)?);
            if second % 60 == 0 {
                println!("{}", csv_line(&sample));
            }
        }
        if start.elapsed() >= length {
            break;
        }
    }
    let summary = Summary::of(&program.finish());
    let arrived = FIGURES.iter().position(|f| f.name == "packets in");
    let arrived = arrived.ok_or("no figure of packets")?;
    let rate = samples.iter().map(|s| s.values[arrived]).sum::<f64>();
    let rate = rate / samples.len().max(1) as f64;
    Ok(Report {
        what: format!(
            "`cargo xtask soak --minutes {} --streams {streams} --lifetime {lifetime} --stretch {stretch}`: {streams} live \
             streams, audio and video by turns, each of which ends after {lifetime} s and is followed by another; frames \
             last {stretch} times as long as usual, which makes {rate:.0} packets a second in, and as many out, through \
             real sockets. Publishers, forwarder and subscriber share the machine and one process. Each window: `{}`.",
            flags.minutes,
            flags.csv.display()
        ),
        machine: machine(),
        warm_up: warm_up(length),
        samples,
        books: Books {
            sent: summary.published("RTP packets"),
            counted: summary.number("RTP packets received"),
            arrived: summary.arrived("RTP packets"),
            dropped: summary.number("datagrams dropped by the kernel"),
            streams: summary.begun(),
        },
    })
}

/// Asks for pages, and takes the time.
struct Scraper(String);

impl Scraper {
    fn of(program: &Program) -> Self {
        Self(format!("http://{}/metrics", program.metrics()))
    }

    fn text(&self) -> Result<(String, Duration), String> {
        let begun = Instant::now();
        let page = prometheus::get(&self.0)?;
        Ok((page, begun.elapsed()))
    }

    fn protobuf(&self) -> Result<Duration, String> {
        let begun = Instant::now();
        let page = prometheus::get_as(&self.0, PROTOBUF)?;
        match page.is_empty() {
            true => Err("an empty page of protobuf".to_owned()),
            false => Ok(begun.elapsed()),
        }
    }
}

/// The file of samples.
struct Csv {
    path: PathBuf,
    file: File,
}

impl Csv {
    fn create(flags: &Flags) -> Result<Self, String> {
        let path = in_workspace(&flags.csv);
        let failed = |e| format!("{}: {e}; name another file with --csv", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = File::create(&path).map_err(failed)?;
        writeln!(file, "{}", csv_head()).map_err(failed)?;
        Ok(Self { path, file })
    }

    /// Writes a sample, and gives it back as it stands there: what is reported is what the file says.
    fn put(&mut self, sample: &Sample) -> Result<Sample, String> {
        let line = csv_line(sample);
        let written = writeln!(self.file, "{line}");
        written.map_err(|e| format!("{}: {e}", self.path.display()))?;
        let read = read_csv(&format!("{}\n{line}", csv_head()))?;
        read.first()
            .copied()
            .ok_or_else(|| format!("{line:?} is no sample"))
    }
}

/// Files are named from the workspace's root, wherever this runs.
fn in_workspace(file: &Path) -> PathBuf {
    package().join("..").join(file)
}

/// Processor, kernel and memory, in words.
fn machine() -> String {
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        let value = line.and_then(|line| line.split_once(':'));
        value.map_or_else(
            || "unknown".to_owned(),
            |(_, value)| value.trim().to_owned(),
        )
    };
    let cores = thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{} ({cores} cores), {} of memory, Linux {}",
        value(&read("/proc/cpuinfo"), "model name"),
        value(&read("/proc/meminfo"), "MemTotal"),
        read("/proc/sys/kernel/osrelease").trim()
    )
}
