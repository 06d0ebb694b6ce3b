//! Insight as JSON: single streams on demand, the worst of them, and the whole snapshot.
//!
//! Lives here: which answer a path has, what is kept from one request to the next, and how much of a processor
//! requests may take (`budget`). In `query`: parameters. In `live`: which streams are meant; in `streams`: those as W3C
//! webrtc-stats objects. In `worst`: the worst of them. In `snapshot`: families. Not here: HTTP (`http`), reading streams (core).
//!
//! # What it costs others
//! Reading live streams takes the reporter's lock, which a merge needs, too: so the streams are read once for each
//! snapshot, however many ask. What answers cost is bounded: an answer of the same words to the same question is
//! kept, and all others together get a quarter of one processor. So does the history, apart from them.

mod budget;
mod live;
mod query;
mod snapshot;
mod streams;
mod worst;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use media_metrics_core::snapshot::Snapshot;
use serde::Serialize;

use self::budget::Budget;
use self::live::Listed;
use self::query::Question;
#[cfg(feature = "page")]
pub(crate) use self::worst::Worst;
pub(crate) use self::worst::with_worst;
use crate::format::Filter;
use crate::source::Source;
use crate::wall::since_1970;

/// Answers kept of one snapshot, and their bytes all together.
const KEPT: usize = 8;
const KEPT_BYTES: usize = 16 << 20;

/// What a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Live streams.
    Streams,
    /// The worst streams and groups.
    Worst,
    /// All families.
    Snapshot,
}

/// What there is to say.
#[derive(Debug)]
pub(crate) enum Answer {
    /// JSON, and the tag of what it is about.
    Json(Bytes, String),
    /// The asker has it already.
    Same(String),
    /// The question is wrong: which parameter, and what is allowed.
    Wrong(String),
    /// There is no such thing here, and why.
    Nothing(&'static str),
    /// Too much was asked.
    Busy,
}

/// Why there is nothing.
const NO_STREAMS: &str =
    "this server knows snapshots alone, and no single streams: its source is no registry";

/// The pages over one source.
#[derive(Debug, Default)]
pub(crate) struct Api {
    shown: Filter,
    desk: Mutex<Desk>,
    /// Of other pages for people.
    #[cfg(feature = "history")]
    others: Mutex<Budget>,
}

/// What is kept between requests.
#[derive(Debug, Default)]
struct Desk {
    /// Of which snapshot all this is.
    tag: String,
    listed: Option<Arc<Listed>>,
    answers: Vec<(Topic, String, Bytes)>,
    budget: Budget,
}

impl Api {
    /// Answers about families that `shown` names.
    pub(crate) fn new(shown: Filter) -> Self {
        Self {
            shown,
            ..Self::default()
        }
    }

    /// Which families are told of.
    #[cfg(feature = "history")]
    pub(crate) const fn shown(&self) -> &Filter {
        &self.shown
    }

    /// Does other work for people, which gets another quarter of a processor. If there is no time for it now: how long
    /// until there is.
    #[cfg(feature = "history")]
    pub(crate) fn spend<T>(&self, work: impl FnOnce() -> T) -> Result<T, std::time::Duration> {
        let budget = || self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        let wait = budget().wait(begun);
        if !wait.is_zero() {
            return Err(wait);
        }
        let done = work();
        budget().took(begun, Instant::now());
        Ok(done)
    }

    /// Answers `query`; `known` is whether the asker has what is tagged so.
    pub(crate) fn answer(
        &self,
        source: &dyn Source,
        topic: Topic,
        query: &str,
        known: impl Fn(&str) -> bool,
    ) -> Answer {
        let question = match Question::parse(topic, query) {
            Ok(question) => question,
            Err(wrong) => return Answer::Wrong(wrong.to_string()),
        };
        if topic != Topic::Snapshot && source.streams().is_none() {
            return Answer::Nothing(NO_STREAMS);
        }
        let snapshot = source.latest();
        let tag = format!("\"{}\"", name(&snapshot));
        if known(&tag) {
            return Answer::Same(tag);
        }
        // Whole between any two statements: at worst something is made again.
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.turn_to(&tag);
        if let Some(there) = desk.find(topic, query) {
            return Answer::Json(there, tag);
        }
        let begun = Instant::now();
        if !desk.budget.allows(begun) {
            return Answer::Busy;
        }
        let json = match topic {
            Topic::Snapshot => snapshot::json(&snapshot, &self.shown, &question),
            Topic::Worst => match source.streams() {
                Some(registry) => with_worst(registry, |worst| to_json(worst)),
                None => return Answer::Nothing(NO_STREAMS),
            },
            Topic::Streams => match desk.listed(source) {
                Some(listed) => streams::json(&listed, &snapshot, &question),
                None => return Answer::Nothing(NO_STREAMS),
            },
        };
        desk.budget.took(begun, Instant::now());
        desk.keep(topic, query, &json);
        Answer::Json(json, tag)
    }
}

impl Desk {
    /// Forgets what is of another snapshot.
    fn turn_to(&mut self, tag: &str) {
        if self.tag != tag {
            tag.clone_into(&mut self.tag);
            self.listed = None;
            self.answers.clear();
        }
    }

    fn find(&self, topic: Topic, query: &str) -> Option<Bytes> {
        let is_it = |(t, q, _): &&(Topic, String, Bytes)| *t == topic && q == query;
        self.answers
            .iter()
            .find(is_it)
            .map(|(.., json)| json.clone())
    }

    fn keep(&mut self, topic: Topic, query: &str, json: &Bytes) {
        let bytes: usize = self.answers.iter().map(|(.., json)| json.len()).sum();
        if self.answers.len() < KEPT && bytes + json.len() <= KEPT_BYTES {
            self.answers.push((topic, query.to_owned(), json.clone()));
        }
    }

    /// The live streams, read when they are asked for first.
    fn listed(&mut self, source: &dyn Source) -> Option<Arc<Listed>> {
        if self.listed.is_none() {
            self.listed = Some(Arc::new(Listed::read(source)?));
        }
        self.listed.clone()
    }
}

/// What a snapshot is called: its number, and its milliseconds since 1970, since a number alone would come again after
/// a restart.
pub(crate) fn name(snapshot: &Snapshot) -> String {
    let ms = since_1970(snapshot.time()).as_millis();
    format!("{}-{ms}", snapshot.sequence())
}

/// As JSON. Numbers that JSON has no words for become null.
pub(crate) fn to_json(value: &impl Serialize) -> Bytes {
    // It fails for maps whose keys are no texts: there are none.
    serde_json::to_vec(value).map_or_else(|_| Bytes::new(), Bytes::from)
}
