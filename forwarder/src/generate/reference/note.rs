//! What the reference says of a family beyond its description.
//!
//! Lives here: the shape of a note and of a section. Not here: what they say (`sections`), how it looks (`page`).

use media_metrics_core::desc::Desc;

/// Families that belong together, in the order in which they are told.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// What it is about, in Markdown.
    pub about: &'static str,
    /// What is often asked of these families.
    pub questions: &'static [Question],
    /// Its families.
    pub notes: &'static [Note],
}

/// A question, and the PromQL that answers it.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// The question, in words.
    pub asked: &'static str,
    /// PromQL, each `{}` in it the name of the next family of `of`.
    pub answer: &'static str,
    /// The families that it asks.
    pub of: &'static [&'static Desc],
}

/// What is told of one family beyond its description.
#[derive(Clone, Copy, Debug)]
pub struct Note {
    /// The family.
    pub desc: &'static Desc,
    /// When to worry: each `{}` in it the name of the next family of `see`.
    pub worry: &'static str,
    /// The families that `worry` names.
    pub see: &'static [&'static Desc],
    /// Who says what it means: an RFC, W3C's webrtc-stats, an ITU recommendation, LiveKit's code, `/proc`, or this
    /// project where nobody else does.
    pub source: &'static str,
    /// When it is there.
    pub appears: Appears,
}

/// When the program serves a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appears {
    /// From its start; counters at 0.
    AtStart,
    /// From its start, but it moves only with this.
    MovedBy(&'static str),
    /// Not before this.
    Once(&'static str),
    /// If this is configured.
    If(&'static str),
    /// Never: it is told by hosts that use the library in this way.
    ByHost(&'static str),
}

/// A family that is there from the start.
pub(super) const fn note(
    desc: &'static Desc,
    worry: &'static str,
    see: &'static [&'static Desc],
    source: &'static str,
) -> Note {
    Note {
        desc,
        worry,
        see,
        source,
        appears: Appears::AtStart,
    }
}

impl Note {
    /// The same, there at another time.
    pub(super) const fn appears(mut self, appears: Appears) -> Self {
        self.appears = appears;
        self
    }
}

/// `text` with each `{}` replaced by what `name` makes of the next family.
pub(super) fn filled(text: &str, of: &[&Desc], name: impl Fn(&Desc) -> String) -> String {
    let mut parts = text.split("{}");
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .zip(of)
        .fold(first, |text, (part, desc)| text + &name(desc) + part)
}

/// How many families a text names.
pub fn places(text: &str) -> usize {
    text.matches("{}").count()
}
