//! The pages of the flight recorder.
//!
//! Lives here: status codes and headers. Not here: what may be asked and what is answered (`crate::history`).

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::answers::{Page as Body, say};
use crate::history::{Format, History, LogError, Query};

/// Answers a question in the format that it asks for, or in `format`.
pub(super) fn answer(
    history: Option<&History>,
    query: Option<&str>,
    format: Option<Format>,
) -> Response<Body> {
    let Some(history) = history else {
        let text = "404: no history is kept here: switch the flight recorder on\n";
        return say(StatusCode::NOT_FOUND, text);
    };
    let query = match Query::parse(query.unwrap_or_default()) {
        Ok(query) => {
            let format = format.unwrap_or(query.format());
            query.with_format(format)
        }
        Err(error) => return say(StatusCode::BAD_REQUEST, format!("400: {error}\n")),
    };
    let made = match query.format() {
        Format::Json => history.json(&query).map_err(LogError::Query),
        Format::Log => {
            let mut log = Vec::new();
            history.log(&query, &mut log).map(|_| log)
        }
    };
    match made {
        Ok(bytes) => page(bytes, query.format()),
        Err(LogError::Query(error)) => say(StatusCode::BAD_REQUEST, format!("400: {error}\n")),
        // Memory takes every byte: what fails is the encoding of a histogram.
        Err(error) => say(StatusCode::INTERNAL_SERVER_ERROR, format!("500: {error}\n")),
    }
}

fn page(bytes: Vec<u8>, format: Format) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(bytes)));
    let headers = response.headers_mut();
    let kind = match format {
        Format::Json => "application/json",
        Format::Log => "text/plain; charset=utf-8",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if format == Format::Log {
        let name = "attachment; filename=\"media-metrics.hlog\"";
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(name));
    }
    response
}
