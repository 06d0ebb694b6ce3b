//! Steps as an interval log of HdrHistogram.
//!
//! Lives here: lines, tags, comments. Not here: the encoding of a histogram, and of a line, which is `hdrhistogram`'s.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogWriterBuilder, IntervalLogWriterError, Tag,
};
use media_metrics_core::Desc;

use super::query::Query;
use super::ring::{Identity, Known};
use super::view::{Sums, View};
use crate::parameters::BadQuery;
use crate::wall::since_1970;

/// Most lines of a log, series times steps: what is beyond is left out, series by series.
const MAX_LINES: usize = 100_000;

/// What a log holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogSummary {
    /// Lines with a histogram.
    pub lines: usize,
    /// Series that found no room, or that `hdrhistogram` can't hold (values beyond 2^62).
    pub left_out: usize,
}

/// Why there is no interval log.
#[derive(Debug)]
pub enum LogError {
    /// What was asked for is not there.
    Query(BadQuery),
    /// It could not be written.
    Io(io::Error),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(error) => error.fmt(f),
            Self::Io(error) => write!(f, "the interval log could not be written: {error}"),
        }
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Query(error) => Some(error),
            Self::Io(error) => Some(error),
        }
    }
}

/// Writes the log.
pub(super) fn write(
    view: &View,
    query: &Query,
    out: &mut impl io::Write,
) -> io::Result<LogSummary> {
    let steps = view.steps(query.step);
    let room = MAX_LINES / steps.len().max(1);
    let chosen = view.series.len().min(room).min(query.limit);
    let series: Vec<&Known> = view.series.iter().take(chosen).collect();
    let mut summary = LogSummary {
        lines: 0,
        left_out: view.series.len() - chosen,
    };
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("[Histogram log format version 1.3]");
    for comment in comments(&series, summary.left_out) {
        builder.add_comment(&comment);
    }
    if let Some(step) = steps.first() {
        builder.with_start_time(step.from);
    }
    builder.with_max_value_divisor(divisor(&series));
    let mut serializer = V2DeflateSerializer::new();
    let mut writer = builder.begin_log_with(out, &mut serializer)?;
    let tags: Vec<String> = series.iter().map(|known| tag(&known.identity)).collect();
    let mut kinds = Kinds::default();
    let mut sums = vec![Sums::default(); chosen];
    let mut unfit = vec![false; chosen];
    for step in &steps {
        view.sum(step, &mut sums);
        let from = since_1970(step.from);
        for (((known, sums), tag), unfit) in series.iter().zip(&sums).zip(&tags).zip(&mut unfit) {
            if sums.buckets.is_empty() {
                continue;
            }
            let Some(histogram) = kinds.histogram(&known.identity.desc, sums) else {
                *unfit = true;
                continue;
            };
            match writer.write_histogram(histogram, from, whole(step.length), Tag::new(tag)) {
                Ok(()) => summary.lines += 1,
                Err(IntervalLogWriterError::IoError(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
    }
    summary.left_out += unfit.into_iter().filter(|unfit| *unfit).count();
    Ok(summary)
}

/// Milliseconds are what a line tells: so that an interval's end is the next one's start for readers, too.
fn whole(length: Duration) -> Duration {
    Duration::from_millis(((length.as_secs_f64() * 1e3).round()) as u64)
}

/// Empty histograms of each layout, used again.
#[derive(Default)]
struct Kinds(BTreeMap<(u8, u64), Option<Histogram<u64>>>);

impl Kinds {
    /// `None` if the values are beyond what `hdrhistogram` holds.
    fn histogram(&mut self, desc: &Desc, sums: &Sums) -> Option<&Histogram<u64>> {
        let layout = desc.layout();
        let (digits, max) = (layout.digits(), layout.max_value());
        let made = self.0.entry((digits, max));
        let made = made.or_insert_with(|| Histogram::new_with_bounds(1, max, digits).ok());
        let histogram = made.as_mut()?;
        histogram.reset();
        for &(bucket, n) in &sums.buckets {
            // The wire has counts of 63 bits.
            let n = n.min(i64::MAX as u64);
            histogram.saturating_record_n(layout.lowest(bucket as usize), n);
        }
        Some(histogram)
    }
}

/// What each family is recorded in, and what is not in the log.
fn comments(series: &[&Known], left_out: usize) -> Vec<String> {
    let mut families: BTreeMap<&str, &Desc> = BTreeMap::new();
    for known in series {
        families.insert(known.identity.desc.name(), &known.identity.desc);
    }
    let mut comments: Vec<String> = families
        .into_iter()
        .map(|(name, desc)| {
            let unit = desc.exposed_unit().suffix();
            let unit = if unit.is_empty() { "units" } else { unit };
            let (mut comment, scale) = (String::from("["), desc.recorded_per_unit());
            push_plain(&mut comment, name);
            // Writing to a string can't fail.
            _ = write!(comment, ": values are {unit} times {scale}]");
            comment
        })
        .collect();
    if left_out > 0 {
        comments.push(format!(
            "[{left_out} series left out: ask for fewer families, a shorter time or longer steps]"
        ));
    }
    comments
}

/// By what the lines' largest values, which are for people, are divided: so that they are in exposed units, if one
/// number does for all families. (The histograms are not.)
fn divisor(series: &[&Known]) -> f64 {
    let mut scales = series
        .iter()
        .map(|known| known.identity.desc.recorded_per_unit());
    let first = scales.next().unwrap_or(1.0);
    if scales.all(|scale| scale == first) {
        first
    } else {
        1.0
    }
}

/// `family;label=value;…` with nothing in it that a log, or we, need for something else.
fn tag(identity: &Identity) -> String {
    let mut tag = String::new();
    push_plain(&mut tag, identity.desc.name());
    for (name, value) in &identity.labels {
        tag.push(';');
        push_plain(&mut tag, name);
        tag.push('=');
        push_plain(&mut tag, value);
    }
    tag
}

/// Adds a name or value: its letters, digits and `_.:-`, and all else as `%XX`.
fn push_plain(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b':' | b'-' => {
                out.push(byte.into());
            }
            // Writing to a string can't fail.
            _ => _ = write!(out, "%{byte:02X}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn tags_hold_nothing_that_a_log_needs() {
        let identity = Identity {
            desc: Arc::new(Desc::histogram("a:b_seconds", "A.", &[]).labels(&["x", "y"])),
            labels: [
                ("x".into(), "q, r\n;=%ü#\"".into()),
                ("y".into(), "".into()),
            ]
            .into(),
        };
        let tag = tag(&identity);
        assert_eq!(tag, "a:b_seconds;x=q%2C%20r%0A%3B%3D%25%C3%BC%23%22;y=");
        assert!(Tag::new(&tag).is_some());
    }
}
