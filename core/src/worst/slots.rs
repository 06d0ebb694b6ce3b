//! Slots of bounded families: who is in them changes, their number does not.
//!
//! Lives here: a slot's series, made when it is first needed, and its info series, which goes when somebody else
//! takes the slot. Not here: who belongs into which slot (`board`).

use crate::desc::Desc;
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::registry::Shared;

/// The slots of some families; `K` tells who is in one.
#[derive(Debug)]
pub(super) struct Slots<K> {
    figures: &'static [&'static Desc],
    info: &'static Desc,
    slots: Vec<Slot<K>>,
}

#[derive(Debug)]
struct Slot<K> {
    number: String,
    figures: Vec<Gauge>,
    /// Who is in it, and the series that says so.
    taken: Option<(K, Gauge)>,
}

fn gauge(shared: &Shared, desc: &Desc, values: &[&str]) -> Result<Gauge, RegisterError> {
    let handle = shared.own_handle(desc, values)?;
    Ok(Gauge::new(handle))
}

impl<K: PartialEq> Slots<K> {
    /// Families with the label `slot`; `info` has others besides.
    pub(super) const fn new(figures: &'static [&'static Desc], info: &'static Desc) -> Self {
        Self {
            figures,
            info,
            slots: Vec::new(),
        }
    }

    /// Shows `who` in slot `rank`, with a value for each family; `labels` are those of the info series after the
    /// first, and asked for when the slot changes hands.
    pub(super) fn show(
        &mut self,
        shared: &Shared,
        rank: usize,
        who: K,
        values: &[Option<f64>],
        labels: impl FnOnce() -> Vec<String>,
    ) {
        while self.slots.len() <= rank {
            let number = self.slots.len().to_string();
            let made = self.figures.iter().map(|d| gauge(shared, d, &[&number]));
            let Ok(figures) = made.collect::<Result<Vec<_>, _>>() else {
                // The reserve is used up: it is tried again at the next merge, and until then goes unseen here.
                return shared.count_overflow(self.info);
            };
            self.slots.push(Slot {
                number,
                figures,
                taken: None,
            });
        }
        let Some(slot) = self.slots.get_mut(rank) else {
            return;
        };
        for (gauge, value) in slot.figures.iter().zip(values) {
            match value {
                Some(value) => gauge.set(*value),
                None => gauge.clear(),
            }
        }
        if slot.taken.as_ref().is_some_and(|(there, _)| *there == who) {
            return;
        }
        slot.leave(shared);
        let labels = labels();
        let all = std::iter::once(&slot.number).chain(&labels);
        let all: Vec<&str> = all.map(String::as_str).collect();
        match gauge(shared, self.info, &all) {
            Ok(info) => {
                info.set(1.0);
                slot.taken = Some((who, info));
            }
            Err(_) => shared.count_overflow(self.info),
        }
    }

    /// Nobody is in this slot and those after it.
    pub(super) fn clear_from(&mut self, shared: &Shared, rank: usize) {
        for slot in self.slots.iter_mut().skip(rank) {
            slot.figures.iter().for_each(Gauge::clear);
            slot.leave(shared);
        }
    }
}

impl<K> Slot<K> {
    fn leave(&mut self, shared: &Shared) {
        if let Some((_, info)) = self.taken.take() {
            shared.table().remove(info.handle().series());
        }
    }
}
