//! Questions about streams, the worst of them and snapshots.
//!
//! Lives here: which parameters there are, and their ranges. Not here: taking them apart, wrong ones (`parameters`),
//! answers.

use media_metrics_core::webrtc::Kind;
use media_metrics_core::worst::Direction;

use super::Topic;
use crate::parameters::{BadQuery, no_such_value, number, once, one_of, read, unknown};

/// Streams in an answer that is told nothing else, and at most.
const DEFAULT_LIMIT: usize = 1_000;
const MAX_LIMIT: usize = 10_000;

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
    pub(super) fn parse(topic: Topic, query: &str) -> Result<Self, BadQuery> {
        let mut question = Self::default();
        read(query, |name, value| match topic {
            Topic::Streams => question.stream(name, value),
            Topic::Snapshot if name == "name[]" => {
                question.names.push(value.to_owned());
                Ok(())
            }
            Topic::Snapshot => Err(unknown(name, "name[]")),
            Topic::Worst => Err(unknown(name, "none")),
        })?;
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

fn ssrc(value: &str) -> Result<u32, BadQuery> {
    let hex = value
        .strip_prefix("0x")
        .or_else(|| value.strip_prefix("0X"));
    let parsed = match hex {
        Some(hex) if !hex.starts_with('+') => u32::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None => value.parse().ok(),
    };
    let wanted = "a number from 0 to 4294967295, or one like 0x1234abcd";
    parsed.ok_or_else(|| no_such_value("ssrc", value, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_read() {
        let query = "id=7&ssrc=0x10&ssrc=4294967295&group=incoming%2Faudio&participant=a+b&kind=video\
                     &direction=outgoing&min_score=20&max_score=80.5&min_loss=0&max_loss=1&min_interval_loss=0.01\
                     &limit=10000&sort=worst";
        let question = Question::parse(Topic::Streams, query).unwrap();
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
        assert_eq!(Question::parse(Topic::Streams, "").unwrap().limit(), 1_000);
        let names = Question::parse(Topic::Snapshot, "name[]=a&name%5B%5D=b").unwrap();
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
            let why = Question::parse(Topic::Streams, query)
                .unwrap_err()
                .to_string();
            assert!(why.contains(says), "{query}: {why}");
        }
        let long = format!("{}=1", "é".repeat(4_000));
        let why = Question::parse(Topic::Streams, &long)
            .unwrap_err()
            .to_string();
        assert!(why.len() < 400, "{}", why.len());
        let many = "ssrc=1&".repeat(65);
        assert!(Question::parse(Topic::Streams, &many).is_err());
        assert!(Question::parse(Topic::Worst, "limit=1").is_err());
        assert!(Question::parse(Topic::Snapshot, "limit=1").is_err());
    }
}
