//! What is answered to which request.
//!
//! Lives here: paths, methods, status codes, headers: a plain function from request to response. Not
//! here: who may ask, on which thread a page is made, time limits (`desk`), encoding (`format`, `encode`).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_body_util::Full;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    VARY,
};
use hyper::{Method, Response, StatusCode};
use media_metrics_core::snapshot::Snapshot;

#[cfg(feature = "page")]
use super::answers::Shape;
use super::answers::{Page, Refusal, say};
#[cfg(feature = "api")]
use crate::api::Api;
use crate::encode::Pages;
use crate::format::negotiate::Coding;
use crate::source::Source;
use crate::telemetry::Telemetry;

/// A snapshot that is no older than this is fresh, however short the interval.
const FRESH_AT_LEAST: Duration = Duration::from_secs(10);

/// A snapshot is fresh for this many intervals: one may be late, three are not by chance.
const FRESH_INTERVALS: u32 = 3;

/// What a page costs, and so how it is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    /// Nothing: answered at once by the event loop, whatever else goes on. It may not ask the source.
    Nothing,
    /// A look at the source: on a thread that may be kept waiting, but not counted as in flight.
    Look,
    /// Work and memory: made on such a thread, one page after another, and counted against
    /// [`max_in_flight`](super::Limits::max_in_flight).
    Page,
    /// The same, but for people: on a turn and in places of their own, so that scrapes are never in their way.
    #[cfg(feature = "api")]
    Insight,
    /// A response that goes on for as long as somebody listens, in places of its own.
    #[cfg(feature = "page")]
    Events,
}

/// One path, what it costs, and who answers there.
#[derive(Debug)]
pub(super) struct Route {
    path: &'static str,
    pub(super) cost: Cost,
    answer: fn(&Routes, &Asked<'_>) -> Response<Page>,
}

/// The pages that there are; a new one is a line here and a function below.
const ROUTES: &[Route] = &[
    #[cfg(feature = "page")]
    Route {
        path: "/",
        cost: Cost::Look,
        answer: Routes::file,
    },
    Route {
        path: "/metrics",
        cost: Cost::Page,
        answer: Routes::metrics,
    },
    Route {
        path: "/-/healthy",
        cost: Cost::Nothing,
        answer: Routes::healthy,
    },
    Route {
        path: "/-/ready",
        cost: Cost::Look,
        answer: Routes::ready,
    },
    #[cfg(feature = "page")]
    Route {
        path: "/api/v1/events",
        cost: Cost::Events,
        answer: Routes::events,
    },
    #[cfg(feature = "history")]
    Route {
        path: "/api/v1/history",
        cost: Cost::Insight,
        answer: Routes::history,
    },
    #[cfg(feature = "history")]
    Route {
        path: "/api/v1/history.hlog",
        cost: Cost::Insight,
        answer: Routes::interval_log,
    },
    #[cfg(feature = "api")]
    Route {
        path: "/api/v1/snapshot",
        cost: Cost::Insight,
        answer: Routes::snapshot,
    },
    #[cfg(feature = "api")]
    Route {
        path: "/api/v1/streams",
        cost: Cost::Insight,
        answer: Routes::streams,
    },
    #[cfg(feature = "api")]
    Route {
        path: "/api/v1/worst",
        cost: Cost::Insight,
        answer: Routes::worst,
    },
];

/// Below this path: the files that the live page is made of. Nobody but the page asks for them.
#[cfg(feature = "page")]
const FILES: Route = Route {
    path: crate::page::PREFIX,
    cost: Cost::Look,
    answer: Routes::file,
};

/// What of a request a page may look at. No page takes a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    #[cfg(feature = "page")]
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    /// What stands behind the `?`, as it was sent.
    pub(super) query: Option<&'a str>,
    /// The wall clock.
    pub(super) now: SystemTime,
}

/// Goes with a page of metrics: the bytes of a scrape, which counts if somebody still waits for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scraped(pub(super) usize);

/// The server's pages over one source.
pub(crate) struct Routes {
    pub(super) source: Box<dyn Source>,
    pub(super) pages: Pages,
    /// `None`: a few of the snapshot's own intervals.
    pub(super) stale_after: Option<Duration>,
    pub(super) telemetry: Arc<Telemetry>,
    #[cfg(feature = "api")]
    pub(super) api: Api,
    /// `None`: nobody keeps the last minutes.
    #[cfg(feature = "history")]
    pub(super) history: Option<crate::history::History>,
    #[cfg(feature = "page")]
    pub(super) moments: crate::page::Moments,
}

impl Routes {
    /// The page of `route`.
    pub(super) fn answer(&self, route: &Route, asked: &Asked<'_>) -> Response<Page> {
        (route.answer)(self, asked)
    }

    /// The latest snapshot, in the format and coding that the scraper likes best. With `name[]=x`, once or often, only
    /// families that are called `x` or have such a sample.
    fn metrics(&self, asked: &Asked<'_>) -> Response<Page> {
        let format = self.pages.format(texts(asked.headers, ACCEPT));
        let coding = Coding::accepted(texts(asked.headers, ACCEPT_ENCODING));
        let parameters = form_urlencoded::parse(asked.query.unwrap_or_default().as_bytes());
        let named = parameters.filter(|(key, _)| key == "name[]");
        let names: Vec<Cow<'_, str>> = named.map(|(_, name)| name).collect();
        let page = match names.is_empty() {
            true => self.pages.latest(&*self.source, format, coding),
            false => {
                let names = names.iter().map(|name| &**name);
                self.pages
                    .latest_named(&*self.source, format, coding, names)
            }
        };
        self.telemetry.encoded(page.encoded_in);
        self.telemetry.left_out(page.left_out);
        let scraped = Scraped(page.bytes.len());
        let mut response = Response::new(Full::new(page.bytes));
        response.extensions_mut().insert(scraped);
        let headers = response.headers_mut();
        // Of letters and digits: it can't fail.
        if let Ok(kind) = HeaderValue::try_from(format.to_string()) {
            headers.insert(CONTENT_TYPE, kind);
        }
        if page.coding != Coding::Identity {
            let coding = HeaderValue::from_static(page.coding.name());
            headers.insert(CONTENT_ENCODING, coding);
        }
        let chosen_by = HeaderValue::from_static("Accept, Accept-Encoding");
        headers.insert(VARY, chosen_by);
        response
    }

    /// The last minutes, as asked for.
    #[cfg(feature = "history")]
    fn history(&self, asked: &Asked<'_>) -> Response<Page> {
        self.told(asked.query, None)
    }

    /// The last minutes as an interval log.
    #[cfg(feature = "history")]
    fn interval_log(&self, asked: &Asked<'_>) -> Response<Page> {
        use crate::history::Format::Log;
        self.told(asked.query, Some(Log))
    }

    /// The live page, or a file of it.
    #[cfg(feature = "page")]
    fn file(&self, asked: &Asked<'_>) -> Response<Page> {
        match crate::page::file(asked.path) {
            Some(file) => {
                let codings = texts(asked.headers, ACCEPT_ENCODING);
                crate::page::answer(file, asked.headers, codings)
            }
            None => no_such_page().response(Shape::Text),
        }
    }

    /// The head of a response of events; whose they are, and what they are, is the desk's.
    #[cfg(feature = "page")]
    fn events(&self, _: &Asked<'_>) -> Response<Page> {
        use hyper::header::CACHE_CONTROL;
        let mut response = Response::new(Page::default());
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("text/event-stream");
        headers.insert(CONTENT_TYPE, kind);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// The server answers: that is all it says.
    fn healthy(&self, _: &Asked<'_>) -> Response<Page> {
        say(StatusCode::OK, "healthy\n")
    }

    /// There is a snapshot, and it is fresh: so the reporter works.
    fn ready(&self, asked: &Asked<'_>) -> Response<Page> {
        let snapshot = self.source.latest();
        if snapshot.sequence() == 0 {
            let text = "not ready: no snapshot was published yet; is a reporter running?\n";
            return say(StatusCode::SERVICE_UNAVAILABLE, text);
        }
        // A clock that was set back makes a snapshot of the future, not an old one.
        let age = asked
            .now
            .duration_since(snapshot.time())
            .unwrap_or_default();
        let limit = self.stale_after.unwrap_or_else(|| fresh_for(&snapshot));
        if age <= limit {
            return say(StatusCode::OK, "ready\n");
        }
        let text = format!(
            "not ready: the last snapshot is {:.1} s old, {:.1} s are allowed; did the reporter stop?\n",
            age.as_secs_f64(),
            limit.as_secs_f64()
        );
        say(StatusCode::SERVICE_UNAVAILABLE, text)
    }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes")
            .field("stale_after", &self.stale_after)
            .finish_non_exhaustive()
    }
}

/// The fields of this name that are text.
fn texts(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> + Clone {
    let fields: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .collect();
    fields.into_iter()
}

fn fresh_for(snapshot: &Snapshot) -> Duration {
    let intervals = snapshot
        .interval()
        .max(snapshot.period())
        .saturating_mul(FRESH_INTERVALS);
    intervals.max(FRESH_AT_LEAST)
}

fn no_such_page() -> Refusal {
    let pages: Vec<&str> = ROUTES.iter().map(|route| route.path).collect();
    Refusal::not_found(&pages.join(", "))
}

/// Who answers. For HEAD the HTTP library sends a GET's head, and leaves the body away.
pub(super) fn find(method: &Method, path: &str) -> Result<&'static Route, Refusal> {
    let route = ROUTES.iter().find(|route| route.path == path);
    #[cfg(feature = "page")]
    let route = route.or_else(|| path.starts_with(FILES.path).then_some(&FILES));
    let route = route.ok_or_else(no_such_page)?;
    match *method {
        Method::GET | Method::HEAD => Ok(route),
        _ => Err(Refusal::wrong_method()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use super::super::answers::Shape;
    use http_body_util::BodyExt;
    use hyper::Request;
    use hyper::header::ALLOW;
    use media_metrics_core::desc::Desc;
    use media_metrics_core::snapshot::Builder;

    impl Routes {
        /// Over this source, with nothing set.
        pub(in crate::http) fn over(source: impl Source) -> Self {
            Self {
                telemetry: Arc::new(Telemetry::new(source.registry()).unwrap()),
                source: Box::new(source),
                pages: Pages::default(),
                stale_after: None,
                #[cfg(feature = "api")]
                api: Api::default(),
                #[cfg(feature = "history")]
                history: None,
                #[cfg(feature = "page")]
                moments: crate::page::Moments::default(),
            }
        }
    }

    fn routes(snapshot: Snapshot) -> Routes {
        let snapshot = Arc::new(snapshot);
        Routes::over(move || Arc::clone(&snapshot))
    }

    fn one_counter() -> Snapshot {
        let desc = Desc::counter("a_total", "A.");
        Builder::new().counter(&desc, &[(&[], 7)]).build()
    }

    fn request(method: &str, path: &str) -> Request<()> {
        let request = Request::builder().method(method).uri(path);
        request.body(()).unwrap()
    }

    fn respond(routes: &Routes, request: &Request<()>, now: SystemTime) -> Response<Page> {
        let asked = Asked {
            #[cfg(feature = "page")]
            path: request.uri().path(),
            headers: request.headers(),
            query: request.uri().query(),
            now,
        };
        match find(request.method(), request.uri().path()) {
            Ok(route) => routes.answer(route, &asked),
            Err(refusal) => refusal.response(Shape::of(request.uri().path())),
        }
    }

    /// Status, content type, body.
    fn told(response: Response<Page>) -> (u16, String, String) {
        let status = response.status().as_u16();
        let kind = response.headers()[CONTENT_TYPE]
            .to_str()
            .unwrap()
            .to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let body = runtime.block_on(response.into_body().collect()).unwrap();
        let text = String::from_utf8(body.to_bytes().to_vec()).unwrap();
        (status, kind, text)
    }

    #[test]
    fn the_page_has_the_content_type_of_its_format() {
        let routes = routes(one_counter());
        let now = SystemTime::now();
        for path in ["/metrics", "/metrics?x=1", "http://host/metrics"] {
            let (status, kind, text) = told(respond(&routes, &request("GET", path), now));
            assert_eq!(status, 200, "{path}");
            assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
            assert_eq!(
                text,
                "# HELP a_total A.\n# TYPE a_total counter\na_total 7\n"
            );
        }
    }

    #[test]
    fn each_scraper_gets_what_it_likes_best() {
        let routes = routes(one_counter());
        let mut request = request("GET", "/metrics");
        let headers = request.headers_mut();
        // Two fields, and one that is no text.
        headers.append(ACCEPT, HeaderValue::from_static("text/plain;q=0.5"));
        headers.append(ACCEPT, HeaderValue::from_bytes(b"\xff").unwrap());
        let open = "application/openmetrics-text;version=1.0.0;escaping=dots";
        headers.append(ACCEPT, HeaderValue::from_static(open));
        headers.append(ACCEPT_ENCODING, HeaderValue::from_static("br, gzip;q=0"));
        let response = respond(&routes, &request, SystemTime::now());
        assert_eq!(response.headers()[VARY], "Accept, Accept-Encoding");
        assert!(response.headers().get(CONTENT_ENCODING).is_none());
        let (status, kind, text) = told(response);
        assert_eq!(status, 200);
        assert_eq!(
            kind,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots"
        );
        assert!(text.ends_with("\na__total 7\n# EOF\n"), "{text}");
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn a_compressed_page_says_so() {
        use std::io::Read as _;
        let routes = routes(one_counter());
        let mut request = request("GET", "/metrics");
        let gzip = HeaderValue::from_static("gzip");
        request.headers_mut().insert(ACCEPT_ENCODING, gzip);
        let response = respond(&routes, &request, SystemTime::now());
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let body = runtime.unwrap().block_on(response.into_body().collect());
        let bytes = body.unwrap().to_bytes();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*bytes)
            .read_to_string(&mut text)
            .unwrap();
        assert!(text.ends_with("\na_total 7\n"), "{text}");
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let routes = routes(one_counter());
        for path in [
            "/nothing",
            "/metrics/",
            "/Metrics",
            "/-/",
            "/%6detrics",
            "/page/",
            "/page/nothing.js",
        ] {
            let (status, _, text) =
                told(respond(&routes, &request("GET", path), SystemTime::now()));
            assert_eq!(status, 404, "{path}");
            assert!(
                text.contains("/metrics") && text.contains("/-/ready"),
                "{text}"
            );
        }
    }

    #[test]
    fn pages_are_only_read() {
        let routes = routes(one_counter());
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let response = respond(&routes, &request(method, "/metrics"), SystemTime::now());
            assert_eq!(response.headers()[ALLOW], "GET, HEAD");
            let (status, _, text) = told(response);
            assert_eq!(status, 405, "{method}");
            assert!(text.contains("GET"), "{text}");
        }
    }

    #[test]
    fn ready_while_the_snapshot_is_fresh() {
        let snapshot = one_counter(); // its interval is a second
        let made = snapshot.time();
        let mut routes = routes(snapshot);
        let ready = request("GET", "/-/ready");
        let mut status = |stale_after, now| {
            routes.stale_after = stale_after;
            told(respond(&routes, &ready, now))
        };
        let ms = Duration::from_millis;
        assert_eq!(status(None, made).0, 200);
        assert_eq!(status(None, made + ms(10_000)).0, 200);
        let (code, _, text) = status(None, made + ms(10_001));
        assert_eq!(code, 503);
        assert!(text.contains("10.0 s old"), "{text}");
        assert_eq!(status(None, made - ms(3_600_000)).0, 200, "clock set back");
        assert_eq!(status(Some(ms(500)), made + ms(500)).0, 200);
        assert_eq!(status(Some(ms(500)), made + ms(501)).0, 503);
    }
}
