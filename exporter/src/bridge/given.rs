//! What a recorder was already given of our families.
//!
//! Lives here: keys and counts, kept from snapshot to snapshot, and what of a count is new. Not here: how it is
//! given (`republish`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use media_metrics_core::snapshot::FamilySchema;
use metrics::{Key, Label, SharedString};

/// The series of one family, in the order of its schema.
#[derive(Debug)]
pub(super) struct Given {
    schema: Arc<FamilySchema>,
    pub(super) series: Vec<GivenSeries>,
}

/// One series: its keys there, and the counts that were given, both as its kind has them.
#[derive(Debug, Default)]
pub(super) struct GivenSeries {
    pub(super) keys: Vec<Key>,
    pub(super) counts: Counts,
}

impl Given {
    /// Nothing yet; `keys` makes those of a series.
    pub(super) fn new(
        schema: &Arc<FamilySchema>,
        keys: impl Fn(&FamilySchema, usize) -> Vec<Key>,
    ) -> Self {
        let series = (0..schema.len()).map(|series| GivenSeries {
            keys: keys(schema, series),
            counts: Counts::default(),
        });
        Self {
            series: series.collect(),
            schema: Arc::clone(schema),
        }
    }

    /// Becomes that of the family as it is now: a series that was there keeps what it has, unless it began anew.
    pub(super) fn follow(
        &mut self,
        schema: &Arc<FamilySchema>,
        keys: impl Fn(&FamilySchema, usize) -> Vec<Key>,
    ) {
        if Arc::ptr_eq(&self.schema, schema) {
            return;
        }
        let mut old = std::mem::replace(self, Self::new(schema, keys));
        let places = (0..old.schema.len()).map(|at| (identity(&old.schema, at), at));
        let places: HashMap<Identity<'_>, usize> = places.collect();
        for (series, now) in self.series.iter_mut().enumerate() {
            let before = places.get(&identity(schema, series));
            if let Some(before) = before.and_then(|&at| old.series.get_mut(at)) {
                now.counts = std::mem::take(&mut before.counts);
            }
        }
    }
}

/// What makes a series the same as one before: its labels, and when it began.
type Identity<'a> = (Vec<(&'a str, &'a str)>, Option<SystemTime>);

fn identity(schema: &FamilySchema, series: usize) -> Identity<'_> {
    (schema.labels(series).collect(), schema.created(series))
}

/// A series' labels, and one more perhaps.
pub(super) fn key(
    name: &SharedString,
    schema: &FamilySchema,
    series: usize,
    more: Option<Label>,
) -> Key {
    let label = |(name, value): (&str, &str)| Label::new(name.to_owned(), value.to_owned());
    let labels: Vec<Label> = schema.labels(series).map(label).chain(more).collect();
    Key::from_parts(name.clone(), labels)
}

/// Totals that were given.
#[derive(Debug, Default)]
pub(super) struct Counts(Vec<u64>);

impl Counts {
    /// What is new of each of `now`, and counts as given from here on, if `give` takes it.
    ///
    /// Less than before in any of them: the series began anew, and all of it is new.
    ///
    /// At most about `limit` are given: if more are new, of each the same share, rounded up. The rest is new
    /// the next time.
    pub(super) fn give(&mut self, now: &[u64], limit: u64, mut give: impl FnMut(usize, u64)) {
        let old = &mut self.0;
        let anew = old.len() != now.len() || now.iter().zip(&*old).any(|(now, old)| now < old);
        if anew {
            old.clear();
            old.resize(now.len(), 0);
        }
        let new = now
            .iter()
            .zip(&*old)
            .map(|(now, old)| u128::from(now - old));
        let all: u128 = new.sum();
        for (at, (&now, old)) in now.iter().zip(old).enumerate() {
            let mut new = now - *old;
            if all > u128::from(limit) {
                let share = (u128::from(new) * u128::from(limit)).div_ceil(all);
                new = u64::try_from(share).unwrap_or(new);
            }
            *old += new;
            give(at, new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(counts: &mut Counts, now: &[u64], limit: u64) -> Vec<u64> {
        let mut given = vec![0; now.len()];
        counts.give(now, limit, |at, n| given[at] = n);
        given
    }

    #[test]
    fn only_what_is_new_is_given() {
        let mut counts = Counts::default();
        assert_eq!(given(&mut counts, &[1, 5], u64::MAX), [1, 5]);
        assert_eq!(given(&mut counts, &[1, 5], u64::MAX), [0, 0]);
        assert_eq!(given(&mut counts, &[2, 7], u64::MAX), [1, 2]);
        assert_eq!(given(&mut counts, &[1, 9], u64::MAX), [1, 9], "anew");
        let most = [u64::MAX, u64::MAX];
        assert_eq!(
            given(&mut Counts::default(), &most, u64::MAX).len(),
            2,
            "no overflow"
        );
    }

    #[test]
    fn what_is_over_the_limit_comes_later_and_all_of_it_comes() {
        let mut counts = Counts::default();
        let now = [1, 0, 1_000_000, 20];
        let mut all = [0; 4];
        let mut turns = 0;
        while all != now {
            let turn = given(&mut counts, &now, 10_000);
            assert!(turn.iter().sum::<u64>() <= 10_004);
            assert!(
                turns > 0 || turn[0] == 1 && turn[3] > 0,
                "what is rare does not wait"
            );
            all.iter_mut().zip(turn).for_each(|(all, n)| *all += n);
            turns += 1;
            assert!(turns <= 101);
        }
        assert!(turns >= 100);
    }
}
