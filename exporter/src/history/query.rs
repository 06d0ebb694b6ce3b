//! What may be asked of the history.
//!
//! Lives here: the parameters of `/api/v1/history`, and their ranges. Not here: taking them apart, wrong ones
//! (`parameters`), answers.

use std::time::{Duration, SystemTime};

use crate::parameters::{BadQuery, no_such_value, number, once, one_of, read, unknown};

/// Numbers from here on are times since 1970, smaller ones are ages: a time of 2001, and an age of 31 years.
const FIRST_TIME: f64 = 1e9;
const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// In which format to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    #[default]
    Json,
    /// An interval log of HdrHistogram.
    Log,
}

/// A moment, as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum When {
    /// This long before the end of the last interval.
    Ago(Duration),
    At(SystemTime),
}

/// A question about the last minutes. By default: everything there is, interval by interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Names of families; none: all.
    pub(super) families: Vec<String>,
    /// Labels that a series must have.
    pub(super) labels: Vec<(String, String)>,
    pub(super) since: Option<When>,
    pub(super) until: Option<When>,
    /// `None`: interval by interval.
    pub(super) step: Option<Duration>,
    pub(super) quantiles: Vec<f64>,
    /// Most series.
    pub(super) limit: usize,
    format: Format,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            families: Vec::new(),
            labels: Vec::new(),
            since: None,
            until: None,
            step: None,
            quantiles: QUANTILES.to_vec(),
            limit: usize::MAX,
            format: Format::Json,
        }
    }
}

impl Query {
    /// Reads what stands behind a URL's `?`.
    ///
    /// | parameter | meaning | default |
    /// |---|---|---|
    /// | `family` | exact name of a family; may be given several times | all |
    /// | `label` | `name=value`, which a series must have; may be given several times | any |
    /// | `since`, `until` | how long ago (`90`, `90s`, `1500ms`, `5m`, `1h`), or seconds since 1970 (a number from 10^9 on) | all there is |
    /// | `step` | joins intervals to steps of this length | interval by interval |
    /// | `quantile` | from 0 to 1; may be given several times | 0.5, 0.95, 0.99 |
    /// | `limit` | most series | as many as fit |
    /// | `format` | `json` or `hlog` | `json` |
    ///
    /// # Errors
    /// A parameter that is unknown, given twice, or has no such value: which, and what it may be. Or there are more than
    /// 64 of them, or one is longer than 4,096 bytes.
    pub fn parse(text: &str) -> Result<Self, BadQuery> {
        const FORMATS: &[(&str, Format)] = &[("json", Format::Json), ("hlog", Format::Log)];
        let mut query = Self::default();
        let mut quantiles = Vec::new();
        let (mut limit, mut format) = (None, None);
        read(text, |name, value| match name {
            "family" => {
                query.families.push(value.to_owned());
                Ok(())
            }
            "label" => {
                let label = value.split_once('=');
                let wanted = "name=value: label=kind=audio";
                let (n, v) = label.ok_or_else(|| no_such_value(name, value, wanted))?;
                query.labels.push((n.to_owned(), v.to_owned()));
                Ok(())
            }
            "quantile" => {
                quantiles.push(number(name, value, 0.0, 1.0)?);
                Ok(())
            }
            "since" => once(&mut query.since, name, when(name, value)?),
            "until" => once(&mut query.until, name, when(name, value)?),
            "step" => {
                let step = duration(value).filter(|step| !step.is_zero());
                let wanted = "a time above 0, like 10s, 500ms, 1m";
                let step = step.ok_or_else(|| no_such_value(name, value, wanted))?;
                once(&mut query.step, name, step)
            }
            "limit" => once(&mut limit, name, number(name, value, 1, usize::MAX)?),
            "format" => once(&mut format, name, one_of(name, value, FORMATS)?),
            _ => Err(unknown(
                name,
                "family, label, quantile (each repeatable), since, until, step, limit, format",
            )),
        })?;
        if !quantiles.is_empty() {
            query.quantiles = quantiles;
        }
        query.limit = limit.unwrap_or(query.limit);
        query.format = format.unwrap_or(query.format);
        Ok(query)
    }

    /// All histograms that there are, as an interval log.
    #[must_use]
    pub fn log() -> Self {
        Self::default().with_format(Format::Log)
    }

    /// The same question, to be answered in another format.
    #[must_use]
    pub const fn with_format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// In which format the answer is wanted.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }
}

fn when(name: &str, text: &str) -> Result<When, BadQuery> {
    let plain: Option<f64> = text.parse().ok().filter(|seconds| *seconds >= FIRST_TIME);
    let at = match plain {
        Some(seconds) => {
            let since_1970 = Duration::try_from_secs_f64(seconds).ok();
            let at = since_1970.and_then(|d| SystemTime::UNIX_EPOCH.checked_add(d));
            at.map(When::At)
        }
        None => duration(text).map(When::Ago),
    };
    let wanted = "how long ago (90s, 5m, 1h), or seconds since 1970";
    at.ok_or_else(|| no_such_value(name, text, wanted))
}

/// A number of seconds, or of what stands behind it.
fn duration(text: &str) -> Option<Duration> {
    let end = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let seconds = match unit {
        "ms" => 1e-3,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    // Refuses what is negative, infinite, or no number.
    Duration::try_from_secs_f64(number * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read() {
        let query = Query::parse(
            "family=a_seconds&family=b_total&label=kind=audio&label=x%3D%C3%BC%3D&since=5m&until=1500ms&step=10&quantile=0.999&limit=7&format=hlog",
        );
        let query = query.unwrap();
        assert_eq!(query.families, ["a_seconds", "b_total"]);
        let labels = [("kind", "audio"), ("x", "ü=")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(query.labels, labels);
        assert_eq!(query.since, Some(When::Ago(Duration::from_secs(300))));
        assert_eq!(query.until, Some(When::Ago(Duration::from_millis(1_500))));
        assert_eq!(query.step, Some(Duration::from_secs(10)));
        assert_eq!(
            (query.quantiles, query.limit, query.format),
            (vec![0.999], 7, Format::Log)
        );
        assert_eq!(Query::parse(""), Ok(Query::default()));
    }

    #[test]
    fn large_numbers_are_times() {
        let since = |text: &str| Query::parse(&format!("since={text}")).unwrap().since;
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
        assert_eq!(since("1700000000.5"), Some(When::At(at)));
        assert_eq!(
            since("999999999"),
            Some(When::Ago(Duration::from_secs(999_999_999)))
        );
        assert_eq!(since("0"), Some(When::Ago(Duration::ZERO)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = format!("family={}", "x".repeat(5_000));
        let many = "family=x&".repeat(65);
        for (text, parameter) in [
            ("since=soon", "since"),
            ("since=-1", "since"),
            ("since=", "since"),
            ("since=nan", "since"),
            ("since=inf", "since"),
            ("since=1e300", "since"),
            ("since=5d", "since"),
            ("until=1s2", "until"),
            ("step=0", "step"),
            ("step=1e-30", "step"),
            ("step=1&step=2", "step"),
            ("step=ü", "step"),
            ("quantile=1.1", "quantile"),
            ("quantile=nan", "quantile"),
            ("label=kind", "label"),
            ("limit=0", "limit"),
            ("limit=-1", "limit"),
            ("limit=99999999999999999999999", "limit"),
            ("format=xml", "format"),
            ("familly=a", "familly"),
            ("%ff=1", "\u{fffd}"),
            (&long, "family"),
            (&many, "family"),
        ] {
            let error = Query::parse(text).unwrap_err();
            assert_eq!(error.parameter(), parameter, "{text}");
            assert!(error.to_string().contains(parameter), "{error}");
        }
        let name = "x".repeat(10_000);
        assert_eq!(Query::parse(&name).unwrap_err().parameter().len(), 40);
    }
}
