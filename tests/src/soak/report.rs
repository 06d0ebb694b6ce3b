//! What a soak found: a verdict for each figure, as Markdown.
//!
//! Lives here: the line through minutes, what is called flat, tables and the drawing of a series in a line of text.

use std::fmt::Write as _;

use super::{Bound, FIGURES, Figure, Sample};
use crate::trend::{Trend, median};

const HOUR: f64 = 3_600.0;
const MINUTE: f64 = 60.0;
/// Characters of a drawn series.
const DRAWN: usize = 40;

/// What was sent and what arrived, to the packet: of the summary at the program's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// RTP packets that the built-in publishers sent.
    pub sent: u64,
    /// That the program counted.
    pub counted: u64,
    /// That reached the built-in subscriber.
    pub arrived: u64,
    /// That the kernel dropped before the program could read them.
    pub dropped: u64,
    /// Streams that the program has seen begin.
    pub streams: u64,
}

impl Books {
    /// Whether no packet is missing but those that the kernel says it dropped.
    #[must_use]
    pub const fn balance(&self) -> bool {
        // Reports are dropped along with packets, and the subscriber's own queue may be full, too: without drops
        // all three are one number, with them it must at least be no more than was dropped.
        let missing = self.sent.saturating_sub(self.counted);
        self.counted <= self.sent && missing <= self.dropped && self.arrived <= self.counted
    }
}

/// What is said of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Its slope is surely within the bound.
    Flat,
    /// Its slope is surely beyond the bound.
    Drifts,
    /// It scatters so much that neither is sure: run longer, on a machine that does nothing else.
    Unsure,
    /// There is no bound.
    NotJudged,
}

/// All samples of a run, and what they amount to.
#[derive(Debug)]
pub struct Report {
    /// What ran, in words.
    pub what: String,
    /// Where, in words.
    pub machine: String,
    /// Seconds at the start that are left out of the lines.
    pub warm_up: f64,
    /// In order of time.
    pub samples: Vec<Sample>,
    /// At the end.
    pub books: Books,
}

impl Report {
    /// Medians of a figure over each minute after the warm-up: neighbours within a minute are alike, and would make the
    /// line look surer than it is.
    fn minutes(&self, figure: usize) -> Vec<(f64, f64)> {
        let warm = self.samples.iter().filter(|s| s.at >= self.warm_up);
        let warm: Vec<&Sample> = warm.collect();
        let of_a_minute =
            |a: &&Sample, b: &&Sample| (a.at / MINUTE).floor() == (b.at / MINUTE).floor();
        let minutes = warm.chunk_by(of_a_minute);
        let points = minutes.filter_map(|minute| {
            let value = median(minute.iter().map(|s| s.values[figure]).collect())?;
            let at = median(minute.iter().map(|s| s.at / HOUR).collect())?;
            Some((at, value))
        });
        points.collect()
    }

    /// The line through a figure's minutes, by the hour, and what is said of it; `None` of less than three minutes.
    fn judge(&self, at: usize) -> Option<(Trend, Verdict)> {
        let trend = Trend::of(&self.minutes(at))?;
        let bound = match FIGURES.get(at)?.bound {
            Bound::Share(share) => share * trend.level.abs(),
            Bound::By(much) => much,
            Bound::Free => return Some((trend, Verdict::NotJudged)),
        };
        let (low, high) = trend.between;
        let verdict = if low >= -bound && high <= bound && trend.robust.abs() <= bound {
            Verdict::Flat
        } else if low > bound || high < -bound {
            Verdict::Drifts
        } else {
            Verdict::Unsure
        };
        Some((trend, verdict))
    }

    /// Whether every figure that has a bound is flat, and the books balance.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let judged = |at| self.judge(at).map(|(_, verdict)| verdict);
        let fine = |verdict| matches!(verdict, Some(Verdict::Flat | Verdict::NotJudged));
        (0..FIGURES.len()).map(judged).all(fine) && self.books.balance()
    }

    /// The whole, for people and for `benches/SOAK.md`.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = format!(
            "# Soak\n\n{}\n\nOn {}.\n\nA window is ten seconds. Lines are fitted to the medians of minutes, without \
             the first {:.0} minutes; the interval has a confidence of 95 %. *Flat* means: all of it, and the robust \
             slope (Theil and Sen), within the bound. Processor time is what a tick, or a scrape, takes of the processors, \
             on all threads that work for it; a ratio is that time to the processor time of work which is always the same, \
             done once a second beside it: memory of as many streams compared and copied, a page written, sent and \
             received. The machine's own pace, which is its neighbours' affair too, moves both, and not the ratio. Other \
             times are the clock's, and hold waiting for a processor that the streams have. Memory \
             may grow by some 5 bytes for each of the 600,000 streams that an hour has: a leak of one pointer a stream \
             would be 4.6 MiB.\n\n",
            self.what,
            self.machine,
            self.warm_up / MINUTE
        );
        text.push_str(&self.table());
        let Books {
            sent,
            counted,
            arrived,
            dropped,
            streams,
        } = self.books;
        let verdict = if self.books.balance() {
            "The books balance"
        } else {
            "**The books do not balance**"
        };
        let _infallible = write!(
            text,
            "\n{verdict}: {sent} packets of {streams} streams were sent, {counted} counted, {arrived} reached the \
             subscriber; {dropped} datagrams were dropped by the kernel before they could be read.\n\n\
             Each series from the first window to the last, drawn from 0 to its highest:\n\n```text\n"
        );
        for (at, figure) in FIGURES.iter().enumerate() {
            let values: Vec<f64> = self.samples.iter().map(|s| s.values[at]).collect();
            let most = values.iter().copied().fold(0.0, f64::max);
            let (line, digits) = (draw(&values), figure.digits);
            let _infallible = writeln!(
                text,
                "{:<24} {line} {most:.digits$} {}",
                figure.name, figure.unit
            );
        }
        text.push_str("```\n");
        text
    }

    /// A line for each figure.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::from(
            "| figure | median | slope an hour | 95 % interval | robust slope | flat within | verdict |\n\
             |---|---:|---:|---:|---:|---:|---|\n",
        );
        for (at, figure) in FIGURES.iter().enumerate() {
            let _infallible = writeln!(text, "{}", self.line(at, figure));
        }
        text
    }

    fn line(&self, at: usize, figure: &Figure) -> String {
        let Figure {
            name, unit, digits, ..
        } = figure;
        let unit = match *unit {
            "" => String::new(),
            unit => format!(" {unit}"),
        };
        let Some((trend, verdict)) = self.judge(at) else {
            return format!("| {name} | | | | | | too short |");
        };
        let signed = |value: f64| format!("{value:+.*}", digits + 1);
        let bound = match figure.bound {
            Bound::Share(share) => format!("{:.0} %", share * 100.0),
            Bound::By(much) => much.to_string(),
            Bound::Free => String::new(),
        };
        let verdict = match verdict {
            Verdict::Flat => "flat",
            Verdict::Drifts => "**drifts**",
            Verdict::Unsure => "**unsure**",
            Verdict::NotJudged => "",
        };
        format!(
            "| {name} | {:.*}{unit} | {} | {} to {} | {} | {bound} | {verdict} |",
            digits,
            trend.level,
            signed(trend.slope),
            signed(trend.between.0),
            signed(trend.between.1),
            signed(trend.robust)
        )
    }
}

/// A series in a line of text, from 0 to its highest: medians of equal parts.
fn draw(values: &[f64]) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().copied().fold(0.0, f64::max);
    let width = DRAWN.min(values.len());
    let part = |i: usize| &values[i * values.len() / width..(i + 1) * values.len() / width];
    let height = |i: usize| {
        let share = median(part(i).to_vec()).unwrap_or_default() / most.max(f64::MIN_POSITIVE);
        LEVELS[((share * 8.0).ceil() as usize).clamp(1, 8) - 1]
    };
    (0..width).map(height).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::read_csv;
    use fastrand::Rng;

    /// An hour in which each figure is 100, give or take one, and the first grows by so much.
    fn hour(growth: f64) -> Report {
        let mut rng = Rng::with_seed(3);
        let sample = |n: u32| {
            let at = f64::from(n) * 10.0;
            let mut values = [100.0; FIGURES.len()].map(|v| v + rng.f64() * 0.02 - 0.01);
            values[0] += growth * at / HOUR;
            Sample { at, values }
        };
        Report {
            what: "A test.".to_owned(),
            machine: "paper".to_owned(),
            warm_up: 600.0,
            samples: (1..=360).map(sample).collect(),
            books: Books {
                sent: 10,
                counted: 10,
                arrived: 10,
                dropped: 0,
                streams: 1,
            },
        }
    }

    #[test]
    fn what_grows_drifts_and_what_does_not_is_flat() {
        let flat = hour(0.0);
        assert!(flat.is_good(), "{}", flat.to_markdown());
        assert_eq!(flat.judge(0).unwrap().1, Verdict::Flat);
        // A pointer for each of 600,000 streams, in MiB.
        let grows = hour(4.58);
        let (trend, verdict) = grows.judge(0).unwrap();
        assert_eq!(verdict, Verdict::Drifts);
        assert!((trend.slope - 4.58).abs() < 0.1, "{trend:?}");
        assert!(!grows.is_good() && grows.to_markdown().contains("**drifts**"));
        assert_eq!(hour(1.0).judge(0).unwrap().1, Verdict::Flat);
    }

    #[test]
    fn what_scatters_too_much_is_not_called_flat() {
        let mut report = hour(0.0);
        let mut rng = Rng::with_seed(5);
        for sample in &mut report.samples {
            sample.values[0] = 100.0 * rng.f64();
        }
        assert_eq!(report.judge(0).unwrap().1, Verdict::Unsure);
        assert!(!report.is_good());
    }

    #[test]
    fn the_warm_up_is_left_out() {
        let mut report = hour(0.0);
        for sample in report.samples.iter_mut().filter(|s| s.at < 600.0) {
            sample.values[0] = 1.0;
        }
        assert_eq!(report.judge(0).unwrap().1, Verdict::Flat);
    }

    #[test]
    fn missing_packets_are_no_good_run_unless_the_kernel_has_them() {
        let mut report = hour(0.0);
        report.books.counted = 9;
        report.books.arrived = 9;
        assert!(!report.is_good() && report.to_markdown().contains("do not balance"));
        report.books.dropped = 1;
        assert!(report.is_good());
    }

    #[test]
    fn a_run_that_is_too_short_says_so() {
        let mut report = hour(0.0);
        report.samples.truncate(65);
        assert!(!report.is_good() && report.to_markdown().contains("too short"));
    }

    #[test]
    fn a_series_is_drawn_from_nothing_to_its_highest() {
        assert_eq!(draw(&[0.0, 1.0, 4.0, 8.0]), "▁▁▄█");
        assert_eq!(draw(&[]), "");
        assert_eq!(draw(&[5.0; 400]), "█".repeat(DRAWN));
    }

    /// What is promised to stay flat is flat in the record, and the record is what its samples say.
    #[test]
    fn the_record_is_made_of_its_samples_and_all_that_is_judged_is_flat() {
        let read = |name: &str| {
            let path = format!("{}/../benches/{name}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
        };
        let (record, samples) = (read("SOAK.md"), read("soak.csv"));
        let report = Report {
            samples: read_csv(&samples).unwrap(),
            ..hour(0.0)
        };
        assert!(report.samples.last().unwrap().at >= HOUR);
        assert!(report.is_good(), "{}", report.table());
        assert!(
            record.contains(&report.table()),
            "`cargo run -p media-metrics-tests --bin soak -- --judge benches/soak.csv` gives this table:\n{}",
            report.table()
        );
        assert!(record.contains("The books balance: "));
    }
}
