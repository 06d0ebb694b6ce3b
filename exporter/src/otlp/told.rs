//! What was told last time, and is no more.
//!
//! Lives here: which series had a value when they were last told and have none now. Not here: what is said of them
//! (`points`).
//!
//! A receiver that hears nothing of a series takes it for alive, with its last value, for some minutes. So each that
//! ended is told once with the flag "no recorded value", as the data model says ("Stream Manipulations", on gaps).

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use media_metrics_core::snapshot::FamilySchema;

use super::moment::{self, Numbers};

/// Families and series that were told last, sorted by name.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<Family>);

/// Which series of one family had a value.
#[derive(Debug)]
struct Family {
    schema: Arc<FamilySchema>,
    /// Of a family of gauges; of all others every series has one.
    with_value: Option<Vec<bool>>,
}

/// Series of one family, as it was when they were last told, that have ended since.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) schema: Arc<FamilySchema>,
    pub(super) series: Vec<usize>,
}

impl Told {
    /// What has ended since, if there are `families` now, in the order of their names.
    pub(super) fn ended(&self, families: &[moment::Family]) -> Vec<Ended> {
        let mut now = families.iter().map(Family::of).peekable();
        let mut all = Vec::new();
        for old in &self.0 {
            while now
                .next_if(|new| new.by_name(old) == Ordering::Less)
                .is_some()
            {}
            let new = now.next_if(|new| new.by_name(old) == Ordering::Equal);
            let series = old.without(new.as_ref());
            if !series.is_empty() {
                let schema = Arc::clone(&old.schema);
                all.push(Ended { schema, series });
            }
        }
        all
    }

    /// Takes note that `families` have been told, and what had ended before them.
    pub(super) fn note(&mut self, families: &[moment::Family]) {
        self.0 = families.iter().map(Family::of).collect();
    }

    /// Whether there is nothing that could end.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Family {
    fn of(family: &moment::Family) -> Self {
        let with_value = match &family.numbers {
            Numbers::Levels(levels) => Some(levels.iter().map(Option::is_some).collect()),
            _ => None,
        };
        Self {
            schema: Arc::clone(&family.schema),
            with_value,
        }
    }

    fn by_name(&self, other: &Self) -> Ordering {
        self.schema.desc().name().cmp(other.schema.desc().name())
    }

    /// Series that have a value.
    fn told(&self) -> impl Iterator<Item = usize> {
        (0..self.schema.len()).filter(|&i| self.has_value(i))
    }

    fn has_value(&self, i: usize) -> bool {
        let of_gauge = |all: &Vec<bool>| all.get(i).copied().unwrap_or(false);
        self.with_value.as_ref().is_none_or(of_gauge)
    }

    /// Series that were told and are not in `new`.
    fn without(&self, new: Option<&Self>) -> Vec<usize> {
        let Some(new) = new.filter(|new| self.is_kind_of(new)) else {
            return self.told().collect();
        };
        if Arc::ptr_eq(&self.schema, &new.schema) {
            // The same series: only a gauge's value can have gone.
            return self.told().filter(|&i| !new.has_value(i)).collect();
        }
        let there: HashSet<Vec<(&str, &str)>> = new.told().map(|i| new.labels(i)).collect();
        let is_gone = |&i: &usize| !there.contains(&self.labels(i));
        self.told().filter(is_gone).collect()
    }

    /// Whether points of both are of one form: a family of this name may have been registered anew.
    fn is_kind_of(&self, other: &Self) -> bool {
        let (a, b) = (self.schema.desc(), other.schema.desc());
        a.kind() == b.kind() && a.native_schema().is_some() == b.native_schema().is_some()
    }

    fn labels(&self, i: usize) -> Vec<(&str, &str)> {
        self.schema.labels(i).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::Snapshot;
    use media_metrics_core::desc::Desc;
    use media_metrics_core::snapshot::Builder;

    use super::super::buckets::Dense;
    use super::super::moment::Moment;
    use crate::format::Filter;

    const A: Desc = Desc::counter("a_total", "A.").labels(&["x"]);
    const B: Desc = Desc::gauge("b", "B.").labels(&["x"]);
    const C: Desc = Desc::histogram("c", "C.", &[]).labels(&["x"]);

    fn counters(labels: &[&'static str]) -> Snapshot {
        let labels: Vec<[&str; 1]> = labels.iter().map(|&l| [l]).collect();
        let series: Vec<_> = labels.iter().map(|l| (&l[..], 1)).collect();
        Builder::new().counter(&A, &series).build()
    }

    /// The name and label of each series that ended.
    fn follow(told: &mut Told, snapshot: &Snapshot) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let moment = Moment::of(snapshot, &Filter::ALL, &mut Dense::default());
        for ended in told.ended(&moment.families) {
            for &i in &ended.series {
                let name = ended.schema.desc().name().to_owned();
                let label = ended.schema.labels(i).next().unwrap().1.to_owned();
                all.push((name, label));
            }
        }
        told.note(&moment.families);
        all
    }

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter()
            .map(|&(a, b)| (a.to_owned(), b.to_owned()))
            .collect()
    }

    #[test]
    fn what_ended_is_told_once() {
        let mut told = Told::default();
        assert_eq!(follow(&mut told, &counters(&["1", "2", "3"])), []);
        assert_eq!(follow(&mut told, &counters(&["1", "2", "3"])), []);
        let gone = follow(&mut told, &counters(&["2", "4"]));
        assert_eq!(gone, pairs(&[("a_total", "1"), ("a_total", "3")]));
        assert_eq!(follow(&mut told, &counters(&["2", "4"])), []);
        let gone = follow(&mut told, &Builder::new().build());
        assert_eq!(gone, pairs(&[("a_total", "2"), ("a_total", "4")]));
        assert_eq!(follow(&mut told, &counters(&["2"])), []);
    }

    #[test]
    fn a_gauge_that_lost_its_value_has_ended() {
        let mut told = Told::default();
        let gauges = |x: Option<f64>, y: Option<f64>| {
            let series: &[(&[&str], _)] = &[(&["x"], x), (&["y"], y)];
            Builder::new().gauge(&B, series).build()
        };
        assert_eq!(follow(&mut told, &gauges(Some(1.0), None)), []);
        assert_eq!(
            follow(&mut told, &gauges(None, Some(1.0))),
            pairs(&[("b", "x")])
        );
        assert_eq!(
            follow(&mut told, &gauges(Some(1.0), None)),
            pairs(&[("b", "y")])
        );
    }

    #[test]
    fn families_come_and_go_between_others() {
        let mut told = Told::default();
        let all = || {
            let one: &[(&[&str], u64)] = &[(&["1"], 1)];
            let level: &[(&[&str], f64)] = &[(&["1"], 1.0)];
            let samples: &[(&[&str], &[u64])] = &[(&["1"], &[1])];
            (one, level, samples)
        };
        let (one, level, samples) = all();
        let everything = Builder::new()
            .counter(&A, one)
            .gauge(&B, level)
            .histogram(&C, samples);
        assert_eq!(
            follow(&mut told, &Builder::new().gauge(&B, level).build()),
            []
        );
        assert_eq!(follow(&mut told, &everything.build()), []);
        let ends = Builder::new().counter(&A, one).histogram(&C, samples);
        assert_eq!(follow(&mut told, &ends.build()), pairs(&[("b", "1")]));
    }

    #[test]
    fn a_family_of_another_kind_ends_all_of_the_first() {
        let mut told = Told::default();
        let x: &[&str] = &["x"];
        let gauge = Desc::gauge("a_total", "A.").labels(&["x"]);
        follow(&mut told, &counters(&["x"]));
        let snapshot = Builder::new().gauge(&gauge, &[(x, 1.0)]).build();
        assert_eq!(follow(&mut told, &snapshot), pairs(&[("a_total", "x")]));
    }
}
