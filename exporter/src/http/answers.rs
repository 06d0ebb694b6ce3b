//! What is said when there is no page to give, and the short pages.
//!
//! Lives here: refusals, each with what the client should do next, and their two shapes: a line of text, and below
//! `/api/v1/` the object `{"error": …}`. Not here: when they are given (`routes`, `desk`), what else is JSON (`json`).

use std::borrow::Cow;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

#[cfg(feature = "api")]
use super::json::{error, json};

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

/// How a refusal looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A line.
    Text,
    /// An object.
    #[cfg(feature = "api")]
    Json,
}

impl Shape {
    /// That of what is asked for at `path`.
    pub(super) fn of(path: &str) -> Self {
        #[cfg(feature = "api")]
        if path.starts_with("/api/v1/") {
            return Self::Json;
        }
        let _ = path;
        Self::Text
    }
}

/// Why there is no page, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    why: Cow<'static, str>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            why: why.into(),
            header: None,
        }
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    /// Status 401.
    pub(super) fn who_are_you() -> Self {
        let why = "a name and a password are needed: see basic_auth in the scraper's configuration";
        Self::new(StatusCode::UNAUTHORIZED, why)
            .with(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE))
    }

    /// Status 404, and what there is.
    pub(super) fn not_found(pages: &str) -> Self {
        let why = format!("no such page; there are {pages}");
        Self::new(StatusCode::NOT_FOUND, why)
    }

    /// Status 405.
    pub(super) fn wrong_method() -> Self {
        let why = "this page is only read: use GET or HEAD";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, why)
            .with(ALLOW, HeaderValue::from_static("GET, HEAD"))
    }

    /// Status 500: the source panicked, or an encoder did.
    pub(super) fn broken() -> Self {
        let why = "the page could not be made: see what the program says on standard error";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    }

    /// Status 503, and in how many seconds to come back.
    pub(super) fn busy(why: impl Into<Cow<'static, str>>, seconds: u64) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why)
            .with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// What is said instead of the page.
    pub(super) fn response(self, shape: Shape) -> Response<Page> {
        let mut response = match shape {
            Shape::Text => {
                let text = format!("{}: {}\n", self.status.as_u16(), self.why);
                say(self.status, text)
            }
            #[cfg(feature = "api")]
            Shape::Json => json(self.status, error(&self.why)),
        };
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
