//! Where the edges of exponential buckets cut a layout.
//!
//! Lives here: which bucket of a layout belongs to which exponential bucket, pure. Not here: counts.

use super::COARSEST;
use crate::histogram::Layout;

/// For each exponential bucket the buckets of a layout that it is made of: made once for a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::histogram) struct NativeCuts {
    schema: i8,
    /// The index of the first exponential bucket.
    first: i32,
    /// Ascending; those that are made of none are left out.
    runs: Box<[Run]>,
}

/// Buckets of a layout, side by side, that make up an exponential one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// How many leading buckets of the layout there are up to the last of these.
    pub(super) end: u32,
    /// How far their exponential bucket is behind the first.
    pub(super) bucket: u16,
}

impl NativeCuts {
    /// The exponential buckets of the values of `layout`, recorded in parts of the exposed unit of which `per_unit`
    /// make one. A schema outside -4 to 8 counts as the nearer end.
    ///
    /// - **Cost**: a few nanoseconds for each bucket of either kind: of exponential ones there are `2^schema` for each
    ///   power of two up to the layout's maximum.
    pub(in crate::histogram) fn new(layout: Layout, per_unit: f64, schema: i8) -> Self {
        let schema = schema.clamp(COARSEST, 8);
        // How many leading buckets of the layout lie below the upper edge of this one.
        let cut = |index: i32| layout.split(edge(index, schema) * per_unit);
        // The smallest value that is not 0 is 1; one bucket earlier, lest rounding be for the worse.
        let smallest = (-per_unit.log2() * f64::from(schema).exp2()).floor() as i32 - 1;
        let first = (smallest..)
            .find(|&index| cut(index) > 1)
            .unwrap_or(smallest);
        let len = layout.len();
        let mut runs: Vec<Run> = Vec::new();
        // At most 64 powers of two, each cut into at most 256.
        for (bucket, index) in (0..=u16::MAX).zip(first..) {
            let end = cut(index).min(len) as u32;
            if runs.last().is_none_or(|last| last.end < end) {
                runs.push(Run { end, bucket });
            }
            if end as usize == len {
                break;
            }
        }
        Self {
            schema,
            first,
            runs: runs.into(),
        }
    }

    pub(super) const fn schema(&self) -> i8 {
        self.schema
    }

    /// The index of an exponential bucket of which is known how far behind the first it is.
    pub(super) fn index(&self, bucket: u16) -> i32 {
        self.first + i32::from(bucket)
    }

    /// Exponential buckets from the first to the last.
    pub(super) fn len(&self) -> usize {
        self.runs
            .last()
            .map_or(0, |run| usize::from(run.bucket) + 1)
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }
}

/// The upper edge of an exponential bucket.
fn edge(index: i32, schema: i8) -> f64 {
    let Ok(shift) = u32::try_from(schema) else {
        return f64::from(index << schema.unsigned_abs()).exp2();
    };
    // The whole power apart: so that powers of two are exact.
    let (whole, part) = (index >> shift, index & ((1 << shift) - 1));
    (f64::from(part) / f64::from(1 << shift)).exp2() * f64::from(whole).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_those_of_the_standard() {
        for (index, schema, wanted) in [
            (0, 0, 1.0),
            (1, 0, 2.0),
            (-3, 0, 0.125),
            (8, 3, 2.0),
            (-8, 3, 0.5),
            // Of the table of Prometheus' client library, which has them from 0.5 up.
            (-7, 3, 0.5452538663326288),
            (-6, 3, 0.5946035575013605),
            (-5, 3, 0.6484197773255048),
            (-4, 3, 0.7071067811865475),
            (-3, 3, 0.7711054127039704),
            (-2, 3, 0.8408964152537144),
            (-1, 3, 0.9170040432046711),
            (1, -1, 4.0),
            (1, -4, 65_536.0),
            (-1, -4, 1.0 / 65_536.0),
        ] {
            let got = edge(index, schema);
            assert!(
                (got - wanted).abs() <= wanted * f64::EPSILON,
                "{index} {schema}: {got}"
            );
        }
    }
}
