//! Questions: the parameters of a request, read strictly.
//!
//! Lives here: names, values, ranges, and what is said of wrong ones. Not here: answers.

use std::fmt::Display;
use std::str::FromStr;

use media_metrics_core::webrtc::Kind;
use media_metrics_core::worst::Direction;

use super::Page;

/// Streams in an answer that is told nothing else, and at most.
const DEFAULT_LIMIT: usize = 1_000;
const MAX_LIMIT: usize = 10_000;

/// Parameters of one request at most, and bytes of one that are repeated to who sent it.
const MAX_PARAMETERS: usize = 64;
const SHOWN_BYTES: usize = 64;

/// What is wrong with a question, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadQuery(pub(super) String);

/// In what order streams are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// By id: in the order in which they began.
    #[default]
    Id,
    /// The worst first.
    Worst,
    /// The highest share of packets lost since the stream began first.
    Loss,
    /// The highest jitter first.
    Jitter,
    /// The most bytes in the last interval first.
    Bitrate,
}

/// Which streams, or which families, and how many. What is empty or `None` says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Question {
    pub(super) ids: Vec<u64>,
    pub(super) ssrcs: Vec<u32>,
    pub(super) groups: Vec<String>,
    pub(super) participants: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) kind: Option<Kind>,
    pub(super) direction: Option<Direction>,
    pub(super) min_score: Option<f64>,
    pub(super) max_score: Option<f64>,
    pub(super) min_loss: Option<f64>,
    pub(super) max_loss: Option<f64>,
    pub(super) min_interval_loss: Option<f64>,
    pub(super) limit: Option<usize>,
    pub(super) sort: Option<Sort>,
}

impl Question {
    /// Streams told at most.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }

    /// Reads what stands behind a `?`.
    pub(super) fn parse(page: Page, query: &str) -> Result<Self, BadQuery> {
        let mut question = Self::default();
        for (i, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
            if i >= MAX_PARAMETERS {
                return Err(BadQuery(format!(
                    "at most {MAX_PARAMETERS} parameters are read"
                )));
            }
            match page {
                Page::Streams => question.stream(&name, &value)?,
                Page::Snapshot if name == "name[]" => question.names.push(value.into_owned()),
                Page::Snapshot => return Err(unknown(&name, "name[]")),
                Page::Worst => return Err(unknown(&name, "none")),
            }
        }
        Ok(question)
    }

    fn stream(&mut self, name: &str, value: &str) -> Result<(), BadQuery> {
        const KINDS: &[(&str, Kind)] = &[("audio", Kind::Audio), ("video", Kind::Video)];
        const DIRECTIONS: &[(&str, Direction)] = &[
            ("incoming", Direction::Incoming),
            ("outgoing", Direction::Outgoing),
        ];
        const SORTS: &[(&str, Sort)] = &[
            ("id", Sort::Id),
            ("worst", Sort::Worst),
            ("loss", Sort::Loss),
            ("jitter", Sort::Jitter),
            ("bitrate", Sort::Bitrate),
        ];
        match name {
            "id" => self.ids.push(number(name, value, 0, u64::MAX)?),
            "ssrc" => self.ssrcs.push(ssrc(value)?),
            "group" => self.groups.push(value.to_owned()),
            "participant" => self.participants.push(value.to_owned()),
            "kind" => once(&mut self.kind, name, one_of(name, value, KINDS)?)?,
            "direction" => once(&mut self.direction, name, one_of(name, value, DIRECTIONS)?)?,
            "min_score" => once(&mut self.min_score, name, number(name, value, 0.0, 100.0)?)?,
            "max_score" => once(&mut self.max_score, name, number(name, value, 0.0, 100.0)?)?,
            "min_loss" => once(&mut self.min_loss, name, number(name, value, 0.0, 1.0)?)?,
            "max_loss" => once(&mut self.max_loss, name, number(name, value, 0.0, 1.0)?)?,
            "min_interval_loss" => once(
                &mut self.min_interval_loss,
                name,
                number(name, value, 0.0, 1.0)?,
            )?,
            "limit" => once(&mut self.limit, name, number(name, value, 1, MAX_LIMIT)?)?,
            "sort" => once(&mut self.sort, name, one_of(name, value, SORTS)?)?,
            _ => {
                return Err(unknown(
                    name,
                    "id, ssrc, group and participant (each repeatable), kind, direction, min_score, max_score, \
                     min_loss, max_loss, min_interval_loss, limit, sort",
                ));
            }
        }
        Ok(())
    }
}

/// The beginning of what somebody sent.
fn shown(text: &str) -> String {
    match text.char_indices().find(|(at, _)| *at >= SHOWN_BYTES) {
        Some((at, _)) => format!("{:?}…", text.get(..at).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

fn unknown(name: &str, known: &str) -> BadQuery {
    let name = shown(name);
    BadQuery(format!("no parameter is called {name}; there are: {known}"))
}

fn once<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), BadQuery> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(BadQuery(format!("{name} is given twice: give it once"))),
    }
}

fn number<T: FromStr + PartialOrd + Display + Copy>(
    name: &str,
    value: &str,
    least: T,
    most: T,
) -> Result<T, BadQuery> {
    let parsed = value.parse().ok().filter(|n| *n >= least && *n <= most);
    parsed.ok_or_else(|| {
        let value = shown(value);
        BadQuery(format!(
            "{name} is a number from {least} to {most}; {value} is not"
        ))
    })
}

fn ssrc(value: &str) -> Result<u32, BadQuery> {
    let hex = value
        .strip_prefix("0x")
        .or_else(|| value.strip_prefix("0X"));
    let parsed = match hex {
        Some(hex) if !hex.starts_with('+') => u32::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None => value.parse().ok(),
    };
    parsed.ok_or_else(|| {
        let value = shown(value);
        BadQuery(format!(
            "ssrc is a number from 0 to 4294967295, or one like 0x1234abcd; {value} is not"
        ))
    })
}

fn one_of<T: Copy>(name: &str, value: &str, all: &[(&str, T)]) -> Result<T, BadQuery> {
    let found = all.iter().find(|(word, _)| *word == value);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|(word, _)| *word).collect();
        let (words, value) = (words.join(", "), shown(value));
        BadQuery(format!("{name} is one of {words}; {value} is not"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_read() {
        let query = "id=7&ssrc=0x10&ssrc=4294967295&group=incoming%2Faudio&participant=a+b&kind=video\
                     &direction=outgoing&min_score=20&max_score=80.5&min_loss=0&max_loss=1&min_interval_loss=0.01\
                     &limit=10000&sort=worst";
        let question = Question::parse(Page::Streams, query).unwrap();
        let expected = Question {
            ids: vec![7],
            ssrcs: vec![16, u32::MAX],
            groups: vec!["incoming/audio".to_owned()],
            participants: vec!["a b".to_owned()],
            names: Vec::new(),
            kind: Some(Kind::Video),
            direction: Some(Direction::Outgoing),
            min_score: Some(20.0),
            max_score: Some(80.5),
            min_loss: Some(0.0),
            max_loss: Some(1.0),
            min_interval_loss: Some(0.01),
            limit: Some(10_000),
            sort: Some(Sort::Worst),
        };
        assert_eq!(question, expected);
        assert_eq!(Question::parse(Page::Streams, "").unwrap().limit(), 1_000);
        let names = Question::parse(Page::Snapshot, "name[]=a&name%5B%5D=b").unwrap();
        assert_eq!(names.names, ["a", "b"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        for (query, says) in [
            ("grp=1", "\"grp\""),
            ("limit=0", "1 to 10000"),
            ("limit=10001", "1 to 10000"),
            ("limit=1e3", "limit"),
            ("limit", "limit"),
            ("limit=1&limit=1", "twice"),
            ("max_score=NaN", "0 to 100"),
            ("max_score=-1", "0 to 100"),
            ("min_loss=1.01", "0 to 1"),
            ("min_loss=inf", "0 to 1"),
            ("ssrc=4294967296", "4294967295"),
            ("ssrc=0x", "ssrc"),
            ("ssrc=0x+1", "ssrc"),
            ("id=-1", "id"),
            ("kind=smell", "audio, video"),
            ("direction=up", "incoming, outgoing"),
            ("sort=colour", "worst"),
            ("%ff=1", "no parameter"),
        ] {
            let BadQuery(why) = Question::parse(Page::Streams, query).unwrap_err();
            assert!(why.contains(says), "{query}: {why}");
        }
        let long = format!("{}=1", "é".repeat(4_000));
        let BadQuery(why) = Question::parse(Page::Streams, &long).unwrap_err();
        assert!(why.len() < 400, "{}", why.len());
        let many = "ssrc=1&".repeat(65);
        assert!(Question::parse(Page::Streams, &many).is_err());
        assert!(Question::parse(Page::Worst, "limit=1").is_err());
        assert!(Question::parse(Page::Snapshot, "limit=1").is_err());
    }
}
