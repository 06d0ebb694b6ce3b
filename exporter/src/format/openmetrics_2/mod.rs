//! OpenMetrics 2.0, as of its release candidate.
//!
//! Lives here: the public encoder. `plan` is the fixed bytes between the numbers, `composite` a histogram's value. Not
//! here: who gets this format, which hosts must allow (`negotiate`).

mod composite;
mod plan;

use media_metrics_core::snapshot::Snapshot;

use self::composite::Scratch;
use self::plan::Lines;
use super::plans::Plans;
use super::{Escaping, Filter, Settings, names};

/// The `Content-Type` of a page.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=2.0.0; charset=utf-8";

/// How every page ends.
const END: &[u8] = b"# EOF\n";

/// Encodes snapshots as OpenMetrics 2.0, and remembers what doesn't change between them.
///
/// Experimental, as the standard is: this is `2.0.0-rc0`, and what comes out changes with it.
///
/// Names are as they are, in quotes where they need them. A histogram is one line: its count and sum, native buckets
/// (unless the family says [otherwise](media_metrics_core::Desc::classic_only)) of the family's schema, at most
/// [`MAX_NATIVE_BUCKETS`](crate::protobuf::MAX_NATIVE_BUCKETS), and classic ones. Counters and histograms tell when
/// they began (`st@`), never later than the snapshot; histograms have exemplars. A gauge whose name ends in `_info` and
/// whose values are all 1 is an `info`.
///
/// - **Cost**: as [`protobuf::Encoder`](crate::protobuf::Encoder)'s. No allocation once every series has been seen and
///   `page` is as large as the text.
/// - **Errors, panics**: none.
///
/// ```
/// use media_metrics_core::{desc::Desc, snapshot::Builder};
/// use media_metrics_exporter::openmetrics_2::Encoder;
///
/// let wait = Desc::histogram("wait_seconds", "Wait.", &[0.5, 1.0]).native(0).labels(&["q"]);
/// let snapshot = Builder::new().histogram(&wait, &[(&["a"], &[0, 1, 1, 3])]).build();
///
/// let mut page = Vec::new();
/// Encoder::new().encode(&snapshot, &mut page);
/// let text = String::from_utf8(page)?;
/// let lines: Vec<&str> = text.lines().collect();
/// assert_eq!(lines[..2], ["# TYPE wait_seconds histogram", "# HELP wait_seconds Wait."]);
/// let (sample, start) = lines[2].split_once(" st@").unwrap_or_default();
/// assert_eq!(
///     sample,
///     "wait_seconds{q=\"a\"} {count:4,sum:5,schema:0,zero_threshold:2.938735877055719e-39,zero_count:1,\
///      positive_spans:[0:3],positive_buckets:[2,0,1],bucket:[0.5:1,1.0:3,+Inf:4]}"
/// );
/// assert!(start.parse::<f64>().is_ok());
/// assert_eq!(lines[3..], ["# EOF"]);
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    settings: Settings,
    plans: Plans<Lines>,
    left_out: usize,
    scratch: Scratch,
}

impl Encoder {
    /// An encoder that has seen nothing yet, and shows every family.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Settings {
            names: Escaping::AllowUtf8,
            ..Settings::DEFAULT
        })
    }

    /// The same, but families whose name `shown` says no to are left out. It is asked once for each family, and
    /// again when series of it came or went.
    #[must_use]
    pub fn only(shown: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::with(Settings {
            shown: Filter::new(shown),
            ..Self::new().settings
        })
    }

    /// The same with names that not every reader knows written in this way; by default as they are.
    #[must_use]
    pub fn names(self, names: Escaping) -> Self {
        Self::with(Settings {
            names,
            ..self.settings
        })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self {
            settings,
            plans: Plans::new(),
            left_out: 0,
            scratch: Scratch::default(),
        }
    }

    /// How many families of the last snapshot were left out because their names, once escaped, are those of others'
    /// samples; see [`Desc::utf8_names`](media_metrics_core::Desc::utf8_names).
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.left_out
    }

    /// Writes the page of `snapshot` into `page`, in place of what was there; its capacity is kept.
    pub fn encode(&mut self, snapshot: &Snapshot, page: &mut Vec<u8>) {
        let (families, now) = (snapshot.families(), snapshot.time());
        let (settings, left_out) = (&self.settings, &mut self.left_out);
        self.plans.follow(
            families,
            now,
            |families| {
                let placed = names::placed(families, settings.names);
                *left_out = names::left_out(&placed);
                placed
            },
            |plan, &placed| plan.is_placed() == placed,
            |family, placed| Lines::new(family, placed, settings, now),
        );
        page.clear();
        page.reserve(self.plans.iter().map(Lines::max_bytes).sum::<usize>() + END.len());
        for (plan, family) in self.plans.iter().zip(families) {
            plan.write(family.values(), now, &mut self.scratch, page);
        }
        page.extend_from_slice(END);
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}
