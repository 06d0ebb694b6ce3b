//! `Accept`: media ranges with weights, versions and escaping schemes.
//!
//! Lives here: the formats that there are, and the choice between them. Not here: content codings (`coding`).

use std::cmp::Reverse;
use std::fmt;

use mediatype::{MediaType, MediaTypeList, Name, ReadParams};

/// The weight of a range that gives none, in thousandths.
const FULL: u16 = 1_000;

/// A format, down to its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Media {
    Text004,
    Text100,
    OpenMetrics001,
    OpenMetrics100,
    OpenMetrics200,
    Protobuf,
}

impl Media {
    /// All, and of those that a range likes equally the one to take first.
    const ALL: [Self; 6] = [
        Self::Text004,
        Self::OpenMetrics100,
        Self::Protobuf,
        Self::Text100,
        Self::OpenMetrics001,
        Self::OpenMetrics200,
    ];

    const fn essence(self) -> (&'static str, &'static str) {
        match self {
            Self::Text004 | Self::Text100 => ("text", "plain"),
            Self::OpenMetrics001 | Self::OpenMetrics100 | Self::OpenMetrics200 => {
                ("application", "openmetrics-text")
            }
            Self::Protobuf => ("application", "vnd.google.protobuf"),
        }
    }

    /// Parameters that make it this format: a range that has one must have it with this value.
    const fn parameters(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Text004 => &[("version", "0.0.4")],
            Self::Text100 => &[("version", "1.0.0")],
            Self::OpenMetrics001 => &[("version", "0.0.1")],
            Self::OpenMetrics100 => &[("version", "1.0.0")],
            Self::OpenMetrics200 => &[("version", "2.0.0")],
            Self::Protobuf => &[
                ("proto", "io.prometheus.client.MetricFamily"),
                ("encoding", "delimited"),
            ],
        }
    }

    /// Whether a range must name its parameters to get it: nobody finds it behind `*/*`.
    const fn only_by_version(self) -> bool {
        matches!(
            self,
            Self::Text100 | Self::OpenMetrics001 | Self::OpenMetrics200
        )
    }

    /// Whether its grammar has no place for other names than those of letters, digits and underscores.
    const fn is_ascii(self) -> bool {
        matches!(self, Self::Text004 | Self::OpenMetrics001)
    }

    /// Whether its `Content-Type` always tells how names are escaped: later formats do.
    const fn tells_escaping(self) -> bool {
        matches!(self, Self::Text100)
    }

    /// How exactly `range` means it; `None` if not at all.
    fn specificity(self, range: &Range<'_>) -> Option<usize> {
        let (kind, subtype) = self.essence();
        let is = |name: Name<'_>, wanted: &str| name.as_str().eq_ignore_ascii_case(wanted);
        let media = &range.media;
        if media.ty == "*" && media.subty == "*" {
            return (!self.only_by_version()).then_some(0);
        }
        if !is(media.ty, kind) || media.suffix.is_some() {
            return None;
        }
        if media.subty == "*" {
            return (!self.only_by_version()).then_some(1);
        }
        if !is(media.subty, subtype) {
            return None;
        }
        let mut named = 0;
        for (name, wanted) in self.parameters() {
            match range.parameter(name) {
                Some(value) if value == *wanted => named += 1,
                Some(_) => return None,
                None => {}
            }
        }
        (named > 0 || !self.only_by_version()).then_some(2 + named)
    }
}

/// How names are written that are more than letters, digits, underscores and colons. The rules are those of
/// Prometheus' [escaping schemes](https://prometheus.io/docs/instrumenting/escaping_schemes/).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Escaping {
    /// As they are, in quotes.
    AllowUtf8,
    /// Each character that is not allowed becomes an underscore: what every reader takes.
    #[default]
    Underscores,
    /// Dots become `_dot_`, and underscores two, as does what else is not allowed.
    Dots,
    /// Such a name begins with `U__`, and has characters by number.
    Values,
}

impl Escaping {
    const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    const fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }
}

/// What was chosen; shown as the `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Format {
    pub(crate) media: Media,
    /// As asked for; `None` if the scraper didn't say.
    pub(crate) escaping: Option<Escaping>,
}

impl Format {
    /// What everybody reads.
    pub(crate) const DEFAULT: Self = Self {
        media: Media::Text004,
        escaping: None,
    };

    /// The format that these `Accept` fields like best.
    ///
    /// Of each format the range counts that means it most exactly; the highest weight wins, of equal ones the
    /// range that stands first. What can't be read is skipped. OpenMetrics 2.0 is
    /// none of them unless it is offered.
    pub(crate) fn accepted<'a>(
        fields: impl Iterator<Item = &'a str>,
        openmetrics_2_offered: bool,
    ) -> Self {
        let ranges: Vec<Range<'_>> = fields
            .flat_map(MediaTypeList::new)
            .filter_map(Result::ok)
            .map(Range::new)
            .collect();
        let liked = |media: Media| {
            let (at, range) = ranges
                .iter()
                .enumerate()
                .filter_map(|(at, range)| {
                    Some((media.specificity(range)?, range.weight, at, range))
                })
                .max_by_key(|&(specificity, weight, at, _)| (specificity, weight, Reverse(at)))
                .map(|(_, _, at, range)| (at, range))?;
            (range.weight > 0).then_some((media, at, range))
        };
        // Of equals the last is the largest: so the order of preference is walked from its end.
        Media::ALL
            .into_iter()
            .rev()
            .filter(|&media| openmetrics_2_offered || media != Media::OpenMetrics200)
            .filter_map(liked)
            .max_by_key(|&(_, at, range)| (range.weight, Reverse(at)))
            .map_or(Self::DEFAULT, |(media, _, range)| Self {
                media,
                escaping: range.escaping(),
            })
    }

    /// How names are escaped. Formats from before there were quotes around names have none, whoever asks.
    pub(crate) fn names(self) -> Escaping {
        match self.escaping {
            Some(Escaping::AllowUtf8) if self.media.is_ascii() => Escaping::Underscores,
            Some(asked) => asked,
            // It has quotes from its beginning.
            None if self.media == Media::OpenMetrics200 => Escaping::AllowUtf8,
            None => Escaping::Underscores,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, subtype) = self.media.essence();
        write!(f, "{kind}/{subtype}")?;
        for (name, value) in self.media.parameters() {
            write!(f, "; {name}={value}")?;
        }
        if self.media != Media::Protobuf {
            f.write_str("; charset=utf-8")?;
        }
        // Not to a scraper that doesn't know the word: it might compare the whole text.
        if self.escaping.is_some() || self.media.tells_escaping() {
            write!(f, "; escaping={}", self.names().as_str())?;
        }
        Ok(())
    }
}

/// One range of the header.
#[derive(Debug)]
struct Range<'a> {
    media: MediaType<'a>,
    weight: u16,
}

impl<'a> Range<'a> {
    fn new(media: MediaType<'a>) -> Self {
        let mut range = Self {
            media,
            weight: FULL,
        };
        if let Some(q) = range.parameter("q") {
            range.weight = weight(&q);
        }
        range
    }

    /// The value of a parameter; of several the first.
    fn parameter(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        let mut params = self.media.params();
        let found = params.find(|(key, _)| key.as_str().eq_ignore_ascii_case(name));
        // The value borrows from the pair, which borrows from the header.
        found.map(|(_, value)| value.unquoted_str().into_owned().into())
    }

    /// An unknown scheme counts as none.
    fn escaping(&self) -> Option<Escaping> {
        let asked = self.parameter("escaping")?;
        Escaping::ALL.into_iter().find(|e| e.as_str() == asked)
    }
}

/// A weight in thousandths. One that is no number counts as 1, as in Prometheus' own client libraries.
pub(super) fn weight(q: &str) -> u16 {
    match q.parse::<f64>() {
        Ok(q) if !q.is_nan() => (q.clamp(0.0, 1.0) * f64::from(FULL)).round() as u16,
        _ => FULL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> String {
        Format::accepted([accept].into_iter(), false).to_string()
    }

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const PROTO: &str = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

    #[test]
    fn what_scrapers_really_send() {
        for (accept, wanted) in [
            // Prometheus 2.42, without and with native histograms.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OPEN,
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                PROTO,
            ),
            // Prometheus 3.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            ),
            // Prometheus before 2.5, VictoriaMetrics, curl, a browser.
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1", TEXT),
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1", TEXT),
            ("*/*", TEXT),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
                TEXT,
            ),
        ] {
            assert_eq!(chosen(accept), wanted, "{accept}");
        }
    }

    #[test]
    fn weights_versions_and_exactness() {
        let text_1 = "text/plain; version=1.0.0; charset=utf-8; escaping=underscores";
        for (accept, wanted) in [
            ("text/plain;version=1.0.0", text_1),
            ("text/plain; VERSION=\"1.0.0\"", text_1),
            (
                "text/plain;version=1.0.0;escaping=dots",
                "text/plain; version=1.0.0; charset=utf-8; escaping=dots",
            ),
            ("text/plain;version=1.0.0;escaping=no-such", text_1),
            (
                "text/plain;version=0.0.4;escaping=values",
                "text/plain; version=0.0.4; charset=utf-8; escaping=values",
            ),
            ("text/plain;version=2.0.0", TEXT),
            ("Application/OpenMetrics-Text", OPEN),
            (
                "application/openmetrics-text;version=0.0.1",
                "application/openmetrics-text; version=0.0.1; charset=utf-8",
            ),
            ("application/openmetrics-text;version=2.0.0", TEXT),
            (
                "application/openmetrics-text;version=2.0.0, application/openmetrics-text;version=1.0.0;q=0.001",
                OPEN,
            ),
            ("application/vnd.google.protobuf", PROTO),
            (
                "application/vnd.google.protobuf;proto=other.Message, application/openmetrics-text;q=0.1",
                OPEN,
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
                TEXT,
            ),
            ("application/*", OPEN),
            ("text/*;q=0.2, application/*;q=0.1", TEXT),
            // The first of equals, but the heavier before the first.
            ("text/plain, application/openmetrics-text", TEXT),
            ("application/openmetrics-text, text/plain", OPEN),
            (
                "application/openmetrics-text;q=0.5, text/plain;q=0.50001",
                OPEN,
            ), // three digits count
            (
                "application/openmetrics-text;q=0.5, text/plain;q=0.501",
                TEXT,
            ),
            // The more exact range speaks for a format, not the heavier one.
            (
                "*/*, text/plain;q=0.1, application/openmetrics-text;q=0.2, application/vnd.google.protobuf;q=0",
                OPEN,
            ),
            ("text/plain;q=0, */*", OPEN),
            (
                "application/openmetrics-text;version=1.0.0;q=0, application/openmetrics-text, text/plain;q=0.1",
                TEXT,
            ),
            // Never a refusal.
            ("text/plain;q=0", TEXT),
            ("*/*;q=0", TEXT),
            ("image/png", TEXT),
            ("", TEXT),
            ("*", TEXT),
            (",,;q=1,/,a/,/b;;", TEXT),
            ("\u{0}, application/openmetrics-text", OPEN),
            (
                "text/plain;version=\"1.0.0, application/openmetrics-text",
                TEXT,
            ),
            ("application/openmetrics-text;q=banana", OPEN),
            ("application/openmetrics-text;q=nan, text/plain;q=0.9", OPEN),
            ("application/openmetrics-text;q=-1", TEXT),
            ("application/openmetrics-text;q=1e999, text/plain", OPEN),
        ] {
            assert_eq!(chosen(accept), wanted, "{accept}");
        }
    }

    #[test]
    fn openmetrics_2_is_for_hosts_that_offer_it_and_scrapers_that_name_it() {
        let open_2 = "application/openmetrics-text; version=2.0.0; charset=utf-8";
        for (accept, wanted) in [
            ("application/openmetrics-text;version=2.0.0", open_2),
            (
                "application/openmetrics-text;version=2.0.0;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4",
                open_2,
            ),
            (
                "application/openmetrics-text;version=2.0.0;escaping=dots",
                "application/openmetrics-text; version=2.0.0; charset=utf-8; escaping=dots",
            ),
            ("application/openmetrics-text", OPEN),
            ("application/*", OPEN),
            ("*/*", TEXT),
        ] {
            let format = Format::accepted([accept].into_iter(), true);
            assert_eq!(format.to_string(), wanted, "{accept}");
        }
        let named = "application/openmetrics-text;version=2.0.0";
        let format = Format::accepted([named].into_iter(), true);
        assert_eq!(format.names(), Escaping::AllowUtf8);
    }

    #[test]
    fn formats_without_quotes_have_none() {
        let utf8 = ";escaping=allow-utf-8";
        for (accept, names) in [
            ("text/plain;version=0.0.4", Escaping::Underscores),
            ("text/plain;version=1.0.0", Escaping::AllowUtf8),
            (
                "application/openmetrics-text;version=0.0.1",
                Escaping::Underscores,
            ),
            (
                "application/openmetrics-text;version=1.0.0",
                Escaping::AllowUtf8,
            ),
            ("application/vnd.google.protobuf", Escaping::AllowUtf8),
        ] {
            let format = Format::accepted([&*format!("{accept}{utf8}")].into_iter(), false);
            assert_eq!(format.names(), names, "{accept}");
        }
        assert_eq!(
            chosen("text/plain;version=0.0.4;escaping=allow-utf-8"),
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
        );
    }

    #[test]
    fn several_fields_are_one_list() {
        let fields = ["text/plain;q=0.5", "application/openmetrics-text;q=0.7"];
        assert_eq!(
            Format::accepted(fields.into_iter(), false).to_string(),
            OPEN
        );
        assert_eq!(Format::accepted([].into_iter(), false), Format::DEFAULT);
    }
}
