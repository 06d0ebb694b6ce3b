//! Exemplars on a page.
//!
//! Lives here: which bucket an exemplar stands behind, and what it looks like in text. Not here: which are kept (core),
//! protobuf's form (`protobuf`).

use std::time::SystemTime;

use media_metrics_core::exemplar::Exemplar;
use media_metrics_core::histogram::HistogramSnapshot;

use super::negotiate::Escaping;
use super::{escape, number};

/// Those that can be shown: what is no number is in no bucket.
pub(super) fn of(histogram: &HistogramSnapshot) -> impl Iterator<Item = &Exemplar> {
    let all = histogram.exemplars().iter();
    all.filter(|exemplar| !exemplar.value().is_nan())
}

/// For each bucket, the last of which is that of `+Inf`, its bound and the exemplar that belongs to it: the smallest
/// of those above the bound before.
pub(super) fn by_bucket<'a>(
    histogram: &'a HistogramSnapshot,
    bounds: &'a [f64],
) -> impl Iterator<Item = (f64, Option<&'a Exemplar>)> {
    let mut rest = of(histogram).peekable();
    bounds.iter().chain(&[f64::INFINITY]).map(move |&bound| {
        let mut inside = || rest.next_if(|exemplar| exemplar.value() <= bound);
        let first = inside();
        while inside().is_some() {}
        (bound, first)
    })
}

/// Names and values of the labels that can stand beside each other under this scheme, together no longer than `room`
/// characters: an empty name, or one that is there already, has no place.
pub(super) fn labels(
    exemplar: &Exemplar,
    scheme: Escaping,
    mut room: usize,
    mut each: impl FnMut(&str, &str),
) {
    for (at, (name, value)) in exemplar.labels().enumerate() {
        let escaped = escape::label_name(name, scheme);
        let mut before = exemplar.labels().take(at);
        if name.is_empty() || before.any(|(other, _)| escape::label_name(other, scheme) == escaped)
        {
            continue;
        }
        let length = escaped.chars().count() + value.chars().count();
        let Some(left) = room.checked_sub(length) else {
            break;
        };
        room = left;
        each(&escaped, value);
    }
}

/// What a text format lets an exemplar's labels be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Characters of all names and values.
    pub(super) room: usize,
    /// Whether there may be quotes in them.
    pub(super) quotes: bool,
}

/// The standard allows quotes, but readers in wide use take an escaped one for the end of the text, and then refuse the
/// whole page: so they are written as apostrophes.
pub(super) const OPENMETRICS_1: Rules = Rules {
    room: Exemplar::MAX_CHARS,
    quotes: false,
};

pub(super) const OPENMETRICS_2: Rules = Rules {
    room: usize::MAX,
    quotes: true,
};

/// Appends an exemplar as it stands behind a sample: ` # {name="value"} 0.5 1520879607.789`, its time at most `now`.
pub(super) fn write(
    page: &mut Vec<u8>,
    exemplar: &Exemplar,
    scheme: Escaping,
    rules: Rules,
    now: SystemTime,
) {
    page.extend_from_slice(b" # {");
    let mut between: &[u8] = b"";
    labels(exemplar, scheme, rules.room, |name, value| {
        page.extend_from_slice(between);
        between = b",";
        let start = page.len();
        escape::label(page, name, value);
        if !rules.quotes {
            escape::soften(page, start);
        }
    });
    page.extend_from_slice(b"} ");
    number::value(page, exemplar.value());
    page.push(b' ');
    number::time(page, exemplar.time().min(now));
}
