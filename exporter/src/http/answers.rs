//! What is said when there is no page to give, and the short pages.
//!
//! Lives here: responses of plain text, each with what the client should do next. Not here: when they are given
//! (`routes`, `desk`).

use std::borrow::Cow;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

/// What clients are told when they are asked who they are.
pub(super) const CHALLENGE: &str = "Basic realm=\"metrics\", charset=\"UTF-8\"";

/// A page in memory.
pub(super) type Page = Full<Bytes>;

/// A response of plain text.
pub(super) fn say(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Response<Page> {
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

/// Status 401.
pub(super) fn who_are_you() -> Response<Page> {
    let text =
        "401: a name and a password are needed: see basic_auth in the scraper's configuration\n";
    let mut response = say(StatusCode::UNAUTHORIZED, text);
    let challenge = HeaderValue::from_static(CHALLENGE);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// Status 404, and what there is.
pub(super) fn not_found(pages: &str) -> Response<Page> {
    let text = format!("404: no such page; there are {pages}\n");
    say(StatusCode::NOT_FOUND, text)
}

/// Status 405.
pub(super) fn wrong_method() -> Response<Page> {
    let text = "405: this page is only read: use GET or HEAD\n";
    let mut response = say(StatusCode::METHOD_NOT_ALLOWED, text);
    let allowed = HeaderValue::from_static("GET, HEAD");
    response.headers_mut().insert(ALLOW, allowed);
    response
}

/// Status 500: the source panicked, or an encoder did.
pub(super) fn broken() -> Response<Page> {
    let text = "500: the page could not be made: see what the program says on standard error\n";
    say(StatusCode::INTERNAL_SERVER_ERROR, text)
}

/// Status 503, and when to come back.
pub(super) fn busy(text: &'static str) -> Response<Page> {
    let mut response = say(StatusCode::SERVICE_UNAVAILABLE, text);
    let second = HeaderValue::from_static("1");
    response.headers_mut().insert(RETRY_AFTER, second);
    response
}
