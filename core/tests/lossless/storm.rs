//! All of it at once: threads that come, go, panic and record while they end; streams and series that come and go; sinks
//! that panic and dawdle; reporters that are stopped and started; packets whose times step, forwards and back.
//!
//! What each thread does is drawn from a fixed seed. When it does it is the scheduler's: so the sums are the same in every
//! run, and what happens between is not.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use media_metrics_core::{Desc, Registry, Reporter, SendStream, Snapshot, Stream};

use super::books::{Desk, Tally, scaled, small};
use super::packets::{Stepping, Studio, Traffic, receive_at, send_at};
use super::watch::{Watch, while_watched};

static BRIEF: Desc = Desc::counter("t_brief_total", "Series that come and go.").labels(&["who"]);

/// What is shared by all.
struct World {
    registries: [Registry; 2],
    desks: [Desk; 2],
    studio: Studio,
    books: Mutex<Books>,
    /// Streams that wait for their next owner.
    streams: Mutex<Vec<(Stream, SendStream)>>,
}

/// What was recorded in sum.
#[derive(Default)]
struct Books {
    tallies: [Tally; 2],
    traffic: Traffic,
    /// Of the series that had no room of their own.
    others: u64,
    panics: u64,
}

/// One thread's account, handed in when it is dropped: at the thread's end, in a panic, or by a thread-local's destructor.
struct Hand(&'static World, Books);

impl Drop for Hand {
    fn drop(&mut self) {
        let Self(world, mine) = self;
        world.desks[1].record(&mut mine.tallies[1], 3);
        world.desks[0].local().record(&mut mine.tallies[0], 4);
        let mut books = world.books.lock().unwrap();
        let pairs = books.tallies.iter_mut().zip(&mine.tallies);
        pairs.for_each(|(sum, more)| *sum += more);
        books.traffic += mine.traffic;
        books.others += mine.others;
        books.panics += mine.panics;
    }
}

thread_local!(static KEPT: RefCell<Option<Hand>> = const { RefCell::new(None) });

/// One thread's life: some fifty things, each drawn.
fn live(world: &'static World, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut clock = Stepping::new(seed);
    let mut hand = Hand(world, Books::default());
    let local = random.bool().then(|| world.desks[0].local());
    for n in 0..50 {
        let books = &mut hand.1;
        match random.u8(0..16) {
            0..=5 => {
                let at = usize::from(random.bool());
                world.desks[at].record(&mut books.tallies[at], n);
            }
            6..=7 => match &local {
                Some(local) => local.record(&mut books.tallies[0], n),
                None => world.desks[1].local().record(&mut books.tallies[1], n),
            },
            8..=9 => begin_streams(world, &mut clock, &mut books.traffic),
            10..=11 => end_streams(world, &mut clock, &mut books.traffic),
            12..=13 => brief(world, seed, n, &mut books.others),
            14 if random.u8(0..20) == 0 => {
                books.panics += 1;
                resume_unwind(Box::new("a writer panics"));
            }
            _ => KEPT.with(|kept| {
                // The next time this thread's own account goes into it; the one from before is handed in now.
                let more = Hand(world, Books::default());
                drop(kept.borrow_mut().replace(more));
            }),
        }
    }
}

fn begin_streams(world: &World, clock: &mut Stepping, traffic: &mut Traffic) {
    let received = world.studio.receive(traffic);
    let sent = world.studio.send(traffic);
    if let (Some(mut received), Some(mut sent)) = (received, sent) {
        receive_at(&mut received, 0..60, traffic, |_| clock.now());
        send_at(&mut sent, 0..60, traffic, |_| clock.now());
        world.streams.lock().unwrap().push((received, sent));
    }
}

/// By the clock of the thread that has them now.
fn end_streams(world: &World, clock: &mut Stepping, traffic: &mut Traffic) {
    let taken = world.streams.lock().unwrap().pop();
    if let Some((mut received, mut sent)) = taken {
        receive_at(&mut received, 60..70, traffic, |_| clock.now());
        send_at(&mut sent, 60..70, traffic, |_| clock.now());
    }
}

/// A series of this moment, or a share in `other` where there is no room.
fn brief(world: &World, seed: u64, n: usize, others: &mut u64) {
    let registry = &world.registries[0];
    let name = format!("{seed}-{n}");
    match registry.counter(&BRIEF, &[&name]) {
        Ok(counter) => {
            counter.add(7);
            assert_eq!(counter.total(), 7, "it began at 0");
            assert!(registry.remove(&counter));
        }
        Err(_) => {
            let other = registry.for_library().counter(&BRIEF, &["other"]).unwrap();
            other.inc();
            *others += 1;
        }
    }
}

/// Reporters, one after the other, with sinks that do not behave.
fn report(registry: &Registry, done: &AtomicBool) -> u64 {
    let mut reporters = 0;
    while !done.load(Relaxed) {
        let watch = Mutex::new(Watch::default());
        let reporter = Reporter::builder(registry)
            .interval(Duration::from_micros(500))
            .sink("careful", 8, move |s: &Arc<Snapshot>| {
                watch.lock().unwrap().look(Arc::clone(s));
            })
            .sink("panics", 1, |_: &Arc<Snapshot>| {
                resume_unwind(Box::new("a sink panics"))
            })
            .sink("slow", 1, |_: &Arc<Snapshot>| {
                std::thread::sleep(Duration::from_millis(3));
            })
            .start()
            .unwrap();
        std::thread::sleep(Duration::from_millis(10));
        let _ = reporter.flush();
        assert!(reporter.stop(Duration::from_secs(60)));
        reporters += 1;
    }
    reporters
}

#[test]
fn in_a_storm_nothing_is_lost() {
    // Room for half of what is wanted.
    let first = Registry::builder()
        .max_series(6)
        .max_streams(20)
        .build()
        .unwrap();
    let registries = [first, small()];
    static WORLD: OnceLock<World> = OnceLock::new();
    let world = WORLD.get_or_init(|| World {
        desks: registries.each_ref().map(|r| Desk::new(r, "storm")),
        studio: Studio::new(&registries[0]),
        registries,
        books: Mutex::default(),
        streams: Mutex::default(),
    });
    let done = AtomicBool::new(false);
    let threads = scaled(6_000) as u64;
    let [first, second] = &world.registries;
    let (reporters, last) = while_watched(first, || {
        std::thread::scope(|scope| {
            let reporters = scope.spawn(|| report(second, &done));
            let mut seed = 0;
            while seed < threads {
                let group: Vec<_> = (seed..threads.min(seed + 8))
                    .map(|seed| std::thread::spawn(move || live(world, seed)))
                    .collect();
                seed += group.len() as u64;
                group.into_iter().for_each(|thread| drop(thread.join()));
            }
            done.store(true, Relaxed);
            reporters.join().unwrap()
        })
    });
    assert!(reporters > 0);
    let mut books = world.books.lock().unwrap();
    assert!(cfg!(miri) || (books.panics > 0 && books.others > 0 && books.traffic.refused > 0));
    world.desks[0].check(&last, &books.tallies[0]);
    world.desks[1].check(&second.collect(), &books.tallies[1]);
    assert_eq!(last.counter(BRIEF.name(), &["other"]), Some(books.others));
    let mut clock = Stepping::new(threads);
    while !world.streams.lock().unwrap().is_empty() {
        end_streams(world, &mut clock, &mut books.traffic);
    }
    world.studio.check(&first.collect(), &books.traffic);
}
