//! A request's parameters, read strictly.
//!
//! Lives here: taking what stands behind a URL's `?` apart, its bounds, values that several pages read alike, and what is
//! said of wrong ones. Not here: which parameters there are (`api::query`, `history::query`).

use std::fmt::{self, Display};
use std::str::FromStr;

/// Parameters of one request at most.
const MAX_PARAMETERS: usize = 64;

/// Longest text of one, in bytes.
const MAX_TEXT: usize = 4_096;

/// Characters of a name or value that are repeated to who sent it.
const SHOWN: usize = 40;

/// A parameter that can't be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "history"),
    expect(unreachable_pub, reason = "only the history has questions for hosts")
)]
pub struct BadQuery {
    parameter: String,
    reason: String,
}

impl BadQuery {
    pub(crate) fn new(parameter: &str, reason: impl Into<String>) -> Self {
        Self {
            parameter: beginning(parameter).to_owned(),
            reason: reason.into(),
        }
    }

    /// Which parameter it is; the first 40 characters of its name.
    #[cfg(feature = "history")]
    #[must_use]
    pub fn parameter(&self) -> &str {
        &self.parameter
    }
}

impl Display for BadQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter {:?}: {}", self.parameter, self.reason)
    }
}

impl std::error::Error for BadQuery {}

/// Hands each parameter's name and value of `text` to `take`, until one is wrong.
pub(crate) fn read(
    text: &str,
    mut take: impl FnMut(&str, &str) -> Result<(), BadQuery>,
) -> Result<(), BadQuery> {
    for (i, (name, value)) in form_urlencoded::parse(text.as_bytes()).enumerate() {
        if i >= MAX_PARAMETERS {
            let reason = format!("one too many: at most {MAX_PARAMETERS} are read, so ask twice");
            return Err(BadQuery::new(&name, reason));
        }
        if value.len() > MAX_TEXT {
            let reason = format!("longer than {MAX_TEXT} bytes: shorten it");
            return Err(BadQuery::new(&name, reason));
        }
        take(&name, &value)?;
    }
    Ok(())
}

/// The error of a parameter that there is not; `known` are those that there are.
pub(crate) fn unknown(name: &str, known: &str) -> BadQuery {
    BadQuery::new(
        name,
        format!("no parameter is called so; there are: {known}"),
    )
}

/// The error of a value that is none: `wanted` is what it may be.
pub(crate) fn no_such_value(name: &str, value: &str, wanted: &str) -> BadQuery {
    let (sent, rest) = (beginning(value), value.len() > beginning(value).len());
    let more = if rest { "…" } else { "" };
    BadQuery::new(name, format!("it is {wanted}; {sent:?}{more} is not"))
}

/// Puts a value into its place, which nothing was put into before.
pub(crate) fn once<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), BadQuery> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(BadQuery::new(name, "given twice: give it once")),
    }
}

/// A number between two others.
pub(crate) fn number<T: FromStr + PartialOrd + Display + Copy>(
    name: &str,
    value: &str,
    least: T,
    most: T,
) -> Result<T, BadQuery> {
    let parsed = value.parse().ok().filter(|n| *n >= least && *n <= most);
    parsed.ok_or_else(|| no_such_value(name, value, &format!("a number from {least} to {most}")))
}

/// One of some words.
pub(crate) fn one_of<T: Copy>(name: &str, value: &str, all: &[(&str, T)]) -> Result<T, BadQuery> {
    let found = all.iter().find(|(word, _)| *word == value);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|(word, _)| *word).collect();
        no_such_value(name, value, &format!("one of {}", words.join(", ")))
    })
}

fn beginning(text: &str) -> &str {
    let end = text.char_indices().nth(SHOWN);
    end.and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}
