//! From a request to its response: who asks, whether there is room, on which thread it is worked on, and when it is
//! too late.
//!
//! Lives here: everything that is the same for the server's own connections and for requests that a host hands
//! over. Not here: pages (`routes`), connections (`serve`), the host's side (`service`).
//!
//! The event loop asks no source and encodes nothing: that is done on threads of the runtime's own. A page that takes
//! long, and a source that hangs, keep those waiting who want pages; the others are answered.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use hyper::{Method, Response, Uri};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::answers::{Page, broken, busy, who_are_you};
use super::auth::{Users, Verdict};
use super::body::Body;
use super::limits::Limits;
use super::patience::patience;
use super::routes::{Asked, Cost, Route, Routes, find};

/// Threads beside the event loop: for a page, a page for people, a look, a password and a certificate.
pub(super) const THREADS: usize = 5;

/// A request without its body, which no page looks at.
#[derive(Debug)]
pub(super) struct Head {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl From<Parts> for Head {
    fn from(parts: Parts) -> Self {
        Self {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
        }
    }
}

/// Answers requests.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) routes: Arc<Routes>,
    users: Users,
    limits: Limits,
    /// A place for each answer that is being made or written.
    in_flight: Arc<Semaphore>,
    /// Whose turn it is to have a page made. One at a time: most want the same page.
    page: Arc<Semaphore>,
    /// The same for what only asks the source.
    look: Arc<Semaphore>,
    /// Places and the turn of pages for people.
    #[cfg(feature = "api")]
    insight: (Arc<Semaphore>, Arc<Semaphore>),
}

/// Answers for people that are being made or written at the same time: each is up to some 15 MB.
#[cfg(feature = "api")]
const INSIGHTS: usize = 8;

impl Desk {
    pub(super) fn new(routes: Routes, users: Users, limits: Limits) -> Self {
        let places = limits.max_in_flight.min(Semaphore::MAX_PERMITS);
        Self {
            routes: Arc::new(routes),
            users,
            limits,
            in_flight: Arc::new(Semaphore::new(places)),
            page: Arc::new(Semaphore::new(1)),
            look: Arc::new(Semaphore::new(1)),
            #[cfg(feature = "api")]
            insight: (
                Arc::new(Semaphore::new(INSIGHTS)),
                Arc::new(Semaphore::new(1)),
            ),
        }
    }

    /// The response, in the scraper's time. `from` is the client's address, if it has one.
    pub(super) async fn answer(&self, head: Head, from: Option<IpAddr>) -> Response<Body> {
        // A tenth less than the limit that cuts a connection off.
        let longest = self
            .limits
            .write_timeout
            .saturating_sub(self.limits.write_timeout / 10);
        let patience = patience(&head.headers, longest);
        let response = match timeout(patience, self.admit(head, from)).await {
            Ok(response) => response,
            Err(_) => plain(busy(
                "the page is not made yet: this took as long as you wait; is the source slow, or the page large?\n",
            )),
        };
        self.routes.telemetry.answered(response.status());
        response
    }

    async fn admit(&self, head: Head, from: Option<IpAddr>) -> Response<Body> {
        // First of all: a stranger is not even told which pages there are.
        match self.users.check(&head.headers, from).await {
            Verdict::Admitted => {}
            Verdict::Stranger => return plain(who_are_you()),
            Verdict::Busy => {
                return plain(busy(
                    "too many passwords to check at the same time: try again in a second\n",
                ));
            }
        }
        let route = match find(&head.method, head.uri.path()) {
            Ok(route) => route,
            Err(refusal) => return plain(refusal.response()),
        };
        match route.cost {
            Cost::Nothing => plain(work(&self.routes, route, &head)),
            Cost::Look => plain(self.elsewhere(&self.look, route, head).await),
            Cost::Page => {
                self.in_place(&self.in_flight, &self.page, route, head)
                    .await
            }
            #[cfg(feature = "api")]
            Cost::Insight => {
                let (places, turn) = &self.insight;
                self.in_place(places, turn, route, head).await
            }
        }
    }

    /// A page that holds one of `places` until it is written.
    async fn in_place(
        &self,
        places: &Arc<Semaphore>,
        turn: &Arc<Semaphore>,
        route: &'static Route,
        head: Head,
    ) -> Response<Body> {
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            return plain(busy(
                "too many scrapes at the same time: try again in a second\n",
            ));
        };
        let page = self.elsewhere(turn, route, head).await;
        page.map(|page| Body::new(page, Some(place)))
    }

    /// Does the work on another thread, when it is this one's turn. If nobody waits for it any more, it is not
    /// begun; what has begun goes on to its end, and the next waits for that.
    async fn elsewhere(
        &self,
        turn: &Arc<Semaphore>,
        route: &'static Route,
        head: Head,
    ) -> Response<Page> {
        let Ok(turn) = Arc::clone(turn).acquire_owned().await else {
            return broken(); // nobody closes it
        };
        let routes = Arc::clone(&self.routes);
        let job = spawn_blocking(move || {
            let _kept = turn;
            work(&routes, route, &head)
        });
        // It fails if it panicked: the source is the host's.
        job.await.unwrap_or_else(|_| broken())
    }
}

fn work(routes: &Routes, route: &Route, head: &Head) -> Response<Page> {
    let asked = Asked {
        headers: &head.headers,
        query: head.uri.query(),
        now: SystemTime::now(),
    };
    routes.answer(route, &asked)
}

fn plain(page: Response<Page>) -> Response<Body> {
    page.map(|page| Body::new(page, None))
}

#[cfg(test)]
mod tests {
    use super::super::answers::CHALLENGE;
    use super::super::password::Password;
    use super::*;
    use crate::encode::Pages;
    use crate::telemetry::Telemetry;
    use hyper::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
    use media_metrics_core::snapshot::{Builder, Snapshot};
    use std::sync::mpsc;
    use std::time::Duration;

    fn desk(source: impl Fn() -> Arc<Snapshot> + Send + Sync + 'static, users: Users) -> Desk {
        let routes = Routes {
            source: Box::new(source),
            pages: Pages::default(),
            stale_after: None,
            telemetry: Telemetry::new(None).unwrap(),
            #[cfg(feature = "api")]
            api: crate::api::Api::default(),
            #[cfg(feature = "history")]
            history: None,
        };
        let limits = Limits {
            max_in_flight: 2,
            ..Limits::default()
        };
        Desk::new(routes, users, limits)
    }

    fn fixed() -> impl Fn() -> Arc<Snapshot> + Send + Sync + 'static {
        let snapshot = Arc::new(Builder::new().build());
        move || Arc::clone(&snapshot)
    }

    fn head(path: &str, headers: &[(&'static str, &'static str)]) -> Head {
        let mut head = Head {
            method: Method::GET,
            uri: path.parse().unwrap(),
            headers: HeaderMap::new(),
        };
        for (name, value) in headers {
            head.headers.insert(*name, HeaderValue::from_static(value));
        }
        head
    }

    fn run<F: Future>(test: F) -> F::Output {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().max_blocking_threads(THREADS);
        let runtime = runtime.build().unwrap();
        let output = runtime.block_on(test);
        runtime.shutdown_background();
        output
    }

    #[test]
    fn in_a_crowd_scrapes_come_back_later_and_health_is_still_told() {
        run(async {
            let desk = desk(fixed(), Users::default());
            let mut held = Vec::new();
            for _ in 0..2 {
                held.push(desk.answer(head("/metrics", &[]), None).await);
            }
            assert!(held.iter().all(|response| response.status() == 200));
            let refused = desk.answer(head("/metrics", &[]), None).await;
            assert_eq!(refused.status(), 503);
            assert_eq!(refused.headers()[RETRY_AFTER], "1");
            for path in ["/-/healthy", "/-/ready"] {
                assert_eq!(desk.answer(head(path, &[]), None).await.status(), 200);
            }
            held.pop();
            assert_eq!(desk.answer(head("/metrics", &[]), None).await.status(), 200);
        });
    }

    #[test]
    fn strangers_see_nothing() {
        run(async {
            let mut users = Users::default();
            users.add("Aladdin", Password::plain("open sesame"));
            let desk = desk(fixed(), users);
            for path in ["/metrics", "/-/healthy", "/-/ready", "/nowhere"] {
                let response = desk.answer(head(path, &[]), None).await;
                assert_eq!(response.status(), 401, "{path}");
                assert_eq!(response.headers()[WWW_AUTHENTICATE], CHALLENGE);
            }
            let mut known = head("/metrics", &[]);
            let right = HeaderValue::from_static("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
            known.headers.insert(AUTHORIZATION, right);
            assert_eq!(desk.answer(known, None).await.status(), 200);
        });
    }

    #[test]
    fn while_a_source_hangs_scrapers_are_told_in_time_and_health_is_told_at_once() {
        let (go_on, hold) = mpsc::channel::<()>();
        let hold = std::sync::Mutex::new(hold);
        let snapshot = fixed();
        let source = move || {
            let _ = hold.lock().unwrap().recv(); // until it is told to go on
            snapshot()
        };
        run(async {
            let desk = desk(source, Users::default());
            let short = [("x-prometheus-scrape-timeout-seconds", "0.05")];
            // The first begins; the second waits for its turn, and neither loses its place for good.
            for _ in 0..5 {
                let response = desk.answer(head("/metrics", &short), None).await;
                assert_eq!(response.status(), 503);
                let healthy = desk.answer(head("/-/healthy", &[]), None).await;
                assert_eq!(healthy.status(), 200);
            }
            drop(go_on);
            let response = desk.answer(head("/metrics", &[]), None).await;
            assert_eq!(response.status(), 200);
        });
    }

    #[test]
    fn who_gave_up_is_not_worked_for() {
        let begun = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let (count, snapshot) = (Arc::clone(&begun), fixed());
        let source = move || {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            snapshot()
        };
        run(async {
            let desk = desk(source, Users::default());
            let turn = desk.page.acquire().await.unwrap();
            let answer = desk.answer(head("/metrics", &[]), None);
            assert!(timeout(Duration::from_millis(10), answer).await.is_err());
            drop(turn);
            assert_eq!(desk.answer(head("/metrics", &[]), None).await.status(), 200);
            assert_eq!(begun.load(std::sync::atomic::Ordering::Relaxed), 1);
        });
    }
}
