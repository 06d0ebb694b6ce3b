//! All of it at once: a network that loses and reorders, scrapers that hang, Prometheus killed, the disk full, no file
//! descriptors, a standstill, and then the signal.

use std::thread;
use std::time::Duration;

use media_metrics_tests::prometheus::Prometheus;
use rustix::process::Signal;

use crate::descriptors::{give_back, take_away};
use crate::disk::{Disk, dumps_into};
use crate::network;
use crate::private::by_both_signals_in_own_networks;
use crate::scene::{Scene, Setting, is_closed};
use crate::scrapers::{Page, hang, wait_until_crowded};

fn scene(signal: Signal) {
    let steady = 6_000;
    network::make(steady);
    let receiving = Prometheus::receiving();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    let push = format!(
        "push: {{remote_write: [{{url: '{}', interval: 0.2}}]}}\n",
        receiving.write_url()
    );
    let mut scene = Scene::start(&Setting {
        behind: Disk::line(at),
        synthetic: 120,
        steady,
        late: 3_000,
        on_one: true,
        // All that each harm takes.
        growth: 24 << 20,
        yaml: dumps_into(at) + &push,
        ..Setting::default()
    });
    let address = scene.program.metrics();
    let page = Page::Tcp(address);
    let disk = Disk::of(&scene.program, folder.path());
    let scraping = Prometheus::scraping(address);
    scraping.wait_for("up", 1);
    network::aim(scene.program.listen());

    let hanging = hang(&page);
    scene.saw(&wait_until_crowded(&page));
    disk.fill();
    let gone = (scraping.kill(), receiving.kill());
    let limit = take_away(&scene.program);
    scene.program.signal(Signal::USR1);
    scene.prints("no dump of the history");
    scene.flows();
    scene.program.signal(Signal::STOP);
    thread::sleep(Duration::from_millis(300));
    scene.program.signal(Signal::CONT);
    scene.flows();

    // It gets over it.
    give_back(&scene.program, limit);
    drop(hanging);
    disk.clear();
    let (scraping, receiving) = (gone.0.start(), gone.1.start());
    scraping.wait_for("up", 1);
    scene.saw(&page.metrics());
    scene.program.signal(Signal::USR1);
    scene.prints("dump: ");

    // And it ends in the midst of it.
    let hanging = hang(&page);
    disk.fill();
    let gone = (scraping.kill(), receiving.kill());
    take_away(&scene.program);
    scene.program.signal(Signal::USR1);
    network::end(scene, signal);
    is_closed(address);
    drop((hanging, gone));
}

#[test]
fn all_of_it_at_once() {
    by_both_signals_in_own_networks("everything::all_of_it_at_once", scene);
}
