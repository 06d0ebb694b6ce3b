//! Encoding, without a network: the text page beside the peers', the same snapshot in each format, many series.

use std::sync::Arc;

use media_metrics_benches::contest::{Contest, Role};
use media_metrics_benches::options::Options;
use media_metrics_benches::results::Section;
use media_metrics_exporter::{openmetrics, protobuf as ours_protobuf, text};
use prometheus::Encoder as _;

use crate::filled::{
    Facade, Fast, Filled, Measured, Ours, Prometheus, PrometheusClient, Shape, check,
};
use crate::floor::{Floor, own_lines};
use crate::{SHAPE, protobuf, timed};

const TEXT: &str = "a page of 23,000 lines";
const STEADY: &str = "encode a snapshot";
const WHOLE: &str = "merge, then encode";

const FORMATS: &str = "the same snapshot in each format";
const AS_TEXT: &str = "Prometheus text";
const AS_OPENMETRICS: &str = "OpenMetrics";
const AS_PROTOBUF: &str = "protobuf, with native histograms";

const MANY: Shape = Shape {
    counters: 100_000,
    histograms: 0,
};
const MANY_TITLE: &str = "a page of 100,000 series";

const FLOOR: &str = "copy cached prefixes, format numbers";

/// Text, by everybody.
pub(crate) fn text(options: &Options, section: &mut Section) {
    if !options.wants(TEXT) {
        return;
    }
    let mut c = Contest::new(TEXT, "ns per line", SHAPE.lines() as f64);
    let ours = floor_and_ours(&mut c, SHAPE);
    let mut encoder = text::Encoder::new();
    let mut page = Vec::new();
    c.enter(Role::Ours, WHOLE, move |_, n| {
        let time = timed(n, || encoder.encode(&ours.registry.collect(), &mut page));
        check(&own_lines(std::str::from_utf8(&page).expect("text")), SHAPE);
        time
    });
    peer::<Prometheus>(&mut c, "prometheus");
    peer::<PrometheusClient>(&mut c, "prometheus-client");
    peer::<Facade>(&mut c, "metrics-exporter-prometheus");
    peer::<Fast>(&mut c, "fastmetrics");
    peer::<Measured>(&mut c, "measured");

    let outcome = c.hold(options, &[1]);
    section.outcome(&outcome);
    section.ratio_goal("text exposition, steady scrape", &outcome, STEADY, 0, 1.5);
    for (peer, least) in [
        ("measured", 4.0),
        ("prometheus-client", 10.0),
        ("metrics-exporter-prometheus", 50.0),
    ] {
        section.lead_goal(&outcome, (STEADY, peer), 0, least);
    }
}

/// Ours in each format; the best peer's protobuf.
pub(crate) fn formats(options: &Options, section: &mut Section) {
    if !options.wants(FORMATS) {
        return;
    }
    let mut c = Contest::new(FORMATS, "ns per line of text", SHAPE.lines() as f64);
    let ours = Ours::new(SHAPE);
    let snapshot = ours.registry.collect();
    let mut page = Vec::new();
    text::Encoder::new().encode(&snapshot, &mut page);
    let floor = Floor::new(&own_lines(std::str::from_utf8(&page).expect("text")));
    c.enter(Role::Floor, FLOOR, move |_, n| {
        let mut page = Vec::new();
        timed(n, || floor.write(&mut page))
    });
    let mut encoder = text::Encoder::new();
    let (mut page, of) = (Vec::new(), Arc::clone(&snapshot));
    c.enter(Role::Ours, AS_TEXT, move |_, n| {
        let time = timed(n, || encoder.encode(&of, &mut page));
        check(&own_lines(std::str::from_utf8(&page).expect("text")), SHAPE);
        time
    });
    let mut encoder = openmetrics::Encoder::new();
    let (mut page, of) = (Vec::new(), Arc::clone(&snapshot));
    c.enter(Role::Ours, AS_OPENMETRICS, move |_, n| {
        let time = timed(n, || encoder.encode(&of, &mut page));
        check(&own_lines(std::str::from_utf8(&page).expect("text")), SHAPE);
        time
    });
    let mut encoder = ours_protobuf::Encoder::new();
    let mut page = Vec::new();
    c.enter(Role::Ours, AS_PROTOBUF, move |_, n| {
        let time = timed(n, || encoder.encode(&snapshot, &mut page));
        protobuf::check(&page, SHAPE);
        time
    });
    let peer = Prometheus::new(SHAPE);
    let mut page = Vec::new();
    c.enter(Role::Peer, "prometheus, protobuf", move |_, n| {
        let time = timed(n, || {
            page.clear();
            let encoder = prometheus::ProtobufEncoder::new();
            encoder.encode(&peer.0.gather(), &mut page).expect("a page");
        });
        protobuf::check(&page, SHAPE);
        time
    });

    let outcome = c.hold(options, &[1]);
    section.outcome(&outcome);
    section.ratio_goal("OpenMetrics", &outcome, AS_OPENMETRICS, 0, 1.5);
    section.lead_goal(&outcome, (AS_PROTOBUF, AS_TEXT), 0, 1.0);
}

/// Ten times as many series.
pub(crate) fn many(options: &Options, section: &mut Section) {
    if !options.wants(MANY_TITLE) {
        return;
    }
    let mut c = Contest::new(MANY_TITLE, "ns per line", MANY.lines() as f64);
    floor_and_ours(&mut c, MANY);
    peer_of::<Measured>(&mut c, "measured", MANY);
    let outcome = c.hold(options, &[1]);
    section.outcome(&outcome);
    section.ratio_goal(MANY_TITLE, &outcome, STEADY, 0, 2.0);
}

fn floor_and_ours(c: &mut Contest<'_>, shape: Shape) -> Ours {
    let ours = Ours::new(shape);
    let snapshot = ours.registry.collect();
    let mut page = Vec::new();
    text::Encoder::new().encode(&snapshot, &mut page);
    let floor = Floor::new(&own_lines(std::str::from_utf8(&page).expect("text")));
    c.enter(Role::Floor, FLOOR, move |_, n| {
        let mut page = Vec::new();
        timed(n, || floor.write(&mut page))
    });
    let mut encoder = text::Encoder::new();
    let mut page = Vec::new();
    c.enter(Role::Ours, STEADY, move |_, n| {
        let time = timed(n, || encoder.encode(&snapshot, &mut page));
        check(&own_lines(std::str::from_utf8(&page).expect("text")), shape);
        time
    });
    ours
}

fn peer<P: Filled + 'static>(c: &mut Contest<'_>, name: &str) {
    peer_of::<P>(c, name, SHAPE);
}

fn peer_of<P: Filled + 'static>(c: &mut Contest<'_>, name: &str, shape: Shape) {
    let mut peer = P::new(shape);
    let mut page = String::new();
    c.enter(Role::Peer, name, move |_, n| {
        let time = timed(n, || {
            page.clear();
            peer.page(&mut page);
        });
        check(&page, shape);
        time
    });
}
