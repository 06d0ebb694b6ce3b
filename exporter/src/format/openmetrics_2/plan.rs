//! The fixed bytes of one family's lines.
//!
//! Lives here: comment lines, names, labels and start times, laid out once; writing them with a snapshot's numbers
//! between. Not here: a histogram's value (`composite`), which families there are (the encoder).
//!
//! A series has two chunks: what stands before its value, and what stands behind it, without the line feed.

use std::sync::Arc;
use std::time::SystemTime;

use media_metrics_core::snapshot::{FamilySchema, FamilySnapshot, Values};

use super::composite::{self, Scratch, Shape};
use crate::format::chunks::Chunks;
use crate::format::lines::{all_ones, is_named_info};
use crate::format::plans::{self, Plan};
use crate::format::{Escaping, Settings, escape, exemplar, names, number};

/// What doesn't change in a family's lines while its schema stays the same.
#[derive(Debug)]
pub(super) struct Lines {
    schema: Arc<FamilySchema>,
    names: Escaping,
    /// Whether the host shows it, under a name that is its own once it is escaped.
    on_page: bool,
    /// Of a gauge that is an info while all its values are 1: whether they are.
    ones: Option<bool>,
    /// Of histograms.
    shape: Option<Shape>,
    latest_start: Option<SystemTime>,
    /// The comments, then the chunks of each series; nothing, if the family is not shown.
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
    /// The lines of `family`, whose values are of `now`; none, if it is not to be shown.
    pub(super) fn new(
        family: &FamilySnapshot,
        on_page: bool,
        settings: &Settings,
        now: SystemTime,
    ) -> Self {
        let (schema, names) = (family.schema(), settings.names);
        let desc = schema.desc();
        let mut lines = Self {
            schema: Arc::clone(schema),
            names,
            on_page,
            ones: is_named_info(family).then(|| all_ones(family.values())),
            shape: None,
            latest_start: None,
            fixed: Chunks::default(),
        };
        let (kind, starts) = match family.values() {
            Values::Counter(_) => ("counter", true),
            Values::Gauge(_) if lines.ones == Some(true) => ("info", false),
            Values::Gauge(_) => ("gauge", false),
            Values::Histogram(_) => ("histogram", true),
            // A kind of value that this format has no words for is left out.
            _ => return lines,
        };
        if !on_page || !settings.shown.wants(desc, names) {
            return lines;
        }
        if starts {
            lines.latest_start = plans::latest_start(schema, now);
        }
        lines.shape = matches!(family.values(), Values::Histogram(_)).then(|| Shape::new(desc));
        let name = &*escape::family_name(desc.name(), names);
        lines.comments(name, kind);
        for series in 0..schema.len() {
            lines.sample(name, series, family.values());
            if let Some(start) = plans::start(schema, series, now).filter(|_| starts) {
                lines.push(" st@");
                number::time(lines.fixed.open(), start);
            }
            lines.fixed.close();
        }
        lines.fixed.shrink();
        lines
    }

    pub(super) const fn is_on_page(&self) -> bool {
        self.on_page
    }

    /// What its lines take at most without native buckets and exemplars: of those none knows how many there are.
    pub(super) fn max_bytes(&self) -> usize {
        let histogram = self.shape.as_ref().map_or(0, Shape::max_bytes);
        let series = self.fixed.len() / 2; // two chunks each, beside the comments
        self.fixed.bytes() + series * (number::MAX_BYTES + 1 + histogram)
    }

    /// Appends the family's lines, of `now`; nothing, if no series has a value.
    pub(super) fn write(
        &self,
        values: &Values,
        now: SystemTime,
        scratch: &mut Scratch,
        page: &mut Vec<u8>,
    ) {
        let mut chunks = self.fixed.iter();
        let Some(comments) = chunks.next() else {
            return;
        };
        let start = page.len();
        page.extend_from_slice(comments);
        let lines = page.len();
        let desc = self.schema.desc();
        let mut chunk = || chunks.next().unwrap_or_default();
        match values {
            Values::Counter(totals) => {
                for &total in totals {
                    page.extend_from_slice(chunk());
                    number::scaled(page, total, desc.recorded_per_unit());
                    page.extend_from_slice(chunk());
                    page.push(b'\n');
                }
            }
            Values::Gauge(levels) => {
                for level in levels {
                    let (before, behind) = (chunk(), chunk());
                    let Some(level) = *level else { continue };
                    page.extend_from_slice(before);
                    number::value(page, level);
                    page.extend_from_slice(behind);
                    page.push(b'\n');
                }
            }
            Values::Histogram(series) => {
                let per_unit = desc.recorded_per_unit();
                let Some(shape) = &self.shape else { return };
                for histogram in series {
                    page.extend_from_slice(chunk());
                    composite::write(page, histogram, per_unit, shape, scratch);
                    page.extend_from_slice(chunk());
                    for exemplar in exemplar::of(histogram) {
                        exemplar::write(page, exemplar, self.names, exemplar::OPENMETRICS_2, now);
                    }
                    page.push(b'\n');
                }
            }
            _ => {}
        }
        if page.len() == lines {
            page.truncate(start);
        }
    }

    /// Type, unit and help, in the order that the standard advises.
    fn comments(&mut self, name: &str, kind: &str) {
        let desc = Arc::clone(self.schema.desc());
        self.comment("# TYPE ", name).push(kind);
        let unit = desc.exposed_unit().suffix();
        if !unit.is_empty() && kind != "info" {
            self.comment("\n# UNIT ", name).push(unit);
        }
        self.comment("\n# HELP ", name);
        escape::label_value(self.fixed.open(), desc.help());
        self.push("\n").fixed.close();
    }

    fn comment(&mut self, start: &str, name: &str) -> &mut Self {
        self.push(start);
        match escape::is_plain_name(name) {
            true => self.fixed.open().extend_from_slice(name.as_bytes()),
            false => escape::quoted(self.fixed.open(), name),
        }
        self.push(" ")
    }

    /// A chunk: name, labels, and the space before the value.
    fn sample(&mut self, name: &str, series: usize, values: &Values) {
        let schema = Arc::clone(&self.schema);
        let plain = escape::is_plain_name(name);
        match plain {
            true => self.fixed.open().extend_from_slice(name.as_bytes()),
            false => escape::quoted(self.push("{").fixed.open(), name),
        }
        let mut before = if plain { "{" } else { "," };
        let label_names: Vec<&str> = schema.labels(series).map(|(name, _)| name).collect();
        let escaped = names::labels(&label_names, self.names, values);
        for (label, (_, value)) in escaped.iter().zip(schema.labels(series)) {
            escape::label(self.push(before).fixed.open(), label, value);
            before = ",";
        }
        self.push(if before == "{" { " " } else { "} " });
        self.fixed.close();
    }

    fn push(&mut self, text: &str) -> &mut Self {
        self.fixed.open().extend_from_slice(text.as_bytes());
        self
    }
}
