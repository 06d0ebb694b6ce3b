//! Every exposition format and OTLP, read back: what went in comes out, whatever names, labels, values and exemplars are.
//!
//! Lives here: what a page must say, by format. In `made`: snapshots of any content. In `lines`: a reader. In `otlp`: what is
//! pushed to a collector. The other readers and models are those of the exporter's tests. Not here: which format a scraper gets,
//! HTTP (`requests`); remote write, whose encoders nobody can call but a push to a receiver: the exporter's tests read those
//! requests with a compiler of schemas, which is too slow for here.

mod lines;
mod made;
mod otlp;

pub(crate) use lines::read as read_lines;

use std::collections::HashSet;
use std::time::SystemTime;

use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::snapshot::{FamilySnapshot, Snapshot, Values};
use media_metrics_exporter::{Escaping, openmetrics, openmetrics_2, protobuf, text};

use self::made::PARTS;
use crate::input::Input;
use crate::models::exporter::{
    expected_messages, expected_openmetrics_2, expected_text, messages, openmetrics_2 as reader_2,
    parser,
};

/// Makes a snapshot of the bytes, and every page of it.
pub fn target(data: &[u8]) {
    let snapshot = made::snapshot(&mut Input::new(data));
    text_page(&snapshot);
    openmetrics_page(&snapshot);
    openmetrics_2_page(&snapshot);
    protobuf_page(&snapshot);
    otlp::requests(&snapshot);
    for names in [Escaping::Underscores, Escaping::Dots, Escaping::Values] {
        escaped(&snapshot, names);
    }
}

fn page(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut page = b"what was there must go".to_vec();
    encode(&mut page);
    page
}

fn told(page: &[u8]) -> String {
    String::from_utf8_lossy(page).into_owned()
}

/// Families that say anything, as text must have them.
fn wanted(snapshot: &Snapshot) -> Vec<parser::Family> {
    let mut wanted = expected_text::expected(snapshot);
    wanted.retain(|family| !family.samples.is_empty());
    expected_text::normal(wanted)
}

/// Text 1.0.0, and 0.0.4 where no name needs quotes.
fn text_page(snapshot: &Snapshot) {
    let mut encoder = text::Encoder::new().names(Escaping::AllowUtf8);
    let page = page(|page| encoder.encode(snapshot, page));
    assert_eq!(encoder.left_out(), 0);
    let read = lines::read(&page, false).unwrap_or_else(|e| panic!("{e}: {}", told(&page)));
    let wanted = wanted(snapshot);
    let got: Vec<parser::Family> = read.iter().map(as_text).collect();
    assert_eq!(expected_text::normal(got), wanted, "{}", told(&page));
    if snapshot
        .families()
        .iter()
        .all(|f| !f.schema().desc().has_utf8_names())
    {
        let read = parser::parse(&page).unwrap_or_else(|e| panic!("{e}: {}", told(&page)));
        assert_eq!(expected_text::normal(read), wanted);
    }
}

fn as_text(family: &lines::Family) -> parser::Family {
    let sample = |line: &lines::Line| parser::Sample {
        name: line.name.clone(),
        labels: line.labels.clone(),
        text: format!("{:?}", line.value),
    };
    parser::Family {
        name: family.name.clone(),
        help: family.help.clone(),
        kind: family.kind.clone(),
        samples: family.lines.iter().map(sample).collect(),
    }
}

/// OpenMetrics 1.0: the same samples, but sums and counts that the standard forbids, in any order that keeps families
/// together.
fn openmetrics_page(snapshot: &Snapshot) {
    let mut encoder = openmetrics::Encoder::new().names(Escaping::AllowUtf8);
    let page = page(|page| encoder.encode(snapshot, page));
    let read = lines::read(&page, true).unwrap_or_else(|e| panic!("{e}: {}", told(&page)));
    let mut got: Vec<parser::Sample> = Vec::new();
    for family in &read {
        let mut family = as_text(family);
        // A histogram that is not told as one has its bounds all the same.
        if family.kind == "unknown"
            && family.name.ends_with("_bucket")
            && !is_family(snapshot, &family.name)
        {
            family.kind = "histogram".to_owned();
        }
        got.extend(expected_text::normal(vec![family]).remove(0).samples);
    }
    let negative =
        |f: &FamilySnapshot| f.schema().desc().bounds().first().is_some_and(|&b| b < 0.0);
    let histograms: HashSet<&str> = read
        .iter()
        .filter(|f| f.kind == "histogram")
        .map(|f| &*f.name)
        .collect();
    let mut wanted = Vec::new();
    for (family, model) in snapshot
        .families()
        .iter()
        .zip(expected_text::expected(snapshot))
    {
        let mut samples = expected_text::normal(vec![model]).remove(0).samples;
        if negative(family) && histograms.contains(family.schema().desc().name()) {
            samples.retain(|s| s.name.ends_with("_bucket"));
        }
        wanted.extend(samples);
    }
    let sorted = |samples: &[parser::Sample]| {
        let mut texts: Vec<String> = samples.iter().map(|s| format!("{s:?}")).collect();
        texts.sort();
        texts
    };
    assert_eq!(sorted(&got), sorted(&wanted), "{}", told(&page));
    exemplars_of_lines(snapshot, &read);
    metadata_of_lines(snapshot, &read);
    let mut encoder = openmetrics::Encoder::new()
        .names(Escaping::AllowUtf8)
        .created(true);
    let page = self::page(|page| encoder.encode(snapshot, page));
    let told = lines::read(&page, true).unwrap_or_else(|e| panic!("{e}: {}", told(&page)));
    beginnings(snapshot, &read, told);
}

fn is_family(snapshot: &Snapshot, name: &str) -> bool {
    snapshot.family(name).is_some()
}

/// The family of the snapshot that one of the page tells of.
fn source<'s>(snapshot: &'s Snapshot, family: &lines::Family) -> &'s FamilySnapshot {
    let name = &family.name;
    let found = match &*family.kind {
        "counter" => snapshot.family(&format!("{name}_total")),
        "info" => snapshot.family(&format!("{name}_info")),
        _ => snapshot.family(name),
    };
    let part = || {
        let mut stems = PARTS.iter().filter_map(|part| name.strip_suffix(part));
        stems.find_map(|stem| snapshot.family(stem))
    };
    found
        .or_else(part)
        .unwrap_or_else(|| panic!("{name:?} is of nobody"))
}

/// Whether a gauge says nothing but that it is there.
fn all_ones(levels: &[Option<f64>]) -> bool {
    levels.iter().flatten().all(|&level| level == 1.0)
}

/// Help and unit are the family's, and so is the type where no other family is in its way.
fn metadata_of_lines(snapshot: &Snapshot, read: &[lines::Family]) {
    for family in read {
        let of = source(snapshot, family);
        let desc = of.schema().desc();
        assert_eq!(family.help, desc.help(), "{family:?}");
        let unit = desc.exposed_unit().suffix();
        let is_named_so = !unit.is_empty() && family.name.ends_with(&format!("_{unit}"));
        let wanted = match is_named_so && family.kind != "info" {
            true => unit,
            false => "",
        };
        assert_eq!(family.unit, wanted, "{family:?}");
        let (stem, kind) = match of.values() {
            Values::Counter(_) => match desc.name().strip_suffix("_total") {
                Some(stem) if !stem.is_empty() => (stem, "counter"),
                _ => (desc.name(), "unknown"),
            },
            Values::Gauge(levels) => match desc.name().strip_suffix("_info") {
                Some(stem) if !stem.is_empty() && all_ones(levels) => (stem, "info"),
                _ => (desc.name(), "gauge"),
            },
            _ => (desc.name(), "histogram"),
        };
        let is_in_the_way = |other: &FamilySnapshot| {
            let name = other.schema().desc().name();
            let of_histogram = matches!(other.values(), Values::Histogram(_));
            let samples = PARTS.map(|part| format!("{name}{part}"));
            name != desc.name()
                && (name.starts_with(stem)
                    || of_histogram && samples.iter().any(|sample| sample.starts_with(stem)))
        };
        if !snapshot.families().iter().any(is_in_the_way) {
            assert_eq!(family.kind, kind, "{family:?}");
        }
    }
}

/// With the times at which series began a page says the same, and of each counter and histogram that time besides, if
/// somebody knows it.
fn beginnings(snapshot: &Snapshot, read: &[lines::Family], mut with: Vec<lines::Family>) {
    for family in &mut with {
        if !matches!(&*family.kind, "counter" | "histogram") {
            continue;
        }
        let schema = source(snapshot, family).schema();
        let name = format!("{}_created", family.name);
        let of = |i: usize| {
            let seconds = told_at(snapshot, schema.created(i)?);
            let labels: Vec<_> = schema.labels(i).collect();
            Some(format!("{labels:?} {seconds:?}"))
        };
        let wanted: Vec<String> = (0..schema.len()).filter_map(of).collect();
        let is_start = |line: &lines::Line| line.name == name;
        let got = family.lines.iter().filter(|line| is_start(line));
        let got: Vec<String> = got
            .map(|line| {
                let labels = line.labels.iter().map(|(n, v)| (&**n, &**v));
                format!("{:?} {:?}", labels.collect::<Vec<_>>(), line.value)
            })
            .collect();
        assert_eq!(got, wanted);
        family.lines.retain(|line| !is_start(line));
    }
    assert_eq!(plain(&with), plain(&read));
}

/// Exemplars that have a value, and how each label of them looks.
fn exemplars(family: &FamilySnapshot) -> impl Iterator<Item = &Exemplar> {
    let all = match family.values() {
        Values::Histogram(series) => &series[..],
        _ => &[],
    };
    all.iter()
        .flat_map(|h| h.exemplars())
        .filter(|e| !e.value().is_nan())
}

/// Names and values that can stand beside each other: each name once, none of them empty.
fn labels(exemplar: &Exemplar, soften: bool) -> Vec<(String, String)> {
    let mut labels: Vec<(String, String)> = Vec::new();
    for (name, value) in exemplar.labels() {
        if !name.is_empty() && labels.iter().all(|(other, _)| other != name) {
            labels.push((name.to_owned(), value.to_owned()));
        }
    }
    if soften {
        let soft = |text: &mut String| *text = text.replace('"', "'");
        labels.iter_mut().for_each(|(name, value)| {
            soft(name);
            soft(value);
        });
    }
    labels
}

/// A time as pages tell it: in seconds, never after the page's own.
fn told_at(snapshot: &Snapshot, time: SystemTime) -> f64 {
    expected_openmetrics_2::seconds(time.min(snapshot.time()))
}

fn exemplars_of_lines(snapshot: &Snapshot, read: &[lines::Family]) {
    for family in read.iter().filter(|f| f.kind == "histogram") {
        let of = snapshot.family(&family.name).unwrap();
        let wanted: Vec<_> = exemplars(of)
            .map(|e| {
                (
                    labels(e, true),
                    e.value() + 0.0,
                    told_at(snapshot, e.time()),
                )
            })
            .collect();
        let got: Vec<_> = family
            .lines
            .iter()
            .filter_map(|l| l.exemplar.clone())
            .map(|(labels, value, time)| (labels, value + 0.0, time))
            .collect();
        assert_eq!(format!("{got:?}"), format!("{wanted:?}"));
    }
}

fn openmetrics_2_page(snapshot: &Snapshot) {
    let mut encoder = openmetrics_2::Encoder::new();
    let page = page(|page| encoder.encode(snapshot, page));
    let read = reader_2::parse(&page).unwrap_or_else(|e| panic!("{e}: {}", told(&page)));
    let mut wanted = Vec::new();
    for family in snapshot.families() {
        let mut model = expected_openmetrics_2::expected(family);
        if let Values::Gauge(levels) = family.values()
            && model.name.ends_with("_info")
            && all_ones(levels)
        {
            model.kind = "info".to_owned();
            model.unit = None;
        }
        if let Values::Histogram(series) = family.values() {
            for (sample, of) in model.samples.iter_mut().zip(series) {
                let shown = of.exemplars().iter().filter(|e| !e.value().is_nan());
                sample.exemplars = shown
                    .map(|e| reader_2::Exemplar {
                        labels: labels(e, false),
                        value: e.value() + 0.0,
                        time: told_at(snapshot, e.time()),
                    })
                    .collect();
            }
        }
        wanted.push(model);
    }
    wanted.retain(|family| !family.samples.is_empty());
    assert_eq!(plain(&read), plain(&wanted), "{}", told(&page));
}

/// As text, in which -0 is 0 and NaN is itself.
fn plain(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
        .replace("-0.0,", "0.0,")
        .replace("-0.0)", "0.0)")
        .replace("-0.0 ", "0.0 ")
}

fn protobuf_page(snapshot: &Snapshot) {
    let mut encoder = protobuf::Encoder::new().names(Escaping::AllowUtf8);
    let page = page(|page| encoder.encode(snapshot, page));
    let mut read = messages::read(&page);
    let mut wanted: Vec<_> = snapshot
        .families()
        .iter()
        .map(expected_messages::expected)
        .collect();
    wanted.retain(|family| !family.metric.is_empty());
    for family in &mut read {
        let of = snapshot.family(&family.name).unwrap();
        let mut got = Vec::new();
        for histogram in family
            .metric
            .iter_mut()
            .filter_map(|m| m.histogram.as_mut())
        {
            let before = got.len();
            for bucket in &mut histogram.bucket {
                got.extend(bucket.exemplar.take());
            }
            if histogram.schema.is_some() {
                assert_eq!(got[before..], histogram.exemplars);
            }
            histogram.exemplars.clear();
            // There only for an exemplar.
            histogram
                .bucket
                .retain(|b| b.upper_bound != Some(f64::INFINITY));
        }
        let got: Vec<_> = got
            .iter()
            .map(|e| {
                let labels: Vec<_> = e
                    .label
                    .iter()
                    .map(|l| (l.name.clone(), l.value.clone()))
                    .collect();
                (labels, e.value.unwrap(), e.timestamp)
            })
            .collect();
        let wanted: Vec<_> = exemplars(of)
            .map(|e| {
                let time = messages::Timestamp::from(e.time().min(snapshot.time()));
                (labels(e, false), e.value(), Some(time))
            })
            .collect();
        assert_eq!(format!("{got:?}"), format!("{wanted:?}"));
    }
    assert_eq!(format!("{read:?}"), format!("{wanted:?}"));
}

/// Names that every reader takes: families that are left out are counted, and the others keep help, labels and numbers.
fn escaped(snapshot: &Snapshot, names: Escaping) {
    let mut encoder = text::Encoder::new().names(names);
    let page = page(|page| encoder.encode(snapshot, page));
    let read = parser::parse(&page).unwrap_or_else(|e| panic!("{names:?}: {e}: {}", told(&page)));
    let wanted = wanted(snapshot);
    let with_values = snapshot.families().len() - wanted.len();
    assert!(
        read.len() + encoder.left_out() >= wanted.len(),
        "{}",
        told(&page)
    );
    assert!(
        read.len() + encoder.left_out() <= wanted.len() + with_values,
        "{}",
        told(&page)
    );
    for family in &expected_text::normal(read) {
        // Each has its number in its help.
        let model = wanted.iter().find(|w| w.help == family.help).unwrap();
        let values = |f: &parser::Family| -> Vec<_> {
            let sample = |s: &parser::Sample| {
                let values: Vec<String> = s.labels.iter().map(|l| l.1.clone()).collect();
                (values, s.text.clone())
            };
            f.samples.iter().map(sample).collect()
        };
        assert_eq!(values(family), values(model), "{}", told(&page));
        if names == Escaping::Values {
            assert_eq!(unescaped(&family.name), model.name);
            for (sample, wanted) in family.samples.iter().zip(&model.samples) {
                let labels: Vec<String> = sample.labels.iter().map(|l| unescaped(&l.0)).collect();
                let wanted: Vec<String> = wanted.labels.iter().map(|l| l.0.clone()).collect();
                assert_eq!(labels, wanted);
            }
        }
    }
    let mut encoder = openmetrics::Encoder::new().names(names);
    let page = self::page(|page| encoder.encode(snapshot, page));
    let read =
        lines::read(&page, true).unwrap_or_else(|e| panic!("{names:?}: {e}: {}", told(&page)));
    assert!(
        read.iter()
            .flat_map(|f| &f.lines)
            .all(|l| !l.name.contains(|c: char| !c.is_ascii()))
    );
    let mut encoder = openmetrics_2::Encoder::new().names(names);
    let page = self::page(|page| encoder.encode(snapshot, page));
    reader_2::parse(&page).unwrap_or_else(|e| panic!("{names:?}: {e}: {}", told(&page)));
}

/// What stands behind `U__`, as Prometheus' library reads it.
fn unescaped(name: &str) -> String {
    let Some(mut rest) = name.strip_prefix("U__") else {
        return name.to_owned();
    };
    let mut out = String::new();
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let (digits, after) = rest.split_once('_').unwrap();
        out.push(char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap());
        rest = after;
    }
    out + rest
}
