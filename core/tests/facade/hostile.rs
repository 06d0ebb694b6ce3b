//! Any key at all: no panic, and nothing on a page that Prometheus would not read.

use std::collections::HashSet;

use media_metrics_core::desc::Kind;
use metrics::{Key, Label, Level, Metadata, Recorder as _};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::super::facade;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c._:]{0,3}",
        any::<String>(),
        Just("le".to_owned()),
        Just("__name__".to_owned()),
        Just("x\u{FFFF}y".to_owned()),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    let labels = vec((text(), text()), 0..4);
    (text(), labels).prop_map(|(name, labels)| {
        let labels: Vec<Label> = labels.into_iter().map(|(n, v)| Label::new(n, v)).collect();
        Key::from_parts(name, labels)
    })
}

fn is_name(name: &str, colon: bool) -> bool {
    let ok = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || (colon && b == b':');
    name.bytes().all(ok) && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(11), cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_page_can_be_read(keys in vec((key(), 0..3), 1..60)) {
        let (registry, recorder) = facade();
        let about = Metadata::new("t", Level::INFO, None);
        let mut recorded = 0;
        for (key, kind) in &keys {
            match kind {
                0 => {
                    recorder.describe_gauge(key.name_shared(), None, key.name_shared().into_inner());
                    recorder.register_counter(key, &about).increment(1);
                    recorded += 1;
                }
                1 => recorder.register_gauge(key, &about).increment(1.0),
                _ => recorder.register_histogram(key, &about).record(1.0),
            }
        }
        let snapshot = registry.collect();
        let mut counted = 0;
        let families = snapshot.families().iter();
        for family in families.filter(|f| !f.schema().desc().name().starts_with("media_")) {
            let schema = family.schema();
            let desc = schema.desc();
            prop_assert!(is_name(desc.name(), true), "{:?}", desc.name());
            let mut seen = HashSet::new();
            for series in 0..schema.len() {
                let mut labels: Vec<_> = schema.labels(series).collect();
                for (name, _) in &labels {
                    prop_assert!(is_name(name, false) && !name.starts_with("__"), "{name:?}");
                    prop_assert!(desc.kind() != Kind::Histogram || *name != "le");
                }
                labels.sort_unstable();
                prop_assert!(labels.windows(2).all(|w| w[0].0 != w[1].0), "{labels:?}");
                let pairs: Vec<&str> = schema.labels(series).flat_map(|(n, v)| [n, v]).collect();
                counted += snapshot.counter(desc.name(), &pairs).unwrap_or(0);
                prop_assert!(seen.insert(labels), "a series twice");
            }
        }
        let refused = ["kind", "taken", "bad_key", "full"];
        let refused = refused.iter().filter_map(|r| snapshot.counter("media_metrics_facade_refused_total", &[r]));
        prop_assert!(counted <= recorded && recorded <= counted + refused.sum::<u64>());
    }
}
