//! What a soak watches: the figures, how they are taken, and how much each may drift in an hour.
//!
//! Lives here: the table of figures, and a window's sample from the program's pages and from the kernel. What is made of
//! all samples in the end is in `report`. Not here: the program's start and the hour (`bin/soak.rs`).

mod pace;
mod report;

use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::census::{Census, cpu_of_threads};
use crate::page;
use crate::trend::median;

pub use pace::Pace;
pub use report::{Books, Report};

/// How much a figure may change in an hour and still be called flat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// A share of its median.
    Share(f64),
    /// So much, in its own unit.
    By(f64),
    /// Whatever it does: it says how much load there was, or how wild it was, not how the program is.
    Free,
}

/// A figure that is watched.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// What people call it, and the CSV's head.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What is called flat.
    pub bound: Bound,
    /// Digits behind the point.
    pub digits: usize,
}

const fn figure(name: &'static str, unit: &'static str, bound: Bound, digits: usize) -> Figure {
    Figure {
        name,
        unit,
        bound,
        digits,
    }
}

/// What merges and pages cost beside work that is always the same ([`Pace`]), so that the machine's own drift is no matter.
/// What grows with all that ever was, as a leak does, grows by much more: an hour has sixty times as many streams as are alive
/// at once.
const WORK: Bound = Bound::Share(0.20);

/// In MiB an hour: some 5 bytes for each of the 600,000 streams that an hour has. So a leak of one pointer a stream is seen,
/// and a heap that a busy moment has stretched by a part in a hundred is none.
const LEAK: Bound = Bound::By(3.0);

/// All of them, in the order of a [`Sample`]'s values.
///
/// Times by the clock hold how long threads wait for a processor that the streams have, and processor time holds how fast the
/// machine is just now: both are told, and neither is judged. What is judged is the ratio.
pub const FIGURES: [Figure; 18] = [
    figure("memory (RSS)", "MiB", LEAK, 1),
    figure("tick, ratio", "x", WORK, 2),
    figure("scrape, ratio", "x", WORK, 2),
    figure("tick, processor time", "ms", Bound::Free, 2),
    figure("scrape, processor time", "ms", Bound::Free, 3),
    figure("tick", "ms", Bound::Free, 2),
    figure("text scrape, median", "ms", Bound::Free, 2),
    figure("text scrape, longest", "ms", Bound::Free, 2),
    figure("protobuf scrape, median", "ms", Bound::Free, 2),
    figure("protobuf scrape, longest", "ms", Bound::Free, 2),
    figure("live streams", "", Bound::Share(0.01), 0),
    figure("streams ended", "1/s", Bound::Free, 1),
    figure("packets in", "1/s", Bound::Free, 0),
    figure("packets out", "1/s", Bound::Free, 0),
    figure("series", "", Bound::By(0.5), 0),
    figure("file descriptors", "", Bound::By(0.5), 0),
    figure("threads", "", Bound::By(0.5), 0),
    figure("processor", "cores", Bound::Free, 2),
];

/// All figures of one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Seconds from the start to the window's end.
    pub at: f64,
    /// By [`FIGURES`].
    pub values: [f64; FIGURES.len()],
}

/// Processor time of threads of the program, so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    /// That merge: the reporter and its helpers.
    pub ticks: Duration,
    /// That make pages and send them.
    pub pages: Duration,
}

impl Work {
    /// Of the program as it is now.
    ///
    /// # Errors
    /// What the kernel does not tell.
    pub fn of(process: Pid) -> Result<Self, String> {
        Ok(Self {
            ticks: cpu_of_threads(process, &["media-metrics", "mm-merge"])?,
            pages: cpu_of_threads(process, &["metrics-http", "metrics-pages"])?,
        })
    }
}

/// Totals of which windows are the differences.
#[derive(Clone, Copy, Debug)]
struct Totals {
    at: Instant,
    tick_seconds: f64,
    ticks: f64,
    ended: f64,
    packets_in: f64,
    packets_out: f64,
    cpu: Duration,
    work: Work,
}

impl Totals {
    fn of(page: &str, census: &Census, work: Work, at: Instant) -> Result<Self, String> {
        let sum =
            |family| page::sum(page, family).ok_or_else(|| format!("no {family} on the page"));
        Ok(Self {
            at,
            tick_seconds: sum("media_metrics_reporter_tick_seconds_sum")?,
            ticks: sum("media_metrics_reporter_tick_seconds_count")?,
            ended: sum("media_rtp_streams_ended_total")?,
            packets_in: sum("media_rtp_packets_total{direction=\"incoming\"")?,
            packets_out: sum("media_forward_packets_total")?,
            cpu: census.cpu,
            work,
        })
    }
}

/// Takes samples, one after another.
#[derive(Debug)]
pub struct Watch {
    start: Instant,
    last: Totals,
    /// How long scrapes took since the last sample, in milliseconds.
    text: Vec<f64>,
    protobuf: Vec<f64>,
    /// How long the same work took, in milliseconds of processor time.
    merges: Vec<f64>,
    pages: Vec<f64>,
}

impl Watch {
    /// Begins the first window, with the page and the process as they are now.
    ///
    /// # Errors
    /// A family that is not on the page.
    pub fn begin(page: &str, census: &Census, work: Work) -> Result<Self, String> {
        let now = Instant::now();
        Ok(Self {
            start: now,
            last: Totals::of(page, census, work, now)?,
            text: Vec::new(),
            protobuf: Vec::new(),
            merges: Vec::new(),
            pages: Vec::new(),
        })
    }

    /// A scrape of the text format has taken so long.
    pub fn on_text(&mut self, took: Duration) {
        self.text.push(took.as_secs_f64() * 1e3);
    }

    /// A scrape of protobuf has taken so long.
    pub fn on_protobuf(&mut self, took: Duration) {
        self.protobuf.push(took.as_secs_f64() * 1e3);
    }

    /// Work that is always the same took so much of a processor just now: that of a merge, and that of a page.
    pub fn on_pace(&mut self, merge: Duration, page: Duration) {
        self.merges.push(merge.as_secs_f64() * 1e3);
        self.pages.push(page.as_secs_f64() * 1e3);
    }

    /// Ends a window and begins the next.
    ///
    /// # Errors
    /// A family that is not on the page, or nothing happened in the window: the program stands still.
    pub fn sample(&mut self, page: &str, census: &Census, work: Work) -> Result<Sample, String> {
        let (was, is) = (self.last, Totals::of(page, census, work, Instant::now())?);
        let scrapes = (self.text.len() + self.protobuf.len()) as f64;
        let seconds = (is.at - was.at).as_secs_f64();
        let rate = |of: fn(&Totals) -> f64| (of(&is) - of(&was)) / seconds;
        let sum =
            |family| page::sum(page, family).ok_or_else(|| format!("no {family} on the page"));
        let mut took = |times: fn(&mut Self) -> &mut Vec<f64>, what| {
            let times = std::mem::take(times(self));
            let most = times.iter().copied().fold(0.0, f64::max);
            let middle = median(times).ok_or_else(|| format!("no {what} in a window"))?;
            Ok::<_, String>((middle, most))
        };
        let text = took(|watch| &mut watch.text, "scrape of text")?;
        let protobuf = took(|watch| &mut watch.protobuf, "scrape of protobuf")?;
        let merge = took(|watch| &mut watch.merges, "merge of always the same")?.0;
        let page = took(|watch| &mut watch.pages, "page of always the same")?.0;
        if is.ticks <= was.ticks || is.packets_in <= was.packets_in {
            return Err(format!(
                "no tick or no packet in {seconds:.0} s: {was:?} {is:?}"
            ));
        }
        self.last = is;
        let tick = (is.work.ticks - was.work.ticks).as_secs_f64() / (is.ticks - was.ticks) * 1e3;
        let scrape = (is.work.pages - was.work.pages).as_secs_f64() / scrapes * 1e3;
        Ok(Sample {
            at: (is.at - self.start).as_secs_f64(),
            values: [
                census.rss_bytes as f64 / f64::from(1 << 20),
                tick / merge,
                scrape / page,
                tick,
                scrape,
                (is.tick_seconds - was.tick_seconds) / (is.ticks - was.ticks) * 1e3,
                text.0,
                text.1,
                protobuf.0,
                protobuf.1,
                sum("media_rtp_streams{direction=\"incoming\"")?,
                rate(|t| t.ended),
                rate(|t| t.packets_in),
                rate(|t| t.packets_out),
                sum("media_metrics_series")?,
                census.files as f64,
                census.threads as f64,
                (is.cpu - was.cpu).as_secs_f64() / seconds,
            ],
        })
    }
}

/// The first line of a CSV of samples.
#[must_use]
pub fn csv_head() -> String {
    let names = FIGURES.iter().map(|f| match f.unit {
        "" => f.name.to_owned(),
        unit => format!("{} [{unit}]", f.name),
    });
    let names = ["seconds".to_owned()].into_iter().chain(names);
    // Names have commas: they stand in quotes.
    let quoted: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    quoted.join(",")
}

/// A sample as a line of it.
#[must_use]
pub fn csv_line(sample: &Sample) -> String {
    let values = FIGURES.iter().zip(&sample.values);
    let values = values.map(|(figure, value)| format!("{value:.*}", figure.digits + 2));
    let cells = [format!("{:.1}", sample.at)].into_iter().chain(values);
    cells.collect::<Vec<_>>().join(",")
}

/// The samples of a CSV.
///
/// # Errors
/// The line that is none.
pub fn read_csv(text: &str) -> Result<Vec<Sample>, String> {
    let rest = text.strip_prefix(&csv_head()).map(str::trim_start);
    let rest = rest.ok_or("these are other figures than those of today: run the soak again")?;
    let lines = rest.lines().map(|line| {
        let cells: Result<Vec<f64>, _> = line.split(',').map(str::parse).collect();
        let cells = cells.map_err(|e| format!("{line:?}: {e}"))?;
        let (&at, values) = cells.split_first().ok_or("an empty line")?;
        let values = values
            .try_into()
            .map_err(|_| format!("{line:?} is no sample"))?;
        Ok(Sample { at, values })
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(scale: f64) -> String {
        format!(
            "media_metrics_reporter_tick_seconds_sum {}\nmedia_metrics_reporter_tick_seconds_count {}\n\
             media_rtp_streams_ended_total{{direction=\"incoming\",kind=\"audio\"}} {}\n\
             media_rtp_packets_total{{direction=\"incoming\",kind=\"audio\"}} {}\n\
             media_rtp_packets_total{{direction=\"incoming\",kind=\"video\"}} {}\n\
             media_rtp_packets_total{{direction=\"outgoing\",kind=\"video\"}} 9\n\
             media_forward_packets_total {}\nmedia_rtp_streams{{direction=\"incoming\",kind=\"audio\"}} 40\n\
             media_metrics_series 7\n",
            scale * 0.5,
            scale * 10.0,
            scale * 3.0,
            scale * 100.0,
            scale * 50.0,
            scale * 150.0
        )
    }

    #[test]
    fn a_window_is_the_difference_of_two_pages() {
        let census = |cpu| Census {
            rss_bytes: 3 << 20,
            cpu: Duration::from_secs(cpu),
            threads: 5,
            files: 11,
        };
        let work = |ms: u64| Work {
            ticks: Duration::from_millis(20 * ms),
            pages: Duration::from_millis(2 * ms),
        };
        let mut watch = Watch::begin(&page(1.0), &census(1), work(1)).unwrap();
        for ms in [5, 1, 3] {
            watch.on_text(Duration::from_millis(ms));
        }
        watch.on_protobuf(Duration::from_millis(2));
        for ms in [9, 4, 1] {
            watch.on_pace(Duration::from_millis(ms), Duration::from_millis(2 * ms));
        }
        let sample = watch.sample(&page(3.0), &census(2), work(3)).unwrap();
        let named = |name| {
            let at = FIGURES.iter().position(|f| f.name == name).unwrap();
            sample.values[at]
        };
        assert_eq!((named("memory (RSS)"), named("tick")), (3.0, 50.0));
        // 40 ms in 20 ticks, 4 ms in 4 scrapes.
        let taken = (
            named("tick, processor time"),
            named("scrape, processor time"),
        );
        assert_eq!(taken, (2.0, 1.0));
        // Of merges that took 4 ms, and of pages that took 8.
        assert_eq!((named("tick, ratio"), named("scrape, ratio")), (0.5, 0.125));
        assert_eq!(
            (named("text scrape, median"), named("text scrape, longest")),
            (3.0, 5.0)
        );
        assert_eq!((named("live streams"), named("series")), (40.0, 7.0));
        assert_eq!((named("file descriptors"), named("threads")), (11.0, 5.0));
        let ratio = named("packets in") / named("streams ended");
        assert!((ratio - 50.0).abs() < 1e-6, "{ratio}");
        assert_eq!(named("packets in"), named("packets out"));
        let line = csv_line(&sample);
        let read = read_csv(&format!("{}\n{line}\n", csv_head())).unwrap();
        assert_eq!(csv_line(&read[0]), line);
        for wrong in ["1,2", "a"] {
            assert!(read_csv(&format!("{}\n{wrong}\n", csv_head())).is_err());
        }
        assert!(read_csv("\"seconds\"\n1\n").is_err());
    }

    #[test]
    fn what_stands_still_is_told() {
        let census = Census::default();
        let mut watch = Watch::begin(&page(1.0), &census, Work::default()).unwrap();
        let none = watch
            .sample(&page(1.0), &census, Work::default())
            .unwrap_err();
        assert!(none.contains("no scrape of text"), "{none}");
        watch.on_text(Duration::ZERO);
        watch.on_protobuf(Duration::ZERO);
        watch.on_pace(Duration::ZERO, Duration::ZERO);
        let still = watch
            .sample(&page(1.0), &census, Work::default())
            .unwrap_err();
        assert!(still.contains("no tick"), "{still}");
        let missing = Watch::begin("", &census, Work::default()).unwrap_err();
        assert!(missing.contains("tick_seconds"), "{missing}");
    }
}
