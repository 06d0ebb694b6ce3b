//! What labels mean, and which values they have.
//!
//! Lives here: the shape, and the look-up. In `media` and `livekit`: the labels of either profile's families. Not here:
//! which family has which labels, which is the catalogs'. A test compares values with those that the program serves.

mod livekit;
mod media;

use media_metrics_core::desc::Desc;

use crate::generate::families::Origin;

/// A label of some families.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// The families that this is said of; empty: all of the catalog that nothing else is said of.
    pub of: &'static [&'static Desc],
    /// What it says of a series.
    pub meaning: &'static str,
    /// What may stand in it.
    pub values: Values,
}

/// What may stand in a label.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// One of these, each with what it means, unless the value says so itself.
    Closed(&'static [(&'static str, &'static str)]),
    /// Anything, within the bounds that the text tells.
    Open(&'static str),
}

/// What a family's label is, if it is known.
#[must_use]
pub fn of(desc: &Desc, origin: Origin, name: &str) -> Option<&'static Label> {
    let known = || all(origin).iter().filter(|label| label.name == name);
    let own = known().find(|label| label.of.iter().any(|of| of.name() == desc.name()));
    own.or_else(|| known().find(|label| label.of.is_empty()))
}

/// All of a catalog's labels.
#[must_use]
pub fn all(origin: Origin) -> &'static [Label] {
    match origin {
        Origin::Media => media::LABELS,
        Origin::LiveKit => livekit::LABELS,
    }
}

const fn closed(
    name: &'static str,
    of: &'static [&'static Desc],
    meaning: &'static str,
    values: &'static [(&'static str, &'static str)],
) -> Label {
    Label {
        name,
        of,
        meaning,
        values: Values::Closed(values),
    }
}

const fn open(
    name: &'static str,
    of: &'static [&'static Desc],
    meaning: &'static str,
    values: &'static str,
) -> Label {
    Label {
        name,
        of,
        meaning,
        values: Values::Open(values),
    }
}
