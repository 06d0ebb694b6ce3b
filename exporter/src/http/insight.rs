//! The pages of JSON: what is answered, as HTTP.
//!
//! Lives here: statuses and headers. Not here: the answers (`api`).

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, ETAG, HeaderValue};
use hyper::{Response, StatusCode};

use super::answers::{Page, Refusal, Shape};
use super::json::json;
use super::routes::{Asked, Routes};
use crate::api::{Answer, Topic};
use crate::conditional::is_known;

const BUSY: &str =
    "too much was asked of this page: it gets a quarter of a processor; try again in a second";

impl Routes {
    /// Live streams, as W3C webrtc-stats objects.
    pub(super) fn streams(&self, asked: &Asked<'_>) -> Response<Page> {
        self.insight(Topic::Streams, asked)
    }

    /// The worst streams and groups of the last interval.
    pub(super) fn worst(&self, asked: &Asked<'_>) -> Response<Page> {
        self.insight(Topic::Worst, asked)
    }

    /// The latest snapshot.
    pub(super) fn snapshot(&self, asked: &Asked<'_>) -> Response<Page> {
        self.insight(Topic::Snapshot, asked)
    }

    fn insight(&self, topic: Topic, asked: &Asked<'_>) -> Response<Page> {
        let query = asked.query.unwrap_or_default();
        let known = |tag: &str| is_known(asked.headers, tag);
        match self.api.answer(&*self.source, topic, query, known) {
            Answer::Json(body, tag) => tagged(json(StatusCode::OK, body), &tag),
            Answer::Same(tag) => {
                let mut response = json(StatusCode::NOT_MODIFIED, Bytes::new());
                response.headers_mut().remove(CONTENT_TYPE);
                tagged(response, &tag)
            }
            Answer::Wrong(why) => Refusal::new(StatusCode::BAD_REQUEST, why).response(Shape::Json),
            Answer::Nothing(why) => Refusal::new(StatusCode::NOT_FOUND, why).response(Shape::Json),
            Answer::Busy => Refusal::busy(BUSY, 1).response(Shape::Json),
        }
    }
}

/// With this tag, which is of digits and quotes: it can't fail.
fn tagged(mut response: Response<Page>, tag: &str) -> Response<Page> {
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}
