//! Prometheus is killed and comes back: one that scrapes, and one that is written to.

use media_metrics_tests::prometheus::Prometheus;
use rustix::process::Signal;

use crate::by_both_signals;
use crate::scene::{Scene, Setting, number};
use crate::scrapers::Page;

/// All that came in, as the one says that is written to; the end of a series is no end of what was told.
const TOLD: &str = "sum(last_over_time(media_rtp_packets_total{direction=\"incoming\"}[1h]))";

fn scene(signal: Signal) {
    let receiving = Prometheus::receiving();
    let mut scene = Scene::start(&Setting {
        // What waits to be pushed.
        growth: 16 << 20,
        yaml: format!(
            "push: {{remote_write: [{{url: '{}', interval: 0.2}}]}}\n",
            receiving.write_url()
        ),
        ..Setting::default()
    });
    let scraping = Prometheus::scraping(scene.program.metrics());
    let page = Page::Tcp(scene.program.metrics());
    scraping.wait_for("up", 1);
    wait_for_more(&receiving, 0);

    let (scraping, receiving) = (scraping.kill(), receiving.kill());
    scene.flows();
    scene.saw(&page.metrics());
    let (scraping, receiving) = (scraping.start(), receiving.start());
    let now = page.metrics();
    scene.saw(&now);
    let now = number(&now, "media_rtp_packets_total{direction=\"incoming\"");
    scraping.wait_for("up", 1);
    wait_for_more(&receiving, now);
    let resets = "sum(resets(media_rtp_packets_total[1h]))";
    assert_eq!(receiving.value(resets), Ok(Some(0.0)));
    assert_eq!(scraping.value(resets), Ok(Some(0.0)));

    if signal == Signal::INT {
        // Nobody is there to take the last words: nobody waits for them longer than is said.
        let _gone = (scraping.kill(), receiving.kill());
        let ending = scene.end(signal);
        ending.nothing_is_lost();
        return;
    }
    let ending = scene.end(signal);
    ending.nothing_is_lost();
    let all = ending.summary.number("RTP packets received");
    receiving.wait_for(TOLD, all);
}

/// Waits until it was told of more than `than` packets.
#[track_caller]
fn wait_for_more(receiving: &Prometheus, than: u64) {
    receiving.wait_for(&format!("{TOLD} > bool {than}"), 1);
}

#[test]
fn a_prometheus_that_is_killed_takes_nobody_along_and_finds_all_when_it_is_back() {
    by_both_signals(scene);
}
