//! One interval, packed.
//!
//! Lives here: what is kept of an interval, to bytes and back: a record for each series that has something to say.
//! Not here: which series that is (`recorder`), how many intervals there are (`ring`).
//!
//! A record is a number (series times four, plus the kind) and its values, all of them in as few bytes as they need
//! (Protobuf's variable-length integers), levels apart: a counter that grew by less than 128 takes two or three bytes.

use std::sync::Arc;
use std::time::Duration;

use prost::encoding::{decode_varint, encode_varint};

const COUNTER: u64 = 0;
const GAUGE: u64 = 1;
const HISTOGRAM: u64 = 2;
const EXACT: u64 = 3;

/// One interval of all series.
#[derive(Debug)]
pub(super) struct Frame {
    /// Its number, counted from the first.
    pub(super) number: u64,
    /// Its end, on the recorder's own time line.
    pub(super) end: Duration,
    pub(super) length: Duration,
    records: Box<[u8]>,
    /// Series that no later frame mentions.
    pub(super) retired: Box<[u32]>,
}

impl Frame {
    pub(super) fn new(
        number: u64,
        end: Duration,
        length: Duration,
        records: &[u8],
        retired: Vec<u32>,
    ) -> Arc<Self> {
        Arc::new(Self {
            number,
            end,
            length,
            records: records.into(),
            retired: retired.into(),
        })
    }

    /// What it takes up in memory, the allocator's own share not counted.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.records.len() + size_of_val(&*self.retired)
    }

    /// Start of the interval.
    pub(super) const fn start(&self) -> Duration {
        self.end.saturating_sub(self.length)
    }

    /// Calls `f` with each series that the interval has something of, and with what. `scratch` is for its buckets.
    pub(super) fn each(&self, scratch: &mut Vec<(u32, u64)>, mut f: impl FnMut(u32, Record<'_>)) {
        let mut rest = &*self.records;
        // Written by us: it ends with a record's end.
        while let Some((series, record)) = read(&mut rest, scratch) {
            f(series, record);
        }
    }
}

/// What an interval has of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Record<'a> {
    /// By how much it grew, in recorded units.
    Counter(u64),
    /// Its level at the interval's end, in exposed units.
    Gauge(f64),
    /// What was recorded: buckets, ascending, and their counts.
    Histogram { buckets: &'a [(u32, u64)], sum: Sum },
}

/// What the samples of an interval add up to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sum {
    /// In recorded units.
    Recorded(u64),
    /// Of an exact histogram: in exposed units.
    Exact(f64),
}

/// Adds a record to `out`.
pub(super) fn write(out: &mut Vec<u8>, series: u32, record: Record<'_>) {
    let head = |kind| u64::from(series) << 2 | kind;
    match record {
        Record::Counter(more) => {
            encode_varint(head(COUNTER), out);
            encode_varint(more, out);
        }
        Record::Gauge(level) => {
            encode_varint(head(GAUGE), out);
            out.extend_from_slice(&level.to_le_bytes());
        }
        Record::Histogram { buckets, sum } => {
            let (kind, bits) = match sum {
                Sum::Recorded(sum) => (HISTOGRAM, sum),
                Sum::Exact(sum) => (EXACT, sum.to_bits()),
            };
            encode_varint(head(kind), out);
            encode_varint(buckets.len() as u64, out);
            let mut before = 0;
            for &(bucket, count) in buckets {
                encode_varint(u64::from(bucket.wrapping_sub(before)), out);
                encode_varint(count, out);
                before = bucket;
            }
            match kind {
                EXACT => out.extend_from_slice(&bits.to_le_bytes()),
                _ => encode_varint(bits, out),
            }
        }
    }
}

fn read<'a>(rest: &mut &[u8], scratch: &'a mut Vec<(u32, u64)>) -> Option<(u32, Record<'a>)> {
    if rest.is_empty() {
        return None;
    }
    let number = |rest: &mut &[u8]| decode_varint(rest).ok();
    let bits = |rest: &mut &[u8]| {
        let (eight, after) = rest.split_first_chunk::<8>()?;
        *rest = after;
        Some(u64::from_le_bytes(*eight))
    };
    let head = number(rest)?;
    let series = (head >> 2) as u32;
    let kind = head & 3;
    let record = match kind {
        COUNTER => Record::Counter(number(rest)?),
        GAUGE => Record::Gauge(f64::from_bits(bits(rest)?)),
        _ => {
            scratch.clear();
            let mut bucket = 0_u32;
            for _ in 0..number(rest)? {
                bucket = bucket.wrapping_add(number(rest)? as u32);
                scratch.push((bucket, number(rest)?));
            }
            let sum = match kind {
                EXACT => Sum::Exact(f64::from_bits(bits(rest)?)),
                _ => Sum::Recorded(number(rest)?),
            };
            Record::Histogram {
                buckets: scratch,
                sum,
            }
        }
    };
    Some((series, record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Kept {
        Counter(u64),
        Gauge(f64),
        Histogram(Vec<(u32, u64)>, Sum),
    }

    fn any_record() -> impl Strategy<Value = (u32, Kept)> {
        let scaled = || (any::<u64>(), 0_u32..64).prop_map(|(v, shift)| v >> shift);
        let buckets = prop::collection::btree_map(0_u32..5_000, scaled(), 0..40);
        let sum = prop_oneof![
            scaled().prop_map(Sum::Recorded),
            (-1e12_f64..1e12).prop_map(Sum::Exact)
        ];
        let kept = prop_oneof![
            scaled().prop_map(Kept::Counter),
            (-1e300_f64..1e300).prop_map(Kept::Gauge),
            (buckets, sum).prop_map(|(b, s)| Kept::Histogram(b.into_iter().collect(), s)),
        ];
        (any::<u32>(), kept)
    }

    fn record(kept: &Kept) -> Record<'_> {
        match kept {
            Kept::Counter(more) => Record::Counter(*more),
            Kept::Gauge(level) => Record::Gauge(*level),
            Kept::Histogram(buckets, sum) => Record::Histogram { buckets, sum: *sum },
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(8), ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read(records in prop::collection::vec(any_record(), 0..20)) {
            let mut out = Vec::new();
            records.iter().for_each(|(series, kept)| write(&mut out, *series, record(kept)));
            let frame = Frame::new(1, Duration::from_secs(2), Duration::from_secs(1), &out, vec![7]);
            let mut wanted = records.iter();
            frame.each(&mut Vec::new(), |series, got| {
                let (id, kept) = wanted.next().expect("no more than was written");
                assert_eq!((series, got), (*id, record(kept)));
            });
            prop_assert!(wanted.next().is_none());
            prop_assert!(frame.bytes() >= out.len() + 4);
        }
    }

    #[test]
    fn a_small_step_of_a_counter_takes_two_bytes() {
        let mut out = Vec::new();
        write(&mut out, 5, Record::Counter(100));
        assert_eq!(out.len(), 2);
    }
}
