//! The fixed bytes of one family's lines.
//!
//! Lives here: names, labels and comment lines, laid out once; writing them with a snapshot's numbers
//! between. Not here: which families there are (the encoder), as what they are exposed (`form`).
//!
//! A family's text is `comments chunk number chunk number … chunk number \n`. A chunk begins with the line
//! feed of the line before: so a line is one copy and one number, and can be left out. A family without
//! a line is left out whole.

use std::sync::Arc;

use media_metrics_core::desc::Desc;
use media_metrics_core::histogram::HistogramSnapshot;
use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Values};

use super::Dialect;
use super::form::{Form, all_ones, is_named_info};
use crate::format::negotiate::Escaping;
use crate::format::plans::Plan;
use crate::format::{escape, number};

/// What doesn't change in a family's text while its schema stays the same.
#[derive(Debug)]
pub(super) struct Lines {
    schema: Arc<FamilySchema>,
    form: Form,
    /// Of a gauge that is an info while all its values are 1: whether they are.
    ones: Option<bool>,
    /// Whether histograms have a sum and a count.
    totals: bool,
    /// The comments (without their last line feed) and all chunks, end to end.
    fixed: Vec<u8>,
    /// Where the comments and each chunk end.
    ends: Vec<usize>,
}

impl Plan for Lines {
    fn schema(&self) -> &Arc<FamilySchema> {
        &self.schema
    }

    fn fits(&self, family: &FamilySnapshot) -> bool {
        Arc::ptr_eq(&self.schema, family.schema())
            && self
                .ones
                .is_none_or(|ones| ones == all_ones(family.values()))
    }
}

impl Lines {
    /// The text of `family`; none, if it is not `shown`.
    pub(super) fn new(
        family: &FamilySnapshot,
        form: Form,
        dialect: Dialect,
        names: Escaping,
        shown: bool,
    ) -> Self {
        let schema = family.schema();
        let desc = schema.desc();
        let negative = desc.bounds().first().is_some_and(|&bound| bound < 0.0);
        let may_be_info = dialect == Dialect::OpenMetrics && is_named_info(family);
        let mut lines = Self {
            schema: Arc::clone(schema),
            form,
            ones: may_be_info.then(|| all_ones(family.values())),
            totals: dialect == Dialect::Prometheus || !negative || form == Form::UnknownHistogram,
            fixed: Vec::new(),
            ends: Vec::new(),
        };
        let mut name = Vec::new();
        escape::name(&mut name, desc.name(), names);
        let mut layout = Layout {
            lines: &mut lines,
            schema,
            dialect,
            names,
            name: &name,
        };
        match form {
            _ if !shown || schema.is_empty() => {}
            Form::None => {}
            Form::Counter => layout.numbers("counter"),
            Form::Gauge => layout.numbers("gauge"),
            Form::Info => layout.numbers("info"),
            Form::Unknown => layout.numbers("unknown"),
            Form::Histogram => layout.histograms(),
            Form::UnknownHistogram => layout.untyped_histograms(),
        }
        lines.fixed.shrink_to_fit();
        lines.ends.shrink_to_fit();
        lines
    }

    pub(super) const fn form(&self) -> Form {
        self.form
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
            Values::Histogram(series) if self.form == Form::UnknownHistogram => {
                self.write_apart(&mut chunks, series, page);
            }
            Values::Histogram(series) => {
                for histogram in series {
                    write_buckets(&mut chunks, histogram, page);
                    if self.totals {
                        write_sum(&mut chunks, histogram, per_unit, page);
                        write_count(&mut chunks, histogram, page);
                    }
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

    /// All buckets, then all sums, then all counts: three families, each with its comments.
    fn write_apart<'a>(
        &self,
        chunks: &mut impl Iterator<Item = &'a [u8]>,
        series: &[HistogramSnapshot],
        page: &mut Vec<u8>,
    ) {
        let per_unit = self.schema.desc().recorded_per_unit();
        for histogram in series {
            write_buckets(chunks, histogram, page);
        }
        page.extend_from_slice(chunks.next().unwrap_or_default());
        for histogram in series {
            write_sum(chunks, histogram, per_unit, page);
        }
        page.extend_from_slice(chunks.next().unwrap_or_default());
        for histogram in series {
            write_count(chunks, histogram, page);
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
}

/// A plan while it is made.
struct Layout<'a> {
    lines: &'a mut Lines,
    schema: &'a FamilySchema,
    dialect: Dialect,
    names: Escaping,
    /// The family's name as samples have it, escaped.
    name: &'a [u8],
}

impl Layout<'_> {
    /// One line a series: `name{labels} `.
    fn numbers(&mut self, kind: &str) {
        self.comments("", kind, "# HELP ");
        for series in 0..self.schema.len() {
            self.line(series, "", None);
        }
    }

    /// For each series the buckets up to `+Inf`, then the sum, then the count.
    fn histograms(&mut self) {
        self.comments("", "histogram", "# HELP ");
        for series in 0..self.schema.len() {
            self.buckets(series);
            if self.lines.totals {
                self.line(series, "_sum", None);
                self.line(series, "_count", None);
            }
        }
    }

    /// The same lines, sorted by name, under comments of their own.
    fn untyped_histograms(&mut self) {
        self.comments("_bucket", "unknown", "# HELP ");
        (0..self.schema.len()).for_each(|series| self.buckets(series));
        for suffix in ["_sum", "_count"] {
            self.comments(suffix, "unknown", "\n# HELP ");
            (0..self.schema.len()).for_each(|series| self.line(series, suffix, None));
        }
    }

    fn buckets(&mut self, series: usize) {
        let desc = Arc::clone(self.schema.desc());
        for &le in desc.bounds().iter().chain(&[f64::INFINITY]) {
            self.line(series, "_bucket", Some(le));
        }
    }

    /// Help, type and unit. `first` begins the first line.
    fn comments(&mut self, suffix: &str, kind: &str, first: &str) {
        let desc = Arc::clone(self.schema.desc());
        let open = self.dialect == Dialect::OpenMetrics;
        let mut name = [self.name, suffix.as_bytes()].concat();
        if open {
            // The type's own suffix belongs to its samples, not to the family.
            name.truncate(name.len() - self.lines.form.suffix().len());
        }
        self.push(first).push(&name).push(" ");
        if open {
            // All that is escaped in a label's value is escaped here, too.
            escape::label_value(&mut self.lines.fixed, desc.help());
        } else {
            escape::help(&mut self.lines.fixed, desc.help());
        }
        self.push("\n# TYPE ").push(&name).push(" ").push(kind);
        if let Some(unit) = unit(&desc, &name).filter(|_| open && kind != "info") {
            self.push("\n# UNIT ").push(&name).push(" ").push(unit);
        }
        self.close_chunk();
    }

    /// A chunk: the line feed of the line before, name, labels, and the space before the number.
    fn line(&mut self, series: usize, suffix: &str, le: Option<f64>) {
        let (schema, name, names) = (self.schema, self.name, self.names);
        self.push("\n").push(name).push(suffix);
        let mut before = "{";
        for (label, value) in schema.labels(series) {
            self.push(before);
            escape::name(&mut self.lines.fixed, label, names);
            self.push("=\"");
            escape::label_value(&mut self.lines.fixed, value);
            self.push("\"");
            before = ",";
        }
        if let Some(le) = le {
            self.push(before).push("le=\"");
            // Bounds that are law look everywhere as they always did; others as each format's readers expect.
            if self.dialect == Dialect::OpenMetrics && schema.desc().native_schema().is_some() {
                number::float_bound(&mut self.lines.fixed, le);
            } else {
                number::bound(&mut self.lines.fixed, le);
            }
            self.push("\"");
            before = ",";
        }
        self.push(if before == "{" { " " } else { "} " });
        self.close_chunk();
    }

    fn close_chunk(&mut self) {
        self.lines.ends.push(self.lines.fixed.len());
    }

    fn push(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.lines.fixed.extend_from_slice(text.as_ref());
        self
    }
}

/// The unit to be told: the family's name must end in it.
fn unit(desc: &Desc, name: &[u8]) -> Option<&'static str> {
    let unit = desc.exposed_unit().suffix();
    let stem = name.strip_suffix(unit.as_bytes())?;
    (!unit.is_empty() && stem.ends_with(b"_")).then_some(unit)
}

fn write_buckets<'a>(
    chunks: &mut impl Iterator<Item = &'a [u8]>,
    histogram: &HistogramSnapshot,
    page: &mut Vec<u8>,
) {
    // `zip` asks the counts first: it must not take a chunk that it then drops.
    for (at_or_below, chunk) in histogram.classic().zip(chunks) {
        page.extend_from_slice(chunk);
        number::count(page, at_or_below);
    }
}

fn write_sum<'a>(
    chunks: &mut impl Iterator<Item = &'a [u8]>,
    histogram: &HistogramSnapshot,
    per_unit: f64,
    page: &mut Vec<u8>,
) {
    let Some(chunk) = chunks.next() else { return };
    page.extend_from_slice(chunk);
    match histogram.exact_sum() {
        Some(sum) => number::value(page, sum),
        None => scaled(page, histogram.sum(), per_unit),
    }
}

/// It is the `+Inf` bucket, so the two can't disagree.
fn write_count<'a>(
    chunks: &mut impl Iterator<Item = &'a [u8]>,
    histogram: &HistogramSnapshot,
    page: &mut Vec<u8>,
) {
    let Some(chunk) = chunks.next() else { return };
    page.extend_from_slice(chunk);
    number::count(page, histogram.count());
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
