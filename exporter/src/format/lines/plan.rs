//! The fixed bytes of one family's lines.
//!
//! Lives here: names, labels and comment lines, laid out once; writing them with a snapshot's numbers
//! between. Not here: which families there are (the encoder).
//!
//! A family's text is `comments chunk number chunk number … chunk number \n`. A chunk begins with the line
//! feed of the line before it: so a line is one copy and one number, and can be left out. A family without
//! a line is left out whole.

use std::sync::Arc;

use media_metrics_core::desc::Desc;
use media_metrics_core::histogram::HistogramSnapshot;
use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Values};

use crate::format::{escape, number};

/// What doesn't change in a family's text while its schema stays the same.
#[derive(Debug)]
pub(super) struct Plan {
    /// Held, not just compared: so its address can't become that of another schema.
    schema: Arc<FamilySchema>,
    /// The comments (without their last line feed) and all chunks, end to end.
    fixed: Vec<u8>,
    /// Where the comments and each chunk end.
    ends: Vec<usize>,
}

impl Plan {
    /// The text of `family`; none, if it is not `shown`.
    pub(super) fn new(family: &FamilySnapshot, shown: bool) -> Self {
        let mut plan = Self {
            schema: Arc::clone(family.schema()),
            fixed: Vec::new(),
            ends: Vec::new(),
        };
        match family.values() {
            _ if !shown => {}
            Values::Counter(_) => plan.lay_numbers("counter"),
            Values::Gauge(_) => plan.lay_numbers("gauge"),
            Values::Histogram(_) => plan.lay_histograms(),
            // A kind of value that this format has no words for is left out of the page.
            _ => {}
        }
        plan.fixed.shrink_to_fit();
        plan.ends.shrink_to_fit();
        plan
    }

    /// Whether the plan still holds for `family`.
    pub(super) fn fits(&self, family: &FamilySnapshot) -> bool {
        Arc::ptr_eq(&self.schema, family.schema())
    }

    pub(super) fn name(&self) -> &str {
        self.schema.desc().name()
    }

    /// The family's text is never longer than this.
    pub(super) fn max_bytes(&self) -> usize {
        self.fixed.len() + self.ends.len() * number::MAX_BYTES + 1
    }

    /// Appends the family's text; nothing, if no series has a value.
    pub(super) fn write(&self, values: &Values, page: &mut Vec<u8>) {
        if self.ends.is_empty() {
            return;
        }
        let mut chunks = self.chunks();
        let start = page.len();
        page.extend_from_slice(chunks.next().unwrap_or_default());
        let lines = page.len();
        let per_unit = self.schema.desc().recorded_per_unit();
        match values {
            Values::Counter(totals) => {
                for (chunk, &total) in chunks.zip(totals) {
                    page.extend_from_slice(chunk);
                    scaled(page, total, per_unit);
                }
            }
            Values::Gauge(levels) => {
                for (chunk, level) in chunks.zip(levels) {
                    if let Some(level) = *level {
                        page.extend_from_slice(chunk);
                        number::value(page, level);
                    }
                }
            }
            Values::Histogram(series) => {
                for histogram in series {
                    write_histogram(&mut chunks, histogram, per_unit, page);
                }
            }
            _ => {}
        }
        if page.len() > lines {
            page.push(b'\n');
        } else {
            page.truncate(start);
        }
    }

    fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map_while(move |&end| {
            let chunk = self.fixed.get(start..end);
            start = end;
            chunk
        })
    }

    /// One line a series: `name{labels} `.
    fn lay_numbers(&mut self, kind: &str) {
        let schema = Arc::clone(&self.schema);
        self.lay_comments(schema.desc(), kind);
        for series in 0..schema.len() {
            self.lay_line(&schema, series, "", None);
        }
    }

    /// For each series the buckets up to `+Inf`, then the sum, then the count.
    fn lay_histograms(&mut self) {
        let schema = Arc::clone(&self.schema);
        let bounds = schema.desc().bounds();
        self.lay_comments(schema.desc(), "histogram");
        for series in 0..schema.len() {
            for &le in bounds.iter().chain(&[f64::INFINITY]) {
                self.lay_line(&schema, series, "_bucket", Some(le));
            }
            self.lay_line(&schema, series, "_sum", None);
            self.lay_line(&schema, series, "_count", None);
        }
    }

    fn lay_comments(&mut self, desc: &Desc, kind: &str) {
        let name = desc.name();
        self.push("# HELP ").push(name).push(" ");
        escape::help(&mut self.fixed, desc.help());
        self.push("\n# TYPE ").push(name).push(" ").push(kind);
        self.close_chunk();
    }

    /// A chunk: the line feed of the line before, name, labels, and the space before the number.
    fn lay_line(&mut self, schema: &FamilySchema, series: usize, suffix: &str, le: Option<f64>) {
        self.push("\n").push(schema.desc().name()).push(suffix);
        let mut before = "{";
        for (label, value) in schema.labels(series) {
            self.push(before).push(label).push("=\"");
            escape::label_value(&mut self.fixed, value);
            self.push("\"");
            before = ",";
        }
        if let Some(le) = le {
            self.push(before).push("le=\"");
            number::bound(&mut self.fixed, le);
            self.push("\"");
            before = ",";
        }
        self.push(if before == "{" { " " } else { "} " });
        self.close_chunk();
    }

    fn close_chunk(&mut self) {
        self.ends.push(self.fixed.len());
    }

    fn push(&mut self, text: &str) -> &mut Self {
        self.fixed.extend_from_slice(text.as_bytes());
        self
    }
}

/// One series: cumulative buckets, sum, and as count the `+Inf` bucket, so the two can't disagree.
fn write_histogram<'a>(
    chunks: &mut impl Iterator<Item = &'a [u8]>,
    histogram: &HistogramSnapshot,
    per_unit: f64,
    page: &mut Vec<u8>,
) {
    let mut total = 0;
    // `zip` asks the counts first: it must not take a chunk that it then drops.
    for (at_or_below, chunk) in histogram.classic().zip(chunks.by_ref()) {
        page.extend_from_slice(chunk);
        number::count(page, at_or_below);
        total = at_or_below;
    }
    if let Some(chunk) = chunks.next() {
        page.extend_from_slice(chunk);
        match histogram.exact_sum() {
            Some(sum) => number::value(page, sum),
            None => scaled(page, histogram.sum(), per_unit),
        }
    }
    if let Some(chunk) = chunks.next() {
        page.extend_from_slice(chunk);
        number::count(page, total);
    }
}

/// A recorded number in the exposed unit. An unscaled one keeps all its digits, also above 2^53.
#[inline]
fn scaled(page: &mut Vec<u8>, recorded: u64, per_unit: f64) {
    if per_unit == 1.0 {
        number::count(page, recorded);
    } else {
        number::value(page, recorded as f64 / per_unit);
    }
}
