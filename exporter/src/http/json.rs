//! Responses of JSON.
//!
//! Lives here: their headers, and the object that says what went wrong. Not here: answers (`api`, `history`), when
//! something is wrong (`answers`).

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::answers::Page;
use crate::api::to_json;

/// A response that nobody keeps.
pub(super) fn json(status: StatusCode, body: Bytes) -> Response<Page> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, never);
    response
}

/// What went wrong: `{"error": "…"}`.
pub(super) fn error(why: &str) -> Bytes {
    #[derive(Serialize)]
    struct Error<'a> {
        error: &'a str,
    }
    to_json(&Error { error: why })
}
