//! No file descriptor is to be had: no new connection, no dump, and nobody goes round in circles for it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use media_metrics_tests::census;
use media_metrics_tests::program::Program;
use media_metrics_tests::wait::PATIENCE;
use rustix::process::{Resource, Rlimit, Signal, prlimit};

use crate::by_both_signals;
use crate::disk::dumps_into;
use crate::scene::{Scene, Setting, number};
use crate::scrapers::Page;

const ACCEPT_FAILED: &str =
    "media_metrics_http_connections_rejected_total{reason=\"accept_failed\"}";
/// The server's thread, as `top -H` shows it.
const SERVER: &str = "metrics-http";
/// How long it rests after each failure.
const REST: Duration = Duration::from_millis(100);

/// Takes all descriptors away that are not open, and returns how many there were.
pub(crate) fn take_away(program: &Program) -> Rlimit {
    // Numbers count, and those below 3 are never free.
    let none = Rlimit {
        current: Some(3),
        maximum: rustix::process::getrlimit(Resource::Nofile).maximum,
    };
    prlimit(Some(program.id()), Resource::Nofile, none).unwrap()
}

/// Gives them back.
pub(crate) fn give_back(program: &Program, limit: Rlimit) {
    prlimit(Some(program.id()), Resource::Nofile, limit).unwrap();
}

/// A scraper that had its connection before.
struct Kept(TcpStream);

impl Kept {
    fn connect(page: &Program) -> Self {
        let stream = TcpStream::connect(page.metrics()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut kept = Self(stream);
        let _first = kept.metrics();
        kept
    }

    fn metrics(&mut self) -> String {
        self.0
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        let mut bytes = Vec::new();
        let mut chunk = [0; 65_536];
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length = head.split("content-length: ").nth(1);
                let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
                let length: usize = length.expect("a length");
                if body.len() >= length {
                    return body.to_owned();
                }
            }
            match self.0.read(&mut chunk).unwrap() {
                0 => panic!("it closed a connection that was in use"),
                len => bytes.extend(&chunk[..len]),
            }
        }
    }
}

fn scene(signal: Signal) {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::start(&Setting {
        yaml: dumps_into(folder.path().to_str().unwrap()),
        ..Setting::default()
    });
    let page = Page::Tcp(scene.program.metrics());
    let mut kept = Kept::connect(&scene.program);
    let limit = take_away(&scene.program);

    let waiting: Vec<_> = (0..20).map(|_| page.connect()).collect();
    scene.program.signal(Signal::USR1);
    scene.prints("Too many open files");
    let server = || census::cpu_of_threads(scene.program.id(), &[SERVER]).unwrap();
    let failed = |page: &str| number(page, ACCEPT_FAILED);
    let (begun, first, busy) = (Instant::now(), failed(&kept.metrics()), server());
    thread::sleep(Duration::from_secs(2));
    // The second is read before the last look at the clock: what is slow here only makes the bound wider.
    let (last, busy) = (failed(&kept.metrics()), server() - busy);
    let passed = begun.elapsed();
    let (tries, most) = (last - first, passed.div_duration_f64(REST) as u64 + 5);
    assert!(
        (1..=most).contains(&tries),
        "{tries} tries to accept in {passed:?}"
    );
    assert!(busy < passed / 5, "busy for {busy:?} of {passed:?}");
    let seen = kept.metrics();
    scene.saw(&seen);
    scene.flows();

    give_back(&scene.program, limit);
    let seen = page.metrics();
    scene.saw(&seen);
    drop(waiting);
    take_away(&scene.program);
    let waiting: Vec<_> = (0..20).map(|_| page.connect()).collect();
    let ending = scene.end(signal);
    ending.nothing_is_lost();
    drop(waiting);
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "a dump that could not be made left something");
}

#[test]
fn without_file_descriptors_what_is_open_goes_on_and_nobody_spins() {
    by_both_signals(scene);
}
