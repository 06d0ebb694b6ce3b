//! Pages of any content, read by the parsers of Prometheus' Python client: what went in comes out.
//!
//! Random snapshots with a fixed seed: names that types would reserve for each other, hostile labels and helps, all
//! kinds of numbers.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use media_metrics_core::desc::{Desc, Kind, Unit};
use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::histogram::HistogramSnapshot;
use media_metrics_core::snapshot::{Builder, FamilySnapshot, Snapshot, Values};
use media_metrics_exporter::{Escaping, openmetrics, text};
use media_metrics_tests::prometheus_client::{self, Exemplar as Seen, Family, Sample};

const PAGES: usize = 300;

/// Names, some of which get in each other's way, and the units that some end in.
const NAMES: [(&str, Unit); 18] = [
    ("a", Unit::None),
    ("a_created", Unit::None),
    ("a_info", Unit::None),
    ("a_total", Unit::None),
    ("_total", Unit::None),
    ("_info", Unit::None),
    ("b:c_total", Unit::None),
    ("d_seconds", Unit::Seconds),
    ("d_seconds_created", Unit::Seconds),
    ("d_seconds_total", Unit::Seconds),
    ("e_bytes", Unit::Bytes),
    ("f_bytes_total", Unit::Bytes),
    ("g_info", Unit::None),
    ("h", Unit::None),
    ("h_created", Unit::None),
    ("j_ratio", Unit::Ratio),
    ("k_counter", Unit::Ratio),
    ("l_total_total", Unit::None),
];

const PIECES: [&str; 20] = [
    "", "\\", "\"", "\n", "\r\n", "\\n", "{", "}", ",", "=", " ", "#", "# EOF", "\t", "\0",
    "\u{85}", "\u{2028}", "ü🎥", "a", "le",
];

fn hostile(rng: &mut Rng) -> String {
    (0..rng.usize(..6))
        .map(|_| rng.choice(PIECES).unwrap())
        .collect()
}

fn float(rng: &mut Rng) -> f64 {
    let any = f64::from_bits(rng.u64(..));
    rng.choice([
        0.0,
        1.0,
        -1.5,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e16,
        5e-324,
        any,
    ])
    .unwrap()
}

/// How names begin: nothing that every reader knows, or something that needs quotes.
#[derive(Clone, Copy)]
struct Style {
    prefix: &'static str,
    labels: [&'static str; 3],
}

const PLAIN: Style = Style {
    prefix: "",
    labels: ["first", "n", "_Last9"],
};
const UTF8: Style = Style {
    prefix: "花.\"\\ ",
    labels: ["first.of {all}", "n", "le ü=\"\\"],
};

/// Names and values of an exemplar's labels, its value, its time in milliseconds.
fn exemplar(rng: &mut Rng) -> Exemplar {
    let labels = [("ssrc", hostile(rng)), ("k", hostile(rng))];
    let labels = labels.into_iter().take(rng.usize(..3));
    let value = rng.choice([0.0, 0.25, 1.0, 1e6, f64::INFINITY, -1.5, 7e-5]);
    let ms = Duration::from_millis(rng.u64(..2_000_000_000_000));
    let time = SystemTime::UNIX_EPOCH + ms;
    Exemplar::new(labels, value.unwrap(), time.min(SystemTime::now()))
}

/// Families of some of the names, without the one that `without` says.
fn snapshot(rng: &mut Rng, without: &str, style: Style) -> Snapshot {
    let mut builder = Builder::new();
    for (name, unit) in NAMES.into_iter().filter(|(name, _)| *name != without) {
        let name = format!("{}{name}", style.prefix);
        let kind = rng
            .choice([
                None,
                Some(Kind::Counter),
                Some(Kind::Gauge),
                Some(Kind::Histogram),
            ])
            .unwrap();
        // Even in Prometheus' text these would be in each other's way with a histogram of the shorter name.
        let Some(kind) = kind else { continue };
        let bounds = rng.choice([
            vec![],
            vec![0.5, 1.0, 10.0, 1e6],
            vec![-2.0, 0.0, 3.0],
            vec![2.5e-5, 0.1],
        ]);
        let desc = Desc::dynamic(kind, name.clone(), hostile(rng))
            .dynamic_labels(style.labels)
            .utf8_names()
            .dynamic_bounds(bounds.unwrap())
            .unit(unit)
            .per_unit(rng.choice([1.0, 1e9]).unwrap());
        let desc = match rng.bool() {
            true => desc.classic_only(),
            false => desc,
        };
        let labels: Vec<[String; 3]> = (0..rng.usize(..4))
            .map(|n| [hostile(rng), n.to_string(), hostile(rng)])
            .collect();
        let labels: Vec<[&str; 3]> = labels
            .iter()
            .map(|l| l.each_ref().map(String::as_str))
            .collect();
        let labels = labels.iter().map(<[&str; 3]>::as_slice);
        builder = match kind {
            Kind::Counter => {
                let series: Vec<_> = labels.map(|l| (l, rng.u64(..) >> rng.u32(..64))).collect();
                builder.counter(&desc, &series)
            }
            Kind::Gauge => {
                let ones = rng.bool();
                let level = |rng: &mut Rng| match rng.u8(..4) {
                    0 => None,
                    _ if ones => Some(1.0),
                    _ => Some(float(rng)),
                };
                let series: Vec<_> = labels.map(|l| (l, level(rng))).collect();
                builder.gauge(&desc, &series)
            }
            _ => {
                let samples: Vec<Vec<u64>> = (0..3)
                    .map(|_| {
                        (0..rng.usize(..9))
                            .map(|_| rng.u64(..) >> rng.u32(..64))
                            .collect()
                    })
                    .collect();
                let series: Vec<_> = labels.zip(samples.iter().map(Vec::as_slice)).collect();
                let mut builder = builder.histogram(&desc, &series);
                for (labels, _) in series {
                    let exemplars = (0..rng.usize(..4)).map(|_| exemplar(rng)).collect();
                    builder = builder.exemplars(&name, labels, exemplars);
                }
                builder
            }
        };
    }
    builder.build()
}

/// The bits of a number as a parser sees it: one NaN, one zero.
fn bits(value: f64) -> u64 {
    match value {
        v if v.is_nan() => f64::NAN.to_bits(),
        v => (v + 0.0).to_bits(),
    }
}

fn seen(sample: &Sample) -> Sample {
    let mut sample = sample.clone();
    sample.bits = bits(f64::from_bits(sample.bits));
    if let Some(exemplar) = &mut sample.exemplar {
        exemplar.bits = bits(f64::from_bits(exemplar.bits));
    }
    sample
}

/// Of which parts of a family there must be samples.
#[derive(Clone, Copy)]
struct Parts {
    /// `le` as a float.
    floats: bool,
    /// A sum and a count.
    totals: bool,
    exemplars: bool,
    /// What stands before `_created`, if there is such a sample.
    created: Option<&'static str>,
}

const TEXT: Parts = Parts {
    floats: false,
    totals: true,
    exemplars: false,
    created: None,
};

/// What of a moment is told: whole milliseconds.
fn ms(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}

/// The exemplar that belongs to the bucket between two bounds.
fn exemplar_of(histogram: &HistogramSnapshot, above: Option<f64>, to: f64) -> Option<Seen> {
    let inside = |e: &&Exemplar| e.value() <= to && above.is_none_or(|above| e.value() > above);
    let exemplar = histogram.exemplars().iter().find(inside)?;
    let labels = exemplar.labels();
    Some(Seen {
        // This parser takes an escaped quote there for the end of the text, so there are none.
        labels: labels
            .map(|(n, v)| (n.to_owned(), v.replace('"', "'")))
            .collect(),
        bits: bits(exemplar.value()),
        time_ms: ms(exemplar.time()),
    })
}

/// The samples that a family must have.
fn samples(family: &FamilySnapshot, parts: Parts) -> Vec<Sample> {
    let Parts { floats, totals, .. } = parts;
    let desc = family.schema().desc();
    let mut samples = Vec::new();
    for i in 0..family.schema().len() {
        let mut push = |suffix: &str, le: Option<String>, value: f64, exemplar: Option<Seen>| {
            let mut labels: BTreeMap<String, String> = family
                .schema()
                .labels(i)
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect();
            labels.extend(le.map(|le| ("le".to_owned(), le)));
            let name = format!("{}{suffix}", desc.name());
            samples.push(Sample {
                name,
                labels,
                bits: bits(value),
                exemplar,
            });
        };
        match family.values() {
            Values::Counter(v) => push("", None, v[i] as f64 / desc.recorded_per_unit(), None),
            Values::Gauge(v) => v[i]
                .into_iter()
                .for_each(|level| push("", None, level, None)),
            Values::Histogram(v) => {
                let le = |bound: f64| match bound {
                    1e6 => "1e+06".to_owned(),
                    2.5e-5 => "2.5e-05".to_owned(),
                    _ if floats && bound.fract() == 0.0 => format!("{bound:.1}"),
                    _ => bound.to_string(),
                };
                let bounds = desc.bounds().iter().chain(&[f64::INFINITY]);
                let mut above = None;
                for (&bound, n) in bounds.zip(v[i].classic()) {
                    let text = match bound {
                        f64::INFINITY => "+Inf".to_owned(),
                        bound => le(bound),
                    };
                    let exemplar = exemplar_of(&v[i], above, bound);
                    push(
                        "_bucket",
                        Some(text),
                        n as f64,
                        exemplar.filter(|_| parts.exemplars),
                    );
                    above = Some(bound);
                }
                if totals {
                    let sum = v[i].sum() as f64 / desc.recorded_per_unit();
                    push("_sum", None, sum, None);
                    push("_count", None, v[i].count() as f64, None);
                }
            }
            _ => unreachable!(),
        }
        if let (Some(end), Some(created)) = (parts.created, family.schema().created(i)) {
            let labels = family.schema().labels(i);
            samples.push(Sample {
                name: format!("{}_created", desc.name().strip_suffix(end).unwrap()),
                labels: labels.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
                bits: bits(ms(created) as f64 / 1e3),
                exemplar: None,
            });
        }
    }
    samples
}

#[track_caller]
fn same(got: &[Sample], wanted: &[Sample], page: &str) {
    for (got, wanted) in got.iter().zip(wanted) {
        assert_eq!(got, wanted, "{page}");
    }
    assert_eq!(got.len(), wanted.len(), "{page}");
}

fn is_negative(family: &FamilySnapshot) -> bool {
    family
        .schema()
        .desc()
        .bounds()
        .first()
        .is_some_and(|&b| b < 0.0)
}

/// The type that a family may have beside others of these names, if not `unknown`; and whether nothing stands
/// against it.
fn typed(family: &FamilySnapshot, names: &BTreeSet<&str>) -> (&'static str, bool) {
    let name = family.schema().desc().name();
    let free = |stem: &str, more: &[&str]| {
        !stem.is_empty()
            && more
                .iter()
                .all(|more| !names.contains(format!("{stem}{more}").as_str()))
    };
    match family.values() {
        Values::Counter(_) => {
            let stem = name.strip_suffix("_total").unwrap_or("");
            ("counter", free(stem, &["", "_created", "_info"]))
        }
        Values::Gauge(levels)
            if name.ends_with("_info") && levels.iter().flatten().all(|&l| l == 1.0) =>
        {
            let stem = name.strip_suffix("_info").unwrap_or("");
            ("info", free(stem, &["", "_total"]))
        }
        Values::Gauge(_) => ("gauge", true),
        _ => ("histogram", free(name, &["_created", "_total"])),
    }
}

fn check_openmetrics(
    snapshot: &Snapshot,
    families: &[Family],
    page: &str,
    created: bool,
    seen_kinds: &mut BTreeMap<(String, bool), u32>,
) {
    let names: BTreeSet<&str> = snapshot
        .families()
        .iter()
        .map(|f| f.schema().desc().name())
        .collect();
    let mut read = families.iter();
    for family in snapshot.families() {
        let desc = family.schema().desc();
        let (kind, free) = typed(family, &names);
        let any = Parts {
            floats: true,
            totals: true,
            exemplars: false,
            created: None,
        };
        if samples(family, any).is_empty() {
            continue; // without a value there is nothing to say
        }
        let first = read
            .next()
            .unwrap_or_else(|| panic!("{} is missing: {page}", desc.name()));
        let is_info_by_name = kind == "info";
        let unknown = first.kind == "unknown" || (is_info_by_name && first.kind == "gauge");
        assert!(
            first.kind == kind || (!free && unknown),
            "{first:?} should be {kind}: {page}"
        );
        let mut got = first.samples.clone();
        // The parser takes spaces between name and help for one.
        let help = desc.help().trim_start_matches(' ');
        assert_eq!(first.help, help, "{page}");
        if kind == "histogram" && unknown {
            // Three families: buckets, sums, counts.
            for suffix in ["_sum", "_count"] {
                let more = read.next().unwrap();
                let told = (more.name.as_str(), more.kind.as_str(), more.help.as_str());
                assert_eq!(
                    told,
                    (format!("{}{suffix}", desc.name()).as_str(), "unknown", help)
                );
                got.extend_from_slice(&more.samples);
            }
        }
        let floats = desc.native_schema().is_some();
        let typed = !unknown;
        let parts = Parts {
            floats,
            totals: !is_negative(family) || unknown,
            exemplars: typed,
            created: match kind {
                "counter" if created && typed => Some("_total"),
                "histogram" if created && typed => Some(""),
                _ => None,
            },
        };
        let mut wanted = samples(family, parts);
        let mut got: Vec<Sample> = got.iter().map(seen).collect();
        if kind == "histogram" && unknown {
            wanted.sort();
            got.sort();
        }
        same(&got, &wanted, page);
        let unit = desc.exposed_unit().suffix();
        let has_unit =
            !unit.is_empty() && first.name.ends_with(&format!("_{unit}")) && kind != "info";
        assert_eq!(first.unit, if has_unit { unit } else { "" }, "{page}");
        *seen_kinds
            .entry((first.kind.clone(), has_unit))
            .or_default() += 1;
    }
    assert_eq!(read.next(), None, "{page}");
}

/// Reads random pages, and holds them against what they were made of; what families were read as is counted.
fn openmetrics(seed: u64, style: Style, created: bool) -> BTreeMap<(String, bool), u32> {
    let mut rng = Rng::with_seed(seed);
    let snapshots: Vec<Snapshot> = (0..PAGES).map(|_| snapshot(&mut rng, "", style)).collect();
    // One encoder for all: what it saw before must leave no trace.
    let mut encoder = openmetrics::Encoder::new()
        .names(Escaping::AllowUtf8)
        .created(created);
    let pages: Vec<_> = snapshots
        .iter()
        .map(|snapshot| {
            let mut page = Vec::new();
            encoder.encode(snapshot, &mut page);
            ("openmetrics", page)
        })
        .collect();
    let mut kinds = BTreeMap::new();
    for ((snapshot, read), (_, page)) in snapshots
        .iter()
        .zip(prometheus_client::read(&pages))
        .zip(&pages)
    {
        let page = String::from_utf8_lossy(page);
        match read {
            Ok(families) => check_openmetrics(snapshot, &families, &page, created, &mut kinds),
            Err(e) => panic!("{e}: {page}"),
        }
    }
    kinds
}

#[test]
fn openmetrics_says_what_the_snapshot_holds() {
    let kinds = openmetrics(5, PLAIN, false);
    for wanted in [
        ("counter", false),
        ("counter", true),
        ("gauge", false),
        ("gauge", true),
        ("info", false),
        ("histogram", false),
        ("histogram", true),
        ("unknown", false),
    ] {
        let seen = kinds
            .get(&(wanted.0.to_owned(), wanted.1))
            .copied()
            .unwrap_or(0);
        assert!(seen >= 20, "{wanted:?}: {kinds:?}");
    }
}

#[test]
fn openmetrics_says_when_series_began() {
    let kinds = openmetrics(7, PLAIN, true);
    assert!(kinds[&("histogram".to_owned(), false)] >= 20, "{kinds:?}");
}

#[test]
fn openmetrics_has_any_names() {
    let kinds = openmetrics(8, UTF8, true);
    assert!(kinds[&("counter".to_owned(), true)] >= 20, "{kinds:?}");
}

#[test]
fn text_has_any_names() {
    text(9, UTF8);
}

#[test]
fn text_says_what_the_snapshot_holds() {
    text(6, PLAIN);
}

fn text(seed: u64, style: Style) {
    // The parser takes `_total` off a counter's name, and then complains that nothing is left.
    let mut rng = Rng::with_seed(seed);
    let snapshots: Vec<Snapshot> = (0..PAGES)
        .map(|_| snapshot(&mut rng, "_total", style))
        .collect();
    let mut encoder = text::Encoder::new().names(Escaping::AllowUtf8);
    let pages: Vec<_> = snapshots
        .iter()
        .map(|snapshot| {
            let mut page = Vec::new();
            encoder.encode(snapshot, &mut page);
            ("text", page)
        })
        .collect();
    for ((snapshot, read), (_, page)) in snapshots
        .iter()
        .zip(prometheus_client::read(&pages))
        .zip(&pages)
    {
        let page = String::from_utf8_lossy(page);
        let read = read.unwrap_or_else(|e| panic!("{e}: {page}"));
        let got: Vec<Sample> = read.iter().flat_map(|f| &f.samples).map(seen).collect();
        // For this parser each counter ends in `_total`, whatever its name is.
        let name = |family: &FamilySnapshot, mut sample: Sample| {
            if matches!(family.values(), Values::Counter(_)) && !sample.name.ends_with("_total") {
                sample.name.push_str("_total");
            }
            sample
        };
        let wanted: Vec<Sample> = snapshot
            .families()
            .iter()
            .flat_map(|f| samples(f, TEXT).into_iter().map(|s| name(f, s)))
            .collect();
        same(&got, &wanted, &page);
    }
}
