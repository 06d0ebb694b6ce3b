//! The pages of JSON: what is answered, as HTTP.
//!
//! Lives here: statuses and headers. Not here: the answers (`api`).

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, RETRY_AFTER,
};
use hyper::{Response, StatusCode};

use super::answers::Page as Body;
use super::routes::{Asked, Routes};
use crate::api::{Answer, Page, error};

const BUSY: &str =
    "too much was asked of this page: it gets a quarter of a processor; try again in a second";

impl Routes {
    /// Live streams, as W3C webrtc-stats objects.
    pub(super) fn streams(&self, asked: &Asked<'_>) -> Response<Body> {
        self.insight(Page::Streams, asked)
    }

    /// The worst streams and groups of the last interval.
    pub(super) fn worst(&self, asked: &Asked<'_>) -> Response<Body> {
        self.insight(Page::Worst, asked)
    }

    /// The latest snapshot.
    pub(super) fn snapshot(&self, asked: &Asked<'_>) -> Response<Body> {
        self.insight(Page::Snapshot, asked)
    }

    fn insight(&self, page: Page, asked: &Asked<'_>) -> Response<Body> {
        let query = asked.query.unwrap_or_default();
        let known = asked.headers.get(IF_NONE_MATCH);
        let known = known.and_then(|field| field.to_str().ok());
        match self.api.answer(&*self.source, page, query, known) {
            Answer::Json(body, tag) => with(json(StatusCode::OK, body), ETAG, &tag),
            Answer::Same(tag) => {
                let mut response = json(StatusCode::NOT_MODIFIED, Bytes::new());
                response.headers_mut().remove(CONTENT_TYPE);
                with(response, ETAG, &tag)
            }
            Answer::Wrong(why) => json(StatusCode::BAD_REQUEST, error(&why)),
            Answer::Nothing(why) => json(StatusCode::NOT_FOUND, error(why)),
            Answer::Busy => with(
                json(StatusCode::SERVICE_UNAVAILABLE, error(BUSY)),
                RETRY_AFTER,
                "1",
            ),
        }
    }
}

fn json(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, never);
    response
}

/// `value` is of digits and quotes: it can't fail.
fn with(mut response: Response<Body>, name: HeaderName, value: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
    response
}
