//! The fixed bytes of one family's lines.
//!
//! Lives here: names, labels and comment lines, laid out once; writing them with a snapshot's numbers
//! between. Not here: which families there are (the encoder), as what they are exposed (`form`).
//!
//! A family's text is `comments chunk number chunk number … chunk number \n`. A chunk begins with the line
//! feed of the line before: so a line is one copy and one number, and can be left out. A family without
//! a line is left out whole.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use media_metrics_core::desc::Desc;
use media_metrics_core::histogram::HistogramSnapshot;
use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Values};

use super::Dialect;
use super::form::{Form, all_ones, is_named_info};
use crate::format::chunks::Chunks;
use crate::format::plans::{self, Plan};
use crate::format::suffix::{BUCKET, COUNT, CREATED, SUM};
use crate::format::{Escaping, Settings, escape, exemplar, names, number};

/// What doesn't change in a family's text while its schema stays the same.
#[derive(Debug)]
pub(super) struct Lines {
    schema: Arc<FamilySchema>,
    form: Form,
    /// Of a gauge that is an info while all its values are 1: whether they are.
    ones: Option<bool>,
    /// Whether histograms have a sum and a count.
    totals: bool,
    /// Whether behind each series' other lines stands one that tells when it began.
    created: bool,
    /// The latest start that such a line tells.
    latest_start: Option<SystemTime>,
    /// How exemplars' labels are written; `None`: there are no exemplars.
    exemplars: Option<Escaping>,
    /// The comments (without their last line feed), then all chunks; nothing, if it is not shown.
    fixed: Chunks,
}

impl Plan for Lines {
    fn schema(&self) -> &Arc<FamilySchema> {
        &self.schema
    }

    fn latest_start(&self) -> Option<SystemTime> {
        self.latest_start
    }

    fn suits(&self, values: &Values) -> bool {
        self.ones.is_none_or(|ones| ones == all_ones(values))
    }
}

impl Lines {
    /// The text of `family`, whose values are of `now`; none, if it is not to be shown.
    pub(super) fn new(
        family: &FamilySnapshot,
        form: Form,
        dialect: Dialect,
        settings: &Settings,
        now: SystemTime,
    ) -> Self {
        let schema = family.schema();
        let desc = schema.desc();
        let negative = desc.bounds().first().is_some_and(|&bound| bound < 0.0);
        let open = dialect == Dialect::OpenMetrics;
        let typed = matches!(form, Form::Counter | Form::Histogram);
        let created = open && typed && settings.created;
        let mut lines = Self {
            schema: Arc::clone(schema),
            form,
            ones: (open && is_named_info(family)).then(|| all_ones(family.values())),
            totals: !open || !negative || form == Form::UnknownHistogram,
            created,
            latest_start: created.then(|| plans::latest_start(schema, now)).flatten(),
            exemplars: (open && typed).then_some(settings.names),
            fixed: Chunks::default(),
        };
        let mut layout = Layout {
            lines: &mut lines,
            family,
            dialect,
            names: settings.names,
            name: escape::family_name(desc.name(), settings.names),
            now,
        };
        match form {
            _ if schema.is_empty() || !settings.shown.wants(desc, settings.names) => {}
            Form::None => {}
            Form::Counter => layout.numbers("counter"),
            Form::Gauge => layout.numbers("gauge"),
            Form::Info => layout.numbers("info"),
            Form::Unknown => layout.numbers("unknown"),
            Form::Histogram => layout.histograms(),
            Form::UnknownHistogram => layout.untyped_histograms(),
        }
        lines.fixed.shrink();
        lines
    }

    pub(super) const fn form(&self) -> Form {
        self.form
    }

    /// The family's text is never longer than this and its exemplars.
    pub(super) fn max_bytes(&self) -> usize {
        self.fixed.bytes() + self.fixed.len() * number::MAX_BYTES + 1
    }

    /// Appends the family's text, of `now`; nothing, if no series has a value.
    pub(super) fn write(&self, values: &Values, now: SystemTime, page: &mut Vec<u8>) {
        let mut chunks = self.fixed.iter();
        let Some(comments) = chunks.next() else {
            return;
        };
        let start = page.len();
        page.extend_from_slice(comments);
        let lines = page.len();
        let per_unit = self.schema.desc().recorded_per_unit();
        match values {
            Values::Counter(totals) if self.created => {
                for &total in totals {
                    page.extend_from_slice(chunks.next().unwrap_or_default());
                    number::scaled(page, total, per_unit);
                    page.extend_from_slice(chunks.next().unwrap_or_default());
                }
            }
            Values::Counter(totals) => {
                for (chunk, &total) in chunks.zip(totals) {
                    page.extend_from_slice(chunk);
                    number::scaled(page, total, per_unit);
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
                    match self.exemplars {
                        Some(names) if !histogram.exemplars().is_empty() => {
                            self.write_exemplary(&mut chunks, histogram, names, now, page);
                        }
                        _ => write_buckets(&mut chunks, histogram, page),
                    }
                    if self.totals {
                        write_sum(&mut chunks, histogram, per_unit, page);
                        write_count(&mut chunks, histogram, page);
                    }
                    if self.created {
                        page.extend_from_slice(chunks.next().unwrap_or_default());
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

    /// Buckets with their exemplars.
    fn write_exemplary<'a>(
        &self,
        chunks: &mut impl Iterator<Item = &'a [u8]>,
        histogram: &HistogramSnapshot,
        names: Escaping,
        now: SystemTime,
        page: &mut Vec<u8>,
    ) {
        let bounds = self.schema.desc().bounds();
        let exemplars = exemplar::by_bucket(histogram, bounds);
        for (at_or_below, (_, exemplar)) in histogram.classic().zip(exemplars) {
            page.extend_from_slice(chunks.next().unwrap_or_default());
            number::count(page, at_or_below);
            if let Some(exemplar) = exemplar {
                exemplar::write(page, exemplar, names, exemplar::OPENMETRICS_1, now);
            }
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
}

/// A plan while it is made.
struct Layout<'a> {
    lines: &'a mut Lines,
    family: &'a FamilySnapshot,
    dialect: Dialect,
    names: Escaping,
    /// The family's name as samples have it, escaped.
    name: Cow<'a, str>,
    now: SystemTime,
}

impl Layout<'_> {
    /// One line a series: `name{labels} `.
    fn numbers(&mut self, kind: &str) {
        self.comments("", kind, "# HELP ");
        for series in self.series() {
            self.line(series, "", None);
            self.created(series);
        }
    }

    /// For each series the buckets up to `+Inf`, then the sum, then the count.
    fn histograms(&mut self) {
        self.comments("", "histogram", "# HELP ");
        for series in self.series() {
            self.buckets(series);
            if self.lines.totals {
                self.line(series, SUM, None);
                self.line(series, COUNT, None);
            }
            self.created(series);
        }
    }

    /// The same lines, sorted by name, under comments of their own.
    fn untyped_histograms(&mut self) {
        self.comments(BUCKET, "unknown", "# HELP ");
        self.series().for_each(|series| self.buckets(series));
        for suffix in [SUM, COUNT] {
            self.comments(suffix, "unknown", "\n# HELP ");
            self.series()
                .for_each(|series| self.line(series, suffix, None));
        }
    }

    fn series(&self) -> Range<usize> {
        0..self.family.schema().len()
    }

    fn buckets(&mut self, series: usize) {
        let desc = Arc::clone(self.family.schema().desc());
        for &le in desc.bounds().iter().chain(&[f64::INFINITY]) {
            self.line(series, BUCKET, Some(le));
        }
    }

    /// Help, type and unit. `first` begins the first line.
    fn comments(&mut self, suffix: &str, kind: &str, first: &str) {
        let desc = Arc::clone(self.family.schema().desc());
        let open = self.dialect == Dialect::OpenMetrics;
        let mut name = format!("{}{suffix}", self.name);
        if open {
            // The type's own suffix belongs to its samples, not to the family.
            name.truncate(name.len() - self.lines.form.suffix().len());
        }
        self.push(first).comment_name(&name).push(" ");
        if open {
            // All that is escaped in a label's value is escaped here, too.
            escape::label_value(self.fixed(), desc.help());
        } else {
            escape::help(self.fixed(), desc.help());
        }
        self.push("\n# TYPE ")
            .comment_name(&name)
            .push(" ")
            .push(kind);
        if let Some(unit) = unit(&desc, &name).filter(|_| open && kind != "info") {
            self.push("\n# UNIT ")
                .comment_name(&name)
                .push(" ")
                .push(unit);
        }
        self.close_chunk();
    }

    fn comment_name(&mut self, name: &str) -> &mut Self {
        match escape::is_plain_name(name) {
            true => self.push(name),
            false => {
                escape::quoted(self.fixed(), name);
                self
            }
        }
    }

    /// A chunk: the line feed of the line before, name, labels, and the space before the number.
    fn line(&mut self, series: usize, suffix: &str, le: Option<f64>) {
        let name = format!("{}{suffix}", self.name);
        self.start(series, &name, le);
        self.close_chunk();
    }

    /// A chunk that is a whole line: when the series began; an empty one, if nobody knows.
    fn created(&mut self, series: usize) {
        if !self.lines.created {
            return;
        }
        if let Some(start) = plans::start(self.family.schema(), series, self.now) {
            let suffix = self.lines.form.suffix();
            let stem = self.name.strip_suffix(suffix).unwrap_or(&self.name);
            let name = format!("{stem}{CREATED}");
            self.start(series, &name, None);
            number::time(self.fixed(), start);
        }
        self.close_chunk();
    }

    fn start(&mut self, series: usize, name: &str, le: Option<f64>) {
        let schema = Arc::clone(self.family.schema());
        self.push("\n");
        // A name that needs quotes stands among the labels.
        let mut before = match escape::is_plain_name(name) {
            true => {
                self.push(name);
                "{"
            }
            false => {
                self.push("{");
                escape::quoted(self.fixed(), name);
                ","
            }
        };
        let pairs = schema.labels(series);
        let label_names: Vec<&str> = schema.labels(series).map(|(name, _)| name).collect();
        let escaped = names::labels(&label_names, self.names, self.family.values());
        for (label, (_, value)) in escaped.iter().zip(pairs) {
            self.push(before);
            escape::label(self.fixed(), label, value);
            before = ",";
        }
        if let Some(le) = le {
            self.push(before).push("le=\"");
            // Bounds that are law look everywhere as they always did; others as each format's readers expect.
            let is_law = schema.desc().native_schema().is_none();
            if self.dialect == Dialect::OpenMetrics && !is_law {
                number::float_bound(self.fixed(), le);
            } else {
                number::bound(self.fixed(), le);
            }
            self.push("\"");
            before = ",";
        }
        self.push(if before == "{" { " " } else { "} " });
    }

    const fn fixed(&mut self) -> &mut Vec<u8> {
        self.lines.fixed.open()
    }

    fn close_chunk(&mut self) {
        self.lines.fixed.close();
    }

    fn push(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.fixed().extend_from_slice(text.as_ref());
        self
    }
}

/// The unit to be told: the family's name must end in it.
fn unit(desc: &Desc, name: &str) -> Option<&'static str> {
    let unit = desc.exposed_unit().suffix();
    let stem = name.strip_suffix(unit)?;
    (!unit.is_empty() && stem.ends_with('_')).then_some(unit)
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
    number::sum(page, histogram, per_unit);
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
