//! Exemplars: one sample of a bucket, with what it was a sample of.
//!
//! Lives here: what an exemplar is. Not here: which samples are kept (`reporter`), how formats write them (the
//! exporter).

use std::sync::Arc;
use std::time::SystemTime;

/// A sample that stands for its bucket, with labels that say where it came from: which stream, say.
///
/// Cheap to clone: labels are shared.
///
/// - **Limit**: names and values of its labels have at most [`MAX_CHARS`](Self::MAX_CHARS) characters together, as
///   OpenMetrics 1.0 demands ("Exemplars"): labels that find no room are left out, the last ones first.
///
/// ```
/// use std::time::SystemTime;
/// use media_metrics_core::exemplar::Exemplar;
///
/// let e = Exemplar::new([("ssrc", "1234"), ("kind", "audio")], 0.0125, SystemTime::UNIX_EPOCH);
/// assert_eq!(e.labels().collect::<Vec<_>>(), [("ssrc", "1234"), ("kind", "audio")]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    labels: Arc<[(Box<str>, Box<str>)]>,
    value: f64,
    time: SystemTime,
}

impl Exemplar {
    /// Characters that names and values of an exemplar's labels may have together.
    pub const MAX_CHARS: usize = 128;

    /// A sample of `value`, in the exposed unit of its family, taken at `time`.
    #[must_use]
    pub fn new<N: Into<Box<str>>, V: Into<Box<str>>>(
        labels: impl IntoIterator<Item = (N, V)>,
        value: f64,
        time: SystemTime,
    ) -> Self {
        let mut room = Self::MAX_CHARS;
        let labels = labels.into_iter().map(|(n, v)| (n.into(), v.into()));
        let labels = labels.map_while(|label: (Box<str>, Box<str>)| {
            room = room.checked_sub(label.0.chars().count() + label.1.chars().count())?;
            Some(label)
        });
        Self {
            labels: labels.collect(),
            value,
            time,
        }
    }

    /// Another sample of the same origin; labels are shared.
    #[cfg(not(media_metrics_loom))]
    pub(crate) fn again(&self, value: f64, time: SystemTime) -> Self {
        let labels = Arc::clone(&self.labels);
        Self {
            labels,
            value,
            time,
        }
    }

    /// Names and values of its labels.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The sample, in the exposed unit of its family.
    #[must_use]
    pub const fn value(&self) -> f64 {
        self.value
    }

    /// Wall clock when it was recorded, or when the merge met it.
    #[must_use]
    pub const fn time(&self) -> SystemTime {
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_beyond_the_limit_are_left_out() {
        let value = "é".repeat(Exemplar::MAX_CHARS - 4); // characters, not bytes
        let labels = [("a", &*value), ("b", "xy"), ("c", "")];
        let e = Exemplar::new(labels, 1.0, SystemTime::UNIX_EPOCH);
        assert_eq!(e.labels().map(|l| l.0).collect::<Vec<_>>(), ["a", "b"]);
    }
}
