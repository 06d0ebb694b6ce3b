//! Events: what is told to those who keep their connection open.
//!
//! Lives here: the feed that looks for new snapshots while somebody listens, who may listen, and the body of such a
//! response (server-sent events, WHATWG HTML §9.2). Not here: what is told (`crate::page`), who may ask (`desk`), how
//! long a slow reader is waited for (`connection`).
//!
//! A snapshot is encoded once, and all listeners are given the same bytes. Nobody has a queue: who has not taken the
//! last event yet is told the newest next, and those in between are counted as skipped. So a listener costs the same
//! few hundred bytes, and what its socket holds, whatever it does.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::{Instant, sleep};

use super::race::{Race, race};
use super::routes::Routes;
use crate::page::Look;
use crate::telemetry::Listeners;

/// What a listener is told first: to come again after so many milliseconds when the connection is lost.
const GREETING: &[u8] = b"retry: 2000\n\n";

/// A comment, by which both sides learn that the other is still there.
const STILL_HERE: &[u8] = b": still here\n\n";

/// After so long without an event.
const SILENCE: Duration = Duration::from_secs(15);

/// What is told, to everybody.
#[derive(Clone, Debug, Default)]
struct Told {
    /// Events so far.
    number: u64,
    /// The last one, as it stands on the wire, and its name.
    event: Bytes,
    name: Arc<str>,
    /// The server stops.
    over: bool,
}

/// Listeners, and what they are told.
#[derive(Debug)]
pub(super) struct Feed {
    told: watch::Sender<Told>,
    places: Arc<Semaphore>,
    /// Whether somebody looks for new snapshots.
    looking: AtomicBool,
}

impl Feed {
    pub(super) fn new(max_listeners: usize) -> Self {
        let places = max_listeners.min(Semaphore::MAX_PERMITS);
        Self {
            told: watch::Sender::default(),
            places: Arc::new(Semaphore::new(places)),
            looking: AtomicBool::new(false),
        }
    }

    /// One more listener, who has `known` already; `None` if there are too many. `turn` is that of pages for people: a
    /// look at the source is one of them.
    ///
    /// Called on the server's event loop, on which new snapshots are looked for from then on, until nobody listens.
    pub(super) fn listen(
        self: &Arc<Self>,
        routes: &Arc<Routes>,
        turn: &Arc<Semaphore>,
        known: Option<&str>,
    ) -> Option<Listener> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let listener = Listener::new(
            self.told.subscribe(),
            known,
            routes.telemetry.listeners(),
            place,
        );
        // Relaxed: asked and set on the event loop's thread alone.
        if !self.looking.swap(true, Ordering::Relaxed) {
            let (feed, routes, turn) = (Arc::clone(self), Arc::clone(routes), Arc::clone(turn));
            spawn_local(async move { feed.look(&routes, &turn).await });
        }
        Some(listener)
    }

    /// Ends every listener's response, now and from now on.
    pub(super) fn stop(&self) {
        self.told.send_modify(|told| told.over = true);
    }

    fn is_heard(&self) -> bool {
        self.told.receiver_count() > 0 && !self.told.borrow().over
    }

    /// Tells each new snapshot, as long as somebody listens.
    async fn look(&self, routes: &Arc<Routes>, turn: &Arc<Semaphore>) {
        let mut last = Instant::now();
        while self.is_heard() {
            let mut look = std::pin::pin!(next(routes, turn));
            let look = loop {
                let left = SILENCE.saturating_sub(last.elapsed());
                match race(look.as_mut(), sleep(left)).await {
                    Race::First(look) => break look,
                    Race::Second(()) => {
                        last = Instant::now();
                        self.told.send_modify(|_| {}); // nothing new: they are told so
                    }
                }
            };
            if let Some((name, json)) = look.told {
                last = Instant::now();
                let event = on_the_wire(&name, &json);
                self.told.send_modify(|told| {
                    told.number += 1;
                    told.event = event;
                    told.name = name.into();
                });
            }
            sleep(look.wait).await;
        }
        // Who comes next is told the newest, and not what is an hour old.
        routes.moments.rest();
        self.told.send_modify(|told| told.event = Bytes::new());
        self.looking.store(false, Ordering::Relaxed); // Relaxed: as above
    }
}

/// A look at the source, on a thread that may be kept waiting.
async fn next(routes: &Arc<Routes>, turn: &Arc<Semaphore>) -> Look {
    let (routes, turn) = (Arc::clone(routes), Arc::clone(turn));
    let turn = turn.acquire_owned().await;
    let look = spawn_blocking(move || {
        let _kept = turn;
        let (at, wall) = (std::time::Instant::now(), SystemTime::now());
        routes.moments.next(&*routes.source, at, wall)
    });
    // It fails if it panicked: the source is the host's, and may do better next time.
    look.await.unwrap_or(Look {
        told: None,
        wait: Duration::from_secs(1),
    })
}

/// JSON has no line ends: it is one line.
fn on_the_wire(name: &str, json: &[u8]) -> Bytes {
    let mut event = String::with_capacity(json.len() + 64);
    // Writing to a text can't fail.
    let _ = write!(event, "event: moment\nid: {name}\ndata: ");
    let mut event = event.into_bytes();
    event.extend_from_slice(json);
    event.extend_from_slice(b"\n\n");
    event.into()
}

/// A wait for news, which gives back what it waits with.
type News = Pin<Box<dyn Future<Output = Option<watch::Receiver<Told>>> + Send + Sync>>;

/// One who listens: the events of one response. It needs no particular runtime.
pub(super) struct Listener {
    news: News,
    /// What is to be said before any event.
    greeting: Option<&'static [u8]>,
    /// The number of the last event that it was told, or knew.
    last: u64,
    /// The name of the event that it knows from an earlier connection.
    known: Option<Box<str>>,
    counted: Option<Listeners>,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    fn new(
        mut told: watch::Receiver<Told>,
        known: Option<&str>,
        counted: Option<Listeners>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        if let Some(counted) = &counted {
            counted.open.inc();
        }
        let last = {
            let now = told.borrow();
            // What was told to others before it came, it did not miss.
            now.number - u64::from(!now.event.is_empty())
        };
        told.mark_changed(); // what there is now, it does not know yet
        Self {
            news: wait(told),
            greeting: Some(GREETING),
            last,
            known: known.map(Into::into),
            counted,
            _place: place,
        }
    }

    /// The next bytes to send; `None` at the end.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(greeting) = self.greeting.take() {
            return Poll::Ready(Some(Bytes::from_static(greeting)));
        }
        loop {
            let Some(mut receiver) = ready!(self.news.as_mut().poll(cx)) else {
                self.news = Box::pin(std::future::ready(None)); // asked again, it is still over
                return Poll::Ready(None);
            };
            let told = receiver.borrow_and_update().clone();
            self.news = if told.over {
                Box::pin(std::future::ready(None))
            } else {
                wait(receiver)
            };
            if told.over {
                return Poll::Ready(None);
            }
            if told.event.is_empty() {
                continue; // nothing was told to anybody yet
            }
            let new = told.number.saturating_sub(self.last);
            self.last = told.number;
            if new == 0 {
                return Poll::Ready(Some(Bytes::from_static(STILL_HERE)));
            }
            if self.known.take().as_deref() == Some(&*told.name) {
                continue;
            }
            if let Some(counted) = &self.counted {
                counted.told.inc();
                counted.skipped.add(new - 1);
            }
            return Poll::Ready(Some(told.event));
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(counted) = &self.counted {
            counted.open.dec();
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener")
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

fn wait(mut told: watch::Receiver<Told>) -> News {
    Box::pin(async move {
        // It fails when the server is gone.
        told.changed().await.ok()?;
        Some(told)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    fn feed(listeners: usize) -> Arc<Feed> {
        Arc::new(Feed::new(listeners))
    }

    impl Feed {
        fn tell(&self, name: &str) {
            self.told.send_modify(|told| {
                told.number += 1;
                told.event = on_the_wire(name, b"{}");
                told.name = name.into();
            });
        }

        fn hear(self: &Arc<Self>, known: Option<&str>) -> Option<Listener> {
            let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
            let mut listener = Listener::new(self.told.subscribe(), known, None, place);
            assert_eq!(next(&mut listener), Poll::Ready(Some(GREETING.into())));
            Some(listener)
        }
    }

    fn next(listener: &mut Listener) -> Poll<Option<Bytes>> {
        listener.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    fn event(name: &str) -> Poll<Option<Bytes>> {
        Poll::Ready(Some(
            format!("event: moment\nid: {name}\ndata: {{}}\n\n").into(),
        ))
    }

    #[test]
    fn all_are_told_the_same_bytes_and_the_slow_the_newest() {
        let feed = feed(2);
        let (mut one, mut other) = (feed.hear(None).unwrap(), feed.hear(None).unwrap());
        assert!(next(&mut one).is_pending());
        feed.tell("1-1");
        let (Poll::Ready(Some(a)), Poll::Ready(Some(b))) = (next(&mut one), next(&mut other))
        else {
            panic!("both are told");
        };
        assert_eq!(a.as_ptr(), b.as_ptr(), "shared");
        for name in ["2-2", "3-3", "4-4"] {
            feed.tell(name);
            assert_eq!(next(&mut one), event(name));
        }
        assert_eq!(next(&mut other), event("4-4"));
        assert!(next(&mut one).is_pending() && next(&mut other).is_pending());
    }

    #[test]
    fn who_comes_late_is_told_the_last_and_who_comes_back_nothing_twice() {
        let feed = feed(9);
        feed.tell("1-1");
        feed.tell("2-2");
        assert_eq!(next(&mut feed.hear(None).unwrap()), event("2-2"));
        assert_eq!(next(&mut feed.hear(Some("1-1")).unwrap()), event("2-2"));
        let mut back = feed.hear(Some("2-2")).unwrap();
        assert!(next(&mut back).is_pending());
        feed.tell("3-3");
        assert_eq!(next(&mut back), event("3-3"));
    }

    #[test]
    fn silence_is_told_and_never_in_place_of_an_event() {
        let feed = feed(1);
        let mut listener = feed.hear(None).unwrap();
        feed.tell("1-1");
        assert_eq!(next(&mut listener), event("1-1"));
        feed.told.send_modify(|_| {});
        assert_eq!(next(&mut listener), Poll::Ready(Some(STILL_HERE.into())));
        feed.tell("2-2");
        feed.told.send_modify(|_| {});
        assert_eq!(next(&mut listener), event("2-2"));
        assert!(next(&mut listener).is_pending());
    }

    /// On a clock that moves only when everybody waits. How long to wait from look to look is told by the machine's own, so
    /// the look that notices a silence comes some time after it.
    #[test]
    fn a_source_that_has_nothing_new_is_looked_at_until_nobody_listens() {
        use media_metrics_core::snapshot::Builder;
        let snapshot = Arc::new(Builder::new().build());
        let routes = Arc::new(Routes::over(move || Arc::clone(&snapshot)));
        let (feed, turn) = (feed(9), Arc::new(Semaphore::new(1)));
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let mut listener = feed.listen(&routes, &turn, None).unwrap();
            let start = Instant::now();
            let mut heard = async || {
                let told = std::future::poll_fn(|cx| listener.poll_next(cx)).await;
                (told.unwrap(), start.elapsed().as_secs())
            };
            assert_eq!(heard().await, (GREETING.into(), 0));
            let (event, 0) = heard().await else {
                panic!("at once");
            };
            assert!(event.starts_with(b"event: moment\nid: 1-"), "{event:?}");
            let mut before = 0;
            for _ in 0..2 {
                let (told, seconds) = heard().await;
                assert_eq!(told, STILL_HERE);
                assert!(
                    (15..25).contains(&(seconds - before)),
                    "{seconds}, {before}"
                );
                before = seconds;
            }
            drop(listener);
            sleep(Duration::from_secs(2)).await;
            assert!(!feed.looking.load(Ordering::Relaxed));
            let mut next = feed.listen(&routes, &turn, None).unwrap();
            for _ in 0..2 {
                let told = std::future::poll_fn(|cx| next.poll_next(cx)).await;
                assert!(told.is_some(), "what is known is told to who comes later");
            }
        });
    }

    #[test]
    fn places_are_few_and_come_back() {
        let feed = feed(1);
        let first = feed.hear(None).unwrap();
        assert!(feed.hear(None).is_none());
        drop(first);
        assert!(feed.hear(None).is_some());
    }

    #[test]
    fn it_is_over_when_the_server_stops_and_when_it_is_gone() {
        let feed = feed(2);
        let mut listener = feed.hear(None).unwrap();
        assert!(next(&mut listener).is_pending());
        feed.tell("1-1");
        feed.stop();
        for _ in 0..2 {
            assert_eq!(next(&mut listener), Poll::Ready(None));
        }
        assert_eq!(next(&mut feed.hear(None).unwrap()), Poll::Ready(None));
        let feed = Arc::new(Feed::new(1));
        let mut listener = feed.hear(None).unwrap();
        drop(feed);
        for _ in 0..2 {
            assert_eq!(next(&mut listener), Poll::Ready(None));
        }
    }
}
