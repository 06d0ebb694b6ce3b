//! The pages of the flight recorder.
//!
//! Lives here: status codes and headers. Not here: what may be asked and what is answered (`crate::history`).

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_DISPOSITION, HeaderValue};
use hyper::{Response, StatusCode};

use super::answers::{Page, Refusal, Shape, say};
use super::json::json;
use super::routes::Routes;
use crate::format::Filter;
use crate::history::{BadQuery, Format, History, LogError, Query};

impl Routes {
    /// Answers a question in the format that it asks for, or in `format`.
    pub(super) fn told(&self, query: Option<&str>, format: Option<Format>) -> Response<Page> {
        self.ask(query, format)
            .unwrap_or_else(|refusal| refusal.response(Shape::Json))
    }

    fn ask(&self, query: Option<&str>, format: Option<Format>) -> Result<Response<Page>, Refusal> {
        let Some(history) = &self.history else {
            let why = "no history is kept here: switch the flight recorder on";
            return Err(Refusal::new(StatusCode::NOT_FOUND, why));
        };
        let wrong = |error: BadQuery| Refusal::new(StatusCode::BAD_REQUEST, error.to_string());
        let query = Query::parse(query.unwrap_or_default()).map_err(wrong)?;
        let format = format.unwrap_or(query.format());
        let query = query.with_format(format);
        match self.api.spend(|| make(history, self.api.shown(), &query)) {
            Ok(Ok(bytes)) => Ok(page(bytes, format)),
            Ok(Err(LogError::Query(error))) => Err(wrong(error)),
            // Memory takes every byte: what fails is the encoding of a histogram.
            Ok(Err(error)) => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Err(Refusal::new(status, error.to_string()))
            }
            Err(wait) => Err(busy(wait)),
        }
    }
}

fn make(history: &History, shown: &Filter, query: &Query) -> Result<Vec<u8>, LogError> {
    match query.format() {
        Format::Json => history.json_of(shown, query).map_err(LogError::Query),
        Format::Log => {
            let mut log = Vec::new();
            history.log_of(shown, query, &mut log).map(|_| log)
        }
    }
}

fn busy(wait: Duration) -> Refusal {
    let seconds = wait.as_secs() + 1;
    let why = format!(
        "too much was asked of the history, which gets a quarter of a processor: try again in {seconds} s"
    );
    Refusal::busy(why, seconds)
}

fn page(bytes: Vec<u8>, format: Format) -> Response<Page> {
    let bytes = Bytes::from(bytes);
    if format == Format::Json {
        return json(StatusCode::OK, bytes);
    }
    let mut response = say(StatusCode::OK, "").map(|_| Full::new(bytes));
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = "attachment; filename=\"media-metrics.hlog\"";
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(name));
    response
}
