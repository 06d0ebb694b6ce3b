//! Who gets the same: what is merged and encoded once for all of them.
//!
//! Lives here: grouping receivers by what they get. Not here: what that is (`report`).
//!
//! What one receiver alone gets does not part it from others: it is appended to what it shares with them. So in a room
//! where all see all, and in one where all see a few and themselves, all share. Receivers are grouped exactly,
//! not by hashes; entries for the same receivers count as one, so in a settled room of `n` this is `n` steps.

use std::collections::HashMap;

use fixedbitset::FixedBitSet;

use super::members::Receivers;

/// Receivers that get the same of what is for several, in the order of the first of each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// Indexes of entries, oldest first.
    pub(super) entries: Vec<usize>,
    pub(super) places: Vec<usize>,
}

/// Groups the receivers of a log's entries.
pub(super) fn groups<'a>(entries: impl IntoIterator<Item = &'a Receivers>) -> Vec<Group> {
    // Entries by who gets them, in the order of their first.
    let mut kinds: Vec<(&FixedBitSet, Vec<usize>)> = Vec::new();
    let mut kind_of = HashMap::new();
    for (entry, receivers) in entries.into_iter().enumerate() {
        let Receivers::Many(set) = receivers else {
            continue;
        };
        let kind = *kind_of.entry(set).or_insert(kinds.len());
        match kinds.get_mut(kind) {
            Some((_, entries)) => entries.push(entry),
            None => kinds.push((set, vec![entry])),
        }
    }
    by_kinds(&kinds)
}

/// Receivers by the kinds that they get.
fn by_kinds(kinds: &[(&FixedBitSet, Vec<usize>)]) -> Vec<Group> {
    let places = kinds.iter().map(|(set, _)| set.len()).max().unwrap_or(0);
    let mut gets = vec![FixedBitSet::new(); places];
    for (kind, (set, _)) in kinds.iter().enumerate() {
        for place in set.ones() {
            if let Some(gets) = gets.get_mut(place) {
                gets.grow(kinds.len());
                gets.insert(kind);
            }
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut group_of = HashMap::new();
    let with_any = gets.iter().enumerate().filter(|(_, gets)| !gets.is_empty());
    for (place, gets) in with_any {
        let group = *group_of.entry(gets).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(group) => group.places.push(place),
            None => groups.push(Group {
                entries: entries_of(kinds, gets),
                places: vec![place],
            }),
        }
    }
    groups
}

fn entries_of(kinds: &[(&FixedBitSet, Vec<usize>)], gets: &FixedBitSet) -> Vec<usize> {
    let of_kinds = gets.ones().filter_map(|kind| kinds.get(kind));
    let mut entries: Vec<_> = of_kinds.flat_map(|(_, entries)| entries).copied().collect();
    entries.sort_unstable();
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn set(places: &[usize]) -> Receivers {
        let length = places.iter().max().map_or(0, |last| last + 1);
        let mut set = FixedBitSet::with_capacity(length);
        set.extend(places.iter().copied());
        Receivers::of(set).unwrap()
    }

    #[test]
    fn all_who_see_all_are_one_group() {
        let log = [set(&[0, 1, 2]), set(&[0, 1, 2]), set(&[0, 1, 2])];
        let all = Group {
            entries: vec![0, 1, 2],
            places: vec![0, 1, 2],
        };
        assert_eq!(groups(&log), [all]);
    }

    #[test]
    fn all_who_see_a_few_and_themselves_are_one_group() {
        let log = [set(&[1]), set(&[0, 1, 2]), set(&[2]), set(&[1])];
        let all = Group {
            entries: vec![1],
            places: vec![0, 1, 2],
        };
        assert_eq!(groups(&log), [all]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        /// Everybody gets what is meant for it and others, in order; who gets the same is in one group; nobody is in two.
        #[test]
        #[cfg_attr(miri, ignore = "plain arithmetic, many cases")]
        fn groups_are_what_a_walk_through_the_log_gives(
            log in vec(vec(0_usize..70, 1..12), 0..40),
        ) {
            let log: Vec<_> = log.iter().map(|places| set(places)).collect();
            let groups = groups(&log);
            let mut expected = BTreeMap::new();
            for place in 0..70 {
                let shared = log.iter().enumerate().filter(|(_, receivers)| {
                    matches!(receivers, Receivers::Many(_)) && receivers.has(place)
                });
                let shared: Vec<_> = shared.map(|(entry, _)| entry).collect();
                if !shared.is_empty() {
                    expected.insert(place, shared);
                }
            }
            let mut got = BTreeMap::new();
            for group in &groups {
                for place in &group.places {
                    prop_assert!(got.insert(*place, group.entries.clone()).is_none());
                }
            }
            prop_assert_eq!(&got, &expected);
            let distinct: BTreeSet<_> = expected.values().collect();
            prop_assert_eq!(groups.len(), distinct.len());
        }
    }
}
