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
#[cfg(feature = "page")]
use hyper::header::HeaderName;
use hyper::http::request::Parts;
use hyper::{Method, Response, Uri};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::answers::{Page, Refusal, Shape};
use super::auth::{Users, Verdict};
use super::body::Body;
#[cfg(feature = "page")]
use super::events::Feed;
use super::limits::Limits;
use super::patience::patience;
use super::routes::{Asked, Cost, Route, Routes, Scraped, find};

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
    /// What listeners are told.
    #[cfg(feature = "page")]
    pub(super) feed: Arc<Feed>,
}

/// What a browser was told last, before it lost its connection (WHATWG HTML §9.2.4).
#[cfg(feature = "page")]
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Answers for people that are being made or written at the same time: each is up to some 15 MB.
#[cfg(feature = "api")]
const INSIGHTS: usize = 8;

impl Desk {
    pub(super) fn new(routes: Routes, users: Users, limits: Limits) -> Self {
        let places = limits.max_in_flight.min(Semaphore::MAX_PERMITS);
        Self {
            routes: Arc::new(routes),
            users,
            in_flight: Arc::new(Semaphore::new(places)),
            page: Arc::new(Semaphore::new(1)),
            look: Arc::new(Semaphore::new(1)),
            #[cfg(feature = "api")]
            insight: (
                Arc::new(Semaphore::new(INSIGHTS)),
                Arc::new(Semaphore::new(1)),
            ),
            #[cfg(feature = "page")]
            feed: Arc::new(Feed::new(limits.max_listeners)),
            limits,
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
        let is_head = head.method == Method::HEAD;
        let shape = Shape::of(head.uri.path());
        let admitted = timeout(patience, self.admit(head, from)).await;
        let late = "the page is not made yet: this took as long as you wait; is the source slow, or the page large?";
        let mut response = admitted
            .unwrap_or_else(|_| Err(Refusal::busy(late, 1)))
            .unwrap_or_else(|refusal| plain(refusal.response(shape)));
        // Here, for a page that is made too late is given to nobody; and of a page whose head alone is asked for.
        if let Some(Scraped(bytes)) = response.extensions_mut().remove()
            && !is_head
        {
            self.routes.telemetry.scraped(bytes);
        }
        self.routes.telemetry.answered(response.status());
        response
    }

    async fn admit(&self, head: Head, from: Option<IpAddr>) -> Result<Response<Body>, Refusal> {
        // First of all: a stranger is not even told which pages there are.
        match self.users.check(&head.headers, from).await {
            Verdict::Admitted => {}
            Verdict::Stranger => return Err(Refusal::who_are_you()),
            Verdict::Busy => {
                let why = "too many passwords to check at the same time: try again in a second";
                return Err(Refusal::busy(why, 1));
            }
        }
        let route = find(&head.method, head.uri.path())?;
        match route.cost {
            Cost::Nothing => Ok(plain(work(&self.routes, route, &head))),
            Cost::Look => self.elsewhere(&self.look, route, head).await.map(plain),
            Cost::Page => {
                self.in_place(&self.in_flight, &self.page, route, head)
                    .await
            }
            #[cfg(feature = "api")]
            Cost::Insight => {
                let (places, turn) = &self.insight;
                self.in_place(places, turn, route, head).await
            }
            #[cfg(feature = "page")]
            Cost::Events => self.events(route, &head),
        }
    }

    /// Events, for one more listener.
    #[cfg(feature = "page")]
    fn events(&self, route: &Route, head: &Head) -> Result<Response<Body>, Refusal> {
        let known = head.headers.get(LAST_EVENT_ID);
        let known = known.and_then(|field| field.to_str().ok());
        let (_, turn) = &self.insight;
        match self.feed.listen(&self.routes, turn, known) {
            Some(listener) => Ok(work(&self.routes, route, head).map(|_| Body::events(listener))),
            None => Err(Refusal::busy(
                "too many listen to events at the same time: close another live page, or try again in a second",
                1,
            )),
        }
    }

    /// A page that holds one of `places` until it is written.
    async fn in_place(
        &self,
        places: &Arc<Semaphore>,
        turn: &Arc<Semaphore>,
        route: &'static Route,
        head: Head,
    ) -> Result<Response<Body>, Refusal> {
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            return Err(Refusal::busy(crowded(route.cost), 1));
        };
        let page = self.elsewhere(turn, route, head).await?;
        Ok(page.map(|page| Body::new(page, Some(place))))
    }

    /// Does the work on another thread, when it is this one's turn. If nobody waits for it any more, it is not
    /// begun; what has begun goes on to its end, and the next waits for that.
    async fn elsewhere(
        &self,
        turn: &Arc<Semaphore>,
        route: &'static Route,
        head: Head,
    ) -> Result<Response<Page>, Refusal> {
        let Ok(turn) = Arc::clone(turn).acquire_owned().await else {
            return Err(Refusal::broken()); // nobody closes it
        };
        let routes = Arc::clone(&self.routes);
        let job = spawn_blocking(move || {
            let _kept = turn;
            work(&routes, route, &head)
        });
        // It fails if it panicked: the source is the host's.
        job.await.map_err(|_| Refusal::broken())
    }
}

/// What is said when all places of such pages are taken.
const fn crowded(cost: Cost) -> &'static str {
    match cost {
        #[cfg(feature = "api")]
        Cost::Insight => "too many ask for such pages at the same time: try again in a second",
        _ => "too many scrapes at the same time: try again in a second",
    }
}

fn work(routes: &Routes, route: &Route, head: &Head) -> Response<Page> {
    let asked = Asked {
        #[cfg(feature = "page")]
        path: head.uri.path(),
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
    use crate::source::Source;
    use hyper::body::Body as _;
    use hyper::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
    use media_metrics_core::Registry;
    use media_metrics_core::snapshot::{Builder, Snapshot};
    use std::sync::mpsc;
    use std::time::Duration;

    fn desk(source: impl Source, users: Users) -> Desk {
        let limits = Limits {
            max_in_flight: 2,
            ..Limits::default()
        };
        Desk::new(Routes::over(source), users, limits)
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

    #[cfg(feature = "api")]
    #[test]
    fn people_in_a_crowd_are_not_told_of_scrapes_and_keep_none_away() {
        use http_body_util::BodyExt as _;
        run(async {
            let desk = desk(fixed(), Users::default());
            let mut held = Vec::new();
            for _ in 0..INSIGHTS {
                held.push(desk.answer(head("/api/v1/snapshot", &[]), None).await);
            }
            assert!(held.iter().all(|response| response.status() == 200));
            let refused = desk.answer(head("/api/v1/snapshot", &[]), None).await;
            assert_eq!(refused.status(), 503);
            let body = refused.into_body().collect().await.unwrap().to_bytes();
            let text = std::str::from_utf8(&body).unwrap();
            assert!(text.contains("too many ask"), "{text}");
            assert_eq!(desk.answer(head("/metrics", &[]), None).await.status(), 200);
        });
    }

    #[cfg(feature = "api")]
    #[test]
    fn below_api_every_refusal_is_the_same_object() {
        use http_body_util::BodyExt as _;
        use hyper::header::CONTENT_TYPE;
        let mut users = Users::default();
        users.add("Aladdin", Password::plain("open sesame"));
        let known = [("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")];
        let panics = || -> Arc<Snapshot> { panic!("on purpose") };
        run(async {
            let desk = desk(panics, users);
            let post = Head {
                method: Method::POST,
                ..head("/api/v1/snapshot", &known)
            };
            for (head, status) in [
                (head("/api/v1/snapshot", &[]), 401),
                (head("/api/v1/none", &known), 404),
                (post, 405),
                (head("/api/v1/snapshot?x=1", &known), 400),
                (head("/api/v1/streams", &known), 404),
                (head("/api/v1/snapshot", &known), 500),
            ] {
                let path = head.uri.to_string();
                let response = desk.answer(head, None).await;
                assert_eq!(response.status(), status, "{path}");
                let kind = &response.headers()[CONTENT_TYPE];
                assert_eq!(kind, "application/json; charset=utf-8", "{path}");
                let body = response.into_body().collect().await.unwrap().to_bytes();
                let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
                let only = body.as_object().unwrap();
                assert!(
                    only.len() == 1 && only["error"].is_string(),
                    "{path}: {body}"
                );
            }
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

    /// A registry whose pages take until it is told to go on.
    struct Slow(Registry, std::sync::Mutex<mpsc::Receiver<()>>);

    impl Source for Slow {
        fn latest(&self) -> Arc<Snapshot> {
            let _ = self.1.lock().unwrap().recv();
            self.0.latest()
        }

        fn registry(&self) -> Option<&Registry> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_scrape_counts_if_its_page_is_given_out() {
        let registry = Registry::new().unwrap();
        let (go_on, hold) = mpsc::channel::<()>();
        let slow = Slow(registry.clone(), std::sync::Mutex::new(hold));
        let mut given = 0;
        run(async {
            let desk = desk(slow, Users::default());
            let short = [("x-prometheus-scrape-timeout-seconds", "0.05")];
            assert_eq!(
                desk.answer(head("/metrics", &short), None).await.status(),
                503
            );
            drop(go_on); // now the page is made, and nobody is there to take it
            let mut only_head = head("/metrics", &[]);
            only_head.method = Method::HEAD;
            assert_eq!(desk.answer(only_head, None).await.status(), 200);
            for _ in 0..2 {
                let response = desk.answer(head("/metrics", &[]), None).await;
                given += response.size_hint().exact().unwrap();
            }
        });
        let told = registry.collect();
        let counter = |name| told.counter(name, &[]).unwrap();
        assert_eq!(counter("media_metrics_scrapes_total"), 2);
        assert_eq!(counter("media_metrics_scrape_bytes_total"), given);
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
