//! What a row of somebody else's batch means: M1 to M5, or the reference's reading.
//!
//! Lives here: indexes into strings, whose a row is, whether it may be had. Not here: samples and caps
//! (`merge`).

use super::label::FIRST_STRING_INDEX;
use super::restriction::Restriction;
use super::rows::Key;
use super::shared::Sender;
use crate::livekit::Rules;

/// A string table with one more entry behind its last: the sender's identity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) strings: &'a [String],
    /// Who sent the batch, where that is checked.
    pub(super) sender: Option<Sender<'a>>,
}

impl<'a> Source<'a> {
    /// How many slots there are, the sender's included.
    pub(super) fn slots(&self) -> usize {
        self.strings.len() + 1
    }

    pub(super) fn text(&self, slot: usize) -> &'a str {
        match self.strings.get(slot) {
            Some(text) => text,
            None => self.sender.map_or("", |sender| sender.identity),
        }
    }

    /// The slot of an index on the wire.
    fn slot(&self, index: u32) -> Option<usize> {
        let slot = usize::try_from(index.checked_sub(FIRST_STRING_INDEX)?).ok()?;
        (slot < self.strings.len()).then_some(slot)
    }
}

/// A row's label: a number, or the slot of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Number(u32),
    Slot(usize),
}

/// A row's strings by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) label: Name,
    /// Identity, track and layer.
    pub(super) fields: [Option<usize>; 3],
    /// How many of track and layer lead nowhere.
    pub(super) cleared: u64,
}

/// Why a row is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Restricted,
    UnknownLabel,
    UnknownIdentity,
    ForeignIdentity,
}

/// What the row of these indexes means, if it may be had.
pub(super) fn resolve(
    key: Key,
    source: &Source<'_>,
    rules: Rules,
    restriction: &Restriction,
) -> Result<Meaning, Fault> {
    match rules {
        Rules::Corrected => corrected(key, source, restriction),
        Rules::Reference => reference(key, source, restriction),
    }
}

fn corrected(key: Key, source: &Source<'_>, restriction: &Restriction) -> Result<Meaning, Fault> {
    let slot_or_empty = |index| {
        let slot = source.slot(index)?;
        Some(Some(slot).filter(|slot| !source.text(*slot).is_empty()))
    };
    let label = if key.label < FIRST_STRING_INDEX {
        Name::Number(key.label)
    } else {
        let slot = slot_or_empty(key.label).flatten();
        Name::Slot(slot.ok_or(Fault::UnknownLabel)?)
    };
    let claimed = match key.identity {
        0 => None,
        index => slot_or_empty(index).ok_or(Fault::UnknownIdentity)?,
    };
    let identity = match (claimed, source.sender) {
        (claimed, None) => claimed,
        (None, Some(sender)) => (!sender.identity.is_empty()).then_some(source.strings.len()),
        (Some(slot), Some(sender)) if sender.trusted || source.text(slot) == sender.identity => {
            Some(slot)
        }
        (Some(_), Some(_)) => return Err(Fault::ForeignIdentity),
    };
    if let Name::Number(number) = label
        && restriction.refuses(number, identity.map_or("", |slot| source.text(slot)))
    {
        return Err(Fault::Restricted);
    }
    let mut cleared = 0;
    let [track_sid, rid] = [key.track_sid, key.rid].map(|index| match index {
        0 => None,
        index => slot_or_empty(index).unwrap_or_else(|| {
            cleared += 1;
            None
        }),
    });
    Ok(Meaning {
        label,
        fields: [identity, track_sid, rid],
        cleared,
    })
}

fn reference(key: Key, source: &Source<'_>, restriction: &Restriction) -> Result<Meaning, Fault> {
    let label = if key.label < FIRST_STRING_INDEX {
        let identity = source.slot(key.identity).map(|slot| source.text(slot));
        if identity.is_some_and(|identity| restriction.refuses(key.label, identity)) {
            return Err(Fault::Restricted);
        }
        Name::Number(key.label)
    } else {
        source.slot(key.label).map_or(Name::Number(0), Name::Slot)
    };
    Ok(Meaning {
        label,
        fields: [key.identity, key.track_sid, key.rid].map(|index| source.slot(index)),
        cleared: [key.track_sid, key.rid]
            .into_iter()
            .filter(|index| *index != 0 && source.slot(*index).is_none())
            .count() as u64,
    })
}
