//! What is answered to which request.
//!
//! Lives here: paths, methods, status codes, headers: a plain function from request to response. Not
//! here: sockets, time limits (`serve`, `connection`), encoding (`format`, `encode`).

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};
use media_metrics_core::snapshot::Snapshot;

use super::auth::{BasicAuth, CHALLENGE};
use crate::encode::Pages;
use crate::format::negotiate::Coding;
use crate::source::Source;
use crate::telemetry::Telemetry;

/// A response's body.
pub(super) type Body = Full<Bytes>;

/// A snapshot that is no older than this is fresh, however short the interval.
const FRESH_AT_LEAST: Duration = Duration::from_secs(10);

/// A snapshot is fresh for this many intervals: one may be late, three are not by chance.
const FRESH_INTERVALS: u32 = 3;

const PAGES: &str = "/metrics, /-/healthy, /-/ready";

/// The pages that there are.
enum Page {
    Metrics,
    Healthy,
    Ready,
}

/// The server's pages over one source.
pub(crate) struct Routes {
    pub(super) source: Box<dyn Source>,
    pub(super) pages: Pages,
    /// `None`: a few of the snapshot's own intervals.
    pub(super) stale_after: Option<Duration>,
    /// `None`: anybody may see the pages.
    pub(super) auth: Option<BasicAuth>,
    pub(super) telemetry: Telemetry,
}

impl Routes {
    /// Answers a request. Its body is not looked at: no page takes one.
    ///
    /// `crowded` says that as many answers are being written as may be; `now` is the wall clock.
    pub(super) fn respond<B>(
        &self,
        request: &Request<B>,
        crowded: bool,
        now: SystemTime,
    ) -> Response<Body> {
        // First of all: a stranger is not even told which pages there are.
        if self
            .auth
            .as_ref()
            .is_some_and(|auth| !auth.admits(request.headers()))
        {
            return self.note(who_are_you());
        }
        let page = match request.uri().path() {
            "/metrics" => Page::Metrics,
            "/-/healthy" => Page::Healthy,
            "/-/ready" => Page::Ready,
            _ => return self.note(not_found()),
        };
        // For HEAD the HTTP library sends a GET's head, and leaves the body away.
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return self.note(wrong_method());
        }
        self.note(match page {
            Page::Metrics if crowded => {
                busy("too many scrapes at the same time: try again in a second\n")
            }
            Page::Metrics => self.metrics(request.headers(), request.uri().query()),
            Page::Healthy => say(StatusCode::OK, "healthy\n"), // the server answers: that is all it says
            Page::Ready => self.ready(now),
        })
    }

    fn note(&self, response: Response<Body>) -> Response<Body> {
        self.telemetry.answered(response.status());
        response
    }

    /// The latest snapshot, in the format and coding that the scraper likes best. With `name[]=x`, once or often, only
    /// families that are called `x` or have such a sample.
    fn metrics(&self, headers: &HeaderMap, query: Option<&str>) -> Response<Body> {
        let format = self.pages.format(texts(headers, ACCEPT));
        let coding = Coding::accepted(texts(headers, ACCEPT_ENCODING));
        let asked = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let named = asked.filter(|(key, _)| key == "name[]");
        let names: Vec<Cow<'_, str>> = named.map(|(_, name)| name).collect();
        let snapshot = self.source.latest();
        let page = match names.is_empty() {
            true => self.pages.get(&snapshot, format, coding),
            false => {
                let names = names.iter().map(|name| &**name);
                self.pages.get_named(&snapshot, format, coding, names)
            }
        };
        self.telemetry.scraped(page.bytes.len(), page.encoded_in);
        self.telemetry.left_out(page.left_out);
        let mut response = Response::new(Full::new(page.bytes));
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

    /// There is a snapshot, and it is fresh: so the reporter works.
    fn ready(&self, now: SystemTime) -> Response<Body> {
        let snapshot = self.source.latest();
        if snapshot.sequence() == 0 {
            let text = "not ready: no snapshot was published yet; is a reporter running?\n";
            return say(StatusCode::SERVICE_UNAVAILABLE, text);
        }
        // A clock that was set back makes a snapshot of the future, not an old one.
        let age = now.duration_since(snapshot.time()).unwrap_or_default();
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

fn who_are_you() -> Response<Body> {
    let text =
        "401: a name and a password are needed: see basic_auth in the scraper's configuration\n";
    let mut response = say(StatusCode::UNAUTHORIZED, text);
    let challenge = HeaderValue::from_static(CHALLENGE);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

fn not_found() -> Response<Body> {
    let text = format!("404: no such page; there are {PAGES}\n");
    say(StatusCode::NOT_FOUND, text)
}

fn wrong_method() -> Response<Body> {
    let text = "405: this page is only read: use GET or HEAD\n";
    let mut response = say(StatusCode::METHOD_NOT_ALLOWED, text);
    let allowed = HeaderValue::from_static("GET, HEAD");
    response.headers_mut().insert(ALLOW, allowed);
    response
}

/// Status 503, and when to come back.
fn busy(text: &'static str) -> Response<Body> {
    let mut response = say(StatusCode::SERVICE_UNAVAILABLE, text);
    let second = HeaderValue::from_static("1");
    response.headers_mut().insert(RETRY_AFTER, second);
    response
}

fn say(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Response<Body> {
    let bytes = match text.into() {
        Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
        Cow::Owned(text) => Bytes::from(text),
    };
    let mut response = Response::new(Full::new(bytes));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use http_body_util::BodyExt;
    use media_metrics_core::desc::Desc;
    use media_metrics_core::snapshot::Builder;

    fn routes(snapshot: Snapshot) -> Routes {
        let snapshot = Arc::new(snapshot);
        Routes {
            source: Box::new(move || Arc::clone(&snapshot)),
            pages: Pages::default(),
            stale_after: None,
            auth: None,
            telemetry: Telemetry::new(None).unwrap(),
        }
    }

    fn one_counter() -> Snapshot {
        let desc = Desc::counter("a_total", "A.");
        Builder::new().counter(&desc, &[(&[], 7)]).build()
    }

    fn request(method: &str, path: &str) -> Request<()> {
        let request = Request::builder().method(method).uri(path);
        request.body(()).unwrap()
    }

    /// Status, content type, body.
    fn told(response: Response<Body>) -> (u16, String, String) {
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
            let (status, kind, text) = told(routes.respond(&request("GET", path), false, now));
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
        let response = routes.respond(&request, false, SystemTime::now());
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
        let response = routes.respond(&request, false, SystemTime::now());
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
        for path in ["/", "/metrics/", "/Metrics", "/-/", "/%6detrics"] {
            let (status, _, text) =
                told(routes.respond(&request("GET", path), false, SystemTime::now()));
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
            let response = routes.respond(&request(method, "/metrics"), false, SystemTime::now());
            assert_eq!(response.headers()[ALLOW], "GET, HEAD");
            let (status, _, text) = told(response);
            assert_eq!(status, 405, "{method}");
            assert!(text.contains("GET"), "{text}");
        }
    }

    #[test]
    fn in_a_crowd_scrapes_come_back_later_and_health_is_still_told() {
        let routes = routes(one_counter());
        let now = SystemTime::now();
        let response = routes.respond(&request("GET", "/metrics"), true, now);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        assert_eq!(told(response).0, 503);
        for path in ["/-/healthy", "/-/ready"] {
            assert_eq!(
                told(routes.respond(&request("GET", path), true, now)).0,
                200
            );
        }
    }

    #[test]
    fn strangers_see_nothing() {
        let mut routes = routes(one_counter());
        routes.auth = Some(BasicAuth::new("Aladdin", "open sesame"));
        let now = SystemTime::now();
        for path in ["/metrics", "/-/healthy", "/-/ready", "/nowhere"] {
            let response = routes.respond(&request("GET", path), false, now);
            assert_eq!(response.headers()[WWW_AUTHENTICATE], CHALLENGE);
            let (status, _, text) = told(response);
            assert_eq!(status, 401, "{path}");
            assert!(!text.contains("a_total"), "{text}");
        }
        let mut known = request("GET", "/metrics");
        let right = HeaderValue::from_static("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        known
            .headers_mut()
            .insert(hyper::header::AUTHORIZATION, right);
        assert_eq!(told(routes.respond(&known, false, now)).0, 200);
    }

    #[test]
    fn ready_while_the_snapshot_is_fresh() {
        let snapshot = one_counter(); // its interval is a second
        let made = snapshot.time();
        let mut routes = routes(snapshot);
        let ready = request("GET", "/-/ready");
        let mut status = |stale_after, now| {
            routes.stale_after = stale_after;
            told(routes.respond(&ready, false, now))
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
