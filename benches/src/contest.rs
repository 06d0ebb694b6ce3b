//! Contests: contenders of one operation, run in turns, compared with the floor of the same round.
//!
//! Lives here: calibration, rounds, medians and ratios, instructions. Not here: what is measured, how it is
//! printed (`results`).

use std::time::Duration;

use crate::callgrind;
use crate::options::Options;
use crate::say;

/// What a contender stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What the silicon allows; the first of every contest, and what ratios refer to.
    Floor,
    /// What no design costs.
    Naive,
    /// This project.
    Ours,
    /// A part of ours, for scale.
    Part,
    /// Another library.
    Peer,
}

impl Role {
    /// The word in the tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Naive => "naive",
            Self::Ours => "**ours**",
            Self::Part => "part",
            Self::Peer => "peer",
        }
    }
}

/// Runs `ops` operations on each of some threads, checks the answer, returns the time taken.
type Run<'a> = Box<dyn FnMut(usize, u64) -> Duration + 'a>;

struct Entry<'a> {
    role: Role,
    name: String,
    run: Run<'a>,
}

/// One operation and those who compete in it. The first to enter is the floor.
pub struct Contest<'a> {
    title: String,
    unit: &'static str,
    per_op: f64,
    counted: bool,
    entries: Vec<Entry<'a>>,
}

impl std::fmt::Debug for Contest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.entries.iter().map(|e| &e.name).collect();
        f.debug_struct("Contest")
            .field("title", &self.title)
            .field("entries", &names)
            .finish_non_exhaustive()
    }
}

/// What a contest found out.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The operation.
    pub title: String,
    /// What the times are of, such as `ns per packet`.
    pub unit: &'static str,
    /// The numbers of threads, one column each.
    pub threads: Vec<usize>,
    /// One a contender, in the order of entry.
    pub rows: Vec<Row>,
}

/// One contender's figures.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it stands for.
    pub role: Role,
    /// Its name.
    pub name: String,
    /// One a column of the outcome.
    pub cells: Vec<Cell>,
    /// Instructions of one operation on one thread, its loop included, where they were counted.
    pub instructions: Option<f64>,
}

/// One contender's figures on some number of threads.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// Median of all rounds.
    pub median: f64,
    /// The best round.
    pub best: f64,
    /// Median of the rounds' ratios to the floor.
    pub ratio: f64,
}

impl<'a> Contest<'a> {
    /// A contest in `title`; a time is divided by `per_op` to give `unit`.
    #[must_use]
    pub fn new(title: &str, unit: &'static str, per_op: f64) -> Self {
        Self {
            title: title.to_owned(),
            unit,
            per_op,
            counted: false,
            entries: Vec::new(),
        }
    }

    /// Has every contender's instructions counted, too. For contenders whose every operation is alike.
    #[must_use]
    pub const fn counted(mut self) -> Self {
        self.counted = true;
        self
    }

    /// Adds a contender: `run(threads, ops)` does `ops` operations on each thread, checks the answer and
    /// returns the wall time.
    pub fn enter(&mut self, role: Role, name: &str, run: impl FnMut(usize, u64) -> Duration + 'a) {
        debug_assert_eq!(self.entries.is_empty(), role == Role::Floor, "floor first");
        self.entries.push(Entry {
            role,
            name: name.to_owned(),
            run: Box::new(run),
        });
    }

    /// Runs everybody in turns, on each number of threads.
    ///
    /// Where the options ask for one contender, that one runs alone, and the process ends: it was started to be
    /// counted.
    #[must_use]
    pub fn hold(mut self, options: &Options, threads: &[usize]) -> Outcome {
        if let Some(count) = &options.count {
            let found = self.entries.iter_mut().find(|e| e.name == count.name);
            let ran = found.map(|e| (e.run)(1, count.ops));
            std::process::exit(i32::from(ran.is_none()));
        }
        let slice = options.slice();
        let columns = threads.iter().map(|&t| {
            let ops = self.entries.iter_mut();
            let ops: Vec<u64> = ops.map(|e| calibrate(&mut e.run, t, slice)).collect();
            self.rounds(options.rounds(), &ops, t)
        });
        let columns: Vec<_> = columns.collect();
        let counts = (self.counted && !options.quick).then(|| self.instructions());
        self.outcome(threads, &columns, &counts.unwrap_or_default())
    }

    /// Runs everybody in turns, one operation on one thread a turn: for operations of seconds.
    #[must_use]
    pub fn hold_slow(mut self, rounds: usize) -> Outcome {
        let ops = vec![1; self.entries.len()];
        let column = self.rounds(rounds, &ops, 1);
        self.outcome(&[1], &[column], &[])
    }

    fn outcome(&self, threads: &[usize], columns: &[Vec<Cell>], counts: &[f64]) -> Outcome {
        let rows = self.entries.iter().enumerate().map(|(i, e)| Row {
            role: e.role,
            name: e.name.clone(),
            cells: columns.iter().filter_map(|c| c.get(i)).copied().collect(),
            instructions: counts.get(i).copied(),
        });
        Outcome {
            title: self.title.clone(),
            unit: self.unit,
            threads: threads.to_vec(),
            rows: rows.collect(),
        }
    }

    /// Of each contender; NaN of one that could not be counted, with a note.
    fn instructions(&self) -> Vec<f64> {
        let one = |e: &Entry<'_>| {
            callgrind::per_op(&self.title, &e.name).unwrap_or_else(|why| {
                say::note(why);
                f64::NAN
            })
        };
        self.entries.iter().map(one).collect()
    }

    fn rounds(&mut self, rounds: usize, ops: &[u64], threads: usize) -> Vec<Cell> {
        let n = self.entries.len();
        let mut times = vec![Vec::with_capacity(rounds); n];
        for round in 0..rounds {
            // Another one starts each round: nobody always runs in the wake of the same neighbour.
            for turn in 0..n {
                let i = (round + turn) % n;
                let time = (self.entries[i].run)(threads, ops[i]);
                times[i].push(time.as_secs_f64() * 1e9 / ops[i] as f64 / self.per_op);
            }
        }
        let floor = times.first().cloned().unwrap_or_default();
        times
            .into_iter()
            .map(|own| {
                let ratios = own.iter().zip(&floor).map(|(t, f)| t / f).collect();
                Cell {
                    best: own.iter().copied().fold(f64::INFINITY, f64::min),
                    ratio: median(ratios),
                    median: median(own),
                }
            })
            .collect()
    }
}

/// How many operations fill about one slice of time; warms the contender up on the way.
fn calibrate(run: &mut Run<'_>, threads: usize, slice: Duration) -> u64 {
    let mut ops = 1_u64;
    loop {
        // The fastest of three: a pause in the wrong moment must not pass for a slow contender.
        let took = (0..3).map(|_| run(threads, ops)).min().unwrap_or_default();
        if took >= slice / 8 || ops > 1 << 40 {
            let scale = slice.as_secs_f64() / took.as_secs_f64().max(1e-9);
            return ((ops as f64 * scale) as u64).max(1);
        }
        ops *= 4;
    }
}

/// The middle value; of an even number, the mean of the two in the middle. NaN of none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    match (values.get(n.wrapping_sub(1) / 2), values.get(n / 2)) {
        (Some(a), Some(b)) => (a + b) / 2.0,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(vec![]).is_nan());
    }

    #[test]
    fn ratios_are_to_the_floor_of_the_same_round() {
        // A machine that slows down by a factor of ten in every third round: ratios must not move.
        let slow = |turn: &mut u64| {
            *turn += 1;
            if turn.is_multiple_of(3) { 10 } else { 1 }
        };
        let mut contest = Contest::new("t", "ns", 1.0);
        let (mut a, mut b) = (0, 0);
        contest.enter(Role::Floor, "floor", move |_, n| {
            Duration::from_micros(n * slow(&mut a))
        });
        contest.enter(Role::Ours, "twice", move |_, n| {
            Duration::from_micros(n * 2 * slow(&mut b))
        });
        let outcome = contest.hold(&Options::quick(), &[1]);
        let ours = outcome.rows[1].cells[0];
        assert!((ours.ratio - 2.0).abs() < 0.3, "{ours:?}");
        assert!(ours.best <= ours.median);
    }
}
