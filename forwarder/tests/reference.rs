//! The metric reference says all of every family, and what it says is so: labels and times are held against what the
//! program and a host with LiveKit's pipeline serve.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise, its helpers, too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use media_metrics_core::catalog as c;
use media_metrics_core::livekit::families::catalog as l;
use media_metrics_core::livekit::pipeline::{Pipeline, PipelineConfig};
use media_metrics_core::{Registry, Snapshot};
use media_metrics_forwarder::cli::ForwardFlags;
use media_metrics_forwarder::config::{Profile, Settings};
use media_metrics_forwarder::forward::Forwarder;
use media_metrics_forwarder::generate::families::{self, Origin};
use media_metrics_forwarder::generate::reference::labels::{self, Values};
use media_metrics_forwarder::generate::reference::note::{self, Appears, Note};
use media_metrics_forwarder::generate::reference::{self, sections};
use media_metrics_forwarder::generate::rules::thresholds;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

fn notes() -> impl Iterator<Item = &'static Note> {
    sections::ALL.iter().flat_map(|section| section.notes)
}

/// Whether a family is there before anything happens.
fn is_early(note: &Note) -> bool {
    matches!(note.appears, Appears::AtStart | Appears::MovedBy(_))
}

/// The values of each family's labels, in a snapshot.
fn seen(snapshot: &Snapshot) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut seen: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for family in snapshot.families() {
        let schema = family.schema();
        for (name, value) in (0..schema.len()).flat_map(|i| schema.labels(i)) {
            let key = (schema.desc().name().to_owned(), name.to_owned());
            seen.entry(key).or_default().insert(value.to_owned());
        }
    }
    seen
}

/// The forwarder with nothing to forward, pushing to nobody, until it serves all of `names`; its last snapshot.
fn served(profile: Profile, names: &[&str]) -> Arc<Snapshot> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    let config = "listen: 127.0.0.1:0\nsubscribers: [127.0.0.1:9]\nmetrics: {listen: '127.0.0.1:0', interval: 0.1}\n\
                  node_stats: {stats_update_interval: 100ms}\n\
                  push: {remote_write: [{url: 'http://127.0.0.1:9/api/v1/write'}]}\n";
    fs::write(&file, config).unwrap();
    let flags = ForwardFlags {
        profile: Some(profile),
        workers: 1u64.try_into().ok(),
        ..ForwardFlags::default()
    };
    let forwarder = Forwarder::start(&Settings::load(Some(&file), flags).unwrap()).unwrap();
    let url = forwarder.metrics_url().unwrap();
    let address = url
        .trim_start_matches("http://")
        .trim_end_matches("/metrics");
    let until = Instant::now() + PATIENCE;
    loop {
        let page = page(address);
        let is_missing = |name: &&&str| !page.contains(&format!("# TYPE {name} "));
        let missing: Vec<_> = names.iter().filter(is_missing).collect();
        if missing.is_empty() {
            break;
        }
        assert!(Instant::now() < until, "{profile:?} serves no {missing:?}");
        thread::sleep(Duration::from_millis(100));
    }
    forwarder.stop().snapshot.unwrap()
}

fn page(address: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut page = String::new();
    connection.read_to_string(&mut page).unwrap();
    page
}

/// What a host with LiveKit's pipeline registers beside.
fn hosted() -> Arc<Snapshot> {
    let registry = Registry::new().unwrap();
    let _pipeline = Pipeline::new(PipelineConfig::default(), &registry).unwrap();
    registry.collect()
}

#[test]
fn every_family_is_explained_once() {
    let explained: Vec<&str> = notes().map(|note| note.desc.name()).collect();
    let once: BTreeSet<&str> = explained.iter().copied().collect();
    assert_eq!(explained.len(), once.len(), "a family has two notes");
    let exported: BTreeSet<&str> = families::all().map(|f| f.desc.name()).collect();
    let missing: Vec<_> = exported.difference(&once).collect();
    let left_over: Vec<_> = once.difference(&exported).collect();
    assert!(
        missing.is_empty() && left_over.is_empty(),
        "without a note in generate/reference/sections: {missing:?}; with one, and not exported: {left_over:?}"
    );
}

#[test]
fn notes_are_whole_sentences_with_all_their_families() {
    for note in notes() {
        let name = note.desc.name();
        assert!(note.worry.ends_with('.'), "{name}: {}", note.worry);
        assert!(!note.source.is_empty(), "{name}");
        assert_eq!(note::places(note.worry), note.see.len(), "{name}");
    }
    for question in sections::ALL.iter().flat_map(|section| section.questions) {
        let places = note::places(question.answer);
        assert_eq!(places, question.of.len(), "{}", question.asked);
    }
}

#[test]
fn every_label_is_explained_and_no_explanation_is_left_over() {
    let mut used = BTreeSet::new();
    for family in families::all() {
        for name in family.desc.label_names().iter() {
            let label = labels::of(family.desc, family.origin, name);
            let label = label.unwrap_or_else(|| panic!("{name} of {}", family.desc.name()));
            used.insert(std::ptr::from_ref(label));
        }
    }
    for label in [Origin::Media, Origin::LiveKit]
        .into_iter()
        .flat_map(labels::all)
    {
        let name = label.name;
        assert!(
            used.contains(&std::ptr::from_ref(label)),
            "{name}: {label:?}"
        );
        for of in label.of {
            let has = of.label_names().iter().any(|own| own == name);
            assert!(has, "{} has no label {name}", of.name());
        }
    }
}

/// Both ways: what is served is told, and of what is there from the start nothing is told that is not served.
#[test]
fn what_is_told_of_times_and_labels_is_so() {
    let early: Vec<&str> = notes()
        .filter(|n| is_early(n))
        .map(|n| n.desc.name())
        .collect();
    let program = served(Profile::Both, &early);
    let host = hosted();
    for note in notes() {
        let name = note.desc.name();
        let told = note.appears;
        match told {
            Appears::ByHost(_) => assert!(program.family(name).is_none(), "{name}: {told:?}"),
            Appears::If("`push` is configured") => {
                assert!(program.family(name).is_some(), "{name}: {told:?}");
            }
            _ => {}
        }
    }
    let mut seen = seen(&program);
    seen.extend(self::seen(&host));
    let early: BTreeSet<&str> = early
        .into_iter()
        .chain(host.families().iter().map(|f| f.schema().desc().name()))
        .collect();
    let mut compared = 0;
    for ((name, label), values) in seen {
        let Some((family, _)) = families::by_series(&name) else {
            continue;
        };
        let Some(Values::Closed(told)) =
            labels::of(family.desc, family.origin, &label).map(|l| l.values)
        else {
            continue;
        };
        let told: BTreeSet<String> = told.iter().map(|(value, _)| (*value).to_owned()).collect();
        // A node has one type, a build one profile, and the program forwards neither data nor sources.
        let part_only = matches!(label.as_str(), "node_type" | "profile" | "source")
            || !early.contains(&*name)
            || (family.origin == Origin::LiveKit && label == "type" && told.contains("AUDIO"));
        match part_only {
            true => assert!(
                values.is_subset(&told),
                "{name}, {label}: {values:?}, told {told:?}"
            ),
            false => assert_eq!(values, told, "{name}, {label}"),
        }
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn what_is_there_from_the_start_is_there_under_our_own_profile() {
    let early: Vec<&str> = notes()
        .filter(|n| is_early(n))
        .map(|n| n.desc.name())
        .filter(|name| !families::by_series(name).is_some_and(|(f, _)| f.origin == Origin::LiveKit))
        .collect();
    served(Profile::Media, &early);
}

/// Prose goes stale without a compiler: where an alert decides, the note says from when on it fires.
#[test]
fn one_worries_when_an_alert_fires() {
    let percent = |share: f64| format!("more than {} %", share * 100.0);
    let above = |value: f64| format!("above {value} ");
    let [loss, slow] = [thresholds::LOSS, thresholds::SLOW_SHARE].map(|[warn, _]| percent(warn));
    let badly_off = percent(thresholds::BADLY_OFF[0]);
    let joins = percent(thresholds::JOINS_FAILED[0]);
    let pushes = percent(thresholds::PUSH_FAILED);
    let missed = above(thresholds::SNAPSHOTS_MISSED);
    let told = [
        (&c::RTP_LOST, &loss),
        (&c::RTP_REMOTE_LOST, &loss),
        (&l::PACKET_LOSS_TOTAL, &loss),
        (&c::FORWARD_LATENCY, &slow),
        (&c::FORWARD_LATENCY, &format!("than {} s", thresholds::SLOW)),
        (&l::FORWARD_LATENCY_NS, &slow),
        (
            &l::FORWARD_LATENCY_NS,
            &format!("({} ms)", thresholds::SLOW * 1e3),
        ),
        (&c::PARTICIPANTS_RATED, &badly_off),
        (&c::PARTICIPANT_RATINGS, &badly_off),
        (&l::QUALITY_RATING, &badly_off),
        (&l::PARTICIPANT_JOIN_TOTAL, &joins),
        (&c::FORWARD_REJECTED, &percent(thresholds::REJECTED)),
        (&c::FORWARD_SEND_ERRORS, &percent(thresholds::SEND_ERRORS)),
        (
            &c::REPORTER_LATE,
            &format!("more than {} s a second", thresholds::OVERDUE),
        ),
        (&c::PUSH_FAILED, &pushes),
        (&c::PUSH_RETRIES, &pushes),
        (&c::SINK_DROPPED, &missed),
        (&c::PUSH_DROPPED, &missed),
        (&c::HTTP_REJECTED, &percent(thresholds::REFUSED)),
    ];
    for (desc, words) in told {
        let mut of = notes().filter(|note| note.desc.name() == desc.name());
        let worry = of.next().unwrap().worry.to_lowercase();
        assert!(
            worry.contains(words),
            "{}: {words:?} is not in {worry:?}",
            desc.name()
        );
    }
}

/// Prose goes stale without a compiler: a word that looks like a family's name is one.
#[test]
fn every_name_on_the_page_is_a_familys() {
    let [file] = reference::files().try_into().unwrap();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = file.text.split(|c| !is_name(c));
    let of_ours = words.filter(|w| {
        ["media_", "livekit_", "process_"]
            .iter()
            .any(|p| w.starts_with(p))
    });
    let mut known = 0;
    for word in of_ours {
        let exists = families::by_series(word).is_some()
            // `media_client_*`, `media_metrics_core::…`, and samples and families of OpenMetrics.
            || families::all().any(|f| {
                let name = f.desc.name();
                name.strip_suffix("_total").is_some_and(|base| base == word || word.strip_suffix("_created") == Some(base))
                    || (word.ends_with('_') && name.starts_with(word))
            })
            || word == "media_metrics_core"
            || (!word.ends_with('_') && families::all().any(|f| f.desc.name().starts_with(&format!("{word}_"))));
        assert!(exists, "{word} is no family's name");
        known += 1;
    }
    assert!(known > 1_000, "{known}");
}

#[test]
fn no_two_headings_are_alike() {
    let [file] = reference::files().try_into().unwrap();
    let mut seen = BTreeSet::new();
    for heading in file.text.lines().filter(|line| line.starts_with('#')) {
        let title = heading.trim_start_matches('#').trim();
        assert!(seen.insert(title.to_lowercase()), "{title} twice");
    }
}
