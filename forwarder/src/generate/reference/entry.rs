//! One family's entry.
//!
//! Lives here: its lines, made from the description, the note and the labels. Not here: the page around them.

use std::fmt::Write as _;

use media_metrics_core::desc::{Desc, Kind, Unit};
use media_metrics_core::livekit::families::catalog as livekit;

use super::labels::{self, Label, Values};
use super::note::{Appears, Note, filled};
use crate::generate::families::{self, Family, Origin};
use crate::livekit::REPLACED;

/// LiveKit's families whose names say nothing of their units.
static OF_LIVEKIT: &[(&Desc, &str)] = &[
    (&livekit::FORWARD_LATENCY, "nanoseconds"),
    (&livekit::FORWARD_JITTER, "nanoseconds"),
    (&livekit::QUALITY_SCORE, "mean opinion score, 1 to 5"),
    (
        &livekit::QUALITY_RATING,
        "rating: 0 POOR, 1 GOOD, 2 EXCELLENT, 3 LOST",
    ),
];

/// What names end in, and the unit that it stands for: of families whose description has none.
const UNITS: &[(&str, &str)] = &[
    ("_bytes_per_second", "bytes a second"),
    ("_ns", "nanoseconds"),
    ("_us", "microseconds"),
    ("_ms", "milliseconds"),
    ("_seconds", "seconds"),
    ("_percent", "percent"),
    ("_packet_bytes", "bytes"),
    ("_bytes", "bytes"),
    ("_bytes_total", "bytes"),
    ("_score", "score, 20 to 100"),
    ("_mos", "mean opinion score, 1 to 4.5"),
    ("_info", "none: always 1"),
    ("_load_state", "0 or 1"),
    ("_hash", "none: a checksum"),
];

/// The unit in words: `seconds`, or `count`.
pub(super) fn unit(desc: &Desc) -> &'static str {
    match desc.exposed_unit() {
        Unit::Seconds => "seconds",
        Unit::Bytes => "bytes",
        Unit::Ratio => "ratio, 0 to 1",
        _ => OF_LIVEKIT
            .iter()
            .find(|(of, _)| of.name() == desc.name())
            .map(|(_, unit)| *unit)
            .or_else(|| Some(UNITS.iter().find(|(end, _)| desc.name().ends_with(end))?.1))
            .unwrap_or("count"),
    }
}

/// A family's name, leading to its entry.
pub(super) fn link(name: &str) -> String {
    format!("[`{name}`](#{name})")
}

/// Text in which names of families lead to their entries.
pub(super) fn linked(text: &str) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_name) {
        let (before, word) = rest.split_at(start);
        let (word, after) = word.split_at(word.find(|c| !is_name(c)).unwrap_or(word.len()));
        out += before;
        match families::by_series(word) {
            Some((family, _)) if family.desc.name() == word => out += &link(word),
            _ => out += word,
        }
        rest = after;
    }
    out + rest
}

/// The entry: heading, help, and a list.
pub(super) fn text(note: &Note, family: Family) -> String {
    let desc = note.desc;
    let mut out = format!("### {}\n\n{}\n\n", desc.name(), linked(desc.help()));
    let mut line = |what: &str, text: &str| {
        let _ = writeln!(out, "- **{what}**: {text}");
    };
    let kind = desc.kind().as_str();
    line("Type", &format!("{kind}; unit: {}", unit(desc)));
    line(
        "Worry",
        &filled(note.worry, note.see, |desc| link(desc.name())),
    );
    line("Source", note.source);
    line("Served", &there(note.appears, family));
    if desc.kind() == Kind::Histogram {
        line("Buckets", &buckets(desc));
    }
    line("Series", &series(desc, family.origin));
    let names: Vec<&str> = desc.label_names().iter().collect();
    if !names.is_empty() {
        out += "- **Labels**\n";
        for name in names {
            let _ = writeln!(out, "  - `{name}`: {}", label(desc, family.origin, name));
        }
    }
    out
}

/// When it is served, and under which profile.
fn there(appears: Appears, family: Family) -> String {
    let when = match appears {
        Appears::AtStart => "from the start".to_owned(),
        Appears::MovedBy(what) => format!("from the start; moved by {what}"),
        Appears::Once(what) => format!("once {what}"),
        Appears::If(what) => format!("if {what}"),
        Appears::ByHost(what) => format!("in hosts {what}; not in the program"),
    };
    let replaced = REPLACED
        .iter()
        .find(|(ours, _)| ours.name() == family.desc.name());
    match (family.origin, replaced) {
        (Origin::LiveKit, _) if matches!(appears, Appears::If(_)) => when,
        (Origin::LiveKit, _) => format!("{when}, under `--profile livekit` and `both`"),
        (Origin::Media, None) => when,
        (Origin::Media, Some((_, theirs))) => {
            format!(
                "{when}; under `--profile livekit` {} takes its place",
                link(theirs.name())
            )
        }
    }
}

fn buckets(desc: &Desc) -> String {
    let bounds: Vec<String> = desc.bounds().iter().map(ToString::to_string).collect();
    let native = match desc.native_schema() {
        None => "none".to_owned(),
        Some(schema) => {
            let width = (f64::exp2(f64::exp2(-f64::from(schema))) - 1.0) * 100.0;
            format!("schema {schema}, {width:.0} % wide")
        }
    };
    let exemplars = if desc.has_exemplars() { "yes" } else { "no" };
    format!(
        "classic up to {}; native: {native}; exemplars: {exemplars}",
        bounds.join(", ")
    )
}

/// How many series there can be.
fn series(desc: &Desc, origin: Origin) -> String {
    let mut product = Some(1);
    let mut nodes = "";
    for name in desc.label_names().iter() {
        // Of a process they have one value each.
        if origin == Origin::LiveKit && matches!(name, "node_id" | "node_type") {
            nodes = " for each node";
            continue;
        }
        let values = labels::of(desc, origin, name).map(|label| label.values);
        product = match (product, values) {
            (Some(product), Some(Values::Closed(values))) => Some(product * values.len()),
            _ => None,
        };
    }
    let limit = (desc.series_limit() < u32::MAX as usize).then(|| desc.series_limit());
    let most = match (product, limit) {
        (Some(1), _) => format!("1{nodes}"),
        (Some(product), _) => format!("at most {product}{nodes}"),
        (None, Some(limit)) => format!("at most {limit}{nodes}; more fold into `other`"),
        (None, None) => "as many as its labels have values".to_owned(),
    };
    match desc.kind() {
        // Buckets with the one without a bound, sum and count.
        Kind::Histogram => format!(
            "{most}, each {} samples in classic form",
            desc.bounds().len() + 3
        ),
        _ => most,
    }
}

fn label(desc: &Desc, origin: Origin, name: &str) -> String {
    let Some(Label {
        meaning, values, ..
    }) = labels::of(desc, origin, name)
    else {
        return String::new();
    };
    let values = match values {
        Values::Open(bounds) => (*bounds).to_owned(),
        Values::Closed(values) => {
            let value = |(value, means): &(&str, &str)| match (*value, *means) {
                ("", means) => format!("empty ({means})"),
                (value, "") => format!("`{value}`"),
                (value, means) => format!("`{value}` ({means})"),
            };
            values.iter().map(value).collect::<Vec<_>>().join(", ")
        }
    };
    format!("{meaning}: {values}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_text_lead_to_their_entries_and_nothing_else_does() {
        let text = "Divided by media_rtp_packets_total, media_nothing is media_rtp_packets.";
        assert_eq!(
            linked(text),
            "Divided by [`media_rtp_packets_total`](#media_rtp_packets_total), media_nothing is media_rtp_packets."
        );
        assert_eq!(linked(""), "");
    }

    #[test]
    fn units_are_told_in_words() {
        let of = |name: &str| unit(families::by_series(name).unwrap().0.desc);
        assert_eq!(of("media_forward_latency_seconds"), "seconds");
        assert_eq!(of("livekit_forward_latency_ns"), "nanoseconds");
        assert_eq!(of("livekit_quality_score"), "mean opinion score, 1 to 5");
        assert_eq!(of("media_rtp_quality_score"), "score, 20 to 100");
        assert_eq!(of("media_rtp_packets_total"), "count");
    }
}
