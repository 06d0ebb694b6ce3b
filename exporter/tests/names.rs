//! Names that are more than letters, digits and underscores, in every format and scheme; and pages of some names only.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::client::{Answer, get_with};
use common::messages::read;
use common::openmetrics_2;
use common::parser::parse;
use media_metrics_core::Registry;
use media_metrics_core::desc::{Desc, Kind};
use media_metrics_core::snapshot::{Builder, Snapshot};
use media_metrics_exporter::{Escaping, Server, openmetrics, protobuf, text};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn dotted() -> Snapshot {
    let requests = Desc::counter("http.requests_total", "Requests.")
        .labels(&["http.method", "plain"])
        .utf8_names();
    let wait = Desc::histogram("wait s", "Wait.", &[0.5])
        .labels(&["ü"])
        .utf8_names();
    let level = Desc::gauge("level", "Level.");
    Builder::new()
        .counter(&requests, &[(&["GET", "x"], 7)])
        .histogram(&wait, &[(&["a\"b"], &[0, 9])])
        .gauge(&level, &[(&[], 2.0)])
        .build()
}

fn text_page(snapshot: &Snapshot, names: Escaping) -> String {
    let mut page = Vec::new();
    let mut encoder = text::Encoder::new().names(names);
    encoder.encode(snapshot, &mut page);
    String::from_utf8(page).unwrap()
}

/// However many rules want to know what a page has: names that give way, and types that claim names.
#[test]
fn whoever_encodes_asks_the_host_once_for_each_family_that_came_or_changed() {
    let registry = Registry::new().unwrap();
    let ours = [Kind::Counter, Kind::Gauge, Kind::Histogram].map(|kind| {
        let desc = Desc::dynamic(kind, format!("ours.{kind:?}_info"), "Ours.".into());
        desc.dynamic_labels(["l"]).utf8_names()
    });
    registry.counter(&ours[0], &["1"]).unwrap().inc();
    registry.gauge(&ours[1], &["1"]).unwrap().set(1.0);
    registry.histogram(&ours[2], &["1"]).unwrap().record(1);
    let (first, same) = (registry.collect(), registry.collect());
    registry.counter(&ours[0], &["2"]).unwrap().inc();
    let more = registry.collect();
    macro_rules! asked {
        ($encoder:ty) => {{
            let asked = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&asked);
            let mut encoder = <$encoder>::only(move |name| {
                count.fetch_add(usize::from(name.starts_with("ours.")), Ordering::Relaxed);
                true
            })
            .names(Escaping::Underscores);
            [&first, &same, &more].map(|snapshot| {
                encoder.encode(snapshot, &mut Vec::new());
                asked.swap(0, Ordering::Relaxed)
            })
        }};
    }
    assert_eq!(asked!(text::Encoder), [3, 0, 1]);
    assert_eq!(asked!(openmetrics::Encoder), [3, 0, 1]);
    assert_eq!(
        asked!(media_metrics_exporter::openmetrics_2::Encoder),
        [3, 0, 1]
    );
    assert_eq!(asked!(protobuf::Encoder), [3, 0, 1]);
}

#[test]
fn text_in_quotes_or_escaped() {
    let snapshot = dotted();
    assert_eq!(
        text_page(&snapshot, Escaping::AllowUtf8),
        "# HELP \"http.requests_total\" Requests.\n# TYPE \"http.requests_total\" counter\n\
         {\"http.requests_total\",\"http.method\"=\"GET\",plain=\"x\"} 7\n\
         # HELP level Level.\n# TYPE level gauge\nlevel 2\n\
         # HELP \"wait s\" Wait.\n# TYPE \"wait s\" histogram\n\
         {\"wait s_bucket\",\"ü\"=\"a\\\"b\",le=\"0.5\"} 1\n{\"wait s_bucket\",\"ü\"=\"a\\\"b\",le=\"+Inf\"} 2\n\
         {\"wait s_sum\",\"ü\"=\"a\\\"b\"} 9\n{\"wait s_count\",\"ü\"=\"a\\\"b\"} 2\n"
    );
    for (names, requests, wait) in [
        (
            Escaping::Underscores,
            "http_requests_total{http_method=\"GET\",plain=\"x\"} 7\n",
            "wait_s_count{_=\"a\\\"b\"} 2\n",
        ),
        (
            Escaping::Dots,
            "http_dot_requests__total{http_dot_method=\"GET\",plain=\"x\"} 7\n",
            "wait__s_count{__=\"a\\\"b\"} 2\n",
        ),
        (
            Escaping::Values,
            "U__http_2e_requests__total{U__http_2e_method=\"GET\",plain=\"x\"} 7\n",
            "U__wait_20_s_count{U___fc_=\"a\\\"b\"} 2\n",
        ),
    ] {
        let page = text_page(&snapshot, names);
        assert!(page.contains(requests) && page.ends_with(wait), "{page}");
        parse(page.as_bytes()).unwrap();
    }
}

#[test]
fn openmetrics_in_quotes() {
    let mut page = Vec::new();
    openmetrics::Encoder::new()
        .names(Escaping::AllowUtf8)
        .encode(&dotted(), &mut page);
    let page = String::from_utf8(page).unwrap();
    let start = "# HELP \"http.requests\" Requests.\n# TYPE \"http.requests\" counter\n\
                 {\"http.requests_total\",\"http.method\"=\"GET\",plain=\"x\"} 7\n";
    assert!(page.starts_with(start), "{page}");
    assert!(page.contains("\n{\"wait s_bucket\",\"ü\"=\"a\\\"b\",le=\"0.5\"} 1\n"));
}

#[test]
fn messages_have_names_of_the_scheme() {
    for (names, wanted) in [
        (
            Escaping::AllowUtf8,
            ["http.requests_total", "http.method", "ü"],
        ),
        (
            Escaping::Underscores,
            ["http_requests_total", "http_method", "_"],
        ),
        (
            Escaping::Values,
            ["U__http_2e_requests__total", "U__http_2e_method", "U___fc_"],
        ),
    ] {
        let mut page = Vec::new();
        protobuf::Encoder::new()
            .names(names)
            .encode(&dotted(), &mut page);
        let families = read(&page);
        let label = |family: usize| &*families[family].metric[0].label[0].name;
        assert_eq!([&families[0].name, label(0), label(2)], wanted);
    }
}

#[test]
fn a_registry_takes_them_from_who_asks_for_them() {
    let registry = Registry::new().unwrap();
    let desc = Desc::counter("a.b", "").utf8_names();
    registry.counter(&desc, &[]).unwrap().inc();
    assert!(registry.counter(&Desc::counter("a.c", ""), &[]).is_err());
    let open = Desc::dynamic(Kind::Counter, "o".into(), String::new())
        .open_labels()
        .utf8_names();
    registry.counter(&open, &["k.1", "v"]).unwrap().inc();
    assert!(registry.counter(&open, &["k\n", "v"]).is_err());
    let page = text_page(&registry.collect(), Escaping::AllowUtf8);
    assert!(page.contains("\n{\"a.b\"} 1\n"), "{page}");
    assert!(page.contains("\no{\"k.1\"=\"v\"} 1\n"), "{page}");
}

/// Names of which many come out alike.
fn names() -> impl Strategy<Value = Vec<String>> {
    let piece = prop_oneof!["[a_.é 1:]", "a", "_bucket", "_count", "U__", "_2e_"];
    let name = vec(piece, 1..5).prop_map(|pieces| pieces.concat());
    vec(name, 1..12).prop_map(|mut names| {
        names.sort();
        names.dedup();
        names
    })
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), cases: 500, ..ProptestConfig::default() })]

    /// Whatever the names: each scheme's page is valid, and has every family or counts it.
    #[test]
    fn no_page_is_broken_by_names(families in names(), labels in names(), histograms in any::<u16>()) {
        let label_names: Vec<&str> = labels
            .iter()
            .map(String::as_str)
            .filter(|name| !name.starts_with("__"))
            .collect();
        let values = vec!["v"; label_names.len()];
        let mut builder = Builder::new();
        let is_histogram = |i: usize| histograms >> i & 1 == 1;
        // What the registry refuses: a name that is a histogram's sample.
        let refused = |i: usize, name: &str| families.iter().enumerate().any(|(h, histogram)| {
            h != i && is_histogram(h) && ["_bucket", "_sum", "_count"].iter().any(|s| format!("{histogram}{s}") == name)
        });
        let mut count = 0;
        for (i, name) in families.iter().enumerate().filter(|(i, name)| !refused(*i, name)) {
            let kind = if is_histogram(i) { Kind::Histogram } else { Kind::Counter };
            let desc = Desc::dynamic(kind, name.clone(), "Help.".into())
                .dynamic_labels(label_names.iter().copied())
                .dynamic_bounds(if kind == Kind::Histogram { vec![1.0] } else { vec![] })
                .utf8_names();
            desc.validate().unwrap();
            builder = match kind {
                Kind::Histogram => builder.histogram(&desc, &[(&values, &[1, 2])]),
                _ => builder.counter(&desc, &[(&values, 1)]),
            };
            count += 1;
        }
        let snapshot = builder.build();
        for names in [Escaping::Underscores, Escaping::Dots, Escaping::Values] {
            let mut page = Vec::new();
            let mut encoder = text::Encoder::new().names(names);
            encoder.encode(&snapshot, &mut page);
            let shown = parse(&page);
            prop_assert!(shown.is_ok(), "{shown:?} {}", String::from_utf8_lossy(&page));
            let shown = shown.unwrap();
            prop_assert_eq!(shown.len() + encoder.left_out(), count);
            let mut samples: Vec<_> = shown.iter().flat_map(|f| &f.samples).collect();
            let all = samples.len();
            samples.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
            samples.dedup_by(|a, b| (&a.name, &a.labels) == (&b.name, &b.labels));
            prop_assert_eq!(samples.len(), all, "a series twice");
            prop_assert!(samples.iter().all(|s| s.label("__name__").is_none()));
            let mut messages = Vec::new();
            let mut encoder = protobuf::Encoder::new().names(names);
            encoder.encode(&snapshot, &mut messages);
            let told: Vec<String> = read(&messages).into_iter().map(|f| f.name).collect();
            prop_assert_eq!(told, shown.iter().map(|f| f.name.clone()).collect::<Vec<_>>());
        }
        let mut page = Vec::new();
        media_metrics_exporter::openmetrics_2::Encoder::new().encode(&snapshot, &mut page);
        let read = openmetrics_2::parse(&page);
        let told: Vec<String> = read.unwrap().into_iter().map(|f| f.name).collect();
        let wanted = snapshot.families().iter().map(|f| f.schema().desc().name().to_owned());
        prop_assert_eq!(told, wanted.collect::<Vec<_>>());
    }
}

fn ask(address: SocketAddr, path: &str, accept: &str) -> Answer {
    get_with(address, path, &format!("Accept: {accept}\r\n"))
}

#[test]
fn the_server_writes_names_as_the_scraper_asks() {
    let snapshot = Arc::new(dotted());
    let server = Server::builder(move || Arc::clone(&snapshot))
        .bind("127.0.0.1:0")
        .openmetrics_2(true)
        .start()
        .unwrap();
    let open_2 = "application/openmetrics-text;version=2.0.0";
    for (accept, sample) in [
        ("*/*", "http_requests_total{"),
        (
            "text/plain;version=0.0.4;escaping=allow-utf-8",
            "http_requests_total{",
        ),
        (
            "text/plain;version=1.0.0;escaping=allow-utf-8",
            "{\"http.requests_total\",",
        ),
        (
            "text/plain;version=1.0.0;escaping=values",
            "U__http_2e_requests__total{",
        ),
        (
            "application/openmetrics-text;version=1.0.0",
            "http_requests_total{",
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
            "{\"http.requests_total\",",
        ),
        (open_2, "{\"http.requests_total\","),
    ] {
        let page = ask(server.local_addr(), "/metrics", accept);
        assert!(
            page.text().contains(&format!("\n{sample}")),
            "{accept}: {}",
            page.text()
        );
    }
    let page = ask(server.local_addr(), "/metrics", open_2);
    let told = page.header("content-type").unwrap();
    assert_eq!(told, media_metrics_exporter::openmetrics_2::CONTENT_TYPE);
    openmetrics_2::parse(&page.body).unwrap();
}

#[test]
fn a_page_of_some_names() {
    let snapshot = Arc::new(dotted());
    let server = Server::builder(move || Arc::clone(&snapshot))
        .bind("127.0.0.1:0")
        .families(|name| name != "level")
        .start()
        .unwrap();
    let get = |query: &str, accept: &str| {
        let page = ask(server.local_addr(), &format!("/metrics{query}"), accept);
        assert_eq!(page.status, 200, "{query}");
        page
    };
    let families = |query: &str| {
        let page = get(query, "text/plain");
        let families = parse(&page.body).unwrap();
        families.into_iter().map(|f| f.name).collect::<Vec<_>>()
    };
    let both = ["http_requests_total", "wait_s"];
    for (query, wanted) in [
        ("", &both[..]),
        ("?", &both),
        ("?x=1", &both),
        ("?name=wait_s", &both),
        ("?name[]=wait_s", &both[1..]),
        ("?name%5B%5D=wait+s", &both[1..]),
        ("?name[]=wait_s_bucket", &both[1..]),
        ("?name[]=http.requests_total&name[]=wait_s_sum", &both),
        ("?name[]=http_requests", &both[..1]),
        ("?x=1&name[]=http_requests_total&name[]=nobody", &both[..1]),
        ("?name[]=level", &[]), // the host shows it to nobody
        ("?name[]=", &[]),
        ("?name[]", &[]),
        ("?name[]=%ff%zz", &[]),
    ] {
        assert_eq!(families(query), wanted, "{query}");
    }
    let open = get("?name[]=nobody", "application/openmetrics-text");
    assert_eq!(open.text(), "# EOF\n");
    let messages = get("?name[]=nobody", "application/vnd.google.protobuf");
    assert!(messages.body.is_empty());
    // The whole page is still whole.
    assert_eq!(families(""), both);
}
